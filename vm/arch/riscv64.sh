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
# What the tests are built for.
BUILDS=(64)
# Tests that must not be skipped, and in which guest.
MUST_RUN=("main abi_test_64: abi.foreign"
	  "main riscv_test_64: riscv.vector_registers")
