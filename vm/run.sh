#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make run": boots a kernel with trampfd, runs the samples there, and prints
# what a call costs.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"

cd "$TOP"
RESULTS=$LOG/run.results
: > "$RESULTS"

# show <job> <boot arguments...>: boot, show what the job prints, count
show()
{
	local job=$1 log=build/log/$TARGET-$1.log start=$SECONDS
	shift

	printf '[%3d:%02d] boot and run: %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$job"
	boot main "$OUT/samples.cpio" "$job" 300 "$@" 2>&1 < /dev/null | tr -d '\r' |
		tee "$log" | sed -un '/^trampfd-guest: begin/,/^trampfd-guest: end/{
			/^trampfd-guest: fail/{s/^trampfd-guest: //p;d}
			/^trampfd-guest:/!p}' || :
	printf '\n[%3d:%02d] %s: %d s  (log: %s)\n' $((SECONDS / 60)) $((SECONDS % 60)) \
		"$job" $((SECONDS - start)) "$log"
	python3 "$VM/report.py" guest "$log" >> "$RESULTS"
}

use_arch "${TRAMPFD_ARCH:-x86_64}"
need_packages "$TARGET"
make_tree
must "$TARGET-build-main" "build the main kernel" build_variant main
must "$TARGET-busybox" "build the guest's busybox" build_busybox
must "$TARGET-samples" "build the samples" build_samples
must "$TARGET-samples-guest" "pack them for the guest" pack_samples
show demos "${SMP[@]}"
show cost "${ICOUNT[@]}" "${ICOUNT_TARGET[@]}"

exec python3 "$VM/report.py" total run "$RESULTS"
