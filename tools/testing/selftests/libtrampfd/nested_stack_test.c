// SPDX-License-Identifier: GPL-2.0
/*
 * Nested functions and the stack: functions that longjmp() leaves, recursions, and
 * other stacks of the same thread.  Whatever is left behind, none of a function that
 * still runs may be deleted, and what is left must not add up.
 */
#include <alloca.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <ucontext.h>

#include "../kselftest_harness.h"
#include "nested_util.h"
#include "sysctl.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE			65
#define PR_MDWE_REFUSE_EXEC_GAIN	1
#endif

#define ROUNDS		1000000
/*
 * Trampolines that may be set where a few functions run: 511 that the library keeps when
 * they are freed, and a few times the hundred that one round of few_are_left makes.  Were
 * they not used again, there would be a hundred thousand.
 */
#define FEW		1500

/*
 * What GCC has in the frame of a function: the trampolines are at its start, and
 * others may be in the same frame, above and below.
 */
struct frame {
	void *function;
	void *second;
	struct frame *outer;
};

static __always_inline void enter(struct frame *frame, struct frame *outer)
{
	frame->outer = outer;
	__gcc_nested_func_ptr_created(frame, context_target, &frame->function);
}

static __always_inline void leave(void)
{
	__gcc_nested_func_ptr_deleted();
}

/* Whether all functions that run have what they have made. */
static bool all_there(const struct frame *frame)
{
	for (; frame; frame = frame->outer)
		if (call(frame->function) != (long)frame)
			return false;
	return true;
}

/* So that a frame stays where it is, and calls are no jumps. */
static void keep(void *p)
{
	asm volatile("" : : "r"(p) : "memory");
}

static jmp_buf out;
/* For compilers that see that a function never returns, and not how it is left. */
static volatile bool returns;

/* Leaves @depth frames of different size, and two nested functions in the last. */
static __attribute__((noinline)) void jump(int depth, long size)
{
	struct frame frame;
	char *room = alloca(16 + size);

	keep(room);
	enter(&frame, NULL);
	if (depth)
		jump(depth - 1, size + 16);
	/* Another function for the same frame. */
	__gcc_nested_func_ptr_created(&frame, keep, &frame.second);
	if (!returns)
		longjmp(out, 1);
}

/* The same from the same place. */
static __attribute__((noinline)) void jump_often(int times, int depth, long size)
{
	volatile int i;

	for (i = 0; i < times; i++)
		if (!setjmp(out))
			jump(depth, size);
}

/* Leaves one of two in the same frame. */
static __attribute__((noinline)) void jump_beside(int which)
{
	struct frame frames[2];

	enter(&frames[which], NULL);
	keep(frames);
	longjmp(out, 1);
}

FIXTURE(stack) {
	long limit;
};

FIXTURE_SETUP(stack)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	self->limit = number_in(LIMIT);
}

FIXTURE_TEARDOWN(stack)
{
}

/* A million rounds, where libgcc could make none, and with 20,000 units. */
static void many_rounds(void)
{
	struct frame frame;
	volatile int i;

	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
		_exit(2);
	enter(&frame, NULL);
	for (i = 0; i < ROUNDS; i += 100) {
		jump_often(100, i / 100 % 2, i / 100 % 64 * 16);
		if (!all_there(&frame))
			_exit(3);
	}
	leave();
}

TEST_F(stack, million_rounds)
{
	if (number_in(UNITS) < 0 || self->limit < 0 || !set_number(LIMIT, number_in(UNITS) + 20000))
		SKIP(return, NO_LIMIT);
	EXPECT_EQ(end_of(many_rounds), 0);
	EXPECT_TRUE(set_number(LIMIT, self->limit));
}

/* Different frames each time add up to no more than the same ones. */
TEST_F(stack, few_are_left)
{
	struct frame frame;
	volatile int i;

	enter(&frame, NULL);
	for (i = 0; i < 5000; i++)
		jump_often(1, i % 50, i % 500 * 16);
	EXPECT_TRUE(all_there(&frame));
	EXPECT_LT(all_set(), FEW);
	leave();
}

/* A child, as the one before has left trampolines set. */
static void same_frame(void)
{
	long set;

	jump_often(100, 0, 0);
	set = all_set();
	jump_often(10000, 0, 0);
	if (all_set() > set + 10)
		_exit(1);
}

TEST_F(stack, same_frame_takes_no_more)
{
	EXPECT_EQ(end_of(same_frame), 0);
}

/* Functions that run, with others left below each of them, on the way in and back. */
static __attribute__((noinline)) bool recurse(int depth, struct frame *outer)
{
	struct frame frame;
	bool good;

	enter(&frame, outer);
	jump_often(3, depth % 5, depth % 7 * 16);
	good = all_there(&frame);
	if (depth)
		good = recurse(depth - 1, &frame) && good;
	jump_often(2, depth % 3, 0);
	good = all_there(&frame) && good;
	leave();
	return all_there(outer) && good;
}

