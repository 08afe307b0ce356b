/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entering a trampoline with every register known, and catching every
 * register where it leads to.
 *
 * All registers belong to the test, so what has to be kept across the
 * trampoline is kept in thread-local variables: they are reached through a
 * segment register, which no trampoline may change.
 */
#include "arch-x86.h"

#ifdef __x86_64__
#define TLS(var)	%fs:var@tpoff
#define R(name)		%r##name
#define IN		%rdi
#define ENTRY		%rsi
#define LAST		%rdx
#define IN_PLACE	X86_DI
#else
/* Three register arguments, see x86_enter() in arch-x86.c. */
#define TLS(var)	%gs:var@ntpoff
#define R(name)		%e##name
#define IN		%eax
#define ENTRY		%edx
#define LAST		%ecx
#define IN_PLACE	X86_AX
#endif

#define SAVED(place)	ARCH_FP_SIZE+place*ARCH_WORD(IN)
#define OUT(place)	TLS(x86_out)+ARCH_FP_SIZE+place*ARCH_WORD

	.text

/* void x86_enter(const struct cpu_state *in, const void *entry, last) */
	.globl	x86_enter
	.type	x86_enter, @function
x86_enter:
	push	R(bx)
	push	R(bp)
#ifdef __x86_64__
	push	%r12
	push	%r13
	push	%r14
	push	%r15
#else
	push	R(si)
	push	R(di)
#endif
	fnstcw	TLS(x86_host_fcw)
	stmxcsr	TLS(x86_host_mxcsr)
	mov	R(sp), TLS(x86_host_sp)
	mov	ENTRY, TLS(x86_entry)
	mov	LAST, TLS(x86_last)

	/* From here on only what leaves the flags as they are. */
	fxrstor	(IN)
	push	SAVED(X86_FLAGS)
	popf
	mov	SAVED(X86_BX), R(bx)
	mov	SAVED(X86_CX), R(cx)
	mov	SAVED(X86_DX), R(dx)
	mov	SAVED(X86_SI), R(si)
	mov	SAVED(X86_BP), R(bp)
	mov	SAVED(X86_SP), R(sp)
#ifdef __x86_64__
	mov	SAVED(X86_AX), R(ax)
	mov	SAVED(X86_R8), %r8
	mov	SAVED(X86_R9), %r9
	mov	SAVED(X86_R10), %r10
	mov	SAVED(X86_R11), %r11
	mov	SAVED(X86_R12), %r12
	mov	SAVED(X86_R13), %r13
	mov	SAVED(X86_R14), %r14
	mov	SAVED(X86_R15), %r15
#else
	mov	SAVED(X86_DI), R(di)
#endif
	mov	SAVED(IN_PLACE), IN
	jmp	*TLS(x86_last)
	.size	x86_enter, . - x86_enter

/* What x86_last can be. */
	.globl	x86_by_call
x86_by_call:
	call	*TLS(x86_entry)
	movl	$-1, TLS(x86_reached)
	jmp	capture

	.globl	x86_by_jump
x86_by_jump:
	jmp	*TLS(x86_entry)

	.globl	x86_by_far_jump
x86_by_far_jump:
	ljmpl	*TLS(x86_far)

	.macro	target number
	.globl	x86_target_\number
	.type	x86_target_\number, @function
x86_target_\number:
	movl	$\number, TLS(x86_reached)
	jmp	capture
	.size	x86_target_\number, . - x86_target_\number
	.endm

	target	0
	target	1
	target	2
	target	3

capture:
	mov	R(ax), OUT(X86_AX)
	mov	R(bx), OUT(X86_BX)
	mov	R(cx), OUT(X86_CX)
	mov	R(dx), OUT(X86_DX)
	mov	R(si), OUT(X86_SI)
	mov	R(di), OUT(X86_DI)
	mov	R(bp), OUT(X86_BP)
	mov	R(sp), OUT(X86_SP)
#ifdef __x86_64__
	mov	%r8, OUT(X86_R8)
	mov	%r9, OUT(X86_R9)
	mov	%r10, OUT(X86_R10)
	mov	%r11, OUT(X86_R11)
	mov	%r12, OUT(X86_R12)
	mov	%r13, OUT(X86_R13)
	mov	%r14, OUT(X86_R14)
	mov	%r15, OUT(X86_R15)
#endif
	/* The test's stack holds what the test wants to look at. */
	mov	TLS(x86_host_sp), R(sp)
	pushf
	pop	R(ax)
	mov	R(ax), OUT(X86_FLAGS)
	/* Interrupts on, all else clear: the ABI's direction, no trap flag. */
	push	$0x202
	popf
	fxsave	TLS(x86_out)
	mov	%cs, %eax
	mov	R(ax), OUT(X86_CS)
	mov	%ss, %eax
	mov	R(ax), OUT(X86_SS)
	mov	%ds, %eax
	mov	R(ax), OUT(X86_DS)
	mov	%es, %eax
	mov	R(ax), OUT(X86_ES)
	mov	%fs, %eax
	mov	R(ax), OUT(X86_FS)
	mov	%gs, %eax
	mov	R(ax), OUT(X86_GS)

	fninit
	fldcw	TLS(x86_host_fcw)
	ldmxcsr	TLS(x86_host_mxcsr)
#ifdef __x86_64__
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
#else
	pop	R(di)
	pop	R(si)
#endif
	pop	R(bp)
	pop	R(bx)
	ret

/* unsigned long arch_data(void), and its inverse */
	.globl	arch_data
	.type	arch_data, @function
arch_data:
#ifdef __x86_64__
	mov	%r10, %rax
#else
	mov	%ecx, %eax
#endif
	ret
	.size	arch_data, . - arch_data

	.globl	arch_data_inverted
	.type	arch_data_inverted, @function
arch_data_inverted:
#ifdef __x86_64__
	mov	%r10, %rax
#else
	mov	%ecx, %eax
#endif
	not	R(ax)
	ret
	.size	arch_data_inverted, . - arch_data_inverted

	.section .note.GNU-stack, "", @progbits
