// SPDX-License-Identifier: GPL-2.0
/* What only m68k has: instructions that go into a page, and odd addresses. */
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

FIXTURE(port) {
	struct table t;
	struct test_stack stack;
	struct context c;
	struct cpu_state in;
	struct cpu_state out;
};

FIXTURE_SETUP(port)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 4));
	ASSERT_EQ(0, table_create(&self->t, 16, 0));
	arch_fill(&self->in,
		  stack_pointer(&self->stack, self->stack.size / 2), 0);
}

FIXTURE_TEARDOWN(port)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

/*
 * An instruction whose second word would be the trampoline: the address that
 * faults is that of a set one, and the PC is not.
 */
TEST_F(port, instruction_across_the_border)
{
	const size_t page = getpagesize();
	char *mem = mmap(NULL, page + self->t.attr.map_size,
			 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	uint16_t *code = (uint16_t *)(mem + page);
	int target;

	ASSERT_TRUE(mem != MAP_FAILED);
	code[-1] = 0x4efa;		/* jmp (d16,%pc) */
	code[-2] = 0x4e71;		/* nop */
	ASSERT_EQ(0, mprotect(mem, page, PROT_READ | PROT_EXEC));
	__builtin___clear_cache(mem, mem + page);
	ASSERT_EQ(0, table_map_at(&self->t, mem + page));
	context_init(&self->c, 0, arch_target(1));
	context_reg(&self->c, ARCH_DATA_REG, 5);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));

	ASSERT_EQ(SIGSEGV, try_run(&self->in, &code[-1], ARCH_BY_JUMP,
				   &self->out, &target));
	EXPECT_TRUE(trap_is_plain(table_entry(&self->t, 0)));
	EXPECT_EQ((unsigned long)&code[-1], trap.state.reg[ARCH_PC]);
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));

	/* Or else this would prove nothing: what goes there with no second word. */
	ASSERT_EQ(0, mprotect(mem, page, PROT_READ | PROT_WRITE));
	code[-1] = 0x4e71;
	ASSERT_EQ(0, mprotect(mem, page, PROT_READ | PROT_EXEC));
	__builtin___clear_cache(mem, mem + page);
	ASSERT_EQ(0, try_run(&self->in, &code[-1], ARCH_BY_JUMP, &self->out,
			     &target));
	EXPECT_EQ(1, target);
	EXPECT_TRUE(state_kept(&self->in, &self->out, &self->c));
}

/* An argument is where the ABI has it, at any even address. */
TEST_F(port, arguments_at_even_addresses)
{
	static union {
		struct context c;
		char room[sizeof(struct context) + 2];
	} moved;
	struct trampfd_contexts arg;
	struct context *c = (void *)(moved.room + 2);

	ASSERT_EQ(0, table_map(&self->t));
	context_init(c, 3, arch_target(2));
	context_reg(c, ARCH_DATA_REG, 7);
	arg = context_argument(c);
	ASSERT_EQ(2UL, (uintptr_t)arg.records % 4);
	ASSERT_EQ(1, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_EQ(1, context_get(self->t.fd, 3, &self->c));
	EXPECT_TRUE(context_equal(c, &self->c));
}

TEST_HARNESS_MAIN
