// SPDX-License-Identifier: MIT
/*
 * Trampolines for programs, without writable, executable memory.
 *
 * The library keeps tables of trampolines, each with a descriptor and a mapping
 * of its own, and hands out what is in them.  All of its state is under one
 * lock, which is also held while the kernel sets trampolines (the kernel has a
 * lock of its own there), so that fork(), which takes the lock, finds nothing
 * half done.
 */
#include "trampfd.h"
#include "arch.h"
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_MIN	4096U
#define TABLE_MAX	65536U

/* Descriptors from here on are hardly ever given out by the kernel. */
#define FD_LIMIT	1024U
#define FD_MIN(limit)	((limit) / 4 * 3)

/* How many freed trampolines one call that sets others disarms. */
#define DISARM_MAX	64U

/* The end of a list. */
#define NONE		INT32_MAX

/* What struct table.next has for a trampoline that is in no list. */
#define IN_USE		0x80000000U
#define ARMED		0x1U	/* a call goes somewhere */
#define BEING_FREED	0x2U

/**
 * struct table - trampolines with a descriptor in common
 * @link: The next table.
 * @base: Address of the mapping.
 * @size: Its size.
 * @stride: Bytes from a trampoline to the next.
 * @count: How many there are.
 * @fd: The descriptor; -1 once it is known to be lost.
 * @dev: The descriptor's device.
 * @ino: Its inode, which is no other's.
 * @fresh: Trampolines below this one have never been handed out.
 * @room: How many can be handed out.
 * @armed: The last freed one that still does what it was set to.
 * @disarmed: The last freed one that does not.
 * @unwind: The unwind table, if it is not in the room, which has one.
 * @next: Of a freed trampoline, the one freed before; or IN_USE with flags.
 */
struct table {
	struct table *link;
	char *base;
	size_t size;
	uint32_t stride;
	uint32_t count;
	int fd;
	dev_t dev;
	ino_t ino;
	uint32_t fresh;
	uint32_t room;
	uint32_t armed;
	uint32_t disarmed;
	uintptr_t unwind[UNWIND_TABLE_SIZE / sizeof(uintptr_t)];
	uint32_t next[];
};

/**
 * struct batch - what one TRAMPFD_SET sets
 * @records: The contexts.
 * @regs: Their registers.
 * @stack: Their stack data.
 * @nrecords: Elements of @records.
 * @nregs: Elements of @regs.
 * @stack_size: Bytes of @stack.
 */
struct batch {
	struct trampfd_record *records;
	struct trampfd_reg *regs;
	uint8_t *stack;
	uint32_t nrecords;
	uint32_t nregs;
	uint32_t stack_size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* All that follows is under the lock. */
static struct table *tables;
static uint32_t ntables;
static int refused;	/* why the kernel gives no trampolines, 0 if it may */
static bool room_used;	/* or not to be used */

static void lock_tables(void)
{
	pthread_mutex_lock(&lock);
}

static void unlock_tables(void)
{
	pthread_mutex_unlock(&lock);
}

/* Before main(): a fork must not find the lock taken. */
static void __attribute__((constructor)) set_up(void)
{
	refused = pthread_atfork(lock_tables, unlock_tables, unlock_tables);
}

/* close() without being a cancellation point, and with errno kept. */
static void close_quietly(int fd)
{
	int error = errno;

	syscall(SYS_close, fd);
	errno = error;
}

/*
 * The descriptor.
 */

/*
 * Programs close descriptors that they do not know, and then get the numbers
 * again.  Move it to where this is rare; if that is not possible, leave it.
 */
static int move_up(int fd)
{
	struct rlimit limit;
	unsigned int max = FD_LIMIT;
	int error = errno;
	int high;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < max)
		max = limit.rlim_cur;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN(max));
	errno = error;
	if (high < 0)
		return fd;
	close_quietly(fd);
	return high;
}

/* Whether the number still stands for the file that it stood for. */
static bool still_there(const struct table *t)
{
	struct stat st;

	return !fstat(t->fd, &st) && st.st_dev == t->dev && st.st_ino == t->ino;
}

