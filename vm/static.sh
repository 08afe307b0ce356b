# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What can be said about the source without running it.

# our_files [pattern]: the overlay's files, as paths in the kernel tree
our_files()
{
	(cd "$WORK/stage" && find "${OVERLAY[@]}" -type f 2> /dev/null) |
		grep -vxFf <(patch_list | patched_files) | grep -E "${1:-.}" | sort
}

# our_objects: what the architecture's kernel builds of them
our_objects() { our_files "^(mm|arch/$SRCARCH)/.*\.c$" | sed 's/c$/o/'; }

# silent <name> <command...>: a test that passes if the command says nothing
silent()
{
	local name=$1 log rc=0
	log=$LOG/static-$(echo "$name" | tr -cs 'A-Za-z0-9._\n' -).log
	shift

	(cd "$LINUX" && "$@") > "$log" 2>&1 < /dev/null || rc=$?
	if [ $rc -eq 0 ] && [ ! -s "$log" ]; then
		rm -f "$log"
		result pass "$name"
	else
		result fail "$name" "$(grep -m1 . "$log" || echo "exit status $rc")" "$log"
	fi
}

# Answers of checkpatch that are right for the kernel alone: user space has no
# linux/perf_regs.h, strscpy() or kstrtoul(), needs volatile for what a signal
# handler writes, and its tests for other architectures' names and for ENOSYS.
NOT_FOR_USERS=INCLUDE_LINUX,VOLATILE,ENOSYS,ARCH_DEFINES,CAMELCASE,STRCPY,STRNCPY
NOT_FOR_USERS+=,SSCANF_TO_KSTRTO,NAKED_SSCANF,PREFER_DEFINED_ATTRIBUTE_MACRO

# checkpatch <what to ignore> <arguments...>: what it says, and fails if it did not get to the end
checkpatch()
{
	local out rc=0

	out=$(cd "$LINUX" && perl scripts/checkpatch.pl --root="$LINUX" --strict --quiet --no-summary \
		--terse --no-signoff --ignore="FILE_PATH_CHANGES,$1" "${@:2}" 2>&1) || rc=$?
	# What it says about "*" takes the harness' FIXTURE_DATA(x) for a call, and ElfW(x), and
	# in a patch it takes a macro's parameter for a cast.  The
	# linux/cpufeature.h that it asks for includes riscv's only with an option
	# that riscv does not have.
	sed -e "/\(selftests\|libtrampfd\).*around that '\*' (ctx:WxV)/d" \
		-e '/samples.*No space is necessary after a cast/d' \
		-e '/riscv.*#include <linux\/cpufeature.h>/d' <<< "$out"
	# 1 says that there is something to say.
	[ $rc -le 1 ]
}

# said_about <file> <what checkpatch has said>
said_about() { awk -v f="$1:" 'index($0, f) == 1' "$2"; }

# check_style_of <test's name> <directory of the files> <what to ignore> <-f, or nothing for
# patches> <files...>: in one call, as checkpatch takes half a second to start
check_style_of()
{
	local name=$1 dir=$2 ignore=$3 how=$4 said f
	shift 4

	said=$LOG/static-checkpatch.out
	checkpatch "$ignore" ${how:+"$how"} "${@/#/$dir}" > "$said" ||
		result fail "checkpatch" "it did not get to the end: $(tail -n 1 "$said")" "$said"
	for f in "$@"; do
		silent "checkpatch --strict $name$f" said_about "$dir$f" "$said"
	done
}

check_style()
{
	local all for_users kernel patches

	all=$(our_files '\.[chS]$|Kconfig|Makefile|\.rst$|/config$')
	mapfile -t for_users < <(grep -E '^(samples|tools)/' <<< "$all")
	mapfile -t kernel < <(grep -vE '^(samples|tools)/' <<< "$all")
	mapfile -t patches < <(patch_list; overlay_patch_list; bench_patch_list)
	check_style_of "" "" "$NOT_FOR_USERS" -f "${for_users[@]}"
	check_style_of "" "" "" -f "${kernel[@]}"
	check_style_of "patches/$KERNEL/" "$SERIES/" "" "" "${patches[@]}"
}

# The series for the mailing list, and the repository that it is made in.
SERIES_OUT=$BUILD_DIR/series
SERIES_REPO=$BUILD_DIR/series.git

# make_series: from the tree of the current kernel
make_series()
{
	python3 "$VM/series.py" make "$TOP/series" "$PRISTINE" "$LINUX" "$WORK/stage.list" "$SERIES" \
		"$SERIES_REPO" "$SERIES_OUT"
}

