# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Builds perf, and runs its trampoline benchmarks in guests that count
# instructions.

# build_perf: $OUT/perf/perf, static, and without the libraries that would have to
# be there for each architecture
build_perf()
{
	local o=$OUT/perf stamp without=()
	local libraries=(LIBELF LIBTRACEEVENT LIBPYTHON LIBPERL SLANG LIBNUMA LIBAUDIT LIBBPF
		LIBCRYPTO LIBUNWIND ZLIB LZMA LIBZSTD LIBCAP LIBPFM4 JEVENTS DEMANGLE SDT AUXTRACE SHELLCHECK)

	# perf's own make looks for libraries for a while before it finds nothing to do.
	stamp=$( (cd "$WORK/stage" && find tools include -type f -exec sha256sum {} + | sort -k 2) |
		cat - "$WORK/.source" "$VM/perf.sh" <("${CROSS}gcc" --version) | sha256sum)
	[ -z "$KDIR" ] || stamp=
	[ -z "$stamp" ] || [ "$stamp" != "$(cat "$o/.stamp" 2> /dev/null)" ] || return 0

	without=("${libraries[@]/%/=1}")
	mkdir -p "$o"
	make -C "$LINUX/tools/perf" O="$o" ARCH="$KARCH" CROSS_COMPILE="$CROSS" \
		CC="$VM/cc ${CROSS}gcc" HOSTCC="$VM/cc gcc" LDFLAGS=-static \
		"${without[@]/#/NO_}" NO_RUST=1 BUILD_BPF_SKEL=0 -j"$JOBS" perf
	"${CROSS}strip" -o "$o/perf.guest" "$o/perf"
	echo "$stamp" > "$o/.stamp"
}

# bench_variant: the kernel to measure on
bench_variant()
{
	if [ -n "$(bench_patch_list)" ]; then echo "$BENCH_VARIANT"; else echo main; fi
}

# build_bench_kernel <variant>: that kernel, after main; STEP_RC tells how it went
build_bench_kernel()
{
	# shellcheck disable=SC2034
	STEP_RC=0
	[ "$1" != main ] || return 0
	make_bench_tree
	built "$TARGET-build-$1" "build the $1 kernel" build_variant "$1"
}

# pack_perf <variant>: the initial file system with it
pack_perf()
{
	rm -rf "$OUT/bench.guest"
	mkdir -p "$OUT/bench.guest"
	cp "$OUT/perf/perf.guest" "$OUT/bench.guest/perf"
	initramfs "$1" "$OUT/bench.cpio" "$OUT/bench.guest=/perf"
}

# What boot() and show() need to run it.
bench_boot() { BENCH_BOOT=("$1" "$OUT/bench.cpio" bench 1200 "${ICOUNT[@]}" "${ICOUNT_TARGET[@]}"); }

bench_guest() { boot "${BENCH_BOOT[@]}" | tr -d '\r'; }

# bench_counted <log>: what such a guest tells about itself
bench_counted() { python3 "$VM/report.py" guest "$LOG_NAME/$TARGET-$1.log"; }

# bench_csv <log>: the results that a guest has printed
bench_csv() { sed -n 's/^csv: //p' "$1"; }

# bench_same: whether both boots have given the same figures, as lines for counting
bench_same()
{
	bench_csv "$LOG_NAME/$TARGET-bench.log" > "$OUT/bench.csv"
	bench_csv "$LOG_NAME/$TARGET-bench-again.log" > "$OUT/bench-again.csv"
	python3 "$VM/bench_check.py" same "$OUT/bench.csv" "$OUT/bench-again.csv"
}

# bench_limits: build/bench/<arch>.csv, and whether the costs in it keep their limits, as
# lines for counting
bench_limits()
{
	local to=$BUILD_NAME/bench/$TARGET.csv

	mkdir -p "$BUILD_NAME/bench"
	bench_csv "$LOG_NAME/$TARGET-bench.log" > "$to"
	python3 "$VM/bench_check.py" limits "$TARGET" "$to"
}

# measured_with: kernel, compiler and commit of the last benchmark
measured_with()
{
	sed -nE "s/.*\] (Linux version [^ ]+) .*\((.*gcc.*), .*/\1, \2, trampfd $(commit_name)/p" \
		"$LOG/$TARGET-bench.log" | head -n 1
}

# bench_chart: build/bench/<arch>.svg and .png
bench_chart()
{
	local name=$BUILD_NAME/bench/$TARGET

	python3 "$VM/bench_chart.py" "$name.csv" > "$OUT/bench.dat"
	gnuplot -c "$VM/bench.gnuplot" "$OUT/bench.dat" "$name" "${TARGET//_/-}" "$(measured_with)"
	[ -s "$name.svg" ] && [ -s "$name.png" ]
}

# bench_table <arch...>: one call on each of them, as far as it was measured
bench_table()
{
	say "" "Instructions of one call:"
	python3 "$VM/bench_table.py" "${@/#/build/bench/}"
}
