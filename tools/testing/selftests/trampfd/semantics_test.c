// SPDX-License-Identifier: GPL-2.0
/*
 * What a call does: hits and what is none, registers, the stack, and that a
 * context is seen whole.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

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
static bool runs(DATA *self, const VARIANT *variant,
		 struct context *c, int target)
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

/* The attr tells how it is mapped, and more than enough fit into a page. */
TEST_F(call, attr)
{
	const struct trampfd_attr *attr = &self->t.attr;
	int shared = variant->flags & TRAMPFD_SHARED;

	EXPECT_EQ(PROT_NONE, (int)attr->map_prot);
	EXPECT_EQ(shared ? MAP_SHARED : MAP_PRIVATE, (int)attr->map_flags);
	EXPECT_EQ(0U, attr->map_offset);
	EXPECT_LE(attr->type == TRAMPFD_CODE ? 128U : 256U, 4096 / attr->stride);
	EXPECT_EQ(0U, attr->map_size % getpagesize());
	EXPECT_LE((uint64_t)NTRAMPOLINES * attr->stride, attr->map_size);
}

/* The PC alone: nothing else changes. */
TEST_F(call, pc_only)
{
	struct context c;
	int i;

	for (i = 0; i < ARCH_NTARGETS; i++) {
		arch_fill(&self->in, self->in.reg[ARCH_SP], i);
		context_init(&c, i, arch_target(i));
		EXPECT_TRUE(runs(self, variant, &c, i));
	}
}

/* Each register by itself: it changes, and the others don't. */
TEST_F(call, each_register)
{
	struct context c;
	size_t i;

	for (i = 0; i < arch_nsettable; i++) {
		arch_fill(&self->in, self->in.reg[ARCH_SP], i);
		context_init(&c, 0, arch_target(0));
		context_reg(&c, arch_settable[i].number, 0x1234567 + i);
		EXPECT_TRUE(runs(self, variant, &c, 0)) {
			TH_LOG("register %s", arch_settable[i].name);
		}
	}
}

TEST_F(call, all_registers)
{
	struct context c;
	size_t i;

	context_init(&c, 3, arch_target(2));
	for (i = 0; i < arch_nsettable; i++)
		context_reg(&c, arch_settable[i].number, 0x7654321 * i);
	EXPECT_TRUE(runs(self, variant, &c, 2));
}

/* The PC need not be the first, nor any register at its place by number. */
TEST_F(call, registers_in_any_order)
{
	struct trampfd_reg pc;
	struct context c;
	size_t i;

	context_init(&c, 3, arch_target(1));
	for (i = arch_nsettable; i-- > 0;)
		context_reg(&c, arch_settable[i].number, 0x7654321 * i);
	pc = c.reg[0];
	c.reg[0] = c.reg[c.rec.nregs / 2];
	c.reg[c.rec.nregs / 2] = pc;
	EXPECT_TRUE(runs(self, variant, &c, 1));
}

/* No bit of a value is lost, and none has a meaning of its own. */
TEST_F(call, extreme_values)
{
	const unsigned long values[] = {
		0, 1, -1UL, -1UL >> 1, ~(-1UL >> 1), 0x80000000UL, 0xffffffffUL,
	};
	struct context c;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		context_init(&c, 0, arch_target(0));
		for (k = 0; k < arch_nsettable; k++)
			context_reg(&c, arch_settable[k].number, values[i]);
		EXPECT_TRUE(runs(self, variant, &c, 0));
	}
}

/* A function that returns does so to where the trampoline was called from. */
TEST_F(call, return_of_target)
{
	struct context c;
	int target;

	if (variant->how == ARCH_BY_JUMP) {
		ASSERT_EQ(1, set_value(self->t.fd, 0, 77));
		EXPECT_EQ(77U, call(table_entry(&self->t, 0)));
		return;
	}
	context_init(&c, 0, ARCH_CODE(arch_data));
	context_reg(&c, ARCH_DATA_REG, 77);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	ASSERT_EQ(0, try_run(&self->in, table_entry(&self->t, 0), variant->how,
			     &self->out, &target));
	EXPECT_EQ(ARCH_RETURNED, target);
	EXPECT_EQ(77U, self->out.reg[ARCH_DATA_REG]);
	EXPECT_EQ(self->in.reg[ARCH_SP], self->out.reg[ARCH_SP]);
}

