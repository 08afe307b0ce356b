// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a whole table back: the next trampolines that are set, how much room
 * they need, and the allowed PCs; and making the same table again of that.
 */
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#define NTRAMPOLINES	1200

/* The ones that are set: at the borders of what kernels may keep together. */
static const unsigned int numbers[] = {
	0, 1, 7, 63, 64, 255, 256, 257, 511, 700, 1023, 1024, NTRAMPOLINES - 1,
};

#define NSET	ARRAY_SIZE(numbers)

/* Room for what a call reads. */
struct room {
	struct trampfd_record rec[NSET + 3];
	struct trampfd_reg reg[NSET * TRAMPFD_REGS_MAX];
	unsigned char stack[NSET * TRAMPFD_STACK_MAX];
};

FIXTURE(read) {
	struct table t;
	struct room room;
	struct test_stack stack;
};

FIXTURE_VARIANT(read) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(read, private) {
	.flags = 0,
};

#ifndef TRAMPFD_BY_ADDRESS
FIXTURE_VARIANT_ADD(read, shared) {
	.flags = TRAMPFD_SHARED,
};
#endif

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(read)

/* What trampoline @i of @numbers has: of each kind, and each fifth is sealed. */
static void context_of(struct context *c, unsigned int i)
{
	generation_context(c, numbers[i], i);
	if (i % 5 == 4)
		c->rec.flags = TRAMPFD_RECORD_SEALED;
}

FIXTURE_SETUP(read)
{
	struct context c;
	unsigned int i;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 4));
	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, variant->flags));
	ASSERT_TRUE(controlled_as_built(&self->t));
	for (i = 0; i < NSET; i++) {
		context_of(&c, i);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
	}
	/* What a call does not write to is told from what it does. */
	memset(&self->room, 0xcc, sizeof(self->room));
}

FIXTURE_TEARDOWN(read)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

static struct trampfd_contexts argument(DATA *self, unsigned int begin,
					unsigned int nrecords,
					unsigned int flags)
{
	self->room.rec[0].trampoline = begin;
	return (struct trampfd_contexts) {
		.records = (uintptr_t)self->room.rec,
		.regs = (uintptr_t)self->room.reg,
		.stack = (uintptr_t)self->room.stack,
		.nrecords = nrecords,
		.nregs = ARRAY_SIZE(self->room.reg),
		.stack_size = sizeof(self->room.stack),
		.flags = flags,
	};
}

static int read_next(DATA *self, unsigned int begin, unsigned int nrecords)
{
	struct trampfd_contexts arg = argument(self, begin, nrecords,
					       TRAMPFD_CONTEXTS_NEXT);

	return control(self->t.fd, TRAMPFD_GET, &arg);
}

/* Does the room hold @n whole contexts, those of @numbers from @first on? */
static bool holds(const DATA *self, unsigned int first, unsigned int n)
{
	unsigned int nregs = 0, nstack = 0, i;
	struct context want, have;

	for (i = 0; i < n; i++) {
		context_of(&want, first + i);
		have.rec = self->room.rec[i];
		if (have.rec.trampoline != numbers[first + i] ||
		    have.rec.nregs != want.rec.nregs ||
		    have.rec.stack_size != want.rec.stack_size) {
			fprintf(stderr, "# record %u is of trampoline %u\n", i,
				have.rec.trampoline);
			return false;
		}
		memcpy(have.reg, self->room.reg + nregs,
		       have.rec.nregs * sizeof(have.reg[0]));
		memcpy(have.stack, self->room.stack + nstack,
		       have.rec.stack_size);
		if (have.reg[0].name != ARCH_PC ||
		    !context_equal(&want, &have)) {
			fprintf(stderr, "# %u reads different\n", numbers[i]);
			return false;
		}
		nregs += have.rec.nregs;
		nstack += have.rec.stack_size;
	}
	return true;
}

/* Is all from record @n on as it was? */
static bool untouched(const DATA *self, unsigned int n)
{
	const unsigned char *byte = (const void *)&self->room.rec[n];
	size_t i;

	for (i = 0; i < sizeof(self->room.rec) - n * sizeof(self->room.rec[0]);
	     i++)
		if (byte[i] != 0xcc)
			return false;
	return true;
}

