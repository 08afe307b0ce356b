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
#include <linux/types.h>

struct pt_regs;

/**
 * enum trampfd_outcome - what became of a fault that may be a trampoline call
 * @TRAMPFD_MISS: It is none; @regs are untouched, and the fault is an ordinary
 *	one.
 * @TRAMPFD_HIT: The call is done; return to user mode.
 * @TRAMPFD_STACK_FAULT: The user's stack can't take the data now.  The port
 *	handles a user-mode write fault at the address it was given, as if a
 *	push had faulted: either that brings the page in, and returning to user
 *	mode repeats the call, or it raises the signal.  @regs are untouched.
 */
enum trampfd_outcome {
	TRAMPFD_MISS,
	TRAMPFD_HIT,
	TRAMPFD_STACK_FAULT,
};

#ifdef CONFIG_TRAMPFD

/* What the register functions of a port give for the PC; no slot has it. */
#define TRAMPFD_SLOT_PC		63

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
 * trampfd_dup_vma() - give a forked mm its own trampolines behind a mapping
 * @vma: The child's mapping, not linked in yet.
 * @oldmm: The parent.
 *
 * Nothing needs to be undone for a mapping when fork fails later: all that
 * this makes hangs off the child's mm, and goes with it.
 *
 * Context: Both mmap_locks held for writing.
 * Return: 0, -ENOMEM (memory), -EDQUOT (the user's limit of trampolines) or
 * -EINTR (killed).  dup_mm() tells none from another: fork() gives ENOMEM for all.
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
