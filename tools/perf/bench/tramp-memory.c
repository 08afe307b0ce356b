// SPDX-License-Identifier: GPL-2.0
/*
 * tramp memory: bytes of user and kernel memory that a trampoline takes.
 *
 * They are counted by the kernel, in pages, so there have to be many: the growth
 * of anonymous memory, page tables, slabs (contexts, VMAs, inodes) and vmalloc()
 * in /proc/meminfo while the trampolines exist.  The code of the table belongs to
 * a file and is shared, so it costs page tables only.  The pages that the kernel has
 * made for the data of code entries are in none of these, but in the process's own
 * account; the code beside them is one page for all.
 */
#include "tramp.h"
#include "bench.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NUMBER		65536
#define NUMBER_MIN	4096

/* Counters are per CPU, and added up when they have become large, or by this. */
static void refresh(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1\n", 2) < 0)
		tramp_note("vm.stat_refresh failed");
	close(fd);
}

static long read_bytes(void)
{
	static const char * const names[] = {
		"AnonPages: %ld", "PageTables: %ld", "Slab: %ld", "VmallocUsed: %ld",
	};
	char line[128];
	long kib, total = 0;
	unsigned int i;
	FILE *file;

	refresh();
	file = fopen("/proc/meminfo", "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			if (sscanf(line, names[i], &kib) == 1)
				total += kib * 1024;
		}
	}
	fclose(file);
	return total;
}

/* Whether a mapping begins with the data of one of a set's units. */
static bool is_data(const struct tramp_set *set, unsigned long start)
{
	unsigned int i;

	for (i = 0; i < set->begun; i++) {
		if ((unsigned long)set->units[i].addr + set->data_offset == start)
			return true;
	}
	return false;
}

/* Bytes of the pages that the kernel has made for a set's data; 0 if it has none. */
static long read_data_bytes(struct tramp_set *set)
{
	char line[PATH_MAX + 128], perms[5];
	unsigned long start, end;
	bool counted = false;
	long kib, total = 0;
	FILE *file;

	if (!set->data_offset || !set->begun)
		return 0;
	file = fopen("/proc/self/smaps", "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) == 3)
			counted = is_data(set, start);
		else if (counted && sscanf(line, "Rss: %ld", &kib) == 1)
			total += kib * 1024;
	}
	fclose(file);
	/* Each of these has a page at least. */
	return total >= (long)set->begun * sysconf(_SC_PAGESIZE) ? total : -1;
}

/**
 * tramp_settled_bytes() - count the memory that trampolines are among
 * @set: The trampolines, if they are made.
 *
 * What was freed may take a while to be so: wait until the sum stands still, or
 * changes by less than a byte for each trampoline.
 *
 * Return: the sum, or -1 with the reason in the set.
 */
long tramp_settled_bytes(struct tramp_set *set)
{
	const char *why = "no /proc/meminfo";
	long bytes = read_bytes(), before, data = read_data_bytes(set);
	unsigned int i;

	if (data < 0) {
		why = "no pages in /proc/self/smaps";
		bytes = -1;
	}
	for (i = 0; bytes >= 0; i++) {
		before = bytes;
		tramp_wait(100);
		bytes = read_bytes();
		if (bytes == before ||
		    (i >= 10 && labs(bytes - before) < (long)set->nr))
			return bytes + data;
		if (i == 30) {
			why = "other programs take and free memory all the time";
			break;
		}
	}
	scnprintf(set->why, sizeof(set->why), "%s", why);
	return -1;
}

/**
 * tramp_settle() - let the kernel free what it has put off
 *
 * It does so after RCU's grace periods, little by little.
 */
void tramp_settle(void)
{
	unsigned int i, same = 0;
	long bytes = 0, before;

	for (i = 0; i < 50 && same < 3; i++) {
		before = bytes;
		tramp_wait(20);
		bytes = read_bytes();
		same = bytes == before ? same + 1 : 0;
	}
}

static void measure(const char *method, const struct tramp_way *way, unsigned int nr)
{
	struct tramp_set set = {};
	long before, after;
	double bytes;

	if (tramp_set_prepare(&set, way, nr))
		goto left_out;
	before = tramp_settled_bytes(&set);
	if (before < 0 || tramp_set_make(&set))
		goto left_out;
	after = tramp_settled_bytes(&set);
	tramp_set_unmake(&set);
	if (after < 0)
		goto left_out;

	bytes = tramp_whole((double)(after - before) / nr);
	if (bench_format == BENCH_FORMAT_SIMPLE)
		printf("%s %u %.2f\n", method, nr, bytes);
	else
		printf(" %-18s %8u %13.2f\n", method, nr, bytes);
	tramp_csv("memory", method, nr, bytes, "bytes");
	/* Which is half of it, or more. */
	if (way == &tramp_code_batch)
		tramp_csv("stride", method, nr, set.stride, "bytes");
	goto out;

left_out:
	tramp_left_out(method, nr, set.why);
out:
	tramp_set_free(&set);
}

/**
 * tramp_memory() - measure memory
 *
 * Return: 0, the status of perf.
 */
int tramp_memory(void)
{
	const unsigned int nr = tramp_max < NUMBER ? tramp_max : NUMBER;

	if (nr < NUMBER_MIN) {
		tramp_note("memory is counted in pages: %u trampolines are too few", nr);
		return 0;
	}
	if (bench_format == BENCH_FORMAT_DEFAULT) {
		tramp_note("User and kernel memory of n trampolines: bytes for each");
		tramp_note("(of the whole system: it should have nothing else to do)");
		printf("\n %-18s %8s %13s\n", "method", "n", "bytes");
	}

	measure("stub", &tramp_stub_page, nr);
	measure("table", &tramp_table, nr);
	measure("trampfd", &tramp_trampfd_batch, nr);
	measure("code", &tramp_code_batch, nr);
	return 0;
}
