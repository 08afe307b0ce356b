// SPDX-License-Identifier: GPL-2.0
/*
 * How much memory closures of libffi take, all at once: prints bytes for one of 100,000, of
 * what is charged to the cgroup of the process.  That has the kernel's memory in it, page
 * tables included.  It is charged in steps of up to 64 pages.
 */
#include <err.h>
#include <ffi.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT	100000

static void answer(ffi_cif *cif, void *result, void **args, void *number)
{
	(void)cif;
	(void)args;
	*(ffi_arg *)result = *(int *)number;
}

static long charged(void)
{
	char path[256], file[300];
	long bytes = -1;
	FILE *f;

	f = fopen("/proc/self/cgroup", "re");
	if (!f || fscanf(f, "0::%255s", path) != 1)
		errx(1, "no cgroup of version 2");
	fclose(f);
	snprintf(file, sizeof(file), "/sys/fs/cgroup%s/memory.current", path);
	f = fopen(file, "re");
	if (!f || fscanf(f, "%ld", &bytes) != 1)
		err(1, "%s", file);
	fclose(f);
	return bytes;
}

int main(void)
{
	static int numbers[COUNT];
	ffi_closure *closure;
	int (**code)(void);
	ffi_cif cif;
	void *start;
	long before;
	int i;

	if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, &ffi_type_sint, NULL) !=
	    FFI_OK)
		errx(1, "ffi_prep_cif failed");
	/* What is the test's own is there before. */
	code = malloc(COUNT * sizeof(*code));
	if (!code)
		err(1, "malloc");
	for (i = 0; i < COUNT; i++) {
		numbers[i] = i;
		code[i] = NULL;
	}

	before = charged();
	for (i = 0; i < COUNT; i++) {
		closure = ffi_closure_alloc(sizeof(*closure), &start);
		if (!closure)
			errx(1, "ffi_closure_alloc failed after %d", i);
		if (ffi_prep_closure_loc(closure, &cif, answer, &numbers[i],
					 start) != FFI_OK)
			errx(1, "ffi_prep_closure_loc failed after %d", i);
		code[i] = (int (*)(void))start;
	}
	printf("%ld\n", (charged() - before + COUNT / 2) / COUNT);
	for (i = 0; i < COUNT; i += 997) {
		if (code[i]() != i)
			errx(1, "closure %d is wrong", i);
	}
	return 0;
}
