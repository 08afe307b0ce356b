// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to RISC-V: which registers a trampoline may load.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <linux/stddef.h>
#include <linux/trampfd.h>

#include <asm/trampfd.h>

#define WORD(reg)	(offsetof(struct pt_regs, reg) / sizeof(unsigned long))

/* perf's numbers are the places in pt_regs, those without a gap. */
static_assert(WORD(epc) == PERF_REG_RISCV_PC && WORD(t0) == PERF_REG_RISCV_T0 &&
	      WORD(a0) == PERF_REG_RISCV_A0 && WORD(t6) == PERF_REG_RISCV_T6 &&
	      WORD(status) == PERF_REG_RISCV_MAX);

/* What arch_trampfd_set_reg() computes is a mask. */
static_assert(PERF_REG_RISCV_MAX == 32);

/**
 * arch_trampfd_slot() - find where a register of user mode is saved
 * @abi: The table's ABI.
 * @name: The register, PERF_REG_RISCV_*.
 *
 * All registers of the calling convention but those that say where the program
 * is: the return address, and the stack, global and thread pointers.
 *
 * Return: the slot for arch_trampfd_set_reg(), %TRAMPFD_SLOT_PC, or -EINVAL if
 * a trampoline may not set the register.
 */
int arch_trampfd_slot(unsigned int abi, u32 name)
{
	if (name == PERF_REG_RISCV_PC)
		return TRAMPFD_SLOT_PC;
	if (name < PERF_REG_RISCV_T0 || name > PERF_REG_RISCV_T6)
		return -EINVAL;
	return name;
}
