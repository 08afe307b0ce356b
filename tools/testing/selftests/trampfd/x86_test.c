// SPDX-License-Identifier: GPL-2.0
/* What only x86 has: code segments, protection keys, several ABIs in a process. */
#include <asm/ldt.h>
#include <asm/perf_regs.h>
#ifndef __x86_64__
#include <asm/vm86.h>
#endif
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/utsname.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#ifndef __NR_trampfd_create
#define __NR_trampfd_create	600
#endif

/* The code segments that every process of a 64-bit kernel has. */
#define CS_32	0x23
#define CS_64	0x33

#ifdef __x86_64__
#define CS_OTHER	CS_32
#else
#define CS_OTHER	CS_64
#endif

FIXTURE(segment) {
	struct table t;
	struct test_stack stack;
	struct cpu_state in;
	struct cpu_state out;
	struct context c;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(segment)

FIXTURE_SETUP(segment)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 4));
	ASSERT_EQ(0, table_create(&self->t, 16, 0));
	/* In either mode's reach. */
	self->t.base = mmap(NULL, self->t.attr.map_size, self->t.attr.map_prot,
			    self->t.attr.map_flags | MAP_32BIT, self->t.fd, 0);
	ASSERT_TRUE(self->t.base != MAP_FAILED);
	ASSERT_GT(1ULL << 32, (uintptr_t)self->t.base);
	context_init(&self->c, 3, arch_target(1));
	context_reg(&self->c, ARCH_DATA_REG, 77);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	arch_fill(&self->in,
		  stack_pointer(&self->stack, self->stack.size / 2), 0);
}

FIXTURE_TEARDOWN(segment)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

struct far_jump {
	const struct cpu_state *in;
	struct x86_far far;
	struct cpu_state *out;
	int target;
};

static void do_far_jump(void *p)
{
	struct far_jump *jump = p;

	jump->target = x86_run_far(jump->in, jump->far, jump->out);
}

static int try_far_jump(DATA *self, unsigned int selector,
			unsigned long offset, int *target)
{
	struct far_jump jump = {
		.in = &self->in,
		.far = { .offset = offset, .selector = selector },
		.out = &self->out,
	};
	int signo = try_function(do_far_jump, &jump);

	*target = jump.target;
	return signo;
}

/* Or else the tests below would prove nothing. */
TEST_F(segment, own)
{
	int target;

	ASSERT_EQ(0, try_far_jump(self, self->in.reg[X86_CS],
				  (uintptr_t)table_entry(&self->t, 3),
				  &target));
	EXPECT_EQ(1, target);
	EXPECT_TRUE(state_kept(&self->in, &self->out, &self->c));
}

/* The entry's address in the mode that the table is not for. */
TEST_F(segment, of_the_other_mode)
{
	char *entry = table_entry(&self->t, 3);
	struct utsname name;
	int target;

	ASSERT_EQ(0, uname(&name));
	if (strcmp(name.machine, "x86_64"))
		SKIP(return, "a 32-bit kernel has no 64-bit mode");
	ASSERT_EQ(SIGSEGV, try_far_jump(self, CS_OTHER, (uintptr_t)entry,
					&target));
	EXPECT_TRUE(trap_is_plain(entry));
	EXPECT_EQ((uintptr_t)entry, trap.state.reg[ARCH_PC]);
	EXPECT_EQ((unsigned long)CS_OTHER, trap.state.reg[X86_CS]);
	/* With the data register, too: this was no hit. */
	self->in.reg[X86_CS] = CS_OTHER;
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
	EXPECT_TRUE(is_plain(table_entry(&self->t, 4)));
}

#define LDT_ENTRY	1
#define LDT_SELECTOR	(LDT_ENTRY << 3 | 4 | 3)

