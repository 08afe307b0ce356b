// SPDX-License-Identifier: GPL-2.0
/* Allocating, setting, calling and freeing through the library. */
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "../../../../samples/trampfd/strict_wx.h"
#include "filter.h"
#include "sysctl.h"
#include "util.h"

/* The size of the library's first table. */
#define FIRST_TABLE	4096U
/* The size of its part with fault entries, and the largest page of any architecture. */
#define FIRST_SIZE	65536UL
#define MANY		5000

/*
 * Of many trampolines, the next one to call.  The code of all of them is one page of
 * memory, and emulators are slow to forget what they have translated of a page.
 */
static long next_to_call(long i)
{
	return i % 100 < 3 ? i + 1 : i + 100 - i % 100;
}

static int init(void *trampoline, long data)
{
	return trampfd_init(trampoline, context_target, (void *)data);
}

/* A trampoline that is set; NULL if that is not possible. */
static void *made(long data)
{
	void *trampoline = trampfd_alloc();

	if (trampoline && init(trampoline, data)) {
		trampfd_free(trampoline);
		return NULL;
	}
	return trampoline;
}

/* In a child: end with the number of the line that is not as it should be. */
#define CHECK(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "# %s:%d: %s: errno %d\n",	\
				__FILE__, __LINE__, #condition, errno);	\
			_exit(1);					\
		}							\
	} while (0)

FIXTURE(library) {
	void *trampoline;
};

FIXTURE_SETUP(library)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	self->trampoline = trampfd_alloc();
	ASSERT_TRUE(!!self->trampoline);
}

FIXTURE_TEARDOWN(library)
{
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

static void prepare(struct trampfd_call *calls, void **trampolines,
		    unsigned int count)
{
	unsigned int i;

	memset(calls, 0, count * sizeof(*calls));
	for (i = 0; i < count; i++) {
		calls[i].size = sizeof(calls[i]);
		calls[i].trampoline = trampolines[i];
		calls[i].target = context_target;
		calls[i].data = (void *)(long)i;
	}
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

/* The library's LEFT_MAX: as many freed ones of a table may still be set. */
#define LEFT_MAX	512

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

/*
 * Threads.
 */

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

/*
 * Fork.
 */

struct segment {
	uintptr_t address;
	uintptr_t bias;
	bool found;
	bool writable;
};

/* Find the loaded segment that an address is in. */
static int in_segment(struct dl_phdr_info *info, size_t size, void *data)
{
	struct segment *s = data;
	uintptr_t start;
	unsigned int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];

		start = info->dlpi_addr + phdr->p_vaddr;
		if (phdr->p_type != PT_LOAD ||
		    s->address - start >= phdr->p_memsz)
			continue;
		s->bias = info->dlpi_addr;
		s->found = true;
		s->writable = phdr->p_flags & PF_W;
		return 1;
	}
	return 0;
}

static struct segment segment_of(const void *trampoline)
{
	struct segment s = { .address = (uintptr_t)trampoline };

	dl_iterate_phdr(in_segment, &s);
	return s;
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

/* Fill the first table, so that the next trampoline needs another one. */
static bool fill_table(void)
{
	static void *rest[FIRST_TABLE - 1];

	return !trampfd_alloc_many(rest, ARRAY_SIZE(rest));
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

/*
 * Refusal.
 */

/*
 * A system call that only the C library makes, wherever it needs the thread's
 * own data: errno, or who holds a mutex.
 */
#ifdef __m68k__
#define NR_THREAD_POINTER	__NR_get_thread_area
#else
#define NR_THREAD_POINTER	-1
#endif

/* From now on every other system call than write and exit ends the process. */
static bool allow_none(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_THREAD_POINTER, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_write, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};

	return filter(insns, ARRAY_SIZE(insns));
}

FIXTURE(refused) {
};

FIXTURE_VARIANT(refused) {
	unsigned int nr;
	int error;
};

FIXTURE_VARIANT_ADD(refused, ENOSYS) {
	.nr = __NR_trampfd_create,
	.error = ENOSYS,
};

FIXTURE_VARIANT_ADD(refused, EPERM) {
	.nr = __NR_trampfd_create,
	.error = EPERM,
};

FIXTURE_VARIANT_ADD(refused, EACCES) {
	.nr = __NR_trampfd_create,
	.error = EACCES,
};

FIXTURE_VARIANT_ADD(refused, EOPNOTSUPP) {
	.nr = __NR_trampfd_create,
	.error = EOPNOTSUPP,
};

/* If the trampolines could not be set, having them would be of no use. */
FIXTURE_VARIANT_ADD(refused, control) {
	.nr = __NR_trampfd_control,
	.error = EACCES,
};

FIXTURE_SETUP(refused)
{
	if (variant->nr == __NR_trampfd_control && !trampfd_present())
		SKIP(return, NO_TRAMPFD);
}

FIXTURE_TEARDOWN(refused)
{
}

TEST_F(refused, remembered)
{
	void *trampolines[10];
	unsigned int i;

	ASSERT_TRUE(refuse(variant->nr, variant->error));
	errno = 0;
	ASSERT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, variant->error);

