// SPDX-License-Identifier: GPL-2.0
/* Threads that make and call nested functions at once, and fork. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	8
#define ROUNDS	500

static int compare_by(const void *a, const void *b, int sign)
{
	return sign * (*(const int *)a - *(const int *)b);
}

/* Sorts with a nested function, and says whether it went well. */
static int sorted(int n, int sign)
{
	int numbers[16];
	int i, calls = 0;

	int compare(const void *a, const void *b)
	{
		calls++;
		return compare_by(a, b, sign);
	}

	for (i = 0; i < 16; i++)
		numbers[i] = (i * 7 + n) % 16;
	qsort(numbers, 16, sizeof(*numbers), compare);
	for (i = 0; i < 15; i++) {
		if (sign * numbers[i] >= sign * numbers[i + 1])
			return 0;
	}
	return calls > 0;
}

static int child_sorted(int n)
{
	int status;
	pid_t pid;

	int again(const void *a, const void *b)
	{
		return compare_by(a, b, n);
	}
	int (*volatile before)(const void *, const void *) = again;

	pid = fork();
	if (!pid) {
		int numbers[] = { 3, 1, 2 };

		qsort(numbers, 3, sizeof(*numbers), before);
		_exit(numbers[0] == 1 && sorted(n, 1) && sorted(n, -1) ? 42 : 1);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

static void *thread(void *number)
{
	long n = (long)number;
	long good = 0;
	int i;

	for (i = 0; i < ROUNDS; i++)
		good += sorted(n + i, i % 2 ? 1 : -1);
	good += child_sorted(n + 1);
	return (void *)good;
}

int main(void)
{
	pthread_t threads[THREADS];
	bool started[THREADS];
	long total = 0;
	void *good;
	long i;

	for (i = 0; i < THREADS; i++)
		started[i] = !pthread_create(&threads[i], NULL, thread, (void *)i);
	for (i = 0; i < THREADS; i++) {
		if (!started[i])
			continue;
		pthread_join(threads[i], &good);
		total += (long)good;
	}
	printf("sorted: %ld of %d\n", total, THREADS * (ROUNDS + 1));
	return 0;
}
