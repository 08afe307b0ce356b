// SPDX-License-Identifier: GPL-2.0
/*
 * Errors of the ioctls but TRAMPFD_SET, each with the proof that the failed call changed
 * nothing.  What mmap() refuses is in map_errors_test.c.
 */
#include "errors_util.h"

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

TEST_HARNESS_MAIN
