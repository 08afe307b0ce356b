// SPDX-License-Identifier: GPL-2.0
/* That trampolines are bounded, counted, and charged to who has them. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#define LIMIT	"/proc/sys/user/max_trampolines"

/* In a user namespace of its own, so that nothing else counts. */
FIXTURE(limit) {
	struct table t;
};

FIXTURE_VARIANT(limit) {
	unsigned int flags;
	/* The limit that binds is that of the namespace, or of its parent. */
	bool of_parent;
};

FIXTURE_VARIANT_ADD(limit, private) {
	.flags = 0,
	.of_parent = false,
};

FIXTURE_VARIANT_ADD(limit, shared) {
	.flags = TRAMPFD_SHARED,
	.of_parent = false,
};

FIXTURE_VARIANT_ADD(limit, private_of_parent) {
	.flags = 0,
	.of_parent = true,
};

#define MAXIMUM	1000

/* Let the process's namespace know it: only such a user may make another one. */
static int know_user(void)
{
	return file_write("/proc/self/uid_map", "0 0 1") ?:
	       file_write("/proc/self/setgroups", "deny") ?:
	       file_write("/proc/self/gid_map", "0 0 1");
}

FIXTURE_SETUP(limit)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (unshare(CLONE_NEWUSER))
		SKIP(return, "no user namespaces (CONFIG_USER_NS), errno %d",
		     errno);
	ASSERT_EQ(0, file_write_number(LIMIT, MAXIMUM));
	if (variant->of_parent) {
		ASSERT_EQ(0, know_user());
		ASSERT_EQ(0, unshare(CLONE_NEWUSER));
	}
	ASSERT_EQ(0, table_open(&self->t, 4 * MAXIMUM, variant->flags));
}

FIXTURE_TEARDOWN(limit)
{
	table_close(&self->t);
}

/* The limit is reached exactly: neither less than it, nor one more. */
static bool full(const struct table *t, unsigned int more)
{
	return set_value(t->fd, more, 1) == -EDQUOT &&
	       is_unset(t->fd, more) && is_plain(table_entry(t, more));
}

TEST_F(limit, exact)
{
	int i;

	ASSERT_EQ(MAXIMUM, set_values(self->t.fd, 0, MAXIMUM, 100));
	EXPECT_TRUE(full(&self->t, MAXIMUM));
	for (i = 0; i < MAXIMUM; i += 99)
		EXPECT_TRUE(gives(table_entry(&self->t, i), 100 + i));
	/* Replacing is not having more. */
	EXPECT_EQ(MAXIMUM, set_values(self->t.fd, 0, MAXIMUM, 200));
	EXPECT_TRUE(gives(table_entry(&self->t, 5), 205));
	EXPECT_TRUE(full(&self->t, MAXIMUM));
}

/* Those that fit are set, and the next call tells why no more. */
TEST_F(limit, reached_within_a_call)
{
	EXPECT_EQ(MAXIMUM, set_values(self->t.fd, 10, MAXIMUM + 500, 100));
	EXPECT_TRUE(gives(table_entry(&self->t, 10 + MAXIMUM - 1),
			  100 + MAXIMUM - 1));
	EXPECT_TRUE(full(&self->t, 10 + MAXIMUM));
	EXPECT_EQ(-EDQUOT, set_values(self->t.fd, 10 + MAXIMUM, 500, 1));
	EXPECT_TRUE(full(&self->t, 10 + MAXIMUM + 250));
}

TEST_F(limit, removing_gives_back)
{
	int i;

	/* More often than there is room, if it were not given back. */
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(MAXIMUM, set_values(self->t.fd, i, MAXIMUM, 100));
		ASSERT_TRUE(full(&self->t, i + MAXIMUM));
		ASSERT_EQ(MAXIMUM, remove_range(self->t.fd, i, MAXIMUM));
	}
	ASSERT_EQ(MAXIMUM, set_values(self->t.fd, 0, MAXIMUM, 100));
	ASSERT_EQ(1, remove_one(self->t.fd, 7));
	EXPECT_EQ(1, set_value(self->t.fd, 2 * MAXIMUM, 1));
	EXPECT_TRUE(full(&self->t, 7));
}

