// SPDX-License-Identifier: GPL-2.0
/*
 * Calls from eight threads while others set, remove, fork, move, split and
 * unmap.  Each call either sees one context, whole, or is none at all.
 *
 * All loops have a number of turns and no time.  On one CPU, all calls may come in
 * one turn of the others; then they go on until both kinds were seen.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#define CALLERS		8
#define CALLS		2000
#define CALLS_MAX	(100 * CALLS)
#define PAGES		4

FIXTURE(race) {
	struct table t;
	unsigned int n;
	unsigned int per_page;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(race)

FIXTURE_VARIANT(race) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(race, private) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(race, shared) {
	.flags = TRAMPFD_SHARED,
};

/* What threads of one test share. */
struct stage {
	pthread_barrier_t start FUTEX_ALIGNED;
	struct table *t;
	unsigned int n;
	unsigned int per_page;
	/* May a call find nothing: its trampoline or its address gone? */
	bool may_miss;
	int callers_left;
	/* What went wrong, and what was seen of the races. */
	int mixtures;
	int wrong_signals;
	int errors;
	int hits;
	int misses;
	int turns;
};

FIXTURE_SETUP(race)
{
	struct context c;
	unsigned int i;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (!threads_work())
		SKIP(return, NO_THREADS);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, 1, variant->flags));
	self->per_page = table_per_page(&self->t);
	self->n = PAGES * self->per_page;
	table_close(&self->t);
	ASSERT_EQ(0, table_open(&self->t, self->n, variant->flags));
	for (i = 0; i < self->n; i++) {
		generation_context(&c, i, i);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
	}
}

FIXTURE_TEARDOWN(race)
{
	table_close(&self->t);
}

#define ADD(what)	__atomic_fetch_add(&(what), 1, __ATOMIC_RELAXED)

static unsigned int next_random(unsigned int *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

static bool callers_work(struct stage *stage)
{
	return __atomic_load_n(&stage->callers_left, __ATOMIC_ACQUIRE);
}

/* Have calls met all that they can meet? */
static bool seen_all(const struct stage *stage)
{
	return __atomic_load_n(&stage->hits, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&stage->turns, __ATOMIC_RELAXED) &&
	       (!stage->may_miss ||
		__atomic_load_n(&stage->misses, __ATOMIC_RELAXED));
}

struct caller {
	struct stage *stage;
	unsigned int number;
};

static void one_call(struct stage *stage, const struct cpu_state *in,
		     unsigned int trampoline)
{
	char *entry = table_entry(stage->t, trampoline);
	unsigned int generation;
	struct cpu_state out;
	int target;

	if (!try_run(in, entry, ARCH_BY_CALL, &out, &target)) {
		ADD(stage->hits);
		if (!generation_whole(in, ARCH_BY_CALL, &out, target,
				      &generation))
			ADD(stage->mixtures);
		return;
	}
	ADD(stage->misses);
	/* A miss is one fault there, with every register as it was. */
	if (!stage->may_miss || trap.signo != SIGSEGV || !trap_at(entry) ||
	    ARCH_FAULT_ADDR((char *)trap.state.reg[ARCH_PC]) != trap.addr ||
	    !state_kept(in, &trap.state, NULL))
		ADD(stage->wrong_signals);
}

static void *caller(void *p)
{
	struct caller *me = p;
	struct stage *stage = me->stage;
	unsigned int seed = me->number, i;
	struct test_stack stack;
	struct cpu_state in;

	trap_init();
	run_on_cpu(me->number);
	if (stack_open(&stack, 2)) {
		ADD(stage->errors);
		stage = NULL;
	}
	pthread_barrier_wait(&me->stage->start);
	for (i = 0; stage && (i < CALLS ||
			      (i < CALLS_MAX && !seen_all(stage))); i++) {
		arch_fill(&in, stack_pointer(&stack, stack.size - 256), seed);
		/* The first ones often, so that they are hot; all others, too. */
		one_call(stage, &in,
			 next_random(&seed) % (i % 2 ? stage->n : 2));
	}
	__atomic_fetch_sub(&me->stage->callers_left, 1, __ATOMIC_RELEASE);
	if (stage)
		stack_close(&stack);
	return NULL;
}

/*
 * Run the callers, and @nothers threads of @other, until the callers end.  What
 * they write together is in shared memory, which fork() leaves writable: QEMU
 * before 9.1 does not wait, on powerpc, until the other CPUs have dropped what
 * they know of a page, so that one of them may still write to a page that
 * another one has just copied.
 */
static bool play(struct stage *result, const DATA *self,
		 void *(*const *others)(void *), int nothers)
{
	pthread_t threads[CALLERS + 8];
	struct caller callers[CALLERS];
	struct stage *stage;
	int i;

	stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage == MAP_FAILED)
		return false;
	*stage = *result;
	stage->t = (struct table *)&self->t;
	stage->n = self->n;
	stage->per_page = self->per_page;
	stage->callers_left = CALLERS;
	if (pthread_barrier_init(&stage->start, NULL, CALLERS + nothers))
		return false;
	for (i = 0; i < CALLERS; i++) {
		callers[i].stage = stage;
		callers[i].number = i;
		if (pthread_create(&threads[i], NULL, caller, &callers[i]))
			return false;
	}
	for (i = 0; i < nothers; i++)
		if (pthread_create(&threads[CALLERS + i], NULL, others[i],
				   stage))
			return false;
	for (i = 0; i < CALLERS + nothers; i++)
		pthread_join(threads[i], NULL);
	*result = *stage;
	munmap(stage, sizeof(*stage));

	fprintf(stderr, "# %d hits, %d misses, %d turns of the others\n",
		result->hits, result->misses, result->turns);
	return result->hits + result->misses >= CALLERS * CALLS;
}

