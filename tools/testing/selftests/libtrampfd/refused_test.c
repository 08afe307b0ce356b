// SPDX-License-Identifier: GPL-2.0
/* What the library says, and what it remembers, where the kernel refuses what it asks for. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "library_util.h"
#include "filter.h"
#include "sysctl.h"

/* From now on every other system call than write and exit ends the process. */
static bool allow_none(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_THREAD_POINTER, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_write, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};

	return filter(insns, ARRAY_SIZE(insns));
}

FIXTURE(refused) {
};

FIXTURE_VARIANT(refused) {
	unsigned int nr;
	int error;
};

FIXTURE_VARIANT_ADD(refused, ENOSYS) {
	.nr = __NR_trampfd_create,
	.error = ENOSYS,
};

FIXTURE_VARIANT_ADD(refused, EPERM) {
	.nr = __NR_trampfd_create,
	.error = EPERM,
};

FIXTURE_VARIANT_ADD(refused, EACCES) {
	.nr = __NR_trampfd_create,
	.error = EACCES,
};

FIXTURE_VARIANT_ADD(refused, EOPNOTSUPP) {
	.nr = __NR_trampfd_create,
	.error = EOPNOTSUPP,
};

/* If the trampolines could not be set, having them would be of no use. */
FIXTURE_VARIANT_ADD(refused, control) {
	.nr = __NR_trampfd_control,
	.error = EACCES,
};

FIXTURE_SETUP(refused)
{
	if (variant->nr == __NR_trampfd_control && !trampfd_present())
		SKIP(return, NO_TRAMPFD);
}

FIXTURE_TEARDOWN(refused)
{
}

TEST_F(refused, remembered)
{
	void *trampolines[10];
	unsigned int i;

	ASSERT_TRUE(refuse(variant->nr, variant->error));
	errno = 0;
	ASSERT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, variant->error);

	ASSERT_TRUE(allow_none());
	for (i = 0; i < 1000; i++) {
		errno = 0;
		if (trampfd_alloc() || errno != variant->error)
			_exit(KSFT_FAIL);
		errno = 0;
		if (trampfd_alloc_many(trampolines, 10) != -1 ||
		    errno != variant->error)
			_exit(KSFT_FAIL);
	}
	_exit(KSFT_PASS);
}

TEST_F(library, refused_later)
{
	static void *rest[FIRST_TABLE - 1];
	void *again;

	/* What there is goes on. */
	ASSERT_TRUE(refuse(__NR_trampfd_create, EPERM));
	ASSERT_EQ(trampfd_alloc_many(rest, ARRAY_SIZE(rest)), 0);
	ASSERT_EQ(init(rest[5], 5), 0);
	errno = 0;
	ASSERT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, EPERM);
	ASSERT_EQ(trampfd_free(rest[7]), 0);
	again = made(70);
	ASSERT_TRUE(!!again);
	EXPECT_EQ(call(again), 70);
	EXPECT_EQ(call(rest[5]), 5);
}

/* What is set goes on, nothing else can be set, and nothing is lost. */
TEST_F(library, setting_refused_later)
{
	static void *trampolines[2 * LEFT_MAX];
	unsigned int i;

	ASSERT_EQ(init(self->trampoline, 1), 0);
	for (i = 0; i < ARRAY_SIZE(trampolines); i++) {
		trampolines[i] = made(2);
		ASSERT_TRUE(!!trampolines[i]);
	}
	ASSERT_TRUE(refuse(__NR_trampfd_control, EPERM));
	errno = 0;
	EXPECT_EQ(init(self->trampoline, 3), -1);
	EXPECT_EQ(errno, EPERM);
	EXPECT_EQ(call(self->trampoline), 1);
	errno = 4711;
	EXPECT_EQ(trampfd_free_many(trampolines, ARRAY_SIZE(trampolines)), 0);
	EXPECT_EQ(errno, 4711);
	/* They could not be removed. */
	EXPECT_EQ(call(trampolines[0]), 2);
	EXPECT_EQ(trampfd_alloc_many(trampolines, ARRAY_SIZE(trampolines)), 0);
	EXPECT_EQ(trampfd_free_many(trampolines, ARRAY_SIZE(trampolines)), 0);
}

