// SPDX-License-Identifier: MIT
/*
 * Trampolines for GCC's nested functions.
 *
 * With -ftrampoline-impl=heap, GCC calls __gcc_nested_func_ptr_created() for
 * each nested function whose address is taken, and
 * __gcc_nested_func_ptr_deleted() when the function around it is left.  Its own
 * versions, in libgcc, write code to pages that are writable and executable.
 * These here take their place: for a program and all of its libraries in
 * libtrampfd_nested.so, with NESTED_SHARED, and for the one program or shared
 * library that they are linked into in libtrampfd_nested.a, where they are hidden.
 *
 * A deletion does not say what it deletes, and a longjmp() out of a function
 * leaves its entries behind.  So each entry has two addresses of the stack that
 * its function runs on, and the rules are about these:
 *
 * - The static chain points into the frame of the function that is around the
 *   nested one, and that makes the entry.  Both calls come from this frame, so as long
 *   as the function runs, the stack pointer there and below is not above the chain.
 * - A deletion is for the last entry that has been made on the same stack.
 * - An entry is of no use any more if its frame is below that of a function which
 *   runs on the same stack, or if the same function has been made again for the
 *   same frame.
 *
 * A program may have more stacks than one in a thread.  Nobody tells where they end,
 * so for the first of the last two reasons it has to be the thread's own one.
 */
#include "trampfd.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nested.h"

/* A static program has none of them, and no other definitions. */
#pragma weak dlsym
#pragma weak dlvsym

#define ENTRIES_MIN	64U
#define KEEP		64U

/* How far apart the stack pointers of two calls from one frame may be. */
#define SAME_FRAME	128U

/*
 * The kernel has nothing else this near to the end of a first thread's stack, even
 * if the stack may grow without a limit.
 */
#define STACK_MAX	(128UL << 20)

/**
 * struct entry - a creation that may not have been deleted yet
 * @trampoline: The trampoline; NULL if the next library has made one.
 * @chain: The static chain that it loads.
 * @func: Where it leads to; NULL if it is not set.
 * @sp: The stack pointer of who has made it; 0 if it is found to be of no use.
 */
struct entry {
	void *trampoline;
	void *chain;
	void *func;
	uintptr_t sp;
};

/**
 * struct creations - what a thread has created
 * @link: Another thread's.
 * @taken: Whether there is a thread that has it.  An int, as to exchange a byte takes a
 *	library on some architectures.
 * @pid: In which process.
 * @used: How many are not deleted.
 * @kept: Entries below this one are valid, if only for their trampoline.
 * @size: How many there is room for.
 * @entries: The oldest one first.
 * @collect_at: With how many to look for those of no use.
 * @stack_known: Whether it has been asked where the thread's stack is.
 * @stack: Where it begins; 0 if that can't be known.
 * @stack_end: Where it ends.
 */
struct creations {
	struct creations *link;
	int taken;
	pid_t pid;
	size_t used;
	size_t kept;
	size_t size;
	struct entry *entries;
	size_t collect_at;
	bool stack_known;
	uintptr_t stack;
	uintptr_t stack_end;
};

static __thread struct creations *mine;

/*
 * All threads'.  None is taken out, but one that has no thread is for the next.  So
 * there is no lock, which a child of fork() might find taken.
 */
static struct creations *all;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;
static bool key_made;

static bool exiting;	/* exit() has begun */
static bool unloading;	/* by dlclose() */
static bool unloaded;
void (*trampfd_nested_at_unload)(void);

static bool looked_up;
static void (*next_created)(void *chain, void *func, void *dst);
static void (*next_deleted)(void);

void trampfd_nested_give_up(const char *what, int error)
{
	char message[256];
	ssize_t written;
	int n;

	n = snprintf(message, sizeof(message), "libtrampfd: %s%s%s\n", what,
		     error ? ": " : "", error ? strerror(error) : "");
	if (n >= (int)sizeof(message))
		n = sizeof(message) - 1;
	written = write(STDERR_FILENO, message, n);
	(void)written;
	abort();
}

/* Whether there was something to give back. */
static bool give_back(struct creations *c, size_t keep)
{
	bool given = false;

	while (c->kept > keep) {
		struct entry *e = &c->entries[--c->kept];

		if (!e->trampoline)
			continue;
		trampfd_free(e->trampoline);
		given = true;
	}
	return given;
}

/*
 * The next definitions.
 */

static void *next_symbol(const char *name)
{
#ifdef NESTED_SHARED
	void *const where = RTLD_NEXT;
#else
	/* What is hidden is not found. */
	void *const where = RTLD_DEFAULT;
#endif

#ifdef __GLIBC__
	return dlvsym ? dlvsym(where, name, "GCC_14.0.0") : NULL;
#else
	/* Other C libraries, as musl, know no versions. */
	return dlsym ? dlsym(where, name) : NULL;
#endif
}