static int set(int fd, const struct batch *b)
{
	struct trampfd_contexts contexts = {
		.records = (uintptr_t)b->records,
		.regs = (uintptr_t)b->regs,
		.stack = (uintptr_t)b->stack,
		.nrecords = b->nrecords,
		.nregs = b->nregs,
		.stack_size = b->stack_size,
	};

	return ioctl(fd, TRAMPFD_SET, &contexts);
}

/*
 * Whether this process may set trampolines: with a number that there is none
 * of, a kernel that would set it says EINVAL.
 */
static bool may_set(int fd, uint32_t count)
{
	struct trampfd_record record = { .trampoline = count, .nregs = 1 };
	struct trampfd_reg reg = { .name = REG_PC };
	struct batch b = {
		.records = &record, .nrecords = 1, .regs = &reg, .nregs = 1,
	};

	if (set(fd, &b) >= 0)
		errno = EIO;	/* a filter that lies */
	return errno == EINVAL;
}

/*
 * Tables.
 */

/*
 * Map a table where unwinders know that there is one.  If this fails, the
 * kernel may have unmapped what was there, so another mapping can be there now,
 * and it is not tried again.
 */
static void *map_in_room(int fd, const struct trampfd_attr *attr)
{
	void *const room = (void *)trampfd_room;
	void *base;

	if (room_used || attr->map_size != ROOM_SIZE)
		return MAP_FAILED;

	room_used = true;
	base = mmap(room, ROOM_SIZE, attr->map_prot,
		    attr->map_flags | MAP_FIXED, fd, attr->map_offset);
	/* Leave no hole for something that unwinders would take for a table. */
	if (base == MAP_FAILED)
		mmap(room, ROOM_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		     MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	return base;
}

static struct table *new_table(uint32_t count)
{
	const size_t size = sizeof(struct table) + count * sizeof(uint32_t);
	struct trampfd_attr attr = {
		.type = TRAMPFD_FAULT, .ntrampolines = count,
	};
	struct table *t;
	struct stat st;
	bool in_room;
	void *base;
	int error;
	int fd;

	fd = syscall(__NR_trampfd_create, &attr, sizeof(attr), 0);
	if (fd < 0)
		return NULL;
	fd = move_up(fd);
	if (fstat(fd, &st) || !may_set(fd, count))
		goto out_close;

	/* Memory comes when it is used, so large tables cost nothing yet. */
	t = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t == MAP_FAILED)
		goto out_close;

	/* The last that can fail: it need not be taken out of the room again. */
	base = map_in_room(fd, &attr);
	in_room = base != MAP_FAILED;
	if (!in_room)
		base = mmap(NULL, attr.map_size, attr.map_prot, attr.map_flags,
			    fd, attr.map_offset);
	if (base == MAP_FAILED)
		goto out_unmap;

	t->base = base;
	t->size = attr.map_size;
	t->stride = attr.stride;
	t->count = count;
	t->fd = fd;
	t->dev = st.st_dev;
	t->ino = st.st_ino;
	t->fresh = count;
	t->room = count;
	t->armed = NONE;
	t->disarmed = NONE;
	if (!in_room)
		trampfd_unwind_register(t->unwind, base, attr.map_size);
	return t;

out_unmap:
	error = errno;
	munmap(t, size);
	errno = error;
out_close:
	close_quietly(fd);
	return NULL;
}

/* What may have another answer next time. */
static bool may_pass(int error)
{
	switch (error) {
	case EAGAIN:
	case EDQUOT:
	case EINTR:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return true;
	default:
		return false;
	}
}

/* The descriptor is gone, or somebody else's: hand out no more of the table. */
static void lose_table(struct table *t)
{
	t->fd = -1;
}

/* Make a table with room for @count, and more with each that there is. */
static struct table *add_table(uint32_t count)
{
	uint32_t size = TABLE_MIN;
	struct table *t, *old;
	uint32_t i;

	if (refused) {
		errno = refused;
		return NULL;
	}
	for (i = 0; size < TABLE_MAX && (i < ntables || size < count); i++)
		size *= 2;

