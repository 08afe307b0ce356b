/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of libtrampfd share. */
#ifndef LIBTRAMPFD_UTIL_H
#define LIBTRAMPFD_UTIL_H

#undef ARRAY_SIZE		/* of kselftest.h, the same as the samples' */
#undef REG_PC			/* of ucontext.h on riscv */
#include "../../../../samples/trampfd/targets.h"
#include "../../../../samples/trampfd/trampoline.h"
#include "../../../lib/trampfd/trampfd.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

/* See trampfd/trampfd_util.h: emulated machines are slow. */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#endif
#define TEST_TIMEOUT_DEFAULT	1800

typedef long (*context_fn)(void);

static inline bool trampfd_present(void)
{
	/* Wrong in every way, so that it makes nothing. */
	return syscall(__NR_trampfd_create, NULL, 0, ~0U) == 0 ||
	       errno != ENOSYS;
}

#define NO_TRAMPFD	"no trampfd in this kernel (ENOSYS)"

#endif
