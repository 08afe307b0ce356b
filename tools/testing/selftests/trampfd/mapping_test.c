// SPDX-License-Identifier: GPL-2.0
/* What may be done to the mapping, and what it never is or does. */
#include <elf.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#ifndef __NR_mseal
#define __NR_mseal	462
#endif

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define PAGES	6

FIXTURE(mapping) {
	struct table t;
	size_t page;
	unsigned int flags;
	unsigned int per_page;
	/* Somewhere to move to: a range without permissions. */
	char *room;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(mapping)

FIXTURE_VARIANT(mapping) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(mapping, private) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(mapping, shared) {
	.flags = TRAMPFD_SHARED,
};

FIXTURE_SETUP(mapping)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, 1, variant->flags));
	self->page = getpagesize();
	self->flags = variant->flags;
	self->per_page = table_per_page(&self->t);
	table_close(&self->t);
	ASSERT_EQ(0, table_open(&self->t, PAGES * self->per_page,
				variant->flags));
	ASSERT_EQ(PAGES * self->page, self->t.attr.map_size);
	ASSERT_EQ((int)(PAGES * self->per_page),
		  set_values(self->t.fd, 0, PAGES * self->per_page, 1000));
	self->room = mmap(NULL, 2 * PAGES * self->page, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->room != MAP_FAILED);
}

FIXTURE_TEARDOWN(mapping)
{
	table_close(&self->t);
}

/* The first, a middle and the last trampoline of page @n work at @addr. */
static bool page_at(const DATA *self, unsigned int n,
		    char *addr)
{
	const unsigned int places[] = { 0, 1, 100, self->per_page - 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		if (!gives(addr + places[i] * self->t.attr.stride,
			   1000 + n * self->per_page + places[i])) {
			fprintf(stderr, "# page %u, trampoline %u\n", n,
				places[i]);
			return false;
		}
	}
	return true;
}

static char *page_of(const DATA *self, unsigned int n)
{
	return self->t.base + n * self->page;
}

/* Pages @first to @last are where they were. */
static bool pages_work(const DATA *self, unsigned int first,
		       unsigned int last)
{
	unsigned int i;

	for (i = first; i <= last; i++)
		if (!page_at(self, i, page_of(self, i)))
			return false;
	return true;
}

static bool pages_gone(const DATA *self, unsigned int first,
		       unsigned int last)
{
	unsigned int i;

	for (i = first; i <= last; i++)
		if (!is_unmapped(page_of(self, i)) ||
		    !is_unmapped(page_of(self, i) + self->t.attr.stride))
			return false;
	return true;
}

/* The descriptor works on trampolines that have no address for the time. */
static bool table_works(const DATA *self)
{
	unsigned int i;

	for (i = 0; i < PAGES * self->per_page; i += self->per_page / 2) {
		if (!has_value(self->t.fd, i, 1000 + i) ||
		    set_value(self->t.fd, i, 1000 + i) != 1)
			return false;
	}
	return true;
}

