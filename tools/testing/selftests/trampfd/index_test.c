// SPDX-License-Identifier: GPL-2.0
/* Many mappings, large tables, and any distance between them: each call finds its own. */
#include <sched.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "limits_util.h"

FIXTURE(large) {};

FIXTURE_SETUP(large)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
}

FIXTURE_TEARDOWN(large)
{
}

TEST_F(large, greatest_table)
{
	const unsigned int n = TRAMPFD_TRAMPOLINES_MAX;
	struct table t;
	unsigned int i;

	ASSERT_EQ(0, table_open(&t, n, 0));
	ASSERT_LE((uint64_t)n * t.attr.stride, t.attr.map_size);
	for (i = 0; i < n; i = i * 2 + 1)
		EXPECT_EQ(1, set_value(t.fd, i, i + 1));
	EXPECT_EQ(1, set_value(t.fd, n - 1, n));
	for (i = 0; i < n; i = i * 2 + 1) {
		EXPECT_TRUE(gives(table_entry(&t, i), i + 1));
		if (i && i + 1 < n)
			EXPECT_TRUE(is_plain(table_entry(&t, i + 1)));
	}
	EXPECT_TRUE(gives(table_entry(&t, n - 1), n));
	EXPECT_EQ(-EINVAL, set_value(t.fd, n, 1));
	table_close(&t);
}

TEST_F(large, as_many_as_a_call_takes)
{
	const unsigned int n = TRAMPFD_RECORDS_MAX;
	struct table t;
	unsigned int i;

	ASSERT_EQ(0, table_open(&t, n, 0));
	ASSERT_EQ((int)n, set_values(t.fd, 0, n, 70000));
	for (i = 0; i < n; i += 127)
		ASSERT_TRUE(gives(table_entry(&t, i), 70000 + i));
	EXPECT_TRUE(gives(table_entry(&t, n - 1), 70000 + n - 1));
	ASSERT_EQ((int)n - 10, remove_range(t.fd, 5, n - 10));
	EXPECT_TRUE(gives(table_entry(&t, 4), 70004));
	EXPECT_TRUE(is_plain(table_entry(&t, 5)));
	EXPECT_TRUE(is_plain(table_entry(&t, n - 6)));
	EXPECT_TRUE(gives(table_entry(&t, n - 5), 70000 + n - 5));
	table_close(&t);
}

#define TABLES	64

/* Many mappings, one of them cut up; each call finds its own. */
TEST_F(large, many_tables)
{
	struct table t[TABLES];
	int i, k;

	for (i = 0; i < TABLES; i++) {
		ASSERT_EQ(0, table_open(&t[i], 1024, 0));
		ASSERT_EQ(3, set_values(t[i].fd, 0, 3, 100 * i));
	}
	for (i = 0; i < TABLES; i++)
		for (k = 0; k < 3; k++)
			EXPECT_TRUE(gives(table_entry(&t[i], k), 100 * i + k));
	/* Every third goes, and the others stay. */
	for (i = 0; i < TABLES; i += 3)
		table_close(&t[i]);
	for (i = 0; i < TABLES; i++) {
		if (i % 3)
			EXPECT_TRUE(gives(table_entry(&t[i], 1), 100 * i + 1));
	}
	/* New ones, where the old ones were or elsewhere. */
	for (i = 0; i < TABLES; i += 3) {
		ASSERT_EQ(0, table_open(&t[i], 1024, 0));
		ASSERT_EQ(1, set_value(t[i].fd, 2, 100 * i + 2));
		EXPECT_TRUE(is_plain(table_entry(&t[i], 1)));
	}
	for (i = 0; i < TABLES; i++)
		EXPECT_TRUE(gives(table_entry(&t[i], 2), 100 * i + 2));
	for (i = 0; i < TABLES; i++)
		table_close(&t[i]);
}

/* A process full of mappings and descriptors ends at any time. */
TEST_F(large, exit_with_everything)
{
	struct table t;
	pid_t pid;
	int i, n;

	for (n = 0; n < 6; n++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			for (i = 0; i < 20 + n; i++) {
				if (table_open(&t, 1000, n & 1) ||
				    set_values(t.fd, 0, 1000, i) != 1000)
					_exit(1);
				if (i & 1)
					munmap(t.base, getpagesize());
				if (i & 2)
					close(t.fd);
			}
			if (n & 2)
				kill(getpid(), SIGKILL);
			_exit(0);
		}
		EXPECT_EQ(n & 2 ? 128 + SIGKILL : 0, child_status(pid));
	}
}

/*
 * The index is a hash of 4 KiB blocks of addresses.  Whatever the distance of
 * mappings, and whatever a multiplication by one number does to it, they all find
 * a place.
 */
