/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trampolines of 64-bit RISC-V, for tramp-arch.c.  The context register is T2,
 * which GCC has for the context of nested functions.
 */
#include <asm/perf_regs.h>
#include <linux/build_bug.h>
#include <linux/stringify.h>
#include <signal.h>
#include <string.h>
#include <sys/ucontext.h>

#define RISCV_STUB_SIZE		32
#define RISCV_TABLE_SIZE	4096
#define RISCV_TABLE_STRIDE	16
#define RISCV_T2		7

extern const char riscv_table[] __attribute__((visibility("hidden")));
unsigned long riscv_target_stack8(void);
unsigned long riscv_target_stack64(void);
unsigned long riscv_sigreturn(void);

/* The frame that riscv_sigreturn() returns from. */
struct {
	siginfo_t info;
	ucontext_t uc;
} riscv_frame __attribute__((visibility("hidden")));

/* What the assembler code below says as a number. */
#define RISCV_GREGS	304
#define RISCV_FPREGS	560
static_assert(offsetof(typeof(riscv_frame), uc.uc_mcontext.__gregs) == RISCV_GREGS &&
	      offsetof(typeof(riscv_frame), uc.uc_mcontext.__fpregs) == RISCV_FPREGS,
	      "layout of the frame");

asm(".pushsection .text\n"
	".globl tramp_target, riscv_target_stack8, riscv_target_stack64\n"
	".globl riscv_sigreturn, riscv_table\n"
	".hidden riscv_table\n"
	".type tramp_target, @function\n"
	".type riscv_target_stack8, @function\n"
	".type riscv_target_stack64, @function\n"
	".type riscv_sigreturn, @function\n"
	".type riscv_table, @object\n"

	/* The data is a page behind the code. */
	".option push\n"
	".option norvc\n"
	".balign " __stringify(RISCV_TABLE_SIZE) "\n"
	"riscv_table:\n"
	".rept " __stringify(RISCV_TABLE_SIZE) "/" __stringify(RISCV_TABLE_STRIDE) "\n"
	"	auipc	t1, 1\n"
	"	ld	t2, 0(t1)\n"
	"	ld	t1, 8(t1)\n"
	"	jr	t1\n"
	".endr\n"
	".size riscv_table, .-riscv_table\n"
	".option pop\n"

	".balign 16\n"
	"tramp_target:\n"
	"	mv	a0, t2\n"
	"	ret\n"
	".size tramp_target, .-tramp_target\n"

	".balign 16\n"
	"riscv_target_stack8:\n"
	"	ld	a0, 0(sp)\n"
	"	addi	sp, sp, 8\n"
	"	ret\n"
	".size riscv_target_stack8, .-riscv_target_stack8\n"

	".balign 16\n"
	"riscv_target_stack64:\n"
	"	ld	a0, 0(sp)\n"
	"	addi	sp, sp, 64\n"
	"	ret\n"
	".size riscv_target_stack64, .-riscv_target_stack64\n"

	/*
	 * T2 and the PC are in the frame; T0 and T1 are clobbered.  Of the
	 * floating-point registers, those that a function keeps.
	 */
	".balign 16\n"
	"riscv_sigreturn:\n"
	"	lla	t0, riscv_frame\n"
	"	addi	t1, t0, " __stringify(RISCV_GREGS) "\n"
	".irp n, 1,2,3,4,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	"	sd	x\\n, 8*\\n(t1)\n"
	".endr\n"
	"	addi	t1, t0, " __stringify(RISCV_FPREGS) "\n"
	".irp n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27\n"
	"	fsd	f\\n, 8*\\n(t1)\n"
	".endr\n"
	"	mv	sp, t0\n"
	"	li	a7, 139\n"		/* __NR_rt_sigreturn */
	"	ecall\n"
	".size riscv_sigreturn, .-riscv_sigreturn\n"
	".popsection\n");

static void riscv_write_stub(void *stub, unsigned long target, unsigned long context)
{
	const u32 code[] = {
		0x00000317,	/* auipc t1, 0 */
		0x01033383,	/* ld t2, 16(t1) */
		0x01833303,	/* ld t1, 24(t1) */
		0x00030067,	/* jr t1 */
	};

	memcpy(stub, code, sizeof(code));
	memcpy(stub + 16, &context, 8);
	memcpy(stub + 24, &target, 8);
}

static void riscv_edit_context(ucontext_t *uc, unsigned long target,
			       unsigned long context)
{
	uc->uc_mcontext.__gregs[RISCV_T2] = context;
	uc->uc_mcontext.__gregs[REG_PC] = target;
}

/* Without the vector registers: what would have to save them costs more. */
static void riscv_prepare_sigreturn(const ucontext_t *uc, unsigned long target,
				    unsigned long context)
{
	riscv_frame.uc = *uc;
	memset(riscv_frame.uc.uc_mcontext.__fpregs.__q.__glibc_reserved, 0,
	       sizeof(riscv_frame.uc.uc_mcontext.__fpregs.__q.__glibc_reserved));
	riscv_edit_context(&riscv_frame.uc, target, context);
}

const struct tramp_arch tramp_arch = {
	.regs = {
		PERF_REG_RISCV_T2, PERF_REG_RISCV_A0, PERF_REG_RISCV_A1,
		PERF_REG_RISCV_A2, PERF_REG_RISCV_A3, PERF_REG_RISCV_A4,
		PERF_REG_RISCV_A5,
	},
	.nr_regs = 7,
	.pc = PERF_REG_RISCV_PC,
	.stack = {
		{ .size = 8, .target = riscv_target_stack8 },
		{ .size = 64, .target = riscv_target_stack64 },
	},
	.stub_size = RISCV_STUB_SIZE,
	.write_stub = riscv_write_stub,
	.table_code = riscv_table,
	.table_size = RISCV_TABLE_SIZE,
	.table_stride = RISCV_TABLE_STRIDE,
	.edit_context = riscv_edit_context,
	.sigreturn = riscv_sigreturn,
	.prepare_sigreturn = riscv_prepare_sigreturn,
};