	t = new_table(size);
	if (!t) {
		if (!may_pass(errno))
			refused = errno;
		return NULL;
	}
	/* The kernel has given out the number, so another that had it has lost it. */
	for (old = tables; old; old = old->link) {
		if (old->fd == t->fd)
			lose_table(old);
	}
	t->link = tables;
	tables = t;
	ntables++;
	return t;
}

/*
 * The table that has room for @count, and comes first from now on; NULL if none
 * has.
 */
static struct table *table_with_room(uint32_t count)
{
	struct table *t, **link;

	for (link = &tables; (t = *link); link = &t->link) {
		if (t->fd < 0 || t->room < count)
			continue;
		*link = t->link;
		t->link = tables;
		tables = t;
		return t;
	}
	return NULL;
}

static void *address_of(const struct table *t, uint32_t number)
{
	return t->base + (size_t)number * t->stride;
}

/* The table and the number of a trampoline that was handed out at some time. */
static struct table *locate(const void *trampoline, uint32_t *number)
{
	uintptr_t offset;
	struct table *t;

	for (t = tables; t; t = t->link) {
		offset = (uintptr_t)trampoline - (uintptr_t)t->base;
		if (offset >= (uintptr_t)t->count * t->stride)
			continue;
		*number = offset / t->stride;
		return offset % t->stride || *number < t->fresh ? NULL : t;
	}
	return NULL;
}

/* The same, for one that is in use. */
static struct table *find(const void *trampoline, uint32_t *number)
{
	struct table *t = locate(trampoline, number);

	return t && (t->next[*number] & ~ARMED) == IN_USE ? t : NULL;
}

static void push(struct table *t, uint32_t *list, uint32_t number)
{
	t->next[number] = *list;
	*list = number;
}

static uint32_t pop(struct table *t, uint32_t *list)
{
	uint32_t number = *list;

	*list = t->next[number];
	return number;
}

/*
 * Hand out a trampoline of a table that has one.  Those that are still armed go
 * first: the call that sets them again is the one that disarms them.
 *
 * Fresh ones are taken from the end.  Should the descriptor's number stand for
 * another table of the program's, it is not likely to have one of that number,
 * and the kernel refuses.
 */
static void *take(struct table *t)
{
	uint32_t number, state = IN_USE;

	if (t->armed != NONE) {
		number = pop(t, &t->armed);
		state |= ARMED;
	} else if (t->disarmed != NONE) {
		number = pop(t, &t->disarmed);
	} else {
		number = --t->fresh;
	}
	t->next[number] = state;
	t->room--;
	return address_of(t, number);
}

/*
 * Setting.
 */

/* What a freed trampoline leads to. */
static void __attribute__((noreturn)) freed_trampoline_was_called(void)
{
	static const char message[] =
		"libtrampfd: a freed trampoline was called\n";
	ssize_t written = write(STDERR_FILENO, message, sizeof(message) - 1);

	(void)written;
	abort();
}

static void add_reg(struct batch *b, uint32_t name, uintptr_t value)
{
	b->regs[b->nregs++] = (struct trampfd_reg) {
		.name = name, .value = value,
	};
}

/* Add what all records have in common; the caller may add more registers. */
static struct trampfd_record *add_record(struct batch *b, uint32_t number,
					 uintptr_t target)
{
	struct trampfd_record *record = &b->records[b->nrecords++];

	*record = (struct trampfd_record) { .trampoline = number };
	add_reg(b, REG_PC, target);
	return record;
}

static void add_callee(struct batch *b, uintptr_t target)
{
#ifdef REG_CALLEE
	add_reg(b, REG_CALLEE, target);
#else
	(void)b;
	(void)target;
#endif
}

/* PC, callee and context. */
#define OWN_REGS	3U

