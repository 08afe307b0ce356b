/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to powerpc: 64-bit processes on Book3S.
 *
 * A slot is the number of a general register, as is its name.
 */
#ifndef _ASM_POWERPC_TRAMPFD_H
#define _ASM_POWERPC_TRAMPFD_H

#include <linux/ptrace.h>
#include <linux/trampfd.h>
#include <linux/types.h>

#ifdef CONFIG_TRAMPFD

#include <linux/errno.h>
#include <linux/perf_regs.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/thread_info.h>

#include <asm/interrupt.h>
#include <asm/reg.h>

/* The only ABI.  32-bit processes don't have trampolines. */
#define TRAMPFD_ABI_64	0

static inline int arch_trampfd_abi(void)
{
	return is_32bit_task() ? -EOPNOTSUPP : TRAMPFD_ABI_64;
}

/*
 * The scratch and argument registers, and r2, which a target that is entered
 * behind its global entry point needs.  Not r1, the stack pointer, r13, the
 * thread pointer, and not r14 to r31: the way out of a page fault leaves these
 * as they are in the CPU, which has them from the program unless
 * CONFIG_INTERRUPT_SANITIZE_REGISTERS makes it load them again.
 */
static inline int arch_trampfd_slot(unsigned int abi, u32 name)
{
	if (name == PERF_REG_POWERPC_NIP)
		return TRAMPFD_SLOT_PC;
	if (name <= PERF_REG_POWERPC_R12 && name != PERF_REG_POWERPC_R1)
		return name;
	return -EINVAL;
}

/* The CPU would drop the low bits. */
static inline bool arch_trampfd_pc_valid(unsigned int abi, u64 pc)
{
	return pc < TASK_SIZE_USER64 && !(pc & 3);
}

/* Bytes of a register, which is also what a push moves. */
static inline unsigned int arch_trampfd_reg_size(unsigned int abi)
{
	return 8;
}

static inline unsigned int arch_trampfd_stack_align(unsigned int abi)
{
	return 8;
}

/* The name of the PC. */
static inline u32 arch_trampfd_pc_name(unsigned int abi)
{
	return PERF_REG_POWERPC_NIP;
}

/* A register's value in the form it has in pt_regs. */
static inline unsigned long arch_trampfd_value(unsigned int abi, u64 value)
{
	return value;
}

/*
 * The ABI in whose execution mode the CPU was, -1 for none: a process may
 * switch to the other byte order, in which the target would be other code.
 */
static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
	const unsigned long mode = MSR_SF | MSR_LE;

	return likely((regs->msr & mode) == (MSR_USER64 & mode)) ?
	       TRAMPFD_ABI_64 : -1;
}

/* The mask keeps a wild slot among the general registers. */
static __always_inline void arch_trampfd_set_reg(struct pt_regs *regs,
						 unsigned int slot,
						 unsigned long value)
{
	regs->gpr[slot & 15] = value;
}

/*
 * A step ends at the target's first instruction, as after a branch: the trace
 * interrupt would come one instruction later.
 */
static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	/* SRR0 still has the old PC, and a plain store would leave it so. */
	regs_set_return_ip(regs, pc);
	if (unlikely(regs->msr & (MSR_SE | MSR_BE))) {
		regs_set_return_msr(regs, regs->msr & ~(MSR_SE | MSR_BE));
		/* On PREEMPT_RT, sending a signal sleeps. */
		interrupt_cond_local_irq_enable(regs);
		user_single_step_report(regs);
	}
}

static inline bool arch_trampfd_stack_usable(struct pt_regs *regs)
{
	return true;
}

static inline unsigned long arch_trampfd_sp(struct pt_regs *regs)
{
	return regs->gpr[1];
}

static inline void arch_trampfd_set_sp(struct pt_regs *regs, unsigned long sp)
{
	regs->gpr[1] = sp;
}

/*
 * For the handlers of page faults: do the work of a trampoline, if that is what
 * was called.  It needs no interrupts: a hit takes no lock and does not sleep.
 * Where the stack can't take the data, the fault becomes one of a push.  It is
 * one that the MMU has not seen, so nobody has looked at its address.
 */
static __always_inline enum trampfd_outcome
powerpc_trampfd_fault(struct pt_regs *regs)
{
	enum trampfd_outcome outcome;
	unsigned long stack;

	if (TRAP(regs) != INTERRUPT_INST_STORAGE || !user_mode(regs) ||
	    !mm_has_trampfd(current->mm))
		return TRAMPFD_MISS;

	outcome = trampfd_call(regs, regs->nip, &stack);
	if (outcome == TRAMPFD_STACK_FAULT) {
		set_trap(regs, INTERRUPT_DATA_STORAGE);
		regs->dar = stack;
		regs->dsisr = DSISR_NOHPTE | DSISR_ISSTORE;
	}
	return outcome;
}

#else /* !CONFIG_TRAMPFD */

static __always_inline enum trampfd_outcome
powerpc_trampfd_fault(struct pt_regs *regs)
{
	return TRAMPFD_MISS;
}

#endif /* CONFIG_TRAMPFD */

#endif /* _ASM_POWERPC_TRAMPFD_H */
