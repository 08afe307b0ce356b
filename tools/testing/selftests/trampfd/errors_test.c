// SPDX-License-Identifier: GPL-2.0
/*
 * Errors of trampfd_create() and of the ioctls, each with the proof that the failed call
 * changed nothing.  What mmap() refuses is in map_errors_test.c.
 */
#include <fcntl.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

/* What the fixture's table holds. */
enum {
	VALUE,		/* a PC and one register */
	STACK,		/* all registers and a stack context */
	SEALED,		/* a PC and one register, sealed */
	UNSET,
	UNSET_TOO,
	NTRAMPOLINES = 8,
};

FIXTURE(errors) {
	struct table t;
	struct context before[NTRAMPOLINES];
	struct test_stack stack;
	/* The last bytes before what may not be accessed. */
	char *edge;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(errors)

FIXTURE_VARIANT(errors) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(errors, private) {
	.flags = 0,
};

#ifndef TRAMPFD_BY_ADDRESS
FIXTURE_VARIANT_ADD(errors, shared) {
	.flags = TRAMPFD_SHARED,
};
#endif

FIXTURE_SETUP(errors)
{
	struct context c;
	int i;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 2));
	self->edge = self->stack.mem + self->stack.size;

	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, variant->flags));
	ASSERT_TRUE(controlled_as_built(&self->t));
	ASSERT_EQ(1, set_value(self->t.fd, VALUE, 1000));
	generation_context(&c, STACK, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	ASSERT_EQ(1, set_value(self->t.fd, SEALED, 3000));
	ASSERT_EQ(1, seal_one(self->t.fd, SEALED));

	for (i = 0; i < UNSET; i++)
		ASSERT_EQ(1, context_get(self->t.fd, i, &self->before[i]));
	for (; i < NTRAMPOLINES; i++)
		ASSERT_TRUE(is_unset(self->t.fd, i));
}

FIXTURE_TEARDOWN(errors)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

/* All contexts read back as before, and all calls do what they did before. */
static bool unchanged(DATA *self)
{
	struct cpu_state in, out;
	unsigned int generation;
	struct context now;
	int i, target;

	for (i = 0; i < UNSET; i++) {
		if (context_get(self->t.fd, i, &now) != 1 ||
		    !context_equal(&now, &self->before[i])) {
			fprintf(stderr, "# context %d reads different\n", i);
			return false;
		}
	}
	if (!gives(table_entry(&self->t, VALUE), 1000) ||
	    !gives(table_entry(&self->t, SEALED), 3000)) {
		fprintf(stderr, "# a call gives another value\n");
		return false;
	}

	arch_fill(&in, stack_pointer(&self->stack, self->stack.size / 2), 1);
	if (try_run(&in, table_entry(&self->t, STACK), ARCH_BY_CALL, &out,
		    &target) ||
	    !generation_whole(&in, ARCH_BY_CALL, &out, target, &generation) ||
	    generation != 1) {
		fprintf(stderr, "# the stack context's call is different\n");
		return false;
	}

	for (; i < NTRAMPOLINES; i++) {
		if (!is_unset(self->t.fd, i) ||
		    !is_plain(table_entry(&self->t, i))) {
			fprintf(stderr, "# %d is not unset any more\n", i);
			return false;
		}
	}
	return true;
}

/* A failed trampfd_create() also makes no descriptor. */
static int create_error(struct trampfd_attr *attr, size_t size,
			unsigned int flags)
{
	int before = next_descriptor();
	int ret = create(attr, size, flags);

	if (ret >= 0)
		close(ret);
	else if (next_descriptor() != before)
		return -ENOTRECOVERABLE;
	return ret;
}

static struct trampfd_attr good_attr(void)
{
	return (struct trampfd_attr) { .ntrampolines = NTRAMPOLINES };
}

TEST_F(errors, create_unknown_flag)
{
	struct trampfd_attr attr = good_attr();
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		if (1U << bit == TRAMPFD_SHARED)
			continue;
		EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr),
						variant->flags | 1U << bit)) {
			TH_LOG("bit %u", bit);
		}
	}
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_unknown_type)
{
	struct trampfd_attr attr = good_attr();

	attr.type = TRAMPFD_CODE + 1;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	attr.type = ~0U;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_reserved)
{
	struct trampfd_attr attr = good_attr();

	attr.reserved = 1;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	attr.reserved = 1U << 31;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_no_trampolines)
{
	struct trampfd_attr attr = good_attr();

	attr.ntrampolines = 0;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_too_many_trampolines)
{
	struct trampfd_attr attr = good_attr();

	attr.ntrampolines = TRAMPFD_TRAMPOLINES_MAX + 1;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	attr.ntrampolines = ~0U;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_attr_too_small)
{
	struct trampfd_attr attr = good_attr();

	EXPECT_EQ(-EINVAL, create_error(&attr, 0, variant->flags));
	EXPECT_EQ(-EINVAL, create_error(&attr, TRAMPFD_ATTR_SIZE_VER0 - 1,
					variant->flags));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_attr_unknown_tail)
{
	struct {
		struct trampfd_attr attr;
		unsigned char tail[64];
	} larger;
	size_t i;

	for (i = 0; i < sizeof(larger.tail); i += 21) {
		memset(&larger, 0, sizeof(larger));
		larger.attr = good_attr();
		larger.tail[i] = 1;
		EXPECT_EQ(-E2BIG, create_error(&larger.attr, sizeof(larger),
					       variant->flags));
	}
	EXPECT_TRUE(unchanged(self));
}

