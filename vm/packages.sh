# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Installs the packages of vm/packages that are missing.

# gcc_version: of Debian's gcc, installed or not
gcc_version()
{
	{ dpkg-query -W -f '${Depends}' gcc || apt-cache show gcc; } 2> /dev/null |
		grep -m1 -oE '\bgcc-[0-9]+' | head -n 1 | sed 's/gcc-//'
}

# available: of alternatives (a|b), the first one that this release has
available()
{
	local names p

	while IFS='|' read -ra names; do
		for p in "${names[@]}"; do
			[ ${#names[@]} -gt 1 ] || break
			! apt-cache policy "$p" 2> /dev/null | grep -q 'Candidate: [0-9]' || break
		done
		echo "$p"
	done
}

# wanted_packages <arch...>
wanted_packages()
{
	local arch re=all

	for arch in "$@"; do
		re="$re|$arch"
	done
	sed -nE "s/^($re): //p" "$VM/packages" | tr -s ' \t' '\n' | sed "s/@/$(gcc_version)/" |
	available |
	if [ -n "$KDIR" ] || ! from_release "$KERNEL"; then grep -v '^linux-source-'; else cat; fi
}

missing_packages()
{
	local p

	for p in $(wanted_packages "$@"); do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2> /dev/null)" = installed ] ||
			echo "$p"
	done
}

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install()
{
	local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300)

	# Lists that are too old name files that the mirror no longer has.
	as_root "${apt[@]}" install --no-install-recommends "$@" || {
		as_root "${apt[@]}" update
		as_root "${apt[@]}" install --no-install-recommends "$@"
	}
}

# why_apt_failed <log>: in a sentence
why_apt_failed()
{
	local line

	line=$(grep -aE -m1 'Could not resolve|Temporary failure|Could not connect|Unable to connect|Cannot initiate|Connection (failed|refused|timed out)|Network is unreachable' "$1" || :)
	if [ -n "$line" ]; then
		say "The place that they come from can't be reached.  Is there a network?  apt says: $line"
	elif grep -aqE "Could not get lock|Unable to acquire|Unable to lock" "$1"; then
		say "Another program is using apt; try again when it has ended."
	elif grep -aq 'Unable to locate package linux-source' "$1"; then
		say "On Debian 12, linux-source-6.12 comes from bookworm-security, which has to be in" \
		    "/etc/apt/sources.list; or give a 6.12 tree of your own with KDIR=."
	elif grep -aq '^error: ' "$1"; then
		sed -n 's/^error: //p' "$1" | tail -n 1
	else
		say "apt says: $(grep -aE '^(E|W|Err)[:0-9]' "$1" | tail -n 1)"
	fi
}

# need_packages <arch...>
need_packages()
{
	local missing

	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	command -v apt-get > /dev/null ||
		die "This needs Debian 12 or 13, or these packages: ${missing//$'\n'/ }"
	[ "$(id -u)" -eq 0 ] || sudo -v ||
		die "These packages are missing; install them, or let sudo do it:" "${missing//$'\n'/ }"
	if [ -z "$(gcc_version)" ]; then
		step packages "update apt's lists" as_root apt-get update
		missing=$(missing_packages "$@")
	fi
	# shellcheck disable=SC2086
	step packages "install $(echo "$missing" | wc -l) Debian packages" apt_install $missing
	[ "$STEP_RC" -eq 0 ] ||
		die "These packages are missing, and apt could not install them: ${missing//$'\n'/ }" \
		    "$(why_apt_failed "$STEP_LOG")" "Whole log: ${STEP_LOG#"$TOP"/}"
}