/* Each trampoline has its own address and its own context. */
TEST_F(call, every_trampoline)
{
	int i;

	ASSERT_EQ(NTRAMPOLINES, set_values(self->t.fd, 0, NTRAMPOLINES, 500));
	for (i = 0; i < NTRAMPOLINES; i++)
		EXPECT_EQ(500U + i, call(table_entry(&self->t, i)));
}

/* Set again and again, each in a context of another kind. */
TEST_F(call, replace)
{
	struct context c;
	int i;

	for (i = 0; i < 12; i++) {
		generation_context(&c, 5, i);
		EXPECT_TRUE(runs(self, variant, &c, i % ARCH_NTARGETS));
	}
	context_init(&c, 5, arch_target(3));
	EXPECT_TRUE(runs(self, variant, &c, 3));
}

TEST_F(call, the_same_trampoline_twice_in_a_call)
{
	struct context c[2];
	int i;

	for (i = 0; i < 2; i++) {
		context_init(&c[i], 7, ARCH_CODE(arch_data));
		context_reg(&c[i], ARCH_DATA_REG, 10 + i);
	}
	EXPECT_EQ(2, context_set_both(self->t.fd, c));
	EXPECT_TRUE(gives(table_entry(&self->t, 7), 11));
	EXPECT_TRUE(has_value(self->t.fd, 7, 11));
}

TEST_F(call, remove)
{
	ASSERT_EQ(3, set_values(self->t.fd, 0, 3, 20));
	EXPECT_EQ(1, remove_one(self->t.fd, 1));
	EXPECT_TRUE(is_plain(table_entry(&self->t, 1)));
	EXPECT_TRUE(is_unset(self->t.fd, 1));
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 20));
	EXPECT_TRUE(gives(table_entry(&self->t, 2), 22));
	EXPECT_EQ(1, set_value(self->t.fd, 1, 30));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 30));
}

/* TRAMPFD_GET tells what TRAMPFD_SET was told, whatever it was. */
TEST_F(call, read_back)
{
	struct context c, got;
	int i;

	for (i = 0; i < 12; i++) {
		generation_context(&c, i, i);
		if (i == 11)
			c.rec.flags = TRAMPFD_RECORD_SEALED;
		ASSERT_EQ(1, context_set(self->t.fd, &c));
	}
	for (i = 0; i < 12; i++) {
		generation_context(&c, i, i);
		if (i == 11)
			c.rec.flags = TRAMPFD_RECORD_SEALED;
		ASSERT_EQ(1, context_get(self->t.fd, i, &got));
		EXPECT_TRUE(context_equal(&c, &got));
		EXPECT_EQ((unsigned int)ARCH_PC, got.reg[0].name);
	}
	/* What was read can be set as it is. */
	got.rec.trampoline = 12;
	EXPECT_TRUE(runs(self, variant, &got, 11 % ARCH_NTARGETS));
}

TEST_F(call, read_back_many)
{
	struct trampfd_record rec[6];
	struct trampfd_reg reg[6 * TRAMPFD_REGS_MAX];
	unsigned char stack[6 * TRAMPFD_STACK_MAX];
	struct trampfd_contexts arg = {
		.records = (uintptr_t)rec,
		.regs = (uintptr_t)reg,
		.stack = (uintptr_t)stack,
		.nrecords = 6,
		.nregs = ARRAY_SIZE(reg),
		.stack_size = sizeof(stack),
	};
	struct context c, got;
	unsigned int nregs = 0, nstack = 0;
	int i;

	memset(rec, 0, sizeof(rec));
	for (i = 0; i < 6; i++) {
		generation_context(&c, i, i);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
		rec[i].trampoline = 5 - i;
	}
	ASSERT_EQ(6, control(self->t.fd, TRAMPFD_GET, &arg));
	for (i = 0; i < 6; i++) {
		generation_context(&c, 5 - i, 5 - i);
		got.rec = rec[i];
		ASSERT_EQ(c.rec.nregs, got.rec.nregs);
		ASSERT_EQ(c.rec.stack_size, got.rec.stack_size);
		memcpy(got.reg, reg + nregs, got.rec.nregs * sizeof(*reg));
		memcpy(got.stack, stack + nstack, got.rec.stack_size);
		EXPECT_TRUE(context_equal(&c, &got));
		nregs += got.rec.nregs;
		nstack += got.rec.stack_size;
	}
}

