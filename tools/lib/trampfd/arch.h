/* SPDX-License-Identifier: MIT */
/*
 * What the library must know of an ABI: its registers, and how the frame of a
 * function looks to an unwinder when its first instruction is about to run.
 */
#ifndef TRAMPFD_ARCH_H
#define TRAMPFD_ARCH_H

#include <asm/perf_regs.h>
#include <linux/trampfd.h>
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
 * REG_PC, and REG_CONTEXT, the static chain.  REG_TARGET, if there is one, is the
 * register that code entries jump through.  CALLEE_IS_TARGET tells that functions expect
 * their own address there.
 *
 * In the numbering of .eh_frame: DWARF_SP, and DWARF_RA, the column of the
 * return address.  CFA_OFFSET is what the canonical frame address is above the
 * stack pointer.  The return address is at CFA - RA_ON_STACK, or still in its
 * register where that is 0.
 */
#if defined(__x86_64__)
#define REG_PC		PERF_REG_X86_IP
#define REG_CONTEXT	PERF_REG_X86_R10
#define DWARF_SP	7
#define DWARF_RA	16
#define CFA_OFFSET	8
#define RA_ON_STACK	8
#elif defined(__i386__)
#define REG_PC		PERF_REG_X86_IP
#define REG_CONTEXT	PERF_REG_X86_CX
#define DWARF_SP	4
#define DWARF_RA	8
#define CFA_OFFSET	4
#define RA_ON_STACK	4
#elif defined(__aarch64__)
#define REG_PC		PERF_REG_ARM64_PC
#define REG_CONTEXT	PERF_REG_ARM64_X18
#define REG_TARGET	PERF_REG_ARM64_X16
#define DWARF_SP	31
#define DWARF_RA	30
#define CFA_OFFSET	0
#define RA_ON_STACK	0
#elif defined(__arm__)
#define REG_PC		PERF_REG_ARM_PC
#define REG_CONTEXT	PERF_REG_ARM_IP
/* Its unwinders read .ARM.exidx, not .eh_frame. */
#elif defined(__riscv) && __riscv_xlen == 64
#define REG_PC		PERF_REG_RISCV_PC
#define REG_CONTEXT	PERF_REG_RISCV_T2
#define REG_TARGET	PERF_REG_RISCV_T6
#define DWARF_SP	2
#define DWARF_RA	1
#define CFA_OFFSET	0
#define RA_ON_STACK	0
#elif defined(__s390x__)
#define REG_PC		PERF_REG_S390_PC
#define REG_CONTEXT	PERF_REG_S390_R0
#define REG_TARGET	PERF_REG_S390_R1
#define DWARF_SP	15
#define DWARF_RA	14
#define CFA_OFFSET	160
#define RA_ON_STACK	0
#elif defined(__mips__)
#define REG_PC		PERF_REG_MIPS_PC
#define REG_CONTEXT	PERF_REG_MIPS_R15
#define REG_TARGET	PERF_REG_MIPS_R25
#define CALLEE_IS_TARGET 1
#define DWARF_SP	29
#define DWARF_RA	31
#define CFA_OFFSET	0
#define RA_ON_STACK	0
#elif defined(__powerpc64__) && _CALL_ELF == 2
#define REG_PC		PERF_REG_POWERPC_NIP
#define REG_CONTEXT	PERF_REG_POWERPC_R11
#define REG_TARGET	PERF_REG_POWERPC_R12
#define CALLEE_IS_TARGET 1
#define DWARF_SP	1
#define DWARF_RA	65
#define CFA_OFFSET	0
#define RA_ON_STACK	0
#elif defined(__m68k__)
#define REG_PC		PERF_REG_M68K_PC
#define REG_CONTEXT	PERF_REG_M68K_A0
#define DWARF_SP	15
#define DWARF_RA	24
#define CFA_OFFSET	4
#define RA_ON_STACK	4
#else
#error "libtrampfd has not been ported to this architecture."
#endif

#ifndef CALLEE_IS_TARGET
#define CALLEE_IS_TARGET 0
#endif

#endif
