/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests need from an architecture.  Everything that names a register
 * or an instruction is behind this header, so that a port of trampfd brings
 * its tests in one arch-*.h, one arch-*.c and one arch-*.S.
 */
#ifndef TRAMPFD_ARCH_H
#define TRAMPFD_ARCH_H

/* The Makefile knows for which one it builds. */
#include ARCH_HEADER

#ifndef __ASSEMBLER__

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <ucontext.h>

/*
 * arch-*.h defines:
 *
 * ARCH_NREGS		numbers of asm/perf_regs.h that this ABI has
 * ARCH_PC, ARCH_SP	the program counter and the stack pointer among them
 * ARCH_DATA_REG	the register that one-register trampolines load
 * ARCH_FP_SIZE		bytes of the image of the floating-point and vector state
 * ARCH_NTARGETS	targets that capture the state, see arch_target()
 * ARCH_WORD		what a stack context is a multiple of, in bytes
 * ARCH_CALL_PUSH	bytes that a call instruction itself pushes
 * ARCH_PC_ALIGN	what the address of an instruction is a multiple of
 * ARCH_RED_ZONE	bytes below SP that the ABI lets a leaf function use
 * ARCH_AUDIT		the AUDIT_ARCH_* of this ABI, for seccomp filters
 * ARCH_FAULT_ADDR(a)	what si_addr is after an access to a
 * ARCH_CODE(fn)	the value that the PC has to get to reach fn
 *
 * and, where it is so:
 *
 * ARCH_FILTER_ARGUMENT(n)	where a seccomp filter finds argument n, if not there
 * ARCH_MMAP_BY_POINTER	the arguments of the system call mmap are in memory
 * ARCH_DATA_EXECUTABLE	the heap of every program is writable and executable
 * ARCH_HIGH_ADDRESS	one that mmap() gives only to a program that asks for it
 * ARCH_FOREIGN_ABI	what an ABI that the port does not cover is called; then
 *			foreign_syscall() is a system call of it
 */

/* Everything that a trampoline could change, or could wrongly change. */
struct cpu_state {
	alignas(64) unsigned char fp[ARCH_FP_SIZE];
	unsigned long reg[ARCH_NREGS];
};

static_assert(offsetof(struct cpu_state, reg) == ARCH_FP_SIZE,
	      "the assembly addresses registers behind the image");

/* A register for the messages of a test; @number counts in asm/perf_regs.h. */
struct arch_reg {
	unsigned int number;
	const char *name;
};

/* Registers that a context may name, the PC left out. */
extern const struct arch_reg arch_settable[];
extern const size_t arch_nsettable;

/* Registers, and numbers that are none, that a context must not name. */
extern const struct arch_reg arch_refused[];
extern const size_t arch_nrefused;

/* Every end that the address range of a process of this ABI can have. */
extern const unsigned long long arch_task_sizes[];
extern const size_t arch_ntask_sizes;

/*
 * Give every register and the floating-point state a value that depends on
 * @seed and tells it from the others.  What a program can't choose gets the
 * value it has.  The stack pointer becomes @sp.
 */
void arch_fill(struct cpu_state *state, unsigned long sp, unsigned int seed);

/* How arch_run() gets to the entry. */
enum arch_how {
	ARCH_BY_CALL,
	ARCH_BY_JUMP,
};

/*
 * Load @in, go to @entry as @how says, and return what the state is at the
 * capturing target that is reached.  The result is the number of that target,
 * or ARCH_RETURNED if a return instruction led behind the call instead.
 */
int arch_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	     struct cpu_state *out);

#define ARCH_RETURNED	(-1)

#ifdef ARCH_JUMP_REG
/* Does it go to a code entry?  Nothing else may change that register. */
extern __thread bool arch_to_code;
#endif

/* The PC of the capturing target @n, below ARCH_NTARGETS. */
unsigned long arch_target(unsigned int n);

/* Are all floating-point and vector registers, and their control, the same? */
bool arch_fp_equal(const struct cpu_state *a, const struct cpu_state *b);

/* Targets to be called as C functions: give ARCH_DATA_REG, or its inverse. */
unsigned long arch_data(void);
unsigned long arch_data_inverted(void);

/* The interrupted state, as a signal handler is told. */
void arch_from_ucontext(struct cpu_state *state, const ucontext_t *uc);

/* Let each instruction from the next on trap; false if there is no such bit. */
bool arch_set_trap_flag(struct cpu_state *state);

/* Must ptrace() be able to step a thread here? */
bool arch_can_step(void);

/*
 * For tracers: the PC of a stopped thread, a breakpoint in hardware, and what
 * has to be done before a thread that it stopped can go on.
 */
unsigned long arch_ptrace_pc(pid_t pid);
int arch_ptrace_breakpoint(pid_t pid, unsigned long pc);
int arch_ptrace_leave_breakpoint(pid_t pid);

#endif /* __ASSEMBLER__ */
#endif /* TRAMPFD_ARCH_H */
