// SPDX-License-Identifier: GPL-2.0
/* What a process has of the library: no descriptors, few system calls, and strict W^X. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "../../../../samples/trampfd/strict_wx.h"
#include "library_util.h"

/* The library keeps none, so nothing that a program does with descriptors concerns it. */
TEST_F(library, no_descriptor)
{
	struct trampfd_attr attr = { .ntrampolines = 1 };
	int fd;

	EXPECT_EQ(trampfd_descriptors(), 0);
	ASSERT_TRUE(fill_table());
	ASSERT_TRUE(!!made(2));		/* in a new table */
	EXPECT_EQ(trampfd_descriptors(), 0);
	/* One would be seen. */
	fd = syscall(__NR_trampfd_create, &attr, sizeof(attr), 0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(trampfd_descriptors(), 1);
	close(fd);
}

/* As daemons do, which then get the numbers again. */
TEST_F(library, descriptors_closed)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		struct trampfd_attr attr = { .ntrampolines = 64 };
		void *trampoline = made(1);
		int fd;

		for (fd = STDERR_FILENO + 1; fd < 1024; fd++)
			close(fd);
		/* The program's own table. */
		CHECK(syscall(__NR_trampfd_create, &attr, sizeof(attr), 0) >= 0);
		CHECK(call(trampoline) == 1);
		CHECK(init(trampoline, 2) == 0);
		CHECK(call(trampoline) == 2);
		CHECK(trampfd_free(trampoline) == 0);
		CHECK(fill_table());
		trampoline = made(3);	/* in a new table */
		CHECK(trampoline && call(trampoline) == 3);
		_exit(0);
	}
	EXPECT_EQ(status_of(pid), 0);
}

/* What there is can be used; only a new table takes a descriptor for a moment. */
TEST_F(library, no_descriptor_to_be_had)
{
	struct rlimit limit, none;
	void *trampoline;

	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	trampoline = made(1);
	EXPECT_TRUE(trampoline && call(trampoline) == 1);
	EXPECT_EQ(init(self->trampoline, 2), 0);
	EXPECT_EQ(call(self->trampoline), 2);
	EXPECT_EQ(trampfd_free(trampoline), 0);
	EXPECT_TRUE(fill_table());
	errno = 0;
	EXPECT_TRUE(!trampfd_alloc());
	EXPECT_EQ(errno, EMFILE);
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	EXPECT_TRUE(!!made(3));
}

/* A thread with descriptors of its own makes a table, and all use it. */
static void *make_with_own_descriptors(void *trampolines)
{
	void **made_here = trampolines;

	if (unshare(CLONE_FILES) || !fill_table())
		return "no descriptors of its own";
	made_here[0] = made(1);
	made_here[1] = made(2);
	return made_here[0] && made_here[1] ? NULL : "not made";
}

TEST_F(library, thread_with_own_descriptors)
{
	void *trampolines[2], *wrong;
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, make_with_own_descriptors,
				 trampolines), 0);
	ASSERT_EQ(pthread_join(thread, &wrong), 0);
	ASSERT_TRUE(!wrong);
	EXPECT_EQ(init(trampolines[0], 3), 0);
	EXPECT_EQ(call(trampolines[0]), 3);
	EXPECT_EQ(call(trampolines[1]), 2);
	EXPECT_EQ(trampfd_free(trampolines[1]), 0);
	EXPECT_EQ(init(trampfd_alloc(), 4), 0);
}

#define MARKS	10

#define NOT_A_CALL	(-1L)
#define NOT_KNOWN	(-2L)

/* Which system call begins at a stop, of which there were some before. */
static long call_at_stop(pid_t pid, unsigned int stops)
{
#ifdef __m68k__
	/*
	 * The kernel has no PTRACE_GET_SYSCALL_INFO, so that every other stop is
	 * the end of a call.  asm/ptrace.h has the number's place as PT_ORIG_D0,
	 * and clashes with sys/ptrace.h.
	 */
	long place = 4 * 16;

	return stops % 2 ? NOT_A_CALL : ptrace(PTRACE_PEEKUSER, pid, place, 0);
#else
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return NOT_KNOWN;
	return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)info.entry.nr :
						      NOT_A_CALL;
#endif
}