static void add_call(struct batch *b, uint32_t number,
		     const struct trampfd_call *call)
{
	const uintptr_t target = (uintptr_t)call->target;
	const uint32_t first = b->nregs;
	struct trampfd_record *record = add_record(b, number, target);

	if (call->regs) {
		memcpy(&b->regs[b->nregs], call->regs,
		       call->nregs * sizeof(*call->regs));
		b->nregs += call->nregs;
	} else {
		add_callee(b, target);
		add_reg(b, REG_CONTEXT, (uintptr_t)call->data);
	}
	record->nregs = b->nregs - first;

	record->stack_size = call->stack_size;
	record->stack_skip = call->stack_skip;
	if (call->stack_size) {
		memcpy(b->stack + b->stack_size, call->stack, call->stack_size);
		b->stack_size += call->stack_size;
	}
}

/* Add freed trampolines that are still armed. */
static void add_disarmed(struct batch *b, const struct table *t, uint32_t max)
{
	const uintptr_t target = (uintptr_t)freed_trampoline_was_called;
	struct trampfd_record *record;
	uint32_t number;
	uint32_t first;

	for (number = t->armed; number != NONE && max--;
	     number = t->next[number]) {
		first = b->nregs;
		record = add_record(b, number, target);
		add_callee(b, target);
		record->nregs = b->nregs - first;
	}
}

/*
 * Set @n trampolines of a table, and disarm others of it in the same call.
 * Return how many of the @n were set, or -1 with errno.
 */
static int set_batch(struct table *t, struct batch *b)
{
	const uint32_t n = b->nrecords;
	uint32_t i;
	int done;

	if (t->fd < 0) {
		errno = EBADF;
		return -1;
	}
	if (n < TRAMPFD_RECORDS_MAX)
		add_disarmed(b, t, n + DISARM_MAX <= TRAMPFD_RECORDS_MAX ?
				   DISARM_MAX : TRAMPFD_RECORDS_MAX - n);

	done = set(t->fd, b);
	if (done < 1 || (uint32_t)done > b->nrecords) {
		int error = done < 0 ? errno : EIO;

		if (!still_there(t)) {
			lose_table(t);
			error = EBADF;
		}
		errno = error;
		return -1;
	}
	for (i = 0; i < (uint32_t)done && i < n; i++)
		t->next[b->records[i].trampoline] = IN_USE | ARMED;
	for (; i < (uint32_t)done; i++)
		push(t, &t->disarmed, pop(t, &t->armed));
	return (uint32_t)done < n ? done : (int)n;
}

/* What no kernel would take, and the library has no room for. */
static bool possible(const struct trampfd_call *call)
{
	return (call->regs || !call->nregs) &&
	       call->nregs < TRAMPFD_REGS_MAX &&
	       call->stack_size <= TRAMPFD_STACK_MAX;
}

/*
 * Set the first of @calls, as many as are in one table; @count is at most
 * %TRAMPFD_RECORDS_MAX.  Return how many were set, or -1 with errno.
 */
static int set_first(struct batch *b, const struct trampfd_call *calls,
		     uint32_t count)
{
	struct table *table = NULL, *t;
	uint32_t number, i;

	b->nrecords = 0;
	b->nregs = 0;
	b->stack_size = 0;

	for (i = 0; i < count; i++) {
		t = find(calls[i].trampoline, &number);
		if (!t || !possible(&calls[i]) || (table && t != table))
			break;
		table = t;
		add_call(b, number, &calls[i]);
	}
	if (!table) {
		errno = EINVAL;
		return -1;
	}
	return set_batch(table, b);
}

/**
 * trampfd_init() - say what a call of a trampoline does
 * @trampoline: The trampoline, as trampfd_alloc() has returned it.
 * @target: The function that a call goes to; bit 0 selects Thumb state on arm.
 * @data: What it gets in the context register.
 *
 * It takes one system call.  It may be done again; who calls meanwhile gets
 * the old target and data, or the new ones.
 *
 * Context: Takes the library's lock; not for signal handlers.
 * Return: 0, or -1 with errno, and then nothing has changed:
 *
 * - %EINVAL: @trampoline is none that is allocated, or @target no address that
 *   the kernel takes.
 * - %EBADF: The program has closed the table's descriptor, as daemons do with
 *   closefrom(3).  The trampoline can still be called if it was set before.
 *   Free it and try again with a new one, which has a new table.
 * - %EDQUOT: The user has as many trampolines as user.max_trampolines says.
 * - %ENOMEM: No memory in the kernel, or the memory cgroup's limit is reached.
 *
 * A seccomp filter or a security module may refuse with an error of its own.
 */
