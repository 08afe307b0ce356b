// SPDX-License-Identifier: GPL-2.0
/* What only s390 has: modes of the CPU, and addresses of a page's precision. */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

FIXTURE(s390) {
	struct table t;
	struct test_stack stack;
	struct cpu_state in;
	struct cpu_state out;
	struct context c;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(s390)

FIXTURE_SETUP(s390)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 4));
	ASSERT_EQ(0, table_open(&self->t, 16, 0));
	context_init(&self->c, 3, arch_target(1));
	context_reg(&self->c, ARCH_DATA_REG, 77);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	arch_fill(&self->in,
		  stack_pointer(&self->stack, self->stack.size / 2), 0);
}

FIXTURE_TEARDOWN(s390)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

static int try_jump(DATA *self, const void *entry, int *target)
{
	return try_run(&self->in, entry, ARCH_BY_JUMP, &self->out, target);
}

static const struct cpu_state *from_handler;

static void on_usr1(int signo, siginfo_t *info, void *uc)
{
	s390_to_ucontext(from_handler, uc);
}

static void do_sigreturn(void *p)
{
	const struct sigaction sa = {
		.sa_sigaction = on_usr1,
		.sa_flags = SA_SIGINFO,
	};

	from_handler = p;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
}

/* Go to the entry as the return from a signal lets a program do, in any mode. */
static int try_in_mode(DATA *self, unsigned long entry, unsigned long mode)
{
	self->in.reg[ARCH_PC] = entry;
	self->in.reg[S390_MASK] &= ~(S390_MASK_EA | S390_MASK_BA |
				     S390_MASK_ASC);
	self->in.reg[S390_MASK] |= mode;
	return try_function(do_sigreturn, &self->in);
}

/* With the data register, too: what is in another mode is no hit. */
static bool plain_in_mode(DATA *self, unsigned long entry, unsigned long mode)
{
	return try_in_mode(self, entry, mode) == SIGSEGV &&
	       trap_is_plain((void *)entry) &&
	       trap.state.reg[ARCH_PC] == entry &&
	       state_kept(&self->in, &trap.state, NULL);
}

/* Map the table where a mode can reach it, and see it work in the usual one. */
static bool move_to(DATA *self, unsigned long addr)
{
	int target;

	table_unmap(&self->t);
	return !table_map_at(&self->t, (void *)addr) &&
	       !try_jump(self, table_entry(&self->t, 3), &target) &&
	       target == 1;
}

TEST_F(s390, in_31_bit_mode)
{
	ASSERT_TRUE(move_to(self, 0x20000000));
	EXPECT_TRUE(plain_in_mode(self, (uintptr_t)table_entry(&self->t, 3),
				  S390_MASK_BA));
}

TEST_F(s390, in_24_bit_mode)
{
	ASSERT_TRUE(move_to(self, 0x800000));
	EXPECT_TRUE(plain_in_mode(self, (uintptr_t)table_entry(&self->t, 3),
				  0));
}

TEST_F(s390, in_access_register_mode)
{
	EXPECT_TRUE(plain_in_mode(self, (uintptr_t)table_entry(&self->t, 3),
				  S390_MASK_EA | S390_MASK_BA | S390_MASK_AR));
}

/* Each trampoline of a page is found, though all fault with one address. */
TEST_F(s390, every_entry_of_a_page)
{
	unsigned int i;
	struct table t;

	ASSERT_EQ(0, table_open(&t, 512, 0));
	ASSERT_EQ(512, set_values(t.fd, 0, 512, 1000));
	for (i = 0; i < 512; i++)
		EXPECT_TRUE(gives(table_entry(&t, i), 1000 + i));
	table_close(&t);
}

/* EXECUTE fetches an instruction, but the program does not go there. */
TEST_F(s390, execute_instruction_at_entry)
{
	char *entry = table_entry(&self->t, 3);
	int target;

	self->in.reg[1] = (unsigned long)entry;
	EXPECT_EQ(SIGSEGV, try_jump(self, s390_execute, &target));
	EXPECT_TRUE(trap_is_plain(entry));
	EXPECT_EQ((unsigned long)s390_execute, trap.state.reg[ARCH_PC]);
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
}