/* Sealing changes nothing but who may set it. */
TEST_F(call, seal)
{
	struct context c;

	ASSERT_EQ(1, set_value(self->t.fd, 0, 60));
	ASSERT_EQ(1, context_get(self->t.fd, 0, &c));
	EXPECT_EQ(0U, c.rec.flags);
	EXPECT_EQ(1, seal_one(self->t.fd, 0));
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 60));
	ASSERT_EQ(1, context_get(self->t.fd, 0, &c));
	EXPECT_EQ((unsigned int)TRAMPFD_RECORD_SEALED, c.rec.flags);
	EXPECT_EQ(1, seal_one(self->t.fd, 0));
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 60));
	/* Its neighbour is free. */
	EXPECT_EQ(1, set_value(self->t.fd, 1, 61));
	EXPECT_EQ(1, remove_one(self->t.fd, 1));
}

TEST_F(call, allowed_pcs)
{
	uint64_t pcs[TRAMPFD_PCS_MAX];
	struct context c;
	size_t i;

	/* As long as can be, unsorted, and with some of them twice. */
	for (i = 0; i < ARRAY_SIZE(pcs); i++)
		pcs[i] = 0x1000 + (i * 7919) % 512 * ARCH_PC_ALIGN;
	pcs[0] = arch_target(3);
	pcs[511] = arch_target(0);
	pcs[ARRAY_SIZE(pcs) - 1] = arch_target(2);
	ASSERT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));

	context_init(&c, 0, arch_target(3));
	EXPECT_TRUE(runs(self, variant, &c, 3));
	context_init(&c, 0, arch_target(0));
	EXPECT_TRUE(runs(self, variant, &c, 0));
	context_init(&c, 0, arch_target(2));
	EXPECT_TRUE(runs(self, variant, &c, 2));
	context_init(&c, 0, arch_target(1));
	EXPECT_EQ(-EPERM, context_set(self->t.fd, &c));
	for (i = 1; i < ARRAY_SIZE(pcs) - 1; i += 31) {
		context_init(&c, 1, pcs[i]);
		EXPECT_EQ(1, context_set(self->t.fd, &c));
	}
}

/* A trampoline may lead to another one: each adds its register. */
TEST_F(call, chain)
{
	struct context c, all;
	int reached;
	size_t i;

	context_init(&all, 0, 0);
	for (i = 0; i < arch_nsettable && i < NTRAMPOLINES - 1; i++) {
		context_init(&c, i, (uintptr_t)table_entry(&self->t, i + 1));
		context_reg(&c, arch_settable[i].number, 900 + i);
		context_reg(&all, arch_settable[i].number, 900 + i);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
	}
	context_init(&c, i, arch_target(1));
	ASSERT_EQ(1, context_set(self->t.fd, &c));

	ASSERT_EQ(0, try_run(&self->in, table_entry(&self->t, 0), variant->how,
			     &self->out, &reached));
	EXPECT_EQ(1, reached);
	EXPECT_EQ(self->sp, self->out.reg[ARCH_SP]);
	EXPECT_TRUE(state_kept(&self->in, &self->out, &all));
}

