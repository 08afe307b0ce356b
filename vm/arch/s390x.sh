# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What building and booting has to know about s390x.

KARCH=s390
SRCARCH=s390
IMAGE=arch/s390/boot/bzImage
TRIPLET=s390x-linux-gnu
QEMU=(qemu-system-s390x -M s390-ccw-virtio -cpu max)
QEMU_CONSOLE=(-device "sclpconsole,chardev=console")
CONSOLE=ttyS0
