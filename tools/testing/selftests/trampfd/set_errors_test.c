// SPDX-License-Identifier: GPL-2.0
/* Errors of TRAMPFD_SET, each with the proof that what was not done changed nothing. */
#include "errors_util.h"

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

TEST_HARNESS_MAIN