/* Not an error: what the kernel does not know is not asked for. */
TEST_F(errors, create_attr_zero_tail)
{
	struct {
		struct trampfd_attr attr;
		unsigned char tail[64];
	} larger = { .attr = good_attr() };
	int fd;

	fd = create(&larger.attr, sizeof(larger), variant->flags);
	ASSERT_LE(0, fd);
	EXPECT_EQ(self->t.attr.map_size, larger.attr.map_size);
	EXPECT_EQ(0, close(fd));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_bad_pointer)
{
	const size_t size = sizeof(struct trampfd_attr);
	struct trampfd_attr attr = good_attr();
	char *half = self->edge - size / 2;

	EXPECT_EQ(-EFAULT, create_error(NULL, size, variant->flags));
	EXPECT_EQ(-EFAULT, create_error((void *)self->edge, size,
					variant->flags));
	EXPECT_EQ(-EFAULT, create_error((void *)-size, size, variant->flags));
	/* The kernel reads and writes the structure beyond the edge. */
	memcpy(half, &attr, size / 2);
	EXPECT_EQ(-EFAULT, create_error((void *)half, size, variant->flags));
	EXPECT_TRUE(unchanged(self));
}

/* The structure can be read, but the answer can't be written. */
TEST_F(errors, create_readonly_attr)
{
	struct trampfd_attr attr = good_attr();
	void *page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(page != MAP_FAILED);
	memcpy(page, &attr, sizeof(attr));
	ASSERT_EQ(0, mprotect(page, getpagesize(), PROT_READ));
	EXPECT_EQ(-EFAULT, create_error(page, sizeof(attr), variant->flags));
	EXPECT_TRUE(unchanged(self));
}

/* A context that is fine, for the trampoline that is not set. */
static void good_context(struct context *c)
{
	context_init(c, UNSET, ARCH_CODE(arch_data));
	context_reg(c, ARCH_DATA_REG, 42);
}

/*
 * All of TRAMPFD_SET's input that is one number away from good: each has to
 * fail, also when it would replace what is set.
 */
static bool set_gives(DATA *self, struct context *c,
		      struct trampfd_contexts *arg, int error)
{
	static const unsigned int trampolines[] = { UNSET, VALUE, STACK };
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(trampolines); i++) {
		c->rec.trampoline = trampolines[i];
		ret = control(self->t.fd, TRAMPFD_SET, arg);
		if (ret != error) {
			fprintf(stderr, "# TRAMPFD_SET gives %d, should be %d\n",
				ret, error);
			return false;
		}
	}
	return unchanged(self);
}

static bool context_gives(DATA *self, struct context *c,
			  int error)
{
	struct trampfd_contexts arg = context_argument(c);

	return set_gives(self, c, &arg, error);
}

TEST_F(errors, good_context_is_good)
{
	struct context c;

	/* Or else the tests below would prove nothing. */
	good_context(&c);
	EXPECT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(gives(table_entry(&self->t, UNSET), 42));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, set_argument_flags)
{
	struct trampfd_contexts arg;
	struct context c;
	unsigned int bit;

	good_context(&c);
	arg = context_argument(&c);
	for (bit = 0; bit < 32; bit++) {
		arg.flags = 1U << bit;
		EXPECT_TRUE(set_gives(self, &c, &arg, -EINVAL)) {
			TH_LOG("bit %u", bit);
		}
	}
}

TEST_F(errors, set_no_records)
{
	struct trampfd_contexts arg;
	struct context c;

	good_context(&c);
	arg = context_argument(&c);
	arg.nrecords = 0;
	EXPECT_TRUE(set_gives(self, &c, &arg, -EINVAL));
}

TEST_F(errors, set_too_many_records)
{
	struct trampfd_contexts arg;
	struct context c;

	good_context(&c);
	arg = context_argument(&c);
	arg.nrecords = TRAMPFD_RECORDS_MAX + 1;
	EXPECT_TRUE(set_gives(self, &c, &arg, -EINVAL));
	arg.nrecords = ~0U;
	EXPECT_TRUE(set_gives(self, &c, &arg, -EINVAL));
}

TEST_F(errors, set_fewer_registers_than_needed)
{
	struct trampfd_contexts arg;
	struct context c;

	good_context(&c);
	arg = context_argument(&c);
	arg.nregs = c.rec.nregs - 1;
	EXPECT_TRUE(set_gives(self, &c, &arg, -EINVAL));
	arg.nregs = 0;
	EXPECT_TRUE(set_gives(self, &c, &arg, -EINVAL));
}

TEST_F(errors, set_less_stack_than_needed)
{
	struct trampfd_contexts arg;
	struct context c;

	good_context(&c);
	context_stack(&c, 64, 0, 1);
	arg = context_argument(&c);
	arg.stack_size = 63;
	EXPECT_TRUE(set_gives(self, &c, &arg, -EINVAL));
	arg.stack_size = 0;
	EXPECT_TRUE(set_gives(self, &c, &arg, -EINVAL));
}

TEST_F(errors, set_record_flags)
{
	struct context c;
	unsigned int bit;

	good_context(&c);
	for (bit = 0; bit < 32; bit++) {
		if (1U << bit & (TRAMPFD_RECORD_SEALED | TRAMPFD_RECORD_IDLE))
			continue;
		c.rec.flags = 1U << bit;
		EXPECT_TRUE(context_gives(self, &c, -EINVAL)) {
			TH_LOG("bit %u", bit);
		}
	}
}

TEST_F(errors, set_record_reserved)
{
	struct context c;

	good_context(&c);
	c.rec.reserved = 1;
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
	c.rec.reserved = 1U << 31;
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
}

TEST_F(errors, set_trampoline_out_of_range)
{
	static const unsigned int numbers[] = {
		NTRAMPOLINES, NTRAMPOLINES + 1, TRAMPFD_TRAMPOLINES_MAX,
		0x7fffffff, 0x80000000, ~0U,
	};
	struct context c;
	size_t i;

	good_context(&c);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		c.rec.trampoline = numbers[i];
		EXPECT_EQ(-EINVAL, context_set(self->t.fd, &c)) {
			TH_LOG("trampoline %#x", numbers[i]);
		}
	}
	EXPECT_TRUE(unchanged(self));
	/* The mapping has more addresses than the table has trampolines. */
	EXPECT_TRUE(is_plain(table_entry(&self->t, NTRAMPOLINES)));
}

