// SPDX-License-Identifier: GPL-2.0
/* What a call does to the stack: data of every size, on stacks of every kind, and on none. */
#include <signal.h>
#include <sys/mman.h>

#include "call_util.h"

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

TEST_HARNESS_MAIN
