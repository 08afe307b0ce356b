// SPDX-License-Identifier: GPL-2.0
/* The tests' knowledge of RISC-V that is not assembly. */
#include <asm/perf_regs.h>
#include <asm/ptrace.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "../kselftest.h"
#include "trampfd_arch.h"

static_assert((int)RISCV_PC == (int)PERF_REG_RISCV_PC, "pc");
static_assert((int)RISCV_RA == (int)PERF_REG_RISCV_RA, "ra");
static_assert((int)RISCV_SP == (int)PERF_REG_RISCV_SP, "sp");
static_assert((int)RISCV_GP == (int)PERF_REG_RISCV_GP, "gp");
static_assert((int)RISCV_TP == (int)PERF_REG_RISCV_TP, "tp");
static_assert((int)RISCV_T0 == (int)PERF_REG_RISCV_T0, "t0");
static_assert((int)RISCV_T2 == (int)PERF_REG_RISCV_T2, "t2");
static_assert((int)RISCV_T6 == (int)PERF_REG_RISCV_T6, "t6");

const struct arch_reg arch_settable[] = {
	{ 5, "t0" }, { 6, "t1" }, { 7, "t2" }, { 8, "s0" }, { 9, "s1" },
	{ 10, "a0" }, { 11, "a1" }, { 12, "a2" }, { 13, "a3" }, { 14, "a4" },
	{ 15, "a5" }, { 16, "a6" }, { 17, "a7" }, { 18, "s2" }, { 19, "s3" },
	{ 20, "s4" }, { 21, "s5" }, { 22, "s6" }, { 23, "s7" }, { 24, "s8" },
	{ 25, "s9" }, { 26, "s10" }, { 27, "s11" }, { 28, "t3" }, { 29, "t4" },
	{ 30, "t5" }, { 31, "t6" },
};

const size_t arch_nsettable = ARRAY_SIZE(arch_settable);

const struct arch_reg arch_refused[] = {
	{ RISCV_RA, "ra" }, { RISCV_SP, "sp" }, { RISCV_GP, "gp" },
	{ RISCV_TP, "tp" }, { PERF_REG_RISCV_MAX, "the first behind t6" },
	{ 34, "the cause, in pt_regs" }, { 63, "the kernel's slot of the PC" },
	{ 0x7fffffff, "the greatest positive" }, { 0x80000000, "the least negative" },
	{ 0xffffffff, "the greatest" },
};

const size_t arch_nrefused = ARRAY_SIZE(arch_refused);

/* Three, four and five levels of page tables. */
const unsigned long long arch_task_sizes[] = {
	1ULL << 38, 1ULL << 47, 1ULL << 56,
};

const size_t arch_ntask_sizes = ARRAY_SIZE(arch_task_sizes);

struct riscv_run {
	unsigned long ra;
	struct cpu_state *out;
	unsigned long host_sp;
	unsigned long host_fcsr;
	long reached;
	const void *entry;
	/* What the return address is to be, and what it is for the test. */
	unsigned long expected_ra;
	unsigned long in_ra;
};

static_assert(offsetof(struct riscv_run, ra) == RUN_RA &&
	      offsetof(struct riscv_run, out) == RUN_OUT &&
	      offsetof(struct riscv_run, host_sp) == RUN_HOST_SP &&
	      offsetof(struct riscv_run, host_fcsr) == RUN_HOST_FCSR &&
	      offsetof(struct riscv_run, reached) == RUN_REACHED &&
	      offsetof(struct riscv_run, entry) == RUN_ENTRY,
	      "the assembly addresses its members");

/* Initialised, so that it is at the beginning, within a short offset. */
__thread struct riscv_run riscv_run = { .reached = -2 };

/*
 * The test chooses a value for the return address that the register can't have,
 * as it holds the trampoline's address or the call's.  What it ought to be
 * becomes what the test chose; anything else stays, and is seen.
 */
static void judge_ra(unsigned long *ra)
{
	if (*ra == riscv_run.expected_ra)
		*ra = riscv_run.in_ra;
}

int arch_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	     struct cpu_state *out)
{
	unsigned long tp;

	asm volatile("mv %0, tp" : "=r" (tp));
	if ((unsigned long)(&riscv_run + 1) - tp >= 2048)
		abort();

	riscv_run.entry = entry;
	riscv_run.out = out;
	riscv_run.in_ra = in->reg[RISCV_RA];
	riscv_run.expected_ra = (unsigned long)(how == ARCH_BY_CALL ?
						riscv_behind_call : entry);
	if (how == ARCH_BY_CALL)
		riscv_call(in);
	else
		riscv_jump(in);
	judge_ra(&out->reg[RISCV_RA]);
	out->reg[RISCV_PC] = riscv_run.reached < 0 ? 0 :
			     arch_target(riscv_run.reached);
	return riscv_run.reached;
}

unsigned long arch_target(unsigned int n)
{
	static const char *const targets[ARCH_NTARGETS] = {
		riscv_target_0, riscv_target_1, riscv_target_2, riscv_target_3,
	};

	return (unsigned long)targets[n];
}

void arch_fill(struct cpu_state *state, unsigned long sp, unsigned int seed)
{
	unsigned long *fp = (unsigned long *)state->fp;
	size_t i;

	memset(state, 0, sizeof(*state));
	/* Both halves of a register have to come through. */
	for (i = 0; i < ARCH_NREGS; i++) {
		state->reg[i] = (seed + 1) * 0x9e3779b1UL + i * 0x01010101UL;
		state->reg[i] |= ~state->reg[i] << 32;
	}
	state->reg[RISCV_PC] = 0;
	state->reg[RISCV_SP] = sp;
	asm volatile("mv %0, gp" : "=r" (state->reg[RISCV_GP]));
	asm volatile("mv %0, tp" : "=r" (state->reg[RISCV_TP]));

	for (i = 0; i < 32; i++)
		fp[i] = state->reg[5] * (i + 2);
	/* Another rounding mode than the usual, and some exception flags. */
	fp[32] = (1 + seed % 3) << 5 | seed % 32;
}

bool arch_fp_equal(const struct cpu_state *a, const struct cpu_state *b)
{
	return !memcmp(a->fp, b->fp, sizeof(a->fp));
}

void arch_from_ucontext(struct cpu_state *state, const ucontext_t *uc)
{
	const mcontext_t *m = &uc->uc_mcontext;
	const unsigned long fcsr = m->__fpregs.__d.__fcsr;

	/* Both have the PC in the place of x0. */
	static_assert(sizeof(m->__gregs) == sizeof(state->reg), "registers");
	memcpy(state->reg, m->__gregs, sizeof(state->reg));
	judge_ra(&state->reg[RISCV_RA]);
	memcpy(state->fp, m->__fpregs.__d.__f, 256);
	memcpy(state->fp + 256, &fcsr, sizeof(fcsr));
}

bool arch_set_trap_flag(struct cpu_state *state)
{
	return false;
}

/* No processor steps, and the kernel does not do it in its place. */
bool arch_can_step(void)
{
	return false;
}

unsigned long arch_ptrace_pc(pid_t pid)
{
	struct user_regs_struct regs;
	struct iovec iov = { .iov_base = &regs, .iov_len = sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov))
		return 0;
	return regs.pc;
}

/* The kernel has none for tracers. */
int arch_ptrace_breakpoint(pid_t pid, unsigned long pc)
{
	return -EOPNOTSUPP;
}

int arch_ptrace_leave_breakpoint(pid_t pid)
{
	return 0;
}
