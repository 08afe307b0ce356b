#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make check": all tests of every architecture, or of those in ARCH.

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
. "$VM/clients-libffi.sh"

cd "$TOP"
arches=$(wanted_arches all)
RESULTS=$LOG/check.results
: > "$RESULTS"
FFI_RUNS=("a stock free" "c patched strict")

# Guests run beside the builds that follow.  There is one more at once than CPUs,
# because tests sleep: with two at once, two CPUs were idle for a fifth of the time.
declare -A QUEUED=()
AT_ONCE=$(($(nproc) + 1))

# queue <step name> <what it does> <counting function> <command...>
queue()
{
	local name=$1 what=$2 count=$3
	shift 3

	while [ ${#BACKGROUND[@]} -ge "$AT_ONCE" ]; do
		count_one
	done
	QUEUED[$name]="$TARGET $count"
	start_step "$name" "$what" "$@"
}

# count_one: wait for one of them, and count its results
count_one()
{
	local now=$TARGET arch count

	end_step
	read -r arch count <<< "${QUEUED[$STEP_NAME]}"
	unset "QUEUED[$STEP_NAME]"
	use_arch "$arch"
	$count
	use_arch "$now"
}

# count_until <step name>: wait until it is counted
count_until()
{
	while [ -n "${QUEUED[$1]:-}" ]; do
		count_one
	done
}

# queue_guest <name> <variant> <limit in seconds> <counting function> <collections> [as for boot]
queue_guest()
{
	local name=$1 variant=$2 limit=$3 count=$4 collections=$5
	shift 5

	queue "$TARGET-guest-$name" "$TARGET: boot the $name guest and run: ${collections//,/ }" "$count" \
		boot "$variant" "$OUT/kselftest.cpio" kselftest "$limit" "${SMP[@]}" \
		kernel:COLLECTIONS="$collections" "$@"
}

count_main()
{
	local collections=(trampfd)

	! ported libtrampfd || collections+=(libtrampfd)
	count_guest main "${collections[@]}" guest
}

count_further() { count_guest "${STEP_NAME#"$TARGET-guest-"}" trampfd guest; }

count_demos()
{
	python3 "$VM/report.py" guest "build/log/$TARGET-demos.log" | add_results "$TARGET demos"
}

count_notrampfd() { count_skipped notrampfd ENOSYS; }

count_unpatched()
{
	local collections

	mapfile -t collections < <(kernel_collections)
	count_guest unpatched guest
	count_comparison "${collections[@]}"
}

count_bench()
{
	{ bench_counted bench; bench_limits; } | add_results "$TARGET bench"
}

count_bench_twice()
{
	{ bench_counted bench; bench_counted bench-again; bench_same; bench_limits; } |
		add_results "$TARGET bench"
}

# queue_bench: what trampolines cost.  That two boots give the same figures is the
# emulator's doing and the benchmark's, so one architecture is enough to see it.
queue_bench()
{
	local variant

	variant=$(bench_variant)
	build_bench_kernel "$variant"
	[ $STEP_RC -eq 0 ] || return 0
	built "$TARGET-perf" "build perf" build_perf
	[ $STEP_RC -eq 0 ] || return 0
	built "$TARGET-bench-guest" "pack perf for the guest" pack_perf "$variant"
	bench_boot "$variant"
	case $TARGET in
	x86_64)	queue "$TARGET-bench" "$TARGET: boot and run twice: perf bench tramp" \
			count_bench_twice bench_twice ;;
	*)	queue "$TARGET-bench" "$TARGET: boot and run: perf bench tramp" count_bench bench_guest ;;
	esac
}

# queue_libffi: its own test suite.  "make clients" has more runs of it, and more
# architectures; here is one with static trampolines and one without.
queue_libffi()
{
	make_libffi
	[ $STEP_RC -eq 0 ] || return 0
	queue "$TARGET-libffi-guest" "$TARGET: boot and run libffi's test suite" count_libffi boot_ffi
}

# queue_demos: what "make run" shows
queue_demos()
{
	built "$TARGET-samples" "build the samples" eval 'build_samples; pack_samples'
	[ $STEP_RC -eq 0 ] || return 0
	queue "$TARGET-demos" "$TARGET: boot and run the samples" count_demos \
		boot main "$OUT/samples.cpio" demos 300 "${SMP[@]}"
}

# What is done for each architecture.
check_arch()
{
	local guest name variant args collections what

	built "$TARGET-build-main" "build the main kernel" build_variant main
	[ $STEP_RC -eq 0 ] || return 0
	built "$TARGET-busybox" "build the guest's busybox" build_busybox
	[ $STEP_RC -eq 0 ] || return 0
	built "$TARGET-selftests" "build the selftests" build_selftests
	[ $STEP_RC -eq 0 ] || return 0
	for what in $NOT_PORTED; do
		result skip "$TARGET: $what" "not ported to $TARGET yet"
	done
	collections=$({ echo trampfd; ! ported libtrampfd || echo libtrampfd; kernel_collections; } | paste -sd,)
	queue_guest main main 1500 count_main "$collections"
	! ported samples || queue_demos

	for guest in "${FURTHER_GUESTS[@]}"; do
		read -r name variant args <<< "$guest"
		built "$TARGET-build-$variant" "build the $variant kernel" build_variant "$variant"
		[ $STEP_RC -eq 0 ] || continue
		# shellcheck disable=SC2086
		queue_guest "$name" "$variant" 1500 count_further trampfd $args
	done

	built "$TARGET-static-compile" "compile with W=1 and sparse" check_compile
	! ported perf || queue_bench
	case $TARGET in
	x86_64|s390x)	queue_libffi ;;
	esac
}

# One architecture stands for what is the same on all of them.
check_x86_64()
{
	built "$TARGET-build-debug" "build the debug kernel" build_variant debug
	# Two of the longest programs in one ABI only: what they do in the kernel is the
	# same for the other, which the main guest runs.
	[ $STEP_RC -ne 0 ] || queue_guest debug debug 3600 count_further trampfd \
		kernel:WITHOUT=limits_test_32,mapping_test_32

	built "$TARGET-build-unpatched" "build the unpatched kernel" build_variant unpatched
	if [ $STEP_RC -eq 0 ]; then
		count_until "$TARGET-guest-main"
		queue_guest unpatched unpatched 900 count_unpatched \
			"$(kernel_collections | paste -sd,)"
		check_faults
	fi
	built "$TARGET-build-notrampfd" "build the kernel without CONFIG_TRAMPFD" build_variant notrampfd
	[ $STEP_RC -ne 0 ] || queue_guest notrampfd notrampfd 300 count_notrampfd trampfd

	built static-style "checkpatch" check_style
	built static-clang "compile with clang" check_clang
	built static-library "compile libtrampfd" check_library
	built static-docs "headers and documentation" eval 'check_headers; check_docs'
	built static-scripts "the scripts themselves" check_scripts
}

# shellcheck disable=SC2086
need_packages $arches
make_tree
# First those that take longest (x86-64's debug kernel, the benchmark of s390x and
# arm): at the end, nothing is left to run beside them.
# shellcheck disable=SC2086
for arch in $(printf '%s\n' x86_64 s390x arm $arches | awk '!seen[$0]++' | grep -xF "${arches// /$'\n'}"); do
	use_arch "$arch"
	check_arch
	[ "$arch" != x86_64 ] || check_x86_64
done
while [ ${#BACKGROUND[@]} -gt 0 ]; do
	count_one
done
# shellcheck disable=SC2086
bench_table $arches

exec python3 "$VM/report.py" total check "$RESULTS"