TEST_F(errors, set_no_registers)
{
	struct context c;

	good_context(&c);
	c.rec.nregs = 0;
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
}

TEST_F(errors, set_too_many_registers)
{
	struct trampfd_contexts arg;
	struct context c;

	good_context(&c);
	while (c.rec.nregs <= TRAMPFD_REGS_MAX)
		context_reg(&c, ARCH_DATA_REG, 0);
	arg = context_argument(&c);
	EXPECT_TRUE(set_gives(self, &c, &arg, -EINVAL));
	c.rec.nregs = ~0U;
	EXPECT_TRUE(set_gives(self, &c, &arg, -EINVAL));
}

TEST_F(errors, set_register_twice)
{
	struct context c;

	good_context(&c);
	context_reg(&c, ARCH_DATA_REG, 42);
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
	/* Not next to each other. */
	good_context(&c);
	context_reg(&c, arch_settable[0].number, 1);
	context_reg(&c, arch_settable[1].number, 1);
	context_reg(&c, arch_settable[0].number, 2);
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
}

TEST_F(errors, set_pc_twice)
{
	struct context c;

	good_context(&c);
	context_reg(&c, ARCH_PC, ARCH_CODE(arch_data));
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
}

TEST_F(errors, set_register_flags)
{
	struct context c;
	unsigned int bit;

	good_context(&c);
	for (bit = 0; bit < 32; bit++) {
		c.reg[0].flags = 1U << bit;
		c.reg[1].flags = 0;
		EXPECT_TRUE(context_gives(self, &c, -EINVAL)) {
			TH_LOG("bit %u of the PC", bit);
		}
		c.reg[0].flags = 0;
		c.reg[1].flags = 1U << bit;
		EXPECT_TRUE(context_gives(self, &c, -EINVAL)) {
			TH_LOG("bit %u of a register", bit);
		}
	}
}

TEST_F(errors, set_register_that_may_not_be)
{
	struct context c;
	size_t i;

	for (i = 0; i < arch_nrefused; i++) {
		good_context(&c);
		context_reg(&c, arch_refused[i].number, 0);
		EXPECT_TRUE(context_gives(self, &c, -EINVAL)) {
			TH_LOG("register %s", arch_refused[i].name);
		}
	}
}

TEST_F(errors, set_no_pc)
{
	struct context c;

	good_context(&c);
	c.reg[0] = c.reg[1];
	c.rec.nregs = 1;
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
}

static int set_pc(DATA *self, uint64_t pc)
{
	struct context c;

	context_init(&c, UNSET, 0);
	c.reg[0].value = pc;
	return context_set(self->t.fd, &c);
}

TEST_F(errors, set_pc_out_of_range)
{
	uint64_t good = 0, bad = -1ULL / ARCH_PC_ALIGN;
	uint64_t end, pc;
	struct context c;
	size_t i;

	/* Find the end of the range, which must be the process's own. */
	ASSERT_EQ(1, set_pc(self, 0));
	ASSERT_EQ(-EINVAL, set_pc(self, bad * ARCH_PC_ALIGN));
	while (bad - good > 1) {
		uint64_t middle = good + (bad - good) / 2;
		int ret = set_pc(self, middle * ARCH_PC_ALIGN);

		ASSERT_TRUE(ret == 1 || ret == -EINVAL);
		if (ret == 1)
			good = middle;
		else
			bad = middle;
	}
	end = bad * ARCH_PC_ALIGN;
	for (i = 0; i < arch_ntask_sizes; i++)
		if (end == arch_task_sizes[i])
			break;
	EXPECT_GT(arch_ntask_sizes, i) {
		TH_LOG("PCs end at %#llx", (unsigned long long)end);
	}
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));

	/* There, at each power of two behind, and at the very end. */
	for (pc = end; pc; pc = pc & (pc - 1) ? 1ULL << (64 - __builtin_clzll(pc)) % 64 :
						pc << 1) {
		good_context(&c);
		c.reg[0].value = pc;
		EXPECT_TRUE(context_gives(self, &c, -EINVAL)) {
			TH_LOG("PC %#llx", (unsigned long long)pc);
		}
		if (pc >> 63)
			break;
	}
	good_context(&c);
	c.reg[0].value = -(uint64_t)ARCH_PC_ALIGN;
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
	EXPECT_TRUE(unchanged(self));
}

#ifndef __LP64__
/* A program with the widest registers can't name a wider value. */
TEST_F(errors, set_value_wider_than_register)
{
	struct context c;

	good_context(&c);
	c.reg[1].value = 1ULL << 32;
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
	c.reg[1].value = -1ULL;
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
	good_context(&c);
	c.reg[0].value |= 1ULL << 32;
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
	/* A negative number, zero-extended, is fine. */
	good_context(&c);
	c.reg[1].value = (uint32_t)-1;
	EXPECT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(gives(table_entry(&self->t, UNSET), -1UL));
}
#endif

TEST_F(errors, set_stack_too_long)
{
	struct context c;

	good_context(&c);
	context_stack(&c, TRAMPFD_STACK_MAX + ARCH_WORD, 0, 1);
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
	c.rec.stack_size = ~0U - 15;
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
}

TEST_F(errors, set_stack_skip_too_long)
{
	struct context c;

	good_context(&c);
	context_stack(&c, 64, TRAMPFD_STACK_SKIP_MAX + ARCH_WORD, 1);
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
	/* A sum that wraps around. */
	context_stack(&c, 64, -64U, 1);
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
}

TEST_F(errors, set_stack_skip_without_stack)
{
	struct context c;

	good_context(&c);
	context_stack(&c, 0, 64, 1);
	EXPECT_TRUE(context_gives(self, &c, -EINVAL));
}

