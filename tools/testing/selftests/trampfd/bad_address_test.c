// SPDX-License-Identifier: GPL-2.0
/*
 * Bad addresses behind good elements, and behind wrong ones.  An element that
 * can't be read or written is a bad element like any other: what is before it is
 * done, and stays done, and the next call tells the error.  So an element that is
 * never reached may be anywhere.
 */
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

/* More than a kernel would read at once. */
#define NELEMENTS	132
#define SEALED		NELEMENTS
#define NTRAMPOLINES	(NELEMENTS + 1)

/* How many elements are good before the bad one. */
static const unsigned int goods[] = { 0, 1, 47, 48, 63, 64, 65, NELEMENTS - 2 };

/* Which of a call's arrays ends where nothing is. */
enum array {
	RECORDS,
	REGS,
	STACK,
};

/* And what is there. */
enum behind {
	NOTHING,
	NO_PERMISSION,
};

FIXTURE(edge) {
	struct table t;
	struct test_stack room;
	char *edge;
	struct trampfd_record records[NELEMENTS];
	struct trampfd_reg regs[NELEMENTS][2];
	unsigned char stack[NELEMENTS][ARCH_WORD];
};

FIXTURE_VARIANT(edge) {
	enum array array;
	enum behind behind;
};

FIXTURE_VARIANT_ADD(edge, records) { .array = RECORDS, .behind = NOTHING, };
FIXTURE_VARIANT_ADD(edge, regs) { .array = REGS, .behind = NOTHING, };
FIXTURE_VARIANT_ADD(edge, stack) { .array = STACK, .behind = NOTHING, };
FIXTURE_VARIANT_ADD(edge, records_no_permission) {
	.array = RECORDS, .behind = NO_PERMISSION,
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(edge)
#define VARIANT	FIXTURE_VARIANT(edge)

/* Element @i, which is good by itself, is for trampoline @i. */
static void fill(DATA *self)
{
	struct context c;
	unsigned int i;

	for (i = 0; i < NELEMENTS; i++) {
		context_init(&c, i, ARCH_CODE(arch_data));
		context_reg(&c, ARCH_DATA_REG, 1000 + i);
		context_stack(&c, sizeof(self->stack[i]), 0, i);
		self->records[i] = c.rec;
		memcpy(self->regs[i], c.reg, sizeof(self->regs[i]));
		memcpy(self->stack[i], c.stack, sizeof(self->stack[i]));
	}
}

FIXTURE_SETUP(edge)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, 0));
	ASSERT_TRUE(controlled_as_built(&self->t));
	ASSERT_EQ(1, set_value(self->t.fd, SEALED, 5));
	ASSERT_EQ(1, seal_one(self->t.fd, SEALED));
	ASSERT_EQ(0, stack_open(&self->room, 16));
	self->edge = self->room.mem + self->room.size;
	if (variant->behind == NOTHING)
		ASSERT_EQ(0, munmap(self->edge, getpagesize()));
	fill(self);
}

FIXTURE_TEARDOWN(edge)
{
	table_close(&self->t);
	stack_close(&self->room);
}

/* @bytes of @data, of which the last @missing are behind the edge. */
static uintptr_t at_edge(DATA *self, const void *data, size_t bytes,
			 size_t missing)
{
	char *to = self->edge - (bytes - missing);

	memcpy(to, data, bytes - missing);
	return (uintptr_t)to;
}

/*
 * The argument for all elements from @from on, where the first @present can be
 * read, and the next one but for @missing bytes of it.
 */
static struct trampfd_contexts argument(DATA *self, const VARIANT *variant,
					unsigned int from, unsigned int present,
					size_t missing)
{
	const unsigned int n = NELEMENTS - from;
	struct trampfd_contexts arg = {
		.records = (uintptr_t)&self->records[from],
		.regs = (uintptr_t)self->regs[from],
		.stack = (uintptr_t)self->stack[from],
		.nrecords = n,
		.nregs = 2 * n,
		.stack_size = n * sizeof(self->stack[0]),
	};
	size_t element, more = missing ? 1 : 0;

	present -= from;
	switch (variant->array) {
	case RECORDS:
		element = (present + more) * sizeof(self->records[0]);
		arg.records = at_edge(self, &self->records[from], element,
				      missing);
		break;
	case REGS:
		element = (present + more) * sizeof(self->regs[0]);
		arg.regs = at_edge(self, self->regs[from], element, missing);
		break;
	case STACK:
		element = (present + more) * sizeof(self->stack[0]);
		arg.stack = at_edge(self, self->stack[from], element, missing);
		break;
	}
	return arg;
}

/* The next one that is worth looking at, when @n is where something ends. */
static unsigned int next_sample(unsigned int i, unsigned int n)
{
	if (i + 3 < n)
		return n - 2;
	if (i > n && i + 3 < NELEMENTS)
		return NELEMENTS - 2;
	return i + 1;
}

