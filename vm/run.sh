#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make run": boots a kernel with trampfd, runs the samples there, and prints
# what a call costs.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"

begin run

use_arch "${TRAMPFD_ARCH:-x86_64}"
need_packages "$PORT"
need_sources "$PORT"
make_tree
must "$TARGET-build-main" "build the main kernel" build_variant main
must "$TARGET-busybox" "build the guest's busybox" build_busybox
must "$TARGET-samples" "build the samples" build_samples
must "$TARGET-samples-guest" "pack them for the guest" pack_samples
show main "$OUT/samples.cpio" demos 300 "${SMP[@]}"
show main "$OUT/samples.cpio" cost 300 "${ICOUNT[@]}" "${ICOUNT_TARGET[@]}"

exec python3 "$VM/report.py" total run "$RESULTS"