TEST_F(errors, set_stack_misaligned)
{
	struct context c;
	unsigned int i;

	for (i = 1; i < ARCH_WORD; i++) {
		good_context(&c);
		context_stack(&c, 64 + i, 0, 1);
		EXPECT_TRUE(context_gives(self, &c, -EINVAL)) {
			TH_LOG("%u bytes", 64 + i);
		}
		context_stack(&c, 64, 64 + i, 1);
		EXPECT_TRUE(context_gives(self, &c, -EINVAL)) {
			TH_LOG("%u bytes skipped", 64 + i);
		}
	}
}

/* Room for a call with three records; each good by itself. */
struct three {
	struct trampfd_record rec[3];
	struct trampfd_reg reg[3][2];
	unsigned char stack[3][64];
};

static struct trampfd_contexts three_init(struct three *m, int first,
					  int second, int third)
{
	const int numbers[3] = { first, second, third };
	struct context c;
	int i;

	for (i = 0; i < 3; i++) {
		context_init(&c, numbers[i], arch_target(i));
		context_reg(&c, ARCH_DATA_REG, 100 + i);
		context_stack(&c, sizeof(m->stack[i]), 0, i);
		m->rec[i] = c.rec;
		memcpy(m->reg[i], c.reg, sizeof(m->reg[i]));
		memcpy(m->stack[i], c.stack, sizeof(m->stack[i]));
	}
	return (struct trampfd_contexts) {
		.records = (uintptr_t)m->rec,
		.regs = (uintptr_t)m->reg,
		.stack = (uintptr_t)m->stack,
		.nrecords = 3,
		.nregs = 6,
		.stack_size = sizeof(m->stack),
	};
}

/* The last @bytes of @data that can be accessed, without the last @missing. */
static uintptr_t cut(DATA *self, const void *data, size_t bytes,
		     size_t missing)
{
	memcpy(self->edge - (bytes - missing), data, bytes - missing);
	return (uintptr_t)self->edge - (bytes - missing);
}

TEST_F(errors, set_bad_argument_pointer)
{
	struct trampfd_contexts arg;
	struct context c;

	good_context(&c);
	arg = context_argument(&c);
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, NULL));
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, self->edge));
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET,
				   (void *)-sizeof(arg)));
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET,
				   (void *)cut(self, &arg, sizeof(arg), 8)));
	EXPECT_TRUE(unchanged(self));
}

/*
 * A bad pointer, so that not even the first record can be set; more of them, where
 * the first ones can, are in bad_address_test.c.
 */
TEST_F(errors, set_bad_records_pointer)
{
	struct trampfd_contexts arg;
	struct three m;

	arg = three_init(&m, UNSET, VALUE, UNSET_TOO);
	arg.records = 0;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	arg.records = (uintptr_t)self->edge;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	arg.records = -1ULL - 7;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	arg.records = (uintptr_t)m.rec | 1ULL << 63;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	arg.records = cut(self, m.rec, sizeof(m.rec[0]), 4);
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, set_bad_regs_pointer)
{
	struct trampfd_contexts arg;
	struct three m;

	arg = three_init(&m, UNSET, VALUE, UNSET_TOO);
	arg.regs = 0;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	arg.regs = (uintptr_t)m.reg | 1ULL << 63;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	arg.regs = cut(self, m.reg, sizeof(m.reg[0]), 8);
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, set_bad_stack_pointer)
{
	struct trampfd_contexts arg;
	struct three m;

	arg = three_init(&m, UNSET, VALUE, UNSET_TOO);
	arg.stack = 0;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	arg.stack = (uintptr_t)m.stack | 1ULL << 63;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	arg.stack = cut(self, m.stack, sizeof(m.stack[0]), 1);
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_TRUE(unchanged(self));
}

/* More than a kernel would care to copy at once: all but the last are set. */
TEST_F(errors, set_bad_pointer_after_many)
{
	const unsigned int count = 20000;
	const size_t bytes = count * sizeof(struct trampfd_record);
	struct trampfd_record *records;
	struct trampfd_reg (*regs)[2];
	struct trampfd_contexts arg;
	struct test_stack room;
	struct context c;
	unsigned int i;

	ASSERT_EQ(0, stack_open(&room, bytes / getpagesize() + 1));
	records = (void *)(room.mem + room.size - bytes + sizeof(*records));
	regs = calloc(count, sizeof(*regs));
	ASSERT_TRUE(!!regs);
	for (i = 0; i < count; i++) {
		context_init(&c, UNSET + i % 2, ARCH_CODE(arch_data));
		context_reg(&c, ARCH_DATA_REG, i);
		if (i < count - 1)
			records[i] = c.rec;
		memcpy(regs[i], c.reg, sizeof(regs[i]));
	}
	arg = (struct trampfd_contexts) {
		.records = (uintptr_t)records,
		.regs = (uintptr_t)regs,
		.nrecords = count,
		.nregs = 2 * count,
	};
	EXPECT_EQ((int)count - 1, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_TRUE(has_value(self->t.fd, UNSET + count % 2, count - 2));
	EXPECT_TRUE(has_value(self->t.fd, UNSET + 1 - count % 2, count - 3));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET_TOO));
	EXPECT_TRUE(unchanged(self));
	free(regs);
	stack_close(&room);
}

