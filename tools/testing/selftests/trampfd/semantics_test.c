// SPDX-License-Identifier: GPL-2.0
/*
 * What a call does: hits and what is none, registers, and that a context is seen whole.  What
 * it does to the stack is in stack_test.c.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "call_util.h"

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
