/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an architecture's port of trampfd has to say, and what most of them say.
 *
 * The port's <asm/trampfd.h> includes this at its end.  Before, it defines what
 * differs: macros, or functions with macros of the same names.  There is no
 * default for
 *
 *   TRAMPFD_PC_NAME
 *	The number of the PC in asm/perf_regs.h.
 *   TRAMPFD_SETTABLE
 *	The registers that may be set, as a mask of their numbers.
 *   arch_trampfd_reg(regs, slot)
 *	The word of *regs that a slot is.  Slots are masked, so that a wild one is
 *	a word that a program may have any value in.
 *
 * Ports with several ABIs have functions in place of the first two.
 *
 * Other code includes <linux/trampfd.h>, which has what this needs.
 */
#ifndef _ASM_GENERIC_TRAMPFD_H
#define _ASM_GENERIC_TRAMPFD_H

#include <linux/bits.h>
#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <linux/thread_info.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#ifndef arch_trampfd_abi
/**
 * arch_trampfd_abi() - tell the ABI of the system call that is running
 *
 * Return: a number of the port's own, below 256, or -EOPNOTSUPP for an ABI
 * without trampolines.
 */
static inline int arch_trampfd_abi(void)
{
	return is_compat_task() ? -EOPNOTSUPP : TRAMPFD_ABI_NATIVE;
}
#endif

#ifndef arch_trampfd_mode
/**
 * arch_trampfd_mode() - tell the ABI whose code the CPU was executing
 * @regs: The registers of user mode.
 *
 * A call in another mode than the table's is none.
 *
 * Return: the ABI, or -1 for a mode without trampolines.
 */
static __always_inline int arch_trampfd_mode(struct pt_regs *regs)
{
	return TRAMPFD_ABI_NATIVE;
}
#endif

#ifndef arch_trampfd_reg_size
/**
 * arch_trampfd_reg_size() - tell how many bytes a register has
 * @abi: The ABI.
 *
 * Return: 4 or 8.
 */
static inline unsigned int arch_trampfd_reg_size(unsigned int abi)
{
	return sizeof(long);
}
#endif

#ifndef arch_trampfd_abi_name
/**
 * arch_trampfd_abi_name() - name an ABI for fdinfo
 * @abi: The ABI.
 *
 * Return: the name.
 */
static inline const char *arch_trampfd_abi_name(unsigned int abi)
{
	return arch_trampfd_reg_size(abi) == 8 ? "64" : "32";
}
#endif

#ifndef arch_trampfd_stack_align
/**
 * arch_trampfd_stack_align() - tell what the stack pointer moves in multiples of
 * @abi: The ABI.
 *
 * Return: what the CPU asks for if it asks, and what a push moves otherwise.
 */
static inline unsigned int arch_trampfd_stack_align(unsigned int abi)
{
	return arch_trampfd_reg_size(abi);
}
#endif

#ifndef arch_trampfd_pc_name
/**
 * arch_trampfd_pc_name() - tell the number of the PC
 * @abi: The ABI.
 *
 * Return: its number, PERF_REG_*.
 */
static inline u32 arch_trampfd_pc_name(unsigned int abi)
{
	return TRAMPFD_PC_NAME;
}
#endif

#ifndef arch_trampfd_settable
/**
 * arch_trampfd_settable() - tell which registers may be set
 * @abi: The ABI.
 *
 * Return: a mask of their numbers, without the PC.
 */
static inline u64 arch_trampfd_settable(unsigned int abi)
{
	return TRAMPFD_SETTABLE;
}
#endif

#ifndef arch_trampfd_word
/**
 * arch_trampfd_word() - tell the slot of a register
 * @name: The register, one of those that may be set.
 *
 * Return: the slot, less than %TRAMPFD_SLOT_PC.
 */
static inline unsigned int arch_trampfd_word(u32 name)
{
	return name;
}
#endif

#ifndef arch_trampfd_slot
/**
 * arch_trampfd_slot() - find where a register of user mode is saved
 * @abi: The ABI.
 * @name: The register, PERF_REG_*.
 *
 * Return: the slot, %TRAMPFD_SLOT_PC for the PC, or -EINVAL if a trampoline may
 * not set the register.
 */
