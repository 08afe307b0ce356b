// SPDX-License-Identifier: GPL-2.0
/* What only mips has: $25, delay slots, and 32-bit values in 64-bit registers. */
#include <sys/cachectl.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "../kselftest_harness.h"
#include "code_util.h"

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

/* Position-independent code has its own address in $25. */
TEST_F(port, own_address_in_t9)
{
	unsigned long pc = ARCH_CODE(mips_number_behind_t9);
	unsigned long value;
	char *entry;

	ASSERT_EQ(0, table_map(&self->t));
	entry = table_entry(&self->t, 2);
	context_init(&self->c, 2, pc);
	context_reg(&self->c, MIPS_T9, pc);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	EXPECT_TRUE(gives(entry, mips_number));

	/* Without it, the callee has what the caller put there: the address called. */
	context_init(&self->c, 2, pc);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	EXPECT_EQ(SIGSEGV, try_call(entry, &value));
	EXPECT_TRUE(trap_is_plain(entry + ((const char *)&mips_number -
					   (const char *)pc)));
}

/*
 * A branch that does not take the entry's address from $25: what is done is what the
 * slot of the address there says, and nothing of the entry that is executed.  A fault
 * entry is such a branch, as it can set $25 and the PC to what differs.
 */
TEST_F(port, code_entry_with_the_address_of_another)
{
	struct context a, b;
	unsigned int nregs;
	struct table code;
	char *branch;

	if (code_missing())
		SKIP(return, "%s", code_missing());
	ASSERT_EQ(0, table_map(&self->t));
	branch = table_entry(&self->t, 0);
	for (nregs = 0; nregs <= SHAPE_REGS; nregs++) {
		ASSERT_EQ(0, code_open(&code, 4, nregs));
		context_init(&self->c, 0, (uintptr_t)code_entry(&code, 1));
		context_reg(&self->c, MIPS_T9, (uintptr_t)code_entry(&code, 2));
		ASSERT_EQ(1, context_set(self->t.fd, &self->c));
		shape_context(&code, &a, 1, 1, IDLE);
		shape_context(&code, &b, 2, 2, IDLE);
		ASSERT_EQ(1, context_set(code.fd, &a));
		ASSERT_EQ(1, context_set(code.fd, &b));
		EXPECT_TRUE(does(&self->in, branch, TO_FAULT, &b));

		/* In the slow lane, too. */
		context_stack(&b, 4 * ARCH_WORD, ARCH_RED_ZONE, 5);
		ASSERT_EQ(1, context_set(code.fd, &b));
		EXPECT_TRUE(does(&self->in, branch, TO_FAULT, &b));
		/* As a call does it, it is another one. */
		EXPECT_TRUE(does(&self->in, code_entry(&code, 1), TO_CODE, &a));
		table_close(&code);
	}
}

#define BRANCH	0x10000000U	/* b to itself, with offsets in instructions */

/*
 * Let a branch be the last instruction before @mem + a page, and its delay slot what
 * is there; or let there be no branch.
 */
static int write_branch(char *mem, bool branch)
{
	const size_t page = getpagesize();
	unsigned int *code = (unsigned int *)(mem + page);

	if (mprotect(mem, page, PROT_READ | PROT_WRITE))
		return -errno;
	/* To the instruction before it, which is none. */
	code[-1] = branch ? BRANCH | 0xfffe : 0;
	code[-2] = 0xffffffff;
	code[-3] = BRANCH | 0xffff;
	code[-4] = 0;
	if (mprotect(mem, page, PROT_READ | PROT_EXEC) ||
	    cacheflush(mem, page, ICACHE))
		return -errno;
	return 0;
}

/* The branch before a trampoline is not to be forgotten: no hit. */
TEST_F(port, delay_slot)
{
	const size_t page = getpagesize();
	char *mem = mmap(NULL, page + self->t.attr.map_size,
			 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	const char *branch = mem + page - 4;
	int target;

	ASSERT_TRUE(mem != MAP_FAILED);
	if (write_branch(mem, true))
		SKIP(return, "code can't be written here");
	ASSERT_EQ(0, table_map_at(&self->t, mem + page));
	context_init(&self->c, 0, arch_target(1));
	context_reg(&self->c, ARCH_DATA_REG, 5);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));

	ASSERT_EQ(SIGSEGV, try_run(&self->in, branch, ARCH_BY_JUMP,
				   &self->out, &target));
	EXPECT_TRUE(trap_is_plain(table_entry(&self->t, 0)));
	EXPECT_EQ((unsigned long)branch, trap.state.reg[ARCH_PC]);
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));

	/* Or else this would prove nothing: going there without a branch. */
	ASSERT_EQ(0, write_branch(mem, false));
	ASSERT_EQ(0, try_run(&self->in, branch, ARCH_BY_JUMP, &self->out,
			     &target));
	EXPECT_EQ(1, target);
	EXPECT_TRUE(state_kept(&self->in, &self->out, &self->c));
}

