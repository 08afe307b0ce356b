// SPDX-License-Identifier: GPL-2.0
/* What can be seen of trampolines from outside of the program. */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "../kselftest_harness.h"
#include "code_util.h"

/* 32-bit builds may have the compiler's own <linux/magic.h>. */
#ifndef TRAMPFD_MAGIC
#define TRAMPFD_MAGIC	0x54524d50
#endif

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
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->t.fd);
	n = readlink(path, target, sizeof(target) - 1);
	ASSERT_LT(0, n);
	target[n] = '\0';
	EXPECT_STREQ("anon_inode:[trampfd]", target);
	/* It can't be had a second time by its name. */
	EXPECT_EQ(-1, open(path, O_RDONLY | O_CLOEXEC));
	/* It has no type, as any anonymous inode. */
	ASSERT_EQ(0, fstat(self->t.fd, &st));
	EXPECT_EQ(0U, st.st_mode & S_IFMT);
}

/*
 * A table with code is on a file system of its own, from which its code part can be
 * executed, and in no other way.
 */
TEST(file_of_code)
{
	char *const argv[] = { "trampfd", NULL };
	char path[64], target[64];
	struct statfs fs;
	struct stat st;
	struct table t;
	ssize_t n;

	if (code_missing())
		SKIP(return, "%s", code_missing());
	ASSERT_EQ(0, code_create(&t, 8, NULL, 0));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t.fd);
	n = readlink(path, target, sizeof(target) - 1);
	ASSERT_LT(0, n);
	target[n] = '\0';
	EXPECT_STREQ("anon_inode:[trampfd-code]", target);
	ASSERT_EQ(0, fstatfs(t.fd, &fs));
	EXPECT_EQ(TRAMPFD_MAGIC, fs.f_type);

	EXPECT_EQ(-1, open(path, O_RDONLY | O_CLOEXEC));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, execv(path, argv));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, fchmod(t.fd, 0700));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, ftruncate(t.fd, 4096));
	ASSERT_EQ(0, fstat(t.fd, &st));
	EXPECT_EQ(0, st.st_size);
	EXPECT_EQ((mode_t)S_IFREG, st.st_mode & S_IFMT);
	EXPECT_EQ(0600U, st.st_mode & ~S_IFMT);
	close(t.fd);
}

/* One number of fdinfo, -1 if it is not there. */
static long long info(int fd, const char *key)
{
	long long number;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return file_find_number(path, key, &number) ? -1 : number;
}

/* What "trampfd-abi" says of a program like this one. */
static const char *abi_name(void)
{
#if defined(_ABIN32) && _MIPS_SIM == _ABIN32
	return "n32";
#elif defined(_ABIO32) && _MIPS_SIM == _ABIO32
	return "o32";
#elif defined(_ABI64) && _MIPS_SIM == _ABI64
	return "n64";
#else
	return sizeof(long) == 8 ? "64" : "32";
#endif
}

TEST_F(watched, fdinfo)
{
	char path[64], text[1024], abi[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->t.fd);
	ASSERT_LT(0, file_read(path, text, sizeof(text)));
	snprintf(abi, sizeof(abi), "\ntrampfd-abi:\t%s\n", abi_name());
	EXPECT_TRUE(contains(text, "\ntrampfd-type:\tfault\n") &&
		    contains(text, abi)) {
		TH_LOG("%s", text);
	}
	EXPECT_EQ(1000, info(self->t.fd, "trampfd-trampolines:\t"));
	EXPECT_EQ(self->t.attr.stride, info(self->t.fd, "trampfd-stride:\t"));
	EXPECT_EQ(0, info(self->t.fd, "trampfd-set:\t"));

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

/* How many are set is told of the reader's own table. */
TEST_F(watched, fdinfo_after_fork)
{
	const bool shared = variant->flags & TRAMPFD_SHARED;
	int down[2], up[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(down));
	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(600, set_values(self->t.fd, 0, 600, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(600, info(self->t.fd, "trampfd-set:\t"));
		EXPECT_EQ(100, remove_range(self->t.fd, 0, 100));
		EXPECT_EQ(500, info(self->t.fd, "trampfd-set:\t"));
		ASSERT_EQ(0, pipe_tell(up[1]));
		ASSERT_EQ(0, pipe_wait(down[0]));
		EXPECT_EQ(shared ? 300 : 500, info(self->t.fd, "trampfd-set:\t"));
		_exit(0);
	}
	ASSERT_EQ(0, pipe_wait(up[0]));
	EXPECT_EQ(shared ? 500 : 600, info(self->t.fd, "trampfd-set:\t"));
	ASSERT_EQ(200, remove_range(self->t.fd, 300, 200));
	ASSERT_EQ(0, pipe_tell(down[1]));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(shared ? 300 : 400, info(self->t.fd, "trampfd-set:\t"));
}

/* Another process, although it has the descriptor, is told only what it can do. */
TEST_F(watched, fdinfo_of_others)
{
	const bool shared = variant->flags & TRAMPFD_SHARED;
	char path[64];
	long long n;
	int p[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(600, set_values(self->t.fd, 0, 600, 0));
	/* A child has no copy of what is not mapped. */
	table_unmap(&self->t);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(1000, info(self->t.fd, "trampfd-trampolines:\t"));
		EXPECT_EQ(shared ? 600 : -1, info(self->t.fd, "trampfd-set:\t"));
		EXPECT_EQ(-1, info(self->t.fd, "trampfd-copies:\t"));
		ASSERT_EQ(0, pipe_wait(p[0]));
		_exit(0);
	}
	/* It is the reader's table that counts, and not that of the one read. */
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, self->t.fd);
	ASSERT_EQ(0, file_find_number(path, "trampfd-set:\t", &n));
	EXPECT_EQ(600, n);
	EXPECT_EQ(-ENOENT, file_find_number(path, "trampfd-copies:\t", &n));
	ASSERT_EQ(0, pipe_tell(p[1]));
	EXPECT_EQ(0, child_status(pid));

	/* A program that has never had a trampoline. */
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", getpid(), self->t.fd);
	ASSERT_EQ(0, setenv("TRAMPFD_FDINFO", path, 1));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		execl("/proc/self/exe", "watch_test", "--read", NULL);
		_exit(127);
	}
	EXPECT_EQ(shared ? 0 : 2, child_status(pid));
}

