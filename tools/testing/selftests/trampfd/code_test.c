// SPDX-License-Identifier: GPL-2.0
/*
 * TRAMPFD_CODE: which calls need the kernel, what they do, and what is in the data
 * slots.
 */
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "code_util.h"

#define NTRAMPOLINES	16

FIXTURE(code) {
	struct table t;
	struct test_stack stack;
	struct cpu_state in;
};

FIXTURE_VARIANT(code) {
	unsigned int nregs;
};

FIXTURE_VARIANT_ADD(code, none) {
	.nregs = 0,
};

FIXTURE_VARIANT_ADD(code, one) {
	.nregs = 1,
};

FIXTURE_VARIANT_ADD(code, two) {
	.nregs = 2,
};

FIXTURE_VARIANT_ADD(code, three) {
	.nregs = 3,
};

FIXTURE_SETUP(code)
{
	if (code_missing())
		SKIP(return, "%s", code_missing());
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 8));
	ASSERT_EQ(0, code_open(&self->t, NTRAMPOLINES, variant->nregs));
	arch_fill(&self->in, stack_pointer(&self->stack, self->stack.size / 2),
		  0);
}

FIXTURE_TEARDOWN(code)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

TEST_F(code, unset)
{
	EXPECT_TRUE(both_are_unset(&self->t, &self->in, 0));
	EXPECT_TRUE(both_are_unset(&self->t, &self->in, NTRAMPOLINES - 1));
	EXPECT_TRUE(slot_is_out(&self->t, 0));
	EXPECT_TRUE(slot_is_out(&self->t, NTRAMPOLINES - 1));
}

/* What the page has beyond the last trampoline behaves as an unset one. */
TEST_F(code, behind_the_last_trampoline)
{
	EXPECT_TRUE(both_are_unset(&self->t, &self->in, NTRAMPOLINES));
	EXPECT_TRUE(both_are_unset(&self->t, &self->in,
				   table_per_page(&self->t) - 1));
}

/* Whether the page was there before or is made of what is set: the same. */
TEST_F(code, set_with_promise)
{
	struct context c;
	unsigned int i;

	for (i = 0; i < NTRAMPOLINES; i++) {
		shape_context(&self->t, &c, i, i, IDLE);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
		if (i % 2)
			EXPECT_TRUE(slot_has(&self->t, &c));
		arch_fill(&self->in, self->in.reg[ARCH_SP], i);
		EXPECT_TRUE(both_do(&self->t, &self->in, &c));
		EXPECT_TRUE(slot_has(&self->t, &c));
		EXPECT_TRUE(is_fast(&self->t, i));
	}
	for (i = 0; i < NTRAMPOLINES; i++) {
		shape_context(&self->t, &c, i, i, IDLE);
		EXPECT_TRUE(both_do(&self->t, &self->in, &c));
	}
}

TEST_F(code, set_without_promise)
{
	struct context c, other;

	shape_context(&self->t, &other, 1, 7, IDLE);
	ASSERT_EQ(1, context_set(self->t.fd, &other));
	shape_context(&self->t, &c, 2, 1, 0);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(both_do(&self->t, &self->in, &c));
	EXPECT_TRUE(slot_is_out(&self->t, 2));
	EXPECT_FALSE(is_fast(&self->t, 2));
	/* Nor does the same again bring it into the fast lane. */
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(slot_is_out(&self->t, 2));
	EXPECT_FALSE(is_fast(&self->t, 2));
	EXPECT_TRUE(both_do(&self->t, &self->in, &c));
	/* The promise does, and its neighbour stays. */
	c.rec.flags = IDLE;
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(slot_has(&self->t, &c));
	EXPECT_TRUE(both_do(&self->t, &self->in, &c));
	EXPECT_TRUE(slot_has(&self->t, &other));
}

/* Without promise, values that differ stay in the slot, and are not used. */
TEST_F(code, replace_without_promise)
{
	struct context a, b, c;

	shape_context(&self->t, &a, 2, 1, IDLE);
	ASSERT_EQ(1, context_set(self->t.fd, &a));
	ASSERT_TRUE(both_do(&self->t, &self->in, &a));
	shape_context(&self->t, &b, 2, 2, 0);
	ASSERT_EQ(1, context_set(self->t.fd, &b));
	if (variant->nregs) {
		EXPECT_TRUE(slot_has_values(&self->t, &a));
		EXPECT_FALSE(is_fast(&self->t, 2));
	} else {
		/* There is no value that could differ. */
		EXPECT_TRUE(slot_has(&self->t, &b));
		EXPECT_TRUE(is_fast(&self->t, 2));
	}
	EXPECT_TRUE(both_do(&self->t, &self->in, &b));
	/* Not even the old values bring it back. */
	a.rec.flags = 0;
	ASSERT_EQ(1, context_set(self->t.fd, &a));
	EXPECT_EQ(!variant->nregs, is_fast(&self->t, 2));
	if (variant->nregs)
		EXPECT_TRUE(slot_is_out(&self->t, 2));
	EXPECT_TRUE(both_do(&self->t, &self->in, &a));

	shape_context(&self->t, &c, 2, 3, IDLE);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(slot_has(&self->t, &c));
	EXPECT_TRUE(both_do(&self->t, &self->in, &c));
}

