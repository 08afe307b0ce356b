// SPDX-License-Identifier: GPL-2.0
/* That users can't have more than they may, and what they can do at the limit. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../kselftest_harness.h"
#include "limits_util.h"

/* In a user namespace of its own, so that nothing else counts. */
FIXTURE(limit) {
	struct table t;
	/* From the parent to the child, and the other way. */
	int down[2];
	int up[2];
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(limit)

FIXTURE_VARIANT(limit) {
	unsigned int flags;
	/* The limit that binds is that of the namespace, or of its parent. */
	bool of_parent;
};

FIXTURE_VARIANT_ADD(limit, private) {
	.flags = 0,
	.of_parent = false,
};

FIXTURE_VARIANT_ADD(limit, shared) {
	.flags = TRAMPFD_SHARED,
	.of_parent = false,
};

FIXTURE_VARIANT_ADD(limit, private_of_parent) {
	.flags = 0,
	.of_parent = true,
};

/* Units, fewer where a pointer takes less; and more trampolines than they last for. */
#define MAXIMUM		(1000 + 250 * (int)sizeof(long))
#define NTRAMPOLINES	(4 * MAXIMUM)

FIXTURE_SETUP(limit)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (own_limit(MAXIMUM))
		SKIP(return, NO_USER_NS, errno);
	if (variant->of_parent) {
		ASSERT_EQ(0, know_user());
		ASSERT_EQ(0, unshare(CLONE_NEWUSER));
	}
	ASSERT_EQ(0, pipe(self->down));
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, variant->flags));
}

FIXTURE_TEARDOWN(limit)
{
	table_close(&self->t);
}

/* One more is too much, and was not made. */
static bool full(const struct table *t, unsigned int more)
{
	return set_value(t->fd, more, 1) == -EDQUOT &&
	       is_unset(t->fd, more) && is_plain(table_entry(t, more));
}

/* Set values from @first on until it is too much; how many. */
static int fill(const struct table *t, unsigned int first)
{
	int n = set_values(t->fd, first, MAXIMUM, 100);

	if (n < 0)
		return n;
	return full(t, first + n) ? n : -EBADMSG;
}

/* The limit is used up, and not exceeded. */
static bool used_up(void)
{
	const long long n = units();

	if (n <= MAXIMUM && n > MAXIMUM - CHUNK_UNITS_MAX)
		return true;
	fprintf(stderr, "# %lld units of %d\n", n, MAXIMUM);
	return false;
}

TEST_F(limit, reached)
{
	int i, n = fill(&self->t, 10);

	ASSERT_LT(MAXIMUM / 2, n);
	EXPECT_TRUE(used_up());
	/* Those that fitted are set, and the next call tells why no more. */
	for (i = 0; i < n; i += 99)
		EXPECT_TRUE(gives(table_entry(&self->t, 10 + i), 100 + i));
	EXPECT_TRUE(gives(table_entry(&self->t, 10 + n - 1), 100 + n - 1));
	EXPECT_EQ(-EDQUOT, set_values(self->t.fd, 10 + n, 500, 1));
	EXPECT_TRUE(full(&self->t, 10 + n + 250));
	EXPECT_TRUE(used_up());
}

/* For the largest contexts, and for those that were small before. */
TEST_F(limit, reached_by_large_contexts)
{
	/* The largest are not large everywhere: powerpc has two registers to set. */
	const int many = MAXIMUM / 2;
	struct context c;
	int error, i, n;

	ASSERT_EQ(many, set_values(self->t.fd, 0, many, 100));
	for (i = 0; i < many; i++) {
		context_worst(&c, i);
		error = context_set(self->t.fd, &c);
		if (error != 1)
			break;
	}
	EXPECT_EQ(-EDQUOT, error);
	EXPECT_LT(MAXIMUM / 60, i);
	EXPECT_TRUE(used_up());
	/* What could not be replaced is what it was. */
	for (n = i; n < many; n++)
		EXPECT_TRUE(gives(table_entry(&self->t, n), 100 + n));
}

#define REWRITES	60

