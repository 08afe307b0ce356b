// SPDX-License-Identifier: GPL-2.0
/*
 * A program of an ABI that has no trampolines.  Its exit status is the errno of
 * trampfd_create().  There may be no C library for it, so it has none.
 */
#include <asm/unistd.h>
#include <linux/trampfd.h>

#include ARCH_HEADER

#ifndef __NR_trampfd_create
#define __NR_trampfd_create	600
#endif

/* Static: to fill a local one, the compiler may call memset(), which is not there. */
static struct trampfd_attr attr = {
	.type = TRAMPFD_FAULT,
	.ntrampolines = 1,
};

void _start(void)
{
	long ret = foreign_syscall(__NR_trampfd_create, (long)&attr,
				   sizeof(attr), 0);

	foreign_syscall(__NR_exit, -ret, 0, 0);
}