/* Nor is a slot's data executed as a branch's delay slot. */
TEST_F(port, delay_slot_in_data)
{
	const size_t page = getpagesize();
	const char *branch;
	struct table t;
	char *data;
	int target;

	if (code_missing())
		SKIP(return, "%s", code_missing());
	ASSERT_EQ(0, code_open(&t, 4, 1));
	data = part_addr(&t, PART_DATA);
	branch = data - 4;
	ASSERT_TRUE(mmap(data - page, page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	if (write_branch(data - page, true))
		SKIP(return, "code can't be written here");
	ASSERT_EQ(SIGSEGV, try_run(&self->in, branch, ARCH_BY_JUMP,
				   &self->out, &target));
	EXPECT_TRUE(trap_is_plain(data));
	EXPECT_EQ((unsigned long)branch, trap.state.reg[ARCH_PC]);
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
	table_close(&t);
}

/* Kernel addresses are an address error for a push; for the data, too. */
TEST_F(port, stack_pointer_in_the_kernel)
{
#if _MIPS_SIM == _ABI64
	const unsigned long pointers[] = {
		0x8000000000000000UL, 0x9800000000100000UL, 0xc000000000100000UL,
		0xffffffff80100000UL, 0xffffffffc0100000UL,
	};
#else
	const unsigned long pointers[] = {
		0x80000000UL, 0x80100000UL, 0xa0000000UL, 0xc0100000UL,
		0xe0000000UL,
	};
#endif
	size_t i;
	int target;

	ASSERT_EQ(0, table_map(&self->t));
	context_init(&self->c, 0, arch_target(0));
	context_reg(&self->c, ARCH_DATA_REG, 1);
	context_stack(&self->c, 64, 0, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	for (i = 0; i < ARRAY_SIZE(pointers); i++) {
		self->in.reg[ARCH_SP] = pointers[i] + 4096;
		ASSERT_EQ(SIGSEGV, try_run(&self->in, table_entry(&self->t, 0),
					   ARCH_BY_JUMP, &self->out, &target));
		EXPECT_EQ(pointers[i] + 4096 - 64, (unsigned long)trap.addr);
		EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
	}
}

#if _MIPS_SIM != _ABI64

/* 32-bit values have their sign in the upper halves of 64-bit registers. */
TEST_F(port, sign_extension)
{
	static const unsigned long values[] = {
		0, 1, 0x7fffffff, 0x80000000, 0xffffffff,
	};
	struct utsname name;
	size_t i;

	ASSERT_EQ(0, uname(&name));
	if (!strcmp(name.machine, "mips"))
		SKIP(return, "a 32-bit kernel has no upper halves");
	ASSERT_EQ(0, table_map(&self->t));
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		context_init(&self->c, 1, ARCH_CODE(mips_upper_half));
		context_reg(&self->c, ARCH_DATA_REG, values[i]);
		ASSERT_EQ(1, context_set(self->t.fd, &self->c));
		EXPECT_TRUE(gives(table_entry(&self->t, 1),
				  values[i] >> 31 ? -1UL : 0)) {
			TH_LOG("value %#lx", values[i]);
		}
		ASSERT_EQ(1, context_get(self->t.fd, 1, &self->c));
		EXPECT_EQ(values[i], self->c.reg[1].value);
	}
}

/* The same where a record is like the one before it, which is another path. */
TEST_F(port, sign_extension_of_the_second_of_a_call)
{
	struct utsname name;
	struct context c[2];
	int i;

	ASSERT_EQ(0, uname(&name));
	if (!strcmp(name.machine, "mips"))
		SKIP(return, "a 32-bit kernel has no upper halves");
	ASSERT_EQ(0, table_map(&self->t));
	for (i = 0; i < 2; i++) {
		context_init(&c[i], i, ARCH_CODE(mips_upper_half));
		context_reg(&c[i], ARCH_DATA_REG, i ? 0x80000000 : 0);
	}
	ASSERT_EQ(2, context_set_both(self->t.fd, c));
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 0));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), -1UL));
}

#endif

TEST_HARNESS_MAIN
