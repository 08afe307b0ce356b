// SPDX-License-Identifier: GPL-2.0
/*
 * tramp scale: threads that call trampolines at the same time.
 */
#include "tramp.h"
#include "bench.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a thread takes when it is alone. */
#define THREAD_NS	10000000
#define ROUNDS		3

/**
 * struct caller - a thread
 * @thread: Its name.
 * @cpu: CPU to run on, or -1.
 * @count: Calls to make.
 * @start: When it began.
 * @end: When it was done.
 * @ring: What to call.
 */
struct caller {
	pthread_t thread;
	int cpu;
	unsigned long count;
	u64 start;
	u64 end;
	void *ring[TRAMP_RING];
};

static pthread_barrier_t barrier;

static void *call(void *arg)
{
	struct caller *caller = arg;
	cpu_set_t cpus;

	if (caller->cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET(caller->cpu, &cpus);
		sched_setaffinity(0, sizeof(cpus), &cpus);
	}
	pthread_barrier_wait(&barrier);

	caller->start = tramp_now();
	tramp_loop_call(caller->ring, caller->count);
	caller->end = tramp_now();
	return NULL;
}

/* Return: nanoseconds from the first call to the last, or 0. */
static u64 run_threads(struct caller *callers, unsigned int nr)
{
	u64 start = ULLONG_MAX, end = 0;
	unsigned int i;

	pthread_barrier_init(&barrier, NULL, nr);
	for (i = 0; i < nr; i++) {
		if (pthread_create(&callers[i].thread, NULL, call, &callers[i])) {
			/* Those that are there wait for the rest. */
			fprintf(stderr, "pthread_create failed\n");
			exit(EXIT_FAILURE);
		}
	}
	for (i = 0; i < nr; i++) {
		pthread_join(callers[i].thread, NULL);
		if (callers[i].start < start)
			start = callers[i].start;
		if (callers[i].end > end)
			end = callers[i].end;
	}
	pthread_barrier_destroy(&barrier);
	return end - start;
}

static void report(const char *method, unsigned int nr, double rate, double ratio)
{
	/* There are no seconds then. */
	if (tramp_count_instructions)
		printf(bench_format == BENCH_FORMAT_SIMPLE ? "%s %u %.2f\n" :
		       " %-18s %8u %10.2f\n", method, nr, ratio);
	else if (bench_format == BENCH_FORMAT_SIMPLE)
		printf("%s %u %.2f %.0f\n", method, nr, ratio, rate);
	else
		printf(" %-18s %8u %10.2f %15.0f\n", method, nr, ratio, rate);
	tramp_csv("scale", method, nr, ratio, "ratio");
}

/* All numbers of threads up to 16, and a few above that. */
static unsigned int next_number(unsigned int nr, unsigned int max)
{
	unsigned int next = nr < 16 ? nr + 1 : nr + nr / 4;

	return nr < max && next > max ? max : next;
}

static void measure(const char *method, const struct tramp_way *way,
		    struct caller *callers, unsigned int max)
{
	struct tramp_set set = {};
	double cost, rate, one = 0;
	unsigned int i, j, nr;
	u64 time, best;

	if (tramp_set_prepare(&set, way, max) || tramp_set_make(&set)) {
		tramp_left_out(method, max, set.why);
		goto out;
	}

	for (i = 0; i < max; i++) {
		for (j = 0; j < TRAMP_RING; j++)
			callers[i].ring[j] = tramp_set_entry(&set, i);
	}
	/* CPUs do so much at a time that a stub may seem to cost nothing. */
	cost = tramp_measure(tramp_loop_call, callers[0].ring);
	for (i = 0; i < max; i++)
		callers[i].count = tramp_round(THREAD_NS) / (cost < 1 ? 1 : cost);

	for (nr = 1; nr <= max; nr = next_number(nr, max)) {
		best = ULLONG_MAX;
		for (i = 0; i < ROUNDS; i++) {
			time = run_threads(callers, nr);
			if (time < best)
				best = time;
		}
		rate = (double)callers[0].count * nr * 1e9 / best;
		if (nr == 1)
			one = rate;
		report(method, nr, rate, rate / one);
	}
	tramp_set_unmake(&set);
out:
	tramp_set_free(&set);
}

/**
 * tramp_scale() - measure how calls scale with threads
 *
 * Return: 0 or 1, the status of perf.
 */
int tramp_scale(void)
{
	unsigned int max = tramp_threads, nr_cpus = 0, i, cpu;
	struct caller *callers;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		nr_cpus = CPU_COUNT(&cpus);
	if (!max)
		max = nr_cpus > 2 ? nr_cpus : 2;

	callers = calloc(max, sizeof(*callers));
	if (!callers) {
		fprintf(stderr, "no memory for %u threads\n", max);
		return 1;
	}
	for (i = 0, cpu = 0; i < max; i++) {
		callers[i].cpu = -1;
		if (max > nr_cpus)
			continue;
		while (!CPU_ISSET(cpu, &cpus))
			cpu++;
		callers[i].cpu = cpu++;
	}

	if (bench_format == BENCH_FORMAT_DEFAULT)
		tramp_note("n threads that call at the same time, compared with one");
	if (tramp_count_instructions || max > nr_cpus)
		tramp_note("NOT how calls scale: the threads take turns, CPUs: %u",
			   tramp_count_instructions ? 1 : nr_cpus);
	if (bench_format == BENCH_FORMAT_DEFAULT)
		printf("\n %-18s %8s %10s%s\n", "method", "n", "ratio",
		       tramp_count_instructions ? "" : "         calls/s");

	measure("trampfd", &tramp_trampfd_batch, callers, max);
	measure("stub", &tramp_stub_page, callers, max);
	measure("code", &tramp_code_batch, callers, max);
	free(callers);
	return 0;
}
