/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of fuzz_storm share.
 *
 * Everything happens at once, so what a call has to do is known only where somebody
 * owns the trampoline.  There are these kinds:
 *
 * - Pools belong to all threads of a process, or to all processes.  What may happen to
 *   one of their trampolines is fixed by its number, see enum kind.
 * - Own tables belong to one thread.  It knows what is set and mapped, and a call has to
 *   do exactly that.
 *
 * What can be called leads to arch_target(), to arch_data(), or to a trampoline of a pool
 * that is always mapped and never changes.  So no call gets to a place that is not safe.
 *
 * Nothing is mapped without an address once the storm has begun.  So nothing comes into
 * a hole that is there for a moment.
 */
#ifndef TRAMPFD_FUZZ_STORM_H
#define TRAMPFD_FUZZ_STORM_H

#include <errno.h>
#include <pthread.h>

#include "../../kselftest.h"
#include "../code_util.h"
#include "../limits_util.h"
#include "fuzz.h"

#define THREADS_MAX	8
#define PROCESSES_MAX	8
/* Of a thread, and all that exist at a time. */
#define CHILDREN_MAX	3
#define CHILDREN_ALL	8
#define DEPTH_MAX	3

/* Pages of addresses of a table, and trampolines that are used in each. */
#define PAGES		4
#define SPOTS		24
#define NSPOTS		(PAGES * SPOTS)

/* Records in one call. */
#define RECORDS		200

/*
 * Contexts.  Each is made of a version, a number.  A call leaves the version in
 * ARCH_DATA_REG, so that all else can be checked.
 */
#define VERSIONS	0x100000U
/* The version of a call that went to this target and loaded nothing. */
#define BARE(target)	(VERSIONS + (target))

/* What a version's context has. */
enum flavor {
	FLAVOR_ALL,		/* all registers, and perhaps stack data */
	FLAVOR_BARE,		/* the PC, and what the shape wants */
	FLAVOR_DATA,		/* ARCH_DATA_REG, too */
	FLAVOR_SOME,		/* some registers and stack data */
	FLAVOR_MORE,		/* the same */
	FLAVOR_CHAIN,		/* the PC is another trampoline */
	FLAVOR_LANE,		/* two versions differ in the PC alone */
	FLAVOR_LANE_TOO,
	NFLAVORS,
};

enum flavor flavor(unsigned int version);
unsigned int make_version(enum flavor flavor, unsigned int n);
void version_context(const struct table *t, struct context *c,
		     unsigned int trampoline, unsigned int version);
/* The version that a call leaves behind: another one's, if it goes on to that. */
unsigned int version_result(const struct table *t, unsigned int version);
/* Has it the registers of the table's shape and no more? */
bool fits_lane(const struct table *t, unsigned int version);
/* Have both the same values there? */
bool same_values(const struct table *t, unsigned int a, unsigned int b);
/* Is what TRAMPFD_GET has read a whole context of some version? */
bool context_version(const struct table *t, const struct context *c,
		     unsigned int *version);

/*
 * Is @out, with which a call from @in got to @target, what a whole context of some
 * version gives?  The stack pointer was @sp at the entry.
 */
bool call_version(const struct table *t, bool by_code, const struct cpu_state *in,
		  unsigned long sp, const struct cpu_state *out, int target,
		  unsigned int *version);
bool is_chain(const struct table *t, unsigned int version);
/* The version of a pool's trampoline that never changes. */
unsigned int stable_version(const struct table *t, unsigned int spot);
/* Chains lead to such trampolines of this pool. */
void chain_to(const struct table *t);

/* What a worker knows of a page in a place of an own table. */
enum page_state {
	PAGE_OF,		/* one of the table's, page[].of says which */
	PAGE_ROOM,		/* of the mapping that reserves a table's parts */
	PAGE_PLAIN,		/* PROT_NONE, and no table's */
	PAGE_HOLE,		/* not mapped */
	PAGE_UNKNOWN,		/* a system call failed in the middle */
};

struct page {
	uint8_t state;
	uint8_t of;
	bool dontfork;
};

/* A place where an own table can be mapped; with code, a part. */
struct place {
	char *base;
	struct page page[PAGES];
};

struct spot {
	uint32_t version;
	bool set;
	bool sealed;
	bool fast;
};

#define PLACES		3
#define DUPS		3

/* A table that one thread alone changes and maps. */
struct own {
	struct table t;
	bool there;
	bool code;
	bool shared;
	/* Only the even targets are allowed. */
	bool limited;
	unsigned int pages;
	unsigned int per_page;
	int fd[DUPS];
	struct place place[PLACES];
	struct spot spot[NSPOTS];
};

/* The two that each worker has. */
enum { OWN_FAULT, OWN_CODE, OWNS };

/* A child process that a worker has to wait for. */
struct child {
	pid_t pid;
	/* In sea->place. */
	unsigned int place;
	bool killed;
};

