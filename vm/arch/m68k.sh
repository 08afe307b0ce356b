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
# The patch for libffi does not know it; and each program starts with memory that is
# writable and executable, where the clients expect strict W^X.
NOT_PORTED="clients"
# The CPU can't refuse to execute what is not executable.
CODE_ENTRIES=no
# What the tests are built for.
BUILDS=(32)
