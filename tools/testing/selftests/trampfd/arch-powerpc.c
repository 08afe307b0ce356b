// SPDX-License-Identifier: GPL-2.0
/* The tests' knowledge of 64-bit powerpc that is not assembly. */
#include <asm/perf_regs.h>
#include <asm/ptrace.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>

#include "../kselftest.h"
#include "trampfd_arch.h"

#define SAME_PLACE(place, reg) \
	static_assert((int)(place) == (int)PERF_REG_POWERPC_##reg, #reg)

SAME_PLACE(0, R0);
SAME_PLACE(PPC_SP, R1);
SAME_PLACE(ARCH_DATA_REG, R11);
SAME_PLACE(PPC_THREAD, R13);
SAME_PLACE(31, R31);
SAME_PLACE(PPC_NIP, NIP);
SAME_PLACE(PPC_MSR, MSR);
SAME_PLACE(PPC_ORIG_R3, ORIG_R3);
SAME_PLACE(PPC_CTR, CTR);
SAME_PLACE(PPC_LINK, LINK);
SAME_PLACE(PPC_XER, XER);
SAME_PLACE(PPC_CCR, CCR);

const struct arch_reg arch_settable[] = {
	{ 0, "r0" }, { 2, "r2" }, { 3, "r3" }, { 4, "r4" }, { 5, "r5" },
	{ 6, "r6" }, { 7, "r7" }, { 8, "r8" }, { 9, "r9" }, { 10, "r10" },
	{ 11, "r11" }, { 12, "r12" },
};

const size_t arch_nsettable = ARRAY_SIZE(arch_settable);

const struct arch_reg arch_refused[] = {
	{ PPC_SP, "r1, the stack pointer" },
	{ PPC_THREAD, "r13, the thread pointer" },
	/* What the way out of a page fault need not load. */
	{ 14, "r14" }, { 15, "r15" }, { 16, "r16" }, { 17, "r17" },
	{ 18, "r18" }, { 19, "r19" }, { 20, "r20" }, { 21, "r21" },
	{ 22, "r22" }, { 23, "r23" }, { 24, "r24" }, { 25, "r25" },
	{ 26, "r26" }, { 27, "r27" }, { 28, "r28" }, { 29, "r29" },
	{ 30, "r30" }, { 31, "r31" },
	{ PPC_MSR, "msr" }, { PPC_ORIG_R3, "orig_r3" }, { PPC_CTR, "ctr" },
	{ PPC_LINK, "link" }, { PPC_XER, "xer" }, { PPC_CCR, "ccr" },
	{ PERF_REG_POWERPC_SOFTE, "softe" }, { PERF_REG_POWERPC_TRAP, "trap" },
	{ PERF_REG_POWERPC_DAR, "dar" }, { PERF_REG_POWERPC_DSISR, "dsisr" },
	{ PERF_REG_POWERPC_SIER, "sier" }, { PERF_REG_POWERPC_MMCRA, "mmcra" },
	{ PERF_REG_POWERPC_MMCR0, "mmcr0" }, { PERF_REG_POWERPC_SIAR, "siar" },
	{ PERF_REG_EXTENDED_MAX, "the first behind siar" },
	{ 64, "64" }, { 64 + 11, "64 more than r11" },
	{ 0x7fffffff, "the greatest positive" }, { 0x80000000, "the least negative" },
	{ 0xffffffff, "the greatest" },
};

const size_t arch_nrefused = ARRAY_SIZE(arch_refused);

/* Pages of 64 KiB and of 4 KiB. */
const unsigned long long arch_task_sizes[] = {
	0x0010000000000000ULL, 0x0000400000000000ULL,
};

const size_t arch_ntask_sizes = ARRAY_SIZE(arch_task_sizes);

/* SO, OV, CA, OV32 and CA32, and the length of string instructions. */
#define XER_FREE	0xe00c007fUL

/* From a fault entry to its code, in all tables. */
#define CODE_OFFSET	0x100000UL

__thread bool arch_to_code;

/* What a call is entered with belongs to the way there, not to the program. */
static __thread unsigned long entered, in_ctr, in_link;

static void put_back(struct cpu_state *state)
{
	unsigned long ctr = state->reg[PPC_CTR];

	/* Code has to jump through it as well, to the target or the fault entry. */
	if (ctr == entered ||
	    (arch_to_code && (ctr == state->reg[PPC_NIP] ||
			      ctr == entered - CODE_OFFSET)))
		state->reg[PPC_CTR] = in_ctr;
	if (state->reg[PPC_LINK] == (unsigned long)ppc_returned)
		state->reg[PPC_LINK] = in_link;
}

int arch_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	     struct cpu_state *out)
{
	int target;

	entered = (unsigned long)entry;
	in_ctr = in->reg[PPC_CTR];
	in_link = in->reg[PPC_LINK];
	target = ppc_enter(in, entry, how == ARCH_BY_CALL);
	*out = ppc_out;
	out->reg[PPC_NIP] = target < 0 ? 0 : arch_target(target);
	put_back(out);
	return target;
}

