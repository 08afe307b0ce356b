// SPDX-License-Identifier: GPL-2.0
/* The tests' knowledge of x86 that is not assembly. */
#include <asm/perf_regs.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "../kselftest.h"
#include "trampfd_arch.h"

#define SAME_PLACE(reg) \
	static_assert((int)X86_##reg == (int)PERF_REG_X86_##reg, #reg)

SAME_PLACE(AX);
SAME_PLACE(BX);
SAME_PLACE(CX);
SAME_PLACE(DX);
SAME_PLACE(SI);
SAME_PLACE(DI);
SAME_PLACE(BP);
SAME_PLACE(SP);
SAME_PLACE(IP);
SAME_PLACE(FLAGS);
SAME_PLACE(CS);
SAME_PLACE(SS);
SAME_PLACE(DS);
SAME_PLACE(ES);
SAME_PLACE(FS);
SAME_PLACE(GS);
SAME_PLACE(R8);
SAME_PLACE(R9);
SAME_PLACE(R10);
SAME_PLACE(R11);
SAME_PLACE(R12);
SAME_PLACE(R13);
SAME_PLACE(R14);
SAME_PLACE(R15);

const struct arch_reg arch_settable[] = {
	{ X86_AX, "ax" }, { X86_BX, "bx" }, { X86_CX, "cx" }, { X86_DX, "dx" },
	{ X86_SI, "si" }, { X86_DI, "di" }, { X86_BP, "bp" },
#ifdef __x86_64__
	{ X86_R8, "r8" }, { X86_R9, "r9" }, { X86_R10, "r10" },
	{ X86_R11, "r11" }, { X86_R12, "r12" }, { X86_R13, "r13" },
	{ X86_R14, "r14" }, { X86_R15, "r15" },
#endif
};

const size_t arch_nsettable = ARRAY_SIZE(arch_settable);

const struct arch_reg arch_refused[] = {
	{ X86_SP, "sp" }, { X86_FLAGS, "flags" }, { X86_CS, "cs" },
	{ X86_SS, "ss" }, { X86_DS, "ds" }, { X86_ES, "es" }, { X86_FS, "fs" },
	{ X86_GS, "gs" },
#ifndef __x86_64__
	{ X86_R8, "r8" }, { X86_R9, "r9" }, { X86_R10, "r10" },
	{ X86_R11, "r11" }, { X86_R12, "r12" }, { X86_R13, "r13" },
	{ X86_R14, "r14" }, { X86_R15, "r15" },
#endif
	{ PERF_REG_X86_64_MAX, "the first behind r15" },
	{ PERF_REG_X86_XMM0, "xmm0" }, { PERF_REG_X86_XMM15, "xmm15" },
	{ PERF_REG_X86_XMM_MAX, "the first behind xmm15" },
	{ 0x7fffffff, "the greatest positive" }, { 0x80000000, "the least negative" },
	{ 0xffffffff, "the greatest" },
};

const size_t arch_nrefused = ARRAY_SIZE(arch_refused);

/* Four and five levels of page tables; with and without a 3 GB personality. */
const unsigned long long arch_task_sizes[] = {
#ifdef __x86_64__
	0x7ffffffff000ULL, 0xfffffffffff000ULL,
#else
	0xc0000000ULL, 0xffffe000ULL,
#endif
};

const size_t arch_ntask_sizes = ARRAY_SIZE(arch_task_sizes);

/* Arithmetic flags, direction and ID: what a program is free to set. */
#define FLAGS_FREE	0x200cd5UL
#define FLAGS_FIXED	0x202UL
#define FLAGS_TF	0x100UL

/* An FXSAVE image; the registers that a program of either width has. */
struct fx_image {
	uint16_t fcw;
	uint16_t fsw;
	uint8_t ftw;
	uint8_t reserved;
	uint16_t fop;
	uint64_t last[2];
	uint32_t mxcsr;
	uint32_t mxcsr_mask;
	struct {
		uint8_t value[10];
		uint8_t reserved[6];
	} st[8];
	uint8_t xmm[sizeof(long) * 2][16];
};

static_assert(sizeof(struct fx_image) <= ARCH_FP_SIZE, "FXSAVE");

__thread struct cpu_state x86_out;
__thread unsigned long x86_host_sp;
__thread const void *x86_entry;
__thread const void *x86_last;
__thread struct x86_far x86_far;
__thread unsigned int x86_host_mxcsr;
__thread unsigned short x86_host_fcw;
__thread int x86_reached;

static int enter(const struct cpu_state *in, const void *entry,
		 const void *last, struct cpu_state *out)
{
	x86_enter(in, entry, last);
	*out = x86_out;
	out->reg[X86_IP] = x86_reached < 0 ? 0 : arch_target(x86_reached);
	return x86_reached;
}

int arch_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	     struct cpu_state *out)
{
	return enter(in, entry, how == ARCH_BY_CALL ? x86_by_call : x86_by_jump,
		     out);
}

