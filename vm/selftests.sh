# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Builds the selftests, and runs them in guests.

# The kernel's own memory tests that build statically, end within seconds, and
# need no more than a small guest; the architecture's are in vm/arch/.  They are
# for comparing with the unpatched kernel, where there is one.
KERNEL_TESTS_MM="
mm:droppable		mm:madv_populate	mm:map_fixed_noreplace
mm:map_populate		mm:mdwe_test		mm:mkdirty
mm:mlock2-tests		mm:mremap_dontunmap	mm:mremap_test
mm:mrelease_test	mm:mseal_test		mm:on-fault-limit
"

kselftest_make()
{
	EXTRA_CFLAGS=-static make -C "$LINUX/tools/testing/selftests$1" ARCH="$KARCH" \
		CROSS_COMPILE="$CROSS" CROSS_COMPILE_COMPAT="$VM/cc arm-linux-gnueabihf-" \
		CC="$VM/cc ${CROSS}gcc" -j"$JOBS" "${@:2}"
}

# build_selftests: trampfd's and libtrampfd's by kselftest's own installer, and
# the chosen ones of the kernel beside them
build_selftests()
{
	local to=$OUT/kselftest obj=$OUT/main/kselftest t c

	rm -rf "$to"
	kselftest_make "" O="$OUT/main" TARGETS="trampfd libtrampfd" FORCE_TARGETS=1 \
		KSFT_INSTALL_PATH="$to" install
	for c in mm x86; do
		t=$(tests_of "$c" | sed "s|^|$obj/$c/|")
		[ -n "$t" ] || continue
		mkdir -p "$obj/$c" "$to/$c"
		# shellcheck disable=SC2086
		kselftest_make "/$c" OUTPUT="$obj/$c" KHDR_INCLUDES="-isystem $OUT/main/usr/include" $t
		# shellcheck disable=SC2086
		cp $t "$to/$c/"
		tests_of "$c" | sed "s|^|$c:|" >> "$to/kselftest-list.txt"
		# The runner's limit is for real machines; the guest has its own.
		echo timeout=1200 > "$to/$c/settings"
	done
	find "$to" -type f -perm -u+x -exec "${CROSS}strip" -g {} + 2> /dev/null || :
	initramfs main "$OUT/kselftest.cpio" "$to=/kselftest"
}

# build_policy: the initial file system of a guest that has SELinux, with its policy.  33 is
# the newest version that Linux 6.12 knows.
build_policy()
{
	local from=$LINUX/tools/testing/selftests/trampfd/selinux

	secilc --policyvers=33 --filecontext=/dev/null --output="$OUT/policy" \
		"$from/trampfd.cil" "$from/test.cil"
	printf '%s\n' "dir /selinux 755 0 0" "file /selinux/policy $OUT/policy 644 0 0" \
		> "$OUT/policy.list"
	"$OUT/main/usr/gen_init_cpio" -t 0 "$OUT/policy.list" |
		cat "$OUT/kselftest.cpio" - > "$OUT/kselftest-selinux.cpio"
}

kernel_tests() { echo "${KERNEL_TESTS:+$KERNEL_TESTS_MM $KERNEL_TESTS}"; }

tests_of() { kernel_tests | tr -s ' \t' '\n' | sed -n "s/^$1://p"; }

kernel_collections() { kernel_tests | tr -s ' \t' '\n' | sed -n 's/:.*//p' | sort -u; }

# must_run <variant> <collection...>: what a guest may not skip.  A compiler that is gone
# or a CPU that lacks something would take the tests along, and nobody would notice.
# For a guest that runs chosen programs, in ONLY, MUST_RUN says all.
must_run()
{
	local variant=$1 collection name
	shift

	for collection in "$@"; do
		case $collection in
		trampfd)	name=semantics_test ;;
		libtrampfd)	name=library_test ;;
		*)		continue ;;
		esac
		echo "$collection"
		[ "${ONLY:-all}" = all ] || continue
		[ ${#BUILDS[@]} -eq 0 ] || printf "$collection:${name}_%s\n" "${BUILDS[@]}" \
			"${BUILDS[@]/%/: nothing is left behind}"
	done
	[[ " $* " == *" trampfd "* ]] || return 0
	[ "$variant" != main ] || [ "$CODE_ENTRIES" = no ] ||
		printf "trampfd:code_test_%s: code.one.set_with_promise\n" "${BUILDS[@]}"
	for name in "${MUST_RUN[@]}"; do
		case $name in
		"$variant libtrampfd:"*)	echo "${name#"$variant "}" ;;
		"$variant "*)	echo "trampfd:${name#"$variant "}" ;;
		esac
	done
}

# count_guest <variant> <collection...>: count what its log says; "guest" stands
# for the guest's own good end
count_guest()
{
	local variant=$1 log=$LOG_NAME/$TARGET-guest-$1.log must=()
	shift

	mapfile -t must < <(must_run "$variant" "$@")
	python3 "$VM/report.py" guest "$log" "${must[@]}" |
		grep -E "^[a-z]+	($(IFS='|'; echo "$*")|all )" | add_results "$TARGET $variant"
}

# count_skipped <variant> <reason>: count trampfd's tests in it, which all have to skip
count_skipped()
{
	python3 "$VM/report.py" skipped "$LOG_NAME/$TARGET-guest-$1.log" "$2" |
		grep -E "^[a-z]+	(trampfd|guest|all )" | add_results "$TARGET $1"
}

# count_comparison <collection...>: of the main and the unpatched kernel
count_comparison()
{
	python3 "$VM/report.py" compare "$LOG_NAME/$TARGET-guest-main.log" \
		"$LOG_NAME/$TARGET-guest-unpatched.log" "$@" | add_results "$TARGET compared"
}
