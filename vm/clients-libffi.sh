# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Debian's libffi on trampfd, judged by libffi's own test suite.
#
# The suite is DejaGnu's, and runs each program as soon as it is compiled.  A
# guest runs all of them in one go, so the suite runs twice: the first time its
# board stores the programs, the second time it answers with what the guest's
# run of each has given (clients/libffi/guest.exp).

CLIENT_FFI=$TOP/clients/libffi

# Another of Debian's releases, whose libffi is wanted; and what its files have in their names
LIBFFI=${TRAMPFD_LIBFFI:-}
FFI=${LIBFFI:+-$LIBFFI}

# What the guest does: the way to run, the library that is used, and the system
# that it is run on.
FFI_RUNS=("a stock free" "b stock strict" "c patched strict" "d patched off" "e debian strict")

# build_libtrampfd: $OUT/libtrampfd
build_libtrampfd()
{
	make -C "$TOP/tools/lib/trampfd" OUTPUT="$OUT/libtrampfd.build" HEADERS="$OUT/main/usr" \
		CC="$VM/cc ${CROSS}gcc" AR="${CROSS}ar" PREFIX="$OUT/libtrampfd" install
}

# patched_libffi: $SOURCES/trampfd-libffi$FFI, Debian's source with our patches
patched_libffi()
{
	local to=$SOURCES/trampfd-libffi$FFI stamp p

	debian_source libffi "$LIBFFI"
	stamp=$(cat "$(source_files libffi "$LIBFFI")"/libffi_* "$CLIENT_FFI/series" "$CLIENT_FFI"/*.patch | sha256sum)
	[ "$stamp" != "$(cat "$to/.stamp" 2> /dev/null)" ] || return 0
	rm -rf "$to"
	cp -a "$SOURCES/libffi$FFI" "$to"
	while read -r p; do
		patch -d "$to" -p1 --fuzz=0 < "$CLIENT_FFI/$p"
	done < "$CLIENT_FFI/series"
	(cd "$to" && autoreconf -fi)
	echo "$stamp" > "$to/.stamp"
}

# ffi_library <name> <source> [configure arguments...]: $OUT/ffi$FFI/<name>
ffi_library()
{
	local o=$OUT/ffi$FFI/$1 source=$2 stamp files
	shift 2

	files=("$source/.stamp" "$(source_files libffi "$LIBFFI")"/libffi_*)
	# The test programs are linked to a library that knows nothing of it, and stay.
	[[ " $* " != *" --with-trampfd "* ]] || files+=("$TOP"/tools/lib/trampfd/*.[chS])
	stamp=$( (echo "$*"; "${CROSS}gcc" --version; cat "${files[@]}" || :) 2> /dev/null | sha256sum)
	[ "$stamp" != "$(cat "$o/.stamp" 2> /dev/null)" ] || return 0
	rm -rf "$o"
	mkdir -p "$o"
	cd "$o" || return
	"$source/configure" --host="$TRIPLET" \
		--prefix=/usr --libdir=/usr/lib --disable-static --disable-docs --disable-builddir \
		--without-gcc-arch --disable-multi-os-directory \
		CC="$VM/cc ${CROSS}gcc" CXX="$VM/cc ${CROSS}g++" CPPFLAGS="-isystem $OUT/main/usr/include -isystem $OUT/libtrampfd/include" \
		LDFLAGS="-Wl,-z,noexecstack -L$OUT/libtrampfd/lib -Wl,-rpath-link,$OUT/libtrampfd/lib" "$@"
	make -j"$JOBS"
	make -C testsuite site.exp
	echo "$stamp" > "$o/.stamp"
}

# build_ffi_libraries: as libffi comes, as Debian builds it (without static
# trampolines), and with the patch
build_ffi_libraries()
{
	debian_source libffi "$LIBFFI"
	build_libtrampfd
	patched_libffi
	ffi_library stock "$SOURCES/libffi$FFI"
	ffi_library debian "$SOURCES/libffi$FFI" --disable-exec-static-tramp
	ffi_library patched "$SOURCES/trampfd-libffi$FFI" --with-trampfd
}

# ffi_suite <directory> <TRAMPFD_RUN or ""> <.exp files...>: run libffi's suite; its
# verdicts are in <directory>/libffi.sum
ffi_suite()
{
	local dir=$OUT/ffi$FFI/stock/$1 run=$2
	shift 2

	rm -rf "$dir"
	mkdir -p "$dir"
	# Programs are for the target, but what compiles them runs here.
	# What the patch adds to the suite is for every library.
	sed -e "s|^set srcdir .*|set srcdir \"$SOURCES/trampfd-libffi$FFI/testsuite\"|" \
		-e "s|^set objdir .*|set objdir \"$dir\"|" -e "s|^set host_triplet .*|set host_triplet $(gcc -dumpmachine)|" \
		-e "s|^set build_triplet .*|set build_triplet $(gcc -dumpmachine)|" \
		-e '/^set \(build\|host\)_alias/d' "$OUT/ffi$FFI/stock/testsuite/site.exp" > "$dir/site.exp"
	echo "lappend boards_dir \"$CLIENT_FFI\"" > "$dir/boards.exp"
	cd "$dir" || return
	# The exit status tells of failed tests; whether they may fail is for others to say.
	env ${run:+"TRAMPFD_RUN=$run"} DEJAGNU="$dir/boards.exp" TRAMPFD_STORE="$OUT/ffi$FFI/store" \
		runtest --tool libffi --target_board=guest "$@" || [ $? -eq 1 ]
	grep -q '^# of ' "$dir/libffi.sum"
}

# ffi_programs: all test programs, in $OUT/ffi$FFI/store.  Nearly all of the time goes into
# them, and ccache does not keep what is compiled and linked at once, so they are kept
# beside its files.
ffi_programs()
{
	local o=$OUT/ffi$FFI stamp cache

	stamp=$( (cat "$o/stock/.stamp" "$CLIENT_FFI/guest.exp"; "${CROSS}g++" --version; ffi_stamp_libc
		find "$SOURCES/trampfd-libffi$FFI/testsuite" -type f -not -name '*.in' | LC_ALL=C sort |
			xargs cat) | sha256sum)
	[ "$stamp" != "$(cat "$o/store/.stamp" 2> /dev/null)" ] || return 0
	cache=$(dirname "$CCACHE_DIR")/libffi$FFI-$TARGET-${stamp:0:16}.tar.gz
	rm -rf "$o/store"
	mkdir -p "$o/store"
	if [ -e "$cache" ]; then
		tar -xzf "$cache" -C "$o/store"
	else
		ffi_compile
		ffi_compiled
		mkdir -p "${cache%/*}"
		rm -f "${cache%-*}"-*
		tar -C "$o/store" -cf - . | gzip -1 > "$cache.new"
		mv "$cache.new" "$cache"
	fi
	echo "$stamp" > "$o/store/.stamp"
}

# ffi_stamp_libc: what else of the machine is in a program
ffi_stamp_libc()
{
	local file

	for file in crt1.o libc.so.6 libgcc.a; do
		sha256sum < "$("${CROSS}gcc" -print-file-name=$file)"
	done
}

# ffi_compile: as many parts as there are CPUs on a small machine; the first is half of it
ffi_compile()
{
	local o=$OUT/ffi$FFI jobs=() rest=()

	ffi_suite compile-1 "" bhaible.exp > "$o/compile-1.log" 2>&1 &
	jobs=($!)
	mapfile -t rest < <(cd "$SOURCES/trampfd-libffi$FFI/testsuite" && basename -a libffi.*/*.exp | grep -vx bhaible.exp)
	ffi_suite compile-2 "" "${rest[@]}" > "$o/compile-2.log" 2>&1 &
	jobs+=($!)
	wait "${jobs[0]}"
	wait "${jobs[1]}"
	find "$o/store" -type f -perm -u+x -exec "${CROSS}strip" {} +
}

