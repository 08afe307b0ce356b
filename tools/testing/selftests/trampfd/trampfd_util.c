// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../kselftest.h"
#include "trampfd_util.h"

/* The C library's headers may be older than the system call. */
#ifndef __NR_trampfd_create
#ifdef __NR_Linux	/* where each ABI counts from another number */
#define __NR_trampfd_create	(__NR_Linux + 600)
#else
#define __NR_trampfd_create	600
#endif
#endif

int create(struct trampfd_attr *attr, size_t size, unsigned int flags)
{
	long ret = syscall(__NR_trampfd_create, attr, size, flags);

	return ret < 0 ? -errno : ret;
}

bool trampfd_present(void)
{
#ifdef TRAMPFD_BY_CODE
	struct table t;
	int ret = table_create(&t, 1, 0);

	if (!ret)
		close(t.fd);
	if (ret == -EOPNOTSUPP)
		return false;
#endif
	/* Wrong in every other way, so that it makes nothing. */
	return !no_such_call(-create(NULL, 0, ~0U));
}

bool threads_work(void)
{
	int word = 0;

	return syscall(__NR_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0;
}

bool no_such_call(int error)
{
	return error == ENOSYS;
}

#ifdef TRAMPFD_BY_CODE

unsigned int table_shape;

/* The same for all tables; 0 before there is any. */
static unsigned long code_offset;

/* There is no code in tables that several processes share. */
static void attr_init(struct trampfd_attr *attr, unsigned int flags)
{
	if (flags & TRAMPFD_SHARED)
		return;
	attr->type = TRAMPFD_CODE;
	attr->shape_nregs = table_shape;
	if (table_shape)
		attr->shape[0] = ARCH_DATA_REG;
}

static int map_code(const struct table *t)
{
	const struct trampfd_attr *attr = &t->attr;

	if (attr->type != TRAMPFD_CODE)
		return 0;
	code_offset = attr->code_offset;
	if (mmap(t->base + attr->data_offset, attr->part_size, attr->data_prot,
		 attr->map_flags | MAP_FIXED, t->fd,
		 attr->data_offset) == MAP_FAILED ||
	    mmap(t->base + attr->code_offset, attr->part_size, attr->code_prot,
		 attr->map_flags | MAP_FIXED, t->fd,
		 attr->code_offset) == MAP_FAILED)
		return -errno;
	return 0;
}

bool trap_at(const void *entry)
{
	return trap.addr == ARCH_FAULT_ADDR(entry) ||
	       (code_offset &&
		trap.addr == ARCH_FAULT_ADDR((char *)entry - code_offset));
}

#else

static void attr_init(struct trampfd_attr *attr, unsigned int flags)
{
	attr->type = TRAMPFD_FAULT;
}

static int map_code(const struct table *t)
{
	return 0;
}

bool trap_at(const void *entry)
{
	return trap.addr == ARCH_FAULT_ADDR(entry);
}

#endif

int table_create(struct table *t, unsigned int ntrampolines, unsigned int flags)
{
	memset(t, 0, sizeof(*t));
	attr_init(&t->attr, flags);
	t->attr.ntrampolines = ntrampolines;
	t->base = MAP_FAILED;
	t->fd = create(&t->attr, sizeof(t->attr), flags);
	return t->fd < 0 ? t->fd : 0;
}

static int map_with(struct table *t, void *addr, int flags)
{
	int ret;

	t->base = mmap(addr, t->attr.map_size, t->attr.map_prot,
		       t->attr.map_flags | flags, t->fd, t->attr.map_offset);
	if (t->base == MAP_FAILED)
		return -errno;
	ret = map_code(t);
	if (!ret)
		note_mapping(t->fd, t);
	return ret;
}

int table_map(struct table *t)
{
	return map_with(t, NULL, 0);
}

int table_map_at(struct table *t, void *addr)
{
	return map_with(t, addr, MAP_FIXED);
}

int table_open(struct table *t, unsigned int ntrampolines, unsigned int flags)
{
	int ret = table_create(t, ntrampolines, flags);

	if (ret)
		return ret;
	ret = table_map(t);
	if (ret)
		table_close(t);
	return ret;
}

void table_unmap(struct table *t)
{
	if (t->base != MAP_FAILED)
		munmap(t->base, t->attr.map_size);
	t->base = MAP_FAILED;
	note_mapping(t->fd, NULL);
}

void table_close(struct table *t)
{
	table_unmap(t);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

char *table_entry(const struct table *t, unsigned int trampoline)
{
	char *entry = t->base + (size_t)trampoline * t->attr.stride;

#ifdef TRAMPFD_BY_CODE
	/* 0 in a table without code. */
	entry += t->attr.code_offset;
#endif
	return entry;
}

unsigned int table_per_page(const struct table *t)
{
	return getpagesize() / t->attr.stride;
}

unsigned long call(const void *entry)
{
	return ((unsigned long (*)(void))entry)();
}

__thread struct trap trap;

static __thread sigjmp_buf trap_env;
static __thread int trap_armed;

static const int trap_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };

static void trap_handler(int signo, siginfo_t *info, void *uc)
{
	if (!__atomic_load_n(&trap_armed, __ATOMIC_RELAXED)) {
		/* Nobody expects it: let it end the process when it repeats. */
		signal(signo, SIG_DFL);
		return;
	}
	trap.signo = signo;
	trap.code = info->si_code;
	trap.addr = info->si_addr;
	arch_from_ucontext(&trap.state, uc);
	siglongjmp(trap_env, 1);
}

void trap_init(void)
{
	/* Tests put the stack pointer where no handler could run. */
	static __thread char handler_stack[128 * 1024];
	const stack_t ss = {
		.ss_sp = handler_stack,
		.ss_size = sizeof(handler_stack),
	};
	struct sigaction sa = {
		.sa_sigaction = trap_handler,
		/* The handler is left by a jump, with no mask to put back. */
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};
	size_t i;

	sigaltstack(&ss, NULL);
	for (i = 0; i < ARRAY_SIZE(trap_signals); i++)
		sigaction(trap_signals[i], &sa, NULL);
}

int try_function(void (*fn)(void *arg), void *arg)
{
	memset(&trap, 0, sizeof(trap));
	if (!sigsetjmp(trap_env, 0)) {
		__atomic_store_n(&trap_armed, 1, __ATOMIC_RELAXED);
		fn(arg);
	}
	__atomic_store_n(&trap_armed, 0, __ATOMIC_RELAXED);
	return trap.signo;
}

struct call_arg {
	const void *entry;
	unsigned long value;
};

static void do_call(void *p)
{
	struct call_arg *arg = p;

	arg->value = call(arg->entry);
}

int try_call(const void *entry, unsigned long *value)
{
	struct call_arg arg = { .entry = entry };
	int signo = try_function(do_call, &arg);

	*value = arg.value;
	return signo;
}

static void do_load(void *addr)
{
	__atomic_load_n((unsigned char *)addr, __ATOMIC_RELAXED);
}

int try_load(const void *addr)
{
	return try_function(do_load, (void *)addr);
}

static void do_store(void *addr)
{
	__atomic_store_n((unsigned char *)addr, 0, __ATOMIC_RELAXED);
}

int try_store(void *addr)
{
	return try_function(do_store, addr);
}

struct run_arg {
	const struct cpu_state *in;
	const void *entry;
	enum arch_how how;
	struct cpu_state *out;
	int target;
};

static void do_run(void *p)
{
	struct run_arg *arg = p;

	arg->target = arch_run(arg->in, arg->entry, arg->how, arg->out);
}

int try_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	    struct cpu_state *out, int *target)
{
	struct run_arg arg = {
		.in = in,
		.entry = entry,
		.how = how,
		.out = out,
	};
	int signo = try_function(do_run, &arg);

	*target = arg.target;
	return signo;
}

