// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to s390: the code that loads a trampoline's registers without a
 * fault.
 */
#include <linux/cpufeature.h>
#include <linux/errno.h>
#include <linux/trampfd.h>
#include <linux/unaligned.h>

/* lgrl reg, place, in halfwords from the instruction's own address */
static u8 *put_lgrl(u8 *p, const u8 *entry, u32 reg, u32 place)
{
	put_unaligned_be16(0xc408 | reg << 4, p);
	put_unaligned_be32((TRAMPFD_CODE_TO_DATA + place - (p - entry)) / 2, p + 2);
	return p + 6;
}

/**
 * arch_trampfd_code() - write the code that loads the registers of a shape
 * @shape: The shape.
 * @entry: Where to write it.
 *
 *	lgrl value, slot ...; lgrl %r1, slot; br %r1
 *
 * perf's numbers are those of the registers.
 *
 * Return: how many bytes it has, or -EOPNOTSUPP if the CPU executes all memory.
 */
int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry)
{
	const u32 target = arch_trampfd_target(shape->abi);
	u8 *p = entry;
	u32 i;

	if (!cpu_has_nx())
		return -EOPNOTSUPP;
	for (i = 0; i < shape->nregs; i++)
		p = put_lgrl(p, entry, shape->names[i], shape->values[i]);
	p = put_lgrl(p, entry, target, shape->pc);
	put_unaligned_be16(0x07f0 | target, p);
	return p + 2 - entry;
}
