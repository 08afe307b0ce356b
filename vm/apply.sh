#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make apply KDIR=...": puts the overlay and the patches onto the user's tree.

. "$(dirname "$0")/lib.sh"
. "$VM/patches.sh"
. "$VM/applied.sh"

begin_tree apply
stage "$KDIR" "$staging/tree"
spare_edited "$staging/tree" overwritten
changed=$(differing "$staging/tree")
# Of an earlier version, and no longer ours.
old=$(recorded_files | while read -r f; do
	[ -e "$staging/tree/$f" ] || [ ! -e "$KDIR/$f" ] || echo "$f"
done)
change_tree "$staging/tree" "$old"
(cd "$KDIR" && own_files "$staging/tree" | xargs -d '\n' sha256sum -- > "$RECORD")

total=$(patch_list | wc -l)
if [ -z "$changed$old" ]; then
	say "$KDIR has trampfd already: all $total patches and every file."
else
	say "$changed" ${old:+"${old//$'\n'/ (removed)$'\n'} (removed)"} "" \
	    "$KDIR: $((total - APPLIED)) of $total patches applied, $APPLIED were there already." \
	    "Now set CONFIG_TRAMPFD=y and build.  \"make unapply KDIR=$KDIR\" takes all of it away again."
fi
