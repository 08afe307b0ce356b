/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests must know of 32-bit arm, for programs in ARM state and for
 * programs in Thumb state.  Also arm64's 32-bit programs.
 */
#ifndef TRAMPFD_ARCH_ARM_H
#define TRAMPFD_ARCH_ARM_H

/* Places in cpu_state.reg, the numbers of asm/perf_regs.h: r0 is 0. */
#define ARM_SP		13
#define ARM_LR		14
#define ARM_PC		15

#define ARCH_NREGS	16
#define ARCH_PC		ARM_PC
#define ARCH_SP		ARM_SP
#define ARCH_DATA_REG	12		/* GCC's static chain */
#define ARCH_SLOT_PC	arm_slot_pc
#define ARCH_SLOT_VALUE	arm_slot_value
#define ARCH_WORD	4
#define ARCH_CALL_PUSH	0
#define ARCH_RED_ZONE	0
/* In ARM state; bit 0 is no part of the address. */
#define ARCH_PC_ALIGN	4
#define ARCH_AUDIT	AUDIT_ARCH_ARM
#define ARCH_NTARGETS	4

/* The image: d0 to d31, and these two. */
#define ARM_FPSCR	256
#define ARM_APSR	260
#define ARCH_FP_SIZE	264

/*
 * A PC stands with bit 0 set for an instruction in Thumb state, everywhere:
 * that is what a branch to it takes.
 */
#define ARCH_FAULT_ADDR(addr)	(addr)
#define ARCH_CODE(fn)		((unsigned long)(fn))

/*
 * What arch_run() keeps outside of the registers.  A branch needs a register,
 * and so does code that stores the others: r12 holds the address that is gone
 * to, and r11 and r12 are moved to d31 for a while.
 */
#define ARM_JUMP_REG	12
#define ARM_RUN_OUT	384
#define ARM_RUN_ENTRY	768
#define ARM_RUN_SP	772
#define ARM_RUN_TARGET	776

#ifndef __ASSEMBLER__

/* Code for @n registers loads downwards, the PC from the highest word. */
static inline unsigned int arm_slot_pc(unsigned int n)
{
	return n ? (n == 3 ? 3 : 2) : 0;
}

static inline unsigned int arm_slot_value(unsigned int k, unsigned int n)
{
	return arm_slot_pc(n) - n + k;
}

/* For arch-arm.c and arm_test.c: labels in arch-arm.S. */
void arm_called(void);
void arm_target_0(void);
void arm_target_1(void);
void arm_target_2(void);
void arm_target_3(void);
void arm_by_call(void);
void arm_by_jump(void);

/* For arm_test.c, in a state that is not that of the build. */
unsigned long arm_target_in_arm(void);
unsigned long arm_target_in_thumb(void);

/*
 * Callers: by a call and by a jump, which take the state from bit 0, and by a
 * jump that stays in Thumb state.
 */
typedef unsigned long arm_caller(unsigned long entry);
arm_caller arm_call_in_arm, arm_call_in_thumb;
arm_caller arm_jump_in_arm, arm_jump_in_thumb, arm_move_in_thumb;

/* Stops with SIGILL, in ARM state; what it returns is up to the handler. */
unsigned long arm_stop(void);

#endif /* __ASSEMBLER__ */
#endif /* TRAMPFD_ARCH_ARM_H */
