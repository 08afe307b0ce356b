# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Puts the overlay and the kernel's patches together for a given tree,
# in a staging directory that holds nothing but the files that change.

OVERLAY=(arch Documentation include mm samples tools)

read_series() { sed -E 's/[ \t]*(#.*)?$//; /^$/d' "$SERIES/$1"; }

# The patches, in the order of the series file.
patch_list() { read_series series; }

# Those that come on top, only for the kernel that measures; there may be none.
bench_patch_list()
{
	[ ! -e "$SERIES/bench/series" ] || read_series bench/series | sed 's|^|bench/|'
}

# Those of the overlay itself, for what this kernel can't have; there may be none.
overlay_patch_list()
{
	[ ! -e "$SERIES/overlay/series" ] || read_series overlay/series | sed 's|^|overlay/|'
}

# patched_files: the files that the patches on standard input edit
patched_files()
{
	local p

	while read -r p; do
		sed -nE '/^--- /{N; s/^--- .*\n\+\+\+ [^/]*\/([^\t]*).*/\1/p}' "$SERIES/$p"
	done | sort -u
}

overlay_into()
{
	local dir p

	for dir in "${OVERLAY[@]}"; do
		[ ! -d "$TOP/$dir" ] || rsync -rlp --exclude='*.o' --exclude='*~' --exclude='.*.sw?' \
			--exclude='*.orig' --exclude='*.rej' --exclude=__pycache__ \
			"$TOP/$dir" "$1/"
	done
	for p in $(overlay_patch_list); do
		try_patch "$1" "$p" || die "patches/$KERNEL/$p does not apply to the overlay."
	done > /dev/null
}

# copy_patched <tree> <staging>: the patched files as the tree has them
copy_patched()
{
	rm -rf "$2"
	mkdir -p "$2"
	patch_list | patched_files | while read -r f; do
		[ ! -e "$1/$f" ] || echo "$f"
	done | rsync -lp --files-from=- "$1/" "$2/"
}

# try_patch <staging> <patch> [options]: no fuzz, a hunk that fits by chance is worse
# than one that does not
try_patch()
{
	patch -p1 --force --fuzz=0 --no-backup-if-mismatch --directory="$1" \
		--input="$SERIES/$2" "${@:3}" < /dev/null
}

# unpatch <tree> <staging> <n>: stage the tree's files without the first n patches
unpatch()
{
	local p

	copy_patched "$1" "$2"
	for p in $(patch_list | head -n "$3" | tac); do
		try_patch "$2" "$p" -R > /dev/null || return 1
	done
}

patch_all()
{
	local p

	for p in $(patch_list); do
		try_patch "$1" "$p" > /dev/null || return 1
	done
}

# count_applied <tree> <staging>: set APPLIED to the number of patches that the
# tree has already; fails when the rest does not apply
count_applied()
{
	local n

	for ((n = $(patch_list | wc -l); n >= 0; n--)); do
		if unpatch "$1" "$2" "$n" && patch_all "$2"; then
			APPLIED=$n
			return
		fi
	done
	return 1
}

# explain_failure <tree> <staging>: which hunk of which file, and what to do
explain_failure()
{
	local p f out=$2.out rejects

	copy_patched "$1" "$2"
	for p in $(patch_list); do
		try_patch "$2" "$p" > "$out" 2>&1 && continue
		! try_patch "$1" "$p" -R --dry-run > /dev/null || continue
		say "patches/$KERNEL/$p does not apply to $1:"
		awk '/^patching file /		{ file = $3 }
		     /^Hunk #[0-9]+ FAILED/	{ sub("#", "", $2); sub("[.]", "", $5)
						  print "    hunk " $2 " of " file ", near line " $5 }' "$out"
	done
	for f in $(patch_list | patched_files); do
		[ -e "$1/$f" ] || say "    There is no file $f."
	done
	rejects=$LOG/rejects
	rm -rf "$out"
	{ rm -rf "$rejects" && mkdir -p "$rejects"; } 2> /dev/null || rejects=$(mktemp -d)
	(cd "$2" && find . -name '*.rej') | rsync -q --files-from=- "$2/" "$rejects/"
	say "" \
	    "The rejected hunks are in ${rejects#"$TOP"/}/.  What to do: a tree with changes of" \
	    "its own at these places, or with another version of these patches on it, has to be" \
	    "restored first (git checkout, git stash); for a newer $KERNEL.y, carry the hunk over" \
	    "to the file by hand and replace the patch by 'diff -up' of the result."
}

# stage <tree> <staging>: overlay and patched files for this tree
stage()
{
	[ -r "$SERIES/series" ] || die "patches/$KERNEL/series is missing."
	count_applied "$1" "$2" || die "$(explain_failure "$1" "$2")"
	overlay_into "$2"
}
