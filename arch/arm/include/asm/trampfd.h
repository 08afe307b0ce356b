/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to arm.
 */
#ifndef _ASM_ARM_TRAMPFD_H
#define _ASM_ARM_TRAMPFD_H

#include <linux/errno.h>
#include <linux/perf_regs.h>
#include <linux/trampfd.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#include <asm/hwcap.h>
#include <asm/memory.h>
#include <asm/ptrace.h>

/* The only ABI: where programs of the old one run, layouts are the same. */
#define TRAMPFD_ABI_ARM		0

static inline int arch_trampfd_abi(void)
{
	return TRAMPFD_ABI_ARM;
}

/* Bytes of a register. */
static inline unsigned int arch_trampfd_reg_size(unsigned int abi)
{
	return 4;
}

static inline unsigned int arch_trampfd_stack_align(unsigned int abi)
{
	return 4;
}

/* The name of the PC. */
static inline u32 arch_trampfd_pc_name(unsigned int abi)
{
	return PERF_REG_ARM_PC;
}

/*
 * The place of a register is its number: pt_regs has r0 to r15 in a row.  The
 * stack pointer and the link register may not be set.
 */
static inline int arch_trampfd_slot(unsigned int abi, u32 name)
{
	if (name == PERF_REG_ARM_PC)
		return TRAMPFD_SLOT_PC;
	return name <= PERF_REG_ARM_IP ? name : -EINVAL;
}

/* Where user code can be.  Bit 0 asks for Thumb state. */
static inline bool arch_trampfd_pc_valid(unsigned int abi, u64 pc)
{
	if (pc >= TASK_SIZE)
		return false;
	if (pc & 1)
		return IS_ENABLED(CONFIG_ARM_THUMB) && (elf_hwcap & HWCAP_THUMB);
	return !(pc & 2);
}

/* A register's value in the form it has in pt_regs. */
static inline unsigned long arch_trampfd_value(unsigned int abi, u64 value)
{
	return value;
}

/* ARM and Thumb are states of one mode: a call may come in either. */
static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
	return TRAMPFD_ABI_ARM;
}

/* The mask keeps a wild slot among r0 to r15, away from the status. */
static __always_inline void arch_trampfd_set_reg(struct pt_regs *regs,
						 unsigned int slot,
						 unsigned long value)
{
	regs->uregs[slot & 15] = value;
}

/* As a branch with exchange: bit 0 is the state, and no If-Then block goes on. */
static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	regs->ARM_cpsr &= ~(PSR_T_BIT | PSR_J_BIT | PSR_IT_MASK);
	if (pc & 1)
		regs->ARM_cpsr |= PSR_T_BIT;
	regs->ARM_pc = pc & ~1UL;
}

static inline bool arch_trampfd_stack_usable(struct pt_regs *regs)
{
	return true;
}

static inline unsigned long arch_trampfd_sp(struct pt_regs *regs)
{
	return regs->ARM_sp;
}

static inline void arch_trampfd_set_sp(struct pt_regs *regs, unsigned long sp)
{
	regs->ARM_sp = sp;
}

#ifdef CONFIG_UACCESS_WITH_MEMCPY
/*
 * What copies to users there looks into page tables and takes their locks.  Here
 * interrupts are off, so the lock's holder could wait for this CPU, and nothing
 * keeps the tables.
 */
static inline unsigned long arch_trampfd_copy(void __user *to, const void *from,
					      unsigned long size)
{
	unsigned int flags = uaccess_save_and_enable();
	unsigned long left = __copy_to_user_std(to, from, size);

	uaccess_restore(flags);
	return left;
}

#define arch_trampfd_copy arch_trampfd_copy
#endif

#endif /* _ASM_ARM_TRAMPFD_H */