/* The kernel does not follow the PC; what is there is the program's affair. */
TEST_F(call, target_without_code)
{
	char *page = mmap(NULL, getpagesize(),
			  data_runs() ? PROT_NONE : PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct context c;
	unsigned long value;

	ASSERT_TRUE(page != MAP_FAILED);
	context_init(&c, 0, (uintptr_t)page);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_EQ(SIGSEGV, try_call(table_entry(&self->t, 0), &value));
	EXPECT_TRUE(trap.addr == ARCH_FAULT_ADDR(page));
	EXPECT_EQ((unsigned long)page, trap.state.reg[ARCH_PC]);

	ASSERT_EQ(0, munmap(page, getpagesize()));
	EXPECT_EQ(SIGSEGV, try_call(table_entry(&self->t, 0), &value));
	EXPECT_TRUE(trap.addr == ARCH_FAULT_ADDR(page));
	EXPECT_EQ(SEGV_MAPERR, trap.code);
}

/*
 * What is no hit is what it would be in a page without permissions, and leaves
 * the registers alone.
 */
static bool no_hit(DATA *self,
		   const VARIANT *variant, char *addr)
{
	int target;

	if (!try_run(&self->in, addr, variant->how, &self->out, &target)) {
		fprintf(stderr, "# a hit\n");
		return false;
	}
	if (!trap_is_plain(addr)) {
		fprintf(stderr, "# signal %d, code %d, address %p\n",
			trap.signo, trap.code, trap.addr);
		return false;
	}
	return ARCH_FAULT_ADDR((char *)trap.state.reg[ARCH_PC]) == trap.addr &&
	       trap.state.reg[ARCH_SP] == self->sp &&
	       state_kept(&self->in, &trap.state, NULL);
}

TEST_F(call, unset_trampoline)
{
	ASSERT_EQ(1, set_value(self->t.fd, 4, 1));
	EXPECT_TRUE(no_hit(self, variant, table_entry(&self->t, 3)));
	EXPECT_TRUE(no_hit(self, variant, table_entry(&self->t, 5)));
	ASSERT_EQ(1, remove_one(self->t.fd, 4));
	EXPECT_TRUE(no_hit(self, variant, table_entry(&self->t, 4)));
}

/* Code has instructions in the middle, and can be read: see code_mapping_test. */
#ifndef TRAMPFD_BY_CODE
TEST_F(call, middle_of_an_entry)
{
	unsigned int i;

	ASSERT_EQ(NTRAMPOLINES, set_values(self->t.fd, 0, NTRAMPOLINES, 1));
	for (i = ARCH_PC_ALIGN; i < self->t.attr.stride; i += ARCH_PC_ALIGN) {
		EXPECT_TRUE(no_hit(self, variant,
				   table_entry(&self->t, 4) + i)) {
			TH_LOG("byte %u", i);
		}
	}
	EXPECT_TRUE(gives(table_entry(&self->t, 4), 5));
	EXPECT_TRUE(gives(table_entry(&self->t, 5), 6));
}
#endif

/* The mapping ends with its page, and the table before that. */
TEST_F(call, behind_the_last_trampoline)
{
	char *end = self->t.base + self->t.attr.map_size;

	ASSERT_EQ(NTRAMPOLINES, set_values(self->t.fd, 0, NTRAMPOLINES, 1));
	EXPECT_TRUE(no_hit(self, variant, table_entry(&self->t, NTRAMPOLINES)));
	EXPECT_TRUE(no_hit(self, variant, end - self->t.attr.stride));
}

#ifndef TRAMPFD_BY_CODE
TEST_F(call, load_and_store)
{
	unsigned int i;

	ASSERT_EQ(NTRAMPOLINES, set_values(self->t.fd, 0, NTRAMPOLINES, 1));
	for (i = 0; i <= self->t.attr.stride; i++) {
		char *addr = table_entry(&self->t, 4) + i;

		EXPECT_EQ(SIGSEGV, try_load(addr));
		EXPECT_TRUE(trap_is_plain(addr));
		EXPECT_EQ(SIGSEGV, try_store(addr));
		EXPECT_TRUE(trap_is_plain(addr));
	}
	EXPECT_TRUE(gives(table_entry(&self->t, 4), 5));
}

/* System calls can't read or write there either. */
TEST_F(call, access_by_system_calls)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(1, set_value(self->t.fd, 0, 5));
	EXPECT_EQ(-1, write(p[1], table_entry(&self->t, 0), 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(-1, read(p[0], table_entry(&self->t, 0), 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 5));
}
#endif

/* Not mapped at all: another error than without permissions. */
TEST_F(call, after_unmapping)
{
	char *entry = table_entry(&self->t, 0);

	ASSERT_EQ(1, set_value(self->t.fd, 0, 5));
	table_unmap(&self->t);
	EXPECT_TRUE(is_unmapped(entry));
}

/* All sizes and distances: where, what, and that nothing above is touched. */
TEST_F(call, stack_data)
{
	static const unsigned int sizes[] = { 1, 2, 3, 4, 5, 16, 31, 32 };
	static const unsigned int skips[] = { 0, 1, 2, 7, 16, 128 };
	unsigned char *mem = (void *)self->stack.mem;
	struct context c;
	size_t i, k, n;

	for (i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(skips); i++) {
		unsigned int size = sizes[i % ARRAY_SIZE(sizes)] * ARCH_WORD;
		unsigned int skip = skips[i / ARRAY_SIZE(sizes)] * ARCH_WORD;
		unsigned char *data = (void *)(self->sp - skip - size);

		if (size > TRAMPFD_STACK_MAX || skip > TRAMPFD_STACK_SKIP_MAX)
			continue;
		memset(mem, 0xcc, self->stack.size);
		context_init(&c, 0, arch_target(0));
		context_reg(&c, ARCH_DATA_REG, i);
		context_stack(&c, size, skip, i);
		ASSERT_TRUE(runs(self, variant, &c, 0)) {
			TH_LOG("%u bytes, %u skipped", size, skip);
		}
		EXPECT_EQ(0, memcmp(data, c.stack, size));
		/* What is skipped stays, the ABI's red zone for one. */
		for (k = 0; k < skip; k++)
			ASSERT_EQ(0xcc, data[size + k]);
		/* Nothing else is written to, but for the return address. */
		n = self->in.reg[ARCH_SP] - (unsigned long)mem;
		for (; n < self->stack.size; n++)
			ASSERT_EQ(0xcc, mem[n]);
		for (n = 0; mem + n < data; n++)
			ASSERT_EQ(0xcc, mem[n]);
	}
}

/* Sizes that are no multiple, with a distance that makes the sum one. */
TEST_F(call, stack_data_of_odd_size)
{
	struct context c;
	unsigned int i;

	for (i = 1; i < ARCH_WORD; i++) {
		context_init(&c, 0, arch_target(0));
		context_stack(&c, 32 + i, ARCH_WORD - i, i);
		ASSERT_TRUE(runs(self, variant, &c, 0));
		EXPECT_EQ(0, memcmp((void *)self->out.reg[ARCH_SP], c.stack,
				    32 + i));
	}
}

/* So little that it would fit where others have a register. */
TEST_F(call, stack_data_alone)
{
	struct context c, got;
	unsigned int words;

	for (words = 1; words <= 4; words++) {
		context_init(&c, 0, arch_target(0));
		context_stack(&c, words * ARCH_WORD, 0, words);
		ASSERT_TRUE(runs(self, variant, &c, 0));
		EXPECT_EQ(0, memcmp((void *)self->out.reg[ARCH_SP], c.stack,
				    words * ARCH_WORD));
		ASSERT_EQ(1, context_get(self->t.fd, 0, &got));
		EXPECT_TRUE(context_equal(&c, &got));
	}
}

/* The longest data and the longest distance. */
TEST_F(call, stack_maximum)
{
	struct context c;

	context_init(&c, 0, arch_target(0));
	context_stack(&c, TRAMPFD_STACK_MAX, TRAMPFD_STACK_SKIP_MAX, 1);
	ASSERT_TRUE(runs(self, variant, &c, 0));
	EXPECT_EQ(0, memcmp((void *)self->out.reg[ARCH_SP], c.stack,
			    TRAMPFD_STACK_MAX));
}

/* Any stack pointer that the program has, aligned or not. */
TEST_F(call, stack_pointer_of_any_alignment)
{
	struct context c;
	int i;

	for (i = 0; i < 16; i++) {
		context_init(&c, 0, arch_target(0));
		context_stack(&c, 64, 0, i);
		self->in.reg[ARCH_SP]++;
		self->sp++;
		ASSERT_TRUE(runs(self, variant, &c, 0));
		EXPECT_EQ(0, memcmp((void *)self->out.reg[ARCH_SP], c.stack,
				    64));
	}
}

/* Pages that are not there yet: the one that SP is in, and the one below. */
TEST_F(call, stack_grows_into_absent_pages)
{
	const size_t page = getpagesize();
	struct test_stack fresh;
	struct context c;
	int above;

	/* How much of 64 bytes is in the upper page. */
	for (above = 0; above <= 64; above += ARCH_WORD) {
		ASSERT_EQ(0, stack_open(&fresh, 4));
		self->sp = stack_pointer(&fresh, 2 * page + above);
		self->in.reg[ARCH_SP] = self->sp;
		if (variant->how == ARCH_BY_CALL)
			self->in.reg[ARCH_SP] += ARCH_CALL_PUSH;
		context_init(&c, 0, arch_target(0));
		context_reg(&c, ARCH_DATA_REG, 1);
		context_stack(&c, 64, 0, above);
		ASSERT_TRUE(runs(self, variant, &c, 0)) {
			TH_LOG("%d bytes above the border", above);
		}
		EXPECT_EQ(0, memcmp((void *)(self->sp - 64), c.stack, 64));
		stack_close(&fresh);
	}
}

/* A page shared with a child is the program's own after the push. */
TEST_F(call, stack_copied_on_write)
{
	struct context c;
	pid_t pid;
	int p[2];

	ASSERT_EQ(0, pipe(p));
	memset(self->stack.mem, 0xcc, self->stack.size);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		unsigned char *data = (void *)(self->sp - 64);
		bool same = !pipe_wait(p[0]);
		int i;

		for (i = 0; i < 64; i++)
			same &= data[i] == 0xcc;
		_exit(!same);
	}
	context_init(&c, 0, arch_target(0));
	context_stack(&c, 64, 0, 1);
	EXPECT_TRUE(runs(self, variant, &c, 0));
	EXPECT_EQ(0, memcmp((void *)(self->sp - 64), c.stack, 64));
	ASSERT_EQ(0, pipe_tell(p[1]));
	EXPECT_EQ(0, child_status(pid));
}

/* A stack that grows downwards does so for a trampoline as for a push. */
TEST_F(call, stack_that_grows)
{
	const size_t page = getpagesize();
	/* Room below, for the stack guard gap and for what it grows to. */
	const size_t room = 2048 * page;
	struct context c;
	char *low, *mem;

	low = mmap(NULL, room, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(low != MAP_FAILED);
	ASSERT_EQ(0, munmap(low, room));
	mem = mmap(low + room - page, page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1,
		   0);
	ASSERT_TRUE(mem != MAP_FAILED);

	self->sp = (unsigned long)mem + 32;
	self->in.reg[ARCH_SP] = self->sp;
	if (variant->how == ARCH_BY_CALL)
		self->in.reg[ARCH_SP] += ARCH_CALL_PUSH;
	context_init(&c, 0, arch_target(0));
	context_stack(&c, 256, 0, 1);
	EXPECT_TRUE(runs(self, variant, &c, 0));
	EXPECT_EQ(0, memcmp((void *)(self->sp - 256), c.stack, 256));
	/* And with a distance: wholly below what is there. */
	self->sp = (unsigned long)mem - page + 32;
	self->in.reg[ARCH_SP] = self->sp;
	if (variant->how == ARCH_BY_CALL)
		self->in.reg[ARCH_SP] += ARCH_CALL_PUSH;
	context_init(&c, 0, arch_target(0));
	context_stack(&c, 256, TRAMPFD_STACK_SKIP_MAX, 2);
	EXPECT_TRUE(runs(self, variant, &c, 0));
	EXPECT_EQ(0, memcmp((void *)(self->sp - 256 - TRAMPFD_STACK_SKIP_MAX),
			    c.stack, 256));
}

static DATA *alternate;
static const VARIANT *alternate_variant;
static bool alternate_ran;
static struct context alternate_context;

static void on_alternate_stack(int signo)
{
	alternate_ran = runs(alternate, alternate_variant, &alternate_context,
			     0);
}

/* In a handler on its own stack, the data goes there. */
TEST_F(call, alternate_stack)
{
	const size_t size = 256 * 1024;
	struct sigaction sa = {
		.sa_handler = on_alternate_stack,
		.sa_flags = SA_ONSTACK,
	};
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t ss = { .ss_sp = mem, .ss_size = size };

	ASSERT_TRUE(mem != MAP_FAILED);
	ASSERT_EQ(0, sigaltstack(&ss, NULL));
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	/* The lower part of it, which the handler does not reach. */
	self->sp = (unsigned long)mem + 16 * 1024;
	self->in.reg[ARCH_SP] = self->sp;
	if (variant->how == ARCH_BY_CALL)
		self->in.reg[ARCH_SP] += ARCH_CALL_PUSH;
	context_init(&alternate_context, 0, arch_target(0));
	context_stack(&alternate_context, 64, ARCH_RED_ZONE, 1);
	alternate = self;
	alternate_variant = variant;
	ASSERT_EQ(0, raise(SIGUSR1));
	EXPECT_TRUE(alternate_ran);
	EXPECT_EQ(0, memcmp((void *)(self->sp - 64 - ARCH_RED_ZONE),
			    alternate_context.stack, 64));
	/* Back on the test's own. */
	trap_init();
}

/* What makes a stack unable to take the data. */
enum refusal {
	NO_PERMISSION,
	READ_ONLY,
	NOT_MAPPED,
	NREFUSALS,
};

static void refuse(char *page, enum refusal refusal)
{
	if (refusal == NO_PERMISSION)
		mprotect(page, getpagesize(), PROT_NONE);
	else if (refusal == READ_ONLY)
		mprotect(page, getpagesize(), PROT_READ);
	else
		munmap(page, getpagesize());
}

/* SIGSEGV at the stack, PC at the trampoline, and every register as it was. */
TEST_F(call, stack_that_takes_nothing)
{
	const size_t page = getpagesize();
	struct test_stack bad;
	struct context c;
	int i, target;

	context_init(&c, 0, arch_target(0));
	for (i = 0; i < (int)arch_nsettable; i++)
		context_reg(&c, arch_settable[i].number, 0x123 + i);
	context_stack(&c, 64, 0, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &c));

	for (i = 0; i < NREFUSALS; i++) {
		unsigned long at;

		ASSERT_EQ(0, stack_open(&bad, 4));
		/* Filled, so that the upper part is no reason to fail. */
		memset(bad.mem, 0xcc, bad.size);
		self->sp = stack_pointer(&bad, 2 * page);
		self->in.reg[ARCH_SP] = self->sp;
		if (variant->how == ARCH_BY_CALL)
			self->in.reg[ARCH_SP] += ARCH_CALL_PUSH;
		refuse(bad.mem + page, i);

		ASSERT_EQ(SIGSEGV, try_run(&self->in, table_entry(&self->t, 0),
					   variant->how, &self->out, &target));
		at = (unsigned long)trap.addr;
		EXPECT_LE((uintptr_t)ARCH_FAULT_ADDR((void *)(self->sp - 64)),
			  at);
		EXPECT_GT(self->sp, at);
		EXPECT_EQ(i == NOT_MAPPED ? SEGV_MAPERR : SEGV_ACCERR,
			  trap.code) {
			TH_LOG("refusal %d", i);
		}
		EXPECT_EQ((unsigned long)self->t.base,
			  trap.state.reg[ARCH_PC]);
		EXPECT_EQ(self->sp, trap.state.reg[ARCH_SP]);
		EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
		stack_close(&bad);
	}
}

/* Half of the data would fit: no register changes then, either. */
TEST_F(call, stack_that_takes_a_part)
{
	const size_t page = getpagesize();
	struct test_stack bad;
	struct context c;
	int i, target;

	context_init(&c, 0, arch_target(0));
	for (i = 0; i < (int)arch_nsettable; i++)
		context_reg(&c, arch_settable[i].number, 0x123 + i);
	context_stack(&c, 64, 0, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &c));

	for (i = 0; i < NREFUSALS; i++) {
		unsigned long at;

		ASSERT_EQ(0, stack_open(&bad, 4));
		memset(bad.mem, 0xcc, bad.size);
		self->sp = stack_pointer(&bad, 2 * page + 32);
		self->in.reg[ARCH_SP] = self->sp;
		if (variant->how == ARCH_BY_CALL)
			self->in.reg[ARCH_SP] += ARCH_CALL_PUSH;
		refuse(bad.mem + page, i);

		ASSERT_EQ(SIGSEGV, try_run(&self->in, table_entry(&self->t, 0),
					   variant->how, &self->out, &target));
		at = (unsigned long)trap.addr;
		EXPECT_LE((uintptr_t)ARCH_FAULT_ADDR((void *)(self->sp - 64)),
			  at);
		EXPECT_GT(self->sp - 32, at);
		EXPECT_EQ((unsigned long)self->t.base,
			  trap.state.reg[ARCH_PC]);
		EXPECT_EQ(self->sp, trap.state.reg[ARCH_SP]);
		EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
		/* Repaired, the same call works: what a handler may do. */
		ASSERT_TRUE(mmap(bad.mem + page, page, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
				 0) != MAP_FAILED);
		EXPECT_TRUE(runs(self, variant, &c, 0));
		stack_close(&bad);
	}
}

