# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What building and booting has to know about m68k.

KARCH=m68k
SRCARCH=m68k
IMAGE=vmlinux
TRIPLET=m68k-linux-gnu
QEMU=(qemu-system-m68k -M virt -cpu m68040)
QEMU_CONSOLE=(-serial chardev:console)
CONSOLE=ttyGF0
CPUS=1
# What is left of a port.
NOT_PORTED="libtrampfd"
# What the tests are built for.
BUILDS=(32)
