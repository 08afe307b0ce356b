// SPDX-License-Identifier: GPL-2.0
/* What only arm64 has: landing pads, tags, signatures in pointers, SVE. */
#include <asm/hwcap.h>
#include <asm/mman.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "../kselftest_harness.h"
#include "code_util.h"

#ifndef HWCAP2_BTI
#define HWCAP2_BTI	0x20000
#endif
#ifndef PROT_BTI
#define PROT_BTI	0x10
#endif

FIXTURE(arm64) {
	struct table t;
	struct test_stack stack;
	struct cpu_state in;
	struct cpu_state out;
	uint32_t *code;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(arm64)

FIXTURE_SETUP(arm64)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 4));
	ASSERT_EQ(0, table_open(&self->t, 16, 0));
	arch_fill(&self->in,
		  stack_pointer(&self->stack, self->stack.size / 2), 0);
	self->code = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->code != MAP_FAILED);
}

FIXTURE_TEARDOWN(arm64)
{
	munmap(self->code, getpagesize());
	table_close(&self->t);
	stack_close(&self->stack);
}

/* How the code below begins. */
enum pad {
	PAD_CALL,
	PAD_JUMP,
	PAD_BOTH,
	PAD_SIGN,
	NO_PAD,
	NPADS,
};

/* And how it is reached. */
enum way {
	BY_CALL,
	BY_JUMP,
	BY_RETURN,
	NWAYS,
};

/* The value that tells that the code of @pad has run. */
#define PAD_VALUE(pad)		(40U + (pad))
#define PAD_CODE(self, pad)	(&(self)->code[(pad) * 4])

/* Functions that go on at x9, whatever the way to them has left in x30. */
static bool write_pads(DATA *self, int prot)
{
	static const uint32_t pads[NPADS] = {
		[PAD_CALL]	= 0xd503245f,	/* bti c */
		[PAD_JUMP]	= 0xd503249f,	/* bti j */
		[PAD_BOTH]	= 0xd50324df,	/* bti jc */
		[PAD_SIGN]	= 0xd503233f,	/* paciasp */
		[NO_PAD]	= 0xd503201f,	/* nop */
	};
	struct context c;
	uint32_t *code;
	int i;

	for (i = 0; i < NPADS; i++) {
		code = PAD_CODE(self, i);
		code[0] = pads[i];
		code[1] = 0xd2800000 | PAD_VALUE(i) << 5;	/* mov x0, # */
		code[2] = 0xd61f0120;				/* br x9 */
		context_init(&c, i, (uintptr_t)code);
		if (context_set(self->t.fd, &c) != 1)
			return false;
	}
	__builtin___clear_cache((char *)self->code,
				(char *)self->code + getpagesize());
	return !mprotect(self->code, getpagesize(),
			 PROT_READ | PROT_EXEC | prot);
}

struct entering {
	const void *entry;
	enum way way;
	unsigned long value;
};

static void do_enter(void *p)
{
	struct entering *entering = p;

	/* x30 is the entry for a return, and what a call makes of it else. */
	asm volatile("adr x9, 2f\n"
		     "mov x16, %1\n"
		     "mov x30, %1\n"
		     "mov x0, #0\n"
		     "cmp %2, %3\n"
		     "b.eq 1f\n"
		     "cmp %2, %4\n"
		     "b.eq 0f\n"
		     "blr x16\n"
		     "0: br x16\n"
		     "1: ret\n"
		     "2: mov %0, x0\n"
		     : "=r" (entering->value)
		     : "r" (entering->entry), "r" ((long)entering->way),
		       "i" (BY_RETURN), "i" (BY_JUMP)
		     : "x0", "x9", "x16", "x30", "cc", "memory");
}

/* Entered this way, does @entry lead to the code of @pad? */
static bool reaches(const void *entry, enum way way, enum pad pad)
{
	struct entering entering = { .entry = entry, .way = way };

	return !try_function(do_enter, &entering) &&
	       entering.value == PAD_VALUE(pad);
}

/* Or is it refused there, as a branch to what is no landing pad? */
static bool refused(const void *entry, enum way way, const void *code)
{
	struct entering entering = { .entry = entry, .way = way };

	return try_function(do_enter, &entering) == SIGILL &&
	       trap.addr == code &&
	       trap.state.reg[ARCH_PC] == (uintptr_t)code;
}

