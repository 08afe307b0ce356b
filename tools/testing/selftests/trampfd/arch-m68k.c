// SPDX-License-Identifier: GPL-2.0
/* The tests' knowledge of m68k that is not assembly. */
#include <asm/perf_regs.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>

#include "../kselftest.h"
#include "trampfd_arch.h"

#define SAME_PLACE(reg) \
	static_assert((int)M68K_##reg == (int)PERF_REG_M68K_##reg, #reg)

SAME_PLACE(D0);
SAME_PLACE(D7);
SAME_PLACE(A0);
SAME_PLACE(A5);
SAME_PLACE(A7);
SAME_PLACE(PC);
SAME_PLACE(SR);

const struct arch_reg arch_settable[] = {
	{ 0, "d0" }, { 1, "d1" }, { 2, "d2" }, { 3, "d3" }, { 4, "d4" },
	{ 5, "d5" }, { 8, "a0" }, { 9, "a1" }, { 10, "a2" },
};

const size_t arch_nsettable = ARRAY_SIZE(arch_settable);

const struct arch_reg arch_refused[] = {
	{ M68K_D6, "d6" }, { M68K_D7, "d7" }, { M68K_A3, "a3" },
	{ M68K_A4, "a4" }, { M68K_A5, "a5" }, { M68K_A6, "a6" },
	{ M68K_A7, "a7" }, { M68K_SR, "sr" },
	{ PERF_REG_M68K_MAX, "the first behind sr" },
	{ 63, "the kernel's slot of the PC" },
	{ 0x7fffffff, "the greatest positive" }, { 0x80000000, "the least negative" },
	{ 0xffffffff, "the greatest" },
};

const size_t arch_nrefused = ARRAY_SIZE(arch_refused);

const unsigned long long arch_task_sizes[] = {
	0xf0000000ULL,
};

const size_t arch_ntask_sizes = ARRAY_SIZE(arch_task_sizes);

/* Rounding and precision; no exception is enabled. */
#define FPCR_FREE	0xf0U

/* Condition codes and quotient. */
#define FPSR_FREE	0x0fff0000U

#define CCR_FREE	0x1fU

/* What arch-m68k.S keeps in a thread. */
static __thread struct {
	struct cpu_state out;
	const void *entry;
	unsigned long sp;
	int target;
} area;

static_assert(offsetof(typeof(area), entry) == M68K_AREA_ENTRY &&
	      offsetof(typeof(area), sp) == M68K_AREA_SP &&
	      offsetof(typeof(area), target) == M68K_AREA_TARGET,
	      "the assembly addresses its members");

static __thread unsigned long in_a5;

/* What the way back is found with is not the program's. */
static void put_back(struct cpu_state *state)
{
	if (state->reg[M68K_A5] == (unsigned long)&area)
		state->reg[M68K_A5] = in_a5;
	state->reg[M68K_SR] &= CCR_FREE;
}

int arch_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	     struct cpu_state *out)
{
	in_a5 = in->reg[M68K_A5];
	memset(&area, 0, sizeof(area));
	area.entry = entry;
	m68k_enter(in, how == ARCH_BY_CALL, &area);
	*out = area.out;
	put_back(out);
	out->reg[M68K_PC] = area.target < 0 ? 0 : arch_target(area.target);
	return area.target;
}

unsigned long arch_target(unsigned int n)
{
	static const char *const targets[ARCH_NTARGETS] = {
		m68k_target_0, m68k_target_1, m68k_target_2, m68k_target_3,
	};

	return (unsigned long)targets[n];
}

void arch_fill(struct cpu_state *state, unsigned long sp, unsigned int seed)
{
	uint32_t word;
	size_t i;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < ARCH_NREGS; i++)
		state->reg[i] = (seed + 1) * 0x9e3779b1UL + i * 0x01010101UL;
	state->reg[M68K_A7] = sp;
	state->reg[M68K_PC] = 0;
	state->reg[M68K_SR] = (seed * 7 + 5) & CCR_FREE;

	for (i = 0; i < 8; i++) {
		/* Plain numbers, so that no load makes them other ones. */
		word = (0x3fffU + i + seed % 64) << 16;
		memcpy(state->fp + 12 * i, &word, sizeof(word));
		memset(state->fp + 12 * i + 4, 0x80 + 8 * i + seed % 8, 8);
	}
	word = 0x30404010 >> 8 * (seed % 4) & FPCR_FREE;
	memcpy(state->fp + M68K_FPCR, &word, sizeof(word));
	word = (seed + 1) * 0x05130000 & FPSR_FREE;
	memcpy(state->fp + M68K_FPSR, &word, sizeof(word));
}

bool arch_fp_equal(const struct cpu_state *a, const struct cpu_state *b)
{
	return !memcmp(a->fp, b->fp, sizeof(a->fp));
}

/*
 * The kernel stores control, status and instruction address at once.  QEMU 7.2
 * does that in the opposite order.
 */
static bool control_first(void)
{
	unsigned int control[2] = { 0x10, 0 };

	m68k_fp_control(control);
	return control[0] == 0x10;
}

void arch_from_ucontext(struct cpu_state *state, const ucontext_t *uc)
{
	const mcontext_t *mc = &uc->uc_mcontext;

	static_assert(R_A7 == M68K_A7 && R_PC == M68K_PC && R_PS == M68K_SR,
		      "the order of gregs");
	memset(state, 0, sizeof(*state));
	memcpy(state->reg, mc->gregs, sizeof(state->reg));
	put_back(state);

	memcpy(state->fp, mc->fpregs.f_fpregs, 8 * 12);
	memcpy(state->fp + M68K_FPCR, control_first() ? &mc->fpregs.f_pcr :
					&mc->fpregs.f_fpiaddr, 4);
	memcpy(state->fp + M68K_FPSR, &mc->fpregs.f_psr, 4);
}

bool arch_set_trap_flag(struct cpu_state *state)
{
	/* Only the kernel can set it. */
	return false;
}

bool arch_can_step(void)
{
	return true;
}

/* asm/ptrace.h has it as PT_PC, and clashes with sys/ptrace.h. */
#define PTRACE_PC	18

unsigned long arch_ptrace_pc(pid_t pid)
{
	long pc;

	errno = 0;
	pc = ptrace(PTRACE_PEEKUSER, pid, (void *)(4 * PTRACE_PC), NULL);
	return errno ? 0 : pc;
}

int arch_ptrace_breakpoint(pid_t pid, unsigned long pc)
{
	/* The CPU has none. */
	return -EOPNOTSUPP;
}

int arch_ptrace_leave_breakpoint(pid_t pid)
{
	return 0;
}