/* Count a child's system calls between its calls of getppid(). */
static bool count_calls(pid_t pid, unsigned int *counts)
{
	unsigned int mark = 0, stops = 0;
	int status;
	long nr;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD |
		   PTRACE_O_EXITKILL))
		return false;
	memset(counts, 0, MARKS * sizeof(*counts));
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) ||
		    waitpid(pid, &status, 0) != pid)
			return false;
		if (WIFEXITED(status))
			return !WEXITSTATUS(status);
		if (!WIFSTOPPED(status))
			return false;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		nr = call_at_stop(pid, stops++);
		if (nr == NOT_KNOWN)
			return false;
		if (nr == NOT_A_CALL || nr == NR_THREAD_POINTER)
			continue;
		if (nr == __NR_getppid)
			mark++;
		else if (mark < MARKS)
			counts[mark]++;
	}
}

#define MARK()	syscall(__NR_getppid)

static void child_to_count(void)
{
	static struct trampfd_call calls[600];
	static void *trampolines[600];
	void *first = made(0);
	long i;

	CHECK(first);
	CHECK(trampfd_alloc_many(trampolines, 500) == 0);
	prepare(calls, trampolines, 500);
	CHECK(trampfd_init_many(calls, 500) == 500);
	CHECK(trampfd_free_many(trampolines, 500) == 0);
	CHECK(!ptrace(PTRACE_TRACEME, 0, 0, 0));
	raise(SIGSTOP);

	MARK();				/* 1: none */
	for (i = 0; i < 500; i++)
		trampolines[i] = trampfd_alloc();
	MARK();				/* 2: one each */
	for (i = 0; i < 500; i++)
		CHECK(init(trampolines[i], i) == 0);
	MARK();				/* 3: none */
	for (i = 0; i < 500; i++)
		CHECK(trampfd_free(trampolines[i]) == 0);
	MARK();				/* 4: none */
	CHECK(trampfd_alloc_many(trampolines, 500) == 0);
	prepare(calls, trampolines, 500);
	MARK();				/* 5: one */
	CHECK(trampfd_init_many(calls, 500) == 500);
	MARK();				/* 6: none */
	for (i = 0; i < 500; i++)
		CHECK(call(trampolines[i]) == i);
	CHECK(trampfd_free_many(trampolines, 500) == 0);
	MARK();				/* 7: one */
	CHECK(init(first, 1) == 0);
	CHECK(trampfd_alloc_many(trampolines, 600) == 0);
	prepare(calls, trampolines, 600);
	MARK();				/* 8: one */
	CHECK(trampfd_init_many(calls, 600) == 600);
	MARK();				/* 9: one, for 512 of them */
	CHECK(trampfd_free_many(trampolines, 600) == 0);
	MARK();
	_exit(0);
}

TEST(system_calls)
{
	static const unsigned int most[MARKS] = { ~0U, 0, 500, 0, 0, 1, 0, 1, 1, 1 };
	unsigned int counts[MARKS];
	unsigned int i;
	pid_t pid;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	pid = fork();
	if (!pid)
		child_to_count();
	ASSERT_GT(pid, 0);
	ASSERT_TRUE(count_calls(pid, counts));
	for (i = 1; i < MARKS; i++)
		EXPECT_EQ(counts[i], most[i])
			TH_LOG("part %u", i);
}

#ifdef __mips__
/* Some shared C libraries of this architecture ask for an executable stack. */
static bool stack_executable(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	bool executable = false;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "[stack]") && strstr(line, "rwx"))
			executable = true;
	if (maps)
		fclose(maps);
	return executable;
}
#endif

TEST_F(library, strict_wx)
{
	void *trampoline;
	pid_t pid;

#ifdef __mips__
	if (stack_executable())
		SKIP(return, "the C library asks for an executable stack");
#endif

	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* It tells what it does, which is not for the results. */
		CHECK(freopen("/dev/null", "w", stdout));
		strict_wx();
		CHECK(init(self->trampoline, 1) == 0);
		CHECK(call(self->trampoline) == 1);
		CHECK(fill_table());
		trampoline = made(2);	/* in a new table */
		CHECK(trampoline);
		CHECK(call(trampoline) == 2);
		_exit(strict_wx_proof(trampoline));
	}
	EXPECT_EQ(status_of(pid), 0);
}

TEST_HARNESS_MAIN
