// SPDX-License-Identifier: GPL-2.0
/* The tests' knowledge of 32-bit arm that is not assembly. */
#include <asm/perf_regs.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/utsname.h>

#include "../kselftest.h"
#include "trampfd_arch.h"

static_assert(PERF_REG_ARM_R0 == 0 && PERF_REG_ARM_IP == 12, "r0 to r12");
static_assert(PERF_REG_ARM_SP == ARM_SP, "SP");
static_assert(PERF_REG_ARM_LR == ARM_LR, "LR");
static_assert(PERF_REG_ARM_PC == ARM_PC, "PC");

const struct arch_reg arch_settable[] = {
	{ 0, "r0" }, { 1, "r1" }, { 2, "r2" }, { 3, "r3" }, { 4, "r4" },
	{ 5, "r5" }, { 6, "r6" }, { 7, "r7" }, { 8, "r8" }, { 9, "r9" },
	{ 10, "r10" }, { 11, "fp" }, { 12, "ip" },
};

const size_t arch_nsettable = ARRAY_SIZE(arch_settable);

const struct arch_reg arch_refused[] = {
	{ ARM_SP, "sp" }, { ARM_LR, "lr" },
	{ 16, "the first behind pc" },
	/* What the 64-bit kernel beside calls x16, x29, lr, sp, pc and vg. */
	{ 17, "x17" }, { 29, "x29" }, { 30, "the 64-bit lr" },
	{ 31, "the 64-bit sp" }, { 32, "the 64-bit pc" }, { 46, "vg" },
	{ 63, "the last of a mask" }, { 64, "the first behind a mask" },
	{ 0x7fffffff, "the greatest positive" }, { 0x80000000, "the least negative" },
	{ 0xffffffff, "the greatest" },
};

const size_t arch_nrefused = ARRAY_SIZE(arch_refused);

/*
 * Below where modules are, with each split of the address space; and all but a
 * page, or all, on a 64-bit kernel.
 */
const unsigned long long arch_task_sizes[] = {
	0x3f000000, 0x7f000000, 0xaf000000, 0xbf000000,
	0xfffff000, 0xffffc000, 0x100000000,
};

const size_t arch_ntask_sizes = ARRAY_SIZE(arch_task_sizes);

struct fp_image {
	uint8_t d[32][8];
	uint32_t fpscr;
	uint32_t apsr;
};

static_assert(offsetof(struct fp_image, fpscr) == ARM_FPSCR, "fpscr");
static_assert(offsetof(struct fp_image, apsr) == ARM_APSR, "apsr");
static_assert(sizeof(struct fp_image) == ARCH_FP_SIZE, "image");

struct arm_run {
	struct cpu_state in;
	struct cpu_state out;
	const void *entry;
	unsigned long sp;
	long target;
	enum arch_how how;
};

static_assert(offsetof(struct arm_run, out) == ARM_RUN_OUT, "out");
static_assert(offsetof(struct arm_run, entry) == ARM_RUN_ENTRY, "entry");
static_assert(offsetof(struct arm_run, sp) == ARM_RUN_SP, "sp");
static_assert(offsetof(struct arm_run, target) == ARM_RUN_TARGET, "target");

__thread struct arm_run arm_run;

/* Flags: conditions, saturation, and what SIMD instructions compare. */
#define APSR_MASK	0xf80f0000
#define CPSR_THUMB	0x20

/* What the way to the entry needs for itself counts as what it replaced. */
static void undo_entering(struct cpu_state *state)
{
	const struct arm_run *run = &arm_run;

	if (state->reg[ARM_JUMP_REG] == (uintptr_t)run->entry)
		state->reg[ARM_JUMP_REG] = run->in.reg[ARM_JUMP_REG];
	if (run->how == ARCH_BY_CALL &&
	    state->reg[ARM_LR] == (uintptr_t)arm_called)
		state->reg[ARM_LR] = run->in.reg[ARM_LR];
}

int arch_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	     struct cpu_state *out)
{
	struct fp_image *fp = (struct fp_image *)out->fp;
	struct arm_run *run = &arm_run;

	run->in = *in;
	run->entry = entry;
	run->how = how;
	if (how == ARCH_BY_CALL)
		arm_by_call();
	else
		arm_by_jump();
	*out = run->out;
	fp->apsr &= APSR_MASK;
	undo_entering(out);
	out->reg[ARM_PC] = run->target < 0 ? 0 : arch_target(run->target);
	return run->target;
}

