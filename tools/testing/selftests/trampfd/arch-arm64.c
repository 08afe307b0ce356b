// SPDX-License-Identifier: GPL-2.0
/* The tests' knowledge of arm64 that is not assembly. */
#include <asm/perf_regs.h>
#include <asm/ptrace.h>
#include <asm/sigcontext.h>
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "../kselftest.h"
#include "trampfd_arch.h"

static_assert(PERF_REG_ARM64_X0 == 0 && PERF_REG_ARM64_X29 == 29, "x0 to x29");
static_assert(PERF_REG_ARM64_LR == ARM64_LR, "LR");
static_assert(PERF_REG_ARM64_SP == ARM64_SP, "SP");
static_assert(PERF_REG_ARM64_PC == ARM64_PC, "PC");

const struct arch_reg arch_settable[] = {
	{ 0, "x0" }, { 1, "x1" }, { 2, "x2" }, { 3, "x3" }, { 4, "x4" },
	{ 5, "x5" }, { 6, "x6" }, { 7, "x7" }, { 8, "x8" }, { 9, "x9" },
	{ 10, "x10" }, { 11, "x11" }, { 12, "x12" }, { 13, "x13" },
	{ 14, "x14" }, { 15, "x15" }, { 16, "x16" }, { 17, "x17" },
	{ 18, "x18" }, { 19, "x19" }, { 20, "x20" }, { 21, "x21" },
	{ 22, "x22" }, { 23, "x23" }, { 24, "x24" }, { 25, "x25" },
	{ 26, "x26" }, { 27, "x27" }, { 28, "x28" }, { 29, "x29" },
};

const size_t arch_nsettable = ARRAY_SIZE(arch_settable);

const struct arch_reg arch_refused[] = {
	{ ARM64_LR, "lr" }, { ARM64_SP, "sp" },
	{ PERF_REG_ARM64_MAX, "the first behind pc" },
	{ PERF_REG_ARM64_VG, "vg" },
	{ PERF_REG_ARM64_EXTENDED_MAX, "the first behind vg" },
	{ 63, "the last of a mask" }, { 64, "the first behind a mask" },
	{ 0x7fffffff, "the greatest positive" }, { 0x80000000, "the least negative" },
	{ 0xffffffff, "the greatest" },
};

const size_t arch_nrefused = ARRAY_SIZE(arch_refused);

/* Every number of address bits that a kernel can have. */
const unsigned long long arch_task_sizes[] = {
	1ULL << 36, 1ULL << 39, 1ULL << 42, 1ULL << 47, 1ULL << 48, 1ULL << 52,
};

const size_t arch_ntask_sizes = ARRAY_SIZE(arch_task_sizes);

struct fp_image {
	uint8_t q[32][16];
	uint32_t fpsr;
	uint32_t fpcr;
	uint64_t nzcv;
};

static_assert(offsetof(struct fp_image, fpsr) == ARM64_FPSR, "fpsr");
static_assert(offsetof(struct fp_image, fpcr) == ARM64_FPCR, "fpcr");
static_assert(offsetof(struct fp_image, nzcv) == ARM64_NZCV, "nzcv");
static_assert(sizeof(struct fp_image) == ARCH_FP_SIZE, "image");

struct arm64_run {
	struct cpu_state in;
	struct cpu_state out;
	const void *entry;
	unsigned long sp;
	long target;
	enum arch_how how;
};

static_assert(offsetof(struct arm64_run, out) == ARM64_RUN_OUT, "out");
static_assert(offsetof(struct arm64_run, entry) == ARM64_RUN_ENTRY, "entry");
static_assert(offsetof(struct arm64_run, sp) == ARM64_RUN_SP, "sp");
static_assert(offsetof(struct arm64_run, target) == ARM64_RUN_TARGET, "target");

__thread struct arm64_run arm64_run;

/* What the way to the entry needs for itself counts as what it replaced. */
static void undo_entering(struct cpu_state *state)
{
	const struct arm64_run *run = &arm64_run;

	if (state->reg[ARM64_JUMP_REG] == (uintptr_t)run->entry)
		state->reg[ARM64_JUMP_REG] = run->in.reg[ARM64_JUMP_REG];
	if (run->how == ARCH_BY_CALL &&
	    state->reg[ARM64_LR] == (uintptr_t)arm64_called)
		state->reg[ARM64_LR] = run->in.reg[ARM64_LR];
}

int arch_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	     struct cpu_state *out)
{
	struct arm64_run *run = &arm64_run;

	run->in = *in;
	run->entry = entry;
	run->how = how;
	if (how == ARCH_BY_CALL)
		arm64_by_call();
	else
		arm64_by_jump();
	*out = run->out;
	undo_entering(out);
	out->reg[ARM64_PC] = run->target < 0 ? 0 : arch_target(run->target);
	return run->target;
}

