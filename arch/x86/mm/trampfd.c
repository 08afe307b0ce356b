// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to x86: which registers a trampoline may load, and where the
 * page-fault entry code saved them.
 */
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/nospec.h>
#include <linux/perf_regs.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/trampfd.h>

#include <asm/debugreg.h>
#include <asm/trampfd.h>

#define WORD(reg)	(offsetof(struct pt_regs, reg) / sizeof(unsigned long))

/* Word of pt_regs plus one, so that what is not named may not be set. */
#define SLOT(reg)	(WORD(reg) + 1)

static const u8 slots_32[] = {
	[PERF_REG_X86_AX]	= SLOT(ax),
	[PERF_REG_X86_BX]	= SLOT(bx),
	[PERF_REG_X86_CX]	= SLOT(cx),
	[PERF_REG_X86_DX]	= SLOT(dx),
	[PERF_REG_X86_SI]	= SLOT(si),
	[PERF_REG_X86_DI]	= SLOT(di),
	[PERF_REG_X86_BP]	= SLOT(bp),
	[PERF_REG_X86_IP]	= TRAMPFD_SLOT_PC + 1,
};

#ifdef CONFIG_X86_64
static const u8 slots_64[] = {
	[PERF_REG_X86_AX]	= SLOT(ax),
	[PERF_REG_X86_BX]	= SLOT(bx),
	[PERF_REG_X86_CX]	= SLOT(cx),
	[PERF_REG_X86_DX]	= SLOT(dx),
	[PERF_REG_X86_SI]	= SLOT(si),
	[PERF_REG_X86_DI]	= SLOT(di),
	[PERF_REG_X86_BP]	= SLOT(bp),
	[PERF_REG_X86_R8]	= SLOT(r8),
	[PERF_REG_X86_R9]	= SLOT(r9),
	[PERF_REG_X86_R10]	= SLOT(r10),
	[PERF_REG_X86_R11]	= SLOT(r11),
	[PERF_REG_X86_R12]	= SLOT(r12),
	[PERF_REG_X86_R13]	= SLOT(r13),
	[PERF_REG_X86_R14]	= SLOT(r14),
	[PERF_REG_X86_R15]	= SLOT(r15),
	[PERF_REG_X86_IP]	= TRAMPFD_SLOT_PC + 1,
};

/* What the mask of arch_trampfd_set_reg() lets through. */
static_assert(WORD(orig_ax) == 15 && WORD(ip) > 15);
#else
static_assert(WORD(ax) < 7 && WORD(ds) == 7);
#endif

/**
 * arch_trampfd_slot() - find where a register of user mode is saved
 * @abi: The table's ABI.
 * @name: The register, PERF_REG_X86_*.
 *
 * Return: the slot for arch_trampfd_set_reg(), %TRAMPFD_SLOT_PC, or -EINVAL if
 * a trampoline may not set the register.
 */
int arch_trampfd_slot(unsigned int abi, u32 name)
{
	const u8 *slots = slots_32;
	u32 nr = ARRAY_SIZE(slots_32);

#ifdef CONFIG_X86_64
	if (abi == TRAMPFD_ABI_64) {
		slots = slots_64;
		nr = ARRAY_SIZE(slots_64);
	}
#endif
	if (name >= nr)
		return -EINVAL;
	name = array_index_nospec(name, nr);
	return slots[name] ? slots[name] - 1 : -EINVAL;
}

/**
 * arch_trampfd_abi() - tell the ABI of the system call that is running
 *
 * Return: the ABI, or -EOPNOTSUPP for one without trampolines (x32).
 */
int arch_trampfd_abi(void)
{
	if (IS_ENABLED(CONFIG_X86_32) || in_ia32_syscall())
		return TRAMPFD_ABI_32;
	if (in_x32_syscall())
		return -EOPNOTSUPP;
	return TRAMPFD_ABI_64;
}

/**
 * arch_trampfd_pc_valid() - tell whether user code may be at an address
 * @abi: The table's ABI.
 * @pc: The address.
 *
 * Return: whether it is in the address range of a process of that ABI.
 */
bool arch_trampfd_pc_valid(unsigned int abi, u64 pc)
{
#ifdef CONFIG_X86_64
	return pc < (abi == TRAMPFD_ABI_64 ? TASK_SIZE_MAX : IA32_PAGE_OFFSET);
#else
	return pc < TASK_SIZE;
#endif
}

/**
 * x86_trampfd_single_step() - stop at the target's first instruction
 * @regs: The registers, PC at the target.
 *
 * The trap flag takes effect after the next instruction, one too late: the
 * call to the trampoline was the step.  It was a branch as well, so this is
 * right for block-stepping too, which stays on, as no debug exception happened.
 */
void x86_trampfd_single_step(struct pt_regs *regs)
{
	bool irqs_off = irqs_disabled();

	/* On PREEMPT_RT, sending a signal sleeps. */
	if (irqs_off)
		local_irq_enable();
	current->thread.virtual_dr6 = DR_STEP;
	send_sigtrap(regs, 0, TRAP_TRACE);
	if (irqs_off)
		local_irq_disable();
}
