#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make bench": what trampolines cost in instructions, made by trampfd and in
# every other way, as a table, as CSV, and as a chart.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/qemu.sh"
. "$VM/perf.sh"

arches=$(wanted_arches x86_64)
check_variant "${TRAMPFD_ON:-}" "$arches"
begin bench

# bench_arch: of the architecture that is in use
bench_arch()
{
	local variant

	variant=${TRAMPFD_ON:-$(bench_variant)}
	[ "$variant" != bench ] || make_bench_tree
	# The machine of such a kernel may be another one.
	! declare -F "qemu_of_$variant" > /dev/null || "qemu_of_$variant"
	# What is packed for the guest comes from its directory.
	[ "$variant" = main ] || [ -z "${TRAMPFD_ON:-}" ] ||
		must "$TARGET-build-main" "$TARGET: build the main kernel" build_variant main
	must "$TARGET-build-$variant" "$TARGET: build the $variant kernel" build_variant "$variant"
	must "$TARGET-busybox" "$TARGET: build the guest's busybox" build_busybox
	must "$TARGET-perf" "$TARGET: build perf" build_perf
	must "$TARGET-bench-guest" "$TARGET: pack it for the guest" pack_perf "$variant"

	bench_boot "$variant"
	show "${BENCH_BOOT[@]}"
	step "$TARGET-bench-again" "$TARGET: boot and run it again" bench_guest
	bench_counted bench-again >> "$RESULTS"
	{
		bench_same
		# The limits are of the kernel that is measured when nothing else is asked for.
		[ -n "${TRAMPFD_ON:-}" ] || bench_limits
	} | add_results "$TARGET bench" show
	[ -z "${TRAMPFD_ON:-}" ] || return 0
	must "$TARGET-bench-chart" "$TARGET: draw the chart" bench_chart
	say "" "$BUILD_NAME/bench/$TARGET.csv, .svg and .png have the figures, and a chart of them."
}

# shellcheck disable=SC2086
need_packages $arches
# shellcheck disable=SC2086
need_sources $arches
make_tree
for arch in $arches; do
	use_arch "$arch"
	if ported perf; then
		bench_arch
	else
		say "" "$arch is left out: the benchmark is not ported to it yet."
	fi
done
# shellcheck disable=SC2086
[ "${arches#* }" = "$arches" ] || bench_table $arches

exec python3 "$VM/report.py" total bench "$RESULTS"