/* To replace needs room for the new one, while the old one waits for RCU. */
TEST_F(limit, rewriting_goes_on)
{
	int i, n = fill(&self->t, 0);

	ASSERT_LT(MAXIMUM / 2, n);
	ASSERT_EQ(2, remove_range(self->t.fd, n - 2, 2));
	for (i = 0; i < REWRITES; i++) {
		ASSERT_EQ(1, set_value(self->t.fd, i % 7, i)) {
			TH_LOG("%d", i);
		}
	}
	for (i = 0; i < REWRITES; i++) {
		ASSERT_EQ(1, remove_one(self->t.fd, i % 7));
		ASSERT_EQ(1, set_value(self->t.fd, i % 7, i)) {
			TH_LOG("%d", i);
		}
	}
	EXPECT_TRUE(gives(table_entry(&self->t, (REWRITES - 1) % 7),
			  REWRITES - 1));
	EXPECT_TRUE(used_up());
	/* Many at a time need as many calls as there is room for. */
	for (i = 0; i < 100;) {
		int ret = set_values(self->t.fd, i, 100 - i, 5000 + i);

		ASSERT_LT(0, ret);
		i += ret;
	}
	EXPECT_TRUE(gives(table_entry(&self->t, 99), 5099));
}

TEST_F(limit, removing_gives_back)
{
	int i, n = fill(&self->t, 0);

	ASSERT_LT(MAXIMUM / 2, n);
	/* More often than there is room, if it were not given back. */
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(n, remove_range(self->t.fd, 0, n));
		ASSERT_EQ(n, set_values(self->t.fd, 0, n, 100));
		ASSERT_TRUE(full(&self->t, n));
	}
	/* In a chunk that is there, or there would have to be room for one. */
	ASSERT_EQ(3, remove_range(self->t.fd, 7, 3));
	EXPECT_EQ(1, set_value(self->t.fd, 7, 1));
	EXPECT_EQ(2, set_values(self->t.fd, 8, 2, 1));
}

TEST_F(limit, closing_gives_back)
{
	struct table other;
	int i, n;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, table_open(&other, NTRAMPOLINES, variant->flags));
		n = fill(&other, 0);
		/* At once, although a grace period has to pass before. */
		ASSERT_LT(MAXIMUM / 2, n) {
			TH_LOG("turn %d", i);
		}
		EXPECT_TRUE(used_up());
		ASSERT_TRUE(full(&self->t, 0));
		table_close(&other);
	}
}

/* What goes with a fork's child is waited for as well. */
TEST_F(limit, children_give_back)
{
	pid_t pid;
	int i, n;

	for (i = 0; i < 5; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			struct table own;

			if (table_open(&own, NTRAMPOLINES, variant->flags))
				_exit(255);
			n = fill(&own, 0);
			/* In hundreds. */
			_exit(n < 0 ? 255 : n / 100);
		}
		n = child_status(pid);
		ASSERT_LT(MAXIMUM / 200, n);
		ASSERT_GT(255, n);
	}
	EXPECT_LT(MAXIMUM / 2, fill(&self->t, 0));
}

TEST_F(limit, tables_count_together)
{
	struct table other;
	int n;

	ASSERT_EQ(0, table_open(&other, NTRAMPOLINES, variant->flags));
	ASSERT_EQ(600, set_values(self->t.fd, 0, 600, 1));
	n = fill(&other, 0);
	EXPECT_LT(MAXIMUM / 8, n);
	EXPECT_GT(MAXIMUM - 600, n);
	EXPECT_TRUE(full(&self->t, 1024));
	table_close(&other);
}

/* Unmapped trampolines are kept, so they count. */
TEST_F(limit, unmapping_gives_nothing_back)
{
	int n = fill(&self->t, 0);

	ASSERT_LT(MAXIMUM / 2, n);
	table_unmap(&self->t);
	EXPECT_EQ(-EDQUOT, set_value(self->t.fd, n, 1));
}

