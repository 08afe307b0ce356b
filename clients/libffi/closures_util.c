// SPDX-License-Identifier: GPL-2.0
/* Closures for the tests, and where they are. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "closures.h"

bool kernel, exec;
ffi_cif cif;

ffi_type *ints[ARGS] = {
	&ffi_type_sint, &ffi_type_sint, &ffi_type_sint, &ffi_type_sint,
};

void add(ffi_cif *unused, void *result, void **args, void *base)
{
	(void)unused;
	*(ffi_sarg *)result = *(int *)base + *(int *)args[0] +
			      10 * *(int *)args[1] + 100 * *(int *)args[2] +
			      1000 * *(int *)args[3];
}

void subtract(ffi_cif *unused, void *result, void **args, void *base)
{
	(void)unused;
	*(ffi_sarg *)result = *(int *)base - *(int *)args[0];
}

int call(void *code)
{
	return ((int (*)(int, int, int, int))code)(1, 2, 3, 4);
}

bool works(const struct made *m)
{
	return call(m->code) == m->base + 4321;
}

/* How many tables there are, each of which has one mapping, or one of code. */
unsigned int count_maps(const void *address, bool *here)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	unsigned int n = 0;
	char line[512];

	*here = false;
	check(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, "anon_inode:[trampfd"))
			continue;
		n += strstr(line, "[trampfd]") || strstr(line, " r-xp ");
		check(sscanf(line, "%lx-%lx", &start, &end) == 2);
		if (start <= (uintptr_t)address && (uintptr_t)address < end)
			*here = true;
	}
	fclose(f);
	return n;
}

bool is_kernels(const void *code)
{
	bool here;

	count_maps(code, &here);
	return here;
}

void prepare(struct made *m)
{
	check(ffi_prep_closure_loc(m->closure, &cif, add, &m->base, m->code) ==
	      FFI_OK);
}

bool try_size(struct made *m, int base, size_t size)
{
	m->base = base;
	m->closure = ffi_closure_alloc(size, &m->code);
	if (!m->closure)
		return false;
	prepare(m);
	return true;
}

bool try_make(struct made *m, int base)
{
	return try_size(m, base, sizeof(*m->closure));
}

void make(struct made *m, int base)
{
	check(try_make(m, base));
}

/* As make(), and it is of the kind that the program was told of. */
void make_seen(struct made *m, int base)
{
	make(m, base);
	check(is_kernels(m->code) == kernel);
	check(works(m));
}

void wait_for(pid_t pid)
{
	int status;

	check(pid > 0);
	check(waitpid(pid, &status, 0) == pid);
	check(WIFEXITED(status) && !WEXITSTATUS(status));
}

void check_all(const struct made *all, int n)
{
	while (n--)
		check(!all[n].closure || works(&all[n]));
}