# ffi_compiled: whether all programs are there.  The suite would leave out what is not,
# and a full disk must not be remembered.  With some it only asks the compiler: they
# say themselves that they are not to compile.
ffi_compiled()
{
	local said missing=0

	for said in "$OUT/ffi$FFI"/store/*.cc; do
		if [ -e "${said%.cc}" ] || [ ! -s "$said" ] || grep -q '#error Failed' "$said"; then
			continue
		fi
		echo "error: ${said##*/} was not compiled"
		cat "$said"
		missing=1
	done
	return $missing
}

# ffi_libc <directory>: what dynamically linked programs need of this architecture
ffi_libc()
{
	local to=$1 lib

	mkdir -p "$to"
	for lib in libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 libgcc_s.so.1 libstdc++.so.6; do
		lib=$("${CROSS}g++" -print-file-name="$lib")
		[ "$lib" = "${lib##*/}" ] || cp -L "$lib" "$to/"
	done
	find "$to" -type f -exec "${CROSS}strip" -g {} +
	no_exec_stack "$to"
}

# no_exec_stack <directory>: Debian's libraries for mips ask for an executable stack, so
# that no program could start where there is none
no_exec_stack()
{
	case $PORT in
	mips*)	find "$1" -name '*.so*' -type f \
			-exec python3 "$VM/clients_libffi.py" noexecstack {} + ;;
	esac
}

