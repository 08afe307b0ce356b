// SPDX-License-Identifier: GPL-2.0
/* A shared library with a nested function, which a program loads that has none. */
#include <setjmp.h>
#include <stdlib.h>

int sorted(int n)
{
	int numbers[16];
	jmp_buf out;
	int i, calls = 0;

	int compare(const void *a, const void *b)
	{
		calls++;
		if (n % 3 == 0 && calls == 20)
			longjmp(out, 1);
		return *(const int *)a - *(const int *)b;
	}

	for (i = 0; i < 16; i++)
		numbers[i] = (i * 7 + n) % 16;
	if (setjmp(out))
		return calls == 20;
	qsort(numbers, 16, sizeof(*numbers), compare);
	for (i = 0; i < 15; i++) {
		if (numbers[i] >= numbers[i + 1])
			return 0;
	}
	return calls > 0;
}
