// SPDX-License-Identifier: GPL-2.0
/* How much memory trampolines take, and what becomes of them when there is none. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../kselftest_harness.h"
#include "limits_util.h"

#define MANY	65536
#define BYTES	80

FIXTURE(size) {
	char dir[128];
	bool made;
};

FIXTURE_VARIANT(size) {
	bool in_cgroup;
};

FIXTURE_VARIANT_ADD(size, uncharged) {
	.in_cgroup = false,
};

FIXTURE_VARIANT_ADD(size, charged) {
	.in_cgroup = true,
};

FIXTURE_SETUP(size)
{
	const char *reason;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (!variant->in_cgroup)
		return;
	reason = cgroup_make(self->dir, sizeof(self->dir));
	if (reason)
		SKIP(return, "%s", reason);
	self->made = true;
	ASSERT_EQ(0, cgroup_enter(self->dir));
}

FIXTURE_TEARDOWN_PARENT(size)
{
	if (self->made)
		rmdir(self->dir);
}

/*
 * "Slab:" lacks what CPUs have counted only for themselves: with pages of 64 KiB,
 * more than a megabyte.  On one CPU there is no such file, and no need.
 */
static void count_slabs(void)
{
	file_write("/proc/sys/vm/stat_refresh", "1");
}

TEST_F(size, bytes_per_trampoline)
{
	long long before, after, left, least = -1;
	struct table t;
	int i;

	if (debug_kernel())
		SKIP(return, "a kernel with debugging options needs more");
	/* Without that, nothing says when an earlier one's memory is free. */
	if (slab_objects_left(CONTEXTS, &left))
		SKIP(return, NO_SLABINFO);
	/* Others allocate, too; the least of some measurements is the best. */
	for (i = 0; i < 3; i++) {
		count_slabs();
		ASSERT_EQ(0, file_find_number("/proc/meminfo", "Slab:",
					      &before));
		ASSERT_EQ(0, table_open(&t, MANY, 0));
		ASSERT_EQ(MANY, set_values(t.fd, 0, MANY, 1));
		count_slabs();
		ASSERT_EQ(0, file_find_number("/proc/meminfo", "Slab:",
					      &after));
		EXPECT_TRUE(gives(table_entry(&t, MANY - 1), MANY));
		table_close(&t);
		if (least < 0 || after - before < least)
			least = after - before;
		/* So that the next one does not find what this one leaves. */
		slab_objects_left(CONTEXTS, &left);
	}
	TH_LOG("%lld KiB for %d trampolines", least, MANY);
	/* At least what is stored, or the measurement is wrong. */
	EXPECT_LE(MANY * 16 / 1024, least);
	EXPECT_GE(MANY * BYTES / 1024, least);
}

/* Bytes of all slab objects in use. */
static long long slab_bytes(void)
{
	long long active, all, size, sum = 0;
	FILE *f = fopen("/proc/slabinfo", "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %lld %lld %lld", &active, &all,
			   &size) == 3)
			sum += active * size;
	if (f)
		fclose(f);
	return sum;
}

/* Units, so 4 MiB, beside which what others do at the time is little. */
#define WORST_LIMIT	65536
#define WORST_BYTES	((long long)WORST_LIMIT * UNIT)
#define PERCENT(n)	(WORST_BYTES / 100 * (n))

/* A user with the largest contexts can't have more memory than the limit says. */
TEST_F(size, largest_contexts)
{
	long long slabs = slab_bytes(), charged, before = 0;
	char path[160];
	struct table t;
	int n, error;

	if (debug_kernel())
		SKIP(return, "a kernel with debugging options needs more");
	if (slabs <= 0)
		SKIP(return, NO_SLABINFO);
	snprintf(path, sizeof(path), "%s/memory.stat", self->dir);
	if (variant->in_cgroup)
		ASSERT_EQ(0, file_find_number(path, "kernel ", &before));
	if (own_limit(WORST_LIMIT))
		SKIP(return, NO_USER_NS, errno);
	ASSERT_EQ(0, table_open(&t, WORST_LIMIT, 0));
	n = set_worst(t.fd, 0, &error);
	EXPECT_EQ(-EDQUOT, error);
	EXPECT_GE(WORST_LIMIT, units());
	/* Little is left of it. */
	EXPECT_LT(WORST_LIMIT - CHUNK_UNITS_MAX, units());
	slabs = slab_bytes() - slabs;
	TH_LOG("%d contexts, %lld KiB of slabs for %lld KiB", n, slabs / 1024,
	       WORST_BYTES / 1024);
	EXPECT_GE(PERCENT(105), slabs);
	EXPECT_LE(PERCENT(80), slabs);
	if (variant->in_cgroup) {
		/* It is counted late, by a few hundred pages, so not large ones. */
		ASSERT_EQ(0, file_find_number(path, "kernel ", &charged));
		TH_LOG("%lld KiB of the cgroup", (charged - before) / 1024);
		EXPECT_GE(PERCENT(125), charged - before);
		if (getpagesize() <= 4096)
			EXPECT_LE(PERCENT(60), charged - before);
	}
	table_close(&t);
}