# ffi_loader <program>: the dynamic loader that it names, as a file of the guest
ffi_loader() { "${CROSS}readelf" -l "$1" | sed -n 's/.*program interpreter: \(.*\)\]/\1/p'; }

# ffi_loader_here <name>: where that file is on this machine.  The compiler for mips finds
# another ABI's by that name; the right one is beside libc, or at libc's name in lib64.
ffi_loader_here()
{
	local libc file

	libc=$("${CROSS}gcc" -print-file-name=libc.so.6)
	for file in "${libc%/*}/$1" "${libc%/*}/../lib64/$1" "$("${CROSS}gcc" -print-file-name="$1")"; do
		[ "$(elf_kind "$file")" != "$(elf_kind "$libc")" ] || break
	done
	echo "$file"
}

# elf_kind <file>: its class, byte order, machine and ABI
elf_kind() { "${CROSS}readelf" -h "$1" 2> /dev/null | grep -E 'Class|Data|Machine|Flags'; }

# link_ffi <program> <source> [flags...]: with any of the libraries
link_ffi()
{
	local program=$1 source=$2
	shift 2

	"${CROSS}gcc" -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -isystem "$OUT/main/usr/include" \
		-I "$OUT/ffi$FFI/stock/include" -L "$OUT/ffi$FFI/stock/.libs" -Wl,-z,noexecstack "$@" \
		-o "$program" "$source" -lffi
}

# pack_ffi: the guest's files
pack_ffi()
{
	local o=$OUT/ffi$FFI to=$OUT/ffi$FFI/guest lib loader

	rm -rf "$to"
	mkdir -p "$to/ffi/programs"
	"${CROSS}gcc" -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -static -Wl,-z,noexecstack \
		-isystem "$OUT/main/usr/include" -I "$TOP/samples/trampfd" -o "$to/ffi/run" \
		"$CLIENT_FFI/run.c" "$TOP/samples/trampfd/strict_wx.c"
	link_ffi "$to/ffi/closures" "$CLIENT_FFI"/closures.c "$CLIENT_FFI"/closures_{fork,util}.c -pthread
	link_ffi "$to/ffi/memory" "$CLIENT_FFI/memory.c"
	find "$o/store" -type f -perm -u+x -exec ln -t "$to/ffi/programs" {} +
	(cd "$to/ffi/programs" && ls) > "$o/list"
	mv "$o/list" "$to/ffi/programs/list"
	ffi_libc "$to/ffi/lib"
	for lib in stock debian patched; do
		mkdir -p "$to/ffi/$lib"
		"${CROSS}strip" -g -o "$to/ffi/$lib/libffi.so.8" "$o/$lib/.libs/libffi.so.8"
	done
	"${CROSS}strip" -g -o "$to/ffi/patched/libtrampfd.so.1" "$OUT/libtrampfd/lib/libtrampfd.so.1"

	loader=$(ffi_loader "$to/ffi/programs/$(head -n 1 "$to/ffi/programs/list")")
	lib=${loader%/*}
	mkdir -p "$to$lib"
	cp -L "$(ffi_loader_here "${loader##*/}")" "$to$loader"
	initramfs main "$o/guest.cpio" "$to/ffi=/ffi" "$to$lib=$lib"
}

# ffi_runs: those that make sense for this architecture
ffi_runs()
{
	local run

	for run in "${FFI_RUNS[@]}"; do
		case $run in
		*debian*) cmp -s "$OUT/ffi$FFI/stock/fficonfig.h" "$OUT/ffi$FFI/debian/fficonfig.h" || echo "$run" ;;
		*) echo "$run" ;;
		esac
	done
}

# boot_ffi: run them.  One CPU, as they run one after another; without mitigations, because
# page tables that are switched at each system call take most of the emulator's time.
boot_ffi()
{
	boot main "$OUT/ffi$FFI/guest.cpio" libffi 1800 -accel tcg -smp 1 kernel:CPUS=1 kernel:mitigations=off \
		"kernel:FFI_RUNS=$(ffi_runs | tr ' \n' ':,' | sed 's/,$//')" | tr -d '\r'
}

