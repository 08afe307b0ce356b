// SPDX-License-Identifier: GPL-2.0
/*
 * Nested functions in a constructor of a library that dlopen() loads, which waits
 * for a thread that has some too.
 */
#include <dlfcn.h>

#include "../kselftest_harness.h"
#include "util.h"

FIXTURE(constructor) {
};

FIXTURE_SETUP(constructor)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
}

FIXTURE_TEARDOWN(constructor)
{
}

/* If a thread in there wants what dlopen() holds, they wait for each other. */
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
}

TEST_HARNESS_MAIN
