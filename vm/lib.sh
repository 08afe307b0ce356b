# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Common to all scripts here: places, the architecture's facts, steps with
# their logs, and counted results.

set -euo pipefail
export LC_ALL=C TZ=UTC

VM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=${VM%/*}
KDIR=${TRAMPFD_KDIR:-}
JOBS=${TRAMPFD_JOBS:-$(nproc)}
ARCHES=$(cd "$VM/arch" && echo *.sh)
ARCHES=${ARCHES//.sh/}

# Settings of the caller's environment that would reach the builds.
unset ARCH CROSS_COMPILE LLVM CC LD CFLAGS CPPFLAGS LDFLAGS KCFLAGS O V W C \
	ONLY OUTPUT KBUILD_OUTPUT INSTALL_PATH INSTALL_HDR_PATH MAKEFLAGS MFLAGS MAKELEVEL

export CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G
# No preprocessing ahead of compiling: the kernels have too little in common.
export CCACHE_DEPEND=1

# The same input gives the same kernel, and another clone finds it in the cache.
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
export KBUILD_BUILD_USER=trampfd KBUILD_BUILD_HOST=trampfd KBUILD_BUILD_VERSION=1

say() { printf '%s\n' "$@"; }

die()
{
	printf '\n' >&2
	printf '%s\n' "$@" >&2
	exit 1
}

. "$VM/args.sh"
. "$VM/place.sh"
. "$VM/versions.sh"

# ported <what>: whether the architecture in use has it; PORTING.md lists what there can be
ported() { [[ " $NOT_PORTED " != *" $1 "* ]]; }

# wanted_arches <default>: the architectures that the user has asked for
wanted_arches()
{
	case ${TRAMPFD_ARCH:-$1} in
	all)	echo "$ARCHES" ;;
	*)	echo "${TRAMPFD_ARCH:-$1}" ;;
	esac
}

# use_arch <target>: load what there is to know about an architecture, and use the kernel that
# the user has chosen; or another one, as in x86_64-7.3.  TARGET is the name for logs and results.
use_arch()
{
	PORT=${1%%-*}
	[ -r "$VM/arch/$PORT.sh" ] ||
		die "ARCH=$PORT is not known.  Known are: $ARCHES"
	case $1 in
	*-*)	use_kernel "${1#*-}" ;;
	*)	use_kernel "$CHOSEN_KERNEL" ;;
	esac
	TARGET=$PORT
	[ "$KERNEL" = "$DEFAULT_KERNEL" ] || TARGET=$PORT-$KERNEL
	KERNEL_TESTS=''
	BENCH_VARIANT=main
	CMDLINE=''
	ICOUNT_TARGET=()
	SMP_TARGET=()
	CPUS=2
	KMAKE=()
	SLOW=()
	FURTHER_GUESTS=()
	FUZZ_KERNELS=(main)
	BUILDS=()
	MUST_RUN=()
	NOT_PORTED=''
	CODE_ENTRIES=yes
	declare -gA QEMU_OF=()		# of variants that run in another machine than QEMU's
	# shellcheck source=vm/arch/x86_64.sh
	. "$VM/arch/$PORT.sh"
	CROSS=$TRIPLET-
	[ "$(uname -m)" != "$PORT" ] || CROSS=
	OUT=$WORK/$PORT
	COMMON=$BUILD_DIR/common/$PORT	# what is the same for each kernel
	mkdir -p "$OUT" "$COMMON"
	# CPUs that really run at once, whether or not there is KVM.
	SMP=(-accel "tcg,thread=multi" -smp "$CPUS,sockets=$CPUS" kernel:CPUS="$CPUS" "${SMP_TARGET[@]}")
}

# commit_name: of the clone, and whether it has edits
commit_name() { git -C "$TOP" describe --always --dirty --abbrev=12 2> /dev/null || echo unknown; }

# step <log name> <what it does> <command...>: run a command with its output in
# a log, and show what runs, how long it took, and where the log is.  How it
# ended is in STEP_RC: a function that is called as a condition would go on
# after its errors.
step()
{
	local name=$1 what=$2 start=$SECONDS
	shift 2
	STEP_LOG=$LOG/$name.log
	printf '[%3d:%02d] %s ... ' $((SECONDS / 60)) $((SECONDS % 60)) "$what"
	set +e
	# Guests come first: their CPUs wait for each other, which takes CPUs for nothing if one
	# of them does not run.
	(trap 'times > "$LOG/$name.cpu"' EXIT
	 trap 'exit 130' INT
	 renice -n 10 -p $BASHPID > /dev/null
	 set -e; "$@") > "$STEP_LOG" 2>&1 < /dev/null
	STEP_RC=$?
	set -e
	spent build $((SECONDS - start)) "$name"
	if [ $STEP_RC -eq 0 ]; then
		say "$((SECONDS - start)) s, $(cpu_of "$name") of CPUs  (log: ${STEP_LOG#"$TOP"/})"
	else
		say "FAILED after $((SECONDS - start)) s  (log: ${STEP_LOG#"$TOP"/})"
	fi
}

# cpu_of <log name>: seconds of CPU that a step has taken.  Bash's "times" has printed them, of
# the shell and of its children, as "1m2.3s 0m0.4s".
cpu_of()
{
	awk -F'[ms ]+' '{ s += 60 * $1 + $2 + 60 * $3 + $4 } END { printf "%d", s }' "$LOG/$1.cpu" \
		2> /dev/null || echo 0
}

# spent <what> <seconds> <log name>: note what a part took, builds and guests apart
spent()
{
	[ -z "${TIMES:-}" ] ||
		printf '%s\t%s\t%s\t%s\n' "${TARGET:-all}" "$1" "$2" "$(cpu_of "$3")" >> "$TIMES"
}

declare -A BACKGROUND=() BACKGROUND_START=() BACKGROUND_WHAT=()

# start_step <as step>: the same in the background
start_step()
{
	local name=$1
	BACKGROUND_WHAT[$name]=$2
	BACKGROUND_START[$name]=$SECONDS
	shift 2
	printf '[%3d:%02d] %s, in the background  (log: %s)\n' $((SECONDS / 60)) $((SECONDS % 60)) \
		"${BACKGROUND_WHAT[$name]}" "${LOG#"$TOP"/}/$name.log"
	# In a process group of its own, to be ended as a whole.
	set -m
	(trap 'times > "$LOG/$name.cpu"' EXIT; set -e; "$@") > "$LOG/$name.log" 2>&1 < /dev/null &
	BACKGROUND[$name]=$!
	set +m
}

# end_step: wait for one of them; its log's name is in STEP_NAME
end_step()
{
	local pid name

	STEP_RC=0
	wait -n -p pid "${BACKGROUND[@]}" || STEP_RC=$?
	for name in "${!BACKGROUND[@]}"; do
		[ "${BACKGROUND[$name]}" = "$pid" ] || continue
		STEP_NAME=$name
		STEP_LOG=$LOG/$name.log
		unset "BACKGROUND[$name]"
		printf '[%3d:%02d] %s: %s after %d s, %d of CPUs  (log: %s)\n' $((SECONDS / 60)) $((SECONDS % 60)) \
			"${BACKGROUND_WHAT[$name]}" "$([ $STEP_RC -eq 0 ] && echo "done" || echo FAILED)" \
			$((SECONDS - BACKGROUND_START[$name])) "$(cpu_of "$name")" "${STEP_LOG#"$TOP"/}"
		TARGET=${name%%-*} spent guest $((SECONDS - BACKGROUND_START[$name])) "$name"
	done
}

kill_background()
{
	local pid

	for pid in "${BACKGROUND[@]}"; do
		kill -KILL -- "-$pid" 2> /dev/null || :
	done
}
trap kill_background EXIT
# Programs such as patch and rsync take Ctrl-C for themselves, and a shell would go on with what
# comes next.
trap 'say "" "Interrupted.  The same command goes on from there."; exit 130' INT
trap 'exit 143' TERM

# error_lines <log>: at most ten lines that say what went wrong.  A compiler names a warning's
# option -Werror=, and make reports an error of its own for each directory on the way out.
error_lines()
{
	grep -aE -m10 '(^|[^-[:alnum:]])([Ee]rror|ERROR|fatal): |: fatal error: |undefined reference|^E: |No space left|^asked for ' "$1" ||
		grep -aE -m10 '(^|[^-[:alnum:]=])[Ee]rror([^[:alnum:]=]|$)|\*\*\*|: (cannot|can.t) ' "$1" || :
}

# show_failure <log>: the lines that say what went wrong, and how the log ends
show_failure()
{
	local errors

	errors=$(error_lines "$1")
	[ -z "$errors" ] || say "Errors:" "    ${errors//$'\n'/$'\n'    }"
	echo "The log ends with:"
	tail -n 10 "$1" | sed 's/^/    /'
}

# must <as step>: what follows is of no use without it
must()
{
	step "$@"
	[ $STEP_RC -ne 0 ] || return 0
	echo
	show_failure "$STEP_LOG"
	die "It stopped at: $2" \
		"Whole log:     ${STEP_LOG#"$TOP"/}" \
		"When the cause is mended, run the same command again: it goes on from there."
}

# result pass|fail|skip <name> [detail] [log]: count one test
result()
{
	local detail=${3:-} log=${4:-$STEP_LOG}

	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "${detail//$'\t'/ }" "${log#"$TOP"/}" >> "$RESULTS"
}

# built <step name> <what it does> <command...>: a step that counts as a test
built()
{
	step "$@"
	if [ "$STEP_RC" -eq 0 ]; then
		result pass "$TARGET: $2"
	else
		result fail "$TARGET: $2" "$(error_lines "$STEP_LOG" | head -n 1)"
	fi
}

# add_results <whose> [show]: count the lines of standard input, say how many, and
# show each
add_results()
{
	awk -F'\t' -v OFS='\t' -v whose="$1" -v show="${2:-}" -v results="$RESULTS" '
		{ $2 = whose ": " $2; print >> results; n[$1]++ }
		show { sub(whose ": ", "", $2); printf "  %s  %s: %s\n", $1, $2, $3 }
		END { printf "         %s: %d passed, %d failed, %d skipped\n",
			whose, n["pass"], n["fail"], n["skip"] }'
}

# kmake <object directory> <make arguments...>: the kernel's make on $LINUX
kmake()
{
	local o=$1
	shift
	make -C "${KSRC:-$LINUX}" O="$o" ARCH="$KARCH" CROSS_COMPILE="$CROSS" \
		CC="$VM/cc ${CROSS}gcc" HOSTCC="$VM/cc gcc" "${KMAKE[@]}" -j"$JOBS" "$@"
}
