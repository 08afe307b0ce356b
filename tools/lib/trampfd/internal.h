/* SPDX-License-Identifier: MIT */
#ifndef TRAMPFD_INTERNAL_H
#define TRAMPFD_INTERNAL_H

/*
 * The room for the first table: 4,096 trampolines, and as large as the largest
 * page, to which it is aligned.
 */
#define ROOM_SIZE 65536

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#pragma GCC visibility push(hidden)

/* Room for the unwind table of a mapping. */
#define UNWIND_TABLE_SIZE 96

extern const char trampfd_room[ROOM_SIZE];

void trampfd_unwind_register(void *table, const void *base, size_t size);

void trampfd_lock(void);
void trampfd_unlock(void);
int trampfd_lock_set_up(void (*mend)(void));
unsigned int trampfd_forks(void);

#pragma GCC visibility pop
#endif

#endif
