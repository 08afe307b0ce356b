/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entering a trampoline with every register known, and catching every
 * register where it leads to.  What has to be kept meanwhile is in arm_run,
 * which is thread-local; see arch-arm.h for what can't be avoided.
 */
#include "arch-arm.h"

	.syntax	unified
	.arch	armv7-a
	.fpu	neon

#ifdef __thumb__
	.thumb
#else
	.arm
#endif

	/* Two registers, as the distance is no immediate operand. */
	.macro	find_run reg scratch
	mrc	p15, 0, \reg, c13, c0, 3
	ldr	\scratch, run_offset
	add	\reg, \reg, \scratch
	.endm

	.macro	enter
	push	{r4-r11, lr}
	vpush	{d8-d15}
	find_run r12, r0
	mov	r0, sp
	str	r0, [r12, #ARM_RUN_SP]

	vldmia	r12!, {d0-d15}
	vldmia	r12!, {d16-d31}
	ldr	r0, [r12]
	vmsr	fpscr, r0
	ldr	r0, [r12, #ARM_APSR - ARM_FPSCR]
	msr	APSR_nzcvqg, r0
	add	r12, r12, #ARCH_FP_SIZE - ARM_FPSCR
	ldr	sp, [r12, #ARM_SP * 4]
	ldr	lr, [r12, #ARM_LR * 4]
	ldmia	r12, {r0-r11}
	ldr	r12, [r12, #ARM_RUN_ENTRY - ARCH_FP_SIZE]
	.endm

	.macro	reached number
	vmov	d31, r11, r12
	find_run r12, r11
	mvn	r11, #~\number
	b	capture
	.endm

	.macro	function name
	.globl	\name
	.type	\name, %function
	.balign	4
\name:
	.endm

	.text

	function arm_by_call
	enter
	blx	r12
	.globl	arm_called
	.type	arm_called, %function
arm_called:
	reached	-1
	.size	arm_by_call, . - arm_by_call

	function arm_by_jump
	enter
	bx	r12
	.size	arm_by_jump, . - arm_by_jump

	.macro	target number
	function arm_target_\number
	reached	\number
	.size	arm_target_\number, . - arm_target_\number
	.endm

	target	0
	target	1
	target	2
	target	3

	.balign	4
run_offset:
	.word	arm_run(tpoff)

	function capture
	str	r11, [r12, #ARM_RUN_TARGET]
	add	r12, r12, #ARM_RUN_OUT
	mrs	r11, APSR
	str	r11, [r12, #ARM_APSR]
	vmrs	r11, fpscr
	str	r11, [r12, #ARM_FPSCR]
	vstmia	r12!, {d0-d15}
	vstmia	r12!, {d16-d31}
	add	r12, r12, #ARCH_FP_SIZE - ARM_FPSCR
	stmia	r12, {r0-r10}
	vmov	r0, r1, d31
	str	r0, [r12, #11 * 4]
	str	r1, [r12, #12 * 4]
	str	lr, [r12, #ARM_LR * 4]
	mov	r0, sp
	str	r0, [r12, #ARM_SP * 4]

	ldr	r0, [r12, #ARM_RUN_SP - ARM_RUN_OUT - ARCH_FP_SIZE]
	mov	sp, r0
	mov	r0, #0
	vmsr	fpscr, r0
	vpop	{d8-d15}
	pop	{r4-r11, pc}
	.size	capture, . - capture

/* unsigned long arch_data(void), and its inverse */
	function arch_data
	mov	r0, r12
	bx	lr
	.size	arch_data, . - arch_data

	function arch_data_inverted
	mvn	r0, r12
	bx	lr
	.size	arch_data_inverted, . - arch_data_inverted

/* For arm_test.c, each in its own state. */
	.arm
	function arm_target_in_arm
	mov	r0, #0xa1
	bx	lr
	.size	arm_target_in_arm, . - arm_target_in_arm

	function arm_call_in_arm
	push	{r4, lr}
	blx	r0
	pop	{r4, pc}
	.size	arm_call_in_arm, . - arm_call_in_arm

	function arm_jump_in_arm
	bx	r0
	.size	arm_jump_in_arm, . - arm_jump_in_arm

	function arm_stop
	udf	#0
	.size	arm_stop, . - arm_stop

	.thumb
	function arm_target_in_thumb
	movs	r0, #0xb1
	bx	lr
	.size	arm_target_in_thumb, . - arm_target_in_thumb

	function arm_call_in_thumb
	push	{r4, lr}
	blx	r0
	pop	{r4, pc}
	.size	arm_call_in_thumb, . - arm_call_in_thumb

	function arm_jump_in_thumb
	bx	r0
	.size	arm_jump_in_thumb, . - arm_jump_in_thumb

	function arm_move_in_thumb
	mov	pc, r0
	.size	arm_move_in_thumb, . - arm_move_in_thumb

	.section .note.GNU-stack, "", %progbits
