/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entering a trampoline with every register known, and catching every
 * register where it leads to.  What has to be kept meanwhile is in arm64_run,
 * which is thread-local; see arch-arm64.h for what can't be avoided.
 */
#include "arch-arm64.h"

	.macro	find_run reg
	mrs	\reg, tpidr_el0
	add	\reg, \reg, #:tprel_hi12:arm64_run, lsl #12
	add	\reg, \reg, #:tprel_lo12_nc:arm64_run
	.endm

	/* q0 to q31 at \base, by ldp or stp. */
	.macro	vectors op base
	\op	q0, q1, [\base]
	\op	q2, q3, [\base, #32]
	\op	q4, q5, [\base, #64]
	\op	q6, q7, [\base, #96]
	\op	q8, q9, [\base, #128]
	\op	q10, q11, [\base, #160]
	\op	q12, q13, [\base, #192]
	\op	q14, q15, [\base, #224]
	\op	q16, q17, [\base, #256]
	\op	q18, q19, [\base, #288]
	\op	q20, q21, [\base, #320]
	\op	q22, q23, [\base, #352]
	\op	q24, q25, [\base, #384]
	\op	q26, q27, [\base, #416]
	\op	q28, q29, [\base, #448]
	\op	q30, q31, [\base, #480]
	.endm

	/* x0 to x15 and x18 to x29 at \base. */
	.macro	generals op base
	\op	x0, x1, [\base]
	\op	x2, x3, [\base, #16]
	\op	x4, x5, [\base, #32]
	\op	x6, x7, [\base, #48]
	\op	x8, x9, [\base, #64]
	\op	x10, x11, [\base, #80]
	\op	x12, x13, [\base, #96]
	\op	x14, x15, [\base, #112]
	\op	x18, x19, [\base, #144]
	\op	x20, x21, [\base, #160]
	\op	x22, x23, [\base, #176]
	\op	x24, x25, [\base, #192]
	\op	x26, x27, [\base, #208]
	\op	x28, x29, [\base, #224]
	.endm

	.macro	enter
	stp	x29, x30, [sp, #-160]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	find_run x17
	mov	x0, sp
	str	x0, [x17, #ARM64_RUN_SP]

	vectors	ldp x17
	ldr	w0, [x17, #ARM64_FPSR]
	msr	fpsr, x0
	ldr	w0, [x17, #ARM64_FPCR]
	msr	fpcr, x0
	ldr	x0, [x17, #ARM64_NZCV]
	msr	nzcv, x0
	add	x17, x17, #ARCH_FP_SIZE
	ldr	x0, [x17, #ARM64_SP * 8]
	mov	sp, x0
	generals ldp x17
	ldr	x16, [x17, #16 * 8]
	ldr	x30, [x17, #ARM64_LR * 8]
	ldr	x17, [x17, #ARM64_RUN_ENTRY - ARCH_FP_SIZE]
	.endm

	.macro	reached number
	mov	v31.d[1], x16
	find_run x16
	str	x17, [x16, #ARM64_RUN_OUT + ARCH_FP_SIZE + 17 * 8]
	mov	x17, #\number
	b	capture
	.endm

	.macro	function name
	.globl	\name
	.type	\name, %function
	.balign	16
\name:
	.endm

	.text

	function arm64_by_call
	enter
	blr	x17
	.globl	arm64_called
arm64_called:
	reached	-1
	.size	arm64_by_call, . - arm64_by_call

	function arm64_by_jump
	enter
	br	x17
	.size	arm64_by_jump, . - arm64_by_jump

	.macro	target number
	function arm64_target_\number
	reached	\number
	.size	arm64_target_\number, . - arm64_target_\number
	.endm

	target	0
	target	1
	target	2
	target	3

capture:
	str	x17, [x16, #ARM64_RUN_TARGET]
	add	x16, x16, #ARM64_RUN_OUT
	mrs	x17, nzcv
	str	x17, [x16, #ARM64_NZCV]
	mrs	x17, fpsr
	str	w17, [x16, #ARM64_FPSR]
	mrs	x17, fpcr
	str	w17, [x16, #ARM64_FPCR]
	vectors	stp x16
	add	x16, x16, #ARCH_FP_SIZE
	generals stp x16
	str	x30, [x16, #ARM64_LR * 8]
	mov	x0, v31.d[1]
	str	x0, [x16, #16 * 8]
	mov	x0, sp
	str	x0, [x16, #ARM64_SP * 8]

	find_run x16
	ldr	x0, [x16, #ARM64_RUN_SP]
	mov	sp, x0
	msr	fpsr, xzr
	msr	fpcr, xzr
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	ldp	x29, x30, [sp], #160
	ret

/* unsigned long arch_data(void), and its inverse */
	function arch_data
	mov	x0, x18
	ret
	.size	arch_data, . - arch_data

	function arch_data_inverted
	mvn	x0, x18
	ret
	.size	arch_data_inverted, . - arch_data_inverted

	.section .note.GNU-stack, "", %progbits
