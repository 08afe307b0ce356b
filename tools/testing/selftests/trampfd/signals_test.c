// SPDX-License-Identifier: GPL-2.0
/* Stepping, breakpoints, signals and debuggers: as with code that is there. */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

/* What the trampolines load. */
#define VALUE	0x1234567UL

FIXTURE(interrupted) {
	struct table t;
	struct test_stack stack;
	struct context c;
	struct cpu_state in;
	struct cpu_state out;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(interrupted)

FIXTURE_VARIANT(interrupted) {
	/* Bytes of stack context: their copying can be interrupted, too. */
	unsigned int stack;
};

FIXTURE_VARIANT_ADD(interrupted, registers) {
	.stack = 0,
};

FIXTURE_VARIANT_ADD(interrupted, stack) {
	.stack = 64,
};

FIXTURE_SETUP(interrupted)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
#ifdef TRAMPFD_BY_CODE
	/* With stack data, a call goes on to the fault entry. */
	table_shape = 1;
#endif
	ASSERT_EQ(0, stack_open(&self->stack, 4));
	ASSERT_EQ(0, table_open(&self->t, 4, 0));
	context_init(&self->c, 0, arch_target(1));
	context_reg(&self->c, ARCH_DATA_REG, VALUE);
	context_stack(&self->c, variant->stack,
		      variant->stack ? ARCH_RED_ZONE : 0, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	arch_fill(&self->in,
		  stack_pointer(&self->stack, self->stack.size / 2), 0);
}

FIXTURE_TEARDOWN(interrupted)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

/* One call, and what has to come of it. */
static bool one_call(DATA *self)
{
	unsigned long sp = self->in.reg[ARCH_SP] - ARCH_CALL_PUSH -
			   self->c.rec.stack_size - self->c.rec.stack_skip;

	return arch_run(&self->in, table_entry(&self->t, 0), ARCH_BY_CALL,
			&self->out) == 1 &&
	       self->out.reg[ARCH_SP] == sp &&
	       !memcmp((void *)sp, self->c.stack, self->c.rec.stack_size) &&
	       state_kept(&self->in, &self->out, &self->c);
}

/* The same as a C function, with all that comes before and after a call. */
static bool call_value(DATA *self)
{
	return call(table_entry(&self->t, 1)) == VALUE &&
	       call(table_entry(&self->t, 1)) == VALUE;
}

/* A child that waits for its tracer, then does what @calls does. */
static pid_t traced_child(bool (*calls)(DATA *self),
			  DATA *self)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(calls(self) ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	return pid;
}

/* Continue as @request says; the signal that stops it, 0 if it ended well. */
static int stopped_by(pid_t pid, int request)
{
	int status;

	if (ptrace(request, pid, NULL, NULL) ||
	    waitpid(pid, &status, 0) != pid)
		return -errno;
	if (WIFSTOPPED(status))
		return WSTOPSIG(status);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

#define NO_STEPS	"ptrace can't step here"

/* More than from the first stop to the call. */
#define STEPS	1000000

static bool step_to(pid_t pid, unsigned long pc)
{
	unsigned int i;

	for (i = 0; i < STEPS && arch_ptrace_pc(pid) != pc; i++)
		if (stopped_by(pid, PTRACE_SINGLESTEP) != SIGTRAP)
			return false;
	return arch_ptrace_pc(pid) == pc;
}

/* The PC of an unset trampoline's SIGSEGV. */
static unsigned long fault_pc(const struct table *t, unsigned int trampoline)
{
	unsigned long entry = (uintptr_t)table_entry(t, trampoline);

#ifdef TRAMPFD_BY_CODE
	entry -= t->attr.code_offset;
#endif
	return entry;
}

#ifdef TRAMPFD_BY_CODE
/* Is it in the trampoline's code, or where that leads to the kernel? */
static bool at_trampoline(const struct table *t, unsigned int trampoline,
			  unsigned long pc)
{
	unsigned long entry = (uintptr_t)table_entry(t, trampoline);

	return pc == fault_pc(t, trampoline) ||
	       (pc >= entry && pc < entry + t->attr.stride);
}
#endif

/* Step from the entry on: once, or until all of its code is done. */
static int step_through(pid_t pid, const struct table *t, unsigned int trampoline)
{
	int signo = stopped_by(pid, PTRACE_SINGLESTEP);

#ifdef TRAMPFD_BY_CODE
	while (signo == SIGTRAP && at_trampoline(t, trampoline, arch_ptrace_pc(pid)))
		signo = stopped_by(pid, PTRACE_SINGLESTEP);
#endif
	return signo;
}

TEST_F(interrupted, single_step)
{
	unsigned long entry = (uintptr_t)table_entry(&self->t, 0);
	pid_t pid;

	if (!arch_can_step())
		SKIP(return, NO_STEPS);
	pid = traced_child(one_call, self);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(step_to(pid, entry));
	/* A trampoline without code is one step, to before the target's first one. */
	ASSERT_EQ(SIGTRAP, step_through(pid, &self->t, 0));
	EXPECT_EQ(arch_target(1), arch_ptrace_pc(pid));
	ASSERT_EQ(SIGTRAP, stopped_by(pid, PTRACE_SINGLESTEP));
	EXPECT_NE(arch_target(1), arch_ptrace_pc(pid));
	/* What it captures now is not the state of a program on its own. */
	EXPECT_EQ(0, kill(pid, SIGKILL));
	child_status(pid);
}

/* From a function's call until it has returned, and on without steps. */
TEST_F(interrupted, single_step_and_continue)
{
	unsigned long entry = (uintptr_t)table_entry(&self->t, 1);
	unsigned int i;
	pid_t pid;

	if (!arch_can_step())
		SKIP(return, NO_STEPS);
	ASSERT_EQ(1, set_value(self->t.fd, 1, VALUE));
	pid = traced_child(call_value, self);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(step_to(pid, entry));
	ASSERT_EQ(SIGTRAP, step_through(pid, &self->t, 1));
	EXPECT_EQ(ARCH_CODE(arch_data), arch_ptrace_pc(pid));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(SIGTRAP, stopped_by(pid, PTRACE_SINGLESTEP));
	EXPECT_EQ(0, stopped_by(pid, PTRACE_CONT));
}

/* Continued at the trampoline itself, the next call is not stepped. */
TEST_F(interrupted, continue_from_entry)
{
	unsigned long entry = (uintptr_t)table_entry(&self->t, 1);
	pid_t pid;

	if (!arch_can_step())
		SKIP(return, NO_STEPS);
	ASSERT_EQ(1, set_value(self->t.fd, 1, VALUE));
	pid = traced_child(call_value, self);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(step_to(pid, entry));
	EXPECT_EQ(0, stopped_by(pid, PTRACE_CONT));
}

/* A step from the trampoline's address that faults: no step is reported. */
TEST_F(interrupted, single_step_of_unset)
{
	unsigned long entry = (uintptr_t)table_entry(&self->t, 0);
	pid_t pid;

	if (!arch_can_step())
		SKIP(return, NO_STEPS);
	ASSERT_EQ(1, remove_one(self->t.fd, 0));
	pid = traced_child(one_call, self);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(step_to(pid, entry));
	EXPECT_EQ(SIGSEGV, step_through(pid, &self->t, 0));
	EXPECT_EQ(fault_pc(&self->t, 0), arch_ptrace_pc(pid));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	child_status(pid);
}

TEST_F(interrupted, hardware_breakpoint)
{
	pid_t pid = traced_child(one_call, self);
	int ret;

	ASSERT_LT(0, pid);
	ret = arch_ptrace_breakpoint(pid, arch_target(1));
	if (ret) {
		kill(pid, SIGKILL);
		child_status(pid);
		SKIP(return, "no breakpoint in hardware here (errno %d)", -ret);
	}
	ASSERT_EQ(SIGTRAP, stopped_by(pid, PTRACE_CONT));
	EXPECT_EQ(arch_target(1), arch_ptrace_pc(pid));
	ASSERT_EQ(0, arch_ptrace_leave_breakpoint(pid));
	/* It goes on from there, and nothing is done twice. */
	EXPECT_EQ(0, stopped_by(pid, PTRACE_CONT));
}

/* On the trampoline's own address, where no instruction is. */
TEST_F(interrupted, hardware_breakpoint_on_entry)
{
	unsigned long entry = (uintptr_t)table_entry(&self->t, 0);
	pid_t pid = traced_child(one_call, self);
	int ret;

	ASSERT_LT(0, pid);
	ret = arch_ptrace_breakpoint(pid, entry);
	if (ret) {
		kill(pid, SIGKILL);
		child_status(pid);
		SKIP(return, "no breakpoint in hardware here (errno %d)", -ret);
	}
	ret = stopped_by(pid, PTRACE_CONT);
	if (ret == SIGTRAP) {
		EXPECT_EQ(entry, arch_ptrace_pc(pid));
		ASSERT_EQ(0, arch_ptrace_leave_breakpoint(pid));
		ret = stopped_by(pid, PTRACE_CONT);
	}
	EXPECT_EQ(0, ret);
}

/* What a handler or another process changes. */
#define GET(number)		__atomic_load_n(&(number), __ATOMIC_RELAXED)
#define ADD(number, more)	\
	__atomic_fetch_add(&(number), more, __ATOMIC_RELAXED)

/* The PCs at which a handler was called, the first of them. */
static unsigned long seen[64];
static int nseen;

static void note_pc(int signo, siginfo_t *info, void *uc)
{
	struct cpu_state state;

	arch_from_ucontext(&state, uc);
	if (nseen < (int)ARRAY_SIZE(seen))
		seen[nseen] = state.reg[ARCH_PC];
	ADD(nseen, 1);
}

/* A program that steps itself. */
TEST_F(interrupted, trap_flag)
{
	unsigned long entry = (uintptr_t)table_entry(&self->t, 0);
	struct sigaction sa = {
		.sa_sigaction = note_pc,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	struct cpu_state stepping = self->in;
	unsigned int i;

	if (!arch_set_trap_flag(&stepping))
		SKIP(return, "programs can't step themselves here");
	ASSERT_EQ(0, sigaction(SIGTRAP, &sa, NULL));
	EXPECT_EQ(1, arch_run(&stepping, table_entry(&self->t, 0), ARCH_BY_CALL,
			      &self->out));
	ASSERT_LT(3, GET(nseen));
	for (i = 0; i < ARRAY_SIZE(seen) - 2 && seen[i] != entry; i++)
		;
	ASSERT_EQ(entry, seen[i]);
#ifdef TRAMPFD_BY_CODE
	while (i < ARRAY_SIZE(seen) - 3 && at_trampoline(&self->t, 0, seen[i + 1]))
		i++;
#endif
	EXPECT_EQ(arch_target(1), seen[i + 1]);
	EXPECT_NE(arch_target(1), seen[i + 2]);
	/* The flag itself went along like any other. */
	EXPECT_TRUE(state_kept(&stepping, &self->out, &self->c));
}

static DATA *stormed;
static struct table *stormed_table;
static int storms, mixtures;

/*
 * Before the hit no register may have changed, and at the target's first
 * instruction each has.
 */
static void check_interrupted(int signo, siginfo_t *info, void *uc)
{
	struct cpu_state state;

	ADD(storms, 1);
	arch_from_ucontext(&state, uc);
	if (state.reg[ARCH_PC] == (uintptr_t)table_entry(stormed_table, 0)) {
		if (!state_kept(&stormed->in, &state, NULL))
			ADD(mixtures, 1);
	} else if (state.reg[ARCH_PC] == arch_target(1)) {
		if (!state_kept(&stormed->in, &state, &stormed->c))
			ADD(mixtures, 1);
	}
	/* A handler has calls of its own. */
	if (!gives(table_entry(stormed_table, 1), 77))
		ADD(mixtures, 1);
}

struct storm {
	pid_t pid;
	pid_t tid;
	bool enough;
};

static void *send_storm(void *p)
{
	struct storm *storm = p;

	run_on_cpu(1);
	while (!__atomic_load_n(&storm->enough, __ATOMIC_ACQUIRE)) {
		int before = GET(storms);

		syscall(SYS_tgkill, storm->pid, storm->tid, SIGUSR1);
		/*
		 * Not before that one is taken: one that waits at the handler's
		 * end comes before what was interrupted goes on.
		 */
		do {
			sched_yield();
		} while (GET(storms) == before &&
			 !__atomic_load_n(&storm->enough, __ATOMIC_ACQUIRE));
	}
	return NULL;
}

#define STORM_CALLS	4000
#define STORM_SIGNALS	200
#define STORM_MAX	1000000

TEST_F(interrupted, signal_storm)
{
	struct sigaction sa = {
		.sa_sigaction = check_interrupted,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	struct itimerval often = { { 0, 500 }, { 0, 500 } };
	struct storm storm = {
		.pid = getpid(),
		.tid = syscall(SYS_gettid),
	};
	unsigned int calls;
	pthread_t thread;

	if (!threads_work())
		SKIP(return, NO_THREADS);
	ASSERT_EQ(1, set_value(self->t.fd, 1, 77));
	stormed = self;
	stormed_table = &self->t;
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	/* At moments that no other thread has chosen. */
	ASSERT_EQ(0, sigaction(SIGVTALRM, &sa, NULL));
	run_on_cpu(0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_storm, &storm));
	ASSERT_EQ(0, setitimer(ITIMER_VIRTUAL, &often, NULL));

	for (calls = 0; calls < STORM_CALLS || GET(storms) < STORM_SIGNALS; calls++) {
		ASSERT_GT((unsigned int)STORM_MAX, calls);
		ASSERT_TRUE(one_call(self));
		if (calls % 16 == 0)
			sched_yield();
	}

	memset(&often, 0, sizeof(often));
	ASSERT_EQ(0, setitimer(ITIMER_VIRTUAL, &often, NULL));
	__atomic_store_n(&storm.enough, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, GET(mixtures));
}

/* How many there were, and whether that is enough. */
static int *calls_made;

/* A child that calls until it is told not to. */
static pid_t calling_child(DATA *self)
{
	pid_t pid = fork();

	if (!pid) {
		while (!GET(calls_made[1])) {
			if (!one_call(self))
				_exit(1);
			ADD(calls_made[0], 1);
		}
		_exit(0);
	}
	return pid;
}

#define ATTACHMENTS	100

/* A debugger comes and goes, and looks at the registers. */
TEST_F(interrupted, debugger)
{
	int i, status;
	pid_t pid;

	calls_made = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(calls_made != MAP_FAILED);
	pid = calling_child(self);
	ASSERT_LT(0, pid);
	for (i = 0; i < ATTACHMENTS; i++) {
		int before;

		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, NULL, NULL));
		ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSTOPPED(status));
		EXPECT_NE(0U, arch_ptrace_pc(pid));
		before = GET(calls_made[0]);
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
		/* Not stuck: it ends otherwise, by the test's timeout. */
		while (GET(calls_made[0]) == before)
			sched_yield();
	}
	ADD(calls_made[1], 1);
	EXPECT_EQ(0, child_status(pid));
}

