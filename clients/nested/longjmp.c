// SPDX-License-Identifier: GPL-2.0
/*
 * Nested functions whose parents are left by longjmp() and by goto out of a
 * nested function, so that nobody says that they are not needed any more.
 */
#include <setjmp.h>
#include <stdio.h>

static jmp_buf out;

static __attribute__((noipa)) void visit(int n, void (*leave)(int))
{
	leave(n);
}

static __attribute__((noipa)) void jump(int n)
{
	int left = n;

	void leave(int value)
	{
		left += value;
		longjmp(out, left);
	}

	visit(n, leave);
}

static __attribute__((noipa)) int left_by_goto(int n)
{
	__label__ found;
	int value = 0;

	void leave(int x)
	{
		value = x;
		goto found;
	}

	visit(n, leave);
	return -1;
found:
	return value;
}

int main(void)
{
	volatile long by_jump = 0, by_goto = 0;
	volatile int i;
	long sum = 0;

	void add(int n)
	{
		sum += n;
	}
	void (*volatile outer)(int) = add;

	for (i = 1; i <= 3000; i++) {
		int value = setjmp(out);

		if (!value)
			jump(i);
		by_jump += value;
		by_goto += left_by_goto(i);
		/* It is older than all that was left behind. */
		visit(1, outer);
	}
	printf("by longjmp: %ld, by goto: %ld, calls: %ld\n", by_jump, by_goto,
	       sum);
	return 0;
}
