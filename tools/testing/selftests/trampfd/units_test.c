// SPDX-License-Identifier: GPL-2.0
/*
 * What a user is charged for: each object, in units of 64 bytes, from when it is
 * made until its memory is free.
 */
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../kselftest_harness.h"
#include "code_util.h"
#include "limits_util.h"

#define PLENTY		1000000
#define NTRAMPOLINES	(4 * CHUNK_SLOTS)
/* What a table of the greatest size has for its chunks, and its index. */
#define CHUNKS_MAX	(TRAMPFD_TRAMPOLINES_MAX / CHUNK_SLOTS)
#define TABLE_UNITS(word)	((long long)(CHUNKS_MAX * (word) / UNIT))
#define INDEX_UNITS(word)	((long long)(4 * CHUNKS_MAX * 2 * (word) / UNIT))
/* A word is the kernel's: the program's, or twice as long. */
#define WORD_MIN	sizeof(long)
#define WORD_MAX	8

FIXTURE(charge) {
	struct table t;
	/* From the parent to the child, and the other way. */
	int down[2];
	int up[2];
};

FIXTURE_VARIANT(charge) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(charge, private) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(charge, shared) {
	.flags = TRAMPFD_SHARED,
};

FIXTURE_SETUP(charge)
{
	int ret;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ret = own_limit(PLENTY);
	if (ret)
		SKIP(return, NO_USER_NS, -ret);
	ASSERT_EQ(0, units());
	ASSERT_EQ(0, pipe(self->down));
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, variant->flags));
}

FIXTURE_TEARDOWN(charge)
{
	table_close(&self->t);
}

/* What a small table and the index of its few blocks have. */
TEST_F(charge, table)
{
	const long long before = units();
	struct table t;

	EXPECT_LT(2, before);
	EXPECT_GE(2 * SMALL_UNITS_MAX, before);
	ASSERT_EQ(0, table_create(&t, 1, variant->flags));
	EXPECT_LT(before, units());
	EXPECT_GE(before + SMALL_UNITS_MAX, units());
	table_close(&t);
	EXPECT_EQ(before, units_settled(before));

	ASSERT_EQ(0, table_create(&t, TRAMPFD_TRAMPOLINES_MAX,
				  variant->flags));
	EXPECT_LE(before + TABLE_UNITS(WORD_MIN), units());
	/* A page or two more, which may be large ones. */
	EXPECT_GE(before + TABLE_UNITS(WORD_MAX) + 2 * getpagesize() / UNIT,
		  units());
	table_close(&t);
	EXPECT_EQ(before, units_settled(before));
}

/* A chunk has a pointer for each trampoline, and a shared one also whose it is. */
TEST_F(charge, contexts)
{
	const long long pointers = CHUNK_SLOTS / UNIT *
				   (variant->flags & TRAMPFD_SHARED ? 2 : 1);
	const long long before = units();
	long long chunk;
	int i;

	ASSERT_EQ(1, set_value(self->t.fd, 0, 0));
	chunk = units() - before - 1;
	EXPECT_LT(pointers * (long long)WORD_MIN, chunk);
	EXPECT_GE(2 * pointers * WORD_MAX, chunk);
	for (i = 1; i < 10; i++) {
		ASSERT_EQ(1, set_value(self->t.fd, i, i));
		EXPECT_EQ(before + chunk + i + 1, units());
	}
	/* Many in a call are charged ahead, which is given back at its end. */
	ASSERT_EQ(CHUNK_SLOTS - 10,
		  set_values(self->t.fd, 10, CHUNK_SLOTS - 10, 0));
	EXPECT_EQ(before + chunk + CHUNK_SLOTS, units());
	ASSERT_EQ(300, set_values(self->t.fd, CHUNK_SLOTS, 300, 0));
	EXPECT_EQ(before + 3 * chunk + CHUNK_SLOTS + 300, units());

	/* A call that stops has charged no more than it did. */
	ASSERT_EQ(24, set_values(self->t.fd, NTRAMPOLINES - 24, 100, 0));
	EXPECT_EQ(before + 4 * chunk + CHUNK_SLOTS + 324, units());
	ASSERT_EQ(-EINVAL, set_value(self->t.fd, NTRAMPOLINES, 0));
	EXPECT_EQ(before + 4 * chunk + CHUNK_SLOTS + 324, units());
	ASSERT_EQ(1, set_value(self->t.fd, CHUNK_SLOTS + 310, 0));
	ASSERT_EQ(1, seal_one(self->t.fd, CHUNK_SLOTS + 310));
	ASSERT_EQ(10, set_values(self->t.fd, CHUNK_SLOTS + 300, 50, 0));
	EXPECT_EQ(before + 4 * chunk + CHUNK_SLOTS + 335, units());
	ASSERT_EQ(10, remove_range(self->t.fd, CHUNK_SLOTS + 300, 10));

	/* What goes is given back when RCU is done with it. */
	ASSERT_EQ(24, remove_range(self->t.fd, NTRAMPOLINES - 24, 24));
	ASSERT_EQ(100, remove_range(self->t.fd, 0, 100));
	EXPECT_EQ(before + 4 * chunk + CHUNK_SLOTS + 201,
		  units_settled(before + 4 * chunk + CHUNK_SLOTS + 201));
	/* Of several empty chunks, one stays; in another one is what is sealed. */
	ASSERT_EQ(CHUNK_SLOTS - 100,
		  remove_range(self->t.fd, 100, CHUNK_SLOTS - 100));
	EXPECT_EQ(before + 3 * chunk + 301,
		  units_settled(before + 3 * chunk + 301));
	ASSERT_EQ(300, remove_range(self->t.fd, CHUNK_SLOTS, 300));
	EXPECT_EQ(before + 2 * chunk + 1, units_settled(before + 2 * chunk + 1));
	/* And the table takes it along. */
	table_close(&self->t);
	EXPECT_TRUE(units_fall_to(SMALL_UNITS_MAX));
}

