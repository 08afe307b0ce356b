/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to powerpc: 64-bit processes on little-endian Book3S.
 *
 * A slot is the number of a general register, as is its name.
 */
#ifndef _ASM_POWERPC_TRAMPFD_H
#define _ASM_POWERPC_TRAMPFD_H

#include <linux/bits.h>
#include <linux/processor.h>
#include <linux/ptrace.h>

#include <asm/interrupt.h>
#include <asm/reg.h>

#include <uapi/asm/perf_regs.h>

#define TRAMPFD_PC_NAME		PERF_REG_POWERPC_NIP
#define TRAMPFD_TASK_SIZE	TASK_SIZE_USER64

/*
 * The scratch and argument registers, and r2, which a target that is entered
 * behind its global entry point needs.  Not r1, the stack pointer, r13, the
 * thread pointer, and not r14 to r31: the way out of a page fault leaves these
 * as they are in the CPU, which has them from the program unless
 * CONFIG_INTERRUPT_SANITIZE_REGISTERS makes it load them again.
 */
#define TRAMPFD_SETTABLE \
	(GENMASK_ULL(PERF_REG_POWERPC_R12, PERF_REG_POWERPC_R0) & \
	 ~BIT_ULL(PERF_REG_POWERPC_R1))

#define arch_trampfd_reg(regs, slot)	((regs)->gpr[(slot) & 15])

/*
 * Where a function has to have its own address at its global entry point.  Code
 * expects its own there, too, and leaves the target's.
 */
static inline int arch_trampfd_target(unsigned int abi)
{
	return PERF_REG_POWERPC_R12;
}

int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry);

/*
 * A process may switch to the other byte order, in which the target would be
 * other code.
 */
static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
	const unsigned long mode = MSR_SF | MSR_LE;

	return likely((regs->msr & mode) == (MSR_USER64 & mode)) ?
	       TRAMPFD_ABI_NATIVE : -1;
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

#define arch_trampfd_set_sp(regs, sp)	((regs)->gpr[1] = (sp))

static __always_inline bool arch_trampfd_user_fetch(struct pt_regs *regs,
						    unsigned long dar,
						    unsigned long dsisr)
{
	return TRAP(regs) == INTERRUPT_INST_STORAGE && user_mode(regs);
}

/* The MMU has not seen a push, so nobody has looked at its address. */
static __always_inline enum trampfd_outcome
arch_trampfd_stack_fault(struct pt_regs *regs, unsigned long stack,
			 unsigned long *dar, unsigned long *dsisr)
{
	set_trap(regs, INTERRUPT_DATA_STORAGE);
	*dar = stack;
	*dsisr = DSISR_NOHPTE | DSISR_ISSTORE;
	return TRAMPFD_STACK_FAULT;
}

/* What the generic header is not to define. */
#define arch_trampfd_mode		arch_trampfd_mode
#define arch_trampfd_set_pc		arch_trampfd_set_pc
#define arch_trampfd_user_fetch		arch_trampfd_user_fetch
#define arch_trampfd_stack_fault	arch_trampfd_stack_fault
#define arch_trampfd_target		arch_trampfd_target
#define arch_trampfd_code		arch_trampfd_code

#include <asm-generic/trampfd.h>

#endif /* _ASM_POWERPC_TRAMPFD_H */
