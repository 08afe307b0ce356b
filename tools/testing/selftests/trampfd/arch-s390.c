// SPDX-License-Identifier: GPL-2.0
/* The tests' knowledge of s390 that is not assembly. */
#include <asm/perf_regs.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "trampfd_arch.h"

static_assert((int)S390_R0 == (int)PERF_REG_S390_R0, "r0");
static_assert((int)S390_R14 == (int)PERF_REG_S390_R14, "r14");
static_assert((int)S390_R15 == (int)PERF_REG_S390_R15, "r15");
static_assert((int)S390_FP0 == (int)PERF_REG_S390_FP0, "fp0");
static_assert((int)S390_MASK == (int)PERF_REG_S390_MASK, "mask");
static_assert((int)S390_PC == (int)PERF_REG_S390_PC, "pc");

const struct arch_reg arch_settable[] = {
	{ 0, "r0" }, { 1, "r1" }, { 2, "r2" }, { 3, "r3" }, { 4, "r4" },
	{ 5, "r5" }, { 6, "r6" }, { 7, "r7" }, { 8, "r8" }, { 9, "r9" },
	{ 10, "r10" }, { 11, "r11" }, { 12, "r12" }, { 13, "r13" },
};

const size_t arch_nsettable = ARRAY_SIZE(arch_settable);

const struct arch_reg arch_refused[] = {
	{ S390_R14, "r14" }, { S390_R15, "r15" }, { S390_FP0, "f0" },
	{ PERF_REG_S390_FP15, "f15" }, { S390_MASK, "mask" },
	{ PERF_REG_S390_MAX, "the first behind the PC" },
	{ 63, "the kernel's slot of the PC" },
	{ 0x7fffffff, "the greatest positive" }, { 0x80000000, "the least negative" },
	{ 0xffffffff, "the greatest" },
};

const size_t arch_nrefused = ARRAY_SIZE(arch_refused);

/* An address space grows up to all that 64 bits can address but a page. */
const unsigned long long arch_task_sizes[] = {
	-4096ULL,
};

const size_t arch_ntask_sizes = ARRAY_SIZE(arch_task_sizes);

/* The state that no PERF_REG number is for, but the general registers' masks. */
struct s390_image {
	uint64_t vx[32][2];	/* the floating-point registers are a part */
	uint32_t fpc;
	uint32_t pad;
	uint32_t ar[6];		/* a2 to a7 */
};

static_assert(sizeof(struct s390_image) == ARCH_FP_SIZE, "image");

struct s390_run {
	unsigned long in[16];
	unsigned long out[16];
	unsigned long host[10];
	unsigned long host_fpr[8];
	uint32_t in_ar[16];
	uint32_t out_ar[16];
	unsigned long in_pm;
	unsigned long out_pm;
	unsigned long host_pm;
	uint32_t in_fpc;
	uint32_t out_fpc;
	uint32_t host_fpc;
	uint32_t pad;
	uint64_t in_vx[32][2];
	uint64_t out_vx[32][2];
	/* What the return address is to be, and what it is for the test. */
	unsigned long expected_r14;
	unsigned long in_r14;
};

static_assert(offsetof(struct s390_run, in) == RUN_IN &&
	      offsetof(struct s390_run, out) == RUN_OUT &&
	      offsetof(struct s390_run, host) == RUN_HOST &&
	      offsetof(struct s390_run, host_fpr) == RUN_HOST_FPR &&
	      offsetof(struct s390_run, in_ar) == RUN_IN_AR &&
	      offsetof(struct s390_run, out_ar) == RUN_OUT_AR &&
	      offsetof(struct s390_run, in_pm) == RUN_IN_PM &&
	      offsetof(struct s390_run, out_pm) == RUN_OUT_PM &&
	      offsetof(struct s390_run, host_pm) == RUN_HOST_PM &&
	      offsetof(struct s390_run, in_fpc) == RUN_IN_FPC &&
	      offsetof(struct s390_run, out_fpc) == RUN_OUT_FPC &&
	      offsetof(struct s390_run, host_fpc) == RUN_HOST_FPC &&
	      offsetof(struct s390_run, in_vx) == RUN_IN_VX &&
	      offsetof(struct s390_run, out_vx) == RUN_OUT_VX,
	      "the assembly addresses its members");