unsigned long arch_target(unsigned int n)
{
	static const char *const targets[ARCH_NTARGETS] = {
		ppc_target_0, ppc_target_1, ppc_target_2, ppc_target_3,
	};

	return (unsigned long)targets[n];
}

void arch_fill(struct cpu_state *state, unsigned long sp, unsigned int seed)
{
	const uint32_t vscr = seed % 2 ? 0x10000 : 0x1;
	const uint64_t fpscr = 1 + seed % 3;
	const uint32_t vrsave = ~seed;
	unsigned long thread;
	size_t i;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < ARCH_NREGS; i++) {
		state->reg[i] = (seed + 1) * 0x9e3779b1UL + i * 0x01010101UL;
		/* Both halves of a register have to come through. */
		state->reg[i] |= ~state->reg[i] << 32;
	}
	state->reg[PPC_SP] = sp;
	asm volatile("mr %0, 13" : "=r" (thread));
	state->reg[PPC_THREAD] = thread;
	state->reg[PPC_NIP] = 0;
	state->reg[PPC_MSR] = 0;
	state->reg[PPC_ORIG_R3] = 0;
	state->reg[PPC_XER] &= XER_FREE;
	state->reg[PPC_CCR] &= 0xffffffffUL;

	for (i = 0; i < PPC_FPSCR; i++)
		state->fp[i] = seed * 7 + i + i / 256;
	memcpy(state->fp + PPC_FPSCR, &fpscr, sizeof(fpscr));
	memcpy(state->fp + PPC_VSCR, &vscr, sizeof(vscr));
	memcpy(state->fp + PPC_VRSAVE, &vrsave, sizeof(vrsave));
}

bool arch_fp_equal(const struct cpu_state *a, const struct cpu_state *b)
{
	return !memcmp(a->fp, b->fp, sizeof(a->fp));
}

void arch_from_ucontext(struct cpu_state *state, const ucontext_t *uc)
{
	const mcontext_t *mc = &uc->uc_mcontext;
	/* Behind the vector registers, the other halves of the first 32. */
	const uint64_t *halves = (const uint64_t *)(mc->v_regs + 1);
	const uint64_t *fpscr = (const uint64_t *)&mc->fp_regs[32];
	size_t i;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < ARCH_NREGS; i++)
		state->reg[i] = mc->gp_regs[i];
	/* No user of these tests can read the one, and the other is no register. */
	state->reg[PPC_MSR] = 0;
	state->reg[PPC_ORIG_R3] = 0;
	put_back(state);

	for (i = 0; i < 32; i++) {
		const unsigned char *vr = (const unsigned char *)mc->v_regs->vrregs[i];

		memcpy(state->fp + 16 * i, &mc->fp_regs[i], 8);
		memcpy(state->fp + 16 * i + 8, &halves[i], 8);
		/* Here the more significant half comes first. */
		memcpy(state->fp + 512 + 16 * i, vr + 8, 8);
		memcpy(state->fp + 512 + 16 * i + 8, vr, 8);
	}
	memcpy(state->fp + PPC_FPSCR, fpscr, 8);
	memcpy(state->fp + PPC_VSCR, &mc->v_regs->vscr, 4);
	memcpy(state->fp + PPC_VRSAVE, &mc->v_regs->vrsave, 4);
}

bool arch_set_trap_flag(struct cpu_state *state)
{
	/* It is in the MSR, where no program can set it. */
	return false;
}

bool arch_can_step(void)
{
	return true;
}

unsigned long arch_ptrace_pc(pid_t pid)
{
	errno = 0;
	return ptrace(PTRACE_PEEKUSER, pid, (void *)(PT_NIP * sizeof(long)),
		      NULL);
}

int arch_ptrace_breakpoint(pid_t pid, unsigned long pc)
{
	/* Server processors have them for data only. */
	return -EOPNOTSUPP;
}

int arch_ptrace_leave_breakpoint(pid_t pid)
{
	return 0;
}
