/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of closures have in common. */
#ifndef CLOSURES_H
#define CLOSURES_H

#include <err.h>
#include <ffi.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../../tools/testing/selftests/libtrampfd/filter.h"

#define FEW		200
#define ARGS		4

#define check(condition) do {						\
	if (!(condition))						\
		errx(1, "line %d: %s", __LINE__, #condition);		\
} while (0)

struct made {
	ffi_closure *closure;
	void *code;
	int base;
};

extern bool kernel;		/* whether trampolines are the kernel's */
extern bool exec;		/* whether memory can be written and executed */
extern ffi_cif cif;
extern ffi_type *ints[ARGS];

void add(ffi_cif *unused, void *result, void **args, void *base);
void subtract(ffi_cif *unused, void *result, void **args, void *base);
int call(void *code);
bool works(const struct made *m);
unsigned int count_maps(const void *address, bool *here);
bool is_kernels(const void *code);
void prepare(struct made *m);
bool try_size(struct made *m, int base, size_t size);
bool try_make(struct made *m, int base);
void make(struct made *m, int base);
void make_seen(struct made *m, int base);
void wait_for(pid_t pid);
void check_all(const struct made *all, int n);

void test_fork(void);
void test_threads(void);
void test_fork_with_threads(void);
void test_fork_in_handler(void);
void test_fork_under_own_lock(void);

#endif