# series_adds_up: git am of it gives the tree that is applied
series_adds_up()
{
	local am=$BUILD_DIR/series.am

	python3 "$VM/series.py" apply "$am" "$PRISTINE" "$WORK/stage.list" "$SERIES_OUT" &&
		diff <(git -C "$am" ls-files | sort) <(sed 's|^/||' "$WORK/stage.list" | sort) &&
		! rsync -rlpc --dry-run --itemize-changes --files-from="$WORK/stage.list" "$LINUX/" "$am/" |
			grep .
}

# check_series: that it can be made, and adds up
check_series()
{
	silent "the series adds up to the applied tree" eval 'make_series > /dev/null && series_adds_up'
}

# patched_objects: of the kernel's own, what our patches edit in the architecture's
patched_objects() { patch_list | patched_files | grep -E "^arch/$SRCARCH/.*\.c$" | sed 's/c$/o/'; }

# Only what is said about our files, and those that are patched: what the kernel's headers
# get is not ours, nor what s390's macro for system calls makes sparse say where it is used.
about_us()
{
	grep -E "(^|/)($({ our_files '\.[chS]$'; patched_objects | sed 's/o$/c/'; } | paste -sd'|')):[0-9]+" |
		if [ "$SRCARCH" = s390 ]; then
			grep -v ':1: warning: Using plain integer as NULL pointer$'
		else
			cat
		fi || :
}

