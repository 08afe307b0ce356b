// SPDX-License-Identifier: GPL-2.0
/* TRAMPFD_CODE over fork(): each process has its own data, at the same place. */
#include <sys/mman.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "code_util.h"

/* Of each part; all trampolines are set with promise, from FIRST on. */
#define PAGES	2
#define FIRST	1000

FIXTURE(family) {
	struct table t;
	size_t page;
	unsigned int n;
	unsigned int per_page;
	int to_child[2];
	int to_parent[2];
};

#define DATA	FIXTURE_DATA(family)

FIXTURE_VARIANT(family) {
	/* Does the parent have data pages when it forks? */
	bool touched;
};

FIXTURE_VARIANT_ADD(family, touched) {
	.touched = true,
};

FIXTURE_VARIANT_ADD(family, untouched) {
	.touched = false,
};

FIXTURE_SETUP(family)
{
	unsigned int i;

	if (code_missing())
		SKIP(return, "%s", code_missing());
	trap_init();
	ASSERT_EQ(0, code_open_pages(&self->t, PAGES, FIRST));
	self->page = getpagesize();
	self->per_page = table_per_page(&self->t);
	self->n = PAGES * self->per_page;
	for (i = 0; variant->touched && i < self->n; i += self->per_page)
		ASSERT_EQ(FIRST + i, call(code_entry(&self->t, i)));
	ASSERT_EQ(0, pipe(self->to_child));
	ASSERT_EQ(0, pipe(self->to_parent));
}

FIXTURE_TEARDOWN(family)
{
	table_close(&self->t);
}

/* Both entries give it, and it is in the fast lane. */
static bool has_fast(const struct table *t, unsigned int i, unsigned long value)
{
	return gives(code_entry(t, i), value) && gives(fault_entry(t, i), value) &&
	       slot_pc(t, i) == ARCH_CODE(arch_data) &&
	       slot_value(t, i, ARCH_DATA_REG) == value && is_fast(t, i);
}

/* The same, but by the fault entry alone. */
static bool has_slow(const struct table *t, unsigned int i, unsigned long value)
{
	return gives(code_entry(t, i), value) && gives(fault_entry(t, i), value) &&
	       slot_is_out(t, i) && !is_fast(t, i);
}

static bool all_fast(const DATA *self)
{
	unsigned int i;

	for (i = 0; i < self->n; i += 37)
		if (!has_fast(&self->t, i, FIRST + i))
			return false;
	return true;
}

TEST_F(family, child_has_its_own)
{
	pid_t pid = fork();
	long long n;

	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_TRUE(all_fast(self));
		ASSERT_EQ(0, fdinfo_number(self->t.fd, "trampfd-fast:", &n));
		ASSERT_EQ(self->n, n);
		/* Each way of changing it. */
		ASSERT_EQ(1, set_values_as(self->t.fd, 5, 1, 77, IDLE));
		ASSERT_EQ(1, set_values_as(self->t.fd, 6, 1, 78, 0));
		ASSERT_EQ(1, remove_one(self->t.fd, 7));
		ASSERT_TRUE(has_fast(&self->t, 5, 77));
		ASSERT_TRUE(has_slow(&self->t, 6, 78));
		ASSERT_TRUE(slot_is_out(&self->t, 7));
		ASSERT_TRUE(is_plain(fault_entry(&self->t, 7)));
		ASSERT_EQ(0, fdinfo_number(self->t.fd, "trampfd-fast:", &n));
		ASSERT_EQ(self->n - 2, n);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_fast(self));
	EXPECT_TRUE(has_fast(&self->t, 5, FIRST + 5));
	EXPECT_TRUE(has_fast(&self->t, 6, FIRST + 6));
	EXPECT_TRUE(has_fast(&self->t, 7, FIRST + 7));
}

/* What the parent does after the fork is nothing to the child. */
TEST_F(family, parent_changes)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, pipe_wait(self->to_child[0]));
		ASSERT_TRUE(all_fast(self));
		ASSERT_TRUE(has_fast(&self->t, 5, FIRST + 5));
		ASSERT_TRUE(has_fast(&self->t, 6, FIRST + 6));
		_exit(0);
	}
	ASSERT_EQ(1, set_values_as(self->t.fd, 5, 1, 77, IDLE));
	ASSERT_EQ(1, set_values_as(self->t.fd, 6, 1, 78, 0));
	ASSERT_EQ(1, remove_one(self->t.fd, 7));
	EXPECT_TRUE(has_fast(&self->t, 5, 77));
	EXPECT_TRUE(has_slow(&self->t, 6, 78));
	ASSERT_EQ(0, pipe_tell(self->to_child[1]));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(has_fast(&self->t, 5, 77));
}

/* Slow ones stay slow: a child's page does not have the values that were there. */
TEST_F(family, slow_ones)
{
	pid_t pid;

	ASSERT_EQ(1, set_values_as(self->t.fd, 6, 1, 78, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_TRUE(has_slow(&self->t, 6, 78));
		ASSERT_EQ(0U, slot_value(&self->t, 6, ARCH_DATA_REG));
		ASSERT_EQ(1, set_values_as(self->t.fd, 6, 1, 79, IDLE));
		ASSERT_TRUE(has_fast(&self->t, 6, 79));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(has_slow(&self->t, 6, 78));
}

TEST_F(family, grandchildren)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(1, set_values_as(self->t.fd, 5, 1, 77, IDLE));
		pid = fork();
		if (!pid) {
			ASSERT_TRUE(has_fast(&self->t, 5, 77));
			ASSERT_EQ(1, set_values_as(self->t.fd, 5, 1, 78, IDLE));
			ASSERT_TRUE(has_fast(&self->t, 5, 78));
			_exit(0);
		}
		ASSERT_EQ(0, child_status(pid));
		ASSERT_TRUE(has_fast(&self->t, 5, 77));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_fast(self));
}