TEST_F(mapping, munmap_all)
{
	ASSERT_EQ(0, munmap(self->t.base, self->t.attr.map_size));
	EXPECT_TRUE(pages_gone(self, 0, PAGES - 1));
	EXPECT_TRUE(table_works(self));
	/* And back again. */
	ASSERT_EQ(0, table_map(&self->t));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

TEST_F(mapping, munmap_beginning)
{
	ASSERT_EQ(0, munmap(self->t.base, 2 * self->page));
	EXPECT_TRUE(pages_gone(self, 0, 1));
	EXPECT_TRUE(pages_work(self, 2, PAGES - 1));
	EXPECT_TRUE(table_works(self));
}

TEST_F(mapping, munmap_end)
{
	ASSERT_EQ(0, munmap(page_of(self, 4), 2 * self->page));
	EXPECT_TRUE(pages_work(self, 0, 3));
	EXPECT_TRUE(pages_gone(self, 4, 5));
	EXPECT_TRUE(table_works(self));
}

TEST_F(mapping, munmap_hole)
{
	ASSERT_EQ(0, munmap(page_of(self, 2), 2 * self->page));
	EXPECT_TRUE(pages_work(self, 0, 1));
	EXPECT_TRUE(pages_gone(self, 2, 3));
	EXPECT_TRUE(pages_work(self, 4, 5));
	EXPECT_TRUE(table_works(self));
	/* A hole beside the hole, and one at each end. */
	ASSERT_EQ(0, munmap(page_of(self, 4), self->page));
	EXPECT_TRUE(pages_gone(self, 2, 4));
	EXPECT_TRUE(pages_work(self, 5, 5));
	ASSERT_EQ(0, munmap(page_of(self, 0), self->page));
	EXPECT_TRUE(pages_gone(self, 0, 0));
	EXPECT_TRUE(pages_work(self, 1, 1));
	EXPECT_TRUE(table_works(self));
}

TEST_F(mapping, munmap_every_other_page)
{
	unsigned int i;

	for (i = 0; i < PAGES; i += 2)
		ASSERT_EQ(0, munmap(page_of(self, i), self->page));
	for (i = 0; i < PAGES; i += 2) {
		EXPECT_TRUE(pages_gone(self, i, i));
		EXPECT_TRUE(pages_work(self, i + 1, i + 1));
	}
	/* The rest, in one call with the holes. */
	ASSERT_EQ(0, munmap(self->t.base, self->t.attr.map_size));
	EXPECT_TRUE(pages_gone(self, 0, PAGES - 1));
	EXPECT_TRUE(table_works(self));
}

TEST_F(mapping, mremap_whole)
{
	const size_t size = self->t.attr.map_size;
	char *old = self->t.base;

	self->t.base = mremap(old, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			      self->room);
	ASSERT_TRUE(self->t.base == self->room);
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_TRUE(is_unmapped(old));
	EXPECT_TRUE(is_unmapped(old + size - self->page));
	EXPECT_TRUE(table_works(self));
	/* And back to where it came from. */
	ASSERT_TRUE(mremap(self->room, size, size,
			   MREMAP_MAYMOVE | MREMAP_FIXED, old) == old);
	self->t.base = old;
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_TRUE(is_unmapped(self->room));
}

/* A part takes its own trampolines along. */
TEST_F(mapping, mremap_part)
{
	ASSERT_TRUE(mremap(page_of(self, 2), 2 * self->page, 2 * self->page,
			   MREMAP_MAYMOVE | MREMAP_FIXED, self->room) ==
		    self->room);
	EXPECT_TRUE(pages_work(self, 0, 1));
	EXPECT_TRUE(pages_gone(self, 2, 3));
	EXPECT_TRUE(pages_work(self, 4, 5));
	EXPECT_TRUE(page_at(self, 2, self->room));
	EXPECT_TRUE(page_at(self, 3, self->room + self->page));
	EXPECT_TRUE(table_works(self));

	/* A part of that part, then the two in one call. */
	ASSERT_TRUE(mremap(self->room, self->page, self->page,
			   MREMAP_MAYMOVE | MREMAP_FIXED,
			   self->room + 4 * self->page) ==
		    self->room + 4 * self->page);
	EXPECT_TRUE(is_unmapped(self->room));
	EXPECT_TRUE(page_at(self, 3, self->room + self->page));
	EXPECT_TRUE(page_at(self, 2, self->room + 4 * self->page));
	ASSERT_EQ(0, munmap(self->room, 6 * self->page));
	EXPECT_TRUE(is_unmapped(self->room + self->page));
	EXPECT_TRUE(is_unmapped(self->room + 4 * self->page));
	EXPECT_TRUE(pages_work(self, 4, 5));
}

TEST_F(mapping, mremap_shrinks)
{
	ASSERT_TRUE(mremap(self->t.base, self->t.attr.map_size, 2 * self->page,
			   0) == self->t.base);
	EXPECT_TRUE(pages_work(self, 0, 1));
	EXPECT_TRUE(pages_gone(self, 2, PAGES - 1));
	EXPECT_TRUE(table_works(self));
}

/* Moving and shrinking at once. */
TEST_F(mapping, mremap_shrinks_and_moves)
{
	char *old = self->t.base;

	ASSERT_TRUE(mremap(old, self->t.attr.map_size, 2 * self->page,
			   MREMAP_MAYMOVE | MREMAP_FIXED, self->room) ==
		    self->room);
	EXPECT_TRUE(pages_gone(self, 0, PAGES - 1));
	EXPECT_TRUE(page_at(self, 0, self->room));
	EXPECT_TRUE(page_at(self, 1, self->room + self->page));
	EXPECT_TRUE(table_works(self));
}

TEST_F(mapping, mremap_never_grows)
{
	const size_t size = self->t.attr.map_size;
	int i;

	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(mremap(self->t.base, size, size + self->page,
				   i ? MREMAP_MAYMOVE : 0) == MAP_FAILED);
		EXPECT_TRUE(mremap(page_of(self, 5), self->page,
				   2 * self->page,
				   i ? MREMAP_MAYMOVE : 0) == MAP_FAILED);
	}
	EXPECT_TRUE(mremap(self->t.base, size, size + self->page,
			   MREMAP_MAYMOVE | MREMAP_FIXED, self->room) ==
		    MAP_FAILED);
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_TRUE(table_works(self));
}