/*
 * Stack pointers that no program should have, and the kernel must not use.  By
 * a jump: a call's own push would fault.
 */
TEST_F(call, stack_pointer_of_no_stack)
{
	const unsigned long pointers[] = {
		0, ARCH_WORD, 64, -1UL, -64UL, -4096UL, 1UL << (sizeof(long) * 8 - 1),
#ifdef __LP64__
		/*
		 * No addresses, as those have fewer bits.  In 32 bits, they can be
		 * the heap's.
		 */
		(-1UL >> 1) - 4096, (-1UL >> 4) - 4095, (-1UL >> 11) - 4095,
#endif
	};
	const VARIANT jump = { .how = ARCH_BY_JUMP };
	struct context c;
	int target;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pointers); i++) {
		context_init(&c, 0, arch_target(0));
		context_reg(&c, ARCH_DATA_REG, 1);
		context_stack(&c, 64, 64, 1);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
		self->in.reg[ARCH_SP] = pointers[i];
		ASSERT_EQ(SIGSEGV, try_run(&self->in, table_entry(&self->t, 0),
					   jump.how, &self->out, &target)) {
			TH_LOG("SP %#lx", pointers[i]);
		}
		EXPECT_EQ((unsigned long)self->t.base,
			  trap.state.reg[ARCH_PC]);
		EXPECT_EQ(pointers[i], trap.state.reg[ARCH_SP]);
		EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
		/* Without stack data, the same pointer is nobody's concern. */
		self->sp = pointers[i];
		context_init(&c, 0, arch_target(1));
		context_reg(&c, ARCH_DATA_REG, 2);
		EXPECT_TRUE(runs(self, &jump, &c, 1));
	}
}

