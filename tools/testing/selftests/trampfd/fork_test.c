// SPDX-License-Identifier: GPL-2.0
/*
 * Whose table it is: fork, vfork, threads, exec, and descriptors that are
 * passed on.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

/* Several pages, so that a copy has several parts however it is kept. */
#define PAGES	4

FIXTURE(family) {
	struct table t;
	unsigned int n;
	/* From the parent to the child, and the other way. */
	int down[2];
	int up[2];
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(family)

FIXTURE_SETUP(family)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
#ifdef TRAMPFD_BY_CODE
	table_shape = 1;
#endif
	ASSERT_EQ(0, table_open(&self->t, 1, 0));
	self->n = PAGES * table_per_page(&self->t);
	table_close(&self->t);
	ASSERT_EQ(0, table_open(&self->t, self->n, 0));
	ASSERT_EQ((int)self->n, set_values(self->t.fd, 0, self->n, 1000));
	ASSERT_EQ(0, pipe(self->down));
	ASSERT_EQ(0, pipe(self->up));
}

FIXTURE_TEARDOWN(family)
{
	table_close(&self->t);
}

/* Numbers at the borders of pages and of 256, and some between them. */
static unsigned int sample(const DATA *self, unsigned int i)
{
	const unsigned int page = table_per_page(&self->t);
	const unsigned int samples[] = {
		0, 1, 100, 255, 256, 257, page - 2, 2 * page - 1, 2 * page,
		2 * page + 1, 3 * page, self->n - 1,
	};

	return samples[i];
}

#define NSAMPLES	12

/* All samples give what the fixture has set, plus @more, and read so. */
static bool all_give(const DATA *self, unsigned long more)
{
	unsigned int i;

	for (i = 0; i < NSAMPLES; i++) {
		unsigned int n = sample(self, i);

		if (!gives(table_entry(&self->t, n), 1000 + n + more) ||
		    !has_value(self->t.fd, n, 1000 + n + more)) {
			fprintf(stderr, "# trampoline %u is different\n", n);
			return false;
		}
	}
	return true;
}

TEST_F(family, child_has_a_copy)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(all_give(self, 0));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));
}

/* The copy stays when the original goes. */
TEST_F(family, child_outlives_parents_table)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, pipe_wait(self->down[0]));
		EXPECT_TRUE(all_give(self, 0));
		EXPECT_EQ(1, set_value(self->t.fd, 7, 70));
		EXPECT_TRUE(gives(table_entry(&self->t, 7), 70));
		_exit(0);
	}
	table_close(&self->t);
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(family, parent_outlives_child)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		set_values(self->t.fd, 0, self->n, 5000);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));
	EXPECT_EQ(1, set_value(self->t.fd, 256, 70));
	EXPECT_TRUE(gives(table_entry(&self->t, 256), 70));
}

/* First sets of one trampoline, then removes, then sets of all. */
static bool change(const DATA *self, unsigned int i)
{
	unsigned int n = sample(self, i);

	if (i < 5)
		return set_value(self->t.fd, n, 1) == 1;
	if (i < 10)
		return remove_one(self->t.fd, n) == 1;
	return set_values(self->t.fd, 0, self->n, 3000) == (int)self->n;
}

/* Sets, replaces and removes on one side are that side's only. */
TEST_F(family, parents_changes_are_not_seen)
{
	unsigned int i;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; i < NSAMPLES; i++) {
			ASSERT_EQ(0, pipe_wait(self->down[0]));
			EXPECT_TRUE(all_give(self, 0));
			ASSERT_EQ(0, pipe_tell(self->up[1]));
		}
		_exit(0);
	}
	for (i = 0; i < NSAMPLES; i++) {
		EXPECT_TRUE(change(self, i));
		ASSERT_EQ(0, pipe_tell(self->down[1]));
		ASSERT_EQ(0, pipe_wait(self->up[0]));
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 2000));
}

