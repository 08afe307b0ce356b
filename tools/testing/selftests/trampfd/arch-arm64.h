/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests must know of arm64; its 32-bit programs are arm's. */
#ifndef TRAMPFD_ARCH_ARM64_H
#define TRAMPFD_ARCH_ARM64_H

/* Places in cpu_state.reg, the numbers of asm/perf_regs.h: x0 is 0. */
#define ARM64_LR	30
#define ARM64_SP	31
#define ARM64_PC	32

#define ARCH_NREGS	33
#define ARCH_PC		ARM64_PC
#define ARCH_SP		ARM64_SP
#define ARCH_DATA_REG	18		/* GCC's static chain */
#define ARCH_TARGET_REG	16
#define ARCH_WORD	16		/* SP keeps this alignment */
#define ARCH_CALL_PUSH	0
#define ARCH_RED_ZONE	0
#define ARCH_PC_ALIGN	4
#define ARCH_AUDIT	AUDIT_ARCH_AARCH64
#define ARCH_HIGH_ADDRESS	0x1000000000000UL	/* LVA */
#define ARCH_NTARGETS	4

/* The image: q0 to q31, and these three. */
#define ARM64_FPSR	512
#define ARM64_FPCR	516
#define ARM64_NZCV	520
#define ARCH_FP_SIZE	528

#define ARCH_FAULT_ADDR(addr)	(addr)
#define ARCH_CODE(fn)		((unsigned long)(fn))

/*
 * What arch_run() keeps outside of the registers.  A branch needs a register,
 * and so does code that stores the others: x17 holds the address that is gone
 * to, and x16 is moved to the upper half of q31 for a while.
 */
#define ARM64_JUMP_REG	17
#define ARM64_RUN_OUT	832
#define ARM64_RUN_ENTRY	1664
#define ARM64_RUN_SP	1672
#define ARM64_RUN_TARGET 1680

#ifndef __ASSEMBLER__

/* For arch-arm64.c: labels in arch-arm64.S. */
extern const char arm64_called[];
extern const char arm64_target_0[], arm64_target_1[], arm64_target_2[],
		  arm64_target_3[];
void arm64_by_call(void);
void arm64_by_jump(void);

#endif /* __ASSEMBLER__ */
#endif /* TRAMPFD_ARCH_ARM64_H */
