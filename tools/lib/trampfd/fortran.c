// SPDX-License-Identifier: MIT
/*
 * Trampolines for flang's internal procedures.
 *
 * With -fsafe-trampoline (LLVM 23, x86-64 and AArch64), flang calls these functions where an
 * internal procedure is an actual argument or the target of a pointer, and where the
 * procedure around it is left.  Those of its own run time library have code that is mapped
 * from memory which was written before, and data that stays writable.  These here take their
 * place where this library comes first.
 */
#include "trampfd.h"

#if defined(__x86_64__) || defined(__aarch64__)

#include <asm/perf_regs.h>
#include <errno.h>
#include <linux/trampfd.h>
#include <stdbool.h>
#include <stdint.h>

#include "nested.h"

/* Where LLVM's calling conventions have the static chain ("nest"). */
#ifdef __x86_64__
#define REG_NEST	PERF_REG_X86_R10
#else
#define REG_NEST	PERF_REG_ARM64_X15
#endif

static struct trampfd_pool *pool;

/* By dlclose(): nobody is in a procedure of the library that has this. */
static void drop_pool(void)
{
	trampfd_pool_destroy(pool);
}

/* It is made once.  A child of fork() has its parent's. */
static struct trampfd_pool *get_pool(void)
{
	static const uint32_t shape[] = { REG_NEST };
	const struct trampfd_pool_attr attr = {
		.size = sizeof(attr),
		.shape = shape,
		.shape_nregs = 1,
	};
	struct trampfd_pool *now = __atomic_load_n(&pool, __ATOMIC_ACQUIRE);
	struct trampfd_pool *mine;

	if (now)
		return now;
	mine = trampfd_pool_create(&attr);
	if (!mine)
		trampfd_nested_give_up("no pool for internal procedures", errno);
	if (__atomic_compare_exchange_n(&pool, &now, mine, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		trampfd_nested_at_unload = drop_pool;
		return mine;
	}
	trampfd_pool_destroy(mine);
	return now;
}

/**
 * _FortranATrampolineInit() - make a trampoline for an internal procedure
 * @scratch: Memory of the caller's; not used, and flang gives NULL.
 * @callee: The procedure.
 * @chain: The static chain that it expects.
 *
 * Context: May allocate memory, and takes the library's lock.  Keeps errno.
 * Return: a handle.  If the kernel gives no trampoline, the program ends by abort().
 */
void *_FortranATrampolineInit(void *scratch, const void *callee, const void *chain)
{
	const int kept = errno;
	const struct trampfd_reg reg = {
		.name = REG_NEST,
		.value = (uintptr_t)chain,
	};
	struct trampfd_call call = {
		.size = sizeof(call),
		.target = (void *)callee,
		.regs = &reg,
		.nregs = 1,
	};

	(void)scratch;
	if (trampfd_pool_alloc(get_pool(), &call.trampoline, 1) ||
	    trampfd_init_many(&call, 1) != 1)
		trampfd_nested_give_up("no trampoline for an internal procedure", errno);
	errno = kept;
	return call.trampoline;
}

/**
 * _FortranATrampolineAdjust() - where a trampoline is called
 * @handle: What _FortranATrampolineInit() has returned.
 *
 * Return: the address.
 */
void *_FortranATrampolineAdjust(void *handle)
{
	return handle;
}

/**
 * _FortranATrampolineFree() - free a trampoline
 * @handle: What _FortranATrampolineInit() has returned.  Nobody may call it any more.
 *
 * Context: Takes the library's lock.  Keeps errno.
 */
void _FortranATrampolineFree(void *handle)
{
	const int kept = errno;

	trampfd_free(handle);
	errno = kept;
}

#endif
