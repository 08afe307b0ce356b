// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

struct run *run;

void choices_init(struct choices *c, uint64_t seed, const void *bytes,
		  size_t nbytes)
{
	*c = (struct choices) {
		.state = seed,
		.bytes = bytes,
		.nbytes = nbytes,
	};
}

void choices_fork(struct choices *c, unsigned int child)
{
	c->state = choose_any(c) ^ (child + 1) * 0x9e3779b97f4a7c15ULL;
	c->used = c->nbytes;
}

/* SplitMix64 (Steele, Lea and Flood 2014): a counter and a mixture of its bits. */
static uint64_t generate(struct choices *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint64_t choose_any(struct choices *c)
{
	uint64_t value = 0;
	size_t i;

	if (c->used + sizeof(value) > c->nbytes)
		return generate(c);
	for (i = 0; i < sizeof(value); i++)
		value = value << 8 | c->bytes[c->used++];
	return value;
}

unsigned int choose(struct choices *c, unsigned int n)
{
	if (n <= 1)
		return 0;
	/* One byte of the file where that is enough, so that a changed byte changes one choice. */
	if (n <= 256 && c->used < c->nbytes)
		return c->bytes[c->used++] % n;
	return choose_any(c) % n;
}

bool chance(struct choices *c, unsigned int percent)
{
	return choose(c, 100) < percent;
}

void run_init(uint64_t seed)
{
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run == MAP_FAILED) {
		perror("Memory for the counts");
		exit(1);
	}
	run->seed = seed;
}

void count_operation(void)
{
	__atomic_fetch_add(&run->operations, 1, __ATOMIC_RELAXED);
}

void count_call(void)
{
	__atomic_fetch_add(&run->operations, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&run->calls, 1, __ATOMIC_RELAXED);
}

void count_refused(void)
{
	__atomic_fetch_add(&run->refused, 1, __ATOMIC_RELAXED);
}

void differs(const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	n = snprintf(text, sizeof(text), "# fuzz: seed %llu, operation %lu, process %d: ",
		     (unsigned long long)run->seed, run->operations, (int)getpid());
	va_start(args, format);
	n += vsnprintf(text + n, sizeof(text) - n, format, args);
	va_end(args);
	if (n > (int)sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n++] = '\n';
	/* The first one tells the most: what follows it may be its consequence. */
	if (!__atomic_fetch_add(&run->reports, 1, __ATOMIC_SEQ_CST) &&
	    write(STDOUT_FILENO, text, n) != n)
		_exit(1);
	_exit(FUZZ_DIFFERS);
}

void run_print(const char *fuzzer, double seconds)
{
	printf("# fuzz: %s: %lu operations, %lu calls, %lu refused, ", fuzzer,
	       run->operations, run->calls, run->refused);
	printf("%lu forks, %u reports, %.0f s\n", run->forks, run->reports, seconds);
}

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}
