#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make shell": the kernel of "make run", with the samples and the selftests,
# and a shell.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/selftests.sh"

begin shell
use_arch "${TRAMPFD_ARCH:-x86_64}"
need_packages "$PORT"
make_tree
must "$TARGET-build-main" "build the main kernel" build_variant main
must "$TARGET-busybox" "build the guest's busybox" build_busybox
must "$TARGET-samples" "build the samples" build_samples
must "$TARGET-samples-guest" "pack them for the guest" pack_samples
must "$TARGET-selftests" "build the selftests" build_selftests

say "\"exit\" ends the guest; Ctrl-A X ends it by force."
read -r rows cols < <(stty size 2> /dev/null || echo "24 80")
cat "$OUT/samples.cpio" "$OUT/kselftest.cpio" > "$OUT/shell.cpio"
# A day: the limit is for guests that nobody looks after.
boot main "$OUT/shell.cpio" shell 86400 "${SMP[@]}" kernel:quiet \
	kernel:TERM="${TERM:-linux}" kernel:LINES="$rows" kernel:COLUMNS="$cols"
