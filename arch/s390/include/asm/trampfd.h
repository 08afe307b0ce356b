/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to s390; 31-bit processes have no trampolines.
 *
 * A slot is the number of a general register, as is its name.
 */
#ifndef _ASM_S390_TRAMPFD_H
#define _ASM_S390_TRAMPFD_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/thread_info.h>

#include <asm/fault.h>
#include <asm/ptrace.h>

#include <uapi/asm/perf_regs.h>

static_assert(PERF_REG_S390_R0 == 0 && PERF_REG_S390_R15 == NUM_GPRS - 1);

#define TRAMPFD_PC_NAME		PERF_REG_S390_PC
#define TRAMPFD_PC_ALIGN	2
#define TRAMPFD_TASK_SIZE	TASK_SIZE_MAX

/*
 * The last two general registers are the return address and the stack pointer.
 * A floating-point register is not where the fault handler could set it.
 */
#define TRAMPFD_SETTABLE	GENMASK_ULL(PERF_REG_S390_R13, PERF_REG_S390_R0)

#define arch_trampfd_reg(regs, slot)	((regs)->gprs[(slot) % NUM_GPRS])

/* What code jumps through, as that of a procedure linkage table. */
static inline int arch_trampfd_target(unsigned int abi)
{
	return PERF_REG_S390_R1;
}

int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry);

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
	       TRAMPFD_ABI_NATIVE : -1;
}

/*
 * What steps is reported after an instruction.  The trampoline is none, so the
 * next report would come behind the target's first one.  The PC is still at the
 * trampoline.
 */
static inline void arch_trampfd_single_step(struct pt_regs *regs)
{
	/* Or else a range of addresses is watched; the CPU reports those. */
	if (!test_thread_flag(TIF_SINGLE_STEP))
		return;
	current->thread.per_event.cause = PER_EVENT_IFETCH >> 16;
	current->thread.per_event.address = regs->psw.addr;
	current->thread.per_event.paid = 0;
	set_thread_flag(TIF_PER_TRAP);
}

static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	if (unlikely(regs->psw.mask & PSW_MASK_PER))
		arch_trampfd_single_step(regs);
	regs->psw.addr = pc;
}

#define arch_trampfd_set_sp(regs, sp)	((regs)->gprs[15] = (sp))

/*
 * The page of the instruction that is running is there, so a fault in the PC's
 * page is a fetch.  The address has no more than the page.
 */
static __always_inline bool arch_trampfd_user_fetch(struct pt_regs *regs,
						    unsigned long address,
						    unsigned long access)
{
	return address == (regs->psw.addr & PAGE_MASK) && user_mode(regs);
}

/* The handler reads the address where the CPU has stored it. */
static __always_inline enum trampfd_outcome
arch_trampfd_stack_fault(struct pt_regs *regs, unsigned long stack,
			 unsigned long *address, unsigned long *access)
{
	union teid teid = {
		.addr = stack >> PAGE_SHIFT,
		.fsi = TEID_FSI_STORE,
	};

	regs->int_parm_long = teid.val;
	*access = VM_WRITE;
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

#endif /* _ASM_S390_TRAMPFD_H */