static bool make_segment(unsigned long base)
{
	struct user_desc desc = {
		.entry_number = LDT_ENTRY,
		.base_addr = base,
		.limit = 0xfffff,
		.seg_32bit = 1,
		.contents = 2,
		.limit_in_pages = 1,
	};

	return !syscall(__NR_modify_ldt, 1, &desc, sizeof(desc));
}

#define SEGMENT_BASE	0x10000UL

/* The linear address is the entry's, and the PC is another number. */
TEST_F(segment, with_a_base)
{
	char *entry = table_entry(&self->t, 3);
	unsigned long offset = (uintptr_t)entry - SEGMENT_BASE;
	int target;

	if (!make_segment(SEGMENT_BASE))
		SKIP(return, "no modify_ldt (CONFIG_MODIFY_LDT_SYSCALL)");
	ASSERT_EQ(SIGSEGV, try_far_jump(self, LDT_SELECTOR, offset, &target));
	EXPECT_TRUE(trap_is_plain(entry));
	EXPECT_EQ(offset, trap.state.reg[ARCH_PC]);
	self->in.reg[X86_CS] = LDT_SELECTOR;
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
}

/* The PC is the entry's address, and the linear address is elsewhere. */
TEST_F(segment, with_a_base_beside)
{
	char *entry = table_entry(&self->t, 3);
	char *elsewhere = mmap(NULL, getpagesize(), PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int target;

	ASSERT_TRUE(elsewhere != MAP_FAILED);
	if (!make_segment((uint32_t)(elsewhere - entry)))
		SKIP(return, "no modify_ldt (CONFIG_MODIFY_LDT_SYSCALL)");
	ASSERT_EQ(SIGSEGV, try_far_jump(self, LDT_SELECTOR, (uintptr_t)entry,
					&target));
	EXPECT_TRUE(trap_is_plain(elsewhere));
	EXPECT_EQ((uintptr_t)entry, trap.state.reg[ARCH_PC]);
	self->in.reg[X86_CS] = LDT_SELECTOR;
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
}

#define FLAGS_RF	0x10000

/*
 * The CPU sets the resume flag in what a fault saves, and an emulated one may
 * not: so a tracer does.  It would let the target's first instruction go
 * unnoticed by a breakpoint there.
 */
TEST_F(segment, resume_flag)
{
	unsigned long target = ARCH_CODE(arch_data);
	struct user_regs_struct regs;
	int status;
	pid_t pid;

	ASSERT_EQ(1, set_value(self->t.fd, 5, 9));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, arch_ptrace_breakpoint(pid, target));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &regs));
#ifdef __x86_64__
	regs.rip = (uintptr_t)table_entry(&self->t, 5);
	/* No system call to be restarted. */
	regs.orig_rax = -1;
#else
	regs.eip = (uintptr_t)table_entry(&self->t, 5);
	regs.orig_eax = -1;
