// SPDX-License-Identifier: GPL-2.0
/*
 * Control by address: whose table it is that an address names, where processes
 * and threads share memory or descriptors, or do not; and who sees the call.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#define NTRAMPOLINES	300

FIXTURE(owner) {
	struct table t;
	/* From the parent to the child, and the other way. */
	int down[2];
	int up[2];
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(owner)

/* A table whose descriptor is closed already: nothing is done through it. */
static int open_and_close(struct table *t)
{
	int ret = table_open(t, NTRAMPOLINES, 0);

	if (!ret)
		close(t->fd);
	t->fd = -1;
	return ret;
}

FIXTURE_SETUP(owner)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, open_and_close(&self->t));
	ASSERT_EQ(NTRAMPOLINES, set_values(at(self->t.base), 0, NTRAMPOLINES,
					   1000));
	ASSERT_EQ(0, pipe(self->down));
	ASSERT_EQ(0, pipe(self->up));
}

FIXTURE_TEARDOWN(owner)
{
	table_close(&self->t);
}

/* Is trampoline @n set to that, by its call and by what is read? */
static bool is(const DATA *self, unsigned int n, unsigned long value)
{
	return gives(table_entry(&self->t, n), value) &&
	       has_value(at(self->t.base), n, value);
}

/* A child has a copy, and the address names that. */
TEST_F(owner, child)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(is(self, 1, 1001));
		EXPECT_EQ(1, set_value(at(self->t.base), 1, 5));
		EXPECT_EQ(1, remove_one(at(self->t.base), 2));
		EXPECT_EQ(1, seal_one(at(self->t.base), 3));
		EXPECT_TRUE(is(self, 1, 5));
		EXPECT_EQ(0, pipe_tell(self->up[1]));
		/* What the parent has done meanwhile is not seen here. */
		EXPECT_EQ(0, pipe_wait(self->down[0]));
		EXPECT_TRUE(is(self, 1, 5));
		EXPECT_TRUE(is_plain(table_entry(&self->t, 2)));
		EXPECT_TRUE(is_unset(at(self->t.base), 2));
		EXPECT_TRUE(is(self, 299, 1299));
		_exit(0);
	}
	ASSERT_EQ(0, pipe_wait(self->up[0]));
	EXPECT_TRUE(is(self, 1, 1001));
	EXPECT_TRUE(is(self, 2, 1002));
	EXPECT_EQ(1, set_value(at(self->t.base), 1, 6));
	EXPECT_EQ(1, set_value(at(self->t.base), 2, 7));
	EXPECT_EQ(1, set_value(at(self->t.base), 3, 8));
	EXPECT_EQ(1, remove_one(at(self->t.base), 299));
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(is(self, 1, 6));
	EXPECT_TRUE(is(self, 2, 7));
	EXPECT_TRUE(is(self, 3, 8));
}

/* And so on; a child can go on when its parent's table is gone. */
TEST_F(owner, grandchild)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(1, set_value(at(self->t.base), 1, 5));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			EXPECT_EQ(0, pipe_wait(self->down[0]));
			EXPECT_TRUE(is(self, 1, 5));
			EXPECT_EQ(1, set_value(at(self->t.base), 1, 6));
			EXPECT_TRUE(is(self, 1, 6));
			EXPECT_TRUE(is(self, 256, 1256));
			_exit(0);
		}
		table_unmap(&self->t);
		EXPECT_EQ(0, pipe_tell(self->up[1]));
		_exit(child_status(pid));
	}
	ASSERT_EQ(0, pipe_wait(self->up[0]));
	ASSERT_EQ(0, munmap(self->t.base, self->t.attr.map_size));
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(-ENXIO, set_value(at(self->t.base), 1, 7));
	self->t.base = MAP_FAILED;
}

/* What a child does not have, it can't name. */
TEST_F(owner, not_forked)
{
	pid_t pid;

	ASSERT_EQ(0, madvise(self->t.base, self->t.attr.map_size,
			     MADV_DONTFORK));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(-ENXIO, set_value(at(self->t.base), 1, 5));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(is(self, 1, 1001));
}

static alignas(64) char clone_stack[64 * 1024];

static int change_in_clone(void *p)
{
	const struct table *t = p;

	return gives(table_entry(t, 9), 1009) &&
	       set_value(at(t->base), 9, 99) == 1 &&
	       remove_one(at(t->base), 10) == 1 ? 0 : 1;
}

