// SPDX-License-Identifier: MIT
/*
 * Tables of trampolines, each with a mapping of its own.
 *
 * They are set by address, and the library keeps no descriptor: a program may close
 * that, and give its number to something else.
 *
 * fork() does not wait for the library's lock, so each step of a change leaves a
 * state that mend() understands.
 */
#include "arch.h"
#include "table.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define TABLE_MIN	4096U

/* How many freed trampolines of a table may still be set before they are removed. */
#define LEFT_MAX	512U

/* All that follows is under the lock. */
static struct table *tables;
static struct table *recent;	/* where there was room the last time */
static uint32_t ntables;
static int refused;	/* why the kernel gives no trampolines, 0 if it may */
static bool room_used;	/* or not to be used */
static bool registering;	/* the unwinder may have a lock of its own */
static bool no_register;	/* it may have it for ever */

/* close() without being a cancellation point, and with errno kept. */
static void close_quietly(int fd)
{
	int error = errno;

	syscall(SYS_close, fd);
	errno = error;
}

/* A control call on the table that is mapped at @base. */
int trampfd_control_at(const void *base, unsigned int op, const void *arg)
{
	return syscall(__NR_trampfd_control, base, op, arg, 0);
}

/*
 * Whether this process may set trampolines: with a number that there is none
 * of, a kernel that would set it says EINVAL.
 */
static bool may_set(const void *base, uint32_t count)
{
	struct trampfd_record record = { .trampoline = count, .nregs = 1 };
	struct trampfd_reg reg = { .name = REG_PC };
	const struct trampfd_contexts contexts = {
		.records = (uintptr_t)&record, .nrecords = 1,
		.regs = (uintptr_t)&reg, .nregs = 1,
	};

	if (trampfd_control_at(base, TRAMPFD_SET, &contexts) >= 0)
		errno = EIO;	/* a filter that lies */
	return errno == EINVAL;
}

/*
 * Tables.
 */

