/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to x86: 64-bit processes, and 32-bit ones on a kernel of either
 * size.
 */
#ifndef _ASM_X86_TRAMPFD_H
#define _ASM_X86_TRAMPFD_H

#include <linux/bits.h>
#include <linux/uaccess.h>

#include <asm/processor-flags.h>
#include <asm/ptrace.h>
#include <asm/segment.h>
#include <asm/trap_pf.h>

#include <uapi/asm/perf_regs.h>

#define TRAMPFD_ABI_32		0
#define TRAMPFD_ABI_64		1

#define TRAMPFD_PUSH_CODE	(X86_PF_USER | X86_PF_WRITE)
#define TRAMPFD_PC_NAME		PERF_REG_X86_IP
#define TRAMPFD_PC_ALIGN	1	/* instructions are anywhere */

#define arch_trampfd_reg_size(abi)	((abi) == TRAMPFD_ABI_64 ? 8U : 4U)

int arch_trampfd_abi(void);
unsigned int arch_trampfd_word(u32 name);
void arch_trampfd_single_step(struct pt_regs *regs);
int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry);

/* int3 */
static inline u8 arch_trampfd_code_fill(unsigned int abi)
{
	return 0xcc;
}

static inline u64 arch_trampfd_settable(unsigned int abi)
{
	u64 settable = GENMASK_ULL(PERF_REG_X86_BP, PERF_REG_X86_AX);

	if (abi == TRAMPFD_ABI_64)
		settable |= GENMASK_ULL(PERF_REG_X86_R15, PERF_REG_X86_R8);
	return settable;
}

#ifdef CONFIG_X86_64
static inline u64 arch_trampfd_task_size(unsigned int abi)
{
	return abi == TRAMPFD_ABI_64 ? TASK_SIZE_MAX : IA32_PAGE_OFFSET;
}

#define arch_trampfd_task_size arch_trampfd_task_size
#endif

/*
 * A segment of the local descriptor table is no mode: its base may differ from
 * 0, and then the fault address is not the PC.
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
 * A slot is a word of pt_regs: the general registers and the word behind them
 * (orig_ax, on 32-bit kernels ds).  Not among them are the program counter, code
 * segment, flags and stack pointer.
 */
#define X86_TRAMPFD_SLOTS	(IS_ENABLED(CONFIG_X86_64) ? 16 : 8)
#define arch_trampfd_reg(regs, slot) \
	(((unsigned long *)(regs))[(slot) % X86_TRAMPFD_SLOTS])

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
		arch_trampfd_single_step(regs);
}

/* Pushes go to the stack segment; only the flat one is at address 0. */
static inline bool arch_trampfd_stack_usable(struct pt_regs *regs)
{
	return user_64bit_mode(regs) || regs->ss == __USER_DS;
}

/*
 * With linear-address masking, the CPU ignores the tag of SP when it pushes.
 * access_ok() refuses a tagged address, and the handler of faults takes it for
 * one of the kernel's, as the CPU reports none.  SP keeps its tag.
 */
static inline unsigned long arch_trampfd_sp(struct pt_regs *regs)
{
	return untagged_addr(regs->sp);
}

static inline void arch_trampfd_set_sp(struct pt_regs *regs, unsigned long sp)
{
	regs->sp += sp - arch_trampfd_sp(regs);
}

/* What the generic header is not to define. */
#define arch_trampfd_abi		arch_trampfd_abi
#define arch_trampfd_word		arch_trampfd_word
#define arch_trampfd_code		arch_trampfd_code
#define arch_trampfd_code_fill		arch_trampfd_code_fill
#define arch_trampfd_settable		arch_trampfd_settable
#define arch_trampfd_mode		arch_trampfd_mode
#define arch_trampfd_set_pc		arch_trampfd_set_pc
#define arch_trampfd_stack_usable	arch_trampfd_stack_usable
#define arch_trampfd_sp			arch_trampfd_sp
#define arch_trampfd_set_sp		arch_trampfd_set_sp

#include <asm-generic/trampfd.h>

#endif /* _ASM_X86_TRAMPFD_H */
