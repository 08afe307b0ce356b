# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Debian's own programs that make closures, judged by the test suites that come with them:
# the same programs and tests each time, where only libffi (and cffi's module) is exchanged.

CLIENT_SUITES=$TOP/clients/suites

# What each of them is of, where Debian has its tests, and how they tell their verdicts:
# ctypes	CPython's tests of it		a binary package
# cffi		its own tests			its source package
# fiddle	Ruby's tests of it		Ruby's source package
# gobject	PyGObject, test_gobject.py	its own suite needs libraries that Debian does not build
# guile		(system foreign), foreign.scm	its source is not on all mirrors
# fork		ctypes and cffi, test_fork.py
suites()
{
	case $PORT in
	x86_64)	echo ctypes:pytest cffi:pytest fiddle:ruby gobject:pytest guile:guile fork:pytest ;;
	*)	echo ctypes:pytest ;;
	esac
}

# suite_packages: binary packages for them; those of a Python version follow it
suite_packages()
{
	echo python3-minimal python3-pytest
	[ "$PORT" != x86_64 ] ||
		echo python3-cffi ruby ruby-test-unit python3-gi gir1.2-glib-2.0 guile-3.0
}

# get_suites: $OUT/suites/root, unpacked and not installed; what compiling takes is in
# $OUT/suites/dev
get_suites()
{
	local o=$OUT/suites names python ruby

	[ "$(cat "$o/.complete" 2> /dev/null)" != "$(suites; suite_packages)" ] || return 0
	rm -rf "$o"
	mkdir -p "$o/debs" "$o/dev" "$o/root"
	cd "$o/debs" || return
	# A mirror that just gets one index anew has the others, and in them older packages.
	apt_foreign update || echo "Going on with the lists that came."
	# shellcheck disable=SC2046
	python=$(python_version $(suite_packages))
	# shellcheck disable=SC2046
	mapfile -t names < <(apt_foreign -s install --no-install-recommends $(suite_packages) "lib$python-testsuite" |
		apt_names)
	apt_foreign download "${names[@]}"
	unpack_debs "$o/root"
	echo "$python" > "$o/python"
	if [ "$PORT" = x86_64 ]; then
		apt_foreign download "lib$python-dev"
		dpkg-deb -x "lib$python-dev"_*.deb "$o/dev"
		ruby=$(printf '%s\n' "${names[@]}" | grep -xE 'ruby[0-9.]+')
		debian_source "$ruby"
		debian_source python-cffi
		echo "$ruby" > "$o/ruby"
	fi
	prune_root "$o/root"
	{ suites; suite_packages; } > "$o/.complete"
}

# prune_root <directory>: what no guest wants
prune_root()
{
	local root=$1

	(cd "$root" && rm -rf usr/share/{doc,man,info,locale,mime,bug,lintian} etc var)
	find "$root"/usr/lib/python3.*/test -mindepth 1 -maxdepth 1 -not -name __init__.py \
		-not -name support -not -name 'test_ctypes*' -exec rm -rf {} +
	# gen_init_cpio can't have a space in a name.
	find "$root" -depth -name '* *' -exec rm -rf {} +
}

# build_cffi: cffi's module with the patch, in $OUT/suites/cffi
build_cffi()
{
	local o=$OUT/suites to=$OUT/suites/cffi p python

	python=$(cat "$o/python")
	rm -rf "$to"
	mkdir -p "$to/lib"
	cp -a "$(cffi_source)" "$to/c"
	while read -r p; do
		patch -d "$to/c" -p2 --fuzz=0 < "$TOP/clients/cffi/$p"
	done < "$TOP/clients/cffi/series"
	"$VM/cc" gcc -shared -fPIC -O2 -o "$to/lib/_cffi_backend.$(cffi_suffix)" "$to/c/_cffi_backend.c" \
		-I "$o/dev/usr/include/$python" -I "$o/dev/usr/include" -I "$OUT/ffi/stock/include" \
		-L "$OUT/ffi/stock/.libs" -lffi
}

# cffi_source: where the module's source is, and its tests; later versions have it in src/
cffi_source()
{
	local c=$SOURCES/python-cffi/c

	[ -d "$c" ] || c=$SOURCES/python-cffi/src/c
	echo "$c"
}

# cffi_suffix: how Python wants the module's name to end
cffi_suffix() { find "$OUT/suites/root" -name '_cffi_backend.*.so' | sed 's/.*_cffi_backend\.//'; }

# pack_suites: the guest's files
pack_suites()
{
	local o=$OUT/suites root=$OUT/suites/root to=$OUT/suites/root/suites lib python dir

	python=$(cat "$o/python")
	rm -rf "$to"
	mkdir -p "$to/libffi/stock" "$root"/{dev,proc,sys,tmp}
	cp "$CLIENT_SUITES"/* "$to/"
	cp "$OUT/ffi/guest/ffi/run" "$to/"
	cp "$OUT/ffi/guest/ffi/stock/"*.so.* "$to/libffi/stock/"
	cp -R "$OUT/ffi/guest/ffi/patched" "$to/libffi/trampfd"
	for dir in "$root/usr/lib/$python/ctypes/test" "$root/usr/lib/$python/test/test_ctypes"; do
		[ ! -d "$dir" ] || echo "/${dir#"$root/"}" > "$to/ctypes"
	done
	if [ "$PORT" = x86_64 ]; then
		build_cffi
		cp -R "$o/cffi/lib" "$to/cffi-trampfd"
		mkdir -p "$to/cffi"
		cp -R "$(cffi_source)/test_c.py" "$SOURCES/python-cffi/testing" "$to/cffi/"
		cp -R "$SOURCES/$(cat "$o/ruby")"/test/fiddle "$to/"
	fi
	initramfs main "$o/guest.cpio" "$root=/debian"
}

boot_suites()
{
	boot main "$OUT/suites/guest.cpio" suites 7500 "${SMP[@]}" kernel:mitigations=off \
		kernel:SUITES="$(suites | sed 's/:[a-z]*//g; s/ /,/g')" | tr -d '\r'
}

count_suites()
{
	python3 "$VM/report.py" guest "$LOG_NAME/$TARGET-suites-guest.log" | add_results "$TARGET suites' guest"
	# shellcheck disable=SC2046
	python3 "$VM/clients_suites.py" results "$TARGET" "$LOG_NAME/$TARGET-suites-guest.log" \
		"$BUILD_DIR/clients/suites-$TARGET.csv" $(suites) | add_results "$TARGET suites"
}

# client_suites: all of it, after client_libffi
client_suites()
{
	built "$TARGET-suites-get" "get Debian's programs" get_suites
	[ "$STEP_RC" -eq 0 ] || return 0
	built "$TARGET-suites-pack" "pack them for the guest" pack_suites
	[ "$STEP_RC" -eq 0 ] || return 0
	built "$TARGET-suites-guest" "boot and run their test suites" boot_suites
	[ "$STEP_RC" -eq 0 ] || return 0
	count_suites
	python3 "$VM/clients_suites.py" table "$BUILD_DIR/clients/suites-$TARGET.csv"
}
