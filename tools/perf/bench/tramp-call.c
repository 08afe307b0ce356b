// SPDX-License-Identifier: GPL-2.0
/*
 * tramp call: one call that loads a context register and jumps.
 */
#include "tramp.h"
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONTEXT		0x40000000UL
#define FAULT_PAGES	256

/* Only kernels built for the comparison have it. */
static const char v1_switch[] = "/proc/sys/vm/trampfd_v1";

static double baseline;

static void report(const char *method, unsigned int nr, double cost)
{
	cost = tramp_whole(cost);
	if (!baseline)
		baseline = cost;

	if (bench_format == BENCH_FORMAT_SIMPLE)
		printf("%s %u %.2f\n", method, nr, cost);
	else
		printf(" %-18s %8u %13.2f %+13.2f %10.2f\n", method, nr, cost,
		       cost - baseline, cost / baseline);
	tramp_csv("call", method, nr, cost, tramp_unit());
}

static noinline TRAMP_LOOP(loop_direct, tramp_target())
static noinline TRAMP_LOOP(loop_getppid, getppid())
static noinline TRAMP_LOOP(loop_pointer, ((long (*)(void *))entry)(NULL))

static void fill(void **ring, void *entry)
{
	unsigned int i;

	for (i = 0; i < TRAMP_RING; i++)
		ring[i] = entry;
}

static void measure_entry(const char *method, tramp_loop_fn loop, void *entry)
{
	void *ring[TRAMP_RING];

	fill(ring, entry);
	report(method, 1, tramp_measure(loop, ring));
}

/* Trampolines of which each loads some registers and pushes some data. */
static int measure_set(const char *method, const struct tramp_way *way,
		       unsigned int nr, unsigned int nr_regs,
		       const struct tramp_stack *stack, unsigned int shown)
{
	struct tramp_set set = { .nr_regs = nr_regs, .stack = stack };
	void *ring[TRAMP_RING];
	int ret = -1;

	if (!tramp_set_prepare(&set, way, nr) && !tramp_set_make(&set)) {
		ret = tramp_set_check(&set);
		if (!ret) {
			tramp_fill_ring(ring, &set);
			report(method, shown, tramp_measure(tramp_loop_call, ring));
		}
		tramp_set_unmake(&set);
	}
	if (ret)
		tramp_left_out(method, shown, set.why);
	tramp_set_free(&set);
	return ret;
}

