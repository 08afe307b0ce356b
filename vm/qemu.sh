# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A QEMU that is newer than this Debian's, for guests that need one.  It comes from
# Debian's backports through apt, and is only unpacked: the machine's own stays as it is.

BACKPORTS=$BUILD_DIR/qemu

# apt_backports <command...>: a program of apt with the backports of the release that the
# machine's packages come from
apt_backports()
{
	apt_other "$BACKPORTS/apt" deb "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)-backports" "$@"
}

# qemu_is <program> <version>: whether it runs, and is that version or a later one
qemu_is()
{
	local version

	version=$("$1" --version 2> /dev/null | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')
	[ -n "$version" ] && dpkg --compare-versions "$version" ge "$2"
}

# fetch_qemu <program> <package>: into $BACKPORTS/usr/bin
fetch_qemu()
{
	rm -rf "$BACKPORTS"
	mkdir -p "$BACKPORTS/download"
	cd "$BACKPORTS/download" || return
	apt_backports apt-get update
	apt_backports apt-get download "$2"
	dpkg -x "$2"_*.deb "$BACKPORTS"
	"$BACKPORTS/usr/bin/$1" --version
}

# newer_qemu <program> <package> <version>: let NEWER_QEMU be one of at least this version, or
# nothing where there is none
newer_qemu()
{
	for NEWER_QEMU in "$1" "$BACKPORTS/usr/bin/$1"; do
		! qemu_is "$NEWER_QEMU" "$3" || return 0
	done
	step "$TARGET-qemu" "$TARGET: get a newer QEMU from Debian's backports" fetch_qemu "$1" "$2"
	qemu_is "$NEWER_QEMU" "$3" || NEWER_QEMU=''
}

OPENSBI=$BACKPORTS-opensbi

# newer_opensbi: let NEWER_OPENSBI be a firmware that lets the kernel switch shadow stacks on
# (from 1.7 or so on), or nothing where there is none
newer_opensbi()
{
	NEWER_OPENSBI=$OPENSBI/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin
	[ -e "$NEWER_OPENSBI" ] ||
		step "$TARGET-opensbi" "$TARGET: get a newer firmware from Debian's sid" \
			fetch_root "$OPENSBI" sid opensbi
	[ -e "$NEWER_OPENSBI" ] || NEWER_OPENSBI=''
}
