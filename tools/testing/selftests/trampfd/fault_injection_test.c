// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation for tables, mappings, forks and calls fails once: it then either works or
 * says ENOMEM, nothing is half done, and nothing is left behind.
 */
#include <sys/mman.h>

#include "fault_injection_util.h"

static long long units_before_run;

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

int main(int argc, char **argv)
{
	return run_injections(argc, argv);
}