TEST_F(errors, set_bad_one_in_the_middle)
{
	struct trampfd_contexts arg;
	struct context now;
	struct three m;

	arg = three_init(&m, UNSET, UNSET_TOO, VALUE);
	m.reg[1][1].flags = 1;
	EXPECT_EQ(1, control(self->t.fd, TRAMPFD_SET, &arg));

	/* The one before is set, and nothing from the bad one on. */
	EXPECT_EQ(1, context_get(self->t.fd, UNSET, &now));
	EXPECT_EQ(64U, now.rec.stack_size);
	EXPECT_EQ(0, memcmp(now.stack, m.stack[0], sizeof(m.stack[0])));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_TRUE(unchanged(self));

	/* The next call says why. */
	arg.records += sizeof(m.rec[0]);
	arg.regs += sizeof(m.reg[0]);
	arg.stack += sizeof(m.stack[0]);
	arg.nrecords--;
	arg.nregs -= 2;
	arg.stack_size -= sizeof(m.stack[0]);
	EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_TRUE(unchanged(self));

	/* With the reason gone, the rest goes through. */
	m.reg[1][1].flags = 0;
	m.rec[2].trampoline = UNSET;
	EXPECT_EQ(2, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET_TOO));
	EXPECT_TRUE(unchanged(self));
}

/* Every way in which a record can stop a call is counted alike. */
TEST_F(errors, set_bad_one_at_the_end)
{
	struct trampfd_contexts arg;
	struct three m;

	arg = three_init(&m, UNSET, UNSET_TOO, SEALED);
	EXPECT_EQ(2, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET_TOO));
	EXPECT_TRUE(unchanged(self));

	arg = three_init(&m, UNSET, UNSET_TOO, UNSET);
	arg.nregs--;
	EXPECT_EQ(2, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET_TOO));

	arg = three_init(&m, UNSET, UNSET_TOO, UNSET);
	arg.stack_size--;
	EXPECT_EQ(2, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET_TOO));

	arg = three_init(&m, UNSET, UNSET_TOO, NTRAMPOLINES);
	EXPECT_EQ(2, control(self->t.fd, TRAMPFD_SET, &arg));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET_TOO));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, set_sealed)
{
	struct context c;

	good_context(&c);
	c.rec.trampoline = SEALED;
	EXPECT_EQ(-EPERM, context_set(self->t.fd, &c));
	/* Not even to what it is. */
	EXPECT_EQ(-EPERM, set_value(self->t.fd, SEALED, 3000));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, remove_sealed)
{
	uint32_t list[] = { UNSET, SEALED, VALUE };
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)list,
		.count = ARRAY_SIZE(list),
	};

	EXPECT_EQ(-EPERM, remove_one(self->t.fd, SEALED));
	ASSERT_EQ(1, set_value(self->t.fd, UNSET, 1));
	EXPECT_EQ(1, control(self->t.fd, TRAMPFD_REMOVE, &arg));
	EXPECT_TRUE(unchanged(self));
}

/* Sealed by the call that sets it: as final as any. */
TEST_F(errors, set_and_remove_sealed_when_set)
{
	struct context c, now;

	good_context(&c);
	c.rec.flags = TRAMPFD_RECORD_SEALED;
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_EQ(-EPERM, set_value(self->t.fd, UNSET, 43));
	EXPECT_EQ(-EPERM, remove_one(self->t.fd, UNSET));
	EXPECT_EQ(1, context_get(self->t.fd, UNSET, &now));
	EXPECT_TRUE(context_equal(&c, &now));
	EXPECT_TRUE(gives(table_entry(&self->t, UNSET), 42));
}

static const unsigned long list_commands[] = { TRAMPFD_REMOVE, TRAMPFD_SEAL };

TEST_F(errors, list_unset)
{
	EXPECT_EQ(-ENOENT, remove_one(self->t.fd, UNSET));
	EXPECT_EQ(-ENOENT, seal_one(self->t.fd, UNSET));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, list_out_of_range)
{
	EXPECT_EQ(-EINVAL, remove_one(self->t.fd, NTRAMPOLINES));
	EXPECT_EQ(-EINVAL, remove_one(self->t.fd, ~0U));
	EXPECT_EQ(-EINVAL, seal_one(self->t.fd, NTRAMPOLINES));
	EXPECT_EQ(-EINVAL, seal_one(self->t.fd, ~0U));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, list_flags_and_count)
{
	uint32_t number = VALUE;
	struct trampfd_list arg;
	unsigned int bit;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(list_commands); i++) {
		arg = (struct trampfd_list) {
			.trampolines = (uintptr_t)&number,
			.count = 1,
		};
		for (bit = 0; bit < 32; bit++) {
			arg.flags = 1U << bit;
			EXPECT_EQ(-EINVAL, control(self->t.fd, list_commands[i],
						   &arg));
		}
		arg.flags = 0;
		arg.count = 0;
		EXPECT_EQ(-EINVAL, control(self->t.fd, list_commands[i], &arg));
		arg.count = TRAMPFD_RECORDS_MAX + 1;
		EXPECT_EQ(-EINVAL, control(self->t.fd, list_commands[i], &arg));
		arg.count = ~0U;
		EXPECT_EQ(-EINVAL, control(self->t.fd, list_commands[i], &arg));
	}
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, list_bad_pointer)
{
	uint32_t list[] = { VALUE, STACK };
	struct trampfd_list arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(list_commands); i++) {
		unsigned long command = list_commands[i];

		EXPECT_EQ(-EFAULT, control(self->t.fd, command, NULL));
		EXPECT_EQ(-EFAULT, control(self->t.fd, command, self->edge));
		arg = (struct trampfd_list) { .count = ARRAY_SIZE(list) };
		EXPECT_EQ(-EFAULT, control(self->t.fd, command, &arg));
		arg.trampolines = (uintptr_t)list | 1ULL << 63;
		EXPECT_EQ(-EFAULT, control(self->t.fd, command, &arg));
		/* A part of the first number can be read. */
		arg.trampolines = cut(self, list, sizeof(list[0]), 1);
		EXPECT_EQ(-EFAULT, control(self->t.fd, command, &arg));
	}
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, list_bad_one_in_the_middle)
{
	uint32_t list[] = { VALUE, UNSET, STACK };
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)list,
		.count = ARRAY_SIZE(list),
	};

	EXPECT_EQ(1, control(self->t.fd, TRAMPFD_REMOVE, &arg));
	EXPECT_TRUE(is_unset(self->t.fd, VALUE));
	EXPECT_TRUE(is_plain(table_entry(&self->t, VALUE)));
	arg.trampolines += sizeof(list[0]);
	arg.count--;
	EXPECT_EQ(-ENOENT, control(self->t.fd, TRAMPFD_REMOVE, &arg));
	ASSERT_EQ(1, set_value(self->t.fd, VALUE, 1000));
	EXPECT_TRUE(unchanged(self));

	ASSERT_EQ(1, set_value(self->t.fd, UNSET_TOO, 1));
	list[0] = UNSET_TOO;
	arg.trampolines = (uintptr_t)list;
	arg.count = ARRAY_SIZE(list);
	EXPECT_EQ(1, control(self->t.fd, TRAMPFD_SEAL, &arg));
	EXPECT_EQ(-EPERM, remove_one(self->t.fd, UNSET_TOO));
	EXPECT_EQ(1, remove_one(self->t.fd, STACK));
}

