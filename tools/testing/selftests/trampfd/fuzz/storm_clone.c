// SPDX-License-Identifier: GPL-2.0
/* Processes that are traced, that share memory, or that execute a program. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "storm.h"

/*
 * Steps, as a debugger makes them.
 */

/*
 * It calls as C does.  Stepping on x86 through an instruction that sets the flags, as
 * arch_run() has, leaves the trap flag behind when the tracer goes.
 */
static void __noreturn be_traced(void)
{
	const char *unset = fixed_entry[0] + 16;
	unsigned long value;
	unsigned int i;

	/* Long enough for the tracer to come. */
	for (i = 0; i < 200; i++) {
		on_signal(0);
		if (i % 4 == 0 && (try_call(unset, &value) != SIGSEGV ||
				   trap.code != SEGV_ACCERR || !trap_at(unset)))
			differs("with a tracer: signal %d, code %d, at %p",
				trap.signo, trap.code, trap.addr);
	}
	_exit(0);
}

/* Go on with steps; false if it has ended then, and nobody has to wait for it. */
static bool step(struct worker *w, pid_t pid, unsigned int steps)
{
	int request = arch_can_step() ? PTRACE_SINGLESTEP : PTRACE_SYSCALL;
	int status, signo;

	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		signo = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		counted(w);
		if (ptrace(steps ? request : PTRACE_DETACH, pid, NULL,
			   (long)signo) || !steps--)
			return true;
	}
	process_ended(pid, status, self.poor);
	return false;
}

/* Without stopping it by a signal: it goes on, or ends, when its tracer is killed. */
void trace_child(struct worker *w)
{
	struct child c = { .killed = self.poor };

	if (self.depth >= DEPTH_MAX)
		return;
	c.pid = start_process(w, &c.place);
	if (!c.pid)
		be_traced();
	if (c.pid < 0)
		return;
	counted(w);
	if (!ptrace(PTRACE_SEIZE, c.pid, NULL, (long)PTRACE_O_EXITKILL) &&
	    !ptrace(PTRACE_INTERRUPT, c.pid, NULL, NULL) &&
	    !step(w, c.pid, choose(&w->choices, 300))) {
		give_place(c.place);
		return;
	}
	if (chance(&w->choices, 20)) {
		c.killed = true;
		kill(c.pid, SIGKILL);
	}
	wait_for(&c, 0);
}

/*
 * Processes with the memory of this one.  They have its thread's variables, too, so
 * the thread does nothing meanwhile, not even handle a signal.
 */

#define CLONE_STACK	(64UL << 10)

static alignas(64) char clone_stacks[THREADS_MAX][CLONE_STACK];

static int clone_run(struct worker *w, int (*fn)(void *arg), void *arg, int flags,
		     bool *killed)
{
	char *stack = clone_stacks[w->number] + CLONE_STACK;
	sigset_t all, before;
	unsigned int delay;
	int status;
	pid_t pid;

	/* The choices are the other process's, until it has ended. */
	*killed = !(flags & CLONE_VFORK) && chance(&w->choices, 30);
	delay = choose(&w->choices, 3000);
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigprocmask(SIG_SETMASK, &all, &before);
	w->cloned = true;
	pid = clone(fn, stack, flags | CLONE_VM | SIGCHLD, arg);
	if (pid < 0)
		pid = -errno;
	if (pid > 0 && *killed) {
		usleep(delay);
		kill(pid, SIGKILL);
	}
	if (pid > 0)
		while (waitpid(pid, &status, __WALL) < 0)
			;
	w->cloned = false;
	w->failing = false;
	__atomic_store_n(&w->in_code, 0, __ATOMIC_SEQ_CST);
	sigprocmask(SIG_SETMASK, &before, NULL);
	check(w, "clone", pid, ERRORS(ENOMEM, EAGAIN));
	if (pid > 0)
		__atomic_fetch_add(&run->forks, 1, __ATOMIC_RELAXED);
	return pid > 0 ? status : 0;
}

