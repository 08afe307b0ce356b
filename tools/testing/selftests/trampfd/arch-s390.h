/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests must know of s390, with vector registers: a z13 of 2015 or
 * later.
 */
#ifndef TRAMPFD_ARCH_S390_H
#define TRAMPFD_ARCH_S390_H

/*
 * Places in cpu_state.reg, which are the numbers of asm/perf_regs.h.  R0 to R15
 * are 0 to 15; the floating-point registers stay 0, as they are in the image.
 * Of the mask, only what a program can change is there.
 */
#define S390_R0		0
#define S390_R14	14
#define S390_R15	15
#define S390_FP0	16
#define S390_MASK	32
#define S390_PC		33

#define ARCH_NREGS	34
#define ARCH_PC		S390_PC
#define ARCH_SP		S390_R15
#define ARCH_DATA_REG	S390_R0		/* GCC's static chain */
#define ARCH_TARGET_REG	1
#define ARCH_FP_SIZE	544		/* struct s390_image */
#define ARCH_NTARGETS	4
#define ARCH_WORD	8
#define ARCH_PC_ALIGN	2
#define ARCH_CALL_PUSH	0
#define ARCH_RED_ZONE	0
#define ARCH_AUDIT	AUDIT_ARCH_S390X
#define ARCH_HIGH_ADDRESS	0x20000000000000UL	/* the fifth level */

/* The CPU tells the page only. */
#define ARCH_FAULT_ADDR(addr)	((void *)((unsigned long)(addr) & -4096UL))
#define ARCH_CODE(fn)		((unsigned long)(fn))

/* The system call has a pointer to its arguments. */
#define ARCH_MMAP_BY_POINTER

#define ARCH_FOREIGN_ABI	"31-bit"

/* Places in struct s390_run. */
#define RUN_IN		0
#define RUN_OUT		128
#define RUN_HOST	256
#define RUN_HOST_FPR	336
#define RUN_IN_AR	400
#define RUN_OUT_AR	464
#define RUN_IN_PM	528
#define RUN_OUT_PM	536
#define RUN_HOST_PM	544
#define RUN_IN_FPC	552
#define RUN_OUT_FPC	556
#define RUN_HOST_FPC	560
#define RUN_IN_VX	568
#define RUN_OUT_VX	1080

#ifndef __ASSEMBLER__

#ifndef __s390x__
static inline long foreign_syscall(long nr, long a, long b, long c)
{
	register long r1 asm("1") = nr, r2 asm("2") = a;
	register long r3 asm("3") = b, r4 asm("4") = c;

	asm volatile("svc 0"
		     : "+d" (r2)
		     : "d" (r1), "d" (r3), "d" (r4)
		     : "memory");
	return r2;
}
#endif

/* The modes of addressing in the PSW's mask; s390_test.c is about those. */
#define S390_MASK_EA	0x100000000UL
#define S390_MASK_BA	0x80000000UL
#define S390_MASK_ASC	0xc00000000000UL
#define S390_MASK_AR	0x400000000000UL

/* The opposite of arch_from_ucontext(). */
struct cpu_state;

void s390_to_ucontext(const struct cpu_state *state, void *uc);

/* For s390_test.c: an instruction of six bytes, two and four in two pages. */
extern const char s390_long_instruction[];
/* An EXECUTE of what r1 has the address of. */
extern const char s390_execute[];

/* For arch-s390.c: what is in arch-s390.S. */
extern const char s390_target_0[], s390_target_1[], s390_target_2[],
		  s390_target_3[], s390_behind_call[];
struct s390_run;
void s390_enter(struct s390_run *run, long by_jump);

#endif /* __ASSEMBLER__ */
#endif /* TRAMPFD_ARCH_S390_H */
