# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Makes the source trees: $PRISTINE as Debian or the user has it, $LINUX with the
# overlay and the patches, and $LINUX_BENCH with patches for measuring on top.
# All are compared with where they come from each time; files that stay the
# same keep their times, so that make builds only what changed.

. "$VM/patches.sh"

# A build in the user's tree leaves these; they are not source.
NOT_SOURCE=(--exclude=.git --exclude='*.o' --exclude='*.a' --exclude='*.ko' --exclude='.*.cmd'
	--exclude='.*.d' --exclude='*.orig' --exclude='*.rej' --exclude='/.config*'
	--exclude=/vmlinux* --exclude=/System.map --exclude=/.trampfd-applied --exclude=/include/config
	--exclude='/include/generated' --exclude='/arch/*/include/generated')

# sync_tree <from> <staging> <to> [rsync options]: make <to> the same as <from>
# with the staged files on top
sync_tree()
{
	local from=$1 staged=$2 to=$3 list=$2.list
	shift 3

	(cd "$staged" && find . -type f -printf '/%P\n') > "$list"
	mkdir -p "$to"
	rsync -a --delete --itemize-changes "$@" --exclude-from="$list" "$from/" "$to/" > "$list.out"
	rsync -rlpc --itemize-changes "$staged/" "$to/"
}

# touch_restored <list> <tree>: what was patched and is no longer gets its old
# content back, with a time from before the last build
touch_restored()
{
	sed -nE 's/^>f[.c][^ +]* //p' "$1" | while read -r f; do
		touch "$2/$f"
		touch -r "$2/$f" "$PRISTINE/$f"
	done
}

unpack()
{
	local version=$1

	rm -rf "$WORK"/linux* "$WORK/.source"
	for arch in $ARCHES; do
		rm -rf "${WORK:?}/$arch"
	done
	mkdir -p "$PRISTINE"
	kernel_source | tar -x -I 'xz -T0 -d' -C "$PRISTINE" --strip-components=1
	echo "$version" > "$WORK/.source"
}

copy_kdir()
{
	local p

	rm -rf "$WORK/stage"
	mkdir -p "$WORK/stage" "$WORK/mine"
	count_applied "$KDIR" "$WORK/stage" || APPLIED=0
	unpatch "$KDIR" "$WORK/stage" "$APPLIED"
	[ "$APPLIED" -gt 0 ] || rm -rf "$WORK/stage"/*
	# What make apply put there belongs to the other tree.
	overlay_into "$WORK/mine"
	(cd "$WORK/mine" && find . -type f -printf '/%P\n') > "$WORK/mine.list"
	sync_tree "$KDIR" "$WORK/stage" "$PRISTINE" "${NOT_SOURCE[@]}" \
		--exclude-from="$WORK/mine.list" --delete-excluded
	rm -rf "$WORK/mine"
	echo "$KDIR" > "$WORK/.source"
}

overlay()
{
	rm -rf "$WORK/stage"
	stage "$PRISTINE" "$WORK/stage"
	sync_tree "$PRISTINE" "$WORK/stage" "$LINUX"
	touch_restored "$WORK/stage.list.out" "$LINUX"
}

# overlay_bench: what overlay() has staged, and the patches of bench/
overlay_bench()
{
	local staged=$WORK/stage-bench p

	rm -rf "$staged"
	mkdir -p "$staged"
	bench_patch_list | patched_files | while read -r f; do
		[ ! -e "$PRISTINE/$f" ] || echo "$f"
	done | rsync -lp --files-from=- "$PRISTINE/" "$staged/"
	rsync -a "$WORK/stage/" "$staged/"
	for p in $(bench_patch_list); do
		try_patch "$staged" "$p"
	done
	sync_tree "$PRISTINE" "$staged" "$LINUX_BENCH"
	touch_restored "$staged.list.out" "$LINUX_BENCH"
}

declare -A BENCH_TREE_MADE=()

# make_bench_tree: after make_tree, once for each kernel
make_bench_tree()
{
	[ -z "${BENCH_TREE_MADE[$KERNEL]:-}" ] || return 0
	BENCH_TREE_MADE[$KERNEL]=yes
	must "overlay-bench-$KERNEL" "apply what only the benchmark's kernel gets" overlay_bench
}

# make_pristine: only the source as it came
make_pristine()
{
	local version

	if [ -n "$KDIR" ]; then
		must source "copy the source of $KDIR" copy_kdir
	else
		version=$(kernel_source_version)
		[ -n "$version" ] || {
			step "source-$KERNEL" "get the source of Linux $KERNEL from Debian" fetch_kernel_source
			[ "$STEP_RC" -eq 0 ] ||
				die "The source of Linux $KERNEL is missing, and could not be fetched." \
				    "$(why_apt_failed "$STEP_LOG")" "Whole log: ${STEP_LOG#"$TOP"/}"
			version=$(kernel_source_version)
		}
		[ "$(cat "$WORK/.source" 2> /dev/null)" = "$version" ] ||
			must "unpack-$KERNEL" "unpack Linux $version" unpack "$version"
	fi
}

make_tree()
{
	make_pristine
	must "overlay-$KERNEL" "apply the overlay and $(patch_list | wc -l) patches" overlay
}