static void leave(int signo)
{
	_exit(3);
}

/*
 * Trampolines that lead to each other, or one to itself: for ever, but never
 * beyond a signal.
 */
static pid_t looping_child(DATA *self,
			   unsigned int ntrampolines)
{
	unsigned int i;
	pid_t pid;

	for (i = 0; i < ntrampolines; i++) {
		char *next = table_entry(&self->t, (i + 1) % ntrampolines);

		context_init(&self->c, i, (uintptr_t)next);
		context_reg(&self->c, ARCH_DATA_REG, i);
		if (context_set(self->t.fd, &self->c) != 1)
			return -1;
	}
	pid = fork();
	if (!pid) {
		signal(SIGUSR1, leave);
		call(table_entry(&self->t, 0));
		_exit(99);
	}
	return pid;
}

/* Look until it is where the loop is. */
static bool is_looping(DATA *self, pid_t pid)
{
	bool found = false;
	int i, status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		return false;
	for (i = 0; i < 100000 && !found; i++) {
		unsigned long pc;

		if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return false;
		pc = arch_ptrace_pc(pid);
		found = pc >= (uintptr_t)table_entry(&self->t, 0) &&
			pc < (uintptr_t)table_entry(&self->t, 4);
		if (ptrace(found ? PTRACE_DETACH : PTRACE_CONT, pid, NULL,
			   NULL))
			return false;
		sched_yield();
	}
	return found;
}

