// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of a control call fails once: the call then either works or says ENOMEM,
 * nothing is half done, and nothing is left behind.
 */
#include "fault_injection_util.h"

/* One that is not set, in a part of the table where none is. */
static int run_set_new(DATA *self)
{
	return set_value(self->t.fd, 900, 5);
}

static bool undo_set_new(DATA *self)
{
	return gives(table_entry(&self->t, 900), 5) &&
	       remove_one(self->t.fd, 900) == 1;
}

TEST_F(injection, set_new)
{
	static const struct operation op = { run_set_new, undo_set_new };

	EXPECT_LT(0, fail_each(self, &op));
}

static int run_set_replace(DATA *self)
{
	return set_value(self->t.fd, 100, 5);
}

static bool undo_set_replace(DATA *self)
{
	return gives(table_entry(&self->t, 100), 5) &&
	       set_value(self->t.fd, 100, 1100) == 1;
}

TEST_F(injection, set_replace)
{
	static const struct operation op = {
		run_set_replace, undo_set_replace,
	};

	EXPECT_LT(0, fail_each(self, &op));
}

static int run_set_stack(DATA *self)
{
	struct context c;

	generation_context(&c, 256, 8);
	return context_set(self->t.fd, &c);
}

static bool undo_set_stack(DATA *self)
{
	struct cpu_state in, out;
	unsigned int generation;
	int target;

	arch_fill(&in, stack_pointer(&self->stack, self->stack.size / 2), 1);
	return !try_run(&in, table_entry(&self->t, 256), ARCH_BY_CALL, &out,
			&target) &&
	       generation_whole(&in, ARCH_BY_CALL, &out, target, &generation) &&
	       generation == 8 && set_value(self->t.fd, 256, 1256) == 1;
}

TEST_F(injection, set_stack)
{
	static const struct operation op = { run_set_stack, undo_set_stack };

	EXPECT_LT(0, fail_each(self, &op));
}

/* Over a border; it may stop anywhere, and says where. */
#define FIRST	620
#define COUNT	200

static struct {
	struct trampfd_record rec[COUNT];
	struct trampfd_reg reg[COUNT][2];
} many;

static int run_set_many(DATA *self)
{
	struct trampfd_contexts arg = {
		.records = (uintptr_t)many.rec,
		.regs = (uintptr_t)many.reg,
		.nrecords = COUNT,
		.nregs = 2 * COUNT,
	};
	int i;

	if (!many.rec[0].nregs) {
		for (i = 0; i < COUNT; i++) {
			many.rec[i].trampoline = FIRST + i;
			many.rec[i].nregs = 2;
#ifdef TRAMPFD_BY_CODE
			many.rec[i].flags = TRAMPFD_RECORD_IDLE;
#endif
			many.reg[i][0].name = ARCH_PC;
			many.reg[i][0].value = ARCH_CODE(arch_data);
			many.reg[i][1].name = ARCH_DATA_REG;
			many.reg[i][1].value = i;
		}
	}
	return control(self->t.fd, TRAMPFD_SET, &arg);
}

static bool undo_set_many(DATA *self)
{
	int n = self->result;

	/* Exactly as many as it said. */
	return n > 0 && n <= COUNT &&
	       gives(table_entry(&self->t, FIRST), 0) &&
	       gives(table_entry(&self->t, FIRST + n - 1), n - 1) &&
	       is_unset(self->t.fd, FIRST + n) &&
	       remove_range(self->t.fd, FIRST, n) == n;
}

TEST_F(injection, set_many)
{
	static const struct operation op = { run_set_many, undo_set_many };

	EXPECT_LE(0, fail_each(self, &op));
}

static uint32_t removed[COUNT];

static int run_remove(DATA *self)
{
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)removed,
		.count = COUNT,
	};
	int i;

	/* Below and above a border, alternating. */
	for (i = 0; i < COUNT; i++)
		removed[i] = i % 2 ? 200 + i : 400 - i;
	return control(self->t.fd, TRAMPFD_REMOVE, &arg);
}

static bool undo_remove(DATA *self)
{
	int i;

	if (self->result < 1)
		return false;
	for (i = 0; i < self->result; i++)
		if (!is_unset(self->t.fd, removed[i]) ||
		    set_value(self->t.fd, removed[i], 1000 + removed[i]) != 1)
			return false;
	for (; i < COUNT; i++)
		if (!has_value(self->t.fd, removed[i], 1000 + removed[i]))
			return false;
	return true;
}

TEST_F(injection, remove)
{
	static const struct operation op = { run_remove, undo_remove };

	/* It need not allocate at all. */
	EXPECT_LE(0, fail_each(self, &op));
}

/* The first change of each part of a copy is where the part is copied. */
static int run_first_changes(DATA *self)
{
	uint32_t list[] = { 5, 300 };
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)list,
		.count = ARRAY_SIZE(list),
	};
	int status;
	pid_t pid;

	/* In a new child each time, with its own countdown. */
	pid = fork();
	if (!pid) {
		int fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
		char text[16];
		int n, ret, left;

		n = snprintf(text, sizeof(text), "%d", self->result);
		if (fail_nth < 0 || pwrite(fail_nth, text, n, 0) != n)
			_exit(100);
		ret = control(self->t.fd, TRAMPFD_REMOVE, &arg);
		memset(text, 0, sizeof(text));
		if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0 ||
		    pwrite(fail_nth, "0", 1, 0) != 1)
			_exit(101);
		left = atoi(text);
		if (ret == -ENOMEM && !left)
			_exit(intact(self) ? 1 : 102);
		if (ret == 1 && !left)
			_exit(is_unset(self->t.fd, 5) &&
			      has_value(self->t.fd, 300, 1300) ? 2 : 103);
		if (ret == 2)
			_exit(is_unset(self->t.fd, 5) &&
			      is_unset(self->t.fd, 300) ? left ? 4 : 3 : 104);
		_exit(105);
	}
	status = child_status(pid);
	return pid < 0 ? -errno : status;
}

