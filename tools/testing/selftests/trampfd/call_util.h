/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of calls share: a table, a stack and registers, and a call that is checked. */
#ifndef CALL_UTIL_H
#define CALL_UTIL_H

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#define NTRAMPOLINES	16

FIXTURE(call) {
	struct table t;
	struct test_stack stack;
	unsigned long sp;
	struct cpu_state in;
	struct cpu_state out;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(call)
#define VARIANT	FIXTURE_VARIANT(call)

FIXTURE_VARIANT(call) {
	unsigned int flags;
	enum arch_how how;
};

FIXTURE_VARIANT_ADD(call, private) {
	.flags = 0,
	.how = ARCH_BY_CALL,
};

#if !defined(TRAMPFD_BY_ADDRESS) && !defined(TRAMPFD_BY_CODE)
FIXTURE_VARIANT_ADD(call, shared) {
	.flags = TRAMPFD_SHARED,
	.how = ARCH_BY_CALL,
};
#endif

/* A tail call: nothing is pushed before the hit. */
FIXTURE_VARIANT_ADD(call, by_jump) {
	.flags = 0,
	.how = ARCH_BY_JUMP,
};

FIXTURE_SETUP(call)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 8));
	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, variant->flags));
	ASSERT_TRUE(controlled_as_built(&self->t));
	/* So that SP is the same at each variant's hit. */
	self->sp = stack_pointer(&self->stack, self->stack.size / 2);
	arch_fill(&self->in, self->sp, 0);
	if (variant->how == ARCH_BY_CALL)
		self->in.reg[ARCH_SP] += ARCH_CALL_PUSH;
}

FIXTURE_TEARDOWN(call)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

/* Set @c, run it, and check all that can be said of any context. */
static inline bool runs(DATA *self, const VARIANT *variant, struct context *c,
			int target)
{
	int reached;

	if (context_set(self->t.fd, c) != 1) {
		fprintf(stderr, "# can't be set\n");
		return false;
	}
	if (try_run(&self->in, table_entry(&self->t, c->rec.trampoline),
		    variant->how, &self->out, &reached)) {
		fprintf(stderr, "# signal %d at %p\n", trap.signo, trap.addr);
		return false;
	}
	if (reached != target) {
		fprintf(stderr, "# target %d, should be %d\n", reached, target);
		return false;
	}
	if (self->out.reg[ARCH_SP] !=
	    self->sp - c->rec.stack_size - c->rec.stack_skip) {
		fprintf(stderr, "# stack pointer %#lx, was %#lx\n",
			self->out.reg[ARCH_SP], self->sp);
		return false;
	}
	return state_kept(&self->in, &self->out, c);
}

#endif /* CALL_UTIL_H */
