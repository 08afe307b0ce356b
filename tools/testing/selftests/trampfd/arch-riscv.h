/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests must know of 64-bit RISC-V. */
#ifndef TRAMPFD_ARCH_RISCV_H
#define TRAMPFD_ARCH_RISCV_H

/*
 * Places in cpu_state.reg, which are the numbers of asm/perf_regs.h.  They are
 * those of the registers themselves, but for the PC in the place of x0.
 */
#define RISCV_PC	0
#define RISCV_RA	1
#define RISCV_SP	2
#define RISCV_GP	3
#define RISCV_TP	4
#define RISCV_T0	5
#define RISCV_T2	7
#define RISCV_T6	31

#define ARCH_NREGS	32
#define ARCH_PC		RISCV_PC
#define ARCH_SP		RISCV_SP
#define ARCH_DATA_REG	RISCV_T2	/* GCC's static chain */
#define ARCH_TARGET_REG	RISCV_T6
#define ARCH_FP_SIZE	264		/* f0 to f31, fcsr */
#define ARCH_NTARGETS	4
#define ARCH_WORD	8
#define ARCH_PC_ALIGN	2
#define ARCH_CALL_PUSH	0
#define ARCH_RED_ZONE	0
#define ARCH_AUDIT	AUDIT_ARCH_RISCV64
#define ARCH_HIGH_ADDRESS	0x1000000000000UL	/* Sv57 */

#define ARCH_FAULT_ADDR(addr)	(addr)
#define ARCH_CODE(fn)		((unsigned long)(fn))

/*
 * Places in struct riscv_run, which the thread pointer reaches: at a target,
 * every other register belongs to the test.
 */
#define RUN_RA		0
#define RUN_OUT		8
#define RUN_HOST_SP	16
#define RUN_HOST_FCSR	24
#define RUN_REACHED	32
#define RUN_ENTRY	40

#define ARCH_FOREIGN_ABI	"32-bit"

#ifndef __ASSEMBLER__

#if __riscv_xlen == 32
static inline long foreign_syscall(long nr, long a, long b, long c)
{
	register long a0 asm("a0") = a, a1 asm("a1") = b, a2 asm("a2") = c;
	register long a7 asm("a7") = nr;

	asm volatile("ecall"
		     : "+r" (a0)
		     : "r" (a1), "r" (a2), "r" (a7)
		     : "memory");
	return a0;
}
#endif

/* For arch-riscv.c: what is in arch-riscv.S. */
extern const char riscv_target_0[], riscv_target_1[], riscv_target_2[],
		  riscv_target_3[], riscv_behind_call[];

struct cpu_state;

void riscv_call(const struct cpu_state *in);
void riscv_jump(const struct cpu_state *in);

/* For riscv_test.c: an instruction of four bytes, two in each of two pages. */
extern const char riscv_long_instruction[];

#if __riscv_xlen == 64
#include <signal.h>

/* In cfi_test.c: call @entry with landing pads switched on. */
unsigned long riscv_guarded(const void *entry, long how);
/* Both return the data register; one begins with a landing pad. */
unsigned long riscv_padded(void);
unsigned long riscv_bare(void);
/* It begins with a landing pad for the label 1, and returns 77. */
unsigned long riscv_labelled(void);
/* A handler that ends the process with the si_code. */
void riscv_exit_code(int sig, siginfo_t *info, void *context);
#endif

#endif /* __ASSEMBLER__ */
#endif /* TRAMPFD_ARCH_RISCV_H */