/* What has to become of a record of a batch. */
struct wanted {
	unsigned int spot;
	unsigned int version;
	unsigned int flags;
	/* It is a bad one, and has this error. */
	int error;
	/* It may be refused with EPERM. */
	bool may_be_sealed;
};

/* Records for one TRAMPFD_SET. */
struct batch {
	struct trampfd_contexts arg;
	unsigned int n;
	struct wanted want[RECORDS];
	struct trampfd_record rec[RECORDS];
	struct trampfd_reg reg[RECORDS * (TRAMPFD_REGS_MAX + 1)];
	unsigned char stack[RECORDS * TRAMPFD_STACK_MAX];
};

struct worker {
	struct choices choices;
	unsigned int number;
	pthread_t thread;
	pid_t tid;
	bool running;
	/* Operations to be done yet. */
	long left;
	/* Addresses of its own, see own_place(). */
	char *room;
	struct test_stack stack;
	struct cpu_state in;
	/* The pool's code entry that it is in, plus one. */
	unsigned int in_code;
	/* /proc/thread-self/fail-nth, -1 if there is none. */
	int fail_nth;
	/* An allocation may fail now. */
	bool failing;
	/* A process with CLONE_VM plays this worker. */
	bool cloned;
	/* How often it has forked, so that each child has other choices. */
	unsigned int nforks;
	struct child child[CHILDREN_MAX];
	struct own own[OWNS];
	struct batch batch;
	char text[32 * 1024];
};

extern struct worker workers[THREADS_MAX];

/* Bytes of addresses that each has. */
#define ROOM_SIZE	(4UL << 20)

/* What processes of a storm have in common. */
struct sea {
	pid_t place[CHILDREN_ALL];	/* for processes */
	uint32_t stop;		/* no more turns */
	uint32_t ready;		/* processes that have made their pools */
	uint32_t progress;	/* turns of workers, without what signals do */
};

extern struct sea *sea;

/* What is the same in all of them, from the command line and the system. */
struct options {
	uint64_t seed;
	long operations;
	long seconds;
	unsigned int threads;
	unsigned int processes;
	bool code;		/* the kernel has code entries */
	bool shared_anywhere;	/* shared mappings can be at any page */
	bool inject;		/* allocations can be made to fail */
	bool cgroup;		/* there is a memory cgroup at @cgroup_dir */
	char cgroup_dir[128];
	int sock[2];		/* for descriptors */
	size_t page;
};

extern struct options options;

/* The calling process. */
struct process {
	unsigned int depth;
	/* It is in the memory cgroup, at whose limit the kernel kills it. */
	bool poor;
	/* It has a low RLIMIT_AS or RLIMIT_NOFILE. */
	bool limited;
	/* Programs that are about to be executed. */
	unsigned int spawning;
	/* A thread uses the addresses for a big table. */
	bool big_locked;
};

extern struct process self;

/* storm_check.c: system calls and calls of trampolines */

/* A list of errors for check(). */
#define ERRORS(...)	((const int[]){ __VA_ARGS__, 0 })

/* Count an operation that returned @ret; if it is an error, it has to be in the list. */
long check(struct worker *w, const char *what, long ret, const int *errors);
/*
 * Let an allocation of the system calls between these fail, sometimes.  check() then
 * accepts that, so it has to follow.
 */
void fail_begin(struct worker *w);
void fail_end(struct worker *w);
/* All of it, for a system call that returns -1 and sets errno. */
#define checked(w, what, call, errors)			\
({							\
	struct worker *w_ = (w);			\
	long ret_;					\
							\
	fail_begin(w_);					\
	ret_ = (call);					\
	if (ret_ == -1)					\
		ret_ = -errno;				\
	fail_end(w_);					\
	check(w_, what, ret_, errors);			\
})
/* Count an operation that can't fail. */
void counted(struct worker *w);

unsigned int any_version(struct worker *w);
/* The number of a trampoline in a table. */
unsigned int spot_number(unsigned int per_page, unsigned int spot);

enum way {
	BY_CALL,		/* the fault entry, by a call instruction */
	BY_JUMP,
	BY_CODE,		/* the code entry */
};

/* A call: what to call, and what has come of it. */
struct attempt {
	const struct table *t;
	/* Where the trampoline is called; and its fault entry, the same without code. */
	const char *entry;
	const char *fault;
	/* Its data, NULL without code. */
	const char *data;
	enum way way;
	/* Did it get to a target? */
	bool hit;
	unsigned int version;
};

/* Do it.  A hit is whole, and a miss is at one of these addresses, or it is a report. */
void attempt(struct worker *w, struct attempt *a);
/* A jump with no byte of stack left; false if a miss is not because of that. */
bool attempt_without_stack(struct worker *w, struct attempt *a);

void batch_begin(struct worker *w);
/* Add a record, and say what has to become of it. */
struct wanted *batch_add(struct worker *w, const struct table *t,
			 unsigned int per_page, unsigned int spot,
			 unsigned int version, unsigned int flags);
