// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to x86: which registers a trampoline may load, where the page-fault
 * entry code saved them, and the code that loads them without a fault.
 */
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/nospec.h>
#include <linux/pgtable.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/trampfd.h>
#include <linux/unaligned.h>

#include <asm/debugreg.h>

#define WORD(reg)	(offsetof(struct pt_regs, reg) / sizeof(unsigned long))

static const u8 words[] = {
	[PERF_REG_X86_AX]	= WORD(ax),
	[PERF_REG_X86_BX]	= WORD(bx),
	[PERF_REG_X86_CX]	= WORD(cx),
	[PERF_REG_X86_DX]	= WORD(dx),
	[PERF_REG_X86_SI]	= WORD(si),
	[PERF_REG_X86_DI]	= WORD(di),
	[PERF_REG_X86_BP]	= WORD(bp),
#ifdef CONFIG_X86_64
	[PERF_REG_X86_R8]	= WORD(r8),
	[PERF_REG_X86_R9]	= WORD(r9),
	[PERF_REG_X86_R10]	= WORD(r10),
	[PERF_REG_X86_R11]	= WORD(r11),
	[PERF_REG_X86_R12]	= WORD(r12),
	[PERF_REG_X86_R13]	= WORD(r13),
	[PERF_REG_X86_R14]	= WORD(r14),
	[PERF_REG_X86_R15]	= WORD(r15),
#endif
};

/* What arch_trampfd_reg() lets through. */
#ifdef CONFIG_X86_64
static_assert(WORD(orig_ax) == 15 && WORD(ip) > 15);
#else
static_assert(WORD(ax) < 7 && WORD(ds) == 7);
#endif

/**
 * arch_trampfd_word() - tell the slot of a register
 * @name: The register, one of those that may be set.
 *
 * Return: the word of pt_regs.
 */
unsigned int arch_trampfd_word(u32 name)
{
	return words[array_index_nospec(name, ARRAY_SIZE(words))];
}

/* What the CPU calls the registers. */
static const u8 numbers[] = {
	[PERF_REG_X86_AX]	= 0,
	[PERF_REG_X86_BX]	= 3,
	[PERF_REG_X86_CX]	= 1,
	[PERF_REG_X86_DX]	= 2,
	[PERF_REG_X86_SI]	= 6,
	[PERF_REG_X86_DI]	= 7,
	[PERF_REG_X86_BP]	= 5,
	[PERF_REG_X86_R8]	= 8,
	[PERF_REG_X86_R9]	= 9,
	[PERF_REG_X86_R10]	= 10,
	[PERF_REG_X86_R11]	= 11,
	[PERF_REG_X86_R12]	= 12,
	[PERF_REG_X86_R13]	= 13,
	[PERF_REG_X86_R14]	= 14,
	[PERF_REG_X86_R15]	= 15,
};

/* A register in the place of an opcode or of ModRM where the number's bit 3 is not. */
static u8 low_bits(u32 name)
{
	return numbers[array_index_nospec(name, ARRAY_SIZE(numbers))] & 7;
}

static u8 *put_u32(u8 *p, u32 value)
{
	put_unaligned_le32(value, p);
	return p + sizeof(value);
}

/* mov slot(%rip), %reg ...; jmp *slot(%rip) */
static int code_64(const struct trampfd_shape *shape, u8 *entry)
{
	u8 *p = entry;
	u32 i;

	for (i = 0; i < shape->nregs; i++) {
		*p++ = shape->names[i] >= PERF_REG_X86_R8 ? 0x4c : 0x48;
		*p++ = 0x8b;
		*p++ = 0x05 | low_bits(shape->names[i]) << 3;
		/* The operand is relative to the next instruction. */
		p = put_u32(p, TRAMPFD_CODE_TO_DATA + shape->values[i] -
			       (p + sizeof(u32) - entry));
	}
	*p++ = 0xff;
	*p++ = 0x25;
	p = put_u32(p, TRAMPFD_CODE_TO_DATA + shape->pc -
		       (p + sizeof(u32) - entry));
	return p - entry;
}

/*
 * push %eax twice; call 1f; 1: pop %eax; mov pc(%eax), %eax; mov %eax, 4(%esp);
 * pop %eax; ret
 */
