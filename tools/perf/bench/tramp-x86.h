/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trampolines of x86-64, for tramp-arch.c.  The context register is R10, which
 * the ABI has for the context of nested functions.
 */
#include <asm/perf_regs.h>
#include <linux/build_bug.h>
#include <linux/stringify.h>
#include <string.h>
#include <sys/ucontext.h>

#define X86_STUB_SIZE		32
#define X86_TABLE_SIZE		4096
#define X86_TABLE_STRIDE	16
#define X86_VSYSCALL_TIME	0xffffffffff600400UL

/* What the assembler code below says as a number. */
#define X86_GREG(reg)	(offsetof(ucontext_t, uc_mcontext.gregs) + 8 * (reg))
static_assert(X86_GREG(REG_R8) == 40 && X86_GREG(REG_R15) == 96 &&
	      X86_GREG(REG_RDI) == 104 && X86_GREG(REG_RSP) == 160,
	      "layout of ucontext_t");

extern const char x86_table[] __attribute__((visibility("hidden")));
unsigned long x86_target_stack8(void);
unsigned long x86_target_stack64(void);
unsigned long x86_sigreturn(void);

/* The frame that x86_sigreturn() returns from. */
ucontext_t x86_frame __attribute__((visibility("hidden")));

asm(".pushsection .text\n"
	".globl tramp_target, x86_target_stack8, x86_target_stack64\n"
	".globl x86_sigreturn, x86_table\n"
	".hidden x86_table\n"
	".type tramp_target, @function\n"
	".type x86_target_stack8, @function\n"
	".type x86_target_stack64, @function\n"
	".type x86_sigreturn, @function\n"
	".type x86_table, @object\n"

	".balign " __stringify(X86_TABLE_SIZE) "\n"
	"x86_table:\n"
	".rept " __stringify(X86_TABLE_SIZE) "/" __stringify(X86_TABLE_STRIDE) "\n"
	"1:	movq	1b+" __stringify(X86_TABLE_SIZE) "(%rip), %r10\n"
	"	jmpq	*1b+8+" __stringify(X86_TABLE_SIZE) "(%rip)\n"
	".balign " __stringify(X86_TABLE_STRIDE) "\n"
	".endr\n"
	".size x86_table, .-x86_table\n"

	"tramp_target:\n"
	"	movq	%r10, %rax\n"
	"	ret\n"
	".size tramp_target, .-tramp_target\n"

	".balign 16\n"
	"x86_target_stack8:\n"
	"	popq	%rax\n"
	"	ret\n"
	".size x86_target_stack8, .-x86_target_stack8\n"

	".balign 16\n"
	"x86_target_stack64:\n"
	"	movq	(%rsp), %rax\n"
	"	addq	$64, %rsp\n"
	"	ret\n"
	".size x86_target_stack64, .-x86_target_stack64\n"

	/* R10 and RIP are in the frame; the system call needs RAX, clobbers R11. */
	".balign 16\n"
	"x86_sigreturn:\n"
	"	movq	%r8,  x86_frame+40(%rip)\n"
	"	movq	%r9,  x86_frame+48(%rip)\n"
	"	movq	%r11, x86_frame+64(%rip)\n"
	"	movq	%r12, x86_frame+72(%rip)\n"
	"	movq	%r13, x86_frame+80(%rip)\n"
	"	movq	%r14, x86_frame+88(%rip)\n"
	"	movq	%r15, x86_frame+96(%rip)\n"
	"	movq	%rdi, x86_frame+104(%rip)\n"
	"	movq	%rsi, x86_frame+112(%rip)\n"
	"	movq	%rbp, x86_frame+120(%rip)\n"
	"	movq	%rbx, x86_frame+128(%rip)\n"
	"	movq	%rdx, x86_frame+136(%rip)\n"
	"	movq	%rax, x86_frame+144(%rip)\n"
	"	movq	%rcx, x86_frame+152(%rip)\n"
	"	movq	%rsp, x86_frame+160(%rip)\n"
	"	leaq	x86_frame(%rip), %rsp\n"
	"	movl	$15, %eax\n"		/* __NR_rt_sigreturn */
	"	syscall\n"
	".size x86_sigreturn, .-x86_sigreturn\n"
	".popsection\n");

static void x86_write_stub(void *stub, unsigned long target, unsigned long context)
{
	unsigned char code[] = {
		0x49, 0xba, 0, 0, 0, 0, 0, 0, 0, 0,	/* movabs context, %r10 */
		0x49, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0,	/* movabs target, %r11 */
		0x41, 0xff, 0xe3,			/* jmp *%r11 */
	};

	memcpy(code + 2, &context, 8);
	memcpy(code + 12, &target, 8);
	memcpy(stub, code, sizeof(code));
}

static void x86_edit_context(ucontext_t *uc, unsigned long target,
			     unsigned long context)
{
	uc->uc_mcontext.gregs[REG_R10] = context;
	uc->uc_mcontext.gregs[REG_RIP] = target;
}

/* Without the vector registers: what would have to save them costs more. */
static void x86_prepare_sigreturn(const ucontext_t *uc, unsigned long target,
				  unsigned long context)
{
	x86_frame = *uc;
	x86_frame.uc_mcontext.fpregs = NULL;
	x86_edit_context(&x86_frame, target, context);
}

static void *x86_vsyscall(void)
{
	struct tramp_map map;

	if (!tramp_find_map(X86_VSYSCALL_TIME, &map) || strcmp(map.perms, "--xp"))
		return NULL;
	return (void *)X86_VSYSCALL_TIME;
}

const struct tramp_arch tramp_arch = {
	.regs = {
		PERF_REG_X86_R10, PERF_REG_X86_DI, PERF_REG_X86_SI,
		PERF_REG_X86_DX, PERF_REG_X86_CX, PERF_REG_X86_R8,
		PERF_REG_X86_R9,
	},
	.nr_regs = 7,
	.pc = PERF_REG_X86_IP,
	.stack = {
		{ .size = 8, .target = x86_target_stack8 },
		{ .size = 64, .target = x86_target_stack64 },
	},
	.stub_size = X86_STUB_SIZE,
	.write_stub = x86_write_stub,
	.table_code = x86_table,
	.table_size = X86_TABLE_SIZE,
	.table_stride = X86_TABLE_STRIDE,
	.edit_context = x86_edit_context,
	.sigreturn = x86_sigreturn,
	.prepare_sigreturn = x86_prepare_sigreturn,
	.vsyscall = x86_vsyscall,
};
