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

#endif

	.section .note.GNU-stack, "", @progbits
