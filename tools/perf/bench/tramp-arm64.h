/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trampolines of arm64, for tramp-arch.c.  The context register is X18, which
 * GCC has for the context of nested functions.
 */
#include <asm/perf_regs.h>
#include <asm/sigcontext.h>
#include <linux/build_bug.h>
#include <linux/stringify.h>
#include <string.h>
#include <sys/ucontext.h>

#define ARM64_STUB_SIZE		32
#define ARM64_TABLE_SIZE	4096
#define ARM64_TABLE_STRIDE	16

/* The frame that arm64_sigreturn() returns from, as a signal handler's is. */
struct arm64_frame {
	char siginfo[128];
	ucontext_t uc;
};

extern struct arm64_frame arm64_frame __attribute__((visibility("hidden")));
struct arm64_frame arm64_frame;

/* What the assembler code below says as a number. */
#define ARM64_MCONTEXT(member)	offsetof(struct arm64_frame, uc.uc_mcontext.member)
#define ARM64_RECORDS		ARM64_MCONTEXT(__reserved)
static_assert(ARM64_MCONTEXT(regs) == 312 &&
	      ARM64_MCONTEXT(sp) == 312 + 248 &&
	      ARM64_RECORDS + offsetof(struct fpsimd_context, vregs[8]) == 736,
	      "layout of the frame");

extern const char arm64_table[] __attribute__((visibility("hidden")));
unsigned long arm64_target_stack16(void);
unsigned long arm64_target_stack64(void);
unsigned long arm64_sigreturn(void);

asm(".pushsection .text\n"
	".globl tramp_target, arm64_target_stack16, arm64_target_stack64\n"
	".globl arm64_sigreturn, arm64_table\n"
	".hidden arm64_table\n"
	".type tramp_target, %function\n"
	".type arm64_target_stack16, %function\n"
	".type arm64_target_stack64, %function\n"
	".type arm64_sigreturn, %function\n"
	".type arm64_table, %object\n"

	".balign " __stringify(ARM64_TABLE_SIZE) "\n"
	"arm64_table:\n"
	".rept " __stringify(ARM64_TABLE_SIZE) "/" __stringify(ARM64_TABLE_STRIDE) "\n"
	"1:	ldr	x18, 1b+" __stringify(ARM64_TABLE_SIZE) "\n"
	"	ldr	x17, 1b+8+" __stringify(ARM64_TABLE_SIZE) "\n"
	"	br	x17\n"
	".balign " __stringify(ARM64_TABLE_STRIDE) "\n"
	".endr\n"
	".size arm64_table, .-arm64_table\n"

	"tramp_target:\n"
	"	mov	x0, x18\n"
	"	ret\n"
	".size tramp_target, .-tramp_target\n"

	".balign 16\n"
	"arm64_target_stack16:\n"
	"	ldr	x0, [sp], #16\n"
	"	ret\n"
	".size arm64_target_stack16, .-arm64_target_stack16\n"

	".balign 16\n"
	"arm64_target_stack64:\n"
	"	ldr	x0, [sp], #64\n"
	"	ret\n"
	".size arm64_target_stack64, .-arm64_target_stack64\n"

	/*
	 * X18 and PC are in the frame; X16 and X17 are any trampoline's own.
	 * The kernel takes no frame without vector registers: of these, a
	 * function has to keep the lower halves of V8 to V15.
	 */
	".balign 16\n"
	"arm64_sigreturn:\n"
	"	adrp	x16, arm64_frame\n"
	"	add	x16, x16, :lo12:arm64_frame\n"
	"	add	x17, x16, #312\n"
	"	stp	x0, x1, [x17]\n"
	"	stp	x2, x3, [x17, #16]\n"
	"	stp	x4, x5, [x17, #32]\n"
	"	stp	x6, x7, [x17, #48]\n"
	"	stp	x8, x9, [x17, #64]\n"
	"	stp	x10, x11, [x17, #80]\n"
	"	stp	x12, x13, [x17, #96]\n"
	"	stp	x14, x15, [x17, #112]\n"
	"	str	x19, [x17, #152]\n"
	"	stp	x20, x21, [x17, #160]\n"
	"	stp	x22, x23, [x17, #176]\n"
	"	stp	x24, x25, [x17, #192]\n"
	"	stp	x26, x27, [x17, #208]\n"
	"	stp	x28, x29, [x17, #224]\n"
	"	mov	x0, sp\n"
	"	stp	x30, x0, [x17, #240]\n"
	"	str	d8, [x16, #736]\n"
	"	str	d9, [x16, #736+16]\n"
	"	str	d10, [x16, #736+32]\n"
	"	str	d11, [x16, #736+48]\n"
	"	str	d12, [x16, #736+64]\n"
	"	str	d13, [x16, #736+80]\n"
	"	str	d14, [x16, #736+96]\n"
	"	str	d15, [x16, #736+112]\n"
	"	mov	sp, x16\n"
	"	mov	x8, #139\n"		/* __NR_rt_sigreturn */
	"	svc	#0\n"
	".size arm64_sigreturn, .-arm64_sigreturn\n"
	".popsection\n");

static void arm64_write_stub(void *stub, unsigned long target, unsigned long context)
{
	const struct {
		u32 code[4];
		unsigned long data[2];
	} trampoline = {
		.code = {
			0x58000092,	/* ldr x18, context */
			0x580000b1,	/* ldr x17, target */
			0xd61f0220,	/* br x17 */
			0xd503201f,	/* nop */
		},
		.data = { context, target },
	};

	static_assert(sizeof(trampoline) == ARM64_STUB_SIZE, "stub");
	memcpy(stub, &trampoline, sizeof(trampoline));
}

static void arm64_edit_context(ucontext_t *uc, unsigned long target,
			       unsigned long context)
{
	uc->uc_mcontext.regs[18] = context;
	uc->uc_mcontext.pc = target;
}

/* With no records but the vector registers that the kernel asks for. */
static void arm64_prepare_sigreturn(const ucontext_t *uc, unsigned long target,
				    unsigned long context)
{
	const size_t size = offsetof(ucontext_t, uc_mcontext.__reserved);
	struct fpsimd_context *vectors = (void *)arm64_frame.uc.uc_mcontext.__reserved;

	memcpy(&arm64_frame.uc, uc, size);
	memset(vectors, 0, sizeof(*vectors) + sizeof(struct _aarch64_ctx));
	vectors->head.magic = FPSIMD_MAGIC;
	vectors->head.size = sizeof(*vectors);
	arm64_edit_context(&arm64_frame.uc, target, context);
}

const struct tramp_arch tramp_arch = {
	.regs = {
		PERF_REG_ARM64_X18, PERF_REG_ARM64_X0, PERF_REG_ARM64_X1,
		PERF_REG_ARM64_X2, PERF_REG_ARM64_X3, PERF_REG_ARM64_X4,
		PERF_REG_ARM64_X5,
	},
	.nr_regs = 7,
	.pc = PERF_REG_ARM64_PC,
	.stack = {
		{ .size = 16, .target = arm64_target_stack16 },
		{ .size = 64, .target = arm64_target_stack64 },
	},
	.stub_size = ARM64_STUB_SIZE,
	.write_stub = arm64_write_stub,
	.table_code = arm64_table,
	.table_size = ARM64_TABLE_SIZE,
	.table_stride = ARM64_TABLE_STRIDE,
	.edit_context = arm64_edit_context,
	.sigreturn = arm64_sigreturn,
	.prepare_sigreturn = arm64_prepare_sigreturn,
};