TEST_F(family, childs_changes_are_not_seen)
{
	unsigned int i;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; i < NSAMPLES; i++) {
			ASSERT_EQ(0, pipe_wait(self->down[0]));
			EXPECT_TRUE(change(self, i));
			ASSERT_EQ(0, pipe_tell(self->up[1]));
		}
		EXPECT_TRUE(all_give(self, 2000));
		_exit(0);
	}
	for (i = 0; i < NSAMPLES; i++) {
		ASSERT_EQ(0, pipe_tell(self->down[1]));
		ASSERT_EQ(0, pipe_wait(self->up[0]));
		EXPECT_TRUE(all_give(self, 0));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(family, childs_unmapping_is_not_seen)
{
	const size_t page = getpagesize();
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(0, munmap(self->t.base + page, page));
		EXPECT_TRUE(is_unmapped(self->t.base + page));
		EXPECT_TRUE(gives(self->t.base, 1000));
		table_unmap(&self->t);
		ASSERT_EQ(0, pipe_tell(self->up[1]));
		ASSERT_EQ(0, pipe_wait(self->down[0]));
		_exit(0);
	}
	ASSERT_EQ(0, pipe_wait(self->up[0]));
	EXPECT_TRUE(all_give(self, 0));
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));
}

/* What belongs to a table is copied with it: seals, and allowed PCs. */
TEST_F(family, child_inherits_limits)
{
	const uint64_t pcs[] = { ARCH_CODE(arch_data), arch_target(0) };
	struct context c;
	pid_t pid;

	ASSERT_EQ(1, seal_one(self->t.fd, 3));
	ASSERT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(-EPERM, set_value(self->t.fd, 3, 1));
		EXPECT_EQ(-EPERM, remove_one(self->t.fd, 3));
		context_init(&c, 4, arch_target(1));
		context_reg(&c, ARCH_DATA_REG, 1);
		EXPECT_EQ(-EPERM, context_set(self->t.fd, &c));
		EXPECT_EQ(-EPERM, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
		context_init(&c, 4, arch_target(0));
		context_reg(&c, ARCH_DATA_REG, 1);
		EXPECT_EQ(1, context_set(self->t.fd, &c));
		EXPECT_EQ(1, seal_one(self->t.fd, 5));
		EXPECT_TRUE(gives(table_entry(&self->t, 3), 1003));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	/* Sealed in the child is not sealed here. */
	EXPECT_EQ(1, set_value(self->t.fd, 5, 1005));
	EXPECT_EQ(-EPERM, set_value(self->t.fd, 3, 1));
	EXPECT_TRUE(all_give(self, 0));
}

/* Allowed PCs that one side gets after the fork bind that side. */
TEST_F(family, limits_after_the_fork)
{
	const uint64_t pcs[] = { ARCH_CODE(arch_data) };
	struct context c;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	context_init(&c, 4, arch_target(0));
	context_reg(&c, ARCH_DATA_REG, 1);
	if (!pid) {
		ASSERT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
		EXPECT_EQ(-EPERM, context_set(self->t.fd, &c));
		EXPECT_EQ(1, seal_one(self->t.fd, 4));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_EQ(1, remove_one(self->t.fd, 4));
	EXPECT_EQ(0, allow(self->t.fd, pcs, ARRAY_SIZE(pcs)));
}

/* A chain of forks; each sets one more, and none sees another's. */
TEST_F(family, grandchildren)
{
	unsigned int depth, i;
	pid_t pid;

	for (depth = 0; depth < 5; depth++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (pid)
			break;
		EXPECT_EQ(1, set_value(self->t.fd, 256 + depth, depth));
	}
	if (pid) {
		EXPECT_EQ(0, child_status(pid));
		/* What the descendants have set is not seen. */
		for (i = depth; i < 5; i++)
			EXPECT_TRUE(gives(table_entry(&self->t, 256 + i),
					  1256 + i));
	}
	for (i = 0; i < depth; i++)
		EXPECT_TRUE(gives(table_entry(&self->t, 256 + i), i));
	if (depth)
		_exit(0);
	EXPECT_TRUE(all_give(self, 0));
}

/* A copy of a copy, when what is between them is gone. */
TEST_F(family, grandchild_without_child)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(1, set_value(self->t.fd, 300, 9));
		pid = fork();
		ASSERT_LE(0, pid);
		if (pid)
			_exit(0);
		ASSERT_EQ(0, pipe_wait(self->down[0]));
		EXPECT_TRUE(gives(table_entry(&self->t, 300), 9));
		EXPECT_TRUE(all_give(self, 0));
		EXPECT_EQ(1, set_value(self->t.fd, 301, 10));
		EXPECT_TRUE(gives(table_entry(&self->t, 301), 10));
		pipe_tell(self->up[1]);
		_exit(0);
	}
	ASSERT_EQ(0, child_status(pid));
	ASSERT_EQ((int)self->n, remove_range(self->t.fd, 0, self->n));
	ASSERT_EQ(0, pipe_tell(self->down[1]));
	/* Its last words: if it died first, nobody has the other end. */
	ASSERT_EQ(0, close(self->up[1]));
	EXPECT_EQ(0, pipe_wait(self->up[0]));
	EXPECT_TRUE(is_unset(self->t.fd, 300));
}

