#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make fuzz": random operations on trampolines, in guests with all kernels that an
# architecture has for it, for HOURS.  What was done adds up over all runs in a file
# outside the clone.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/selftests.sh"
. "$VM/mutants.sh"

HOURS=${TRAMPFD_HOURS:-1}
[[ $HOURS =~ ^[0-9]{1,4}(\.[0-9]{1,3})?$ ]] ||
	die "HOURS=$HOURS is not a number of hours, such as 8 or 0.5."
check_switch MUTANTS "${TRAMPFD_MUTANTS:-}"
arch=$(one_arch x86_64 "make fuzz")

# What can't be done is refused before anything is made.
FUZZ_KERNELS=(main)
# shellcheck source=vm/arch/x86_64.sh
. "$VM/arch/$arch.sh"
read -ra variants <<< "${TRAMPFD_ON:-${FUZZ_KERNELS[*]}}"
for variant in "${variants[@]}"; do
	[[ " ${FUZZ_KERNELS[*]} " == *" $variant "* ]] ||
		die "ON=$variant: $arch has no such kernel to fuzz.  It has: ${FUZZ_KERNELS[*]}"
done
[ "${TRAMPFD_MUTANTS:-0}" = 0 ] || find_mutants "$arch"

# What a guest of one kernel gets at a time, in seconds.
SLICE=600
FUZZ=$CACHE/fuzz
RUNS=$FUZZ/runs.tsv
CORPUS=$FUZZ/corpus

# Seeds that a run may use up: more than it has rounds, for each of its fuzzers.
SEEDS=10000000

# next_seed <variant>: seeds that no earlier run of this kernel has had
next_seed()
{
	awk -F'\t' -v target="$TARGET" -v variant="$1" -v seeds=$SEEDS '
		$3 == target && $4 == variant && $6 >= seed { seed = $6 }
		END { printf "%d\n", (int(seed / seeds) + 1) * seeds }' "$RUNS"
}

# note_runs <variant> <seed> <log>: add what its fuzzers have done to the file, as date, commit,
# target, kernel, fuzzer, seed, operations, calls, refused, forks, reports, seconds
note_runs()
{
	sed -nE 's/.*# fuzz: (model|storm): ([0-9]+) operations, ([0-9]+) calls, ([0-9]+) refused, ([0-9]+) forks, ([0-9]+) reports, ([0-9]+) s.*/\1\t\2\t\3\t\4\t\5\t\6\t\7/p' "$3" |
		awk -F'\t' -v OFS='\t' -v date="$(date -u +%Y-%m-%dT%H:%M)" -v commit="$(commit_name)" \
			-v target="$TARGET" -v variant="$1" -v seed="$2" \
			'{ print date, commit, target, variant, $1, seed, $2, $3, $4, $5, $6, $7 }' \
			>> "$RUNS"
}

# pack_fuzzers: the initial file system with them, and with what was found to reach much
pack_fuzzers()
{
	local to=$OUT/fuzz.guest

	rm -rf "$to"
	mkdir -p "$to" "$CORPUS"
	cp "$OUT"/kselftest/trampfd/fuzz_* "$to/"
	initramfs main "$OUT/fuzz.cpio" "$to=/fuzz" "$CORPUS=/corpus"
}

