// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation fails once: a call then either works or says ENOMEM, nothing
 * is half done, and nothing is left behind.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "limits_util.h"

#define DEBUGFS		"/sys/kernel/debug"
#define FAIL_NTH	"/proc/thread-self/fail-nth"

/*
 * Without these, only allocations that may not sleep, or of several pages,
 * would fail; and each failure would be a call trace in the log.
 */
static const struct {
	const char *file;
	const char *value;
} settings[] = {
	{ "failslab/ignore-gfp-wait", "N" },
	{ "failslab/verbose", "0" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	{ "fail_page_alloc/verbose", "0" },
};

#define NSETTINGS	ARRAY_SIZE(settings)
#define OPTIONS		"CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC, " \
			"CONFIG_FAULT_INJECTION_DEBUG_FS"

/* How much there was before the first test. */
static struct {
	const char *cache;
	long long objects;
	bool known;
} left[] = {
	{ .cache = CONTEXTS },
	{ .cache = CHUNKS },
};

static long long units_before, units_before_run;

/* Set are the first ones; the table has several chunks of them. */
#define NTRAMPOLINES	1024
#define NSET		600

FIXTURE(injection) {
	struct table t;
	struct test_stack stack;
	int fail_nth;
	char dir[64];
	char before[NSETTINGS][32];
	bool changed;
	/* What an operation got, for its undoing. */
	int result;
	char *moved;
	pid_t pid;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(injection)

FIXTURE_VARIANT(injection) {
	unsigned int flags;
	/* The table is the copy that a child has of its parent's. */
	bool copied;
};

FIXTURE_VARIANT_ADD(injection, private) {
	.flags = 0,
	.copied = false,
};

#ifndef TRAMPFD_BY_CODE
FIXTURE_VARIANT_ADD(injection, shared) {
	.flags = TRAMPFD_SHARED,
	.copied = false,
};
#endif

FIXTURE_VARIANT_ADD(injection, copied) {
	.flags = 0,
	.copied = true,
};

static void setting_path(const DATA *self, size_t i,
			 char *path, size_t size)
{
	snprintf(path, size, "%s/%s", self->dir, settings[i].file);
}

FIXTURE_SETUP(injection)
{
	char path[128];
	const char *dir;
	size_t i;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
#ifdef TRAMPFD_BY_CODE
	table_shape = 1;
#endif
	trap_init();
	self->fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->fail_nth < 0)
		SKIP(return, "no " FAIL_NTH " (CONFIG_FAULT_INJECTION)");
	dir = mounted("debugfs", DEBUGFS);
	if (!dir)
		SKIP(return, "no debugfs (CONFIG_DEBUG_FS)");
	snprintf(self->dir, sizeof(self->dir), "%s", dir);
	for (i = 0; i < NSETTINGS; i++) {
		setting_path(self, i, path, sizeof(path));
		if (file_read(path, self->before[i],
			      sizeof(self->before[i])) < 0)
			SKIP(return, "no %s (" OPTIONS ")", path);
	}
	self->changed = true;
	for (i = 0; i < NSETTINGS; i++) {
		setting_path(self, i, path, sizeof(path));
		ASSERT_EQ(0, file_write(path, settings[i].value));
	}

	ASSERT_EQ(0, stack_open(&self->stack, 4));
	memset(self->stack.mem, 0, self->stack.size);
	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, variant->flags));
	ASSERT_EQ(NSET, set_values(self->t.fd, 0, NSET, 1000));
	if (variant->copied) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (pid) {
			/* The original stays, so that parts are shared. */
			EXPECT_EQ(0, child_status(pid));
			_exit(0);
		}
		/* The thread is another one now. */
		close(self->fail_nth);
		self->fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->fail_nth);
	}
}

/* In the parent, because it has to be put back also by a test that dies. */
FIXTURE_TEARDOWN_PARENT(injection)
{
	char path[128];
	size_t i;

	if (!self->changed)
		return;
	for (i = 0; i < NSETTINGS; i++) {
		setting_path(self, i, path, sizeof(path));
		file_write(path, self->before[i]);
	}
}

static void arm(const DATA *self, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(self->fail_nth, text, n, 0) != n)
		_exit(KSFT_FAIL);
}

/* Was there an allocation to fail? */
static bool disarm(const DATA *self)
{
	char text[16] = "";

	if (pread(self->fail_nth, text, sizeof(text) - 1, 0) <= 0)
		_exit(KSFT_FAIL);
	arm(self, 0);
	return atoi(text) == 0;
}

