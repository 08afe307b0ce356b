// SPDX-License-Identifier: GPL-2.0
/*
 * tramp first: what a program pays that needs one trampoline, until it has called
 * it once, and the memory of that.
 *
 * It has had others, so what a process or a library does once is not in it.
 */
#include "tramp.h"
#include "bench.h"

#include <limits.h>
#include <stdio.h>

/* Programs with one, for the memory; no more than open files are allowed. */
#define NUMBER		256

static const struct {
	const char *name;
	const struct tramp_way *way;
} methods[] = {
	{ "stub",	&tramp_stub_each },
	{ "table",	&tramp_table },
	{ "trampfd",	&tramp_trampfd_each },
	{ "code",	&tramp_code_untouched },
};

/* Call each once. */
static int call(struct tramp_set *set)
{
	unsigned int i;

	for (i = 0; i < set->nr; i++) {
		if (((tramp_fn)tramp_set_entry(set, i))() != TRAMP_CONTEXT(i)) {
			scnprintf(set->why, sizeof(set->why),
				  "WRONG CONTEXT in trampoline %u", i);
			return -1;
		}
	}
	return 0;
}

/* Return: the time from nothing to the first call's return, or a negative number. */
static double time_first(struct tramp_set *set)
{
	u64 start, time, best = ULLONG_MAX;
	unsigned int i;
	int ret;

	tramp_settle();
	for (i = 0; i < bench_repeat; i++) {
		tramp_wait(20);
		start = tramp_now();
		if (tramp_set_make(set))
			return -1;
		ret = call(set);
		time = tramp_now() - start;
		tramp_set_unmake(set);
		if (ret)
			return -1;
		if (time < best)
			best = time;
	}
	return best;
}

static double bytes_first(struct tramp_set *set)
{
	long before = tramp_settled_bytes(set), after;

	if (before < 0 || tramp_set_make(set))
		return -1;
	after = call(set) ? -1 : tramp_settled_bytes(set);
	tramp_set_unmake(set);
	return after < 0 ? -1 : (double)(after - before) / set->nr;
}

/* Return: what @count returns, or a negative number with a note that says why. */
static double measure(const char *method, const struct tramp_way *way, unsigned int nr,
		      double (*count)(struct tramp_set *set))
{
	struct tramp_set set = { .alone = true };
	double cost = -1;

	if (!tramp_set_prepare(&set, way, nr))
		cost = count(&set);
	if (cost < 0)
		tramp_left_out(method, nr, set.why);
	tramp_set_free(&set);
	return cost < 0 ? cost : tramp_whole(cost);
}

/**
 * tramp_first() - measure the only trampoline of a program
 *
 * Return: 0, the status of perf.
 */
int tramp_first(void)
{
	double cost, bytes;
	unsigned int i;

	if (bench_format == BENCH_FORMAT_DEFAULT) {
		tramp_note("From nothing to the return of the first call, and the memory");
		printf("\n %-18s %13s %13s\n", "method", tramp_unit(), "bytes");
	}

	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		cost = measure(methods[i].name, methods[i].way, 1, time_first);
		if (cost < 0)
			continue;
		tramp_csv("first", methods[i].name, 1, cost, tramp_unit());
		bytes = tramp_max < NUMBER ? -1 :
			measure(methods[i].name, methods[i].way, NUMBER, bytes_first);
		if (bytes >= 0)
			tramp_csv("first-bytes", methods[i].name, NUMBER, bytes, "bytes");

		if (bench_format == BENCH_FORMAT_SIMPLE)
			printf("%s %.2f %.2f\n", methods[i].name, cost, bytes);
		else if (bytes < 0)
			printf(" %-18s %13.2f\n", methods[i].name, cost);
		else
			printf(" %-18s %13.2f %13.2f\n", methods[i].name, cost, bytes);
	}
	return 0;
}
