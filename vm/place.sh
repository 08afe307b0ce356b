# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Where everything is made: in build/, or in the directory of OUTPUT=.  One make works there at
# a time.

BUILD_DIR=$TOP/build
if [ -n "${TRAMPFD_OUTPUT:-}" ]; then
	BUILD_DIR=$(realpath -m -- "$TRAMPFD_OUTPUT")
	check_path OUTPUT "$BUILD_DIR"
fi
LOG=$BUILD_DIR/log
# The same as messages and results name them: short, if they are in the clone.
BUILD_NAME=${BUILD_DIR#"$TOP"/}
LOG_NAME=$BUILD_NAME/log
# Tells that such a directory is ours, to be written to and to be removed.
MARK=.trampfd-build

# Paths below it are not part of what ccache compares.
export CCACHE_BASEDIR=$BUILD_DIR
[[ $BUILD_DIR/ != "$TOP"/* ]] || CCACHE_BASEDIR=$TOP
CACHE=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/trampfd
export CCACHE_DIR=$CACHE/ccache

# is_ours <directory>: whether it is for us to fill, or to remove
is_ours()
{
	[ "$1" = "$TOP/build" ] || [ -e "$1/$MARK" ] || [ -z "$(ls -A "$1" 2> /dev/null)" ]
}

# make_place: the directory, and that for caches
make_place()
{
	is_ours "$BUILD_DIR" ||
		die "OUTPUT=$BUILD_DIR has files that are not from here.  Name a new or an empty directory."
	{ mkdir -p "$LOG" && [ -w "$BUILD_DIR" ] && [ -w "$LOG" ] && touch "$BUILD_DIR/$MARK"; } 2> /dev/null ||
		die "$BUILD_DIR can't be written.  OUTPUT=<dir> has everything made in another directory."
	# A user without a home can have no cache that lasts longer.
	if ! { mkdir -p "$CACHE" && [ -w "$CACHE" ]; } 2> /dev/null; then
		CACHE=$BUILD_DIR/cache
		CCACHE_DIR=$CACHE/ccache
		mkdir -p "$CACHE"
	fi
}

# who_works_there: processes that have the lock
who_works_there()
{
	find /proc/[0-9]*/fd -lname "$BUILD_DIR/.lock" 2> /dev/null | cut -d/ -f3 | sort -un | paste -sd' '
}

# lock_place <command>: until this process and all that it has started have ended.  The lock's
# file says who has it; its time, since when.
lock_place()
{
	local pid='' command='' minutes

	exec {LOCK}>> "$BUILD_DIR/.lock"
	if ! flock -n "$LOCK"; then
		read -r pid command < "$BUILD_DIR/.lock" || :
		minutes=$((($(date +%s) - $(stat -c %Y "$BUILD_DIR/.lock")) / 60))
		[ ! -d "/proc/${pid:-none}" ] ||
			die "Another make works in $BUILD_NAME/: process $pid, for $minutes minutes, \"$command\"." \
			    "Wait for its end; or OUTPUT=<dir> has everything made in another directory."
		# What an interrupted run has started ends soon after it.
		flock -w 3 "$LOCK" || {
			# What is open here is not a lock.
			exec {LOCK}>&-
			die "An earlier ${command:-make} has ended, but not all that it had started.  These processes" \
			    "still work in $BUILD_NAME/; end them first: $(who_works_there)"
		}
	fi
	echo "$$ $1" > "$BUILD_DIR/.lock"
}

# unlock_place: what follows leaves the files there alone.  This is the one lock of all that has
# inherited it.
unlock_place() { flock -u "$LOCK"; }

# begin <command>: what each of make's commands does first, unless it leaves the directory alone
begin()
{
	make_place
	lock_place "make $1"
	cd "$TOP" || return
	RESULTS=$LOG/$1.results
	: > "$RESULTS"
}