	ASSERT_TRUE(allow_none());
	for (i = 0; i < 1000; i++) {
		errno = 0;
		if (trampfd_alloc() || errno != variant->error)
			_exit(KSFT_FAIL);
		errno = 0;
		if (trampfd_alloc_many(trampolines, 10) != -1 ||
		    errno != variant->error)
			_exit(KSFT_FAIL);
	}
	_exit(KSFT_PASS);
}

TEST_F(library, refused_later)
{
	static void *rest[FIRST_TABLE - 1];
	void *again;

	/* What there is goes on. */
	ASSERT_TRUE(refuse(__NR_trampfd_create, EPERM));
	ASSERT_EQ(trampfd_alloc_many(rest, ARRAY_SIZE(rest)), 0);
	ASSERT_EQ(init(rest[5], 5), 0);
	errno = 0;
	ASSERT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, EPERM);
	ASSERT_EQ(trampfd_free(rest[7]), 0);
	again = made(70);
	ASSERT_TRUE(!!again);
	EXPECT_EQ(call(again), 70);
	EXPECT_EQ(call(rest[5]), 5);
}

/* What is set goes on, nothing else can be set, and nothing is lost. */
TEST_F(library, setting_refused_later)
{
	static void *trampolines[2 * LEFT_MAX];
	unsigned int i;

	ASSERT_EQ(init(self->trampoline, 1), 0);
	for (i = 0; i < ARRAY_SIZE(trampolines); i++) {
		trampolines[i] = made(2);
		ASSERT_TRUE(!!trampolines[i]);
	}
	ASSERT_TRUE(refuse(__NR_trampfd_control, EPERM));
	errno = 0;
	EXPECT_EQ(init(self->trampoline, 3), -1);
	EXPECT_EQ(errno, EPERM);
	EXPECT_EQ(call(self->trampoline), 1);
	errno = 4711;
	EXPECT_EQ(trampfd_free_many(trampolines, ARRAY_SIZE(trampolines)), 0);
	EXPECT_EQ(errno, 4711);
	/* They could not be removed. */
	EXPECT_EQ(call(trampolines[0]), 2);
	EXPECT_EQ(trampfd_alloc_many(trampolines, ARRAY_SIZE(trampolines)), 0);
	EXPECT_EQ(trampfd_free_many(trampolines, ARRAY_SIZE(trampolines)), 0);
}

FIXTURE(switched_off) {
};

FIXTURE_SETUP(switched_off)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (!set_number(ENABLED, 0))
		SKIP(return, NO_ENABLED);
}

FIXTURE_TEARDOWN(switched_off)
{
	set_number(ENABLED, 1);
}

TEST_F(switched_off, remembered)
{
	errno = 0;
	EXPECT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, EPERM);
	ASSERT_TRUE(set_number(ENABLED, 1));
	errno = 0;
	EXPECT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, EPERM);
}

TEST(too_many_files)
{
	struct rlimit limit, none;
	void *trampoline;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	errno = 0;
	EXPECT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, EMFILE);
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	trampoline = made(3);
	ASSERT_TRUE(!!trampoline);
	EXPECT_EQ(call(trampoline), 3);
}

/*
 * Descriptors.
 */

/* The library keeps none, so nothing that a program does with them concerns it. */
TEST_F(library, no_descriptor)
{
	struct trampfd_attr attr = { .ntrampolines = 1 };
	int fd;

	EXPECT_EQ(trampfd_descriptors(), 0);
	ASSERT_TRUE(fill_table());
	ASSERT_TRUE(!!made(2));		/* in a new table */
	EXPECT_EQ(trampfd_descriptors(), 0);
	/* One would be seen. */
	fd = syscall(__NR_trampfd_create, &attr, sizeof(attr), 0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(trampfd_descriptors(), 1);
	close(fd);
}

/* As daemons do, which then get the numbers again. */
TEST_F(library, descriptors_closed)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		struct trampfd_attr attr = { .ntrampolines = 64 };
		void *trampoline = made(1);
		int fd;

		for (fd = STDERR_FILENO + 1; fd < 1024; fd++)
			close(fd);
		/* The program's own table. */
		CHECK(syscall(__NR_trampfd_create, &attr, sizeof(attr), 0) >= 0);
		CHECK(call(trampoline) == 1);
		CHECK(init(trampoline, 2) == 0);
		CHECK(call(trampoline) == 2);
		CHECK(trampfd_free(trampoline) == 0);
		CHECK(fill_table());
		trampoline = made(3);	/* in a new table */
		CHECK(trampoline && call(trampoline) == 3);
		_exit(0);
	}
	EXPECT_EQ(status_of(pid), 0);
}

