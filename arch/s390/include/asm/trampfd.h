/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to s390.
 */
#ifndef _ASM_S390_TRAMPFD_H
#define _ASM_S390_TRAMPFD_H

#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/perf_regs.h>
#include <linux/sched.h>
#include <linux/types.h>

#include <asm/ptrace.h>

/* There is one ABI; 31-bit processes have no trampolines. */
#define TRAMPFD_ABI_64	0

int arch_trampfd_slot(unsigned int abi, u32 name);
void s390_trampfd_single_step(struct pt_regs *regs);

static inline int arch_trampfd_abi(void)
{
	return is_compat_task() ? -EOPNOTSUPP : TRAMPFD_ABI_64;
}

/*
 * A program may change its addressing mode, and the address space that it
 * accesses data in.  It calls trampolines with the 64-bit addresses of the
 * primary space.
 */
static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
	const unsigned long mask = PSW_MASK_EA | PSW_MASK_BA | PSW_MASK_ASC;

	return likely((regs->psw.mask & mask) ==
		      (PSW_MASK_EA | PSW_MASK_BA | PSW_ASC_PRIMARY)) ?
	       TRAMPFD_ABI_64 : -1;
}

/* Bytes of a register, which is also what the stack is written by. */
static inline unsigned int arch_trampfd_reg_size(unsigned int abi)
{
	return sizeof(unsigned long);
}

static inline unsigned int arch_trampfd_stack_align(unsigned int abi)
{
	return arch_trampfd_reg_size(abi);
}

/* The name of the PC. */
static inline u32 arch_trampfd_pc_name(unsigned int abi)
{
	return PERF_REG_S390_PC;
}

/* No instruction is at an odd address. */
static inline bool arch_trampfd_pc_valid(unsigned int abi, u64 pc)
{
	return pc < TASK_SIZE_MAX && !(pc & 1);
}

/* A register's value in the form it has in pt_regs. */
static inline unsigned long arch_trampfd_value(unsigned int abi, u64 value)
{
	return value;
}

/* The mask keeps a wild slot among the general registers. */
static __always_inline void arch_trampfd_set_reg(struct pt_regs *regs,
						 unsigned int slot,
						 unsigned long value)
{
	regs->gprs[slot % NUM_GPRS] = value;
}

static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	if (unlikely(regs->psw.mask & PSW_MASK_PER))
		s390_trampfd_single_step(regs);
	regs->psw.addr = pc;
}

static inline bool arch_trampfd_stack_usable(struct pt_regs *regs)
{
	return true;
}

static inline unsigned long arch_trampfd_sp(struct pt_regs *regs)
{
	return regs->gprs[15];
}

static inline void arch_trampfd_set_sp(struct pt_regs *regs, unsigned long sp)
{
	regs->gprs[15] = sp;
}

#endif /* _ASM_S390_TRAMPFD_H */