/* The table is as the fixture made it. */
static bool intact(DATA *self)
{
	static const unsigned int samples[] = {
		0, 1, 100, 255, 256, 257, 511, 512, NSET - 1,
	};
#ifdef TRAMPFD_BY_CODE
	struct context c;
#endif
	size_t i;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		unsigned int n = samples[i];

		if (!has_value(self->t.fd, n, 1000 + n) ||
		    !gives(table_entry(&self->t, n), 1000 + n)) {
			fprintf(stderr, "# trampoline %u is different\n", n);
			return false;
		}
#ifdef TRAMPFD_BY_CODE
		/* It is still in the fast lane. */
		if (context_get(self->t.fd, n, &c) != 1 ||
		    !(c.rec.flags & TRAMPFD_RECORD_IDLE)) {
			fprintf(stderr, "# trampoline %u has got slow\n", n);
			return false;
		}
#endif
	}
	for (i = NSET; i < NTRAMPOLINES; i += 61) {
		if (!is_unset(self->t.fd, i) ||
		    !is_plain(table_entry(&self->t, i))) {
			fprintf(stderr, "# trampoline %zu is set\n", i);
			return false;
		}
	}
	return true;
}

/*
 * An operation; how to undo it, so that the table is intact again, when it has
 * worked.  Failing, it gives -ENOMEM and leaves the table intact by itself.
 */
struct operation {
	int (*run)(DATA *self);
	bool (*undo)(DATA *self);
};

#define NTH_MAX	20000

/* How many allocations have made the operation fail; -1 is a failed test. */
static int fail_each(DATA *self,
		     const struct operation *op)
{
	unsigned int nth;
	int failures = 0;

	/* Once without, so that what the test itself needs is there. */
	self->result = op->run(self);
	if (self->result < 0 || !op->undo(self) || !intact(self)) {
		fprintf(stderr, "# does not even work without failures: %d\n",
			self->result);
		return -1;
	}

	for (nth = 1; nth < NTH_MAX; nth++) {
		bool failed;

		arm(self, nth);
		self->result = op->run(self);
		failed = disarm(self);

		if (self->result < 0 && (self->result != -ENOMEM || !failed)) {
			fprintf(stderr, "# %u: errno %d\n", nth, -self->result);
			return -1;
		}
		if (self->result >= 0 && !op->undo(self)) {
			fprintf(stderr, "# %u: has not worked\n", nth);
			return -1;
		}
		failures += self->result < 0;
		if (!intact(self)) {
			fprintf(stderr, "# %u: not intact after %d\n", nth,
				self->result);
			return -1;
		}
		if (!failed)
			break;
	}
	fprintf(stderr, "# %d of %u failed allocations gave ENOMEM\n", failures,
		nth - 1);
	return nth < NTH_MAX ? failures : -1;
}

static int run_create(DATA *self)
{
	int before = next_descriptor();
	struct table t;
	int ret = table_create(&t, 60000, 0);

	if (ret < 0 && next_descriptor() != before)
		return -EMFILE;
	return ret < 0 ? ret : t.fd;
}

/* The table goes when RCU and deferred work have come that far, and its code with it. */
static bool undo_create(DATA *self)
{
	return !close(self->result) &&
	       units_settled(units_before_run) == units_before_run;
}

TEST_F(injection, create)
{
	static const struct operation op = { run_create, undo_create };

	/* A copy pays for a page of its data part when it is touched, so touch them. */
	ASSERT_TRUE(intact(self));
	units_before_run = units_settled(-1);
	EXPECT_LT(0, fail_each(self, &op));
#ifdef TRAMPFD_BY_CODE
	/*
	 * A shape that nobody has: its code is made as well.  How many more that are is
	 * not to be told, as slabs may need pages at any time.
	 */
	table_shape = 0;
	EXPECT_LT(0, fail_each(self, &op));
	table_shape = 1;
#endif
}

#ifndef TRAMPFD_BY_CODE
/* A second descriptor, which only a shared table can have. */
static int run_readonly(DATA *self)
{
	int before = next_descriptor();
	int fd = control(self->t.fd, TRAMPFD_READONLY, NULL);

	if (fd < 0 && next_descriptor() != before)
		return -EMFILE;
	return fd;
}

static bool undo_readonly(DATA *self)
{
	return has_value(self->result, 300, 1300) && !close(self->result);
}

