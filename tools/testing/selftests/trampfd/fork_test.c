// SPDX-License-Identifier: GPL-2.0
/* Whose table it is after fork and vfork, and in threads. */
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "family_util.h"

TEST_F(family, child_has_a_copy)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(all_give(self, 0));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));
}

/* The copy stays when the original goes. */
TEST_F(family, child_outlives_parents_table)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, pipe_wait(self->down[0]));
		EXPECT_TRUE(all_give(self, 0));
		EXPECT_EQ(1, set_value(self->t.fd, 7, 70));
		EXPECT_TRUE(gives(table_entry(&self->t, 7), 70));
		_exit(0);
	}
	table_close(&self->t);
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(family, parent_outlives_child)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		set_values(self->t.fd, 0, self->n, 5000);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));
	EXPECT_EQ(1, set_value(self->t.fd, 256, 70));
	EXPECT_TRUE(gives(table_entry(&self->t, 256), 70));
}

/* First sets of one trampoline, then removes, then sets of all. */
static bool change(const DATA *self, unsigned int i)
{
	unsigned int n = sample(self, i);

	if (i < 5)
		return set_value(self->t.fd, n, 1) == 1;
	if (i < 10)
		return remove_one(self->t.fd, n) == 1;
	return set_values(self->t.fd, 0, self->n, 3000) == (int)self->n;
}

/* Sets, replaces and removes on one side are that side's only. */
TEST_F(family, parents_changes_are_not_seen)
{
	unsigned int i;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; i < NSAMPLES; i++) {
			ASSERT_EQ(0, pipe_wait(self->down[0]));
			EXPECT_TRUE(all_give(self, 0));
			ASSERT_EQ(0, pipe_tell(self->up[1]));
		}
		_exit(0);
	}
	for (i = 0; i < NSAMPLES; i++) {
		EXPECT_TRUE(change(self, i));
		ASSERT_EQ(0, pipe_tell(self->down[1]));
		ASSERT_EQ(0, pipe_wait(self->up[0]));
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 2000));
}

TEST_F(family, childs_changes_are_not_seen)
{
	unsigned int i;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; i < NSAMPLES; i++) {
			ASSERT_EQ(0, pipe_wait(self->down[0]));
			EXPECT_TRUE(change(self, i));
			ASSERT_EQ(0, pipe_tell(self->up[1]));
		}
		EXPECT_TRUE(all_give(self, 2000));
		_exit(0);
	}
	for (i = 0; i < NSAMPLES; i++) {
		ASSERT_EQ(0, pipe_tell(self->down[1]));
		ASSERT_EQ(0, pipe_wait(self->up[0]));
		EXPECT_TRUE(all_give(self, 0));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(family, childs_unmapping_is_not_seen)
{
	const size_t page = getpagesize();
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(0, munmap(self->t.base + page, page));
		EXPECT_TRUE(is_unmapped(self->t.base + page));
		EXPECT_TRUE(gives(self->t.base, 1000));
		table_unmap(&self->t);
		ASSERT_EQ(0, pipe_tell(self->up[1]));
		ASSERT_EQ(0, pipe_wait(self->down[0]));
		_exit(0);
	}
	ASSERT_EQ(0, pipe_wait(self->up[0]));
	EXPECT_TRUE(all_give(self, 0));
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));
}

