/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entering a trampoline with every register known, and catching every
 * register where it leads to.
 *
 * All registers but a5 belong to the test.  No trampoline may change that one,
 * so it has the address of the thread's area, where everything is that has to be
 * kept across the trampoline.  A jump can take its target from there, too.
 */
#include "arch-m68k.h"

#define PLACE(reg)	M68K_PLACE(M68K_##reg)

/* What is on the stack below the return address. */
#define FRAME	(11 * 4 + 6 * 12 + 4)

	.text

	/* Only what leaves the condition codes as they are, once they are set. */
	.macro	load
	fmovem.x 0(%a0), %fp0-%fp7
	fmove.l	M68K_FPCR(%a0), %fpcr
	fmove.l	M68K_FPSR(%a0), %fpsr
	move.w	PLACE(SR)+2(%a0), %ccr
	movea.l	PLACE(A6)(%a0), %a6
	movea.l	PLACE(A7)(%a0), %sp
	movem.l	PLACE(D0)(%a0), %d0-%d7/%a0-%a4
	.endm

/* void m68k_enter(const struct cpu_state *in, int by_call, void *area) */
	.globl	m68k_enter
	.type	m68k_enter, @function
	.balign	4
m68k_enter:
	movem.l	%d2-%d7/%a2-%a6, -(%sp)
	fmovem.x %fp2-%fp7, -(%sp)
	fmove.l	%fpcr, -(%sp)
	movea.l	FRAME + 12(%sp), %a5
	move.l	%sp, M68K_AREA_SP(%a5)
	movea.l	FRAME + 4(%sp), %a0
	tst.l	FRAME + 8(%sp)
	jeq	1f
	load
	jsr	([M68K_AREA_ENTRY,%a5])
	move.w	%ccr, PLACE(SR)+2(%a5)
	move.l	#-1, M68K_AREA_TARGET(%a5)
	jra	capture
1:
	load
	jmp	([M68K_AREA_ENTRY,%a5])
	.size	m68k_enter, . - m68k_enter

	.macro	target number
	.balign	4
	.globl	m68k_target_\number
	.type	m68k_target_\number, @function
m68k_target_\number:
	move.w	%ccr, PLACE(SR)+2(%a5)
	move.l	#\number, M68K_AREA_TARGET(%a5)
	jra	capture
	.size	m68k_target_\number, . - m68k_target_\number
	.endm

	target	0
	target	1
	target	2
	target	3

capture:
	movem.l	%d0-%d7/%a0-%a7, PLACE(D0)(%a5)
	fmovem.x %fp0-%fp7, 0(%a5)
	fmove.l	%fpcr, M68K_FPCR(%a5)
	fmove.l	%fpsr, M68K_FPSR(%a5)

	/* The test's stack holds what the test wants to look at. */
	movea.l	M68K_AREA_SP(%a5), %sp
	fmove.l	(%sp)+, %fpcr
	fmovem.x (%sp)+, %fp2-%fp7
	movem.l	(%sp)+, %d2-%d7/%a2-%a6
	rts

/* void m68k_fp_control(unsigned int control[2]): control and status at once */
	.globl	m68k_fp_control
	.type	m68k_fp_control, @function
	.balign	4
m68k_fp_control:
	movea.l	4(%sp), %a0
	fmove.l	%fpcr, %d0
	fmove.l	(%a0), %fpcr
	fmove.l	4(%a0), %fpsr
	fmovem.l %fpcr/%fpsr, (%a0)
	fmove.l	%d0, %fpcr
	rts
	.size	m68k_fp_control, . - m68k_fp_control

/* unsigned long arch_data(void), and its inverse */
	.globl	arch_data
	.type	arch_data, @function
	.balign	4
arch_data:
	move.l	%a0, %d0
	rts
	.size	arch_data, . - arch_data

	.globl	arch_data_inverted
	.type	arch_data_inverted, @function
	.balign	4
arch_data_inverted:
	move.l	%a0, %d0
	not.l	%d0
	rts
	.size	arch_data_inverted, . - arch_data_inverted

	.section .note.GNU-stack, "", @progbits