# keep_corpus <log>: what a guided run has kept takes the place of what it began with, if it
# came to its end; otherwise it is added
keep_corpus()
{
	local new=$CORPUS.new hex name

	rm -rf "$new"
	mkdir -p "$new"
	sed -nE 's/.*# fuzz: input ([0-9a-f]+)\r?$/\1/p' "$1" | sort -u | while read -r hex; do
		# In the order of their sizes, so that the shorter ones are tried first.
		name=$(printf '%05d-%s' $((${#hex} / 2)) "$(sha256sum <<< "$hex" | cut -c1-16)")
		perl -ne 'chomp; print pack "H*", $_' <<< "$hex" > "$new/$name"
	done
	if ! grep -q 'trampfd-guest: end 0' "$1"; then
		cp -n "$CORPUS"/* "$new/" 2> /dev/null || :
	fi
	[ -n "$(ls -A "$new")" ] || return 0
	rm -rf "$CORPUS"
	mv "$new" "$CORPUS"
}

# reached <log>: which lines of our files no guided run has reached
reached()
{
	local built=$OUT/kcov/vmlinux places

	places=$FUZZ/reached-$(sha256sum < "$built" | cut -c1-16)
	sed -nE 's/.*# fuzz: reached (0x[0-9a-f]+)\r?$/\1/p' "$1" | sort -u - \
		<(cat "$places" 2> /dev/null) > "$places.new"
	mv "$places.new" "$places"
	python3 "$VM/fuzz_lines.py" "$built" "$CROSS" "$LINUX" "$places" > "$BUILD_DIR/fuzz-lines.txt"
	head -n 1 "$BUILD_DIR/fuzz-lines.txt"
	say "         The lines that were not reached: $BUILD_NAME/fuzz-lines.txt"
}

# fuzz_slice <variant> <seconds>
fuzz_slice()
{
	local variant=$1 seconds=$2 seed log=$LOG_NAME/$TARGET-fuzz-$1.log args=()

	seed=$(next_seed "$variant")
	[ "$variant" != kcov ] || args=(kernel:FUZZ_GUIDED=1 kernel:nokaslr)
	# Every other time with allocations that fail.
	case $variant in
	debug|kcov)	[ $((seed / SEEDS % 2)) -eq 0 ] || args+=(kernel:FUZZ_INJECT=1) ;;
	esac
	step "$TARGET-fuzz-$variant" "$TARGET: $variant kernel, seed $seed, for $seconds s" \
		boot "$variant" "$OUT/fuzz.cpio" fuzz $((seconds * 2 + 900)) "${SMP[@]}" \
		kernel:FUZZ_SEED="$seed" kernel:FUZZ_SECONDS="$seconds" "${args[@]}"
	note_runs "$variant" "$seed" "$log"
	python3 "$VM/report.py" guest "$log" | add_results "$TARGET $variant, seed $seed"
	[ "$variant" = kcov ] || return 0
	keep_corpus "$log"
	reached "$log"
	pack_fuzzers
}

# show_runs: what all runs together have done
show_runs()
{
	awk -F'\t' -v target="$TARGET" '
		$3 == target {
			k = sprintf("%-8s %-6s", $4, $5)
			n[k] += $7; calls[k] += $8; reports[k] += $11; s[k] += $12
			all += $7; found += $11
		}
		END {
			printf "\n%-15s %15s %15s %10s %12s\n", "all runs", "operations", "of them calls", "a second", "reports"
			for (k in n)
				printf "%s %15d %15d %10d %12d\n", k, n[k], calls[k], n[k] / (s[k] ? s[k] : 1), reports[k] | "sort"
			close("sort")
			printf "%-15s %15d %15s %10s %12d\n\n", "together", all, "", "", found
		}' "$RUNS"
	say "What each run was: $RUNS"
}

begin fuzz
need_packages "$arch"
need_sources "$arch"
make_tree
use_arch "$arch"
must "$TARGET-build-main" "$TARGET: build the main kernel" build_variant main
must "$TARGET-busybox" "$TARGET: build the guest's busybox" build_busybox
must "$TARGET-selftests" "$TARGET: build the selftests" build_selftests
if [ "${TRAMPFD_MUTANTS:-0}" = 1 ]; then
	hunt_mutants
	exec python3 "$VM/report.py" total fuzz "$RESULTS"
fi
mkdir -p "$FUZZ"
touch "$RUNS"
for variant in "${variants[@]}"; do
	[ "$variant" != main ] || continue
	must "$TARGET-build-$variant" "$TARGET: build the $variant kernel" build_variant "$variant"
done
must "$TARGET-fuzz-guest" "$TARGET: pack the fuzzers for the guest" pack_fuzzers

# What was built before is not part of the time.
begin=$SECONDS
limit=$(awk -v h="$HOURS" 'BEGIN { printf "%d", h * 3600 }')
slice=$((limit / ${#variants[@]}))
[ "$slice" -le $SLICE ] || slice=$SLICE
[ "$slice" -ge 30 ] || slice=30
while [ $((SECONDS - begin)) -lt "$limit" ]; do
	for variant in "${variants[@]}"; do
		[ $((SECONDS - begin)) -lt "$limit" ] || break
		fuzz_slice "$variant" "$slice"
	done
done
show_runs

exec python3 "$VM/report.py" total fuzz "$RESULTS"
