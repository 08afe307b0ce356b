# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A Debian 13 root file system, made by debootstrap and cached beside the other caches.  What is
# done in it goes into layers on top (see vm/enter), and nothing into this machine.

DEBIAN=trixie

# need_root <command>: for who is not root, sudo has to allow more than apt, and for as long as
# this takes
need_root()
{
	[ "$(id -u)" -ne 0 ] || return 0
	sudo -v || die "$1 makes a Debian root, so it needs root, or a user who may call any command by sudo."
	(while kill -0 $$ && sudo -n -v; do sleep 60; done) > /dev/null 2>&1 &
}

# lock_roots: where the roots are; one make at a time uses them
lock_roots()
{
	ROOTS=$CACHE/debian
	check_path "The cache" "$ROOTS"
	mkdir -p "$ROOTS"
	exec {ROOTS_LOCK}>> "$ROOTS/.lock"
	flock -n "$ROOTS_LOCK" || die "Another make uses the Debian root in $ROOTS.  Wait for its end."
	as_root rm -rf --one-file-system "$ROOTS/$DEBIAN.thrown"
}

# as_network: as root, with what says how the network is reached, which sudo would drop
as_network()
{
	local p='' vars=() name

	eval "$(apt-config shell p Acquire::http::Proxy)"
	p=${http_proxy:-$p}
	[ -z "$p" ] || [ "$p" = DIRECT ] || vars+=("http_proxy=$p")
	for name in https_proxy no_proxy; do
		[ -z "${!name:-}" ] || vars+=("$name=${!name}")
	done
	as_root env "${vars[@]}" "$@"
}

# mirror: where this machine's packages of Debian come from, if debootstrap can read it
mirror()
{
	# shellcheck disable=SC2016 # apt's own
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' |
		grep -m1 -E '^https?://'
}

# make_root: $ROOTS/trixie, once
make_root()
{
	local root=$ROOTS/$DEBIAN from

	[ ! -e "$root.complete" ] || return 0
	from=$(mirror) || {
		echo "error: apt's sources name no place for Debian's packages that debootstrap can read (http, https)"
		return 1
	}
	as_root rm -rf --one-file-system "$root"
	# It mounts /proc and /sys there.
	as_network unshare --mount --propagation private debootstrap --variant=minbase "$DEBIAN" "$root" "$from" || {
		# Its own log says more than it does.
		tail -n 5 "$root/debootstrap/debootstrap.log" 2> /dev/null
		echo "error: debootstrap could not make a root of Debian 13 from $from"
		return 1
	}
	# No service is to start where packages are installed.
	as_root sh -c "printf '#!/bin/sh\nexit 101\n' > '$root/usr/sbin/policy-rc.d'
		chmod +x '$root/usr/sbin/policy-rc.d'"
	touch "$root.complete"
}

# in_root [as enter's options] -- <command...>
in_root() { as_network "$VM/enter" "$ROOTS/$DEBIAN" "$@"; }

# cached_layer <name> <stamp> <command...>: a layer that stays until the stamp is another one
cached_layer()
{
	local layer=$ROOTS/$1 stamp=$2
	shift 2

	[ "$(cat "$layer.complete" 2> /dev/null)" != "$stamp" ] || return 0
	rm -f "$layer.complete"
	as_root rm -rf --one-file-system "$layer"
	in_root --keep "$layer" --bind "$TOP" -- "$@" || return
	echo "$stamp" > "$layer.complete"
}