static inline int arch_trampfd_slot(unsigned int abi, u32 name)
{
	const u64 settable = arch_trampfd_settable(abi);

	if (name == arch_trampfd_pc_name(abi))
		return TRAMPFD_SLOT_PC;
	if (name >= BITS_PER_TYPE(settable) || !(settable & BIT_ULL(name)))
		return -EINVAL;
	return arch_trampfd_word(name);
}
#endif

/* For ports with a single ABI: where the addresses of a process end. */
#ifndef TRAMPFD_TASK_SIZE
#define TRAMPFD_TASK_SIZE	TASK_SIZE
#endif

/* What the addresses of instructions are multiples of, a power of two. */
#ifndef TRAMPFD_PC_ALIGN
#define TRAMPFD_PC_ALIGN	4
#endif

#ifndef arch_trampfd_task_size
/**
 * arch_trampfd_task_size() - tell where the addresses of a process end
 * @abi: The ABI.
 *
 * Return: the first address behind.
 */
static inline u64 arch_trampfd_task_size(unsigned int abi)
{
	return TRAMPFD_TASK_SIZE;
}
#endif

#ifndef arch_trampfd_pc_valid
/**
 * arch_trampfd_pc_valid() - tell whether user code may be at an address
 * @abi: The ABI.
 * @pc: The address.
 *
 * Return: whether a process may have it, and the CPU takes it as it is.
 */
static inline bool arch_trampfd_pc_valid(unsigned int abi, u64 pc)
{
	return pc < arch_trampfd_task_size(abi) && !(pc & (TRAMPFD_PC_ALIGN - 1));
}
#endif

#ifndef arch_trampfd_set_reg
/**
 * arch_trampfd_set_reg() - load a register
 * @regs: The registers of user mode.
 * @slot: The register's slot.
 * @value: What arch_trampfd_value() has made of its value.
 */
static __always_inline void arch_trampfd_set_reg(struct pt_regs *regs,
						 unsigned int slot,
						 unsigned long value)
{
	arch_trampfd_reg(regs, slot) = value;
}
#endif

#ifndef arch_trampfd_set_pc
/**
 * arch_trampfd_set_pc() - go on at the target, as behind a branch to it
 * @regs: The registers of user mode, all others loaded.
 * @pc: The target.
 *
 * Where a branch changes more than the PC, so does this.  If the program is being
 * stepped, the call was the step.
 */
static __always_inline void arch_trampfd_set_pc(struct pt_regs *regs,
						unsigned long pc)
{
	instruction_pointer_set(regs, pc);
}
#endif

#ifndef arch_trampfd_value
/**
 * arch_trampfd_value() - give a value the form that it has in pt_regs
 * @abi: The ABI.
 * @value: The value; it has no bits that a register of the ABI does not have.
 *
 * Return: the word.
 */
static inline unsigned long arch_trampfd_value(unsigned int abi, u64 value)
{
	return value;
}
#endif

#ifndef arch_trampfd_stack_usable
/**
 * arch_trampfd_stack_usable() - tell whether the stack is where SP says
 * @regs: The registers of user mode.
 *
 * Return: whether data can be pushed there.
 */
static inline bool arch_trampfd_stack_usable(struct pt_regs *regs)
{
	return true;
}
#endif

#ifndef arch_trampfd_sp
/**
 * arch_trampfd_sp() - read the stack pointer
 * @regs: The registers of user mode.
 *
 * Return: the address that it is for access_ok().
 */
static inline unsigned long arch_trampfd_sp(struct pt_regs *regs)
{
	return user_stack_pointer(regs);
}
#endif

#ifndef arch_trampfd_set_sp
/**
 * arch_trampfd_set_sp() - move the stack pointer
 * @regs: The registers of user mode.
 * @sp: Where to, counted from what arch_trampfd_sp() gave.
 */
static inline void arch_trampfd_set_sp(struct pt_regs *regs, unsigned long sp)
{
	user_stack_pointer_set(regs, sp);
}
#endif

#ifndef arch_trampfd_copy
/**
 * arch_trampfd_copy() - copy to the stack, as a program's own push would
 * @to: Where to; access_ok() has been asked.
 * @from: What.
 * @size: How many bytes.
 *
 * For ports whose CPU checks less, or more, when a program pushes, or whose copy
 * takes locks.  Where fault injection makes every copy fail, the call is repeated
 * until a signal comes.
 *
 * Context: pagefault_disable().
 * Return: how many bytes were not copied.
 */
