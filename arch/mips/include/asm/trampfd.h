/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's port to mips: o32, and on 64-bit kernels n64 and n32 processes.
 *
 * A slot is the number of a general register, as is its name.
 */
#ifndef _ASM_MIPS_TRAMPFD_H
#define _ASM_MIPS_TRAMPFD_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/processor.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/thread_info.h>

#include <asm/branch.h>

#include <uapi/asm/perf_regs.h>

/*
 * What the thread's flags say of registers (bit 0) and addresses (bit 1): that
 * they have 32 bits.
 */
#define TRAMPFD_ABI_N64		0
#define TRAMPFD_ABI_N32		2
#define TRAMPFD_ABI_O32		3

static_assert(TIF_32BIT_ADDR - TIF_32BIT_REGS == 1);

#define TRAMPFD_PC_NAME		PERF_REG_MIPS_PC
#define TRAMPFD_FETCH_AT_PC	true

/*
 * Not k0 and k1 ($26 and $27), which are the kernel's, and not the pointers to
 * data ($28) and stack ($29), nor the return address ($31).
 */
#define TRAMPFD_SETTABLE \
	(GENMASK_ULL(PERF_REG_MIPS_R25, PERF_REG_MIPS_R1) | \
	 BIT_ULL(PERF_REG_MIPS_R30))

#define arch_trampfd_reg(r, slot)	((r)->regs[(slot) & 31])

/*
 * Where a function has to have its own address.  Code expects its own there, too,
 * and leaves the target's.
 */
static inline int arch_trampfd_target(unsigned int abi)
{
	return PERF_REG_MIPS_R25;
}

/* A reserved instruction. */
static inline u8 arch_trampfd_code_fill(unsigned int abi)
{
	return 0x7f;
}

int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry);

/* There is no call with the delay-slot bit, which instruction_pointer_set() clears. */
#define arch_trampfd_set_pc(regs, pc)	((regs)->cp0_epc = (pc))

/* An address or a number of n32 has 4 bytes, though its registers have 8. */
#define arch_trampfd_reg_size(abi)	((abi) == TRAMPFD_ABI_N64 ? 8U : 4U)

/* n32 code pushes whole registers. */
#define arch_trampfd_stack_align(abi)	((abi) == TRAMPFD_ABI_O32 ? 4U : 8U)

static inline const char *arch_trampfd_abi_name(unsigned int abi)
{
	return abi == TRAMPFD_ABI_O32 ? "o32" :
	       abi == TRAMPFD_ABI_N32 ? "n32" : "n64";
}

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

/* The low bits of a PC select MIPS16 or microMIPS, which have no trampolines. */
#ifdef CONFIG_64BIT
#define arch_trampfd_task_size(abi) \
	((abi) == TRAMPFD_ABI_N64 ? TASK_SIZE64 : TASK_SIZE32)
#endif

/*
 * What the CPU's 32-bit instructions do with a register that is not
 * sign-extended is undefined.
 */
static inline unsigned long arch_trampfd_value(unsigned int abi, u64 value)
{
	return abi == TRAMPFD_ABI_N64 ? value : (long)(s32)value;
}

/* In a delay slot, the PC is the branch's, and the fault is elsewhere. */
static __always_inline bool arch_trampfd_user_fetch(struct pt_regs *regs,
						    unsigned long address,
						    unsigned long write)
{
	return address == regs->cp0_epc && !delay_slot(regs) && user_mode(regs);
}

static __always_inline enum trampfd_outcome
arch_trampfd_stack_fault(struct pt_regs *regs, unsigned long stack,
			 unsigned long *address, unsigned long *write)
{
	/*
	 * A program's own push to a kernel address is no page fault, and the
	 * handler would take this one for the kernel's.
	 */
	if (stack >= TASK_SIZE) {
		force_sig_fault(SIGSEGV, SEGV_MAPERR, (void __user *)stack);
		return TRAMPFD_HIT;
	}
	*address = stack;
	*write = 1;
	return TRAMPFD_STACK_FAULT;
}

/* What the generic header is not to define. */
#define arch_trampfd_abi_name		arch_trampfd_abi_name
#define arch_trampfd_abi		arch_trampfd_abi
#define arch_trampfd_mode		arch_trampfd_mode
#define arch_trampfd_value		arch_trampfd_value
#define arch_trampfd_user_fetch		arch_trampfd_user_fetch
#define arch_trampfd_stack_fault	arch_trampfd_stack_fault
#define arch_trampfd_target		arch_trampfd_target
#define arch_trampfd_code		arch_trampfd_code
#define arch_trampfd_code_fill		arch_trampfd_code_fill

#include <asm-generic/trampfd.h>

#endif /* _ASM_MIPS_TRAMPFD_H */
