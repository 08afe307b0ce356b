# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What building and booting has to know about 64-bit RISC-V.

KARCH=riscv
SRCARCH=riscv
IMAGE=arch/riscv/boot/Image
TRIPLET=riscv64-linux-gnu
QEMU=(qemu-system-riscv64 -M virt -cpu rv64,v=true,vext_spec=v1.0 -bios default)
QEMU_CONSOLE=(-serial chardev:console)
CONSOLE=ttyS0
ICOUNT_TARGET=(kernel:nohlt)