TEST_F(read, all)
{
	EXPECT_EQ((int)NSET, read_next(self, 0, NSET + 3));
	EXPECT_TRUE(holds(self, 0, NSET));
	EXPECT_TRUE(untouched(self, NSET));
	/* Room for exactly that many is enough. */
	memset(&self->room, 0xcc, sizeof(self->room));
	EXPECT_EQ((int)NSET, read_next(self, 0, NSET));
	EXPECT_TRUE(holds(self, 0, NSET));
}

TEST_F(read, from_any_number)
{
	unsigned int begin, i, k;

	/* Each one that is set, and the ones before and behind it. */
	for (k = 0; k < 3 * NSET; k++) {
		begin = numbers[k / 3] + k % 3 - 1;
		if (begin >= NTRAMPOLINES)
			continue;
		for (i = 0; numbers[i] < begin; i++)
			;
		ASSERT_EQ((int)(NSET - i), read_next(self, begin, NSET));
		ASSERT_TRUE(holds(self, i, NSET - i)) {
			TH_LOG("from %u on", begin);
		}
	}
}

/* Where nothing comes any more. */
TEST_F(read, end)
{
	EXPECT_EQ(0, read_next(self, NTRAMPOLINES, NSET));
	EXPECT_EQ(-EINVAL, read_next(self, NTRAMPOLINES + 1, NSET));
	EXPECT_EQ(-EINVAL, read_next(self, 0x80000000, NSET));
	EXPECT_EQ(-EINVAL, read_next(self, ~0U, NSET));
	EXPECT_TRUE(untouched(self, 1));
	/* And before that, as the last one is gone. */
	EXPECT_EQ(1, read_next(self, NTRAMPOLINES - 1, NSET));
	ASSERT_EQ(1, remove_one(self->t.fd, NTRAMPOLINES - 1));
	EXPECT_EQ(0, read_next(self, NTRAMPOLINES - 1, NSET));
	EXPECT_EQ(0, read_next(self, 1025, NSET));
	EXPECT_EQ(1, read_next(self, 1024, NSET));
}

TEST_F(read, table_without_any)
{
	struct table empty;

	ASSERT_EQ(0, table_open(&empty, NTRAMPOLINES, variant->flags));
	table_close(&self->t);
	self->t = empty;
	EXPECT_EQ(0, read_next(self, 0, NSET));
	EXPECT_EQ(0, read_next(self, NTRAMPOLINES, NSET));
	EXPECT_EQ(-EINVAL, read_next(self, NTRAMPOLINES + 1, NSET));
	/* What was set, and is not any more, is nothing. */
	ASSERT_EQ(600, set_values(self->t.fd, 300, 600, 0));
	ASSERT_EQ(600, remove_range(self->t.fd, 300, 600));
	EXPECT_EQ(0, read_next(self, 0, NSET));
}

/* A few at a time: the next call begins behind the last one read. */
TEST_F(read, in_parts)
{
	unsigned int n, done, begin;
	int ret;

	for (n = 1; n < NSET; n++) {
		begin = 0;
		for (done = 0; done < NSET; done += ret) {
			ret = read_next(self, begin, n);
			ASSERT_LT(0, ret);
			ASSERT_LE(ret, (int)n);
			ASSERT_TRUE(holds(self, done, ret));
			begin = self->room.rec[ret - 1].trampoline + 1;
		}
		EXPECT_EQ(NSET, done);
		EXPECT_EQ(0, read_next(self, begin, n));
	}
}

/* One after the other is set, in full parts of the table. */
TEST_F(read, dense)
{
	const unsigned int n = 1000;
	struct trampfd_record *rec = calloc(n, sizeof(*rec));
	struct trampfd_reg (*reg)[2] = calloc(n, sizeof(*reg));
	struct trampfd_contexts arg = {
		.records = (uintptr_t)rec,
		.regs = (uintptr_t)reg,
		.nrecords = n,
		.nregs = 2 * n,
		.flags = TRAMPFD_CONTEXTS_NEXT,
	};
	struct table t;
	unsigned int i;

	ASSERT_TRUE(rec && reg);
	ASSERT_EQ(0, table_open(&t, NTRAMPOLINES, variant->flags));
	ASSERT_EQ((int)n, set_values(t.fd, 100, n, 5000));
	ASSERT_EQ((int)n, control(t.fd, TRAMPFD_GET, &arg));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(100 + i, rec[i].trampoline);
		ASSERT_EQ(2U, rec[i].nregs);
		ASSERT_EQ((uint64_t)ARCH_CODE(arch_data), reg[i][0].value);
		ASSERT_EQ(5000U + i, reg[i][1].value);
	}
	table_close(&t);
	free(rec);
	free(reg);
}