TEST_F(injection, readonly)
{
	static const struct operation op = { run_readonly, undo_readonly };

	if (!(variant->flags & TRAMPFD_SHARED))
		SKIP(return, "only a shared table can be read-only");
	EXPECT_LT(0, fail_each(self, &op));
}
#endif

#ifdef TRAMPFD_BY_CODE
/* A table that was never mapped, as code stays where it was mapped first. */
static struct table fresh;

static bool make_fresh(void)
{
	return !table_create(&fresh, 301, 0) &&
	       set_value(fresh.fd, 300, 1300) == 1;
}

/* A mapping that has failed decides nothing: the table can be mapped elsewhere. */
static bool maps_elsewhere(const void *base)
{
	void *blocked = MAP_FAILED;
	bool ret;

	if (base != MAP_FAILED)
		blocked = mmap((void *)base, getpagesize(), PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ret = !table_map(&fresh) && fresh.base != base &&
	      gives(table_entry(&fresh, 300), 1300);
	table_unmap(&fresh);
	if (blocked != MAP_FAILED)
		munmap(blocked, getpagesize());
	return ret;
}

static int run_mmap(DATA *self)
{
	const void *base;
	int ret;

	if (!fresh.attr.map_size && !make_fresh())
		return -EBADMSG;
	ret = table_map(&fresh);
	if (ret) {
		base = fresh.base;
		table_unmap(&fresh);
		if (!maps_elsewhere(base))
			return -EBADMSG;
		table_close(&fresh);
		if (!make_fresh())
			return -EBADMSG;
	}
	return ret;
}

static bool undo_mmap(DATA *self)
{
	bool ret = gives(table_entry(&fresh, 300), 1300);

	table_close(&fresh);
	return ret && make_fresh();
}
#else
/* A new table's first mapping, and its first trampoline. */
static int run_mmap(DATA *self)
{
	static struct table t;
	int ret;

	/* Made before the failure, by a call that is not to fail. */
	if (!self->moved) {
		t = self->t;
		self->moved = (char *)&t;
	}
	ret = table_map(&t);
	return ret < 0 ? ret : 0;
}

static bool undo_mmap(DATA *self)
{
	struct table *t = (struct table *)self->moved;
	bool ret = gives(table_entry(t, 300), 1300);

	table_unmap(t);
	return ret;
}
#endif

TEST_F(injection, mmap)
{
	static const struct operation op = { run_mmap, undo_mmap };
	int before;

	before = nmappings();
	EXPECT_LT(0, fail_each(self, &op));
	EXPECT_EQ(before, nmappings());
}

/* In a new child: 2 if it failed, 1 if it worked in spite of a failure, 0 without one. */
static int run_first_mmap(const DATA *self, unsigned int nth)
{
	int before, ret;
	DATA mine = *self;
	bool failed;
	pid_t pid;

	pid = fork();
	if (pid)
		return pid < 0 ? 255 : child_status(pid);
	mine.fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (mine.fail_nth < 0)
		_exit(3);
	before = nmappings();
	arm(&mine, nth);
	ret = table_map(&mine.t);
	failed = disarm(&mine);
	if (ret && (ret != -ENOMEM || !failed || nmappings() != before))
		_exit(4);
	if (ret && table_map(&mine.t))
		_exit(5);
	if (!intact(&mine))
		_exit(6);
	_exit(ret ? 2 : failed);
}

/* A process that has no trampolines yet: the mapping makes their index, too. */
TEST_F(injection, first_mmap)
{
	int failures = 0, status = 2;
	unsigned int nth;

	if (!(variant->flags & TRAMPFD_SHARED))
		SKIP(return, "who has a private table has an index");
	/* Then fork() gives the child no index. */
	table_unmap(&self->t);
	for (nth = 1; nth < NTH_MAX && status; nth++) {
		status = run_first_mmap(self, nth);
		ASSERT_LE(status, 2) {
			TH_LOG("%u", nth);
		}
		failures += status == 2;
	}
	EXPECT_EQ(0, status);
	EXPECT_LT(0, failures);
}

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

/* Map it anew, so that it has to be cut each time. */
static bool map_again(DATA *self)
{
	return table_map_at(&self->t, self->t.base) == 0;
}

/* Code can't move. */
#ifndef TRAMPFD_BY_CODE
static int run_mremap(DATA *self)
{
	const size_t size = self->t.attr.map_size;
	char *p;

	if (!self->moved) {
		self->moved = mmap(NULL, size, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (self->moved == MAP_FAILED)
			return -EBUSY;
	}
	p = mremap(self->t.base, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
		   self->moved);
	return p == MAP_FAILED ? -errno : 0;
}

static bool undo_mremap(DATA *self)
{
	const size_t size = self->t.attr.map_size;

	return gives(self->moved, 1000) && is_unmapped(self->t.base) &&
	       mremap(self->moved, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
		      self->t.base) == self->t.base;
}

TEST_F(injection, mremap)
{
	static const struct operation op = { run_mremap, undo_mremap };

	EXPECT_LT(0, fail_each(self, &op));
}

static int run_mremap_part(DATA *self)
{
	const size_t page = getpagesize();
	char *p;

	if (!self->moved) {
		self->moved = mmap(NULL, page, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (self->moved == MAP_FAILED)
			return -EBUSY;
	}
	p = mremap(self->t.base, page, page, MREMAP_MAYMOVE | MREMAP_FIXED,
		   self->moved);
	return p == MAP_FAILED ? -errno : 0;
}

/*
 * A move that can't unmap what it has moved from leaves that as it is, and is
 * a success for mremap(2): both places then are a mapping's.
 */
static bool undo_mremap_part(DATA *self)
{
	char *old = self->t.base;

	return gives(self->moved, 1000) &&
	       (is_unmapped(old) || is_plain(old) || gives(old, 1000)) &&
	       map_again(self);
}

TEST_F(injection, mremap_part)
{
	static const struct operation op = {
		run_mremap_part, undo_mremap_part,
	};

	if (self->t.attr.map_size == (uint64_t)getpagesize())
		SKIP(return, "all trampolines are in one page");
	EXPECT_LT(0, fail_each(self, &op));
}
#endif /* TRAMPFD_BY_CODE */

static int run_munmap_part(DATA *self)
{
	return munmap(self->t.base, getpagesize()) ? -errno : 0;
}

static bool undo_munmap_part(DATA *self)
{
	return is_unmapped(self->t.base) && map_again(self);
}

TEST_F(injection, munmap_part)
{
	static const struct operation op = {
		run_munmap_part, undo_munmap_part,
	};

	EXPECT_LE(0, fail_each(self, &op));
}

static int run_split(DATA *self)
{
	const size_t page = getpagesize();

	if (!madvise(self->t.base + page, page, MADV_DONTFORK))
		return 0;
	/* The system call's way to say that it might work later. */
	return errno == EAGAIN ? -ENOMEM : -errno;
}

TEST_F(injection, split)
{
	static const struct operation op = { run_split, map_again };

	if (self->t.attr.map_size <= 2 * (uint64_t)getpagesize())
		SKIP(return, "too few pages");
	EXPECT_LT(0, fail_each(self, &op));
}

static int run_fork(DATA *self)
{
	self->pid = fork();
	if (!self->pid) {
		bool works = intact(self) &&
			     set_value(self->t.fd, 3, 1003) == 1 &&
			     intact(self);

		_exit(works ? 0 : 1);
	}
	/* For what has nothing to do with memory, it would be another one. */
	return self->pid < 0 ? -errno : 0;
}

static bool undo_fork(DATA *self)
{
	return child_status(self->pid) == 0;
}

TEST_F(injection, fork)
{
	static const struct operation op = { run_fork, undo_fork };

	EXPECT_LT(0, fail_each(self, &op));
	/* Those that failed have left no child. */
	EXPECT_EQ(-1, waitpid(-1, NULL, 0));
	EXPECT_EQ(ECHILD, errno);
}

/* A fork of several tables: those that were copied go away again. */
TEST_F(injection, fork_with_more_tables)
{
	static const struct operation op = { run_fork, undo_fork };
	struct table more[3];
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, table_open(&more[i], 600, variant->flags));
		ASSERT_EQ(600, set_values(more[i].fd, 0, 600, i));
		/* In two pieces. */
		ASSERT_EQ(0, madvise(more[i].base, getpagesize(), MADV_RANDOM));
	}
	EXPECT_LT(0, fail_each(self, &op));
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(gives(table_entry(&more[i], 599), 599 + i));
		table_close(&more[i]);
	}
}

