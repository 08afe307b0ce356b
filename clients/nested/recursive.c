// SPDX-License-Identifier: GPL-2.0
/*
 * Nested functions of many frames of one function at a time: Knuth's "man or
 * boy" test, and a recursion as deep as the stack allows.
 */
#include <stdio.h>

static int a(int k, int x1(void), int x2(void), int x3(void), int x4(void),
	     int x5(void))
{
	int b(void)
	{
		k--;
		return a(k, b, x1, x2, x3, x4);
	}

	return k <= 0 ? x4() + x5() : b();
}

static int one(void)
{
	return 1;
}

static int minus_one(void)
{
	return -1;
}

static int zero(void)
{
	return 0;
}

static long depth(int n, long (*outer)(long))
{
	long inner(long x)
	{
		return n + x;
	}

	/* What the outermost and the innermost one return. */
	if (!n)
		return outer(0) * 1000 + inner(0);
	return depth(n - 1, outer ? outer : inner) + inner(0) - n;
}

int main(void)
{
	int boy = a(10, one, minus_one, minus_one, one, zero);
	long first = depth(5000, NULL);
	long again = depth(5000, NULL);

	printf("man or boy: %d, depth: %ld %ld\n", boy, first, again);
	return 0;
}