int trampfd_init(void *trampoline, void *target, void *data)
{
	const struct trampfd_call call = {
		.trampoline = trampoline, .target = target, .data = data,
	};
	struct trampfd_record records[1 + DISARM_MAX];
	struct trampfd_reg regs[OWN_REGS * ARRAY_SIZE(records)];
	struct batch b = { .records = records, .regs = regs };
	int done;

	lock_tables();
	done = set_first(&b, &call, 1);
	unlock_tables();
	return done < 0 ? -1 : 0;
}

/*
 * Get memory for a batch of the calls, so far as they are possible.  They are
 * not more than one system call takes, so no size wraps, not in 32 bits either.
 */
static bool alloc_batch(struct batch *b, const struct trampfd_call *calls,
			uint32_t count)
{
	size_t nregs = OWN_REGS * DISARM_MAX;
	size_t stack_size = 0;
	uint32_t i;

	/* For all, as another table's may come in the next batch. */
	for (i = 0; i < count && possible(&calls[i]); i++) {
		nregs += calls[i].nregs ? 1 + calls[i].nregs : OWN_REGS;
		stack_size += calls[i].stack_size;
	}
	b->records = malloc(((size_t)count + DISARM_MAX) * sizeof(*b->records));
	b->regs = malloc(nregs * sizeof(*b->regs));
	b->stack = stack_size ? malloc(stack_size) : NULL;
	return b->records && b->regs && (b->stack || !stack_size);
}

static void free_batch(struct batch *b)
{
	free(b->stack);
	free(b->regs);
	free(b->records);
}

/* Set at most %TRAMPFD_RECORDS_MAX; return how many were set, or -1 with errno. */
static int set_some(const struct trampfd_call *calls, uint32_t count)
{
	struct batch b = { .records = NULL };
	uint32_t done = 0;
	int error = ENOMEM;
	int n;

	if (alloc_batch(&b, calls, count)) {
		lock_tables();
		do {
			n = set_first(&b, calls + done, count - done);
			done += n < 0 ? 0 : n;
		} while (n >= 0 && done < count);
		error = errno;
		unlock_tables();
	}
	free_batch(&b);
	errno = error;
	return done ? (int)done : -1;
}

/**
 * trampfd_init_many() - say what calls of many trampolines do
 * @calls: What each is to do.
 * @count: Elements of @calls, at most %INT_MAX.
 *
 * As trampfd_init(), but of each 65,536 trampolines, those in a row that lie in
 * one table take one system call.  What one trampfd_alloc_many() has returned
 * lies in one table.
 *
 * Context: Takes the library's lock; not for signal handlers.
 * Return: how many were set, from the first one on.  If that is less than
 * @count, errno says what is wrong with the next one, which with those behind
 * it does what it did before.  If not even the first was set: -1 with errno,
 * which is that of trampfd_init(), or
 *
 * - %EINVAL: The registers or the stack data are none that the kernel takes; a
 *   register can't be loaded, or is there twice; there are some by number, but
 *   @regs is NULL; @count is too large.
 * - %ENOMEM: No memory for what is handed to the kernel.
 */
int trampfd_init_many(const struct trampfd_call *calls, uint32_t count)
{
	uint32_t done = 0, most;
	int n;

	if (count > INT_MAX) {
		errno = EINVAL;
		return -1;
	}
	while (done < count) {
		most = count - done < TRAMPFD_RECORDS_MAX ? count - done :
							    TRAMPFD_RECORDS_MAX;
		n = set_some(calls + done, most);
		if (n < 0)
			return done ? (int)done : -1;
		done += n;
		if ((uint32_t)n < most)
			break;
	}
	return done;
}

/*
 * Allocating and freeing.
 */

