/* SPDX-License-Identifier: MIT */
/* What the parts of libtrampfd_nested have in common. */
#ifndef TRAMPFD_NESTED_H
#define TRAMPFD_NESTED_H

/*
 * For a program and all of its libraries in libtrampfd_nested.so; for the one program or
 * shared library that it is linked into, in libtrampfd_nested.a.
 */
#ifdef NESTED_SHARED
#define NESTED_API	__attribute__((visibility("default")))
#else
#define NESTED_API	__attribute__((visibility("hidden")))
#endif

/* What flang calls. */
NESTED_API void *_FortranATrampolineInit(void *scratch, const void *callee,
					 const void *chain);
NESTED_API void *_FortranATrampolineAdjust(void *handle);
NESTED_API void _FortranATrampolineFree(void *handle);

/* The compiler, not the programmer, calls these functions: there is nobody to tell. */
__attribute__((noreturn, visibility("hidden")))
void trampfd_nested_give_up(const char *what, int error);

/* What is to be done when the library is unloaded that this is linked into, or NULL. */
extern __attribute__((visibility("hidden"))) void (*trampfd_nested_at_unload)(void);

#endif
