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
	[ "$CHOSEN_KERNEL" = "$DEFAULT_KERNEL" ] && [ -z "$KDIR" ] ||
		die "$1 is for Linux $DEFAULT_KERNEL as Debian 13 has it, without KERNEL= and KDIR=."
	[ "$(uname -m)" = x86_64 ] || die "$1 needs a machine of x86_64, as it builds in a root of Debian's for that."
}

# build_in_root <what it is> [arguments...]: a part of packaging/build, on top of what all need
build_in_root()
{
	mkdir -p "$DEB" "$CCACHE_DIR"
	in_root --over "$ROOTS/build/files" --bind "$TOP" --bind "$BUILD_DIR" --bind "$CCACHE_DIR" -- \
		env CCACHE_DIR="$CCACHE_DIR" JOBS="$JOBS" "$TOP/packaging/build" "$@"
}

# of_user: what root has made belongs to who owns the clone
of_user() { as_root chown -R --reference="$TOP" "$BUILD_DIR"; }

build_needs()
{
	cached_layer build "$(cat "$TOP/packaging/prepare" "$TOP"/packaging/*/package.sh "$TOP/debian/control" |
		sha256sum)" "$TOP/packaging/prepare"
}

# stamp_of <files and directories...>: what a package is made of
stamp_of() { (cd "$TOP" && find "$@" -type f -exec sha256sum {} + | sort -k 2 | sha256sum); }

# deb_part <name> <what it does> <stamp> <arguments for packaging/build...>: built, unless it is
# there already and nothing has changed that it is made of
deb_part()
{
	local name=$1 what=$2 stamp=$3
	shift 3

	if [ "$stamp" = "$(cat "$DEB/.$name" 2> /dev/null)" ]; then
		result pass "$what"
		return
	fi
	rm -f "$DEB/.$name"
	step "deb-$name" "$what" build_in_root "$@"
	of_user
	case $STEP_RC in
	0)	result pass "$what"
		echo "$stamp" > "$DEB/.$name" ;;
	3)	result skip "$what" "Debian's source of it can't be had here: $(grep -m1 '^E: Failed to fetch' \
			"$STEP_LOG" | sed 's|.*/||' || :)" ;;
	*)	result fail "$what" "$(grep -m1 -E 'error|Error|\*\*\*' "$STEP_LOG" || :)" ;;
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
	local config=debian to=$DEB what="package Debian's kernel with trampfd (this takes hours)"

	make_tree
	if [ "$DEB_CONFIG" = guest ]; then
		must deb-config "configure the kernel for make system" kernel_config
		config=$WORK/system.config
		# Nobody should install it with the rest: it has no drivers but for QEMU.
		to=$DEB/guest
		what="package a kernel for make system"
	fi
	deb_part kernel "$what" "$( (echo "$DEB_CONFIG"; cat "$WORK/.source" "$config" 2> /dev/null
		stamp_of "${OVERLAY[@]}" "patches/$KERNEL" packaging/build) | sha256sum)" \
		kernel "$config" "$to" "$LINUX" "$BUILD_DIR/deb-kernel/$DEB_CONFIG"
}

# make_deb: all of it
make_deb()
{
	local name

	must deb-root "make a root of Debian 13" make_root
	must deb-needs "install what building needs, into a layer on top of it" build_needs
	deb_part trampfd "package libtrampfd and the tools" \
		"$(stamp_of debian tools man include "patches/6.12" packaging/build vm/apply.sh)" own "$DEB"
	for name in libffi python-cffi libseccomp; do
		deb_part "$name" "rebuild Debian's $name" "$( (cat "$DEB/.trampfd" 2> /dev/null || :
			stamp_of clients packaging) | sha256sum)" rebuild "$name" "$DEB"
	done
	make_kernel_deb
	step deb-lint "look at the packages with lintian" build_in_root lint "$DEB"
	built_result "lintian finds no error"
	step deb-install "install, upgrade and remove them in a clean root" \
		in_root --bind "$TOP" --bind "$BUILD_DIR" -- "$TOP/packaging/build" cycle "$DEB"
	built_result "install, upgrade and remove"
}

# built_result <name>: count the last step
built_result()
{
	if [ "$STEP_RC" -eq 0 ]; then
		result pass "$1"
	else
		result fail "$1" "$(grep -m1 -E '^E:|error' "$STEP_LOG" || :)"
	fi
}
