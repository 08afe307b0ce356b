// SPDX-License-Identifier: GPL-2.0
/* What can be seen of trampolines from outside of the program. */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

FIXTURE(watched) {
	struct table t;
};

FIXTURE_VARIANT(watched) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(watched, private) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(watched, shared) {
	.flags = TRAMPFD_SHARED,
};

FIXTURE_SETUP(watched)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, 1000, variant->flags));
}

FIXTURE_TEARDOWN(watched)
{
	table_close(&self->t);
}

TEST_F(watched, maps)
{
	unsigned long long start, end, offset;
	char line[256], perms[8], name[64];
	int n;

	ASSERT_TRUE(maps_line(self->t.base, line, sizeof(line)));
	n = sscanf(line, "%llx-%llx %7s %llx %*s %*s %63[^\n]", &start, &end,
		   perms, &offset, name);
	ASSERT_EQ(5, n) {
		TH_LOG("%s", line);
	}
	EXPECT_EQ((uintptr_t)self->t.base, start);
	EXPECT_EQ((uintptr_t)self->t.base + self->t.attr.map_size, end);
	EXPECT_STREQ(variant->flags & TRAMPFD_SHARED ? "---s" : "---p", perms);
	EXPECT_EQ(0U, offset);
	EXPECT_STREQ("anon_inode:[trampfd]", name);
}

TEST_F(watched, link_in_proc)
{
	char path[64], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->t.fd);
	n = readlink(path, target, sizeof(target) - 1);
	ASSERT_LT(0, n);
	target[n] = '\0';
	EXPECT_STREQ("anon_inode:[trampfd]", target);
	/* It can't be had a second time by its name. */
	EXPECT_EQ(-1, open(path, O_RDONLY | O_CLOEXEC));
}

/* One number of fdinfo, -1 if it is not there. */
static long long info(int fd, const char *key)
{
	long long number;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return file_find_number(path, key, &number) ? -1 : number;
}

TEST_F(watched, fdinfo)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->t.fd);
	ASSERT_LT(0, file_read(path, text, sizeof(text)));
	EXPECT_TRUE(contains(text, "\ntrampfd-type:\tfault\n")) {
		TH_LOG("%s", text);
	}
	EXPECT_EQ(1000, info(self->t.fd, "trampfd-trampolines:\t"));
	EXPECT_EQ(0, info(self->t.fd, "trampfd-set:\t"));
	EXPECT_EQ(1, info(self->t.fd, "trampfd-copies:\t"));

	ASSERT_EQ(600, set_values(self->t.fd, 0, 600, 0));
	EXPECT_EQ(600, info(self->t.fd, "trampfd-set:\t"));
	/* Replacing adds none. */
	ASSERT_EQ(600, set_values(self->t.fd, 0, 600, 1));
	EXPECT_EQ(600, info(self->t.fd, "trampfd-set:\t"));
	ASSERT_EQ(100, remove_range(self->t.fd, 50, 100));
	EXPECT_EQ(500, info(self->t.fd, "trampfd-set:\t"));
	/* What fails adds none. */
	ASSERT_EQ(-EINVAL, set_value(self->t.fd, 1000, 1));
	EXPECT_EQ(500, info(self->t.fd, "trampfd-set:\t"));
	/* Unmapping removes none. */
	table_unmap(&self->t);
	EXPECT_EQ(500, info(self->t.fd, "trampfd-set:\t"));
}

/* The numbers are the descriptor's: of all its copies. */
TEST_F(watched, fdinfo_after_fork)
{
	int down[2], up[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(down));
	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(600, set_values(self->t.fd, 0, 600, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, pipe_wait(down[0]));
		EXPECT_EQ(100, remove_range(self->t.fd, 0, 100));
		ASSERT_EQ(0, pipe_tell(up[1]));
		ASSERT_EQ(0, pipe_wait(down[0]));
		_exit(0);
	}
	if (variant->flags & TRAMPFD_SHARED) {
		EXPECT_EQ(1, info(self->t.fd, "trampfd-copies:\t"));
		EXPECT_EQ(600, info(self->t.fd, "trampfd-set:\t"));
	} else {
		EXPECT_EQ(2, info(self->t.fd, "trampfd-copies:\t"));
		EXPECT_EQ(1200, info(self->t.fd, "trampfd-set:\t"));
	}
	ASSERT_EQ(0, pipe_tell(down[1]));
	ASSERT_EQ(0, pipe_wait(up[0]));
	EXPECT_EQ(variant->flags & TRAMPFD_SHARED ? 500 : 1100,
		  info(self->t.fd, "trampfd-set:\t"));
	ASSERT_EQ(0, pipe_tell(down[1]));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(1, info(self->t.fd, "trampfd-copies:\t"));
	EXPECT_EQ(variant->flags & TRAMPFD_SHARED ? 500 : 600,
		  info(self->t.fd, "trampfd-set:\t"));
}

#define TRACEFS	"/sys/kernel/tracing"

