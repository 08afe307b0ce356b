// SPDX-License-Identifier: MIT
/*
 * Pools: sets of tables for one user of the library, with registers and targets of
 * its own.
 */
#include "trampfd.h"
#include "arch.h"
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * What the three plain calls use: the static chain.  A copy of the library that is linked
 * into something may be unloaded with it, and what is sealed would stay.
 */
struct trampfd_pool trampfd_default_pool = {
#ifndef TRAMPFD_NEVER_UNLOADED
	.flags = TRAMPFD_POOL_NO_SEAL,
#endif
	.nshape = 1,
	.shape = { REG_CONTEXT },
	.most = TABLE_MAX,
	.code = true,
	.used = true,
};

/* Those that were made, under the lock. */
static struct trampfd_pool *pools;

#define POOL_FLAGS	(TRAMPFD_POOL_NO_CODE | TRAMPFD_POOL_NO_SEAL)

/* Have the tables to come be without code entries. */
void trampfd_pool_without_code(struct trampfd_pool *pool)
{
	pool->code = false;
	pool->most = TABLE_MAX;
}

/* Count the tables of all pools from 0 again, in a child that mends them. */
void trampfd_pools_mend(void)
{
	struct trampfd_pool *pool;

	for (pool = pools; pool; pool = pool->link) {
		pool->recent = NULL;
		pool->ntables = 0;
	}
	trampfd_default_pool.recent = NULL;
	trampfd_default_pool.ntables = 0;
}

/* Whether the shape may be one.  What can't be loaded is for the kernel to say. */
static bool shape_is_good(const struct trampfd_pool_attr *attr)
{
	uint32_t i, j;

	if (attr->shape_nregs > TRAMPFD_SHAPE_MAX || (attr->shape_nregs && !attr->shape))
		return false;
	for (i = 0; i < attr->shape_nregs; i++) {
		if (attr->shape[i] == REG_PC)
			return false;
#ifdef REG_TARGET
		if (attr->shape[i] == REG_TARGET)
			return false;
#endif
		for (j = 0; j < i; j++)
			if (attr->shape[i] == attr->shape[j])
				return false;
	}
	return true;
}

/* What the first version of struct trampfd_pool_attr had. */
#define ATTR_SIZE_VER0	(offsetof(struct trampfd_pool_attr, pcs) + sizeof(void *))

/* A negative errno, or 0. */
static int check_attr(const struct trampfd_pool_attr *attr)
{
	if (attr->size < ATTR_SIZE_VER0 || attr->flags & ~POOL_FLAGS ||
	    attr->npcs > TRAMPFD_PCS_MAX || (attr->npcs && !attr->pcs) ||
	    !shape_is_good(attr))
		return -EINVAL;
	return trampfd_rest_is_zero(attr, sizeof(*attr), attr->size) ? 0 : -E2BIG;
}

static bool same(const struct trampfd_pool *a, const struct trampfd_pool *b)
{
	return a->flags == b->flags && a->nshape == b->nshape && a->npcs == b->npcs &&
	       !memcmp(a->shape, b->shape, sizeof(a->shape)) &&
	       (!a->npcs || !memcmp(a->pcs, b->pcs, a->npcs * sizeof(*a->pcs)));
}

/* A pool that nobody has any more, whose tables are sealed; NULL if there is none. */
static struct trampfd_pool *unused(const struct trampfd_pool *like)
{
	struct trampfd_pool *pool;

	for (pool = pools; pool; pool = pool->link)
		if (!pool->used && same(pool, like))
			break;
	return pool;
}

static void free_pool(struct trampfd_pool *pool)
{
	if (pool)
		free(pool->pcs);
	free(pool);
}

/**
 * trampfd_pool_create() - make a pool of trampolines
 * @attr: What its trampolines have in common.
 *
 * It takes no system call.  The first table of the pool does, which comes with its
 * first trampoline.
 *
 * Context: Allocates memory, and takes the library's lock; not for signal handlers.
 * Return: the pool, or NULL with errno:
 *
 * - %EINVAL: @attr's size is none that the structure ever had; a flag is not known; the
 *   shape has too many registers, one twice, the PC, or the target register; or there
 *   are more than 1,024 targets.
 * - %E2BIG: @attr asks for what this version of the library does not know.
 * - %ENOMEM: No memory.
 */
struct trampfd_pool *trampfd_pool_create(const struct trampfd_pool_attr *attr)
{
	struct trampfd_pool *pool, *old;
	const int error = check_attr(attr);
	uint32_t i;

