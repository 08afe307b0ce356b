/* SPDX-License-Identifier: MIT */
#ifndef TRAMPFD_INTERNAL_H
#define TRAMPFD_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#pragma GCC visibility push(hidden)

/* Room for the unwind table of a mapping. */
#define UNWIND_TABLE_SIZE 96

void trampfd_unwind_register(void *table, const void *base, size_t size);

#pragma GCC visibility pop

#endif
