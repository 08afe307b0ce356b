/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two functions that GCC 14 calls for nested functions.  The tests call them
 * as it would, so that any compiler can build them, for every architecture.
 */
#ifndef LIBTRAMPFD_NESTED_H
#define LIBTRAMPFD_NESTED_H

void __gcc_nested_func_ptr_created(void *chain, void *func, void *dst);
void __gcc_nested_func_ptr_deleted(void);

/* Of libnext.so.1: how many calls it has got. */
int next_created(void);
int next_deleted(void);

/* Of libconstructor.so.1: what its nested functions have added up to. */
int constructor_sum(void);

#endif