/* What there is can be used; only a new table takes a descriptor for a moment. */
TEST_F(library, no_descriptor_to_be_had)
{
	struct rlimit limit, none;
	void *trampoline;

	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	trampoline = made(1);
	EXPECT_TRUE(trampoline && call(trampoline) == 1);
	EXPECT_EQ(init(self->trampoline, 2), 0);
	EXPECT_EQ(call(self->trampoline), 2);
	EXPECT_EQ(trampfd_free(trampoline), 0);
	EXPECT_TRUE(fill_table());
	errno = 0;
	EXPECT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, EMFILE);
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	EXPECT_TRUE(!!made(3));
}

/* A thread with descriptors of its own makes a table, and all use it. */
static void *make_with_own_descriptors(void *trampolines)
{
	void **made_here = trampolines;

	if (unshare(CLONE_FILES) || !fill_table())
		return "no descriptors of its own";
	made_here[0] = made(1);
	made_here[1] = made(2);
	return made_here[0] && made_here[1] ? NULL : "not made";
}

TEST_F(library, thread_with_own_descriptors)
{
	void *trampolines[2], *wrong;
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, make_with_own_descriptors,
				 trampolines), 0);
	ASSERT_EQ(pthread_join(thread, &wrong), 0);
	ASSERT_TRUE(!wrong);
	EXPECT_EQ(init(trampolines[0], 3), 0);
	EXPECT_EQ(call(trampolines[0]), 3);
	EXPECT_EQ(call(trampolines[1]), 2);
	EXPECT_EQ(trampfd_free(trampolines[1]), 0);
	EXPECT_EQ(init(trampfd_alloc(), 4), 0);
}

/* A part of a table goes; with the page of the first number, its address does. */
/*
 * With fault entries, as where the kernel has no code entries.
 */

/* The first table decides.  Only mappings of code entries are sealed, and not in the room. */
static int alloc_fault_entries(void **trampolines, unsigned int count)
{
	int ret;

	if (!set_number(ENABLED, 2))
		return -1;
	ret = trampfd_alloc_many(trampolines, count);
	if (!set_number(ENABLED, 1))
		return -1;
	return ret || trampfd_pool_has_code(NULL);
}

FIXTURE(fault) {
	void *trampoline;
};

FIXTURE_SETUP(fault)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (alloc_fault_entries(&self->trampoline, 1))
		SKIP(return, NO_ENABLED);
}

FIXTURE_TEARDOWN(fault)
{
}

TEST_F(fault, unmapped)
{
	const size_t page = getpagesize();
	char *start = (char *)((uintptr_t)self->trampoline & -page);

	ASSERT_EQ(init(self->trampoline, 1), 0);
	ASSERT_EQ(munmap(start, page), 0);
	EXPECT_EQ(end_of_call(self->trampoline), 128 + SIGSEGV);
	/* The rest of the table is still there, if it has more than a page. */
	if (page < FIRST_SIZE)
		EXPECT_EQ(init(self->trampoline, 2), 0);
	ASSERT_EQ(munmap(start + page - FIRST_SIZE, FIRST_SIZE), 0);
	errno = 0;
	EXPECT_EQ(init(self->trampoline, 2), -1);
	EXPECT_EQ(errno, ENXIO);
}

/*
 * Where the first table is: in the program's or the library's own image, for
 * unwinders to find its unwind table without its being registered.
 */

/* What is wrong with the first table's place, of which one trampoline is given. */
static const char *wrong_room(void *trampoline)
{
	static void *rest[FIRST_TABLE - 1];
	uintptr_t first = (uintptr_t)trampoline;
	struct segment s = segment_of(trampoline);
	unsigned int i;

	if (!s.found)
		return "not in an image";
	if (s.writable)
		return "garbage collectors read what is writable";
	if (trampfd_alloc_many(rest, ARRAY_SIZE(rest)))
		return "no more trampolines";
	for (i = 0; i < ARRAY_SIZE(rest); i++) {
		s = segment_of(rest[i]);
		if (!s.found)
			return "another one is not in an image";
		if ((uintptr_t)rest[i] < first)
			first = (uintptr_t)rest[i];
	}
	if ((first - s.bias) % FIRST_SIZE)
		return "not aligned to all pages";
	if (segment_of(trampfd_alloc()).found)
		return "the next table is in an image, too";
	return "right";
}

