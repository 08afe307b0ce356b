// SPDX-License-Identifier: GPL-2.0
/*
 * Ways out of the fast lane while eight threads call.  In each round, all trampolines
 * are set with the promise while nobody calls; then each is replaced without it, or
 * removed, or only its PC changes.  Each call is whole.
 *
 * The environment variable TRAMPFD_ROUNDS says how many rounds there are; 1000 make a
 * million ways out.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "../kselftest_harness.h"
#include "code_util.h"

#define NTRAMPOLINES	1000
#define CALLERS		8
#define ROUNDS		20
/* Seconds for a million ways out, in a kernel full of checks. */
#define LONGEST		7200

enum way_out {
	REPLACED,
	REMOVED,
	OTHER_PC,
	NWAYS,
};

/* What threads share. */
static struct {
	FUTEX_ALIGNED pthread_barrier_t start;
	FUTEX_ALIGNED pthread_barrier_t end;
	struct table t;
	unsigned int round;
	bool round_over;
	bool over;
	/* Of a size that every CPU can add to in one step. */
	unsigned long old;
	unsigned long changed[NWAYS];
	unsigned long mixed;
} stage;

#define ADD(what)	__atomic_fetch_add(&(what), 1, __ATOMIC_RELAXED)

static enum way_out way_out(unsigned int trampoline, unsigned int round)
{
	return (trampoline * 7 + round) % NWAYS;
}

/* What it is at the beginning of a round, and what becomes of it. */
static void round_context(struct context *c, unsigned int trampoline,
			  unsigned int round, bool changed)
{
	unsigned int version = round * NTRAMPOLINES + trampoline;
	bool other_pc = changed && way_out(trampoline, round) == OTHER_PC;

	if (changed && !other_pc)
		version = ~version;
	shape_context(&stage.t, c, trampoline, version, changed ? 0 : IDLE);
	c->reg[0].value = arch_target((version + other_pc) % ARCH_NTARGETS);
}

/* The call has reached its target with what this context loads, and nothing else. */
static bool is_of(const struct cpu_state *in, const struct cpu_state *out,
		  int target, const struct context *c)
{
	struct cpu_state want = *in;
	unsigned int i;

	if (target < 0 || arch_target(target) != c->reg[0].value)
		return false;
	for (i = 1; i < c->rec.nregs; i++)
		want.reg[c->reg[i].name] = c->reg[i].value;
#ifdef ARCH_TARGET_REG
	want.reg[ARCH_TARGET_REG] = c->reg[0].value;
#endif
	want.reg[ARCH_PC] = out->reg[ARCH_PC];
	want.reg[ARCH_SP] = in->reg[ARCH_SP] - ARCH_CALL_PUSH;
	return !memcmp(want.reg, out->reg, sizeof(want.reg));
}

static void one_call(const struct cpu_state *in, unsigned int trampoline)
{
	enum way_out way = way_out(trampoline, stage.round);
	struct context before, after;
	struct cpu_state out;
	int target;

	if (code_run(in, code_entry(&stage.t, trampoline), TO_CODE,
		     &out, &target)) {
		if (way == REMOVED &&
		    trap_is_plain(fault_entry(&stage.t, trampoline)))
			ADD(stage.changed[REMOVED]);
		else
			ADD(stage.mixed);
		return;
	}
	round_context(&before, trampoline, stage.round, false);
	round_context(&after, trampoline, stage.round, true);
	if (is_of(in, &out, target, &before)) {
		ADD(stage.old);
	} else if (way != REMOVED && is_of(in, &out, target, &after)) {
		ADD(stage.changed[way]);
	} else {
		ADD(stage.mixed);
		fprintf(stderr, "# trampoline %u, round %u, way %d: target %d\n",
			trampoline, stage.round, way, target);
	}
}