/* Or else the tests below would prove nothing. */
TEST_F(arm64, landing_pads_themselves)
{
	if (!(getauxval(AT_HWCAP2) & HWCAP2_BTI))
		SKIP(return, "no branch target identification (BTI)");
	ASSERT_TRUE(write_pads(self, PROT_BTI));
	EXPECT_TRUE(reaches(PAD_CODE(self, PAD_CALL), BY_CALL, PAD_CALL));
	EXPECT_TRUE(reaches(PAD_CODE(self, PAD_CALL), BY_JUMP, PAD_CALL));
	EXPECT_TRUE(refused(PAD_CODE(self, PAD_JUMP), BY_CALL,
			    PAD_CODE(self, PAD_JUMP)));
	EXPECT_TRUE(refused(PAD_CODE(self, NO_PAD), BY_CALL,
			    PAD_CODE(self, NO_PAD)));
	EXPECT_TRUE(refused(PAD_CODE(self, NO_PAD), BY_JUMP,
			    PAD_CODE(self, NO_PAD)));
	/* What makes this way the one to look at. */
	EXPECT_TRUE(reaches(PAD_CODE(self, NO_PAD), BY_RETURN, NO_PAD));
}

/* A trampoline is a branch of its own, however it was entered. */
TEST_F(arm64, landing_pads_are_needed)
{
	int way;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_BTI))
		SKIP(return, "no branch target identification (BTI)");
	ASSERT_TRUE(write_pads(self, PROT_BTI));
	for (way = 0; way < NWAYS; way++) {
		EXPECT_TRUE(refused(table_entry(&self->t, NO_PAD), way,
				    PAD_CODE(self, NO_PAD))) {
			TH_LOG("way %d", way);
		}
	}
}

TEST_F(arm64, landing_pads_work)
{
	int way, pad;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_BTI))
		SKIP(return, "no branch target identification (BTI)");
	ASSERT_TRUE(write_pads(self, PROT_BTI));
	for (way = 0; way < NWAYS; way++) {
		for (pad = 0; pad < NO_PAD; pad++) {
			EXPECT_TRUE(reaches(table_entry(&self->t, pad), way, pad)) {
				TH_LOG("way %d, pad %d", way, pad);
			}
		}
	}
}

/* From one trampoline to the next no pad is needed, at the end it is. */
TEST_F(arm64, landing_pads_behind_a_chain)
{
	struct context c;
	int way;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_BTI))
		SKIP(return, "no branch target identification (BTI)");
	ASSERT_TRUE(write_pads(self, PROT_BTI));
	context_init(&c, 8, (uintptr_t)table_entry(&self->t, NO_PAD));
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	context_init(&c, 9, (uintptr_t)table_entry(&self->t, PAD_CALL));
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	for (way = 0; way < NWAYS; way++) {
		EXPECT_TRUE(refused(table_entry(&self->t, 8), way,
				    PAD_CODE(self, NO_PAD)));
		EXPECT_TRUE(reaches(table_entry(&self->t, 9), way, PAD_CALL));
	}
}

/* An entry's code is guarded, has a pad, and ends in a branch to any pad. */
TEST_F(arm64, landing_pads_of_code)
{
	struct context c[NPADS];
	struct table t;
	int way, pad;

	if (code_missing())
		SKIP(return, "%s", code_missing());
	if (!(getauxval(AT_HWCAP2) & HWCAP2_BTI))
		SKIP(return, "no branch target identification (BTI)");
	ASSERT_TRUE(write_pads(self, PROT_BTI));
	ASSERT_EQ(0, code_create(&t, NPADS, NULL, 0));
	EXPECT_TRUE(t.attr.code_prot & PROT_BTI);
	ASSERT_EQ(0, code_map(&t));
	for (pad = 0; pad < NPADS; pad++) {
		context_init(&c[pad], pad, (uintptr_t)PAD_CODE(self, pad));
		c[pad].rec.flags = IDLE;
	}
	ASSERT_EQ(NPADS, set_contexts(t.fd, c, NPADS));
	for (way = 0; way < NWAYS; way++) {
		for (pad = 0; pad < NO_PAD; pad++) {
			EXPECT_TRUE(reaches(code_entry(&t, pad), way, pad)) {
				TH_LOG("way %d, pad %d", way, pad);
			}
		}
		EXPECT_TRUE(refused(code_entry(&t, NO_PAD), way,
				    PAD_CODE(self, NO_PAD)));
	}
	EXPECT_TRUE(is_fast(&t, PAD_CALL));
	table_close(&t);
}

