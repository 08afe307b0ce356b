/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to m68k, of which the 68040.
 *
 * A slot is a word of pt_regs, which begins with the registers that C code may
 * change: d1 to d5, a0 to a2 and d0.
 */
#ifndef _ASM_M68K_TRAMPFD_H
#define _ASM_M68K_TRAMPFD_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/sched/signal.h>

#include <asm/ptrace.h>
#include <asm/setup.h>
#include <asm/traps.h>

#include <uapi/asm/perf_regs.h>

#define M68K_TRAMPFD_WORD(reg)	(offsetof(struct pt_regs, reg) / sizeof(long))
#define M68K_TRAMPFD_SLOTS	9

/* The two bits of the status register that have instructions traced. */
#define M68K_SR_TRACE		0xc000

#define TRAMPFD_PC_NAME		PERF_REG_M68K_PC
#define TRAMPFD_PC_ALIGN	2

/*
 * What a 68020 or 68030 saves for a fault has the instructions that it fetched
 * ahead, and goes on with them wherever the PC says.  The 68060 would do, but
 * nobody has tried.
 */
#define arch_trampfd_abi()	(CPU_IS_040 ? TRAMPFD_ABI_NATIVE : -EOPNOTSUPP)

/*
 * The others are not saved for a fault: what they have is in the CPU, where the
 * fault handler itself uses them.
 */
#define TRAMPFD_SETTABLE \
	(GENMASK_ULL(PERF_REG_M68K_D5, PERF_REG_M68K_D0) | \
	 GENMASK_ULL(PERF_REG_M68K_A2, PERF_REG_M68K_A0))

/* Two runs in the order of their numbers, and d0 for itself. */
static inline unsigned int arch_trampfd_word(u32 name)
{
	static_assert(M68K_TRAMPFD_WORD(d1) == 0 && M68K_TRAMPFD_WORD(d5) == 4 &&
		      M68K_TRAMPFD_WORD(a0) == 5 && M68K_TRAMPFD_WORD(a2) == 7 &&
		      M68K_TRAMPFD_WORD(d0) == M68K_TRAMPFD_SLOTS - 1);

	if (name == PERF_REG_M68K_D0)
		return M68K_TRAMPFD_WORD(d0);
	return name < PERF_REG_M68K_A0 ?
	       M68K_TRAMPFD_WORD(d1) + name - PERF_REG_M68K_D1 :
	       M68K_TRAMPFD_WORD(a0) + name - PERF_REG_M68K_A0;
}

/*
 * No power of two would do as a mask: behind these words is one that moves the
 * stack frame, and then there is the status register.  The 68040 does nothing
 * ahead of a branch.
 */
static __always_inline void arch_trampfd_set_reg(struct pt_regs *regs,
						 unsigned int slot,
						 unsigned long value)
{
	if (likely(slot < M68K_TRAMPFD_SLOTS))
		((unsigned long *)regs)[slot] = value;
}

/*
 * A step ends at the target: the CPU would trace one instruction of it.  The
 * call was the step, and a change of flow as well.
 */
static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	regs->pc = pc;
	if (unlikely(regs->sr & M68K_SR_TRACE))
		force_sig_fault(SIGTRAP, TRAP_TRACE, (void __user *)pc);
}

/* The kernel has a stack pointer of its own, and leaves the program's alone. */
static inline unsigned long arch_trampfd_sp(struct pt_regs *regs)
{
	return rdusp();
}

static inline void arch_trampfd_set_sp(struct pt_regs *regs, unsigned long sp)
{
	wrusp(sp);
}

/*
 * The page tables refuse what is in user mode's address space of programs:
 * instructions, and data that is addressed by the PC.  If the PC itself is at a
 * trampoline, it is the call, as there is no instruction that could read data.
 */
static __always_inline bool arch_trampfd_user_fetch(struct pt_regs *regs,
						    unsigned long address,
						    unsigned long ssw)
{
	return (ssw & (ATC_040 | TM_040)) == (ATC_040 | USER_PROGRAM);
}

/* What the generic header is not to define. */
#define arch_trampfd_word		arch_trampfd_word
#define arch_trampfd_set_reg		arch_trampfd_set_reg
#define arch_trampfd_set_pc		arch_trampfd_set_pc
#define arch_trampfd_sp			arch_trampfd_sp
#define arch_trampfd_set_sp		arch_trampfd_set_sp
#define arch_trampfd_user_fetch		arch_trampfd_user_fetch

#include <asm-generic/trampfd.h>

#endif /* _ASM_M68K_TRAMPFD_H */