int x86_run_far(const struct cpu_state *in, struct x86_far far,
		struct cpu_state *out)
{
	x86_far = far;
	return enter(in, NULL, x86_by_far_jump, out);
}

unsigned long arch_target(unsigned int n)
{
	static const char *const targets[ARCH_NTARGETS] = {
		x86_target_0, x86_target_1, x86_target_2, x86_target_3,
	};

	return (unsigned long)targets[n];
}

void arch_fill(struct cpu_state *state, unsigned long sp, unsigned int seed)
{
	struct fx_image *fx = (struct fx_image *)state->fp;
	unsigned long fs, gs, cs, ss, ds, es;
	size_t i, k;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < ARCH_NREGS; i++)
		state->reg[i] = (seed + 1) * 0x9e3779b1UL + i * 0x01010101UL;
#ifdef __x86_64__
	/* Both halves of a register have to come through. */
	for (i = 0; i < ARCH_NREGS; i++)
		state->reg[i] |= ~state->reg[i] << 32;
#endif

	asm volatile("mov %%cs, %0" : "=r" (cs));
	asm volatile("mov %%ss, %0" : "=r" (ss));
	asm volatile("mov %%ds, %0" : "=r" (ds));
	asm volatile("mov %%es, %0" : "=r" (es));
	asm volatile("mov %%fs, %0" : "=r" (fs));
	asm volatile("mov %%gs, %0" : "=r" (gs));
	state->reg[X86_CS] = cs;
	state->reg[X86_SS] = ss;
	state->reg[X86_DS] = ds;
	state->reg[X86_ES] = es;
	state->reg[X86_FS] = fs;
	state->reg[X86_GS] = gs;
	state->reg[X86_SP] = sp;
	state->reg[X86_IP] = 0;
	state->reg[X86_FLAGS] = FLAGS_FIXED |
				(state->reg[X86_FLAGS] & FLAGS_FREE);

	/* All exceptions masked; other rounding modes than the usual. */
	fx->fcw = 0x37f | (1 + seed % 3) << 10;
	fx->mxcsr = 0x1f80 | (1 + seed % 3) << 13;
	fx->ftw = 0xff;
	for (i = 0; i < 8; i++) {
		memset(fx->st[i].value, 0x40 + 16 * i + seed, 8);
		/* Plain numbers, so that no load makes them other ones. */
		fx->st[i].value[7] |= 0x80;
		fx->st[i].value[8] = i;
		fx->st[i].value[9] = 0x40;
	}
	for (i = 0; i < ARRAY_SIZE(fx->xmm); i++)
		for (k = 0; k < sizeof(fx->xmm[0]); k++)
			fx->xmm[i][k] = seed * 7 + i * 16 + k;
}

bool arch_fp_equal(const struct cpu_state *a, const struct cpu_state *b)
{
	const struct fx_image *x = (const struct fx_image *)a->fp;
	const struct fx_image *y = (const struct fx_image *)b->fp;
	size_t i;

	for (i = 0; i < 8; i++)
		if (memcmp(x->st[i].value, y->st[i].value,
			   sizeof(x->st[i].value)))
			return false;
	return x->fcw == y->fcw && x->fsw == y->fsw && x->ftw == y->ftw &&
	       x->mxcsr == y->mxcsr && !memcmp(x->xmm, y->xmm, sizeof(x->xmm));
}

