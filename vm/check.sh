#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make check": all tests, of all architectures or of the one in ARCH.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/selftests.sh"
. "$VM/static.sh"
. "$VM/perf.sh"
. "$VM/faults.sh"

cd "$TOP"
arches=${TRAMPFD_ARCH:-$ARCHES}
RESULTS=$LOG/check.results
: > "$RESULTS"

# built <step name> <what it does> <command...>: a step that counts as a test
built()
{
	step "$@"
	if [ $STEP_RC -eq 0 ]; then
		result pass "$TARGET: $2"
	else
		result fail "$TARGET: $2" "$(grep -m1 -E 'error|Error|\*\*\*|asked for' "$STEP_LOG" || :)"
	fi
}

# check_bench: what trampolines cost
check_bench()
{
	local variant

	variant=$(bench_variant)
	if [ "$variant" != main ]; then
		make_bench_tree
		built "$TARGET-build-$variant" "build the $variant kernel" build_variant "$variant"
		[ $STEP_RC -eq 0 ] || return 0
	fi
	built "$TARGET-perf" "build perf" build_perf
	[ $STEP_RC -eq 0 ] || return 0
	bench_boot "$variant"
	built "$TARGET-bench-guest" "pack perf for the guest" pack_perf "$variant"
	step "$TARGET-bench" "boot the $variant kernel and run: perf bench tramp" bench_guest
	step "$TARGET-bench-again" "once more" bench_guest
	{ bench_counted bench; bench_counted bench-again; bench_results; } |
		add_results "$TARGET bench"
}

# shellcheck disable=SC2086
need_packages $arches
make_tree
for arch in $arches; do
	use_arch "$arch"
	built "$TARGET-build-main" "build the main kernel" build_variant main
	[ $STEP_RC -eq 0 ] || continue
	built "$TARGET-busybox" "build the guest's busybox" build_busybox
	[ $STEP_RC -eq 0 ] || continue
	built "$TARGET-selftests" "build the selftests" build_selftests
	[ $STEP_RC -eq 0 ] || continue
	mapfile -t collections < <(kernel_collections)
	run_guest main 1500 trampfd "${collections[@]}"
	count_guest main trampfd guest

	for guest in "${FURTHER_GUESTS[@]}"; do
		read -r name variant args <<< "$guest"
		built "$TARGET-build-$variant" "build the $variant kernel" build_variant "$variant"
		[ $STEP_RC -eq 0 ] || continue
		# shellcheck disable=SC2086
		run_further_guest "$name" "$variant" 1500 $args
		count_guest "$name" trampfd guest
	done

	check_bench

	built "$TARGET-static-compile" "compile with W=1 and sparse" check_compile

	# One architecture stands for what is the same on all of them.
	[ "$TARGET" = x86_64 ] || continue

	built "$TARGET-build-unpatched" "build the unpatched kernel" build_variant unpatched
	if [ $STEP_RC -eq 0 ]; then
		run_guest unpatched 900 "${collections[@]}"
		count_guest unpatched guest
		count_comparison "${collections[@]}"
		check_faults
	fi
	built "$TARGET-build-notrampfd" "build the kernel without CONFIG_TRAMPFD" build_variant notrampfd
	if [ $STEP_RC -eq 0 ]; then
		run_guest notrampfd 300 trampfd
		count_skipped notrampfd ENOSYS
	fi
	built "$TARGET-build-debug" "build the debug kernel" build_variant debug
	if [ $STEP_RC -eq 0 ]; then
		run_guest debug 3000 trampfd
		count_guest debug trampfd guest
	fi

	built static-style "checkpatch" check_style
	built static-clang "compile with clang" check_clang
	built static-docs "headers and documentation" eval 'check_headers; check_docs'
	built static-scripts "the scripts themselves" check_scripts
done

exec python3 "$VM/report.py" total check "$RESULTS"