/* How many units @nregs registers, the PC among them, and stack data take. */
static long long context_units(int fd, unsigned int nregs, unsigned int stack)
{
	const long long before = units_settled(-1);
	struct context c;
	unsigned int i;
	long long n;

	context_init(&c, 1, ARCH_CODE(arch_data));
	for (i = 0; i + 1 < nregs; i++)
		context_reg(&c, arch_settable[i].number, i);
	context_stack(&c, stack, 0, 1);
	if (context_set(fd, &c) != 1)
		return -1;
	n = units() - before;
	remove_one(fd, 1);
	return units_settled(before) == before ? n : -1;
}

TEST_F(charge, size_of_a_context)
{
	const unsigned int most = arch_nsettable + 1;
	long long few, many, data, all, before;
	struct context c;

	ASSERT_EQ(1, set_value(self->t.fd, 0, 0));
	before = units();
	EXPECT_EQ(1, context_units(self->t.fd, 1, 0));
	EXPECT_EQ(1, context_units(self->t.fd, 2, 0));
	few = context_units(self->t.fd, 4, 0);
	EXPECT_LE(1, few);
	many = context_units(self->t.fd, most, 0);
	EXPECT_LE((long long)(most * 2 * sizeof(long)), many * UNIT);
	data = context_units(self->t.fd, 1, TRAMPFD_STACK_MAX);
	EXPECT_LT(TRAMPFD_STACK_MAX, data * UNIT);
	all = context_units(self->t.fd, most, TRAMPFD_STACK_MAX);
	TH_LOG("units of 4 registers: %lld, of %u: %lld, of data: %lld, of all: %lld",
	       few, most, many, data, all);
	EXPECT_LT(TRAMPFD_STACK_MAX + (long long)((most - 1) * 2 * sizeof(long)),
		  all * UNIT);
	EXPECT_LE(few, many);
	EXPECT_LE(many, all);
	EXPECT_GE(1024, all * UNIT);

	/* One in the place of another: each is counted for what it is. */
	context_worst(&c, 0);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_EQ(before + all, units());
	EXPECT_EQ(before + all - 1, units_settled(before + all - 1));
	ASSERT_EQ(1, set_value(self->t.fd, 0, 1));
	EXPECT_EQ(before, units_settled(before));
}

TEST_F(charge, allowed_pcs)
{
	const long long before = units();
	uint64_t pcs[TRAMPFD_PCS_MAX];
	const long long least = sizeof(pcs) / UNIT;
	int i;

	for (i = 0; i < TRAMPFD_PCS_MAX; i++)
		pcs[i] = ARCH_CODE(arch_data);
	pcs[7] = ~0ULL;
	EXPECT_EQ(-EINVAL, allow(self->t.fd, pcs, TRAMPFD_PCS_MAX));
	EXPECT_EQ(before, units_settled(before));
	pcs[7] = pcs[0];
	ASSERT_EQ(0, allow(self->t.fd, pcs, TRAMPFD_PCS_MAX));
	EXPECT_LE(before + least, units());
	EXPECT_GE(before + 2 * least, units());
	ASSERT_EQ(-EPERM, allow(self->t.fd, pcs, TRAMPFD_PCS_MAX));
	EXPECT_GE(before + 2 * least, units_settled(-1));
	table_close(&self->t);
	EXPECT_TRUE(units_fall_to(SMALL_UNITS_MAX));
}

