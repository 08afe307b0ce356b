/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests must know of m68k, from the 68020 on and with its FPU. */
#ifndef TRAMPFD_ARCH_M68K_H
#define TRAMPFD_ARCH_M68K_H

/* Places in cpu_state.reg, which are the numbers of asm/perf_regs.h. */
#define M68K_D0		0
#define M68K_D6		6
#define M68K_D7		7
#define M68K_A0		8
#define M68K_A3		11
#define M68K_A4		12
#define M68K_A5		13
#define M68K_A6		14
#define M68K_A7		15
#define M68K_PC		16
#define M68K_SR		17		/* of it, the condition codes */

#define ARCH_NREGS	18
#define ARCH_PC		M68K_PC
#define ARCH_SP		M68K_A7
#define ARCH_DATA_REG	M68K_A0		/* GCC's static chain */
#define ARCH_NTARGETS	4
#define ARCH_WORD	4
#define ARCH_CALL_PUSH	4
#define ARCH_PC_ALIGN	2
#define ARCH_RED_ZONE	0
#define ARCH_AUDIT	AUDIT_ARCH_M68K
/* Its syscall_get_arguments() begins with d0, which has the number. */
#define ARCH_FILTER_ARGUMENT(n)	((n) + 1)

/* The image: eight registers of 12 bytes, and what controls them. */
#define M68K_FPCR	96
#define M68K_FPSR	100
#define ARCH_FP_SIZE	128

/* The area of a thread that runs arch_run() begins with a cpu_state. */
#define M68K_PLACE(reg)	(ARCH_FP_SIZE + (reg) * 4)
#define M68K_AREA_ENTRY	256
#define M68K_AREA_SP	(M68K_AREA_ENTRY + 4)
#define M68K_AREA_TARGET (M68K_AREA_ENTRY + 8)

#define ARCH_FAULT_ADDR(addr)	(addr)
#define ARCH_CODE(fn)		((unsigned long)(fn))

/* The C library's mmap() has a pointer to its arguments. */
#define ARCH_MMAP_BY_POINTER

/* The MMU has no bit for it, and the kernel maps heaps so. */
#define ARCH_DATA_EXECUTABLE

#ifndef __ASSEMBLER__

/* For arch-m68k.c: in arch-m68k.S. */
extern const char m68k_target_0[], m68k_target_1[], m68k_target_2[],
		  m68k_target_3[];

struct cpu_state;
void m68k_enter(const struct cpu_state *in, int by_call, void *area);
void m68k_fp_control(unsigned int control[2]);

#endif /* __ASSEMBLER__ */
#endif /* TRAMPFD_ARCH_M68K_H */