/* Every call that needs room for more says so, and leaves nothing behind. */
TEST_F(limit, other_calls)
{
	uint64_t pcs[TRAMPFD_PCS_MAX];
	struct table large, t;
	const int mappings = nmappings();
	long long before;
	int i;

	ASSERT_LT(0, mappings);
	for (i = 0; i < TRAMPFD_PCS_MAX; i++)
		pcs[i] = ARCH_CODE(arch_data);
	/* Large enough for its index to be more than there is room for. */
	ASSERT_EQ(0, table_create(&large, TRAMPFD_TRAMPOLINES_MAX,
				  variant->flags));
	EXPECT_EQ(-EDQUOT, table_map(&large));
	EXPECT_EQ(mappings, nmappings());
	ASSERT_LT(MAXIMUM / 4, fill(&self->t, 0));
	before = units();
	EXPECT_TRUE(used_up());
	EXPECT_EQ(-EDQUOT, table_map(&large));
	EXPECT_EQ(-EDQUOT, table_create(&t, TRAMPFD_TRAMPOLINES_MAX,
					variant->flags));
	EXPECT_EQ(-EDQUOT, allow(self->t.fd, pcs, TRAMPFD_PCS_MAX));
	EXPECT_EQ(before, units_settled(before));
	EXPECT_EQ(mappings, nmappings());
	/* Not so what needs none. */
	EXPECT_EQ(0, table_map_at(&self->t, self->t.base));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 101));
	EXPECT_EQ(1, seal_one(self->t.fd, 1));
	EXPECT_EQ(1, remove_one(self->t.fd, 2));
	table_close(&large);
}

/* Lowered below what there is, it only forbids more. */
TEST_F(limit, lowered)
{
	if (variant->of_parent)
		SKIP(return, "the limit is the parent's to set");
	ASSERT_EQ(1000, set_values(self->t.fd, 0, 1000, 100));
	ASSERT_EQ(0, file_write_number(LIMIT, 700));
	EXPECT_TRUE(full(&self->t, 1000));
	EXPECT_TRUE(gives(table_entry(&self->t, 999), 1099));
	EXPECT_EQ(-EDQUOT, set_value(self->t.fd, 0, 1));
	EXPECT_EQ(950, remove_range(self->t.fd, 0, 950));
	EXPECT_EQ(1, set_value(self->t.fd, 800, 1));
	ASSERT_EQ(0, file_write_number(LIMIT, 0));
	EXPECT_TRUE(full(&self->t, 801));
	EXPECT_TRUE(gives(table_entry(&self->t, 999), 1099));
}

/* A child that calls and changes nothing, until it is told to end. */
static pid_t fork_quiet(const DATA *self)
{
	pid_t pid = fork_along();

	if (!pid) {
		_exit(gives(table_entry(&self->t, 1), 101) &&
		      !pipe_tell(self->up[1]) &&
		      !pipe_hear(self->down[0]) &&
		      gives(table_entry(&self->t, 1), 101) ? 0 : 1);
	}
	return pid > 0 && pipe_hear(self->up[0]) ? -1 : pid;
}

/* Nobody is kept from forking: not above half the limit, nor at it. */
TEST_F(limit, fork)
{
	pid_t pid[4];
	int i, n;

	if (variant->flags & TRAMPFD_SHARED)
		SKIP(return, "a shared table is not copied");
	ASSERT_EQ(MAXIMUM * 2 / 3, set_values(self->t.fd, 0, MAXIMUM * 2 / 3,
					      100));
	pid[0] = fork_quiet(self);
	ASSERT_LT(0, pid[0]);
	n = fill(&self->t, 2048);
	ASSERT_LT(0, n);
	for (i = 1; i < 4; i++) {
		pid[i] = fork_quiet(self);
		ASSERT_LT(0, pid[i]);
	}
	/* There are more tables now. */
	EXPECT_LT(MAXIMUM, units());
	EXPECT_EQ(-EDQUOT, set_value(self->t.fd, 1, 101));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pipe_tell(self->down[1]));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, child_status(pid[i]));
}

