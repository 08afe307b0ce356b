// SPDX-License-Identifier: MIT
/*
 * Trampolines for programs, without writable, executable memory: what programs call.
 *
 * The library keeps pools (pool.c) of tables of trampolines (table.c), and hands out what
 * is in them.  All state is under one lock (lock.c), which is also held while the kernel
 * sets trampolines; the kernel has a lock of its own there.
 */
#include "trampfd.h"
#include "arch.h"
#include "internal.h"
#include "table.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

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

/*
 * Setting.
 */

static int set(const void *base, const struct batch *b)
{
	const struct trampfd_contexts contexts = {
		.records = (uintptr_t)b->records,
		.regs = (uintptr_t)b->regs,
		.stack = (uintptr_t)b->stack,
		.nrecords = b->nrecords,
		.nregs = b->nregs,
		.stack_size = b->stack_size,
	};

	return trampfd_control_at(base, TRAMPFD_SET, &contexts);
}

static void add_reg(struct batch *b, uint32_t name, uintptr_t value)
{
	b->regs[b->nregs++] = (struct trampfd_reg) {
		.name = name, .value = value,
	};
}

/* PC and target register, and the context or what else the pool's code loads. */
#define OWN_REGS	3U

static bool names(const struct trampfd_call *call, uint32_t name)
{
	uint32_t i;

	for (i = 0; i < call->nregs; i++)
		if (call->regs[i].name == name)
			return true;
	return false;
}

/* Have the register that code jumps through get the target from fault entries, too. */
static void add_target(struct batch *b, const struct trampfd_call *call)
{
#ifdef REG_TARGET
	if (!names(call, REG_TARGET))
		add_reg(b, REG_TARGET, (uintptr_t)call->target);
#else
	(void)b;
	(void)call;
#endif
}

static void add_regs(struct batch *b, const struct table *t,
		     const struct trampfd_call *call)
{
	const bool own_pool = t->pool != &trampfd_default_pool;

	if (call->regs) {
		memcpy(&b->regs[b->nregs], call->regs, call->nregs * sizeof(*call->regs));
		b->nregs += call->nregs;
		/* The shape of the default pool, whose users need not know of it. */
		if (!own_pool && t->place.code && !names(call, REG_CONTEXT))
			add_reg(b, REG_CONTEXT, 0);
	} else {
		add_reg(b, REG_CONTEXT, (uintptr_t)call->data);
	}
	if (own_pool || (CALLEE_IS_TARGET && !call->regs))
		add_target(b, call);
}

static void add_call(struct batch *b, const struct table *t, uint32_t number,
		     const struct trampfd_call *call)
{
	struct trampfd_record *record = &b->records[b->nrecords++];
	const uint32_t first = b->nregs;

	*record = (struct trampfd_record) { .trampoline = number };
	/* Who has not set it yet has not told anybody to call it. */
	if (call->flags & TRAMPFD_CALL_IDLE || !(t->next[number] & SET_SINCE))
		record->flags = TRAMPFD_RECORD_IDLE;
	add_reg(b, REG_PC, (uintptr_t)call->target);
	add_regs(b, t, call);
	record->nregs = b->nregs - first;

	record->stack_size = call->stack_size;
	record->stack_skip = call->stack_skip;
	if (call->stack_size) {
		memcpy(b->stack + b->stack_size, call->stack, call->stack_size);
		b->stack_size += call->stack_size;
	}
}

/* Set trampolines of a table; how many, or -1 with errno. */
static int set_batch(struct table *t, const struct batch *b)
{
	int done = set(t->place.base, b);
	int i;

	/* Freed ones, which the user pays for, may be of other tables. */
	if (done < 0 && errno == EDQUOT && trampfd_table_remove_all())
		done = set(t->place.base, b);
	if (done < 1 || (uint32_t)done > b->nrecords) {
		if (done >= 0)
			errno = EIO;	/* a filter that lies */
		return -1;
	}
	for (i = 0; i < done; i++)
		t->next[b->records[i].trampoline] |= MAY_BE_SET | SET_SINCE;
	return done;
}

/* What the first version of struct trampfd_call had. */
#define CALL_SIZE_VER0	(offsetof(struct trampfd_call, reserved) + sizeof(uint32_t))

/* An element of an array that the program may have compiled with other elements. */
static const struct trampfd_call *call_at(const struct trampfd_call *calls,
					  uint32_t size, uint32_t i)
{
	return (const void *)((const char *)calls + (size_t)i * size);
}

/*
 * What no kernel would take, or the library has no room for: a negative errno; or 0.
 * @size is what the array's first element says.
 */
static int impossible(const struct trampfd_call *call, uint32_t size)
{
	if (call->size != size || size < CALL_SIZE_VER0)
		return -EINVAL;
	if (call->flags & ~TRAMPFD_CALL_IDLE || call->reserved)
		return -EINVAL;
	if ((!call->regs && call->nregs) || call->nregs >= TRAMPFD_REGS_MAX ||
	    call->stack_size > TRAMPFD_STACK_MAX)
		return -EINVAL;
	return trampfd_rest_is_zero(call, sizeof(*call), size) ? 0 : -E2BIG;
}

/*
 * Whether a call loads what the code of its pool does.  The kernel asks for it in tables
 * with code alone, but a program is not to work by chance.
 */