FIXTURE(switched_off) {
};

FIXTURE_SETUP(switched_off)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (!set_number(ENABLED, 0))
		SKIP(return, NO_ENABLED);
}

FIXTURE_TEARDOWN(switched_off)
{
	set_number(ENABLED, 1);
}

TEST_F(switched_off, remembered)
{
	errno = 0;
	EXPECT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, EPERM);
	ASSERT_TRUE(set_number(ENABLED, 1));
	errno = 0;
	EXPECT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, EPERM);
}

TEST(too_many_files)
{
	struct rlimit limit, none;
	void *trampoline;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	errno = 0;
	EXPECT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, EMFILE);
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	trampoline = made(3);
	ASSERT_TRUE(!!trampoline);
	EXPECT_EQ(call(trampoline), 3);
}

/*
 * s390x' only system call has a pointer to its arguments, which a filter can't
 * see, and m68k's kernel shows a filter each argument as the next one.
 */
#if !defined(__s390x__) && !defined(__m68k__)
#ifdef __NR_mmap2
#define NR_MMAP	__NR_mmap2
#else
#define NR_MMAP	__NR_mmap
#endif

/* Where a 64-bit argument has its low half, which is all of an int. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_HALF	4
#else
#define LOW_HALF	0
#endif

/* Refuse to map a file at a place where something else is. */
static bool refuse_fixed(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_MMAP, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[3]) + LOW_HALF),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_FIXED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return filter(insns, ARRAY_SIZE(insns));
}

TEST(room_refused)
{
	void *trampoline;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	ASSERT_TRUE(refuse_fixed());
	trampoline = made(5);
	ASSERT_TRUE(!!trampoline);
	EXPECT_EQ(call(trampoline), 5);
	EXPECT_FALSE(segment_of(trampoline).found);
}
#endif

/*
 * A filter that another thread has, as if the descriptor had been closed meanwhile, or
 * as if making one had been done: what it answers is not remembered.
 */

struct answers {
	bool (*filter)(void);
	int error;
};

static bool lie_about_create(void)
{
	return refuse(__NR_trampfd_create, 0);
}

/* NULL if all was right. */
static void *alloc_with_filter(void *arg)
{
	const struct answers *answers = arg;

	if (!answers->filter())
		return "no filter";
	errno = 0;
	if (trampfd_alloc())
		return "a trampoline";
	return errno == answers->error ? NULL : "another error";
}

#ifdef NR_MMAP
static bool refuse_files(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_MMAP, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[3]) + LOW_HALF),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EBADF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return filter(insns, ARRAY_SIZE(insns));
}
#endif

static const char *passing_answer(const struct answers *answers)
{
	pthread_t thread;
	void *wrong;

	if (pthread_create(&thread, NULL, alloc_with_filter, (void *)answers) ||
	    pthread_join(thread, &wrong))
		return "no thread";
	return wrong;
}

TEST(passing_answers)
{
	const struct answers lie = { lie_about_create, EIO };
#ifdef NR_MMAP
	const struct answers closed = { refuse_files, EBADF };
#endif
	void *trampoline;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	EXPECT_STREQ(passing_answer(&lie) ?: "right", "right");
	/* What is not a descriptor of the library's stays open. */
	EXPECT_NE(fcntl(STDIN_FILENO, F_GETFD), -1);
#ifdef NR_MMAP
	EXPECT_STREQ(passing_answer(&closed) ?: "right", "right");
#endif
	trampoline = made(6);
	ASSERT_TRUE(!!trampoline);
	EXPECT_EQ(call(trampoline), 6);
}

TEST_HARNESS_MAIN