TEST_F(arm64, no_landing_pads_in_plain_pages)
{
	int way, pad;

	ASSERT_TRUE(write_pads(self, 0));
	for (way = 0; way < NWAYS; way++)
		for (pad = 0; pad < NPADS; pad++)
			EXPECT_TRUE(reaches(table_entry(&self->t, pad), way, pad));
}

/* No instruction can be there.  QEMU 7.2 looks at the page first, though. */
TEST_F(arm64, misaligned_entry)
{
	int i, signo, target;

	ASSERT_EQ(16, set_values(self->t.fd, 0, 16, 1));
	for (i = 1; i < 16; i++) {
		char *addr = table_entry(&self->t, 4) + i;

		if (i % ARCH_PC_ALIGN == 0)
			continue;
		signo = try_run(&self->in, addr, ARCH_BY_CALL, &self->out,
				&target);
		EXPECT_TRUE((signo == SIGBUS && trap.code == BUS_ADRALN) ||
			    trap_is_plain(addr));
		EXPECT_EQ((uintptr_t)addr, trap.state.reg[ARCH_PC]);
		EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
	}
}

static int set_pc(DATA *self, uint64_t pc)
{
	struct context c;

	context_init(&c, 0, pc);
	return context_set(self->t.fd, &c);
}

TEST_F(arm64, misaligned_pc)
{
	uint64_t pc = arch_target(0);

	EXPECT_EQ(1, set_pc(self, pc));
	EXPECT_EQ(-EINVAL, set_pc(self, pc + 1));
	EXPECT_EQ(-EINVAL, set_pc(self, pc + 2));
	EXPECT_EQ(-EINVAL, set_pc(self, pc + 3));
	EXPECT_EQ(1, set_pc(self, pc + 4));
}

#define TAGGED(addr, tag)	((unsigned long)(addr) | (unsigned long)(tag) << 56)

/* The CPU drops a tag when it branches, so there is none in the PC. */
TEST_F(arm64, tagged_entry)
{
	unsigned int tag;
	struct context c;
	int target;

	context_init(&c, 3, arch_target(2));
	context_reg(&c, ARCH_DATA_REG, 5);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	for (tag = 1; tag < 256; tag += 127) {
		void *entry = (void *)TAGGED(table_entry(&self->t, 3), tag);

		ASSERT_EQ(0, try_run(&self->in, entry, ARCH_BY_CALL, &self->out,
				     &target));
		EXPECT_EQ(2, target);
		EXPECT_TRUE(state_kept(&self->in, &self->out, &c));
	}
}