/* A second mapping from the first, which only shared ones could get. */
TEST_F(mapping, mremap_of_no_bytes)
{
	char *p = mremap(self->t.base, 0, self->t.attr.map_size,
			 MREMAP_MAYMOVE);

	if (p != MAP_FAILED)
		EXPECT_TRUE(page_at(self, 0, p));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

/* The addresses that are left behind either lead nowhere, or where they did. */
TEST_F(mapping, mremap_dontunmap)
{
	const size_t size = self->t.attr.map_size;
	char *old = self->t.base;
	char *p = mremap(old, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
			 NULL);

	if (p == MAP_FAILED) {
		EXPECT_EQ(EINVAL, errno);
		EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
		return;
	}
	EXPECT_TRUE(page_at(self, 0, p));
	EXPECT_TRUE(page_at(self, 0, old) || is_plain(old));
	EXPECT_EQ(0, munmap(p, size));
	EXPECT_TRUE(page_at(self, 0, old) || is_plain(old));
	EXPECT_TRUE(is_unmapped(p));
}

TEST_F(mapping, mapped_over)
{
	char *p = mmap(page_of(self, 2), self->page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	ASSERT_TRUE(p == page_of(self, 2));
	EXPECT_EQ(0, try_store(p));
	EXPECT_TRUE(pages_work(self, 0, 1));
	EXPECT_TRUE(pages_work(self, 3, PAGES - 1));
	/* What is there is data now, and no trampoline. */
	if (!data_runs())
		EXPECT_TRUE(is_plain(p));
	/* Not even where that has no permissions, either. */
	ASSERT_EQ(0, mprotect(p, self->page, PROT_NONE));
	EXPECT_TRUE(is_plain(p));
	EXPECT_TRUE(is_plain(p + self->t.attr.stride));
	EXPECT_TRUE(table_works(self));
}

/* Is nothing left where mapping a file over it failed in the file's ->mmap? */
static bool gap_after_failed_mmap(bool *gap)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
	};
	const size_t size = 4 * getpagesize();
	char *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	int fd = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);
	bool ret = false;

	if (p == MAP_FAILED)
		return false;
	/* A power of two, where one page more would be right. */
	if (fd >= 0 && mmap(p, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd,
			    0) == MAP_FAILED && errno == EINVAL) {
		*gap = is_unmapped(p);
		ret = true;
	}
	munmap(p, size);
	if (fd >= 0)
		close(fd);
	return ret;
}

/*
 * What is left where the kernel refuses a mapping after it has unmapped what was there.
 * This is up to the kernel; half of a mapping it is not.
 */
static bool gone_or_working(const DATA *self, unsigned int first,
			    unsigned int last)
{
	bool gap, gone = is_unmapped(page_of(self, first));

	if (gap_after_failed_mmap(&gap) && !(self->flags & TRAMPFD_SHARED) &&
	    gap != gone) {
		fprintf(stderr, "# %s, but not so another file\n",
			gone ? "unmapped" : "still mapped");
		return false;
	}
	return gone ? pages_gone(self, first, last) :
		      pages_work(self, first, last);
}

