/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to 64-bit RISC-V; 32-bit processes have no trampolines.
 *
 * A slot is a word of pt_regs, which begins with the registers in perf's order.
 */
#ifndef _ASM_RISCV_TRAMPFD_H
#define _ASM_RISCV_TRAMPFD_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/pgtable.h>

#include <asm/cpufeature.h>
#include <asm/csr.h>
#include <asm/ptrace.h>
#include <asm/usercfi.h>

#include <uapi/asm/perf_regs.h>

#define TRAMPFD_PUSH_CODE	EXC_STORE_PAGE_FAULT
#define TRAMPFD_FETCH_AT_PC	true
#define TRAMPFD_PC_NAME		PERF_REG_RISCV_PC
#define TRAMPFD_TASK_SIZE	TASK_SIZE_64

static_assert(offsetof(struct pt_regs, epc) == PERF_REG_RISCV_PC * sizeof(long) &&
	      offsetof(struct pt_regs, t0) == PERF_REG_RISCV_T0 * sizeof(long) &&
	      offsetof(struct pt_regs, a0) == PERF_REG_RISCV_A0 * sizeof(long) &&
	      offsetof(struct pt_regs, t6) == PERF_REG_RISCV_T6 * sizeof(long) &&
	      offsetof(struct pt_regs, status) == 32 * sizeof(long));

/* The PC and the general registers; the status is behind them. */
#define arch_trampfd_reg(regs, slot)	(((unsigned long *)(regs))[(slot) & 31])

/*
 * All registers of the calling convention but those that say where the program
 * is: the return address, and the stack, global and thread pointers.
 */
#define TRAMPFD_SETTABLE \
	GENMASK_ULL(PERF_REG_RISCV_T6, PERF_REG_RISCV_T0)

/*
 * What code jumps through: a register that no convention has a use for at a call.
 * GCC has T2 for the context of nested functions, libffi T1 for that of closures,
 * and a jump through T0 would be predicted as a return.
 */
static inline int arch_trampfd_target(unsigned int abi)
{
	return PERF_REG_RISCV_T6;
}

int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry);

/*
 * The CPU ignores bit 0 of what is loaded into the PC, and bit 1 where it has no
 * compressed instructions, so a target that has it set would be another one.
 */
#define TRAMPFD_PC_ALIGN	(riscv_isa_extension_available(NULL, ZCA) ? 2 : 4)

/*
 * Where the address is not the PC, the second half of an instruction is in the
 * next page, which is no call.
 */
static __always_inline bool arch_trampfd_user_fetch(struct pt_regs *regs,
						    unsigned long address,
						    unsigned long cause)
{
	return cause == EXC_INST_PAGE_FAULT && address == regs->epc &&
	       user_mode(regs);
}

/*
 * A trampoline of code would end in a jump that asks for a landing pad where the
 * process has them.  How the trampoline was entered says nothing about that: a
 * return asks for none, and neither does a jump that the compiler has marked.
 */
static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	if (cpu_supports_indirect_br_lp_instr() && is_indir_lp_enabled(current))
		regs->status |= SR_ELP;
	regs->epc = pc;
}

/* What the generic header is not to define. */
#define arch_trampfd_user_fetch		arch_trampfd_user_fetch
#define arch_trampfd_target		arch_trampfd_target
#define arch_trampfd_code		arch_trampfd_code
#define arch_trampfd_set_pc		arch_trampfd_set_pc

#include <asm-generic/trampfd.h>

#endif /* _ASM_RISCV_TRAMPFD_H */