/* In a context there is no branch that would drop it. */
TEST_F(arm64, tagged_pc)
{
	uint64_t pcs[] = { arch_target(0), TAGGED(arch_target(1), 0x80) };

	EXPECT_EQ(-EINVAL, set_pc(self, TAGGED(arch_target(0), 1)));
	EXPECT_EQ(-EINVAL, set_pc(self, TAGGED(arch_target(0), 0x80)));
	EXPECT_EQ(-EINVAL, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
	EXPECT_EQ(1, set_pc(self, arch_target(0)));
}

/* A stack pointer may have a tag.  The data is pushed, and the tag stays. */
TEST_F(arm64, tagged_stack_pointer)
{
	unsigned long sp = self->in.reg[ARCH_SP];
	struct test_stack fresh;
	struct context c;
	int target;

	context_init(&c, 1, arch_target(1));
	context_stack(&c, 64, 16, 7);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	self->in.reg[ARCH_SP] = TAGGED(sp, 0x5a);
	ASSERT_EQ(0, try_run(&self->in, table_entry(&self->t, 1), ARCH_BY_CALL,
			     &self->out, &target));
	EXPECT_EQ(1, target);
	EXPECT_EQ(TAGGED(sp - 80, 0x5a), self->out.reg[ARCH_SP]);
	EXPECT_EQ(0, memcmp((void *)(sp - 80), c.stack, 64));
	EXPECT_TRUE(state_kept(&self->in, &self->out, &c));

	/* In pages that are not there yet. */
	ASSERT_EQ(0, stack_open(&fresh, 4));
	sp = stack_pointer(&fresh, 2 * getpagesize() + 48);
	self->in.reg[ARCH_SP] = TAGGED(sp, 0xa5);
	ASSERT_EQ(0, try_run(&self->in, table_entry(&self->t, 1), ARCH_BY_CALL,
			     &self->out, &target));
	EXPECT_EQ(TAGGED(sp - 80, 0xa5), self->out.reg[ARCH_SP]);
	EXPECT_EQ(0, memcmp((void *)(sp - 80), c.stack, 64));
	stack_close(&fresh);
}

#ifndef HWCAP2_MTE
#define HWCAP2_MTE	0x40000
#endif
#ifndef PROT_MTE
#define PROT_MTE	0x20
#endif
#ifndef SEGV_MTESERR
#define SEGV_MTESERR	9
#endif
#ifndef PR_MTE_TCF_SYNC
#define PR_MTE_TCF_SYNC	2UL
#endif

/* What a granule has a tag of its own for. */
#define GRANULE		16

static void set_tags(char *mem, size_t size, unsigned int tag)
{
	size_t i;

	for (i = 0; i < size; i += GRANULE)
		asm volatile(".arch armv8.5-a+memtag\n"
			     "stg %0, [%0]\n"
			     : : "r" (TAGGED(mem + i, tag)) : "memory");
}

static unsigned int get_tag(const char *addr)
{
	unsigned long with = (unsigned long)addr;

	asm volatile(".arch armv8.5-a+memtag\n"
		     "ldg %0, [%0]\n"
		     : "+r" (with) : : "memory");
	return with >> 56;
}

/* A program's own: it lowers SP, and stores where that is. */
static void do_push(void *sp)
{
	asm volatile("mov x9, sp\n"
		     "sub sp, %0, #16\n"
		     "stp x9, x9, [sp]\n"
		     "mov sp, x9\n"
		     : : "r" (sp) : "x9", "memory");
}

/*
 * Memory can have tags, too.  A store at SP that does not move SP is made
 * whatever they are, so the data is pushed, and they stay.  A kernel that checks
 * them repeats the call for ever.
 */
TEST_F_TIMEOUT(arm64, memory_tags_of_the_stack, 60)
{
	const size_t size = 4 * getpagesize();
	unsigned int sp_tag, mem_tag;
	unsigned long sp, with;
	struct context c;
	int target;
	char *mem;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_MTE))
		SKIP(return, "no memory tags (MTE)");
	ASSERT_EQ(0, prctl(PR_SET_TAGGED_ADDR_CTRL,
			   PR_TAGGED_ADDR_ENABLE | PR_MTE_TCF_SYNC, 0, 0, 0));
	context_init(&c, 1, arch_target(1));
	context_stack(&c, 64, 16, 7);
	ASSERT_EQ(1, context_set(self->t.fd, &c));

	for (sp_tag = 0; sp_tag < 16; sp_tag += 5) {
		for (mem_tag = 0; mem_tag < 16; mem_tag += 3) {
			mem = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_MTE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			ASSERT_TRUE(mem != MAP_FAILED);
			/* The pages below are not there yet, and have no tag. */
			sp = (unsigned long)mem + size / 2 + 48;
			set_tags(mem + size / 2, size / 2, mem_tag);

			/* They are checked, but not for a push. */
			if (mem_tag != sp_tag) {
				EXPECT_EQ(SIGSEGV,
					  try_store((void *)TAGGED(sp, sp_tag)));
				EXPECT_EQ(SEGV_MTESERR, trap.code);
			}
			EXPECT_EQ(0, try_function(do_push,
						  (void *)TAGGED(sp, sp_tag)));

			self->in.reg[ARCH_SP] = TAGGED(sp, sp_tag);
			ASSERT_EQ(0, try_run(&self->in, table_entry(&self->t, 1),
					     ARCH_BY_CALL, &self->out, &target));
			EXPECT_EQ(1, target);
			EXPECT_EQ(TAGGED(sp - 80, sp_tag),
				  self->out.reg[ARCH_SP]);
			EXPECT_TRUE(state_kept(&self->in, &self->out, &c));
			EXPECT_EQ(mem_tag, get_tag((char *)sp - 32));
			EXPECT_EQ(0U, get_tag((char *)sp - 80));
			/* Where the data is in both pages. */
			with = TAGGED(sp - 48, mem_tag);
			EXPECT_EQ(0, memcmp((void *)with, c.stack + 32, 32));
			EXPECT_EQ(0, memcmp((void *)(sp - 80), c.stack, 32));
			EXPECT_EQ(0, munmap(mem, size));
		}
	}
}