TEST_F(charge, index)
{
	struct table t;
	long long before;

	ASSERT_EQ(0, table_create(&t, TRAMPFD_TRAMPOLINES_MAX,
				  variant->flags));
	before = units();
	ASSERT_EQ(0, table_map(&t));
	EXPECT_LE(before + INDEX_UNITS(WORD_MIN), units());
	/* It has no more than twice the entries, and a page or two more. */
	EXPECT_GE(before + 2 * INDEX_UNITS(WORD_MAX) + 2 * getpagesize() / UNIT,
		  units_settled(-1));
	table_close(&t);
	/* It is the process's; it becomes a small one again when it has to. */
	EXPECT_LE(INDEX_UNITS(WORD_MIN), units_settled(-1));
}

/* Whoever holds it last, it is given back: here a process that ends. */
static void use_everything(struct __test_metadata *_metadata, unsigned int flags)
{
	uint64_t pcs[] = { ARCH_CODE(arch_data), arch_target(0) };
	struct table t[4];
	struct context c;
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, table_open(&t[i], 20000, flags));
		ASSERT_EQ(600, set_values(t[i].fd, 100 * i, 600, 0));
		ASSERT_EQ(50, remove_range(t[i].fd, 100 * i, 50));
		context_worst(&c, 1000);
		ASSERT_EQ(1, context_set(t[i].fd, &c));
		ASSERT_EQ(1, seal_one(t[i].fd, 400));
		ASSERT_EQ(0, allow(t[i].fd, pcs, ARRAY_SIZE(pcs)));
	}
	table_unmap(&t[0]);
	close(t[1].fd);
	table_close(&t[2]);
	ASSERT_EQ(0, munmap(t[3].base, getpagesize()));
}

TEST_F(charge, end_of_a_process)
{
	const long long before = units_settled(-1);
	int how, fds[2];
	pid_t pid;

	for (how = 0; how < 3; how++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			use_everything(_metadata, variant->flags);
			EXPECT_LT(before + 3 * 600, units());
			if (how == 1)
				kill(getpid(), SIGKILL);
			/* A descriptor that is nobody's, but on its way. */
			if (how == 2 &&
			    !socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
				send_descriptor(fds[0], self->t.fd);
			_exit(0);
		}
		EXPECT_EQ(how == 1 ? 128 + SIGKILL : 0, child_status(pid));
		EXPECT_EQ(before, units_settled(before));
	}
}

/* A fork's copy has no chunks of its own, until they are changed. */
TEST_F(charge, fork)
{
	long long before, chunk;
	pid_t pid;

	if (variant->flags & TRAMPFD_SHARED)
		SKIP(return, "a shared table is not copied");
	before = units();
	ASSERT_EQ(1, set_value(self->t.fd, 0, 0));
	chunk = units() - before - 1;
	ASSERT_EQ(NTRAMPOLINES, set_values(self->t.fd, 0, NTRAMPOLINES, 0));
	before = units_settled(before + 4 * chunk + NTRAMPOLINES);
	pid = fork_along();
	ASSERT_LE(0, pid);
	if (!pid) {
		const long long forked = units();

		EXPECT_LT(before, forked);
		EXPECT_GE(before + 2 * SMALL_UNITS_MAX, forked);
		/* The chunk and all its contexts, but not the one that goes. */
		ASSERT_EQ(1, remove_one(self->t.fd, 0));
		EXPECT_EQ(forked + chunk + CHUNK_SLOTS - 1,
			  units_settled(forked + chunk + CHUNK_SLOTS - 1));
		ASSERT_EQ(1, set_value(self->t.fd, 0, 1));
		EXPECT_EQ(forked + chunk + CHUNK_SLOTS, units());
		ASSERT_EQ(1, seal_one(self->t.fd, CHUNK_SLOTS));
		EXPECT_EQ(forked + 2 * (chunk + CHUNK_SLOTS), units());
		ASSERT_EQ(0, pipe_tell(self->up[1]));
		ASSERT_EQ(0, pipe_hear(self->down[0]));
		_exit(0);
	}
	ASSERT_EQ(0, pipe_hear(self->up[0]));
	/* The parent's chunk is copied as well: nobody writes to a common one. */
	before = units();
	ASSERT_EQ(1, set_value(self->t.fd, 5, 1));
	EXPECT_EQ(before, units_settled(before));
	/* And this one is still the child's. */
	ASSERT_EQ(1, set_value(self->t.fd, 2 * CHUNK_SLOTS, 1));
	EXPECT_EQ(before + chunk + CHUNK_SLOTS,
		  units_settled(before + chunk + CHUNK_SLOTS));
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	EXPECT_EQ(0, child_status(pid));
}