/* Three in a million take no million calls, and no million steps of ours. */
TEST_F(read, a_few_in_a_million)
{
	const unsigned int n = self->t.attr.max_trampolines;
	const unsigned int set[] = { 3, n / 2, n - 1 };
	struct table t;
	int i, turn;

	ASSERT_EQ(0, table_open(&t, n, variant->flags));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, set_value(t.fd, set[i], i));
	table_close(&self->t);
	self->t = t;
	for (turn = 0; turn < 10; turn++) {
		ASSERT_EQ(3, read_next(self, 0, NSET));
		for (i = 0; i < 3; i++)
			ASSERT_EQ(set[i], self->room.rec[i].trampoline);
	}
	EXPECT_EQ(1, read_next(self, n / 2 + 1, NSET));
	EXPECT_EQ(0, read_next(self, n, NSET));
}

/* Only the first record's number is read. */
TEST_F(read, records_are_no_input)
{
	struct trampfd_contexts arg = argument(self, 0, NSET,
					       TRAMPFD_CONTEXTS_NEXT);

	memset(self->room.rec, 0xff, sizeof(self->room.rec));
	self->room.rec[0].trampoline = 2;
	EXPECT_EQ((int)NSET - 2, control(self->t.fd, TRAMPFD_GET, &arg));
	EXPECT_TRUE(holds(self, 2, NSET - 2));
}

/* The record that there was no room for tells whose it is and what it needs. */
static bool tells_need(const struct trampfd_record *rec, unsigned int i)
{
	struct context c;

	context_of(&c, i);
	return !memcmp(rec, &c.rec, sizeof(*rec));
}

/* Too little room of one kind or the other, for each of them. */
TEST_F(read, without_room)
{
	unsigned int kind, i, nregs = 0, nstack = 0;
	struct trampfd_contexts arg;
	struct context c;

	for (i = 0; i < NSET; i++) {
		context_of(&c, i);
		for (kind = 0; kind < 2; kind++) {
			if (kind && !c.rec.stack_size)
				continue;
			memset(&self->room, 0xcc, sizeof(self->room));
			arg = argument(self, 0, NSET, TRAMPFD_CONTEXTS_NEXT);
			if (kind)
				arg.stack_size = nstack + c.rec.stack_size - 1;
			else
				arg.nregs = nregs + c.rec.nregs - 1;
			ASSERT_EQ(i ? (int)i : -ENOSPC,
				  control(self->t.fd, TRAMPFD_GET, &arg));
			EXPECT_TRUE(holds(self, 0, i));
			EXPECT_TRUE(tells_need(&self->room.rec[i], i)) {
				TH_LOG("record %u, kind %u", i, kind);
			}
			EXPECT_TRUE(untouched(self, i + 1));
		}
		nregs += c.rec.nregs;
		nstack += c.rec.stack_size;
	}
}

/* The same by number. */
TEST_F(read, by_number_without_room)
{
	struct trampfd_contexts arg = argument(self, 0, 3, 0);
	struct context c;
	unsigned int i;

	for (i = 0; i < 3; i++)
		self->room.rec[i].trampoline = numbers[i + 1];
	context_of(&c, 1);
	arg.nregs = 0;
	ASSERT_EQ(-ENOSPC, control(self->t.fd, TRAMPFD_GET, &arg));
	EXPECT_TRUE(tells_need(&self->room.rec[0], 1));
	arg.nregs = c.rec.nregs;
	ASSERT_EQ(1, control(self->t.fd, TRAMPFD_GET, &arg));
	EXPECT_TRUE(holds(self, 1, 1));
	EXPECT_TRUE(tells_need(&self->room.rec[1], 2));
	/* With what it asks for, it is there. */
	arg.nregs += self->room.rec[1].nregs;
	arg.stack_size = c.rec.stack_size + self->room.rec[1].stack_size;
	ASSERT_EQ(2, control(self->t.fd, TRAMPFD_GET, &arg));
	EXPECT_TRUE(holds(self, 1, 2));
	EXPECT_TRUE(tells_need(&self->room.rec[2], 3));
}