# judge_ffi <log>: DejaGnu's verdicts on each run, in $OUT/ffi$FFI/<run>.sum
judge_ffi()
{
	local o=$OUT/ffi$FFI run jobs=()

	rm -rf "$o/runs" "$o"/?.sum
	python3 "$VM/clients_libffi.py" split "$1" "$o/runs"
	for run in "$o"/runs/*; do
		run=${run##*/}
		ffi_suite "judge-$run" "$o/runs/$run" > "$o/judge-$run.log" 2>&1 &
		jobs+=($!)
	done
	for run in "${jobs[@]}"; do
		wait "$run"
	done
	for run in "$o"/runs/*; do
		run=${run##*/}
		cp "$o/stock/judge-$run/libffi.sum" "$o/$run.sum"
	done
}

# ffi_results <log>: lines for counting; the table goes into build/clients/
ffi_results()
{
	mkdir -p "$BUILD_DIR/clients"
	python3 "$VM/clients_libffi.py" results "$TARGET" "$(ffi_runs | cut -c1 | tr -d '\n')" "$OUT/ffi$FFI" \
		"$CLIENT_FFI/expected" "$BUILD_DIR/clients/libffi$FFI-$TARGET.csv" "${1#"$TOP"/}"
}

# make_libffi: what goes into the guest; STEP_RC tells whether all of it is there
make_libffi()
{
	built "$TARGET-libffi$FFI" "build libffi three times" build_ffi_libraries
	[ "$STEP_RC" -eq 0 ] || return 0
	built "$TARGET-libffi$FFI-programs" "compile libffi's test suite" ffi_programs
	[ "$STEP_RC" -eq 0 ] || return 0
	built "$TARGET-libffi$FFI-pack" "pack it for the guest" pack_ffi
}

# count_libffi: after the guest has run
count_libffi()
{
	local log=$LOG/$TARGET-libffi$FFI-guest.log

	python3 "$VM/report.py" guest "$LOG_NAME/${log##*/}" | add_results "$TARGET libffi's guest${LIBFFI:+ of $LIBFFI}"
	built "$TARGET-libffi$FFI-judge" "have DejaGnu judge it" judge_ffi "$log"
	[ "$STEP_RC" -eq 0 ] || return 0
	ffi_results "$log" | add_results "$TARGET libffi${LIBFFI:+ of $LIBFFI}"
}

# client_libffi: all of it, for the architecture in use
client_libffi()
{
	local variant

	make_libffi
	[ "$STEP_RC" -eq 0 ] || return 0
	built "$TARGET-libffi$FFI-guest" "boot and run it" boot_ffi
	[ "$STEP_RC" -eq 0 ] || return 0
	count_libffi
	[ "$STEP_RC" -eq 0 ] || return 0
	python3 "$VM/clients_libffi.py" table "$BUILD_DIR/clients/libffi$FFI-$TARGET.csv"

	variant=$(bench_variant)
	build_bench_kernel "$variant"
	[ "$STEP_RC" -eq 0 ] || return 0
	built "$TARGET-libffi$FFI-cost" "measure what closures cost" eval "pack_ffi_cost; boot_ffi_cost $variant"
	cat "$BUILD_DIR/clients/libffi-cost$FFI-$TARGET.csv"
}

# pack_ffi_cost: the guest's files for what closures cost
pack_ffi_cost()
{
	local o=$OUT/ffi$FFI to=$OUT/ffi$FFI/cost.guest loader

	rm -rf "$to"
	mkdir -p "$to/ffi"
	cp -a "$o/guest/ffi/lib" "$o/guest/ffi/stock" "$o/guest/ffi/debian" "$o/guest/ffi/patched" "$to/ffi/"
	link_ffi "$to/ffi/cost" "$CLIENT_FFI/cost.c"
	loader=$(ffi_loader "$to/ffi/cost")
	initramfs main "$o/cost.cpio" "$to/ffi=/ffi" "$o/guest${loader%/*}=${loader%/*}"
}

# boot_ffi_cost <variant>: build/clients/libffi-cost-<arch>.csv
boot_ffi_cost()
{
	mkdir -p "$BUILD_DIR/clients"
	boot "$1" "$OUT/ffi$FFI/cost.cpio" libffi_cost 300 "${ICOUNT[@]}" "${ICOUNT_TARGET[@]}" \
		kernel:FFI_LIBRARIES=stock,debian,patched | tr -d '\r' | tee "$OUT/ffi$FFI/cost.out"
	sed -n "s/^cost: /$TARGET,/p" "$OUT/ffi$FFI/cost.out" > "$BUILD_DIR/clients/libffi-cost$FFI-$TARGET.csv"
	[ "$(wc -l < "$BUILD_DIR/clients/libffi-cost$FFI-$TARGET.csv")" -eq 12 ]
}
