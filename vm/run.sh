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

arches=$(wanted_arches x86_64)

# run_samples: those of the architecture that is in use
run_samples()
{
	must "$TARGET-build-main" "$TARGET: build the main kernel" build_variant main
	must "$TARGET-busybox" "$TARGET: build the guest's busybox" build_busybox
	must "$TARGET-samples" "$TARGET: build the samples" build_samples
	must "$TARGET-samples-guest" "$TARGET: pack them for the guest" pack_samples
	show main "$OUT/samples.cpio" demos 300 "${SMP[@]}"
	show main "$OUT/samples.cpio" cost 300 "${ICOUNT[@]}" "${ICOUNT_TARGET[@]}"
}

begin run
# shellcheck disable=SC2086
need_packages $arches
# shellcheck disable=SC2086
need_sources $arches
make_tree
for arch in $arches; do
	use_arch "$arch"
	run_samples
done

exec python3 "$VM/report.py" total run "$RESULTS"
