// SPDX-License-Identifier: GPL-2.0
/*
 * In libgcc's place: definitions that come after libtrampfd's.  What they make is
 * the function itself, which will do for one that uses no variables of its parent.
 */
#include "nested.h"

static int created, deleted;
static void (*at_end)(void);

void __gcc_nested_func_ptr_created(void *chain, void *func, void *dst)
{
	(void)chain;
	__atomic_add_fetch(&created, 1, __ATOMIC_RELAXED);
	*(void **)dst = func;
}

void __gcc_nested_func_ptr_deleted(void)
{
	__atomic_add_fetch(&deleted, 1, __ATOMIC_RELAXED);
}

int next_created(void)
{
	return created;
}

int next_deleted(void)
{
	return deleted;
}

void next_at_end(void (*function)(void))
{
	at_end = function;
}

static void __attribute__((destructor)) end(void)
{
	if (at_end)
		at_end();
}
