/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trampolines of s390x, for tramp-arch.c.  The context register is R0, which
 * GCC has for the context of nested functions.
 */
#include <asm/perf_regs.h>
#include <linux/build_bug.h>
#include <linux/stringify.h>
#include <signal.h>
#include <string.h>
#include <sys/ucontext.h>

#define S390_STUB_SIZE		32
#define S390_TABLE_SIZE		4096
#define S390_TABLE_STRIDE	16

extern const char s390_table[] __attribute__((visibility("hidden")));
unsigned long s390_target_stack8(void);
unsigned long s390_target_stack64(void);
unsigned long s390_sigreturn(void);

/* The frame that s390_sigreturn() returns from. */
struct {
	char callee_used_stack[160];
	unsigned short svc;
	siginfo_t info;
	ucontext_t uc;
	char vector[512];
} s390_frame __attribute__((visibility("hidden")));

/* What the assembler code below says as a number. */
#define S390_GREGS	352
#define S390_FPREGS	552
static_assert(offsetof(typeof(s390_frame), uc.uc_mcontext.gregs) == S390_GREGS &&
	      offsetof(typeof(s390_frame), uc.uc_mcontext.fpregs.fprs) == S390_FPREGS,
	      "layout of the frame");

asm(".pushsection .text\n"
	".globl tramp_target, s390_target_stack8, s390_target_stack64\n"
	".globl s390_sigreturn, s390_table\n"
	".hidden s390_table\n"
	".type tramp_target, @function\n"
	".type s390_target_stack8, @function\n"
	".type s390_target_stack64, @function\n"
	".type s390_sigreturn, @function\n"
	".type s390_table, @object\n"

	/* The data is a page behind the code. */
	".balign " __stringify(S390_TABLE_SIZE) "\n"
	"s390_table:\n"
	".rept " __stringify(S390_TABLE_SIZE) "/" __stringify(S390_TABLE_STRIDE) "\n"
	"	larl	%r1, .+" __stringify(S390_TABLE_SIZE) "\n"
	"	lmg	%r0, %r1, 0(%r1)\n"
	"	br	%r1\n"
	".balign " __stringify(S390_TABLE_STRIDE) "\n"
	".endr\n"
	".size s390_table, .-s390_table\n"

	"tramp_target:\n"
	"	lgr	%r2, %r0\n"
	"	br	%r14\n"
	".size tramp_target, .-tramp_target\n"

	".balign 16\n"
	"s390_target_stack8:\n"
	"	lg	%r2, 0(%r15)\n"
	"	aghi	%r15, 8\n"
	"	br	%r14\n"
	".size s390_target_stack8, .-s390_target_stack8\n"

	".balign 16\n"
	"s390_target_stack64:\n"
	"	lg	%r2, 0(%r15)\n"
	"	aghi	%r15, 64\n"
	"	br	%r14\n"
	".size s390_target_stack64, .-s390_target_stack64\n"

	/*
	 * R0 and the PC are in the frame; R1 is clobbered.  Of the
	 * floating-point registers, those that a function keeps.
	 */
	".balign 16\n"
	"s390_sigreturn:\n"
	"	larl	%r1, s390_frame\n"
	"	stmg	%r2, %r15, " __stringify(S390_GREGS) "+8*2(%r1)\n"
	".irp n, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	std	%f\\n, " __stringify(S390_FPREGS) "+8*\\n(%r1)\n"
	".endr\n"
	"	lgr	%r15, %r1\n"
	"	svc	173\n"			/* __NR_rt_sigreturn */
	".size s390_sigreturn, .-s390_sigreturn\n"
	".popsection\n");

static void s390_write_stub(void *stub, unsigned long target, unsigned long context)
{
	const u16 code[] = {
		0x0d10,				/* basr %r1,0 */
		0xeb01, 0x100e, 0x0004,		/* lmg %r0,%r1,14(%r1) */
		0x07f1,				/* br %r1 */
	};

	memcpy(stub, code, sizeof(code));
	memcpy(stub + 16, &context, 8);
	memcpy(stub + 24, &target, 8);
}

static void s390_edit_context(ucontext_t *uc, unsigned long target,
			      unsigned long context)
{
	uc->uc_mcontext.gregs[0] = context;
	uc->uc_mcontext.psw.addr = target;
}

/* No function keeps a vector register, but for what a floating-point one is of it. */
static void s390_prepare_sigreturn(const ucontext_t *uc, unsigned long target,
				   unsigned long context)
{
	s390_frame.uc = *uc;
	s390_edit_context(&s390_frame.uc, target, context);
}

const struct tramp_arch tramp_arch = {
	.regs = {
		PERF_REG_S390_R0, PERF_REG_S390_R2, PERF_REG_S390_R3,
		PERF_REG_S390_R4, PERF_REG_S390_R5, PERF_REG_S390_R1,
	},
	/* A function keeps the others. */
	.nr_regs = 6,
	.pc = PERF_REG_S390_PC,
	.stack = {
		{ .size = 8, .target = s390_target_stack8 },
		{ .size = 64, .target = s390_target_stack64 },
	},
	.stub_size = S390_STUB_SIZE,
	.write_stub = s390_write_stub,
	.table_code = s390_table,
	.table_size = S390_TABLE_SIZE,
	.table_stride = S390_TABLE_STRIDE,
	.edit_context = s390_edit_context,
	.sigreturn = s390_sigreturn,
	.prepare_sigreturn = s390_prepare_sigreturn,
};
