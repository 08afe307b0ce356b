// SPDX-License-Identifier: GPL-2.0
/*
 * What a nested function costs whose address is taken: making its trampoline, one call, and
 * freeing it at the end of the function.  Prints nanoseconds, which are instructions in a
 * guest under QEMU's -icount:
 *
 *	first	the first one of the process
 *	round	one of 10,000, one after another, in the same frame
 *	moved	one of 10,000, each in a frame somewhere else
 */
#include <stdio.h>
#include <time.h>

#include "frames.h"

#define ROUNDS 10000

/* The same without a trampoline. */
static __attribute__((noipa)) int value_of(void)
{
	return 1;
}

static __attribute__((noipa)) int plain(int n)
{
	volatile char room[16 + 16 * (n % 64)];

	room[0] = 0;
	return call(value_of) + room[0];
}

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void print(const char *name, long took, int n)
{
	printf("cost: %s,%ld\n", name, (took + n / 2) / n);
}

int main(void)
{
	long start, first, round, away;
	int wrong = 0;
	int i;

	now();
	plain(1);
	start = now();
	wrong |= nested(1) != 1;
	first = now() - start;
	start = now();
	for (i = 0; i < ROUNDS; i++)
		wrong |= nested(i) != i;
	round = now() - start;
	start = now();
	for (i = 0; i < ROUNDS; i++)
		wrong |= moved(i) != i;
	away = now() - start;
	start = now();
	for (i = 0; i < ROUNDS; i++)
		wrong |= plain(i) != 1;
	print("without", now() - start, ROUNDS);
	print("first", first, 1);
	print("round", round, ROUNDS);
	print("moved", away, ROUNDS);
	return wrong;
}