TEST_F(errors, get_unset)
{
	struct context c;

	EXPECT_EQ(-ENOENT, context_get(self->t.fd, UNSET, &c));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, get_out_of_range)
{
	struct context c;

	EXPECT_EQ(-EINVAL, context_get(self->t.fd, NTRAMPOLINES, &c));
	EXPECT_EQ(-EINVAL, context_get(self->t.fd, ~0U, &c));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, get_without_room)
{
	struct context c = { .rec.trampoline = STACK };
	struct trampfd_contexts arg = context_argument(&c);
	const struct trampfd_record *rec = &self->before[STACK].rec;

	arg.nregs = rec->nregs - 1;
	arg.stack_size = rec->stack_size;
	EXPECT_EQ(-ENOSPC, control(self->t.fd, TRAMPFD_GET, &arg));
	arg.nregs = rec->nregs;
	arg.stack_size = rec->stack_size - 1;
	EXPECT_EQ(-ENOSPC, control(self->t.fd, TRAMPFD_GET, &arg));
	arg.nregs = 0;
	arg.stack_size = 0;
	EXPECT_EQ(-ENOSPC, control(self->t.fd, TRAMPFD_GET, &arg));
	/* Exactly as much as needed is enough. */
	arg.nregs = rec->nregs;
	arg.stack_size = rec->stack_size;
	EXPECT_EQ(1, control(self->t.fd, TRAMPFD_GET, &arg));
	EXPECT_TRUE(context_equal(&c, &self->before[STACK]));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, get_flags_and_count)
{
	struct context c = { .rec.trampoline = VALUE };
	struct trampfd_contexts arg = context_argument(&c);
	unsigned int bit;

	arg.nregs = TRAMPFD_REGS_MAX;
	for (bit = 0; bit < 32; bit++) {
		if (1U << bit &
		    (TRAMPFD_CONTEXTS_NEXT | TRAMPFD_CONTEXTS_SIZES))
			continue;
		arg.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_GET, &arg));
	}
	arg.flags = 0;
	arg.nrecords = 0;
	EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_GET, &arg));
	arg.nrecords = TRAMPFD_RECORDS_MAX + 1;
	EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_GET, &arg));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, get_bad_pointer)
{
	struct trampfd_record rec = { .trampoline = STACK };
	struct context c = { .rec = rec };
	struct trampfd_contexts arg, good = context_argument(&c);

	good.nregs = TRAMPFD_REGS_MAX;
	good.stack_size = TRAMPFD_STACK_MAX;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, NULL));
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, self->edge));
	arg = good;
	arg.records = 0;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, &arg));
	arg.records = cut(self, &rec, sizeof(rec), 4);
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, &arg));
	arg = good;
	arg.regs = 0;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, &arg));
	arg.regs = (uintptr_t)self->edge - sizeof(struct trampfd_reg);
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, &arg));
	arg = good;
	arg.stack = 0;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, &arg));
	arg.stack = (uintptr_t)self->edge - 1;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_GET, &arg));
	EXPECT_EQ(1, control(self->t.fd, TRAMPFD_GET, &good));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, get_bad_one_in_the_middle)
{
	struct trampfd_record rec[] = {
		{ .trampoline = VALUE },
		{ .trampoline = UNSET },
		{ .trampoline = SEALED },
	};
	struct trampfd_reg reg[6];
	struct trampfd_contexts arg = {
		.records = (uintptr_t)rec,
		.regs = (uintptr_t)reg,
		.nrecords = ARRAY_SIZE(rec),
		.nregs = ARRAY_SIZE(reg),
	};

	EXPECT_EQ(1, control(self->t.fd, TRAMPFD_GET, &arg));
	EXPECT_EQ(2U, rec[0].nregs);
	EXPECT_EQ((unsigned int)ARCH_PC, reg[0].name);
	EXPECT_EQ(ARCH_CODE(arch_data), reg[0].value);
	EXPECT_EQ((unsigned int)ARCH_DATA_REG, reg[1].name);
	EXPECT_EQ(1000U, reg[1].value);
	EXPECT_EQ(0U, rec[1].nregs);
	EXPECT_EQ(0U, rec[2].nregs);
	arg.records += sizeof(rec[0]);
	arg.nrecords--;
	EXPECT_EQ(-ENOENT, control(self->t.fd, TRAMPFD_GET, &arg));
	EXPECT_TRUE(unchanged(self));
}

/* The PCs that the fixture's contexts have, and one more. */
#define PCS { ARCH_CODE(arch_data), arch_target(1), arch_target(2) }

/* Go to arch_target(), which is no function to call. */
static int set_target(DATA *self, unsigned int n)
{
	return set_pc(self, arch_target(n));
}

