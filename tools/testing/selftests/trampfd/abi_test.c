// SPDX-License-Identifier: GPL-2.0
/*
 * A table has the ABI of the process that made it.  The program of the other
 * ABI is this test itself, in its other build.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#if defined(__LP64__) || (defined(_ABIN32) && _MIPS_SIM == _ABIN32)
#define OTHER	"32"
#else
#define OTHER	"64"
#endif

static char own[4096], other[4096];

/* What the executed program says with its exit status. */
enum answer {
	MAPPED = 10,
	NOT_MAPPED_EINVAL,
	NOT_MAPPED,
	FAILED,
};

/* Map a descriptor that is of another process, and perhaps another ABI. */
static int map_passed(int fd, unsigned int ntrampolines)
{
	struct table t;
	int ret;

	/* Only to be told how the other one has to be mapped. */
	if (table_create(&t, ntrampolines, TRAMPFD_SHARED))
		return FAILED;
	close(t.fd);
	t.fd = fd;
	ret = table_map(&t);
	if (ret)
		return ret == -EINVAL ? NOT_MAPPED_EINVAL : NOT_MAPPED;
	return gives(table_entry(&t, 0), 5) ? MAPPED : FAILED;
}

/* A table of its own, in the same process image that was of another ABI. */
static int map_own(void)
{
	struct table t;

	if (table_open(&t, 4, 0) || set_value(t.fd, 0, 5) != 1)
		return FAILED;
	return gives(table_entry(&t, 0), 5) ? MAPPED : FAILED;
}

FIXTURE(abi) {
	struct table t;
};

FIXTURE_SETUP(abi)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, 16, TRAMPFD_SHARED));
	ASSERT_EQ(1, set_value(self->t.fd, 0, 5));
	ASSERT_EQ(0, fcntl(self->t.fd, F_SETFD, 0));
}

FIXTURE_TEARDOWN(abi)
{
	table_close(&self->t);
}

static int execute(const char *program, const struct table *t)
{
	char fd[16], ntrampolines[16];
	pid_t pid;

	snprintf(fd, sizeof(fd), "%d", t->fd);
	snprintf(ntrampolines, sizeof(ntrampolines), "%u",
		 t->attr.ntrampolines);
	pid = fork();
	if (!pid) {
		execl(program, program, "--executed", fd, ntrampolines, NULL);
		_exit(127);
	}
	return child_status(pid);
}

/* Or else the test below would prove nothing. */
TEST_F(abi, same)
{
	EXPECT_EQ(MAPPED, execute(own, &self->t));
}

TEST_F(abi, other)
{
	int ret;

	if (access(other, X_OK))
		SKIP(return, "no %s-bit build of this test beside it", OTHER);
	ret = execute(other, &self->t);
	if (ret == 127)
		SKIP(return, "this kernel runs no %s-bit programs", OTHER);
	EXPECT_EQ(NOT_MAPPED_EINVAL, ret);
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 5));
}

/* Which is no reason against having its own. */
TEST_F(abi, other_has_its_own)
{
	struct table none = { .fd = -1 };
	int ret;

	if (access(other, X_OK))
		SKIP(return, "no %s-bit build of this test beside it", OTHER);
	ret = execute(other, &none);
	if (ret == 127)
		SKIP(return, "this kernel runs no %s-bit programs", OTHER);
	EXPECT_EQ(MAPPED, ret);
}

#ifdef ARCH_FOREIGN_ABI

/* An ABI of this machine that has no trampolines, and is told so. */
TEST_F(abi, foreign)
{
	char program[sizeof(own) + 16];
	char *slash;
	int ret;

	strcpy(program, own);
	slash = strrchr(program, '/');
	strcpy(slash, "/foreign_abi");
	ASSERT_EQ(0, access(program, X_OK));
	ret = execute(program, &self->t);
	if (ret == 127)
		SKIP(return, "this kernel runs no " ARCH_FOREIGN_ABI " programs");
	EXPECT_EQ(EOPNOTSUPP, ret);
}

#endif

int main(int argc, char **argv)
{
	const char *build;

	if (readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
		return KSFT_FAIL;
	build = strrchr(own, '_');
	if (!build)
		return KSFT_FAIL;
	snprintf(other, sizeof(other), "%.*s_" OTHER, (int)(build - own), own);
	trap_init();
	if (argc == 4 && !strcmp(argv[1], "--executed")) {
		if (!strcmp(argv[2], "-1"))
			return map_own();
		return map_passed(atoi(argv[2]), atoi(argv[3]));
	}
	return test_harness_run(argc, argv);
}