/* Are the first @n set to what they should be, and all others unset? */
static bool set_up_to(DATA *self, unsigned int n)
{
	struct context want, have;
	unsigned int i;

	for (i = 0; i < NELEMENTS; i = next_sample(i, n)) {
		int ret = context_get(self->t.fd, i, &have);

		if (i >= n && ret == -ENOENT)
			continue;
		context_init(&want, i, ARCH_CODE(arch_data));
		context_reg(&want, ARCH_DATA_REG, 1000 + i);
		context_stack(&want, sizeof(self->stack[i]), 0, i);
		if (i >= n || ret != 1 || !context_equal(&want, &have)) {
			fprintf(stderr, "# %u is wrong, %u should be set: %d\n",
				i, n, ret);
			return false;
		}
	}
	return true;
}

/* The elements before the bad one are done, and from there on it is @error. */
static bool set_stops(DATA *self, const VARIANT *variant, unsigned int good,
		      unsigned int present, size_t missing, int error)
{
	struct trampfd_contexts arg;
	int ret;

	arg = argument(self, variant, 0, present, missing);
	ret = control(self->t.fd, TRAMPFD_SET, &arg);
	if (ret != (good ? (int)good : error)) {
		fprintf(stderr, "# %u good, %u there: %d\n", good, present, ret);
		return false;
	}
	if (!set_up_to(self, good))
		return false;
	arg = argument(self, variant, good, present, missing);
	ret = control(self->t.fd, TRAMPFD_SET, &arg);
	if (ret != error) {
		fprintf(stderr, "# the next call: %d, not %d\n", ret, error);
		return false;
	}
	if (!set_up_to(self, good))
		return false;
	return !good ||
	       remove_range(self->t.fd, 0, good) == (int)good;
}

TEST_F(edge, set_good_and_unreadable)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(goods); i++)
		EXPECT_TRUE(set_stops(self, variant, goods[i], goods[i], 0,
				      -EFAULT));
}

/* A part of the element can be read. */
TEST_F(edge, set_good_and_half_readable)
{
	const size_t size[] = {
		sizeof(self->records[0]), sizeof(self->regs[0]),
		sizeof(self->stack[0]),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		EXPECT_TRUE(set_stops(self, variant, goods[i], goods[i], 1,
				      -EFAULT));
		EXPECT_TRUE(set_stops(self, variant, goods[i], goods[i],
				      size[variant->array] - 1, -EFAULT));
	}
}

/* Ways for a record to be wrong, and their errors. */
enum wrong {
	RECORD_FLAG,
	NUMBER,
	NO_REGISTERS,
	REGISTER_FLAG,
	REGISTER_TWICE,
	FINAL,
	NWRONG,
};

static int make_wrong(DATA *self, unsigned int i, enum wrong wrong)
{
	fill(self);
	switch (wrong) {
	case RECORD_FLAG:
		self->records[i].flags = ~TRAMPFD_RECORD_SEALED;
		break;
	case NUMBER:
		self->records[i].trampoline = NTRAMPOLINES;
		break;
	case NO_REGISTERS:
		self->records[i].nregs = 0;
		break;
	case REGISTER_FLAG:
		self->regs[i][1].flags = 1;
		break;
	case REGISTER_TWICE:
		self->regs[i][1] = self->regs[i][0];
		break;
	case FINAL:
		self->records[i].trampoline = SEALED;
		return -EPERM;
	case NWRONG:
		break;
	}
	return -EINVAL;
}

/* The wrong element can be read, and the one behind it can't. */
TEST_F(edge, set_good_wrong_and_unreadable)
{
	enum wrong wrong;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		for (wrong = 0; wrong < NWRONG; wrong++) {
			const unsigned int good = goods[i];
			int error = make_wrong(self, good, wrong);

			/* Of some, a part of the one behind can be read. */
			ASSERT_TRUE(set_stops(self, variant, good, good + 1,
					      wrong % 2, error)) {
				TH_LOG("wrong %d", wrong);
			}
		}
	}
	EXPECT_TRUE(gives(table_entry(&self->t, SEALED), 5));
}

/* What is wrong with the call itself comes before any element. */
TEST_F(edge, set_wrong_call)
{
	struct trampfd_contexts arg = argument(self, variant, 0, 2, 0);

	arg.flags = 1;
	EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_TRUE(set_up_to(self, 0));
}

