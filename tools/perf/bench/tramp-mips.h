/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trampolines of 64-bit mips, ABI n64, for tramp-arch.c.  The context register
 * is $15, which GCC has for the context of nested functions; who calls a pointer
 * has the address in $25.
 */
#include <asm/perf_regs.h>
#include <linux/build_bug.h>
#include <linux/stringify.h>
#include <signal.h>
#include <string.h>
#include <sys/ucontext.h>

#define MIPS_STUB_SIZE		32
/* A multiple of every page size. */
#define MIPS_TABLE_SIZE		65536
#define MIPS_TABLE_STRIDE	32

/* What sigreturn takes from the stack. */
struct mips_sigframe {
	unsigned int room[6];
	siginfo_t info;
	ucontext_t uc;
};

/* What the assembler code below says as a number. */
#define MIPS_GREG(n)	(offsetof(struct mips_sigframe, uc.uc_mcontext.gregs) + 8 * (n))
#define MIPS_FPREG(n)	(offsetof(struct mips_sigframe, uc.uc_mcontext.fpregs) + 8 * (n))
static_assert(MIPS_GREG(0) == 192 && MIPS_FPREG(0) == 448, "layout of the frame");

extern const char mips_table[] __attribute__((visibility("hidden")));
unsigned long mips_target_stack8(void);
unsigned long mips_target_stack64(void);
unsigned long mips_sigreturn(void);

/* The frame that mips_sigreturn() returns from. */
struct mips_sigframe mips_frame __attribute__((visibility("hidden")));

asm(".pushsection .text\n"
	".set	push\n"
	".set	noreorder\n"
	".set	noat\n"
	".globl tramp_target\n"
	".globl mips_target_stack8\n"
	".globl mips_target_stack64\n"
	".globl mips_sigreturn\n"
	".globl mips_table\n"
	".hidden mips_table\n"
	".type tramp_target, @function\n"
	".type mips_target_stack8, @function\n"
	".type mips_target_stack64, @function\n"
	".type mips_sigreturn, @function\n"
	".type mips_table, @object\n"

	".balign " __stringify(MIPS_TABLE_SIZE) "\n"
	"mips_table:\n"
	".rept " __stringify(MIPS_TABLE_SIZE) "/" __stringify(MIPS_TABLE_STRIDE) "\n"
	"	lui	$1, " __stringify(MIPS_TABLE_SIZE) " >> 16\n"
	"	daddu	$25, $25, $1\n"
	"	ld	$15, 0($25)\n"
	"	ld	$25, 8($25)\n"
	"	jr	$25\n"
	"	nop\n"
	".balign " __stringify(MIPS_TABLE_STRIDE) "\n"
	".endr\n"
	".size mips_table, .-mips_table\n"

	"tramp_target:\n"
	"	jr	$31\n"
	"	move	$2, $15\n"
	".size tramp_target, .-tramp_target\n"

	".balign 16\n"
	"mips_target_stack8:\n"
	"	ld	$2, 0($29)\n"
	"	jr	$31\n"
	"	daddiu	$29, $29, 8\n"
	".size mips_target_stack8, .-mips_target_stack8\n"

	".balign 16\n"
	"mips_target_stack64:\n"
	"	ld	$2, 0($29)\n"
	"	jr	$31\n"
	"	daddiu	$29, $29, 64\n"
	".size mips_target_stack64, .-mips_target_stack64\n"

	/* $15 and the PC are in the frame; $1 is nobody's. */
	".balign 16\n"
	"mips_sigreturn:\n"
	"	lui	$1, %hi(%neg(%gp_rel(mips_sigreturn)))\n"
	"	daddu	$1, $1, $25\n"
	"	daddiu	$1, $1, %lo(%neg(%gp_rel(mips_sigreturn)))\n"
	"	ld	$1, %got_disp(mips_frame)($1)\n"
	".irp n, 2,3,4,5,6,7,8,9,10,11,12,13,14,16,17,18,19,20,21,22,23,24,25,28,29,30,31\n"
	"	sd	$\\n, 192+8*\\n($1)\n"
	".endr\n"
	".irp n, 24,25,26,27,28,29,30,31\n"
	"	sdc1	$f\\n, 448+8*\\n($1)\n"
	".endr\n"
	"	move	$29, $1\n"
	"	li	$2, 5211\n"		/* __NR_rt_sigreturn */
	"	syscall\n"
	".size mips_sigreturn, .-mips_sigreturn\n"
	".set	pop\n"
	".popsection\n");

static void mips_write_stub(void *stub, unsigned long target, unsigned long context)
{
	const u32 code[] = {
		0xdf2f0010,			/* ld $15, 16($25) */
		0xdf390018,			/* ld $25, 24($25) */
		0x03200008,			/* jr $25 */
		0,
	};
	const unsigned long data[] = { context, target };

	memcpy(stub, code, sizeof(code));
	memcpy(stub + sizeof(code), data, sizeof(data));
	__builtin___clear_cache(stub, stub + sizeof(code));
}

static void mips_edit_context(ucontext_t *uc, unsigned long target,
			      unsigned long context)
{
	uc->uc_mcontext.gregs[15] = context;
	uc->uc_mcontext.pc = target;
}

static void mips_prepare_sigreturn(const ucontext_t *uc, unsigned long target,
				   unsigned long context)
{
	mips_frame.uc = *uc;
	mips_edit_context(&mips_frame.uc, target, context);
}

const struct tramp_arch tramp_arch = {
	.regs = {
		PERF_REG_MIPS_R15, PERF_REG_MIPS_R4, PERF_REG_MIPS_R5,
		PERF_REG_MIPS_R6, PERF_REG_MIPS_R7, PERF_REG_MIPS_R8,
		PERF_REG_MIPS_R9,
	},
	.nr_regs = 7,
	.pc = PERF_REG_MIPS_PC,
	.stack = {
		{ .size = 8, .target = mips_target_stack8 },
		{ .size = 64, .target = mips_target_stack64 },
	},
	.stub_size = MIPS_STUB_SIZE,
	.write_stub = mips_write_stub,
	.table_code = mips_table,
	.table_size = MIPS_TABLE_SIZE,
	.table_stride = MIPS_TABLE_STRIDE,
	.edit_context = mips_edit_context,
	.sigreturn = mips_sigreturn,
	.prepare_sigreturn = mips_prepare_sigreturn,
};
