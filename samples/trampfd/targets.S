/* SPDX-License-Identifier: GPL-2.0 */

	.text
	.globl	context_target, stack_target

#if defined(__x86_64__)

	.type	context_target, @function
context_target:
	endbr64
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
	endbr32
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

#endif

	.section .note.GNU-stack, "", %progbits