/* Several descriptors, each copied for itself. */
TEST_F(family, several_tables)
{
	struct table other[3];
	int i;
	pid_t pid;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, table_open(&other[i], 10, 0));
		ASSERT_EQ(1, set_value(other[i].fd, i, 40 + i));
	}
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; i < 3; i++) {
			EXPECT_TRUE(gives(table_entry(&other[i], i), 40 + i));
			EXPECT_EQ(1, set_value(other[i].fd, i, 50 + i));
			EXPECT_TRUE(gives(table_entry(&other[i], i), 50 + i));
		}
		EXPECT_TRUE(all_give(self, 0));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(gives(table_entry(&other[i], i), 40 + i));
}

/* Every way to use a descriptor from an mm that has no copy gives EPERM. */
static bool no_copy(struct table *t)
{
	const uint64_t pcs[] = { ARCH_CODE(arch_data) };
	struct context c;
	struct table again = *t;

	context_init(&c, 0, ARCH_CODE(arch_data));
	return context_set(t->fd, &c) == -EPERM &&
	       context_get(t->fd, 0, &c) == -EPERM &&
	       remove_one(t->fd, 0) == -EPERM &&
	       seal_one(t->fd, 0) == -EPERM &&
	       allow(t->fd, pcs, 1) == -EPERM &&
	       table_map(&again) == -EPERM;
}

/* Only what is mapped is copied. */
TEST_F(family, unmapped_table_is_not_copied)
{
	pid_t pid;

	table_unmap(&self->t);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(no_copy(&self->t));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	/* The parent's is all there. */
	ASSERT_EQ(0, table_map(&self->t));
	EXPECT_TRUE(all_give(self, 0));
}

TEST_F(family, dontfork)
{
	pid_t pid;

	ASSERT_EQ(0, madvise(self->t.base, self->t.attr.map_size,
			     MADV_DONTFORK));
	EXPECT_TRUE(all_give(self, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(is_unmapped(self->t.base));
		EXPECT_TRUE(no_copy(&self->t));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));

	/* It is not taken back. */
	EXPECT_EQ(-1, madvise(self->t.base, self->t.attr.map_size, MADV_DOFORK));
	EXPECT_EQ(EINVAL, errno);
}

/* A mapping of which a part is not copied: the child has the other parts. */
TEST_F(family, dontfork_of_a_part)
{
	const size_t page = getpagesize();
	const unsigned int per_page = table_per_page(&self->t);
	pid_t pid;

	ASSERT_EQ(0, madvise(self->t.base + page, page, MADV_DONTFORK));
	EXPECT_TRUE(all_give(self, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(is_unmapped(self->t.base + page));
		EXPECT_TRUE(gives(table_entry(&self->t, per_page - 1),
				  1000 + per_page - 1));
		EXPECT_TRUE(gives(table_entry(&self->t, 2 * per_page),
				  1000 + 2 * per_page));
		EXPECT_EQ(1, set_value(self->t.fd, 2 * per_page, 1));
		EXPECT_TRUE(gives(table_entry(&self->t, 2 * per_page), 1));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));
}

