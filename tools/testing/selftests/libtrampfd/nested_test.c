// SPDX-License-Identifier: GPL-2.0
/* Nested functions: what the thread, the process and errno see of them. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../kselftest_harness.h"
#include "nested.h"
#include "util.h"

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

static long call(void *function)
{
	return ((context_fn)function)();
}

/* How many trampolines of the table at @addr are set; -1 if the kernel does not tell. */
static long set_at(unsigned long addr)
{
	struct trampfd_record record = {};
	struct trampfd_reg regs[4];
	long n, set = 0;

	do {
		struct trampfd_contexts next = {
			.records = (uintptr_t)&record,
			.regs = (uintptr_t)regs,
			.nrecords = 1,
			.nregs = ARRAY_SIZE(regs),
			.flags = TRAMPFD_CONTEXTS_NEXT,
		};

		n = syscall(__NR_trampfd_control, addr, TRAMPFD_GET, &next, 0);
		set += n;
		record = (struct trampfd_record) {
			.trampoline = record.trampoline + 1,
		};
	} while (n == 1);
	return set;
}

/* The same of all tables, each of which has one mapping, or one of code. */
static long all_set(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long addr;
	char line[512];
	long set = 0;

	while (maps && fgets(line, sizeof(line), maps))
		if ((strstr(line, "[trampfd]") ||
		     (strstr(line, "[trampfd-code]") && strstr(line, " r-xp "))) &&
		    sscanf(line, "%lx-", &addr) == 1)
			set += set_at(addr);
	if (maps)
		fclose(maps);
	return set;
}

/* How a child ends: its exit status, or 128 and the signal. */
static int end_of(void (*function)(void))
{
	pid_t pid = fork();

	if (!pid) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		function();
		_exit(0);
	}
	return status_of(pid);
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

static jmp_buf out;

static __attribute__((noinline)) void leave(long n)
{
	created(100 + n);
	created(200 + n);
	longjmp(out, 1);
}

/*
 * What longjmp() left behind is in the way of later ones, and none of a function
 * that still runs is deleted for it.
 */
TEST_F(nested, left_by_longjmp)
{
	void *second = created(2);
	volatile long i;

	for (i = 0; i < 300; i++) {
		void *inner;

		if (!setjmp(out))
			leave(i);
		inner = created(1000 + i);
		ASSERT_EQ(call(inner), 1000 + i);
		deleted();
		ASSERT_EQ(call(self->outer), 1);
		ASSERT_EQ(call(second), 2);
	}
	/* Its function returns; what goes is the last of what is in the way. */
	deleted();
	EXPECT_EQ(call(second), 2);
	deleted();
	for (i = 0; i < 200; i++)
		ASSERT_TRUE(!!created(3000 + i));
	EXPECT_EQ(call(self->outer), 1);
	EXPECT_EQ(call(second), 2);
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

static bool run_thread(void *(*function)(void *arg))
{
	void *result = NULL;
	int token;
	pthread_t id;

	return !pthread_create(&id, NULL, function, &token) &&
	       !pthread_join(id, &result) && result == &token;
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
