/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to arm64: AArch64 processes, and AArch32 ones beside them.
 */
#ifndef __ASM_TRAMPFD_H
#define __ASM_TRAMPFD_H

#include <linux/compat.h>
#include <linux/cpufeature.h>
#include <linux/errno.h>
#include <linux/perf_regs.h>
#include <linux/sched.h>
#include <linux/trampfd.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#include <asm/debug-monitors.h>
#include <asm/mte.h>
#include <asm/ptrace.h>
#include <asm/sysreg.h>

enum trampfd_abi {
	TRAMPFD_ABI_32,
	TRAMPFD_ABI_64,
};

/* 32-bit numbers, as arch/arm/include/uapi/asm/perf_regs.h has them. */
#define TRAMPFD_AARCH32_R12	12
#define TRAMPFD_AARCH32_PC	15

/* The ABI of the system call that is running. */
static inline int arch_trampfd_abi(void)
{
	return is_compat_task() ? TRAMPFD_ABI_32 : TRAMPFD_ABI_64;
}

/* Bytes of a register. */
static inline unsigned int arch_trampfd_reg_size(unsigned int abi)
{
	return abi == TRAMPFD_ABI_64 ? 8 : 4;
}

/* AArch64 checks the alignment of SP wherever it is used as an address. */
static inline unsigned int arch_trampfd_stack_align(unsigned int abi)
{
	return abi == TRAMPFD_ABI_64 ? 16 : 4;
}

/* The name of the PC. */
static inline u32 arch_trampfd_pc_name(unsigned int abi)
{
	return abi == TRAMPFD_ABI_64 ? PERF_REG_ARM64_PC : TRAMPFD_AARCH32_PC;
}

/*
 * The place of a register is its number: pt_regs has x0 to x30 in a row, and
 * r0 to r14 are their lower halves.  The link register and SP may not be set.
 */
static inline int arch_trampfd_slot(unsigned int abi, u32 name)
{
	if (name == arch_trampfd_pc_name(abi))
		return TRAMPFD_SLOT_PC;
	if (name > (abi == TRAMPFD_ABI_64 ? PERF_REG_ARM64_X29 : TRAMPFD_AARCH32_R12))
		return -EINVAL;
	return name;
}

/*
 * Where user code can be.  Bit 0 of a 32-bit address asks for Thumb state.  A
 * tag, or the signature of a pointer, is no part of an address.
 */
static inline bool arch_trampfd_pc_valid(unsigned int abi, u64 pc)
{
	if (abi == TRAMPFD_ABI_64)
		return pc < TASK_SIZE_64 && !(pc & 3);
#ifdef CONFIG_COMPAT
	return pc < TASK_SIZE_32 && (pc & 3) != 2;
#else
	return false;
#endif
}

/* A register's value in the form it has in pt_regs. */
static inline unsigned long arch_trampfd_value(unsigned int abi, u64 value)
{
	return value;
}

/* ARM and Thumb are states of one mode: a call may come in either. */
static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
	return compat_user_mode(regs) ? TRAMPFD_ABI_32 : TRAMPFD_ABI_64;
}

/* The mask keeps a wild slot among the general registers and SP. */
static __always_inline void arch_trampfd_set_reg(struct pt_regs *regs,
						 unsigned int slot,
						 unsigned long value)
{
	regs->regs[slot & 31] = value;
}

/*
 * A trampoline of code would end in a branch through x16 or x17, which may lead
 * to any landing pad for calls and jumps, and nowhere else in a guarded page.
 * How the trampoline was entered says nothing about that: a return would need
 * none at all.
 *
 * The call to the trampoline was a step, as it is not executed again.
 */
static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	if (compat_user_mode(regs)) {
		regs->pstate &= ~(PSR_AA32_T_BIT | PSR_AA32_IT_MASK);
		if (pc & 1)
			regs->pstate |= PSR_AA32_T_BIT;
		pc &= ~1UL;
	} else if (system_supports_bti()) {
		regs->pstate &= ~PSR_BTYPE_MASK;
		regs->pstate |= PSR_BTYPE_JC;
	}
	regs->pc = pc;
	if (unlikely(test_thread_flag(TIF_SINGLESTEP)))
		user_fastforward_single_step(current);
}

static inline bool arch_trampfd_stack_usable(struct pt_regs *regs)
{
	return true;
}

/*
 * The CPU ignores a tag in SP, where the kernel's own accesses only take one
 * from a process that has asked for that.
 */
static inline unsigned long arch_trampfd_sp(struct pt_regs *regs)
{
	unsigned long sp = user_stack_pointer(regs);

	return test_thread_flag(TIF_TAGGED_ADDR) ? sp : untagged_addr(sp);
}

static inline void arch_trampfd_set_sp(struct pt_regs *regs, unsigned long sp)
{
	unsigned long move = sp - arch_trampfd_sp(regs);

	if (compat_user_mode(regs))
		regs->compat_sp += move;
	else
		regs->sp += move;
}

/*
 * Memory tags are not checked when a program has lowered SP and then stores at
 * SP plus an immediate offset, so they are not here.  (They are where one
 * instruction does both.)  No fault handler could mend what they refuse.
 * Afterwards it is as it was on the way into the kernel.
 */
static inline unsigned long arch_trampfd_copy(void __user *to, const void *from,
					      unsigned long size)
{
	unsigned long left;

	if (system_supports_mte())
		asm volatile(SET_PSTATE_TCO(1) : : : "memory");
	left = __copy_to_user_inatomic(to, from, size);
	mte_disable_tco_entry(current);
	return left;
}

#define arch_trampfd_copy arch_trampfd_copy

#endif /* __ASM_TRAMPFD_H */
