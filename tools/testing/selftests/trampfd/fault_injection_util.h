/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of failed allocations share: a table, an operation of which each
 * allocation fails once, and the proof that nothing is left behind.
 */
#ifndef FAULT_INJECTION_UTIL_H
#define FAULT_INJECTION_UTIL_H

#include <fcntl.h>

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

static long long units_before;

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

static inline void setting_path(const DATA *self, size_t i, char *path, size_t size)
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

static inline void arm(const DATA *self, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(self->fail_nth, text, n, 0) != n)
		_exit(KSFT_FAIL);
}

/* Was there an allocation to fail? */
static inline bool disarm(const DATA *self)
{
	char text[16] = "";

	if (pread(self->fail_nth, text, sizeof(text) - 1, 0) <= 0)
		_exit(KSFT_FAIL);
	arm(self, 0);
	return atoi(text) == 0;
}

/* The table is as the fixture made it. */
static inline bool intact(DATA *self)
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
static inline int fail_each(DATA *self, const struct operation *op)
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
static inline void without_rseq(char **argv)
{
	static const char name[] = "GLIBC_TUNABLES";

	if (!getenv(name) && !setenv(name, "glibc.pthread.rseq=0", 0))
		execv("/proc/self/exe", argv);
}

/* What a program with these tests does. */
static inline int run_injections(int argc, char **argv)
{
	size_t i;

	without_rseq(argv);
	units_before = units();
	for (i = 0; i < ARRAY_SIZE(left); i++)
		left[i].known = !slab_objects_left(left[i].cache,
						   &left[i].objects);
	return test_harness_run(argc, argv);
}

#endif /* FAULT_INJECTION_UTIL_H */
