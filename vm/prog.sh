# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A program of the user's in a guest ("make run PROG="), and files of his ("FILES=").

FILES_MAX=500		# megabytes: the guest has its files in its 2 GB of memory
PROG_LIMIT=3600		# seconds

# elf_arch <file>: the architecture that a program is for, or nothing
elf_arch()
{
	local b

	read -ra b <<< "$(od -An -v -tu1 -N20 -- "$1" | tr '\n' ' ')"
	# A program, or one at any address; not an object file.
	[ "${b[*]:0:4}" = "127 69 76 70" ] && [ ${#b[@]} -eq 20 ] && [[ ${b[*]:16:2} =~ ^(0 )?[23]( 0)?$ ]] ||
		return 0
	# class: 1 is 32 bits; data: 2 is big-endian; machine
	case "${b[4]} ${b[5]} ${b[*]:18:2}" in
	"2 1 62 0")	echo x86_64 ;;
	"1 1 3 0")	echo i386 ;;
	"2 1 183 0")	echo arm64 ;;
	"1 1 40 0")	echo arm ;;
	"2 1 243 0")	echo riscv64 ;;
	"2 2 0 22")	echo s390x ;;
	"2 1 21 0")	echo ppc64le ;;
	"2 1 8 0"|"1 1 8 0") echo mips64el ;;
	"1 2 0 4")	echo m68k ;;
	*)		echo unknown ;;
	esac
}

# guests_for <architecture of a program>: whose kernels run it, the preferred first
guests_for()
{
	case $1 in
	i386)	echo x86_64 i386 ;;
	arm)	echo arm arm64 ;;
	*)	echo "$1" ;;
	esac
}

# interpreter <program>: the dynamic linker that it asks for, or nothing
interpreter() { readelf -lW -- "$1" 2> /dev/null | sed -n 's/.*Requesting program interpreter: \(.*\)\]$/\1/p'; }

# check_prog: PROG's absolute path, its architecture and that of its guest are in PROG, PROG_ARCH
# and PROG_GUEST
check_prog()
{
	local given=$TRAMPFD_PROG guests

	check_switch STRICT "${TRAMPFD_STRICT:-}"
	PROG=$(readlink -e -- "$given") || die "PROG=$given: there is no such file."
	if [ ! -f "$PROG" ] || [ ! -r "$PROG" ]; then
		die "PROG=$given is not a file that can be read."
	fi
	check_path PROG "$PROG"
	PROG_ARCH=$(elf_arch "$PROG")
	[ -n "$PROG_ARCH" ] || die "PROG=$given is not a compiled program for Linux (an ELF file)."
	[ "$PROG_ARCH" != unknown ] || die "PROG=$given is for an architecture that trampfd is not ported to."
	guests=$(guests_for "$PROG_ARCH")
	PROG_GUEST=$(one_arch "${guests%% *}" "make run PROG=")
	[[ " $guests " == *" $PROG_GUEST "* ]] ||
		die "PROG=$given is for $PROG_ARCH, and the guest of ARCH=$PROG_GUEST can't run it."
	[ -z "$(interpreter "$PROG")" ] || prog_libraries > /dev/null
}

# prog_libraries: the paths of all that ldd says it needs
prog_libraries()
{
	local said

	case "$(uname -m) $PROG_ARCH" in
	"x86_64 x86_64"|"x86_64 i386"|"aarch64 arm64") ;;
	*)	die "PROG=$PROG needs libraries of $PROG_ARCH, which only such a machine has.  Link it with -static." ;;
	esac
	said=$(ldd -- "$PROG" 2>&1) ||
		die "PROG=$PROG: ldd can't tell which libraries it needs: ${said//$'\n'/ }"
	[[ $said != *"not found"* ]] ||
		die "PROG=$PROG needs what is not on this machine:" "$(grep 'not found' <<< "$said")"
	sed -nE 's/^.* => (\/.*) \(0x[0-9a-f]+\)$/\1/p' <<< "$said"
}

