/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of limits share: a user's units, and memory that comes back late. */
#ifndef LIMITS_UTIL_H
#define LIMITS_UTIL_H

#include <stdbool.h>
#include <stddef.h>

#include "trampfd_util.h"

/* How much a user may have, and how much the calling process's user has now. */
#define LIMIT	"/proc/sys/user/max_trampfd_units"
#define UNITS	"/proc/sys/vm/trampfd_units"
#define UNIT	64	/* bytes */

/* How many trampolines share a chunk, which is what a table is made of. */
#define CHUNK_SLOTS	256
/* More units than a chunk and one usual context have. */
#define CHUNK_UNITS_MAX	160
/* More units than a small table, or the index of a few blocks. */
#define SMALL_UNITS_MAX	40

/* The slab caches; what they are called in /proc/slabinfo. */
#define CONTEXTS	"trampfd_context"
#define CHUNKS		"trampfd_chunk"
#define NO_SLABINFO	"no trampfd_* in /proc/slabinfo (CONFIG_SLUB_DEBUG, slab_nomerge)"

/*
 * Go into a new user namespace with this limit, so that nothing else counts.
 * Nobody there is known outside, so only know_user() lets it have another one.
 */
int own_limit(long long units);
int know_user(void);
/* The same, and all users are known there; it takes root. */
int own_limit_with_users(long long units);
#define NO_USER_NS	"no user namespaces (CONFIG_USER_NS), errno %d"

/* What the user has been charged for and has not been freed; -errno. */
long long units(void);
/*
 * The same when what waits for RCU is freed: at once if it is @want, or when it
 * has not changed for some grace periods.
 */
long long units_settled(long long want);
/* Wait until it is at most @most; whether that comes true. */
bool units_fall_to(long long most);

/* Every register that there is, and as much stack data. */
void context_worst(struct context *c, unsigned int trampoline);
/* Set these from @first on, until it fails; how many, and the error in @error. */
int set_worst(int fd, unsigned int first, int *error);

/* A kernel whose objects are larger than they are said to be. */
bool debug_kernel(void);

/* A cgroup with a memory controller; the reason if there can't be one. */
const char *cgroup_make(char *dir, size_t size);
/* Put the calling process into it. */
int cgroup_enter(const char *dir);

/*
 * Make grace periods last a second: one CPU stays in the kernel, where it is asked
 * for a quiescent state only late.  False where that can't be.
 */
struct slow_rcu {
	int thread;	/* RCU's own, 0 if nothing was changed */
	long long first_fqs;
	int reader;
};

bool rcu_slowly(struct slow_rcu *rcu);
void rcu_as_usual(struct slow_rcu *rcu);

/* A child that ends with its parent, also where that fails. */
pid_t fork_along(void);
/* pipe_wait() for a process that may have died: not longer than some minutes. */
int pipe_hear(int fd);

/* How often the calling thread has gone to sleep, as one does for a grace period. */
long sleeps(void);

#endif /* LIMITS_UTIL_H */