static void *caller(void *p)
{
	unsigned int seed = (uintptr_t)p;
	struct test_stack stack;
	struct cpu_state in;

	trap_init();
	run_on_cpu(seed);
	if (stack_open(&stack, 2))
		abort();
	arch_fill(&in, stack_pointer(&stack, stack.size - 256), seed);
	for (;;) {
		pthread_barrier_wait(&stage.start);
		if (stage.over)
			break;
		/* One call at least, when all may be over by then. */
		do {
			seed = seed * 1103515245 + 12345;
			one_call(&in, (seed >> 8) % NTRAMPOLINES);
		} while (!__atomic_load_n(&stage.round_over, __ATOMIC_ACQUIRE));
		pthread_barrier_wait(&stage.end);
	}
	stack_close(&stack);
	return NULL;
}

/* In an order that callers can't follow. */
static bool lead_all_out(unsigned int round)
{
	unsigned int i, trampoline;
	struct context c;

	for (i = 0; i < NTRAMPOLINES; i++) {
		trampoline = (i * 389 + round * 17) % NTRAMPOLINES;
		round_context(&c, trampoline, round, true);
		if ((way_out(trampoline, round) == REMOVED ?
		     remove_one(stage.t.fd, trampoline) :
		     context_set(stage.t.fd, &c)) != 1)
			return false;
	}
	return true;
}

FIXTURE(race) {
	unsigned int rounds;
	struct context *all;
};

FIXTURE_VARIANT(race) {
	unsigned int nregs;
};

FIXTURE_VARIANT_ADD(race, one) {
	.nregs = 1,
};

FIXTURE_VARIANT_ADD(race, three) {
	.nregs = 3,
};

FIXTURE_SETUP(race)
{
	const char *rounds = getenv("TRAMPFD_ROUNDS");

	if (code_missing())
		SKIP(return, "%s", code_missing());
	if (!threads_work())
		SKIP(return, NO_THREADS);
	self->rounds = rounds ? atoi(rounds) : ROUNDS;
	self->all = calloc(NTRAMPOLINES, sizeof(*self->all));
	ASSERT_TRUE(!!self->all);
	ASSERT_EQ(0, code_open(&stage.t, NTRAMPOLINES, variant->nregs));
	ASSERT_EQ(0, pthread_barrier_init(&stage.start, NULL, CALLERS + 1));
	ASSERT_EQ(0, pthread_barrier_init(&stage.end, NULL, CALLERS + 1));
}

FIXTURE_TEARDOWN(race)
{
	table_close(&stage.t);
}

TEST_F_TIMEOUT(race, ways_out, LONGEST)
{
	pthread_t threads[CALLERS];
	unsigned int i;

	for (i = 0; i < CALLERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, caller,
					    (void *)(uintptr_t)i));
	/*
	 * Without this, the callers leave this thread a ninth of the time.  It fails for a
	 * user who is not root; the test takes longer then.
	 */
	setpriority(PRIO_PROCESS, 0, -10);
	for (; stage.round < self->rounds; stage.round++) {
		for (i = 0; i < NTRAMPOLINES; i++)
			round_context(&self->all[i], i, stage.round, false);
		ASSERT_EQ(NTRAMPOLINES, set_contexts(stage.t.fd, self->all,
						     NTRAMPOLINES));
		/* If this failed, there would be nothing to be tested. */
		ASSERT_TRUE(is_fast(&stage.t, stage.round % NTRAMPOLINES));
		__atomic_store_n(&stage.round_over, false, __ATOMIC_RELAXED);
		pthread_barrier_wait(&stage.start);
		ASSERT_TRUE(lead_all_out(stage.round));
		__atomic_store_n(&stage.round_over, true, __ATOMIC_RELEASE);
		pthread_barrier_wait(&stage.end);
	}
	stage.over = true;
	pthread_barrier_wait(&stage.start);
	for (i = 0; i < CALLERS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	TH_LOG("%u rounds, %lu calls before the change, %lu mixed",
	       self->rounds, stage.old, stage.mixed);
	TH_LOG("%lu calls replaced, %lu removed, %lu with another PC",
	       stage.changed[REPLACED], stage.changed[REMOVED],
	       stage.changed[OTHER_PC]);
	EXPECT_EQ(0UL, stage.mixed);
	EXPECT_LT(0UL, stage.old);
	for (i = 0; i < NWAYS; i++)
		EXPECT_LT(0UL, stage.changed[i]);
}

TEST_HARNESS_MAIN