TEST_F(limit, closing_gives_back)
{
	struct table other;
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, table_open(&other, MAXIMUM, variant->flags));
		/* At once, although calls may still keep its memory. */
		ASSERT_EQ(MAXIMUM, set_values(other.fd, 0, MAXIMUM, 1));
		ASSERT_TRUE(full(&self->t, 0));
		table_close(&other);
	}
}

TEST_F(limit, tables_count_together)
{
	struct table other;

	ASSERT_EQ(0, table_open(&other, MAXIMUM, variant->flags));
	ASSERT_EQ(600, set_values(self->t.fd, 0, 600, 1));
	ASSERT_EQ(400, set_values(other.fd, 0, 500, 1));
	EXPECT_TRUE(full(&self->t, 600));
	EXPECT_TRUE(full(&other, 400));
	table_close(&other);
}

/* Unmapped trampolines are kept, so they count. */
TEST_F(limit, unmapping_gives_nothing_back)
{
	ASSERT_EQ(MAXIMUM, set_values(self->t.fd, 0, MAXIMUM, 1));
	table_unmap(&self->t);
	EXPECT_EQ(-EDQUOT, set_value(self->t.fd, MAXIMUM, 1));
}

/* A fork's copy is more trampolines. */
TEST_F(limit, fork)
{
	int p[2], status, tries;
	pid_t pid;

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(MAXIMUM / 2, set_values(self->t.fd, 0, MAXIMUM / 2, 100));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(table_entry(&self->t, 1), 101));
		ASSERT_EQ(0, pipe_wait(p[0]));
		_exit(0);
	}
	if (variant->flags & TRAMPFD_SHARED) {
		EXPECT_EQ(1, set_value(self->t.fd, MAXIMUM / 2, 1));
		ASSERT_EQ(0, pipe_tell(p[1]));
		EXPECT_EQ(0, child_status(pid));
		return;
	}
	EXPECT_TRUE(full(&self->t, MAXIMUM / 2));
	/* So a second copy is too much: the fork fails. */
	status = fork();
	if (!status)
		_exit(0);
	EXPECT_EQ(-1, status);
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 101));
	/* The child ends, and gives back what it had. */
	ASSERT_EQ(0, pipe_tell(p[1]));
	EXPECT_EQ(0, child_status(pid));
	for (tries = 0; tries < 1000; tries++) {
		if (set_value(self->t.fd, MAXIMUM / 2, 1) == 1)
			break;
		usleep(10000);
	}
	EXPECT_GT(1000, tries);
	EXPECT_EQ(MAXIMUM / 2 - 1,
		  set_values(self->t.fd, MAXIMUM / 2 + 1, MAXIMUM, 1));
}

/* What a fork that fails has begun is given back. */
TEST_F(limit, failed_fork_gives_back)
{
	int i;

	if (variant->flags & TRAMPFD_SHARED)
		SKIP(return, "a shared table is not copied");
	ASSERT_EQ(600, set_values(self->t.fd, 0, 600, 1));
	for (i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		ASSERT_EQ(-1, pid);
		ASSERT_EQ(ENOMEM, errno);
	}
	EXPECT_EQ(400, set_values(self->t.fd, 600, 500, 1));
	EXPECT_TRUE(full(&self->t, MAXIMUM));
}

#define LESS	10

