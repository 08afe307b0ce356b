#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make apply KDIR=...": puts the overlay and the patches onto the user's tree.

. "$(dirname "$0")/lib.sh"
. "$VM/patches.sh"

[ -n "$KDIR" ] || die "Which tree?  make apply KDIR=/path/to/linux"
command -v patch rsync > /dev/null || die "This needs the packages patch and rsync."

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
stage "$KDIR" "$staging/tree"
changed=$(rsync -rlpc --itemize-changes "$staging/tree/" "$KDIR/" | sed -n 's/^>f[^ ]* //p')

total=$(patch_list | wc -l)
if [ -z "$changed" ]; then
	say "$KDIR has trampfd already: all $total patches and every file."
else
	say "$changed" "" \
	    "$KDIR: $((total - APPLIED)) of $total patches applied, $APPLIED were there already." \
	    "Now set CONFIG_TRAMPFD=y and build."
fi
