/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entering a trampoline with every register known, and catching every
 * register where it leads to.
 *
 * A jump needs a register, and there is none to spare: it is the return
 * address, which a call changes anyway, and a trampoline may not set.
 */
#include "arch-riscv.h"

	.option	norelax

/* The C side checks that the thread pointer reaches it. */
#define RUN(place)	%tprel_lo(riscv_run+place)(tp)
#define REG(n)		ARCH_FP_SIZE+8*n

	.macro	each_fpr instruction
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, \
		   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\instruction	f\n, 8*\n(a0)
	.endr
	.endm

	.macro	each_saved_fpr instruction
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	\instruction	fs\n, 8*(\n+13)(sp)
	.endr
	.endm

	.macro	each_saved instruction
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	\instruction	s\n, 8*\n(sp)
	.endr
	\instruction	ra, 8*12(sp)
	.endm

	/* Everything but the PC, x1 to x4 and x10; that one is last. */
	.macro	load_all
	addi	sp, sp, -208
	each_saved sd
	each_saved_fpr fsd
	sd	sp, RUN(RUN_HOST_SP)
	frcsr	t0
	sd	t0, RUN(RUN_HOST_FCSR)

	ld	t0, 256(a0)
	fscsr	t0
	each_fpr fld
	.irp	n, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, \
		   22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ld	x\n, REG(\n)(a0)
	.endr
	ld	sp, REG(RISCV_SP)(a0)
	ld	ra, RUN(RUN_ENTRY)
	ld	a0, REG(10)(a0)
	.endm

	.text

/* void riscv_call(const struct cpu_state *in) */
	.globl	riscv_call
	.type	riscv_call, @function
riscv_call:
	load_all
	jalr	ra, 0(ra)
	.globl	riscv_behind_call
riscv_behind_call:
	sd	ra, RUN(RUN_RA)
	li	ra, -1
	sd	ra, RUN(RUN_REACHED)
	j	capture
	.size	riscv_call, . - riscv_call

/* void riscv_jump(const struct cpu_state *in) */
	.globl	riscv_jump
	.type	riscv_jump, @function
riscv_jump:
	load_all
	jr	ra
	.size	riscv_jump, . - riscv_jump

	.macro	target number
	.balign	4
	.globl	riscv_target_\number
	.type	riscv_target_\number, @function
riscv_target_\number:
	sd	ra, RUN(RUN_RA)
	li	ra, \number
	sd	ra, RUN(RUN_REACHED)
	j	capture
	.size	riscv_target_\number, . - riscv_target_\number
	.endm

	target	0
	target	1
	target	2
	target	3

capture:
	ld	ra, RUN(RUN_OUT)
	.irp	n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, \
		   19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd	x\n, REG(\n)(ra)
	.endr
	mv	a0, ra
	ld	t0, RUN(RUN_RA)
	sd	t0, REG(RISCV_RA)(a0)
	each_fpr fsd
	frcsr	t0
	sd	t0, 256(a0)

	ld	t0, RUN(RUN_HOST_FCSR)
	fscsr	t0
	ld	sp, RUN(RUN_HOST_SP)
	each_saved_fpr fld
	each_saved ld
	addi	sp, sp, 208
	ret

/* unsigned long arch_data(void), and its inverse */
	.balign	4
	.globl	arch_data
	.type	arch_data, @function
arch_data:
	mv	a0, t2
	ret
	.size	arch_data, . - arch_data

	.balign	4
	.globl	arch_data_inverted
	.type	arch_data_inverted, @function
arch_data_inverted:
	not	a0, t2
	ret
	.size	arch_data_inverted, . - arch_data_inverted

	/*
	 * The bytes that are in reach when the next page is not: a first half
	 * which says that a second one follows.
	 */
	.balign	4096
	.skip	4094
	.globl	riscv_long_instruction
riscv_long_instruction:
	.option	norvc
	addi	t3, t3, 1

	.section .note.GNU-stack, "", @progbits