/* An instruction that begins before the mapping and ends in it. */
TEST_F(s390, instruction_that_reaches_into_the_mapping)
{
	size_t page = getpagesize();
	char *room = mmap(NULL, 2 * page, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *first = s390_long_instruction + 2 - page;
	int target;

	ASSERT_TRUE(room != MAP_FAILED);
	ASSERT_EQ(0U, (uintptr_t)first % page);
	ASSERT_EQ(room, mmap(room, page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	memcpy(room, first, page);
	ASSERT_EQ(0, mprotect(room, page, PROT_READ | PROT_EXEC));
	ASSERT_EQ(1, set_value(self->t.fd, 0, 1));
	table_unmap(&self->t);
	ASSERT_EQ(0, table_map_at(&self->t, room + page));

	EXPECT_TRUE(gives(room + page, 1));
	EXPECT_EQ(SIGSEGV, try_jump(self, room + page - 2, &target));
	EXPECT_TRUE(trap_is_plain(room + page));
	EXPECT_EQ((uintptr_t)(room + page - 2), trap.state.reg[ARCH_PC]);
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
}

/* No instruction is there. */
TEST_F(s390, odd_pc)
{
	context_init(&self->c, 1, arch_target(1) + 1);
	EXPECT_EQ(-EINVAL, context_set(self->t.fd, &self->c));
	context_init(&self->c, 1, arch_target(1) + 2);
	EXPECT_EQ(1, context_set(self->t.fd, &self->c));
}

/* An exception of its own for a CPU, but perhaps not for an emulated one. */
TEST_F(s390, odd_address)
{
	char *entry = table_entry(&self->t, 3);
	int target;

	if (try_jump(self, entry + 1, &target) != SIGILL)
		EXPECT_TRUE(trap_is_plain(entry));
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
}

#define PER(member)		offsetof(struct user, regs.per_info.member)
#define PER_INSTRUCTION_FETCH	0x40000000UL

static pid_t traced_call(DATA *self)
{
	int status, target;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(try_run(&self->in, table_entry(&self->t, 3), ARCH_BY_CALL,
			      &self->out, &target) || target != 1 ||
		      !state_kept(&self->in, &self->out, &self->c));
	}
	return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) ? pid : -1;
}

/* The signal that it is stopped by, 0 if it ended well. */
static int next_stop(pid_t pid, int request, siginfo_t *info)
{
	int status;

	if (ptrace(request, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid)
		return -errno;
	if (!WIFSTOPPED(status))
		return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
	if (ptrace(PTRACE_GETSIGINFO, pid, NULL, info))
		return -errno;
	return WSTOPSIG(status);
}

/* A tracer that watches an address, which is no stepping, sees the target only. */
TEST_F(s390, watched_target)
{
	unsigned long target = arch_target(1);
	pid_t pid = traced_call(self);
	siginfo_t info;

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, ptrace(PTRACE_POKEUSER, pid, PER(starting_addr), target));
	ASSERT_EQ(0, ptrace(PTRACE_POKEUSER, pid, PER(ending_addr), target));
	ASSERT_EQ(0, ptrace(PTRACE_POKEUSER, pid, PER(control_regs),
			    PER_INSTRUCTION_FETCH));
	ASSERT_EQ(SIGTRAP, next_stop(pid, PTRACE_CONT, &info));
	EXPECT_EQ(target, (unsigned long)info.si_addr);
	/* Its first instruction is done then. */
	EXPECT_EQ(target + 4, arch_ptrace_pc(pid));
	EXPECT_EQ(0, next_stop(pid, PTRACE_CONT, &info));
}

/* The trampoline is one step, to before the target's first instruction. */
TEST_F(s390, stepped_trampoline)
{
	unsigned long entry = (uintptr_t)table_entry(&self->t, 3);
	pid_t pid = traced_call(self);
	siginfo_t info;

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, ptrace(PTRACE_POKEUSER, pid,
			    offsetof(struct user, regs.psw.addr), entry));
	ASSERT_EQ(SIGTRAP, next_stop(pid, PTRACE_SINGLESTEP, &info));
	EXPECT_EQ(arch_target(1), arch_ptrace_pc(pid));
	EXPECT_EQ(entry, (unsigned long)info.si_addr);
	EXPECT_EQ(77, ptrace(PTRACE_PEEKUSER, pid,
			     offsetof(struct user, regs.gprs[0]), NULL));
	ASSERT_EQ(SIGTRAP, next_stop(pid, PTRACE_SINGLESTEP, &info));
	EXPECT_EQ(arch_target(1) + 4, arch_ptrace_pc(pid));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	child_status(pid);
}

/* One that is not set faults, and no step is reported. */
TEST_F(s390, stepped_unset_trampoline)
{
	unsigned long entry = (uintptr_t)table_entry(&self->t, 4);
	pid_t pid = traced_call(self);
	siginfo_t info;

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, ptrace(PTRACE_POKEUSER, pid,
			    offsetof(struct user, regs.psw.addr), entry));
	EXPECT_EQ(SIGSEGV, next_stop(pid, PTRACE_SINGLESTEP, &info));
	EXPECT_EQ(entry, arch_ptrace_pc(pid));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	child_status(pid);
}

TEST_HARNESS_MAIN
