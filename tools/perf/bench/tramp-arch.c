// SPDX-License-Identifier: GPL-2.0
/*
 * The architecture's part of the trampoline benchmarks.
 */
#include "tramp.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#include "tramp-x86.h"
#elif defined(__i386__)
#include "tramp-i386.h"
#elif defined(__aarch64__)
#include "tramp-arm64.h"
#elif defined(__arm__)
#include "tramp-arm.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "tramp-riscv.h"
#elif defined(__s390x__)
#include "tramp-s390.h"
#elif defined(__mips__) && _MIPS_SIM == _ABI64 && defined(__MIPSEL__)
#include "tramp-mips.h"
#elif defined(__powerpc64__) && _CALL_ELF == 2 && defined(__LITTLE_ENDIAN__)
#include "tramp-powerpc.h"
#elif defined(__m68k__) && !defined(__mcoldfire__)
#include "tramp-m68k.h"
#else
/* Only what C can do: direct and indirect calls, and entering the kernel. */
const struct tramp_arch tramp_arch = {};

unsigned long tramp_target(void)
{
	return 0;
}
#endif