static bool has_shape(const struct trampfd_pool *pool, const struct trampfd_call *call)
{
	uint32_t i;

	if (pool == &trampfd_default_pool)
		return true;
	for (i = 0; i < pool->nshape; i++)
		if (call->regs ? !names(call, pool->shape[i]) : pool->shape[i] != REG_CONTEXT)
			return false;
	return true;
}

/*
 * Set the first of @calls, as many as are in one table; @count is at most
 * %TRAMPFD_RECORDS_MAX.  Return how many were set, or -1 with errno.
 */
static int set_first(struct batch *b, const struct trampfd_call *calls,
		     uint32_t size, uint32_t count)
{
	const struct trampfd_call *call;
	struct table *table = NULL, *t;
	int error = -EINVAL;
	uint32_t number, i;

	b->nrecords = 0;
	b->nregs = 0;
	b->stack_size = 0;

	for (i = 0; i < count; i++) {
		call = call_at(calls, size, i);
		error = impossible(call, size);
		if (error)
			break;
		t = trampfd_table_find(call->trampoline, &number);
		if (!t || (table && t != table) || !has_shape(t->pool, call)) {
			error = -EINVAL;
			break;
		}
		table = t;
		add_call(b, t, number, call);
	}
	if (!table) {
		errno = -error;
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
 * - %ENXIO: The program has unmapped the trampoline.
 * - %EDQUOT: The user's trampolines have as much kernel memory as
 *   user.max_trampfd_units allows.
 * - %ENOMEM: No memory in the kernel, or the memory cgroup's limit is reached.
 *
 * A seccomp filter or a security module may refuse with an error of its own.
 */
int trampfd_init(void *trampoline, void *target, void *data)
{
	const struct trampfd_call call = {
		.size = sizeof(call),
		.trampoline = trampoline, .target = target, .data = data,
	};
	struct trampfd_record record;
	struct trampfd_reg regs[OWN_REGS];
	struct batch b = { .records = &record, .regs = regs };
	int done;

	trampfd_lock();
	done = set_first(&b, &call, sizeof(call), 1);
	trampfd_unlock();
	return done < 0 ? -1 : 0;
}

/*
 * Get memory for a batch of the calls, so far as they are possible.  They are
 * not more than one system call takes, so no size wraps, not in 32 bits either.
 */
static bool alloc_batch(struct batch *b, const struct trampfd_call *calls,
			uint32_t size, uint32_t count)
{
	const struct trampfd_call *call;
	size_t stack_size = 0;
	size_t nregs = 0;
	uint32_t i;

	/* For all, as another table's may come in the next batch. */
	for (i = 0; i < count; i++) {
		call = call_at(calls, size, i);
		if (impossible(call, size))
			break;
		nregs += OWN_REGS + call->nregs;
		stack_size += call->stack_size;
	}
	b->records = malloc(count * sizeof(*b->records));
	b->regs = malloc((nregs + 1) * sizeof(*b->regs));
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
static int set_some(const struct trampfd_call *calls, uint32_t size, uint32_t count)
{
	struct batch b = { .records = NULL };
	uint32_t done = 0;
	int error = ENOMEM;
	int n;

	if (alloc_batch(&b, calls, size, count)) {
		trampfd_lock();
		do {
			n = set_first(&b, call_at(calls, size, done), size,
				      count - done);
			done += n < 0 ? 0 : n;
		} while (n >= 0 && done < count);
		error = errno;
		trampfd_unlock();
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
 *   @regs is NULL; @count is too large; @size is none that the structure ever had, or
 *   not the first one's; or @flags or @reserved is not 0.
 * - %E2BIG: An element asks for what this version of the library does not know.
 * - %ENOMEM: No memory for what is handed to the kernel.
 */
int trampfd_init_many(const struct trampfd_call *calls, uint32_t count)
{
	uint32_t done = 0, size, most;
	int n;

	if (count > INT_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (!count)
		return 0;

	size = calls->size;
	while (done < count) {
		most = count - done < TRAMPFD_RECORDS_MAX ? count - done :
							    TRAMPFD_RECORDS_MAX;
		n = set_some(call_at(calls, size, done), size, most);
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
 * Any but the last three, %EAGAIN, %EDQUOT, %EINTR and what mmap(2) gives is the
 * answer to all later calls too, and they do not ask the kernel again.
 */
void *trampfd_alloc(void)
{
	void *trampoline;

	return trampfd_pool_alloc(NULL, &trampoline, 1) ? NULL : trampoline;
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
	return trampfd_pool_alloc(NULL, trampolines, count);
}

/**
 * trampfd_free() - give a trampoline back
 * @trampoline: The trampoline, as trampfd_alloc() has returned it.
 *
 * Most calls make no system call.  The trampoline goes on doing what it did until it
 * is handed out and set again, or until 512 freed ones of its table may still be set:
 * then one system call removes these.  A call of a removed one is SIGSEGV.
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

	trampfd_lock();
	for (i = 0; i < count; i++) {
		t = trampfd_table_find(trampolines[i], &number);
		if (!t)
			goto out_bad;
		t->next[number] |= BEING_FREED;
	}
	trampfd_table_give_back(trampolines, count);
	trampfd_unlock();
	return 0;

out_bad:
	while (i--) {
		t = trampfd_table_locate(trampolines[i], &number);
		t->next[number] &= ~BEING_FREED;
	}
	trampfd_unlock();
	errno = EINVAL;
	return -1;
}
