// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

int table_create(struct table *t, unsigned int ntrampolines, unsigned int flags)
{
	memset(t, 0, sizeof(*t));
	t->attr.type = TRAMPFD_FAULT;
	t->attr.ntrampolines = ntrampolines;
	t->base = MAP_FAILED;
	t->fd = create(&t->attr, sizeof(t->attr), flags);
	return t->fd < 0 ? t->fd : 0;
}

static int map_with(struct table *t, void *addr, int flags)
{
	t->base = mmap(addr, t->attr.map_size, t->attr.map_prot,
		       t->attr.map_flags | flags, t->fd, t->attr.map_offset);
	return t->base == MAP_FAILED ? -errno : 0;
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
	return t->base + (size_t)trampoline * t->attr.stride;
}

unsigned int table_per_page(const struct table *t)
{
	return getpagesize() / t->attr.stride;
}

int control(int fd, unsigned long command, void *arg)
{
	int ret = ioctl(fd, command, arg);

	return ret < 0 ? -errno : ret;
}

void context_init(struct context *c, unsigned int trampoline, unsigned long pc)
{
	memset(c, 0, sizeof(*c));
	c->rec.trampoline = trampoline;
	context_reg(c, ARCH_PC, pc);
}

void context_reg(struct context *c, unsigned int name, uint64_t value)
{
	c->reg[c->rec.nregs].name = name;
	c->reg[c->rec.nregs].value = value;
	c->rec.nregs++;
}

void context_stack(struct context *c, unsigned int size, unsigned int skip,
		   unsigned char seed)
{
	unsigned int i;

	c->rec.stack_size = size;
	c->rec.stack_skip = skip;
	for (i = 0; i < size && i < sizeof(c->stack); i++)
		c->stack[i] = seed + 3 * i;
}

struct trampfd_contexts context_argument(struct context *c)
{
	return (struct trampfd_contexts) {
		.records = (uintptr_t)&c->rec,
		.regs = (uintptr_t)c->reg,
		.stack = (uintptr_t)c->stack,
		.nrecords = 1,
		.nregs = c->rec.nregs,
		.stack_size = c->rec.stack_size,
	};
}

int context_set(int fd, struct context *c)
{
	struct trampfd_contexts arg = context_argument(c);

	return control(fd, TRAMPFD_SET, &arg);
}

int context_set_both(int fd, const struct context c[2])
{
	struct trampfd_record records[2];
	struct trampfd_reg regs[2][2];
	struct trampfd_contexts arg = {
		.records = (uintptr_t)records,
		.regs = (uintptr_t)regs,
		.nrecords = 2,
		.nregs = 4,
	};
	int i;

	for (i = 0; i < 2; i++) {
		records[i] = c[i].rec;
		memcpy(regs[i], c[i].reg, sizeof(regs[i]));
	}
	return control(fd, TRAMPFD_SET, &arg);
}

int context_get(int fd, unsigned int trampoline, struct context *c)
{
	struct trampfd_contexts arg;

	memset(c, 0, sizeof(*c));
	arg = context_argument(c);
	arg.nregs = TRAMPFD_REGS_MAX;
	arg.stack_size = TRAMPFD_STACK_MAX;
	c->rec.trampoline = trampoline;
	return control(fd, TRAMPFD_GET, &arg);
}

static bool has_reg(const struct context *c, const struct trampfd_reg *reg)
{
	unsigned int i;

	for (i = 0; i < c->rec.nregs; i++)
		if (!memcmp(&c->reg[i], reg, sizeof(*reg)))
			return true;
	return false;
}

bool context_equal(const struct context *a, const struct context *b)
{
	unsigned int i;

	/* No register is there twice, so one direction is enough. */
	for (i = 0; i < a->rec.nregs; i++)
		if (!has_reg(b, &a->reg[i]))
			return false;
	return !memcmp(&a->rec, &b->rec, sizeof(a->rec)) &&
	       !memcmp(a->stack, b->stack, a->rec.stack_size);
}