unsigned long arch_target(unsigned int n)
{
	static const char *const targets[ARCH_NTARGETS] = {
		arm64_target_0, arm64_target_1, arm64_target_2, arm64_target_3,
	};

	return (unsigned long)targets[n];
}

void arch_fill(struct cpu_state *state, unsigned long sp, unsigned int seed)
{
	struct fp_image *fp = (struct fp_image *)state->fp;
	size_t i, k;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < ARCH_NREGS; i++) {
		state->reg[i] = (seed + 1) * 0x9e3779b1UL + i * 0x01010101UL;
		/* Both halves of a register have to come through. */
		state->reg[i] |= ~state->reg[i] << 32;
	}
	state->reg[ARM64_SP] = sp;
	state->reg[ARM64_PC] = 0;

	for (i = 0; i < ARRAY_SIZE(fp->q); i++)
		for (k = 0; k < sizeof(fp->q[0]); k++)
			fp->q[i][k] = seed * 7 + i * 16 + k;
	/* Cumulative exceptions; other rounding modes than the usual. */
	fp->fpsr = 0x08000000 | (seed & 0x1f);
	fp->fpcr = (1 + seed % 3) << 22;
	fp->nzcv = (uint64_t)(5 + seed) % 16 << 28;
}

bool arch_fp_equal(const struct cpu_state *a, const struct cpu_state *b)
{
	const struct fp_image *x = (const struct fp_image *)a->fp;
	const struct fp_image *y = (const struct fp_image *)b->fp;

	/* The upper half of q31 is used on the way. */
	return !memcmp(x->q, y->q, sizeof(x->q) - 8) && x->fpsr == y->fpsr &&
	       x->fpcr == y->fpcr && x->nzcv == y->nzcv;
}

/* Each ends where the next begins; the last one has a size of 0. */
static const struct _aarch64_ctx *find_record(const ucontext_t *uc,
					      uint32_t magic)
{
	const char *p = (const char *)uc->uc_mcontext.__reserved;
	const struct _aarch64_ctx *record;

	for (;; p += record->size) {
		record = (const struct _aarch64_ctx *)p;
		if (record->magic == magic)
			return record;
		if (!record->size)
			return NULL;
	}
}

void arch_from_ucontext(struct cpu_state *state, const ucontext_t *uc)
{
	const struct fpsimd_context *fpsimd =
		(const void *)find_record(uc, FPSIMD_MAGIC);
	struct fp_image *fp = (struct fp_image *)state->fp;

	memset(state, 0, sizeof(*state));
	memcpy(state->reg, uc->uc_mcontext.regs, sizeof(uc->uc_mcontext.regs));
	state->reg[ARM64_SP] = uc->uc_mcontext.sp;
	state->reg[ARM64_PC] = uc->uc_mcontext.pc;
	undo_entering(state);
	fp->nzcv = uc->uc_mcontext.pstate & 0xf0000000;
	if (fpsimd) {
		memcpy(fp->q, fpsimd->vregs, sizeof(fp->q));
		fp->fpsr = fpsimd->fpsr;
		fp->fpcr = fpsimd->fpcr;
	}
}

bool arch_set_trap_flag(struct cpu_state *state)
{
	return false;
}

bool arch_can_step(void)
{
	return true;
}

unsigned long arch_ptrace_pc(pid_t pid)
{
	struct user_pt_regs regs;
	struct iovec iov = { .iov_base = &regs, .iov_len = sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov))
		return 0;
	return regs.pc;
}

/* Enabled, for user mode, on execution of the four bytes. */
#define BREAKPOINT_CONTROL	(1 | 2 << 1 | 0xf << 5)

static int set_breakpoint(pid_t pid, unsigned long pc, uint32_t control)
{
	struct user_hwdebug_state state = {
		.dbg_regs[0] = { .addr = pc, .ctrl = control },
	};
	struct iovec iov = {
		.iov_base = &state,
		.iov_len = offsetof(struct user_hwdebug_state, dbg_regs[1]),
	};

	return ptrace(PTRACE_SETREGSET, pid, NT_ARM_HW_BREAK, &iov) ? -errno : 0;
}

int arch_ptrace_breakpoint(pid_t pid, unsigned long pc)
{
	return set_breakpoint(pid, pc, BREAKPOINT_CONTROL);
}

/* It would stop there again. */
int arch_ptrace_leave_breakpoint(pid_t pid)
{
	return set_breakpoint(pid, 0, 0);
}
