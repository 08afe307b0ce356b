# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What comes through apt and is not installed: source packages, and packages of other
# architectures and releases.  The machine's own configuration of apt stays as it is.

# apt_parts <deb or deb-src> <suite or ""> <directory>: the places where the machine's packages
# come from, as files for Dir::Etc::SourceParts.  With a suite, only what names the machine's
# release is kept, and names that suite instead.
apt_parts()
{
	local type=$1 suite=$2 to=$3 f name

	name=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		[ -r "$f" ] || continue
		case $f in
		*.list)		sed -nE "s/^deb([[:space:]])/$type\1/; T; ${suite:+s/ $name / $suite /; T;} s/arch=[a-z0-9,]*//; p" "$f" ;;
		*.sources)	awk -v RS= -v ORS='\n\n' -v type="$type" -v name="$name" -v suite="$suite" '
					suite != "" && $0 !~ "Suites:([^\n]* )?" name "( |\n|$)" { next }
					{ sub("Types:[^\n]*", "Types: " type); sub("\nArchitectures:[^\n]*", "") }
					suite != "" { sub("Suites:[^\n]*", "Suites: " suite) }
					{ print }' "$f" ;;
		esac > "$to/${f##*/}"
	done
	find "$to" -mindepth 1 -empty -delete
}

# apt_other <directory> <deb or deb-src> <suite or ""> <program> [arguments...]: a program of apt
# with lists of its own in that directory, which are made anew when the machine's places change
apt_other()
{
	local a=$1 program=$4 stamp

	stamp=$( (echo "$2 $3"; cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2> /dev/null || :) | sha256sum)
	if [ "$stamp" != "$(cat "$a/.stamp" 2> /dev/null)" ]; then
		rm -rf "$a"
		mkdir -p "$a/parts" "$a/lists/partial" "$a/cache/archives/partial"
		apt_parts "$2" "$3" "$a/parts" || return
		[ -n "$(ls "$a/parts")" ] || {
			echo "error: apt's sources name no place for $2 ${3:-of this release}"
			return 1
		}
		echo "$stamp" > "$a/.stamp"
	fi
	"$program" -q -o APT::Sandbox::User=root -o Dir::State::Lists="$a/lists" \
		-o Dir::Cache="$a/cache" -o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$a/parts" "${@:5}"
}

# apt_names: of the packages that "apt-get -s install" would install
apt_names() { sed -n 's/^Inst \([^ ]*\) .*/\1/p'; }

# unpack_debs <directory>: all packages of the working directory, without installing them
unpack_debs()
{
	local p

	for p in *.deb; do
		dpkg-deb -x "$p" "$1" || return
	done
}

# fetch_root <directory> <suite> <packages...>: unpack packages of another of Debian's releases
# there, with all that they need, as if nothing was installed; 2 if there are none
fetch_root()
{
	local root=$1 apt=(apt_other "$1.apt" deb "$2" apt-get -o Dir::State::Status=/dev/null) list
	shift 2

	rm -rf "$root" "$root.debs"
	mkdir -p "$root" "$root.debs"
	"${apt[@]}" update || return
	list=$("${apt[@]}" -s install --no-install-recommends "$@") || return 2
	# shellcheck disable=SC2046
	(cd "$root.debs" && "${apt[@]}" download $(apt_names <<< "$list") && unpack_debs "$root") || return
	rm -rf "$root.debs"
}
