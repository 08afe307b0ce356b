# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What building and booting has to know about 32-bit arm, from version 7 on.

KARCH=arm				# the kernel's ARCH=
SRCARCH=arm				# its directory in arch/
IMAGE=arch/arm/boot/zImage
TRIPLET=arm-linux-gnueabihf
QEMU=(qemu-system-arm -M virt -cpu cortex-a15)
QEMU_CONSOLE=(-serial chardev:console)
CONSOLE=ttyAMA0
ICOUNT_TARGET=(kernel:nohlt)
# One generated header has the name of its source; see there.
KMAKE=(AWK="$VM/awk")
# What the tests are built for.
BUILDS=(32 thumb)
