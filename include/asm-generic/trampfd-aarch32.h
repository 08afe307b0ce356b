/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trampfd's code for programs with ARM instructions of 32 bits: what the ports to arm
 * and arm64 share.
 */
#ifndef _ASM_GENERIC_TRAMPFD_AARCH32_H
#define _ASM_GENERIC_TRAMPFD_AARCH32_H

#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/trampfd.h>
#include <linux/types.h>
#include <linux/unaligned.h>

/* The PC reads as the instruction's address and this. */
#define TRAMPFD_AARCH32_AHEAD	8

/* Little-endian in memory, also where data is not. */
static inline int trampfd_aarch32_put(const u32 *insns, unsigned int n, u8 *entry)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		put_unaligned_le32(insns[i], entry + i * sizeof(*insns));
	return n * sizeof(*insns);
}

/**
 * trampfd_aarch32_code() - write the code that loads the registers of a shape
 * @shape: The shape.  Values and PC are put into ascending order of registers,
 *	where one instruction loads them.
 * @entry: Where to write it.
 *
 * In ARM state, which calls from Thumb state change to:
 *
 *	add reg, pc, #0x100000; ldmda reg, {reg, ..., pc}
 *
 * The base is the first register of the shape, as the CPU keeps it if there is a
 * fault before it has loaded all.  It points at the last word that is loaded: at 8
 * bytes into the slot, or at 12 after one instruction more for three registers.
 *
 * Without a register that may change there is
 *
 *	str ip, [sp, #-8]!; add ip, pc, #0x100000; ldr ip, [ip, #-12]; str ip, [sp, #4];
 *	ldm sp!, {ip, pc}
 *
 * Return: how many bytes it has.
 */
static inline int trampfd_aarch32_code(struct trampfd_shape *shape, u8 *entry)
{
	static const u32 none[] = {
		0xe52dc008, 0xe28fc601, 0xe51cc00c, 0xe58dc004, 0xe8bd9000,
	};
	const u32 base = shape->names[0];
	u32 insns[3], list = BIT(15), n = 0, last = TRAMPFD_AARCH32_AHEAD;
	unsigned int i;

	if (!shape->nregs) {
		shape->pc = 0;
		return trampfd_aarch32_put(none, ARRAY_SIZE(none), entry);
	}

	insns[n++] = 0xe28f0601 | base << 12;
	if (shape->nregs == 3) {
		/* add reg, reg, #4 */
		insns[n++] = 0xe2800004 | base << 16 | base << 12;
		last += sizeof(u32);
	}
	for (i = 0; i < shape->nregs; i++) {
		list |= BIT(shape->names[i]);
		shape->values[i] = last - (shape->nregs - i) * sizeof(u32);
	}
	shape->pc = last;
	insns[n++] = 0xe8100000 | base << 16 | list;
	return trampfd_aarch32_put(insns, n, entry);
}

#endif /* _ASM_GENERIC_TRAMPFD_AARCH32_H */
