/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests must know of mips, for n64, n32 and o32 programs. */
#ifndef TRAMPFD_ARCH_MIPS_H
#define TRAMPFD_ARCH_MIPS_H

#include <sgidefs.h>

/*
 * Places in cpu_state.reg, which are the numbers of asm/perf_regs.h: those of
 * the registers, and the PC in place of $0.  That header is an enum, so the
 * assembly can't include it; arch-mips.c checks that the two agree.
 */
#define MIPS_PC		0
#define MIPS_T9		25
#define MIPS_K0		26
#define MIPS_K1		27
#define MIPS_GP		28
#define MIPS_SP		29
#define MIPS_RA		31

#define ARCH_NREGS	32
#define ARCH_PC		MIPS_PC
#define ARCH_SP		MIPS_SP
#define ARCH_DATA_REG	15		/* GCC's static chain */
#define ARCH_TARGET_REG	25
#define ARCH_ENTRY_REG	25
#define ARCH_NTARGETS	4
#define ARCH_PC_ALIGN	4
#define ARCH_CALL_PUSH	0
#define ARCH_RED_ZONE	0

/* o32 has 16 floating-point registers, in the places of the even ones. */
#if _MIPS_SIM == _ABIO32
#define MIPS_FPR_STEP	2
#else
#define MIPS_FPR_STEP	1
#endif

/* A register of n32 has the bytes of a push, and a long half of them. */
#if _MIPS_SIM == _ABI64
#define ARCH_WORD	8
#define MIPS_LONG	8
#define ARCH_AUDIT	AUDIT_ARCH_MIPSEL64
#elif _MIPS_SIM == _ABIN32
#define ARCH_WORD	8
#define MIPS_LONG	4
#define ARCH_AUDIT	AUDIT_ARCH_MIPSEL64N32
#else
#define ARCH_WORD	4
#define MIPS_LONG	4
#define ARCH_AUDIT	AUDIT_ARCH_MIPSEL
#endif

/* 32 registers of 8 bytes, then what controls them, then HI and LO. */
#define MIPS_FCSR	256
#define MIPS_HI		264
#define MIPS_LO		272
#define ARCH_FP_SIZE	320

/* The area of a thread that runs arch_run() begins with a cpu_state. */
#define MIPS_AREA_SP	(ARCH_FP_SIZE + ARCH_NREGS * MIPS_LONG)

#define ARCH_FAULT_ADDR(addr)	(addr)
#define ARCH_CODE(fn)		((unsigned long)(fn))

#ifndef __ASSEMBLER__

struct cpu_state;

/* For arch-mips.c: in arch-mips.S. */
extern const char mips_returned[];
extern const char mips_target_0[], mips_target_1[], mips_target_2[],
		  mips_target_3[];

int mips_enter(const struct cpu_state *in, const void *entry, int by_call,
	       void *area);

/* For mips_test.c. */
unsigned long mips_number_behind_t9(void);
extern const unsigned int mips_number;
unsigned long mips_upper_half(void);

#endif /* __ASSEMBLER__ */
#endif /* TRAMPFD_ARCH_MIPS_H */
