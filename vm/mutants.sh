# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Faults that are planted into the kernel, one at a time: do the selftests find them, and do
# the fuzzers?  See vm/mutants/README.

# Seconds for the fuzzers, for each.
MUTANT_SECONDS=120

# patch_mutant <patch> [patch's options]: into the tree that kernels are built of
patch_mutant()
{
	local file=$1
	shift
	patch -d "$LINUX" -p1 -s --no-backup-if-mismatch "$@" < "$file"
}

# mutant_variant <patch>: the kernel that it is to be found in
mutant_variant()
{
	if grep -qE '^Found by:.*(KASAN|lockdep)' "$1"; then
		echo debug
	else
		echo main
	fi
}

# build_mutant <patch> <variant>: the tree is what it was afterwards.  The kernel is that of the
# variant, whose next build takes the right files again.
build_mutant()
{
	local rc=0

	patch_mutant "$1"
	build_variant "$2" || rc=$?
	patch_mutant "$1" -R
	return $rc
}

# failures <log>: how many results of a guest say that something is wrong
failures() { python3 "$VM/report.py" guest "$1" | grep -c '^fail' || :; }

# first_failure <log>
first_failure()
{
	python3 "$VM/report.py" guest "$1" | sed -n '/^fail/{s/^fail\t\([^\t]*\).*/\1/p;q}'
}

# first_report <log>: of the fuzzers; or what else is wrong
first_report()
{
	local said

	said=$(sed -nE '/# fuzz: seed/{s/.*# fuzz: seed [0-9]+, operation [0-9]+, process [0-9]+: //p;q}' "$1")
	echo "${said:-$(first_failure "$1")}"
}

# operations <log>: how many the first fuzzer did that has found something; or all
operations()
{
	sed -nE 's/.*# fuzz: (model|storm): ([0-9]+) operations.* ([0-9]+) reports.*/\2 \3/p' "$1" |
		awk '{ all += $1 } $2 && (!least || $1 < least) { least = $1 }
			END { printf "%d\n", least ? least : all }'
}

# hunt_mutant <patch>: one line of the table
hunt_mutant()
{
	local patch=$1 name variant tests fuzz selftests_found fuzz_found

	name=$(basename "$patch" .patch)
	variant=$(mutant_variant "$patch")
	step "$TARGET-mutant-build" "$name: build the $variant kernel with it" \
		build_mutant "$patch" "$variant"
	[ "$STEP_RC" -eq 0 ] || { result fail "mutant $name: it builds"; return; }
	tests=$LOG/$TARGET-mutant-$name-tests.log
	step "$TARGET-mutant-$name-tests" "$name: the selftests" \
		boot "$variant" "$OUT/kselftest.cpio" kselftest 3600 "${SMP[@]}" \
		kernel:COLLECTIONS=trampfd "kernel:WITHOUT=fuzz_*" ${MUTANT_ONLY:+"kernel:ONLY=$MUTANT_ONLY"}
	fuzz=$LOG/$TARGET-mutant-$name-fuzz.log
	step "$TARGET-mutant-$name-fuzz" "$name: the fuzzers" \
		boot "$variant" "$OUT/fuzz.cpio" fuzz $((MUTANT_SECONDS * 3 + 600)) "${SMP[@]}" \
		kernel:FUZZ_SEED=1 kernel:FUZZ_SECONDS=$MUTANT_SECONDS
	# Nobody may boot it by mistake: what is built next makes another one.
	rm -f "$OUT/$variant/$IMAGE"
	selftests_found=$(failures "$tests")
	fuzz_found=$(failures "$fuzz")
	printf '%-34s %-6s %-42s %s\n' "$name" "$variant" \
		"$([ "$selftests_found" -gt 0 ] && echo "$selftests_found: $(first_failure "$tests")" || echo "not found")" \
		"$([ "$fuzz_found" -gt 0 ] && echo "$(operations "$fuzz"): $(first_report "$fuzz")" || echo "not found")" \
		>> "$BUILD_DIR/mutants.txt"
	if [ $((selftests_found + fuzz_found)) -gt 0 ]; then
		result pass "mutant $name: found"
	else
		result fail "mutant $name: found" "neither the selftests nor the fuzzers see it"
	fi
	[ "$selftests_found" -eq 0 ] || MUTANTS_BY_TESTS=$((MUTANTS_BY_TESTS + 1))
}

# find_mutants <architecture>: let MUTANT_PATCHES be all of them, or those that match MUTANT=
find_mutants()
{
	case $1-$CHOSEN_KERNEL in
	x86_64-6.12)	;;
	*)		die "The planted faults are for x86_64 and Linux 6.12." ;;
	esac
	mapfile -t MUTANT_PATCHES < <(compgen -G "$VM/mutants/${TRAMPFD_MUTANT:-*}.patch" | sort)
	[ ${#MUTANT_PATCHES[@]} -gt 0 ] ||
		die "MUTANT=${TRAMPFD_MUTANT:-*}: there is no such file in vm/mutants."
}

# hunt_mutants: plant them one by one
hunt_mutants()
{
	local patch

	MUTANTS_BY_TESTS=0
	must "$TARGET-build-debug" "$TARGET: build the debug kernel" build_variant debug
	must "$TARGET-fuzz-guest" "$TARGET: pack the fuzzers for the guest" pack_fuzzers
	: > "$BUILD_DIR/mutants.txt"
	for patch in "${MUTANT_PATCHES[@]}"; do
		hunt_mutant "$patch"
	done
	printf '\n%-34s %-6s %-42s %s\n' "planted fault" kernel "selftests: failed, the first" \
		"fuzzers: operations, the first"
	cat "$BUILD_DIR/mutants.txt"
	say "" "The selftests alone find $MUTANTS_BY_TESTS of ${#MUTANT_PATCHES[@]}."
}
