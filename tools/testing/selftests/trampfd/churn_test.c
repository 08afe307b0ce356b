// SPDX-License-Identifier: GPL-2.0
/*
 * Loops that make and drop: what waits for RCU does not pile up, nobody is refused
 * for it, and nobody waits who does not make more.
 */
#include <limits.h>
#include <sched.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "limits_util.h"

FIXTURE(churn) {
	struct slow_rcu rcu;
};

FIXTURE_SETUP(churn)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
}

/* In the parent, because it has to be put back also by a test that dies. */
FIXTURE_TEARDOWN_PARENT(churn)
{
	rcu_as_usual(&self->rcu);
}

#define REWRITES	30000
/*
 * A setter waits when contexts of 8192 units have not been freed; so many were seen.
 * Without that wait and with long grace periods all are there at the end; with short
 * ones, RCU keeps up.
 */
#define WAITING_MAX	22000

/* What is replaced or removed waits for RCU, but not without bound. */
TEST_F_TIMEOUT(churn, rewriting, 120)
{
	long long before, now, most = 0;
	struct table t;
	bool slowly;
	int i;

	if (slab_objects_left(CONTEXTS, &before))
		SKIP(return, NO_SLABINFO);
	ASSERT_EQ(0, table_open(&t, 16, 0));
	slowly = rcu_slowly(&self->rcu);
	for (i = 0; i < REWRITES; i++) {
		if (i % 2)
			ASSERT_EQ(1, remove_one(t.fd, 3));
		ASSERT_EQ(1, set_value(t.fd, 3, i));
		if (i % 1000)
			continue;
		ASSERT_EQ(0, slab_objects(CONTEXTS, &now));
		if (now > most)
			most = now;
	}
	rcu_as_usual(&self->rcu);
	TH_LOG("at most %lld contexts for one trampoline, RCU %s",
	       most - before, slowly ? "slowly" : "as usual");
	EXPECT_GT(WAITING_MAX, most - before);
	EXPECT_TRUE(gives(table_entry(&t, 3), REWRITES - 1));
	table_close(&t);
	ASSERT_EQ(0, slab_objects_left(CONTEXTS, &now));
	EXPECT_EQ(before, now);
}

/* What the user's limit forbids leaves no memory where it would have been. */
TEST_F(churn, refused_all_over_the_table)
{
	long long before, now;
	struct table t;
	unsigned int i;

	if (own_limit(TRAMPFD_TRAMPOLINES_MAX))
		SKIP(return, NO_USER_NS, errno);
	ASSERT_EQ(0, table_open(&t, TRAMPFD_TRAMPOLINES_MAX, 0));
	ASSERT_EQ(1, set_value(t.fd, 0, 1));
	ASSERT_EQ(0, file_write_number(LIMIT, 1));
	if (slab_objects_left(CHUNKS, &before))
		SKIP(return, NO_SLABINFO);
	for (i = CHUNK_SLOTS; i < TRAMPFD_TRAMPOLINES_MAX; i += CHUNK_SLOTS)
		ASSERT_EQ(-EDQUOT, set_value(t.fd, i, 1));
	ASSERT_EQ(0, slab_objects_left(CHUNKS, &now));
	EXPECT_EQ(before, now);
	EXPECT_TRUE(gives(table_entry(&t, 0), 1));
	table_close(&t);
}

/* What a table of the greatest size takes at least, as a 32-bit kernel has it. */
#define TABLE_UNITS	((long long)(TRAMPFD_TRAMPOLINES_MAX / CHUNK_SLOTS * sizeof(long) / UNIT))
#define TABLES		100

/* Set a limit with room for two tables of the greatest size, but not for three. */
static long long tight_limit(void)
{
	struct table t;
	long long n;

	n = table_create(&t, TRAMPFD_TRAMPOLINES_MAX, 0);
	if (n)
		return n;
	n = 5 * units() / 2;
	close(t.fd);
	if (!units_fall_to(SMALL_UNITS_MAX))
		return -EBUSY;
	return file_write_number(LIMIT, n) ?: n;
}

/* Who makes tables faster than RCU frees them waits, and is not refused. */
TEST_F(churn, tables_at_a_low_limit)
{
	long long limit;
	struct table t;
	long before;
	int i;

	if (own_limit(TRAMPFD_TRAMPOLINES_MAX))
		SKIP(return, NO_USER_NS, errno);
	limit = tight_limit();
	ASSERT_LT(0, limit);
	rcu_slowly(&self->rcu);
	before = sleeps();
	for (i = 0; i < TABLES / (self->rcu.reader ? 5 : 1); i++) {
		ASSERT_EQ(0, table_create(&t, TRAMPFD_TRAMPOLINES_MAX, i & 1)) {
			TH_LOG("table %d", i);
		}
		ASSERT_EQ(0, close(t.fd));
		ASSERT_GE(limit, units());
	}
	TH_LOG("slept %ld times for %d tables, RCU %s", sleeps() - before, i,
	       self->rcu.reader ? "slowly" : "as usual");
	rcu_as_usual(&self->rcu);
}

#define COPIES		24

