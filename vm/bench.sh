#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make bench": what trampolines cost in instructions, made by trampfd and in
# every other way, as a table, as CSV, and as a chart.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/perf.sh"

cd "$TOP"
RESULTS=$LOG/bench.results
: > "$RESULTS"

use_arch "${TRAMPFD_ARCH:-x86_64}"
need_packages "$TARGET"
make_tree
variant=$(bench_variant)
[ "$variant" = main ] || make_bench_tree
must "$TARGET-build-$variant" "build the $variant kernel" build_variant "$variant"
must "$TARGET-busybox" "build the guest's busybox" build_busybox
must "$TARGET-perf" "build perf" build_perf
must "$TARGET-bench-guest" "pack it for the guest" pack_perf "$variant"

bench_boot "$variant"
show "${BENCH_BOOT[@]}"
step "$TARGET-bench-again" "boot and run it again" bench_guest
bench_counted bench-again >> "$RESULTS"
bench_results | add_results "$TARGET bench" show
must "$TARGET-bench-chart" "draw the chart" bench_chart
say "" "build/bench/$TARGET.csv, .svg and .png have the figures, and a chart of them."

exec python3 "$VM/report.py" total bench "$RESULTS"