/* One value of several is enough. */
TEST_F(code, replace_of_one_value)
{
	struct context a, b;
	unsigned int k;

	for (k = 0; k < variant->nregs; k++) {
		shape_context(&self->t, &a, 2, k, IDLE);
		ASSERT_EQ(1, context_set(self->t.fd, &a));
		ASSERT_TRUE(both_do(&self->t, &self->in, &a));
		b = a;
		b.rec.flags = 0;
		b.reg[1 + k].value ^= 1UL << (8 * sizeof(long) - 1);
		ASSERT_EQ(1, context_set(self->t.fd, &b));
		EXPECT_TRUE(slot_has_values(&self->t, &a));
		EXPECT_FALSE(is_fast(&self->t, 2));
		EXPECT_TRUE(both_do(&self->t, &self->in, &b));
	}
}

TEST_F(code, replace_with_promise)
{
	struct context c;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		shape_context(&self->t, &c, 2, i, IDLE);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
		EXPECT_TRUE(both_do(&self->t, &self->in, &c));
		EXPECT_TRUE(slot_has(&self->t, &c));
	}
}

/* The PC alone may change at any time: it stays in the fast lane. */
TEST_F(code, replace_of_pc)
{
	struct context c;
	unsigned int n;

	shape_context(&self->t, &c, 2, 1, IDLE);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	ASSERT_TRUE(both_do(&self->t, &self->in, &c));
	c.rec.flags = 0;
	for (n = 0; n < ARCH_NTARGETS; n++) {
		c.reg[0].value = arch_target(n);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
		EXPECT_TRUE(slot_has(&self->t, &c));
		EXPECT_TRUE(is_fast(&self->t, 2));
		EXPECT_TRUE(both_do(&self->t, &self->in, &c));
	}
	/* The order of registers has no meaning. */
	if (variant->nregs) {
		struct trampfd_reg pc = c.reg[0];

		c.reg[0] = c.reg[variant->nregs];
		c.reg[variant->nregs] = pc;
		c.reg[variant->nregs].value = arch_target(1);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
		EXPECT_TRUE(slot_has(&self->t, &c));
		EXPECT_TRUE(both_do(&self->t, &self->in, &c));
	}
}

TEST_F(code, remove)
{
	struct context c;

	shape_context(&self->t, &c, 2, 1, IDLE);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	ASSERT_TRUE(both_do(&self->t, &self->in, &c));
	EXPECT_EQ(1, remove_one(self->t.fd, 2));
	EXPECT_TRUE(slot_has_values(&self->t, &c));
	EXPECT_TRUE(both_are_unset(&self->t, &self->in, 2));
	/* The values that it had are no reason to trust the next ones. */
	c.rec.flags = 0;
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(slot_is_out(&self->t, 2));
	EXPECT_FALSE(is_fast(&self->t, 2));
	EXPECT_TRUE(both_do(&self->t, &self->in, &c));
	c.rec.flags = IDLE;
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(slot_has(&self->t, &c));
	/* From the slow lane, too. */
	c.rec.flags = 0;
	c.reg[0].value = arch_target(2);
	c.reg[c.rec.nregs - 1].value ^= !!variant->nregs;
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_EQ(1, remove_one(self->t.fd, 2));
	EXPECT_TRUE(slot_is_out(&self->t, 2));
	EXPECT_TRUE(both_are_unset(&self->t, &self->in, 2));
}

