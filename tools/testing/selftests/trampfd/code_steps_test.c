// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that is stopped between any two instructions of a code entry, while its
 * trampoline changes or it forks: its call is the old one or the new one, whole.
 */
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "code_util.h"

/* The trampoline that is called, alone in its chunk. */
#define NUMBER		3
#define STACK_SIZE	(256 * 1024)
/* arm's syscall() reads arguments on the stack, whether there are any or not. */
#define STACK_ABOVE	256

/* What can be done to the trampoline while a call may be under way. */
enum change {
	NOTHING,
	REPLACED,
	REMOVED,
	REMOVED_AND_SET,
	OTHER_PC,
	OTHER_PCS,
	MORE_REGISTERS,
	STACK_DATA,
	NCHANGES,
};

static const char *const change_names[] = {
	"nothing", "replaced", "removed", "removed and set", "other PC",
	"several PCs", "more registers", "stack data",
};

/* What became of a call. */
enum outcome {
	OLD,
	NEW,
	UNSET,
	BROKEN,
};

FIXTURE(steps) {
	struct table t;
	struct test_stack stack;
	char *child_stack;
	struct cpu_state in;
	struct cpu_state out;
	struct context before;
	struct context after;
	int signo;
	int target;
	/* For the signal handler: what a forked child does first. */
	enum change in_child;
	pid_t forked;
	int forked_outcome;
};

#define DATA	FIXTURE_DATA(steps)

FIXTURE_VARIANT(steps) {
	unsigned int nregs;
};

FIXTURE_VARIANT_ADD(steps, none) {
	.nregs = 0,
};

FIXTURE_VARIANT_ADD(steps, one) {
	.nregs = 1,
};

FIXTURE_VARIANT_ADD(steps, two) {
	.nregs = 2,
};

FIXTURE_VARIANT_ADD(steps, three) {
	.nregs = 3,
};

/* For the signal handler. */
static DATA *stopped;

FIXTURE_SETUP(steps)
{
	if (code_missing())
		SKIP(return, "%s", code_missing());
	if (!arch_can_step())
		SKIP(return, "ptrace can't step here");
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 8));
	ASSERT_EQ(0, code_open(&self->t, 8, variant->nregs));
	arch_fill(&self->in, stack_pointer(&self->stack, self->stack.size / 2),
		  0);
	self->child_stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->child_stack != MAP_FAILED);
	stopped = self;
}

FIXTURE_TEARDOWN(steps)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

/* The only register that is in no shape, or 0. */
static const struct arch_reg *other_reg(const DATA *self)
{
	size_t i;
	unsigned int k;

	for (i = 0; i < arch_nsettable; i++) {
		for (k = 0; k < SHAPE_REGS; k++)
			if (arch_settable[i].number == shape_reg(k))
				break;
#ifdef ARCH_TARGET_REG
		if (arch_settable[i].number == ARCH_TARGET_REG)
			continue;
#endif
		if (k == SHAPE_REGS)
			break;
	}
	return &arch_settable[i];
}

/* Without the promise, as the call may be under way. */
static bool change(DATA *self, enum change what)
{
	struct context *c = &self->after;
	unsigned int i;

	if (what == NOTHING)
		return true;
	shape_context(&self->t, c, NUMBER, 2, 0);
	switch (what) {
	case REMOVED:
	case REMOVED_AND_SET:
		if (remove_one(self->t.fd, NUMBER) != 1)
			return false;
		if (what == REMOVED)
			return true;
		break;
	case OTHER_PC:
		*c = self->before;
		c->rec.flags = 0;
		c->reg[0].value = arch_target(2);
		break;
	case OTHER_PCS:
		*c = self->before;
		c->rec.flags = 0;
		for (i = 0; i < 8; i++) {
			c->reg[0].value = arch_target(i % 2 ? 0 : 3);
			if (context_set(self->t.fd, c) != 1)
				return false;
		}
		c->reg[0].value = arch_target(2);
		break;
	case MORE_REGISTERS:
		context_reg(c, other_reg(self)->number, 0x1234567);
		break;
	case STACK_DATA:
		context_stack(c, 4 * ARCH_WORD, ARCH_RED_ZONE, 9);
		break;
	default:
		break;
	}
	return context_set(self->t.fd, c) == 1;
}

