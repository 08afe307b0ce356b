// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to arm64: the code that loads a trampoline's registers without a
 * fault.
 *
 * The CPU can refuse to execute any page, and its data caches do not alias.  What
 * is written to a page of code here is made visible to instruction fetches once more
 * by set_pte(), when it is mapped.
 */
#include <linux/cpufeature.h>
#include <linux/mman.h>
#include <linux/trampfd.h>
#include <linux/unaligned.h>

#include <asm-generic/trampfd-aarch32.h>

#include <asm/insn.h>

/* A reach of 1 MiB less four bytes: the first instruction is the landing pad. */
#define ADR_OFFSET	4

static u8 *put_insn(u8 *p, u32 insn)
{
	put_unaligned_le32(insn, p);
	return p + AARCH64_INSN_SIZE;
}

/* ldp first, second, [x16, #offset] */
static u32 insn_ldp(u32 first, u32 second, u32 offset)
{
	return 0xa9400000 | offset / sizeof(u64) << 15 | second << 10 |
	       ARM64_TRAMPFD_TARGET << 5 | first;
}

/* ldr reg, [x16, #offset] */
static u32 insn_ldr(u32 reg, u32 offset)
{
	return 0xf9400000 | offset / sizeof(u64) << 10 |
	       ARM64_TRAMPFD_TARGET << 5 | reg;
}

/*
 * bti c; adr x16, slot; ldp value, x16, [x16]; br x16
 *
 * More registers are loaded in pairs, of which the last one has the PC.  A branch
 * through x16 may lead to a landing pad of any kind.
 */
static int code_64(const struct trampfd_shape *shape, u8 *entry)
{
	const u32 distance = TRAMPFD_CODE_TO_DATA - ADR_OFFSET;
	u32 regs[TRAMPFD_SHAPE_MAX + 1], places[TRAMPFD_SHAPE_MAX + 1];
	u32 i, n = shape->nregs + 1;
	u8 *p = entry;

	for (i = 0; i < shape->nregs; i++) {
		regs[i] = shape->names[i];
		places[i] = shape->values[i];
	}
	regs[i] = ARM64_TRAMPFD_TARGET;
	places[i] = shape->pc;

	p = put_insn(p, 0xd503245f);
	p = put_insn(p, 0x10000000 | (distance & 3) << 29 | distance >> 2 << 5 |
			ARM64_TRAMPFD_TARGET);
	i = 0;
	if (n % 2) {
		p = put_insn(p, insn_ldr(regs[0], places[0]));
		i++;
	}
	for (; i < n; i += 2)
		p = put_insn(p, insn_ldp(regs[i], regs[i + 1], places[i]));
	p = put_insn(p, 0xd61f0000 | ARM64_TRAMPFD_TARGET << 5);
	return p - entry;
}

/**
 * arch_trampfd_code() - write the code that loads the registers of a shape
 * @shape: The shape.
 * @entry: Where to write it.
 *
 * Return: how many bytes it has.
 */
int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry)
{
	if (shape->abi == TRAMPFD_ABI_64)
		return code_64(shape, entry);
	return trampfd_aarch32_code(shape, entry);
}

/**
 * arch_trampfd_code_prot() - tell what a mapping of code is beside executable
 * @abi: The ABI.
 *
 * Return: PROT_BTI where the CPU looks for landing pads.
 */
unsigned long arch_trampfd_code_prot(unsigned int abi)
{
	return abi == TRAMPFD_ABI_64 && system_supports_bti() ? PROT_BTI : 0;
}