/* Nothing went wrong, and there was something that could have. */
static bool fair(const struct stage *stage)
{
	fprintf(stderr, "# %d mixtures, %d wrong signals, %d errors\n",
		stage->mixtures, stage->wrong_signals, stage->errors);
	return !stage->mixtures && !stage->wrong_signals && !stage->errors &&
	       seen_all(stage);
}

/* One at a time, the hot ones often. */
static void *set_one(void *p)
{
	struct stage *stage = p;
	unsigned int seed = 1;
	struct context c;

	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		unsigned int r = next_random(&seed);

		generation_context(&c, r % (r % 4 ? 2 : stage->n), seed >> 8);
		if (context_set(stage->t->fd, &c) != 1)
			ADD(stage->errors);
		ADD(stage->turns);
	}
	return NULL;
}

#define TOGETHER	64

/* Many in one call. */
static void *set_many(void *p)
{
	struct trampfd_record rec[TOGETHER];
	struct trampfd_reg reg[TOGETHER * TRAMPFD_REGS_MAX];
	unsigned char stack[TOGETHER * TRAMPFD_STACK_MAX];
	struct trampfd_contexts arg = {
		.records = (uintptr_t)rec,
		.regs = (uintptr_t)reg,
		.stack = (uintptr_t)stack,
		.nrecords = TOGETHER,
		.nregs = ARRAY_SIZE(reg),
		.stack_size = sizeof(stack),
	};
	struct stage *stage = p;
	unsigned int generation = 1, first, i;

	pthread_barrier_wait(&stage->start);
	for (first = 0; callers_work(stage); first += TOGETHER - 1) {
		unsigned int nregs = 0, nstack = 0;
		struct context c;

		for (i = 0; i < TOGETHER; i++) {
			generation_context(&c, (first + i) % stage->n,
					   generation++);
			rec[i] = c.rec;
			memcpy(reg + nregs, c.reg,
			       c.rec.nregs * sizeof(*reg));
			memcpy(stack + nstack, c.stack, c.rec.stack_size);
			nregs += c.rec.nregs;
			nstack += c.rec.stack_size;
		}
		if (control(stage->t->fd, TRAMPFD_SET, &arg) != TOGETHER)
			ADD(stage->errors);
		ADD(stage->turns);
	}
	return NULL;
}

/* Read back: also whole, or not there. */
static void *get_one(void *p)
{
	struct stage *stage = p;
	unsigned int seed = 3, generation, i;
	struct context c, want;

	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		unsigned int r = next_random(&seed) % stage->n;
		int ret = context_get(stage->t->fd, r, &c);

		ADD(stage->turns);
		if (stage->may_miss && ret == -ENOENT)
			continue;
		if (ret != 1) {
			ADD(stage->errors);
			continue;
		}
		generation = 0;
		for (i = 0; i < c.rec.nregs; i++)
			if (c.reg[i].name == ARCH_DATA_REG)
				generation = c.reg[i].value;
		generation_context(&want, r, generation);
		if (!context_equal(&want, &c))
			ADD(stage->mixtures);
	}
	return NULL;
}

TEST_F(race, set)
{
	void *(*const others[])(void *) = { set_one, set_many, get_one };
	struct stage stage = { .may_miss = false };

	ASSERT_TRUE(play(&stage, self, others, ARRAY_SIZE(others)));
	EXPECT_TRUE(fair(&stage));
}

/* Remove some, and set them again. */
static void *remove_some(void *p)
{
	struct stage *stage = p;
	unsigned int seed = 5, i;
	struct context c;

	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		unsigned int r = next_random(&seed);
		unsigned int first = r % 3 ? 0 : r % (stage->n - TOGETHER);
		int ret = remove_range(stage->t->fd, first, 1 + r % TOGETHER);

		/* Another one may have been first. */
		if (ret < 1 && ret != -ENOENT)
			ADD(stage->errors);
		for (i = 0; i <= r % TOGETHER; i++) {
			generation_context(&c, first + i, seed >> 8);
			if (context_set(stage->t->fd, &c) != 1)
				ADD(stage->errors);
		}
		ADD(stage->turns);
	}
	return NULL;
}