/* The parent has unmapped a hole: the child has it, too. */
TEST_F(family, hole)
{
	const size_t page = getpagesize();
	pid_t pid;

	ASSERT_EQ(0, munmap(self->t.base + page, 2 * page));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(self->t.base, 1000));
		EXPECT_TRUE(is_unmapped(self->t.base + page));
		EXPECT_TRUE(is_unmapped(self->t.base + 2 * page));
		EXPECT_TRUE(gives(table_entry(&self->t, self->n - 1),
				  1000 + self->n - 1));
		/* The table is whole: mapped anew, all of it is there. */
		ASSERT_EQ(0, munmap(self->t.base, page));
		ASSERT_EQ(0, munmap(self->t.base + 3 * page, page));
#ifdef TRAMPFD_BY_CODE
		/* Code stays where it was. */
		ASSERT_EQ(0, table_map_at(&self->t, self->t.base));
#else
		ASSERT_EQ(0, table_map(&self->t));
#endif
		EXPECT_TRUE(all_give(self, 0));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
}

/* A child without the descriptor still has the trampolines. */
TEST_F(family, closed_before_the_fork)
{
	pid_t pid;

	ASSERT_EQ(0, close(self->t.fd));
	self->t.fd = -1;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(table_entry(&self->t, 256), 1256));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			EXPECT_TRUE(gives(table_entry(&self->t, 256), 1256));
			_exit(0);
		}
		EXPECT_EQ(0, child_status(pid));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(gives(table_entry(&self->t, 256), 1256));
}

static void *set_in_thread(void *p)
{
	struct table *t = p;

	return (void *)(long)set_value(t->fd, 9, 99);
}

TEST_F(family, threads_share)
{
	pthread_t thread;
	void *ret;

	if (!threads_work())
		SKIP(return, NO_THREADS);
	ASSERT_EQ(0, pthread_create(&thread, NULL, set_in_thread, &self->t));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(1, (long)ret);
	EXPECT_TRUE(gives(table_entry(&self->t, 9), 99));
}

static alignas(64) char clone_stack[64 * 1024];

static int set_in_clone(void *p)
{
	struct table *t = p;

	return gives(table_entry(t, 9), 1009) &&
	       set_value(t->fd, 9, 99) == 1 && remove_one(t->fd, 10) == 1 ?
	       0 : 1;
}

/* A process, but the same memory: so the same table. */
TEST_F(family, clone_vm_shares)
{
	pid_t pid = clone(set_in_clone, clone_stack + sizeof(clone_stack),
			  CLONE_VM | SIGCHLD, &self->t);

	ASSERT_LT(0, pid);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(gives(table_entry(&self->t, 9), 99));
	EXPECT_TRUE(is_plain(table_entry(&self->t, 10)));
	EXPECT_TRUE(is_unset(self->t.fd, 10));
}

TEST_F(family, vfork_shares)
{
	pid_t pid = clone(set_in_clone, clone_stack + sizeof(clone_stack),
			  CLONE_VM | CLONE_VFORK | SIGCHLD, &self->t);

	ASSERT_LT(0, pid);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(gives(table_entry(&self->t, 9), 99));
	EXPECT_TRUE(is_unset(self->t.fd, 10));
}

static char executable[4096];

/* What the program does when it is executed for the tests below. */
static int executed(const char *what, int fd, unsigned int ntrampolines)
{
	bool shared = !strcmp(what, "shared");
	struct table t;

	if (!strcmp(what, "closed"))
		return fcntl(fd, F_GETFD) == -1 && errno == EBADF ? 0 : 1;

	/* Only to be told how the other one has to be mapped. */
	if (table_create(&t, ntrampolines, shared ? TRAMPFD_SHARED : 0))
		return 1;
	close(t.fd);
	t.fd = fd;
	if (!shared)
		return no_copy(&t) ? 0 : 1;
	return table_map(&t) == 0 && gives(table_entry(&t, 0), 31) &&
	       set_value(t.fd, 1, 32) == 1 &&
	       gives(table_entry(&t, 1), 32) ? 0 : 1;
}