/* A call that ends there with its last element has nothing wrong. */
TEST_F(edge, set_up_to_the_edge)
{
	struct trampfd_contexts arg = argument(self, variant, 0, 100, 0);

	arg.nrecords = 100;
	EXPECT_EQ(100, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_TRUE(set_up_to(self, 100));
}

static bool set_all(DATA *self)
{
	static const VARIANT any;
	struct trampfd_contexts arg;

	fill(self);
	arg = argument(self, &any, 0, NELEMENTS, 0);
	return control(self->t.fd, TRAMPFD_SET, &arg) == NELEMENTS;
}

/* Read from @from on, to where the first @present have room. */
static int get(DATA *self, const VARIANT *variant, unsigned int from,
	       unsigned int present, size_t missing)
{
	struct trampfd_contexts arg = argument(self, variant, from, present,
					       missing);

	return control(self->t.fd, TRAMPFD_GET, &arg);
}

static bool get_stops(DATA *self, const VARIANT *variant, unsigned int good,
		      unsigned int present, size_t missing, int error)
{
	int ret = get(self, variant, 0, present, missing);

	if (ret != (good ? (int)good : error)) {
		fprintf(stderr, "# %u good, %u there: %d\n", good, present, ret);
		return false;
	}
	ret = get(self, variant, good, present, missing);
	if (ret != error)
		fprintf(stderr, "# the next call: %d, not %d\n", ret, error);
	return ret == error;
}

TEST_F(edge, get)
{
	size_t i;

	ASSERT_TRUE(set_all(self));
	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		const unsigned int good = goods[i];

		EXPECT_TRUE(get_stops(self, variant, good, good, 0, -EFAULT));
		EXPECT_TRUE(get_stops(self, variant, good, good, 1, -EFAULT));
		/* An unset one, and nothing behind it. */
		ASSERT_EQ(1, remove_one(self->t.fd, good));
		EXPECT_TRUE(get_stops(self, variant, good, good + 1, 0,
				      -ENOENT));
		ASSERT_TRUE(set_all(self));
	}
}

/* What is read is there, up to where it could not be written. */
TEST_F(edge, get_writes_the_good_ones)
{
	const unsigned int good = 70;
	struct trampfd_contexts arg;
	unsigned int i;

	ASSERT_TRUE(set_all(self));
	for (i = 0; i < NELEMENTS; i++) {
		memset(&self->records[i], 0, sizeof(self->records[i]));
		self->records[i].trampoline = i;
	}
	memset(self->regs, 0, sizeof(self->regs));
	memset(self->stack, 0, sizeof(self->stack));
	arg = argument(self, variant, 0, good, 0);
	ASSERT_EQ((int)good, control(self->t.fd, TRAMPFD_GET, &arg));
	for (i = 0; i < good; i++) {
		const struct trampfd_record *rec =
			(void *)(uintptr_t)arg.records;
		const struct trampfd_reg *reg = (void *)(uintptr_t)arg.regs;
		const unsigned char *stack = (void *)(uintptr_t)arg.stack;

		ASSERT_EQ(i, rec[i].trampoline);
		ASSERT_EQ(2U, rec[i].nregs);
		ASSERT_EQ(sizeof(self->stack[0]), rec[i].stack_size);
		ASSERT_EQ((uint64_t)ARCH_CODE(arch_data), reg[2 * i].value);
		ASSERT_EQ(1000U + i, reg[2 * i + 1].value);
		ASSERT_EQ((unsigned char)(i + 3),
			  stack[i * sizeof(self->stack[0]) + 1]);
	}
}

/* Can be read and not written: so SET takes it, and GET does not. */
TEST_F(edge, read_only)
{
	const size_t page = getpagesize();
	struct trampfd_contexts arg = argument(self, variant, 0, 3, 0);

	arg.nrecords = 3;
	ASSERT_EQ(0, mprotect(self->edge - page, page, PROT_READ));
	EXPECT_EQ(3, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, &arg));
	EXPECT_TRUE(set_up_to(self, 3));
}

/* The next ones in turn: what is found is not lost with what can't be told. */
TEST_F(edge, get_next)
{
	struct trampfd_contexts arg;
	size_t i;

	ASSERT_TRUE(set_all(self));
	for (i = 1; i < ARRAY_SIZE(goods); i++) {
		const unsigned int good = goods[i];

		memset(self->records, 0, sizeof(self->records));
		arg = argument(self, variant, 0, good, 0);
		arg.flags = TRAMPFD_CONTEXTS_NEXT;
		EXPECT_EQ((int)good, control(self->t.fd, TRAMPFD_GET, &arg)) {
			TH_LOG("%u", good);
		}
		self->records[good].trampoline = good;
		arg = argument(self, variant, good, good, 0);
		arg.flags = TRAMPFD_CONTEXTS_NEXT;
		EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, &arg)) {
			TH_LOG("%u", good);
		}
	}
}

FIXTURE(list) {
	struct table t;
	struct test_stack room;
	uint32_t *end;
};

FIXTURE_VARIANT(list) {
	unsigned long command;
};

