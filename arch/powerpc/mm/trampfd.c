// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to powerpc: the code that loads a trampoline's registers without a
 * fault.
 *
 * Both MMUs can refuse execution, and data caches do not alias.
 */
#include <linux/trampfd.h>

#include <asm/ppc-opcode.h>

/**
 * arch_trampfd_code() - write the code that loads the registers of a shape
 * @shape: The shape.
 * @entry: Where to write it.
 *
 *	addis r12,r12,16; ld value,0(r12) ...; ld r12,pc(r12); mtctr r12; bctr
 *
 * R12 has the entry's address, as a call by address leaves it.  CTR changes, too:
 * code can branch only through it or LR.  It has the target's address then.
 * perf's numbers are those of the registers.
 *
 * Return: how many bytes it has.
 */
int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry)
{
	const u32 target = arch_trampfd_target(shape->abi);
	u32 *insn = (u32 *)entry;
	u32 i;

	*insn++ = PPC_RAW_ADDIS(target, target, TRAMPFD_CODE_TO_DATA >> 16);
	for (i = 0; i < shape->nregs; i++)
		*insn++ = PPC_RAW_LD(shape->names[i], target, shape->values[i]);
	*insn++ = PPC_RAW_LD(target, target, shape->pc);
	*insn++ = PPC_RAW_MTCTR(target);
	*insn++ = PPC_RAW_BCTR();
	return (u8 *)insn - entry;
}