static inline unsigned long arch_trampfd_copy(void __user *to, const void *from,
					      unsigned long size)
{
	return __copy_to_user_inatomic(to, from, size);
}
#endif

#ifndef arch_trampfd_user_fetch
/**
 * arch_trampfd_user_fetch() - tell whether a fault is a fetch in user mode
 * @regs: The registers.
 * @address: The address that faulted.
 * @code: What the CPU says of the fault, as the port's handler has it.
 *
 * Where the CPU does not say it: nothing reads or writes the instruction that is
 * running, so a fault at the PC is a fetch.
 *
 * Return: whether an instruction of user mode could not be fetched.
 */
static __always_inline bool arch_trampfd_user_fetch(struct pt_regs *regs,
						    unsigned long address,
						    unsigned long code)
{
	return address == instruction_pointer(regs) && user_mode(regs);
}

#define TRAMPFD_FETCH_AT_PC	true
#endif

/*
 * Whether the address of what arch_trampfd_user_fetch() finds is the PC.  Then it
 * is in a register already.
 */
#ifndef TRAMPFD_FETCH_AT_PC
#define TRAMPFD_FETCH_AT_PC	false
#endif

#if !defined(arch_trampfd_stack_fault) && defined(TRAMPFD_PUSH_CODE)
/**
 * arch_trampfd_stack_fault() - turn the fault into that of a push
 * @regs: The registers, which are not to be changed.
 * @stack: The address that can't be written.
 * @address: The address that faulted.
 * @code: What the CPU says of the fault.
 *
 * The default needs TRAMPFD_PUSH_CODE: what the CPU says of a write in user mode
 * to a page that is not there.
 *
 * Return: %TRAMPFD_STACK_FAULT if the handler is to go on with *@address and
 * *@code, %TRAMPFD_HIT if nothing is left to be done.
 */
static __always_inline enum trampfd_outcome
arch_trampfd_stack_fault(struct pt_regs *regs, unsigned long stack,
			 unsigned long *address, unsigned long *code)
{
	*address = stack;
	*code = TRAMPFD_PUSH_CODE;
	return TRAMPFD_STACK_FAULT;
}

#define arch_trampfd_stack_fault arch_trampfd_stack_fault
#endif

#ifndef arch_trampfd_target
/**
 * arch_trampfd_target() - tell the register that code jumps through
 * @abi: The ABI.
 *
 * Where code can't jump to what memory says, it loads the PC into this register.
 *
 * Return: its slot, or -1 if code needs none.
 */
static inline int arch_trampfd_target(unsigned int abi)
{
	return -1;
}
#endif

/*
 * The byte that fills a page of code of an ABI between entries.  It makes instructions
 * that the CPU refuses, so that a jump there does not slide into the next entry; a
 * port may choose one that also keeps the CPU from guessing on behind an entry's jump.
 */
#ifndef arch_trampfd_code_fill
static inline u8 arch_trampfd_code_fill(unsigned int abi)
{
	return 0;
}
#endif

#ifndef arch_trampfd_code
/**
 * arch_trampfd_code() - write the code that loads the registers of a shape
 * @shape: The shape.  The port may change where values and PC are in a slot.
 * @entry: Where to write it; there is room for a page.
 *
 * The code runs %TRAMPFD_CODE_TO_DATA before its slot.  It loads the values first,
 * and the PC last or in the same instruction, and goes there.  It may write
 * below the stack pointer what a signal handler may write there, and changes no
 * register but those of the shape, the target register, and one that the ABI has for
 * jumps alone (CTR of powerpc).
 *
 * Return: how many bytes it has, or -EOPNOTSUPP if there is no such code, or if
 * this CPU can't refuse to execute what is not executable.
 */
static inline int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry)
{
	return -EOPNOTSUPP;
}
#endif

#ifndef arch_trampfd_code_prot
/**
 * arch_trampfd_code_prot() - tell what a mapping of code is beside executable
 * @abi: The ABI.
 *
 * Return: bits for mmap(), for code that begins with a landing pad.
 */
static inline unsigned long arch_trampfd_code_prot(unsigned int abi)
{
	return 0;
}
#endif

#endif /* _ASM_GENERIC_TRAMPFD_H */
