// SPDX-License-Identifier: GPL-2.0
/* What only 32-bit arm has: two states of execution, and If-Then blocks. */
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#define CPSR_Z		0x40000000UL
#define CPSR_THUMB	0x20UL
/* The next instruction is the last of an If-Then block, for "equal". */
#define CPSR_IT_EQ	0x800UL

#define THUMB(addr)	((uintptr_t)(addr) | 1)

/* Which target has run: misread in the other state, neither gives its own. */
#define IN_ARM		0xa1U
#define IN_THUMB	0xb1U

FIXTURE(arm) {
	struct table t;
	struct test_stack stack;
	struct cpu_state in;
	struct cpu_state out;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(arm)

/* The trampolines, by where they lead. */
enum to {
	TO_ARM,
	TO_THUMB,
};

FIXTURE_SETUP(arm)
{
	struct context c;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 4));
	ASSERT_EQ(0, table_open(&self->t, 16, 0));
	arch_fill(&self->in,
		  stack_pointer(&self->stack, self->stack.size / 2), 0);
	ASSERT_EQ(0U, (uintptr_t)arm_target_in_arm & 1);
	ASSERT_EQ(1U, (uintptr_t)arm_target_in_thumb & 1);
	context_init(&c, TO_ARM, (uintptr_t)arm_target_in_arm);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	context_init(&c, TO_THUMB, (uintptr_t)arm_target_in_thumb);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
}

FIXTURE_TEARDOWN(arm)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

struct entering {
	arm_caller *caller;
	uintptr_t entry;
	unsigned long value;
};

static void do_enter(void *p)
{
	struct entering *entering = p;

	entering->value = entering->caller(entering->entry);
}

/* What the target gives, 0 if there was a signal. */
static unsigned long entered(arm_caller *caller, uintptr_t entry)
{
	struct entering entering = { .caller = caller, .entry = entry };

	return try_function(do_enter, &entering) ? 0 : entering.value;
}

/* The target is entered in its own state, whichever the caller's is. */
TEST_F(arm, states)
{
	uintptr_t to_arm = (uintptr_t)table_entry(&self->t, TO_ARM);
	uintptr_t to_thumb = (uintptr_t)table_entry(&self->t, TO_THUMB);

	EXPECT_EQ(IN_ARM, entered(arm_call_in_arm, to_arm));
	EXPECT_EQ(IN_ARM, entered(arm_jump_in_arm, to_arm));
	EXPECT_EQ(IN_ARM, entered(arm_call_in_thumb, to_arm));
	EXPECT_EQ(IN_ARM, entered(arm_jump_in_thumb, to_arm));
	EXPECT_EQ(IN_THUMB, entered(arm_call_in_arm, to_thumb));
	EXPECT_EQ(IN_THUMB, entered(arm_jump_in_arm, to_thumb));
	EXPECT_EQ(IN_THUMB, entered(arm_call_in_thumb, to_thumb));
	EXPECT_EQ(IN_THUMB, entered(arm_jump_in_thumb, to_thumb));
}

/* In Thumb state, the entry is the same one. */
TEST_F(arm, entry_in_thumb_state)
{
	uintptr_t to_arm = (uintptr_t)table_entry(&self->t, TO_ARM);
	uintptr_t to_thumb = (uintptr_t)table_entry(&self->t, TO_THUMB);

	EXPECT_EQ(IN_ARM, entered(arm_call_in_arm, THUMB(to_arm)));
	EXPECT_EQ(IN_ARM, entered(arm_call_in_thumb, THUMB(to_arm)));
	EXPECT_EQ(IN_ARM, entered(arm_move_in_thumb, to_arm));
	EXPECT_EQ(IN_THUMB, entered(arm_call_in_arm, THUMB(to_thumb)));
	EXPECT_EQ(IN_THUMB, entered(arm_call_in_thumb, THUMB(to_thumb)));
	EXPECT_EQ(IN_THUMB, entered(arm_move_in_thumb, to_thumb));
}

/* From one trampoline to another, in either state, and on. */
TEST_F(arm, chain_in_both_states)
{
	char *to_thumb = table_entry(&self->t, TO_THUMB);
	struct context c;

	context_init(&c, 4, THUMB(to_thumb));
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	context_init(&c, 5, (uintptr_t)to_thumb);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_EQ(IN_THUMB, entered(arm_call_in_arm, (uintptr_t)table_entry(&self->t, 4)));
	EXPECT_EQ(IN_THUMB, entered(arm_call_in_arm, (uintptr_t)table_entry(&self->t, 5)));
}

