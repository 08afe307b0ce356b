// SPDX-License-Identifier: GPL-2.0
/*
 * A nested function of GCC's that qsort() calls, and that uses its parent's variables.
 */
#include <stdio.h>
#include <stdlib.h>

static int sorted(int sign)
{
	int numbers[] = { 42, 7, 23, 15, 4, 8 }, calls = 0;

	int compare(const void *a, const void *b)
	{
		calls++;
		return sign * (*(const int *)a - *(const int *)b);
	}

	qsort(numbers, 6, sizeof(*numbers), compare);
	return calls && numbers[0] == (sign > 0 ? 4 : 42);
}

int main(void)
{
	if (!sorted(1) || !sorted(-1))
		return 1;
	puts("qsort has called a nested function");
	return 0;
}