/* By vfork, as the C library does that. */
static int execute(const char *what, const struct table *t)
{
	char fd[16], ntrampolines[16];
	char *const argv[] = {
		executable, "--executed", (char *)what, fd, ntrampolines, NULL,
	};
	pid_t pid;

	snprintf(fd, sizeof(fd), "%d", t->fd);
	snprintf(ntrampolines, sizeof(ntrampolines), "%u",
		 t->attr.ntrampolines);
	if (posix_spawn(&pid, executable, NULL, NULL, argv, environ))
		return -1;
	return child_status(pid);
}

/* By fork: the child has a copy until then. */
static int fork_and_execute(const char *what, const struct table *t)
{
	pid_t pid = fork();

	if (!pid) {
		/* To be replaced by what has none; so is a changed one. */
		char fd[16], ntrampolines[16];

		if (set_value(t->fd, 0, 77) != 1 ||
		    !gives(table_entry(t, 0), 77))
			_exit(126);
		snprintf(fd, sizeof(fd), "%d", t->fd);
		snprintf(ntrampolines, sizeof(ntrampolines), "%u",
			 t->attr.ntrampolines);
		execl(executable, executable, "--executed", what, fd,
		      ntrampolines, NULL);
		_exit(127);
	}
	return child_status(pid);
}

TEST_F(family, close_on_exec)
{
	int flags = fcntl(self->t.fd, F_GETFD);

	EXPECT_EQ(FD_CLOEXEC, flags & FD_CLOEXEC);
	EXPECT_EQ(0, execute("closed", &self->t));
}

/* Kept over exec against the rule, it is a name for what is gone. */
TEST_F(family, exec_leaves_the_table)
{
	ASSERT_EQ(0, fcntl(self->t.fd, F_SETFD, 0));
	EXPECT_EQ(0, execute("private", &self->t));
	EXPECT_EQ(0, fork_and_execute("private", &self->t));
	EXPECT_TRUE(all_give(self, 0));
}

/* A failed exec changes nothing. */
TEST_F(family, failed_exec)
{
	char *const argv[] = { "x", NULL };

	EXPECT_EQ(-1, execve("/proc/self/no such program", argv, NULL));
	EXPECT_TRUE(all_give(self, 0));
}

/* The receiver is another mm, child or not. */
TEST_F(family, passed_over_a_socket)
{
	pid_t pid;
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		SKIP(return, "no Unix sockets (CONFIG_UNIX)");
	table_close(&self->t);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		self->t.fd = receive_descriptor(s[1]);
		ASSERT_LE(0, self->t.fd);
		EXPECT_TRUE(no_copy(&self->t));
		ASSERT_EQ(1, send(s[1], "", 1, 0));
		_exit(0);
	}
	/* Made after the fork, so that the child can't have a copy. */
	ASSERT_EQ(0, table_open(&self->t, self->n, 0));
	ASSERT_EQ((int)self->n, set_values(self->t.fd, 0, self->n, 1000));
	ASSERT_EQ(0, send_descriptor(s[0], self->t.fd));
	EXPECT_EQ(0, pipe_wait(s[0]));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_give(self, 0));
}

/* The creator is gone; its mm's id must not be anybody else's. */
TEST_F(family, passed_and_creator_gone)
{
	int i, s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		SKIP(return, "no Unix sockets (CONFIG_UNIX)");
	for (i = 0; i < 8; i++) {
		struct table t;
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			ASSERT_EQ(0, table_open(&t, 8, 0));
			ASSERT_EQ(1, set_value(t.fd, 0, 1));
			ASSERT_EQ(0, send_descriptor(s[0], t.fd));
			_exit(0);
		}
		ASSERT_EQ(0, child_status(pid));
		t.fd = receive_descriptor(s[1]);
		ASSERT_LE(0, t.fd);
		t.attr = self->t.attr;
		t.attr.map_size = getpagesize();
		EXPECT_TRUE(no_copy(&t));
		/* A new process may get what was the creator's memory. */
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			EXPECT_TRUE(no_copy(&t));
			_exit(0);
		}
		EXPECT_EQ(0, child_status(pid));
		EXPECT_EQ(0, close(t.fd));
	}
}

