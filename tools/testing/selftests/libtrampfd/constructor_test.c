// SPDX-License-Identifier: GPL-2.0
/*
 * Nested functions where the kernel refuses and other definitions are there, which
 * come next; and in a constructor of a library that dlopen() loads, which waits for
 * a thread that has some too.
 */
#include <dlfcn.h>

#include "../kselftest_harness.h"
#include "filter.h"
#include "nested.h"
#include "util.h"

static int one(void)
{
	return 1;
}

static int called(void *trampoline)
{
	return ((int (*)(void))trampoline)();
}

FIXTURE(constructor) {
};

FIXTURE_VARIANT(constructor) {
	bool refused;
};

FIXTURE_VARIANT_ADD(constructor, allowed) {
};

FIXTURE_VARIANT_ADD(constructor, refused) {
	.refused = true,
};

FIXTURE_SETUP(constructor)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (variant->refused)
		ASSERT_TRUE(refuse(__NR_trampfd_create, EPERM));
}

FIXTURE_TEARDOWN(constructor)
{
}

/*
 * If a thread in there wants what dlopen() holds, they wait for each other: to look
 * for the next definitions is what needs it.
 */
TEST_F_TIMEOUT(constructor, waits_for_thread, 300)
{
	int (*sum)(void);
	void *library;

	library = dlopen("libconstructor.so.1", RTLD_NOW);
	ASSERT_TRUE(!!library)
		TH_LOG("%s", dlerror());
	*(void **)&sum = dlsym(library, "constructor_sum");
	ASSERT_TRUE(!!sum);
	EXPECT_EQ(sum(), 5);
	EXPECT_EQ(next_created(), variant->refused ? 2 : 0);
	EXPECT_EQ(next_deleted(), next_created());
}

/* Refused after some were made: each is deleted by what has made it. */
TEST(mixed)
{
	void *own, *next;
	int frames[2];

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	__gcc_nested_func_ptr_created(&frames[0], one, &own);
	EXPECT_EQ(called(own), 1);
	EXPECT_EQ(next_created(), 0);

	ASSERT_TRUE(refuse(__NR_trampfd_control, EPERM));
	__gcc_nested_func_ptr_created(&frames[1], one, &next);
	EXPECT_EQ(called(next), 1);
	EXPECT_EQ(next_created(), 1);
	/* The one before is as it was. */
	EXPECT_NE(own, (void *)one);
	EXPECT_EQ(called(own), 1);

	EXPECT_EQ(next_deleted(), 0);
	__gcc_nested_func_ptr_deleted();
	EXPECT_EQ(next_deleted(), 1);
	__gcc_nested_func_ptr_deleted();
	EXPECT_EQ(next_deleted(), 1);

	/* What the first made is kept, and the same again needs no call. */
	__gcc_nested_func_ptr_created(&frames[0], one, &next);
	EXPECT_EQ(next, own);
	EXPECT_EQ(next_created(), 1);
	__gcc_nested_func_ptr_deleted();
	EXPECT_EQ(next_deleted(), 1);
}

TEST_HARNESS_MAIN
