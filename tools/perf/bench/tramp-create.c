// SPDX-License-Identifier: GPL-2.0
/*
 * tramp create: making trampolines, each ready to call, and removing them.
 */
#include "tramp.h"
#include "bench.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How long to go on after the first round; then figures do not get better. */
#define ROUNDS_NS	20000000

/* The first is what the others are compared with. */
static const struct tramp_way * const ways[] = {
	&tramp_stub_each,
	&tramp_stub_page,
	&tramp_table,
	&tramp_trampfd_each,
	&tramp_trampfd_address,
	&tramp_trampfd_batch,
	&tramp_trampfd_v1way,
	&tramp_trampfd_set,
	&tramp_trampfd_replace,
	&tramp_code_each,
	&tramp_code_batch,
	&tramp_code_set,
	&tramp_code_replace,
};

/* Elements of the above that are compared. */
enum {
	STUB_EACH,
	STUB_PAGE,
	TABLE,
	TRAMPFD_EACH,
	TRAMPFD_ADDRESS,
	TRAMPFD_BATCH,
};

static const unsigned int numbers[] = { 1, 64, 4096, 65536 };

/* What it costs to make one, or 0 if that could not be measured. */
static double costs[ARRAY_SIZE(numbers)][ARRAY_SIZE(ways)];

/* Return: 0, or -1 with the reason in the set. */
static int time_set(struct tramp_set *set, u64 *create, u64 *remove)
{
	u64 start, made, checked, removed, total = 0;
	unsigned int i;

	/* What others left for later would be measured here. */
	tramp_settle();

	*create = *remove = ULLONG_MAX;
	for (i = 0; i < bench_repeat && total < ROUNDS_NS; i++) {
		tramp_wait(20);
		start = tramp_now();
		if (tramp_set_make(set))
			return -1;
		if (set->way->renew) {
			start = tramp_now();
			if (tramp_set_renew(set)) {
				tramp_set_unmake(set);
				return -1;
			}
		}
		made = tramp_now();
		if (tramp_set_check(set)) {
			tramp_set_unmake(set);
			return -1;
		}
		checked = tramp_now();
		tramp_set_unmake(set);
		removed = tramp_now();

		if (made - start < *create)
			*create = made - start;
		if (removed - checked < *remove)
			*remove = removed - checked;
		total += removed - start;
	}
	return 0;
}

static void report(const struct tramp_way *way, unsigned int nr, double create,
		   double remove, double baseline)
{
	if (bench_format == BENCH_FORMAT_SIMPLE)
		printf("%s %u %.2f %.2f\n", way->name, nr, create, remove);
	else if (baseline)
		printf(" %-18s %8u %13.2f %13.2f %+13.2f %10.4f\n", way->name, nr,
		       create, remove, create - baseline, create / baseline);
	else
		printf(" %-18s %8u %13.2f %13.2f\n", way->name, nr, create, remove);

	tramp_csv("create", way->name, nr, create, tramp_unit());
	/* It is the same, whatever was measured before. */
	if (!way->renew)
		tramp_csv("remove", way->name, nr, remove, tramp_unit());
}

static int measure(unsigned int number, unsigned int way)
{
	const unsigned int nr = numbers[number];
	struct tramp_set set = {};
	u64 create, remove;
	int ret = -1;

	if (!tramp_set_prepare(&set, ways[way], nr) &&
	    !time_set(&set, &create, &remove)) {
		costs[number][way] = tramp_whole((double)create / nr);
		report(ways[way], nr, costs[number][way],
		       tramp_whole((double)remove / nr), costs[number][0]);
		ret = 0;
	} else {
		tramp_left_out(ways[way]->name, nr, set.why);
	}
	tramp_set_free(&set);
	return ret;
}

static void report_break_even(const char *method, unsigned int nr, double calls)
{
	if (bench_format == BENCH_FORMAT_SIMPLE)
		printf("break-even %s %u %.0f\n", method, nr, calls);
	else
		printf(" %-18s %8u %13.0f\n", method, nr, calls);
	tramp_csv("break-even", method, nr, tramp_whole(calls), "calls");
}

/* A stub costs more to make, and less to call. */
static void break_even(void)
{
	const double stub = tramp_whole(tramp_measure_way(&tramp_stub_each));
	const double trampfd = tramp_whole(tramp_measure_way(&tramp_trampfd_batch));
	double paid;
	unsigned int i, j;

	if (stub < 0 || trampfd <= stub)
		return;

	if (bench_format == BENCH_FORMAT_DEFAULT) {
		putchar('\n');
		tramp_note("Calls of each after which a stub has paid for being made:");
		tramp_note("stub-each against trampfd-each, stub-page against trampfd-batch");
		printf("\n %-18s %8s %13s\n", "method", "n", "calls");
	}
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		for (j = STUB_EACH; j <= STUB_PAGE; j++) {
			const double *cost = costs[i];
			const double other = cost[j == STUB_EACH ? TRAMPFD_EACH :
								   TRAMPFD_BATCH];

			if (!cost[j] || !other)
				continue;
			paid = (cost[j] - other) / (trampfd - stub);
			report_break_even(ways[j]->name, numbers[i], paid > 0 ? paid : 0);
		}
	}
}

/**
 * tramp_create() - measure making and removing trampolines
 *
 * Return: 0, the status of perf.
 */
int tramp_create(void)
{
	bool left_out[ARRAY_SIZE(ways)] = {};
	unsigned int i, j;

	memset(costs, 0, sizeof(costs));
	if (bench_format == BENCH_FORMAT_DEFAULT) {
		tramp_note("Making n trampolines, and removing them: %s for each",
			   tramp_unit());
		printf("\n %-18s %8s %13s %13s %13s %10s\n", "method", "n", "create",
		       "remove", "more", "ratio");
	}

	for (i = 0; i < ARRAY_SIZE(numbers) && numbers[i] <= tramp_max; i++) {
		for (j = 0; j < ARRAY_SIZE(ways); j++) {
			/* What fails for some fails for more. */
			if (!left_out[j] && measure(i, j))
				left_out[j] = true;
		}
	}

	break_even();
	return 0;
}
