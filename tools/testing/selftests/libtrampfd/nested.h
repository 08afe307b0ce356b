/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two functions that GCC 14 calls for nested functions.  The tests call them
 * as it would, so that any compiler can build them, for every architecture.
 */
#ifndef LIBTRAMPFD_NESTED_H
#define LIBTRAMPFD_NESTED_H

void __gcc_nested_func_ptr_created(void *chain, void *func, void *dst);
void __gcc_nested_func_ptr_deleted(void);

/* What flang calls for internal procedures, where libtrampfd_nested has it. */
void *_FortranATrampolineInit(void *scratch, const void *callee, const void *chain);
void *_FortranATrampolineAdjust(void *handle);
void _FortranATrampolineFree(void *handle);
#if defined(__x86_64__) || defined(__aarch64__)
#define HAVE_PROCEDURES	1
#else
#define HAVE_PROCEDURES	0
#endif
#define NO_PROCEDURES	"flang has no such procedures for this architecture"

/* Of libnext.so.1: how many calls it has got. */
int next_created(void);
int next_deleted(void);
/* What it calls when it is unloaded. */
void next_at_end(void (*function)(void));

/* Of libconstructor.so.1: what its nested functions have added up to. */
int constructor_sum(void);

/*
 * Of libplugin.so.1, whose nested functions lead to @target, with the address of its
 * frame as their context: calls one, leaves @count by longjmp(), calls @meanwhile
 * while there is one, and calls one when it is unloaded.
 */
void *plugin_call(long (*target)(void));
void plugin_leave(long (*target)(void), int count);
long plugin_hold(long (*target)(void), void (*meanwhile)(void *function, void *frame));
void plugin_at_end(long (*target)(void));
/* Makes an internal procedure that is never freed; whether there are such. */
int plugin_procedure(long (*target)(void));

#endif