TEST_F(errors, set_pc_not_allowed)
{
	const uint64_t pcs[] = PCS;

	ASSERT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
	EXPECT_EQ(-EPERM, set_target(self, 3));
	EXPECT_EQ(-EPERM, set_pc(self, ARCH_CODE(arch_data) + ARCH_PC_ALIGN));
	EXPECT_EQ(-EPERM, set_pc(self, 0));
	EXPECT_TRUE(unchanged(self));
	/* What is in the list is still accepted. */
	EXPECT_EQ(1, set_target(self, 2));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_EQ(1, set_value(self->t.fd, VALUE, 1000));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, allow_a_second_time)
{
	const uint64_t wider[] = {
		ARCH_CODE(arch_data), arch_target(1), arch_target(2),
		arch_target(3),
	};
	const uint64_t pcs[] = PCS;

	ASSERT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
	/* Widened, replaced by what is the same, and narrowed. */
	EXPECT_EQ(-EPERM, allow(self->t.fd, wider, ARRAY_SIZE(wider)));
	EXPECT_EQ(-EPERM, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
	EXPECT_EQ(-EPERM, allow(self->t.fd, pcs, 2));
	EXPECT_EQ(-EPERM, set_target(self, 3));
	EXPECT_EQ(1, set_target(self, 2));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, allow_while_another_is_set)
{
	const uint64_t pcs[] = PCS;

	ASSERT_EQ(1, set_target(self, 3));
	EXPECT_EQ(-EPERM, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
	/* No list is in force. */
	EXPECT_EQ(1, set_target(self, 0));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_TRUE(unchanged(self));
	EXPECT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
}

TEST_F(errors, allow_flags_and_count)
{
	const uint64_t pcs[] = PCS;
	struct trampfd_pcs arg = {
		.pcs = (uintptr_t)pcs,
		.count = ARRAY_SIZE(pcs),
	};
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		arg.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_ALLOW, &arg));
	}
	arg.flags = 0;
	arg.count = 0;
	EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_ALLOW, &arg));
	arg.count = TRAMPFD_PCS_MAX + 1;
	EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_ALLOW, &arg));
	/* No list is in force. */
	EXPECT_EQ(1, set_target(self, 3));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, allow_bad_pointer)
{
	const uint64_t pcs[] = PCS;
	struct trampfd_pcs arg = { .count = ARRAY_SIZE(pcs) };

	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_ALLOW, NULL));
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_ALLOW, self->edge));
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_ALLOW, &arg));
	arg.pcs = (uintptr_t)pcs | 1ULL << 63;
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_ALLOW, &arg));
	arg.pcs = cut(self, pcs, sizeof(pcs), 8);
	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_ALLOW, &arg));
	/* No list is in force. */
	EXPECT_EQ(1, set_target(self, 3));
	EXPECT_EQ(1, remove_one(self->t.fd, UNSET));
	EXPECT_TRUE(unchanged(self));
}

/* A list that holds what no trampoline may have does no harm, or is refused. */
TEST_F(errors, allow_pc_out_of_range)
{
	const uint64_t pcs[] = { ARCH_CODE(arch_data), arch_target(1), -1ULL };
	int ret = allow(self->t.fd, pcs, ARRAY_SIZE(pcs));

	EXPECT_TRUE(ret == 0 || ret == -EINVAL);
	EXPECT_EQ(-EINVAL, set_pc(self, -1ULL));
	EXPECT_TRUE(unchanged(self));
}

static const struct {
	unsigned long command;
	size_t size;
} ioctls[] = {
	{ TRAMPFD_SET, TRAMPFD_CONTEXTS_SIZE_VER0 },
	{ TRAMPFD_GET, TRAMPFD_CONTEXTS_SIZE_VER0 },
	{ TRAMPFD_REMOVE, TRAMPFD_LIST_SIZE_VER0 },
	{ TRAMPFD_SEAL, TRAMPFD_LIST_SIZE_VER0 },
	{ TRAMPFD_GET_ALLOWED, TRAMPFD_PCS_SIZE_VER0 },
	{ TRAMPFD_ALLOW, TRAMPFD_PCS_SIZE_VER0 },
};

static unsigned long resized(unsigned long command, size_t size)
{
	return _IOC(_IOC_DIR(command), _IOC_TYPE(command), _IOC_NR(command),
		    size);
}

/* A good argument for each of the ioctls, with room for a longer structure. */
struct tailed {
	union {
		struct trampfd_contexts contexts;
		struct trampfd_list list;
		struct trampfd_pcs pcs;
		unsigned char bytes[128];
	};
	struct context c;
	uint32_t number;
	uint64_t allowed[3];
};

static void tailed_init(struct tailed *m, unsigned long command)
{
	const uint64_t allowed[3] = PCS;

	memset(m, 0, sizeof(*m));
	m->number = VALUE;
	memcpy(m->allowed, allowed, sizeof(allowed));
	good_context(&m->c);
	if (command == TRAMPFD_SET) {
		m->contexts = context_argument(&m->c);
	} else if (command == TRAMPFD_GET) {
		m->c.rec.trampoline = VALUE;
		m->contexts = context_argument(&m->c);
	} else if (command == TRAMPFD_ALLOW || command == TRAMPFD_GET_ALLOWED) {
		m->pcs.pcs = (uintptr_t)m->allowed;
		m->pcs.count = ARRAY_SIZE(m->allowed);
	} else {
		m->list.trampolines = (uintptr_t)&m->number;
		m->list.count = 1;
	}
}

