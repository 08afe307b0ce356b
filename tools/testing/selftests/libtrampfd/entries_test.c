// SPDX-License-Identifier: GPL-2.0
/*
 * Code entries, which the plain calls of the library give where there are any: when
 * they are in the fast lane, and what takes their place.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "entries.h"
#include "sysctl.h"
#include "util.h"

static int init_with(void *trampoline, void *target, long data, uint32_t flags)
{
	const struct trampfd_call call = {
		.size = sizeof(call), .flags = flags, .trampoline = trampoline,
		.target = target, .data = (void *)data,
	};

	return trampfd_init_many(&call, 1) == 1 ? 0 : -1;
}

static int init(void *trampoline, long data)
{
	return init_with(trampoline, context_target, data, 0);
}

/* Another target that returns what it gets. */
static long BY_REGISTER other_target(long argument)
{
	return argument;
}

static const uint32_t context_shape[] = { REG_CONTEXT };

static bool is_fast(const void *trampoline)
{
	return is_fast_in(trampoline, context_shape, 1);
}

/* The default pool, where there are code entries. */
FIXTURE(code) {
	void *trampoline;
};

FIXTURE_SETUP(code)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (!stride_of(context_shape, 1))
		SKIP(return, NO_CODE);
	self->trampoline = trampfd_alloc();
	ASSERT_TRUE(!!self->trampoline);
}

FIXTURE_TEARDOWN(code)
{
}

TEST_F(code, default_pool)
{
	EXPECT_EQ(trampfd_pool_has_code(NULL), 1);
	EXPECT_TRUE(is_code(self->trampoline));
	ASSERT_EQ(init(self->trampoline, 5), 0);
	EXPECT_TRUE(is_fast(self->trampoline));
	EXPECT_EQ(call(self->trampoline), 5);
}

/* The first time is promised by the library, and later ones by nobody. */
TEST_F(code, promise)
{
	ASSERT_EQ(init(self->trampoline, 5), 0);
	ASSERT_EQ(init(self->trampoline, 6), 0);
	EXPECT_FALSE(is_fast(self->trampoline));
	EXPECT_EQ(call(self->trampoline), 6);
	/* Once out of the fast lane, it stays there without a promise. */
	ASSERT_EQ(init(self->trampoline, 6), 0);
	EXPECT_FALSE(is_fast(self->trampoline));
	ASSERT_EQ(init_with(self->trampoline, context_target, 7, TRAMPFD_CALL_IDLE), 0);
	EXPECT_TRUE(is_fast(self->trampoline));
	EXPECT_EQ(call(self->trampoline), 7);
	/* Who frees it promises, too. */
	ASSERT_EQ(init(self->trampoline, 8), 0);
	ASSERT_EQ(trampfd_free(self->trampoline), 0);
	ASSERT_TRUE(trampfd_alloc() == self->trampoline);
	ASSERT_EQ(init(self->trampoline, 9), 0);
	EXPECT_TRUE(is_fast(self->trampoline));
	EXPECT_EQ(call(self->trampoline), 9);
}

/* Only the target changes, so no promise is needed. */
TEST_F(code, other_target)
{
	static volatile int here;

	ASSERT_EQ(init(self->trampoline, (long)&here), 0);
	ASSERT_EQ(init_with(self->trampoline, getpid, (long)&here, 0), 0);
	EXPECT_TRUE(is_fast(self->trampoline));
	EXPECT_EQ(call(self->trampoline), getpid());
}

/* The same in a set, of which some were set before. */
TEST_F(code, promises_of_many)
{
	struct trampfd_call calls[8] = { };
	void *trampolines[8];
	unsigned int i;

	ASSERT_EQ(trampfd_alloc_many(trampolines, 8), 0);
	for (i = 0; i < 8; i += 2)
		ASSERT_EQ(init(trampolines[i], 100), 0);
	for (i = 0; i < 8; i++) {
		calls[i].size = sizeof(calls[i]);
		calls[i].trampoline = trampolines[i];
		calls[i].target = context_target;
		calls[i].data = (void *)(long)i;
		calls[i].flags = i < 4 ? 0 : TRAMPFD_CALL_IDLE;
	}
	ASSERT_EQ(trampfd_init_many(calls, 8), 8);
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(is_fast(trampolines[i]), i % 2 || i >= 4);
		EXPECT_EQ(call(trampolines[i]), (long)i);
	}
}