/* Processes, but of one memory: so it is one table. */
TEST_F(owner, clone_vm_and_vfork)
{
	static const int flags[] = {
		CLONE_VM, CLONE_VM | CLONE_VFORK, CLONE_VM | CLONE_FILES,
	};
	pid_t pid;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		pid = clone(change_in_clone, clone_stack + sizeof(clone_stack),
			    flags[i] | SIGCHLD, &self->t);
		ASSERT_LT(0, pid);
		EXPECT_EQ(0, child_status(pid));
		EXPECT_TRUE(is(self, 9, 99));
		EXPECT_TRUE(is_plain(table_entry(&self->t, 10)));
		EXPECT_EQ(2, set_values(at(self->t.base), 9, 2, 1009));
	}
}

/* Two threads, each with descriptors of its own that have the same numbers. */
struct unshared {
	pthread_barrier_t turn FUTEX_ALIGNED;
	struct table t[2];
	bool good[2];
};

struct side {
	struct unshared *u;
	int n;
};

static void *control_unshared(void *p)
{
	const struct side *side = p;
	struct unshared *u = side->u;
	struct table *mine = &u->t[side->n], *others = &u->t[!side->n];
	bool good;

	trap_init();
	good = !unshare(CLONE_FILES) && !table_open(mine, NTRAMPOLINES, 0);
	pthread_barrier_wait(&u->turn);
	/* The number means another table here than there. */
	good = good && u->t[0].fd == u->t[1].fd &&
	       set_value(mine->fd, 5, 50 + side->n) == 1;
	pthread_barrier_wait(&u->turn);
	/* An address means the same everywhere. */
	good = good && has_value(at(mine->base), 5, 50 + side->n) &&
	       has_value(at(others->base), 5, 50 + !side->n) &&
	       set_value(at(others->base), 6, 60 + side->n) == 1;
	pthread_barrier_wait(&u->turn);
	good = good && has_value(mine->fd, 6, 60 + !side->n) &&
	       gives(table_entry(mine, 6), 60 + !side->n) &&
	       gives(table_entry(others, 6), 60 + side->n) &&
	       !close(mine->fd);
	pthread_barrier_wait(&u->turn);
	good = good && remove_one(at(others->base), 5) == 1;
	pthread_barrier_wait(&u->turn);
	u->good[side->n] = good && is_plain(table_entry(mine, 5));
	return NULL;
}

TEST_F(owner, threads_with_descriptors_of_their_own)
{
	struct unshared u = { .good = { false } };
	struct side sides[2] = { { &u, 0 }, { &u, 1 } };
	pthread_t threads[2];
	int i;

	if (!threads_work())
		SKIP(return, NO_THREADS);
	ASSERT_EQ(0, pthread_barrier_init(&u.turn, NULL, 2));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, control_unshared,
					    &sides[i]));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_TRUE(u.good[i]);
	}
	EXPECT_TRUE(is(self, 5, 1005));
}

/* A thread that maps and unmaps, with others that set and read there. */
#define SETTERS		3
#define TURNS		400
#define TURNS_MAX	(100 * TURNS)

struct storm {
	pthread_barrier_t start FUTEX_ALIGNED;
	char *place;
	unsigned int setters_left;
	unsigned int done;	/* calls that acted on a table */
	unsigned int gone;	/* calls that found none there */
	unsigned int wrong;
};

static bool seen_all(const struct storm *storm)
{
	return __atomic_load_n(&storm->done, __ATOMIC_RELAXED) >= TURNS &&
	       __atomic_load_n(&storm->gone, __ATOMIC_RELAXED) >= TURNS;
}

/* Each call is either wholly done or finds nothing. */
static void *set_in_storm(void *p)
{
	struct storm *storm = p;
	unsigned long value;
	unsigned int i;

	pthread_barrier_wait(&storm->start);
	for (i = 0; i < TURNS_MAX && !seen_all(storm); i++) {
		const void *addr = storm->place + i * 61 % getpagesize();
		int ret;

		switch (i % 4) {
		case 0:
		case 1:
			ret = set_values(at(addr), 0, 100, 7);
			if (ret == 100)
				ret = 1;
			break;
		case 2:
			value = 7 + 50;
			ret = get_value(at(addr), 50, &value);
			if (value != 7 + 50)
				ret = 0;
			if (ret == -ENOENT)
				ret = 1;
			break;
		default:
			ret = remove_one(at(addr), 50);
			if (ret == -ENOENT)
				ret = 1;
		}
		if (ret == 1)
			__atomic_fetch_add(&storm->done, 1, __ATOMIC_RELAXED);
		else if (ret == -ENXIO)
			__atomic_fetch_add(&storm->gone, 1, __ATOMIC_RELAXED);
		else
			__atomic_fetch_add(&storm->wrong, 1, __ATOMIC_RELAXED);
		sched_yield();
	}
	__atomic_fetch_sub(&storm->setters_left, 1, __ATOMIC_RELEASE);
	return NULL;
}