#ifdef TRAMPFD_BY_CODE
/* How many allocations fail in a child's first call until none does; -1 if one is wrong. */
static int fail_first_call(DATA *self, bool data_is_there)
{
	unsigned int nth;
	int status = 2;
	pid_t pid;

	for (nth = 1; nth < 100 && status == 2; nth++) {
		pid = fork();
		if (!pid) {
			DATA mine = *self;
			bool works;

			mine.fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
			if (mine.fail_nth < 0 ||
			    (data_is_there && try_load(self->t.base + self->t.attr.data_offset)))
				_exit(3);
			arm(&mine, nth);
			works = gives(table_entry(&self->t, 0), 1000);
			status = disarm(&mine) ? 2 : 0;
			_exit(works && intact(&mine) ? status : 1);
		}
		status = pid < 0 ? 4 : child_status(pid);
	}
	return status ? -1 : (int)nth - 2;
}

/*
 * A child makes its data pages when it touches them.  A call whose page can't be had
 * asks again, and is whole.
 */
TEST_F(injection, first_touch)
{
	int without = fail_first_call(self, true);
	int with = fail_first_call(self, false);

	EXPECT_LE(0, without);
	/* The page, at least. */
	EXPECT_LT(without, with);
}
#else
/* A stack page that can't be had: no register changes. */
TEST_F(injection, hit)
{
	const size_t page = getpagesize();
	struct cpu_state in, out;
	struct test_stack fresh;
	struct context c;
	unsigned int nth;
	bool failed = true;
	int target;

	context_init(&c, 700, arch_target(0));
	context_reg(&c, ARCH_DATA_REG, 1);
	context_stack(&c, 64, 0, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	for (nth = 1; nth < 100 && failed; nth++) {
		ASSERT_EQ(0, stack_open(&fresh, 4));
		/* Enough above for a call, and all data in a new page. */
		memset(fresh.mem + 3 * page, 0, page);
		arch_fill(&in, stack_pointer(&fresh, 3 * page) +
			       ARCH_CALL_PUSH, 0);
		arm(self, nth);
		if (try_run(&in, table_entry(&self->t, 700), ARCH_BY_CALL, &out,
			    &target)) {
			failed = disarm(self);
			EXPECT_TRUE(failed);
			EXPECT_EQ(SIGSEGV, trap.signo);
			EXPECT_TRUE(state_kept(&in, &trap.state, NULL));
			/* The next one has the page. */
			ASSERT_EQ(0, try_run(&in, table_entry(&self->t, 700),
					     ARCH_BY_CALL, &out, &target));
		} else {
			failed = disarm(self);
		}
		EXPECT_EQ(0, target);
		EXPECT_TRUE(state_kept(&in, &out, &c));
		EXPECT_EQ(0, memcmp((void *)out.reg[ARCH_SP], c.stack, 64));
		stack_close(&fresh);
	}
	EXPECT_FALSE(failed);
	/* At least the page itself. */
	EXPECT_LT(2U, nth);
	ASSERT_EQ(1, remove_one(self->t.fd, 700));
	EXPECT_TRUE(intact(self));
}
#endif

/*
 * The last test: what all the others have made is given back.  Waiting for it
 * takes seconds, so it is not done after each of them.
 */
FIXTURE(afterwards) {};

FIXTURE_SETUP(afterwards)
{
	/* Not trampfd_present(), which may make a table: a process keeps its index. */
	if (no_such_call(-create(NULL, 0, ~0U)))
		SKIP(return, NO_TRAMPFD);
}

FIXTURE_TEARDOWN(afterwards)
{
}

TEST_F(afterwards, nothing_is_left)
{
	long long now;
	size_t i;

	if (access(FAIL_NTH, F_OK))
		SKIP(return, "nothing was made (CONFIG_FAULT_INJECTION)");
	EXPECT_EQ(units_before, units_settled(units_before));
	for (i = 0; i < ARRAY_SIZE(left); i++) {
		if (!left[i].known)
			SKIP(return, NO_SLABINFO);
		ASSERT_EQ(0, slab_objects_left(left[i].cache, &now));
		EXPECT_EQ(left[i].objects, now) {
			TH_LOG("left behind in %s", left[i].cache);
		}
	}
}

/*
 * The C library's area for restartable sequences is written on the way out of
 * a system call whenever the thread was preempted.  If that write is the first
 * one after a fork, its page is copied; and if it is that allocation's turn to
 * fail, SIGSEGV is the kernel's answer.
 */
static void without_rseq(char **argv)
{
	static const char name[] = "GLIBC_TUNABLES";

	if (!getenv(name) && !setenv(name, "glibc.pthread.rseq=0", 0))
		execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	size_t i;

	without_rseq(argv);
	units_before = units();
	for (i = 0; i < ARRAY_SIZE(left); i++)
		left[i].known = !slab_objects_left(left[i].cache,
						   &left[i].objects);
	return test_harness_run(argc, argv);
}
