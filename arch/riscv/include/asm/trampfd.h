/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to 64-bit RISC-V.
 */
#ifndef _ASM_RISCV_TRAMPFD_H
#define _ASM_RISCV_TRAMPFD_H

#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/perf_regs.h>
#include <linux/pgtable.h>
#include <linux/types.h>

#include <asm/cpufeature.h>
#include <asm/ptrace.h>

/* There is one ABI; 32-bit processes on a 64-bit kernel have no trampolines. */
#define TRAMPFD_ABI_64	0

int arch_trampfd_slot(unsigned int abi, u32 name);

static inline int arch_trampfd_abi(void)
{
	return is_compat_task() ? -EOPNOTSUPP : TRAMPFD_ABI_64;
}

/* A process can't change to 32-bit mode, so there is nothing to look at. */
static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
	return TRAMPFD_ABI_64;
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
	return PERF_REG_RISCV_PC;
}

/*
 * The CPU ignores bit 0 of what is loaded into the PC, and bit 1 where it has no
 * compressed instructions, so a target that has it set would be another one.
 */
static inline bool arch_trampfd_pc_valid(unsigned int abi, u64 pc)
{
	if (pc >= TASK_SIZE_64 || (pc & 1))
		return false;
	return !(pc & 2) || riscv_isa_extension_available(NULL, c) ||
	       riscv_isa_extension_available(NULL, ZCA);
}

/* A register's value in the form it has in pt_regs. */
static inline unsigned long arch_trampfd_value(unsigned int abi, u64 value)
{
	return value;
}

/*
 * A slot is a word of pt_regs, which begins with the registers in perf's order.
 * The mask keeps a wild one among them, away from the status register.
 */
static __always_inline void arch_trampfd_set_reg(struct pt_regs *regs,
						 unsigned int slot,
						 unsigned long value)
{
	((unsigned long *)regs)[slot % PERF_REG_RISCV_MAX] = value;
}

static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	regs->epc = pc;
}

static inline bool arch_trampfd_stack_usable(struct pt_regs *regs)
{
	return true;
}

static inline unsigned long arch_trampfd_sp(struct pt_regs *regs)
{
	return regs->sp;
}

static inline void arch_trampfd_set_sp(struct pt_regs *regs, unsigned long sp)
{
	regs->sp = sp;
}

#endif /* _ASM_RISCV_TRAMPFD_H */
