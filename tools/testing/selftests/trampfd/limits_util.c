// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "limits_util.h"

int own_limit(long long units)
{
	if (unshare(CLONE_NEWUSER))
		return -errno;
	return file_write_number(LIMIT, units);
}

int know_user(void)
{
	return file_write("/proc/self/uid_map", "0 0 1") ?:
	       file_write("/proc/self/setgroups", "deny") ?:
	       file_write("/proc/self/gid_map", "0 0 1");
}

/* Who is root outside makes users known in the namespace of @pid. */
static int know_users(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	return file_write(path, "0 0 65536");
}

int own_limit_with_users(long long units)
{
	const pid_t self = getpid();
	int p[2], ret;
	pid_t pid;

	if (pipe(p))
		return -errno;
	pid = fork();
	if (!pid)
		_exit(pipe_wait(p[0]) || know_users(self) ? 1 : 0);
	ret = own_limit(units);
	pipe_tell(p[1]);
	close(p[0]);
	close(p[1]);
	if (child_status(pid) && !ret)
		ret = -EPERM;
	return ret;
}

long long units(void)
{
	long long n;
	int ret = file_read_number(UNITS, &n);

	return ret ? ret : n;
}

#define POLL_US		10000
/* Memory may wait for RCU twice, and then for a thread to free it. */
#define SAME_MAX	5
/* That gets a CPU late where others are busy: more, if it is known what to wait for. */
#define KNOWN_SAME_MAX	50

/* One grace period, and time for what follows it. */
static void let_rcu_pass(void)
{
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	usleep(POLL_US);
}

long long units_settled(long long want)
{
	long long now = units(), last = -1;
	int same = 0;

	while (now != want && same < (want < 0 ? SAME_MAX : KNOWN_SAME_MAX)) {
		let_rcu_pass();
		same = now == last ? same + 1 : 0;
		last = now;
		now = units();
	}
	return now;
}

bool units_fall_to(long long most)
{
	long long now = units(), last = -1;
	int same = 0;

	while (now > most && same < KNOWN_SAME_MAX) {
		let_rcu_pass();
		same = now == last ? same + 1 : 0;
		last = now;
		now = units();
	}
	if (now <= most)
		return true;
	fprintf(stderr, "# %lld units, not %lld or less\n", now, most);
	return false;
}

void context_worst(struct context *c, unsigned int trampoline)
{
	size_t i;

	context_init(c, trampoline, ARCH_CODE(arch_data));
	for (i = 0; i < arch_nsettable; i++)
		context_reg(c, arch_settable[i].number, 7 * i);
	context_stack(c, TRAMPFD_STACK_MAX, 0, 1);
}

int set_worst(int fd, unsigned int first, int *error)
{
	struct context c;
	int n;

	for (n = 0;; n++) {
		context_worst(&c, first + n);
		*error = context_set(fd, &c);
		if (*error != 1)
			return n;
	}
}

bool debug_kernel(void)
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

const char *cgroup_make(char *dir, size_t size)
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

int cgroup_enter(const char *dir)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	return file_write(path, "0");
}

/*
 * After so many jiffies, RCU looks for CPUs that have passed a quiescent state
 * without saying so.  More than HZ are taken for HZ.  See
 * Documentation/admin-guide/kernel-parameters.txt.
 */
#define FIRST_FQS	"/sys/module/rcutree/parameters/jiffies_till_first_fqs"
#define JIFFIES_MAX	1000

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

void rcu_as_usual(struct slow_rcu *rcu)
{
	cpu_set_t all;

	if (rcu->reader > 0) {
		kill(rcu->reader, SIGKILL);
		child_status(rcu->reader);
	}
	rcu->reader = 0;
	if (!rcu->thread)
		return;
	file_write_number(FIRST_FQS, rcu->first_fqs);
	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(rcu->thread, sizeof(all), &all);
	rcu->thread = 0;
}

bool rcu_slowly(struct slow_rcu *rcu)
{
	const size_t size = 16 << 20;
	cpu_set_t first;
	pid_t thread;
	char *buf;
	pid_t reader;
	int fd;

	memset(rcu, 0, sizeof(*rcu));
	/* It takes seconds, and is no matter of the ABI. */
	if (sizeof(long) < sizeof(uint64_t))
		return false;
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	thread = rcu_thread();
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || !thread ||
	    file_read_number(FIRST_FQS, &rcu->first_fqs))
		return false;
	rcu->thread = thread;
	if (file_write_number(FIRST_FQS, JIFFIES_MAX) ||
	    sched_setaffinity(thread, sizeof(first), &first))
		return false;
	run_on_cpu(0);
	/* The child must not write to *rcu, which may be shared. */
	reader = fork_along();
	if (!reader) {
		run_on_cpu(1);
		fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
		buf = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		while (read(fd, buf, size) == (ssize_t)size)
			;
		_exit(1);
	}
	rcu->reader = reader;
	return reader > 0;
}

pid_t fork_along(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

#define HEAR_MS		300000

int pipe_hear(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, HEAR_MS) == 1 ? pipe_wait(fd) : -ETIMEDOUT;
}

long sleeps(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? -errno : usage.ru_nvcsw;
}
