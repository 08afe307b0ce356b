#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make check": all tests of every architecture, or of those in ARCH.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/selftests.sh"
. "$VM/static.sh"
. "$VM/perf.sh"
. "$VM/faults.sh"
. "$VM/clients-libffi.sh"

begin check
arches=$(wanted_arches all)
TIMES=$LOG/check.times
: > "$TIMES"
# Minutes that a run may take; 0 is no limit.  Machines differ by a factor of three, so what
# might not end in time is not begun (see time_for).
MINUTES=${TRAMPFD_MINUTES:-85}
FFI_RUNS=("a stock free" "c patched strict")

# Guests run beside the builds that follow, and come first (see step()).  They have no more
# CPUs than the machine: those of a guest wait for each other, and what they share is lost.
declare -A QUEUED=()

# measure_machine: what a compiler takes here, in percent of what it took on the machine that
# the minutes below are of (1.5 seconds; two virtual CPUs of an EPYC, on 2026-11-29)
measure_machine()
{
	local i source taken TIMEFORMAT='%U %S'

	source=$(printf '#include <%s.h>\n' errno fcntl math pthread signal stdio stdlib string time unistd
		for i in {1..200}; do
			printf 'int f%d(int *p, int n) { int i, s = %d;' "$i" "$i"
			printf ' for (i = 0; i < n; i++) s += p[i] * %d ^ p[n - i]; return s; }\n' "$i"
		done)
	taken=$({ time gcc -O2 -c -x c -o /dev/null - <<< "$source"; } 2>&1)
	awk '{ p = 100 * ($1 + $2) / 1.5; print int(p < 25 ? 25 : p > 300 ? 300 : p) }' <<< "$taken"
}

# time_for <minutes> <what>: whether there is time for something that takes so long on that
# machine, with guests beside it.  If not, it is skipped, and the results say so.
time_for()
{
	local need=$((($1 * PERCENT + 99) / 100))

	[ "$MINUTES" -ne 0 ] && [ $((SECONDS / 60 + need)) -gt "$MINUTES" ] || return 0
	say "         $TARGET: left out, as there are not $need minutes left of $MINUTES: $2"
	result skip "$TARGET: $2" \
		"no time: make check KERNEL=$KERNEL ARCH=$PORT MINUTES=0 runs it" "$LOG_NAME/check.times"
	return 1
}

# busy_cpus: how many CPUs the guests have that run now
busy_cpus()
{
	local all=0 name cpus

	for name in "${!QUEUED[@]}"; do
		read -r _ _ cpus <<< "${QUEUED[$name]}"
		all=$((all + cpus))
	done
	echo "$all"
}