/* The program that the test above executes. */
static int read_fdinfo(const char *path)
{
	long long n;

	if (file_find_number(path, "trampfd-trampolines:\t", &n) || n != 1000)
		return 1;
	if (file_find_number(path, "trampfd-set:\t", &n))
		return 2;
	return n == 600 ? 0 : 3;
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

#define EVENTS	"events/trampfd/"
#define EVENT	EVENTS "trampfd_hit/"

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
	ASSERT_EQ(0, trace_write(self, EVENTS "enable", "1"));
}

FIXTURE_TEARDOWN_PARENT(traced)
{
	if (self->changed) {
		trace_write(self, EVENTS "enable", "0");
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

/* How many lines of the trace are of this event, with just this text. */
static int traced(const DATA *self, const char *event, const char *text)
{
	char path[128], line[512], want[256];
	int n = 0;
	FILE *f;

	snprintf(want, sizeof(want), " %s: %s\n", event, text);
	trace_path(self, path, sizeof(path), "trace");
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		n += contains(line, *text ? want : event);
	fclose(f);
	return n;
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

TEST_F(traced, create)
{
	struct trampfd_attr attr = { .ntrampolines = 4321 };
	struct table t;

	ASSERT_EQ(0, table_create(&t, 777, 0));
	table_close(&t);
	ASSERT_EQ(0, table_create(&t, 888, TRAMPFD_SHARED));
	table_close(&t);
	EXPECT_EQ(-EINVAL, create(&attr, sizeof(attr), ~0U));
	EXPECT_EQ(1, traced(self, "trampfd_create",
			    "type=0 trampolines=777 flags=0x0"));
	EXPECT_EQ(1, traced(self, "trampfd_create",
			    "type=0 trampolines=888 flags=0x1"));
	/* Not that of the fixture, before it was switched on. */
	EXPECT_EQ(2, traced(self, "trampfd_create:", ""));
}

TEST_F(traced, set_and_remove)
{
	ASSERT_EQ(1, set_value(self->t.fd, 5, 1));
	ASSERT_EQ(7, set_values(self->t.fd, 2, 7, 1));
	/* As many as were done, and nothing for none. */
	ASSERT_EQ(4, set_values(self->t.fd, 12, 10, 1));
	ASSERT_EQ(-EINVAL, set_value(self->t.fd, 16, 1));
	EXPECT_EQ(1, traced(self, "trampfd_set", "trampoline=5 count=1"));
	EXPECT_EQ(1, traced(self, "trampfd_set", "trampoline=2 count=7"));
	EXPECT_EQ(1, traced(self, "trampfd_set", "trampoline=12 count=4"));
	EXPECT_EQ(3, traced(self, "trampfd_set:", ""));

	ASSERT_EQ(1, remove_one(self->t.fd, 3));
	ASSERT_EQ(-ENOENT, remove_one(self->t.fd, 3));
	ASSERT_EQ(6, remove_range(self->t.fd, 10, 7));
	EXPECT_EQ(1, traced(self, "trampfd_remove", "trampoline=3 count=1"));
	EXPECT_EQ(1, traced(self, "trampfd_remove", "trampoline=10 count=6"));
	EXPECT_EQ(2, traced(self, "trampfd_remove:", ""));

	ASSERT_EQ(0, trace_write(self, EVENTS "enable", "0"));
	ASSERT_EQ(1, set_value(self->t.fd, 6, 1));
	EXPECT_EQ(0, traced(self, "trampfd_set", "trampoline=6 count=1"));
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
	trace_path(self, path, sizeof(path), EVENTS "trampfd_create/format");
	ASSERT_LT(0, file_read(path, text, sizeof(text)));
	EXPECT_TRUE(contains(text, " type;") && contains(text, " trampolines;") &&
		    contains(text, " flags;"));
	trace_path(self, path, sizeof(path), EVENTS "trampfd_remove/format");
	ASSERT_LT(0, file_read(path, text, sizeof(text)));
	EXPECT_TRUE(contains(text, " trampoline;") && contains(text, " count;"));
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--read"))
		return read_fdinfo(getenv("TRAMPFD_FDINFO"));
	return test_harness_run(argc, argv);
}
