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

/* What the trampoline does that libffi writes into a new closure. */
static unsigned int closure_make(struct trampfd_reg *regs, ffi_cif *cif,
				 void *context)
{
	ffi_closure *closure = calloc(1, sizeof(*closure));
	unsigned int nregs;

	if (!closure)
		err(1, "calloc");
	if (ffi_prep_closure_loc(closure, cif, compare, context, closure) !=
	    FFI_OK)
		errx(1, "ffi_prep_closure_loc failed");

	nregs = effect_of(closure->tramp, regs);
	if (!nregs)
		errx(1, "libffi wrote a trampoline that is not known here");
	return nregs;
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

int main(int argc, char **argv)
{
	struct _ffi_type *types[] = { &ffi_type_pointer, &ffi_type_pointer };
	struct order up = { .sign = 1 }, down = { .sign = -1 };
	struct trampfd_reg regs[2][EFFECT_REGS_MAX];
	enum way way = way_of(argc, argv);
	struct trampolines t;
	unsigned int nregs;
	ffi_cif cif;

	strict_wx();
	show_stock();

	if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 2, &ffi_type_sint, types) !=
	    FFI_OK)
		errx(1, "ffi_prep_cif failed");

	nregs = closure_make(regs[0], &cif, &up);
	if (closure_make(regs[1], &cif, &down) != nregs)
		errx(1, "libffi wrote two kinds of trampolines");
	trampolines_make(&t, way, 2, regs[0], nregs);
	trampoline_set(&t, 0, regs[0], nregs);
	trampoline_set(&t, 1, regs[1], nregs);
	if (!trampoline_show_way(&t, 0) || !trampoline_show_way(&t, 1))
		errx(1, "code could do that");

	sort(1, trampoline_address(&t, 0), &up);
	sort(-1, trampoline_address(&t, 1), &down);

	return strict_wx_proof(trampoline_address(&t, 0));
}
