/* SPDX-License-Identifier: GPL-2.0 */

	.text
	.globl	context_target, stack_target

#if defined(__x86_64__)

	.type	context_target, @function
context_target:
	movq	%r10, %rax
	ret
	.size	context_target, . - context_target

	.type	stack_target, @function
stack_target:
	endbr64
	movq	%rsp, %rdi
	subq	$8, %rsp		/* the alignment that a call needs */
	call	*%r10
	addq	$8 + 32, %rsp
	ret
	.size	stack_target, . - stack_target

#elif defined(__i386__)

	.type	context_target, @function
context_target:
	movl	%ecx, %eax
	ret
	.size	context_target, . - context_target

	.type	stack_target, @function
stack_target:
	endbr32
	movl	%esp, %eax
	subl	$12, %esp		/* the alignment that a call needs */
	call	*%ecx
	addl	$12 + 32, %esp
	ret
	.size	stack_target, . - stack_target

#elif defined(__aarch64__)

	.type	context_target, %function
context_target:
	hint	#34			/* bti c */
	mov	x0, x18
	ret
	.size	context_target, . - context_target

	.type	stack_target, %function
stack_target:
	hint	#34			/* bti c */
	mov	x0, sp
	stp	x29, x30, [sp, #-16]!
	mov	x29, sp
	blr	x18
	ldp	x29, x30, [sp], #16 + 32
	ret
	.size	stack_target, . - stack_target

#elif defined(__arm__)

	.syntax	unified
	.arm

	.type	context_target, %function
context_target:
	mov	r0, ip
	bx	lr
	.size	context_target, . - context_target

	.type	stack_target, %function
stack_target:
	mov	r0, sp
	push	{r4, lr}		/* the alignment that a call needs */
	blx	ip
	pop	{r4, lr}
	add	sp, sp, #32
	bx	lr
	.size	stack_target, . - stack_target

#elif defined(__riscv)

	.type	context_target, @function
context_target:
	mv	a0, t2
	ret
	.size	context_target, . - context_target

	.type	stack_target, @function
stack_target:
	mv	a0, sp
	addi	sp, sp, -16
	sd	ra, 8(sp)
	jalr	t2
	ld	ra, 8(sp)
	addi	sp, sp, 16 + 32
	ret
	.size	stack_target, . - stack_target

#elif defined(__s390x__)

	.type	context_target, @function
context_target:
	lgr	%r2, %r0
	br	%r14
	.size	context_target, . - context_target

/* The caller's register save area is above the data. */
	.type	stack_target, @function
stack_target:
	lgr	%r2, %r15
	stg	%r14, 32 + 112(%r15)
	aghi	%r15, -160
	lgr	%r1, %r0
	basr	%r14, %r1
	aghi	%r15, 160 + 32
	lg	%r14, 112(%r15)
	br	%r14
	.size	stack_target, . - stack_target

#elif defined(__mips__)

#include <sgidefs.h>

#if _MIPS_SIM == _ABI64
#define LOAD	ld
#define STORE	sd
#define ADD	daddiu
#else
#define LOAD	lw
#define STORE	sw
#define ADD	addiu
#endif
/* Room for the callee's first arguments, as o32 has it, and for $31. */
#define FRAME	32

	.set	noreorder

	.type	context_target, @function
	.ent	context_target
context_target:
	jr	$31
	move	$2, $15
	.end	context_target
	.size	context_target, . - context_target

	.type	stack_target, @function
	.ent	stack_target
stack_target:
	move	$4, $29
	ADD	$29, $29, -FRAME
	STORE	$31, FRAME - 8($29)
	move	$25, $15
	jalr	$25
	nop
	LOAD	$31, FRAME - 8($29)
	jr	$31
	ADD	$29, $29, FRAME + 32
	.end	stack_target
	.size	stack_target, . - stack_target

#elif defined(__powerpc64__)

	.type	context_target, @function
context_target:
	mr	3, 11
	blr
	.size	context_target, . - context_target

/* The link area of the caller is above the data, and its r2 can be kept there. */
	.type	stack_target, @function
stack_target:
	mr	3, 1
	mflr	0
	std	0, 32 + 16(1)
	std	2, 32 + 24(1)
	stdu	1, -32(1)
	mr	12, 11
	mtctr	12
	bctrl
	addi	1, 1, 32 + 32
	ld	0, 16(1)
	ld	2, 24(1)
	mtlr	0
	blr
	.size	stack_target, . - stack_target

#elif defined(__m68k__)

	.balign	2
	.type	context_target, @function
context_target:
	move.l	%a0, %d0
	rts
	.size	context_target, . - context_target

	.type	stack_target, @function
stack_target:
	move.l	%sp, %d0
	move.l	%d0, -(%sp)
	jsr	(%a0)
	lea	4 + 32(%sp), %sp
	rts
	.size	stack_target, . - stack_target

/* TARGET_OF() in trampoline.h */
	.globl	argument_target
	.type	argument_target, @function
argument_target:
	move.l	%a0, -(%sp)
	jsr	(%a1)
	addq.l	#4, %sp
	rts
	.size	argument_target, . - argument_target

#endif

	.section .note.GNU-stack, "", %progbits