/* A child that keeps its copy of a table, and no way to it. */
static pid_t keep_copy(struct table *t, int up, int down)
{
	pid_t pid = fork_along();

	if (!pid) {
		table_close(t);
		_exit(pipe_tell(up) || pipe_hear(down) ? 1 : 0);
	}
	return pid;
}

/*
 * The last close drops all copies that forks have made.  Each waits for RCU, but
 * whoever closes waits for none of them: a wait is a sleep, which the kernel
 * counts.
 */
TEST_F(churn, close_with_many_copies)
{
	int i, up[2], down[2];
	pid_t pid[COPIES];
	long long before;
	struct table t;
	long slept;

	if (own_limit(TRAMPFD_TRAMPOLINES_MAX))
		SKIP(return, NO_USER_NS, errno);
	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, pipe(down));
	ASSERT_EQ(0, table_open(&t, TRAMPFD_TRAMPOLINES_MAX, 0));
	ASSERT_EQ(600, set_values(t.fd, 0, 600, 0));
	for (i = 0; i < COPIES; i++) {
		pid[i] = keep_copy(&t, up[1], down[0]);
		ASSERT_LE(0, pid[i]);
		ASSERT_EQ(0, pipe_hear(up[0]));
	}
	before = units();
	EXPECT_LT(COPIES * TABLE_UNITS, before);
	table_unmap(&t);
	slept = sleeps();
	ASSERT_LE(0, slept);
	ASSERT_EQ(0, close(t.fd));
	slept = sleeps() - slept;
	TH_LOG("a close that drops %d tables sleeps %ld times", COPIES + 1,
	       slept);
	EXPECT_GE(2, slept);
	/* They are dropped all the same, although the children live. */
	EXPECT_TRUE(units_fall_to(before - COPIES * TABLE_UNITS));
	for (i = 0; i < COPIES; i++)
		ASSERT_EQ(0, pipe_tell(down[1]));
	for (i = 0; i < COPIES; i++)
		EXPECT_EQ(0, child_status(pid[i]));
}

/* The most units there are while @step is repeated, each with another number. */
static long long most_units(struct __test_metadata *_metadata, struct table *t,
			    void (*step)(struct __test_metadata *_metadata,
					 struct table *t, int i),
			    int steps)
{
	long long now, most = 0;
	int i;

	for (i = 0; i < steps; i++) {
		step(_metadata, t, i);
		now = units();
		if (now > most)
			most = now;
	}
	return most;
}

static void step_fork(struct __test_metadata *_metadata, struct table *t, int i)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(remove_one(t->fd, i) == 1 ? 0 : 1);
	ASSERT_EQ(0, child_status(pid));
}

static void step_map(struct __test_metadata *_metadata, struct table *t, int i)
{
	table_unmap(t);
	ASSERT_EQ(0, table_map(t));
}

static void step_move(struct __test_metadata *_metadata, struct table *t, int i)
{
	const size_t size = t->attr.map_size;
	char *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	ASSERT_TRUE(room != MAP_FAILED);
	ASSERT_TRUE(mremap(t->base, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			   room) == room);
	t->base = room;
}

static void step_set(struct __test_metadata *_metadata, struct table *t, int i)
{
	ASSERT_EQ(2000, set_values(t->fd, 0, 2000, i));
}

static void step_chunks(struct __test_metadata *_metadata, struct table *t, int i)
{
	int k;

	for (k = 10; k < 20; k++)
		ASSERT_EQ(1, set_value(t->fd, k * CHUNK_SLOTS, i));
	for (k = 10; k < 20; k++)
		ASSERT_EQ(1, remove_one(t->fd, k * CHUNK_SLOTS));
}

static const struct {
	const char *name;
	void (*step)(struct __test_metadata *_metadata, struct table *t, int i);
	int steps;
	/* How much may be on its way back.  Nobody who moves a mapping can wait. */
	long long most;
} loops[] = {
	{ "fork", step_fork, 60, WAITING_MAX },
	{ "map", step_map, 300, WAITING_MAX },
	{ "move", step_move, 300, LLONG_MAX },
	{ "set", step_set, 200, WAITING_MAX },
	{ "chunks", step_chunks, 300, WAITING_MAX },
};

/* All of them together have more than ten times as much. */
TEST_F(churn, loops)
{
	long long before, most;
	struct table t;
	size_t i;

	if (own_limit(100 * TRAMPFD_TRAMPOLINES_MAX))
		SKIP(return, NO_USER_NS, errno);
	ASSERT_EQ(0, table_open(&t, 100000, 0));
	ASSERT_EQ(2000, set_values(t.fd, 0, 2000, 0));
	for (i = 0; i < ARRAY_SIZE(loops); i++) {
		before = units_settled(-1);
		most = most_units(_metadata, &t, loops[i].step, loops[i].steps);
		TH_LOG("%s: at most %lld units, %lld before", loops[i].name,
		       most, before);
		EXPECT_GE(loops[i].most, most - before);
		EXPECT_TRUE(units_fall_to(2 * before));
	}
	table_close(&t);
}

TEST_HARNESS_MAIN