TEST_F(mapping, mapped_over_with_a_wrong_size)
{
	const struct trampfd_attr *attr = &self->t.attr;

	EXPECT_TRUE(mmap(page_of(self, 2), 2 * self->page, attr->map_prot,
			 attr->map_flags | MAP_FIXED, self->t.fd,
			 attr->map_offset) == MAP_FAILED);
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(pages_work(self, 0, 1));
	/* A part of a shared one might be mremap()'s, so this is refused late. */
	EXPECT_TRUE(self->flags & TRAMPFD_SHARED ? gone_or_working(self, 2, 3) :
						   pages_work(self, 2, 3));
	EXPECT_TRUE(pages_work(self, 4, 5));
	EXPECT_TRUE(table_works(self));
	/* Nothing keeps from doing it right. */
	ASSERT_EQ(0, table_map_at(&(struct table) {
			.fd = self->t.fd, .attr = self->t.attr,
		  }, self->t.base));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

TEST_F(mapping, mapped_over_with_a_wrong_offset)
{
	const struct trampfd_attr *attr = &self->t.attr;

	EXPECT_TRUE(mmap(self->t.base, attr->map_size, attr->map_prot,
			 attr->map_flags | MAP_FIXED, self->t.fd,
			 attr->map_offset + self->page) == MAP_FAILED);
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_TRUE(table_works(self));
}

TEST_F(mapping, mapped_over_with_the_wrong_sharing)
{
	static const int wrong_private[] = { MAP_SHARED, MAP_SHARED_VALIDATE };
	static const int wrong_shared[] = { MAP_PRIVATE };
	const bool shared = self->flags & TRAMPFD_SHARED;
	const int *wrong = shared ? wrong_shared : wrong_private;
	const struct trampfd_attr *attr = &self->t.attr;
	int i;

	for (i = 0; i < (shared ? 1 : 2); i++) {
		EXPECT_TRUE(mmap(self->t.base, attr->map_size, attr->map_prot,
				 wrong[i] | MAP_FIXED, self->t.fd,
				 attr->map_offset) == MAP_FAILED);
		EXPECT_EQ(EINVAL, errno);
		EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	}
	EXPECT_TRUE(table_works(self));
}

/* Permissions are refused late. */
TEST_F(mapping, mapped_over_with_a_wrong_permission)
{
	const struct trampfd_attr *attr = &self->t.attr;

	EXPECT_TRUE(mmap(self->t.base, attr->map_size, PROT_READ,
			 attr->map_flags | MAP_FIXED, self->t.fd,
			 attr->map_offset) == MAP_FAILED);
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(gone_or_working(self, 0, PAGES - 1));
	EXPECT_TRUE(table_works(self));
	ASSERT_EQ(0, table_map_at(&(struct table) {
			.fd = self->t.fd, .attr = self->t.attr,
		  }, self->t.base));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

/* By a child that has got no table, as it was mapped nowhere. */
TEST_F(mapping, mapped_over_without_a_table)
{
	struct table other;
	pid_t pid;

	if (variant->flags & TRAMPFD_SHARED)
		SKIP(return, "a shared table is everybody's");
	ASSERT_EQ(0, table_create(&other, PAGES * self->per_page, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(-EPERM, table_map_at(&other, self->t.base));
		EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	table_close(&other);
}

/* By a table: its trampolines, and none of the old. */
TEST_F(mapping, mapped_over_by_another_table)
{
	struct table other;

	ASSERT_EQ(0, table_create(&other, self->per_page, variant->flags));
	ASSERT_EQ(1, set_value(other.fd, 1, 7));
	ASSERT_EQ(0, table_map_at(&other, page_of(self, 2)));
	EXPECT_TRUE(pages_work(self, 0, 1));
	EXPECT_TRUE(pages_work(self, 3, PAGES - 1));
	EXPECT_TRUE(is_plain(page_of(self, 2)));
	EXPECT_TRUE(gives(page_of(self, 2) + self->t.attr.stride, 7));
	ASSERT_EQ(0, munmap(self->t.base, self->t.attr.map_size));
	EXPECT_TRUE(is_unmapped(page_of(self, 2) + self->t.attr.stride));
}

/* By itself: a table mapped over its own mapping, at an offset. */
TEST_F(mapping, mapped_over_by_itself)
{
	struct table again = self->t;

	ASSERT_EQ(0, table_map_at(&again, self->t.base));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

/* A mapping moved over one of the same table. */
TEST_F(mapping, moved_over)
{
	if ((variant->flags & TRAMPFD_SHARED) && !shared_at_any_page())
		SKIP(return, NO_SUCH_PAGE);
	ASSERT_TRUE(mremap(page_of(self, 0), self->page, self->page,
			   MREMAP_MAYMOVE | MREMAP_FIXED, page_of(self, 3)) ==
		    page_of(self, 3));
	EXPECT_TRUE(pages_gone(self, 0, 0));
	EXPECT_TRUE(pages_work(self, 1, 2));
	EXPECT_TRUE(page_at(self, 0, page_of(self, 3)));
	EXPECT_TRUE(pages_work(self, 4, 5));
}

/* Wherever the program wants it; not over what is there if it says so. */
TEST_F(mapping, fixed)
{
	struct table again = self->t;
	const struct trampfd_attr *attr = &self->t.attr;

	if ((variant->flags & TRAMPFD_SHARED) && !shared_at_any_page())
		SKIP(return, NO_SUCH_PAGE);
	table_unmap(&self->t);
	self->t.base = mmap(self->room + self->page, attr->map_size,
			    attr->map_prot, attr->map_flags | MAP_FIXED,
			    self->t.fd, attr->map_offset);
	ASSERT_TRUE(self->t.base == self->room + self->page);
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));

	EXPECT_TRUE(mmap(again.base, attr->map_size, attr->map_prot,
			 attr->map_flags | MAP_FIXED_NOREPLACE, self->t.fd,
			 attr->map_offset) == again.base);
	EXPECT_TRUE(page_at(self, 3, again.base + 3 * self->page));
	EXPECT_TRUE(mmap(again.base, attr->map_size, attr->map_prot,
			 attr->map_flags | MAP_FIXED_NOREPLACE, self->t.fd,
			 attr->map_offset) == MAP_FAILED);
	EXPECT_EQ(EEXIST, errno);
}

#ifdef ARCH_HIGH_ADDRESS

/* Where only a program gets that asks for it: page tables have a level more there. */
TEST_F(mapping, at_a_high_address)
{
	const struct trampfd_attr *attr = &self->t.attr;
	char *high = mmap((void *)ARCH_HIGH_ADDRESS, attr->map_size,
			  attr->map_prot, attr->map_flags, self->t.fd,
			  attr->map_offset);

	ASSERT_TRUE(high != MAP_FAILED);
	if (high != (void *)ARCH_HIGH_ADDRESS) {
		munmap(high, attr->map_size);
		SKIP(return, "no addresses from %#lx on", ARCH_HIGH_ADDRESS);
	}
	EXPECT_TRUE(page_at(self, 2, high + 2 * self->page));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_EQ(0, munmap(high, attr->map_size));
}

#endif

/* Two places for one table. */
TEST_F(mapping, mapped_twice)
{
	struct table again = self->t;
	unsigned int i;

	ASSERT_EQ(0, table_map(&again));
	ASSERT_TRUE(again.base != self->t.base);
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	for (i = 0; i < PAGES; i++)
		EXPECT_TRUE(page_at(self, i, again.base + i * self->page));
	EXPECT_EQ(1, set_value(self->t.fd, 300, 1));
	EXPECT_TRUE(gives(table_entry(&self->t, 300), 1));
	EXPECT_TRUE(gives(table_entry(&again, 300), 1));
	EXPECT_EQ(1, set_value(self->t.fd, 300, 1300));
	/* One goes, the other one stays. */
	table_unmap(&again);
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_TRUE(table_works(self));
}

TEST_F(mapping, mbind_of_a_part)
{
	unsigned long nodes = 1;

	if (syscall(__NR_mbind, page_of(self, 2), self->page, MPOL_BIND, &nodes,
		    8 * sizeof(nodes), 0)) {
		if (no_such_call(errno))
			SKIP(return, "no mbind (CONFIG_NUMA)");
		ASSERT_EQ(0, errno);
	}
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	ASSERT_EQ(0, munmap(page_of(self, 2), self->page));
	EXPECT_TRUE(pages_work(self, 0, 1));
	EXPECT_TRUE(pages_gone(self, 2, 2));
	EXPECT_TRUE(pages_work(self, 3, PAGES - 1));
	EXPECT_TRUE(table_works(self));
}

TEST_F(mapping, mseal)
{
	const size_t size = self->t.attr.map_size;

	if (syscall(__NR_mseal, self->t.base, size, 0)) {
		if (no_such_call(errno) || errno == EPERM)
			SKIP(return, "no mseal here (errno %d)", errno);
		ASSERT_EQ(0, errno);
	}
	EXPECT_EQ(-1, munmap(self->t.base, size));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, munmap(page_of(self, 2), self->page));
	EXPECT_EQ(EPERM, errno);
	EXPECT_TRUE(mremap(self->t.base, size, size,
			   MREMAP_MAYMOVE | MREMAP_FIXED, self->room) ==
		    MAP_FAILED);
	EXPECT_EQ(EPERM, errno);
	EXPECT_TRUE(mmap(page_of(self, 2), self->page, PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		    MAP_FAILED);
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-EPERM, table_map_at(&(struct table) {
			.fd = self->t.fd, .attr = self->t.attr,
		  }, self->t.base));
	/* It protects the address; the records are the descriptor's. */
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_TRUE(table_works(self));
	EXPECT_EQ(1, remove_one(self->t.fd, 1));
	EXPECT_TRUE(is_plain(table_entry(&self->t, 1)));
}

TEST_F(mapping, mseal_of_a_part)
{
	if (syscall(__NR_mseal, page_of(self, 2), self->page, 0)) {
		if (no_such_call(errno) || errno == EPERM)
			SKIP(return, "no mseal here (errno %d)", errno);
		ASSERT_EQ(0, errno);
	}
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_EQ(-1, munmap(self->t.base, self->t.attr.map_size));
	EXPECT_EQ(EPERM, errno);
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	ASSERT_EQ(0, munmap(self->t.base, self->page));
	EXPECT_TRUE(pages_gone(self, 0, 0));
	EXPECT_TRUE(pages_work(self, 1, PAGES - 1));
}

TEST_F(mapping, closed_before_unmapping)
{
	ASSERT_EQ(0, close(self->t.fd));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	ASSERT_EQ(0, munmap(page_of(self, 2), self->page));
	EXPECT_TRUE(pages_gone(self, 2, 2));
	EXPECT_TRUE(pages_work(self, 3, PAGES - 1));
	ASSERT_TRUE(mremap(page_of(self, 4), self->page, self->page,
			   MREMAP_MAYMOVE | MREMAP_FIXED, self->room) ==
		    self->room);
	EXPECT_TRUE(page_at(self, 4, self->room));
	self->t.fd = -1;
}

/* Set before there is an address, and between one and the next. */
TEST_F(mapping, unmapped_before_closing)
{
	struct table t;

	ASSERT_EQ(0, table_create(&t, 10, variant->flags));
	EXPECT_EQ(1, set_value(t.fd, 0, 1));
	EXPECT_TRUE(has_value(t.fd, 0, 1));
	ASSERT_EQ(0, table_map(&t));
	EXPECT_TRUE(gives(table_entry(&t, 0), 1));
	table_unmap(&t);
	EXPECT_EQ(1, set_value(t.fd, 0, 2));
	ASSERT_EQ(0, table_map(&t));
	EXPECT_TRUE(gives(table_entry(&t, 0), 2));
	table_unmap(&t);
	EXPECT_EQ(0, close(t.fd));
}

/* A duplicate is the same descriptor. */
TEST_F(mapping, duplicated)
{
	int fd = dup(self->t.fd);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, close(self->t.fd));
	self->t.fd = fd;
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_TRUE(table_works(self));
}

static const int permissions[] = {
	PROT_READ, PROT_WRITE, PROT_EXEC, PROT_READ | PROT_WRITE,
	PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC,
};

/* Also of a part, and after it has moved, and in a child. */
TEST_F(mapping, mprotect)
{
	size_t i;
	pid_t pid;

	ASSERT_TRUE(mremap(self->t.base, self->t.attr.map_size,
			   self->t.attr.map_size,
			   MREMAP_MAYMOVE | MREMAP_FIXED, self->room) ==
		    self->room);
	self->t.base = self->room;
	for (i = 0; i < ARRAY_SIZE(permissions); i++) {
		EXPECT_EQ(-1, mprotect(page_of(self, 2), self->page,
				       permissions[i]));
		EXPECT_EQ(EACCES, errno);
	}
	EXPECT_EQ(0, mprotect(page_of(self, 2), self->page, PROT_NONE));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(-1, mprotect(page_of(self, 2), self->page,
				       PROT_READ));
		EXPECT_EQ(EACCES, errno);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
}

/* An old personality that makes executable what can be read: nothing can. */
TEST_F(mapping, read_implies_exec)
{
	char line[256];

	if (personality(READ_IMPLIES_EXEC) < 0)
		SKIP(return, "no such personality");
	table_unmap(&self->t);
	ASSERT_EQ(0, table_map(&self->t));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	ASSERT_TRUE(maps_line(self->t.base, line, sizeof(line)));
	EXPECT_TRUE(contains(line, " ---"));
	EXPECT_EQ(-1, mprotect(self->t.base, self->page, PROT_READ));
	EXPECT_EQ(EACCES, errno);
}

/* A debugger can't read or write there, though it overrides permissions. */
TEST_F(mapping, proc_mem)
{
	int fd = open("/proc/self/mem", O_RDWR);
	long word = 0;

	ASSERT_LE(0, fd);
	/* Elsewhere it can, or this would prove nothing. */
	ASSERT_EQ(0, mprotect(self->room, self->page, PROT_READ));
	EXPECT_EQ((ssize_t)sizeof(word),
		  pread(fd, &word, sizeof(word), (uintptr_t)self->room));
	EXPECT_EQ(-1, pread(fd, &word, sizeof(word), (uintptr_t)self->t.base));
	EXPECT_EQ(-1, pwrite(fd, &word, sizeof(word),
			     (uintptr_t)self->t.base));
	EXPECT_EQ(0, close(fd));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

TEST_F(mapping, ptrace_peek_and_poke)
{
	static long word = 0x5555;
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	errno = 0;
	EXPECT_EQ(word, ptrace(PTRACE_PEEKDATA, pid, &word, NULL));
	EXPECT_EQ(0, errno);
	EXPECT_EQ(-1, ptrace(PTRACE_PEEKDATA, pid, self->t.base, NULL));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, pid, self->t.base, 0));
	EXPECT_EQ(EIO, errno);
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(mapping, process_vm)
{
	long word = 0;
	struct iovec local = { .iov_base = &word, .iov_len = sizeof(word) };
	struct iovec remote = {
		.iov_base = self->t.base,
		.iov_len = sizeof(word),
	};
	struct iovec readable = {
		.iov_base = (void *)permissions,
		.iov_len = sizeof(word),
	};

	if (process_vm_readv(getpid(), &local, 1, &readable, 1, 0) < 0)
		SKIP(return, "no process_vm_readv (CONFIG_CROSS_MEMORY_ATTACH)");
	EXPECT_EQ(-1, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

/* Nothing puts a page there. */
TEST_F(mapping, never_has_a_page)
{
	const size_t size = self->t.attr.map_size;
	unsigned char resident[PAGES];
	long long rss = -1;
	char *p;

	if (smaps_number(self->t.base, "Rss:", &rss))
		SKIP(return, "no /proc/self/smaps (CONFIG_PROC_PAGE_MONITOR)");
	EXPECT_EQ(-1, madvise(self->t.base, size, MADV_POPULATE_READ));
	EXPECT_EQ(-1, madvise(self->t.base, size, MADV_POPULATE_WRITE));
	madvise(self->t.base, size, MADV_WILLNEED);
	mincore(self->t.base, size, resident);
	mlock(self->t.base, size);
	EXPECT_NE(0, try_load(self->t.base));
	EXPECT_NE(0, try_store(self->t.base));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_EQ(0, smaps_number(self->t.base, "Rss:", &rss));
	EXPECT_EQ(0, rss);
	EXPECT_EQ(0, smaps_number(self->t.base, "Locked:", &rss));
	EXPECT_EQ(0, rss);

	p = mmap(NULL, size, self->t.attr.map_prot,
		 self->t.attr.map_flags | MAP_POPULATE, self->t.fd, 0);
	if (p == MAP_FAILED)
		return;
	EXPECT_TRUE(page_at(self, 1, p + self->page));
	EXPECT_EQ(0, smaps_number(p, "Rss:", &rss));
	EXPECT_EQ(0, rss);
}

TEST_F(mapping, mlockall)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };
	struct table t;

	if (setrlimit(RLIMIT_MEMLOCK, &lim))
		SKIP(return, "may not lock memory");
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	ASSERT_EQ(0, table_open(&t, 2 * self->per_page, variant->flags));
	ASSERT_EQ(1, set_value(t.fd, self->per_page, 5));
	EXPECT_TRUE(gives(table_entry(&t, self->per_page), 5));
	ASSERT_EQ(0, munmap(t.base, self->page));
	EXPECT_TRUE(gives(table_entry(&t, self->per_page), 5));
	ASSERT_EQ(0, munlockall());
	EXPECT_TRUE(gives(table_entry(&t, self->per_page), 5));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

/* Advice that would throw away, or do harm to, what has pages. */
TEST_F(mapping, advice)
{
	static const int all[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_COLD, MADV_PAGEOUT,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_DODUMP, MADV_DONTDUMP, MADV_WIPEONFORK,
		MADV_KEEPONFORK, MADV_COLLAPSE,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		madvise(self->t.base, self->t.attr.map_size, all[i]);
		madvise(page_of(self, 1 + i % 4), self->page, all[i]);
		EXPECT_TRUE(pages_work(self, 0, PAGES - 1)) {
			TH_LOG("advice %d", all[i]);
		}
	}
	EXPECT_TRUE(table_works(self));
}

TEST_F(mapping, dump_flag)
{
	char flags[256];
	long long rss;

	if (smaps_number(self->t.base, "Rss:", &rss))
		SKIP(return, "no /proc/self/smaps (CONFIG_PROC_PAGE_MONITOR)");
	ASSERT_EQ(0, smaps_flags(self->t.base, flags, sizeof(flags)));
	EXPECT_TRUE(contains(flags, " dd")) {
		TH_LOG("flags%s", flags);
	}
	/* None that would let it get a permission, or grow. */
	EXPECT_TRUE(!contains(flags, " mr") && !contains(flags, " mw") &&
		    !contains(flags, " me") && !contains(flags, " gd")) {
		TH_LOG("flags%s", flags);
	}
	madvise(self->t.base, self->t.attr.map_size, MADV_DODUMP);
	ASSERT_EQ(0, smaps_flags(self->t.base, flags, sizeof(flags)));
	EXPECT_TRUE(contains(flags, " dd"));
}

/* Neighbours that could be one mapping: each keeps its own addresses. */
TEST_F(mapping, never_merges)
{
	char first[256], second[256];
	struct table other;

	if ((variant->flags & TRAMPFD_SHARED) && !shared_at_any_page())
		SKIP(return, NO_SUCH_PAGE);
	ASSERT_EQ(0, table_create(&other, PAGES * self->per_page,
				  variant->flags));
	ASSERT_EQ(1, set_value(other.fd, 0, 1));
	table_unmap(&self->t);
	ASSERT_EQ(0, table_map_at(&self->t, self->room));
	ASSERT_EQ(0, table_map_at(&other, self->room +
					  self->t.attr.map_size));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_TRUE(gives(other.base, 1));
	EXPECT_TRUE(is_plain(other.base + other.attr.stride));
	ASSERT_TRUE(maps_line(self->t.base, first, sizeof(first)));
	ASSERT_TRUE(maps_line(other.base, second, sizeof(second)));
	EXPECT_STRNE(first, second);

	/* Also the two halves of one, split and put together again. */
	table_close(&other);
	ASSERT_TRUE(mremap(page_of(self, 3), 3 * self->page, 3 * self->page,
			   MREMAP_MAYMOVE | MREMAP_FIXED, page_of(self, 8)) ==
		    page_of(self, 8));
	ASSERT_TRUE(mremap(page_of(self, 8), 3 * self->page, 3 * self->page,
			   MREMAP_MAYMOVE | MREMAP_FIXED, page_of(self, 3)) ==
		    page_of(self, 3));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	ASSERT_TRUE(maps_line(page_of(self, 0), first, sizeof(first)));
	ASSERT_TRUE(maps_line(page_of(self, 3), second, sizeof(second)));
	EXPECT_STRNE(first, second);
	ASSERT_EQ(0, munmap(page_of(self, 2), 2 * self->page));
	EXPECT_TRUE(pages_work(self, 0, 1));
	EXPECT_TRUE(pages_gone(self, 2, 3));
	EXPECT_TRUE(pages_work(self, 4, 5));
}

#ifdef __LP64__
#define EHDR	Elf64_Ehdr
#define PHDR	Elf64_Phdr
#else
#define EHDR	Elf32_Ehdr
#define PHDR	Elf32_Phdr
#endif

/* The size in the file of what the core in @path has for @addr; -1: nothing. */
static long long dumped(const char *path, const void *addr)
{
	int fd = open(path, O_RDONLY);
	long long size = -2;
	EHDR eh;
	PHDR ph;
	int i;

	if (fd < 0)
		return -3;
	if (pread(fd, &eh, sizeof(eh), 0) == sizeof(eh) &&
	    !memcmp(eh.e_ident, ELFMAG, SELFMAG)) {
		size = -1;
		for (i = 0; i < eh.e_phnum; i++) {
			if (pread(fd, &ph, sizeof(ph),
				  eh.e_phoff + i * sizeof(ph)) != sizeof(ph))
				break;
			if (ph.p_type == PT_LOAD &&
			    (uintptr_t)addr >= ph.p_vaddr &&
			    (uintptr_t)addr < ph.p_vaddr + ph.p_memsz)
				size = ph.p_filesz;
		}
	}
	close(fd);
	return size;
}

FIXTURE(core) {
	char pattern[256];
	char path[64];
	bool changed;
};

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"

FIXTURE_SETUP(core)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (file_read(CORE_PATTERN, self->pattern, sizeof(self->pattern)) < 0)
		SKIP(return, "no " CORE_PATTERN " (CONFIG_COREDUMP)");
	snprintf(self->path, sizeof(self->path), "/tmp/trampfd-core");
	if (file_write(CORE_PATTERN, self->path))
		SKIP(return, "may not write to " CORE_PATTERN);
	self->changed = true;
}

/* In the parent, because it has to be put back also after a crash. */
FIXTURE_TEARDOWN_PARENT(core)
{
	if (self->changed)
		file_write(CORE_PATTERN, self->pattern);
}

TEST_F(core, never_dumped)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };
	struct table t;
	char path[96];
	char *data;
	pid_t pid;

	ASSERT_EQ(0, table_open(&t, 16, 0));
	ASSERT_EQ(1, set_value(t.fd, 0, 1));
	/* Something that has to be in a core. */
	data = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(data != MAP_FAILED);
	data[0] = 1;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		setrlimit(RLIMIT_CORE, &lim);
		if (gives(table_entry(&t, 0), 1))
			abort();
		_exit(1);
	}
	ASSERT_EQ(128 + SIGABRT, child_status(pid));
	snprintf(path, sizeof(path), "%s", self->path);
	if (access(path, F_OK))
		snprintf(path, sizeof(path), "%s.%d", self->path, pid);
	if (access(path, F_OK))
		SKIP(return, "no core is written (CONFIG_ELF_CORE)");
	EXPECT_EQ(getpagesize(), dumped(path, data));
	EXPECT_GE(0, dumped(path, t.base));
	EXPECT_EQ(0, unlink(path));
}

TEST_HARNESS_MAIN
