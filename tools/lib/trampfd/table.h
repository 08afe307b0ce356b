/* SPDX-License-Identifier: MIT */
/* Tables of trampolines: what the library hands out. */
#ifndef TRAMPFD_TABLE_H
#define TRAMPFD_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "internal.h"

#define TABLE_MAX	65536U

/* What struct table.next has for a trampoline: that it is handed out, or a link. */
#define IN_USE		0x80000000U
#define LINK_SHIFT	2
#define MAY_BE_SET	0x1U
#define BEING_FREED	0x2U

/* The end of a list: no number. */
#define NONE		(2 * TABLE_MAX)

/**
 * struct table - trampolines with a mapping in common
 * @link: The next table.
 * @base: Address of the mapping.
 * @size: Its size.
 * @stride: Bytes from a trampoline to the next.
 * @count: How many there are.
 * @fresh: Trampolines below this one have never been handed out.
 * @room: How many can be handed out.
 * @left: The last freed one that may still be set.
 * @nleft: How many there are.
 * @remove_at: How many there have to be for some to be removed.
 * @removed: The last freed one that is not set.
 * @unwind: The unwind table, if it is not in the room, which has one.
 * @next: Of a freed trampoline, the one freed before; or IN_USE; with flags.
 */
struct table {
	struct table *link;
	char *base;
	size_t size;
	uint32_t stride;
	uint32_t count;
	uint32_t fresh;
	uint32_t room;
	uint32_t left;
	uint32_t nleft;
	uint32_t remove_at;
	uint32_t removed;
	uintptr_t unwind[UNWIND_TABLE_SIZE / sizeof(uintptr_t)];
	uint32_t next[];
};

#pragma GCC visibility push(hidden)

/* All of them under the library's lock. */
int trampfd_control_at(const void *base, unsigned int op, const void *arg);
struct table *trampfd_table_with_room(uint32_t count);
struct table *trampfd_table_add(uint32_t count);
struct table *trampfd_table_locate(const void *trampoline, uint32_t *number);
struct table *trampfd_table_find(const void *trampoline, uint32_t *number);
void *trampfd_table_take(struct table *t);
void trampfd_table_give_back(void *const *trampolines, uint32_t count);
bool trampfd_table_remove_all(void);

#pragma GCC visibility pop
#endif
