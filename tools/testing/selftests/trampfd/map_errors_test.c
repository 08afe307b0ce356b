// SPDX-License-Identifier: GPL-2.0
/*
 * What mmap() refuses of its arguments, and what mprotect() refuses, each with the proof
 * that the failed call changed nothing.
 */
#include <linux/mman.h>
#include <sys/eventfd.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

/* What the fixture's table holds. */
enum {
	VALUE,		/* a PC and one register */
	STACK,		/* all registers and a stack context */
	SEALED,		/* a PC and one register, sealed */
	UNSET,
	NTRAMPOLINES = 8,
};

FIXTURE(map_errors) {
	struct table t;
	struct context before[UNSET];
	struct test_stack stack;
	int mappings;
};

FIXTURE_VARIANT(map_errors) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(map_errors, private) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(map_errors, shared) {
	.flags = TRAMPFD_SHARED,
};

FIXTURE_SETUP(map_errors)
{
	struct context c;
	int i;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 2));
	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, variant->flags));
	ASSERT_EQ(1, set_value(self->t.fd, VALUE, 1000));
	generation_context(&c, STACK, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	ASSERT_EQ(1, set_value(self->t.fd, SEALED, 3000));
	ASSERT_EQ(1, seal_one(self->t.fd, SEALED));
	for (i = 0; i < UNSET; i++)
		ASSERT_EQ(1, context_get(self->t.fd, i, &self->before[i]));
	self->mappings = nmappings();
	ASSERT_LT(0, self->mappings);
}

FIXTURE_TEARDOWN(map_errors)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

/* No mapping more, and contexts read back and calls do the same as before. */
static bool unchanged(const FIXTURE_DATA(map_errors) *self)
{
	struct cpu_state in, out;
	unsigned int generation;
	struct context now;
	int i, target;

	if (nmappings() != self->mappings)
		return false;
	for (i = 0; i < UNSET; i++)
		if (context_get(self->t.fd, i, &now) != 1 ||
		    !context_equal(&now, &self->before[i]))
			return false;
	for (; i < NTRAMPOLINES; i++)
		if (!is_unset(self->t.fd, i) || !is_plain(table_entry(&self->t, i)))
			return false;
	arch_fill(&in, stack_pointer(&self->stack, self->stack.size / 2), 1);
	return gives(table_entry(&self->t, VALUE), 1000) &&
	       gives(table_entry(&self->t, SEALED), 3000) &&
	       !try_run(&in, table_entry(&self->t, STACK), ARCH_BY_CALL, &out,
			&target) &&
	       generation_whole(&in, ARCH_BY_CALL, &out, target, &generation) &&
	       generation == 1;
}

/* mmap of @t with one thing changed; unmaps what should not have worked. */
static int map_error(const struct table *t, size_t size, int prot, int flags,
		     off_t offset)
{
	void *p = mmap(NULL, size, prot, flags, t->fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, size);
	return 0;
}

TEST_F(map_errors, another_size)
{
	const struct trampfd_attr *attr = &self->t.attr;
	const size_t page = getpagesize();
	struct table large;

	EXPECT_EQ(-EINVAL, map_error(&self->t, attr->map_size + page,
				     attr->map_prot, attr->map_flags, 0));
	EXPECT_EQ(-EINVAL, map_error(&self->t, 64 * page, attr->map_prot,
				     attr->map_flags, 0));

	ASSERT_EQ(0, table_create(&large, 4 * table_per_page(&self->t),
				  variant->flags));
	ASSERT_EQ(4 * page, large.attr.map_size);
	EXPECT_EQ(-EINVAL, map_error(&large, page, attr->map_prot,
				     attr->map_flags, 0));
	EXPECT_EQ(-EINVAL, map_error(&large, 3 * page, attr->map_prot,
				     attr->map_flags, 0));
	EXPECT_EQ(-EINVAL, map_error(&large, 5 * page, attr->map_prot,
				     attr->map_flags, 0));
	EXPECT_EQ(0, map_error(&large, 4 * page, attr->map_prot,
			       attr->map_flags, 0));
	table_close(&large);
	EXPECT_TRUE(unchanged(self));
}

TEST_F(map_errors, another_offset)
{
	const struct trampfd_attr *attr = &self->t.attr;
	const size_t page = getpagesize();
	struct table large;

	EXPECT_EQ(-EINVAL, map_error(&self->t, attr->map_size, attr->map_prot,
				     attr->map_flags, page));
	ASSERT_EQ(0, table_create(&large, 4 * table_per_page(&self->t),
				  variant->flags));
	EXPECT_EQ(-EINVAL, map_error(&large, 3 * page, attr->map_prot,
				     attr->map_flags, page));
	EXPECT_EQ(-EINVAL, map_error(&large, 4 * page, attr->map_prot,
				     attr->map_flags, page));
	table_close(&large);
	EXPECT_TRUE(unchanged(self));
}

static const int permissions[] = {
	PROT_READ, PROT_WRITE, PROT_EXEC, PROT_READ | PROT_WRITE,
	PROT_READ | PROT_EXEC, PROT_WRITE | PROT_EXEC,
	PROT_READ | PROT_WRITE | PROT_EXEC,
};

/* What PROT_EXEC gives for any anonymous inode, if the kernel refuses it before it asks. */
static int permission_error(int prot)
{
	int fd = eventfd(0, 0);
	void *p = mmap(NULL, getpagesize(), PROT_EXEC, MAP_PRIVATE, fd, 0);
	int error = p == MAP_FAILED ? errno : 0;

	close(fd);
	return prot & PROT_EXEC && error == EPERM ? -EPERM : -EINVAL;
}

TEST_F(map_errors, another_permission)
{
	const struct trampfd_attr *attr = &self->t.attr;
	size_t i;

	EXPECT_EQ(PROT_NONE, (int)attr->map_prot);
	for (i = 0; i < ARRAY_SIZE(permissions); i++) {
		EXPECT_EQ(permission_error(permissions[i]),
			  map_error(&self->t, attr->map_size, permissions[i],
				    attr->map_flags, 0)) {
			TH_LOG("protection %d", permissions[i]);
		}
	}
	EXPECT_TRUE(unchanged(self));
}

TEST_F(map_errors, another_sharing)
{
	const struct trampfd_attr *attr = &self->t.attr;
	int other = variant->flags & TRAMPFD_SHARED ? MAP_PRIVATE : MAP_SHARED;

	EXPECT_EQ(-EINVAL, map_error(&self->t, attr->map_size, attr->map_prot,
				     other, 0));
	if (other == MAP_SHARED)
		EXPECT_GT(0, map_error(&self->t, attr->map_size, attr->map_prot,
				       MAP_SHARED_VALIDATE, 0));
	EXPECT_EQ(0, map_error(&self->t, attr->map_size, attr->map_prot,
			       attr->map_flags, 0));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(map_errors, growsdown)
{
	const struct trampfd_attr *attr = &self->t.attr;

	EXPECT_EQ(-EINVAL, map_error(&self->t, attr->map_size, attr->map_prot,
				     attr->map_flags | MAP_GROWSDOWN, 0));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(map_errors, mprotect_any_permission)
{
	const size_t size = self->t.attr.map_size;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(permissions); i++) {
		EXPECT_EQ(-1, mprotect(self->t.base, size, permissions[i]));
		EXPECT_EQ(EACCES, errno) {
			TH_LOG("protection %d", permissions[i]);
		}
	}
	EXPECT_EQ(0, mprotect(self->t.base, size, PROT_NONE));
	EXPECT_TRUE(unchanged(self));
}

TEST_HARNESS_MAIN