/* Is what came out of the call what this context says? */
static bool is_of(const DATA *self, const struct context *c)
{
	unsigned long sp = self->in.reg[ARCH_SP] - ARCH_CALL_PUSH -
			   c->rec.stack_size - c->rec.stack_skip;

	return self->out.reg[ARCH_SP] == sp &&
	       !memcmp((void *)sp, c->stack, c->rec.stack_size) &&
	       context_kept(&self->in, &self->out, c);
}

static enum outcome outcome(const DATA *self)
{
	if (self->signo)
		return trap_is_plain(fault_entry(&self->t, NUMBER)) ? UNSET :
								      BROKEN;
	/* Each of them has a target of its own. */
	if (arch_target(self->target) == self->before.reg[0].value)
		return is_of(self, &self->before) ? OLD : BROKEN;
	if (arch_target(self->target) == self->after.reg[0].value)
		return is_of(self, &self->after) ? NEW : BROKEN;
	return BROKEN;
}

/* The signal comes in the middle of an entry. */
static void fork_there(int signo)
{
	stopped->forked = fork();
	if (!stopped->forked && !change(stopped, stopped->in_child))
		_exit(99);
}

/* Has this memory, and a tracer. */
static int traced(void *p)
{
	DATA *self = p;

	trap_init();
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
	self->signo = code_run(&self->in, code_entry(&self->t, NUMBER), TO_CODE,
			       &self->out, &self->target);
	/* The forked child has memory of its own, so it tells how it went. */
	if (!self->forked)
		_exit(outcome(self));
	if (self->forked > 0)
		self->forked_outcome = child_status(self->forked);
	_exit(0);
}

/* Let it go on with a signal, or none; the signal that stops it, 0 at its end. */
static int go_on(pid_t pid, int request, int signo)
{
	int status;

	if (ptrace(request, pid, NULL, (void *)(long)signo) ||
	    waitpid(pid, &status, __WALL) != pid)
		return -errno;
	return WIFSTOPPED(status) ? WSTOPSIG(status) :
	       WIFEXITED(status) ? 0 : -1;
}

static bool in_entry(const DATA *self, unsigned long pc)
{
	unsigned long entry = (unsigned long)code_entry(&self->t, NUMBER);

	return pc >= entry && pc < entry + self->t.attr.stride;
}

#define STEPS	100000

/*
 * By a breakpoint where there are any: to step over some instructions before the
 * entry, as x86's popf, leaves traces.
 */
static bool go_to_entry(const DATA *self, pid_t pid)
{
	unsigned long entry = (unsigned long)code_entry(&self->t, NUMBER);
	unsigned int i;
	int signo, left;

	if (!arch_ptrace_breakpoint(pid, entry)) {
		signo = go_on(pid, PTRACE_CONT, 0);
		if (signo == SIGTRAP && arch_ptrace_pc(pid) == entry) {
			left = arch_ptrace_leave_breakpoint(pid);
			if (!left)
				return true;
			fprintf(stderr, "# breakpoint can't be left: %d\n", left);
			return false;
		}
		fprintf(stderr, "# signal %d at %#lx, entry is %#lx\n", signo,
			arch_ptrace_pc(pid), entry);
		return false;
	}
	for (i = 0; i < STEPS && !in_entry(self, arch_ptrace_pc(pid)); i++)
		if (go_on(pid, PTRACE_SINGLESTEP, 0) != SIGTRAP)
			return false;
	return true;
}

/*
 * Start a call, and stop it when it has done @n instructions of the entry.  @left
 * tells that it has none of them left.
 */
