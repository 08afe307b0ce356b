// SPDX-License-Identifier: GPL-2.0
/*
 * A nested function of GCC, called with a pointer to it.
 *
 * Where the address of such a function is taken, GCC writes a trampoline onto
 * the stack.  It is never executed: a trampfd trampoline has the same effect,
 * so the stack need not be executable.
 */
#include "effect.h"
#include "strict_wx.h"

#include <err.h>
#include <stdio.h>

static void each(const int *numbers, int count, void (*visit)(int number))
{
	int i;

	for (i = 0; i < count; i++)
		visit(numbers[i]);
}

int main(int argc, char **argv)
{
	static const int numbers[] = { 2, 3, 5, 7, 11, 13 };
	struct trampfd_reg regs[EFFECT_REGS_MAX];
	enum way way = way_of(argc, argv);
	int sum = 0, scale = 10;
	struct trampolines t;
	unsigned int nregs;

	inline void add(int number)
	{
		sum += scale * number;
	}

	strict_wx();

	nregs = effect_of(add, regs);
	if (!nregs)
		errx(1, "GCC wrote a trampoline that is not known here");

	trampolines_make(&t, way, 1, regs, nregs);
	trampoline_set(&t, 0, regs, nregs);
	if (!trampoline_show_way(&t, 0))
		errx(1, "code could do that");
	each(numbers, 6, trampoline_address(&t, 0));
	printf("nested function: %d times each number was added to its parent's sum, %d\n",
	       scale, sum);

	/* It is the parent's own variable that the function sees. */
	scale = -10;
	each(numbers, 6, trampoline_address(&t, 0));
	printf("its parent's scale is %d now, and the function sees it: 410 - 410 is %d\n",
	       scale, sum);
	if (sum)
		errx(1, "the function did not see the new scale");

	return strict_wx_proof(trampoline_address(&t, 0));
}
