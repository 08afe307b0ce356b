/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to mips: o32, and on 64-bit kernels n64 and n32 processes.
 *
 * A slot is the number of a general register, as is its name.
 */
#ifndef _ASM_MIPS_TRAMPFD_H
#define _ASM_MIPS_TRAMPFD_H

#include <linux/ptrace.h>
#include <linux/types.h>

#ifdef CONFIG_TRAMPFD

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/perf_regs.h>
#include <linux/processor.h>
#include <linux/sched/signal.h>
#include <linux/thread_info.h>
#include <linux/trampfd.h>

#include <asm/branch.h>

/*
 * What the thread's flags say of registers (bit 0) and addresses (bit 1): that
 * they have 32 bits.
 */
enum trampfd_abi {
	TRAMPFD_ABI_N64 = 0,
	TRAMPFD_ABI_N32 = 2,
	TRAMPFD_ABI_O32 = 3,
};

static_assert(TIF_32BIT_ADDR - TIF_32BIT_REGS == 1);

/*
 * That of the process: it can make system calls of the other ABIs, but there
 * are no modes of the CPU that it could be in.
 */
static __always_inline int arch_trampfd_abi(void)
{
	if (IS_ENABLED(CONFIG_32BIT))
		return TRAMPFD_ABI_O32;
	return current_thread_info()->flags >> TIF_32BIT_REGS & 3;
}

static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
	return arch_trampfd_abi();
}

/*
 * Not k0 and k1 ($26 and $27), which are the kernel's, and not the pointers to
 * data ($28) and stack ($29), nor the return address ($31).
 */
static inline int arch_trampfd_slot(unsigned int abi, u32 name)
{
	if (name == PERF_REG_MIPS_PC)
		return TRAMPFD_SLOT_PC;
	if (name <= PERF_REG_MIPS_R25 || name == PERF_REG_MIPS_R30)
		return name;
	return -EINVAL;
}

/* The low bits select MIPS16 or microMIPS, which this does not support. */
static inline bool arch_trampfd_pc_valid(unsigned int abi, u64 pc)
{
#ifdef CONFIG_64BIT
	u64 end = abi == TRAMPFD_ABI_N64 ? TASK_SIZE64 : TASK_SIZE32;
#else
	u64 end = TASK_SIZE;
#endif

	return pc < end && !(pc & 3);
}

/*
 * Bytes of a register, which is also what a push moves.  An address or a number
 * of n32 has 4, though its registers have 8.
 */
static inline unsigned int arch_trampfd_reg_size(unsigned int abi)
{
	return abi == TRAMPFD_ABI_N64 ? 8 : 4;
}

static inline unsigned int arch_trampfd_stack_align(unsigned int abi)
{
	return arch_trampfd_reg_size(abi);
}

/* The name of the PC. */
static inline u32 arch_trampfd_pc_name(unsigned int abi)
{
	return PERF_REG_MIPS_PC;
}

/*
 * A register's value in the form it has in pt_regs.  What the CPU's 32-bit
 * instructions do with one that is not sign-extended is undefined.
 */
static inline unsigned long arch_trampfd_value(unsigned int abi, u64 value)
{
	return abi == TRAMPFD_ABI_N64 ? value : (long)(s32)value;
}

/* The mask keeps a wild slot among the general registers. */
static __always_inline void arch_trampfd_set_reg(struct pt_regs *regs,
						 unsigned int slot,
						 unsigned long value)
{
	regs->regs[slot & 31] = value;
}

static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	regs->cp0_epc = pc;
}

static inline bool arch_trampfd_stack_usable(struct pt_regs *regs)
{
	return true;
}

static inline unsigned long arch_trampfd_sp(struct pt_regs *regs)
{
	return regs->regs[29];
}

/* What data was pushed to is below the sign bit of a 32-bit address. */
static inline void arch_trampfd_set_sp(struct pt_regs *regs, unsigned long sp)
{
	regs->regs[29] = sp;
}

/*
 * For the handler of page faults: do the work of a trampoline, if that is what
 * was called.  Nothing reads or writes the instruction that is running, so a
 * fault at the PC is a fetch.  In a delay slot it is not at the PC, which is
 * the branch's.
 */
static __always_inline bool mips_trampfd_fault(struct pt_regs *regs,
					       unsigned long *write,
					       unsigned long *address)
{
	unsigned long stack;

	if (*address != regs->cp0_epc || delay_slot(regs) ||
	    !user_mode(regs) || !mm_has_trampfd(current->mm))
		return false;

	switch (trampfd_call(regs, *address, &stack)) {
	case TRAMPFD_HIT:
		return true;
	case TRAMPFD_STACK_FAULT:
		/*
		 * A program's own push to a kernel address is no page fault,
		 * and the handler would take this one for the kernel's.
		 */
		if (stack >= TASK_SIZE) {
			force_sig_fault(SIGSEGV, SEGV_MAPERR,
					(void __user *)stack);
			return true;
		}
		/* As if a push had faulted. */
		*address = stack;
		*write = 1;
		break;
	case TRAMPFD_MISS:
		break;
	}
	return false;
}

#else /* !CONFIG_TRAMPFD */

static __always_inline bool mips_trampfd_fault(struct pt_regs *regs,
					       unsigned long *write,
					       unsigned long *address)
{
	return false;
}

#endif /* CONFIG_TRAMPFD */

#endif /* _ASM_MIPS_TRAMPFD_H */