FIXTURE(stride) {
	char *room;
	size_t step;
	int n;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(stride)

#define TABLES_MAX	2000
/* With as few as this, every multiplication is good enough. */
#define TABLES_MIN	100

FIXTURE_VARIANT(stride) {
	/* From one table to the next, and the size of each. */
	unsigned int pages;
	unsigned int blocks;
	/* How many are forgotten again, so that their places are used. */
	bool again;
};

FIXTURE_VARIANT_ADD(stride, fibonacci_17) {
	.pages = 1597,
	.blocks = 1,
};

FIXTURE_VARIANT_ADD(stride, fibonacci_18) {
	.pages = 2584,
	.blocks = 1,
	.again = true,
};

FIXTURE_VARIANT_ADD(stride, fibonacci_19) {
	.pages = 4181,
	.blocks = 1,
};

FIXTURE_VARIANT_ADD(stride, fibonacci_24) {
	.pages = 46368,
	.blocks = 16,
};

FIXTURE_VARIANT_ADD(stride, neighbours) {
	.pages = 1,
	.blocks = 1,
	.again = true,
};

FIXTURE_VARIANT_ADD(stride, power_of_two) {
	.pages = 512,
	.blocks = 1,
};

FIXTURE_SETUP(stride)
{
	const size_t page = getpagesize();

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	self->step = variant->pages * page;
	if (self->step < variant->blocks * (size_t)4096)
		self->step = variant->blocks * 4096;
	/* As many as there are addresses for. */
	self->n = TABLES_MAX;
	do {
		self->room = MAP_FAILED;
		if (self->step <= SIZE_MAX / 2 / self->n)
			self->room = mmap(NULL, self->n * self->step, PROT_NONE,
					  MAP_PRIVATE | MAP_ANONYMOUS |
					  MAP_NORESERVE, -1, 0);
		if (self->room == MAP_FAILED)
			self->n = self->n * 9 / 10;
	} while (self->room == MAP_FAILED && self->n >= TABLES_MIN);
	if (self->room == MAP_FAILED)
		SKIP(return, "no room for %d mappings at such a distance",
		     TABLES_MIN);
}

FIXTURE_TEARDOWN(stride)
{
	munmap(self->room, self->n * self->step);
}

static char *stride_at(const DATA *self, int i)
{
	return self->room + i * self->step;
}

/* A table that is nothing but its mapping; its last trampoline gives @value. */
static int map_one(const DATA *self, int i, unsigned int blocks,
		   unsigned long value)
{
	const unsigned int n = blocks * CHUNK_SLOTS;
	struct table t;
	int ret = table_create(&t, n, 0);

	if (ret)
		return ret;
	ret = set_value(t.fd, n - 1, value);
	if (ret == 1)
		ret = table_map_at(&t, stride_at(self, i));
	close(t.fd);
	return ret;
}

/* How many work, each as the one that it is. */
static int working(const DATA *self, unsigned int blocks, unsigned long value)
{
	const size_t last = (blocks * CHUNK_SLOTS - 1) * 16;
	int i, n = 0;

	for (i = 0; i < self->n; i++)
		n += gives(stride_at(self, i) + last, value + i);
	return n;
}

TEST_F(stride, all_have_a_place)
{
	int i;
	pid_t pid;

	for (i = 0; i < self->n; i++) {
		ASSERT_EQ(0, map_one(self, i, variant->blocks, i)) {
			TH_LOG("mapping %d of %d", i, self->n);
		}
	}
	TH_LOG("%d mappings, %zu pages from one to the next", i,
	       self->step / getpagesize());
	EXPECT_EQ(self->n, working(self, variant->blocks, 0));
	for (i = 0; variant->again && i < self->n; i++)
		ASSERT_EQ(0, map_one(self, i, variant->blocks, 5000 + i));
	if (variant->again)
		EXPECT_EQ(self->n, working(self, variant->blocks, 5000));

	pid = fork();
	ASSERT_LE(0, pid) {
		TH_LOG("errno %d", errno);
	}
	if (!pid) {
		EXPECT_EQ(self->n, working(self, variant->blocks,
					   variant->again ? 5000 : 0));
		/* The child's index takes others in their place. */
		for (i = 0; i < self->n; i += 7)
			ASSERT_EQ(0, map_one(self, i, variant->blocks, 7));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(self->n, working(self, variant->blocks,
				   variant->again ? 5000 : 0));
}

#define SMALL		300
#define SMALL_STRIDE	4181	/* pages */

/*
 * A large index has room for small tables that a small one, when the large table is
 * gone, might not have.
 */
TEST_F(large, index_that_shrinks)
{
	const size_t page = getpagesize();
	DATA small = { .step = SMALL_STRIDE * page, .n = SMALL };
	struct table t;
	pid_t pid;
	int i;

	/* As many as there are addresses for. */
	while (small.n > (int)(SIZE_MAX / 2 / small.step))
		small.n--;
	while (small.n >= TABLES_MIN) {
		small.room = mmap(NULL, small.n * small.step, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				  -1, 0);
		if (small.room != MAP_FAILED)
			break;
		small.n = small.n * 9 / 10;
	}
	if (small.n < TABLES_MIN)
		SKIP(return, "too few addresses");
	ASSERT_EQ(0, table_open(&t, TRAMPFD_TRAMPOLINES_MAX, 0));
	for (i = 0; i < small.n; i++)
		ASSERT_EQ(0, map_one(&small, i, 1, i));
	table_close(&t);
	EXPECT_EQ(small.n, working(&small, 1, 0));
	pid = fork();
	ASSERT_LE(0, pid) {
		TH_LOG("errno %d", errno);
	}
	if (!pid) {
		EXPECT_EQ(small.n, working(&small, 1, 0));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	/* The next index is a small one. */
	for (i = 0; i < small.n; i++)
		ASSERT_EQ(0, map_one(&small, i, 1, 1000 + i));
	EXPECT_EQ(small.n, working(&small, 1, 1000));
	munmap(small.room, small.n * small.step);
}

#ifdef __LP64__

/* Mappings of the greatest table that an mm can have: 4 GiB of addresses. */
#define BLOCKS_MAX	0x100000
#define MAPPINGS_MAX	(BLOCKS_MAX / (TRAMPFD_TRAMPOLINES_MAX / CHUNK_SLOTS))

FIXTURE(blocks) {
	long long limit;
};

FIXTURE_SETUP(blocks)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (debug_kernel())
		SKIP(return, "it takes too long with debugging options");
	/* Their index is larger than what a user may have in a small machine. */
	ASSERT_EQ(0, file_read_number(LIMIT, &self->limit));
	if (file_write_number(LIMIT, 100LL * TRAMPFD_TRAMPOLINES_MAX))
		SKIP(return, "the limit can't be raised (no root)");
}

/* In the parent, because it has to be put back also by a test that dies. */
FIXTURE_TEARDOWN_PARENT(blocks)
{
	if (self->limit)
		file_write_number(LIMIT, self->limit);
}

/* At this limit nothing more can be mapped, but what is can be moved. */
TEST_F(blocks, moved_at_the_limit)
{
	struct table t;
	char *room, *to;
	size_t size;
	int i;

	ASSERT_EQ(0, table_create(&t, TRAMPFD_TRAMPOLINES_MAX, 0));
	ASSERT_EQ(1, set_value(t.fd, 12345, 7));
	size = t.attr.map_size;
	room = mmap(NULL, (MAPPINGS_MAX + 1) * size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(room != MAP_FAILED);
	to = room + MAPPINGS_MAX * size;
	for (i = 0; i < MAPPINGS_MAX; i++) {
		ASSERT_EQ(0, table_map_at(&t, room + i * size)) {
			TH_LOG("mapping %d", i);
		}
	}
	EXPECT_EQ(-ENOMEM, table_map_at(&t, to));
	EXPECT_TRUE(is_unmapped(to));
	t.base = room + 3 * size;
	EXPECT_TRUE(gives(table_entry(&t, 12345), 7));
	ASSERT_TRUE(mremap(t.base, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			   to) == to) {
		TH_LOG("errno %d", errno);
	}
	EXPECT_TRUE(is_unmapped(table_entry(&t, 12345)));
	t.base = to;
	EXPECT_TRUE(gives(table_entry(&t, 12345), 7));
	/* As many as there were, so there still is no room. */
	EXPECT_EQ(-ENOMEM, table_map_at(&t, room + 3 * size));
	EXPECT_TRUE(is_unmapped(room + 3 * size));
	t.base = to;
	EXPECT_TRUE(gives(table_entry(&t, 12345), 7));
	/* A part, and back to where it was. */
	ASSERT_TRUE(mremap(to, size / 2, size / 2, MREMAP_MAYMOVE | MREMAP_FIXED,
			   room + 3 * size) == room + 3 * size);
	t.base = room + 3 * size;
	EXPECT_TRUE(gives(table_entry(&t, 12345), 7));
	ASSERT_EQ(0, munmap(room, (MAPPINGS_MAX + 1) * size));
	ASSERT_EQ(0, table_map(&t));
	EXPECT_TRUE(gives(table_entry(&t, 12345), 7));
	table_close(&t);
}

#endif /* __LP64__ */

TEST_HARNESS_MAIN