# queue <step name> <what it does> <counting function> <CPUs> <command...>
queue()
{
	local name=$1 what=$2 count=$3 cpus=$4
	shift 4

	while [ ${#BACKGROUND[@]} -gt 0 ] && [ $(($(busy_cpus) + cpus)) -gt "$(nproc)" ]; do
		count_one
	done
	QUEUED[$name]="$TARGET $count $cpus"
	start_step "$name" "$what" "$@"
}

# count_one: wait for one of them, and count its results
count_one()
{
	local now=$TARGET arch count

	end_step
	read -r arch count _ <<< "${QUEUED[$STEP_NAME]}"
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
		"$CPUS" boot "$variant" "$OUT/kselftest.cpio" kselftest "$limit" "${SMP[@]}" \
		kernel:COLLECTIONS="$collections" "$@"
}

# Long programs about what is the same for each ABI: the main guest runs them in its first.
LONG=(index_test limits_test units_test memory_test churn_test nested_stack_test)
# What the debug guest's second ABI need not repeat either.
GENERIC=(fuzz_model fuzz_storm
	 attr_test bad_address_test read_test address_test owner_test readonly_test
	 code_layout_test code_mapping_test code_steps_test code_race_test)

# without <patterns of builds> <tests...>: these tests in these builds, as a list for the WITHOUT
# of the guest's job
without()
{
	local build builds test all=()

	read -ra builds <<< "$1"
	for build in "${builds[@]}"; do
		for test in "${@:2}"; do
			all+=("${test}_$build")
		done
	done
	(IFS=,; echo "${all[*]}")
}

count_main()
{
	local collections=(trampfd)

	! ported libtrampfd || collections+=(libtrampfd)
	count_guest main "${collections[@]}" guest
}

count_debug() { count_guest debug trampfd guest; }

count_demos()
{
	local must=()

	# Each program has such a line, so one is enough to see that they don't all skip.
	[ "$CODE_ENTRIES" = no ] || must=("a stray write can't change a code entry or its data")
	python3 "$VM/report.py" guest "$LOG_NAME/$TARGET-demos.log" "${must[@]}" |
		add_results "$TARGET demos"
}

count_unpatched()
{
	local collections

	mapfile -t collections < <(kernel_collections)
	count_skipped unpatched ENOSYS
	count_comparison "${collections[@]}"
}

count_bench()
{
	{ bench_counted bench; bench_limits; } | add_results "$TARGET bench"
}

# queue_bench: what trampolines cost.  That two boots give the same figures is for "make bench"
# to see.
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
	queue "$TARGET-bench" "$TARGET: boot and run: perf bench tramp" count_bench 1 \
		bench_guest
}

# queue_libffi: its own test suite, with static trampolines.  "make clients" has more runs of
# it, and all architectures.
queue_libffi()
{
	make_libffi
	[ $STEP_RC -eq 0 ] || return 0
	queue "$TARGET-libffi-guest" "$TARGET: boot and run libffi's test suite" count_libffi 1 boot_ffi
}

# queue_demos: what "make run" shows
queue_demos()
{
	built "$TARGET-samples" "build the samples" eval 'build_samples; pack_samples'
	[ $STEP_RC -eq 0 ] || return 0
	queue "$TARGET-demos" "$TARGET: boot and run the samples" count_demos \
		"$CPUS" boot main "$OUT/samples.cpio" demos 300 "${SMP[@]}"
}

# show_times: where the time went.  Guests run beside builds and each other, so their
# seconds add up to more than the whole; those of the CPUs do not.
show_times()
{
	awk -F'\t' -v spent="$SECONDS" -v limit="$MINUTES" '
		!($1 in seen) { seen[$1]; name[++n] = $1 }
		{ s[$1, $2] += $3; cpu[$1] += $4 }
		END {
			printf "\n%-10s %10s %10s %10s\n", "seconds", "building", "guests", "of CPUs"
			for (i = 1; i <= n; i++)
				printf "%-10s %10d %10d %10d\n", name[i], s[name[i], "build"], s[name[i], "guest"], cpu[name[i]]
			printf "%d minutes, %s\n\n", (spent + 59) / 60,
				limit ? "of " limit " that a run may take" : "without a limit"
		}' "$TIMES"
}

# The first part of each architecture: its kernel, and the selftests on it.
check_tests()
{
	local collections what

	READY[$TARGET]=no
	time_for "$(kernel_minutes main)" "main kernel and selftests" || return 0
	built "$TARGET-build-main" "build the main kernel" build_variant main
	[ $STEP_RC -eq 0 ] || return 0
	built "$TARGET-busybox" "build the guest's busybox" build_busybox
	[ $STEP_RC -eq 0 ] || return 0
	READY[$TARGET]=yes
	built "$TARGET-selftests" "build the selftests" build_selftests
	[ $STEP_RC -eq 0 ] || return 0
	for what in $NOT_PORTED; do
		result skip "$TARGET: $what" "not ported to $TARGET yet"
	done
	time_for 15 "main guest" || return 0
	# The kernel's own are for comparing with the unpatched kernel.
	collections=$({ echo trampfd; ! ported libtrampfd || echo libtrampfd
		[ "$KERNEL" != "$CHOSEN_KERNEL" ] || kernel_collections; } | paste -sd,)
	queue_guest main main 1500 count_main "$collections" \
		"kernel:WITHOUT=$(without "${BUILDS[*]:1}" "${LONG[@]}"),$(IFS=,; echo "${SLOW[*]}")"
}

# What else is done for each of them.
check_more()
{
	[ "${READY[$TARGET]}" = yes ] || return 0
	! ported samples || ! time_for 5 "samples" || queue_demos
	! time_for 5 "W=1 and sparse" ||
		built "$TARGET-static-compile" "compile with W=1 and sparse" check_compile
}

check_costs()
{
	[ "${READY[$TARGET]}" = yes ] || return 0
	! ported perf || ! time_for $(($(kernel_minutes "$(bench_variant)") + 20)) "benchmark" ||
		queue_bench
}

# What one architecture, x86-64, stands for: it is the same on all of them.
check_debug()
{
	local without

	[ "${READY[$TARGET]}" = yes ] || return 0
	time_for $(($(kernel_minutes debug) + 40)) "debug kernel and its guest" || return 0
	built "$TARGET-build-debug" "build the debug kernel" build_variant debug
	# The other ABI has only what it does differently in the kernel.  index_test takes
	# a quarter of an hour here, and what limits_test, memory_test and churn_test count is
	# counted in the main guest.  Control by address differs in how a table is found, which
	# address_test and owner_test are about.
	without="*_address,$(without '*' index_test limits_test memory_test churn_test),$(without 32 "${LONG[@]}" \
		"${GENERIC[@]}" mapping_test mapped_over_test mapping_access_test fork_test exec_test \
		fault_injection_test control_injection_test watch_test)"
	[ $STEP_RC -ne 0 ] ||
		queue_guest debug debug 2700 count_debug trampfd "kernel:WITHOUT=$without"
}

check_comparison()
{
	[ "${READY[$TARGET]}" = yes ] || return 0
	time_for $(($(kernel_minutes unpatched) + 10)) "unpatched kernel, and what differs in it" || return 0
	built "$TARGET-build-unpatched" "build the unpatched kernel" build_variant unpatched
	[ $STEP_RC -eq 0 ] || return 0
	count_until "$TARGET-guest-main"
	queue_guest unpatched unpatched 900 count_unpatched "trampfd,$(kernel_collections | paste -sd,)"
	! time_for 6 "the way of a fault, instruction by instruction" || check_faults
}

check_libffi()
{
	[ "${READY[$TARGET]}" = yes ] || return 0
	! time_for 15 "libffi's test suite" || queue_libffi
}

check_static()
{
	built static-style "checkpatch" check_style
	built static-scripts "the scripts themselves" check_scripts
	# Without KERNEL=, also_current() has done it.
	[ "$KERNEL" != "$CURRENT_KERNEL" ] || [ -n "$KDIR" ] ||
		built static-series "the series for the mailing list" check_series
	[ "${READY[$TARGET]}" = yes ] || return 0
	built static-library "compile libtrampfd" check_library
	built static-docs "headers and documentation" eval 'check_headers; check_docs'
	! time_for 5 "clang" || built static-clang "compile with clang" check_clang
}

# once <architecture> <function>: call it, unless it was called before
once()
{
	[ -z "${CALLED[$*]:-}" ] || return 0
	CALLED[$*]=yes
	use_arch "$1"
	"$2"
}

# for_each <function>: call it for each of the architectures
for_each()
{
	local arch

	for arch in "${ORDER[@]}"; do
		once "$arch" "$1"
	done
}

# for_x86_64 <functions...>: call them if x86-64 is one of the architectures
for_x86_64()
{
	local function

	[[ " ${ORDER[*]} " == *" x86_64 "* ]] || return 0
	for function; do
		once x86_64 "$function"
	done
}

# Without KERNEL=, these have their main guest on the current kernel, too: s390x is big-endian.
ALSO=()

# also_current: make the tree for that
also_current()
{
	local arch

	for arch in x86_64 s390x; do
		[[ " ${ORDER[*]} " != *" $arch "* ]] || ALSO+=("$arch-$CURRENT_KERNEL")
	done
	[ ${#ALSO[@]} -gt 0 ] || return 0
	use_arch "${ALSO[0]}"
	if [ -z "$(kernel_source_version)" ]; then
		step "source-$KERNEL" "get the source of Linux $KERNEL from Debian" fetch_kernel_source
		if [ $STEP_RC -ne 0 ]; then
			# A machine for continuous integration has what it needs.
			result "$([ -n "${CI:-}" ] && echo fail || echo skip)" "Linux $KERNEL" \
				"its source can't be had: $(grep -m1 '^error:' "$STEP_LOG" || :)"
			ALSO=()
			return
		fi
	fi
	make_tree
	built static-series "the series for the mailing list" check_series
}

# shellcheck disable=SC2086
need_packages $arches
# shellcheck disable=SC2086
need_sources $arches
make_tree
# Now, and not after half an hour: a patch that does not apply ends the run.
[ -z "$(bench_patch_list)" ] || make_bench_tree
PERCENT=$(measure_machine)
# First the selftests of every architecture, then what x86-64 stands for: what is left out for
# lack of time comes last.
declare -A READY=() CALLED=()
# shellcheck disable=SC2086
mapfile -t ORDER < <(printf '%s\n' x86_64 $arches | awk '!seen[$0]++' | grep -xF "${arches// /$'\n'}")
[ -n "$KDIR${TRAMPFD_KERNEL:-}" ] || also_current
for_each check_tests
for target in "${ALSO[@]}"; do
	once "$target" check_tests
done
for_x86_64 check_static check_costs check_debug check_comparison check_libffi
for_each check_more
for_each check_costs
while [ ${#BACKGROUND[@]} -gt 0 ]; do
	count_one
done
# shellcheck disable=SC2086
bench_table $arches
show_times

exec python3 "$VM/report.py" total check "$RESULTS"
