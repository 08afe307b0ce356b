# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What building and booting has to know about 32-bit x86.

KARCH=i386
SRCARCH=x86
IMAGE=arch/x86/boot/bzImage
TRIPLET=i686-linux-gnu
# "max" alone is an Athlon there, of which Linux says that two do not work together.
QEMU=(qemu-system-i386 -M q35 -cpu "max,family=15,model=107,stepping=1")
QEMU_CONSOLE=(-serial chardev:console)
CONSOLE=ttyS0
# Not whether the timer's interrupts come: the kernel waits milliseconds for them,
# and panics where QEMU got no CPU meanwhile.
CMDLINE=no_timer_check
# Calibration is right to a few parts in a million only.
ICOUNT_TARGET=(kernel:tsc_early_khz=1000000 kernel:tsc=reliable kernel:idle=poll)
# For "make further": three levels of page tables instead of two.
FURTHER_GUESTS=("pae pae 1500 all")
# Two levels of page tables know no pages that are not executable.
CODE_ENTRIES=no
# What the tests are built for.
BUILDS=(32)
# Tests that must not be skipped, and in which guest.
MUST_RUN=("pae code_test_32: code.one.set_with_promise"
	  "pae code_layout_test_32: global.supported"
	  "main x86_test_32: segment.virtual_8086_mode")