TEST_F(library, room)
{
	EXPECT_STREQ(wrong_room(self->trampoline), "right");
}

TEST_F(fault, room)
{
	EXPECT_STREQ(wrong_room(self->trampoline), "right");
}

/* A table of code entries for more than the room holds leaves it as it is. */
TEST(no_room)
{
	static void *trampolines[4 * FIRST_TABLE];

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	ASSERT_EQ(trampfd_alloc_many(trampolines, ARRAY_SIZE(trampolines)), 0);
	EXPECT_EQ(segment_of(trampolines[0]).found, trampfd_pool_has_code(NULL) != 1);
	ASSERT_EQ(init(trampolines[0], 6), 0);
	EXPECT_EQ(call(trampolines[0]), 6);
}

/*
 * s390x' only system call has a pointer to its arguments, which a filter can't
 * see, and m68k's kernel shows a filter each argument as the next one.
 */
#if !defined(__s390x__) && !defined(__m68k__)
#ifdef __NR_mmap2
#define NR_MMAP	__NR_mmap2
#else
#define NR_MMAP	__NR_mmap
#endif

/* Where a 64-bit argument has its low half, which is all of an int. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_HALF	4
#else
#define LOW_HALF	0
#endif

/* Refuse to map a file at a place where something else is. */
static bool refuse_fixed(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_MMAP, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[3]) + LOW_HALF),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_FIXED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return filter(insns, ARRAY_SIZE(insns));
}

TEST(room_refused)
{
	void *trampoline;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	ASSERT_TRUE(refuse_fixed());
	trampoline = made(5);
	ASSERT_TRUE(!!trampoline);
	EXPECT_EQ(call(trampoline), 5);
	EXPECT_FALSE(segment_of(trampoline).found);
}
#endif

/*
 * A filter that another thread has, as if the descriptor had been closed meanwhile, or
 * as if making one had been done: what it answers is not remembered.
 */

struct answers {
	bool (*filter)(void);
	int error;
};

static bool lie_about_create(void)
{
	return refuse(__NR_trampfd_create, 0);
}

/* NULL if all was right. */
static void *alloc_with_filter(void *arg)
{
	const struct answers *answers = arg;

	if (!answers->filter())
		return "no filter";
	errno = 0;
	if (trampfd_alloc())
		return "a trampoline";
	return errno == answers->error ? NULL : "another error";
}

#ifdef NR_MMAP
static bool refuse_files(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_MMAP, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[3]) + LOW_HALF),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EBADF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return filter(insns, ARRAY_SIZE(insns));
}
#endif

static const char *passing_answer(const struct answers *answers)
{
	pthread_t thread;
	void *wrong;

	if (pthread_create(&thread, NULL, alloc_with_filter, (void *)answers) ||
	    pthread_join(thread, &wrong))
		return "no thread";
	return wrong;
}

TEST(passing_answers)
{
	const struct answers lie = { lie_about_create, EIO };
#ifdef NR_MMAP
	const struct answers closed = { refuse_files, EBADF };
#endif
	void *trampoline;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	EXPECT_STREQ(passing_answer(&lie) ?: "right", "right");
	/* What is not a descriptor of the library's stays open. */
	EXPECT_NE(fcntl(STDIN_FILENO, F_GETFD), -1);
#ifdef NR_MMAP
	EXPECT_STREQ(passing_answer(&closed) ?: "right", "right");
#endif
	trampoline = made(6);
	ASSERT_TRUE(!!trampoline);
	EXPECT_EQ(call(trampoline), 6);
}

/*
 * System calls.
 */

#define MARKS	10

#define NOT_A_CALL	(-1L)
#define NOT_KNOWN	(-2L)

/* Which system call begins at a stop, of which there were some before. */
static long call_at_stop(pid_t pid, unsigned int stops)
{
#ifdef __m68k__
	/*
	 * The kernel has no PTRACE_GET_SYSCALL_INFO, so that every other stop is
	 * the end of a call.  asm/ptrace.h has the number's place as PT_ORIG_D0,
	 * and clashes with sys/ptrace.h.
	 */
	long place = 4 * 16;

	return stops % 2 ? NOT_A_CALL : ptrace(PTRACE_PEEKUSER, pid, place, 0);
#else
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return NOT_KNOWN;
	return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)info.entry.nr :
						      NOT_A_CALL;
