// SPDX-License-Identifier: GPL-2.0
/* Pools of trampolines of a program's own: registers, targets, and their end. */
#include <signal.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "entries.h"
#include "util.h"

/* Returns what it gets. */
static long BY_REGISTER other_target(long argument)
{
	return argument;
}

/*
 * Pools of a program's own.
 */

FIXTURE(pool) {
	struct trampfd_pool_attr attr;
	struct trampfd_pool *pool;
};

FIXTURE_VARIANT(pool) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(pool, sealed) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(pool, not_sealed) {
	.flags = TRAMPFD_POOL_NO_SEAL,
};

FIXTURE_VARIANT_ADD(pool, fault) {
	.flags = TRAMPFD_POOL_NO_CODE,
};

/* What the code entries load. */
static const uint32_t shape[] = { REG_ARGUMENT };

FIXTURE_SETUP(pool)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	self->attr.size = sizeof(self->attr);
	self->attr.flags = variant->flags;
	self->attr.shape = shape;
	self->attr.shape_nregs = 1;
	self->pool = trampfd_pool_create(&self->attr);
	ASSERT_TRUE(!!self->pool);
}

FIXTURE_TEARDOWN(pool)
{
	trampfd_pool_destroy(self->pool);
}

/* Set it to call a target with one argument. */
static int set_target(void *trampoline, void *target, long value)
{
	const struct trampfd_reg regs[] = {
		{ .name = REG_ARGUMENT, .value = (unsigned long)value },
#ifdef __m68k__
		{ .name = REG_CALLEE, .value = (uintptr_t)other_target },
#endif
	};
	const struct trampfd_call call = {
		.size = sizeof(call), .trampoline = trampoline, .target = target,
		.regs = regs, .nregs = ARRAY_SIZE(regs),
	};

	return trampfd_init_many(&call, 1) == 1 ? 0 : -1;
}

/* The same of a function of C that returns it. */
static int set_argument(void *trampoline, long value)
{
	return set_target(trampoline, TARGET_OF(other_target), value);
}

TEST_F(pool, call)
{
	const bool code = stride_of(shape, 1) && !(variant->flags & TRAMPFD_POOL_NO_CODE);
	void *trampoline;

	ASSERT_EQ(trampfd_pool_alloc(self->pool, &trampoline, 1), 0);
	EXPECT_EQ(trampfd_pool_has_code(self->pool), code);
	EXPECT_TRUE(code ? is_code(trampoline) : is_fault(trampoline));
	ASSERT_EQ(set_argument(trampoline, 1234), 0);
	EXPECT_EQ(call(trampoline), 1234);
	if (code)
		EXPECT_TRUE(is_fast_in(trampoline, shape, 1));
	ASSERT_EQ(set_argument(trampoline, 4321), 0);
	EXPECT_EQ(call(trampoline), 4321);
	EXPECT_EQ(trampfd_free(trampoline), 0);
}

/* It is the register by which code entries jump, so it has the target. */
TEST_F(pool, target_register)
{
#if defined(__x86_64__) || defined(__i386__) || defined(__arm__) || defined(__m68k__)
	SKIP(return, "code jumps through no register here");
#else
	struct trampfd_record record;
	struct trampfd_reg regs[8];
	void *trampoline;
	unsigned int i;

	if (!(variant->flags & TRAMPFD_POOL_NO_CODE))
		SKIP(return, "fault entries are meant, as code has it by itself");
	ASSERT_EQ(trampfd_pool_alloc(self->pool, &trampoline, 1), 0);
	ASSERT_EQ(set_argument(trampoline, 5), 0);
	ASSERT_EQ(call(trampoline), 5);
	ASSERT_EQ(get(trampoline, shape, 1, regs, &record), 1);
	ASSERT_EQ(record.nregs, 3U);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(regs[i].value, regs[i].name == REG_ARGUMENT ? 5 :
			  (unsigned long)other_target);
#endif
}

/* Freed trampolines are the pool's again, and no other's. */
TEST_F(pool, own)
{
	void *one, *other = trampfd_alloc();

	ASSERT_TRUE(!!other);
	ASSERT_EQ(trampfd_pool_alloc(self->pool, &one, 1), 0);
	ASSERT_EQ(trampfd_free(one), 0);
	EXPECT_FALSE(trampfd_alloc() == one);
	ASSERT_EQ(trampfd_free(other), 0);
	ASSERT_EQ(trampfd_pool_alloc(self->pool, &other, 1), 0);
	EXPECT_TRUE(other == one);
}

