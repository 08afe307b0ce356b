// SPDX-License-Identifier: GPL-2.0
/* Signals, threads, and their children. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "storm.h"

struct worker workers[THREADS_MAX];
struct process self;

/*
 * Stacks are here and not mapped where there is room, see storm.h.  A stack also has
 * the thread's own variables.
 */
#define STACK_SIZE	(1024UL << 10)

static alignas(65536) char stacks[THREADS_MAX][STACK_SIZE];

/*
 * Signals.  A handler may interrupt a call, which has its state in variables of the
 * thread.  So it calls trampolines as functions, and only such that can't fail.
 */

void on_signal(int signo)
{
	int error = errno;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fixed_entry); i++) {
		count_call();
		if (call(fixed_entry[i]) != FIXED)
			differs("signal %d: a trampoline gave another value", signo);
	}
	errno = error;
}

static void handle_signals(void)
{
	static const int signals[] = { SIGUSR1, SIGALRM, SIGVTALRM, SIGPROF };
	struct sigaction sa = {
		.sa_handler = on_signal,
		.sa_flags = SA_ONSTACK | SA_RESTART,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

void signal_worker(struct worker *w)
{
	pid_t tid = workers[choose(&w->choices, THREADS_MAX)].tid;

	if (!tid)
		return;
	counted(w);
	syscall(__NR_tgkill, getpid(), tid, SIGUSR1);
}

static const int timers[] = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };

static void stop_timers(void)
{
	const struct itimerval t = { .it_interval.tv_usec = 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(timers); i++)
		setitimer(timers[i], &t, NULL);
}

void set_timer(struct worker *w)
{
	struct itimerval t = { .it_interval.tv_usec = 0 };

	/* Off more often than on, so that the signals do not take all of the time. */
	if (chance(&w->choices, 40))
		t.it_interval.tv_usec = 2000 + choose(&w->choices, 20000);
	t.it_value = t.it_interval;
	setitimer(timers[choose(&w->choices, ARRAY_SIZE(timers))], &t, NULL);
}

/*
 * Threads.
 */

static void open_fail_nth(struct worker *w)
{
	if (w->fail_nth >= 0)
		close(w->fail_nth);
	w->fail_nth = -1;
	if (options.inject)
		w->fail_nth = open("/proc/thread-self/fail-nth",
				   O_RDWR | O_CLOEXEC);
	w->failing = false;
}

static void fill_registers(struct worker *w)
{
	unsigned int seed = w->number;

	/* A value that no version has tells that nothing was loaded. */
	do {
		arch_fill(&w->in, stack_pointer(&w->stack, w->stack.size - 256),
			  seed++);
	} while (w->in.reg[ARCH_DATA_REG] < 2 * VERSIONS);
}

static void worker_begin(struct worker *w)
{
	trap_init();
	fill_registers(w);
	open_fail_nth(w);
	__atomic_store_n(&w->tid, syscall(__NR_gettid), __ATOMIC_RELAXED);
}

static void reap_all(struct worker *w);

static void worker_turns(struct worker *w)
{
	while (w->left > 0 && !__atomic_load_n(&sea->stop, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(&run->reports, __ATOMIC_RELAXED))
		turn(w);
	reap_all(w);
}

static void *worker_main(void *p)
{
	struct worker *w = p;

	worker_begin(w);
	/* In a child that is at a limit, it can't. */
	if (own_reset(w))
		worker_turns(w);
	__atomic_store_n(&w->tid, 0, __ATOMIC_RELAXED);
	return NULL;
}

/* @choices become the thread's own. */
static bool worker_start(struct worker *w, long left, struct choices *choices)
{
	pthread_attr_t attr;

	w->choices = *choices;
	choices_fork(&w->choices, w->number);
	w->left = left;
	w->nforks = 0;
	memset(w->child, 0, sizeof(w->child));
	w->fail_nth = -1;
	w->cloned = false;
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stacks[w->number], STACK_SIZE);
	w->running = !pthread_create(&w->thread, &attr, worker_main, w);
	pthread_attr_destroy(&attr);
	return w->running;
}

static void workers_join(const struct worker *except)
{
	unsigned int i;

	for (i = 0; i < THREADS_MAX; i++) {
		if (!workers[i].running || &workers[i] == except)
			continue;
		pthread_join(workers[i].thread, NULL);
		workers[i].running = false;
	}
}

void process_run(unsigned int number)
{
	struct choices choices;
	unsigned int i;

	trap_init();
	handle_signals();
	choices_init(&choices, options.seed, NULL, 0);
	choices_fork(&choices, number);
	workers[0].choices = choices;
	pools_init(number);
	__atomic_fetch_add(&sea->ready, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < options.threads; i++)
		if (!worker_start(&workers[i], options.operations /
				  (options.threads * options.processes),
				  &choices))
			differs("a thread can't be made");
	workers_join(NULL);
	_exit(0);
}

/*
 * Children.  There are places for some of them, so that there are not too many.  A
 * place has the process that has it.  Until a child exists, that is its parent.  So
 * main() can give back the places of processes that were killed.
 */

static bool take_place(unsigned int *place)
{
	pid_t none, me = getpid();
	unsigned int i;

	for (i = 0; i < CHILDREN_ALL; i++) {
		none = 0;
		*place = i;
		if (__atomic_compare_exchange_n(&sea->place[i], &none, me, false,
						__ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return true;
	}
	return false;
}

void give_place(unsigned int place)
{
	__atomic_store_n(&sea->place[place], 0, __ATOMIC_SEQ_CST);
}

void places_sweep(void)
{
	unsigned int i;
	pid_t pid;

	for (i = 0; i < CHILDREN_ALL; i++) {
		pid = __atomic_load_n(&sea->place[i], __ATOMIC_SEQ_CST);
		if (pid && kill(pid, 0) && errno == ESRCH)
			__atomic_compare_exchange_n(&sea->place[i], &pid, 0, false,
						    __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST);
	}
}

bool ended_well(int status, bool killed)
{
	if (WIFSIGNALED(status))
		return killed && WTERMSIG(status) == SIGKILL;
	/* That one is told of where it happens. */
	return !WEXITSTATUS(status) || WEXITSTATUS(status) == FUZZ_DIFFERS;
}

void process_ended(pid_t pid, int status, bool killed)
{
	if (!ended_well(status, killed))
		differs("process %d ended with status %d and signal %d", pid,
			WIFEXITED(status) ? WEXITSTATUS(status) : 0,
			WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

bool wait_for(struct child *c, int flags)
{
	int status;
	pid_t pid;

	do {
		pid = waitpid(c->pid, &status, flags | __WALL);
	} while (pid < 0 && errno == EINTR);
	if (!pid)
		return false;
	if (pid < 0)
		differs("waitpid: errno %d", errno);
	process_ended(pid, status, c->killed);
	give_place(c->place);
	c->pid = 0;
	return true;
}

static void reap_all(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < CHILDREN_MAX; i++) {
		struct child *c = &w->child[i];

		if (!c->pid)
			continue;
		if (chance(&w->choices, 20)) {
			c->killed = true;
			kill(c->pid, SIGKILL);
		}
		wait_for(c, 0);
	}
}

void reap_child(struct worker *w)
{
	struct child *c = &w->child[choose(&w->choices, CHILDREN_MAX)];

	if (!c->pid)
		return;
	if (chance(&w->choices, 20)) {
		c->killed = true;
		kill(c->pid, SIGKILL);
	}
	wait_for(c, c->killed && chance(&w->choices, 50) ? 0 : WNOHANG);
}

static struct child *free_child(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < CHILDREN_MAX; i++)
		if (!w->child[i].pid)
			return &w->child[i];
	return NULL;
}

pid_t start_process(struct worker *w, unsigned int *place)
{
	long ret;

	if (!take_place(place))
		return -1;
	fail_begin(w);
	ret = fork();
	if (!ret) {
		__atomic_store_n(&sea->place[*place], getpid(), __ATOMIC_SEQ_CST);
		return 0;
	}
	if (ret < 0)
		ret = -errno;
	fail_end(w);
	if (check(w, "fork", ret, ERRORS(ENOMEM, EAGAIN)) < 0) {
		give_place(*place);
		return -1;
	}
	__atomic_fetch_add(&run->forks, 1, __ATOMIC_RELAXED);
	return ret;
}

/*
 * Limits, of children only, and for some turns.  A new program could end in any way
 * at a limit, so there is none while one begins.
 */

static const int limits[] = { RLIMIT_AS, RLIMIT_NOFILE };

static void raise_limits(void)
{
	struct rlimit limit;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		getrlimit(limits[i], &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(limits[i], &limit);
	}
}

void set_limit(struct worker *w)
{
	int which = limits[choose(&w->choices, ARRAY_SIZE(limits))];
	struct rlimit limit;

	if (!self.depth || getrlimit(which, &limit))
		return;
	counted(w);
	if (chance(&w->choices, 50)) {
		raise_limits();
		return;
	}
	__atomic_store_n(&self.limited, true, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&self.spawning, __ATOMIC_SEQ_CST))
		return;
	limit.rlim_cur = which == RLIMIT_AS ? 1 << 20 :
					      3 + choose(&w->choices, 30);
	setrlimit(which, &limit);
}

/* What a new process has of its parent: this thread, and nothing that others do. */
static void child_begin(struct worker *w)
{
	unsigned int i;

	self.depth++;
	self.spawning = 0;
	self.big_locked = false;
	if (self.limited)
		raise_limits();
	self.limited = false;
	for (i = 0; i < THREADS_MAX; i++) {
		workers[i].tid = 0;
		workers[i].running = false;
	}
	pools_reset();
	w->nforks = 0;
	memset(w->child, 0, sizeof(w->child));
	open_fail_nth(w);
	w->tid = syscall(__NR_gettid);
	own_forked(w);
}

static void __noreturn child_run(struct worker *w, bool poor)
{
	unsigned int helpers, i;

	child_begin(w);
	if (poor) {
		self.poor = true;
		cgroup_enter(options.cgroup_dir);
	}
	if (chance(&w->choices, 30))
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The only thread of the process is not in a call. */
	if (chance(&w->choices, 50))
		pools_promise(w);
	helpers = chance(&w->choices, 40) ? choose(&w->choices, 3) : 0;
	for (i = 0; i < THREADS_MAX && helpers; i++) {
		if (i == w->number)
			continue;
		helpers--;
		w->left /= 2;
		worker_start(&workers[i], w->left, &w->choices);
	}
	worker_turns(w);
	workers_join(w);
	if (chance(&w->choices, 30))
		own_mseal(w);
	if (!self.limited && chance(&w->choices, 10)) {
		/* It would have the timers, and not the handlers. */
		stop_timers();
		execute("nothing", -1);
	}
	_exit(0);
}

#define SHARE_MIN	200
#define SHARE_MAX	3000

void fork_child(struct worker *w)
{
	bool poor = self.poor || (options.cgroup && chance(&w->choices, 20));
	struct child *c = free_child(w);
	long left = w->left, share;
	pid_t pid;

	if (self.depth >= DEPTH_MAX || !c)
		return;
	share = SHARE_MIN + choose(&w->choices, SHARE_MAX);
	if (share > left / 4)
		share = left / 4;
	w->nforks++;
	pid = start_process(w, &c->place);
	if (pid < 0)
		return;
	if (!pid) {
		w->left = share;
		choices_fork(&w->choices, w->nforks);
		child_run(w, poor);
	}
	w->left -= share;
	c->pid = pid;
	c->killed = poor;
}