/* Make the last record a bad one. */
void batch_spoil(struct worker *w, const struct table *t);
/* Take away the end of the registers or of the stack data. */
void batch_shorten(struct worker *w);
/* Set them, by address if @addr is not NULL; how many were set. */
unsigned int batch_set(struct worker *w, int fd, const void *addr);

/* Room for @n records and @nregs registers, for TRAMPFD_GET. */
void get_begin(struct worker *w, unsigned int n, unsigned int nregs,
	       unsigned int flags);
/* Take record @i out of what it has filled in; *@reg and *@stack begin with 0. */
void take(const struct batch *b, unsigned int i, unsigned int *reg,
	  unsigned int *stack, struct context *c);

/* An operation by address, or by descriptor; a negative errno.  check() has to follow. */
long operate(struct worker *w, int fd, const void *addr, unsigned long op,
	     void *arg);

/* storm_pool.c */

/* What may happen to a trampoline of a pool, by its number. */
enum kind {
	STABLE,			/* never changes */
	CHANGING,		/* always set */
	PROMISED,		/* the same, and the promise is given for it */
	LATE,			/* always set, may be sealed */
	WILD,			/* anything */
};

enum pool_name {
	POOL_FAULT,
	POOL_SHARED,		/* by all processes */
	POOL_FIRM,		/* code that stays mapped */
	POOL_LOOSE,		/* code that does not */
	POOLS,
};

struct pool {
	struct table t;
	bool there;
	bool code;
	unsigned int per_page;
	/* Where pages come and go; two copies of the table without code. */
	char *loose;
};

extern struct pool pools[POOLS];

/* Trampolines that give these values and never change, for signal handlers. */
#define FIXED		7UL
extern const char *fixed_entry[2];

void pool_shared_init(void);
void pools_init(unsigned int process);
/* In a new process: nobody calls. */
void pools_reset(void);
void pools_promise(struct worker *w);
void pool_call(struct worker *w);
void pool_set(struct worker *w);
void pool_promise(struct worker *w);
void pool_remove(struct worker *w);
void pool_seal(struct worker *w);
void pool_get(struct worker *w);
void pool_next(struct worker *w);
void pool_readonly(struct worker *w);

/* storm_map.c: mappings of pools, and what reads mappings */
void loose_map(struct worker *w);
void loose_unmap(struct worker *w);
void loose_move(struct worker *w);
void loose_advise(struct worker *w);
/* madvise() and the like that leave what is mapped as it is. */
void advise(struct worker *w, char *addr, size_t size);
/* Reserve addresses again. */
long map_plain(struct worker *w, char *addr, size_t size);
long map_at(struct worker *w, const char *what, char *addr, size_t size,
	    int prot, int flags, int fd, unsigned long offset,
	    const int *errors);
void read_proc(struct worker *w);
void read_memory(struct worker *w);

/* storm_own.c */
void own_turn(struct worker *w);
/* After a fork: what the child has of them. */
void own_forked(struct worker *w);
/* Begin without any; false if what is mapped there can't be removed. */
bool own_reset(struct worker *w);
/* The last thing that a process does with them. */
void own_mseal(struct worker *w);
/* A descriptor to pass on, -1 if there is none. */
int own_descriptor(struct worker *w, struct table *t);
char *own_place(struct worker *w, unsigned int own, unsigned int place);

/* storm_process.c: signals, threads, and their children */
void process_run(unsigned int number);
void on_signal(int signo);
/* Make a process, if there is a place for it: 0 in the child, and -1 if there is none. */
pid_t start_process(struct worker *w, unsigned int *place);
void give_place(unsigned int place);
/* Give back the places of processes that no longer exist. */
void places_sweep(void);
/* Has it ended by itself, or was it killed where that may be? */
bool ended_well(int status, bool killed);
/* Report it if it has not. */
void process_ended(pid_t pid, int status, bool killed);
/* Wait for it, with flags of waitpid(); whether it has ended. */
bool wait_for(struct child *c, int flags);
void fork_child(struct worker *w);
void reap_child(struct worker *w);
void signal_worker(struct worker *w);
void set_timer(struct worker *w);
void set_limit(struct worker *w);

/* storm_clone.c: processes that are traced, share memory, or execute a program */
void trace_child(struct worker *w);
void clone_process(struct worker *w);
void spawn(struct worker *w);
/* Become this program, which looks at a descriptor, or do nothing if that fails. */
void execute(const char *what, int fd);
/* What it does then. */
int executed(int argc, char **argv);

/* storm_other.c: tables that live for one turn, and descriptors on their way */
void make_bad(struct worker *w);
/* Reserve addresses for big tables. */
void big_init(void);
void make_big(struct worker *w);
void send_table(struct worker *w);
void receive_table(struct worker *w);

/* storm_weather.c: what an administrator changes meanwhile */
void weather_init(void);
void weather_turn(void);
void weather_end(void);

/* storm_turn.c: whatever a thread does next */
void turn(struct worker *w);

#endif /* TRAMPFD_FUZZ_STORM_H */