bool gives(const void *entry, unsigned long value)
{
	unsigned long got;

	return !try_call(entry, &got) && got == value;
}

bool trap_is_plain(const void *addr)
{
	return trap.signo == SIGSEGV && trap.code == SEGV_ACCERR && trap_at(addr);
}

bool is_plain(const void *addr)
{
	unsigned long value;

	try_call(addr, &value);
	return trap_is_plain(addr);
}

bool is_unmapped(const void *addr)
{
	unsigned long value;

	try_call(addr, &value);
	return trap.signo == SIGSEGV && trap.code == SEGV_MAPERR &&
	       trap.addr == ARCH_FAULT_ADDR(addr);
}

bool data_runs(void)
{
	const uintptr_t code = ARCH_CODE(arch_data);
	const size_t size = 32, beside = code & 3;
	unsigned long value;
	char *page;
	bool ret;

	page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return false;
	memcpy(page, (const void *)(code - beside), size);
	__builtin___clear_cache(page, page + size);
	ret = !try_call(page + beside, &value);
	munmap(page, getpagesize());
	return ret;
}

bool shared_at_any_page(void)
{
	const size_t page = getpagesize();
	char *room = mmap(NULL, 2 * page, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;
	bool ret = true;

	if (room == MAP_FAILED)
		return false;
	for (i = 0; i < 2; i++)
		ret &= mmap(room + i * page, page, PROT_NONE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
			    0) != MAP_FAILED;
	munmap(room, 2 * page);
	return ret;
}

int stack_open(struct test_stack *s, unsigned int pages)
{
	size_t page = getpagesize();
	char *mem;

	s->size = pages * page;
	mem = mmap(NULL, s->size + 2 * page, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	s->mem = mem + page;
	if (mprotect(s->mem, s->size, PROT_READ | PROT_WRITE))
		return -errno;
	return 0;
}

void stack_close(struct test_stack *s)
{
	size_t page = getpagesize();

	munmap(s->mem - page, s->size + 2 * page);
}

unsigned long stack_pointer(const struct test_stack *s, size_t bytes)
{
	return (unsigned long)s->mem + bytes;
}

static unsigned long generation_value(unsigned int generation,
				      unsigned int name)
{
	unsigned long value = generation * 0x01000193U;

	/* Both halves, where a register has two. */
	value |= value << (4 * sizeof(value) - 1) << 1;
	/* Itself in one register, so that the rest can be told from it. */
	return name == ARCH_DATA_REG ? generation : value ^ name << 24;
}

static unsigned int generation_stack(unsigned int generation)
{
	return generation % 3 * 4 * ARCH_WORD;
}

void generation_context(struct context *c, unsigned int trampoline,
			unsigned int generation)
{
	unsigned int size = generation_stack(generation);
	size_t i;

	context_init(c, trampoline, arch_target(generation % ARCH_NTARGETS));
	for (i = 0; i < arch_nsettable; i++)
		context_reg(c, arch_settable[i].number,
			    generation_value(generation,
					     arch_settable[i].number));
	context_stack(c, size, size ? ARCH_RED_ZONE : 0, generation);
}

bool generation_whole(const struct cpu_state *in, enum arch_how how,
		      const struct cpu_state *out, int target,
		      unsigned int *generation)
{
	unsigned long sp = in->reg[ARCH_SP];
	struct context c;

	*generation = out->reg[ARCH_DATA_REG];
	generation_context(&c, 0, *generation);
	if (target != (int)(*generation % ARCH_NTARGETS))
		return false;
	if (how == ARCH_BY_CALL)
		sp -= ARCH_CALL_PUSH;
	sp -= c.rec.stack_size + c.rec.stack_skip;
	if (out->reg[ARCH_SP] != sp)
		return false;
	if (memcmp((void *)sp, c.stack, c.rec.stack_size))
		return false;
	return state_kept(in, out, &c);
}

/* What fails in a loop is told of some times, and not thousands of times. */
static bool tell_more(void)
{
	static int told;

	return __atomic_fetch_add(&told, 1, __ATOMIC_RELAXED) < 10;
}

bool state_kept(const struct cpu_state *in, const struct cpu_state *out,
		const struct context *c)
{
	struct cpu_state want = *in;
	unsigned int i;

	/* Where they are is the caller's to check. */
	want.reg[ARCH_PC] = out->reg[ARCH_PC];
	want.reg[ARCH_SP] = out->reg[ARCH_SP];
	for (i = 0; c && i < c->rec.nregs; i++)
		if (c->reg[i].name != ARCH_PC)
			want.reg[c->reg[i].name] = c->reg[i].value;
#if defined(TRAMPFD_BY_CODE) && defined(ARCH_TARGET_REG)
	/* What it gets from code is for code_test to check. */
	want.reg[ARCH_TARGET_REG] = out->reg[ARCH_TARGET_REG];
#endif

	for (i = 0; i < ARCH_NREGS; i++) {
		if (out->reg[i] == want.reg[i])
			continue;
		if (tell_more())
			fprintf(stderr, "# register %u: %#lx, not %#lx\n", i,
				out->reg[i], want.reg[i]);
		return false;
	}
	if (!arch_fp_equal(in, out)) {
		if (tell_more())
			fprintf(stderr, "# floating-point state changed\n");
		return false;
	}
	return true;
}

int child_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

int next_descriptor(void)
{
	int fd = dup(STDIN_FILENO);

	if (fd < 0)
		fd = open("/", O_PATH | O_CLOEXEC);
	close(fd);
	return fd;
}

union fd_message {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static void fd_message_init(struct msghdr *msg, struct iovec *iov,
			    union fd_message *control)
{
	static char byte;

	memset(control, 0, sizeof(*control));
	iov->iov_base = &byte;
	iov->iov_len = 1;
	memset(msg, 0, sizeof(*msg));
	msg->msg_iov = iov;
	msg->msg_iovlen = 1;
	msg->msg_control = control;
	msg->msg_controllen = sizeof(*control);
}

int send_descriptor(int sock, int fd)
{
	union fd_message control;
	struct cmsghdr *header;
	struct msghdr msg;
	struct iovec iov;

	fd_message_init(&msg, &iov, &control);
	header = CMSG_FIRSTHDR(&msg);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

int receive_descriptor(int sock)
{
	union fd_message control;
	struct msghdr msg;
	struct iovec iov;
	int fd;

	fd_message_init(&msg, &iov, &control);
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	if (!CMSG_FIRSTHDR(&msg))
		return -ENOENT;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

void run_on_cpu(unsigned int n)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(n % sysconf(_SC_NPROCESSORS_ONLN), &one);
	/* Where that is not possible, the test is only less sharp. */
	sched_setaffinity(0, sizeof(one), &one);
}

int pipe_wait(int fd)
{
	char byte;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -EPIPE;
}

int pipe_tell(int fd)
{
	return write(fd, "", 1) == 1 ? 0 : -errno;
}
