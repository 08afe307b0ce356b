# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Debian's packages: those of this repository, those of Debian that are built anew with a patch,
# and the kernel.  All are built by packaging/build in the root of vm/chroot.sh.

DEB=$BUILD_DIR/deb
# guest: for "make system", in minutes.  debian: what Debian's own kernel has, in hours.
DEB_CONFIG=${TRAMPFD_CONFIG:-guest}

# check_deb <command>: what can be asked for
check_deb()
{
	[[ $DEB_CONFIG =~ ^(guest|debian)$ ]] || die "CONFIG=$DEB_CONFIG: it has to be guest or debian."
	[ "$(one_arch x86_64 "$1")" = x86_64 ] || die "$1 is for x86_64 alone."
	[ "$CHOSEN_KERNEL$KDIR" = "$DEFAULT_KERNEL" ] ||
		die "$1 is for Linux $DEFAULT_KERNEL as Debian 13 has it, without KERNEL= and KDIR=."
	[ "$(uname -m)" = x86_64 ] || die "$1 needs a machine of x86_64, as it builds in a root of Debian's for that."
}

# build_in_root <what it is> [arguments...]: a part of packaging/build, on top of what all need.
# What root compiles has a ccache of its own: the user's could not be written by the user then.
build_in_root()
{
	local ccache=$CACHE/ccache-root rc=0

	mkdir -p "$DEB" "$ccache"
	in_root --over "$ROOTS/build/files" --bind "$TOP" --bind "$BUILD_DIR" --bind "$ccache" -- \
		env CCACHE_DIR="$ccache" CCACHE_BASEDIR="$CCACHE_BASEDIR" JOBS="$JOBS" \
		"$TOP/packaging/build" "$@" || rc=$?
	# What root has made belongs to who called it.
	as_root chown -R "$(id -u):$(id -g)" "$BUILD_DIR"/deb*
	return "$rc"
}

build_needs()
{
	cached_layer build "$(stamp_of packaging/prepare packaging/common.sh packaging/*/package.sh debian/control)" \
		"$TOP/packaging/prepare"
}

# stamp_of <files and directories...>: what a package is made of
stamp_of() { (cd "$TOP" && find "$@" -type f -exec sha256sum {} + | sort -k 2 | sha256sum); }

# made <name>: whether all files of a part are there
made()
{
	[ -s "$DEB/.$1.files" ] && (cd "$DEB" && xargs -d '\n' ls -- < ".$1.files") > /dev/null 2>&1
}

# deb_part <name> <what it does> <stamp> <arguments for packaging/build...>: built, unless it is
# there already and nothing has changed that it is made of
deb_part()
{
	local name=$1 what=$2 stamp=$3
	shift 3

	if [ "$stamp" = "$(cat "$DEB/.$name" 2> /dev/null)" ] && made "$name"; then
		result pass "$what" "" "$LOG/deb-$name.log"
		return
	fi
	# What is left of an earlier one must not pass for this one.
	[ ! -e "$DEB/.$name.files" ] || (cd "$DEB" && xargs -d '\n' rm -f -- < ".$name.files")
	rm -f "$DEB/.$name" "$DEB/.$name.files"
	step "deb-$name" "$what" build_in_root "$@"
	case $STEP_RC in
	0)	result pass "$what"
		echo "$stamp" > "$DEB/.$name" ;;
	3)	say "         Left out: Debian's source of it can't be had here."
		result skip "$what" "Debian's source of it can't be had here: $(grep -m1 '^E: Failed to fetch' \
			"$STEP_LOG" | sed 's|.*/||' || :)" ;;
	*)	result fail "$what" "$(error_lines "$STEP_LOG" | head -n 1)" ;;
	esac
}

# kernel_config: the configuration of the kernel of "make system"
kernel_config()
{
	configure system
	cp "$OUT/system/.config" "$WORK/system.config"
}

make_kernel_deb()
{
	local config=debian to=$DEB name=kernel what="package Debian's kernel with trampfd (this takes hours)"

	make_tree
	if [ "$DEB_CONFIG" = guest ]; then
		must deb-config "configure the kernel for make system" kernel_config
		config=$WORK/system.config
		# Nobody should install it with the rest: it has no drivers but for QEMU.
		to=$DEB/guest
		name=guest-kernel
		what="package a kernel for make system"
	fi
	deb_part $name "$what" "$( (echo "$DEB_CONFIG"; cat "$WORK/.source" "$config" 2> /dev/null
		stamp_of "${OVERLAY[@]}" "patches/$KERNEL" packaging/build) | sha256sum)" \
		kernel "$config" "$DEB/.$name.files" "$to" "$LINUX" "$BUILD_DIR/deb-kernel/$DEB_CONFIG"
}

# make_deb: all of it
make_deb()
{
	local name

	mkdir -p "$DEB"
	must deb-root "make a root of Debian 13" make_root
	must deb-needs "install what building needs, into a layer on top of it" build_needs
	deb_part trampfd "package libtrampfd and the tools" \
		"$( (cat "$ROOTS/build.complete"; stamp_of debian tools man include "patches/$KERNEL" packaging \
			vm/apply.sh vm/applied.sh vm/patches.sh) | sha256sum)" own "$DEB"
	for name in libffi python-cffi libseccomp; do
		deb_part "$name" "rebuild Debian's $name" "$( (cat "$DEB/.trampfd" "$ROOTS/build.complete" 2> /dev/null || :
			stamp_of clients packaging) | sha256sum)" rebuild "$name" "$DEB"
	done
	make_kernel_deb
	step deb-lint "look at the packages with lintian" build_in_root lint "$DEB"
	built_result "lintian finds no error"
	step deb-cycle "install, upgrade and remove them in a clean root" build_cycle
	built_result "install, upgrade and remove"
}

build_cycle() { in_root --bind "$TOP" --bind "$BUILD_DIR" -- "$TOP/packaging/build" cycle "$DEB"; }

# built_result <name>: count the last step
built_result()
{
	if [ "$STEP_RC" -eq 0 ]; then
		result pass "$1"
	else
		result fail "$1" "$(error_lines "$STEP_LOG" | head -n 1)"
	fi
}
