/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to arm64: AArch64 processes, and AArch32 ones beside them.
 *
 * A slot is the number of a register, as is its name: pt_regs has x0 to x30 in a
 * row, and r0 to r14 are their lower halves.
 */
#ifndef __ASM_TRAMPFD_H
#define __ASM_TRAMPFD_H

#include <linux/bits.h>
#include <linux/compat.h>
#include <linux/cpufeature.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include <asm/debug-monitors.h>
#include <asm/esr.h>
#include <asm/mte.h>
#include <asm/ptrace.h>
#include <asm/sysreg.h>

#include <uapi/asm/perf_regs.h>

#define TRAMPFD_ABI_32		0
#define TRAMPFD_ABI_64		1

/* 32-bit numbers, as arch/arm/include/uapi/asm/perf_regs.h has them. */
#define TRAMPFD_AARCH32_R12	12
#define TRAMPFD_AARCH32_PC	15

#define arch_trampfd_abi()	(is_compat_task() ? TRAMPFD_ABI_32 : TRAMPFD_ABI_64)

#define arch_trampfd_reg_size(abi)	((abi) == TRAMPFD_ABI_64 ? 8U : 4U)

/* AArch64 checks the alignment of SP wherever it is used as an address. */
#define arch_trampfd_stack_align(abi)	((abi) == TRAMPFD_ABI_64 ? 16U : 4U)

static inline u32 arch_trampfd_pc_name(unsigned int abi)
{
	return abi == TRAMPFD_ABI_64 ? PERF_REG_ARM64_PC : TRAMPFD_AARCH32_PC;
}

/* The general registers and, behind them, SP. */
#define arch_trampfd_reg(r, slot)	((r)->regs[(slot) & 31])

/* What code jumps through; AArch32 code can load the PC. */
#define ARM64_TRAMPFD_TARGET	PERF_REG_ARM64_X16

static inline int arch_trampfd_target(unsigned int abi)
{
	return abi == TRAMPFD_ABI_64 ? ARM64_TRAMPFD_TARGET : -1;
}

/* Undefined instructions.  In AArch32 state, 0 would be one that does nothing. */
static inline u8 arch_trampfd_code_fill(unsigned int abi)
{
	return abi == TRAMPFD_ABI_64 ? 0 : 0xff;
}

int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry);
unsigned long arch_trampfd_code_prot(unsigned int abi);

/* Not the link register and SP. */
static inline u64 arch_trampfd_settable(unsigned int abi)
{
	return GENMASK_ULL(abi == TRAMPFD_ABI_64 ? PERF_REG_ARM64_X29 :
			   TRAMPFD_AARCH32_R12, PERF_REG_ARM64_X0);
}

/*
 * Bit 0 of a 32-bit address asks for Thumb state.  A tag, or the signature of a
 * pointer, is no part of an address.
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

/* ARM and Thumb are states of one mode: a call may come in either. */
static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
	return compat_user_mode(regs) ? TRAMPFD_ABI_32 : TRAMPFD_ABI_64;
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

static __always_inline bool arch_trampfd_user_fetch(struct pt_regs *regs,
						    unsigned long address,
						    unsigned long esr)
{
	return ESR_ELx_EC(esr) == ESR_ELx_EC_IABT_LOW;
}

static __always_inline enum trampfd_outcome
arch_trampfd_stack_fault(struct pt_regs *regs, unsigned long stack,
			 unsigned long *far, unsigned long *esr)
{
	*far = stack;
	*esr = (*esr & ESR_ELx_FSC) | ESR_ELx_WNR | ESR_ELx_IL |
	       ESR_ELx_EC_DABT_LOW << ESR_ELx_EC_SHIFT;
	return TRAMPFD_STACK_FAULT;
}

/* What the generic header is not to define. */
#define arch_trampfd_pc_name		arch_trampfd_pc_name
#define arch_trampfd_settable		arch_trampfd_settable
#define arch_trampfd_pc_valid		arch_trampfd_pc_valid
#define arch_trampfd_mode		arch_trampfd_mode
#define arch_trampfd_set_pc		arch_trampfd_set_pc
#define arch_trampfd_sp			arch_trampfd_sp
#define arch_trampfd_set_sp		arch_trampfd_set_sp
#define arch_trampfd_copy		arch_trampfd_copy
#define arch_trampfd_user_fetch		arch_trampfd_user_fetch
#define arch_trampfd_stack_fault	arch_trampfd_stack_fault
#define arch_trampfd_target		arch_trampfd_target
#define arch_trampfd_code		arch_trampfd_code
#define arch_trampfd_code_prot		arch_trampfd_code_prot
#define arch_trampfd_code_fill		arch_trampfd_code_fill

#include <asm-generic/trampfd.h>

#endif /* __ASM_TRAMPFD_H */
