# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Configures and builds the kernels, each in $OUT/<variant>:
#
#	main		the feature
#	debug		the feature, in a kernel that looks for bugs
#	notrampfd	the patched source without CONFIG_TRAMPFD, and without
#			what only the tests need
#	unpatched	the source as it came
#	kcov		the feature, and which of its code is reached
#	others		main, with what vm/config/<arch>-<variant>.config says; bench has
#			patches to compare it with as well

# fragments <variant>: the configuration fragments, the later ones win.  What a version of
# the kernel has differently is in <fragment>-<version>.
fragments()
{
	local c=$VM/config t=$TOP/tools/testing/selftests/trampfd/config f

	for f in base "$PORT"; do
		echo "$c/$f.config"
		[ ! -e "$c/$f-$KERNEL.config" ] || echo "$c/$f-$KERNEL.config"
	done
	case $1 in
	main)		echo "$c/tests.config" "$c/trampfd.config" "$t" ;;
	debug)		echo "$c/tests.config" "$c/trampfd.config" "$t" "$c/debug.config" ;;
	unpatched)	grep -v TRAMPFD "$t" > "$OUT/unpatched.fragment"
			echo "$c/tests.config" "$OUT/unpatched.fragment" ;;
	notrampfd)	echo "$c/notrampfd.config" ;;
	*)		f=$c/$PORT-$1
			[ ! -e "$f-$KERNEL.config" ] || f=$f-$KERNEL
			echo "$c/tests.config" "$c/trampfd.config" "$t" "$f.config" ;;
	esac
	# What the tests ask for and this architecture does not have; they skip.
	[ ! -e "$c/$PORT-absent.config" ] || echo "$c/$PORT-absent.config"
}

# check_config <.config> <fragments...>: Kconfig drops silently what it can't have
check_config()
{
	local config=$1 name value bad=0
	shift

	while IFS='=' read -r name value; do
		case $value in
		n)	! grep -q "^$name=" "$config" ;;
		*)	grep -qxF "$name=$value" "$config" ;;
		esac || {
			say "asked for $name=$value, but: $(grep -w "$name" "$config" || echo "not there")"
			bad=1
		}
	done < <(cat "$@" | sed -nE 's/^# (CONFIG_\w+) is not set$/\1=n/p; /^CONFIG_\w+=/p' |
		 awk -F= '{ v[$1] = $0 } END { for (n in v) print v[n] }' | sort)
	[ $bad -eq 0 ] || say "A dependency is missing; see the option in 'make menuconfig', and vm/config/."
	return $bad
}

# configure <variant> [make arguments...]
configure()
{
	local variant=$1 o=$OUT/$1 stage=$WORK/stage files stamp
	shift

	[ "$variant" != bench ] || stage=$WORK/stage-bench

	read -ra files <<< "$(fragments "$variant" | tr '\n' ' ')"
	stamp=$(cat "${files[@]}" "$VM/kernel.sh" "$stage.list" "$WORK/.source" \
		<("${CROSS}gcc" --version) <(cd "$stage" && find . -name Kconfig -exec cat {} +) \
		2> /dev/null | sha256sum)
	if [ ! -r "$o/.config" ] || [ "$(cat "$o/.stamp" 2> /dev/null)" != "$stamp" ]; then
		mkdir -p "$o"
		# A tinyconfig of its own directory: .config keeps its time if it stays the same.
		rm -rf "$o.config"
		mkdir -p "$o.config"
		kmake "$o.config" "$@" tinyconfig
		(cd "$o.config" && "${KSRC:-$LINUX}/scripts/kconfig/merge_config.sh" -m .config "${files[@]}")
		kmake "$o.config" "$@" olddefconfig
		check_config "$o.config/.config" "${files[@]}"
		cmp -s "$o.config/.config" "$o/.config" || cp "$o.config/.config" "$o/.config"
		rm -rf "$o.config"
		echo "$stamp" > "$o/.stamp"
	fi
}

# kernel_mark <variant>: a file that tells that ccache has such a kernel's objects
kernel_mark() { echo "${CCACHE_DIR%/*}/kernels/$TARGET-$1"; }

# kernel_minutes <variant>: how long it takes to build on a slow machine, with guests beside it
kernel_minutes() { if [ -e "$(kernel_mark "$1")" ]; then echo 8; else echo 30; fi; }

# traced: what the kcov kernel tells of, as arguments for make: our files, and those that call
# them.  With all of the kernel, what is of interest drowns.
traced()
{
	(cd "$TOP/mm" && printf '%s\n' trampfd*.c) |
		sed 's/\.c$//' | cat - <(printf '%s\n' fork mmap vma mremap mprotect ucount fault) |
		sed 's/.*/KCOV_INSTRUMENT_&.o=y/'
}

build_variant()
{
	local variant=$1 KSRC=$LINUX args=()

	case $variant in
	unpatched)	KSRC=$PRISTINE ;;
	bench)		KSRC=$LINUX_BENCH ;;
	esac
	configure "$variant"
	[ "$variant" != kcov ] || mapfile -t args < <(traced)
	kmake "$OUT/$variant" "${args[@]}" "$(basename "$IMAGE")"
	mkdir -p "$(dirname "$(kernel_mark "$variant")")"
	touch "$(kernel_mark "$variant")"
	# All guests run programs built with these headers.
	[ "$variant" != main ] || kmake "$OUT/$variant" headers
}
