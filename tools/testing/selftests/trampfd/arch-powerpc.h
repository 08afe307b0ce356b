/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests must know of 64-bit powerpc. */
#ifndef TRAMPFD_ARCH_POWERPC_H
#define TRAMPFD_ARCH_POWERPC_H

/*
 * Places in cpu_state.reg, which are the numbers of asm/perf_regs.h; the
 * general registers come first.  That header is an enum, so the assembly can't
 * include it; arch-powerpc.c checks that the two agree.
 */
#define PPC_SP		1
#define PPC_THREAD	13
#define PPC_NIP		32
#define PPC_MSR		33
#define PPC_ORIG_R3	34
#define PPC_CTR		35
#define PPC_LINK	36
#define PPC_XER		37
#define PPC_CCR		38

#define ARCH_NREGS	39
#define ARCH_PC		PPC_NIP
#define ARCH_SP		PPC_SP
#define ARCH_WORD	8
#define ARCH_PC_ALIGN	4
#define ARCH_DATA_REG	11		/* GCC's static chain */
#define ARCH_TARGET_REG	12
#define ARCH_ENTRY_REG	12
#define ARCH_JUMP_REG	PPC_CTR
#define ARCH_NTARGETS	4
#define ARCH_CALL_PUSH	0
#define ARCH_RED_ZONE	288
#define ARCH_AUDIT	AUDIT_ARCH_PPC64LE
#define ARCH_HIGH_ADDRESS	0x1000000000000UL

/* 64 registers of 16 bytes, then what controls them. */
#define PPC_FPSCR	1024
#define PPC_VSCR	1040
#define PPC_VRSAVE	1056
#define ARCH_FP_SIZE	1088

#define ARCH_FAULT_ADDR(addr)	(addr)
#define ARCH_CODE(fn)		((unsigned long)(fn))

#ifndef __ASSEMBLER__

struct cpu_state;

/* For arch-powerpc.c: in arch-powerpc.S. */
extern const char ppc_returned[];
extern const char ppc_target_0[], ppc_target_1[], ppc_target_2[],
		  ppc_target_3[];
extern __thread struct cpu_state ppc_out;

int ppc_enter(const struct cpu_state *in, const void *entry, int by_call);

/* For powerpc_test.c. */
unsigned long ppc_number_behind_r12(void);
extern const unsigned int ppc_number;
void ppc_call_swapped(const void *entry);

#endif /* __ASSEMBLER__ */
#endif /* TRAMPFD_ARCH_POWERPC_H */
