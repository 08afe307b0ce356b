/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to x86: 64-bit processes, and 32-bit ones on a 64-bit kernel.
 */
#ifndef _ASM_X86_TRAMPFD_H
#define _ASM_X86_TRAMPFD_H

#include <linux/perf_regs.h>
#include <linux/types.h>

#include <asm/processor-flags.h>
#include <asm/ptrace.h>
#include <asm/segment.h>

enum trampfd_abi {
	TRAMPFD_ABI_32,
	TRAMPFD_ABI_64,
};

int arch_trampfd_abi(void);
int arch_trampfd_slot(unsigned int abi, u32 name);
bool arch_trampfd_pc_valid(unsigned int abi, u64 pc);
void x86_trampfd_single_step(struct pt_regs *regs);

/* Bytes of a register, which is also what a push moves. */
static inline unsigned int arch_trampfd_reg_size(unsigned int abi)
{
	return abi == TRAMPFD_ABI_64 ? 8 : 4;
}

static inline unsigned int arch_trampfd_stack_align(unsigned int abi)
{
	return arch_trampfd_reg_size(abi);
}

/* The name of the PC. */
static inline u32 arch_trampfd_pc_name(unsigned int abi)
{
	return PERF_REG_X86_IP;
}

/* A register's value in the form it has in pt_regs. */
static inline unsigned long arch_trampfd_value(unsigned int abi, u64 value)
{
	return value;
}

/*
 * The ABI in whose execution mode the CPU was, -1 for none.  A segment of the
 * local descriptor table is none: its base may differ from 0, and then the
 * fault address is not the PC.
 */
static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
#ifdef CONFIG_X86_64
	if (user_64bit_mode(regs))
		return TRAMPFD_ABI_64;
	return likely(regs->cs == __USER32_CS) ? TRAMPFD_ABI_32 : -1;
#else
	/* In virtual-8086 mode that is an address, and IP is relative to it. */
	return likely(regs->cs == __USER_CS && !v8086_mode(regs)) ?
	       TRAMPFD_ABI_32 : -1;
#endif
}

/*
 * A slot is a word of pt_regs.  The mask keeps a wild one among the general
 * registers and the word behind them (orig_ax, on 32-bit kernels ds), away from
 * the program counter, code segment, flags and stack pointer.
 */
static __always_inline void arch_trampfd_set_reg(struct pt_regs *regs,
						 unsigned int slot,
						 unsigned long value)
{
	((unsigned long *)regs)[slot & (IS_ENABLED(CONFIG_X86_64) ? 15 : 7)] =
		value;
}

/*
 * A fault saves the flags with RF set, which would keep a breakpoint on the
 * target from firing.
 */
static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	regs->ip = pc;
	regs->flags &= ~X86_EFLAGS_RF;
	if (unlikely(regs->flags & X86_EFLAGS_TF))
		x86_trampfd_single_step(regs);
}

/* Pushes go to the stack segment; only the flat one is at address 0. */
static inline bool arch_trampfd_stack_usable(struct pt_regs *regs)
{
	return user_64bit_mode(regs) || regs->ss == __USER_DS;
}

static inline unsigned long arch_trampfd_sp(struct pt_regs *regs)
{
	return regs->sp;
}

static inline void arch_trampfd_set_sp(struct pt_regs *regs, unsigned long sp)
{
	regs->sp = sp;
}

#endif /* _ASM_X86_TRAMPFD_H */
