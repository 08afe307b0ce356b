# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the user has given to make, looked at before anything is done with it: a wrong word
# gets one sentence at once, and not a failure after minutes.

# What make, or a shell that it starts, takes for something else than a part of a name.
NOT_IN_PATHS=$' \t\n:;,#$%&*?!|<>(){}[]="`\'\\^'

# check_path <what it is> <path>
check_path()
{
	local i c

	for ((i = 0; i < ${#2}; i++)); do
		c=${2:i:1}
		[[ $NOT_IN_PATHS != *"$c"* ]] ||
			die "$1 has a character in its path that make can't take, '$c': $2" \
			    "Rename it, or move it to another place."
	done
}

# check_number <name> <value> <least> <of what>
check_number()
{
	if ! [[ $2 =~ ^[0-9]{1,6}$ ]] || [ "$((10#$2))" -lt "$3" ]; then
		die "$1=$2 is not a number of $4, $3 or more."
	fi
}

# check_arches <words>
check_arches()
{
	local arch

	for arch in $1; do
		[ "$arch" = all ] || [[ " $ARCHES " == *" $arch "* ]] ||
			die "ARCH=$arch is not known.  Known are: $ARCHES"
	done
}

# one_arch <default> <command>: the architecture, where there can be only one
one_arch()
{
	local arch=${TRAMPFD_ARCH:-$1}

	if [ "$arch" = all ] || [[ $arch = *[[:space:]]* ]]; then
		die "ARCH=$arch: $2 takes one architecture at a time."
	fi
	echo "$arch"
}

# check_variant <kernel> <architectures>: one that they have a configuration for
check_variant()
{
	local arch

	[ -n "$1" ] || return 0
	for arch in $2; do
		compgen -G "$VM/config/$arch-$1*.config" > /dev/null ||
			die "ON=$1: there is no such kernel of $arch.  Those that there are, are in vm/config/."
	done
}

# check_switch <name> <value>: on and off
check_switch()
{
	case $2 in
	''|0|1)	;;
	*)	die "$1=$2 is neither 0 nor 1." ;;
	esac
}

check_path "The clone of trampfd" "$TOP"
check_arches "${TRAMPFD_ARCH:-}"
check_number JOBS "$JOBS" 1 jobs
check_number MINUTES "${TRAMPFD_MINUTES:-0}" 0 minutes
[[ ${TRAMPFD_LIBFFI:-sid} =~ ^[a-z][a-z-]*$ ]] ||
	die "LIBFFI=$TRAMPFD_LIBFFI is not the name of one of Debian's releases, such as sid."