FIXTURE(cgroup) {
	char dir[128];
	bool made;
};

#define MEMORY_LIMIT	"8388608"
/* What is set in one call, and the least number of calls that has to fit. */
#define BATCH		256
#define BATCHES_MIN	100
/* More than what a call needs for itself. */
#define BATCHES_REMOVED	8
#define BATCHES_MAX	(TRAMPFD_TRAMPOLINES_MAX / BATCH)

FIXTURE_SETUP(cgroup)
{
	const char *reason;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	reason = cgroup_make(self->dir, sizeof(self->dir));
	if (reason)
		SKIP(return, "%s", reason);
	self->made = true;
}

FIXTURE_TEARDOWN_PARENT(cgroup)
{
	if (self->made)
		rmdir(self->dir);
}

/*
 * At the limit, the test itself must not need memory, not even for opening a
 * file: for what is not asked for by trampfd, the kernel would kill it.
 */
TEST_F(cgroup, set)
{
	int i, limit, last, next, removed, again = 0;
	char path[160];
	struct table t;

	snprintf(path, sizeof(path), "%s/memory.max", self->dir);
	limit = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, limit);
	ASSERT_EQ(0, cgroup_enter(self->dir));
	ASSERT_EQ(0, table_open(&t, TRAMPFD_TRAMPOLINES_MAX, 0));
	ASSERT_EQ(BATCH, set_values(t.fd, 0, BATCH, 0));
	ASSERT_EQ(BATCH, remove_range(t.fd, 0, BATCH));
	ASSERT_LT(0, write(limit, MEMORY_LIMIT, strlen(MEMORY_LIMIT)));

	for (i = 0; i < BATCHES_MAX; i++) {
		last = set_values(t.fd, i * BATCH, BATCH, 1000 + i * BATCH);
		if (last != BATCH)
			break;
	}
	/* One may have room where several had none, and memory may come back late. */
	for (next = i * BATCH + last; last > 0 && next < TRAMPFD_TRAMPOLINES_MAX; next++)
		last = set_values(t.fd, next, 1, 0);
	/* Removing gives memory back, if only after RCU. */
	for (removed = 0; removed < BATCHES_REMOVED; removed++)
		if (remove_range(t.fd, removed * BATCH, BATCH) != BATCH)
			break;
	while (set_value(t.fd, 0, 1) != 1 && ++again < 1000)
		usleep(10000);
	ASSERT_LT(0, write(limit, "max", 3));

	EXPECT_EQ(-ENOMEM, last);
	EXPECT_EQ(BATCHES_REMOVED, removed);
	EXPECT_GT(1000, again);
	/* It was the limit, and not something at the beginning. */
	EXPECT_LT(BATCHES_MIN, i);
	TH_LOG("%d trampolines in " MEMORY_LIMIT " bytes", i * BATCH);

	/* No harm: what is set works, and what is not is unset. */
	EXPECT_TRUE(gives(table_entry(&t, 0), 1));
	EXPECT_TRUE(is_unset(t.fd, 1));
	while (--i >= BATCHES_REMOVED)
		ASSERT_TRUE(gives(table_entry(&t, i * BATCH), 1000 + i * BATCH));
	EXPECT_EQ(BATCH, set_values(t.fd, TRAMPFD_TRAMPOLINES_MAX - BATCH,
				    BATCH, 0));
	table_close(&t);
	close(limit);
}

static void *call_for_ever(void *entry)
{
	for (;;)
		call(entry);
	return NULL;
}

/*
 * What is too much here is memory of the program's own: so it is killed, and
 * its memory taken away while its threads are in calls.
 */
TEST_F(cgroup, killed_with_calls_in_flight)
{
	const size_t size = 4 * atoi(MEMORY_LIMIT);
	struct table t;
	char path[160];
	int i, turn;

	if (!threads_work())
		SKIP(return, NO_THREADS);
	snprintf(path, sizeof(path), "%s/memory.max", self->dir);
	ASSERT_EQ(0, file_write(path, MEMORY_LIMIT));
	ASSERT_EQ(0, table_open(&t, 1000, 0));
	ASSERT_EQ(1000, set_values(t.fd, 0, 1000, 0));
	for (turn = 0; turn < 5; turn++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			pthread_t thread;
			char *mem;

			if (cgroup_enter(self->dir))
				_exit(1);
			for (i = 0; i < 3; i++)
				if (pthread_create(&thread, NULL, call_for_ever,
						   table_entry(&t, 300 * i)))
					_exit(2);
			mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (mem != MAP_FAILED)
				memset(mem, 1, size);
			_exit(3);
		}
		EXPECT_EQ(128 + SIGKILL, child_status(pid));
	}
	EXPECT_TRUE(gives(table_entry(&t, 999), 999));
	table_close(&t);
}

TEST_HARNESS_MAIN