# compile <object directory> <objects> [make arguments...]: in one call, because the kernel's
# make takes longer to start than they to compile
compile()
{
	local o=$1 objects out rc=0
	read -ra objects <<< "${2//$'\n'/ }"
	shift 2

	# Without objects, make would build the kernel.
	[ ${#objects[@]} -gt 0 ] || { echo "nothing to compile"; return 1; }
	(cd "$o" && rm -f "${objects[@]}")
	out=$(kmake "$o" -k "$@" "${objects[@]}" 2>&1) || rc=$?
	[ $rc -eq 0 ] || tail -n 20 <<< "$out"
	about_us <<< "$out"
	return $rc
}

check_compile()
{
	local o=$OUT/static

	configure_like_main "$o"
	silent "$TARGET: our files, W=1 and sparse" compile "$o" "$(our_objects)" W=1 C=2 CHECK="$VM/sparse"
	silent "$TARGET: edited files" compile "$o" "$(patched_objects)"

	# Without the feature, of which then only headers are left.
	o=$OUT/static-without
	configure_like_main "$o" 's/^CONFIG_TRAMPFD=y/# CONFIG_TRAMPFD is not set/'
	silent "$TARGET: CONFIG_TRAMPFD can be switched off" sed -n '/^CONFIG_TRAMPFD=y/p' "$o/.config"
	silent "$TARGET: edited files without CONFIG_TRAMPFD" compile "$o" "$(patched_objects)"
}

check_clang()
{
	local o=$OUT/clang llvm=(LLVM=-19 CC="$VM/cc clang-19" HOSTCC="$VM/cc clang-19" W=1)

	configure_like_main "$o" '' "${llvm[@]}"
	silent "$TARGET: our files with clang, W=1" compile "$o" "$(our_objects)" "${llvm[@]}"
}

# configure_like_main <object directory> [edit of .config, for sed] [make arguments...]: a
# tree of its own, because other flags would have the main kernel's objects built again
configure_like_main()
{
	local o=$1 edit=${2:-}
	shift $(($# > 1 ? 2 : 1))

	mkdir -p "$o"
	sed "$edit" "$OUT/main/.config" > "$o/.config.new"
	cmp -s "$o/.config.new" "$o/.config.main" || {
		cp "$o/.config.new" "$o/.config.main"
		cp "$o/.config.new" "$o/.config"
		kmake "$o" "$@" olddefconfig
	}
	kmake "$o" "$@" prepare
}

# check_library: that compilers find nothing to say about it
check_library()
{
	local cc

	for cc in gcc clang-19; do
		silent "$cc of libtrampfd" make -s -C tools/lib/trampfd CC="$cc" CFLAGS=-Werror \
			HEADERS="$OUT/main/usr" OUTPUT="$OUT/libtrampfd-$cc"
		silent "$cc of the tools" make -s -C tools/trampfd CC="$cc" CFLAGS=-Werror \
			HEADERS="$OUT/main/usr" OUTPUT="$OUT/tools-$cc"
	done
}

check_headers()
{
	local usr=$OUT/main/usr/include h cc

	for h in $(our_files '^include/uapi/' | sed 's|include/uapi/||'); do
		for cc in "gcc -std=c90" "gcc -m32 -std=c90" "g++"; do
			# shellcheck disable=SC2086
			silent "$cc of <$h> alone" $cc -Wall -Wextra -Werror -fsyntax-only \
				-I "$usr" -include "$h" -x "$([ "$cc" = g++ ] && echo c++ || echo c)" /dev/null
		done
	done
}

# example <page>: the program at the end of its EXAMPLES, as its readers see it
example()
{
	mandoc -T ascii "$1" | sed 's/.\x08//g' |
		awk '/^[A-Z]/ { examples = $1 == "EXAMPLES"; program = 0 }
		     examples && /^ *#include/ { program = 1 }
		     program'
}

# compile_example <page> <compiler and flags...>
compile_example()
{
	local page=$1 source
	shift

	source=$OUT/example-$(basename "$page").c
	example "$page" > "$source"
	[ -s "$source" ] || { echo "there is no program"; return 1; }
	"$@" -Wall -Wextra -Werror -I "$OUT/main/usr/include" -I "$TOP/tools/lib/trampfd" \
		-fsyntax-only "$source"
}

check_docs()
{
	local f cc

	for f in $(our_files '\.[ch]$'); do
		grep -q '^/\*\*$' "$LINUX/$f" || continue
		silent "kernel-doc $f" scripts/kernel-doc -none -Wall -Werror "$f"
	done
	silent "trampfd-security.rst has the policy of selinux_test" policy_in_docs
	for f in "$TOP"/man/*.[0-9] "$TOP"/tools/lib/trampfd/man/*.[0-9] "$TOP"/tools/trampfd/*.1; do
		silent "mandoc -T lint ${f#"$TOP"/}" mandoc -T lint "$f"
		# Those of the tools show commands.
		[[ $f != "$TOP"/tools/trampfd/* ]] || continue
		grep -q '^\.SH EXAMPLES' "$f" || continue
		for cc in "gcc -m64" "gcc -m32"; do
			# i386 has no arguments in registers.
			[ "$cc" != "gcc -m32" ] || ! grep -q TRAMPFD_ARG "$f" || continue
			# shellcheck disable=SC2086
			silent "$cc of the example in ${f#"$TOP"/}" compile_example "$f" $cc
		done
	done
}

# cil_rules: rules of SELinux without their comments and indentation
cil_rules() { sed -E '/^[ \t]*;/d; s/^[ \t]+//; /^$/d'; }

# policy_in_docs: what administrators read is what the test has
policy_in_docs()
{
	diff <(cil_rules < tools/testing/selftests/trampfd/selinux/trampfd.cil) \
		<(sed -n '/macros for domains::$/,/^A domain gets/p' \
			Documentation/userspace-api/trampfd-security.rst | sed '1d;$d' | cil_rules)
}

# python_test <name>: the unit tests of vm/<name>.py
python_test()
{
	local out

	out=$(python3 "$VM/$1_test.py" 2>&1) || { say "$out"; return 1; }
}

# tap_results: TAP on standard input as lines for add_results; what a failed test has printed
# before its line is the detail
tap_results()
{
	awk -v path="${STEP_LOG#"$TOP"/}" '
		function one(status, name) { printf "%s\t%s\t%s\t%s\n", status, name, said, path; said = "" }
		/^1\.\./		{ plan = substr($0, 4) + 0; next }
		/^# /			{ sub("^# ", ""); gsub("\t", " "); said = said (said ? "; " : "") $0; next }
		/^(not )?ok /	{ n++; name = $0; sub("^(not )?ok [0-9]+ - ", "", name)
				  one($1 == "ok" ? "pass" : "fail", name) }
		END { if (!plan || n != plan) one("fail", n + 0 " of " plan + 0 " tests ended") }'
}

check_scripts()
{
	# The sourced files' variables are used elsewhere.
	silent "shellcheck vm/" shellcheck -x -e SC2034,SC2153 -P "$VM:$TOP" "$VM"/*.sh "$VM"/awk "$VM"/cc "$VM"/sparse \
		"$VM"/init "$VM"/timeout "$VM"/jobs/* "$TOP/.ci/run" \
		"$TOP"/tools/testing/selftests/libtrampfd/*.sh "$TOP/tools/trampfd/trampfd-bench"
	silent "shellcheck of packages and services" shellcheck -x -e SC2034 -P "$TOP/packaging" "$VM/enter" \
		"$TOP"/packaging/{build,prepare,common.sh} "$TOP"/packaging/*/package.sh \
		"$TOP"/debian/tests/{closure,nested} "$TOP"/system/{run,root}
	bash "$VM/test_scripts.sh" | tee /dev/stderr | tap_results | add_results "scripts" || :
	silent "planted failures of guests are seen" python_test report
	silent "costs above their limits are seen" python_test bench_check
	silent "planted stores and locks are seen" python_test fault_path
	silent "planted failures of libffi's suite are seen" python_test clients_libffi
	silent "planted failures of other suites are seen" python_test clients_suites
	silent "planted changes of a kernel are reported" python_test port_report
	silent "places that were not reached are found" python_test fuzz_lines
	silent "rules of the series that do not fit are seen" python_test series
}
