# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Debian's own Python of another architecture, with callbacks by ctypes, where
# only libffi is exchanged.

PYTHON_PACKAGES=(libc6 libgcc-s1 zlib1g libexpat1 libffi8)

# debian_arch: Debian's name of the architecture in use
debian_arch()
{
	case $PORT in
	x86_64)		echo amd64 ;;
	ppc64le)	echo ppc64el ;;
	arm)		echo armhf ;;
	*)		echo "$PORT" ;;
	esac
}

# apt_foreign <command...>: apt-get for the architecture in use, as if nothing were installed
apt_foreign()
{
	local arch

	arch=$(debian_arch)
	apt_other "$SOURCES/apt-$TARGET" deb "" apt-get -o APT::Architecture="$arch" \
		-o APT::Architectures::="$arch" -o Dir::State::Status=/dev/null "$@"
}

# python_version <packages...>: the Python that comes with them, as python3.11
python_version()
{
	apt_foreign -s install --no-install-recommends "$@" |
		apt_names | sed -nE 's/^(python3\.[0-9]+)-minimal$/\1/p' | head -n 1 | grep .
}

# get_python: $OUT/python/root, unpacked and not installed
get_python()
{
	local o=$OUT/python version

	[ ! -e "$o/.complete" ] || return 0
	rm -rf "$o"
	mkdir -p "$o/debs" "$o/root"
	cd "$o/debs" || return
	# A mirror that just gets one index anew has the others, and in them an older Python.
	apt_foreign update || echo "Going on with the lists that came."
	version=$(python_version python3-minimal)
	apt_foreign download "${PYTHON_PACKAGES[@]}" "$version-minimal" "lib$version-minimal" "lib$version-stdlib"
	unpack_debs "$o/root"
	echo "$version" > "$o/.complete"
}

# pack_python: the guest's files
pack_python()
{
	local root=$OUT/python/root to=$OUT/python/guest version loader lib

	version=$(cat "$OUT/python/.complete")
	rm -rf "$to"
	mkdir -p "$to/python/usr/bin" "$to/python/usr/lib" "$to/python/lib" "$to/python/debian"
	cp "$CLIENT_FFI/../python/qsort.py" "$to/python/"
	cp "$OUT/ffi/guest/ffi/run" "$to/python/"
	cp "$root/usr/bin/$version" "$to/python/usr/bin/python3"
	cp -RL "$root/usr/lib/$version" "$to/python/usr/lib/" || :	# with dangling links
	find "$root/lib" "$root/usr/lib" -name '*.so.*' | while read -r lib; do
		cp -L "$lib" "$to/python/lib/"
	done
	mv "$to/python/lib"/libffi.so.* "$to/python/debian/"
	cp -R "$OUT/ffi/guest/ffi/patched" "$to/python/patched"
	no_exec_stack "$to/python"
	python3 "$VM/clients_libffi.py" noexecstack "$to/python/usr/bin/python3"
	loader=$(ffi_loader "$to/python/usr/bin/python3")
	lib=${loader%/*}
	mkdir -p "$to$lib"
	cp "$to/python/lib/${loader##*/}" "$to$loader"
	initramfs main "$OUT/python/guest.cpio" "$to/python=/python" "$to$lib=$lib"
}

boot_python() { boot main "$OUT/python/guest.cpio" python 600 "${SMP[@]}" | tr -d '\r'; }

# client_python: all of it, after client_libffi
client_python()
{
	built "$TARGET-python-get" "get Debian's Python" get_python
	[ "$STEP_RC" -eq 0 ] || return 0
	built "$TARGET-python-pack" "pack it for the guest" pack_python
	[ "$STEP_RC" -eq 0 ] || return 0
	built "$TARGET-python-guest" "boot and run it" boot_python
	[ "$STEP_RC" -eq 0 ] || return 0
	python3 "$VM/report.py" guest "$LOG_NAME/$TARGET-python-guest.log" |
		add_results "$TARGET python" show
}
