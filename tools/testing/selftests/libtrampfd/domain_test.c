// SPDX-License-Identifier: GPL-2.0
/*
 * What the library gives where SELinux refuses a program its trampolines, or only code.
 *
 * The policy and its domains are those of ../trampfd/selinux/.  Without that policy, this
 * program skips.
 */
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "../trampfd/selinux_util.h"
#include "entries.h"
#include "util.h"

/* What the domain may have. */
enum entries { NONE, FAULT, CODE };

/* What the code entries of these tests load. */
static const uint32_t shape[] = { REG_CONTEXT };

FIXTURE(domain) {
	/* The domain may have code entries, and this CPU and ABI have them. */
	bool code;
};

FIXTURE_VARIANT(domain) {
	const char *context;
	enum entries entries;
};

FIXTURE_VARIANT_ADD(domain, code) {
	.context = DOMAIN("trampfd_test_code_t"),
	.entries = CODE,
};

FIXTURE_VARIANT_ADD(domain, no_execute) {
	.context = DOMAIN("trampfd_test_no_execute_t"),
	.entries = FAULT,
};

FIXTURE_VARIANT_ADD(domain, fault) {
	.context = DOMAIN("trampfd_test_fault_t"),
	.entries = FAULT,
};

FIXTURE_VARIANT_ADD(domain, none) {
	.context = DOMAIN("trampfd_test_none_t"),
	.entries = NONE,
};

FIXTURE_SETUP(domain)
{
	void *writable;

	if (!policy_enforced())
		SKIP(return, NO_POLICY);
	/* Before the domain could refuse it. */
	self->code = variant->entries == CODE && stride_of(shape, 1);
	ASSERT_TRUE(enter_domain(variant->context));
	/* The old way is closed in all of them. */
	writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(writable == MAP_FAILED);
	ASSERT_EQ(errno, EACCES);
}

FIXTURE_TEARDOWN(domain)
{
}

/* A trampoline of the kind that the domain may have; it is called, and freed. */
static bool as_allowed(enum entries entries, bool code, void *trampoline)
{
	bool good;

	if (entries == NONE)
		return !trampoline && errno == EACCES;
	if (!trampoline || trampfd_init(trampoline, context_target, (void *)77L))
		return false;
	good = call(trampoline) == 77 && is_code(trampoline) == code;
	return !trampfd_free(trampoline) && good;
}

TEST_F(domain, default_pool)
{
	errno = 0;
	EXPECT_TRUE(as_allowed(variant->entries, self->code, trampfd_alloc()));
	/* What was decided stays so. */
	errno = 0;
	EXPECT_TRUE(as_allowed(variant->entries, self->code, trampfd_alloc()));
}

TEST_F(domain, own_pool)
{
	struct trampfd_pool_attr attr = {
		.size = sizeof(attr), .shape = shape, .shape_nregs = 1,
	};
	struct trampfd_pool *pool = trampfd_pool_create(&attr);
	void *trampoline = NULL;

	/* Making a pool asks the kernel for nothing. */
	ASSERT_TRUE(!!pool);
	EXPECT_EQ(trampfd_pool_has_code(pool) > 0, self->code);
	errno = 0;
	EXPECT_EQ(trampfd_pool_alloc(pool, &trampoline, 1), variant->entries == NONE ? -1 : 0);
	EXPECT_TRUE(as_allowed(variant->entries, self->code, trampoline));
	trampfd_pool_destroy(pool);
}

/* A child decides nothing anew. */
TEST_F(domain, after_fork)
{
	void *before;
	pid_t pid;

	before = trampfd_alloc();
	ASSERT_EQ(!before, variant->entries == NONE);
	pid = fork();
	if (!pid) {
		errno = 0;
		if (before && !as_allowed(variant->entries, self->code, before))
			_exit(1);
		errno = 0;
		_exit(!as_allowed(variant->entries, self->code, trampfd_alloc()));
	}
	EXPECT_EQ(status_of(pid), 0);
}

TEST_HARNESS_MAIN