void arch_from_ucontext(struct cpu_state *state, const ucontext_t *uc)
{
	const greg_t *gregs = uc->uc_mcontext.gregs;
	const char *fp = (const char *)uc->uc_mcontext.fpregs;
	static const struct {
		int place;
		int greg;
	} map[] = {
#ifdef __x86_64__
		{ X86_AX, REG_RAX }, { X86_BX, REG_RBX }, { X86_CX, REG_RCX },
		{ X86_DX, REG_RDX }, { X86_SI, REG_RSI }, { X86_DI, REG_RDI },
		{ X86_BP, REG_RBP }, { X86_SP, REG_RSP }, { X86_IP, REG_RIP },
		{ X86_R8, REG_R8 }, { X86_R9, REG_R9 }, { X86_R10, REG_R10 },
		{ X86_R11, REG_R11 }, { X86_R12, REG_R12 },
		{ X86_R13, REG_R13 }, { X86_R14, REG_R14 },
		{ X86_R15, REG_R15 },
#else
		{ X86_AX, REG_EAX }, { X86_BX, REG_EBX }, { X86_CX, REG_ECX },
		{ X86_DX, REG_EDX }, { X86_SI, REG_ESI }, { X86_DI, REG_EDI },
		{ X86_BP, REG_EBP }, { X86_SP, REG_ESP }, { X86_IP, REG_EIP },
		{ X86_DS, REG_DS }, { X86_ES, REG_ES }, { X86_FS, REG_FS },
		{ X86_GS, REG_GS }, { X86_SS, REG_SS },
#endif
		{ X86_FLAGS, REG_EFL },
	};
	size_t i;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < ARRAY_SIZE(map); i++)
		state->reg[map[i].place] = gregs[map[i].greg];
	/* Not the program's: the fault itself sets RF. */
	state->reg[X86_FLAGS] &= ~0x10000UL;
#ifdef __x86_64__
	state->reg[X86_CS] = gregs[REG_CSGSFS] & 0xffff;
	state->reg[X86_GS] = gregs[REG_CSGSFS] >> 16 & 0xffff;
	state->reg[X86_FS] = gregs[REG_CSGSFS] >> 32 & 0xffff;
	state->reg[X86_SS] = gregs[REG_CSGSFS] >> 48 & 0xffff;
	/* Not in the frame; the handler still has the program's. */
	asm volatile("mov %%ds, %0" : "=r" (state->reg[X86_DS]));
	asm volatile("mov %%es, %0" : "=r" (state->reg[X86_ES]));
#else
	state->reg[X86_CS] = gregs[REG_CS];
	for (i = X86_CS; i <= X86_GS; i++)
		state->reg[i] &= 0xffff;
	/* The image of FSAVE comes first in a 32-bit frame. */
	fp += 112;
#endif
	memcpy(state->fp, fp, sizeof(state->fp));
}

bool arch_set_trap_flag(struct cpu_state *state)
{
	state->reg[X86_FLAGS] |= FLAGS_TF;
	return true;
}

bool arch_can_step(void)
{
	return true;
}

unsigned long arch_ptrace_pc(pid_t pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return 0;
#ifdef __x86_64__
	return regs.rip;
#else
	return regs.eip;
#endif
}

int arch_ptrace_breakpoint(pid_t pid, unsigned long pc)
{
	size_t dr0 = offsetof(struct user, u_debugreg[0]);
	size_t dr7 = offsetof(struct user, u_debugreg[7]);

	/* Register 0, for this task, on execution, one byte. */
	if (ptrace(PTRACE_POKEUSER, pid, dr0, pc) ||
	    ptrace(PTRACE_POKEUSER, pid, dr7, 1UL))
		return -errno;
	return 0;
}

/* The resume flag lets the instruction pass. */
int arch_ptrace_leave_breakpoint(pid_t pid)
{
	return 0;
}
