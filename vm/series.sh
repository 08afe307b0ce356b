#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make series": writes series of patches for the mailing list to build/series/, applies
# them, and asks checkpatch.  BUILD=1 also builds each step for x86-64, with and without
# the feature; BUILD='code/*' builds only the steps of that series.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/static.sh"

# What is compiled of each step, beside what it touches.
STEP_TARGETS=(mm/ arch/x86/mm/ arch/x86/entry/ kernel/fork.o kernel/ucount.o kernel/sys_ni.o)
# x86's port comes after what needs one to be compiled at all, so with the feature steps before
# it are built with these files of the port.
PORT_STEP=main/x86
PORT_FILES=(arch/x86/Kconfig arch/x86/mm/Makefile arch/x86/mm/trampfd.c arch/x86/include/asm/trampfd.h)
# Linked is the first kernel that has trampolines.  The last one is what "make run" boots.

repo() { git -C "$SERIES_REPO" "$@"; }

# put <tag> <files...>: the files as a step has them
put()
{
	local f

	for f in "${@:2}"; do
		if repo cat-file -e "$1:$f" 2> /dev/null; then
			mkdir -p "$(dirname "$STEP_TREE/$f")"
			repo show "$1:$f" > "$STEP_TREE/$f.new"
			# A file that stays the same keeps its time.
			if cmp -s "$STEP_TREE/$f.new" "$STEP_TREE/$f"; then
				rm "$STEP_TREE/$f.new"
			else
				mv "$STEP_TREE/$f.new" "$STEP_TREE/$f"
			fi
		else
			rm -f "$STEP_TREE/$f"
		fi
	done
}

# changed_in <tag>: the files that a step changes
changed_in() { repo diff-tree --no-commit-id --name-only -r "$1"; }

# in_kernel: those of standard input that the kernel for x86-64 is built of
in_kernel() { grep -E '^(arch/x86|fs|include|kernel|mm|scripts)/' || :; }

# build_step <tag> with|without: the objects of a step, without a warning
build_step()
{
	local o=$OUT/series-$2 targets=("${STEP_TARGETS[@]}") log rc=0 edit=''

	[ "$2" = with ] || edit='s/^CONFIG_TRAMPFD=y/# CONFIG_TRAMPFD is not set/'
	mkdir -p "$o"
	sed "$edit" "$OUT/main/.config" > "$o/.config.new"
	cmp -s "$o/.config.new" "$o/.config" || mv "$o/.config.new" "$o/.config"
	kmake "$o" olddefconfig
	if [ "$2" = with ]; then
		grep -x CONFIG_TRAMPFD=y "$o/.config"
	else
		! grep -x CONFIG_TRAMPFD=y "$o/.config" || return 1
	fi
	[ "$1 $2" != "$PORT_STEP with" ] || targets+=(vmlinux)
	log=$o/step.log
	kmake "$o" "${targets[@]}" > "$log" 2>&1 || rc=$?
	cat "$log"
	! grep -E 'warning:' "$log" || return 1
	return $rc
}

# build_steps: each step that changes something of the kernel
build_steps()
{
	local KSRC=$WORK/linux-series tag port=no files any=no
	STEP_TREE=$KSRC

	# What configures the steps.
	KSRC=$LINUX configure main
	mkdir -p "$STEP_TREE"
	rsync -a --delete --exclude-from="$WORK/stage.list" "$PRISTINE/" "$STEP_TREE/"
	mapfile -t files < <(sed 's|^/||' "$WORK/stage.list")
	put clean "${files[@]}"

	while read -r tag; do
		mapfile -t files < <(changed_in "$tag")
		put "$tag" "${files[@]}"
		[ "$tag" != $PORT_STEP ] || port=yes
		# shellcheck disable=SC2053
		[ "$TRAMPFD_BUILD" = 1 ] || [[ $tag = $TRAMPFD_BUILD ]] || continue
		any=yes
		[ -n "$(printf '%s\n' "${files[@]}" | in_kernel)" ] || continue
		built "series-${tag//\//-}-without" "build $tag without CONFIG_TRAMPFD" build_step "$tag" without
		# Before there is the option, that is all.
		[ -n "$(repo grep -l 'config HAVE_ARCH_TRAMPFD' "$tag" -- mm/Kconfig)" ] || continue
		if [ $port = no ]; then
			if repo cat-file -e "$tag:include/linux/trampfd.h" 2> /dev/null; then
				put $PORT_STEP "${PORT_FILES[@]}"
			else
				put $PORT_STEP arch/x86/Kconfig
			fi
		fi
		built "series-${tag//\//-}-with" "build $tag with CONFIG_TRAMPFD" build_step "$tag" with
		[ $port = yes ] || put "$tag" "${PORT_FILES[@]}"
	done < <(python3 "$VM/series.py" steps "$SERIES_OUT" | cut -f1)
	[ $any = yes ] || result fail "BUILD=$TRAMPFD_BUILD" "no step of the series has such a name"
}

# check_series_style: each patch by itself
check_series_style()
{
	local all users kernel

	mapfile -t all < <(cd "$SERIES_OUT" && find . -name '[0-9]*.patch' ! -name '0000-*' -printf '%P\n' | sort)
	mapfile -t kernel < <(cd "$SERIES_OUT" &&
		grep -lE '^\+\+\+ b/(arch|fs|include|kernel|mm|Documentation|MAINTAINERS)' "${all[@]}")
	mapfile -t users < <(printf '%s\n' "${all[@]}" | grep -vxFf <(printf '%s\n' "${kernel[@]}"))
	check_style_of "" "$SERIES_OUT/" "$NOT_FOR_USERS" "" "${users[@]}"
	check_style_of "" "$SERIES_OUT/" "" "" "${kernel[@]}"
}

# write_cc: whom MAINTAINERS names for each series, in a file "cc" beside its patches, for
# git send-email --cc-cmd='cat .../cc #'
write_cc()
{
	local name dir patches

	while read -r name; do
		dir=$SERIES_OUT/$name
		[ -d "$dir" ] || dir=$SERIES_OUT
		mapfile -t patches < <(find "$dir" -maxdepth 1 -name '[0-9]*.patch' ! -name '0000-*')
		(cd "$LINUX" && perl scripts/get_maintainer.pl --nogit --nogit-fallback --norolestats \
			--nokeywords "${patches[@]}") > "$dir/cc"
	done < "$SERIES_OUT/order"
}

[ "${TRAMPFD_KERNEL:-$CURRENT_KERNEL}$KDIR" = "$CURRENT_KERNEL" ] ||
	die "The series is for Linux $CURRENT_KERNEL alone, for which the files are written."
begin series
use_arch "x86_64-$CURRENT_KERNEL"
need_packages x86_64
make_tree
built series "write the series" make_series
[ $STEP_RC -eq 0 ] || { cat "$STEP_LOG"; exit 1; }
expand -t 36,46 "$STEP_LOG"
built series-cc "find out whom to send it to" write_cc
built series-sum "apply it, and compare" series_adds_up
built series-style "checkpatch" check_series_style
[ -z "${TRAMPFD_BUILD:-}" ] || build_steps

say "" "The series is in ${SERIES_OUT#"$TOP"/}/, with those that follow it in directories, in this order:" \
	"    $(paste -sd' ' "$SERIES_OUT/order")" \
	"Each directory has a file cc, with whom MAINTAINERS names for its patches."
exec python3 "$VM/report.py" total series "$RESULTS"