/* What belongs to a table is copied with it: seals, and allowed PCs. */
TEST_F(family, child_inherits_limits)
{
	const uint64_t pcs[] = { ARCH_CODE(arch_data), arch_target(0) };
	struct context c;
	pid_t pid;

	ASSERT_EQ(1, seal_one(self->t.fd, 3));
	ASSERT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(-EPERM, set_value(self->t.fd, 3, 1));
		EXPECT_EQ(-EPERM, remove_one(self->t.fd, 3));
		context_init(&c, 4, arch_target(1));
		context_reg(&c, ARCH_DATA_REG, 1);
		EXPECT_EQ(-EPERM, context_set(self->t.fd, &c));
		EXPECT_EQ(-EPERM, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
		context_init(&c, 4, arch_target(0));
		context_reg(&c, ARCH_DATA_REG, 1);
		EXPECT_EQ(1, context_set(self->t.fd, &c));
		EXPECT_EQ(1, seal_one(self->t.fd, 5));
		EXPECT_TRUE(gives(table_entry(&self->t, 3), 1003));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	/* Sealed in the child is not sealed here. */
	EXPECT_EQ(1, set_value(self->t.fd, 5, 1005));
	EXPECT_EQ(-EPERM, set_value(self->t.fd, 3, 1));
	EXPECT_TRUE(all_give(self, 0));
}

/* Allowed PCs that one side gets after the fork bind that side. */
TEST_F(family, limits_after_the_fork)
{
	const uint64_t pcs[] = { ARCH_CODE(arch_data) };
	struct context c;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	context_init(&c, 4, arch_target(0));
	context_reg(&c, ARCH_DATA_REG, 1);
	if (!pid) {
		ASSERT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
		EXPECT_EQ(-EPERM, context_set(self->t.fd, &c));
		EXPECT_EQ(1, seal_one(self->t.fd, 4));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_EQ(1, remove_one(self->t.fd, 4));
	EXPECT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
}

/* A chain of forks; each sets one more, and none sees another's. */
TEST_F(family, grandchildren)
{
	unsigned int depth, i;
	pid_t pid;

	for (depth = 0; depth < 5; depth++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (pid)
			break;
		EXPECT_EQ(1, set_value(self->t.fd, 256 + depth, depth));
	}
	if (pid) {
		EXPECT_EQ(0, child_status(pid));
		/* What the descendants have set is not seen. */
		for (i = depth; i < 5; i++)
			EXPECT_TRUE(gives(table_entry(&self->t, 256 + i),
					  1256 + i));
	}
	for (i = 0; i < depth; i++)
		EXPECT_TRUE(gives(table_entry(&self->t, 256 + i), i));
	if (depth)
		_exit(0);
	EXPECT_TRUE(all_give(self, 0));
}

/* A copy of a copy, when what is between them is gone. */
TEST_F(family, grandchild_without_child)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(1, set_value(self->t.fd, 300, 9));
		pid = fork();
		ASSERT_LE(0, pid);
		if (pid)
			_exit(0);
		ASSERT_EQ(0, pipe_wait(self->down[0]));
		EXPECT_TRUE(gives(table_entry(&self->t, 300), 9));
		EXPECT_TRUE(all_give(self, 0));
		EXPECT_EQ(1, set_value(self->t.fd, 301, 10));
		EXPECT_TRUE(gives(table_entry(&self->t, 301), 10));
		pipe_tell(self->up[1]);
		_exit(0);
	}
	ASSERT_EQ(0, child_status(pid));
	ASSERT_EQ((int)self->n, remove_range(self->t.fd, 0, self->n));
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	/* Its last words: if it died first, nobody has the other end. */
	ASSERT_EQ(0, close(self->up[1]));
	EXPECT_EQ(0, pipe_wait(self->up[0]));
	EXPECT_TRUE(is_unset(self->t.fd, 300));
}

/* Several descriptors, each copied for itself. */
TEST_F(family, several_tables)
{
	struct table other[3];
	int i;
	pid_t pid;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, table_open(&other[i], 10, 0));
		ASSERT_EQ(1, set_value(other[i].fd, i, 40 + i));
	}
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; i < 3; i++) {
			EXPECT_TRUE(gives(table_entry(&other[i], i), 40 + i));
			EXPECT_EQ(1, set_value(other[i].fd, i, 50 + i));
			EXPECT_TRUE(gives(table_entry(&other[i], i), 50 + i));
		}
		EXPECT_TRUE(all_give(self, 0));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(gives(table_entry(&other[i], i), 40 + i));
}

/* Only what is mapped is copied. */
TEST_F(family, unmapped_table_is_not_copied)
{
	pid_t pid;

	table_unmap(&self->t);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(no_copy(&self->t));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	/* The parent's is all there. */
	ASSERT_EQ(0, table_map(&self->t));
	EXPECT_TRUE(all_give(self, 0));
}

TEST_F(family, dontfork)
{
	pid_t pid;

	ASSERT_EQ(0, madvise(self->t.base, self->t.attr.map_size,
			     MADV_DONTFORK));
	EXPECT_TRUE(all_give(self, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(is_unmapped(self->t.base));
		EXPECT_TRUE(no_copy(&self->t));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));

	/* It is not taken back. */
	EXPECT_EQ(-1, madvise(self->t.base, self->t.attr.map_size, MADV_DOFORK));
	EXPECT_EQ(EINVAL, errno);
}

/* A mapping of which a part is not copied: the child has the other parts. */
TEST_F(family, dontfork_of_a_part)
{
	const size_t page = getpagesize();
	const unsigned int per_page = table_per_page(&self->t);
	pid_t pid;

	ASSERT_EQ(0, madvise(self->t.base + page, page, MADV_DONTFORK));
	EXPECT_TRUE(all_give(self, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(is_unmapped(self->t.base + page));
		EXPECT_TRUE(gives(table_entry(&self->t, per_page - 1),
				  1000 + per_page - 1));
		EXPECT_TRUE(gives(table_entry(&self->t, 2 * per_page),
				  1000 + 2 * per_page));
		EXPECT_EQ(1, set_value(self->t.fd, 2 * per_page, 1));
		EXPECT_TRUE(gives(table_entry(&self->t, 2 * per_page), 1));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));
}

