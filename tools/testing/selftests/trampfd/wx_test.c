// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines where nothing may be written and executed: no mapping by
 * PR_SET_MDWE, no system call that could make one by a seccomp filter, and no
 * file system that takes files and executes them.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE			65
#define PR_MDWE_REFUSE_EXEC_GAIN	1
#endif

#ifdef __NR_mmap2
#define NR_MMAP	__NR_mmap2
#else
#define NR_MMAP	__NR_mmap
#endif

/* Where no filter sees the arguments, it is the other rule that denies. */
#ifdef ARCH_MMAP_BY_POINTER
#define MMAP_DENIED	EACCES
#else
#define MMAP_DENIED	EPERM
#endif

/* The lower half of a system call's argument. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARGUMENT(n)	(offsetof(struct seccomp_data, args[n]))
#else
#define ARGUMENT(n)	(offsetof(struct seccomp_data, args[n]) + 4)
#endif

#define LOAD(offset)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define RETURN(action)	BPF_STMT(BPF_RET | BPF_K, action)
#define UNLESS(value, skip) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)

/*
 * Deny a system call if all of @bits are in its argument @n.  What brk() returns
 * is the heap's end; if that did not move, it failed.
 */
static struct sock_filter *deny(struct sock_filter *code, unsigned int number,
				unsigned int n, unsigned int bits)
{
	const unsigned int error = number == __NR_brk ? 0 : EPERM;
	const struct sock_filter add[] = {
		LOAD(offsetof(struct seccomp_data, nr)),
		UNLESS(number, 4),
		LOAD(ARGUMENT(n)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits),
		UNLESS(bits, 1),
		RETURN(SECCOMP_RET_ERRNO | error),
	};

	return mempcpy(code, add, sizeof(add));
}

static int install_filter(void)
{
	struct sock_filter code[64] = {
		/* Of another ABI's calls, this one's filter knows nothing. */
		LOAD(offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH_AUDIT, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_filter *end = code + 3;
	struct sock_fprog filter = { .filter = code };

#ifndef ARCH_MMAP_BY_POINTER
	end = deny(end, NR_MMAP, 2, PROT_WRITE | PROT_EXEC);
#endif
	end = deny(end, __NR_mprotect, 2, PROT_EXEC);
	end = deny(end, __NR_pkey_mprotect, 2, PROT_EXEC);
	end = deny(end, __NR_shmat, 2, SHM_EXEC);
	end = deny(end, __NR_memfd_create, 0, 0);
#ifdef ARCH_DATA_EXECUTABLE
	end = deny(end, __NR_brk, 0, 0);
#endif
	*end++ = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	filter.len = end - code;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		return -errno;
	return 0;
}

/* All that is mounted executes nothing from here on, for this process. */
static int forbid_execution_of_files(void)
{
	char line[512], at[256];
	int ret = 0;
	FILE *f;

	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	f = fopen("/proc/self/mounts", "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %255s", at) == 1 &&
		    mount(NULL, at, NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC,
			  NULL))
			ret = -errno;
	}
	fclose(f);
	return ret;
}

#ifdef ARCH_DATA_EXECUTABLE
/* What the program was started with is writable and executable. */
static int forbid_execution_of_data(void)
{
	unsigned long start, end;
	char line[512], perms[8];
	FILE *f = fopen("/proc/self/maps", "re");
	int ret = f ? 0 : -errno;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) == 3 &&
		    perms[1] == 'w' && perms[2] == 'x' &&
		    mprotect((void *)start, end - start, PROT_READ | PROT_WRITE))
			ret = -errno;
	}
	if (f)
		fclose(f);
	return ret;
}
#endif

FIXTURE(strict) {
	char *writable;
	char *executable;
};

FIXTURE_SETUP(strict)
{
	int ret;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	/* Made before it is forbidden: what a classic trampoline would use. */
	self->writable = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->writable != MAP_FAILED);
	self->executable = mmap(NULL, getpagesize(), PROT_READ | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->executable != MAP_FAILED);

	ret = forbid_execution_of_files();
	if (ret)
		SKIP(return, "no file system can be made noexec (errno %d)",
		     -ret);
	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
		SKIP(return, "no PR_SET_MDWE (errno %d)", errno);
	ret = install_filter();
	if (ret)
		SKIP(return, "no seccomp filter (CONFIG_SECCOMP_FILTER)");
#ifdef ARCH_DATA_EXECUTABLE
	ASSERT_EQ(0, forbid_execution_of_data());
#endif
}

FIXTURE_TEARDOWN(strict)
{
}

static int map_anonymous(int prot)
{
	void *p = mmap(NULL, getpagesize(), prot, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, getpagesize());
	return 0;
}

