// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to m68k: which registers a trampoline may load, and stepping.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/stddef.h>
#include <linux/trampfd.h>

#include <asm/trampfd.h>

#define WORD(reg)	(offsetof(struct pt_regs, reg) / sizeof(unsigned long))

/* Two runs in the order of their numbers, and d0 for itself. */
static_assert(WORD(d1) == 0 && WORD(d5) == 4 && WORD(a0) == 5 &&
	      WORD(a2) == 7 && WORD(d0) == M68K_TRAMPFD_SLOTS - 1);

/**
 * arch_trampfd_slot() - find where a register of user mode is saved
 * @abi: The table's ABI.
 * @name: The register, PERF_REG_M68K_*.
 *
 * The others are not saved for a fault: what they have is in the CPU, where the
 * fault handler itself uses them.
 *
 * Return: the slot for arch_trampfd_set_reg(), %TRAMPFD_SLOT_PC, or -EINVAL if
 * a trampoline may not set the register.
 */
int arch_trampfd_slot(unsigned int abi, u32 name)
{
	switch (name) {
	case PERF_REG_M68K_D0:
		return WORD(d0);
	case PERF_REG_M68K_D1 ... PERF_REG_M68K_D5:
		return WORD(d1) + name - PERF_REG_M68K_D1;
	case PERF_REG_M68K_A0 ... PERF_REG_M68K_A2:
		return WORD(a0) + name - PERF_REG_M68K_A0;
	case PERF_REG_M68K_PC:
		return TRAMPFD_SLOT_PC;
	default:
		return -EINVAL;
	}
}

/**
 * m68k_trampfd_single_step() - stop at the target's first instruction
 * @pc: The target.
 *
 * The call was the step, and a change of flow as well.
 */
void m68k_trampfd_single_step(unsigned long pc)
{
	force_sig_fault(SIGTRAP, TRAP_TRACE, (void __user *)pc);
}