/* Neither registers nor data: only what each would need. */
TEST_F(read, sizes)
{
	struct trampfd_contexts arg;
	unsigned int i, next;

	for (next = 0; next < 2; next++) {
		memset(&self->room, 0xcc, sizeof(self->room));
		arg = argument(self, 0, NSET, TRAMPFD_CONTEXTS_SIZES |
			       (next ? TRAMPFD_CONTEXTS_NEXT : 0));
		/* By number, in another order than theirs. */
		for (i = 0; !next && i < NSET; i++)
			self->room.rec[i].trampoline = numbers[NSET - 1 - i];
		ASSERT_EQ((int)NSET, control(self->t.fd, TRAMPFD_GET, &arg));
		for (i = 0; i < NSET; i++)
			EXPECT_TRUE(tells_need(&self->room.rec[i],
					       next ? i : NSET - 1 - i));
		EXPECT_TRUE(untouched(self, NSET));
		/* Nothing is written where there was room for it. */
		for (i = 0; i < sizeof(self->room.reg); i++)
			ASSERT_EQ(0xcc, ((unsigned char *)self->room.reg)[i]);
		for (i = 0; i < sizeof(self->room.stack); i++)
			ASSERT_EQ(0xcc, self->room.stack[i]);

		/* No room is asked for, either. */
		arg.regs = 0;
		arg.stack = 0;
		arg.nregs = 0;
		arg.stack_size = 0;
		self->room.rec[0].trampoline = next ? 0 : numbers[1];
		ASSERT_EQ((int)NSET, control(self->t.fd, TRAMPFD_GET, &arg));
		EXPECT_TRUE(tells_need(&self->room.rec[0], next ? 0 : 1));
	}
}

TEST_F(read, sizes_of_unset)
{
	struct trampfd_contexts arg = argument(self, 0, 3,
					       TRAMPFD_CONTEXTS_SIZES);

	self->room.rec[1].trampoline = 1;
	self->room.rec[2].trampoline = 2;
	EXPECT_EQ(2, control(self->t.fd, TRAMPFD_GET, &arg));
	self->room.rec[0].trampoline = 2;
	EXPECT_EQ(-ENOENT, control(self->t.fd, TRAMPFD_GET, &arg));
	self->room.rec[0].trampoline = NTRAMPOLINES;
	EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_GET, &arg));
}

TEST_F(read, wrong_calls)
{
	struct trampfd_contexts arg;
	unsigned int bit;

	for (bit = 2; bit < 32; bit++) {
		arg = argument(self, 0, NSET, 1U << bit);
		EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_GET, &arg));
		arg.flags |= TRAMPFD_CONTEXTS_NEXT | TRAMPFD_CONTEXTS_SIZES;
		EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_GET, &arg));
	}
	arg = argument(self, 0, 0, TRAMPFD_CONTEXTS_NEXT);
	EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_GET, &arg));
	arg = argument(self, 0, NSET, TRAMPFD_CONTEXTS_NEXT);
	arg.records = 0;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, &arg));
	arg = argument(self, 0, NSET, TRAMPFD_CONTEXTS_NEXT);
	arg.regs = 0;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, &arg));
}

static int get_allowed(int fd, uint64_t *pcs, unsigned int count)
{
	struct trampfd_pcs arg = {
		.pcs = (uintptr_t)pcs,
		.count = count,
	};

	return control(fd, TRAMPFD_GET_ALLOWED, &arg);
}

TEST_F(read, nothing_is_limited)
{
	uint64_t pcs[4] = { 1, 2, 3, 4 };
	int i;

	EXPECT_EQ(0, get_allowed(self->t.fd, pcs, 4));
	EXPECT_EQ(0, get_allowed(self->t.fd, pcs, 0));
	EXPECT_EQ(0, get_allowed(self->t.fd, NULL, 0));
	EXPECT_EQ(0, get_allowed(self->t.fd, NULL, 4));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(i + 1U, pcs[i]);
}

/* All PCs that the fixture's contexts have, unsorted, and some twice. */
static unsigned int make_pcs(uint64_t *pcs)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARCH_NTARGETS; i++)
		pcs[n++] = arch_target((i + 2) % ARCH_NTARGETS);
	pcs[n++] = ARCH_CODE(arch_data);
	pcs[n++] = 0x4000;
	pcs[n++] = arch_target(1);
	pcs[n++] = 0x1000;
	pcs[n++] = 0x4000;
	return n;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

