// SPDX-License-Identifier: GPL-2.0
/*
 * What a libffi closure costs: a call, and making and freeing one.
 *
 *	cost LIBRARY
 *
 * prints "cost: LIBRARY,call,N" and "cost: LIBRARY,round,N", where N is in
 * nanoseconds, which are instructions in a guest under QEMU's -icount.
 */
#include <err.h>
#include <ffi.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALLS	10000
#define ROUNDS	1000
#define KEPT	64

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

int main(int argc, char **argv)
{
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

	/* A program has some already; the first also costs the setting up. */
	for (i = 0; i < KEPT; i++)
		kept[i] = make(&cif, &context, &code);
	call = (int (*)(int))code;

	n = call(0);
	start = now();
	for (i = 0; i < CALLS; i++)
		n = call(n);
	took = now() - start;
	if (n != CALLS + 1)
		errx(1, "the closure returned %d", n);
	printf("cost: %s,call,%ld\n", argv[1], (took + CALLS / 2) / CALLS);

	for (i = -1; i < ROUNDS; i++) {
		if (!i)
			start = now();
		ffi_closure_free(make(&cif, &context, &code));
	}
	took = now() - start;
	printf("cost: %s,round,%ld\n", argv[1], (took + ROUNDS / 2) / ROUNDS);

	for (i = 0; i < KEPT; i++)
		ffi_closure_free(kept[i]);
	return 0;
}
