# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What "make apply" and "make unapply" have in common: which files of the user's tree are
# trampfd's own, which of them the user has edited, and how the tree is changed so that it is
# never left half changed.

# In the tree: the checksums of our own files as they were put there.
RECORD=.trampfd-applied

# lock_tree: two at once would take each other's changes for the user's
lock_tree()
{
	exec {TREE_LOCK}< "$KDIR"
	flock -n "$TREE_LOCK" || die "Another make apply or unapply works on $KDIR.  Wait for its end."
}

# begin_tree <command>: what both do first; $staging is a directory that goes away at the end
begin_tree()
{
	[ -n "$KDIR" ] || die "Which tree?  make $1 KDIR=/path/to/linux"
	check_switch FORCE "${TRAMPFD_FORCE:-}"
	command -v patch rsync > /dev/null || die "This needs the packages patch and rsync."
	staging=$(mktemp -d)
	trap 'rm -rf "$staging"' EXIT
	lock_tree
	patch_list | patched_files | need_writable
}

# own_files <staging>: those of the overlay, not those that are patched
own_files()
{
	(cd "$1" && find . -type f -printf '%P\n') | grep -vxFf <(patch_list | patched_files) | sort
}

# recorded_files: what was put into the tree
recorded_files() { [ ! -e "$KDIR/$RECORD" ] || sed 's/^[0-9a-f]*  //' "$KDIR/$RECORD"; }

# as_recorded <file>: whether the tree still has it as it was put there
as_recorded()
{
	[ -e "$KDIR/$RECORD" ] && grep -qxF -- "$(cd "$KDIR" && sha256sum -- "$1")" "$KDIR/$RECORD"
}

# edited_files <staging>: of our own in the tree, those that are neither as they were put there
# nor as they would be put there now
edited_files()
{
	local f

	{ own_files "$1"; recorded_files; } | sort -u | while read -r f; do
		[ ! -e "$KDIR/$f" ] || cmp -s "$1/$f" "$KDIR/$f" || as_recorded "$f" || echo "$f"
	done
}

# spare_edited <staging> <what is not done with them>: refuse if there are any, or keep them
# beside what takes their place
spare_edited()
{
	local edited f

	edited=$(edited_files "$1")
	[ -n "$edited" ] || return 0
	if [ "${TRAMPFD_FORCE:-}" != 1 ]; then
		die "In $KDIR these files of trampfd were edited, or are of a version of it that left no" \
		    "list of checksums ($RECORD).  They are not $2, and nothing was changed:" \
		    "    ${edited//$'\n'/$'\n'    }" \
		    "Take the changes over into this clone; or FORCE=1 keeps each as *.orig, and goes on."
	fi
	while read -r f; do
		cp -p -- "$KDIR/$f" "$KDIR/$f.orig"
		say "kept: $f.orig"
	done <<< "$edited"
}

# need_writable: each directory of the files on standard input, before the first is changed
need_writable()
{
	local f dir

	{ echo "$RECORD"; cat; } | while read -r f; do
		dir=$KDIR/$f
		dir=${dir%/*}
		while [ ! -e "$dir" ]; do
			dir=${dir%/*}
		done
		echo "$dir"
	done | sort -u | while read -r dir; do
		[ -w "$dir" ] || { echo "$dir"; break; }
	done | { ! read -r dir || die "$dir can't be written, so nothing was changed in $KDIR."; }
}

# remove_files: those on standard input from the tree, and directories that are empty then
remove_files()
{
	local f

	cd "$KDIR" || return
	while read -r f; do
		rm -f -- "$f"
		rmdir -p --ignore-fail-on-non-empty -- "$(dirname "$f")" 2> /dev/null || :
	done
}

# differing <staging>: the files in which the tree differs from it
differing()
{
	rsync -rlpc --dry-run --itemize-changes "$1/" "$KDIR/" | sed -n 's/^>f[^ ]* //p'
}

# change_tree <staging> <files to remove>: all of it, or nothing, and Ctrl-C waits for the end
change_tree()
{
	local before=$1.before files

	files=$( { differing "$1"; echo "$2"; } | sed '/^$/d' | sort -u)
	need_writable <<< "$files"
	mkdir -p "$before"
	# What is not there yet is no error: -r would say so.
	while read -r f; do [ ! -e "$KDIR/$f" ] || echo "$f"; done <<< "$files" |
		rsync -lp --files-from=- "$KDIR/" "$before/"
	trap '' INT TERM
	if ! rsync -rlpc "$1/" "$KDIR/" 2> "$1.errors" || ! remove_files <<< "$2" 2>> "$1.errors"; then
		while read -r f; do [ -e "$before/$f" ] || echo "$f"; done <<< "$files" | remove_files
		rsync -rlpc "$before/" "$KDIR/" ||
			die "$KDIR could not be changed back, either; what it had is in $before."
		die "$KDIR could not be changed, and is as it was: $(head -n 1 "$1.errors")"
	fi
}
