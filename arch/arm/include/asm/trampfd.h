/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to arm.  There is one ABI: where programs of the old one run,
 * layouts are the same.
 *
 * A slot is the number of a register, as is its name: pt_regs has r0 to r15 in a
 * row.
 */
#ifndef _ASM_ARM_TRAMPFD_H
#define _ASM_ARM_TRAMPFD_H

#include <linux/bits.h>
#include <linux/uaccess.h>

#include <asm/hwcap.h>
#include <asm/memory.h>
#include <asm/ptrace.h>

#include <uapi/asm/perf_regs.h>

/* The name of a write in the FSR is the handler's, which has to set it itself. */
#define TRAMPFD_PUSH_CODE	0
#define TRAMPFD_PC_NAME		PERF_REG_ARM_PC

/* Not the stack pointer and the link register. */
#define TRAMPFD_SETTABLE	GENMASK_ULL(PERF_REG_ARM_IP, PERF_REG_ARM_R0)

/* r0 to r15; the status is behind them. */
#define arch_trampfd_reg(regs, slot)	((regs)->uregs[(slot) & 15])

/* An undefined instruction, in ARM and in Thumb state. */
static inline u8 arch_trampfd_code_fill(unsigned int abi)
{
	return 0xff;
}

int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry);

/* Bit 0 asks for Thumb state. */
static inline bool arch_trampfd_pc_valid(unsigned int abi, u64 pc)
{
	if (pc >= TASK_SIZE)
		return false;
	if (pc & 1)
		return IS_ENABLED(CONFIG_ARM_THUMB) && (elf_hwcap & HWCAP_THUMB);
	return !(pc & 2);
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

#define arch_trampfd_set_sp(regs, sp)	((regs)->ARM_sp = (sp))

/* The handler passes FSR_LNX_PF, which is the exception's. */
static __always_inline bool arch_trampfd_user_fetch(struct pt_regs *regs,
						    unsigned long address,
						    unsigned long fetch)
{
	return fetch && user_mode(regs);
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

/* What the generic header is not to define. */
#define arch_trampfd_pc_valid		arch_trampfd_pc_valid
#define arch_trampfd_set_pc		arch_trampfd_set_pc
#define arch_trampfd_user_fetch		arch_trampfd_user_fetch
#define arch_trampfd_code_fill		arch_trampfd_code_fill
#define arch_trampfd_code		arch_trampfd_code

#include <asm-generic/trampfd.h>

#endif /* _ASM_ARM_TRAMPFD_H */