/* Thumb instructions can be at any even address, trampolines can't. */
TEST_F(arm, middle_of_an_entry_in_thumb_state)
{
	int i, target;

	for (i = 2; i < 16; i += 2) {
		char *addr = table_entry(&self->t, TO_THUMB) + i;

		EXPECT_EQ(SIGSEGV, try_run(&self->in, (void *)THUMB(addr),
					   ARCH_BY_CALL, &self->out, &target));
		EXPECT_TRUE(trap_is_plain(addr));
		EXPECT_EQ(THUMB(addr), trap.state.reg[ARCH_PC]);
		EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
	}
}

static int set_pc(DATA *self, uint64_t pc)
{
	struct context c;

	context_init(&c, 6, pc);
	return context_set(self->t.fd, &c);
}

/* Bit 0 is the state; without it, addresses are a multiple of four. */
TEST_F(arm, pc_of_each_state)
{
	struct context c;

	EXPECT_EQ(1, set_pc(self, 0x1000));
	EXPECT_EQ(1, set_pc(self, 0x1001));
	EXPECT_EQ(-EINVAL, set_pc(self, 0x1002));
	EXPECT_EQ(1, set_pc(self, 0x1003));
	ASSERT_EQ(1, context_get(self->t.fd, 6, &c));
	EXPECT_EQ(0x1003U, c.reg[0].value);
}

/* To be allowed in one state is not to be allowed in the other. */
TEST_F(arm, allowed_state)
{
	uint64_t pcs[] = {
		(uintptr_t)arm_target_in_arm, (uintptr_t)arm_target_in_thumb,
	};

	ASSERT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
	EXPECT_EQ(1, set_pc(self, pcs[0]));
	EXPECT_EQ(1, set_pc(self, pcs[1]));
	EXPECT_EQ(-EPERM, set_pc(self, pcs[0] | 1));
	EXPECT_EQ(-EPERM, set_pc(self, pcs[1] & ~1ULL));
}

/* Where the handler goes on, and with which condition flags and states. */
static uintptr_t next_pc;
static unsigned long next_cpsr;

static void go_on(int signo, siginfo_t *info, void *p)
{
	mcontext_t *mc = &((ucontext_t *)p)->uc_mcontext;

	mc->arm_pc = next_pc;
	mc->arm_cpsr &= ~(CPSR_Z | CPSR_THUMB);
	mc->arm_cpsr |= next_cpsr;
	mc->arm_r0 = 0x55;
}

static void do_stop(void *value)
{
	*(unsigned long *)value = arm_stop();
}

/* Go to @pc in Thumb state, in an If-Then block whose condition is false. */
static unsigned long resumed(uintptr_t pc)
{
	struct sigaction sa = {
		.sa_sigaction = go_on,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	unsigned long value = 0;
	int signo;

	next_pc = pc;
	next_cpsr = CPSR_THUMB | CPSR_IT_EQ;
	sigaction(SIGILL, &sa, NULL);
	signo = try_function(do_stop, &value);
	trap_init();
	return signo ? 0 : value;
}

/* Its first instruction is left out, or else the test below proves nothing. */
TEST_F(arm, if_then_block_itself)
{
	EXPECT_EQ(0x55U, resumed((uintptr_t)arm_target_in_thumb & ~1UL));
}

/* A branch ends the block, so nothing of the target is left out. */
TEST_F(arm, if_then_block)
{
	EXPECT_EQ(IN_THUMB, resumed((uintptr_t)table_entry(&self->t, TO_THUMB)));
	EXPECT_EQ(IN_ARM, resumed((uintptr_t)table_entry(&self->t, TO_ARM)));
}

/*
 * Half of an instruction is in the page before the trampolines.  What faults is
 * an entry's address, but nobody has called it.
 */
TEST_F(arm, instruction_across_the_border)
{
	size_t page = getpagesize();
	char *mem = mmap(NULL, page + self->t.attr.map_size,
			 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	uint16_t *half = (uint16_t *)(mem + page) - 1;
	int target;

	ASSERT_TRUE(mem != MAP_FAILED);
	*half = 0xf04f;				/* mov.w r0, # */
	__builtin___clear_cache(mem, mem + page);
	ASSERT_EQ(0, mprotect(mem, page, PROT_READ | PROT_EXEC));
	table_unmap(&self->t);
	ASSERT_EQ(0, table_map_at(&self->t, mem + page));
	EXPECT_EQ(IN_ARM, entered(arm_call_in_arm, (uintptr_t)mem + page));

	EXPECT_EQ(SIGSEGV, try_run(&self->in, (void *)THUMB(half), ARCH_BY_CALL,
				   &self->out, &target));
	EXPECT_EQ(SEGV_ACCERR, trap.code);
	EXPECT_EQ(THUMB(half), trap.state.reg[ARCH_PC]);
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
	EXPECT_EQ(0, munmap(mem, page));
}

TEST_HARNESS_MAIN
