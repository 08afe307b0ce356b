# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Makes the guests' initial file systems, and boots them.

# initramfs <variant> <output> <directory=/name in the guest>...: busybox,
# /init, the jobs, and what is given; a directory without a name is laid over the root
initramfs()
{
	local gen=$OUT/$1/usr/gen_init_cpio out=$2 arg
	shift 2

	{
		for arg in dev proc sys tmp usr usr/bin usr/sbin bin sbin jobs; do
			echo "dir /$arg 755 0 0"
		done
		# The kernel opens this one before /init has mounted /dev.
		echo "nod /dev/console 600 0 0 c 5 1"
		echo "file /init $VM/init 755 0 0"
		echo "file /usr/bin/timeout $VM/timeout 755 0 0"
		echo "file /bin/busybox $COMMON/busybox/busybox 755 0 0"
		sed 's|.*/||' "$COMMON/busybox/busybox.links" | while read -r arg; do
			case $arg in
			timeout) ;;
			*) echo "slink /usr/bin/$arg /bin/busybox 777 0 0" ;;
			esac
		done
		echo "slink /bin/sh /bin/busybox 777 0 0"
		for arg in "$VM"/jobs/*; do
			echo "file /jobs/${arg##*/} $arg 755 0 0"
		done
		for arg in "$@"; do
			[ -z "${arg#*=}" ] || echo "dir ${arg#*=} 755 0 0"
			find "${arg%%=*}" -mindepth 1 -type d -printf "dir ${arg#*=}/%P 755 0 0\n"
			find "${arg%%=*}" -type f -printf "file ${arg#*=}/%P %p %m 0 0\n"
			find "${arg%%=*}" -type l -printf "slink ${arg#*=}/%P %l 777 0 0\n"
		done
	} > "$out.list"
	"$gen" -t 0 "$out.list" > "$out"
}

# boot <variant> <initramfs> <job> <limit in seconds> [QEMU and kernel arguments]:
# the guest's console goes to standard output.  Arguments for the kernel are
# written "kernel:...".  The time limit is for guests that hang: tests have
# their own.
boot()
{
	local variant=$1 initrd=$2 job=$3 limit=$4 arg
	local qemu=() append="console=$CONSOLE $CMDLINE panic=-1 JOB=$job JOB_LIMIT=$limit"
	local stdio=(-chardev "stdio,id=console") machine=("${QEMU[@]}")
	shift 4
	[ -z "${QEMU_OF[$variant]:-}" ] || read -ra machine <<< "${QEMU_OF[$variant]}"

	for arg in "$@"; do
		case $arg in
		kernel:*) append+=" ${arg#kernel:}" ;;
		*) qemu+=("$arg") ;;
		esac
	done
	[ "$job" != shell ] || stdio=(-chardev "stdio,id=console,mux=on,signal=off" -mon console)

	# SIGKILL: a guest that halts under -icount makes QEMU deaf to the rest.
	timeout --foreground -s KILL $((limit + 120)) \
		"${machine[@]}" -nodefaults -no-user-config -display none -no-reboot -m 2G \
		"${stdio[@]}" "${QEMU_CONSOLE[@]}" \
		-kernel "$OUT/$variant/$IMAGE" -initrd "$initrd" -append "$append" "${qemu[@]}"
}

# show <variant> <initramfs> <job> <boot arguments...>: boot, show what the job
# prints, and count
show()
{
	local job=$3 log=$LOG_NAME/$TARGET-$3.log start=$SECONDS

	printf '[%3d:%02d] boot and run: %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$job"
	boot "$@" 2>&1 < /dev/null | tr -d '\r' |
		tee "$log" | sed -un '/^trampfd-guest: begin/,/^trampfd-guest: end/{
			/^trampfd-guest: fail/{s/^trampfd-guest: //p;d}
			/^\(trampfd-guest\|csv\):/!p}' || :
	printf '\n[%3d:%02d] %s: %d s  (log: %s)\n' $((SECONDS / 60)) $((SECONDS % 60)) \
		"$job" $((SECONDS - start)) "$log"
	python3 "$VM/report.py" guest "$log" | add_results "$TARGET $job"
}

# One nanosecond for each instruction, and the same date, in every run.  When a CPU
# goes idle, another thread of QEMU moves the clock, and may do so before the CPU's
# last instructions are counted; so a port's ICOUNT_TARGET has the CPU poll instead
# (idle=poll, nohlt), where the kernel can.
ICOUNT=(-accel tcg -smp 1 -icount "shift=0,sleep=off" -seed 1
	-rtc "base=2026-01-01,clock=vm" kernel:CPUS=1 kernel:nokaslr kernel:norandmaps)

# build_samples: into $OUT/samples
build_samples()
{
	local ffi=()

	# Debian's own library, or one built of Debian's source.
	if [ -n "$CROSS" ]; then
		build_libffi
		ffi=(FFI_CFLAGS="-I$COMMON/libffi/include" FFI_LIBS="-L$COMMON/libffi/lib -lffi")
	fi
	make -C "$LINUX/samples/trampfd" OUTPUT="$OUT/samples" \
		HEADERS="$OUT/main/usr" CC="${CROSS}gcc" "${ffi[@]}"
	cp "$TOP/samples/trampfd/demos" "$OUT/samples/"
}

# pack_samples [directory=/name in the guest]...: the initial file system with them
pack_samples()
{
	rm -rf "$OUT/samples.guest"
	mkdir -p "$OUT/samples.guest"
	find "$OUT/samples" -maxdepth 1 -type f \( -perm -u+x -o -name demos \) \
		-exec cp {} "$OUT/samples.guest/" \;
	initramfs main "$OUT/samples.cpio" "$OUT/samples.guest=/samples" "$@"
}
