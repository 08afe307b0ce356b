# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What building and booting has to know about mips64el.

KARCH=mips				# the kernel's ARCH=
SRCARCH=mips				# its directory in arch/
IMAGE=vmlinux
TRIPLET=mips64el-linux-gnuabi64
QEMU=(qemu-system-mips64el -M malta -cpu MIPS64R2-generic)
QEMU_CONSOLE=(-serial chardev:console)
CONSOLE=ttyS0,38400n8r
# No CPU that QEMU has two of runs Debian's programs.
CPUS=1
# The clock that calibrates the counter is to count instructions, too.  QEMU 7.2 does not
# come back from the wait instruction when it counts.
ICOUNT_TARGET=(-rtc clock=vm kernel:nowait)
# That CPU has no execute-inhibit bit.
CODE_ENTRIES=no
# For "make further": a CPU that has it, and pages of 16 KiB.
FURTHER_GUESTS=("loongson loongson 7200 all")
# QEMU 7.2 has that CPU, too, but no machine for it that goes without KVM.  Its others with
# the bit are of release 6, which does not run Debian's programs, or of 32 bits.
qemu_of_loongson()
{
	newer_qemu qemu-system-mips64el qemu-system-mips 10.0
	[ -z "$NEWER_QEMU" ] ||
		QEMU_OF[loongson]="$NEWER_QEMU -M loongson3-virt -cpu Loongson-3A4000"
}
# What the tests are built for.
BUILDS=(64 32 n32)
# Tests that must not be skipped, and in which guest.
MUST_RUN=("main abi_test_64: abi.other"
	  "main mips_test_32: port.sign_extension"
	  "main mips_test_n32: port.sign_extension"
	  "loongson code_layout_test_64: global.supported"
	  "loongson code_layout_test_n32: global.supported"
	  "loongson code_layout_test_32: global.supported"
	  "loongson code_test_64: code.one.set_with_promise"
	  "loongson code_test_n32: code.one.set_with_promise"
	  "loongson code_test_32: code.one.set_with_promise"
	  "loongson code_mapping_test_64"
	  "loongson code_fork_test_64"
	  "loongson code_race_test_64: race.three.ways_out"
	  "loongson mips_test_64: port.code_entry_with_the_address_of_another"
	  "loongson mips_test_n32: port.code_entry_with_the_address_of_another"
	  "loongson mips_test_32: port.code_entry_with_the_address_of_another")
