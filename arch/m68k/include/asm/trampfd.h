/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to m68k, of which the 68040.
 *
 * A slot is a word of pt_regs, which begins with the registers that C code may
 * change.
 */
#ifndef _ASM_M68K_TRAMPFD_H
#define _ASM_M68K_TRAMPFD_H

#include <linux/processor.h>
#include <linux/types.h>

#include <asm/ptrace.h>
#include <asm/traps.h>

/*
 * The page tables refuse what is in user mode's address space of programs:
 * instructions, and data that is addressed by the PC.  If the PC itself is at a
 * trampoline, it is the call, as there is no instruction that could read data.
 */
static __always_inline bool m68k_trampfd_may_be_call(unsigned short ssw)
{
	return (ssw & (ATC_040 | TM_040)) == (ATC_040 | USER_PROGRAM);
}

#ifdef CONFIG_TRAMPFD

#include <linux/errno.h>
#include <linux/trampfd.h>

#include <asm/setup.h>

#include <uapi/asm/perf_regs.h>

/* The only ABI. */
#define TRAMPFD_ABI_32	0

/* d1 to d5, a0 to a2 and d0. */
#define M68K_TRAMPFD_SLOTS	9

/* The two bits of the status register that have instructions traced. */
#define M68K_SR_TRACE	0xc000

int arch_trampfd_slot(unsigned int abi, u32 name);
void m68k_trampfd_single_step(unsigned long pc);

/*
 * What a 68020 or 68030 saves for a fault has the instructions that it fetched
 * ahead, and goes on with them wherever the PC says.  The 68060 would do, but
 * nobody has tried.
 */
static inline int arch_trampfd_abi(void)
{
	return CPU_IS_040 ? TRAMPFD_ABI_32 : -EOPNOTSUPP;
}

/* There are no other modes that a program could be in. */
static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
	return TRAMPFD_ABI_32;
}

/* Bytes of a register, which is also what a push moves. */
static inline unsigned int arch_trampfd_reg_size(unsigned int abi)
{
	return sizeof(long);
}

static inline unsigned int arch_trampfd_stack_align(unsigned int abi)
{
	return arch_trampfd_reg_size(abi);
}

/* The name of the PC. */
static inline u32 arch_trampfd_pc_name(unsigned int abi)
{
	return PERF_REG_M68K_PC;
}

/* No instruction is at an odd address. */
static inline bool arch_trampfd_pc_valid(unsigned int abi, u64 pc)
{
	return pc < TASK_SIZE && !(pc & 1);
}

/* A register's value in the form it has in pt_regs. */
static inline unsigned long arch_trampfd_value(unsigned int abi, u64 value)
{
	return value;
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

/* A step ends at the target: the CPU would trace one instruction of it. */
static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	regs->pc = pc;
	if (unlikely(regs->sr & M68K_SR_TRACE))
		m68k_trampfd_single_step(pc);
}

static inline bool arch_trampfd_stack_usable(struct pt_regs *regs)
{
	return true;
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

#endif /* CONFIG_TRAMPFD */

#endif /* _ASM_M68K_TRAMPFD_H */
