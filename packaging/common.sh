# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# For the scripts here that run inside a Debian 13 root.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# sources: deb-src beside deb in apt's list, the updates too, and fresh lists
sources()
{
	local mirror

	mirror=$(sed -n 's/^deb \([^ ]*\) .*/\1/p; q' /etc/apt/sources.list)
	mirror=${mirror%/}
	cat > /etc/apt/sources.list <<-EOF
		deb $mirror trixie main
		deb $mirror trixie-updates main
		deb-src $mirror trixie main
		deb-src $mirror trixie-updates main
	EOF
	# Not all mirrors have these beside the others.
	if /usr/lib/apt/apt-helper download-file "$mirror-security/dists/trixie-security/InRelease" \
		/tmp/security > /dev/null 2>&1; then
		cat >> /etc/apt/sources.list <<-EOF
			deb $mirror-security trixie-security main
			deb-src $mirror-security trixie-security main
		EOF
	fi
	apt-get -q update
}

install() { apt-get -q -y install --no-install-recommends "$@"; }

# load <name>: what packaging/ says of it
load()
{
	ENTRY='' PATCHES='' STRIP_TO='' NEEDS='' PROFILES='' OPTIONS='' SYMBOLS_OF='' SYMBOLS=''
	NO_SOURCE=1
	# shellcheck source=/dev/null
	. "$TOP/packaging/$1/package.sh"
}
