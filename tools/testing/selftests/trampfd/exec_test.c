// SPDX-License-Identifier: GPL-2.0
/* Whose table it is after exec, and where its descriptor is passed on. */
#include <fcntl.h>
#include <spawn.h>

#include "family_util.h"

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
