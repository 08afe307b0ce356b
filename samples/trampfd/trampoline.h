/* SPDX-License-Identifier: GPL-2.0 */
/* A table of trampolines: made, mapped, set and called. */
#ifndef TRAMPOLINE_H
#define TRAMPOLINE_H

#include <asm/perf_regs.h>
#include <linux/trampfd.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef __NR_trampfd_create		/* headers of another kernel */
#ifdef __NR_Linux
#define __NR_trampfd_create (__NR_Linux + 600)
#else
#define __NR_trampfd_create 600
#endif
#endif
#ifndef __NR_trampfd_control
#define __NR_trampfd_control (__NR_trampfd_create + 1)
#endif

/*
 * What the samples must know of an architecture: its PC, the register in
 * which a function gets its context (the static chain of a nested function),
 * the register of the first argument, and, where C functions rely on it, the
 * register in which a function gets its own address.
 *
 * TARGET_OF() is where a call goes to a function with BY_REGISTER: to itself.
 * C functions of m68k have their arguments on the stack; there it is assembly that
 * pushes what is in one register and calls what is in the other.
 */
#if defined(__x86_64__)
#define REG_PC		PERF_REG_X86_IP
#define REG_CONTEXT	PERF_REG_X86_R10
#define REG_ARGUMENT	PERF_REG_X86_DI
#define BY_REGISTER
#elif defined(__i386__)
#define REG_PC		PERF_REG_X86_IP
#define REG_CONTEXT	PERF_REG_X86_CX
#define REG_ARGUMENT	PERF_REG_X86_AX
#define BY_REGISTER	__attribute__((regparm(1)))
#elif defined(__aarch64__)
#define REG_PC		PERF_REG_ARM64_PC
#define REG_CONTEXT	PERF_REG_ARM64_X18
#define REG_ARGUMENT	PERF_REG_ARM64_X0
#define BY_REGISTER
#elif defined(__arm__)
#define REG_PC		PERF_REG_ARM_PC
#define REG_CONTEXT	PERF_REG_ARM_IP
#define REG_ARGUMENT	PERF_REG_ARM_R0
#define BY_REGISTER
#elif defined(__riscv) && __riscv_xlen == 64
#define REG_PC		PERF_REG_RISCV_PC
#define REG_CONTEXT	PERF_REG_RISCV_T2
#define REG_ARGUMENT	PERF_REG_RISCV_A0
#define BY_REGISTER
#elif defined(__s390x__)
#define REG_PC		PERF_REG_S390_PC
#define REG_CONTEXT	PERF_REG_S390_R0
#define REG_ARGUMENT	PERF_REG_S390_R2
#define BY_REGISTER
#elif defined(__mips__)
#define REG_PC		PERF_REG_MIPS_PC
#define REG_CONTEXT	PERF_REG_MIPS_R15
#define REG_ARGUMENT	PERF_REG_MIPS_R4
#define REG_CALLEE	PERF_REG_MIPS_R25
#define BY_REGISTER
#elif defined(__powerpc64__) && _CALL_ELF == 2
#define REG_PC		PERF_REG_POWERPC_NIP
#define REG_CONTEXT	PERF_REG_POWERPC_R11
#define REG_ARGUMENT	PERF_REG_POWERPC_R3
#define REG_CALLEE	PERF_REG_POWERPC_R12
#define BY_REGISTER
#elif defined(__m68k__)
#define REG_PC		PERF_REG_M68K_PC
#define REG_CONTEXT	PERF_REG_M68K_A0
#define REG_ARGUMENT	PERF_REG_M68K_A0
#define REG_CALLEE	PERF_REG_M68K_A1
#define BY_REGISTER
#define TARGET_OF(function) ((void)(function), argument_target)
void argument_target(void);		/* in targets.S */
#else
#error "The samples have not been ported to this architecture."
#endif

#ifndef TARGET_OF
#define TARGET_OF(function) (function)
#endif

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/*
 * How a call gets to its target.  BY_FAULT works everywhere.  BY_CODE costs no
 * fault, and needs a CPU that can refuse to execute data.
 */
enum way { BY_FAULT, BY_CODE };

/* Whether kernel and CPU have BY_CODE. */
bool code_entries_here(void);

/* Exit status of a program that needs what is not here. */
#define EXIT_SKIP 4

/*
 * The way that a program was told: "code", or no argument.  Ends the program if
 * that is not here.
 */
enum way way_of(int argc, char **argv);

struct trampolines {
	int fd;
	char *base;
	char *entries;
	struct trampfd_attr attr;
};

/*
 * All of these end the program if they fail.
 *
 * The code of a table loads the same registers for each trampoline: those in
 * @regs.  The other way takes what each is set to.
 */
void trampolines_make(struct trampolines *t, enum way how, __u32 count,
		      const struct trampfd_reg *regs, __u32 nregs);
/* Nobody may call the trampoline meanwhile. */
void trampoline_set(struct trampolines *t, __u32 number,
		    const struct trampfd_reg *regs, __u32 nregs);
void trampoline_set_stack(struct trampolines *t, __u32 number,
			  const struct trampfd_reg *regs, __u32 nregs,
			  const void *stack, __u32 size);
void *trampoline_address(const struct trampolines *t, __u32 number);

/* Say how a call of the trampoline is delivered; false if it could be faster. */
bool trampoline_show_way(const struct trampolines *t, __u32 number);

#endif