TEST_F(race, remove)
{
	void *(*const others[])(void *) = {
		remove_some, remove_some, set_one, get_one,
	};
	struct stage stage = { .may_miss = true };

	ASSERT_TRUE(play(&stage, self, others, ARRAY_SIZE(others)));
	EXPECT_TRUE(fair(&stage));
}

/* Children that call, set and end, some of them at once. */
static void *fork_children(void *p)
{
	struct stage *stage = p;
	unsigned int generation, i;
	struct test_stack stack;
	struct cpu_state in, out;
	struct context c;
	int target;

	if (stack_open(&stack, 2))
		ADD(stage->errors);
	arch_fill(&in, stack_pointer(&stack, stack.size - 256), 9);
	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		pid_t pid = fork();

		if (!pid) {
			for (i = 0; i < stage->n; i += 101) {
				if (arch_run(&in, table_entry(stage->t, i),
					     ARCH_BY_CALL, &out) < 0)
					_exit(1);
				generation_context(&c, i, i);
				if (context_set(stage->t->fd, &c) != 1)
					_exit(2);
				target = arch_run(&in,
						  table_entry(stage->t, i),
						  ARCH_BY_CALL, &out);
				/* A shared table is also set by others. */
				if (!generation_whole(&in, ARCH_BY_CALL, &out,
						      target, &generation))
					_exit(3);
			}
			_exit(0);
		}
		if (pid < 0 || child_status(pid))
			ADD(stage->errors);
		ADD(stage->turns);
	}
	stack_close(&stack);
	return NULL;
}

TEST_F(race, fork)
{
	void *(*const others[])(void *) = {
		fork_children, fork_children, set_one, set_many,
	};
	struct stage stage = { .may_miss = false };

	ASSERT_TRUE(play(&stage, self, others, ARRAY_SIZE(others)));
	EXPECT_TRUE(fair(&stage));
}

/*
 * Code can't move, and to map its three parts takes three calls, between which a
 * call may fault at any of them.  code_mapping_test is about that.
 */
#ifndef TRAMPFD_BY_CODE

/*
 * What follows takes addresses away for a moment.  The other threads of these
 * tests map nothing, nor allocate, so nothing else comes there meanwhile.
 */

/* One page of the mapping, to and fro. */
static void *move_pages(void *p)
{
	struct stage *stage = p;
	const size_t page = getpagesize();
	unsigned int seed = 13;
	char *room, *base = stage->t->base;

	room = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		ADD(stage->errors);
	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		char *at = base + next_random(&seed) % PAGES * page;

		if (mremap(at, page, page, MREMAP_MAYMOVE | MREMAP_FIXED,
			   room) != room ||
		    mremap(room, page, page, MREMAP_MAYMOVE | MREMAP_FIXED,
			   at) != at)
			ADD(stage->errors);
		ADD(stage->turns);
	}
	return NULL;
}

/* The whole mapping, to and fro. */
static void *move_all(void *p)
{
	struct stage *stage = p;
	const size_t size = PAGES * getpagesize();
	char *room, *base = stage->t->base;

	room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		ADD(stage->errors);
	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		if (mremap(base, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			   room) != room ||
		    mremap(room, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			   base) != base)
			ADD(stage->errors);
		ADD(stage->turns);
	}
	return NULL;
}

/* Holes in the mapping, and the whole of it again. */
static void *unmap_pages(void *p)
{
	struct stage *stage = p;
	const size_t page = getpagesize();
	struct table again = *stage->t;
	unsigned int seed = 17;

	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		unsigned int n = next_random(&seed) % PAGES;

		if (munmap(stage->t->base + n * page, page))
			ADD(stage->errors);
		if (n % 2 &&
		    munmap(stage->t->base + (n + 2) % PAGES * page, page))
			ADD(stage->errors);
		if (table_map_at(&again, stage->t->base))
			ADD(stage->errors);
		ADD(stage->turns);
	}
	return NULL;
}

#endif /* TRAMPFD_BY_CODE */

/* Cut the mapping into pieces, where it stays. */
static void *split_in_place(void *p)
{
	struct stage *stage = p;
	const size_t page = getpagesize();
	unsigned int seed = 23;

	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		char *at = stage->t->base + next_random(&seed) % PAGES * page;

		/* Only the first time at a place; the rest changes a flag. */
		if (madvise(at, page, MADV_RANDOM) ||
		    madvise(at, page, MADV_NORMAL))
			ADD(stage->errors);
		ADD(stage->turns);
	}
	return NULL;
}