/* Leave no hole in the room for something that unwinders would take for a table. */
static void bar_room(int flags)
{
	mmap((void *)trampfd_room, ROOM_SIZE, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

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
	if (base == MAP_FAILED)
		bar_room(MAP_FIXED_NOREPLACE);
	return base;
}

/*
 * Create a table, and map it; MAP_FAILED with errno.  A child gets only what is mapped
 * of its parent's tables, so if a signal handler forks in between, start again.
 *
 * The kernel's answer to trampfd_create() is final.  That to mmap() is not: another
 * thread may have closed the descriptor, with all that it does not know.
 */
static void *map_table(struct trampfd_attr *attr, bool *final)
{
	unsigned int forks;
	void *base;
	int fd;

	do {
		forks = trampfd_forks();
		*final = true;
		fd = syscall(__NR_trampfd_create, attr, sizeof(*attr), 0);
		if (fd < 0)
			return MAP_FAILED;
		*final = false;
		if (!attr->map_size) {
			errno = EIO;	/* a filter that lies, so it is no descriptor */
			return MAP_FAILED;
		}
		base = map_in_room(fd, attr);
		if (base == MAP_FAILED)
			base = mmap(NULL, attr->map_size, attr->map_prot,
				    attr->map_flags, fd, attr->map_offset);
		close_quietly(fd);
	} while (base == MAP_FAILED && trampfd_forks() != forks);
	return base;
}

/* Let unwinders know of a mapping. */
static void register_table(struct table *t)
{
	if (no_register)
		return;
	registering = true;
	trampfd_unwind_register(t->unwind, t->base, t->size);
	registering = false;
}

static void unmap_table(void *base, size_t size)
{
	int error = errno;

	if (base == (void *)trampfd_room)
		bar_room(MAP_FIXED);
	else
		munmap(base, size);
	errno = error;
}

/* Make a table; or NULL with errno, and whether that is @final. */
static struct table *new_table(uint32_t count, bool *final)
{
	const size_t size = sizeof(struct table) + count * sizeof(uint32_t);
	struct trampfd_attr attr = {
		.type = TRAMPFD_FAULT, .ntrampolines = count,
	};
	void *base = map_table(&attr, final);
	struct table *t;

	if (base == MAP_FAILED)
		return NULL;
	if (!may_set(base, count)) {
		/* ENXIO: something else is mapped there. */
		*final = errno != ENXIO;
		goto out_unmap;
	}

	/* Memory comes when it is used, so large tables cost nothing yet. */
	t = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t == MAP_FAILED)
		goto out_unmap;

	t->base = base;
	t->size = attr.map_size;
	t->stride = attr.stride;
	t->count = count;
	t->fresh = count;
	t->room = count;
	t->left = NONE;
	t->removed = NONE;
	t->remove_at = LEFT_MAX;
	if (base != (void *)trampfd_room)
		register_table(t);
	return t;

out_unmap:
	unmap_table(base, attr.map_size);
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

/* Make a table with room for @count, and more with each that there is. */
struct table *trampfd_table_add(uint32_t count)
{
	uint32_t size = TABLE_MIN;
	struct table *t;
	bool final;
	uint32_t i;

	if (refused) {
		errno = refused;
		return NULL;
	}
	for (i = 0; size < TABLE_MAX && (i < ntables || size < count); i++)
		size *= 2;

	t = new_table(size, &final);
	if (!t) {
		if (final && !may_pass(errno))
			refused = errno;
		return NULL;
	}
	t->link = tables;
	/* A child of fork() must find whole what it finds in the list. */
	__atomic_store_n(&tables, t, __ATOMIC_RELEASE);
	ntables++;
	recent = t;
	return t;
}

/* A table that has room for @count; NULL if none has. */
struct table *trampfd_table_with_room(uint32_t count)
{
	struct table *t;

	if (recent && recent->room >= count)
		return recent;
	for (t = tables; t; t = t->link) {
		if (t->room < count)
			continue;
		recent = t;
		return t;
	}
	return NULL;
}

static void *address_of(const struct table *t, uint32_t number)
{
	return t->base + (size_t)number * t->stride;
}

/* The table and the number of a trampoline that was handed out at some time. */
struct table *trampfd_table_locate(const void *trampoline, uint32_t *number)
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
struct table *trampfd_table_find(const void *trampoline, uint32_t *number)
{
	struct table *t = trampfd_table_locate(trampoline, number);

	return t && (t->next[*number] & ~MAY_BE_SET) == IN_USE ? t : NULL;
}

static void push(struct table *t, uint32_t *list, uint32_t number, uint32_t flag)
{
	t->next[number] = *list << LINK_SHIFT | flag;
	*list = number;
}

static void push_left(struct table *t, uint32_t number)
{
	push(t, &t->left, number, MAY_BE_SET);
	t->nleft++;
}

static void push_removed(struct table *t, uint32_t number)
{
	push(t, &t->removed, number, 0);
}

static uint32_t pop(struct table *t, uint32_t *list)
{
	uint32_t number = *list;

	*list = t->next[number] >> LINK_SHIFT;
	return number;
}

/*
 * Hand out a trampoline of a table that has one.  Those that may be set go first:
 * then they need not be removed.
 */
void *trampfd_table_take(struct table *t)
{
	uint32_t number, state = IN_USE;

	if (t->left != NONE) {
		number = pop(t, &t->left);
		t->nleft--;
		state |= MAY_BE_SET;
	} else if (t->removed != NONE) {
		number = pop(t, &t->removed);
	} else {
		number = --t->fresh;
	}
	t->next[number] = state;
	t->room--;
	return address_of(t, number);
}

/* Remove the last freed trampolines, up to LEFT_MAX; false if the kernel refuses. */
static bool remove_some(struct table *t)
{
	static uint32_t numbers[LEFT_MAX];	/* under the lock */
	struct trampfd_list list;
	uint32_t number = t->left, done = 0, n;
	int removed;

	for (n = 0; n < LEFT_MAX && n < t->nleft; number = t->next[number] >> LINK_SHIFT)
		numbers[n++] = number;
	while (done < n) {
		list = (struct trampfd_list) {
			.trampolines = (uintptr_t)(numbers + done),
			.count = n - done,
		};
		removed = trampfd_control_at(t->base, TRAMPFD_REMOVE, &list);
		/* One that is not set: a child can't know. */
		if (removed < 0 && errno == ENOENT)
			removed = 1;
		if (removed < 1 || (uint32_t)removed > n - done)
			return false;
		for (done += removed; removed; removed--) {
			t->nleft--;
			push_removed(t, pop(t, &t->left));
		}
	}
	return true;
}

/*
 * Remove freed trampolines, so that the user pays for none of them.  Where the kernel
 * refuses, they stay as they are until as many more are freed.
 */
static void remove_left(struct table *t)
{
	const int error = errno;

	t->remove_at = LEFT_MAX;
	while (t->nleft >= LEFT_MAX) {
		if (remove_some(t))
			continue;
		t->remove_at = t->nleft + LEFT_MAX;
		break;
	}
	errno = error;
}

/* Remove all freed trampolines; whether there was one, and the kernel did not refuse. */
bool trampfd_table_remove_all(void)
{
	const int error = errno;
	bool removed = false;
	struct table *t;

	for (t = tables; t; t = t->link) {
		t->remove_at = LEFT_MAX;
		while (t->nleft && remove_some(t))
			removed = true;
	}
	errno = error;
	return removed;
}

void trampfd_table_give_back(void *const *trampolines, uint32_t count)
{
	struct table *t;
	uint32_t number;

	while (count--) {
		t = trampfd_table_locate(trampolines[count], &number);
		t->room++;
		if (!(t->next[number] & MAY_BE_SET)) {
			push_removed(t, number);
			continue;
		}
		push_left(t, number);
		if (t->nleft >= t->remove_at)
			remove_left(t);
	}
}

/*
 * Fork.
 */

/*
 * Make a table's lists anew.  Whether a trampoline is in use is one word, so it is
 * always right; and those of a thread that is not there stay in use.
 */
static void mend_table(struct table *t)
{
	uint32_t number;

	t->room = t->fresh;
	t->left = NONE;
	t->nleft = 0;
	t->remove_at = LEFT_MAX;
	t->removed = NONE;
	for (number = t->fresh; number < t->count; number++) {
		if (t->next[number] & IN_USE) {
			t->next[number] = IN_USE | MAY_BE_SET;
			continue;
		}
		if (t->next[number] & MAY_BE_SET)
			push_left(t, number);
		else
			push_removed(t, number);
		t->room++;
	}
}

/* In a child, for a thread of the parent that was in the library. */
static void mend(void)
{
	struct table *t;

	no_register = no_register || registering;
	registering = false;
	recent = NULL;
	ntables = 0;
	for (t = tables; t; t = t->link) {
		mend_table(t);
		ntables++;
	}
}

/* Before main(), and before any other thread. */
static void __attribute__((constructor)) set_up(void)
{
	refused = trampfd_lock_set_up(mend);
}