TEST_F(interrupted, kill_of_a_loop)
{
	unsigned int n;
	pid_t pid;

	for (n = 1; n <= 4; n++) {
		pid = looping_child(self, n);
		ASSERT_LT(0, pid);
		ASSERT_TRUE(is_looping(self, pid));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		EXPECT_EQ(128 + SIGKILL, child_status(pid));
	}
}

TEST_F(interrupted, handled_signal_in_a_loop)
{
	pid_t pid = looping_child(self, 1);

	ASSERT_LT(0, pid);
	ASSERT_TRUE(is_looping(self, pid));
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	EXPECT_EQ(3, child_status(pid));
}

TEST_F(interrupted, stop_of_a_loop)
{
	pid_t pid = looping_child(self, 1);
	int status;

	ASSERT_LT(0, pid);
	ASSERT_TRUE(is_looping(self, pid));
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kill(pid, SIGCONT));
	ASSERT_TRUE(is_looping(self, pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, child_status(pid));
}

static void *call_loop(void *entry)
{
	return (void *)call(entry);
}

/* What another thread sets ends the loop: nobody is stuck in the old one. */
TEST_F(interrupted, loop_is_ended_by_a_set)
{
	pthread_t thread;
	void *value;
	int i;

	if (!threads_work())
		SKIP(return, NO_THREADS);
	context_init(&self->c, 2, (uintptr_t)table_entry(&self->t, 2));
	context_reg(&self->c, ARCH_DATA_REG, 1);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	ASSERT_EQ(0, pthread_create(&thread, NULL, call_loop,
				    table_entry(&self->t, 2)));
	for (i = 0; i < 100; i++)
		sched_yield();
	/* There is no promise to give, as it is called. */
	ASSERT_EQ(1, set_values_as(self->t.fd, 2, 1, VALUE, 0));
	ASSERT_EQ(0, pthread_join(thread, &value));
	EXPECT_EQ(VALUE, (unsigned long)value);
}

TEST_HARNESS_MAIN
