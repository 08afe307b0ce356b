# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What building and booting has to know about arm64.

KARCH=arm64				# the kernel's ARCH=
SRCARCH=arm64				# its directory in arch/
IMAGE=arch/arm64/boot/Image
TRIPLET=aarch64-linux-gnu
# With branch target identification, memory tags, and pointer authentication by
# an algorithm that does not take most of the emulator's time.
QEMU=(qemu-system-aarch64 -M "virt,mte=on" -cpu "max,pauth-impdef=on")
QEMU_CONSOLE=(-serial chardev:console)
CONSOLE=ttyAMA0
ICOUNT_TARGET=(kernel:nohlt)
# What the tests are built for.
BUILDS=(64 32 thumb)
# Tests that must not be skipped, and in which guest.
MUST_RUN=("main arm64_test_64: arm64.landing_pads_are_needed"
	  "main arm64_test_64: arm64.landing_pads_behind_a_chain"
	  "main arm64_test_64: arm64.authenticated_call"
	  "main arm64_test_64: arm64.memory_tags_of_the_stack"
	  "main arm64_test_64: arm64.scalable_vectors")
