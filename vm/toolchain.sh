# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A cross compiler that is newer than this Debian's, for kernels that need one.  It comes from
# a later release of Debian through apt, and is only unpacked: the machine's own stays as it is.

TOOLCHAINS=$BUILD_DIR/toolchains

# takes_options <compiler> <options...>
takes_options() { "$@" -S -x c -o /dev/null /dev/null 2> /dev/null; }

# relocate <root>: let the programs there run with the C library that came with them, instead of
# the machine's, which may be too old for them
relocate()
{
	local root=$1 lib=$1/usr/lib/x86_64-linux-gnu loader f

	loader=$(readlink -e "$root/usr/lib64/ld-linux-x86-64.so.2")
	find "$root/usr" -type f \( -perm -u+x -o -name '*.so*' \) | while read -r f; do
		case $f in
		"$lib"/ld-*|"$lib"/libc.so*|"$lib"/libm.so*) continue ;;
		esac
		! patchelf --print-interpreter "$f" > /dev/null 2>&1 ||
			patchelf --set-interpreter "$loader" "$f"
		# What is no program or library of this machine is left as it is.
		patchelf --force-rpath --set-rpath "$lib" "$f" 2> /dev/null || :
	done
}

# fetch_gcc <suite> <version> <root>: Debian's cross compiler for the architecture in use
fetch_gcc()
{
	local root=$3

	fetch_root "$root" "$1" "gcc-$2-$TRIPLET"
	relocate "$root"
	ln -s "$TRIPLET-gcc-$2" "$root/usr/bin/$TRIPLET-gcc"
	"$root/usr/bin/$TRIPLET-gcc" --version
}

# newer_gcc <options...>: let NEWER_CROSS be the prefix of the first of Debian's cross compilers
# that takes these options, or nothing where none does
newer_gcc()
{
	local suite version root

	NEWER_CROSS=$CROSS
	! takes_options "${CROSS}gcc" "$@" || return 0
	while read -r suite version; do
		root=$TOOLCHAINS/$TRIPLET-$version
		NEWER_CROSS=$root/usr/bin/$TRIPLET-
		[ -x "${NEWER_CROSS}gcc" ] ||
			step "$TARGET-gcc-$version" "$TARGET: get GCC $version from Debian's $suite" \
				fetch_gcc "$suite" "$version" "$root"
		! takes_options "${NEWER_CROSS}gcc" "$@" || return 0
	done <<< "trixie 14
sid 15
sid 16"
	NEWER_CROSS=''
}
