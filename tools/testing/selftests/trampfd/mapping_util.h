/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of mappings share: a table of several pages, and what is there of it. */
#ifndef MAPPING_UTIL_H
#define MAPPING_UTIL_H

#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

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
static inline bool page_at(const DATA *self, unsigned int n, char *addr)
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

static inline char *page_of(const DATA *self, unsigned int n)
{
	return self->t.base + n * self->page;
}

/* Pages @first to @last are where they were. */
static inline bool pages_work(const DATA *self, unsigned int first, unsigned int last)
{
	unsigned int i;

	for (i = first; i <= last; i++)
		if (!page_at(self, i, page_of(self, i)))
			return false;
	return true;
}

static inline bool pages_gone(const DATA *self, unsigned int first, unsigned int last)
{
	unsigned int i;

	for (i = first; i <= last; i++)
		if (!is_unmapped(page_of(self, i)) ||
		    !is_unmapped(page_of(self, i) + self->t.attr.stride))
			return false;
	return true;
}

/* The descriptor works on trampolines that have no address for the time. */
static inline bool table_works(const DATA *self)
{
	unsigned int i;

	for (i = 0; i < PAGES * self->per_page; i += self->per_page / 2) {
		if (!has_value(self->t.fd, i, 1000 + i) ||
		    set_value(self->t.fd, i, 1000 + i) != 1)
			return false;
	}
	return true;
}

#endif /* MAPPING_UTIL_H */
