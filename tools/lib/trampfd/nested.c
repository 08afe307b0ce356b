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
 * A deletion does not say what it deletes: it is the thread's last creation
 * that is left.  A longjmp() out of a function leaves its entries behind; they
 * lie above those of all functions that are still running, so none of these is
 * ever deleted too early, and they are in the way until the thread ends.
 */
#include "trampfd.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef NESTED_SHARED
#define NESTED_API	__attribute__((visibility("default")))
#else
#define NESTED_API	__attribute__((visibility("hidden")))
#endif

/* A static program has none of them, and no other definitions. */
#pragma weak dlsym
#pragma weak dlvsym

#define ENTRIES_MIN	64U
#define KEEP		64U

/**
 * struct entry - a creation that may not have been deleted yet
 * @trampoline: The trampoline; NULL if the next library has made one.
 * @chain: The static chain that it loads.
 * @func: Where it leads to; NULL if it is not set.
 */
struct entry {
	void *trampoline;
	void *chain;
	void *func;
};

/**
 * struct creations - what a thread has created
 * @used: How many are not deleted.
 * @kept: Entries below this one are valid, if only for their trampoline.
 * @size: How many there is room for.
 * @entries: The oldest one first.
 */
struct creations {
	size_t used;
	size_t kept;
	size_t size;
	struct entry *entries;
};

static __thread struct creations *mine;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;

static bool looked_up;
static void (*next_created)(void *chain, void *func, void *dst);
static void (*next_deleted)(void);

/* The compiler, not the programmer, calls this: there is nobody to tell. */
static void __attribute__((noreturn)) give_up(const char *what, int error)
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

static void give_back(struct creations *c, size_t keep)
{
	while (c->kept > keep) {
		struct entry *e = &c->entries[--c->kept];

		if (e->trampoline)
			trampfd_free(e->trampoline);
	}
}

/*
 * The thread ends.  Should a destructor that comes later use nested functions,
 * it starts anew, and so does this.
 */
static void thread_ends(void *p)
{
	struct creations *c = p;

	mine = NULL;
	give_back(c, 0);
	free(c->entries);
	free(c);
}

static void set_up(void)
{
	key_error = pthread_key_create(&key, thread_ends);
}

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

static struct creations *first_creation(void)
{
	struct creations *c;
	int error;

	pthread_once(&once, set_up);
	c = calloc(1, sizeof(*c));
	if (!c)
		give_up("no memory for nested functions", 0);
	error = key_error ? key_error : pthread_setspecific(key, c);
	if (error)
		give_up("no thread-specific data for nested functions", error);
	mine = c;
	return c;
}

/* The next entry: a new one, or one that was deleted. */
static struct entry *next_entry(struct creations *c)
{
	if (c->used == c->size) {
		size_t size = c->size ? 2 * c->size : ENTRIES_MIN;
		struct entry *entries;

		entries = reallocarray(c->entries, size, sizeof(*entries));
		if (!entries)
			give_up("no memory for nested functions", 0);
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
	if (e->trampoline && e->func == func && e->chain == chain)
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
	e->chain = chain;
	e->func = func;
	return true;
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
	const int error = errno;
	struct creations *c = mine ? mine : first_creation();
	struct entry *e = next_entry(c);
	int refused;

	if (set(e, chain, func)) {
		*(void **)dst = e->trampoline;
	} else {
		refused = errno;
		if (!created_by_next(chain, func, dst))
			give_up("no trampoline for a nested function", refused);
	}
	c->used++;
	errno = error;
}

/**
 * __gcc_nested_func_ptr_deleted() - the thread's last one is not needed any more
 *
 * For GCC.  The trampoline is kept for the thread's next nested function; when many
 * are kept, most are given back, which may take a system call.
 *
 * Context: Takes the library's lock, when it gives back; not for signal
 * handlers.
 */
NESTED_API void __gcc_nested_func_ptr_deleted(void)
{
	struct creations *c = mine;

	if (!c || !c->used)
		give_up("a nested function was left that this thread has not entered",
			0);

	c->used--;
	if (!c->entries[c->used].trampoline)
		next_deleted();
	if (c->kept > 2 * c->used + 2 * KEEP)
		give_back(c, c->used + KEEP);
}