/* What a child changes may exceed the limit, and then no more is set. */
TEST_F(limit, above_it)
{
	int n;
	pid_t pid;

	if (variant->flags & TRAMPFD_SHARED)
		SKIP(return, "a shared table is not copied");
	n = fill(&self->t, 0);
	ASSERT_LT(MAXIMUM / 2, n);
	pid = fork_along();
	ASSERT_LE(0, pid);
	if (!pid) {
		unsigned int i;

		/* Each of these copies a chunk. */
		for (i = 0; i < (unsigned int)n; i += CHUNK_SLOTS)
			EXPECT_EQ(1, remove_one(self->t.fd, i));
		EXPECT_EQ(1, seal_one(self->t.fd, 1));
		EXPECT_LT(MAXIMUM + n / 2, units());
		/* As much again is above it, and a fork works. */
		pid = fork();
		EXPECT_LE(0, pid);
		if (!pid)
			_exit(gives(table_entry(&self->t, 5), 105) ? 0 : 1);
		EXPECT_EQ(-EDQUOT, set_value(self->t.fd, 5, 1));
		EXPECT_EQ(-EDQUOT, create(&self->t.attr, sizeof(self->t.attr),
					  0));
		EXPECT_EQ(0, child_status(pid));
		EXPECT_TRUE(gives(table_entry(&self->t, 5), 105));
		ASSERT_EQ(0, pipe_tell(self->up[1]));
		ASSERT_EQ(0, pipe_hear(self->down[0]));
		_exit(0);
	}
	ASSERT_EQ(0, pipe_hear(self->up[0]));
	EXPECT_EQ(-EDQUOT, set_value(self->t.fd, 1, 1));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 101));
	/* The child ends, and gives back what it had. */
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	EXPECT_EQ(0, child_status(pid));
	ASSERT_TRUE(units_fall_to(MAXIMUM));
	/* The chunks are nobody else's now, but a hit of his may be at them. */
	EXPECT_EQ(n, remove_range(self->t.fd, 0, n));
	EXPECT_TRUE(units_fall_to(MAXIMUM / 2));
	EXPECT_EQ(1, set_value(self->t.fd, 1, 101));
}

#define FORKERS		4
#define FORKS		20

/* Forks at the same time: none is refused for what another one does. */
TEST_F(limit, forks_at_once)
{
	pid_t pid[FORKERS];
	int i, k, n;

	if (variant->flags & TRAMPFD_SHARED)
		SKIP(return, "a shared table is not copied");
	n = fill(&self->t, 0);
	ASSERT_LT(MAXIMUM / 2, n);
	for (i = 0; i < FORKERS; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (pid[i])
			continue;
		for (k = 0; k < FORKS; k++) {
			pid_t child = fork();

			if (child < 0)
				_exit(1);
			if (!child)
				_exit(gives(table_entry(&self->t, k), 100 + k) ?
				      0 : 1);
			if (child_status(child))
				_exit(2);
		}
		_exit(0);
	}
	for (i = 0; i < FORKERS; i++)
		EXPECT_EQ(0, child_status(pid[i]));
	EXPECT_TRUE(units_fall_to(MAXIMUM));
}

/* A chunk has a few places left, for what is too little for another chunk. */
#define SPARE	200

/* The first mapping of a process makes an index, and that of a shared table can fail. */
TEST(first_mapping)
{
	int i, mappings, ret = 1;
	struct table t;
	pid_t pid;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (own_limit(MAXIMUM))
		SKIP(return, NO_USER_NS, errno);
	/* The child has no index, whatever this process has. */
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid) {
		EXPECT_EQ(0, child_status(pid));
		return;
	}
	/* Without a fixture, the parent sees only of an assertion that it failed. */
	ASSERT_EQ(0, table_create(&t, NTRAMPOLINES, TRAMPFD_SHARED));
	ASSERT_LT(MAXIMUM / 2, set_values(t.fd, SPARE, MAXIMUM, 100));
	for (i = 0; i < SPARE && ret == 1; i++)
		ret = set_value(t.fd, i, 100);
	ASSERT_EQ(-EDQUOT, ret);
	mappings = nmappings();
	ASSERT_EQ(-EDQUOT, table_map(&t));
	ASSERT_EQ(mappings, nmappings());
	ASSERT_EQ(CHUNK_SLOTS, remove_range(t.fd, SPARE, CHUNK_SLOTS));
	/* mmap() holds a lock, so it does not wait for RCU. */
	ASSERT_TRUE(units_fall_to(MAXIMUM - CHUNK_SLOTS));
	ASSERT_EQ(0, table_map(&t));
	ASSERT_TRUE(gives(table_entry(&t, 2 * CHUNK_SLOTS), 100 + 2 * CHUNK_SLOTS - SPARE));
	ASSERT_TRUE(is_plain(table_entry(&t, SPARE)));
	table_close(&t);
	_exit(0);
}