FIXTURE(traced) {
	struct table t;
	char dir[64];
	bool changed;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(traced)

static void trace_path(const DATA *self, char *path, size_t size,
		       const char *file)
{
	snprintf(path, size, "%s/%s", self->dir, file);
}

static int trace_write(const DATA *self, const char *file,
		       const char *text)
{
	char path[128];

	trace_path(self, path, sizeof(path), file);
	return file_write(path, text);
}

#define EVENT	"events/trampfd/trampfd_hit/"

FIXTURE_SETUP(traced)
{
	const char *dir;
	char path[128];

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	dir = mounted("tracefs", TRACEFS);
	if (!dir)
		SKIP(return, "no tracefs (CONFIG_ENABLE_DEFAULT_TRACERS)");
	snprintf(self->dir, sizeof(self->dir), "%s", dir);
	trace_path(self, path, sizeof(path), EVENT "enable");
	ASSERT_EQ(0, access(path, W_OK)) {
		TH_LOG("tracefs, but no " EVENT);
	}
	ASSERT_EQ(0, table_open(&self->t, 16, 0));
	ASSERT_EQ(16, set_values(self->t.fd, 0, 16, 500));
	self->changed = true;
	ASSERT_EQ(0, trace_write(self, "tracing_on", "1"));
	ASSERT_EQ(0, trace_write(self, "trace", ""));
	ASSERT_EQ(0, trace_write(self, EVENT "enable", "1"));
}

FIXTURE_TEARDOWN_PARENT(traced)
{
	if (self->changed) {
		trace_write(self, EVENT "enable", "0");
		trace_write(self, "trace", "");
	}
}

/* How many lines of the trace have both numbers, in hex. */
static int traced_hits(const DATA *self, const void *pc,
		       unsigned long target)
{
	char path[128], line[512], pc_text[32], target_text[32];
	int hits = 0;
	FILE *f;

	snprintf(pc_text, sizeof(pc_text), "%lx", (unsigned long)pc);
	snprintf(target_text, sizeof(target_text), "%lx", target);
	trace_path(self, path, sizeof(path), "trace");
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		const char *text = strstr(line, "trampfd_hit:");

		if (text && strstr(text, pc_text) && strstr(text, target_text))
			hits++;
	}
	fclose(f);
	return hits;
}

TEST_F(traced, each_hit)
{
	const unsigned long target = ARCH_CODE(arch_data);
	int i, k;

	for (i = 0; i < 4; i++)
		for (k = 0; k <= i; k++)
			ASSERT_TRUE(gives(table_entry(&self->t, i), 500 + i));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(i + 1, traced_hits(self, table_entry(&self->t, i),
					     target));
	EXPECT_EQ(0, traced_hits(self, table_entry(&self->t, 4), target));
}

/* A stack that first has to be faulted in makes no second hit. */
TEST_F(traced, hit_that_starts_again)
{
	struct cpu_state in, out;
	struct test_stack fresh;
	struct context c;
	int target;

	ASSERT_EQ(0, stack_open(&fresh, 4));
	arch_fill(&in, stack_pointer(&fresh, 2 * getpagesize()), 0);
	context_init(&c, 8, arch_target(2));
	context_stack(&c, 64, 0, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	ASSERT_EQ(0, try_run(&in, table_entry(&self->t, 8), ARCH_BY_JUMP, &out,
			     &target));
	EXPECT_EQ(2, target);
	EXPECT_EQ(1, traced_hits(self, table_entry(&self->t, 8),
				 arch_target(2)));
	stack_close(&fresh);
}

TEST_F(traced, what_is_no_hit)
{
	ASSERT_EQ(1, remove_one(self->t.fd, 9));
	EXPECT_TRUE(is_plain(table_entry(&self->t, 9)));
	EXPECT_TRUE(is_plain(table_entry(&self->t, 10) + ARCH_PC_ALIGN));
	EXPECT_NE(0, try_load(table_entry(&self->t, 10)));
	EXPECT_EQ(0, traced_hits(self, table_entry(&self->t, 9), 0));
	EXPECT_EQ(0, traced_hits(self, table_entry(&self->t, 10),
				 ARCH_CODE(arch_data)));
}

TEST_F(traced, switched_off)
{
	ASSERT_EQ(0, trace_write(self, EVENT "enable", "0"));
	ASSERT_TRUE(gives(table_entry(&self->t, 3), 503));
	EXPECT_EQ(0, traced_hits(self, table_entry(&self->t, 3),
				 ARCH_CODE(arch_data)));
}

TEST_F(traced, fields)
{
	char path[128], text[4096];

	trace_path(self, path, sizeof(path), EVENT "format");
	ASSERT_LT(0, file_read(path, text, sizeof(text)));
	EXPECT_TRUE(contains(text, " pc;")) {
		TH_LOG("%s", text);
	}
	EXPECT_TRUE(contains(text, " target;"));
}

TEST_HARNESS_MAIN
