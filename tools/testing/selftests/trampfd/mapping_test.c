// SPDX-License-Identifier: GPL-2.0
/* What may be done to a mapping: unmap, move and seal it, and have more than one. */
#include <linux/mempolicy.h>
#include <sys/syscall.h>

#include "mapping_util.h"

#ifndef __NR_mseal
#define __NR_mseal	462
#endif

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

TEST_HARNESS_MAIN
