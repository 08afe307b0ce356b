# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sources that come through apt: of kernels that the machine's release does not have, and of
# user-space programs that guests need and that Debian has no binary of for each architecture.
# The machine's own apt configuration stays as it is.

SOURCES=$BUILD_DIR/sources

# from_release <version>: whether that kernel's source is installed as a package of the
# machine's release, which vm/packages names
from_release() { grep -qx "all: linux-source-$1" "$VM/packages"; }

# fetched_kernel_source: the package that was fetched instead, beside the other caches
fetched_kernel_source()
{
	find "${CCACHE_DIR%/*}/sources" -name "${SOURCE_PACKAGE}_*.deb" 2> /dev/null | sort -V | tail -n 1
}

# kernel_source_version: Debian's version of the source of the kernel in use, or nothing
kernel_source_version()
{
	local deb

	if from_release "$KERNEL"; then
		dpkg-query -W -f '${Version}' "$SOURCE_PACKAGE"
	else
		deb=$(fetched_kernel_source)
		[ -z "$deb" ] || dpkg-deb -f "$deb" Version
	fi
}

# kernel_source: that source, a tar.xz, to standard output
kernel_source()
{
	if from_release "$KERNEL"; then
		cat "/usr/src/$SOURCE_PACKAGE.tar.xz"
	else
		dpkg-deb --fsys-tarfile "$(fetched_kernel_source)" |
			tar -x -O "./usr/src/$SOURCE_PACKAGE.tar.xz"
	fi
}

# fetch_kernel_source: from the backports of the machine's release, or of the one after it
fetch_kernel_source()
{
	local to=${CCACHE_DIR%/*}/sources suite apt

	mkdir -p "$to"
	for suite in "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)-backports" trixie-backports; do
		apt=(apt_other "$SOURCES/apt-$suite" deb "$suite")
		"${apt[@]}" apt-get update || continue
		[[ $("${apt[@]}" apt-cache policy "$SOURCE_PACKAGE") =~ Candidate:\ [0-9] ]] || continue
		(cd "$to" && "${apt[@]}" apt-get download "$SOURCE_PACKAGE") || continue
		return 0
	done
	echo "error: no place that apt knows has $SOURCE_PACKAGE.  Debian 13's backports have it; or give a" \
		"tree of your own with KDIR=."
	return 1
}

# debian_source <package> [suite]: its newest source, with Debian's patches, becomes
# $SOURCES/<package>; that of another of Debian's releases, $SOURCES/<package>-<suite>
debian_source()
{
	local to=$SOURCES/$1${2:+-$2} files dsc

	[ ! -e "$to/.complete" ] || return 0
	files=$(source_files "$1" "${2:-}")
	mkdir -p "$files"
	cd "$files" || return
	fetch_source "$1" "${2:-}" || return
	rm -rf "$to"
	dsc=$(find . -name "$1_*.dsc" -printf '%T@ %p\n' | sort -rn | sed -n '1s/[^ ]* //p')
	if [ -n "$dsc" ]; then
		dpkg-source --no-check -x "$dsc" "$to"
	else
		mkdir -p "$to"
		tar -C "$to" --strip-components=1 -xf "$1"_*.orig.tar.*
	fi
	# Not all come with a configure script: Debian 13's libffi does not.
	if [ -e "$to/configure.ac" ] && [ ! -e "$to/configure" ]; then
		(cd "$to" && autoreconf -fi)
	fi
	touch "$to/.complete"
}

# fetch_source <package> <suite or "">: its files, into the working directory.  Not every
# mirror has all files of each version, so an older one has to do, or one of another release
# without Debian's patches.
fetch_source()
{
	local apt=(apt_other "$SOURCES/apt${2:+-$2}" deb-src "$2") version

	! "${apt[@]}" apt-get source --download-only --only-source "$1" || return 0
	"${apt[@]}" apt-get update
	for version in $("${apt[@]}" apt-cache showsrc --only-source "$1" | sed -n 's/^Version: //p' | sort -rV); do
		rm -f "$1"_*
		! "${apt[@]}" apt-get source --download-only --only-source "$1=$version" || return 0
	done
	rm -f "$1"_*
	[ -n "$2" ] || return
	echo "No version of $1 is there whole: its newest upstream source has to do, without Debian's patches."
	"${apt[@]}" apt-get source --tar-only --only-source "$1"
}

# need_sources <arch...>: fetch what guests need of other sources, before anything is compiled:
# busybox, and libffi for the samples of other architectures
need_sources()
{
	local p packages=(busybox)

	[ "$*" = "$(uname -m)" ] || packages+=(libffi)
	for p in "${packages[@]}"; do
		[ ! -e "$SOURCES/$p/.complete" ] || continue
		step "source-$p" "get the source of $p from Debian" debian_source "$p"
		[ "$STEP_RC" -eq 0 ] ||
			die "The source of $p is missing, and could not be fetched." \
			    "$(why_apt_failed "$STEP_LOG")" "Whole log: ${STEP_LOG#"$TOP"/}"
	done
}

# source_files <package> [suite]: the directory of what was downloaded for it
source_files() { echo "$SOURCES/download${2:+-$2}"; }

# What nobody wants of busybox in a guest that has no network, no users, no disk and no
# keyboard: half of it, and it is built for each architecture.
BUSYBOX_WITHOUT="archival console-tools e2fsprogs klibc-utils libpwdgrp loginutils mailutils miscutils
	modutils networking printutils runit selinux sysklogd util-linux/volume_id"

# build_busybox: $COMMON/busybox/busybox.  Nothing in it depends on the clone's files but
# this one, so it is built once.
build_busybox()
{
	local o=$COMMON/busybox make=() stamp

	stamp=$(cat "$VM/sources.sh" <("${CROSS}gcc" --version) | sha256sum)
	[ "$(cat "$o/.stamp" 2> /dev/null)" != "$stamp" ] || return 0
	debian_source busybox
	rm -rf "$o"
	mkdir -p "$o"
	make=(make -C "$SOURCES/busybox" O="$o" CROSS_COMPILE="$CROSS")
	"${make[@]}" defconfig
	# shellcheck disable=SC2086
	(cd "$SOURCES/busybox" && find $BUSYBOX_WITHOUT -name '*.c' -exec \
		sed -n 's|^//config:config \(.*\)|s/^CONFIG_\1=y/# CONFIG_\1 is not set/|p' {} +) > "$o/without.sed"
	sed -i -f "$o/without.sed" -e 's/^# CONFIG_STATIC is not set/CONFIG_STATIC=y/' "$o/.config"
	(yes '' || :) | "${make[@]}" oldconfig
	"${make[@]}" CC="$VM/cc ${CROSS}gcc" HOSTCC="$VM/cc gcc" -j"$JOBS" busybox busybox.links
	echo "$stamp" > "$o/.stamp"
}

# build_libffi: a static one, in $COMMON/libffi
build_libffi()
{
	local o=$COMMON/libffi

	[ ! -e "$o/include/ffi.h" ] || return 0
	debian_source libffi
	rm -rf "$o" "$o.build"
	mkdir -p "$o.build"
	cd "$o.build" || return
	"$SOURCES/libffi/configure" --host="$TRIPLET" --prefix="$o" --libdir="$o/lib" \
		--includedir="$o/include" --disable-shared --disable-docs \
		--disable-multi-os-directory CC="$VM/cc ${CROSS}gcc"
	make -C "$o.build" -j"$JOBS" install
}
