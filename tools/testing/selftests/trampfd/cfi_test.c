// SPDX-License-Identifier: GPL-2.0
/*
 * RISC-V's control-flow integrity: landing pads (Zicfilp), and shadow stacks as a place
 * for a trampoline's data (Zicfiss).
 *
 * Nothing else of this program has landing pads, so they are on only in a child, and only
 * between two system calls that riscv_guarded() makes.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "code_util.h"

/* For older headers. */
#ifndef PR_SET_CFI
#define PR_GET_CFI			80
#define PR_SET_CFI			81
#define PR_CFI_BRANCH_LANDING_PADS	0
#define PR_CFI_ENABLE			1
#define PR_CFI_DISABLE			2
#endif
#ifndef __NR_map_shadow_stack
#define __NR_map_shadow_stack		453
#endif

/* What the signal's si_code says of a jump to what is no landing pad. */
#define CONTROL_PROTECTION	10	/* SEGV_CPERR */

/* How riscv_guarded() calls. */
enum {
	INDIRECT,	/* asks for a landing pad, with 0 as its label */
	MARKED,		/* through t2: the compiler knows where it goes */
	LABELLED,	/* asks for a landing pad, with 1 as its label */
};

asm("	.text\n"
	"	.balign	4\n"
	"	.globl	riscv_guarded\n"
	"riscv_guarded:\n"
	"	addi	sp, sp, -32\n"
	"	sd	ra, 0(sp)\n"
	"	sd	s0, 8(sp)\n"
	"	sd	s1, 16(sp)\n"
	"	mv	s0, a0\n"
	"	mv	s1, a1\n"
	"	li	a1, 0\n"		/* PR_CFI_BRANCH_LANDING_PADS */
	"	li	a2, 1\n"		/* PR_CFI_ENABLE */
	"	call	riscv_set_cfi\n"
	"	mv	t2, s0\n"
	"	li	t0, 1\n"		/* MARKED */
	"	beq	s1, t0, 1f\n"
	"	slli	t2, s1, 11\n"		/* the label << 12: LABELLED is 2 */
	"	jalr	s0\n"
	"	j	2f\n"
	"1:	jalr	t2\n"
	"2:	mv	s0, a0\n"
	"	li	a1, 0\n"
	"	li	a2, 2\n"		/* PR_CFI_DISABLE */
	"	call	riscv_set_cfi\n"
	"	mv	a0, s0\n"
	"	ld	ra, 0(sp)\n"
	"	ld	s0, 8(sp)\n"
	"	ld	s1, 16(sp)\n"
	"	addi	sp, sp, 32\n"
	"	ret\n"
	"riscv_set_cfi:\n"
	"	li	a0, 81\n"		/* PR_SET_CFI */
	"	li	a3, 0\n"
	"	li	a4, 0\n"
	"	li	a7, 167\n"		/* prctl() */
	"	ecall\n"
	"	ret\n"
	"	.balign	4\n"
	"	.globl	riscv_padded\n"
	"riscv_padded:\n"
	"	.word	0x00000017\n"		/* lpad 0 */
	"	.globl	riscv_bare\n"
	"riscv_bare:\n"
	"	mv	a0, t2\n"
	"	ret\n"
	"	.balign	4\n"
	"	.globl	riscv_labelled\n"
	"riscv_labelled:\n"
	"	.word	0x00001017\n"		/* lpad 1 */
	"	li	a0, 77\n"
	"	ret\n"
	"	.balign	4\n"
	"	.globl	riscv_exit_code\n"
	"riscv_exit_code:\n"
	"	.word	0x00000017\n"
	"	lw	a0, 8(a1)\n"		/* si_code */
	"	li	a7, 94\n"		/* exit_group() */
	"	ecall\n");

static bool have_landing_pads(void)
{
	unsigned long state = 0;

	return !prctl(PR_GET_CFI, PR_CFI_BRANCH_LANDING_PADS, &state, 0, 0);
}

#define NO_PADS	"no landing pads (Zicfilp, CONFIG_RISCV_USER_CFI)"

FIXTURE(landing) {
	struct table t;
	bool code;
};

FIXTURE_VARIANT(landing) {
	bool code;
};

FIXTURE_VARIANT_ADD(landing, fault) {
	.code = false,
};

FIXTURE_VARIANT_ADD(landing, code) {
	.code = true,
};

/* It loads @value into t2: the data register, which has the label, too. */
static int set_target(const struct table *t, unsigned int trampoline,
		      unsigned long (*target)(void), unsigned long value)
{
	struct context c;

	context_init(&c, trampoline, (uintptr_t)target);
	context_reg(&c, ARCH_DATA_REG, value);
	c.rec.flags = IDLE;
	return context_set(t->fd, &c);
}

/* A table whose code entries, if it has them, load @nregs registers: t2 or none. */
static int landing_open(const FIXTURE_DATA(landing) *self, struct table *t,
			unsigned int nregs)
{
	return self->code ? code_open(t, 8, nregs) : table_open(t, 8, 0);
}

static const char *entry_of(const FIXTURE_DATA(landing) *self, const struct table *t,
			    unsigned int trampoline)
{
	return self->code ? code_entry(t, trampoline) : table_entry(t, trampoline);
}

