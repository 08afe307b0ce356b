/* SPDX-License-Identifier: MIT */
#ifndef TRAMPFD_INTERNAL_H
#define TRAMPFD_INTERNAL_H

/*
 * The room for the first table: 4,096 trampolines with code entries, of which the data
 * part begins 2 MiB behind the fault part and has up to 128 KiB.  It is aligned to the
 * largest page of any architecture.
 */
#define ROOM_ALIGN 0x10000
#define ROOM_SIZE 0x220000

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#pragma GCC visibility push(hidden)

/* Room for the unwind table of a mapping. */
#define UNWIND_TABLE_SIZE 96

extern const char trampfd_room[ROOM_SIZE];

void trampfd_unwind_register(void *table, const void *base, size_t size);
void trampfd_unwind_unregister(void *table);

void trampfd_lock(void);
void trampfd_unlock(void);
int trampfd_lock_set_up(void (*mend)(void));
unsigned int trampfd_forks(void);

/*
 * Whether a program's structure of @size bytes asks for nothing beyond the @known bytes
 * that this version of the library knows of.
 */
static inline bool trampfd_rest_is_zero(const void *p, size_t known, size_t size)
{
	const char *bytes = p;

	for (; known < size; known++)
		if (bytes[known])
			return false;
	return true;
}

#pragma GCC visibility pop
#endif

#endif