/* Whoever sets, the user pays who created the table. */
TEST_F(limit, shared_is_paid_for_by_the_creator)
{
	struct table own;
	pid_t pid;

	if (!(variant->flags & TRAMPFD_SHARED))
		SKIP(return, "only a shared table has several users");
	ASSERT_EQ(0, know_user());

	/* Somebody who may have less: that does not matter here. */
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, unshare(CLONE_NEWUSER));
		ASSERT_EQ(0, file_write_number(LIMIT, LESS));
		EXPECT_EQ(MAXIMUM / 4,
			  set_values(self->t.fd, 0, MAXIMUM / 4, 100));
		ASSERT_EQ(0, table_open(&own, MAXIMUM, 0));
		EXPECT_EQ(LESS, set_values(own.fd, 0, MAXIMUM, 1));
		table_close(&own);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	/* They stay when that one is gone, and count. */
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 101));
	EXPECT_EQ(MAXIMUM - MAXIMUM / 4,
		  set_values(self->t.fd, MAXIMUM / 4, 2 * MAXIMUM, 100));
	EXPECT_TRUE(full(&self->t, MAXIMUM));

	/* Somebody who may have as many as ever: nor does that. */
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, unshare(CLONE_NEWUSER));
		EXPECT_TRUE(full(&self->t, MAXIMUM));
		/* Removing gives back to who has paid. */
		EXPECT_EQ(MAXIMUM / 2,
			  remove_range(self->t.fd, 0, MAXIMUM / 2));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(MAXIMUM / 2, set_values(self->t.fd, 0, MAXIMUM / 2, 1));
	EXPECT_TRUE(full(&self->t, MAXIMUM));
}

/* Lowered below what there is, it only forbids more. */
TEST_F(limit, lowered)
{
	if (variant->of_parent)
		SKIP(return, "the limit is the parent's to set");
	ASSERT_EQ(500, set_values(self->t.fd, 0, 500, 100));
	ASSERT_EQ(0, file_write_number(LIMIT, 100));
	EXPECT_TRUE(full(&self->t, 500));
	EXPECT_TRUE(gives(table_entry(&self->t, 499), 599));
	EXPECT_EQ(500, set_values(self->t.fd, 0, 500, 200));
	EXPECT_EQ(450, remove_range(self->t.fd, 0, 450));
	EXPECT_EQ(1, set_value(self->t.fd, 0, 1));
	ASSERT_EQ(0, file_write_number(LIMIT, 0));
	EXPECT_TRUE(full(&self->t, 1));
}

/*
 * After so many jiffies, RCU looks for CPUs that have passed a quiescent state
 * without saying so.  More than HZ are taken for HZ.  See
 * Documentation/admin-guide/kernel-parameters.txt.
 */
#define FIRST_FQS	"/sys/module/rcutree/parameters/jiffies_till_first_fqs"
#define JIFFIES_MAX	1000

FIXTURE(memory) {
	/* What to put back, where there is such a thread. */
	pid_t rcu;
	cpu_set_t rcu_cpus;
	long long first_fqs;
	pid_t reader;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(memory)

FIXTURE_SETUP(memory)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
}

/* RCU's own thread; where it runs, there is no grace period to wait for. */
static pid_t rcu_thread(void)
{
	char path[32], name[32];
	pid_t pid;

	for (pid = 2; pid < 100; pid++) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		if (file_read(path, name, sizeof(name)) > 0 &&
		    (!strcmp(name, "rcu_sched\n") ||
		     !strcmp(name, "rcu_preempt\n")))
			return pid;
	}
	return 0;
}

static void rcu_as_usual(DATA *self)
{
	if (self->reader > 0) {
		kill(self->reader, SIGKILL);
		child_status(self->reader);
	}
	self->reader = 0;
	if (!self->rcu)
		return;
	file_write_number(FIRST_FQS, self->first_fqs);
	sched_setaffinity(self->rcu, sizeof(self->rcu_cpus), &self->rcu_cpus);
	self->rcu = 0;
}

FIXTURE_TEARDOWN(memory)
{
	rcu_as_usual(self);
}

/*
 * Make grace periods last a second: one CPU stays in the kernel, where it is asked
 * for a quiescent state only late.  False where that can't be.
 */
static bool rcu_slowly(DATA *self)
{
	const size_t size = 16 << 20;
	cpu_set_t first;
	pid_t rcu;
	char *buf;
	int fd;

	/* It takes seconds, and is no matter of the ABI. */
	if (sizeof(long) < sizeof(uint64_t))
		return false;
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	rcu = rcu_thread();
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || !rcu ||
	    sched_getaffinity(rcu, sizeof(self->rcu_cpus), &self->rcu_cpus) ||
	    file_read_number(FIRST_FQS, &self->first_fqs))
		return false;
	self->rcu = rcu;
	if (file_write_number(FIRST_FQS, JIFFIES_MAX) ||
	    sched_setaffinity(rcu, sizeof(first), &first))
		return false;
	run_on_cpu(0);
	self->reader = fork();
	if (!self->reader) {
		run_on_cpu(1);
		fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
		buf = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		while (read(fd, buf, size) == (ssize_t)size)
			;
		_exit(1);
	}
	return self->reader > 0;
}

