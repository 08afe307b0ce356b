/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What fuzz_model knows of a process: its tables, what is set in them, and what is
 * mapped where.  It is ordinary memory, so that a fork copies it as the kernel has to
 * copy the private tables; what belongs to a table with TRAMPFD_SHARED is in memory
 * that is shared.
 */
#ifndef TRAMPFD_FUZZ_MODEL_H
#define TRAMPFD_FUZZ_MODEL_H

#include "../code_util.h"
#include "fuzz.h"

#define TABLES_MAX	10
#define FDS_MAX		4
#define HINTS		8
#define RECENT		64
#define DEPTH_MAX	3
#define CHILDREN_MAX	3
#define ALLOWED_MAX	24

/*
 * What is set: all of a context but its PC is made of @seed, see slot_context(), so
 * that a table of a million costs little.
 */
struct slot {
	uint64_t seed;
	uint64_t pc;
	bool is_set;
	bool sealed;
	bool fast;
};

/* The contents of a table; in shared memory for one with TRAMPFD_SHARED. */
struct contents {
	/* Taken for whole operations, and only where it is shared. */
	int lock;
	unsigned int nallowed;		/* 0: any PC */
	uint64_t allowed[ALLOWED_MAX];	/* ascending, as given */
	unsigned int nset;
	/* Some that were set lately, to be called and changed: most of a table is unset. */
	uint32_t recent[RECENT];
	unsigned int nrecent;
	struct slot slot[];
};

struct known_fd {
	int fd;			/* -1: none */
	bool readonly;
};

struct known_table {
	bool exists;
	bool shared;
	/* No table of this process: nothing of it was mapped when it was forked. */
	bool absent;
	struct trampfd_attr attr;
	struct known_fd fds[FDS_MAX];
	struct contents *contents;
	size_t contents_size;
	/* Address minus offset of all mappings of a table with code, 0 if not known yet. */
	uintptr_t base;
	/* Nothing of it has been mapped meanwhile, so it may be mapped elsewhere. */
	bool movable;
	unsigned int npages;
	/* Pages where mappings began; they may have gone since. */
	unsigned int hint[HINTS];
	unsigned int nhints;
};

enum kind {
	HOLE,		/* nothing is mapped */
	PLAIN,		/* PROT_NONE, and no table's */
	READABLE,	/* ordinary memory; only where nothing readable is executable */
	TRAMPOLINES,	/* PROT_NONE, at any offset */
	CODE,
	DATA,
};

/* A page of the arena, which is where all mappings of tables are. */
struct page {
	uint8_t kind;
	uint8_t table;
	bool dontfork;
	bool sealed;
	/* Code that may be in the page tables: the kernel is not asked again. */
	bool touched;
	/* Code that was called there may still run, see stale_code(). */
	bool stale;
	uint32_t offset;	/* in the table's file, in pages */
	uint32_t mapping;	/* the mmap() that it is of */
};

struct process {
	struct choices choices;
	unsigned int depth;
	unsigned int nchildren;
	pid_t child[CHILDREN_MAX];
	struct known_table table[TABLES_MAX];
	char *arena;
	struct page *pages;
	unsigned int npages;
	size_t page_size;
	uint32_t last_mapping;
	/* Pages that can't be unmapped any more. */
	unsigned int nsealed;
	struct test_stack stack;
	/* Whole states to call from; only the stack pointer and an entry's register change. */
	struct cpu_state in[3];
	/* An allocation of the operation may fail, see inject.c. */
	bool failing;
};

/* The calling process. */
extern struct process self;

/* Set by the command line. */
struct options {
	bool code;		/* the kernel has code entries */
	bool seals;		/* mseal() is there */
	bool dofork;		/* MADV_DOFORK works */
	bool shared_anywhere;	/* shared mappings can be at any page */
	bool chains;		/* a PC can be a trampoline */
	bool stale;		/* the machine runs code that was unmapped */
	bool inject;		/* let allocations fail */
	unsigned long limit;	/* units that the user may have, 0 for the usual limit */
};

extern struct options options;

/* model_table.c */
struct known_table *any_table(void);
struct known_table *new_table(void);
unsigned int table_index(const struct known_table *t);
int any_fd(const struct known_table *t, bool writable, bool *readonly);
/* Forget it if nothing leads to it any more. */
void table_settle(struct known_table *t);
void contents_lock(struct known_table *t);
void contents_unlock(struct known_table *t);
/* The context that is set with this seed and PC. */
void slot_context(const struct known_table *t, unsigned int trampoline,
		  uint64_t seed, uint64_t pc, struct context *c);
/* Has it the registers of the table's shape and no more, and no stack data? */
bool fits_shape(const struct known_table *t, const struct context *c);
uint64_t any_pc(void);
bool pc_allowed(const struct known_table *t, uint64_t pc);
unsigned int any_trampoline(const struct known_table *t);
/* One that was set lately, if there is one. */
unsigned int any_recent(const struct known_table *t);
void do_create(void);
void do_close(void);
void do_dup(void);

/* model_control.c */
void do_set(void);
void do_remove(void);
void do_seal(void);
void do_allow(void);
void do_readonly(void);
/*
 * A control call, by descriptor or by address, of which an allocation may fail.  What does
 * not depend on the contents of the table is checked.  False if nothing is left to compare;
 * else *@ret is to be, and *@fewer tells that there may have been memory for some
 * elements only.
 */
bool known_control(struct known_table *t, unsigned long op, void *arg, int *ret,
		   bool *fewer);

/* model_get.c */
void do_get(void);
void do_get_next(void);
void do_get_allowed(void);
void do_fdinfo(void);

/* model_arena.c */
void arena_init(void);
struct page *page_at(uintptr_t addr);
/* An address in a mapping of the table, 0 if there is none. */
uintptr_t mapped_address(const struct known_table *t);
/* Where a page of the table's file is mapped, 0 if it is not known. */
uintptr_t offset_address(const struct known_table *t, size_t offset);
void page_change(unsigned int i, enum kind kind, const struct known_table *t,
		 uint32_t offset, uint32_t mapping);
void do_map(void);
void do_map_over(void);
void do_unmap(void);
void do_move(void);
void do_protect(void);
void do_advise(void);
void do_lock(void);
void do_seal_mapping(void);

/* model_call.c */
void do_calls(void);
void calls_init(void);

/* model_stale.c: does this machine run code that has been unmapped? */
bool stale_code(void);

/* model_process.c */
void do_fork(void);
void do_vfork(void);
void do_exec(void);
void wait_children(void);
int after_exec(int argc, char **argv);

/* model.c */
void do_something(void);

/* inject.c: failing allocations */
void inject_init(void);
void inject_arm(void);
/* Has one failed since inject_arm()? */
bool inject_fired(void);
/* May an operation have failed with this for that reason, or because of --limit? */
bool short_of_memory(bool fired, int error);

#endif /* TRAMPFD_FUZZ_MODEL_H */