static void value_context(struct context *c, unsigned int trampoline,
			  unsigned long value)
{
	context_init(c, trampoline, ARCH_CODE(arch_data));
	context_reg(c, ARCH_DATA_REG, value);
}

int set_value(int fd, unsigned int trampoline, unsigned long value)
{
	struct context c;

	value_context(&c, trampoline, value);
	return context_set(fd, &c);
}

int set_values(int fd, unsigned int first, unsigned int count,
	       unsigned long value)
{
	struct trampfd_record *records = calloc(count, sizeof(*records));
	struct trampfd_reg (*regs)[2] = calloc(count, sizeof(*regs));
	struct trampfd_contexts arg = {
		.records = (uintptr_t)records,
		.regs = (uintptr_t)regs,
		.nrecords = count,
		.nregs = 2 * count,
	};
	int ret = -ENOBUFS;
	struct context c;
	unsigned int i;

	if (records && regs) {
		for (i = 0; i < count; i++) {
			value_context(&c, first + i, value + i);
			records[i] = c.rec;
			memcpy(regs[i], c.reg, sizeof(regs[i]));
		}
		ret = control(fd, TRAMPFD_SET, &arg);
	}
	free(records);
	free(regs);
	return ret;
}

int remove_range(int fd, unsigned int first, unsigned int count)
{
	uint32_t *list = calloc(count, sizeof(*list));
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)list,
		.count = count,
	};
	int ret = -ENOBUFS;
	unsigned int i;

	if (list) {
		for (i = 0; i < count; i++)
			list[i] = first + i;
		ret = control(fd, TRAMPFD_REMOVE, &arg);
	}
	free(list);
	return ret;
}

static int list_one(int fd, unsigned long command, uint32_t trampoline)
{
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)&trampoline,
		.count = 1,
	};

	return control(fd, command, &arg);
}

int remove_one(int fd, unsigned int trampoline)
{
	return list_one(fd, TRAMPFD_REMOVE, trampoline);
}

int seal_one(int fd, unsigned int trampoline)
{
	return list_one(fd, TRAMPFD_SEAL, trampoline);
}

int allow(int fd, const uint64_t *pcs, unsigned int count)
{
	struct trampfd_pcs arg = {
		.pcs = (uintptr_t)pcs,
		.count = count,
	};

	return control(fd, TRAMPFD_ALLOW, &arg);
}

int get_value(int fd, unsigned int trampoline, unsigned long *value)
{
	struct context c;
	unsigned int i;
	int ret = context_get(fd, trampoline, &c);

	if (ret < 0)
		return ret;
	for (i = 0; i < c.rec.nregs; i++)
		if (c.reg[i].name == ARCH_DATA_REG)
			*value = c.reg[i].value;
	return ret;
}

bool has_value(int fd, unsigned int trampoline, unsigned long value)
{
	struct context want, have;

	value_context(&want, trampoline, value);
	return context_get(fd, trampoline, &have) == 1 &&
	       context_equal(&want, &have);
}

