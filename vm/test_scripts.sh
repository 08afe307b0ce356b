#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tests of the scripts here that need no kernel and no network: what they answer to words and
# trees that they can't use, and that they lose nothing.  Prints TAP; takes seconds.
#
# They run on a copy of the scripts, with a feature of two files for a kernel of five.  For root
# nothing is unwritable, so root runs them as nobody.

set -euo pipefail
export LC_ALL=C

VM=$(cd "$(dirname "$0")" && pwd)
if [ $# -eq 0 ]; then
	T=$(mktemp -d)
	trap 'chmod -R u+w "$T"; rm -rf "$T"' EXIT
	chmod 755 "$T"
	mkdir "$T/clone"
	cp -r "$VM" "$VM/../Makefile" "$T/clone/"
	as=()
	if [ "$(id -u)" -eq 0 ]; then
		chown -R 65534:65534 "$T"
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	fi
	# Nothing of the caller's may reach make.
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$T" \
		"${as[@]}" bash "$T/clone/vm/test_scripts.sh" "$T"
	exit
fi

T=$1
CLONE=$T/clone
TREE=$T/tree
FAKES=$T/fakes
cd "$CLONE"

# make_clone: the feature: a file, and a patch of another one
make_clone()
{
	mkdir -p mm samples/trampfd patches/6.12
	echo 'int trampfd;' > mm/trampfd.c
	echo 'hello' > samples/trampfd/hello.c
	echo mm.patch > patches/6.12/series
	printf '%s\n' '--- a/mm/Makefile' '+++ b/mm/Makefile' '@@ -1,2 +1,3 @@' ' obj-y += a.o' \
		'+obj-y += trampfd.o' ' obj-y += b.o' > patches/6.12/mm.patch
}

# make_tree: a kernel
make_tree()
{
	rm -rf "$TREE" "$TREE.before"
	mkdir -p "$TREE"/{include/linux,mm,kernel,samples}
	printf '%s\n' 'VERSION = 6' 'PATCHLEVEL = 12' > "$TREE/Makefile"
	printf '%s\n' 'obj-y += a.o' 'obj-y += b.o' > "$TREE/mm/Makefile"
	touch "$TREE"/{include/linux/mm.h,kernel/fork.c,samples/Kconfig}
	cp -a "$TREE" "$TREE.before"
}

# fake <program> <script>: what the scripts find instead of it
fake()
{
	mkdir -p "$FAKES"
	printf '%s\n' '#!/bin/bash' "$2" > "$FAKES/$1"
	chmod +x "$FAKES/$1"
}

# fake_debian <status of packages>: a system where they have it, and which has no network.  So
# nothing is fetched or built, even if it is not refused.
fake_debian()
{
	fake dpkg-query "case \$* in *Depends*) echo gcc-12;; *) echo $1;; esac"
	fake apt-cache 'exit 0'
	fake apt-get 'echo "Err:1 http://deb.debian.org x"; echo "  Could not resolve '\''deb.debian.org'\''"; exit 100'
	# shellcheck disable=SC2016
	fake sudo '[ "$1" != -n ] || shift; [ "$1" = -v ] || exec "$@"'
	PATH=$FAKES:$PATH
}

fail() { printf '%s\n' "$@"; return 1; }

# refuses <pattern> <command...>: it fails within seconds, and its few lines match
refuses()
{
	local pattern=$1 out rc=0
	shift

	out=$(timeout 20 "$@" 2>&1) || rc=$?
	[ $rc -ne 0 ] || fail "it did not fail:" "$out" || return
	[ $rc -ne 124 ] || fail "it did not end:" "$out" || return
	[[ $out =~ $pattern ]] || fail "it does not say $pattern:" "$out" || return
	[ "$(wc -l <<< "$out")" -le 9 ] || fail "it says too much:" "$out"
}

# same_tree: the tree is what it was before
same_tree() { diff -r "$TREE.before" "$TREE"; }

APPLY=(make -s apply KDIR="$TREE")
UNAPPLY=(make -s unapply KDIR="$TREE")

TESTS=()
# t <function> <name>
t() { TESTS+=("$1|$2"); }

t arguments "a word that can't be used is refused at once"
arguments()
{
	refuses 'JOBS=abc is not a number' make run JOBS=abc
	refuses 'JOBS=0 is not a number' make check JOBS=0
	refuses 'MINUTES=x is not a number' make check MINUTES=x
	refuses 'ARCH=foo is not known' make run ARCH=foo
	refuses 'ARCH=foo is not known' make check 'ARCH=arm foo'
	refuses 'HOURS=1h is not a number of hours' make fuzz HOURS=1h
	refuses 'ON=foo: x86_64 has no such kernel to fuzz' make fuzz ON=foo
	refuses 'ON=foo: there is no such kernel of i386' make bench ARCH=i386 ON=foo
	refuses 'MUTANTS=yes is neither 0 nor 1' make fuzz MUTANTS=yes
	refuses 'MUTANT=99: there is no such' make fuzz MUTANTS=1 MUTANT=99
	refuses 'one architecture' make shell 'ARCH=arm arm64'
	refuses 'KERNEL=5.4 is not known' make run KERNEL=5.4
	mkdir -p patches/7.3
	refuses 'KERNEL=6.12 7.3 is not known' make run KERNEL='6.12 7.3'
	refuses 'LIBFFI=3.4 is not the name' make clients LIBFFI=3.4
	refuses 'TESTS=yes is neither' make shell TESTS=yes
	refuses 'KERNEL=7.3, but' make run KERNEL=7.3 KDIR="$TREE"
	[ ! -e build ] || fail "build/ was made"
}

t paths "a path that make can't take is refused at once"
paths()
{
	cp -r "$CLONE" "$T/a clone"
	refuses "clone of trampfd has a character in its path.*, ' '" make -C "$T/a clone" run
	cp -r "$TREE" "$T/a tree"
	cp -r "$TREE" "$T/a:tree"
	refuses "KDIR has a character in its path.*, ' '" make run KDIR="$T/a tree"
	refuses "KDIR has a character in its path.*, ':'" make apply KDIR="$T/a:tree"
	refuses "KDIR has a character in its path.*, '''" make apply KDIR="$T/it's"
	refuses "OUTPUT has a character in its path" make run OUTPUT="$T/a place"
}

t no_tree "a directory that is no kernel's source is refused"
no_tree()
{
	local command

	mkdir -p "$T/empty" "$T/other"
	printf '%s\n' 'VERSION = 6' 'PATCHLEVEL = 12' > "$T/other/Makefile"
	for command in run check apply unapply port-report; do
		refuses 'empty is no Linux source tree' make "$command" KDIR="$T/empty"
		refuses 'other is no Linux source tree' make "$command" KDIR="$T/other"
		refuses 'there is no such directory' make "$command" KDIR="$T/nowhere"
	done
}

t applied "apply puts everything there, twice changes nothing, unapply takes it away"
applied()
{
	"${APPLY[@]}"
	grep -x 'obj-y += trampfd.o' "$TREE/mm/Makefile"
	cmp mm/trampfd.c "$TREE/mm/trampfd.c"
	cp -a "$TREE" "$T/once"
	[[ $("${APPLY[@]}") = *"has trampfd already"* ]]
	diff -r "$T/once" "$TREE"
	"${UNAPPLY[@]}"
	same_tree
	refuses 'has nothing of trampfd' "${UNAPPLY[@]}"
}

t renewed "apply brings what is new, and removes what is no longer there"
renewed()
{
	"${APPLY[@]}"
	echo 'int newer;' > mm/trampfd.c
	mv samples/trampfd/hello.c samples/trampfd/other.c
	"${APPLY[@]}"
	[ ! -e "$TREE/samples/trampfd/hello.c" ]
	[ -e "$TREE/samples/trampfd/other.c" ]
	cmp mm/trampfd.c "$TREE/mm/trampfd.c"
	"${UNAPPLY[@]}"
	same_tree
}

t edits "a file that was edited in the tree is kept by both"
edits()
{
	"${APPLY[@]}"
	echo 'mine' >> "$TREE/mm/trampfd.c"
	echo 'int newer;' > mm/trampfd.c
	cp -a "$TREE" "$T/edited"
	refuses 'mm/trampfd.c' "${APPLY[@]}"
	diff -r "$T/edited" "$TREE"
	refuses 'mm/trampfd.c' "${UNAPPLY[@]}"
	diff -r "$T/edited" "$TREE"
	"${APPLY[@]}" FORCE=1
	cmp mm/trampfd.c "$TREE/mm/trampfd.c"
	cmp "$T/edited/mm/trampfd.c" "$TREE/mm/trampfd.c.orig"
	# What is edited beside a patch stays.
	echo 'obj-y += mine.o' >> "$TREE/mm/Makefile"
	"${UNAPPLY[@]}"
	printf '%s\n' 'obj-y += a.o' 'obj-y += b.o' 'obj-y += mine.o' | cmp - "$TREE/mm/Makefile"
}

t misfit "a patch that does not fit is named, and nothing is changed"
misfit()
{
	sed -i 's/b.o/c.o/' "$TREE"/mm/Makefile "$TREE.before/mm/Makefile"
	refuses 'mm.patch does not apply' "${APPLY[@]}"
	same_tree
}

t unwritable "a tree that can't be written is refused in a line, and nothing is left behind"
unwritable()
{
	chmod a-w "$TREE/mm" "$TREE.before/mm"
	refuses "$TREE/mm can't be written" "${APPLY[@]}"
	same_tree
	chmod u+w "$TREE/mm" "$TREE.before/mm"
	"${APPLY[@]}"
	cp -a "$TREE" "$T/whole"
	chmod a-w "$TREE/mm"
	refuses "$TREE/mm can't be written" "${UNAPPLY[@]}"
	diff -r "$T/whole" "$TREE"
}

t half_way "a tree that can't be changed half-way is changed back"
half_way()
{
	# rsync stops with an error when it has changed something.
	fake rsync "/usr/bin/rsync \"\$@\"; case \"\$*\" in *itemize*|*files-from*|*before*) ;; *$TREE/) exit 11;; esac"
	PATH=$FAKES:$PATH refuses 'could not be changed, and is as it was' make apply KDIR="$TREE"
	same_tree
}

t two_applies "two at once in a tree: the second says so"
two_applies()
{
	(exec 9< "$TREE"; flock 9; exec sleep 20) > /dev/null &
	sleep 0.3
	refuses 'Another make apply or unapply works on' "${APPLY[@]}"
	kill $!
}

t lock "two at once in a clone: the second says who is there"
lock()
{
	local pid

	mkdir -p build/log
	bash -c 'exec 9>> build/.lock; flock 9; echo "$$ make check" > build/.lock
		sleep 20 & echo $! > build/started; wait' > /dev/null 2>&1 &
	pid=$!
	sleep 0.3
	refuses "process $pid, for 0 minutes, \"make check\"" make run
	refuses "process $pid, for 0 minutes, \"make check\"" make clean
	[ -e build/.lock ] || fail "it was removed"
	# What it has started goes on without it.
	kill "$pid"
	wait "$pid" || :
	refuses "earlier make check has ended, but not all.*first: $(cat build/started)"$'\n' make run
	(sleep 1; kill "$(cat build/started)") > /dev/null 2>&1 &
	refuses 'packages are missing' make run
}

t output "OUTPUT= is for everything, and must be new, empty or from here"
output()
{
	chmod -R a-w "$CLONE"
	OUT_LOG=$(TRAMPFD_OUTPUT=$T/out bash -c '. vm/lib.sh; begin run; use_arch x86_64; echo "$LOG $OUT $COMMON"')
	chmod -R u+w "$CLONE"
	[ "$OUT_LOG" = "$T/out/log $T/out/6.12/x86_64 $T/out/common/x86_64" ] || fail "$OUT_LOG"
	[ -e "$T/out/log/run.results" ]
	[ ! -e build ]
	mkdir -p "$T/mine"
	touch "$T/mine/file"
	refuses 'has files that are not from here' make run OUTPUT="$T/mine"
	refuses 'has not been made by make' make clean OUTPUT="$T/mine"
	[ -e "$T/mine/file" ]
	# An environment may have it for something else.
	OUTPUT=$T/mine refuses 'packages are missing' make run
	rm -rf build
	make -s clean OUTPUT="$T/out"
	[ ! -e "$T/out" ]
	chmod a-w "$CLONE"
	refuses "build can't be written.*OUTPUT=" make run
	chmod u+w "$CLONE"
}

t no_packages "without a network, missing packages are named at once"
no_packages()
{
	refuses "packages are missing.*qemu-system-x86.*Is there a network" make run
	# Of both, if two are asked for.
	refuses "missing.*gcc-aarch64" make run ARCH="arm arm64"
	refuses "missing.*gcc-arm-linux-gnueabihf" make run ARCH="arm arm64"
}

t no_sources "without a network, missing sources are named before anything is compiled"
no_sources()
{
	local what

	fake_debian installed
	for what in run check bench clients further shell; do
		refuses "source of busybox is missing.*Is there a network" make "$what" ARCH=x86_64
		[ -z "$(ls build/log/*build* build/log/unpack* 2> /dev/null)" ] || fail "$what compiled"
	done
	refuses "source of Linux 7.3 is missing.*Is there a network" bash -c '
		mkdir -p patches/7.3 build/sources/busybox && touch build/sources/busybox/.complete
		cp patches/6.12/* patches/7.3/ && make run KERNEL=7.3'
}

t interrupt "Ctrl-C ends a run while patches are applied"
interrupt()
{
	local pid calls what i

	fake_debian installed
	mkdir -p build/sources/busybox
	touch build/sources/busybox/.complete
	# As patch does, it ends by itself, and not by the signal.
	fake patch "echo >> $T/calls; trap 'exit 1' INT; sleep 2 & wait"
	for what in run apply; do
		: > "$T/calls"
		set -m
		# A run in the background may have been started without the signal.
		env --default-signal=INT make "$what" KDIR="$TREE" > "$T/out" 2>&1 &
		pid=$!
		set +m
		for ((calls = 0; calls < 100; calls++)); do
			[ ! -s "$T/calls" ] || break
			sleep 0.1
		done
		calls=$(wc -l < "$T/calls")
		[ "$calls" -gt 0 ] || fail "no patch was applied:" "$(cat "$T/out")"
		kill -INT -- "-$pid"
		for i in {1..50}; do
			kill -0 "$pid" 2> /dev/null || break
			sleep 0.1
		done
		! kill -0 "$pid" 2> /dev/null || { kill -KILL -- "-$pid"; fail "$what goes on"; }
		[ "$(wc -l < "$T/calls")" -eq "$calls" ] || fail "$what has applied more"
		wait "$pid" 2> /dev/null && fail "$what has succeeded"
	done
	same_tree
}

t errors_first "of a step that fails, the lines with its errors come first"
errors_first()
{
	local out

	out=$(bash -c '. vm/lib.sh; begin run
		compile() {
			echo "a.c:1:1: error: unknown type name"
			for i in {1..40}; do echo "b.c:$i:1: warning: unused [-Werror=unused]"; done
			return 1
		}
		must compile "compile" compile' 2>&1) && fail "it did not fail"
	[ "$(grep -n 'error: unknown type name' <<< "$out" | cut -d: -f1)" -le 4 ] || fail "$out"
	[ "$(wc -l <<< "$out")" -lt 20 ] || fail "$out"
}

t clean "a clean that is interrupted leaves nothing that a run would take for whole"
clean()
{
	mkdir -p build/6.12/linux-pristine
	touch build/6.12/.source
	fake rm 'exit 1'
	! make -s clean 2> /dev/null || fail "the fake was not used"
	[ ! -e build/6.12/.source ]
	/bin/rm "$FAKES/rm"
	make -s clean
	[ ! -e build ]
}

t unlocked "a place that is given free is free for another make"
unlocked()
{
	bash -c '. vm/lib.sh; begin shell; { sleep 0.1; unlock_place; } > /dev/null 2>&1 &
		sleep 5' > /dev/null 2>&1 &
	sleep 1.5
	refuses 'packages are missing' make run
	kill $!
}

t tap "of these tests, one that fails or does not end is counted"
tap()
{
	local results

	results=$(printf '1..3\nok 1 - a\n# why\n# it\nnot ok 2 - b\n' | bash -c '
		. vm/lib.sh; . vm/static.sh; STEP_LOG=log; tap_results')
	[ "$results" = $'pass\ta\t\tlog\nfail\tb\twhy; it\tlog\nfail\t2 of 3 tests ended\t\tlog' ] ||
		fail "$results"
}

# program <file> <class> <data> <machine, two bytes>: the beginning of an ELF file
program()
{
	{
		# shellcheck disable=SC2059
		printf '\177ELF'"\\$2\\$3"
		printf '\0%.0s' {1..10}
		if [ "$3" = 2 ]; then printf '\0\2'; else printf '\2\0'; fi
		# shellcheck disable=SC2059
		printf "$4"
	} > "$1"
	chmod +x "$1"
}

t prog "PROG= that no guest can run is refused in a sentence"
prog()
{
	local name expected

	refuses 'there is no such file' make run PROG=nowhere
	refuses 'not a file that can be read' make run PROG="$T"
	echo '#!/bin/sh' > "$T/script"
	refuses 'not a compiled program' make run PROG="$T/script"
	program "$T/arm" 1 1 '\050\0'
	refuses "is for arm, and the guest of ARCH=x86_64 can't run it" make run PROG="$T/arm" ARCH=x86_64
	program "$T/sparc" 1 2 '\0\002'
	refuses 'an architecture that trampfd is not ported to' make run PROG="$T/sparc"
	cp "$T/arm" "$T/a b"
	refuses "PROG has a character in its path" make run PROG="$T/a b"
	refuses 'one architecture' make run PROG="$T/arm" ARCH=all
	refuses 'STRICT=x is neither' make run PROG="$T/arm" STRICT=x
	program "$T/x86_64" 2 1 '\076\0'
	program "$T/i386" 1 1 '\003\0'
	program "$T/arm64" 2 1 '\267\0'
	program "$T/riscv64" 2 1 '\363\0'
	program "$T/s390x" 2 2 '\0\026'
	program "$T/ppc64le" 2 1 '\025\0'
	program "$T/mips64el" 2 1 '\010\0'
	program "$T/m68k" 1 2 '\0\004'
	for name in x86_64 i386 arm arm64 riscv64 s390x ppc64le mips64el m68k; do
		expected="$name $name"
		[ $name != i386 ] || expected="i386 x86_64"
		[ "$(TRAMPFD_PROG=$T/$name bash -c '. vm/lib.sh; . vm/prog.sh; check_prog
			echo "$PROG_ARCH $PROG_GUEST"')" = "$expected" ] || fail "$name"
	done
}

t libraries "PROG= brings its dynamic linker and its libraries, or says which are missing"
libraries()
{
	local to

	echo 'int main(void) { return 0; }' | gcc -x c -o "$T/dynamic" - -lm -Wl,--no-as-needed -lrt -lm
	to=$(TRAMPFD_STRICT=0 TRAMPFD_ARGS='1 "2 3"' TRAMPFD_PROG=$T/dynamic bash -c '
		. vm/lib.sh; . vm/prog.sh; check_files; check_prog
		initramfs() { :; }
		begin run; use_arch "$PROG_GUEST"; build_prog; echo "$OUT/prog.guest"')
	[ -x "$to/prog/dynamic" ]
	[ -e "$to/prog/lib/libm.so.6" ]
	[ -e "$to/prog/lib/libc.so.6" ]
	[ -e "$to/$(readelf -lW "$T/dynamic" | sed -n 's/.*interpreter: \(.*\)]/\1/p')" ]
	grep -qxF 'exec env LD_LIBRARY_PATH=/prog/lib /prog/dynamic 1 "2 3"' "$to/prog/run"
	fake ldd 'echo "	libnone.so.1 => not found"'
	PATH=$FAKES:$PATH refuses 'not on this machine.*libnone.so.1' make run PROG="$T/dynamic"
}

t files "FILES= that a guest can't have is refused in a sentence"
files()
{
	refuses 'FILES=nowhere: there is no such directory' make shell FILES=nowhere
	refuses 'FILES=Makefile: there is no such directory' make shell FILES=Makefile
	mkdir -p "$T/files"
	refuses 'FILES= is for make shell' make run FILES="$T/files"
	touch "$T/files/a b"
	refuses "can't have a file with a space in its name: $T/files/a b" make shell FILES="$T/files"
	mv "$T/files/a b" "$T/files/ab"
	chmod 0 "$T/files/ab"
	refuses "can't be read: $T/files/ab" make shell FILES="$T/files"
}

# run_test <function> <name> <number>: in a clone and a tree of its own
run_test()
{
	local rc=0 out

	chmod -R u+w "$T"
	find "$T" -mindepth 1 -maxdepth 1 ! -path "$CLONE" -exec rm -rf {} +
	rm -rf build mm samples patches
	make_clone
	make_tree
	set +e
	out=$(set -eE; trap 'echo "at line $LINENO"' ERR; fake_debian missing; "$1" 2>&1)
	rc=$?
	set -e
	if [ $rc -eq 0 ]; then
		echo "ok $3 - $2"
	else
		# shellcheck disable=SC2001
		sed 's/^/# /' <<< "$out"
		echo "not ok $3 - $2"
	fi
}

echo "1..${#TESTS[@]}"
for i in "${!TESTS[@]}"; do
	run_test "${TESTS[i]%%|*}" "${TESTS[i]#*|}" $((i + 1))
done
