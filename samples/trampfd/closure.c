// SPDX-License-Identifier: GPL-2.0
/*
 * A libffi closure as comparison function of qsort().
 *
 * libffi prepares the closure in plain memory.  The trampoline that it writes
 * there is never executed: a trampfd trampoline has the same effect.
 */
#include "effect.h"
#include "strict_wx.h"

#include <err.h>
#include <ffi.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT 8

struct order {
	int sign;
	unsigned int calls;
};

/* What the closure stands for: a comparison with a context of its own. */
static void compare(ffi_cif *cif, void *result, void **args, void *context)
{
	const int *a = *(void **)args[0];
	const int *b = *(void **)args[1];
	struct order *order = context;

	(void)cif;
	order->calls++;
	*(ffi_sarg *)result = order->sign * ((*a > *b) - (*a < *b));
}

/* What libffi does by itself under the same protections. */
static void show_stock(void)
{
	ffi_closure *closure;
	void *code;

	closure = ffi_closure_alloc(sizeof(*closure), &code);
	printf("libffi without trampfd: ffi_closure_alloc %s\n",
	       closure ? "finds a way" : "returns NULL");
	if (closure)
		ffi_closure_free(closure);
}

static void *closure_make(struct trampolines *t, __u32 number, ffi_cif *cif,
			  void *context)
{
	ffi_closure *closure = calloc(1, sizeof(*closure));
	struct trampfd_reg regs[EFFECT_REGS_MAX];
	unsigned int nregs;

	if (!closure)
		err(1, "calloc");
	if (ffi_prep_closure_loc(closure, cif, compare, context, closure) !=
	    FFI_OK)
		errx(1, "ffi_prep_closure_loc failed");

	nregs = effect_of(closure->tramp, regs);
	if (!nregs)
		errx(1, "libffi wrote a trampoline that is not known here");

	trampoline_set(t, number, regs, nregs);
	return trampoline_address(t, number);
}

static void sort(int sign, __compar_fn_t comparison,
		 const struct order *order)
{
	int numbers[COUNT] = { 31, 4, 15, 92, 6, 53, 58, 9 };
	int i;

	qsort(numbers, COUNT, sizeof(numbers[0]), comparison);

	printf("qsort through libffi's closure:");
	for (i = 0; i < COUNT; i++) {
		if (i && sign * numbers[i - 1] > sign * numbers[i])
			errx(1, " not sorted");
		printf(" %d", numbers[i]);
	}
	printf(" (%u calls)\n", order->calls);
	if (!order->calls)
		errx(1, "the closure was not called");
}

int main(void)
{
	struct _ffi_type *types[] = { &ffi_type_pointer, &ffi_type_pointer };
	struct order up = { .sign = 1 }, down = { .sign = -1 };
	struct trampolines t;
	ffi_cif cif;

	strict_wx();
	show_stock();

	if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 2, &ffi_type_sint, types) !=
	    FFI_OK)
		errx(1, "ffi_prep_cif failed");

	trampolines_make(&t, 2);
	sort(1, closure_make(&t, 0, &cif, &up), &up);
	sort(-1, closure_make(&t, 1, &cif, &down), &down);

	return strict_wx_proof(t.base);
}