/* The child's table is where the parent's is, also once nothing is mapped. */
TEST_F(family, place)
{
	char *base = self->t.base;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_TRUE(all_fast(self));
		table_unmap(&self->t);
		ASSERT_EQ(-EINVAL, table_map_at(&self->t, base + self->page));
		ASSERT_EQ(0, code_map_at(&self->t, base));
		ASSERT_TRUE(all_fast(self));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_fast(self));
}

/* What is left of the fault part comes along, and what is cut out does not. */
TEST_F(family, rest_of_the_fault_part)
{
	unsigned int cut, gone, left;
	pid_t pid;

	for (cut = 0; cut < PAGES; cut++) {
		ASSERT_EQ(0, munmap(self->t.base + cut * self->page, self->page));
		gone = cut * self->per_page + 5;
		left = (1 - cut) * self->per_page + 5;
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			unsigned long value;

			ASSERT_TRUE(has_fast(&self->t, left, FIRST + left));
			ASSERT_TRUE(is_unmapped(fault_entry(&self->t, gone)));
			ASSERT_EQ(FIRST + gone, call(code_entry(&self->t, gone)));
			ASSERT_EQ(1, set_values_as(self->t.fd, left, 1, 77, 0));
			ASSERT_EQ(1, set_values_as(self->t.fd, gone, 1, 78, 0));
			ASSERT_TRUE(has_slow(&self->t, left, 77));
			ASSERT_EQ(SIGSEGV, try_call(code_entry(&self->t, gone),
						    &value));
			ASSERT_TRUE(trap.addr ==
				    ARCH_FAULT_ADDR(fault_entry(&self->t, gone)));
			ASSERT_EQ(SEGV_MAPERR, trap.code);
			ASSERT_EQ(0, part_map(&self->t, PART_FAULT));
			ASSERT_TRUE(has_slow(&self->t, gone, 78));
			_exit(0);
		}
		EXPECT_EQ(0, child_status(pid));
		ASSERT_EQ(0, part_map(&self->t, PART_FAULT));
		EXPECT_TRUE(all_fast(self));
	}
}

/*
 * A child that does not get the data part can map memory of its own there, also if
 * the parent has sealed it.  Code must not load from that.
 */
TEST_F(family, forged_data)
{
	char *data = part_addr(&self->t, PART_DATA);
	unsigned long value;
	pid_t pid;

	ASSERT_EQ(0, madvise(data, self->t.attr.part_size, MADV_DONTFORK));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_TRUE(data == mmap(data, self->t.attr.part_size,
					 PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
					 -1, 0));
		memset(data, 0x5a, self->t.attr.part_size);
		ASSERT_EQ(SIGBUS, try_call(code_entry(&self->t, 5), &value));
		ASSERT_TRUE(gives(fault_entry(&self->t, 5), FIRST + 5));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_fast(self));
}

/* A child without one of the parts can map it again, at its place. */
static void child_without(struct __test_metadata *_metadata, const DATA *self,
			  enum code_part part)
{
	void *addr = part_addr(&self->t, part);
	pid_t pid;

	ASSERT_EQ(0, madvise(addr, self->t.attr.part_size, MADV_DONTFORK));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		unsigned long value;

		ASSERT_TRUE(is_unmapped(addr));
		if (part == PART_FAULT) {
			ASSERT_EQ(FIRST + 5U, call(code_entry(&self->t, 5)));
		} else {
			ASSERT_TRUE(gives(fault_entry(&self->t, 5), FIRST + 5));
			ASSERT_EQ(part == PART_CODE ? SIGSEGV : SIGBUS,
				  try_call(code_entry(&self->t, 5), &value));
		}
		ASSERT_EQ(0, part_map(&self->t, part));
		ASSERT_TRUE(all_fast(self));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_fast(self));
}

TEST_F(family, dontfork_of_the_fault_part)
{
	child_without(_metadata, self, PART_FAULT);
}

TEST_F(family, dontfork_of_the_code_part)
{
	child_without(_metadata, self, PART_CODE);
}

TEST_F(family, dontfork_of_the_data_part)
{
	child_without(_metadata, self, PART_DATA);
}

/* The child goes on when the parent's table and its pages are gone. */
TEST_F(family, child_outlives_the_table)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, pipe_wait(self->to_child[0]));
		ASSERT_TRUE(all_fast(self));
		_exit(0);
	}
	table_close(&self->t);
	ASSERT_EQ(0, pipe_tell(self->to_child[1]));
	EXPECT_EQ(0, child_status(pid));
}

/* vfork() shares all of it until the child is gone. */
TEST_F(family, vfork)
{
	pid_t pid = vfork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(call(code_entry(&self->t, 5)) == FIRST + 5 &&
		      set_values_as(self->t.fd, 5, 1, 77, IDLE) == 1 ? 0 : 1);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(has_fast(&self->t, 5, 77));
}

TEST_HARNESS_MAIN
