/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trampolines of 32-bit x86, for tramp-arch.c.  The context register is ECX,
 * which GCC has for the context of nested functions.
 */
#include <asm/perf_regs.h>
#include <linux/build_bug.h>
#include <linux/stringify.h>
#include <signal.h>
#include <string.h>
#include <sys/ucontext.h>

#define I386_STUB_SIZE		16
#define I386_TABLE_SIZE		4096
#define I386_TABLE_STRIDE	32

extern const char i386_table[] __attribute__((visibility("hidden")));
unsigned long i386_target_stack8(void);
unsigned long i386_target_stack64(void);
unsigned long i386_sigreturn(void);

/* The frame that i386_sigreturn() returns from, without the return address. */
struct {
	int sig;
	void *pinfo;
	void *puc;
	siginfo_t info;
	ucontext_t uc;
} i386_frame __attribute__((visibility("hidden")));

/* What the assembler code below says as a number. */
#define I386_GREG(reg)	(offsetof(typeof(i386_frame), uc.uc_mcontext.gregs) + 4 * (reg))
static_assert(I386_GREG(REG_EDI) == 176 && I386_GREG(REG_EAX) == 204,
	      "layout of the frame");

asm(".pushsection .text\n"
	".globl tramp_target, i386_target_stack8, i386_target_stack64\n"
	".globl i386_sigreturn, i386_table\n"
	".hidden i386_table\n"
	".type tramp_target, @function\n"
	".type i386_target_stack8, @function\n"
	".type i386_target_stack64, @function\n"
	".type i386_sigreturn, @function\n"
	".type i386_table, @object\n"

	/* Only a call tells where the code is. */
	".balign " __stringify(I386_TABLE_SIZE) "\n"
	"i386_table:\n"
	".rept " __stringify(I386_TABLE_SIZE) "/" __stringify(I386_TABLE_STRIDE) "\n"
	"	call	1f\n"
	"1:	popl	%eax\n"
	"	movl	" __stringify(I386_TABLE_SIZE) "-5(%eax), %ecx\n"
	"	jmp	*" __stringify(I386_TABLE_SIZE) "-1(%eax)\n"
	".balign " __stringify(I386_TABLE_STRIDE) "\n"
	".endr\n"
	".size i386_table, .-i386_table\n"

	"tramp_target:\n"
	"	movl	%ecx, %eax\n"
	"	ret\n"
	".size tramp_target, .-tramp_target\n"

	".balign 16\n"
	"i386_target_stack8:\n"
	"	popl	%eax\n"
	"	popl	%edx\n"
	"	ret\n"
	".size i386_target_stack8, .-i386_target_stack8\n"

	".balign 16\n"
	"i386_target_stack64:\n"
	"	movl	(%esp), %eax\n"
	"	addl	$64, %esp\n"
	"	ret\n"
	".size i386_target_stack64, .-i386_target_stack64\n"

	/* ECX and EIP are in the frame. */
	".balign 16\n"
	"i386_sigreturn:\n"
	"	movl	%edi, i386_frame+176\n"
	"	movl	%esi, i386_frame+180\n"
	"	movl	%ebp, i386_frame+184\n"
	"	movl	%esp, i386_frame+188\n"
	"	movl	%ebx, i386_frame+192\n"
	"	movl	%edx, i386_frame+196\n"
	"	movl	%eax, i386_frame+204\n"
	"	movl	$i386_frame, %esp\n"
	"	movl	$173, %eax\n"		/* __NR_rt_sigreturn */
	"	int	$0x80\n"
	".size i386_sigreturn, .-i386_sigreturn\n"
	".popsection\n");

static void i386_write_stub(void *stub, unsigned long target, unsigned long context)
{
	unsigned char code[] = {
		0xb9, 0, 0, 0, 0,	/* mov context, %ecx */
		0xe9, 0, 0, 0, 0,	/* jmp target */
	};
	const unsigned long distance = target - (unsigned long)(stub + sizeof(code));

	memcpy(code + 1, &context, 4);
	memcpy(code + 6, &distance, 4);
	memcpy(stub, code, sizeof(code));
}

static void i386_edit_context(ucontext_t *uc, unsigned long target,
			      unsigned long context)
{
	uc->uc_mcontext.gregs[REG_ECX] = context;
	uc->uc_mcontext.gregs[REG_EIP] = target;
}

/* Without the vector registers: what would have to save them costs more. */
static void i386_prepare_sigreturn(const ucontext_t *uc, unsigned long target,
				   unsigned long context)
{
	i386_frame.uc = *uc;
	i386_frame.uc.uc_mcontext.fpregs = NULL;
	i386_edit_context(&i386_frame.uc, target, context);
}

const struct tramp_arch tramp_arch = {
	.regs = {
		PERF_REG_X86_CX, PERF_REG_X86_AX, PERF_REG_X86_DX,
	},
	/* A function keeps the others. */
	.nr_regs = 3,
	.pc = PERF_REG_X86_IP,
	.stack = {
		{ .size = 8, .target = i386_target_stack8 },
		{ .size = 64, .target = i386_target_stack64 },
	},
	.stub_size = I386_STUB_SIZE,
	.write_stub = i386_write_stub,
	.table_code = i386_table,
	.table_size = I386_TABLE_SIZE,
	.table_stride = I386_TABLE_STRIDE,
	.edit_context = i386_edit_context,
	.sigreturn = i386_sigreturn,
	.prepare_sigreturn = i386_prepare_sigreturn,
};
