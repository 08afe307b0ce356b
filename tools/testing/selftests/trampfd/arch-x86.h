/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests must know of x86, for 64-bit and 32-bit programs. */
#ifndef TRAMPFD_ARCH_X86_H
#define TRAMPFD_ARCH_X86_H

/*
 * Places in cpu_state.reg, which are the numbers of asm/perf_regs.h.  That
 * header is an enum, so the assembly can't include it; arch-x86.c checks that
 * the two agree.
 */
#define X86_AX		0
#define X86_BX		1
#define X86_CX		2
#define X86_DX		3
#define X86_SI		4
#define X86_DI		5
#define X86_BP		6
#define X86_SP		7
#define X86_IP		8
#define X86_FLAGS	9
#define X86_CS		10
#define X86_SS		11
#define X86_DS		12
#define X86_ES		13
#define X86_FS		14
#define X86_GS		15
#define X86_R8		16
#define X86_R9		17
#define X86_R10		18
#define X86_R11		19
#define X86_R12		20
#define X86_R13		21
#define X86_R14		22
#define X86_R15		23

#ifdef __x86_64__
#define ARCH_NREGS	24
#define ARCH_WORD	8
#define ARCH_DATA_REG	X86_R10		/* GCC's static chain */
#define ARCH_RED_ZONE	128
#define ARCH_AUDIT	AUDIT_ARCH_X86_64
#define ARCH_HIGH_ADDRESS	0x800000000000UL	/* LA57 */
#else
#define ARCH_NREGS	16
#define ARCH_WORD	4
#define ARCH_DATA_REG	X86_CX		/* GCC's static chain */
#define ARCH_RED_ZONE	0
#define ARCH_AUDIT	AUDIT_ARCH_I386
#endif

#define ARCH_PC		X86_IP
#define ARCH_SP		X86_SP
#define ARCH_FP_SIZE	512		/* what FXSAVE writes */
#define ARCH_NTARGETS	4
#define ARCH_PC_ALIGN	1
#define ARCH_CALL_PUSH	ARCH_WORD

#define ARCH_FAULT_ADDR(addr)	(addr)
#define ARCH_CODE(fn)		((unsigned long)(fn))

#ifndef __ASSEMBLER__

#include <stdint.h>

/* The operand of a far jump; what follows it for alignment is not used. */
struct x86_far {
	uint32_t offset;
	uint16_t selector;
};

/* Like arch_run(), by a far jump; x86_test.c is about code segments. */
struct cpu_state;

int x86_run_far(const struct cpu_state *in, struct x86_far far,
		struct cpu_state *out);

/* For arch-x86.c: labels in arch-x86.S. */
extern const char x86_by_call[], x86_by_jump[], x86_by_far_jump[];
extern const char x86_target_0[], x86_target_1[], x86_target_2[],
		  x86_target_3[];

#ifndef __x86_64__
__attribute__((regparm(3)))
#endif
void x86_enter(const struct cpu_state *in, const void *entry, const void *last);

#endif /* __ASSEMBLER__ */
#endif /* TRAMPFD_ARCH_X86_H */