/* The pool's records have to have its shape. */
TEST_F(pool, without_the_shape)
{
	const struct trampfd_reg none = { };
	struct trampfd_call call_it = {
		.size = sizeof(call_it), .target = context_target, .regs = &none,
	};

	ASSERT_EQ(trampfd_pool_alloc(self->pool, &call_it.trampoline, 1), 0);
	errno = 0;
	EXPECT_EQ(trampfd_init_many(&call_it, 1), -1);
	EXPECT_EQ(errno, EINVAL);
	/* It has the context register, which on m68k is the same. */
#ifndef __m68k__
	errno = 0;
	EXPECT_EQ(trampfd_init(call_it.trampoline, context_target, NULL), -1);
	EXPECT_EQ(errno, EINVAL);
#endif
}

/* More than a table has, again and again: what was freed is used again. */
TEST_F(pool, many)
{
	const unsigned int count = 40000;
	void **trampolines = calloc(count, sizeof(*trampolines));
	int round, before = 0;

	ASSERT_TRUE(!!trampolines);
	for (round = 0; round < 4; round++) {
		ASSERT_EQ(trampfd_pool_alloc(self->pool, trampolines, count), 0);
		ASSERT_EQ(trampfd_free_many(trampolines, count), 0);
		if (!round)
			before = mappings("");
	}
	EXPECT_EQ(before, mappings(""));
	free(trampolines);
}

#ifndef __NR_mseal
#define __NR_mseal	462
#endif

/* Whether the kernel seals mappings of this program. */
static bool seals(void)
{
	const size_t page = getpagesize();
	void *p = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED && !syscall(__NR_mseal, p, page, 0);
}

/* The mappings can't be taken away, where there is code that would load from them. */
TEST_F(pool, seal)
{
	const size_t page = getpagesize();
	void *trampoline;
	int offset, sealed;
	char *addr;

	ASSERT_EQ(trampfd_pool_alloc(self->pool, &trampoline, 1), 0);
	if (trampfd_pool_has_code(self->pool) != 1)
		SKIP(return, "no code entries");
	sealed = !(variant->flags & TRAMPFD_POOL_NO_SEAL) && seals() ? -1 : 0;
	addr = (char *)((uintptr_t)trampoline & -page);
	for (offset = -0x100000; offset <= 0x100000; offset += 0x100000) {
		errno = 0;
		EXPECT_EQ(munmap(addr + offset, page), sealed);
		EXPECT_EQ(errno, sealed ? EPERM : 0);
	}
}

/* Many pools, one after another: no more is left than one of them takes. */
TEST_F(pool, destroyed)
{
	void *trampolines[100];
	int i, before = 0;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(trampfd_pool_alloc(self->pool, trampolines, 100), 0);
		ASSERT_EQ(set_argument(trampolines[i], i), 0);
		ASSERT_EQ(call(trampolines[i]), i);
		trampfd_pool_destroy(self->pool);
		EXPECT_EQ(end_of_call(trampolines[i]), 128 + SIGSEGV);
		errno = 0;
		EXPECT_EQ(trampfd_free(trampolines[i]), -1);
		EXPECT_EQ(errno, EINVAL);
		if (!i)
			before = mappings("");
		self->pool = trampfd_pool_create(&self->attr);
		ASSERT_TRUE(!!self->pool);
	}
	/* The memory allocator may take some. */
	EXPECT_GE(before + 2, mappings(""));
}

/* Two at the same time have nothing in common. */
TEST_F(pool, two)
{
	struct trampfd_pool *second = trampfd_pool_create(&self->attr);
	void *one, *two;

	ASSERT_TRUE(!!second);
	EXPECT_FALSE(second == self->pool);
	ASSERT_EQ(trampfd_pool_alloc(self->pool, &one, 1), 0);
	ASSERT_EQ(trampfd_pool_alloc(second, &two, 1), 0);
	ASSERT_EQ(set_argument(one, 1), 0);
	ASSERT_EQ(set_argument(two, 2), 0);
	trampfd_pool_destroy(second);
	EXPECT_EQ(call(one), 1);
}

/* A child has its own copy, and destroys only that. */
TEST_F(pool, fork)
{
	void *trampoline, *more;
	pid_t pid;

	ASSERT_EQ(trampfd_pool_alloc(self->pool, &trampoline, 1), 0);
	ASSERT_EQ(set_argument(trampoline, 7), 0);
	pid = fork();
	if (!pid) {
		if (call(trampoline) != 7 || set_argument(trampoline, 8) ||
		    call(trampoline) != 8 ||
		    trampfd_pool_alloc(self->pool, &more, 1) || set_argument(more, 9) ||
		    call(more) != 9)
			_exit(1);
		trampfd_pool_destroy(self->pool);
		_exit(0);
	}
	EXPECT_EQ(status_of(pid), 0);
	EXPECT_EQ(call(trampoline), 7);
}

