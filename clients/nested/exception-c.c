// SPDX-License-Identifier: GPL-2.0
/* The C part of exception.cc, compiled with -fexceptions. */

static __attribute__((noipa)) void each(const int *numbers, int n,
					void (*visit)(int number))
{
	while (n--)
		visit(*numbers++);
}

long sum_of(const int *numbers, int n, int (*check)(int number))
{
	long sum = 0;

	void add(int number)
	{
		sum += check(number);
	}

	each(numbers, n, add);
	return sum;
}
