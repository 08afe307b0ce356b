#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make clients": programs and libraries of others on trampfd, under strict W^X.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/perf.sh"
. "$VM/clients-libffi.sh"
. "$VM/clients-python.sh"
. "$VM/clients-suites.sh"
. "$VM/clients-nested.sh"

begin clients
arches=$(wanted_arches all)

# shellcheck disable=SC2086
need_packages $arches
# shellcheck disable=SC2086
need_sources $arches
make_tree
for arch in $arches; do
	use_arch "$arch"
	mkdir -p "$BUILD_NAME/clients"
	rm -f "$BUILD_NAME"/clients/{libffi,libffi-cost,nested-cost,suites}"$FFI-$arch".{csv,lost}
	ported clients || {
		result skip "$arch: clients" "not ported to $arch yet"
		continue
	}
	must "$TARGET-build-main" "build the main kernel" build_variant main
	must "$TARGET-busybox" "build the guest's busybox" build_busybox
	client_libffi
	# The others take libffi from there.
	[ "$STEP_RC" -eq 0 ] || continue
	[ -z "$LIBFFI" ] || continue
	case $PORT in
	# Not mips64el: there libc's qsort does not see that a Python function has
	# returned less than 0, with Debian's libffi either.
	s390x|ppc64le)	client_python ;;
	x86_64|arm64)		client_nested ;;
	esac
	case $PORT in
	x86_64|s390x)		client_suites ;;
	esac
done

# All that were run, in one table.
tables=()
for arch in $arches; do
	[ ! -e "$BUILD_NAME/clients/libffi$FFI-$arch.csv" ] || tables+=("$BUILD_NAME/clients/libffi$FFI-$arch.csv")
done
[ ${#tables[@]} -lt 2 ] || {
	say "" "libffi's test suite, passed / failed / lost against the first column:"
	python3 "$VM/clients_libffi.py" table "${tables[@]}"
}

exec python3 "$VM/report.py" total clients "$RESULTS"