TEST_F(injection, first_changes_of_a_copy)
{
	int failures = 0, nth, status = 0;

	if (variant->flags & TRAMPFD_SHARED)
		SKIP(return, "a shared table is not copied");
	for (nth = 1; nth < 100 && status != 4; nth++) {
		self->result = nth;
		status = run_first_changes(self);
		/* Whatever failed in the child, here is nothing changed. */
		ASSERT_TRUE(intact(self));
		ASSERT_TRUE(status >= 1 && status <= 4) {
			TH_LOG("%d: %d", nth, status);
		}
		failures += status <= 2;
	}
	EXPECT_EQ(4, status);
	EXPECT_LT(0, failures);
}

static int run_seal(DATA *self)
{
	uint32_t list[] = { 700 };
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)list,
		.count = ARRAY_SIZE(list),
	};

	return control(self->t.fd, TRAMPFD_SEAL, &arg);
}

/* Final when it has worked, so each time in a child, or once in all. */
TEST_F(injection, seal)
{
	unsigned int nth;
	int ret = -ENOMEM;

	ASSERT_EQ(1, set_value(self->t.fd, 700, 7));
	for (nth = 1; nth < 100 && ret != 1; nth++) {
		bool failed;

		arm(self, nth);
		ret = run_seal(self);
		failed = disarm(self);
		ASSERT_TRUE(ret == 1 || (ret == -ENOMEM && failed));
		EXPECT_TRUE(gives(table_entry(&self->t, 700), 7));
		EXPECT_EQ(ret == 1 ? -EPERM : 1,
			  set_value(self->t.fd, 700, 7));
	}
	EXPECT_EQ(1, ret);
}

TEST_F(injection, allow)
{
	const uint64_t pcs[] = { ARCH_CODE(arch_data), arch_target(0) };
	int ret = -ENOMEM, failures = 0;
	struct context c;
	unsigned int nth;

	for (nth = 1; nth < 100 && ret; nth++) {
		bool failed;

		arm(self, nth);
		ret = allow(self->t.fd, pcs, ARRAY_SIZE(pcs));
		failed = disarm(self);
		ASSERT_TRUE(!ret || (ret == -ENOMEM && failed));
		failures += ret < 0;
		/* In force or not; nothing between. */
		context_init(&c, 700, arch_target(1));
		context_reg(&c, ARCH_DATA_REG, 0);
		EXPECT_EQ(ret ? 1 : -EPERM, context_set(self->t.fd, &c));
		if (ret)
			EXPECT_EQ(1, remove_one(self->t.fd, 700));
		EXPECT_TRUE(intact(self));
	}
	EXPECT_EQ(0, ret);
	EXPECT_LT(0, failures);
}

static int run_get(DATA *self)
{
	static struct trampfd_record rec[NSET];
	static struct trampfd_reg reg[NSET * 2];
	struct trampfd_contexts arg = {
		.records = (uintptr_t)rec,
		.regs = (uintptr_t)reg,
		.nrecords = NSET,
		.nregs = NSET * 2,
	};
	int i, ret;

	for (i = 0; i < NSET; i++)
		rec[i].trampoline = i;
	ret = control(self->t.fd, TRAMPFD_GET, &arg);
	for (i = 0; i < ret; i++)
		if (reg[2 * i + 1].value != (uint64_t)1000 + i)
			return -EBADMSG;
	return ret;
}

static bool undo_nothing(DATA *self)
{
	return true;
}

TEST_F(injection, get)
{
	static const struct operation op = { run_get, undo_nothing };

	EXPECT_LE(0, fail_each(self, &op));
}

/* Reading the list of allowed PCs, and finding what is set. */
static int run_read_back(DATA *self)
{
	struct trampfd_record rec[4] = {};
	struct trampfd_reg reg[8];
	struct trampfd_contexts arg = {
		.records = (uintptr_t)rec,
		.regs = (uintptr_t)reg,
		.nrecords = 4,
		.nregs = 8,
		.flags = TRAMPFD_CONTEXTS_NEXT,
	};
	uint64_t pcs[2];
	struct trampfd_pcs list = { .pcs = (uintptr_t)pcs, .count = 2 };
	int ret;

	rec[0].trampoline = 255;
	ret = control(self->t.fd, TRAMPFD_GET, &arg);
	if (ret < 0)
		return ret;
	if (ret && (rec[0].trampoline != 255 || reg[1].value != 1255))
		return -EBADMSG;
	return control(self->t.fd, TRAMPFD_GET_ALLOWED, &list);
}

TEST_F(injection, read_back)
{
	static const struct operation op = { run_read_back, undo_nothing };

	EXPECT_LE(0, fail_each(self, &op));
}

int main(int argc, char **argv)
{
	return run_injections(argc, argv);
}
