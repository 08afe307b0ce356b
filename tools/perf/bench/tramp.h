/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRAMP_H
#define TRAMP_H

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

#include "../../../include/uapi/linux/trampfd.h"

/*
 * What an architecture tells about itself.  Each has a header that defines
 * tramp_arch and tramp_target(), see tramp-arch.c.  What it leaves out, 0 or
 * NULL, is left out of the results.
 */

typedef unsigned long (*tramp_fn)(void);

/**
 * struct tramp_stack - a target for trampolines with stack data
 * @size: Bytes of stack data, close to 8 in the first and to 64 in the second.
 * @target: Takes the data from the stack and returns its first word.
 */
struct tramp_stack {
	unsigned int size;
	tramp_fn target;
};

#define TRAMP_REGS	7

/**
 * struct tramp_arch - an architecture
 * @regs: Registers that a call may change, as PERF_REG_*.  The first is the
 *	context register, which tramp_target() returns.
 * @nr_regs: How many these are, at most %TRAMP_REGS.
 * @pc: The program counter, as PERF_REG_*.
 * @stack: Targets for stack data.
 * @stub_size: Bytes of a written stub.
 * @write_stub: Write a stub that loads the context register and jumps.
 * @table_code: Code in the text of perf, aligned to @table_size: entries that
 *	load the context register from the first word at their own address plus
 *	@table_size, and jump to where the second word says.
 * @table_size: Bytes of @table_code, a multiple of the page size.
 * @table_stride: Bytes from one entry to the next.
 * @edit_context: Make a signal handler return to a target, with the context
 *	register loaded.
 * @sigreturn: Code that goes on at the target that prepare_sigreturn() was
 *	told, by sigreturn, and otherwise keeps all general registers.
 * @prepare_sigreturn: Prepare that, from the frame of a signal.
 * @vsyscall: Find a function of one pointer, which may be NULL, that the
 *	page-fault handler emulates.  NULL if this system has none.
 */
struct tramp_arch {
	u32 regs[TRAMP_REGS];
	unsigned int nr_regs;
	u32 pc;
	struct tramp_stack stack[2];
	size_t stub_size;
	void (*write_stub)(void *stub, unsigned long target, unsigned long context);
	const void *table_code;
	size_t table_size;
	size_t table_stride;
	void (*edit_context)(ucontext_t *uc, unsigned long target,
			     unsigned long context);
	tramp_fn sigreturn;
	void (*prepare_sigreturn)(const ucontext_t *uc, unsigned long target,
				  unsigned long context);
	void *(*vsyscall)(void);
};

extern const struct tramp_arch tramp_arch;

/* Returns the context register. */
unsigned long tramp_target(void);

/* Sets of trampolines, and the ways to make them. */

/**
 * struct tramp_unit - what is mapped, and removed, at a time
 * @addr: Address, or NULL.
 * @fd: Descriptor, or -1 if it has none or has been closed.
 */
struct tramp_unit {
	char *addr;
	int fd;
};

struct tramp_way;

/**
 * struct tramp_set - trampolines
 * @way: How they are made.
 * @nr: How many.
 * @nr_regs: Registers that each loads, without the PC.
 * @stack: Stack data that each pushes, or NULL.
 * @alone: Whether each has a unit of its own.
 * @per_unit: Trampolines of a unit.
 * @nr_units: Elements of @units.
 * @begun: Units that there is something of to remove.
 * @unit_size: Bytes that a unit has mapped.
 * @stride: Bytes from a trampoline to the next of its unit.
 * @entry_offset: Bytes from the address of a unit to its first trampoline.
 * @data_offset: Bytes from the address of a unit to pages that the kernel makes for
 *	it, and counts as nothing but mapped; 0 if there are none.
 * @data_size: Bytes of these.
 * @units: The units.
 * @batch: Trampolines that are set in one call.
 * @records: Room for a call's arguments.
 * @regs: Likewise.
 * @data: Likewise.
 * @numbers: Likewise.
 * @why: Why it could not be made.
 */
struct tramp_set {
	const struct tramp_way *way;
	unsigned int nr;
	unsigned int nr_regs;
	const struct tramp_stack *stack;
	bool alone;
	unsigned int per_unit;
	unsigned int nr_units;
	unsigned int begun;
	size_t unit_size;
	size_t stride;
	size_t entry_offset;
	size_t data_offset;
	size_t data_size;
	struct tramp_unit *units;
	unsigned int batch;
	struct trampfd_record *records;
	struct trampfd_reg *regs;
	unsigned long *data;
	u32 *numbers;
	char why[128];
};