#endif
}

/* Count a child's system calls between its calls of getppid(). */
static bool count_calls(pid_t pid, unsigned int *counts)
{
	unsigned int mark = 0, stops = 0;
	int status;
	long nr;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD |
		   PTRACE_O_EXITKILL))
		return false;
	memset(counts, 0, MARKS * sizeof(*counts));
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) ||
		    waitpid(pid, &status, 0) != pid)
			return false;
		if (WIFEXITED(status))
			return !WEXITSTATUS(status);
		if (!WIFSTOPPED(status))
			return false;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		nr = call_at_stop(pid, stops++);
		if (nr == NOT_KNOWN)
			return false;
		if (nr == NOT_A_CALL || nr == NR_THREAD_POINTER)
			continue;
		if (nr == __NR_getppid)
			mark++;
		else if (mark < MARKS)
			counts[mark]++;
	}
}

#define MARK()	syscall(__NR_getppid)

static void child_to_count(void)
{
	static struct trampfd_call calls[600];
	static void *trampolines[600];
	void *first = made(0);
	long i;

	CHECK(first);
	CHECK(trampfd_alloc_many(trampolines, 500) == 0);
	prepare(calls, trampolines, 500);
	CHECK(trampfd_init_many(calls, 500) == 500);
	CHECK(trampfd_free_many(trampolines, 500) == 0);
	CHECK(!ptrace(PTRACE_TRACEME, 0, 0, 0));
	raise(SIGSTOP);

	MARK();				/* 1: none */
	for (i = 0; i < 500; i++)
		trampolines[i] = trampfd_alloc();
	MARK();				/* 2: one each */
	for (i = 0; i < 500; i++)
		CHECK(init(trampolines[i], i) == 0);
	MARK();				/* 3: none */
	for (i = 0; i < 500; i++)
		CHECK(trampfd_free(trampolines[i]) == 0);
	MARK();				/* 4: none */
	CHECK(trampfd_alloc_many(trampolines, 500) == 0);
	prepare(calls, trampolines, 500);
	MARK();				/* 5: one */
	CHECK(trampfd_init_many(calls, 500) == 500);
	MARK();				/* 6: none */
	for (i = 0; i < 500; i++)
		CHECK(call(trampolines[i]) == i);
	CHECK(trampfd_free_many(trampolines, 500) == 0);
	MARK();				/* 7: one */
	CHECK(init(first, 1) == 0);
	CHECK(trampfd_alloc_many(trampolines, 600) == 0);
	prepare(calls, trampolines, 600);
	MARK();				/* 8: one */
	CHECK(trampfd_init_many(calls, 600) == 600);
	MARK();				/* 9: one, for 512 of them */
	CHECK(trampfd_free_many(trampolines, 600) == 0);
	MARK();
	_exit(0);
}

TEST(system_calls)
{
	static const unsigned int most[MARKS] = { ~0U, 0, 500, 0, 0, 1, 0, 1, 1, 1 };
	unsigned int counts[MARKS];
	unsigned int i;
	pid_t pid;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	pid = fork();
	if (!pid)
		child_to_count();
	ASSERT_GT(pid, 0);
	ASSERT_TRUE(count_calls(pid, counts));
	for (i = 1; i < MARKS; i++)
		EXPECT_EQ(counts[i], most[i])
			TH_LOG("part %u", i);
}

#ifdef __mips__
/* Some shared C libraries of this architecture ask for an executable stack. */
static bool stack_executable(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	bool executable = false;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "[stack]") && strstr(line, "rwx"))
			executable = true;
	if (maps)
		fclose(maps);
	return executable;
}
#endif

TEST_F(library, strict_wx)
{
	void *trampoline;
	pid_t pid;

#ifdef __mips__
	if (stack_executable())
		SKIP(return, "the C library asks for an executable stack");
#endif

	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* It tells what it does, which is not for the results. */
		CHECK(freopen("/dev/null", "w", stdout));
		strict_wx();
		CHECK(init(self->trampoline, 1) == 0);
		CHECK(call(self->trampoline) == 1);
		CHECK(fill_table());
		trampoline = made(2);	/* in a new table */
		CHECK(trampoline);
		CHECK(call(trampoline) == 2);
		_exit(strict_wx_proof(trampoline));
	}
	EXPECT_EQ(status_of(pid), 0);
}

TEST_HARNESS_MAIN
