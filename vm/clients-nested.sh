# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Programs of GCC 14 with nested functions, and programs that unwind the stack
# over trampolines: compiled by Debian 13's compilers, in a directory that
# debootstrap makes, and run with Debian 13's libraries in the guest.

TRIXIE=$BUILD_DIR/trixie
TRIXIE_PACKAGES=gcc-14,g++-14,gfortran-14,libc6-dev,gdb-minimal
TRIXIE_PACKAGES+=,gcc-14-aarch64-linux-gnu,g++-14-aarch64-linux-gnu
TRIXIE_PACKAGES+=,gfortran-14-aarch64-linux-gnu,libc6-dev-arm64-cross

# debian_mirror: where the machine's own packages come from
debian_mirror()
{
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Created-By: Packages' |
		head -n 1 | grep .
}

# make_trixie: $TRIXIE, from the cache if it is there
make_trixie()
{
	local cache

	cache=$(dirname "$CCACHE_DIR")/trixie-$(echo "$TRIXIE_PACKAGES" | sha256sum | cut -c1-8).tar.gz
	[ ! -e "$TRIXIE/.complete" ] || return 0
	as_root rm -rf "$TRIXIE"
	mkdir -p "$TRIXIE" "${cache%/*}"
	if [ -e "$cache" ]; then
		as_root tar -xzf "$cache" -C "$TRIXIE"
	else
		as_root debootstrap --variant=minbase --arch="$(dpkg --print-architecture)" \
			--include="$TRIXIE_PACKAGES" trixie "$TRIXIE" "$(debian_mirror)"
		as_root rm -rf "$TRIXIE"/var/cache/apt "$TRIXIE"/var/lib/apt/lists \
			"$TRIXIE"/usr/share/{doc,locale,man}
		as_root tar -C "$TRIXIE" --exclude=./dev --exclude=./proc --exclude=./sys -cf - . |
			gzip -1 > "$cache.new"
		mv "$cache.new" "$cache"
	fi
	as_root touch "$TRIXIE/.complete"
}

# flang with -fsafe-trampoline, unpacked and not installed; it is in Debian's unstable release
FLANG=$BUILD_DIR/flang
FLANG_PACKAGES="flang-23 gcc libc6-dev"

# make_flang: $FLANG/root; $FLANG/.none if there is no such flang to be had
make_flang()
{
	local p rc=0

	[ ! -e "$FLANG/.complete" ] || return 0
	rm -rf "$FLANG"
	mkdir -p "$FLANG"
	# shellcheck disable=SC2086
	fetch_root "$FLANG/root" sid $FLANG_PACKAGES || rc=$?
	case $rc in
	0)	;;
	2)	touch "$FLANG/.none"
		return 0 ;;
	*)	return $rc ;;
	esac
	for p in bin lib lib64; do
		[ -e "$FLANG/root/$p" ] || ln -s "usr/$p" "$FLANG/root/$p"
	done
	mkdir -p "$FLANG/root/tmp"
	rm -rf "$FLANG/root"/usr/share/{doc,locale,man}
	touch "$FLANG/.complete"
}

# flang_compile <output> [files and flags...]: clients/nested/internal.f90, a static program
flang_compile()
{
	local output=$1
	shift

	as_root env -u TMPDIR chroot "$FLANG/root" /usr/bin/flang-23 -O2 -fsafe-trampoline -static \
		-o "/build/$output" /build/internal.f90 "$@"
}

# build_flang: $FLANG/root/build/flang.plain and flang.linked, with flang's own trampolines and
# with libtrampfd's
build_flang()
{
	local to=$FLANG/root/build

	build_libtrampfd
	as_root rm -rf "$to"
	mkdir -p "$to"
	cp "$TOP/clients/nested/internal.f90" "$OUT"/libtrampfd/lib/libtrampfd{,_nested}.a "$to/"
	flang_compile flang.plain
	flang_compile flang.linked /build/libtrampfd_nested.a /build/libtrampfd.a
}