TEST_F(errors, ioctl_size_too_small)
{
	struct tailed m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
		const unsigned long command = ioctls[i].command;

		tailed_init(&m, command);
		EXPECT_EQ(-EINVAL, control(self->t.fd, resized(command, 0),
					   m.bytes));
		EXPECT_EQ(-EINVAL, control(self->t.fd,
					   resized(command, ioctls[i].size - 1),
					   m.bytes));
	}
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, ioctl_unknown_tail)
{
	struct tailed m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
		const unsigned long command = ioctls[i].command;

		tailed_init(&m, command);
		m.bytes[ioctls[i].size] = 1;
		EXPECT_EQ(-E2BIG, control(self->t.fd,
					  resized(command, sizeof(m.bytes)),
					  m.bytes)) {
			TH_LOG("ioctl %zu", i);
		}
		tailed_init(&m, command);
		m.bytes[sizeof(m.bytes) - 1] = 1;
		EXPECT_EQ(-E2BIG, control(self->t.fd,
					  resized(command, sizeof(m.bytes)),
					  m.bytes)) {
			TH_LOG("ioctl %zu", i);
		}
	}
	EXPECT_TRUE(unchanged(self));
}

/* Not an error: what the kernel does not know is not asked for. */
TEST_F(errors, ioctl_zero_tail)
{
	const int done[] = { 1, 1, 1, 1, 0, 0 };
	struct tailed m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
		const unsigned long command = ioctls[i].command;

		tailed_init(&m, command);
		EXPECT_EQ(done[i], control(self->t.fd,
					   resized(command, sizeof(m.bytes)),
					   m.bytes)) {
			TH_LOG("ioctl %zu", i);
		}
		/* Removed for good only if the table is like that. */
		if (command == TRAMPFD_REMOVE)
			EXPECT_EQ(1, set_value(self->t.fd, VALUE, 1000));
	}
	EXPECT_TRUE(gives(table_entry(&self->t, UNSET), 42));
	EXPECT_EQ(-EPERM, remove_one(self->t.fd, VALUE));
	EXPECT_EQ(-EPERM, set_target(self, 3));
}

TEST_F(errors, ioctl_unknown)
{
	struct tailed m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
		const unsigned long command = ioctls[i].command;

		tailed_init(&m, command);
		/* Another type, another number, another direction. */
		EXPECT_EQ(-ENOTTY, control(self->t.fd, command ^ 0x100,
					   m.bytes));
		EXPECT_EQ(-ENOTTY, control(self->t.fd, command + 0x40,
					   m.bytes));
		EXPECT_EQ(-ENOTTY, control(self->t.fd, command + 7, m.bytes));
		EXPECT_EQ(-ENOTTY, control(self->t.fd,
					   command ^ _IOC(_IOC_READ | _IOC_WRITE,
							  0, 0, 0),
					   m.bytes));
	}
	/* The one without a structure has no size. */
	EXPECT_EQ(-ENOTTY, control(self->t.fd, resized(TRAMPFD_READONLY, 8),
				   m.bytes));
	EXPECT_EQ(-ENOTTY, control(self->t.fd, 0, NULL));
	EXPECT_EQ(-ENOTTY, control(self->t.fd, ~0U, NULL));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, read_write_lseek)
{
	char buf[64] = { 0 };

	EXPECT_EQ(-1, read(self->t.fd, buf, sizeof(buf)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->t.fd, buf, sizeof(buf)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pread(self->t.fd, buf, sizeof(buf), 0));
	EXPECT_TRUE(errno == EINVAL || errno == ESPIPE);
	EXPECT_EQ(-1, pwrite(self->t.fd, buf, sizeof(buf), 0));
	EXPECT_TRUE(errno == EINVAL || errno == ESPIPE);
	EXPECT_EQ(-1, lseek(self->t.fd, 0, SEEK_SET));
	EXPECT_TRUE(errno == EINVAL || errno == ESPIPE);
	EXPECT_EQ(-1, lseek(self->t.fd, 1, SEEK_CUR));
	EXPECT_TRUE(errno == EINVAL || errno == ESPIPE);
	EXPECT_EQ(-1, ftruncate(self->t.fd, 4096));
	EXPECT_TRUE(unchanged(self));
}

#define SWITCH	"/proc/sys/vm/trampfd_enabled"

/* The switch has to be put back also by a test that dies. */
FIXTURE(switched_off) {
	struct table t;
	long long before;
	bool changed;
};

FIXTURE_SETUP(switched_off)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (file_read_number(SWITCH, &self->before))
		SKIP(return, "no " SWITCH " (CONFIG_PROC_SYSCTL)");
	if (geteuid())
		SKIP(return, "only root may write to " SWITCH);
	ASSERT_EQ(1, self->before);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, 4, 0));
	ASSERT_TRUE(controlled_as_built(&self->t));
	ASSERT_EQ(1, set_value(self->t.fd, 0, 10));
	self->changed = true;
	ASSERT_EQ(0, file_write_number(SWITCH, 0));
}

FIXTURE_TEARDOWN_PARENT(switched_off)
{
	if (self->changed)
		file_write_number(SWITCH, self->before);
}

TEST_F(switched_off, create)
{
	struct trampfd_attr attr = good_attr();

	EXPECT_EQ(-EPERM, create_error(&attr, sizeof(attr), 0));
	EXPECT_EQ(-EPERM, create_error(&attr, sizeof(attr), TRAMPFD_SHARED));
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 10));
}

/* Switching off does not break what runs. */
TEST_F(switched_off, existing_table_goes_on)
{
	pid_t pid;

	EXPECT_TRUE(gives(table_entry(&self->t, 0), 10));
	EXPECT_EQ(1, set_value(self->t.fd, 1, 11));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 11));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 10));
		EXPECT_EQ(1, set_value(self->t.fd, 0, 12));
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 12));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(1, remove_one(self->t.fd, 0));
	EXPECT_EQ(0, file_write_number(SWITCH, 1));
	table_close(&self->t);
	EXPECT_EQ(0, table_open(&self->t, 4, 0));
}

TEST_F(switched_off, takes_no_other_number)
{
	EXPECT_EQ(-EINVAL, file_write_number(SWITCH, 3));
	EXPECT_EQ(-EINVAL, file_write_number(SWITCH, -1));
}

TEST_HARNESS_MAIN