/*
 * Find the definitions that come after these.  It takes the dynamic linker's
 * lock, which a thread that is in dlopen() holds while constructors run, and they
 * may wait for other threads: so it is done ahead, and under no lock.  Only
 * constructors that run before this one need it earlier.
 */
static void __attribute__((constructor)) look_up(void)
{
	void (*created)(void *chain, void *func, void *dst);
	void (*deleted)(void);

	*(void **)&created = next_symbol("__gcc_nested_func_ptr_created");
	*(void **)&deleted = next_symbol("__gcc_nested_func_ptr_deleted");
	if (created && deleted) {
		next_deleted = deleted;
		next_created = created;
	}
	__atomic_store_n(&looked_up, true, __ATOMIC_RELEASE);
}

/* Have the next definition make the trampoline; false if there is none. */
static bool created_by_next(void *chain, void *func, void *dst)
{
	if (!__atomic_load_n(&looked_up, __ATOMIC_ACQUIRE))
		look_up();
	if (!next_created)
		return false;
	next_created(chain, func, dst);
	return true;
}

/*
 * Threads.
 */

/*
 * The thread ends.  Should a destructor that comes later use nested functions,
 * it starts anew, and so does this.
 */
static void thread_ends(void *p)
{
	struct creations *c = p;
	struct entry *entries = c->entries;

	mine = NULL;
	give_back(c, 0);
	c->used = 0;
	c->size = 0;
	c->entries = NULL;
	free(entries);
	__atomic_store_n(&c->taken, 0, __ATOMIC_RELEASE);
}

static void set_up(void)
{
	key_error = pthread_key_create(&key, thread_ends);
	key_made = !key_error;
}

static struct creations *take_one(void)
{
	struct creations *c = __atomic_load_n(&all, __ATOMIC_ACQUIRE);

	for (; c; c = c->link)
		if (!__atomic_exchange_n(&c->taken, 1, __ATOMIC_ACQUIRE))
			return c;

	c = calloc(1, sizeof(*c));
	if (!c)
		trampfd_nested_give_up("no memory for nested functions", 0);
	c->taken = 1;
	c->link = __atomic_load_n(&all, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&all, &c->link, c, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return c;
}

static struct creations *first_creation(void)
{
	struct creations *c;
	int error;

