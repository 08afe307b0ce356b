// SPDX-License-Identifier: GPL-2.0
/* The tests' knowledge of mips that is not assembly. */
#include <asm/perf_regs.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>

#include "../kselftest.h"
#include "trampfd_arch.h"

#define SAME_PLACE(place, reg) \
	static_assert((int)(place) == (int)PERF_REG_MIPS_##reg, #reg)

SAME_PLACE(MIPS_PC, PC);
SAME_PLACE(1, R1);
SAME_PLACE(ARCH_DATA_REG, R15);
SAME_PLACE(MIPS_T9, R25);
SAME_PLACE(MIPS_K0, R26);
SAME_PLACE(MIPS_K1, R27);
SAME_PLACE(MIPS_GP, R28);
SAME_PLACE(MIPS_SP, R29);
SAME_PLACE(30, R30);
SAME_PLACE(MIPS_RA, R31);

const struct arch_reg arch_settable[] = {
	{ 1, "$1" }, { 2, "$2" }, { 3, "$3" }, { 4, "$4" }, { 5, "$5" },
	{ 6, "$6" }, { 7, "$7" }, { 8, "$8" }, { 9, "$9" }, { 10, "$10" },
	{ 11, "$11" }, { 12, "$12" }, { 13, "$13" }, { 14, "$14" },
	{ 15, "$15" }, { 16, "$16" }, { 17, "$17" }, { 18, "$18" },
	{ 19, "$19" }, { 20, "$20" }, { 21, "$21" }, { 22, "$22" },
	{ 23, "$23" }, { 24, "$24" }, { 25, "$25" }, { 30, "$30" },
};

const size_t arch_nsettable = ARRAY_SIZE(arch_settable);

const struct arch_reg arch_refused[] = {
	{ MIPS_K0, "k0" }, { MIPS_K1, "k1" }, { MIPS_GP, "gp" },
	{ MIPS_SP, "sp" }, { MIPS_RA, "ra" },
	{ PERF_REG_MIPS_MAX, "the first behind ra" },
	{ 64, "64" }, { 64 + ARCH_DATA_REG, "64 more than $15" },
	{ 0x7fffffff, "the greatest positive" }, { 0x80000000, "the least negative" },
	{ 0xffffffff, "the greatest" },
};

const size_t arch_nrefused = ARRAY_SIZE(arch_refused);

const unsigned long long arch_task_sizes[] = {
#if _MIPS_SIM == _ABI64
	/* With and without CONFIG_MIPS_VA_BITS_48. */
	0x10000000000ULL, 0x1000000000000ULL,
#else
	/* On a 64-bit kernel, and on a 32-bit one. */
	0x7fff8000ULL, 0x80000000ULL,
#endif
};

const size_t arch_ntask_sizes = ARRAY_SIZE(arch_task_sizes);

/* Condition codes and rounding mode; no exception is enabled. */
#define FCSR_FREE	0xfe800003U

/* What arch-mips.S keeps in a thread. */
static __thread union {
	struct cpu_state out;
	unsigned char room[MIPS_AREA_SP + MIPS_LONG];
} area;

/*
 * What a call is entered with, and what the way back is found with, is not the
 * program's.
 */
static __thread unsigned long entered, in_t9, in_gp, in_ra;

static void put_back(struct cpu_state *state)
{
	if (state->reg[MIPS_T9] == entered)
		state->reg[MIPS_T9] = in_t9;
	if (state->reg[MIPS_GP] == (unsigned long)&area)
		state->reg[MIPS_GP] = in_gp;
	if (state->reg[MIPS_RA] == (unsigned long)mips_returned)
		state->reg[MIPS_RA] = in_ra;
	state->reg[MIPS_K0] = 0;
	state->reg[MIPS_K1] = 0;
}

int arch_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	     struct cpu_state *out)
{
	int target;

	entered = (unsigned long)entry;
	in_t9 = in->reg[MIPS_T9];
	in_gp = in->reg[MIPS_GP];
	in_ra = in->reg[MIPS_RA];
	memset(&area, 0, sizeof(area));
	target = mips_enter(in, entry, how == ARCH_BY_CALL, (void *)&area);
	*out = area.out;
	put_back(out);
	out->reg[MIPS_PC] = target < 0 ? 0 : arch_target(target);
	return target;
}

unsigned long arch_target(unsigned int n)
{
	static const char *const targets[ARCH_NTARGETS] = {
		mips_target_0, mips_target_1, mips_target_2, mips_target_3,
	};

	return (unsigned long)targets[n];
}

void arch_fill(struct cpu_state *state, unsigned long sp, unsigned int seed)
{
	const uint32_t fcsr = 0xaa800000 >> seed % 2 & FCSR_FREE;
	size_t i;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < ARCH_NREGS; i++) {
		state->reg[i] = (seed + 1) * 0x9e3779b1UL + i * 0x01010101UL;
#if _MIPS_SIM == _ABI64
		/* Both halves of a register have to come through. */
		state->reg[i] |= ~state->reg[i] << 32;
#endif
	}
	state->reg[MIPS_SP] = sp;
	state->reg[MIPS_PC] = 0;
	state->reg[MIPS_K0] = 0;
	state->reg[MIPS_K1] = 0;

	for (i = 0; i < MIPS_FCSR; i++) {
		if (!(i / 8 % MIPS_FPR_STEP))
			state->fp[i] = seed * 7 + i;
	}
	memcpy(state->fp + MIPS_FCSR, &(uint32_t){ fcsr | (1 + seed % 3) }, 4);
	memset(state->fp + MIPS_HI, 0x11 + seed, MIPS_LONG);
	memset(state->fp + MIPS_LO, 0x22 + seed, MIPS_LONG);
}

bool arch_fp_equal(const struct cpu_state *a, const struct cpu_state *b)
{
	return !memcmp(a->fp, b->fp, sizeof(a->fp));
}

void arch_from_ucontext(struct cpu_state *state, const ucontext_t *uc)
{
	const mcontext_t *mc = &uc->uc_mcontext;
	unsigned long hi = mc->mdhi, lo = mc->mdlo;
	size_t i;

	memset(state, 0, sizeof(*state));
	for (i = 1; i < ARCH_NREGS; i++)
		state->reg[i] = mc->gregs[i];
	state->reg[MIPS_PC] = mc->pc;
	put_back(state);

	for (i = 0; i < 32; i += MIPS_FPR_STEP)
		memcpy(state->fp + 8 * i, &mc->fpregs.fp_r.fp_dregs[i], 8);
	memcpy(state->fp + MIPS_FCSR, &mc->fpc_csr, 4);
	memcpy(state->fp + MIPS_HI, &hi, sizeof(hi));
	memcpy(state->fp + MIPS_LO, &lo, sizeof(lo));
}

bool arch_set_trap_flag(struct cpu_state *state)
{
	/* There is none. */
	return false;
}

bool arch_can_step(void)
{
	return false;
}

/* asm/ptrace.h has it as PC, a name that is not its own. */
#define PTRACE_PC	64

unsigned long arch_ptrace_pc(pid_t pid)
{
	errno = 0;
	return ptrace(PTRACE_PEEKUSER, pid, (void *)PTRACE_PC, NULL);
}

int arch_ptrace_breakpoint(pid_t pid, unsigned long pc)
{
	/* The watch registers of many CPUs, and of QEMU's, have no such one. */
	return -EOPNOTSUPP;
}

int arch_ptrace_leave_breakpoint(pid_t pid)
{
	return 0;
}