FIXTURE_VARIANT_ADD(list, remove) { .command = TRAMPFD_REMOVE, };
FIXTURE_VARIANT_ADD(list, seal) { .command = TRAMPFD_SEAL, };

FIXTURE_SETUP(list)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, 0));
	ASSERT_TRUE(controlled_as_built(&self->t));
	ASSERT_EQ(0, stack_open(&self->room, 16));
	self->end = (void *)(self->room.mem + self->room.size);
	ASSERT_EQ(0, munmap(self->end, getpagesize()));
}

FIXTURE_TEARDOWN(list)
{
	table_close(&self->t);
	stack_close(&self->room);
}

/* Is trampoline @n as the command leaves it, or as before? */
static bool list_done(const FIXTURE_DATA(list) *self, unsigned long command,
		      unsigned int n)
{
	struct context c;

	if (command == TRAMPFD_REMOVE)
		return is_unset(self->t.fd, n);
	return context_get(self->t.fd, n, &c) == 1 &&
	       c.rec.flags == TRAMPFD_RECORD_SEALED;
}

/* All of @count numbers, of which the first @good are done. */
static bool list_stops(FIXTURE_DATA(list) *self, unsigned long command,
		       uint32_t *list, unsigned int count, unsigned int good,
		       int error)
{
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)list,
		.count = count,
	};
	unsigned int i;
	int ret;

	/* A sealed one is final, so a fresh table each time. */
	table_close(&self->t);
	if (table_open(&self->t, NTRAMPOLINES, 0) ||
	    set_values(self->t.fd, 0, NELEMENTS, 10) != NELEMENTS)
		return false;

	ret = control(self->t.fd, command, &arg);
	if (ret != (good ? (int)good : error)) {
		fprintf(stderr, "# %u good of %u: %d\n", good, count, ret);
		return false;
	}
	for (i = 0; i < NELEMENTS; i = next_sample(i, good)) {
		const bool should = i < good;

		if (list_done(self, command, i) != should) {
			fprintf(stderr, "# %u good, and %u is wrong\n", good, i);
			return false;
		}
	}
	arg.trampolines += good * sizeof(*list);
	arg.count -= good;
	ret = control(self->t.fd, command, &arg);
	if (ret != error)
		fprintf(stderr, "# the next call: %d, not %d\n", ret, error);
	return ret == error;
}

TEST_F(list, good_and_unreadable)
{
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		const unsigned int good = goods[i];
		uint32_t *list = self->end - good;
		char *half = (char *)list - 3;

		for (k = 0; k < good; k++)
			list[k] = k;
		EXPECT_TRUE(list_stops(self, variant->command, list, NELEMENTS,
				       good, -EFAULT));
		/* All but the last byte of the next number is there. */
		memmove(half, list, good * sizeof(*list));
		memset((char *)self->end - 3, 0, 3);
		EXPECT_TRUE(list_stops(self, variant->command, (void *)half,
				       NELEMENTS, good, -EFAULT));
	}
}

TEST_F(list, good_wrong_and_unreadable)
{
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		const unsigned int good = goods[i];
		uint32_t *list = self->end - good - 1;

		for (k = 0; k < good; k++)
			list[k] = k;
		list[good] = NTRAMPOLINES;
		EXPECT_TRUE(list_stops(self, variant->command, list, NELEMENTS,
				       good, -EINVAL));
		/* The last one is not set. */
		list[good] = NTRAMPOLINES - 1;
		EXPECT_TRUE(list_stops(self, variant->command, list, NELEMENTS,
				       good, -ENOENT));
	}
}

/* More than that: the end of the memory is far from the beginning. */
TEST_F(list, many)
{
	const unsigned int n = 4096;
	struct test_stack room;
	struct trampfd_list arg;
	unsigned int i, there;
	uint32_t *list;
	struct table t;

	ASSERT_EQ(0, stack_open(&room, n * sizeof(*list) / getpagesize() + 1));
	ASSERT_EQ(0, table_open(&t, n, 0));
	ASSERT_EQ((int)n, set_values(t.fd, 0, n, 0));
	/* Three in four are there, which is no round number. */
	there = n / 4 * 3 + 101;
	list = (uint32_t *)(room.mem + room.size) - there;
	for (i = 0; i < there; i++)
		list[i] = i;
	arg = (struct trampfd_list) {
		.trampolines = (uintptr_t)list,
		.count = n,
	};
	EXPECT_EQ((int)there, control(t.fd, variant->command, &arg));
	arg.trampolines += there * sizeof(*list);
	arg.count -= there;
	EXPECT_EQ(-EFAULT, control(t.fd, variant->command, &arg));
	EXPECT_TRUE(has_value(t.fd, there, there));
	table_close(&t);
	stack_close(&room);
}

TEST_HARNESS_MAIN
