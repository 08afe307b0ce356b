/* SPDX-License-Identifier: MIT */
/* Pools, and the tables of trampolines in them: what the library hands out. */
#ifndef TRAMPFD_TABLE_H
#define TRAMPFD_TABLE_H

#include <linux/trampfd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "internal.h"
#include "trampfd.h"

#define TABLE_MAX	65536U

/* What struct table.next has for a trampoline: that it is handed out, or a link. */
#define IN_USE		0x80000000U
#define LINK_SHIFT	3
#define MAY_BE_SET	0x1U
#define BEING_FREED	0x2U
/* It was set since it was handed out, so somebody may be calling it. */
#define SET_SINCE	0x4U

/* The end of a list: no number. */
#define NONE		(2 * TABLE_MAX)

/**
 * struct trampfd_pool - tables with the same shape and the same allowed targets
 * @link: The next pool that was made; the default one is not in this list.
 * @recent: Where there was room the last time.
 * @ntables: How many tables it has.
 * @flags: TRAMPFD_POOL_*.
 * @nshape: Elements of @shape.
 * @shape: The registers that code entries load.
 * @npcs: Elements of @pcs; 0 if any target is allowed.
 * @pcs: The allowed targets.
 * @most: The most trampolines of a table.
 * @code: Tables with code entries are to be made.
 * @used: The program has it.  If not, it waits for the next one that is the same.
 * @refused: Why the kernel gives no trampolines, 0 if it may.
 */
struct trampfd_pool {
	struct trampfd_pool *link;
	struct table *recent;
	uint32_t ntables;
	uint32_t flags;
	uint32_t nshape;
	uint32_t shape[TRAMPFD_SHAPE_MAX];
	uint32_t npcs;
	uint64_t *pcs;
	uint32_t most;
	bool code;
	bool used;
	int refused;
};

/**
 * struct place - where a table is mapped, and what it is
 * @base: Address of the mapping.
 * @size: Its size.
 * @entry: What the entries that are called are above @base.
 * @stride: Bytes from a trampoline to the next.
 * @count: How many there are.
 * @most: How many there could be.
 * @code: It is a %TRAMPFD_CODE table, whose records name all registers of the shape.
 * @sealed: It can't be unmapped.
 * @hole: Where a part could not be mapped, above @base; 0 if there is no such part.
 * @hole_size: Its size.  Somebody else may have mapped something there.
 * @final: If there is none: it is to be so for ever.
 */
struct place {
	char *base;
	size_t size;
	size_t entry;
	uint32_t stride;
	uint32_t count;
	uint32_t most;
	size_t hole;
	size_t hole_size;
	bool code;
	bool sealed;
	bool final;
};

/**
 * struct table - trampolines with a mapping in common
 * @link: The next table, of any pool.
 * @pool: Whose it is.
 * @place: Where it is mapped.
 * @fresh: Trampolines below this one have never been handed out.
 * @room: How many can be handed out.
 * @left: The last freed one that may still be set.
 * @nleft: How many there are.
 * @remove_at: How many there have to be for some to be removed.
 * @removed: The last freed one that is not set.
 * @registered: Unwinders know of @unwind.
 * @unwind: The unwind table, if it is not in the room, which has one.
 * @next: Of a freed trampoline, the one freed before; or IN_USE; with flags.
 */
struct table {
	struct table *link;
	struct trampfd_pool *pool;
	struct place place;
	uint32_t fresh;
	uint32_t room;
	uint32_t left;
	uint32_t nleft;
	uint32_t remove_at;
	uint32_t removed;
	bool registered;
	uintptr_t unwind[UNWIND_TABLE_SIZE / sizeof(uintptr_t)];
	uint32_t next[];
};

#pragma GCC visibility push(hidden)

extern struct trampfd_pool trampfd_default_pool;

/* All of them under the library's lock. */
int trampfd_control_at(const void *base, unsigned int op, const void *arg);
bool trampfd_may_pass(int error);
bool trampfd_map(struct place *p, struct trampfd_pool *pool, uint32_t count);
void trampfd_unmap(const struct place *p);

void trampfd_pool_without_code(struct trampfd_pool *pool);
void trampfd_pools_mend(void);

struct table *trampfd_table_of(const struct trampfd_pool *pool);
struct table *trampfd_table_with_room(struct trampfd_pool *pool, uint32_t count);
struct table *trampfd_table_add(struct trampfd_pool *pool, uint32_t count);
struct table *trampfd_table_locate(const void *trampoline, uint32_t *number);
struct table *trampfd_table_find(const void *trampoline, uint32_t *number);
void *trampfd_table_take(struct table *t);
void trampfd_table_give_back(void *const *trampolines, uint32_t count);
bool trampfd_table_remove_all(void);
bool trampfd_table_drop_all(struct trampfd_pool *pool);

#pragma GCC visibility pop
#endif