static int write_switch(const char *value)
{
	int fd = open(v1_switch, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return -1;
	done = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return done ? 0 : -1;
}

static void measure_v1(void)
{
	if (write_switch("1")) {
		tramp_left_out("v1", 1, "only a kernel built for comparison has it");
		return;
	}
	measure_set("v1", &tramp_trampfd_batch, 1, 1, NULL, 1);
	write_switch("0");
}

static void measure_code(void)
{
	static const unsigned int numbers[] = { 1, 1000, 65536 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (numbers[i] > tramp_max)
			continue;
		if (measure_set("trampfd-code", &tramp_code_batch, numbers[i], 1, NULL,
				numbers[i]) && numbers[i] == 1)
			return;
	}
	measure_set("trampfd-code-3reg", &tramp_code_batch, 1, 3, NULL, 1);
}

static void measure_trampfd(void)
{
	static const unsigned int numbers[] = { 1, 1000, 1000000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (numbers[i] > tramp_max)
			continue;
		if (measure_set("trampfd", &tramp_trampfd_batch, numbers[i], 1, NULL,
				numbers[i]) && numbers[i] == 1) {
			tramp_note("nor is anything else of trampfd measured");
			return;
		}
	}
	measure_set("trampfd-3reg", &tramp_trampfd_batch, 1, 3, NULL, 1);
	measure_set("trampfd-7reg", &tramp_trampfd_batch, 1, 7, NULL, 1);
	measure_set("trampfd-stack8", &tramp_trampfd_batch, 1, 1,
		    &tramp_arch.stack[0], 1);
	measure_set("trampfd-stack64", &tramp_trampfd_batch, 1, 1,
		    &tramp_arch.stack[1], 1);
	if (tramp_max >= 64)
		measure_set("trampfd-64regions", &tramp_trampfd_v1way, 64, 1, NULL, 64);
	measure_code();
	measure_v1();
}

/* A handler of SIGSEGV that does what the kernel does for trampfd. */

static char *signal_page;

static void emulate(int sig, siginfo_t *info, void *uc)
{
	if (info->si_addr == signal_page)
		tramp_arch.edit_context(uc, (unsigned long)tramp_target, CONTEXT);
	else
		signal(sig, SIG_DFL);
}

static void measure_signal(void)
{
	struct sigaction action = { .sa_sigaction = emulate, .sa_flags = SA_SIGINFO };
	struct sigaction before;
	const size_t size = sysconf(_SC_PAGESIZE);

	if (!tramp_arch.edit_context) {
		tramp_left_out("signal", 1, "not written for this architecture");
		return;
	}

	signal_page = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (signal_page == MAP_FAILED) {
		tramp_left_out("signal", 1, strerror(errno));
		return;
	}

	sigaction(SIGSEGV, &action, &before);
	if (((tramp_fn)signal_page)() == CONTEXT)
		measure_entry("signal", tramp_loop_call, signal_page);
	else
		tramp_left_out("signal", 1, "WRONG CONTEXT");
	sigaction(SIGSEGV, &before, NULL);
	munmap(signal_page, size);
}

/* A frame for sigreturn is best made by the kernel. */
static void take_frame(int sig __maybe_unused, siginfo_t *info __maybe_unused, void *uc)
{
	tramp_arch.prepare_sigreturn(uc, (unsigned long)tramp_target, CONTEXT);
}

static void measure_sigreturn(void)
{
	struct sigaction action = { .sa_sigaction = take_frame, .sa_flags = SA_SIGINFO };
	struct sigaction before;

	if (!tramp_arch.sigreturn) {
		tramp_left_out("sigreturn", 1, "not written for this architecture");
		return;
	}

	sigaction(SIGUSR1, &action, &before);
	raise(SIGUSR1);
	sigaction(SIGUSR1, &before, NULL);

	if (tramp_arch.sigreturn() == CONTEXT)
		measure_entry("sigreturn", tramp_loop_call, tramp_arch.sigreturn);
	else
		tramp_left_out("sigreturn", 1, "WRONG CONTEXT");
}

static u64 touch(char *pages, size_t size)
{
	u64 start = tramp_now();
	unsigned int i;

	for (i = 0; i < FAULT_PAGES; i++)
		WRITE_ONCE(pages[i * size], 1);
	return tramp_now() - start;
}

static void measure_minor_fault(void)
{
	const size_t size = sysconf(_SC_PAGESIZE);
	u64 time, best = ULLONG_MAX, empty = ULLONG_MAX;
	unsigned int i;
	char *pages;

	for (i = 0; i < bench_repeat; i++) {
		pages = mmap(NULL, FAULT_PAGES * size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (pages == MAP_FAILED) {
			tramp_left_out("minor-fault", 1, strerror(errno));
			return;
		}
		time = touch(pages, size);
		if (time < best)
			best = time;
		time = touch(pages, size);
		if (time < empty)
			empty = time;
		munmap(pages, FAULT_PAGES * size);
	}
	report("minor-fault", 1, ((double)best - (double)empty) / FAULT_PAGES);
}

static void measure_vsyscall(void)
{
	void *entry = tramp_arch.vsyscall ? tramp_arch.vsyscall() : NULL;

	if (entry)
		measure_entry("vsyscall", loop_pointer, entry);
	else
		tramp_left_out("vsyscall", 1, "this system has no execute-only one");
}

/**
 * tramp_call() - measure calls
 *
 * Return: 0, the status of perf.
 */
int tramp_call(void)
{
	baseline = 0;
	if (bench_format == BENCH_FORMAT_DEFAULT) {
		tramp_note("A call that loads a context register and jumps, in %s",
			   tramp_unit());
		printf("\n %-18s %8s %13s %13s %10s\n", "method", "n", "cost",
		       "more", "ratio");
	}

	measure_entry("direct", loop_direct, tramp_target);
	measure_entry("indirect", tramp_loop_call, tramp_target);
	measure_set("stub", &tramp_stub_each, 1, 1, NULL, 1);
	measure_set("table", &tramp_table, 1, 1, NULL, 1);
	/* Faults of a process without trampolines, so before it makes one. */
	measure_signal();
	measure_sigreturn();
	measure_entry("getppid", loop_getppid, NULL);
	measure_minor_fault();
	measure_vsyscall();
	measure_trampfd();
	return 0;
}