static int code_32_none(const struct trampfd_shape *shape, u8 *entry)
{
	static const u8 begin[] = { 0x50, 0x50, 0xe8, 0, 0, 0, 0, 0x58, 0x8b, 0x80 };
	static const u8 end[] = { 0x89, 0x44, 0x24, 0x04, 0x58, 0xc3 };
	const u32 label = 7;
	u8 *p = entry;

	memcpy(p, begin, sizeof(begin));
	p = put_u32(p + sizeof(begin), TRAMPFD_CODE_TO_DATA + shape->pc - label);
	memcpy(p, end, sizeof(end));
	return p + sizeof(end) - entry;
}

/*
 * With the shape's first register as base, as there is no operand relative to the
 * PC:
 *
 *	call 1f; 1: pop base; mov slot(base), reg ...; push slot(base); push pc(base);
 *	mov 4(%esp), base; ret $4
 *
 * Three registers have "lea slot(base), base" and shorter operands, to fit.
 */
static int code_32(const struct trampfd_shape *shape, u8 *entry)
{
	const u8 base = low_bits(shape->names[0]);
	const bool near = shape->nregs == 3;
	const u8 mod = near ? 0x40 : 0x80;
	const u32 label = 5;
	u8 *p = entry;
	u32 i;

	*p++ = 0xe8;
	p = put_u32(p, 0);
	*p++ = 0x58 | base;
	if (near) {
		*p++ = 0x8d;
		*p++ = 0x80 | base << 3 | base;
		p = put_u32(p, TRAMPFD_CODE_TO_DATA - label);
	}
	/* The others, the first, and the PC. */
	for (i = 1; i < shape->nregs + 2; i++) {
		u8 at = i < shape->nregs ? shape->values[i] :
			i == shape->nregs ? shape->values[0] : shape->pc;

		*p++ = i < shape->nregs ? 0x8b : 0xff;
		*p++ = mod | base |
		       (i < shape->nregs ? low_bits(shape->names[i]) : 6) << 3;
		if (near)
			*p++ = at;
		else
			p = put_u32(p, TRAMPFD_CODE_TO_DATA - label + at);
	}
	*p++ = 0x8b;
	*p++ = 0x44 | base << 3;
	*p++ = 0x24;
	*p++ = 4;
	*p++ = 0xc2;
	*p++ = 4;
	*p++ = 0;
	return p - entry;
}

/**
 * arch_trampfd_code() - write the code that loads the registers of a shape
 * @shape: The shape.
 * @entry: Where to write it.
 *
 * Return: how many bytes it has, or -EOPNOTSUPP if the CPU executes all memory.
 */
int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry)
{
	if (!(__supported_pte_mask & _PAGE_NX))
		return -EOPNOTSUPP;
	if (shape->abi == TRAMPFD_ABI_64)
		return code_64(shape, entry);
	return shape->nregs ? code_32(shape, entry) : code_32_none(shape, entry);
}

/**
 * arch_trampfd_abi() - tell the ABI of the system call that is running
 *
 * Return: the ABI, or -EOPNOTSUPP for one without trampolines (x32).
 */
int arch_trampfd_abi(void)
{
	if (IS_ENABLED(CONFIG_X86_32) || in_ia32_syscall())
		return TRAMPFD_ABI_32;
	if (in_x32_syscall())
		return -EOPNOTSUPP;
	return TRAMPFD_ABI_64;
}

/**
 * arch_trampfd_single_step() - stop at the target's first instruction
 * @regs: The registers, PC at the target.
 *
 * The trap flag takes effect after the next instruction, one too late: the
 * call to the trampoline was the step.  It was a branch as well, so this is
 * right for block-stepping too, which stays on, as no debug exception happened.
 */
void arch_trampfd_single_step(struct pt_regs *regs)
{
	bool irqs_off = irqs_disabled();

	/* On PREEMPT_RT, sending a signal sleeps. */
	if (irqs_off)
		local_irq_enable();
	current->thread.virtual_dr6 = DR_STEP;
	send_sigtrap(regs, 0, TRAP_TRACE);
	if (irqs_off)
		local_irq_disable();
}