TEST_F(stack, recursion)
{
	struct frame frame;
	int i;

	enter(&frame, NULL);
	for (i = 0; i < 5; i++)
		ASSERT_TRUE(recurse(100, &frame));
	EXPECT_TRUE(all_there(&frame));
	leave();
}

/* A deep one, in which to look at all others each time would take long. */
static __attribute__((noinline)) bool deep(int depth, struct frame *outer, int larger)
{
	struct frame frame;
	bool good;

	enter(&frame, outer);
	if (larger)
		keep(alloca(larger));
	good = !depth || deep(depth - 1, &frame, larger);
	good = call(frame.function) == (long)&frame && good;
	leave();
	return good;
}

TEST_F(stack, deep_recursion)
{
	EXPECT_TRUE(deep(20000, NULL, 0));
	/* With frames that grow after the creation. */
	EXPECT_TRUE(deep(5000, NULL, 200));
	/* Some of each table. */
	EXPECT_LT(all_set(), 4 * FEW);
}

/*
 * At the limit, what is left behind is taken first.  There are so many that run that
 * nobody has looked for it before.
 */
#define RUNNING		500

static __attribute__((noinline)) bool at_limit(int depth, struct frame *outer)
{
	struct frame frame;
	volatile int i;
	bool good = true;

	enter(&frame, outer);
	if (depth) {
		good = at_limit(depth - 1, &frame);
	} else {
		/* They are in front of each other. */
		for (i = 0; i < 3 * RUNNING; i++) {
			if (!setjmp(out))
				jump_beside(i % 2);
		}
		good = all_there(&frame);
	}
	leave();
	return good;
}

static void at_the_limit(void)
{
	if (!deep(2 * RUNNING, NULL, 0) ||
	    !set_number(LIMIT, settled_units() - all_set() + RUNNING * 3 / 2))
		_exit(2);
	if (!at_limit(RUNNING, NULL))
		_exit(3);
}

TEST_F(stack, limit)
{
	if (number_in(UNITS) < 0 || self->limit < 0 || !set_number(LIMIT, self->limit))
		SKIP(return, NO_LIMIT);
	EXPECT_EQ(end_of(at_the_limit), 0);
	EXPECT_TRUE(set_number(LIMIT, self->limit));
}

/*
 * Other stacks.
 */

#define COROUTINES	8
#define STACK_SIZE	65536

static struct coroutine {
	ucontext_t context;
	jmp_buf out;
	struct frame *frame;	/* of the innermost function that runs */
	unsigned int random;
} coroutines[COROUTINES];

static ucontext_t scheduler;
static bool wrong;

static unsigned int draw(struct coroutine *c, unsigned int below)
{
	c->random = c->random * 1103515245 + 12345;
	return c->random / 65536 % below;
}

static void yield(struct coroutine *c)
{
	swapcontext(&c->context, &scheduler);
	wrong = wrong || !all_there(c->frame);
}

static __attribute__((noinline)) void left_in(struct coroutine *c, int depth)
{
	struct frame frame;

	enter(&frame, c->frame);
	c->frame = &frame;
	if (depth)
		left_in(c, depth - 1);
	yield(c);
	if (!returns)
		longjmp(c->out, 1);
}

static __attribute__((noinline)) void leave_in(struct coroutine *c, int depth)
{
	struct frame *const before = c->frame;

	if (!setjmp(c->out))
		left_in(c, depth);
	c->frame = before;
}

static __attribute__((noinline)) void run_in(struct coroutine *c, int depth)
{
	struct frame frame;

	enter(&frame, c->frame);
	c->frame = &frame;
	yield(c);
	/* So it deletes with another stack pointer than it has made. */
	keep(alloca(16 + draw(c, 40) * 16));
	if (depth)
		run_in(c, depth - 1);
	if (!draw(c, 3))
		leave_in(c, draw(c, 4));
	yield(c);
	c->frame = frame.outer;
	leave();
	wrong = wrong || !all_there(c->frame);
}

static void coroutine(int number)
{
	struct coroutine *c = &coroutines[number];

	for (;;)
		run_in(c, draw(c, 6));
}

static void start(struct coroutine *c, void *stack, size_t size)
{
	getcontext(&c->context);
	c->context.uc_stack.ss_sp = stack;
	c->context.uc_stack.ss_size = size;
	c->context.uc_link = NULL;
	c->frame = NULL;
	c->random = 4711 + (c - coroutines);
	makecontext(&c->context, (void (*)(void))coroutine, 1, (int)(c - coroutines));
}

/* On the thread's own stack: let them run in turns, and leave functions meanwhile. */
static __attribute__((noinline)) bool run_coroutines(int turns, int depth, struct frame *outer)
{
	struct frame frame;
	unsigned int i;

	enter(&frame, outer);
	if (depth && !run_coroutines(turns, depth - 1, &frame))
		return false;
	while (turns--) {
		i = draw(&coroutines[0], COROUTINES);
		swapcontext(&scheduler, &coroutines[i].context);
		if (!draw(&coroutines[0], 10))
			jump_often(1, i, 0);
		if (wrong || !all_there(&frame))
			return false;
		for (i = 0; i < COROUTINES; i++)
			if (!all_there(coroutines[i].frame))
				return false;
	}
	leave();
	return all_there(outer);
}