/* A trampoline mapping is no stack. */
TEST_F(call, stack_in_a_trampoline_mapping)
{
	struct context c;
	int target;

	context_init(&c, 0, arch_target(0));
	context_stack(&c, 64, 0, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	self->in.reg[ARCH_SP] = (unsigned long)self->t.base + 1024;
	EXPECT_EQ(SIGSEGV, try_run(&self->in, table_entry(&self->t, 0),
				   ARCH_BY_JUMP, &self->out, &target));
	EXPECT_EQ(self->in.reg[ARCH_SP], trap.state.reg[ARCH_SP]);
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
}

/* How many changes the calls have to see, and after how many sets to give up. */
#define CHANGES	300
#define SETS	1000000

struct setter {
	int fd;
	int failed;
	unsigned int sets;
	bool enough;
	bool gave_up;
	pthread_barrier_t *start;
};

/* Contexts of three kinds and four targets; each change changes everything. */
static void *set_generations(void *p)
{
	struct setter *setter = p;
	struct context c;
	unsigned int i;

	run_on_cpu(1);
	pthread_barrier_wait(setter->start);
	for (i = 0; i < SETS; i++) {
		if (__atomic_load_n(&setter->enough, __ATOMIC_ACQUIRE))
			break;
		generation_context(&c, 0, i);
		if (context_set(setter->fd, &c) != 1)
			setter->failed++;
		/* One CPU alone has to be shared. */
		if (i % 16 == 15)
			sched_yield();
	}
	setter->sets = i;
	__atomic_store_n(&setter->gave_up, i == SETS, __ATOMIC_RELEASE);
	return NULL;
}

TEST_F(call, whole_while_another_thread_sets)
{
	pthread_barrier_t start FUTEX_ALIGNED;
	struct setter setter = { .fd = self->t.fd, .start = &start };
	unsigned int generation, last = 0, changes = 0, calls = 0;
	struct context c;
	pthread_t thread;
	int target;

	if (!threads_work())
		SKIP(return, NO_THREADS);
	generation_context(&c, 0, 0);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, 2));
	ASSERT_EQ(0, pthread_create(&thread, NULL, set_generations, &setter));
	run_on_cpu(0);
	pthread_barrier_wait(&start);
	while (changes < CHANGES) {
		ASSERT_EQ(0, try_run(&self->in, table_entry(&self->t, 0),
				     variant->how, &self->out, &target));
		ASSERT_TRUE(generation_whole(&self->in, variant->how,
					     &self->out, target, &generation));
		/* Never an older one than before. */
		ASSERT_LE(last, generation);
		/* Or else the changes are not seen, or there are none. */
		ASSERT_FALSE(__atomic_load_n(&setter.gave_up, __ATOMIC_ACQUIRE));
		changes += generation != last;
		last = generation;
		if (++calls % 16 == 0)
			sched_yield();
	}
	__atomic_store_n(&setter.enough, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, setter.failed);
	/* A change that is done is seen. */
	ASSERT_EQ(0, try_run(&self->in, table_entry(&self->t, 0), variant->how,
			     &self->out, &target));
	EXPECT_TRUE(generation_whole(&self->in, variant->how, &self->out,
				     target, &generation));
	EXPECT_EQ(setter.sets - 1, generation);
}

TEST_HARNESS_MAIN