static __thread struct s390_run run;

/* The condition code and the program mask, in the PSW's mask and for SPM. */
#define PM_SHIFT	40
#define PM_BITS		(0x3fUL << PM_SHIFT)
#define SPM_SHIFT	24
#define SPM_BITS	(0x3fUL << SPM_SHIFT)

#define MASK_ALWAYS	(S390_MASK_EA | S390_MASK_BA)

/*
 * The test chooses a value for the return address that the register can't have,
 * as it holds the trampoline's address or the call's.  What it ought to be
 * becomes what the test chose; anything else stays, and is seen.
 */
static void judge_r14(unsigned long *r14)
{
	if (*r14 == run.expected_r14)
		*r14 = run.in_r14;
}

int arch_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	     struct cpu_state *out)
{
	const struct s390_image *from = (const struct s390_image *)in->fp;
	struct s390_image *to = (struct s390_image *)out->fp;
	int reached;

	if (!(getauxval(AT_HWCAP) & HWCAP_S390_VXRS))
		abort();

	memcpy(run.in, in->reg, sizeof(run.in));
	run.in[14] = (unsigned long)entry;
	run.in_r14 = in->reg[S390_R14];
	run.expected_r14 = (unsigned long)(how == ARCH_BY_CALL ?
					   s390_behind_call : entry);
	run.in_pm = (in->reg[S390_MASK] & PM_BITS) >> PM_SHIFT << SPM_SHIFT;
	run.in_fpc = from->fpc;
	memcpy(run.in_vx, from->vx, sizeof(run.in_vx));
	memcpy(run.in_ar + 2, from->ar, sizeof(from->ar));
	run.in_ar[8] = (unsigned long)&run >> 32;
	run.in_ar[9] = (unsigned long)&run;

	s390_enter(&run, how == ARCH_BY_JUMP);

	memcpy(out->reg, run.out, sizeof(run.out));
	out->reg[1] = (unsigned long)run.out_ar[13] << 32 | run.out_ar[14];
	judge_r14(&out->reg[S390_R14]);
	memset(out->reg + S390_FP0, 0, 16 * sizeof(out->reg[0]));
	out->reg[S390_MASK] = MASK_ALWAYS |
		(run.out_pm & SPM_BITS) >> SPM_SHIFT << PM_SHIFT;
	to->fpc = run.out_fpc;
	to->pad = 0;
	memcpy(to->vx, run.out_vx, sizeof(to->vx));
	memcpy(to->ar, run.out_ar + 2, sizeof(to->ar));
	reached = run.out_ar[12];
	out->reg[S390_PC] = reached < 0 ? 0 : arch_target(reached);
	return reached;
}

unsigned long arch_target(unsigned int n)
{
	static const char *const targets[ARCH_NTARGETS] = {
		s390_target_0, s390_target_1, s390_target_2, s390_target_3,
	};

	return (unsigned long)targets[n];
}

void arch_fill(struct cpu_state *state, unsigned long sp, unsigned int seed)
{
	struct s390_image *image = (struct s390_image *)state->fp;
	size_t i;

	memset(state, 0, sizeof(*state));
	/* Both halves of a register have to come through. */
	for (i = 0; i < 16; i++) {
		state->reg[i] = (seed + 1) * 0x9e3779b1UL + i * 0x01010101UL;
		state->reg[i] |= ~state->reg[i] << 32;
	}
	state->reg[S390_R15] = sp;
	/* Of the program mask, what no code here would trap by. */
	state->reg[S390_MASK] = MASK_ALWAYS |
		((seed + 1UL) % 4 << 4 | seed % 4) << PM_SHIFT;

	for (i = 0; i < 32; i++) {
		image->vx[i][0] = state->reg[1] * (i + 2);
		image->vx[i][1] = state->reg[2] * (i + 3);
	}
	/* Another rounding mode than the usual, and some flags. */
	image->fpc = seed % 32 << 19 | (1 + seed % 3);
	for (i = 0; i < 6; i++)
		image->ar[i] = seed * 7 + i * 0x01020304;
}