#endif
	regs.eflags |= FLAGS_RF;
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, pid, NULL, &regs));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGTRAP, WSTOPSIG(status));
	EXPECT_EQ(target, arch_ptrace_pc(pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	child_status(pid);
}

#ifndef __x86_64__

/* In virtual-8086 mode a segment is an address in units of 16 bytes. */
#define CS_USER		0x73	/* what the kernel's __USER_CS is */
#define LOW_TABLE	0x3000U
#define LOW_CODE	0x4000U
#define LOW_ENTRY	(LOW_TABLE + 4096 - 16)

struct vm86_run {
	struct vm86_struct vm;
	long ret;
};

static void do_vm86(void *p)
{
	struct vm86_run *run = p;

	run->ret = syscall(__NR_vm86old, &run->vm);
}

/* Load the byte at @addr by an instruction whose IP is LOW_ENTRY. */
static int vm86_load(unsigned int addr, struct vm86_run *run)
{
	unsigned char *code = (unsigned char *)(16 * CS_USER + LOW_ENTRY);

	*run = (struct vm86_run) {
		.vm.regs = { .cs = CS_USER, .eip = LOW_ENTRY },
	};
	/* mov moffs, %al; hlt, which ends the mode */
	code[0] = 0xa0;
	code[1] = addr & 255;
	code[2] = addr >> 8;
	code[3] = 0xf4;
	return try_function(do_vm86, run);
}

/* There IP is no address, and an access to the same number is no call. */
TEST_F(segment, virtual_8086_mode)
{
	struct vm86_run run;
	struct table t;
	char *code;

	if (syscall(__NR_vm86old, NULL) && errno == ENOSYS)
		SKIP(return, "no virtual-8086 mode (CONFIG_X86_LEGACY_VM86)");
	ASSERT_EQ(0, table_create(&t, 256, 0));
	ASSERT_EQ(4096, t.attr.map_size);
	t.base = mmap((void *)LOW_TABLE, t.attr.map_size, t.attr.map_prot,
		      t.attr.map_flags | MAP_FIXED_NOREPLACE, t.fd, 0);
	ASSERT_EQ((void *)LOW_TABLE, t.base);
	code = mmap((void *)LOW_CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT_EQ((void *)LOW_CODE, code);
	context_init(&self->c, (LOW_ENTRY - LOW_TABLE) / t.attr.stride,
		     arch_target(1));
	ASSERT_EQ(1, context_set(t.fd, &self->c));

	/* Or else the rest would prove nothing. */
	ASSERT_EQ(0, vm86_load(LOW_CODE, &run));
	EXPECT_EQ(VM86_UNKNOWN, VM86_TYPE(run.ret));
	EXPECT_EQ(LOW_ENTRY + 3, run.vm.regs.eip);

	EXPECT_EQ(SIGSEGV, vm86_load(LOW_ENTRY, &run));
	EXPECT_EQ((void *)LOW_ENTRY, trap.addr);
	EXPECT_EQ(0, munmap(code, 4096));
	table_close(&t);
}

#endif /* !__x86_64__ */

#ifndef SEGV_PKUERR
#define SEGV_PKUERR	4
#endif

FIXTURE(key) {
	struct table t;
	struct test_stack stack;
	struct cpu_state in;
	struct cpu_state out;
	struct context c;
	unsigned int pkru;
	int key;
};

FIXTURE_VARIANT(key) {
	/* The stack's pages are there before the call. */
	bool touched;
};

FIXTURE_VARIANT_ADD(key, touched) {
	.touched = true,
};

FIXTURE_VARIANT_ADD(key, untouched) {
	.touched = false,
};

static unsigned int read_pkru(void)
{
	unsigned int pkru;

	/* rdpkru */
	asm volatile(".byte 0x0f, 0x01, 0xee" : "=a" (pkru) : "c" (0) : "edx");
	return pkru;
}

static void write_pkru(unsigned int pkru)
{
	/* wrpkru */
	asm volatile(".byte 0x0f, 0x01, 0xef"
		     : : "a" (pkru), "c" (0), "d" (0) : "memory");
}

FIXTURE_SETUP(key)
{
	const int rw = PROT_READ | PROT_WRITE;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	self->key = pkey_alloc(0, 0);
	if (self->key < 0)
		SKIP(return, "no protection keys (errno %d)", errno);
	ASSERT_LT(0, self->key);
	self->pkru = read_pkru();
	ASSERT_EQ(0, stack_open(&self->stack, 4));
	if (variant->touched)
		memset(self->stack.mem, 0xcc, self->stack.size);
	ASSERT_EQ(0, pkey_mprotect(self->stack.mem, self->stack.size, rw,
				   self->key));
	ASSERT_EQ(0, table_open(&self->t, 16, 0));
	context_init(&self->c, 3, arch_target(1));
	context_reg(&self->c, ARCH_DATA_REG, 77);
	context_stack(&self->c, 64, 0, 5);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	arch_fill(&self->in,
		  stack_pointer(&self->stack, self->stack.size / 2), 0);
}

FIXTURE_TEARDOWN(key)
{
	write_pkru(self->pkru);
	pkey_free(self->key);
	table_close(&self->t);
	stack_close(&self->stack);
}

/* A program's own push, to the word at @addr. */
static void do_push(void *addr)
{
#ifdef __x86_64__
	asm volatile("xchg %0, %%rsp\n"
		     "push %%rax\n"
		     "xchg %0, %%rsp\n"
		     : : "r" ((char *)addr + ARCH_WORD) : "memory");
#else
	asm volatile("xchg %0, %%esp\n"
		     "push %%eax\n"
		     "xchg %0, %%esp\n"
		     : : "r" ((char *)addr + ARCH_WORD) : "memory");
#endif
}

/* A signal handler has other rights, and they stay when a jump leaves it. */
TEST_F(key, of_a_stack_that_may_not_be_written)
{
	const unsigned int rights[] = {
		PKEY_DISABLE_WRITE, PKEY_DISABLE_ACCESS,
	};
	void *data = (void *)(self->in.reg[ARCH_SP] - 64);
	unsigned int pkru;
	int target;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rights); i++) {
		pkru = self->pkru | rights[i] << 2 * self->key;
		write_pkru(pkru);
		EXPECT_EQ(SIGSEGV, try_function(do_push, data));
		EXPECT_EQ(SEGV_PKUERR, trap.code);
		EXPECT_TRUE(trap.addr == data);

		/* By a jump: what a call pushes would be refused already. */
		write_pkru(pkru);
		EXPECT_EQ(SIGSEGV, try_run(&self->in, table_entry(&self->t, 3),
					   ARCH_BY_JUMP, &self->out, &target));
		EXPECT_EQ(SEGV_PKUERR, trap.code);
		EXPECT_TRUE(trap.addr == data);
		EXPECT_EQ((uintptr_t)table_entry(&self->t, 3),
			  trap.state.reg[ARCH_PC]);
		EXPECT_EQ(self->in.reg[ARCH_SP], trap.state.reg[ARCH_SP]);
		EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
	}
	/* Nothing was written past the key. */
	write_pkru(self->pkru);
	for (i = 0; i < 64; i++)
		EXPECT_EQ(variant->touched ? 0xcc : 0,
			  ((unsigned char *)data)[i]);
}