TEST_F(read, allowed_pcs)
{
	uint64_t pcs[32], got[32];
	unsigned int n = make_pcs(pcs), i;

	ASSERT_EQ(0, allow(self->t.fd, pcs, n));
	qsort(pcs, n, sizeof(*pcs), compare);
	memset(got, 0xcc, sizeof(got));
	ASSERT_EQ((int)n, get_allowed(self->t.fd, got, ARRAY_SIZE(got)));
	EXPECT_EQ(0, memcmp(pcs, got, n * sizeof(*pcs)));
	for (i = n; i < ARRAY_SIZE(got); i++)
		EXPECT_EQ(0xccccccccccccccccULL, got[i]);

	memset(got, 0xcc, sizeof(got));
	ASSERT_EQ((int)n, get_allowed(self->t.fd, got, n));
	EXPECT_EQ(0, memcmp(pcs, got, n * sizeof(*pcs)));
	/* Any count, as it is only said to be there. */
	EXPECT_EQ((int)n, get_allowed(self->t.fd, got, ~0U));
	for (i = 0; i < n; i++)
		EXPECT_EQ(-ENOSPC, get_allowed(self->t.fd, got, i));
	EXPECT_EQ(-ENOSPC, get_allowed(self->t.fd, NULL, 0));
}

TEST_F(read, as_many_allowed_pcs_as_there_can_be)
{
	const unsigned int max = self->t.attr.max_pcs;
	uint64_t *pcs = calloc(max, sizeof(*pcs));
	uint64_t *got = calloc(max, sizeof(*got));
	struct table t;
	unsigned int i;

	ASSERT_TRUE(pcs && got);
	ASSERT_EQ(0, table_open(&t, 1, variant->flags));
	for (i = 0; i < max; i++)
		pcs[i] = 0x10000 + (uint64_t)(max - i) * ARCH_PC_ALIGN;
	ASSERT_EQ(0, allow(t.fd, pcs, max));
	EXPECT_EQ(-ENOSPC, get_allowed(t.fd, got, max - 1));
	ASSERT_EQ((int)max, get_allowed(t.fd, got, max));
	for (i = 0; i < max; i++)
		ASSERT_EQ(pcs[max - 1 - i], got[i]);
	table_close(&t);
	free(pcs);
	free(got);
}

TEST_F(read, allowed_pcs_wrong_calls)
{
	uint64_t pcs[32], got[32];
	struct trampfd_pcs arg = {
		.pcs = (uintptr_t)got,
		.count = ARRAY_SIZE(got),
	};
	unsigned int bit, n = make_pcs(pcs);
	char *end = self->stack.mem + self->stack.size;

	ASSERT_EQ(0, allow(self->t.fd, pcs, n));
	for (bit = 0; bit < 32; bit++) {
		arg.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_GET_ALLOWED,
					   &arg));
	}
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET_ALLOWED, NULL));
	EXPECT_EQ(-EFAULT, get_allowed(self->t.fd, NULL, n));
	EXPECT_EQ(-EFAULT, get_allowed(self->t.fd, (void *)(end - 8), n));
	EXPECT_EQ((int)n, get_allowed(self->t.fd, (void *)(end - 8 * n), n));
}

/* Like all that is the table's, the child's is the same. */
TEST_F(read, in_a_child)
{
	uint64_t pcs[32], got[32];
	unsigned int n = make_pcs(pcs);
	pid_t pid;

	ASSERT_EQ(0, allow(self->t.fd, pcs, n));
	qsort(pcs, n, sizeof(*pcs), compare);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ((int)NSET, read_next(self, 0, NSET));
		EXPECT_TRUE(holds(self, 0, NSET));
		EXPECT_EQ((int)n, get_allowed(self->t.fd, got, n));
		EXPECT_EQ(0, memcmp(pcs, got, n * sizeof(*pcs)));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
}