/**
 * trampfd_alloc() - get a trampoline
 *
 * It must be set with trampfd_init() before it is called.  This makes no system
 * call unless all tables are full.
 *
 * Context: Takes the library's lock; not for signal handlers.
 * Return: its address, or NULL with errno:
 *
 * - %ENOSYS: The kernel has no trampolines.
 * - %EOPNOTSUPP: It has none for programs of this ABI.
 * - %EPERM: The administrator has switched them off (vm.trampfd_enabled).
 * - %EMFILE, %ENFILE: Too many open files, of the process or of the system.
 * - %ENOMEM: No memory, or no address space.
 *
 * A seccomp filter or a security module may refuse with an error of its own.
 * Any but the last three, %EAGAIN, %EDQUOT and %EINTR, is the answer to all
 * later calls too, and they do not ask the kernel again.
 */
void *trampfd_alloc(void)
{
	void *trampoline = NULL;
	struct table *t;

	lock_tables();
	t = table_with_room(1);
	if (!t)
		t = add_table(1);
	if (t)
		trampoline = take(t);
	unlock_tables();
	return trampoline;
}

static void give_back(void *const *trampolines, uint32_t count)
{
	struct table *t;
	uint32_t number;

	while (count--) {
		t = locate(trampolines[count], &number);
		push(t, t->next[number] & ARMED ? &t->armed : &t->disarmed,
		     number);
		t->room++;
	}
}

/**
 * trampfd_alloc_many() - get many trampolines
 * @trampolines: Where to put their addresses.
 * @count: How many.
 *
 * They lie in one table if there are at most 65,536, as long as the kernel
 * gives one with enough room.
 *
 * Context: Takes the library's lock; not for signal handlers.
 * Return: 0, or -1 with errno as from trampfd_alloc(), and then none was taken.
 */
int trampfd_alloc_many(void **trampolines, uint32_t count)
{
	uint32_t done = 0, n;
	struct table *t;

	lock_tables();
	while (done < count) {
		n = count - done < TABLE_MAX ? count - done : TABLE_MAX;
		t = table_with_room(n);
		if (!t)
			t = add_table(n);
		if (!t)
			t = table_with_room(1);
		if (!t) {
			give_back(trampolines, done);
			unlock_tables();
			return -1;
		}
		for (; n && t->room; n--)
			trampolines[done++] = take(t);
	}
	unlock_tables();
	return 0;
}

/**
 * trampfd_free() - give a trampoline back
 * @trampoline: The trampoline, as trampfd_alloc() has returned it.
 *
 * It makes no system call.  The trampoline goes on doing what it did until it
 * is handed out and set again, or the next trampfd_init() or
 * trampfd_init_many() of its table disarms it, whichever comes first; a call
 * disarms up to 64 that were freed.  Calling a disarmed one ends the program
 * by abort().
 *
 * Context: Takes the library's lock; not for signal handlers.
 * Return: 0, or -1 with errno, and then nothing has changed:
 *
 * - %EINVAL: @trampoline is none that is allocated.
 */
int trampfd_free(void *trampoline)
{
	return trampfd_free_many(&trampoline, 1);
}

/**
 * trampfd_free_many() - give many trampolines back
 * @trampolines: Their addresses.
 * @count: How many.
 *
 * As trampfd_free().
 *
 * Context: Takes the library's lock; not for signal handlers.
 * Return: 0, or -1 with errno, and then nothing has changed:
 *
 * - %EINVAL: One of @trampolines is none that is allocated, or is there twice.
 */
int trampfd_free_many(void *const *trampolines, uint32_t count)
{
	struct table *t;
	uint32_t number;
	uint32_t i;

	lock_tables();
	for (i = 0; i < count; i++) {
		t = find(trampolines[i], &number);
		if (!t)
			goto out_bad;
		t->next[number] |= BEING_FREED;
	}
	give_back(trampolines, count);
	unlock_tables();
	return 0;

out_bad:
	while (i--) {
		t = locate(trampolines[i], &number);
		t->next[number] &= ~BEING_FREED;
	}
	unlock_tables();
	errno = EINVAL;
	return -1;
}
