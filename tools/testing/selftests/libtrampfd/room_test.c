// SPDX-License-Identifier: GPL-2.0
/*
 * Where the first table is: in the program's or the library's own image, for unwinders to find
 * its unwind table without its being registered.  Also with fault entries, as where the kernel
 * has no code entries.
 */
#include <sys/mman.h>

#include "library_util.h"
#include "sysctl.h"

/* The size of the table's part with fault entries, and the largest page there is. */
#define FIRST_SIZE	65536UL

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

/* A part of a table goes; with the page of the first number, its address does. */
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

TEST_HARNESS_MAIN