/* Nothing but what the pool allows is a target. */
TEST_F(pool, targets)
{
	void *const pcs[] = { TARGET_OF(other_target), getppid };
	struct trampfd_pool *pool;
	void *trampoline;

	self->attr.pcs = pcs;
	self->attr.npcs = ARRAY_SIZE(pcs);
	pool = trampfd_pool_create(&self->attr);
	ASSERT_TRUE(!!pool);
	ASSERT_EQ(trampfd_pool_alloc(pool, &trampoline, 1), 0);
	ASSERT_EQ(set_argument(trampoline, 3), 0);
	EXPECT_EQ(call(trampoline), 3);
	errno = 0;
	EXPECT_EQ(set_target(trampoline, getpid, 4), -1);
	EXPECT_EQ(errno, EPERM);
	EXPECT_EQ(call(trampoline), 3);
	trampfd_pool_destroy(pool);
}

#ifdef TRAMPFD_ARG
/* Numbers in the order that the data tells. */
struct order {
	int sign;
	int calls;
};

static int compare(const void *a, const void *b, struct order *order)
{
	order->calls++;
	return (*(const int *)a - *(const int *)b) * order->sign;
}

/* The example of the manual: a closure without assembly. */
TEST(argument)
{
	static const uint32_t third[] = { TRAMPFD_ARG(2) };
	const struct trampfd_pool_attr attr = {
		.size = sizeof(attr), .shape = third, .shape_nregs = 1,
	};
	struct order order = { .sign = -1 };
	const struct trampfd_reg data = {
		.name = TRAMPFD_ARG(2), .value = (uintptr_t)&order,
	};
	struct trampfd_call call_it = {
		.size = sizeof(call_it), .target = compare, .regs = &data, .nregs = 1,
	};
	int numbers[] = { 3, 1, 4, 1, 5, 9, 2, 6 }, i;
	struct trampfd_pool *pool;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	pool = trampfd_pool_create(&attr);
	ASSERT_TRUE(!!pool);
	ASSERT_EQ(trampfd_pool_alloc(pool, &call_it.trampoline, 1), 0);
	ASSERT_EQ(trampfd_init_many(&call_it, 1), 1);
	qsort(numbers, 8, sizeof(*numbers),
	      (int (*)(const void *, const void *))call_it.trampoline);
	EXPECT_LT(7, order.calls);
	for (i = 1; i < 8; i++)
		EXPECT_GE(numbers[i - 1], numbers[i]);
}
#endif

/*
 * Wrong attributes.
 */

FIXTURE(wrong) {
};

FIXTURE_VARIANT(wrong) {
	struct trampfd_pool_attr attr;
	int error;
};

static const uint32_t twice[] = { REG_CONTEXT, REG_CONTEXT };
static const uint32_t pc[] = { REG_PC };

FIXTURE_VARIANT_ADD(wrong, no_size) {
	.attr = { .size = 0 }, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(wrong, small) {
	.attr = { .size = sizeof(struct trampfd_pool_attr) - 1 }, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(wrong, flags) {
	.attr = { .size = sizeof(struct trampfd_pool_attr), .flags = 0x4 },
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(wrong, register_twice) {
	.attr = {
		.size = sizeof(struct trampfd_pool_attr),
		.shape = twice, .shape_nregs = 2,
	},
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(wrong, pc) {
	.attr = {
		.size = sizeof(struct trampfd_pool_attr), .shape = pc, .shape_nregs = 1,
	},
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(wrong, no_shape) {
	.attr = { .size = sizeof(struct trampfd_pool_attr), .shape_nregs = 1 },
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(wrong, large_shape) {
	.attr = {
		.size = sizeof(struct trampfd_pool_attr),
		.shape = twice, .shape_nregs = 4,
	},
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(wrong, no_targets) {
	.attr = { .size = sizeof(struct trampfd_pool_attr), .npcs = 1 },
	.error = EINVAL,
};

FIXTURE_SETUP(wrong)
{
}

FIXTURE_TEARDOWN(wrong)
{
}

TEST_F(wrong, attr)
{
	errno = 0;
	EXPECT_TRUE(!trampfd_pool_create(&variant->attr));
	EXPECT_EQ(errno, variant->error);
}

/* A program that was compiled with a later structure. */
TEST(later_attr)
{
	struct {
		struct trampfd_pool_attr known;
		uint32_t more;
	} attr = { .known.size = sizeof(attr) };
	struct trampfd_pool *pool;

	attr.more = 1;
	errno = 0;
	EXPECT_TRUE(!trampfd_pool_create(&attr.known));
	EXPECT_EQ(errno, E2BIG);
	memset(&attr, 0, sizeof(attr));
	attr.known.size = sizeof(attr);
	pool = trampfd_pool_create(&attr.known);
	EXPECT_TRUE(!!pool);
	trampfd_pool_destroy(pool);
	trampfd_pool_destroy(NULL);
}

TEST_HARNESS_MAIN