# in_trixie <command...>: in the sources' directory there
in_trixie()
{
	# shellcheck disable=SC2016
	as_root chroot "$TRIXIE" /bin/sh -c 'cd "$0" && exec "$@"' "/build/$TARGET" "$@"
}

# trixie_compile <output> <source>... [flags]: by the compiler of the last source
trixie_compile()
{
	local cc=gcc output=$1 arg cross=
	shift

	for arg in "$@"; do
		case $arg in
		*.cc)	cc=g++ ;;
		*.f90)	cc=gfortran ;;
		esac
	done
	[ "$PORT" = x86_64 ] || cross=$TRIPLET-
	# No warnings: that GCC makes trampolines is what all this is about.
	in_trixie "$cross$cc-14" -O2 -g -o "$output" "$@"
}

# build_nested: everything, in $TRIXIE/build/$TARGET
build_nested()
{
	local to=$TRIXIE/build/$TARGET name sources heap=-ftrampoline-impl=heap
	local linked=(-Llib -ltrampfd_nested -ltrampfd) nested unwind
	nested="recursive threads longjmp exception internal threadend count cost"
	unwind="frames at storm debugged"

	build_libtrampfd
	as_root rm -rf "$to"
	as_root mkdir -p "$to/lib" "$to/nested" "$to/unwind"
	as_root cp "$TOP"/clients/nested/* "$to/nested/"
	as_root cp "$TOP"/clients/unwind/* "$TOP/tools/lib/trampfd/trampfd.h" "$to/unwind/"
	as_root cp -a "$OUT"/libtrampfd/lib/libtrampfd{,_nested}.* "$to/lib/"

	for name in $nested; do
		case $name in
		exception)	sources="nested/exception.cc nested/exception-c.o" ;;
		internal)	sources=nested/internal.f90 ;;
		*)		sources=nested/$name.c ;;
		esac
		[ "$name" != exception ] || trixie_compile nested/exception-c.o -c -fexceptions \
			-ftrampoline-impl=heap nested/exception-c.c
		# shellcheck disable=SC2086
		trixie_compile "nested/$name.plain" $sources $heap
		# shellcheck disable=SC2086
		trixie_compile "nested/$name.linked" $sources $heap "${linked[@]}"
		[ "$name" != exception ] || trixie_compile nested/exception-c.o -c -fexceptions \
			nested/exception-c.c
		# shellcheck disable=SC2086
		trixie_compile "nested/$name.stack" $sources -ftrampoline-impl=stack
	done
	trixie_compile nested/recursive.static nested/recursive.c $heap -static "${linked[@]}"
	trixie_compile nested/host nested/host.c
	trixie_compile nested/plugin.plain nested/plugin.c $heap -fPIC -shared
	trixie_compile nested/plugin.hidden nested/plugin.c $heap -fPIC -shared \
		-Llib -l:libtrampfd_nested.a -ltrampfd

	for name in $unwind; do
		sources=unwind/$name.cc
		[ -e "$to/$sources" ] || sources=unwind/$name.c
		trixie_compile "unwind/$name" "$sources" -Iunwind -rdynamic -fno-optimize-sibling-calls \
			-Llib -ltrampfd
	done

	"${CROSS}gcc" -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -I "$TOP/samples/trampfd" \
		-isystem "$OUT/main/usr/include" -static -Wl,-z,noexecstack -o "$OUT/strict" \
		"$TOP/clients/nested/strict.c" "$TOP/samples/trampfd/strict_wx.c"
	pack_nested
}

# pack_nested: the initial file system
pack_nested()
{
	local from=$TRIXIE/build/$TARGET guest=$OUT/nested.guest lib name
	local libraries=$TRIXIE/usr/$TRIPLET/lib loader=/lib

	[ "$PORT" != x86_64 ] || {
		libraries=$TRIXIE/usr/lib/$TRIPLET
		loader=/lib64
	}
	rm -rf "$guest"
	mkdir -p "$guest"/{nested,unwind,lib,loader}
	for lib in libc.so.6 libm.so.6 libgcc_s.so.1 libstdc++.so.6 libgfortran.so.5 \
		libquadmath.so.0; do
		[ ! -e "$libraries/$lib" ] || cp -L "$libraries/$lib" "$guest/lib/"
	done
	cp -L "$libraries"/ld-linux-*.so.? "$guest/loader/"
	cp -L "$from"/lib/libtrampfd{,_nested}.so.1 "$guest/lib/"
	cp "$OUT/strict" "$TOP/clients/nested/expected" "$guest/nested/"
	find "$from/nested" -name '*.o' -prune -o -type f -perm -u+x -exec cp {} "$guest/nested/" \;
	if [ "$PORT" = x86_64 ] && [ -e "$FLANG/root/build/flang.linked" ]; then
		cp "$FLANG"/root/build/flang.* "$guest/nested/"
	fi
	find "$from/unwind" -type f -perm -u+x -exec cp {} "$guest/unwind/" \;
	if [ "$PORT" = x86_64 ]; then
		cp "$TOP"/clients/unwind/*.commands "$guest/unwind/"
		cp "$TRIXIE/usr/bin/gdb" "$guest/unwind/"
		as_root chroot "$TRIXIE" ldd /usr/bin/gdb | sed -nE 's/.*=> (\S+) .*/\1/p' |
			while read -r name; do
				[ -e "$guest/lib/${name##*/}" ] || cp -L "$TRIXIE$name" "$guest/lib/"
			done
	fi
	find "$guest/lib" "$guest/loader" -type f -exec chmod u+w,a+rx {} +
	if [ "$loader" = /lib ]; then
		mv "$guest"/loader/* "$guest/lib/"
		initramfs main "$OUT/nested.cpio" "$guest/lib=/lib" "$guest/nested=/nested" \
			"$guest/unwind=/unwind"
	else
		initramfs main "$OUT/nested.cpio" "$guest/lib=/lib" "$guest/nested=/nested" \
			"$guest/unwind=/unwind" "$guest/loader=$loader"
	fi
}

# boot_nested_cost <variant>: build/clients/nested-cost-<arch>.csv
boot_nested_cost()
{
	local csv=$BUILD_DIR/clients/nested-cost-$TARGET.csv

	boot "$1" "$OUT/nested.cpio" nested_cost 300 "${ICOUNT[@]}" "${ICOUNT_TARGET[@]}" |
		tr -d '\r' | tee "$OUT/nested-cost.out"
	sed -n "s/^cost: /$TARGET,/p" "$OUT/nested-cost.out" > "$csv"
	[ "$(wc -l < "$csv")" -eq 12 ]
}

# client_flang: what the guest needs of it; without, the others still run
client_flang()
{
	rm -rf "$FLANG/root/build"
	built "$TARGET-flang" "get flang from Debian's unstable release" make_flang
	[ "$STEP_RC" -eq 0 ] || return 0
	if [ -e "$FLANG/.none" ]; then
		result skip "$TARGET: flang's internal procedures" "no flang-23 is to be had"
	else
		built "$TARGET-flang-build" "build a program with internal procedures" build_flang
	fi
}

# client_nested: all of it, on an architecture for which GCC 14 makes heap trampolines
client_nested()
{
	local job log variant

	built "$TARGET-trixie" "make a directory with Debian 13's compilers" make_trixie
	[ "$STEP_RC" -eq 0 ] || return 0
	[ "$PORT" != x86_64 ] || client_flang
	built "$TARGET-nested-build" "build programs with nested functions" build_nested
	[ "$STEP_RC" -eq 0 ] || return 0
	for job in nested unwind; do
		log=$LOG_NAME/$TARGET-$job.log
		step "$TARGET-$job" "boot and run: $job" \
			boot main "$OUT/nested.cpio" "$job" 900 "${SMP[@]}"
		python3 "$VM/report.py" guest "$log" | add_results "$TARGET $job"
	done
	variant=$(bench_variant)
	build_bench_kernel "$variant"
	[ "$STEP_RC" -eq 0 ] || return 0
	built "$TARGET-nested-cost" "measure what nested functions cost" boot_nested_cost "$variant"
	cat "$BUILD_DIR/clients/nested-cost-$TARGET.csv"
}