/* The parent has unmapped a hole: the child has it, too. */
TEST_F(family, hole)
{
	const size_t page = getpagesize();
	pid_t pid;

	ASSERT_EQ(0, munmap(self->t.base + page, 2 * page));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(self->t.base, 1000));
		EXPECT_TRUE(is_unmapped(self->t.base + page));
		EXPECT_TRUE(is_unmapped(self->t.base + 2 * page));
		EXPECT_TRUE(gives(table_entry(&self->t, self->n - 1),
				  1000 + self->n - 1));
		/* The table is whole: mapped anew, all of it is there. */
		ASSERT_EQ(0, munmap(self->t.base, page));
		ASSERT_EQ(0, munmap(self->t.base + 3 * page, page));
#ifdef TRAMPFD_BY_CODE
		/* Code stays where it was. */
		ASSERT_EQ(0, table_map_at(&self->t, self->t.base));
#else
		ASSERT_EQ(0, table_map(&self->t));
#endif
		EXPECT_TRUE(all_give(self, 0));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
}

/* A child without the descriptor still has the trampolines. */
TEST_F(family, closed_before_the_fork)
{
	pid_t pid;

	ASSERT_EQ(0, close(self->t.fd));
	self->t.fd = -1;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(table_entry(&self->t, 256), 1256));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			EXPECT_TRUE(gives(table_entry(&self->t, 256), 1256));
			_exit(0);
		}
		EXPECT_EQ(0, child_status(pid));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(gives(table_entry(&self->t, 256), 1256));
}

static void *set_in_thread(void *p)
{
	struct table *t = p;

	return (void *)(long)set_value(t->fd, 9, 99);
}

TEST_F(family, threads_share)
{
	pthread_t thread;
	void *ret;

	if (!threads_work())
		SKIP(return, NO_THREADS);
	ASSERT_EQ(0, pthread_create(&thread, NULL, set_in_thread, &self->t));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(1, (long)ret);
	EXPECT_TRUE(gives(table_entry(&self->t, 9), 99));
}

static alignas(64) char clone_stack[64 * 1024];

static int set_in_clone(void *p)
{
	struct table *t = p;

	return gives(table_entry(t, 9), 1009) &&
	       set_value(t->fd, 9, 99) == 1 && remove_one(t->fd, 10) == 1 ?
	       0 : 1;
}

/* A process, but the same memory: so the same table. */
TEST_F(family, clone_vm_shares)
{
	pid_t pid = clone(set_in_clone, clone_stack + sizeof(clone_stack),
			  CLONE_VM | SIGCHLD, &self->t);

	ASSERT_LT(0, pid);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(gives(table_entry(&self->t, 9), 99));
	EXPECT_TRUE(is_plain(table_entry(&self->t, 10)));
	EXPECT_TRUE(is_unset(self->t.fd, 10));
}

TEST_F(family, vfork_shares)
{
	pid_t pid = clone(set_in_clone, clone_stack + sizeof(clone_stack),
			  CLONE_VM | CLONE_VFORK | SIGCHLD, &self->t);

	ASSERT_LT(0, pid);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(gives(table_entry(&self->t, 9), 99));
	EXPECT_TRUE(is_unset(self->t.fd, 10));
}

TEST_F(shared, fork)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 31));
		EXPECT_EQ(1, set_value(self->t.fd, 1, 41));
		EXPECT_EQ(0, pipe_tell(self->s[1]));
		EXPECT_EQ(0, pipe_wait(self->s[1]));
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 51));
		EXPECT_TRUE(is_plain(table_entry(&self->t, 1)));
		_exit(0);
	}
	ASSERT_EQ(0, pipe_wait(self->s[0]));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 41));
	EXPECT_EQ(1, set_value(self->t.fd, 0, 51));
	EXPECT_EQ(1, remove_one(self->t.fd, 1));
	ASSERT_EQ(0, pipe_tell(self->s[0]));
	EXPECT_EQ(0, child_status(pid));
}

/* The table is one, but what is mapped where is each one's own. */
TEST_F(shared, unmapping_is_not_shared)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		char *entry = table_entry(&self->t, 0);

		table_unmap(&self->t);
		EXPECT_TRUE(is_unmapped(entry));
		EXPECT_EQ(1, set_value(self->t.fd, 0, 61));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 61));
}

/* A child has the descriptor also of what is not mapped. */
TEST_F(shared, unmapped_when_forked)
{
	pid_t pid;

	table_unmap(&self->t);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, table_map(&self->t));
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 31));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_HARNESS_MAIN
