// SPDX-License-Identifier: GPL-2.0
/* Nested functions: what the thread, the process and errno see of them. */
#include <signal.h>

#include "../kselftest_harness.h"
#include "nested_util.h"

/* More trampolines than the first table has, which is 4096. */
#define MANY		5000

/* A nested function that is there, and returns what it was given. */
static void *created(long value)
{
	void *function = NULL;

	__gcc_nested_func_ptr_created((void *)value, context_target, &function);
	return function;
}

static void deleted(void)
{
	__gcc_nested_func_ptr_deleted();
}

FIXTURE(nested) {
	void *outer;
};

FIXTURE_SETUP(nested)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	self->outer = created(1);
	ASSERT_TRUE(!!self->outer);
}

FIXTURE_TEARDOWN(nested)
{
}

TEST_F(nested, call)
{
	void *inner = created(2);

	EXPECT_EQ(call(inner), 2);
	EXPECT_EQ(call(self->outer), 1);
	deleted();
	EXPECT_EQ(call(self->outer), 1);
	deleted();
}

TEST_F(nested, errno_is_kept)
{
	long i;

	/* Also when a table is made, and when what is kept is given back.  Not the outer one. */
	for (i = 2; i < MANY; i++) {
		errno = 4711;
		ASSERT_TRUE(!!created(i));
		ASSERT_EQ(errno, 4711);
	}
	for (i = 2; i < MANY; i++) {
		errno = 4712;
		deleted();
		ASSERT_EQ(errno, 4712);
	}
	EXPECT_EQ(call(self->outer), 1);
}

/* What the thread deleted last is its next one. */
TEST_F(nested, reused)
{
	long set = all_set();
	void *first = created(2);
	long i;

	deleted();
	for (i = 3; i < 1000; i++) {
		ASSERT_TRUE(created(i) == first);
		ASSERT_EQ(call(first), i);
		deleted();
	}
	EXPECT_EQ(all_set(), set + 1);
}

/* In a child: what the parent has made, and its own. */
static void *inherited;

static void child_of_fork(void)
{
	void *own;

	if (call(inherited) != 1)
		_exit(1);
	own = created(5);
	if (call(own) != 5)
		_exit(2);
	deleted();
	/* The parent's: the child's next one may be in its place. */
	deleted();
	own = created(6);
	if (call(own) != 6)
		_exit(3);
	deleted();
}

TEST_F(nested, fork)
{
	inherited = self->outer;
	EXPECT_EQ(end_of(child_of_fork), 0);
	EXPECT_EQ(call(self->outer), 1);
	EXPECT_EQ(call(created(7)), 7);
}

/* Each thread deletes its own. */
static void *thread(void *arg)
{
	void *mine = created(20);
	bool good = call(mine) == 20;

	deleted();
	good = good && call(created(21)) == 21 && call(created(22)) == 22;
	deleted();
	deleted();
	return good ? arg : NULL;
}

static void *leaves_behind(void *arg)
{
	long i;

	for (i = 0; i < 50; i++)
		created(i);
	return arg;
}

TEST_F(nested, threads)
{
	void *second = created(2);
	long i, set;

	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(run_thread(thread));
		ASSERT_EQ(call(second), 2);
		ASSERT_EQ(call(self->outer), 1);
	}

	/* What a thread leaves behind is for others when it ends. */
	ASSERT_TRUE(run_thread(leaves_behind));
	set = all_set();
	EXPECT_GE(set, 50);
	for (i = 0; i < 100; i++)
		ASSERT_TRUE(run_thread(leaves_behind));
	EXPECT_EQ(all_set(), set);
	EXPECT_EQ(call(second), 2);
}

static void *deletes(void *arg)
{
	deleted();
	return arg;
}

static void delete_of_another_thread(void)
{
	close(STDERR_FILENO);
	run_thread(deletes);
}

static void delete_too_many(void)
{
	close(STDERR_FILENO);
	deleted();
	deleted();
}

TEST_F(nested, too_many_deleted)
{
	EXPECT_EQ(end_of(delete_of_another_thread), 128 + SIGABRT);
	EXPECT_EQ(end_of(delete_too_many), 128 + SIGABRT);
	EXPECT_EQ(call(self->outer), 1);
}

TEST_HARNESS_MAIN