#define REWRITES	30000
/*
 * A setter waits when about 8000 contexts have not had their grace period, and some
 * that have had it are still to be freed: 16380 were seen.  Without that wait and
 * with long grace periods all are there at the end; with short ones, RCU keeps up.
 */
#define WAITING_MAX	22000
#define CONTEXTS	"trampfd_context"

/* What is replaced or removed waits for RCU, but not without bound. */
TEST_F_TIMEOUT(memory, rewriting_in_a_loop, 120)
{
	long long before, now, most = 0;
	struct table t;
	bool slowly;
	int i;

	if (slab_objects_left(CONTEXTS, &before))
		SKIP(return, "no " CONTEXTS
		     " in /proc/slabinfo (CONFIG_SLUB_DEBUG, slab_nomerge)");
	ASSERT_EQ(0, table_open(&t, 16, 0));
	slowly = rcu_slowly(self);
	for (i = 0; i < REWRITES; i++) {
		if (i % 2)
			ASSERT_EQ(1, remove_one(t.fd, 3));
		ASSERT_EQ(1, set_value(t.fd, 3, i));
		if (i % 1000)
			continue;
		ASSERT_EQ(0, slab_objects(CONTEXTS, &now));
		if (now > most)
			most = now;
	}
	rcu_as_usual(self);
	TH_LOG("at most %lld contexts for one trampoline, RCU %s",
	       most - before, slowly ? "slowly" : "as usual");
	EXPECT_GT(WAITING_MAX, most - before);
	EXPECT_TRUE(gives(table_entry(&t, 3), REWRITES - 1));
	table_close(&t);
	ASSERT_EQ(0, slab_objects_left(CONTEXTS, &now));
	EXPECT_EQ(before, now);
}

#define CHUNKS		"trampfd_chunk"
/* How many trampolines have one. */
#define CHUNK_SLOTS	256

/* What the user's limit forbids leaves no memory where it would have been. */
TEST_F(memory, refused_all_over_the_table)
{
	long long before, now;
	struct table t;
	unsigned int i;

	if (unshare(CLONE_NEWUSER))
		SKIP(return, "no user namespaces (CONFIG_USER_NS), errno %d",
		     errno);
	ASSERT_EQ(0, file_write_number(LIMIT, 1));
	ASSERT_EQ(0, table_open(&t, TRAMPFD_TRAMPOLINES_MAX, 0));
	ASSERT_EQ(1, set_value(t.fd, 0, 1));
	if (slab_objects_left(CHUNKS, &before))
		SKIP(return, "no " CHUNKS
		     " in /proc/slabinfo (CONFIG_SLUB_DEBUG, slab_nomerge)");
	for (i = CHUNK_SLOTS; i < TRAMPFD_TRAMPOLINES_MAX; i += CHUNK_SLOTS)
		ASSERT_EQ(-EDQUOT, set_value(t.fd, i, 1));
	ASSERT_EQ(0, slab_objects_left(CHUNKS, &now));
	EXPECT_EQ(before, now);
	EXPECT_TRUE(gives(table_entry(&t, 0), 1));
	table_close(&t);
}

#define MANY	65536
#define BYTES	80

static bool debug_kernel(void)
{
	char line[256];
	bool found = false;
	FILE *f = fopen("/proc/kallsyms", "re");

	/* Functions of lockdep, KASAN and KMSAN, and of objects' tracking. */
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " lockdep_init\n") ||
			strstr(line, " lock_acquire\n") ||
			strstr(line, " __kasan_slab_alloc\n") ||
			strstr(line, " kmemleak_alloc\n");
	if (f)
		fclose(f);
	return found;
}