TEST_F(stack, coroutines)
{
	static char stacks[COROUTINES][STACK_SIZE] __attribute__((aligned(64)));
	int i;

	for (i = 0; i < COROUTINES; i++)
		start(&coroutines[i], stacks[i], STACK_SIZE);
	for (i = 0; i < 10; i++)
		ASSERT_TRUE(run_coroutines(100, 5, NULL));
	EXPECT_LT(all_set(), 4 * FEW);
}

/* The same in a thread whose own stack is no larger than theirs. */
static void *runs_coroutines(void *arg)
{
	char *stacks = malloc(COROUTINES * STACK_SIZE);
	int i;

	for (i = 0; stacks && i < COROUTINES; i++)
		start(&coroutines[i], stacks + i * STACK_SIZE, STACK_SIZE);
	if (!stacks || !run_coroutines(200, 5, NULL))
		arg = NULL;
	free(stacks);
	return arg;
}

TEST_F(stack, coroutines_of_a_thread)
{
	int i;

	for (i = 0; i < 5; i++)
		ASSERT_TRUE(run_thread(runs_coroutines));
	EXPECT_LT(all_set(), 4 * FEW);
}

/* Coroutines that only leave functions, each in its own stack. */
static void leaver(int number)
{
	struct coroutine *c = &coroutines[number];

	for (;;) {
		leave_in(c, 2);
		yield(c);
	}
}

TEST_F(stack, coroutines_that_leave)
{
	struct frame frame;
	long i;

	for (i = 0; i < COROUTINES; i++) {
		start(&coroutines[i], malloc(STACK_SIZE), STACK_SIZE);
		makecontext(&coroutines[i].context, (void (*)(void))leaver, 1, (int)i);
	}
	for (i = 0; i < 20000; i++) {
		/* One that runs is the last, whatever the coroutine has left. */
		enter(&frame, NULL);
		swapcontext(&scheduler, &coroutines[i % COROUTINES].context);
		ASSERT_TRUE(all_there(&frame));
		leave();
	}
	EXPECT_FALSE(wrong);
	EXPECT_LT(all_set(), FEW);
}

/*
 * A signal handler's stack that is part of a frame, and above functions that run.
 * Handlers should not, but none of these may be deleted even so.
 */
static void handler(int sig)
{
	struct frame frames[200];
	int i;

	for (i = 0; i < 200; i++)
		enter(&frames[i], i ? &frames[i - 1] : NULL);
	wrong = wrong || !all_there(&frames[199]);
	for (i = 0; i < 200; i++)
		leave();
}

static __attribute__((noinline)) bool interrupted(int depth, struct frame *outer)
{
	struct frame frame;
	bool good;

	enter(&frame, outer);
	if (depth)
		good = interrupted(depth - 1, &frame);
	else
		good = !raise(SIGUSR1) && all_there(&frame);
	leave();
	return all_there(outer) && good;
}

TEST_F(stack, alternate_stack)
{
	char stack[STACK_SIZE * 2];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	stack_t none = { .ss_flags = SS_DISABLE };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	ASSERT_EQ(sigaltstack(&alternate, NULL), 0);
	ASSERT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	EXPECT_TRUE(interrupted(30, NULL));
	EXPECT_FALSE(wrong);
	sigaltstack(&none, NULL);
}

/* Threads that end with functions left, after fork() too. */
static void *leaves_some(void *arg)
{
	struct frame frame;

	enter(&frame, NULL);
	jump_often(50, 20, 16);
	return all_there(&frame) ? arg : NULL;
}

static void threads_end(void)
{
	long set;
	int i;

	if (!run_thread(leaves_some))
		_exit(1);
	set = all_set();
	for (i = 0; i < 100; i++)
		if (!run_thread(leaves_some))
			_exit(2);
	if (all_set() > set)
		_exit(3);
}

TEST_F(stack, threads)
{
	EXPECT_EQ(end_of(threads_end), 0);
}

/* The thread that forks goes on with what it has, in the child, too. */
static struct frame *forked_in;

static void goes_on(void)
{
	if (!all_there(forked_in))
		_exit(1);
	jump_often(200, 3, 64);
	if (!all_there(forked_in) || !recurse(50, forked_in))
		_exit(2);
	threads_end();
	if (!all_there(forked_in))
		_exit(4);
}

static __attribute__((noinline)) bool forks(int depth, struct frame *outer)
{
	struct frame frame;
	bool good;

	enter(&frame, outer);
	jump_often(2, 4, 32);
	if (depth) {
		good = forks(depth - 1, &frame);
	} else {
		forked_in = &frame;
		good = !end_of(goes_on);
	}
	good = good && all_there(&frame);
	leave();
	return good;
}

static void *forks_in_thread(void *arg)
{
	return forks(20, NULL) ? arg : NULL;
}

TEST_F(stack, fork)
{
	EXPECT_TRUE(forks(20, NULL));
	EXPECT_TRUE(run_thread(forks_in_thread));
}

TEST_HARNESS_MAIN
