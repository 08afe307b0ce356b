// SPDX-License-Identifier: GPL-2.0
/* The C part of exception.cc, compiled with -fexceptions. */

/* Of the linker: where the program's own code is. */
extern char __executable_start[], etext[];

/* Calls of what is none of the program's code, and when it was another one. */
long trampolines, changes;

static __attribute__((noipa)) void each(const int *numbers, int n,
					void (*visit)(int number))
{
	static void (*last)(int number);

	if ((char *)visit < __executable_start || (char *)visit >= etext)
		trampolines++;
	/* What an exception leaves behind can't be used again. */
	if (visit != last)
		changes++;
	last = visit;

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
