// SPDX-License-Identifier: GPL-2.0
/*
 * tramp: what trampolines cost, made by trampfd, by writing code, and in every
 * other way.
 */
#include "tramp.h"
#include "../builtin.h"
#include "bench.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <subcmd/parse-options.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* A round lasts that long, so that some have no timer interrupt in them. */
#define ROUND_NS	500000

/* But not less than so many steps of the clock. */
#define ROUND_STEPS	50

unsigned int tramp_max = 1000000;
unsigned int tramp_threads;
bool tramp_count_instructions;

static u64 clock_step;

static const char *csv_name;
static FILE *csv;
static const char *unit_name = "ns";

static const struct option options[] = {
	OPT_STRING('o', "csv", &csv_name, "file",
		   "Append the results to this file, as bench,method,n,cost,unit"),
	OPT_STRING('u', "unit", &unit_name, "ns|instructions",
		   "What a nanosecond is: that, or an instruction (qemu -icount shift=0)"),
	OPT_UINTEGER('n', "max", &tramp_max,
		     "Leave out what takes more trampolines than this"),
	OPT_UINTEGER('t', "threads", &tramp_threads,
		     "Number of threads for 'scale' (default: that of CPUs, at least 2)"),
	OPT_END()
};

static const char * const usage[] = {
	"perf bench tramp call|create|first|memory|scale|all [<options>]",
	NULL
};

/**
 * tramp_note() - say something that is no result
 * @fmt: As in printf().
 */
void tramp_note(const char *fmt, ...)
{
	FILE *out = bench_format == BENCH_FORMAT_DEFAULT ? stdout : stderr;
	va_list args;

	va_start(args, fmt);
	fputs("# ", out);
	vfprintf(out, fmt, args);
	fputc('\n', out);
	va_end(args);
}

/**
 * tramp_left_out() - say what could not be measured
 * @method: Its name.
 * @nr: How many trampolines, or threads.
 * @why: The reason.
 */
void tramp_left_out(const char *method, unsigned int nr, const char *why)
{
	tramp_note("%s, n = %u, is left out: %s", method, nr, why);
}

/**
 * tramp_csv() - append a result to the file, if there is one
 * @bench: Name of the benchmark.
 * @method: Name of what was measured.
 * @nr: How many trampolines, or threads.
 * @cost: The result.
 * @unit: Its unit.
 */
void tramp_csv(const char *bench, const char *method, unsigned int nr,
	       double cost, const char *unit)
{
	if (csv)
		fprintf(csv, "%s,%s,%u,%.2f,%s\n", bench, method, nr, cost, unit);
}

/**
 * tramp_unit() - name the unit of time
 *
 * Return: the name.
 */
const char *tramp_unit(void)
{
	return unit_name;
}

/**
 * tramp_whole() - drop what is no figure
 * @cost: A result.
 *
 * Return: an instruction is whole, and fractions are what interrupts cost.
 */
double tramp_whole(double cost)
{
	return tramp_count_instructions && cost > 0 ? (u64)(cost + 0.5) : cost;
}

/**
 * tramp_now() - read the clock
 *
 * Return: nanoseconds, from any time on.
 */
u64 tramp_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/**
 * tramp_wait() - let others run for a while
 * @ms: How long, in milliseconds.
 *
 * An emulator that counts instructions moves the clock when the CPU is idle, and
 * where it does so depends on when its threads run.  So when instructions are
 * counted the CPU stays busy.
 */
void tramp_wait(unsigned int ms)
{
	const u64 end = tramp_now() + ms * 1000000ULL;

	if (!tramp_count_instructions) {
		usleep(ms * 1000);
		return;
	}
	while (tramp_now() < end)
		sched_yield();
}

static noinline TRAMP_LOOP(loop_empty, (void)entry)
noinline TRAMP_LOOP(tramp_loop_call, ((tramp_fn)entry)())

/**
 * tramp_fill_ring() - choose what a loop calls
 * @ring: The ring.
 * @set: The trampolines.  If there are more than the ring can hold, it gets some
 *	from everywhere.
 */
void tramp_fill_ring(void **ring, const struct tramp_set *set)
{
	unsigned int i;

	for (i = 0; i < TRAMP_RING; i++)
		ring[i] = tramp_set_entry(set, i * 769ULL % set->nr);
}

