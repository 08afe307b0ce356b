// SPDX-License-Identifier: GPL-2.0
/*
 * What a libffi closure costs: the first one of a process, a call, and making and
 * freeing one.
 *
 *	cost LIBRARY
 *
 * prints lines "cost: LIBRARY,NAME,N", where N is in nanoseconds, which are instructions
 * in a guest under QEMU's -icount.  The names:
 *
 *	first	making the first closure of the process
 *	call	one call
 *	round	making and freeing one, of 10,000 of which one is there at a time
 *	many	the same, of 10,000 that are there at once
 */
#include <err.h>
#include <ffi.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALLS	10000
#define ROUNDS	10000
#define KEPT	64
#define MANY	10000

static void add_context(ffi_cif *cif, void *result, void **args, void *context)
{
	(void)cif;
	*(ffi_arg *)result = *(int *)args[0] + *(int *)context;
}

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static ffi_closure *make(ffi_cif *cif, void *context, void **code)
{
	ffi_closure *closure = ffi_closure_alloc(sizeof(*closure), code);

	if (!closure)
		errx(1, "ffi_closure_alloc failed");
	if (ffi_prep_closure_loc(closure, cif, add_context, context, *code) !=
	    FFI_OK)
		errx(1, "ffi_prep_closure_loc failed");
	return closure;
}

static void print(const char *library, const char *name, long took, int n)
{
	printf("cost: %s,%s,%ld\n", library, name, (took + n / 2) / n);
}

int main(int argc, char **argv)
{
	static ffi_closure *many[MANY];
	ffi_type *types[] = { &ffi_type_sint };
	ffi_closure *kept[KEPT];
	int (*call)(int);
	int context = 1;
	long start, took;
	ffi_cif cif;
	void *code;
	int i, n;

	if (argc != 2)
		errx(2, "usage: %s LIBRARY", argv[0]);
	if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types) !=
	    FFI_OK)
		errx(1, "ffi_prep_cif failed");

	/* What the C library does once is not the closure's. */
	now();
	start = now();
	kept[0] = make(&cif, &context, &code);
	took = now() - start;
	print(argv[1], "first", took, 1);

	for (i = 1; i < KEPT; i++)
		kept[i] = make(&cif, &context, &code);
	call = (int (*)(int))code;

	n = call(0);
	start = now();
	for (i = 0; i < CALLS; i++)
		n = call(n);
	took = now() - start;
	if (n != CALLS + 1)
		errx(1, "the closure returned %d", n);
	print(argv[1], "call", took, CALLS);

	start = now();
	for (i = 0; i < ROUNDS; i++)
		ffi_closure_free(make(&cif, &context, &code));
	took = now() - start;
	print(argv[1], "round", took, ROUNDS);

	start = now();
	for (i = 0; i < MANY; i++)
		many[i] = make(&cif, &context, &code);
	for (i = 0; i < MANY; i++)
		ffi_closure_free(many[i]);
	took = now() - start;
	print(argv[1], "many", took, MANY);

	for (i = 0; i < KEPT; i++)
		ffi_closure_free(kept[i]);
	return 0;
}