	pthread_once(&once, set_up);
	c = take_one();
	c->pid = getpid();
	c->collect_at = ENTRIES_MIN;
	c->stack_known = false;
	mine = c;
	/* When the process ends, nobody has to know of a thread's end. */
	if (__atomic_load_n(&unloaded, __ATOMIC_ACQUIRE))
		return c;
	error = key_error ? key_error : pthread_setspecific(key, c);
	if (error)
		trampfd_nested_give_up("no thread-specific data for nested functions", error);
	return c;
}

/*
 * Unloading.  A thread's end would call what is not there any more.  exit() unloads
 * nothing, and leaves other threads running, whose nested functions must stay.
 *
 * exit() has the functions of atexit() run before all destructors.  dlclose() begins
 * with the destructors; the one by which the compiler calls a library's functions of
 * atexit() is its first, so it is the last of those without a priority.
 */

static void at_exit(void)
{
	exiting = true;
}

static void __attribute__((constructor)) know_of_exit(void)
{
	if (atexit(at_exit))
		exiting = true;
}

static void __attribute__((destructor)) know_of_unloading(void)
{
	unloading = !exiting;
}

/* Those of a process that has forked since are of threads that are not there. */
static void free_all(void)
{
	const pid_t pid = getpid();
	struct creations *c, *link;

	for (c = all; c; c = link) {
		link = c->link;
		if (c->taken && c != mine && c->pid != pid)
			continue;
		give_back(c, 0);
		free(c->entries);
		free(c);
	}
	all = NULL;
	mine = NULL;
}

/* The last of all destructors: others may use nested functions. */
static void __attribute__((destructor(101))) unload(void)
{
	__atomic_store_n(&unloaded, true, __ATOMIC_RELEASE);
	if (key_made)
		pthread_key_delete(key);
	if (!unloading)
		return;
	free_all();
	if (trampfd_nested_at_unload)
		trampfd_nested_at_unload();
}

/*
 * What longjmp() leaves behind.
 */

/* It may read /proc, and allocate memory, so that is not done without need. */
static void find_stack(struct creations *c)
{
	pthread_attr_t attr;
	void *start;
	size_t size;

	c->stack_known = true;
	c->stack = 0;
	c->stack_end = 0;
	if (pthread_getattr_np(pthread_self(), &attr))
		return;
	if (!pthread_attr_getstack(&attr, &start, &size)) {
		c->stack_end = (uintptr_t)start + size;
		c->stack = c->stack_end - (size < STACK_MAX ? size : STACK_MAX);
	}
	pthread_attr_destroy(&attr);
}

static bool on_own_stack(const struct creations *c, uintptr_t address)
{
	return address >= c->stack && address < c->stack_end;
}

/* A signal handler's stack may be an array on the thread's own one. */
static bool on_alternate_stack(void)
{
	stack_t now;

	return sigaltstack(NULL, &now) || now.ss_flags & SS_ONSTACK;
}

/* Whether @sp is on the thread's own stack, and so tells what was left there. */
static bool can_tell(const struct creations *c, uintptr_t sp)
{
	return on_own_stack(c, sp) && !on_alternate_stack();
}

/* Whether an entry may be of a function that was left, for all that needs no call. */
static bool may_be_left(struct creations *c, const struct entry *e, uintptr_t sp)
{
	if ((uintptr_t)e->chain >= sp)
		return false;
	if (!c->stack_known)
		find_stack(c);
	return on_own_stack(c, (uintptr_t)e->chain);
}

/* Give back most of what is not in use. */
static void trim(struct creations *c)
{
	if (c->kept > 2 * c->used + 2 * KEEP)
		give_back(c, c->used + KEEP);
}

/* Take the last entries for deleted as long as their functions were left. */
static void drop_left(struct creations *c, uintptr_t sp)
{
	bool sure = false;

	while (c->used && may_be_left(c, &c->entries[c->used - 1], sp)) {
		sure = sure || can_tell(c, sp);
		if (!sure)
			return;
		c->used--;
	}
	if (sure)
		trim(c);
}

/* Mark entries whose functions were left, wherever they are. */
static void mark_left(struct creations *c, uintptr_t sp)
{
	bool sure = false;
	size_t i;

	for (i = 0; i < c->used; i++) {
		if (!may_be_left(c, &c->entries[i], sp))
			continue;
		sure = sure || can_tell(c, sp);
		if (!sure)
			return;
		c->entries[i].sp = 0;
	}
}

static bool same(const struct entry *e, const void *chain, const void *func)
{
	return e->chain == chain && e->func == func;
}

/*
 * Take the last entries for deleted if they are of the frame that is entered again, and
 * so for the same functions in the same order.
 */
static void drop_made_again(struct creations *c, const void *chain, const void *func)
{
	size_t i = c->used;

	while (i-- && c->entries[i].chain == chain) {
		if (c->entries[i].func == func) {
			c->used = i;
			return;
		}
	}
}

/* Mark entries of which there is a later one for the same function and frame. */
static void mark_made_again(struct creations *c)
{
	size_t size = 1, hash, i = c->used;
	struct entry *e, **slots, **slot;

	while (size < 2 * c->used)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return;
	while (i--) {
		e = &c->entries[i];
		if (!e->sp)
			continue;
		hash = (uintptr_t)e->chain / sizeof(void *) * 31 + (uintptr_t)e->func;
		hash ^= hash >> 12;
		do {
			slot = &slots[hash++ & (size - 1)];
		} while (*slot && !same(*slot, e->chain, e->func));
		if (*slot)
			e->sp = 0;
		else
			*slot = e;
	}
	free(slots);
}

/*
 * Put all entries of no use among those that were deleted.  What the next library has
 * made for them stays with it: to delete that would delete its last one.
 *
 * drop_left() leaves those that others are in front of, as of another stack.  This here
 * looks at all, so it is done when there are twice as many as the last time have been
 * of use, and an entry costs the same however many there are.
 */
static void collect(struct creations *c, uintptr_t sp)
{
	struct entry e;
	size_t n = 0, i;

	mark_left(c, sp);
	mark_made_again(c);
	for (i = 0; i < c->used; i++) {
		e = c->entries[i];
		if (!e.sp)
			continue;
		c->entries[i] = c->entries[n];
		c->entries[n++] = e;
	}
	c->used = n;
	c->collect_at = 2 * n + ENTRIES_MIN;
	trim(c);
}

/*
 * Creation.
 */

/* The next entry: a new one, or one that was deleted. */
static struct entry *next_entry(struct creations *c)
{
	if (c->used == c->size) {
		size_t size = c->size ? 2 * c->size : ENTRIES_MIN;
		struct entry *entries;

		entries = reallocarray(c->entries, size, sizeof(*entries));
		if (!entries)
			trampfd_nested_give_up("no memory for nested functions", 0);
		c->entries = entries;
		c->size = size;
	}
	if (c->used == c->kept)
		c->entries[c->kept++] = (struct entry) { .trampoline = NULL };
	return &c->entries[c->used];
}

/* False with errno if the kernel refuses. */
static bool set(struct entry *e, void *chain, void *func)
{
	/* Functions that run in a loop have their frame at the same place. */
	if (e->trampoline && same(e, chain, func))
		return true;

	if (!e->trampoline)
		e->trampoline = trampfd_alloc();
	if (!e->trampoline)
		return false;
	if (trampfd_init(e->trampoline, func, chain)) {
		trampfd_free(e->trampoline);
		e->trampoline = NULL;
		return false;
	}
	return true;
}

/* Give back all that is of no use, after the kernel has refused; whether there was some. */
static bool make_room(struct creations *c, uintptr_t sp)
{
	collect(c, sp);
	return give_back(c, c->used);
}

static void __attribute__((noinline)) create(void *chain, void *func, void *dst,
					     uintptr_t sp)
{
	const int error = errno;
	struct creations *c = mine ? mine : first_creation();
	bool done, again;
	struct entry *e;
	int refused;

	drop_left(c, sp);
	drop_made_again(c, chain, func);
	if (c->used >= c->collect_at)
		collect(c, sp);

	e = next_entry(c);
	done = set(e, chain, func);
	refused = errno;
	if (!done && (refused == EDQUOT || refused == ENOMEM)) {
		again = make_room(c, sp);
		e = next_entry(c);
		done = again && set(e, chain, func);
		refused = again ? errno : refused;
	}
	if (done)
		*(void **)dst = e->trampoline;
	else if (!created_by_next(chain, func, dst))
		trampfd_nested_give_up("no trampoline for a nested function", refused);
	e->chain = chain;
	e->func = func;
	e->sp = sp;
	c->used++;
	errno = error;
}

/**
 * __gcc_nested_func_ptr_created() - make a trampoline for a nested function
 * @chain: What the function gets in the static chain register.
 * @func: The function.
 * @dst: Where to put the trampoline's address.
 *
 * For GCC, which calls it in code compiled with -ftrampoline-impl=heap, and has
 * @dst as void * in its own declaration.  It takes one system call, and none if the
 * thread's last deleted one was the same.
 *
 * Where the kernel refuses, the definition that comes after this library gets
 * the call, that is libgcc's.  If there is none, as in static programs, the
 * program ends by abort(), with a message.
 *
 * Context: Takes the library's lock; not for signal handlers.  errno is kept.
 */
NESTED_API void __gcc_nested_func_ptr_created(void *chain, void *func, void *dst)
{
	create(chain, func, dst, (uintptr_t)__builtin_frame_address(0));
}

/*
 * Deletion.
 */

/*
 * The entry that a function deletes: the last one on its stack, with the stack pointer
 * between that of the creation and the chain.  It may also be one that longjmp() has
 * left in the same place.  Then this one stays, and is of no use.
 *
 * A function that has made its frame larger is below both.  Then the entry with the
 * lowest chain that is not below the stack pointer is one of this stack, as another
 * stack has all or nothing of its own in between.  Its chain lies in the function's frame,
 * so all of the function's entries have it between their two addresses, and no other
 * function's has.
 */
static struct entry *last_of(struct creations *c, uintptr_t sp)
{
	uintptr_t chain, lowest = UINTPTR_MAX;
	struct entry *e;
	size_t i;