FIXTURE_SETUP(landing)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (!have_landing_pads())
		SKIP(return, NO_PADS);
	if (variant->code && code_missing())
		SKIP(return, "%s", code_missing());
	self->code = variant->code;
	ASSERT_EQ(0, landing_open(self, &self->t, 1));
	ASSERT_EQ(1, set_target(&self->t, 0, riscv_padded, 77));
	ASSERT_EQ(1, set_target(&self->t, 1, riscv_bare, 77));
	ASSERT_EQ(1, set_target(&self->t, 2, riscv_labelled, 77));
	ASSERT_EQ(1, set_target(&self->t, 3, riscv_labelled, 1 << 12));
}

FIXTURE_TEARDOWN(landing)
{
	table_close(&self->t);
}

/* What a call in a child ends in: 0 if it gives the value, or the si_code of its signal. */
static int call_guarded(const void *entry, long how)
{
	pid_t pid = fork();

	if (!pid) {
		struct sigaction sa = {
			.sa_sigaction = riscv_exit_code,
			.sa_flags = SA_SIGINFO,
		};

		sigaction(SIGSEGV, &sa, NULL);
		_exit(riscv_guarded(entry, how) == 77 ? 0 : 100);
	}
	return child_status(pid);
}

/* The tests themselves: without a trampoline, the CPU does what they ask for. */
TEST_F(landing, pads_are_checked)
{
	EXPECT_EQ(100, call_guarded(riscv_padded, INDIRECT));
	EXPECT_EQ(CONTROL_PROTECTION, call_guarded(riscv_bare, INDIRECT));
	EXPECT_EQ(100, call_guarded(riscv_bare, MARKED));
}

TEST_F(landing, target_with_one)
{
	EXPECT_EQ(0, call_guarded(entry_of(self, &self->t, 0), INDIRECT));
	EXPECT_EQ(0, call_guarded(entry_of(self, &self->t, 0), MARKED));
}

/* However the trampoline is reached. */
TEST_F(landing, target_without)
{
	EXPECT_EQ(CONTROL_PROTECTION,
		  call_guarded(entry_of(self, &self->t, 1), INDIRECT));
	EXPECT_EQ(CONTROL_PROTECTION,
		  call_guarded(entry_of(self, &self->t, 1), MARKED));
}

/* The label is the caller's where the record does not load t2. */
TEST_F(landing, label_of_the_caller)
{
	struct context c;
	struct table t;

	EXPECT_EQ(0, call_guarded(riscv_labelled, LABELLED));
	EXPECT_EQ(CONTROL_PROTECTION, call_guarded(riscv_labelled, INDIRECT));

	ASSERT_EQ(0, landing_open(self, &t, 0));
	context_init(&c, 0, (uintptr_t)riscv_labelled);
	c.rec.flags = IDLE;
	ASSERT_EQ(1, context_set(t.fd, &c));
	EXPECT_EQ(0, call_guarded(entry_of(self, &t, 0), LABELLED));
	EXPECT_EQ(CONTROL_PROTECTION, call_guarded(entry_of(self, &t, 0), INDIRECT));
	table_close(&t);
}

/* It is that of the record where this loads t2, whatever the caller had there. */
TEST_F(landing, label_of_the_record)
{
	EXPECT_EQ(CONTROL_PROTECTION,
		  call_guarded(entry_of(self, &self->t, 2), LABELLED));
	EXPECT_EQ(CONTROL_PROTECTION,
		  call_guarded(entry_of(self, &self->t, 2), INDIRECT));
	EXPECT_EQ(0, call_guarded(entry_of(self, &self->t, 3), INDIRECT));
}

/* A process that does not use them needs none, on the same kernel. */
TEST_F(landing, switched_off)
{
	EXPECT_TRUE(gives(entry_of(self, &self->t, 1), 77));
}

/* It is not written by a push, and the call ends in a signal, not in a loop. */
TEST(push_to_a_shadow_stack)
{
	const size_t size = 4 * getpagesize();
	struct cpu_state in, out;
	struct context c;
	struct table t;
	char *shadow;
	int target;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	shadow = (void *)syscall(__NR_map_shadow_stack, NULL, size, 0);
	if (shadow == MAP_FAILED)
		SKIP(return, "no shadow stacks (Zicfiss), errno %d", errno);
	trap_init();
	ASSERT_EQ(0, table_open(&t, 8, 0));
	context_init(&c, 0, arch_target(1));
	context_stack(&c, 16, 0, 1);
	ASSERT_EQ(1, context_set(t.fd, &c));
	arch_fill(&in, (uintptr_t)shadow + size / 2, 0);
	EXPECT_EQ(SIGSEGV, try_run(&in, table_entry(&t, 0), ARCH_BY_CALL, &out,
				   &target));
	EXPECT_TRUE((char *)trap.addr >= shadow &&
		    (char *)trap.addr < shadow + size);
	EXPECT_EQ((uintptr_t)table_entry(&t, 0), trap.state.reg[ARCH_PC]);
	EXPECT_EQ(SEGV_ACCERR, trap.code);
	table_close(&t);
}

TEST_HARNESS_MAIN