/*
 * A table that two users have: who sets a trampoline pays for it, whoever made the
 * table.
 */
FIXTURE(payer) {
	struct table t;
	int s[2];
	pid_t receiver;
};

FIXTURE_SETUP(payer)
{
	int ret;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, self->s))
		SKIP(return, "no Unix sockets (CONFIG_UNIX)");
	ret = own_limit_with_users(MAXIMUM);
	if (ret)
		SKIP(return, NO_USER_NS, -ret);
	self->receiver = fork_along();
	ASSERT_LE(0, self->receiver);
	if (self->receiver) {
		close(self->s[1]);
		ASSERT_EQ(0, setresuid(1000, 1000, 1000));
		ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, TRAMPFD_SHARED));
		ASSERT_EQ(100, set_values(self->t.fd, 0, 100, 100));
		ASSERT_EQ(0, send_descriptor(self->s[0], self->t.fd));
		return;
	}
	close(self->s[0]);
	ASSERT_EQ(0, setresuid(1001, 1001, 1001));
	/* Only to be told how the other one has to be mapped. */
	ASSERT_EQ(0, table_create(&self->t, NTRAMPOLINES, TRAMPFD_SHARED));
	close(self->t.fd);
	self->t.fd = receive_descriptor(self->s[1]);
	ASSERT_LE(0, self->t.fd);
	ASSERT_EQ(0, table_map(&self->t));
}

FIXTURE_TEARDOWN(payer)
{
	table_close(&self->t);
}

/* A chunk that is there was paid for by its maker, and so was what he has set. */
TEST_F(payer, receiver)
{
	const long long before = units_settled(-1);
	const long long pointers = 2 * CHUNK_SLOTS * sizeof(void *) / UNIT;
	int n;

	if (self->receiver) {
		/* Not a unit is the creator's that the other one sets. */
		ASSERT_EQ(0, pipe_hear(self->s[0]));
		EXPECT_EQ(before, units());
		EXPECT_TRUE(gives(table_entry(&self->t, 250), 350));
		/* And all is that he replaces himself. */
		ASSERT_EQ(50, set_values(self->t.fd, 200, 50, 500));
		EXPECT_EQ(before + 50, units_settled(before + 50));
		ASSERT_EQ(0, pipe_tell(self->s[0]));
		EXPECT_EQ(0, child_status(self->receiver));
		EXPECT_EQ(before + 30, units_settled(before + 30));
		EXPECT_TRUE(gives(table_entry(&self->t, 250), 350));
		EXPECT_LT(MAXIMUM / 2, fill(&self->t, 2 * MAXIMUM));
		return;
	}
	ASSERT_EQ(156, set_values(self->t.fd, 100, 156, 200));
	EXPECT_EQ(before + 156, units());
	ASSERT_EQ(1, set_value(self->t.fd, CHUNK_SLOTS, 1));
	EXPECT_LT(before + 157 + pointers, units());
	n = fill(&self->t, CHUNK_SLOTS + 1);
	EXPECT_LT(MAXIMUM / 2, n);
	EXPECT_TRUE(used_up());
	ASSERT_EQ(0, pipe_tell(self->s[1]));
	ASSERT_EQ(0, pipe_hear(self->s[1]));
	/* What the other one has replaced is given back here. */
	EXPECT_EQ(10, set_values(self->t.fd, 200, 10, 0));
	EXPECT_EQ(10, remove_range(self->t.fd, 210, 10));
	_exit(0);
}

/* They stay when the receiver is gone, and so does who pays for them. */
TEST_F(payer, gone)
{
	const long long pointers = 2 * CHUNK_SLOTS * sizeof(void *) / UNIT;
	const long long before = units_settled(-1);

	if (!self->receiver) {
		ASSERT_EQ(500, set_values(self->t.fd, 100, 500, 200));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(self->receiver));
	EXPECT_TRUE(gives(table_entry(&self->t, 599), 699));
	EXPECT_EQ(before, units_settled(before));
	/* The table goes as a whole, with what is another user's. */
	table_close(&self->t);
	EXPECT_TRUE(units_fall_to(before - 100 - pointers));
}

TEST_HARNESS_MAIN