	for (i = c->used; i--; ) {
		e = &c->entries[i];
		chain = (uintptr_t)e->chain;
		/* A chain may be elsewhere: AddressSanitizer can have variables in the heap. */
		if (sp + SAME_FRAME >= e->sp && (sp <= chain || sp <= e->sp + SAME_FRAME))
			return e;
		if (chain >= sp)
			break;
	}

	for (i = 0; i < c->used; i++) {
		chain = (uintptr_t)c->entries[i].chain;
		if (chain >= sp && chain < lowest)
			lowest = chain;
	}
	for (i = c->used; i--; ) {
		e = &c->entries[i];
		if (e->sp <= lowest && lowest <= (uintptr_t)e->chain)
			return e;
	}
	return &c->entries[c->used - 1];
}

static void __attribute__((noinline)) delete(uintptr_t sp)
{
	struct creations *c = mine;
	struct entry *e, *last, deleted;

	if (!c || !c->used)
		trampfd_nested_give_up("a function was left that this thread has not entered", 0);

	e = last_of(c, sp);
	deleted = *e;
	last = &c->entries[--c->used];
	memmove(e, e + 1, (char *)last - (char *)e);
	*last = deleted;

	if (!deleted.trampoline)
		next_deleted();
	trim(c);
}

/**
 * __gcc_nested_func_ptr_deleted() - the thread's last one is not needed any more
 *
 * For GCC.  The last one is that of the stack which the caller runs on.  The
 * trampoline is kept for the thread's next nested function; when many are kept, most
 * are given back, which may take a system call.
 *
 * Context: Takes the library's lock, when it gives back; not for signal
 * handlers.
 */
NESTED_API void __gcc_nested_func_ptr_deleted(void)
{
	delete((uintptr_t)__builtin_frame_address(0));
}