/* Chunks that a process has made are its child's when it is gone. */
TEST_F(charge, outlives_its_maker)
{
	const long long before = units_settled(-1);
	struct table t;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(self->down[1]);
		ASSERT_EQ(0, table_open(&t, NTRAMPOLINES, variant->flags));
		ASSERT_EQ(NTRAMPOLINES, set_values(t.fd, 0, NTRAMPOLINES, 100));
		pid = fork();
		ASSERT_LE(0, pid);
		if (pid)
			_exit(0);
		close(t.fd);
		ASSERT_EQ(0, pipe_hear(self->down[0]));
		EXPECT_TRUE(gives(table_entry(&t, 600), 700));
		ASSERT_EQ(0, pipe_tell(self->up[1]));
		ASSERT_EQ(0, pipe_hear(self->down[0]));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_LT(before + NTRAMPOLINES, units_settled(-1));
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	ASSERT_EQ(0, pipe_hear(self->up[0]));
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	EXPECT_EQ(before, units_settled(before));
}

/* Descendants that have it, each with changes, in any order of their ends. */
TEST_F(charge, many_forks)
{
	const long long before = units_settled(-1);
	pid_t pid[8];
	int i, k;

	if (variant->flags & TRAMPFD_SHARED)
		SKIP(return, "a shared table is not copied");
	ASSERT_EQ(NTRAMPOLINES, set_values(self->t.fd, 0, NTRAMPOLINES, 0));
	for (i = 0; i < 8; i++) {
		pid[i] = fork_along();
		ASSERT_LE(0, pid[i]);
		if (!pid[i]) {
			for (k = 0; k < 50; k++)
				set_value(self->t.fd, (i * 97 + k * 31) %
					  NTRAMPOLINES, k);
			if (i % 3 == 0 && fork() == 0) {
				remove_range(self->t.fd, 100 * i, 200);
				_exit(0);
			}
			if (i % 2)
				table_close(&self->t);
			ASSERT_EQ(0, pipe_hear(self->down[0]));
			_exit(0);
		}
	}
	ASSERT_EQ(NTRAMPOLINES, remove_range(self->t.fd, 0, NTRAMPOLINES));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, pipe_tell(self->down[1]));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, child_status(pid[i]));
	table_close(&self->t);
	EXPECT_TRUE(units_fall_to(before));
}

/* Others may look, but see their own. */
TEST_F(charge, is_read_only)
{
	EXPECT_EQ(-EACCES, file_write_number(UNITS, 0));
}

/*
 * Two users of one namespace: each has a limit and a count.  For the namespace's
 * owner, outside, they count together.
 */
FIXTURE(users) {
	int down[2];
	int up[2];
};

#define USER_LIMIT	2000

FIXTURE_SETUP(users)
{
	int ret;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ret = own_limit_with_users(USER_LIMIT);
	if (ret)
		SKIP(return, NO_USER_NS, -ret);
	ASSERT_EQ(0, pipe(self->down));
	ASSERT_EQ(0, pipe(self->up));
}

FIXTURE_TEARDOWN(users)
{
}

TEST_F(users, each_has_a_limit)
{
	int user, error, n[2];
	struct table t;
	pid_t pid[2];

	for (user = 0; user < 2; user++) {
		pid[user] = fork_along();
		ASSERT_LE(0, pid[user]);
		if (pid[user]) {
			ASSERT_EQ(0, pipe_hear(self->up[0]));
			continue;
		}
		close(self->down[1]);
		ASSERT_EQ(0, setresuid(1000 + user, 1000 + user, 1000 + user));
		EXPECT_EQ(0, units());
		ASSERT_EQ(0, table_open(&t, USER_LIMIT, 0));
		n[user] = set_worst(t.fd, 0, &error);
		EXPECT_EQ(-EDQUOT, error);
		EXPECT_LT(50, n[user]);
		EXPECT_GE(USER_LIMIT, units());
		EXPECT_LT(USER_LIMIT - CHUNK_UNITS_MAX, units());
		ASSERT_EQ(0, pipe_tell(self->up[1]));
		ASSERT_EQ(0, pipe_hear(self->down[0]));
		/* The other one has nothing to do with it. */
		EXPECT_LT(USER_LIMIT - CHUNK_UNITS_MAX, units());
		_exit(0);
	}
	/* Nor has a third. */
	EXPECT_EQ(0, units());
	for (user = 0; user < 2; user++)
		ASSERT_EQ(0, pipe_tell(self->down[1]));
	for (user = 0; user < 2; user++)
		EXPECT_EQ(0, child_status(pid[user]));
}