	if (error) {
		errno = -error;
		return NULL;
	}
	pool = calloc(1, sizeof(*pool));
	if (pool && attr->npcs)
		pool->pcs = calloc(attr->npcs, sizeof(*pool->pcs));
	if (!pool || (attr->npcs && !pool->pcs)) {
		free_pool(pool);
		errno = ENOMEM;
		return NULL;
	}
	pool->flags = attr->flags;
	pool->code = !(attr->flags & TRAMPFD_POOL_NO_CODE);
	pool->most = TABLE_MAX;
	pool->used = true;
	pool->nshape = attr->shape_nregs;
	for (i = 0; i < attr->shape_nregs; i++)
		pool->shape[i] = attr->shape[i];
	pool->npcs = attr->npcs;
	for (i = 0; i < attr->npcs; i++)
		pool->pcs[i] = (uintptr_t)attr->pcs[i];

	trampfd_lock();
	old = unused(pool);
	if (old) {
		old->used = true;
	} else {
		pool->link = pools;
		__atomic_store_n(&pools, pool, __ATOMIC_RELEASE);
	}
	trampfd_unlock();
	if (!old)
		return pool;
	free_pool(pool);
	return old;
}

/* Take a pool out of the list. */
static void drop_pool(struct trampfd_pool *pool)
{
	struct trampfd_pool **link = &pools;

	while (*link != pool)
		link = &(*link)->link;
	__atomic_store_n(link, pool->link, __ATOMIC_RELEASE);
}

/**
 * trampfd_pool_destroy() - give a pool back, with all of its trampolines
 * @pool: The pool, as trampfd_pool_create() has returned it; NULL does nothing.
 *
 * No trampoline of the pool may be called any more, and none may be given to the
 * library.  A pool with %TRAMPFD_POOL_NO_SEAL, and one without code entries, is
 * unmapped.  The tables of another one can't be: all their trampolines are removed, and
 * they wait for the next pool with the same attributes.  So as many stay as were needed
 * at the same time.
 *
 * Context: Takes the library's lock; not for signal handlers.
 */
void trampfd_pool_destroy(struct trampfd_pool *pool)
{
	bool stays;

	if (!pool)
		return;
	trampfd_lock();
	stays = trampfd_table_drop_all(pool);
	pool->used = false;
	if (!stays)
		drop_pool(pool);
	trampfd_unlock();
	if (!stays)
		free_pool(pool);
}

/* A table that has room; preferably for all of them. */
static struct table *table_for(struct trampfd_pool *pool, uint32_t count)
{
	struct table *t = trampfd_table_with_room(pool, count);

	if (!t)
		t = trampfd_table_add(pool, count);
	if (!t && count > 1)
		t = trampfd_table_with_room(pool, 1);
	return t;
}

/**
 * trampfd_pool_alloc() - get trampolines of a pool
 * @pool: The pool; NULL is the one that trampfd_alloc() takes them from.
 * @trampolines: Where to put their addresses.
 * @count: How many.
 *
 * They must be set, with trampfd_init() or trampfd_init_many(), before they are called.
 * This makes no system call unless all tables of the pool are full.
 *
 * Context: Takes the library's lock; not for signal handlers.
 * Return: 0, or -1 with errno as from trampfd_alloc(), and then none was taken.
 */
int trampfd_pool_alloc(struct trampfd_pool *pool, void **trampolines, uint32_t count)
{
	uint32_t done = 0, n;
	struct table *t;

	if (!pool)
		pool = &trampfd_default_pool;
	trampfd_lock();
	while (done < count) {
		/* No table has more, so to look for one would make one each time. */
		n = count - done < pool->most ? count - done : pool->most;
		t = table_for(pool, n);
		if (!t) {
			trampfd_table_give_back(trampolines, done);
			trampfd_unlock();
			return -1;
		}
		for (; n && t->room; n--)
			trampolines[done++] = trampfd_table_take(t);
	}
	trampfd_unlock();
	return 0;
}

/**
 * trampfd_pool_has_code() - tell whether a pool has code entries
 * @pool: The pool; NULL is the one that trampfd_alloc() takes trampolines from.
 *
 * A call of a code entry does not enter the kernel.  Whether a pool has them is decided
 * with its first table, which this makes if there is none yet.
 *
 * Context: Takes the library's lock; not for signal handlers.
 * Return: 1 if it has, 0 if its trampolines are fault entries, -1 with errno as from
 * trampfd_alloc() if there can be no trampolines.
 */
int trampfd_pool_has_code(struct trampfd_pool *pool)
{
	int ret = -1;

	if (!pool)
		pool = &trampfd_default_pool;
	trampfd_lock();
	/* At the user's limit, one table may have none; the pool is as it was decided. */
	if (trampfd_table_of(pool) || trampfd_table_add(pool, 1))
		ret = pool->code;
	trampfd_unlock();
	return ret;
}
