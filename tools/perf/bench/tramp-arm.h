/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trampolines of 32-bit arm, for tramp-arch.c, all in ARM state.  The context
 * register is IP, which GCC has for the context of nested functions.
 */
#include <asm/perf_regs.h>
#include <linux/build_bug.h>
#include <linux/stringify.h>
#include <string.h>
#include <sys/ucontext.h>

#define ARM_STUB_SIZE		16
#define ARM_TABLE_SIZE		4096
#define ARM_TABLE_STRIDE	8

#define ARM_CPSR_THUMB		0x20

/* The frame that arm_sigreturn() returns from, as a signal handler's is. */
struct arm_frame {
	char siginfo[128];
	ucontext_t uc;
};

extern struct arm_frame arm_frame __attribute__((visibility("hidden")));
struct arm_frame arm_frame;

/* What the assembler code below says as a number. */
#define ARM_VFP		offsetof(struct arm_frame, uc.uc_regspace)
static_assert(offsetof(struct arm_frame, uc.uc_mcontext.arm_r0) == 160 &&
	      offsetof(struct arm_frame, uc.uc_mcontext.arm_sp) == 160 + 52 &&
	      ARM_VFP + 8 + 8 * 8 == 160 + 272,
	      "layout of the frame");

extern const char arm_table[] __attribute__((visibility("hidden")));
unsigned long arm_target_stack8(void);
unsigned long arm_target_stack64(void);
unsigned long arm_sigreturn(void);

asm(".pushsection .text\n"
	".syntax unified\n"
	".arm\n"
	".globl tramp_target, arm_target_stack8, arm_target_stack64\n"
	".globl arm_sigreturn, arm_table\n"
	".hidden arm_table\n"
	".type tramp_target, %function\n"
	".type arm_target_stack8, %function\n"
	".type arm_target_stack64, %function\n"
	".type arm_sigreturn, %function\n"
	".type arm_table, %object\n"

	/* What an instruction has for the PC is 8 bytes on. */
	".balign " __stringify(ARM_TABLE_SIZE) "\n"
	"arm_table:\n"
	".rept " __stringify(ARM_TABLE_SIZE) "/" __stringify(ARM_TABLE_STRIDE) "\n"
	"	ldr	ip, [pc, #" __stringify(ARM_TABLE_SIZE) "-8]\n"
	"	ldr	pc, [pc, #" __stringify(ARM_TABLE_SIZE) "-8]\n"
	".endr\n"
	".size arm_table, .-arm_table\n"

	"tramp_target:\n"
	"	mov	r0, ip\n"
	"	bx	lr\n"
	".size tramp_target, .-tramp_target\n"

	".balign 16\n"
	"arm_target_stack8:\n"
	"	ldr	r0, [sp], #8\n"
	"	bx	lr\n"
	".size arm_target_stack8, .-arm_target_stack8\n"

	".balign 16\n"
	"arm_target_stack64:\n"
	"	ldr	r0, [sp], #64\n"
	"	bx	lr\n"
	".size arm_target_stack64, .-arm_target_stack64\n"

	/*
	 * IP and PC are in the frame.  The kernel takes no frame without vector
	 * registers: of these, a function has to keep D8 to D15.
	 */
	".balign 16\n"
	"arm_sigreturn:\n"
	"	ldr	ip, 2f\n"
	"1:	add	ip, pc, ip\n"
	"	stmia	ip, {r0-r11}\n"
	"	str	sp, [ip, #52]\n"
	"	str	lr, [ip, #56]\n"
	"	add	r0, ip, #272\n"
	"	vstmia	r0, {d8-d15}\n"
	"	sub	sp, ip, #160\n"
	"	mov	r7, #173\n"		/* __NR_rt_sigreturn */
	"	svc	#0\n"
	"2:	.word	arm_frame + 160 - (1b + 8)\n"
	".size arm_sigreturn, .-arm_sigreturn\n"
#ifdef __thumb__
	".thumb\n"
#endif
	".popsection\n");

static void arm_write_stub(void *stub, unsigned long target, unsigned long context)
{
	const unsigned long trampoline[] = {
		0xe59fc000,		/* ldr ip, context */
		0xe59ff000,		/* ldr pc, target */
		context,
		target,
	};

	static_assert(sizeof(trampoline) == ARM_STUB_SIZE, "stub");
	memcpy(stub, trampoline, sizeof(trampoline));
}

static void arm_edit_context(ucontext_t *uc, unsigned long target,
			     unsigned long context)
{
	uc->uc_mcontext.arm_ip = context;
	uc->uc_mcontext.arm_pc = target;
	uc->uc_mcontext.arm_cpsr &= ~ARM_CPSR_THUMB;
}

static void arm_prepare_sigreturn(const ucontext_t *uc, unsigned long target,
				  unsigned long context)
{
	arm_frame.uc = *uc;
	arm_edit_context(&arm_frame.uc, target, context);
}

const struct tramp_arch tramp_arch = {
	.regs = {
		PERF_REG_ARM_IP, PERF_REG_ARM_R0, PERF_REG_ARM_R1,
		PERF_REG_ARM_R2, PERF_REG_ARM_R3,
	},
	.nr_regs = 5,
	.pc = PERF_REG_ARM_PC,
	.stack = {
		{ .size = 8, .target = arm_target_stack8 },
		{ .size = 64, .target = arm_target_stack64 },
	},
	.stub_size = ARM_STUB_SIZE,
	.write_stub = arm_write_stub,
	.table_code = arm_table,
	.table_size = ARM_TABLE_SIZE,
	.table_stride = ARM_TABLE_STRIDE,
	.edit_context = arm_edit_context,
	.sigreturn = arm_sigreturn,
	.prepare_sigreturn = arm_prepare_sigreturn,
};
