// SPDX-License-Identifier: GPL-2.0
/* The library in several threads, and in a child that one of them, or a handler, has forked. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "library_util.h"

#define THREADS	4

static volatile bool threads_stop;

/* Make, call and free, some at a time; NULL if all was right. */
static void *work(void *arg)
{
	const long seed = (long)arg;
	void *mine[16];
	long i, round;

	for (round = 0; !threads_stop && (round < 300 || seed < 0); round++) {
		for (i = 0; i < 16; i++) {
			mine[i] = made(seed * 1000 + i);
			if (!mine[i])
				return "not made";
		}
		for (i = 0; i < 16; i++)
			if (call(mine[i]) != seed * 1000 + i)
				return "another one's data";
		for (i = 0; i < 16; i++)
			if (trampfd_free(mine[i]))
				return "not freed";
	}
	return NULL;
}

TEST_F(library, threads)
{
	pthread_t threads[THREADS];
	void *wrong;
	long i;

	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(pthread_join(threads[i], &wrong), 0);
		EXPECT_TRUE(!wrong)
			TH_LOG("%s", (char *)wrong);
	}
}

/* The first table is where the program's own image is. */
static bool same_table(const void *a, const void *b)
{
	return segment_of(a).found == segment_of(b).found;
}

/* What a child does; to look at all trampolines of a table takes a second on an emulator. */
static void child_of_fork(void *inherited, void *other, bool look_at_all)
{
	static void *more[2 * FIRST_TABLE], *rest[2 * FIRST_TABLE];
	void *own;
	long i;

	CHECK(call(inherited) == 10);
	CHECK(init(inherited, 11) == 0);
	CHECK(call(inherited) == 11);
	CHECK(trampfd_free(other) == 0);
	own = made(12);
	CHECK(own && call(own) == 12);
	CHECK(trampfd_free(inherited) == 0);
	if (!look_at_all)
		_exit(0);

	/* All that is left of the first table, and one of its own: each once. */
	CHECK(trampfd_alloc_many(more, ARRAY_SIZE(more)) == 0);
	for (i = 0; i < (long)ARRAY_SIZE(more); i++) {
		rest[i] = made(100 + i);
		CHECK(rest[i]);
		if (!same_table(rest[i], own))
			break;
	}
	while (i--)
		CHECK(call(rest[i]) == 100 + i);
	CHECK(call(own) == 12);
	CHECK(init(more[0], 13) == 0);
	CHECK(call(more[0]) == 13);
	_exit(0);
}

TEST_F(library, fork)
{
	void *other = made(20);
	pid_t pid;

	ASSERT_TRUE(!!other);
	ASSERT_EQ(init(self->trampoline, 10), 0);
	pid = fork();
	if (!pid)
		child_of_fork(self->trampoline, other, true);
	ASSERT_EQ(status_of(pid), 0);
	EXPECT_EQ(call(self->trampoline), 10);
	EXPECT_EQ(call(other), 20);
	EXPECT_EQ(trampfd_free(other), 0);
	EXPECT_EQ(init(self->trampoline, 14), 0);
	EXPECT_EQ(call(self->trampoline), 14);
}

TEST_F(library, fork_with_threads)
{
	void *other = made(20), *wrong;
	pthread_t threads[THREADS];
	long i;

	ASSERT_TRUE(!!other);
	ASSERT_EQ(init(self->trampoline, 10), 0);
	threads_stop = false;
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, work,
					 (void *)(-1 - i)), 0);
	for (i = 0; i < 30; i++) {
		pid_t pid = fork();

		if (!pid) {
			/* A lock that nobody gives back would hang it. */
			alarm(600);
			child_of_fork(self->trampoline, other, i % 6 == 0);
		}
		EXPECT_EQ(status_of(pid), 0);
	}
	threads_stop = true;
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(pthread_join(threads[i], &wrong), 0);
		EXPECT_TRUE(!wrong);
	}
	EXPECT_EQ(call(self->trampoline), 10);
}

/* A program forks where it has interrupted the library, and both go on there. */
static volatile sig_atomic_t forks, fork_failures, in_child;

