// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to 64-bit RISC-V: the code that loads a trampoline's registers
 * without a fault.
 *
 * Page tables can refuse execution, and caches do not alias.  All harts have seen
 * fence.i once a page of code is written.
 */
#include <linux/trampfd.h>
#include <linux/unaligned.h>

static u8 *put_insn(u8 *p, u32 insn)
{
	put_unaligned_le32(insn, p);
	return p + sizeof(insn);
}

/* ld reg, offset(base) */
static u32 insn_ld(u32 reg, u32 base, u32 offset)
{
	return 0x00003003 | offset << 20 | base << 15 | reg << 7;
}

/**
 * arch_trampfd_code() - write the code that loads the registers of a shape
 * @shape: The shape.
 * @entry: Where to write it.
 *
 *	auipc t6, 0x100; ld value, 0(t6) ...; ld t6, pc(t6); jr t6
 *
 * perf's numbers are those of the registers.  Where processes may have landing pads
 * (Zicfilp), it begins with one for any label, and its jump asks for another at the
 * target, as that of a function's address does.  The label in t2 is still the caller's,
 * unless the record loads t2; then the target needs label 0, or that in the value.
 *
 * Return: how many bytes it has.
 */
int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry)
{
	const u32 t6 = arch_trampfd_target(shape->abi);
	u8 *p = entry;
	u32 i, at;

	/* lpad 0 */
	if (cpu_supports_indirect_br_lp_instr())
		p = put_insn(p, 0x00000017);
	at = p - entry;
	p = put_insn(p, 0x00000017 | TRAMPFD_CODE_TO_DATA | t6 << 7);
	for (i = 0; i < shape->nregs; i++)
		p = put_insn(p, insn_ld(shape->names[i], t6, shape->values[i] - at));
	p = put_insn(p, insn_ld(t6, t6, shape->pc - at));
	p = put_insn(p, 0x00000067 | t6 << 15);
	return p - entry;
}