FIXTURE(shared) {
	struct table t;
	int s[2];
};

FIXTURE_SETUP(shared)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, self->s))
		SKIP(return, "no Unix sockets (CONFIG_UNIX)");
	ASSERT_EQ(0, table_open(&self->t, 8, TRAMPFD_SHARED));
	ASSERT_EQ(1, set_value(self->t.fd, 0, 31));
}

FIXTURE_TEARDOWN(shared)
{
	table_close(&self->t);
}

TEST_F(shared, fork)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 31));
		EXPECT_EQ(1, set_value(self->t.fd, 1, 41));
		EXPECT_EQ(0, pipe_tell(self->s[1]));
		EXPECT_EQ(0, pipe_wait(self->s[1]));
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 51));
		EXPECT_TRUE(is_plain(table_entry(&self->t, 1)));
		_exit(0);
	}
	ASSERT_EQ(0, pipe_wait(self->s[0]));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 41));
	EXPECT_EQ(1, set_value(self->t.fd, 0, 51));
	EXPECT_EQ(1, remove_one(self->t.fd, 1));
	ASSERT_EQ(0, pipe_tell(self->s[0]));
	EXPECT_EQ(0, child_status(pid));
}

/* The table is one, but what is mapped where is each one's own. */
TEST_F(shared, unmapping_is_not_shared)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		char *entry = table_entry(&self->t, 0);

		table_unmap(&self->t);
		EXPECT_TRUE(is_unmapped(entry));
		EXPECT_EQ(1, set_value(self->t.fd, 0, 61));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 61));
}

/* A child has the descriptor also of what is not mapped. */
TEST_F(shared, unmapped_when_forked)
{
	pid_t pid;

	table_unmap(&self->t);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, table_map(&self->t));
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 31));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(shared, passed_over_a_socket)
{
	struct trampfd_attr attr = self->t.attr;
	pid_t pid;

	table_close(&self->t);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		self->t.fd = receive_descriptor(self->s[1]);
		ASSERT_LE(0, self->t.fd);
		self->t.attr = attr;
		ASSERT_EQ(0, table_map(&self->t));
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 32));
		EXPECT_EQ(1, set_value(self->t.fd, 1, 33));
		EXPECT_EQ(0, pipe_tell(self->s[1]));
		/* The creator's descriptor and mapping are gone. */
		EXPECT_EQ(0, pipe_wait(self->s[1]));
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 32));
		EXPECT_EQ(1, set_value(self->t.fd, 0, 34));
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 34));
		_exit(0);
	}
	ASSERT_EQ(0, table_open(&self->t, 8, TRAMPFD_SHARED));
	ASSERT_EQ(1, set_value(self->t.fd, 0, 32));
	ASSERT_EQ(0, send_descriptor(self->s[0], self->t.fd));
	EXPECT_EQ(0, pipe_wait(self->s[0]));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 33));
	table_close(&self->t);
	EXPECT_EQ(0, pipe_tell(self->s[0]));
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(shared, exec)
{
	ASSERT_EQ(0, fcntl(self->t.fd, F_SETFD, 0));
	EXPECT_EQ(0, execute("shared", &self->t));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 32));
}

TEST_F(shared, close_on_exec)
{
	EXPECT_EQ(0, execute("closed", &self->t));
}

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", executable,
			     sizeof(executable) - 1);

	if (n < 0)
		return KSFT_FAIL;
	trap_init();
	if (argc == 5 && !strcmp(argv[1], "--executed"))
		return executed(argv[2], atoi(argv[3]), atoi(argv[4]));
	return test_harness_run(argc, argv);
}