/* Nanoseconds from one value of the clock to the next: some count jiffies. */
static u64 find_clock_step(void)
{
	u64 last = tramp_now(), now, step = ULLONG_MAX;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		do {
			now = tramp_now();
		} while (now == last);
		/* The first one may have begun long before. */
		if (i && now - last < step)
			step = now - last;
		last = now;
	}
	return step;
}

/**
 * tramp_round() - tell how long to measure
 * @ns: How long it would be with a good clock, in nanoseconds.
 *
 * Return: how long it has to be with this one.
 */
u64 tramp_round(u64 ns)
{
	return ns > ROUND_STEPS * clock_step ? ns : ROUND_STEPS * clock_step;
}

static u64 time_loop(tramp_loop_fn loop, void *const *ring, unsigned long count)
{
	u64 start = tramp_now();

	loop(ring, count);
	return tramp_now() - start;
}

static u64 shortest(tramp_loop_fn loop, void *const *ring, unsigned long count)
{
	u64 time, best = ULLONG_MAX;
	unsigned int i;

	for (i = 0; i < bench_repeat; i++) {
		time = time_loop(loop, ring, count);
		if (time < best)
			best = time;
	}
	return best;
}

/**
 * tramp_measure() - measure one pass of a loop
 * @loop: The loop.
 * @ring: What to give to it.
 *
 * Return: the time of a pass, less that of a loop that does nothing.
 */
double tramp_measure(tramp_loop_fn loop, void *const *ring)
{
	const u64 round = tramp_round(ROUND_NS);
	unsigned long count = 64;
	double time, empty;

	while (time_loop(loop, ring, count) < round && count < LONG_MAX / 2)
		count *= 2;

	time = shortest(loop, ring, count);
	empty = shortest(loop_empty, ring, count);
	return (time - empty) / count;
}

/**
 * tramp_measure_way() - measure a call of the only trampoline there is
 * @way: How it is made.
 *
 * Return: the time of a call, or a negative number if there is none.
 */
double tramp_measure_way(const struct tramp_way *way)
{
	struct tramp_set set = {};
	void *ring[TRAMP_RING];
	double cost = -1;

	if (!tramp_set_prepare(&set, way, 1) && !tramp_set_make(&set)) {
		tramp_fill_ring(ring, &set);
		cost = tramp_measure(tramp_loop_call, ring);
		tramp_set_unmake(&set);
	}
	tramp_set_free(&set);
	return cost;
}

static int run(int argc, const char **argv, int (*bench)(void))
{
	int ret;

	argc = parse_options(argc, argv, options, usage, 0);
	if (argc)
		usage_with_options(usage, options);

	tramp_count_instructions = !strcmp(unit_name, "instructions");
	if (!tramp_count_instructions && strcmp(unit_name, "ns")) {
		fprintf(stderr, "Unknown unit: '%s'\n", unit_name);
		usage_with_options(usage, options);
	}

	if (csv_name) {
		csv = fopen(csv_name, "a");
		if (!csv) {
			fprintf(stderr, "%s: %s\n", csv_name, strerror(errno));
			return 1;
		}
		if (!fseek(csv, 0, SEEK_END) && !ftell(csv))
			fputs("bench,method,n,cost,unit\n", csv);
	}

	/* So that a page is a page, for every way. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);

	clock_step = find_clock_step();
	if (tramp_round(ROUND_NS) > ROUND_NS)
		tramp_note("a poor clock, in steps of %llu us: what is short is NOT exact",
			   (unsigned long long)clock_step / 1000);

	ret = bench();

	if (csv && fclose(csv)) {
		fprintf(stderr, "%s: %s\n", csv_name, strerror(errno));
		ret = 1;
	}
	csv = NULL;
	return ret;
}

int bench_tramp_call(int argc, const char **argv)
{
	return run(argc, argv, tramp_call);
}

int bench_tramp_create(int argc, const char **argv)
{
	return run(argc, argv, tramp_create);
}

int bench_tramp_first(int argc, const char **argv)
{
	return run(argc, argv, tramp_first);
}

int bench_tramp_memory(int argc, const char **argv)
{
	return run(argc, argv, tramp_memory);
}

int bench_tramp_scale(int argc, const char **argv)
{
	return run(argc, argv, tramp_scale);
}