#ifndef HWCAP_PACA
#define HWCAP_PACA	0x40000000
#endif

static unsigned long sign(unsigned long pointer, unsigned long modifier)
{
	register unsigned long x17 asm("x17") = pointer;
	register unsigned long x16 asm("x16") = modifier;

	asm("hint #8" : "+r" (x17) : "r" (x16));	/* pacia1716 */
	return x17;
}

/* A signed pointer is no address either. */
TEST_F(arm64, signed_pc)
{
	unsigned long pc = arch_target(0), modifier, with;

	if (!(getauxval(AT_HWCAP) & HWCAP_PACA))
		SKIP(return, "no pointer authentication (PAC)");
	/* By chance, a signature can be all zeroes. */
	for (modifier = 0; modifier < 64; modifier++) {
		with = sign(pc, modifier);
		if (with != pc)
			break;
	}
	ASSERT_NE(pc, with);
	EXPECT_EQ(-EINVAL, set_pc(self, with));
	EXPECT_EQ(1, set_pc(self, pc));
}

static void do_authenticated_call(void *p)
{
	struct entering *entering = p;

	asm volatile(".arch_extension pauth\n"
		     "mov x16, %1\n"
		     "paciza x16\n"
		     "blraaz x16\n"
		     "mov %0, x0\n"
		     : "=r" (entering->value)
		     : "r" (entering->entry)
		     : "x0", "x16", "x17", "x18", "x30", "memory");
}

/* A call that checks the entry's signature is a call. */
TEST_F(arm64, authenticated_call)
{
	struct entering entering = { .entry = table_entry(&self->t, 6) };

	if (!(getauxval(AT_HWCAP) & HWCAP_PACA))
		SKIP(return, "no pointer authentication (PAC)");
	ASSERT_EQ(1, set_value(self->t.fd, 6, 66));
	ASSERT_EQ(0, try_function(do_authenticated_call, &entering));
	EXPECT_EQ(66U, entering.value);
}

#ifndef HWCAP_SVE
#define HWCAP_SVE	0x400000
#endif

/* Bytes of z8 and p1 that are not what they were before the call. */
static unsigned long vector_call(const void *entry)
{
	unsigned long changed;

	asm volatile(".arch_extension sve\n"
		     "ptrue p0.b\n"
		     "ptrue p1.h\n"
		     "index z8.b, #1, #3\n"
		     "mov x16, %1\n"
		     "blr x16\n"
		     "index z1.b, #1, #3\n"
		     "ptrue p2.b\n"
		     "ptrue p3.h\n"
		     "eor p1.b, p2/z, p1.b, p3.b\n"
		     "cntp x1, p2, p1.b\n"
		     "cmpne p1.b, p2/z, z8.b, z1.b\n"
		     "cntp x2, p2, p1.b\n"
		     "cntp x3, p2, p0.b\n"
		     "cntb x4\n"
		     "sub x3, x4, x3\n"
		     "add x1, x1, x2\n"
		     "add %0, x1, x3\n"
		     : "=r" (changed)
		     : "r" (entry)
		     : "x0", "x1", "x2", "x3", "x4", "x16", "x17", "x18", "x30",
		       "v1", "v8", "cc", "memory");
	return changed;
}

/* Not only what the floating-point state has of a vector register. */
TEST_F(arm64, scalable_vectors)
{
	int i;

	if (!(getauxval(AT_HWCAP) & HWCAP_SVE))
		SKIP(return, "no scalable vectors (SVE)");
	ASSERT_EQ(1, set_value(self->t.fd, 6, 66));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(0U, vector_call(table_entry(&self->t, 6)));
}

TEST_HARNESS_MAIN
