// SPDX-License-Identifier: GPL-2.0
/* Allocating, setting, calling and freeing through the library. */
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>

#include "library_util.h"
#include "sysctl.h"

#define MANY		5000

/*
 * Of many trampolines, the next one to call.  The code of all of them is one page of
 * memory, and emulators are slow to forget what they have translated of a page.
 */
static long next_to_call(long i)
{
	return i % 100 < 3 ? i + 1 : i + 100 - i % 100;
}

TEST_F(library, call)
{
	ASSERT_EQ(init(self->trampoline, 0x1234567), 0);
	EXPECT_EQ(call(self->trampoline), 0x1234567);
	ASSERT_EQ(init(self->trampoline, 77), 0);
	EXPECT_EQ(call(self->trampoline), 77);
	EXPECT_EQ(trampfd_free(self->trampoline), 0);
}

#ifdef REG_CALLEE
/* Position-independent code finds its data by its own address. */
static int pic_data = 5;
static __attribute__((noinline)) int pic_function(void)
{
	return ++*(volatile int *)&pic_data;
}

TEST_F(library, own_address)
{
	ASSERT_EQ(trampfd_init(self->trampoline, pic_function, NULL), 0);
	EXPECT_EQ(((int (*)(void))self->trampoline)(), 6);
}
#endif

TEST_F(library, reuse)
{
	void *trampoline;
	unsigned int i;

	trampfd_free(self->trampoline);
	for (i = 0; i < 3 * FIRST_TABLE; i++) {
		trampoline = trampfd_alloc();
		ASSERT_TRUE(trampoline == self->trampoline);
		ASSERT_EQ(trampfd_free(trampoline), 0);
	}
}

TEST_F(library, distinct)
{
	static void *trampolines[MANY];
	long i;

	for (i = 0; i < MANY; i++) {
		trampolines[i] = made(i);
		ASSERT_TRUE(!!trampolines[i]);
	}
	for (i = 0; i < MANY; i = next_to_call(i))
		ASSERT_EQ(call(trampolines[i]), i);
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(trampfd_free(trampolines[i]), 0);
}

/* More than there are in the largest table. */
TEST_F(library, many)
{
	const int count = 70000;
	struct trampfd_call *calls = calloc(count, sizeof(*calls));
	void **trampolines = calloc(count, sizeof(*trampolines));
	long i, round;

	ASSERT_TRUE(!!calls);
	ASSERT_TRUE(!!trampolines);
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(trampfd_alloc_many(trampolines, count), 0);
		prepare(calls, trampolines, count);
		ASSERT_EQ(trampfd_init_many(calls, count), count);
		for (i = 0; i < count; i = next_to_call(i))
			ASSERT_EQ(call(trampolines[i]), i);
		ASSERT_EQ(trampfd_free_many(trampolines, count), 0);
	}
	free(trampolines);
	free(calls);
}

