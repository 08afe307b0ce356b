// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to s390: which registers a trampoline may load, and stepping.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/thread_info.h>
#include <linux/trampfd.h>

#include <asm/trampfd.h>

/* A slot is the number of a general register; SLOT_PC must be none of them. */
static_assert(PERF_REG_S390_R0 == 0 && PERF_REG_S390_R15 == NUM_GPRS - 1);

/**
 * arch_trampfd_slot() - find where a register of user mode is saved
 * @abi: The table's ABI.
 * @name: The register, PERF_REG_S390_*.
 *
 * The return address and the stack pointer are the last two general registers;
 * a floating-point register is not where the fault handler could set it.
 *
 * Return: the slot for arch_trampfd_set_reg(), %TRAMPFD_SLOT_PC, or -EINVAL if
 * a trampoline may not set the register.
 */
int arch_trampfd_slot(unsigned int abi, u32 name)
{
	if (name == PERF_REG_S390_PC)
		return TRAMPFD_SLOT_PC;
	return name <= PERF_REG_S390_R13 ? name : -EINVAL;
}

/**
 * s390_trampfd_single_step() - stop at the target's first instruction
 * @regs: The registers, PC still at the trampoline.
 *
 * What steps is reported after an instruction.  The trampoline is none, so the
 * next report would come behind the target's first one.
 */
void s390_trampfd_single_step(struct pt_regs *regs)
{
	/* Or else a range of addresses is watched; the CPU reports those. */
	if (!test_thread_flag(TIF_SINGLE_STEP))
		return;
	current->thread.per_event.cause = PER_EVENT_IFETCH >> 16;
	current->thread.per_event.address = regs->psw.addr;
	current->thread.per_event.paid = 0;
	set_thread_flag(TIF_PER_TRAP);
}