TEST_F(owner, unmapped_meanwhile)
{
	struct storm storm = { .setters_left = SETTERS };
	const size_t page = getpagesize();
	pthread_t threads[SETTERS];
	unsigned int i, turns;

	if (!threads_work())
		SKIP(return, NO_THREADS);
	storm.place = mmap(NULL, self->t.attr.map_size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(storm.place != MAP_FAILED);
	ASSERT_EQ(0, pthread_barrier_init(&storm.start, NULL, SETTERS + 1));
	for (i = 0; i < SETTERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, set_in_storm,
					    &storm));
	pthread_barrier_wait(&storm.start);
	for (turns = 0; __atomic_load_n(&storm.setters_left, __ATOMIC_ACQUIRE);
	     turns++) {
		struct table t;

		/* The mapping is the last that holds the table. */
		ASSERT_EQ(0, table_create(&t, NTRAMPOLINES, 0));
		ASSERT_EQ(0, table_map_at(&t, storm.place));
		close(t.fd);
		sched_yield();
		if (turns % 3 == 0) {
			ASSERT_EQ(0, munmap(t.base, page));
		} else {
			ASSERT_TRUE(mmap(t.base, t.attr.map_size, PROT_NONE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
					 -1, 0) != MAP_FAILED);
		}
		sched_yield();
	}
	for (i = 0; i < SETTERS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	TH_LOG("%u done, %u not there, %u turns", storm.done, storm.gone, turns);
	EXPECT_EQ(0U, storm.wrong);
	EXPECT_TRUE(seen_all(&storm));
	EXPECT_TRUE(is(self, 1, 1001));
}

/* Where a filter finds a system call's argument. */
#ifndef ARCH_FILTER_ARGUMENT
#define ARCH_FILTER_ARGUMENT(n)	(n)
#endif

/* Of it, the lower half. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOWER_HALF	0
#else
#define LOWER_HALF	4
#endif
#define ARGUMENT(n) \
	(offsetof(struct seccomp_data, args[ARCH_FILTER_ARGUMENT(n)]) + LOWER_HALF)

#ifdef __NR_Linux
#define NR_CONTROL	(__NR_Linux + 601)
#else
#define NR_CONTROL	601
#endif

#define LOAD(offset)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define UNLESS(value, skip) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)(value), 0, skip)

#define NO_FILTER	"no seccomp filter (CONFIG_SECCOMP_FILTER)"

/* Put the calling process behind a seccomp filter; false if there are none. */
static bool filtered(struct sock_filter *code, unsigned short len)
{
	const struct sock_fprog filter = { .len = len, .filter = code };

	return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/*
 * The number is that of this ABI, the second argument is the operation, and the
 * first the address: so a filter can tell who does what to which table.
 */
TEST_F(owner, seccomp)
{
	const uintptr_t base = (uintptr_t)self->t.base;
	struct sock_filter code[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		UNLESS(ARCH_AUDIT, 7),
		LOAD(offsetof(struct seccomp_data, nr)),
		UNLESS(NR_CONTROL, 5),
		LOAD(ARGUMENT(1)),
		UNLESS(TRAMPFD_SET, 3),
		LOAD(ARGUMENT(0)),
		UNLESS(base, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	ASSERT_EQ(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (!filtered(code, ARRAY_SIZE(code)))
		SKIP(return, NO_FILTER);
	EXPECT_EQ(-EXDEV, set_value(at(self->t.base), 1, 5));
	EXPECT_TRUE(is(self, 1, 1001));
	/* Another operation, and another address. */
	EXPECT_EQ(1, remove_one(at(self->t.base), 2));
	EXPECT_EQ(1, set_value(at(self->t.base + 1), 1, 5));
	EXPECT_TRUE(is(self, 1, 5));
}

/* No call at all: what strict filters do with what they do not know. */
TEST_F(owner, seccomp_denies_all)
{
	struct sock_filter code[] = {
		LOAD(offsetof(struct seccomp_data, nr)),
		UNLESS(NR_CONTROL, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	ASSERT_EQ(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (!filtered(code, ARRAY_SIZE(code)))
		SKIP(return, NO_FILTER);
	EXPECT_EQ(-EPERM, set_value(at(self->t.base), 1, 5));
	EXPECT_EQ(-EPERM, remove_one(at(self->t.base), 1));
	/* Calling is no system call. */
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 1001));
}

TEST_HARNESS_MAIN
