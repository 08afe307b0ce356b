#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make system": Debian 13 with systemd in QEMU, with services that need trampolines; their
# protection is on.  Each runs with Debian's packages, and with those of "make deb".

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/chroot.sh"
. "$VM/debian.sh"

SYSTEM=$BUILD_DIR/system

# make_system: a disk with Debian's packages only, once
make_system()
{
	local stamp

	stamp=$(cat "$TOP/system/root" "$TOP/packaging/common.sh" | sha256sum)
	cached_layer system "$stamp" "$TOP/system/root"
	[ "$(cat "$ROOTS/system.ext4.stamp" 2> /dev/null)" != "$stamp" ] || return 0
	rm -f "$ROOTS/system.ext4.stamp"
	# Without what is mounted in the root.
	in_root --over "$ROOTS/system/files" --bind "$ROOTS" -- sh -c "mkdir /build/root &&
		mount --bind / /build/root && rm -f '$ROOTS/system.ext4' &&
		mke2fs -q -t ext4 -d /build/root '$ROOTS/system.ext4' 2G"
	as_root chown "$(id -u):$(id -g)" "$ROOTS/system.ext4"
	echo "$stamp" > "$ROOTS/system.ext4.stamp"
}

# make_tests: the disk with the packages, the units and the programs
make_tests()
{
	rm -rf "$SYSTEM/tests" "$SYSTEM/tests.ext4"
	mkdir -p "$SYSTEM/tests/debs"
	cp -R "$TOP"/system/{units,sets,services,expected,run} "$SYSTEM/tests/"
	mkdir -p "$SYSTEM/tests/source"
	cp -R "$TOP/debian" "$SYSTEM/tests/source/"
	find "$DEB" -name '*.deb' -not -name 'linux-*' -exec cp {} "$SYSTEM/tests/debs/" \;
	rm -rf "$DEB-programs"
	mkdir -p "$DEB-programs"
	build_in_root programs "$DEB-programs"
	cp -R "$DEB-programs" "$SYSTEM/tests/programs"
	# A user does not have it in his PATH.
	PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -d "$SYSTEM/tests" "$SYSTEM/tests.ext4" 64M
}

# unpack_kernel: of the package, as QEMU wants it
unpack_kernel()
{
	rm -rf "$SYSTEM/kernel"
	mkdir -p "$SYSTEM/kernel"
	dpkg-deb -x "$(find "$DEB/guest" -name 'linux-image-*-trampfd_*.deb' | sort | tail -n 1)" "$SYSTEM/kernel"
	cp "$SYSTEM"/kernel/boot/vmlinuz-* "$SYSTEM/vmlinuz"
}

# boot_system <target of systemd> <limit in seconds> <QEMU's arguments...>: what is written to the
# disks is thrown away
boot_system()
{
	local target=$1 limit=$2
	shift 2

	timeout --foreground -s KILL "$limit" "${QEMU[@]}" -nodefaults -no-user-config -display none \
		-no-reboot -m 2G -accel tcg,thread=multi -smp "$CPUS" -snapshot \
		-drive "file=$ROOTS/system.ext4,format=raw,if=virtio" \
		-drive "file=$SYSTEM/tests.ext4,format=raw,if=virtio" -device virtio-rng-pci \
		"${QEMU_CONSOLE[@]}" -kernel "$SYSTEM/vmlinuz" "$@" \
		-append "console=$CONSOLE $CMDLINE root=/dev/vda rw panic=-1 quiet mitigations=off systemd.unit=$target systemd.show_status=no"
}

run_system()
{
	boot_system trampfd-test.target 3000 -chardev stdio,id=console 2>&1 < /dev/null | stdbuf -oL tr -d '\r' |
		tee "$LOG/system.log" | sed -un '/^trampfd-guest: begin/,/^trampfd-guest: end/{
			/^trampfd-guest: fail/{s/^trampfd-guest: //p;d}; /^trampfd-guest:/!p}' || :
}

shell=${TRAMPFD_SHELL:-0}
check_switch SHELL "$shell"

check_deb "make system"
[ "$DEB_CONFIG" = guest ] || die "make system has a kernel of its own; CONFIG= is for make deb."
# Before there is a lock that what it starts could inherit.
need_root "make system"
begin system
lock_roots
use_arch x86_64
need_packages x86_64
make_deb
must system-root "make the system, of Debian's packages" make_system
must system-tests "pack the packages, units and programs for it" make_tests
must system-kernel "take the kernel out of its package" unpack_kernel
if [ "$shell" = 1 ]; then
	say "The packages are in /trampfd/debs; apt install ./*.deb installs them.  \"poweroff\" ends the" \
		"guest; Ctrl-A X ends it by force.  Nothing that is written is kept."
	! grep -q '^fail' "$RESULTS" || python3 "$VM/report.py" total system "$RESULTS" || :
	# QEMU has opened its files by then, and another make may change them.
	{ sleep 5; unlock_place; flock -u "$ROOTS_LOCK"; } > /dev/null 2>&1 &
	boot_system multi-user.target 86400 -chardev stdio,id=console,mux=on,signal=off -mon console
	exit
fi
say "" "Debian 13 boots; this takes a few minutes, and its whole console is in $LOG_NAME/system.log."
STEP_LOG=$LOG/system.log
run_system
python3 "$VM/report.py" guest "$LOG/system.log" >> "$RESULTS"
exec python3 "$VM/report.py" total system "$RESULTS"
