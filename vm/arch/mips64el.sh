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
# CPUs with the execute-inhibit bit are of release 6 in QEMU 7.2, or Loongson's own.
CODE_ENTRIES=no
# What the tests are built for.
BUILDS=(64 32 n32)
# Tests that must not be skipped, and in which guest.
MUST_RUN=("main abi_test_64: abi.other"
	  "main mips_test_32: port.sign_extension"
	  "main mips_test_n32: port.sign_extension")
