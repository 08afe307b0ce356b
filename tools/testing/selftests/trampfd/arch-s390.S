/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entering a trampoline with every register known, and catching every
 * register where it leads to.
 *
 * A branch needs a register, and there is none to spare: it is the return
 * address, which a call changes anyway, and a trampoline may not set.  At the
 * target no register at all is free, so access registers, which nothing here
 * uses for accesses, hold the address of struct s390_run (a8 and a9), and
 * what is in the way (a12 to a14).
 */
#include "arch-s390.h"

	.machine "z13"
	.text

/* void s390_enter(struct s390_run *run, long by_jump) */
	.globl	s390_enter
	.type	s390_enter, @function
	.balign	8
s390_enter:
	stmg	%r6, %r15, RUN_HOST(%r2)
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	std	%f\n, RUN_HOST_FPR+8*(\n-8)(%r2)
	.endr
	stfpc	RUN_HOST_FPC(%r2)
	ipm	%r0
	stg	%r0, RUN_HOST_PM(%r2)

	lam	%a2, %a15, RUN_IN_AR+8(%r2)
	lfpc	RUN_IN_FPC(%r2)
	vlm	%v0, %v15, RUN_IN_VX(%r2)
	vlm	%v16, %v31, RUN_IN_VX+256(%r2)
	cghi	%r3, 1
	je	by_jump

	/* None of what follows changes the condition code. */
	lg	%r0, RUN_IN_PM(%r2)
	spm	%r0
	lmg	%r0, %r15, RUN_IN(%r2)
	basr	%r14, %r14
	.globl	s390_behind_call
s390_behind_call:
	sar	%a14, %r1
	srlg	%r1, %r1, 32
	sar	%a13, %r1
	lghi	%r1, -1
	sar	%a12, %r1
	j	capture

by_jump:
	lg	%r0, RUN_IN_PM(%r2)
	spm	%r0
	lmg	%r0, %r15, RUN_IN(%r2)
	br	%r14
	.size	s390_enter, . - s390_enter

	.macro	target number
	.balign	8
	.globl	s390_target_\number
	.type	s390_target_\number, @function
s390_target_\number:
	sar	%a14, %r1
	srlg	%r1, %r1, 32
	sar	%a13, %r1
	lghi	%r1, \number
	sar	%a12, %r1
	j	capture
	.size	s390_target_\number, . - s390_target_\number
	.endm

	target	0
	target	1
	target	2
	target	3

capture:
	ear	%r1, %a8
	sllg	%r1, %r1, 32
	ear	%r1, %a9
	stmg	%r0, %r15, RUN_OUT(%r1)
	ipm	%r2
	stg	%r2, RUN_OUT_PM(%r1)
	stam	%a0, %a15, RUN_OUT_AR(%r1)
	stfpc	RUN_OUT_FPC(%r1)
	vstm	%v0, %v15, RUN_OUT_VX(%r1)
	vstm	%v16, %v31, RUN_OUT_VX+256(%r1)

	lg	%r0, RUN_HOST_PM(%r1)
	spm	%r0
	lfpc	RUN_HOST_FPC(%r1)
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	ld	%f\n, RUN_HOST_FPR+8*(\n-8)(%r1)
	.endr
	lmg	%r6, %r15, RUN_HOST(%r1)
	br	%r14

/* unsigned long arch_data(void), and its inverse */
	.balign	8
	.globl	arch_data
	.type	arch_data, @function
arch_data:
	lgr	%r2, %r0
	br	%r14
	.size	arch_data, . - arch_data

	.balign	8
	.globl	arch_data_inverted
	.type	arch_data_inverted, @function
arch_data_inverted:
	lghi	%r2, -1
	xgr	%r2, %r0
	br	%r14
	.size	arch_data_inverted, . - arch_data_inverted

	/* Executes the instruction that r1 has the address of. */
	.balign	8
	.globl	s390_execute
s390_execute:
	ex	%r0, 0(%r1)
	j	.

	/*
	 * The bytes that are in reach when the next page is not: a beginning
	 * which says that more follows.
	 */
	.balign	4096
	.skip	4094
	.globl	s390_long_instruction
s390_long_instruction:
	lgrl	%r1, s390_long_instruction + 2

	.section .note.GNU-stack, "", @progbits