/* Another flag is for a later library. */
TEST_F(code, unknown_flag)
{
	ASSERT_EQ(init(self->trampoline, 5), 0);
	errno = 0;
	EXPECT_EQ(init_with(self->trampoline, context_target, 6, 0x2), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(call(self->trampoline), 5);
}

/* Registers that are not the default pool's shape take the slow lane, but work. */
TEST_F(code, registers_without_the_shape)
{
	const struct trampfd_reg regs[] = {
		{ .name = REG_ARGUMENT, .value = 77 },
#if defined(__mips__) || defined(__powerpc64__)
		{ .name = REG_CALLEE, .value = (uintptr_t)other_target },
#endif
	};
	const struct trampfd_call call_it = {
		.size = sizeof(call_it), .trampoline = self->trampoline,
		.target = other_target, .regs = regs, .nregs = ARRAY_SIZE(regs),
	};

	ASSERT_EQ(trampfd_init_many(&call_it, 1), 1);
	EXPECT_FALSE(is_fast(self->trampoline));
	EXPECT_EQ(call(self->trampoline), 77);
}

/* The child keeps what was decided, and its own trampolines. */
TEST_F(code, fork)
{
	void *another;
	pid_t pid;

	ASSERT_EQ(init(self->trampoline, 5), 0);
	pid = fork();
	if (!pid) {
		another = trampfd_alloc();
		_exit(trampfd_pool_has_code(NULL) != 1 || call(self->trampoline) != 5 ||
		      !is_code(another) || init(another, 6) || call(another) != 6 ||
		      !is_fast(another) || init(self->trampoline, 7) ||
		      call(self->trampoline) != 7);
	}
	EXPECT_EQ(status_of(pid), 0);
	EXPECT_EQ(call(self->trampoline), 5);
	EXPECT_TRUE(is_fast(self->trampoline));
}

/* As many as the library has put into one table, and then more. */
TEST_F(code, many)
{
	static struct trampfd_call calls[70000];
	static void *trampolines[70000];
	long i, n = ARRAY_SIZE(trampolines);

	ASSERT_EQ(trampfd_alloc_many(trampolines, n), 0);
	for (i = 0; i < n; i++) {
		calls[i].size = sizeof(calls[i]);
		calls[i].trampoline = trampolines[i];
		calls[i].target = context_target;
		calls[i].data = (void *)i;
	}
	ASSERT_EQ(trampfd_init_many(calls, n), n);
	/* Not all: emulators are slow to forget what they have translated of a page. */
	for (i = 0; i < n; i += i % 1000 < 2 ? 1 : 49)
		ASSERT_EQ(call(trampolines[i]), i);
	ASSERT_EQ(call(trampolines[n - 1]), n - 1);
	EXPECT_TRUE(is_code(trampolines[0]));
	EXPECT_TRUE(is_code(trampolines[n - 1]));
	EXPECT_EQ(trampfd_free_many(trampolines, n), 0);
}

/*
 * What refuses the executable mapping.
 */

TEST(policy)
{
	const struct trampfd_pool_attr attr = {
		.size = sizeof(attr), .shape = context_shape, .shape_nregs = 1,
	};
	struct trampfd_pool *pool;
	void *fault, *code;
	int has_code;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (!set_number(ENABLED, 2))
		SKIP(return, NO_ENABLED);
	fault = trampfd_alloc();
	has_code = trampfd_pool_has_code(NULL);
	ASSERT_TRUE(set_number(ENABLED, 1));

	ASSERT_TRUE(!!fault);
	EXPECT_EQ(has_code, 0);
	EXPECT_TRUE(is_fault(fault));
	ASSERT_EQ(init(fault, 5), 0);
	EXPECT_EQ(call(fault), 5);
	ASSERT_EQ(init(fault, 6), 0);
	EXPECT_EQ(call(fault), 6);
	/* It was decided. */
	EXPECT_EQ(trampfd_pool_has_code(NULL), 0);

	/* Another pool decides by itself. */
	if (!stride_of(context_shape, 1))
		return;
	pool = trampfd_pool_create(&attr);
	ASSERT_TRUE(!!pool);
	ASSERT_EQ(trampfd_pool_alloc(pool, &code, 1), 0);
	EXPECT_TRUE(is_code(code));
}

/* The user's limit leaves no room for a data part, so it does without. */
TEST(limit)
{
	const long limit = number_in(LIMIT);
	void *first, *second;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (!stride_of(context_shape, 1))
		SKIP(return, NO_CODE);
	if (number_in(UNITS) < 0 || limit < 0 || !set_number(LIMIT, limit))
		SKIP(return, NO_LIMIT);
	/* A table of 4,096 has data for 64 KiB, which is 1,024 units. */
	ASSERT_TRUE(set_number(LIMIT, settled_units() + 500));
	first = trampfd_alloc();
	ASSERT_TRUE(set_number(LIMIT, limit));
	ASSERT_TRUE(!!first);
	EXPECT_TRUE(is_fault(first));
	ASSERT_EQ(init(first, 5), 0);
	EXPECT_EQ(call(first), 5);
	/* The next table has one. */
	for (second = first; second && !is_code(second); )
		second = trampfd_alloc();
	ASSERT_TRUE(!!second);
	ASSERT_EQ(init(second, 6), 0);
	EXPECT_EQ(call(second), 6);
}

TEST_HARNESS_MAIN