bool is_unset(int fd, unsigned int trampoline)
{
	struct context c;

	return context_get(fd, trampoline, &c) == -ENOENT;
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
	return trap.signo == SIGSEGV && trap.code == SEGV_ACCERR &&
	       trap.addr == ARCH_FAULT_ADDR(addr);
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

ssize_t file_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (done < size - 1) {
		n = read(fd, buf + done, size - 1 - done);
		if (n <= 0)
			break;
		done += n;
	}
	buf[done] = '\0';
	close(fd);
	return done;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int file_write_number(const char *path, long long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", number);
	return file_write(path, text);
}

static int parse_number(const char *text, long long *number)
{
	char *end;

	*number = strtoll(text, &end, 10);
	return end == text ? -EINVAL : 0;
}

int file_read_number(const char *path, long long *number)
{
	char text[32];
	ssize_t n = file_read(path, text, sizeof(text));

	return n < 0 ? n : parse_number(text, number);
}

/* For files that are longer than one would want to hold: line by line. */
static int find_line(const char *path, const char *key, char *line, int size)
{
	FILE *f = fopen(path, "re");
	int ret = -ENOENT;

	if (!f)
		return -errno;
	while (fgets(line, size, f)) {
		if (!strncmp(line, key, strlen(key))) {
			ret = 0;
			break;
		}
	}
	fclose(f);
	return ret;
}

int file_find_number(const char *path, const char *key, long long *number)
{
	char line[512];
	int ret = find_line(path, key, line, sizeof(line));

	if (ret)
		return ret;
	return parse_number(line + strlen(key), number);
}

const char *mounted(const char *type, const char *usual)
{
	static char dir[64];
	char line[512];
	FILE *f = fopen("/proc/self/mounts", "re");
	const char *found = NULL;

	while (f && !found && fgets(line, sizeof(line), f)) {
		char at[256], kind[64];

		if (sscanf(line, "%*s %255s %63s", at, kind) == 2 &&
		    !strcmp(at, usual) && !strcmp(kind, type))
			found = usual;
	}
	if (f)
		fclose(f);
	if (found || !mount("none", usual, type, 0, NULL))
		return usual;

	mkdir("/tmp", 0777);
	snprintf(dir, sizeof(dir), "/tmp/trampfd-XXXXXX");
	if (!mkdtemp(dir) || mount("none", dir, type, 0, NULL))
		return NULL;
	return dir;
}

int slab_objects(const char *cache, long long *objects)
{
	char key[64];

	snprintf(key, sizeof(key), "%s ", cache);
	return file_find_number("/proc/slabinfo", key, objects);
}

int slab_objects_left(const char *cache, long long *objects)
{
	int ret = 0, turns = 0, same = 0;
	long long last = -1;
	char path[96];

	/*
	 * RCU gives back in its own time, up to some seconds.  What a CPU keeps
	 * for reuse counts as in use, and so does what is in a quarantine, both
	 * until they are told.
	 */
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	while (turns++ < 1200 && same < 150) {
		file_write(path, "1");
		ret = slab_objects(cache, objects);
		if (ret || !*objects)
			break;
		same = *objects == last ? same + 1 : 0;
		last = *objects;
		usleep(50000);
	}
	return ret;
}

bool contains(const char *text, const char *part)
{
	return strstr(text, part);
}

bool maps_line(const void *addr, char *line, size_t size)
{
	FILE *f = fopen("/proc/self/maps", "re");
	bool found = false;

	while (f && !found && fgets(line, size, f)) {
		unsigned long long start, end;

		if (sscanf(line, "%llx-%llx", &start, &end) == 2)
			found = (uintptr_t)addr >= start &&
				(uintptr_t)addr < end;
	}
	if (f)
		fclose(f);
	return found;
}

static int smaps_line(const void *addr, const char *key, char *line, size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool inside = false;
	int ret = -ENOENT;

	if (!f)
		return -errno;
	while (ret && fgets(line, size, f)) {
		unsigned long long start, end;

		if (sscanf(line, "%llx-%llx", &start, &end) == 2)
			inside = (uintptr_t)addr >= start &&
				 (uintptr_t)addr < end;
		else if (inside && !strncmp(line, key, strlen(key)))
			ret = 0;
	}
	fclose(f);
	return ret;
}

int smaps_flags(const void *addr, char *flags, size_t size)
{
	char line[256];
	int ret = smaps_line(addr, "VmFlags:", line, sizeof(line));

	if (!ret)
		snprintf(flags, size, "%s", line + strlen("VmFlags:"));
	return ret;
}

int smaps_number(const void *addr, const char *key, long long *number)
{
	char line[256];
	int ret = smaps_line(addr, key, line, sizeof(line));

	if (ret)
		return ret;
	return parse_number(line + strlen(key), number);
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