TEST_F(library, none)
{
	EXPECT_EQ(trampfd_alloc_many(NULL, 0), 0);
	EXPECT_EQ(trampfd_init_many(NULL, 0), 0);
	EXPECT_EQ(trampfd_free_many(NULL, 0), 0);
	errno = 0;
	EXPECT_EQ(trampfd_init_many(NULL, UINT_MAX), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(library, bad_address)
{
	static char data[64];
	char *const good = self->trampoline;
	void *const bad[] = {
		NULL, data, good + 1, good - 1, good - 16, (void *)-16L,
		context_target,
	};
	void *two[] = { good, NULL };
	unsigned int i;

	ASSERT_EQ(init(good, 5), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		EXPECT_EQ(trampfd_free(bad[i]), -1);
		EXPECT_EQ(errno, EINVAL);
		errno = 0;
		EXPECT_EQ(init(bad[i], 6), -1);
		EXPECT_EQ(errno, EINVAL);
		errno = 0;
		two[1] = bad[i];
		EXPECT_EQ(trampfd_free_many(two, 2), -1);
		EXPECT_EQ(errno, EINVAL);
	}
	two[1] = good;
	EXPECT_EQ(trampfd_free_many(two, 2), -1);

	/* Nothing of that has freed it. */
	EXPECT_EQ(call(good), 5);
	EXPECT_TRUE(trampfd_alloc() != good);
	EXPECT_EQ(trampfd_free(good), 0);
	errno = 0;
	EXPECT_EQ(trampfd_free(good), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(init(good, 6), -1);
}

TEST_F(library, refused_target)
{
	errno = 0;
	EXPECT_EQ(trampfd_init(self->trampoline, (void *)-16L, NULL), -1);
	EXPECT_EQ(errno, EINVAL);
	ASSERT_EQ(init(self->trampoline, 8), 0);
	EXPECT_EQ(trampfd_init(self->trampoline, (void *)-16L, NULL), -1);
	EXPECT_EQ(call(self->trampoline), 8);
}

static long BY_REGISTER twice(long value)
{
	return 2 * value;
}

static long from_stack;

static void BY_REGISTER take_stack(const long *data)
{
	from_stack = data[0];
}

TEST_F(library, registers_and_stack)
{
	const struct trampfd_reg argument = {
		.name = REG_ARGUMENT, .value = 21,
	};
	struct trampfd_reg context[] = {
		{ .name = REG_CONTEXT, .value = (uintptr_t)take_stack },
#ifdef REG_CALLEE
		{ .name = REG_CALLEE, .value = (uintptr_t)stack_target },
#endif
	};
	long data[TARGET_STACK / sizeof(long)] = { 4711 };
	struct trampfd_call calls[] = {
		{
			.size = sizeof(calls[0]),
			.trampoline = self->trampoline,
			.target = TARGET_OF(twice),
			.regs = &argument, .nregs = 1,
		}, {
			.size = sizeof(calls[1]),
			.trampoline = trampfd_alloc(),
			.target = stack_target,
			.regs = context, .nregs = ARRAY_SIZE(context),
			.stack = data, .stack_size = sizeof(data),
		},
	};
#ifdef REG_CALLEE
	struct trampfd_reg regs[] = {
		argument,
		{ .name = REG_CALLEE, .value = (uintptr_t)twice },
	};

	calls[0].regs = regs;
	calls[0].nregs = ARRAY_SIZE(regs);
#endif
	ASSERT_EQ(trampfd_init_many(calls, 2), 2);
	EXPECT_EQ(((long (*)(void))calls[0].trampoline)(), 42);
	((void (*)(void))calls[1].trampoline)();
	EXPECT_EQ(from_stack, 4711);
}

/* One that the kernel refuses, or the library, among others. */
FIXTURE(partial) {
	void *trampolines[100];
	struct trampfd_call calls[100];
};

FIXTURE_VARIANT(partial) {
	struct trampfd_call bad;
	bool foreign;
};

FIXTURE_VARIANT_ADD(partial, target) {
	.bad.target = (void *)-16L,
};

static const struct trampfd_reg no_reg = { .name = 999 };

FIXTURE_VARIANT_ADD(partial, register) {
	.bad = { .target = context_target, .regs = &no_reg, .nregs = 1 },
};

FIXTURE_VARIANT_ADD(partial, registers) {
	.bad = { .target = context_target, .regs = &no_reg, .nregs = ~0U },
};

FIXTURE_VARIANT_ADD(partial, no_registers) {
	.bad = { .target = context_target, .nregs = 1 },
};

FIXTURE_VARIANT_ADD(partial, stack) {
	.bad = { .target = context_target, .stack_size = ~0U },
};

FIXTURE_VARIANT_ADD(partial, flags) {
	.bad = { .target = context_target, .flags = ~TRAMPFD_CALL_IDLE },
};

FIXTURE_VARIANT_ADD(partial, reserved) {
	.bad = { .target = context_target, .reserved = 1 },
};

FIXTURE_VARIANT_ADD(partial, other_size) {
	.bad = { .target = context_target, .size = sizeof(struct trampfd_call) - 8 },
};

FIXTURE_VARIANT_ADD(partial, address) {
	.bad.target = context_target,
	.foreign = true,
};

FIXTURE_SETUP(partial)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	ASSERT_EQ(trampfd_alloc_many(self->trampolines, 100), 0);
	prepare(self->calls, self->trampolines, 100);
	ASSERT_EQ(trampfd_init_many(self->calls, 100), 100);
}

FIXTURE_TEARDOWN(partial)
{
}

TEST_F(partial, stops)
{
	long i;

	for (i = 0; i < 100; i++)
		self->calls[i].data = (void *)(1000 + i);
	self->calls[60] = variant->bad;
	if (!variant->bad.size)
		self->calls[60].size = sizeof(self->calls[60]);
	self->calls[60].trampoline = variant->foreign ? self :
						(void *)self->trampolines[60];
	errno = 0;
	EXPECT_EQ(trampfd_init_many(self->calls, 100), 60);
	EXPECT_EQ(errno, EINVAL);
	for (i = 0; i < 100; i++)
		EXPECT_EQ(call(self->trampolines[i]), i < 60 ? 1000 + i : i);

	errno = 0;
	EXPECT_EQ(trampfd_init_many(self->calls + 60, 40), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(trampfd_init_many(self->calls + 61, 39), 39);
	EXPECT_EQ(call(self->trampolines[99]), 1099);
}

/* Programs that were compiled with a later or an earlier struct trampfd_call. */
TEST_F(partial, sizes)
{
	const unsigned int known = sizeof(struct trampfd_call), more = known + 16;
	char *calls = calloc(100, more);
	static const unsigned int bad[] = { 0, 1, sizeof(struct trampfd_call) / 2 };
	unsigned int k;
	long i;

	ASSERT_TRUE(!!calls);
	for (i = 0; i < 100; i++) {
		struct trampfd_call *c = (struct trampfd_call *)(calls + i * more);

		*c = self->calls[i];
		c->size = more;
		c->data = (void *)(2000 + i);
	}
	EXPECT_EQ(100, trampfd_init_many((struct trampfd_call *)calls, 100));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(call(self->trampolines[i]), 2000 + i);

	/* What is not known is not to be left out. */
	calls[50 * more + known + 15] = 1;
	EXPECT_EQ(50, trampfd_init_many((struct trampfd_call *)calls, 100));
	EXPECT_EQ(errno, E2BIG);
	EXPECT_EQ(-1, trampfd_init_many((struct trampfd_call *)(calls + 50 * more), 50));
	EXPECT_EQ(errno, E2BIG);
	free(calls);

	/* In the first element, and in another one. */
	for (i = 0; i < 2; i++) {
		for (k = 0; k < ARRAY_SIZE(bad); k++) {
			self->calls[i].size = bad[k];
			errno = 0;
			EXPECT_EQ(i ? 1 : -1, trampfd_init_many(self->calls, 2));
			EXPECT_EQ(errno, EINVAL);
			self->calls[i].size = known;
		}
	}
}

/* More than one system call takes, and not all of them good. */
TEST_F(library, many_calls)
{
	const int count = TRAMPFD_RECORDS_MAX + 100;
	struct trampfd_call *calls = calloc(count, sizeof(*calls));
	long i;

	ASSERT_TRUE(!!calls);
	for (i = 0; i < count; i++) {
		calls[i].size = sizeof(calls[i]);
		calls[i].trampoline = self->trampoline;
		calls[i].target = context_target;
		calls[i].data = (void *)i;
	}
	EXPECT_EQ(trampfd_init_many(calls, count), count);
	EXPECT_EQ(call(self->trampoline), count - 1);

	calls[TRAMPFD_RECORDS_MAX + 10].target = NULL;
	calls[TRAMPFD_RECORDS_MAX + 10].nregs = 1;
	errno = 0;
	EXPECT_EQ(trampfd_init_many(calls, count), TRAMPFD_RECORDS_MAX + 10);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(call(self->trampoline), TRAMPFD_RECORDS_MAX + 9);
	free(calls);
}

/*
 * So many calls with so many registers that the bytes of all registers are no
 * number of 32 bits.  One piece of memory is there many times over.
 */
TEST_F(library, huge)
{
	static struct trampfd_reg regs[TRAMPFD_REGS_MAX - 1];
	const size_t piece = 1 << 20, in_piece = piece / sizeof(struct trampfd_call);
	const size_t size = (1ULL << 32) / (TRAMPFD_REGS_MAX * sizeof(regs[0])) *
			    sizeof(struct trampfd_call);
	struct trampfd_call *calls, *bad;
	char *start, *p;
	size_t i;

	start = mmap(NULL, size + piece, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(start != MAP_FAILED);
	/* Some architectures share memory at certain addresses only. */
	start += -(uintptr_t)start % piece;
	calls = (struct trampfd_call *)start;
	bad = mmap(NULL, piece, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(bad != MAP_FAILED);
	for (i = 0; i < in_piece; i++) {
		bad[i].size = sizeof(bad[i]);
		bad[i].regs = regs;
		bad[i].nregs = ARRAY_SIZE(regs);
		calls[i] = bad[i];
		calls[i].trampoline = self->trampoline;
	}
	for (p = start + piece; p < start + size; p += piece)
		ASSERT_TRUE(mremap(bad, 0, piece, MREMAP_MAYMOVE | MREMAP_FIXED,
				   p) == p);

	/* The kernel refuses the first, as it has a register many times. */
	errno = 0;
	EXPECT_EQ(trampfd_init_many(calls, size / sizeof(*calls)), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(library, freed)
{
	static void *trampolines[LEFT_MAX + 88];
	int ended = 0;
	long i;

	for (i = 0; i < (long)ARRAY_SIZE(trampolines); i++) {
		trampolines[i] = made(i);
		ASSERT_TRUE(!!trampolines[i]);
	}
	ASSERT_EQ(trampfd_free_many(trampolines, 100), 0);
	EXPECT_EQ(call(trampolines[50]), 50);

	/* When the last ones of these go, the first ones are removed. */
	ASSERT_EQ(trampfd_free_many(trampolines + 100,
				    ARRAY_SIZE(trampolines) - 100), 0);
	for (i = 0; i < (long)ARRAY_SIZE(trampolines); i++)
		ended += end_of_call(trampolines[i]) == 128 + SIGSEGV;
	EXPECT_EQ(ended, LEFT_MAX);

	/* They are as good as before. */
	for (i = 0; i < (long)ARRAY_SIZE(trampolines); i++) {
		trampolines[i] = made(200 + i);
		ASSERT_TRUE(!!trampolines[i]);
	}
	for (i = 0; i < (long)ARRAY_SIZE(trampolines); i++)
		EXPECT_EQ(call(trampolines[i]), 200 + i);
}

/* Freed memory counts until RCU is done with it: wait for that. */
static bool units_fall_to(long most)
{
	int tenths;

	for (tenths = 0; tenths < 600 && number_in(UNITS) > most; tenths++)
		usleep(100000);
	return number_in(UNITS) <= most;
}

/* The more are freed, the less is paid for. */
TEST_F(library, quota)
{
	static void *trampolines[FIRST_TABLE - 1];
	long all, round;
	size_t i;

	if (number_in(UNITS) < 0)
		SKIP(return, "vm.trampfd_units can't be read");
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(trampolines); i++) {
			trampolines[i] = made(i);
			ASSERT_TRUE(!!trampolines[i]);
		}
		all = number_in(UNITS);
		ASSERT_EQ(trampfd_free_many(trampolines, ARRAY_SIZE(trampolines)), 0);
		EXPECT_TRUE(units_fall_to(all - FIRST_TABLE + LEFT_MAX)) {
			TH_LOG("%ld units of %ld are left", number_in(UNITS), all);
		}
	}
}

/* At the limit, freed ones of another table are removed for what is to be set. */
TEST_F(library, quota_of_freed_ones)
{
	static void *freed[LEFT_MAX - 1], *rest[FIRST_TABLE - LEFT_MAX];
	const long limit = number_in(LIMIT);
	void *others[100];
	int refused = 0;
	size_t i;

	if (number_in(UNITS) < 0 || limit < 0 || !set_number(LIMIT, limit))
		SKIP(return, NO_LIMIT);
	for (i = 0; i < ARRAY_SIZE(freed); i++) {
		freed[i] = made(i);
		ASSERT_TRUE(!!freed[i]);
	}
	ASSERT_EQ(trampfd_alloc_many(rest, ARRAY_SIZE(rest)), 0);
	ASSERT_EQ(trampfd_alloc_many(others, ARRAY_SIZE(others)), 0);
	ASSERT_EQ(init(others[0], 0), 0);
	ASSERT_EQ(trampfd_free_many(freed, ARRAY_SIZE(freed)), 0);

	ASSERT_TRUE(set_number(LIMIT, number_in(UNITS)));
	for (i = 1; i < ARRAY_SIZE(others); i++)
		refused += init(others[i], i) != 0;
	ASSERT_TRUE(set_number(LIMIT, limit));
	EXPECT_EQ(refused, 0);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		EXPECT_EQ(call(others[i]), (long)i);
}

TEST_HARNESS_MAIN