TEST_F(key, of_a_stack_that_may_be_written)
{
	int target;

	ASSERT_EQ(0, try_run(&self->in, table_entry(&self->t, 3), ARCH_BY_JUMP,
			     &self->out, &target));
	EXPECT_EQ(self->pkru, read_pkru());
	EXPECT_EQ(1, target);
	EXPECT_EQ(self->in.reg[ARCH_SP] - 64, self->out.reg[ARCH_SP]);
	EXPECT_EQ(0, memcmp((void *)self->out.reg[ARCH_SP], self->c.stack, 64));
	EXPECT_TRUE(state_kept(&self->in, &self->out, &self->c));
}

#ifdef __x86_64__

FIXTURE(other_abi) {
	/* In the lower 4 GiB, where a 32-bit system call can reach it. */
	struct shared_args {
		struct trampfd_attr attr;
		struct trampfd_contexts contexts;
		struct context c;
	} *low;
};

FIXTURE_SETUP(other_abi)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	self->low = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_TRUE(self->low != MAP_FAILED);
	self->low->attr.ntrampolines = 16;
}

FIXTURE_TEARDOWN(other_abi)
{
}

struct int80 {
	unsigned int nr;
	unsigned long args[3];
	int ret;
};

#define NR_IOCTL_32	54
#define NR_GETPID_32	20

static void do_int80(void *p)
{
	struct int80 *call = p;

	asm volatile("int $0x80"
		     : "=a" (call->ret)
		     : "a" (call->nr), "b" (call->args[0]),
		       "c" (call->args[1]), "d" (call->args[2])
		     : "memory", "cc", "r8", "r9", "r10", "r11");
}

