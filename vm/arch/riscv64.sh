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
# For "make further", on kernels that have it: control-flow integrity, which takes a newer
# compiler and a newer QEMU.
if [ "$KERNEL" != 6.12 ]; then
	FURTHER_GUESTS=("cfi cfi 1500 *_64")
	MUST_RUN+=("cfi cfi_test_64: landing.fault.target_without"
		   "cfi cfi_test_64: landing.code.target_without"
		   "cfi cfi_test_64: landing.fault.label_of_the_record"
		   "cfi cfi_test_64: landing.code.label_of_the_record"
		   "cfi cfi_test_64: global.push_to_a_shadow_stack")
fi
qemu_of_cfi()
{
	local cpu=rv64,v=true,vext_spec=v1.0,zimop=true,zcmop=true,zicfilp=true,zicfiss=true

	newer_qemu qemu-system-riscv64 qemu-system-riscv 10.0
	newer_opensbi
	[ -z "$NEWER_QEMU" ] || [ -z "$NEWER_OPENSBI" ] ||
		QEMU_OF[cfi]="$NEWER_QEMU -M virt -cpu $cpu -bios $NEWER_OPENSBI"
}
# What the kernel's own configuration asks the compiler for.
cross_of_cfi() { newer_gcc -mabi=lp64 -march=rv64ima_zicfiss_zicfilp -fcf-protection=full; }
