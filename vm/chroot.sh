# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A Debian 13 root file system, made by debootstrap and cached beside the other caches.  What is
# done in it goes into layers on top (see vm/enter), and nothing into this machine.

DEBIAN=trixie
ROOTS=$CACHE/debian

# mirror: where this machine's packages come from
mirror()
{
	# shellcheck disable=SC2016 # apt's own
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		grep -v -e security -e '^file:' | head -n 1 | grep .
}

# make_root: $ROOTS/trixie, once
make_root()
{
	local root=$ROOTS/$DEBIAN from

	[ ! -e "$root.complete" ] || return 0
	from=$(mirror) || {
		echo "error: apt's sources name no place that has Debian's packages"
		return 1
	}
	mkdir -p "$ROOTS"
	as_root rm -rf "$root"
	as_root debootstrap --variant=minbase "$DEBIAN" "$root" "$from" || {
		# Its own log says more than it does.
		tail -n 5 "$root/debootstrap/debootstrap.log" 2> /dev/null
		echo "error: debootstrap could not make a root of Debian 13 from $from"
		return 1
	}
	# No service is to start where packages are installed.
	as_root sh -c "printf '#!/bin/sh\nexit 101\n' > '$root/usr/sbin/policy-rc.d'
		chmod +x '$root/usr/sbin/policy-rc.d'
		# How apt reaches the network is as on this machine.
		apt-config dump | grep '^Acquire::[a-z]*::\(Proxy\|CaInfo\|Verify\)' > '$root/etc/apt/apt.conf.d/99network' || :"
	touch "$root.complete"
}

# in_root [as enter's options] -- <command...>
in_root() { as_root "$VM/enter" "$ROOTS/$DEBIAN" "$@"; }

# cached_layer <name> <stamp> <command...>: a layer that stays until the stamp is another one
cached_layer()
{
	local layer=$ROOTS/$1 stamp=$2
	shift 2

	[ "$(cat "$layer.complete" 2> /dev/null)" != "$stamp" ] || return 0
	rm -f "$layer.complete"
	as_root rm -rf "$layer"
	in_root --keep "$layer" --bind "$TOP" -- "$@" || return
	echo "$stamp" > "$layer.complete"
}