/* Neither of them touches a word, be the trampoline in the fast lane or not. */
TEST_F(code, seal_and_allow)
{
	const uint64_t pcs[] = { arch_target(0), arch_target(1) };
	unsigned char page[4096];
	struct context c[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		shape_context(&self->t, &c[i], i, i, i ? 0 : IDLE);
		ASSERT_EQ(1, context_set(self->t.fd, &c[i]));
	}
	memcpy(page, code_slot(&self->t, 0), sizeof(page));
	EXPECT_EQ(0, allow(self->t.fd, pcs, 2));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(1, seal_one(self->t.fd, i));
	EXPECT_EQ(0, memcmp(page, code_slot(&self->t, 0), sizeof(page)));
	/* Nor does a call that fails for their sake. */
	for (i = 0; i < 2; i++) {
		shape_context(&self->t, &c[i], i, i + 4, IDLE);
		EXPECT_EQ(-EPERM, context_set(self->t.fd, &c[i]));
		EXPECT_EQ(-EPERM, remove_one(self->t.fd, i));
	}
	shape_context(&self->t, &c[0], 2, 2, IDLE);
	EXPECT_EQ(-EPERM, context_set(self->t.fd, &c[0]));
	EXPECT_EQ(0, memcmp(page, code_slot(&self->t, 0), sizeof(page)));
	for (i = 0; i < 2; i++) {
		shape_context(&self->t, &c[i], i, i, 0);
		EXPECT_TRUE(both_do(&self->t, &self->in, &c[i]));
	}
	EXPECT_TRUE(is_fast(&self->t, 0));
}

TEST_F(code, sealed_with_promise)
{
	struct context c, got;

	shape_context(&self->t, &c, 2, 1, IDLE | SEALED);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(slot_has(&self->t, &c));
	EXPECT_TRUE(both_do(&self->t, &self->in, &c));
	ASSERT_EQ(1, context_get(self->t.fd, 2, &got));
	EXPECT_TRUE(context_equal(&c, &got));
	EXPECT_EQ(-EPERM, context_set(self->t.fd, &c));
}

/* Records of one call act one after the other. */
TEST_F(code, two_records_of_one_trampoline)
{
	struct context c[2];

	shape_context(&self->t, &c[0], 2, 1, IDLE);
	shape_context(&self->t, &c[1], 2, 2, 0);
	ASSERT_EQ(2, set_contexts(self->t.fd, c, 2));
	EXPECT_EQ(!variant->nregs, is_fast(&self->t, 2));
	EXPECT_TRUE(both_do(&self->t, &self->in, &c[1]));
	if (variant->nregs)
		EXPECT_TRUE(slot_is_out(&self->t, 2));

	/* The page is there now. */
	ASSERT_EQ(2, set_contexts(self->t.fd, c, 2));
	if (variant->nregs)
		EXPECT_TRUE(slot_has_values(&self->t, &c[0]));
	EXPECT_TRUE(both_do(&self->t, &self->in, &c[1]));

	c[0].rec.flags = 0;
	c[1].rec.flags = IDLE;
	ASSERT_EQ(2, set_contexts(self->t.fd, c, 2));
	EXPECT_TRUE(slot_has(&self->t, &c[1]));
	EXPECT_TRUE(both_do(&self->t, &self->in, &c[1]));
}

/* The fault entry does what code can't. */
TEST_F(code, more_than_the_shape)
{
	struct context c, a;
	size_t i;

	shape_context(&self->t, &a, 2, 3, IDLE);
	for (i = 0; i < arch_nsettable; i++) {
		unsigned int k, reg = arch_settable[i].number;

		shape_context(&self->t, &c, 2, i, IDLE);
		for (k = 0; k < c.rec.nregs && c.reg[k].name != reg; k++)
			;
		if (k < c.rec.nregs)
			continue;
		ASSERT_EQ(1, context_set(self->t.fd, &a));
		ASSERT_TRUE(slot_has(&self->t, &a));
		context_reg(&c, reg, 0x1234567);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
		EXPECT_TRUE(slot_has_values(&self->t, &a));
		EXPECT_FALSE(is_fast(&self->t, 2));
		EXPECT_TRUE(both_do(&self->t, &self->in, &c)) {
			TH_LOG("register %s", arch_settable[i].name);
		}
	}
}

TEST_F(code, stack_data)
{
	struct context c, a;

	shape_context(&self->t, &a, 2, 3, IDLE);
	ASSERT_EQ(1, context_set(self->t.fd, &a));
	ASSERT_TRUE(slot_has(&self->t, &a));
	shape_context(&self->t, &c, 2, 4, IDLE);
	context_stack(&c, 4 * ARCH_WORD, ARCH_RED_ZONE, 5);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(slot_has_values(&self->t, &a));
	EXPECT_FALSE(is_fast(&self->t, 2));
	EXPECT_TRUE(both_do(&self->t, &self->in, &c));
	ASSERT_EQ(1, context_set(self->t.fd, &a));
	EXPECT_TRUE(slot_has(&self->t, &a));
	EXPECT_TRUE(both_do(&self->t, &self->in, &a));
}

