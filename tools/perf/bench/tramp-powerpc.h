/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trampolines of 64-bit powerpc with the second ELF ABI, for tramp-arch.c.  The
 * context register is r11, which the ABI has for the context of nested
 * functions; who calls a pointer has the address in r12.
 */
#include <asm/perf_regs.h>
#include <asm/ptrace.h>
#include <linux/build_bug.h>
#include <linux/stringify.h>
#include <string.h>
#include <sys/ucontext.h>

#define PPC_STUB_SIZE		32
/* A multiple of every page size. */
#define PPC_TABLE_SIZE		65536
#define PPC_TABLE_STRIDE	32

/* What the assembler code below says as a number. */
#define PPC_GPR(n)	(offsetof(ucontext_t, uc_mcontext.gp_regs) + 8 * (n))
#define PPC_FPR(n)	(offsetof(ucontext_t, uc_mcontext.fp_regs) + 8 * (n))
static_assert(PPC_GPR(0) == 232 && PPC_FPR(0) == 616, "layout of ucontext_t");

#define PPC_MSR_VECTORS	0x2800000UL	/* VEC and VSX: what is in the frame */

extern const char ppc_table[] __attribute__((visibility("hidden")));
unsigned long ppc_target_stack8(void);
unsigned long ppc_target_stack64(void);
unsigned long ppc_sigreturn(void);

/* The frame that ppc_sigreturn() returns from. */
ucontext_t ppc_frame __attribute__((visibility("hidden")));

asm(".pushsection .text\n"
	".globl tramp_target, ppc_target_stack8, ppc_target_stack64\n"
	".globl ppc_sigreturn, ppc_table\n"
	".hidden ppc_table\n"
	".type tramp_target, @function\n"
	".type ppc_target_stack8, @function\n"
	".type ppc_target_stack64, @function\n"
	".type ppc_sigreturn, @function\n"
	".type ppc_table, @object\n"

	".balign " __stringify(PPC_TABLE_SIZE) "\n"
	"ppc_table:\n"
	".rept " __stringify(PPC_TABLE_SIZE) "/" __stringify(PPC_TABLE_STRIDE) "\n"
	"	addis	12, 12, " __stringify(PPC_TABLE_SIZE) " >> 16\n"
	"	ld	11, 0(12)\n"
	"	ld	12, 8(12)\n"
	"	mtctr	12\n"
	"	bctr\n"
	".balign " __stringify(PPC_TABLE_STRIDE) "\n"
	".endr\n"
	".size ppc_table, .-ppc_table\n"

	"tramp_target:\n"
	"	mr	3, 11\n"
	"	blr\n"
	".size tramp_target, .-tramp_target\n"

	".balign 16\n"
	"ppc_target_stack8:\n"
	"	ld	3, 0(1)\n"
	"	addi	1, 1, 8\n"
	"	blr\n"
	".size ppc_target_stack8, .-ppc_target_stack8\n"

	".balign 16\n"
	"ppc_target_stack64:\n"
	"	ld	3, 0(1)\n"
	"	addi	1, 1, 64\n"
	"	blr\n"
	".size ppc_target_stack64, .-ppc_target_stack64\n"

	/* r11 and the PC are in the frame; r0 is nobody's. */
	".balign 16\n"
	"ppc_sigreturn:\n"
	"0:	addis	2, 12, .TOC.-0b@ha\n"
	"	addi	2, 2, .TOC.-0b@l\n"
	"	mr	0, 12\n"
	"	addis	12, 2, ppc_frame@toc@ha\n"
	"	addi	12, 12, ppc_frame@toc@l\n"
	"	std	0, 232+8*12(12)\n"
	".irp n, 1,2,3,4,5,6,7,8,9,10,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	"	std	\\n, 232+8*\\n(12)\n"
	".endr\n"
	".irp n, 14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	"	stfd	\\n, 616+8*\\n(12)\n"
	".endr\n"
	"	mflr	0\n"
	"	std	0, 232+8*36(12)\n"	/* PT_LNK */
	"	mfcr	0\n"
	"	std	0, 232+8*38(12)\n"	/* PT_CCR */
	"	mr	1, 12\n"
	"	li	0, 172\n"		/* __NR_rt_sigreturn */
	"	sc\n"
	".size ppc_sigreturn, .-ppc_sigreturn\n"
	".popsection\n");

static void ppc_write_stub(void *stub, unsigned long target, unsigned long context)
{
	const u32 code[] = {
		0xe96c0018,			/* ld r11, 24(r12) */
		0xe98c0010,			/* ld r12, 16(r12) */
		0x7d8903a6,			/* mtctr r12 */
		0x4e800420,			/* bctr */
	};
	const unsigned long data[] = { target, context };

	memcpy(stub, code, sizeof(code));
	memcpy(stub + sizeof(code), data, sizeof(data));
	__builtin___clear_cache(stub, stub + sizeof(code));
}

static void ppc_edit_context(ucontext_t *uc, unsigned long target,
			     unsigned long context)
{
	uc->uc_mcontext.gp_regs[11] = context;
	uc->uc_mcontext.gp_regs[PT_NIP] = target;
}

/* Without the vector registers: what would have to save them costs more. */
static void ppc_prepare_sigreturn(const ucontext_t *uc, unsigned long target,
				  unsigned long context)
{
	ppc_frame = *uc;
	ppc_frame.uc_mcontext.v_regs = NULL;
	ppc_frame.uc_mcontext.gp_regs[PT_MSR] &= ~PPC_MSR_VECTORS;
	ppc_edit_context(&ppc_frame, target, context);
}

const struct tramp_arch tramp_arch = {
	.regs = {
		PERF_REG_POWERPC_R11, PERF_REG_POWERPC_R3, PERF_REG_POWERPC_R4,
		PERF_REG_POWERPC_R5, PERF_REG_POWERPC_R6, PERF_REG_POWERPC_R7,
		PERF_REG_POWERPC_R8,
	},
	.nr_regs = 7,
	.pc = PERF_REG_POWERPC_NIP,
	.stack = {
		{ .size = 8, .target = ppc_target_stack8 },
		{ .size = 64, .target = ppc_target_stack64 },
	},
	.stub_size = PPC_STUB_SIZE,
	.write_stub = ppc_write_stub,
	.table_code = ppc_table,
	.table_size = PPC_TABLE_SIZE,
	.table_stride = PPC_TABLE_STRIDE,
	.edit_context = ppc_edit_context,
	.sigreturn = ppc_sigreturn,
	.prepare_sigreturn = ppc_prepare_sigreturn,
};
