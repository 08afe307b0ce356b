#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make run": boots a kernel with trampfd, runs the samples there, and prints
# what a call costs.  PROG= runs a program of the user's instead.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/guest.sh"
. "$VM/prog.sh"

check_files
arches=$(wanted_arches x86_64)
if [ -n "${TRAMPFD_PROG:-}" ]; then
	check_prog
	arches=$PROG_GUEST
elif [ ${#FILES[@]} -gt 0 ]; then
	die "FILES= is for make shell, and for make run PROG=."
fi

# build_guest: what all of the architecture's guests have
build_guest()
{
	must "$TARGET-build-main" "$TARGET: build the main kernel" build_variant main
	must "$TARGET-busybox" "$TARGET: build the guest's busybox" build_busybox
}

# run_samples: those of the architecture that is in use
run_samples()
{
	build_guest
	must "$TARGET-samples" "$TARGET: build the samples" build_samples
	must "$TARGET-samples-guest" "$TARGET: pack them for the guest" pack_samples
	show main "$OUT/samples.cpio" demos 300 "${SMP[@]}"
	show main "$OUT/samples.cpio" cost 300 "${ICOUNT[@]}" "${ICOUNT_TARGET[@]}"
}

begin run
# shellcheck disable=SC2086
need_packages $arches
# shellcheck disable=SC2086
need_sources $arches
make_tree
if [ -n "${TRAMPFD_PROG:-}" ]; then
	use_arch "$arches"
	build_guest
	must "$TARGET-prog-pack" "pack $PROG for the guest" build_prog
	run_prog
fi
for arch in $arches; do
	use_arch "$arch"
	run_samples
done

exec python3 "$VM/report.py" total run "$RESULTS"
