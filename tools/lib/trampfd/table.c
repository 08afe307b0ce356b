// SPDX-License-Identifier: MIT
/*
 * Tables of trampolines, each with a mapping of its own.
 *
 * fork() does not wait for the library's lock, so each step of a change leaves a
 * state that mend() understands.
 */
#include "arch.h"
#include "table.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#define TABLE_MIN	4096U

/* How many freed trampolines of a table may still be set before they are removed. */
#define LEFT_MAX	512U

/* All that follows is under the lock. */
static struct table *tables;
static bool registering;	/* the unwinder may have a lock of its own */
static bool no_register;	/* it may have it for ever */

/* Why nobody gets trampolines: a child could not mend what it inherits. */
static int unusable;

/* Let unwinders know of a mapping. */
static void register_table(struct table *t)
{
	if (no_register || t->place.base == trampfd_room)
		return;
	registering = true;
	trampfd_unwind_register(t->unwind, t->place.base, t->place.size);
	registering = false;
	t->registered = true;
}

static void unregister_table(struct table *t)
{
	if (!t->registered || no_register)
		return;
	registering = true;
	trampfd_unwind_unregister(t->unwind);
	registering = false;
	t->registered = false;
}

/*
 * A multiple of 16.  m68k's kernel shows a seccomp filter each argument as the next one,
 * so that other lengths may look like writable and executable memory.
 */
static size_t table_size(uint32_t count)
{
	return (sizeof(struct table) + count * sizeof(uint32_t) + 15) & ~(size_t)15;
}

/* Have all trampolines of a table be as if they were never handed out. */
static void reset_table(struct table *t)
{
	t->fresh = t->place.count;
	t->room = t->place.count;
	t->left = NONE;
	t->nleft = 0;
	t->removed = NONE;
	t->remove_at = LEFT_MAX;
}

/* Make a table; or NULL with errno, and whether that is @final. */
static struct table *new_table(struct trampfd_pool *pool, uint32_t count, bool *final)
{
	struct place place;
	struct table *t;

	if (!trampfd_map(&place, pool, count)) {
		*final = place.final;
		return NULL;
	}
	/* Memory comes when it is used, so large tables cost nothing yet. */
	t = mmap(NULL, table_size(place.count), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t == MAP_FAILED) {
		*final = false;
		trampfd_unmap(&place);
		return NULL;
	}
	t->place = place;
	t->pool = pool;
	reset_table(t);
	register_table(t);
	return t;
}

/* Make a table with room for @count, and more with each that the pool has. */
struct table *trampfd_table_add(struct trampfd_pool *pool, uint32_t count)
{
	uint32_t size = TABLE_MIN;
	struct table *t;
	bool final;
	uint32_t i;

	if (pool->refused || unusable) {
		errno = pool->refused ?: unusable;
		return NULL;
	}
	for (i = 0; size < TABLE_MAX && (i < pool->ntables || size < count); i++)
		size *= 2;

	t = new_table(pool, size, &final);
	if (!t) {
		if (final && !trampfd_may_pass(errno))
			pool->refused = errno;
		return NULL;
	}
	t->link = tables;
	/* A child of fork() must find whole what it finds in the list. */
	__atomic_store_n(&tables, t, __ATOMIC_RELEASE);
	pool->ntables++;
	pool->recent = t;
	return t;
}

/* A table of the pool that has room for @count; NULL if none has. */
struct table *trampfd_table_with_room(struct trampfd_pool *pool, uint32_t count)
{
	struct table *t;

	if (pool->recent && pool->recent->room >= count)
		return pool->recent;
	for (t = tables; t; t = t->link) {
		if (t->pool != pool || t->room < count)
			continue;
		pool->recent = t;
		return t;
	}
	return NULL;
}

/* A table of the pool, whether it has room or not; NULL if there is none. */
struct table *trampfd_table_of(const struct trampfd_pool *pool)
{
	struct table *t;

	for (t = tables; t && t->pool != pool; t = t->link)
		;
	return t;
}

static void *address_of(const struct table *t, uint32_t number)
{
	return t->place.base + t->place.entry + (size_t)number * t->place.stride;
}

/* The table and the number of a trampoline that was handed out at some time. */
struct table *trampfd_table_locate(const void *trampoline, uint32_t *number)
{
	uintptr_t offset;
	struct table *t;

	for (t = tables; t; t = t->link) {
		offset = (uintptr_t)trampoline - (uintptr_t)address_of(t, 0);
		if (offset >= (uintptr_t)t->place.count * t->place.stride)
			continue;
		*number = offset / t->place.stride;
		return offset % t->place.stride || *number < t->fresh ? NULL : t;
	}
	return NULL;
}

/* The same, for one that is in use. */
struct table *trampfd_table_find(const void *trampoline, uint32_t *number)
{
	struct table *t = trampfd_table_locate(trampoline, number);

	return t && (t->next[*number] & ~(MAY_BE_SET | SET_SINCE)) == IN_USE ? t : NULL;
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
		removed = trampfd_control_at(t->place.base, TRAMPFD_REMOVE, &list);
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
	for (number = t->fresh; number < t->place.count; number++) {
		if (t->next[number] & IN_USE) {
			t->next[number] = IN_USE | MAY_BE_SET | SET_SINCE;
			continue;
		}
		if (t->next[number] & MAY_BE_SET)
			push_left(t, number);
		else
			push_removed(t, number);
		t->room++;
	}
}

/* Remove all trampolines of a table; false if the kernel refuses. */
static bool remove_table(struct table *t)
{
	uint32_t number;

	for (number = t->fresh; number < t->place.count; number++)
		t->next[number] &= ~IN_USE;
	mend_table(t);
	while (t->nleft)
		if (!remove_some(t))
			return false;
	reset_table(t);
	return true;
}

/* Take a table out of the list, and unmap it. */
static void drop_table(struct table *t)
{
	struct table **link = &tables;

	while (*link != t)
		link = &(*link)->link;
	__atomic_store_n(link, t->link, __ATOMIC_RELEASE);
	unregister_table(t);
	trampfd_unmap(&t->place);
	/* The unwinder may still have the unwind table in its list. */
	if (!t->registered)
		munmap(t, table_size(t->place.count));
}

/*
 * Free all trampolines of a pool.  A table that is sealed stays, with all of them
 * removed.  Whether one stays.
 */
bool trampfd_table_drop_all(struct trampfd_pool *pool)
{
	struct table *t, *next;
	bool stays = false;

	pool->recent = NULL;
	for (t = tables; t; t = next) {
		next = t->link;
		if (t->pool != pool)
			continue;
		if (t->place.sealed) {
			remove_table(t);
			stays = true;
			continue;
		}
		pool->ntables--;
		drop_table(t);
	}
	return stays;
}

/*
 * Fork.
 */

/* In a child, for a thread of the parent that was in the library. */
static void mend(void)
{
	struct table *t;

	no_register = no_register || registering;
	registering = false;
	trampfd_pools_mend();
	for (t = tables; t; t = t->link) {
		mend_table(t);
		t->pool->ntables++;
	}
}

/* Before main(), and before any other thread. */
static void __attribute__((constructor)) set_up(void)
{
	unusable = trampfd_lock_set_up(mend);
}