#define CGROUP2	"/sys/fs/cgroup"

/* A cgroup with a memory controller; the reason if there can't be one. */
static const char *make_cgroup(char *dir, size_t size)
{
	const char *root = mounted("cgroup2", CGROUP2);
	char path[160];

	if (!root)
		return "cgroup2 can't be mounted";
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", root);
	if (file_write(path, "+memory"))
		return "no memory controller in cgroup2 (CONFIG_MEMCG)";
	snprintf(dir, size, "%s/trampfd-test", root);
	if (mkdir(dir, 0755) && errno != EEXIST)
		return "no cgroup can be made";
	return NULL;
}

/* Put the calling process into it. */
static int enter_cgroup(const char *dir)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	return file_write(path, "0");
}

FIXTURE(size) {
	char dir[128];
	bool made;
};

FIXTURE_VARIANT(size) {
	bool in_cgroup;
};

FIXTURE_VARIANT_ADD(size, uncharged) {
	.in_cgroup = false,
};

FIXTURE_VARIANT_ADD(size, charged) {
	.in_cgroup = true,
};

FIXTURE_SETUP(size)
{
	const char *reason;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (!variant->in_cgroup)
		return;
	reason = make_cgroup(self->dir, sizeof(self->dir));
	if (reason)
		SKIP(return, "%s", reason);
	self->made = true;
	ASSERT_EQ(0, enter_cgroup(self->dir));
}

FIXTURE_TEARDOWN_PARENT(size)
{
	if (self->made)
		rmdir(self->dir);
}

/*
 * "Slab:" lacks what CPUs have counted only for themselves: with pages of 64 KiB,
 * more than a megabyte.  On one CPU there is no such file, and no need.
 */
static void count_slabs(void)
{
	file_write("/proc/sys/vm/stat_refresh", "1");
}

TEST_F(size, bytes_per_trampoline)
{
	long long before, after, left, least = -1;
	struct table t;
	int i;

	if (debug_kernel())
		SKIP(return, "a kernel with debugging options needs more");
	/* Without that, nothing says when an earlier one's memory is free. */
	if (slab_objects_left(CONTEXTS, &left))
		SKIP(return, "no " CONTEXTS
		     " in /proc/slabinfo (CONFIG_SLUB_DEBUG, slab_nomerge)");
	/* Others allocate, too; the least of some measurements is the best. */
	for (i = 0; i < 3; i++) {
		count_slabs();
		ASSERT_EQ(0, file_find_number("/proc/meminfo", "Slab:",
					      &before));
		ASSERT_EQ(0, table_open(&t, MANY, 0));
		ASSERT_EQ(MANY, set_values(t.fd, 0, MANY, 1));
		count_slabs();
		ASSERT_EQ(0, file_find_number("/proc/meminfo", "Slab:",
					      &after));
		EXPECT_TRUE(gives(table_entry(&t, MANY - 1), MANY));
		table_close(&t);
		if (least < 0 || after - before < least)
			least = after - before;
		/* So that the next one does not find what this one leaves. */
		slab_objects_left(CONTEXTS, &left);
	}
	TH_LOG("%lld KiB for %d trampolines", least, MANY);
	/* At least what is stored, or the measurement is wrong. */
	EXPECT_LE(MANY * 16 / 1024, least);
	EXPECT_GE(MANY * BYTES / 1024, least);
}

FIXTURE(cgroup) {
	char dir[128];
	bool made;
};

#define MEMORY_LIMIT	"8388608"
/* What is set in one call, and the least number of calls that has to fit. */
#define BATCH		256
#define BATCHES_MIN	100
/* More than what a call needs for itself. */
#define BATCHES_REMOVED	8
#define BATCHES_MAX	(TRAMPFD_TRAMPOLINES_MAX / BATCH)

FIXTURE_SETUP(cgroup)
{
	const char *reason;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	reason = make_cgroup(self->dir, sizeof(self->dir));
	if (reason)
		SKIP(return, "%s", reason);
	self->made = true;
}

FIXTURE_TEARDOWN_PARENT(cgroup)
{
	if (self->made)
		rmdir(self->dir);
}