static void fork_here(int signo)
{
	const int error = errno;
	pid_t pid = fork();

	(void)signo;
	if (!pid) {
		in_child = 1;
		/* If it hangs, it is to end. */
		alarm(600);
	} else {
		forks = forks + 1;
		fork_failures = fork_failures + !!status_of(pid);
	}
	errno = error;
}

TEST_F(library, fork_in_a_handler)
{
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction sa = { .sa_handler = fork_here };
	void *trampoline;
	bool right;
	long i;

	ASSERT_EQ(init(self->trampoline, 10), 0);
	ASSERT_EQ(sigaction(SIGVTALRM, &sa, NULL), 0);
	ASSERT_EQ(setitimer(ITIMER_VIRTUAL, &often, NULL), 0);
	for (i = 0; forks < 200; i++) {
		trampoline = made(i);
		right = trampoline && call(trampoline) == i &&
			!trampfd_free(trampoline);
		if (in_child) {
			CHECK(right);
			child_of_fork(self->trampoline, made(20), forks % 20 == 0);
		}
		ASSERT_TRUE(right);
	}
	memset(&often, 0, sizeof(often));
	ASSERT_EQ(setitimer(ITIMER_VIRTUAL, &often, NULL), 0);
	EXPECT_EQ(fork_failures, 0);
}

/*
 * A lock of the program's, which it holds over fork(), and under which it uses the
 * library.
 */
static pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;

static void take_own_lock(void)
{
	pthread_mutex_lock(&own_lock);
}

static void give_own_lock_back(void)
{
	pthread_mutex_unlock(&own_lock);
}

/* Before a static library's constructor: fork() would take the library's lock first. */
static void __attribute__((constructor(101))) hold_own_lock_over_fork(void)
{
	pthread_atfork(take_own_lock, give_own_lock_back, give_own_lock_back);
}

static void *work_under_own_lock(void *arg)
{
	void *wrong = NULL;
	void *trampoline;

	(void)arg;
	while (!threads_stop && !wrong) {
		take_own_lock();
		trampoline = made(40);
		if (!trampoline || call(trampoline) != 40 ||
		    trampfd_free(trampoline))
			wrong = "not made, called or freed";
		give_own_lock_back();
	}
	return wrong;
}

TEST_F(library, fork_under_own_lock)
{
	void *other = made(20), *wrong;
	pthread_t thread;
	pid_t pid;
	int i;

	ASSERT_TRUE(!!other);
	ASSERT_EQ(init(self->trampoline, 10), 0);
	threads_stop = false;
	ASSERT_EQ(pthread_create(&thread, NULL, work_under_own_lock, NULL), 0);
	for (i = 0; i < 100; i++) {
		pid = fork();
		if (!pid) {
			alarm(600);
			child_of_fork(self->trampoline, other, i % 20 == 0);
		}
		EXPECT_EQ(status_of(pid), 0);
	}
	threads_stop = true;
	ASSERT_EQ(pthread_join(thread, &wrong), 0);
	EXPECT_TRUE(!wrong);
}

static void *from_child;

static int child_with_our_memory(void *unused)
{
	(void)unused;
	from_child = made(30);
	return from_child && call(from_child) == 30 ? 0 : 1;
}

/* It shares the memory: its tables are ours, too. */
TEST_F(library, shared_memory)
{
	const size_t size = 64 * 1024;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *own;
	pid_t pid;

	ASSERT_TRUE(stack != MAP_FAILED);
	ASSERT_EQ(init(self->trampoline, 10), 0);
	ASSERT_TRUE(fill_table());
	pid = clone(child_with_our_memory, stack + size,
		    CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	ASSERT_EQ(status_of(pid), 0);

	EXPECT_EQ(call(from_child), 30);
	EXPECT_EQ(init(from_child, 31), 0);
	EXPECT_EQ(call(from_child), 31);
	EXPECT_EQ(trampfd_free(from_child), 0);
	own = made(32);
	ASSERT_TRUE(!!own);
	EXPECT_EQ(call(own), 32);
	EXPECT_EQ(init(self->trampoline, 11), 0);
	EXPECT_EQ(call(self->trampoline), 11);
}

TEST_HARNESS_MAIN