static pid_t start(DATA *self, unsigned int n, bool *left)
{
	pid_t pid;
	int status;
	unsigned int i;

	/* Nobody calls it now. */
	remove_one(self->t.fd, NUMBER);
	shape_context(&self->t, &self->before, NUMBER, 1, IDLE);
	shape_context(&self->t, &self->after, NUMBER, 2, 0);
	if (context_set(self->t.fd, &self->before) != 1 ||
	    !slot_has(&self->t, &self->before))
		return -1;
	self->forked = -1;
	pid = clone(traced, self->child_stack + STACK_SIZE - STACK_ABOVE,
		    CLONE_VM | SIGCHLD, self);
	if (pid < 0 || waitpid(pid, &status, __WALL) != pid ||
	    !WIFSTOPPED(status))
		return -1;
	if (!go_to_entry(self, pid))
		return -1;
	for (i = 0; i < n; i++) {
		int signo = go_on(pid, PTRACE_SINGLESTEP, 0);

		if (signo == SIGTRAP)
			continue;
		fprintf(stderr, "# step %u gave %d\n", i, signo);
		return -1;
	}
	*left = !in_entry(self, arch_ptrace_pc(pid));
	return pid;
}

/* To the end, through the signal that an unset trampoline is. */
static bool finish(pid_t pid, int signo)
{
	int ret;

	do {
		ret = go_on(pid, PTRACE_CONT, signo);
		signo = ret == SIGTRAP ? 0 : ret;
	} while (ret > 0);
	return ret == 0;
}

/* Stopped at its first instruction, a call has nothing of the old one. */
static bool is_right(enum outcome got, enum change what, unsigned int n, bool left)
{
	enum outcome changed = what == NOTHING ? OLD :
			       what == REMOVED ? UNSET : NEW;

	if (!n)
		return got == changed;
	return got == OLD || (got == changed && !left);
}

TEST_F(steps, change)
{
	enum change what;
	enum outcome got;
	unsigned int n;
	bool left;
	pid_t pid;

	for (what = NOTHING; what < NCHANGES; what++) {
		for (n = 0, left = false; !left; n++) {
			pid = start(self, n, &left);
			ASSERT_LT(0, pid);
			ASSERT_TRUE(change(self, what));
			ASSERT_TRUE(finish(pid, 0));
			got = outcome(self);
			EXPECT_TRUE(is_right(got, what, n, left)) {
				TH_LOG("%s after %u instructions: outcome %d",
				       change_names[what], n, got);
			}
		}
		/* More than none were there to be stopped between. */
		EXPECT_LT(1U, n);
	}
}

/*
 * It forks from a handler there; the trampoline changes before that, or in the child
 * alone.  The child's page has not what the slot had when the call began.
 */
TEST_F(steps, fork)
{
	struct sigaction sa = {
		.sa_handler = fork_there,
		.sa_flags = SA_ONSTACK,
	};
	enum outcome got;
	unsigned int what, n;
	bool left;
	pid_t pid;

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	for (what = 0; what < 2 * NCHANGES; what++) {
		enum change before = what < NCHANGES ? what : NOTHING;

		self->in_child = what < NCHANGES ? NOTHING : what - NCHANGES;
		for (n = 0, left = false; !left; n++) {
			pid = start(self, n, &left);
			ASSERT_LT(0, pid);
			ASSERT_TRUE(change(self, before));
			ASSERT_TRUE(finish(pid, SIGUSR1));
			ASSERT_LT(0, self->forked);
			got = outcome(self);
			EXPECT_TRUE(is_right(got, before, n, left)) {
				TH_LOG("%s after %u instructions: outcome %d",
				       change_names[before], n, got);
			}
			got = self->forked_outcome;
			EXPECT_TRUE(is_right(got, what % NCHANGES, n, left)) {
				TH_LOG("%s after %u instructions: outcome %d of the child",
				       change_names[what % NCHANGES], n, got);
			}
		}
	}
}

TEST_HARNESS_MAIN
