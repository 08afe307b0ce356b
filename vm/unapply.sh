#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make unapply KDIR=...": takes away from the user's tree what "make apply" has put there.

. "$(dirname "$0")/lib.sh"
. "$VM/patches.sh"
. "$VM/applied.sh"

begin_tree unapply
stage "$KDIR" "$staging/ours"
own=$({ own_files "$staging/ours"; recorded_files; } | sort -u | while read -r f; do
	[ ! -e "$KDIR/$f" ] || echo "$f"
done)
[ "$APPLIED" -gt 0 ] || [ -n "$own" ] || die "$KDIR has nothing of trampfd."
spare_edited "$staging/ours" removed
unpatch "$KDIR" "$staging/tree" "$APPLIED"
change_tree "$staging/tree" "$own"
rm -f "$KDIR/$RECORD"

say "$KDIR: $APPLIED patches taken back, $(sed '/^$/d' <<< "$own" | wc -l) files removed."