static int cloned_main(void *p)
{
	struct worker *w = p;
	unsigned int i, n = 1 + choose(&w->choices, 6);

	/* Where the handler's stack is, is not the parent's word. */
	trap_init();
	for (i = 0; i < n; i++) {
		pool_call(w);
		pool_set(w);
		pool_get(w);
		pool_remove(w);
	}
	/* Not exit(): the memory remains somebody's. */
	_exit(0);
}

void clone_process(struct worker *w)
{
	bool killed;
	int status;

	status = clone_run(w, cloned_main, w, 0, &killed);
	process_ended(0, status, killed || self.poor);
}

/*
 * Programs.
 */

void execute(const char *what, int fd)
{
	char number[16];
	char *const argv[] = {
		"fuzz_storm", "--executed", (char *)what, number, NULL,
	};
	char *const env[] = { NULL };

	snprintf(number, sizeof(number), "%d", fd);
	execve("/proc/self/exe", argv, env);
}

struct to_execute {
	const char *what;
	int fd;
};

static int executed_main(void *p)
{
	struct to_execute *e = p;

	if (e->fd >= 0)
		fcntl(e->fd, F_SETFD, 0);
	execute(e->what, e->fd);
	/* There may be no memory for it. */
	_exit(0);
}

static void spawn_one(struct worker *w)
{
	struct to_execute e = { .what = "nothing", .fd = -1 };
	struct table t;
	bool killed;
	int status;

	switch (choose(&w->choices, 3)) {
	case 0:
		e.what = "shared";
		e.fd = pools[POOL_SHARED].t.fd;
		break;
	case 1:
		e.what = "private";
		e.fd = own_descriptor(w, &t);
		if (e.fd < 0)
			e.fd = pools[POOL_FAULT].t.fd;
		break;
	default:
		break;
	}
	status = clone_run(w, executed_main, &e, CLONE_VFORK, &killed);
	if (WIFEXITED(status) && WEXITSTATUS(status) == FUZZ_DIFFERS)
		differs("an executed program has reported something");
	process_ended(0, status, self.poor);
}

void spawn(struct worker *w)
{
	__atomic_fetch_add(&self.spawning, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&self.limited, __ATOMIC_SEQ_CST))
		spawn_one(w);
	__atomic_fetch_sub(&self.spawning, 1, __ATOMIC_SEQ_CST);
}

/* What a new program has of a descriptor; its counts are not those of the storm. */
int executed(int argc, char **argv)
{
	struct worker *w = &workers[0];
	const char *what = argv[2];
	struct trampfd_list list = { .count = 1 };
	struct batch *b = &w->batch;
	struct context c;
	unsigned int version, reg = 0, stack = 0;
	struct table t = { .attr.map_flags = MAP_SHARED };
	uint32_t number = 0;
	long ret;
	int fd;

	if (argc < 4 || !strcmp(what, "nothing"))
		return 0;
	fd = atoi(argv[3]);
	list.trampolines = (uintptr_t)&number;
	run_init(0);
	get_begin(w, 1, TRAMPFD_REGS_MAX * 16, 0);
	ret = control_fd(fd, TRAMPFD_GET, &b->arg);
	if (!strcmp(what, "private")) {
		if (ret != -EPERM || control_fd(fd, TRAMPFD_REMOVE, &list) != -EPERM)
			differs("after execve, a private table is there: %ld", ret);
		return 0;
	}
	/* At a limit of memory, it may not be read. */
	if (ret == -ENOMEM)
		return 0;
	if (ret != 1)
		differs("after execve, a shared table: %ld", ret);
	take(b, 0, &reg, &stack, &c);
	if (!context_version(&t, &c, &version) ||
	    version != stable_version(&t, 0))
		differs("after execve, version %u", version);
	return 0;
}
