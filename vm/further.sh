#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make further": the selftests in the kernels that "make check" has no time for, and
# one of them for longer.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/qemu.sh"
. "$VM/toolchain.sh"
. "$VM/selftests.sh"

begin further
arches=$(wanted_arches all)

# found <guest> <what it needs, or nothing> <why there may be none>: whether it is there; if
# not, the guest is skipped
found() { [ -n "$2" ] || ! result skip "$TARGET $1: the guest" "$3"; }

# further_guest <name> <variant> <limit in seconds> <patterns of programs, or all> [as for boot]
further_guest()
{
	local name=$1 variant=$2 limit=$3 ONLY=$4 initrd=$OUT/kselftest.cpio
	shift 4

	if declare -F "qemu_of_$variant" > /dev/null; then
		"qemu_of_$variant"
		found "$name" "${QEMU_OF[$variant]:-}" \
			"neither this Debian nor its backports have the QEMU that it needs" || return 0
	fi
	NEWER_CROSS=$CROSS
	if declare -F "cross_of_$variant" > /dev/null; then
		"cross_of_$variant"
		found "$name" "$NEWER_CROSS" "none of Debian's compilers can build its kernel" || return 0
	fi
	[ "$variant" = main ] ||
		CROSS=$NEWER_CROSS must "$TARGET-build-$variant" "$TARGET: build the $variant kernel" \
			build_variant "$variant"
	if [ "$variant" = selinux ]; then
		must "$TARGET-policy" "$TARGET: build the policy of the $name guest" build_policy
		initrd=$OUT/kselftest-selinux.cpio
	fi
	step "$TARGET-guest-$name" "$TARGET: boot the $name guest and run: trampfd" \
		boot "$variant" "$initrd" kselftest "$limit" "${SMP[@]}" \
		kernel:COLLECTIONS=trampfd kernel:ONLY="$ONLY" "$@"
	case $variant in
	notrampfd)	count_skipped "$name" ENOSYS ;;
	selinux)	count_guest "$name" trampfd libtrampfd guest ;;
	*)		count_guest "$name" trampfd guest ;;
	esac
}

# shellcheck disable=SC2086
need_packages $arches
# shellcheck disable=SC2086
need_sources $arches
make_tree
for arch in $arches; do
	use_arch "$arch"
	[ ${#FURTHER_GUESTS[@]} -gt 0 ] || continue
	must "$TARGET-build-main" "$TARGET: build the main kernel" build_variant main
	must "$TARGET-busybox" "$TARGET: build the guest's busybox" build_busybox
	must "$TARGET-selftests" "$TARGET: build the selftests" build_selftests
	for guest in "${FURTHER_GUESTS[@]}"; do
		read -rd '' -a words <<< "$guest" || :
		further_guest "${words[@]}"
	done
done

exec python3 "$VM/report.py" total further "$RESULTS"