/**
 * struct tramp_way - a way to make trampolines
 * @name: What the results call it.
 * @prepare: Set per_unit, batch and what else does not count as making them.
 * @map: Make a unit.
 * @renew: Set the trampolines of a unit that is there.  Then that is what is
 *	measured, and not @map.  NULL for most.
 * @unmap: Remove a unit.
 */
struct tramp_way {
	const char *name;
	int (*prepare)(struct tramp_set *set);
	int (*map)(struct tramp_set *set, struct tramp_unit *unit,
		   unsigned int first, unsigned int nr);
	int (*renew)(struct tramp_set *set, struct tramp_unit *unit,
		     unsigned int first, unsigned int nr);
	void (*unmap)(struct tramp_set *set, struct tramp_unit *unit,
		      unsigned int nr);
};

extern const struct tramp_way tramp_trampfd_each;
extern const struct tramp_way tramp_trampfd_address;
extern const struct tramp_way tramp_trampfd_batch;
extern const struct tramp_way tramp_trampfd_v1way;
extern const struct tramp_way tramp_trampfd_set;
extern const struct tramp_way tramp_trampfd_replace;
extern const struct tramp_way tramp_code_each;
extern const struct tramp_way tramp_code_batch;
extern const struct tramp_way tramp_code_untouched;
extern const struct tramp_way tramp_code_set;
extern const struct tramp_way tramp_code_replace;
extern const struct tramp_way tramp_stub_each;
extern const struct tramp_way tramp_stub_page;
extern const struct tramp_way tramp_table;

int tramp_set_prepare(struct tramp_set *set, const struct tramp_way *way,
		      unsigned int nr);
int tramp_set_make(struct tramp_set *set);
int tramp_set_renew(struct tramp_set *set);
int tramp_set_check(struct tramp_set *set);
void tramp_set_unmake(struct tramp_set *set);
void tramp_set_free(struct tramp_set *set);
void *tramp_set_entry(const struct tramp_set *set, unsigned int i);

/* For those who make units. */

/* What trampoline i loads: a different value for each, of 32 bits. */
#define TRAMP_CONTEXT(i)	(0x40000000UL + (i))

int tramp_set_failed(struct tramp_set *set, const char *what);
int tramp_set_not_ported(struct tramp_set *set);
void tramp_unit_unmap(struct tramp_set *set, struct tramp_unit *unit, unsigned int nr);

/* Where the trampolines of a set go. */
static inline unsigned long tramp_set_target(const struct tramp_set *set)
{
	return (unsigned long)(set->stack ? set->stack->target : tramp_target);
}

/**
 * struct tramp_map - a line of /proc/self/maps
 * @start: Address.
 * @offset: In the file.
 * @perms: As "r-xp".
 */
struct tramp_map {
	unsigned long start;
	unsigned long offset;
	char perms[5];
};

bool tramp_find_map(unsigned long addr, struct tramp_map *map);

/* Measuring. */

/* Entries that a loop calls in turn; a power of two. */
#define TRAMP_RING	1024

typedef void (*tramp_loop_fn)(void *const *ring, unsigned long count);

/**
 * TRAMP_LOOP() - define a loop over a ring of entries
 * @name: Name of the function.
 * @body: What to do with @entry.
 *
 * Nothing is known about the counter and the entry, so that all loops are the
 * same but for what they do, and none is unrolled.
 */
#define TRAMP_LOOP(name, body)						\
void name(void *const *ring, unsigned long count)			\
{									\
	while (count--) {						\
		void *entry = ring[count % TRAMP_RING];			\
									\
		asm volatile("" : "+r" (entry), "+r" (count));		\
		body;							\
	}								\
}

u64 tramp_now(void);
void tramp_wait(unsigned int ms);
u64 tramp_round(u64 ns);
void tramp_settle(void);
long tramp_settled_bytes(struct tramp_set *set);
void tramp_loop_call(void *const *ring, unsigned long count);
void tramp_fill_ring(void **ring, const struct tramp_set *set);
double tramp_measure(tramp_loop_fn loop, void *const *ring);
double tramp_measure_way(const struct tramp_way *way);

/* Options and results. */

extern unsigned int tramp_max;
extern unsigned int tramp_threads;
extern bool tramp_count_instructions;

void tramp_note(const char *fmt, ...) __printf(1, 2);
void tramp_left_out(const char *method, unsigned int nr, const char *why);
void tramp_csv(const char *bench, const char *method, unsigned int nr,
	       double cost, const char *unit);
const char *tramp_unit(void);
double tramp_whole(double cost);

int tramp_call(void);
int tramp_create(void);
int tramp_memory(void);
int tramp_scale(void);
int tramp_first(void);

#endif /* TRAMP_H */
