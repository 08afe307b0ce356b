// SPDX-License-Identifier: GPL-2.0
/* What is mapped or moved over a mapping, and what is left of it where that is refused. */
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "mapping_util.h"

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

TEST_HARNESS_MAIN