static int int80(unsigned int nr, unsigned long a, unsigned long b,
		 unsigned long c)
{
	struct int80 call = { .nr = nr, .args = { a, b, c } };

	/* Where there is no such gate, the instruction faults. */
	return try_function(do_int80, &call) ? -trap.signo : call.ret;
}

/* Made by a 32-bit system call, it is for a 32-bit process: not this one. */
TEST_F(other_abi, int80_create)
{
	struct trampfd_attr *attr = &self->low->attr;
	struct context c;
	int fd;

	if (int80(NR_GETPID_32, 0, 0, 0) != getpid())
		SKIP(return, "no 32-bit system calls (CONFIG_IA32_EMULATION)");
	fd = int80(__NR_trampfd_create, (uintptr_t)attr, sizeof(*attr), 0);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(mmap(NULL, attr->map_size, attr->map_prot,
			 attr->map_flags, fd, attr->map_offset) == MAP_FAILED);
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(mmap(NULL, attr->map_size, attr->map_prot,
			 attr->map_flags | MAP_32BIT, fd,
			 attr->map_offset) == MAP_FAILED);
	EXPECT_EQ(EINVAL, errno);

	/* And it has the other one's registers. */
	context_init(&c, 0, 0x1000);
	context_reg(&c, PERF_REG_X86_CX, 0xffffffff);
	EXPECT_EQ(1, context_set(fd, &c));
	context_init(&c, 0, 0x1000);
	context_reg(&c, PERF_REG_X86_R10, 1);
	EXPECT_EQ(-EINVAL, context_set(fd, &c));
	context_init(&c, 0, 0x1000);
	context_reg(&c, PERF_REG_X86_CX, 1ULL << 32);
	EXPECT_EQ(-EINVAL, context_set(fd, &c));
	context_init(&c, 0, 1ULL << 32);
	EXPECT_EQ(-EINVAL, context_set(fd, &c));
	context_init(&c, 0, 0xfffff000);
	EXPECT_EQ(-EINVAL, context_set(fd, &c));
	/* A stack of 32-bit words. */
	context_init(&c, 0, 0x1000);
	context_stack(&c, 4, 0, 1);
	EXPECT_EQ(1, context_set(fd, &c));
	EXPECT_EQ(0, close(fd));
}

/* The structures have one layout, so any system call will do for a set. */
TEST_F(other_abi, int80_ioctl)
{
	struct shared_args *low = self->low;
	struct table t;

	if (int80(NR_GETPID_32, 0, 0, 0) != getpid())
		SKIP(return, "no 32-bit system calls (CONFIG_IA32_EMULATION)");
	ASSERT_EQ(0, table_open(&t, 16, 0));
	context_init(&low->c, 2, ARCH_CODE(arch_data));
	context_reg(&low->c, ARCH_DATA_REG, 1ULL << 40);
	low->contexts = context_argument(&low->c);
	EXPECT_EQ(1, int80(NR_IOCTL_32, t.fd, TRAMPFD_SET,
			   (uintptr_t)&low->contexts));
	EXPECT_TRUE(gives(table_entry(&t, 2), 1UL << 40));
	table_close(&t);
}

#define X32_BIT	0x40000000

TEST_F(other_abi, x32)
{
	struct trampfd_attr attr = self->low->attr;
	int before = next_descriptor();
	long ret;

	if (syscall(X32_BIT | __NR_getpid) != getpid())
		SKIP(return, "no x32 system calls (CONFIG_X86_X32_ABI): ENOSYS");
	ret = syscall(X32_BIT | __NR_trampfd_create, &attr, sizeof(attr), 0);
	EXPECT_EQ(-1, ret);
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(before, next_descriptor());
}

#endif /* __x86_64__ */

TEST_HARNESS_MAIN
