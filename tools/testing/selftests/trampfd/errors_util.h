/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of errors share: a table, and the proof that nothing of it has changed. */
#ifndef ERRORS_UTIL_H
#define ERRORS_UTIL_H

#include "../kselftest_harness.h"
#include "trampfd_util.h"

/* What the fixture's table holds. */
enum {
	VALUE,		/* a PC and one register */
	STACK,		/* all registers and a stack context */
	SEALED,		/* a PC and one register, sealed */
	UNSET,
	UNSET_TOO,
	NTRAMPOLINES = 8,
};

FIXTURE(errors) {
	struct table t;
	struct context before[NTRAMPOLINES];
	struct test_stack stack;
	/* The last bytes before what may not be accessed. */
	char *edge;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(errors)

FIXTURE_VARIANT(errors) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(errors, private) {
	.flags = 0,
};

#ifndef TRAMPFD_BY_ADDRESS
FIXTURE_VARIANT_ADD(errors, shared) {
	.flags = TRAMPFD_SHARED,
};
#endif

FIXTURE_SETUP(errors)
{
	struct context c;
	int i;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 2));
	self->edge = self->stack.mem + self->stack.size;

	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, variant->flags));
	ASSERT_TRUE(controlled_as_built(&self->t));
	ASSERT_EQ(1, set_value(self->t.fd, VALUE, 1000));
	generation_context(&c, STACK, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	ASSERT_EQ(1, set_value(self->t.fd, SEALED, 3000));
	ASSERT_EQ(1, seal_one(self->t.fd, SEALED));

	for (i = 0; i < UNSET; i++)
		ASSERT_EQ(1, context_get(self->t.fd, i, &self->before[i]));
	for (; i < NTRAMPOLINES; i++)
		ASSERT_TRUE(is_unset(self->t.fd, i));
}

FIXTURE_TEARDOWN(errors)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

/* All contexts read back as before, and all calls do what they did before. */
static inline bool unchanged(DATA *self)
{
	struct cpu_state in, out;
	unsigned int generation;
	struct context now;
	int i, target;

	for (i = 0; i < UNSET; i++) {
		if (context_get(self->t.fd, i, &now) != 1 ||
		    !context_equal(&now, &self->before[i])) {
			fprintf(stderr, "# context %d reads different\n", i);
			return false;
		}
	}
	if (!gives(table_entry(&self->t, VALUE), 1000) ||
	    !gives(table_entry(&self->t, SEALED), 3000)) {
		fprintf(stderr, "# a call gives another value\n");
		return false;
	}

	arch_fill(&in, stack_pointer(&self->stack, self->stack.size / 2), 1);
	if (try_run(&in, table_entry(&self->t, STACK), ARCH_BY_CALL, &out,
		    &target) ||
	    !generation_whole(&in, ARCH_BY_CALL, &out, target, &generation) ||
	    generation != 1) {
		fprintf(stderr, "# the stack context's call is different\n");
		return false;
	}

	for (; i < NTRAMPOLINES; i++) {
		if (!is_unset(self->t.fd, i) ||
		    !is_plain(table_entry(&self->t, i))) {
			fprintf(stderr, "# %d is not unset any more\n", i);
			return false;
		}
	}
	return true;
}

/* A context that is fine, for the trampoline that is not set. */
static inline void good_context(struct context *c)
{
	context_init(c, UNSET, ARCH_CODE(arch_data));
	context_reg(c, ARCH_DATA_REG, 42);
}

static inline int set_pc(DATA *self, uint64_t pc)
{
	struct context c;

	context_init(&c, UNSET, 0);
	c.reg[0].value = pc;
	return context_set(self->t.fd, &c);
}

/* The last @bytes of @data that can be accessed, without the last @missing. */
static inline uintptr_t cut(DATA *self, const void *data, size_t bytes,
			    size_t missing)
{
	memcpy(self->edge - (bytes - missing), data, bytes - missing);
	return (uintptr_t)self->edge - (bytes - missing);
}

#endif /* ERRORS_UTIL_H */