# build_prog: what the guest gets of it.  The libraries are not where they were, which may be a
# place that the guest has something else at; the dynamic linker has to be.
build_prog()
{
	local to=$OUT/prog.guest linker lib name=${PROG##*/} start=()

	rm -rf "$to"
	mkdir -p "$to/prog"
	cp -- "$PROG" "$to/prog/$name"
	chmod 755 "$to/prog/$name"
	linker=$(interpreter "$PROG")
	if [ -n "$linker" ]; then
		mkdir -p "$to/prog/lib" "$to/${linker%/*}"
		cp -L -- "$linker" "$to/$linker"
		for lib in $(prog_libraries); do
			cp -L -- "$lib" "$to/prog/lib/"
		done
		start=(env LD_LIBRARY_PATH=/prog/lib)
	fi
	if [ "${TRAMPFD_STRICT:-1}" = 1 ]; then
		"${CROSS}gcc" -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -static -isystem "$OUT/main/usr/include" \
			-I "$TOP/samples/trampfd" -o "$to/prog/strict" "$VM/prog.c" \
			"$TOP/samples/trampfd/strict_wx.c"
		start+=(/prog/strict)
	fi
	# The arguments are words of a shell, as they were on the command line.
	printf '%s\n' 'cd /files 2> /dev/null || cd /tmp' "exec ${start[*]} /prog/$name ${TRAMPFD_ARGS:-}" \
		> "$to/prog/run"
	initramfs main "$OUT/prog.cpio" "$to=" "${FILES[@]}"
}

# run_prog: boot, show what it prints, and end with its exit status
run_prog()
{
	local log=$LOG_NAME/$TARGET-prog.log name=${PROG##*/} status

	say "" "$name, $([ "${TRAMPFD_STRICT:-1}" = 1 ] && echo "under strict W^X" || echo "unprotected"):"
	boot main "$OUT/prog.cpio" prog "$PROG_LIMIT" "${SMP[@]}" 2>&1 < /dev/null | tr -d '\r' |
		tee "$log" | sed -un '/^trampfd-guest: begin/,/^trampfd-guest: end/{/^trampfd-guest: /!p}' || :
	status=$(sed -n 's/^trampfd-guest: status //p' "$log" | tail -n 1)
	if [ -z "$status" ]; then
		! grep -q '^trampfd-guest: time limit' "$log" ||
			die "$name did not end within $((PROG_LIMIT / 60)) minutes.  (log: $log)"
		die "The guest ended before $name did.  (log: $log)"
	fi
	if [ "$status" -gt 128 ]; then
		say "$name was ended by SIG$(kill -l $((status - 128)) 2> /dev/null || echo "NAL $status").  (log: $log)"
	else
		say "$name ended with exit status $status.  (log: $log)"
	fi
	exit "$status"
}

# check_files: the directory of FILES=, if it is given, as initramfs takes it, in FILES
check_files()
{
	local dir bad

	FILES=()
	[ -n "${TRAMPFD_FILES:-}" ] || return 0
	dir=$(readlink -e -- "$TRAMPFD_FILES") || dir=''
	[ -d "$dir" ] || die "FILES=$TRAMPFD_FILES: there is no such directory."
	check_path FILES "$dir"
	bad=$(find "$dir" -name '*[[:space:]]*' -print -quit)
	[ -z "$bad" ] || die "FILES: a guest can't have a file with a space in its name: $bad"
	bad=$(find "$dir" ! -readable -print -quit 2> /dev/null)
	[ -z "$bad" ] || die "FILES: this can't be read: $bad"
	[ "$(du -sm -- "$dir" | cut -f1)" -le $FILES_MAX ] ||
		die "FILES=$TRAMPFD_FILES has more than $FILES_MAX MB, which the guest's memory has no room for."
	FILES=("$dir=/files")
}