/*
 * At the limit, the test itself must not need memory, not even for opening a
 * file: for what is not asked for by trampfd, the kernel would kill it.
 */
TEST_F(cgroup, set)
{
	int i, limit, last, next, removed, again = 0;
	char path[160];
	struct table t;

	snprintf(path, sizeof(path), "%s/memory.max", self->dir);
	limit = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, limit);
	ASSERT_EQ(0, enter_cgroup(self->dir));
	ASSERT_EQ(0, table_open(&t, TRAMPFD_TRAMPOLINES_MAX, 0));
	ASSERT_EQ(BATCH, set_values(t.fd, 0, BATCH, 0));
	ASSERT_EQ(BATCH, remove_range(t.fd, 0, BATCH));
	ASSERT_LT(0, write(limit, MEMORY_LIMIT, strlen(MEMORY_LIMIT)));

	for (i = 0; i < BATCHES_MAX; i++) {
		last = set_values(t.fd, i * BATCH, BATCH, 1000 + i * BATCH);
		if (last != BATCH)
			break;
	}
	/* One may have room where several had none, and memory may come back late. */
	for (next = i * BATCH + last; last > 0 && next < TRAMPFD_TRAMPOLINES_MAX; next++)
		last = set_values(t.fd, next, 1, 0);
	/* Removing gives memory back, if only after RCU. */
	for (removed = 0; removed < BATCHES_REMOVED; removed++)
		if (remove_range(t.fd, removed * BATCH, BATCH) != BATCH)
			break;
	while (set_value(t.fd, 0, 1) != 1 && ++again < 1000)
		usleep(10000);
	ASSERT_LT(0, write(limit, "max", 3));

	EXPECT_EQ(-ENOMEM, last);
	EXPECT_EQ(BATCHES_REMOVED, removed);
	EXPECT_GT(1000, again);
	/* It was the limit, and not something at the beginning. */
	EXPECT_LT(BATCHES_MIN, i);
	TH_LOG("%d trampolines in " MEMORY_LIMIT " bytes", i * BATCH);

	/* No harm: what is set works, and what is not is unset. */
	EXPECT_TRUE(gives(table_entry(&t, 0), 1));
	EXPECT_TRUE(is_unset(t.fd, 1));
	while (--i >= BATCHES_REMOVED)
		ASSERT_TRUE(gives(table_entry(&t, i * BATCH), 1000 + i * BATCH));
	EXPECT_EQ(BATCH, set_values(t.fd, TRAMPFD_TRAMPOLINES_MAX - BATCH,
				    BATCH, 0));
	table_close(&t);
	close(limit);
}

static void *call_for_ever(void *entry)
{
	for (;;)
		call(entry);
	return NULL;
}

/*
 * What is too much here is memory of the program's own: so it is killed, and
 * its memory taken away while its threads are in calls.
 */
TEST_F(cgroup, killed_with_calls_in_flight)
{
	const size_t size = 4 * atoi(MEMORY_LIMIT);
	struct table t;
	char path[160];
	int i, turn;

	if (!threads_work())
		SKIP(return, NO_THREADS);
	snprintf(path, sizeof(path), "%s/memory.max", self->dir);
	ASSERT_EQ(0, file_write(path, MEMORY_LIMIT));
	ASSERT_EQ(0, table_open(&t, 1000, 0));
	ASSERT_EQ(1000, set_values(t.fd, 0, 1000, 0));
	for (turn = 0; turn < 5; turn++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			pthread_t thread;
			char *mem;

			if (enter_cgroup(self->dir))
				_exit(1);
			for (i = 0; i < 3; i++)
				if (pthread_create(&thread, NULL, call_for_ever,
						   table_entry(&t, 300 * i)))
					_exit(2);
			mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (mem != MAP_FAILED)
				memset(mem, 1, size);
			_exit(3);
		}
		EXPECT_EQ(128 + SIGKILL, child_status(pid));
	}
	EXPECT_TRUE(gives(table_entry(&t, 999), 999));
	table_close(&t);
}

TEST_HARNESS_MAIN
