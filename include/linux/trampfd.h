/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trampolines that need no writable, executable memory: what mm/, fork and the
 * architectures' page-fault handlers see.
 */
#ifndef _LINUX_TRAMPFD_H
#define _LINUX_TRAMPFD_H

#include <linux/compiler.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/types.h>

#include <uapi/linux/trampfd.h>

struct pt_regs;

/**
 * enum trampfd_outcome - what became of a fault that may be a trampoline call
 * @TRAMPFD_MISS: It is none; the registers are untouched, and the fault is an
 *	ordinary one.
 * @TRAMPFD_HIT: It has been dealt with; return to user mode.
 * @TRAMPFD_STACK_FAULT: The user's stack can't take the data now, and the
 *	registers are untouched.  The port handles a user-mode write fault at the
 *	address that it is given, as if a push had faulted: either that brings the
 *	page in, and returning to user mode repeats the call, or it raises the
 *	signal.
 */
enum trampfd_outcome {
	TRAMPFD_MISS,
	TRAMPFD_HIT,
	TRAMPFD_STACK_FAULT,
};

#ifdef CONFIG_TRAMPFD

/* What the register functions of a port give for the PC; no slot has it. */
#define TRAMPFD_SLOT_PC		63

/* The ABI of a port with a single one.  0 is what a call compares fastest. */
#define TRAMPFD_ABI_NATIVE	0

/* Bytes from the code of a trampoline to its data, in all tables. */
#define TRAMPFD_CODE_TO_DATA	0x100000UL

/**
 * struct trampfd_shape - what the code of a table loads, and from where
 * @abi: The ABI of the code.
 * @nregs: How many registers it loads.
 * @names: The registers, PERF_REG_*, in ascending order.
 * @values: Where their values are in a slot, in bytes.
 * @pc: Where the PC is, in bytes.
 */
struct trampfd_shape {
	unsigned int abi;
	unsigned int nregs;
	u8 names[TRAMPFD_SHAPE_MAX];
	u8 values[TRAMPFD_SHAPE_MAX];
	u8 pc;
};

#include <asm/trampfd.h>

enum trampfd_outcome trampfd_call(struct pt_regs *regs, unsigned long pc,
				  unsigned long *stack);
int __trampfd_dup_vma(struct vm_area_struct *vma, struct mm_struct *oldmm);
void __trampfd_exit_mm(struct mm_struct *mm);

/* Before anything else of a new mm can fail: dup_mm() copied the parent's. */
static inline void trampfd_init_mm(struct mm_struct *mm)
{
	RCU_INIT_POINTER(mm->trampfd, NULL);
}

static __always_inline bool mm_has_trampfd(struct mm_struct *mm)
{
	return unlikely(rcu_access_pointer(mm->trampfd));
}

/**
 * trampfd_may_be_call() - tell whether a fault is worth a look for a trampoline
 * @regs: The registers.
 * @address: The address that faulted.
 * @code: What the CPU says of the fault.
 *
 * All page faults pay for this, so it is inlined.
 *
 * Return: whether a process with trampolines could not fetch an instruction.
 */
static __always_inline bool trampfd_may_be_call(struct pt_regs *regs,
						unsigned long address,
						unsigned long code)
{
	return arch_trampfd_user_fetch(regs, address, code) &&
	       mm_has_trampfd(current->mm);
}

#ifdef arch_trampfd_stack_fault
/**
 * trampfd_fault() - do the work of a trampoline, if that is what was called
 * @regs: The registers.
 * @address: The address that faulted.
 * @code: What the CPU says of the fault.
 *
 * The hook of a page-fault handler, before it looks up or locks anything.  A hit
 * takes no lock and does not sleep, so interrupts may be off.  It is the PC that
 * is looked up, whatever the address is.
 *
 * Where the stack can't take the data, *@address and *@code become those of a
 * push, and the handler goes on with them.
 *
 * Return: %TRAMPFD_HIT if there is nothing left to do but to return to user mode,
 * see &enum trampfd_outcome.
 */
static __always_inline enum trampfd_outcome
trampfd_fault(struct pt_regs *regs, unsigned long *address, unsigned long *code)
{
	if (trampfd_may_be_call(regs, *address, *code)) {
		/* In here, or all page faults pay for an initialized stack. */
		unsigned long pc = TRAMPFD_FETCH_AT_PC ? *address :
						  instruction_pointer(regs);
		unsigned long stack;

		switch (trampfd_call(regs, pc, &stack)) {
		case TRAMPFD_HIT:
			return TRAMPFD_HIT;
		case TRAMPFD_STACK_FAULT:
			return arch_trampfd_stack_fault(regs, stack, address,
							code);
		case TRAMPFD_MISS:
			break;
		}
	}
	return TRAMPFD_MISS;
}
#endif

/**
 * trampfd_dup_vma() - give a forked mm its own trampolines behind a mapping
 * @vma: The child's mapping, not linked in yet.
 * @oldmm: The parent.
 *
 * Nothing needs to be undone for a mapping when fork fails later: all that
 * this makes hangs off the child's mm, and goes with it.
 *
 * Context: Both mmap_locks held for writing.
 * Return: 0, -ENOMEM (memory) or -EINTR (killed).  No limit of the user's makes a
 * fork fail.  dup_mm() tells none from another: fork() gives ENOMEM for all.
 */
static inline int trampfd_dup_vma(struct vm_area_struct *vma,
				  struct mm_struct *oldmm)
{
	return mm_has_trampfd(oldmm) ? __trampfd_dup_vma(vma, oldmm) : 0;
}

/**
 * trampfd_exit_mm() - drop the trampolines of an mm that nobody uses any more
 * @mm: The mm, its mappings gone.
 *
 * Context: May sleep.
 */
static inline void trampfd_exit_mm(struct mm_struct *mm)
{
	if (mm_has_trampfd(mm))
		__trampfd_exit_mm(mm);
}

#else /* !CONFIG_TRAMPFD */

static __always_inline bool trampfd_may_be_call(struct pt_regs *regs,
						unsigned long address,
						unsigned long code)
{
	return false;
}

static __always_inline enum trampfd_outcome
trampfd_fault(struct pt_regs *regs, unsigned long *address, unsigned long *code)
{
	return TRAMPFD_MISS;
}

static inline enum trampfd_outcome
trampfd_call(struct pt_regs *regs, unsigned long pc, unsigned long *stack)
{
	return TRAMPFD_MISS;
}

static inline void trampfd_init_mm(struct mm_struct *mm)
{
}

static __always_inline bool mm_has_trampfd(struct mm_struct *mm)
{
	return false;
}

static inline int trampfd_dup_vma(struct vm_area_struct *vma,
				  struct mm_struct *oldmm)
{
	return 0;
}

static inline void trampfd_exit_mm(struct mm_struct *mm)
{
}

#endif /* CONFIG_TRAMPFD */

#endif /* _LINUX_TRAMPFD_H */