unsigned long arch_target(unsigned int n)
{
	static void (*const targets[ARCH_NTARGETS])(void) = {
		arm_target_0, arm_target_1, arm_target_2, arm_target_3,
	};

	return (unsigned long)targets[n];
}

void arch_fill(struct cpu_state *state, unsigned long sp, unsigned int seed)
{
	struct fp_image *fp = (struct fp_image *)state->fp;
	size_t i, k;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < ARCH_NREGS; i++)
		state->reg[i] = (seed + 1) * 0x9e3779b1UL + i * 0x01010101UL;
	state->reg[ARM_SP] = sp;
	state->reg[ARM_PC] = 0;

	for (i = 0; i < ARRAY_SIZE(fp->d); i++)
		for (k = 0; k < sizeof(fp->d[0]); k++)
			fp->d[i][k] = seed * 7 + i * 8 + k;
	/* Cumulative exceptions; other rounding modes than the usual. */
	fp->fpscr = (1 + seed % 3) << 22 | (seed & 0x1f);
	fp->apsr = (0x5a000000 + seed * 0x18010000) & APSR_MASK;
}

bool arch_fp_equal(const struct cpu_state *a, const struct cpu_state *b)
{
	const struct fp_image *x = (const struct fp_image *)a->fp;
	const struct fp_image *y = (const struct fp_image *)b->fp;

	/* d31 is used on the way. */
	return !memcmp(x->d, y->d, sizeof(x->d) - 8) && x->fpscr == y->fpscr &&
	       x->apsr == y->apsr;
}

#define VFP_MAGIC	0x56465001

/* A record of uc_regspace; there is one for each coprocessor. */
struct regspace {
	uint32_t magic;
	uint32_t size;
	uint64_t d[32];
	uint32_t fpscr;
};

void arch_from_ucontext(struct cpu_state *state, const ucontext_t *uc)
{
	const struct regspace *space = (const void *)uc->uc_regspace;
	const struct regspace *end = (const void *)(&uc->uc_regspace + 1);
	struct fp_image *fp = (struct fp_image *)state->fp;

	memset(state, 0, sizeof(*state));
	memcpy(state->reg, &uc->uc_mcontext.arm_r0, sizeof(state->reg));
	if (uc->uc_mcontext.arm_cpsr & CPSR_THUMB)
		state->reg[ARM_PC] |= 1;
	undo_entering(state);
	fp->apsr = uc->uc_mcontext.arm_cpsr & APSR_MASK;
	while (space + 1 <= end && space->size && space->magic != VFP_MAGIC)
		space = (const void *)((const char *)space + space->size);
	if (space + 1 <= end && space->magic == VFP_MAGIC) {
		memcpy(fp->d, space->d, sizeof(fp->d));
		fp->fpscr = space->fpscr;
	}
}

bool arch_set_trap_flag(struct cpu_state *state)
{
	return false;
}

/* Only a 64-bit kernel uses the hardware for that. */
bool arch_can_step(void)
{
	struct utsname name;

	return !uname(&name) && !strcmp(name.machine, "aarch64");
}

unsigned long arch_ptrace_pc(pid_t pid)
{
	struct user_regs regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return 0;
	return regs.uregs[15] | (regs.uregs[16] & CPSR_THUMB ? 1 : 0);
}

/* The numbers of its first breakpoint's address and control. */
#define SETHBPREGS		30
#define BREAKPOINT_ADDRESS	1L
#define BREAKPOINT_CONTROL	2L

/* Enabled, for user mode, on execution of two or of four bytes. */
#define BREAKPOINT_THUMB	(1 | 2 << 1 | 0x3 << 5)
#define BREAKPOINT_ARM		(1 | 2 << 1 | 0xf << 5)

static int set_debug_register(pid_t pid, long number, uint32_t value)
{
	return ptrace(SETHBPREGS, pid, number, &value) ? -errno : 0;
}

int arch_ptrace_breakpoint(pid_t pid, unsigned long pc)
{
	return set_debug_register(pid, BREAKPOINT_ADDRESS, pc & ~1UL) ?:
	       set_debug_register(pid, BREAKPOINT_CONTROL,
				  pc & 1 ? BREAKPOINT_THUMB : BREAKPOINT_ARM);
}

/* It would stop there again. */
int arch_ptrace_leave_breakpoint(pid_t pid)
{
	return set_debug_register(pid, BREAKPOINT_CONTROL, BREAKPOINT_THUMB & ~1);
}