/* Make @to what @from is, with no other knowledge than what can be read. */
static bool restore(DATA *self, int from, int to, unsigned int part)
{
	uint64_t pcs[TRAMPFD_PCS_MAX];
	struct trampfd_contexts arg;
	unsigned int begin = 0;
	int n;

	for (;;) {
		/* With room for few registers, a call may stop short. */
		arg = argument(self, begin, part, TRAMPFD_CONTEXTS_NEXT);
		arg.nregs = 2 * TRAMPFD_REGS_MAX;
		n = control(from, TRAMPFD_GET, &arg);
		if (n <= 0)
			break;
		/* Or else this would go on for ever. */
		if (self->room.rec[n - 1].trampoline < begin)
			return false;
		begin = self->room.rec[n - 1].trampoline + 1;
		arg.flags = 0;
		arg.nrecords = n;
		if (control(to, TRAMPFD_SET, &arg) != n)
			return false;
	}
	if (n)
		return false;
	n = get_allowed(from, pcs, ARRAY_SIZE(pcs));
	return n < 0 ? false : !n || !allow(to, pcs, n);
}

/* Does each trampoline read the same, or is it unset in both? */
static bool same(int a, int b)
{
	struct context c, d;
	unsigned int i;

	for (i = 0; i < NTRAMPOLINES; i++) {
		int ret = context_get(a, i, &c);

		if (context_get(b, i, &d) != ret ||
		    (ret == 1 && (!context_equal(&c, &d) ||
				  c.rec.flags != d.rec.flags))) {
			fprintf(stderr, "# trampoline %u is different\n", i);
			return false;
		}
	}
	return true;
}

/* Does each one that is set do what it did, called where the table is? */
static bool calls(DATA *self, const struct table *t)
{
	struct cpu_state in, out;
	unsigned int i, generation;
	int target;

	for (i = 0; i < NSET; i++) {
		arch_fill(&in, stack_pointer(&self->stack,
					     self->stack.size / 2), i);
		if (try_run(&in, table_entry(t, numbers[i]), ARCH_BY_CALL, &out,
			    &target) ||
		    !generation_whole(&in, ARCH_BY_CALL, &out, target,
				      &generation) || generation != i) {
			fprintf(stderr, "# trampoline %u\n", numbers[i]);
			return false;
		}
	}
	return is_plain(table_entry(t, 2)) && is_plain(table_entry(t, 1000));
}

/* What a checkpoint reads is the whole table: a new one of it is the same. */
TEST_F(read, restored)
{
	uint64_t pcs[32], got[32];
	unsigned int n = make_pcs(pcs), part;
	struct context c;
	struct table t;

	ASSERT_EQ(0, allow(self->t.fd, pcs, n));
	qsort(pcs, n, sizeof(*pcs), compare);
	for (part = 1; part <= NSET; part += NSET - 1) {
		ASSERT_EQ(0, table_open(&t, NTRAMPOLINES, variant->flags));
		ASSERT_TRUE(restore(self, self->t.fd, t.fd, part));
		EXPECT_TRUE(same(self->t.fd, t.fd));
		EXPECT_TRUE(calls(self, &t));

		/* Seals and allowed PCs are in force, and not only shown. */
		context_of(&c, 4);
		EXPECT_EQ(-EPERM, context_set(t.fd, &c));
		EXPECT_EQ(-EPERM, remove_one(t.fd, numbers[4]));
		context_of(&c, 3);
		EXPECT_EQ(1, context_set(t.fd, &c));
		context_init(&c, 2, 0x2000);
		EXPECT_EQ(-EPERM, context_set(t.fd, &c));
		ASSERT_EQ((int)n, get_allowed(t.fd, got, ARRAY_SIZE(got)));
		EXPECT_EQ(0, memcmp(pcs, got, n * sizeof(*pcs)));
		table_close(&t);
	}
}

/* In place of the old one: pointers to the trampolines stay good. */
TEST_F(read, restored_at_the_same_address)
{
	struct table t;

	ASSERT_EQ(0, table_create(&t, NTRAMPOLINES, variant->flags));
	ASSERT_TRUE(restore(self, self->t.fd, t.fd, NSET));
	ASSERT_EQ(0, table_map_at(&t, self->t.base));
	EXPECT_EQ(0, close(self->t.fd));
	self->t = t;
	EXPECT_TRUE(calls(self, &self->t));
	EXPECT_EQ((int)NSET, read_next(self, 0, NSET));
	EXPECT_TRUE(holds(self, 0, NSET));
}

TEST_HARNESS_MAIN