TEST_F(code, extreme_values)
{
	const unsigned long values[] = {
		0, 1, -1UL, -1UL >> 1, ~(-1UL >> 1), 0x80000000UL, 0xffffffffUL,
	};
	struct context c;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		shape_context(&self->t, &c, 2, i, IDLE);
		for (k = 0; k < variant->nregs; k++)
			c.reg[1 + k].value = values[i];
		ASSERT_EQ(1, context_set(self->t.fd, &c));
		EXPECT_TRUE(slot_has(&self->t, &c));
		EXPECT_TRUE(both_do(&self->t, &self->in, &c));
	}
}

/* Trampolines that lead to each other by their code entries. */
TEST_F(code, chain)
{
	struct context c;
	unsigned int i;

	for (i = 0; i < NTRAMPOLINES; i++) {
		shape_context(&self->t, &c, i, i, i % 3 ? IDLE : 0);
		if (i < NTRAMPOLINES - 1)
			c.reg[0].value = (uintptr_t)code_entry(&self->t, i + 1);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
	}
	/* The last one's values are those that are left. */
#ifdef ARCH_JUMP_REG
	self->in.reg[ARCH_JUMP_REG] = (uintptr_t)fault_entry(&self->t, i - 1);
#endif
	EXPECT_TRUE(does(&self->in, code_entry(&self->t, 0), TO_CODE, &c));
	EXPECT_TRUE(does(&self->in, fault_entry(&self->t, 0), TO_FAULT, &c));
}

/* A table that was read can be written as it is, and is as it was. */
TEST_F(code, restore)
{
	struct context c[NTRAMPOLINES], got[NTRAMPOLINES], again;
	struct table t;
	unsigned int i;

	for (i = 0; i < NTRAMPOLINES; i++) {
		shape_context(&self->t, &c[i], i, i,
			      (i % 2 ? IDLE : 0) | (i % 4 / 2 ? SEALED : 0));
		ASSERT_EQ(1, context_set(self->t.fd, &c[i]));
		ASSERT_EQ(1, context_get(self->t.fd, i, &got[i]));
		EXPECT_TRUE(context_equal(&c[i], &got[i]));
	}
	ASSERT_EQ(0, code_open(&t, NTRAMPOLINES, variant->nregs));
	ASSERT_EQ(NTRAMPOLINES, set_contexts(t.fd, got, NTRAMPOLINES));
	for (i = 0; i < NTRAMPOLINES; i++) {
		ASSERT_EQ(1, context_get(t.fd, i, &again));
		EXPECT_TRUE(context_equal(&c[i], &again));
		EXPECT_TRUE(both_do(&t, &self->in, &c[i]));
		EXPECT_EQ(slot_pc(&self->t, i) == c[i].reg[0].value,
			  slot_pc(&t, i) == c[i].reg[0].value);
	}
	table_close(&t);
}

TEST_F(code, fdinfo)
{
	struct context c;
	long long n;
	char path[64], text[1024];
	unsigned int i;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->t.fd);
	ASSERT_LT(0, file_read(path, text, sizeof(text)));
	EXPECT_TRUE(contains(text, "trampfd-type:\tcode\n"));
	ASSERT_EQ(0, fdinfo_number(self->t.fd, "trampfd-stride:", &n));
	EXPECT_EQ(self->t.attr.stride, n);
	for (i = 0; i < 6; i++) {
		shape_context(&self->t, &c, i, i, i % 3 ? IDLE : 0);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
	}
	EXPECT_EQ(0, fdinfo_number(self->t.fd, "trampfd-set:", &n));
	EXPECT_EQ(6, n);
	EXPECT_EQ(0, fdinfo_number(self->t.fd, "trampfd-fast:", &n));
	EXPECT_EQ(4, n);
	EXPECT_EQ(2, remove_range(self->t.fd, 0, 2));
	context_stack(&c, 4 * ARCH_WORD, ARCH_RED_ZONE, 5);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_EQ(0, fdinfo_number(self->t.fd, "trampfd-fast:", &n));
	EXPECT_EQ(2, n);
}

/* In a table without code, the promise is taken and has no effect. */
TEST(promise_without_code)
{
	struct context c, got;
	struct table t;
	long long n;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	ASSERT_EQ(0, table_open(&t, 4, 0));
	context_init(&c, 1, ARCH_CODE(arch_data));
	context_reg(&c, ARCH_DATA_REG, 55);
	c.rec.flags = IDLE | SEALED;
	ASSERT_EQ(1, context_set(t.fd, &c));
	EXPECT_EQ(55U, call(table_entry(&t, 1)));
	ASSERT_EQ(1, context_get(t.fd, 1, &got));
	EXPECT_EQ((unsigned int)SEALED, got.rec.flags);
	EXPECT_EQ(-ENOENT, fdinfo_number(t.fd, "trampfd-fast:", &n));
	table_close(&t);
}

TEST_HARNESS_MAIN
