# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Looks at the way that page faults take through the kernel, for x86-64.

# build_faults: the guest's program
build_faults()
{
	rm -rf "$OUT/faults.guest"
	mkdir -p "$OUT/faults.guest"
	"${CROSS}gcc" -O2 -Wall -Wextra -Werror -static -isystem "$OUT/main/usr/include" \
		-o "$OUT/faults.guest/fault_loop" "$VM/fault_loop.c"
	initramfs main "$OUT/faults.cpio" "$OUT/faults.guest=/faults"
}

# have_v1: whether there is the benchmark's kernel, which has v1's way.  "make check" may have
# left it out for lack of time; that it did not build is counted where it is built.
have_v1() { [ -n "$(bench_patch_list)" ] && [ -e "$OUT/bench/vmlinux" ]; }

# record_faults <variant> <kind> [v1]: into $OUT/faults/<variant>-<kind>
record_faults()
{
	local dir=$OUT/faults/$1-$2${3:+-$3} rc=0

	rm -rf "$dir"
	mkdir -p "$dir"
	boot "$1" "$OUT/faults.cpio" faults 300 "${ICOUNT[@]}" "${ICOUNT_TARGET[@]}" \
		-monitor "unix:$dir/monitor,server,nowait" \
		kernel:noreplace-smp kernel:FAULT="$2" kernel:V1="${3:+1}" > "$dir/console" &
	python3 "$VM/fault_path.py" record "$dir/console" "$dir/monitor" \
		"$OUT/$1/vmlinux" "$dir" || rc=$?
	wait $! || :
	cat "$dir/console"
	return $rc
}

# fault_results: as lines for counting.  The ordinary fault and v1's way stand for the
# check itself: there it has to find what it looks for.
fault_results()
{
	local look=(python3 "$VM/fault_path.py") dir=$OUT/faults

	"${look[@]}" shared "$dir/main-call" "a call"
	"${look[@]}" finds "$dir/main-data" "an ordinary fault"
	! have_v1 || "${look[@]}" finds "$dir/bench-call-v1" "a call the way of v1"
	# It is two instructions, and seven more if the PC is what could not be read; the
	# rest is how the compiler keeps other values in registers.
	"${look[@]}" compare "$dir/main-data" "$dir/unpatched-data" \
		"a data fault of a process without trampolines" 6
	"${look[@]}" compare "$dir/main-fetch" "$dir/unpatched-fetch" \
		"a fetch fault of a process without trampolines" 13
}

# check_faults: after the kernels are built
check_faults()
{
	local faults=("main call" "main data" "main fetch" "unpatched data" "unpatched fetch") fault

	built "$TARGET-faults" "build a program that takes faults" build_faults
	[ "$STEP_RC" -eq 0 ] || return 0
	! have_v1 || faults+=("bench call v1")
	for fault in "${faults[@]}"; do
		# shellcheck disable=SC2086
		step "$TARGET-faults-${fault// /-}" "follow a fault: $fault" record_faults $fault
	done
	fault_results | add_results "$TARGET faults" show
	say "         Instructions of a call by function:"
	python3 "$VM/fault_path.py" functions "$OUT/faults/main-call" | sed 's/^/         /'
}
