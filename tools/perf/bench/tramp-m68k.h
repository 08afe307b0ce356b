/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trampolines of m68k from the 68020 on, for tramp-arch.c.  The context register
 * is A0, which GCC has for the context of nested functions.
 */
#include <linux/build_bug.h>
#include <linux/stringify.h>
#include <signal.h>
#include <string.h>
#include <sys/ucontext.h>

/* The tools have no copy of it. */
#include "../../../arch/m68k/include/uapi/asm/perf_regs.h"

#define M68K_STUB_SIZE		12
/* A multiple of every page size. */
#define M68K_TABLE_SIZE		8192
#define M68K_TABLE_STRIDE	16

extern const char m68k_table[] __attribute__((visibility("hidden")));
unsigned long m68k_target_stack8(void);
unsigned long m68k_target_stack64(void);
unsigned long m68k_sigreturn(void);

/* The frame that m68k_sigreturn() returns from. */
struct {
	unsigned long words[4];
	unsigned char code[8];
	siginfo_t info;
	ucontext_t uc;
} m68k_frame __attribute__((visibility("hidden")));

/* What the assembler code below says as a number. */
#define M68K_GREGS	176
#define M68K_FPREGS	260
static_assert(offsetof(typeof(m68k_frame), uc.uc_mcontext.gregs) == M68K_GREGS &&
	      offsetof(typeof(m68k_frame), uc.uc_mcontext.fpregs.f_fpregs) == M68K_FPREGS,
	      "layout of the frame");

asm(".pushsection .text\n"
	".globl tramp_target, m68k_target_stack8, m68k_target_stack64\n"
	".globl m68k_sigreturn, m68k_table\n"
	".hidden m68k_table\n"
	".type tramp_target, @function\n"
	".type m68k_target_stack8, @function\n"
	".type m68k_target_stack64, @function\n"
	".type m68k_sigreturn, @function\n"
	".type m68k_table, @object\n"

	/* The data is as far behind the code as the table is long. */
	".balign " __stringify(M68K_TABLE_SIZE) "\n"
	"m68k_table:\n"
	".rept " __stringify(M68K_TABLE_SIZE) "/" __stringify(M68K_TABLE_STRIDE) "\n"
	"1:	move.l	(1b+" __stringify(M68K_TABLE_SIZE) ", %pc), %a0\n"
	"	jmp	([1b+" __stringify(M68K_TABLE_SIZE) "+4, %pc])\n"
	".balign " __stringify(M68K_TABLE_STRIDE) "\n"
	".endr\n"
	".size m68k_table, .-m68k_table\n"

	"tramp_target:\n"
	"	move.l	%a0, %d0\n"
	"	rts\n"
	".size tramp_target, .-tramp_target\n"

	".balign 16\n"
	"m68k_target_stack8:\n"
	"	move.l	(%sp), %d0\n"
	"	addq.l	#8, %sp\n"
	"	rts\n"
	".size m68k_target_stack8, .-m68k_target_stack8\n"

	".balign 16\n"
	"m68k_target_stack64:\n"
	"	move.l	(%sp), %d0\n"
	"	lea	64(%sp), %sp\n"
	"	rts\n"
	".size m68k_target_stack64, .-m68k_target_stack64\n"

	/*
	 * A0 and the PC are in the frame.  Of the floating-point registers, those
	 * that a function keeps.  The kernel takes the first word for popped.
	 */
	".balign 16\n"
	"m68k_sigreturn:\n"
	"	lea	(m68k_frame, %pc), %a0\n"
	"	movem.l	%d0-%d7, " __stringify(M68K_GREGS) "(%a0)\n"
	"	movem.l	%a1-%a7, " __stringify(M68K_GREGS) "+4*9(%a0)\n"
	"	fmovem.x %fp2-%fp7, " __stringify(M68K_FPREGS) "+12*2(%a0)\n"
	"	lea	4(%a0), %sp\n"
	"	move.l	#173, %d0\n"		/* __NR_rt_sigreturn */
	"	trap	#0\n"
	".size m68k_sigreturn, .-m68k_sigreturn\n"
	".popsection\n");

static void m68k_write_stub(void *stub, unsigned long target, unsigned long context)
{
	const u16 load = 0x207c;		/* move.l #context, %a0 */
	const u16 jump = 0x4ef9;		/* jmp target */

	memcpy(stub, &load, 2);
	memcpy(stub + 2, &context, 4);
	memcpy(stub + 6, &jump, 2);
	memcpy(stub + 8, &target, 4);
	__builtin___clear_cache(stub, stub + M68K_STUB_SIZE);
}

static void m68k_edit_context(ucontext_t *uc, unsigned long target,
			      unsigned long context)
{
	uc->uc_mcontext.gregs[R_A0] = context;
	uc->uc_mcontext.gregs[R_PC] = target;
}

static void m68k_prepare_sigreturn(const ucontext_t *uc, unsigned long target,
				   unsigned long context)
{
	m68k_frame.uc = *uc;
	m68k_edit_context(&m68k_frame.uc, target, context);
}

const struct tramp_arch tramp_arch = {
	/* A function keeps the others. */
	.regs = {
		PERF_REG_M68K_A0, PERF_REG_M68K_A1, PERF_REG_M68K_D0,
		PERF_REG_M68K_D1,
	},
	.nr_regs = 4,
	.pc = PERF_REG_M68K_PC,
	.stack = {
		{ .size = 8, .target = m68k_target_stack8 },
		{ .size = 64, .target = m68k_target_stack64 },
	},
	.stub_size = M68K_STUB_SIZE,
	.write_stub = m68k_write_stub,
	.table_code = m68k_table,
	.table_size = M68K_TABLE_SIZE,
	.table_stride = M68K_TABLE_STRIDE,
	.edit_context = m68k_edit_context,
	.sigreturn = m68k_sigreturn,
	.prepare_sigreturn = m68k_prepare_sigreturn,
};