/* A process that becomes another user takes along what it has. */
TEST_F(users, who_made_it_pays)
{
	struct table t;
	long long before;
	pid_t pid;

	ASSERT_EQ(0, table_open(&t, NTRAMPOLINES, 0));
	ASSERT_EQ(600, set_values(t.fd, 0, 600, 0));
	before = units_settled(-1);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Set in a chunk that is the other's until it is copied. */
		ASSERT_EQ(0, setresuid(1000, 1000, 1000));
		EXPECT_EQ(0, units());
		ASSERT_EQ(1, set_value(t.fd, 0, 1));
		EXPECT_LE(CHUNK_SLOTS, units());
		ASSERT_EQ(600, set_values(t.fd, 0, 600, 1));
		EXPECT_LE(600, units_settled(-1));
		EXPECT_GE(600 + 3 * CHUNK_UNITS_MAX, units());
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(before, units_settled(before));
	table_close(&t);
	EXPECT_TRUE(units_fall_to(SMALL_UNITS_MAX));
}

/* What is there where nobody has said anything: a 32nd of low memory. */
/* As many as there can be at any distance from one to the next. */
#define CODE_ENTRIES	16384

/* The data part: as a whole when it is made, a child's when it is touched. */
TEST(code_part)
{
	long long all, before, forked;
	int down[2], up[2];
	struct table t;
	pid_t pid;
	int ret;

	if (code_missing())
		SKIP(return, "%s", code_missing());
	trap_init();
	ret = own_limit(PLENTY);
	if (ret)
		SKIP(return, NO_USER_NS, -ret);
	ASSERT_EQ(0, pipe(down));
	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, code_create(&t, CODE_ENTRIES, NULL, 0));
	all = t.attr.part_size / UNIT;
	before = units();
	EXPECT_LE(all, before);
	EXPECT_GT(2 * all, before);
	ASSERT_EQ(0, code_map(&t));
	before = units_settled(-1);
	/* It is paid for. */
	EXPECT_EQ(0, try_load(part_addr(&t, PART_DATA)));
	EXPECT_EQ(before, units());

	pid = fork_along();
	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, pipe_tell(up[1]));
		ASSERT_EQ(0, pipe_hear(down[0]));
		ASSERT_EQ(0, try_load(part_addr(&t, PART_DATA)));
		ASSERT_EQ(0, pipe_tell(up[1]));
		ASSERT_EQ(0, pipe_hear(down[0]));
		_exit(0);
	}
	ASSERT_EQ(0, pipe_hear(up[0]));
	forked = units() - before;
	EXPECT_LT(0, forked);
	EXPECT_GT(all / 2, forked);
	ASSERT_EQ(0, pipe_tell(down[1]));
	ASSERT_EQ(0, pipe_hear(up[0]));
	EXPECT_EQ(before + forked + getpagesize() / UNIT, units());
	ASSERT_EQ(0, pipe_tell(down[1]));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(before, units_settled(before));
	/* The process keeps its index. */
	table_close(&t);
	EXPECT_TRUE(units_fall_to(before - all));
}

TEST(code_part_over_the_limit)
{
	struct table t;
	int ret;

	if (code_missing())
		SKIP(return, "%s", code_missing());
	ASSERT_EQ(0, code_create(&t, CODE_ENTRIES, NULL, 0));
	close(t.fd);
	ret = own_limit(t.attr.part_size / UNIT);
	if (ret)
		SKIP(return, NO_USER_NS, -ret);
	EXPECT_EQ(-EDQUOT, code_create(&t, CODE_ENTRIES, NULL, 0));
	ASSERT_EQ(0, code_create(&t, CODE_ENTRIES / 4, NULL, 0));
	close(t.fd);
}

TEST(default_limit)
{
	long long limit, total, low;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	ASSERT_EQ(0, file_read_number(LIMIT, &limit));
	ASSERT_EQ(0, file_find_number("/proc/meminfo", "MemTotal:", &total));
	if (!file_find_number("/proc/meminfo", "LowTotal:", &low))
		total = low;
	/* Not to the page: what is free at boot is not what is told later. */
	EXPECT_LE(total / 40, limit * UNIT / 1024);
	EXPECT_GE(total / 25, limit * UNIT / 1024);
}

TEST_HARNESS_MAIN
