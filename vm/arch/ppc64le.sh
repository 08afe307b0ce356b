# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What building and booting has to know about ppc64le.

KARCH=powerpc				# the kernel's ARCH=
SRCARCH=powerpc				# its directory in arch/
IMAGE=vmlinux
TRIPLET=powerpc64le-linux-gnu
QEMU=(qemu-system-ppc64 -M pseries -cpu POWER9)
QEMU_CONSOLE=(-serial chardev:console)
CONSOLE=hvc0
# For "make further": the other MMU; and a kernel that does not load r14 to r31 again on its way out
# of a fault, with 32-bit programs, which go with no other.
FURTHER_GUESTS=("hash main 3600 all kernel:disable_radix kernel:MMU=Hash" "compat compat 3600 all")
# Takes many minutes there; "make further" runs it.
SLOW=(code_steps_test_64)
# QEMU before 9.1 does not wait until the other CPUs have done what a tlbie asks of
# them, so that a thread may go on writing to a page that a fork has just write-
# protected, and what it wrote be lost.  Interrupts do it right.  The hash MMU can't
# do without tlbie; of the tests in its guest, only race_test forks beside threads
# that write, and what they share is in memory that no fork protects.
SMP_TARGET=(kernel:disable_tlbie)
# 65536 stubs in a page each, of 64 KiB
ICOUNT_TARGET=(-m 6G kernel:nohlt)
# What the tests are built for.
BUILDS=(64)
# Tests that must not be skipped, and in which guest.
MUST_RUN=("hash code_test_64: code.one.set_with_promise"
	  "compat powerpc_test_64: powerpc.process_of_32_bits"
	  "main mapping_test_64: mapping.private.at_a_high_address")