#ifndef TRAMPFD_BY_CODE

/* The same, and make it one again. */
static void *split(void *p)
{
	struct stage *stage = p;
	const size_t page = getpagesize();
	struct table again = *stage->t;
	unsigned int seed = 19;

	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		unsigned int r = next_random(&seed);
		char *at = stage->t->base + r % PAGES * page;

		/* There may be a hole. */
		if ((madvise(at, page, MADV_RANDOM) ||
		     madvise(at, page, MADV_NORMAL)) && errno != ENOMEM)
			ADD(stage->errors);
		if (r % 8 == 0 && table_map_at(&again, stage->t->base))
			ADD(stage->errors);
		ADD(stage->turns);
	}
	return NULL;
}

/* Children that end as they begin. */
static void *fork_only(void *p)
{
	struct stage *stage = p;

	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 || child_status(pid))
			ADD(stage->errors);
		ADD(stage->turns);
	}
	return NULL;
}

TEST_F(race, mremap_of_pages)
{
	void *(*const others[])(void *) = { move_pages, set_one };
	struct stage stage = { .may_miss = true };

	if ((variant->flags & TRAMPFD_SHARED) && !shared_at_any_page())
		SKIP(return, NO_SUCH_PAGE);
	ASSERT_TRUE(play(&stage, self, others, ARRAY_SIZE(others)));
	EXPECT_TRUE(fair(&stage));
}

TEST_F(race, mremap_of_all)
{
	void *(*const others[])(void *) = { move_all, set_one };
	struct stage stage = { .may_miss = true };

	if ((variant->flags & TRAMPFD_SHARED) && !shared_at_any_page())
		SKIP(return, NO_SUCH_PAGE);
	ASSERT_TRUE(play(&stage, self, others, ARRAY_SIZE(others)));
	EXPECT_TRUE(fair(&stage));
}

TEST_F(race, munmap)
{
	void *(*const others[])(void *) = { unmap_pages, set_one };
	struct stage stage = { .may_miss = true };

	ASSERT_TRUE(play(&stage, self, others, ARRAY_SIZE(others)));
	EXPECT_TRUE(fair(&stage));
}

TEST_F(race, everything)
{
	void *(*const others[])(void *) = {
		split, unmap_pages, fork_only, set_one, set_many, get_one,
	};
	struct stage stage = { .may_miss = true };

	ASSERT_TRUE(play(&stage, self, others, ARRAY_SIZE(others)));
	EXPECT_TRUE(fair(&stage));
}

#endif /* TRAMPFD_BY_CODE */

/* A split that moves nothing interrupts nobody. */
TEST_F(race, split)
{
	void *(*const others[])(void *) = { split_in_place, set_one };
	struct stage stage = { .may_miss = false };

	ASSERT_TRUE(play(&stage, self, others, ARRAY_SIZE(others)));
	EXPECT_TRUE(fair(&stage));
}

/* Tables that come and go beside the one that is called. */
static void *open_and_close(void *p)
{
	struct stage *stage = p;
	struct table t;

	pthread_barrier_wait(&stage->start);
	while (callers_work(stage)) {
		if (table_open(&t, 600, 0) || set_value(t.fd, 599, 7) != 1 ||
		    call(table_entry(&t, 599)) != 7)
			ADD(stage->errors);
		/* In one order and the other. */
		if (stage->turns % 2)
			table_unmap(&t);
		close(t.fd);
		table_unmap(&t);
		ADD(stage->turns);
	}
	return NULL;
}

TEST_F(race, other_tables)
{
	void *(*const others[])(void *) = {
		open_and_close, open_and_close, set_one,
	};
	struct stage stage = { .may_miss = false };

	ASSERT_TRUE(play(&stage, self, others, ARRAY_SIZE(others)));
	EXPECT_TRUE(fair(&stage));
}

static char *looping_entry;

static void *call_for_ever(void *p)
{
	for (;;)
		call(looping_entry);
	return NULL;
}

/* The process ends while its threads are in calls. */
TEST_F(race, exit)
{
	int turn, i;

	for (turn = 0; turn < 12; turn++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			pthread_t thread;

			ASSERT_EQ(1, set_value(self->t.fd, 0, 1));
			looping_entry = table_entry(&self->t, 0);
			for (i = 0; i < 3; i++)
				ASSERT_EQ(0, pthread_create(&thread, NULL,
							    call_for_ever,
							    NULL));
			for (i = 0; i < turn; i++)
				sched_yield();
			if (turn % 2)
				kill(getpid(), SIGKILL);
			_exit(0);
		}
		EXPECT_EQ(turn % 2 ? 128 + SIGKILL : 0, child_status(pid));
	}
}

TEST_HARNESS_MAIN
