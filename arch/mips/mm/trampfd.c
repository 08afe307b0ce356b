// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to mips: the code that loads a trampoline's registers without a
 * fault.
 *
 * Entries are MIPS32 or MIPS64 code in the kernel's byte order, never microMIPS, even
 * if the kernel is.
 */
#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/pgtable.h>
#include <linux/trampfd.h>

#include <asm/cpu-features.h>

#define REG_SP		29
#define REG_SCRATCH	PERF_REG_MIPS_R12

/* Bytes on the stack, a multiple of what any ABI aligns it to. */
#define FRAME		16

/* Instructions with a base register, and an offset or number. */
#define LUI		0x3c000000
#define ADDIU		0x24000000
#define DADDIU		0x64000000
#define LW		0x8c000000
#define LD		0xdc000000
#define SW		0xac000000
#define SD		0xfc000000

#define NOP		0

static u32 insn_imm(u32 op, u32 reg, u32 base, u16 imm)
{
	return op | base << 21 | reg << 16 | imm;
}

/* daddu or addu dest, a, b */
static u32 insn_add(bool wide, u32 dest, u32 a, u32 b)
{
	return (wide ? 0x2d : 0x21) | a << 21 | b << 16 | dest << 11;
}

/* Release 6 has no jr, and others may take a jalr for a call. */
static u32 insn_jr(u32 reg)
{
	return (cpu_has_mips_r6 ? 0x09 : 0x08) | reg << 21;
}

/*
 * Without a register that may change:
 *
 *	daddiu $29, -16; sd $12, ($29); lui $12, 16; daddu $25, $12, $25; ld $25, ($25);
 *	ld $12, ($29); jr $25; daddiu $29, 16
 *
 * Registers of n32 have 8 bytes, but addresses and words in a slot 4.
 */
static int code_none(const struct trampfd_shape *shape, u32 *entry)
{
	const bool wide = shape->abi == TRAMPFD_ABI_N64;
	const u32 target = arch_trampfd_target(shape->abi);
	const u32 add = wide ? DADDIU : ADDIU;
	const u32 push = shape->abi == TRAMPFD_ABI_O32 ? SW : SD;
	const u32 pop = shape->abi == TRAMPFD_ABI_O32 ? LW : LD;
	u32 *insn = entry;

	*insn++ = insn_imm(add, REG_SP, REG_SP, -FRAME);
	*insn++ = insn_imm(push, REG_SCRATCH, REG_SP, 0);
	*insn++ = insn_imm(LUI, REG_SCRATCH, 0, TRAMPFD_CODE_TO_DATA >> 16);
	*insn++ = insn_add(wide, target, REG_SCRATCH, target);
	*insn++ = insn_imm(wide ? LD : LW, target, target, shape->pc);
	*insn++ = insn_imm(pop, REG_SCRATCH, REG_SP, 0);
	*insn++ = insn_jr(target);
	*insn++ = insn_imm(add, REG_SP, REG_SP, FRAME);
	return (u8 *)insn - (u8 *)entry;
}

/* lui value, 16; daddu $25, value, $25; ld value, ($25) ...; ld $25, pc($25); jr $25; nop */
static int code(const struct trampfd_shape *shape, u32 *entry)
{
	const bool wide = shape->abi == TRAMPFD_ABI_N64;
	const u32 target = arch_trampfd_target(shape->abi);
	const u32 load = wide ? LD : LW;
	u32 *insn = entry;
	u32 i;

	*insn++ = insn_imm(LUI, shape->names[0], 0, TRAMPFD_CODE_TO_DATA >> 16);
	*insn++ = insn_add(wide, target, shape->names[0], target);
	for (i = 0; i < shape->nregs; i++)
		*insn++ = insn_imm(load, shape->names[i], target, shape->values[i]);
	*insn++ = insn_imm(load, target, target, shape->pc);
	*insn++ = insn_jr(target);
	*insn++ = NOP;
	return (u8 *)insn - (u8 *)entry;
}

/**
 * arch_trampfd_code() - write the code that loads the registers of a shape
 * @shape: The shape.
 * @entry: Where to write it.
 *
 * $25 has the entry's address, as a call by address leaves it.  perf's numbers are
 * those of the registers.
 *
 * Return: how many bytes it has, or -EOPNOTSUPP if the CPU executes all memory, or
 * if a program might not see what the kernel writes to a page that it has mapped.
 */
int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry)
{
	if (!_PAGE_NO_EXEC || cpu_has_dc_aliases)
		return -EOPNOTSUPP;
	return shape->nregs ? code(shape, (u32 *)entry) :
			      code_none(shape, (u32 *)entry);
}