/* The way of a file that is mapped twice. */
static int map_file(int fd)
{
	void *p;

	if (ftruncate(fd, getpagesize()))
		return 0;
	p = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	if (p == MAP_FAILED)
		return 0;
	p = mmap(NULL, getpagesize(), PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? -errno : 0;
}

/* Or else the tests below would prove nothing. */
TEST_F(strict, classic_ways_are_denied)
{
	char path[] = "/tmp/trampfd-XXXXXX";
	int fd, shm;

	/* A page that is written and then executed. */
	self->writable[0] = 1;
	EXPECT_EQ(-1, mprotect(self->writable, getpagesize(),
			       PROT_READ | PROT_EXEC));
	EXPECT_EQ(-1, mprotect(self->executable, getpagesize(),
			       PROT_READ | PROT_WRITE | PROT_EXEC));
	/* Both at once. */
	EXPECT_EQ(-MMAP_DENIED,
		  map_anonymous(PROT_READ | PROT_WRITE | PROT_EXEC));
	EXPECT_EQ(-MMAP_DENIED, map_anonymous(PROT_WRITE | PROT_EXEC));
	/* What is mapped twice. */
	EXPECT_EQ(-1, syscall(__NR_memfd_create, "x", 0));
	EXPECT_EQ(EPERM, errno);
	fd = mkstemp(path);
	ASSERT_LE(0, fd);
	EXPECT_GT(0, map_file(fd));
	EXPECT_EQ(0, unlink(path));
	EXPECT_EQ(0, close(fd));
	shm = shmget(IPC_PRIVATE, getpagesize(), IPC_CREAT | 0700);
	if (shm >= 0) {
		EXPECT_TRUE(shmat(shm, NULL, SHM_EXEC) == (void *)-1);
		shmctl(shm, IPC_RMID, NULL);
	}
}

/* No line of /proc/self/maps has both, or is shared and executable. */
static bool nothing_writable_and_executable(void)
{
	char line[512], perms[8];
	FILE *f = fopen("/proc/self/maps", "re");
	bool ret = f;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %7s", perms) == 1 && perms[2] == 'x' &&
		    (perms[1] == 'w' || perms[3] == 's')) {
			fprintf(stderr, "# %s", line);
			ret = false;
		}
	}
	if (f)
		fclose(f);
	return ret;
}

TEST_F(strict, trampolines_work)
{
	unsigned int generation, i;
	struct cpu_state in, out;
	struct test_stack stack;
	struct context c;
	struct table t;
	int target;

	ASSERT_EQ(0, table_open(&t, 1000, 0));
	ASSERT_EQ(1000, set_values(t.fd, 0, 1000, 100));
	for (i = 0; i < 1000; i += 37)
		EXPECT_TRUE(gives(table_entry(&t, i), 100 + i));

	ASSERT_EQ(0, stack_open(&stack, 2));
	arch_fill(&in, stack_pointer(&stack, stack.size / 2), 0);
	for (i = 0; i < 12; i++) {
		generation_context(&c, i, i);
		ASSERT_EQ(1, context_set(t.fd, &c));
		ASSERT_EQ(0, try_run(&in, table_entry(&t, i), ARCH_BY_CALL,
				     &out, &target));
		EXPECT_TRUE(generation_whole(&in, ARCH_BY_CALL, &out, target,
					     &generation));
		EXPECT_EQ(i, generation);
	}
	EXPECT_TRUE(nothing_writable_and_executable());
	EXPECT_EQ(1, remove_one(t.fd, 0));
	EXPECT_TRUE(is_plain(table_entry(&t, 0)));
	table_close(&t);
}

TEST_F(strict, trampolines_work_in_a_child)
{
	struct table t;
	pid_t pid;

	ASSERT_EQ(0, table_open(&t, 16, 0));
	ASSERT_EQ(16, set_values(t.fd, 0, 16, 100));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(table_entry(&t, 3), 103));
		EXPECT_EQ(1, set_value(t.fd, 3, 5));
		EXPECT_TRUE(gives(table_entry(&t, 3), 5));
		EXPECT_TRUE(nothing_writable_and_executable());
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(gives(table_entry(&t, 3), 103));
}

#ifndef TRAMPFD_BY_ADDRESS
TEST_F(strict, shared_trampolines_work)
{
	struct table t;

	ASSERT_EQ(0, table_open(&t, 16, TRAMPFD_SHARED));
	ASSERT_EQ(16, set_values(t.fd, 0, 16, 100));
	EXPECT_TRUE(gives(table_entry(&t, 3), 103));
	EXPECT_TRUE(nothing_writable_and_executable());
}
#endif

/* The mapping itself is no hole: it gets no permission here, either. */
TEST_F(strict, mapping_gets_no_permission)
{
	struct table t;

	ASSERT_EQ(0, table_open(&t, 16, 0));
	EXPECT_EQ(-1, mprotect(t.base, t.attr.map_size,
			       PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(t.base, t.attr.map_size, PROT_READ | PROT_EXEC));
}

/* Nor is what only the kernel's own rule is in force for. */
TEST(mdwe_alone)
{
	struct table t;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
		SKIP(return, "no PR_SET_MDWE (errno %d)", errno);
	EXPECT_EQ(-EACCES, map_anonymous(PROT_READ | PROT_WRITE | PROT_EXEC));
	ASSERT_EQ(0, table_open(&t, 16, 0));
	ASSERT_EQ(1, set_value(t.fd, 0, 9));
	EXPECT_TRUE(gives(table_entry(&t, 0), 9));
	EXPECT_EQ(-1, mprotect(t.base, t.attr.map_size, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
}

TEST_HARNESS_MAIN
