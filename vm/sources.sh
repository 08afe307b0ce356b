# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# User-space programs that guests need and that Debian has no binary of for
# each architecture: built from Debian's source packages, which come through
# apt.  The machine's own apt configuration stays as it is.

SOURCES=$TOP/build/sources

# apt_sources <command...>: apt-get with lists of its own, which name the source
# packages of the same places where the machine's packages come from
apt_sources()
{
	local a=$SOURCES/apt f

	if [ ! -d "$a/parts" ]; then
		rm -rf "$a"
		mkdir -p "$a/parts" "$a/lists/partial" "$a/cache/archives/partial"
		for f in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
			case $f in
			*.list)		sed -n 's/^deb[[:space:]]/deb-src /p' "$f" ;;
			*.sources)	sed 's/^Types:.*/Types: deb-src/' "$f" ;;
			esac > "$a/parts/${f##*/}" 2> /dev/null || :
		done
		find "$a/parts" -empty -delete
	fi
	apt-get -q -o APT::Sandbox::User=root -o Dir::State::Lists="$a/lists" \
		-o Dir::Cache="$a/cache" -o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$a/parts" "$@"
}

# debian_source <package>: its newest source, with Debian's patches, becomes
# $SOURCES/<package>
debian_source()
{
	local to=$SOURCES/$1 dsc

	[ ! -e "$to/.complete" ] || return 0
	mkdir -p "$SOURCES/download"
	cd "$SOURCES/download" || return
	apt_sources source --download-only --only-source "$1" || {
		apt_sources update
		apt_sources source --download-only --only-source "$1"
	}
	# shellcheck disable=SC2012
	dsc=$(ls -t "$1"_*.dsc | head -n 1)
	rm -rf "$to"
	dpkg-source --no-check -x "$dsc" "$to"
	# Not all come with a configure script: Debian 13's libffi does not.
	if [ -e "$to/configure.ac" ] && [ ! -e "$to/configure" ]; then
		(cd "$to" && autoreconf -fi)
	fi
	touch "$to/.complete"
}

# What nobody wants of busybox in a guest that has no network, no users, no disk and no
# keyboard: half of it, and it is built for each architecture.
BUSYBOX_WITHOUT="archival console-tools e2fsprogs klibc-utils libpwdgrp loginutils mailutils miscutils
	modutils networking printutils runit selinux sysklogd util-linux/volume_id"

# build_busybox: $OUT/busybox/busybox.  Nothing in it depends on the clone's files but
# this one, so it is built once.
build_busybox()
{
	local o=$OUT/busybox make=() stamp

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

# build_libffi: a static one, in $OUT/libffi
build_libffi()
{
	local o=$OUT/libffi

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
