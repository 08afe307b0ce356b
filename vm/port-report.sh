#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make port-report KDIR=...": prints what a tree of any version would break, compared with
# the supported version that is nearest, or with that of KERNEL=.  The tree is only read.

tree=${TRAMPFD_KDIR:-}
asked=${TRAMPFD_KERNEL:-}
# To the other scripts a tree has to be of a version that there are patches for.
unset TRAMPFD_KDIR

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"

[ -n "$tree" ] || die "Which tree?  make port-report KDIR=/path/to/linux"
check_path KDIR "$(realpath -m -- "$tree")"
dir=$(readlink -e -- "$tree") || die "KDIR=$tree: there is no such directory."
check_tree "$dir"
version=$(version_of "$dir")
begin port-report

# The page is all that goes to standard output, so that it can be kept as a file.
{
	need_packages all
	# shellcheck disable=SC2086
	use_kernel "${asked:-$(python3 "$VM/port_report.py" nearest "$version" $KERNELS)}"
	make_pristine
} >&2

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
python3 "$VM/port_report.py" page "$TOP" "$dir" "$KERNEL" "$PRISTINE" "$staging"