bool arch_fp_equal(const struct cpu_state *a, const struct cpu_state *b)
{
	return !memcmp(a->fp, b->fp, sizeof(a->fp));
}

/* What the kernel has behind the ucontext_t of the C library. */
struct ucontext_vx {
	ucontext_t uc;
	uint64_t low[16];
	uint64_t high[16][2];
};

void arch_from_ucontext(struct cpu_state *state, const ucontext_t *uc)
{
	const struct ucontext_vx *ext = (const struct ucontext_vx *)uc;
	struct s390_image *image = (struct s390_image *)state->fp;
	const mcontext_t *m = &uc->uc_mcontext;
	size_t i;

	memset(state, 0, sizeof(*state));
	memcpy(state->reg, m->gregs, sizeof(m->gregs));
	judge_r14(&state->reg[S390_R14]);
	state->reg[S390_PC] = m->psw.addr;
	state->reg[S390_MASK] = m->psw.mask &
				(MASK_ALWAYS | S390_MASK_ASC | PM_BITS);
	image->fpc = m->fpregs.fpc;
	memcpy(image->ar, m->aregs + 2, sizeof(image->ar));
	for (i = 0; i < 16; i++) {
		memcpy(&image->vx[i][0], &m->fpregs.fprs[i].d, 8);
		image->vx[i][1] = ext->low[i];
	}
	memcpy(image->vx[16], ext->high, sizeof(ext->high));
}

void s390_to_ucontext(const struct cpu_state *state, void *p)
{
	const struct s390_image *image = (const struct s390_image *)state->fp;
	struct ucontext_vx *ext = p;
	mcontext_t *m = &ext->uc.uc_mcontext;
	size_t i;

	memcpy(m->gregs, state->reg, sizeof(m->gregs));
	m->psw.addr = state->reg[S390_PC];
	m->psw.mask = state->reg[S390_MASK];
	m->fpregs.fpc = image->fpc;
	memcpy(m->aregs + 2, image->ar, sizeof(image->ar));
	for (i = 0; i < 16; i++) {
		memcpy(&m->fpregs.fprs[i].d, &image->vx[i][0], 8);
		ext->low[i] = image->vx[i][1];
	}
	memcpy(ext->high, image->vx[16], sizeof(ext->high));
}

bool arch_set_trap_flag(struct cpu_state *state)
{
	return false;
}

/*
 * Emulated, a stepped program may lose the condition code and go astray (QEMU
 * 7.2 does).  See whether one comes through; s390_test.c has a step that does
 * not depend on it.
 */
bool arch_can_step(void)
{
	int status, i;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return false;
	for (i = 0; i < 10000; i++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return WIFEXITED(status) && !WEXITSTATUS(status);
		if (WSTOPSIG(status) != SIGTRAP)
			break;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return false;
}

unsigned long arch_ptrace_pc(pid_t pid)
{
	long pc;

	errno = 0;
	pc = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.psw.addr),
		    NULL);
	return errno ? 0 : pc;
}

/*
 * A range of addresses can be watched, but it is reported once the instruction
 * is done, and these tests want to be told before; s390_test.c has its own.
 */
int arch_ptrace_breakpoint(pid_t pid, unsigned long pc)
{
	return -EOPNOTSUPP;
}

int arch_ptrace_leave_breakpoint(pid_t pid)
{
	return 0;
}
