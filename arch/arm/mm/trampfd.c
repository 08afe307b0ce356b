// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's port to arm: the code that loads a trampoline's registers without a
 * fault.
 */
#include <linux/errno.h>
#include <linux/trampfd.h>

#include <asm-generic/trampfd-aarch32.h>

#include <asm/cachetype.h>
#include <asm/system_info.h>

/**
 * arch_trampfd_code() - write the code that loads the registers of a shape
 * @shape: The shape.
 * @entry: Where to write it.
 *
 * Page tables of ARMv5 and older CPUs can't refuse execution.  And where data caches
 * alias, a program would not see what the kernel writes to a page that it has
 * mapped.  From ARMv5 on, a load of the PC with bit 0 set goes on in Thumb state, so
 * targets may be Thumb code.
 *
 * Return: how many bytes it has, or -EOPNOTSUPP on such a CPU.
 */
int arch_trampfd_code(struct trampfd_shape *shape, u8 *entry)
{
	if (cpu_architecture() < CPU_ARCH_ARMv6 || !cache_is_vipt_nonaliasing())
		return -EOPNOTSUPP;
	return trampfd_aarch32_code(shape, entry);
}
