#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make shell": the kernel of "make run", with the samples, and a shell; TESTS=1 adds the
# selftests, and FILES= a directory of the user's.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/selftests.sh"
. "$VM/prog.sh"

arch=$(one_arch x86_64 "make shell")
tests=${TRAMPFD_TESTS:-0}
check_switch TESTS "$tests"
check_files

begin shell
if [ "$tests" = 1 ]; then
	say "The guest gets the kernel, busybox, the samples and the selftests; what has not changed is not built again."
else
	say "The guest gets the kernel, busybox and the samples; what has not changed is not built again." \
	    "TESTS=1 adds the selftests."
fi
need_packages "$arch"
need_sources "$arch"
make_tree
use_arch "$arch"
must "$TARGET-build-main" "build the main kernel" build_variant main
must "$TARGET-busybox" "build the guest's busybox" build_busybox
must "$TARGET-samples" "build the samples" build_samples
must "$TARGET-samples-guest" "pack them for the guest" pack_samples "${FILES[@]}"
parts=("$OUT/samples.cpio")
if [ "$tests" = 1 ]; then
	must "$TARGET-selftests" "build the selftests" build_selftests
	parts+=("$OUT/kselftest.cpio")
fi
cat "${parts[@]}" > "$OUT/shell.cpio"

say "\"exit\" ends the guest; Ctrl-A X ends it by force."
read -r rows cols < <(stty size 2> /dev/null || echo "24 80")
# QEMU has read its files by then, and another make may change them.
{ sleep 5; unlock_place; } > /dev/null 2>&1 &
# A day: the limit is for guests that nobody looks after.
boot main "$OUT/shell.cpio" shell 86400 "${SMP[@]}" kernel:quiet \
	kernel:TERM="${TERM:-linux}" kernel:LINES="$rows" kernel:COLUMNS="$cols"
