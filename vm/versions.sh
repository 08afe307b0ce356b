# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The versions of Linux that trampfd is kept for, each with a directory in patches/, and
# which of them is in use.

DEFAULT_KERNEL=6.12
KERNELS=$(cd "$TOP/patches" && printf '%s\n' [0-9]* | sort -V | paste -sd' ')
# The one that the overlay is written for.
CURRENT_KERNEL=${KERNELS##* }

# version_of <tree>: VERSION.PATCHLEVEL of a source tree, or nothing
version_of()
{
	! [ -f "$1/Makefile" ] || ! [ -r "$1/Makefile" ] || sed -nE 's/^(VERSION|PATCHLEVEL) *= *//p' "$1/Makefile" | paste -sd.
}

# check_tree <tree>: that it is the source of a kernel, of whatever version
check_tree()
{
	if [ ! -d "$1/include/linux" ] || [ ! -d "$1/mm" ] || [ ! -d "$1/kernel" ] ||
	   ! [[ $(version_of "$1") =~ ^[0-9]+\.[0-9]+$ ]]; then
		die "KDIR=$1 is no Linux source tree."
	fi
}

# check_version <tree>
check_version()
{
	local version

	check_tree "$1"
	version=$(version_of "$1")
	[ -r "$TOP/patches/$version/series" ] ||
		die "$1 is Linux $version, for which there are no patches: there are for ${KERNELS// / and }." \
		    "\"make port-report KDIR=$1\" tells what would have to be looked at."
}

# use_kernel <version>: let the places be those of this kernel
use_kernel()
{
	KERNEL=$1
	[[ " $KERNELS " == *" $KERNEL "* && $KERNEL != *[[:space:]]* ]] ||
		die "KERNEL=$KERNEL is not known.  Known are: $KERNELS"
	SERIES=$TOP/patches/$KERNEL
	SOURCE_PACKAGE=linux-source-$KERNEL
	if [ -n "$KDIR" ]; then
		WORK=$BUILD_DIR/kdir-$(printf %s "$KDIR" | sha256sum | cut -c1-8)
	else
		WORK=$BUILD_DIR/$KERNEL
	fi
	PRISTINE=$WORK/linux-pristine	# the source as it came
	LINUX=$WORK/linux		# the same with the overlay and the patches
	LINUX_BENCH=$WORK/linux-bench	# and with those of bench/
}

# A user's own tree gets a work directory of its own, so that switching
# between trees does not build everything again.
if [ -n "$KDIR" ]; then
	check_path KDIR "$(realpath -m -- "$KDIR")"
	KDIR=$(readlink -e -- "$KDIR") || die "KDIR=$TRAMPFD_KDIR: there is no such directory."
	check_version "$KDIR"
	CHOSEN_KERNEL=$(version_of "$KDIR")
	[ "${TRAMPFD_KERNEL:-$CHOSEN_KERNEL}" = "$CHOSEN_KERNEL" ] ||
		die "KERNEL=$TRAMPFD_KERNEL, but $KDIR is Linux $CHOSEN_KERNEL."
else
	CHOSEN_KERNEL=${TRAMPFD_KERNEL:-$DEFAULT_KERNEL}
fi
use_kernel "$CHOSEN_KERNEL"
