/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of TRAMPFD_CODE share: tables with their three parts, and what is
 * in their data slots.
 *
 * An architecture's arch-*.h may define, where it is so:
 *
 * ARCH_TARGET_REG	the register that code jumps through
 * ARCH_ENTRY_REG	the register that has the entry's address in a call
 * ARCH_JUMP_REG	a register that code has to change to jump; then arch_to_code tells
 *			arch_run() that it calls a code entry
 * ARCH_SLOT_VALUE(k, n)	the word of a slot with the value of the shape's k-th
 *			register of n, in ascending order
 * ARCH_SLOT_PC(n)	the word with the PC
 * ARCH_SLOT_WORD	the type of a word
 */
#ifndef TRAMPFD_CODE_UTIL_H
#define TRAMPFD_CODE_UTIL_H

#include "trampfd_util.h"

#ifndef ARCH_SLOT_VALUE
#define ARCH_SLOT_VALUE(k, n)	((void)(n), (k))
#define ARCH_SLOT_PC(n)		(n)
#endif

#ifndef ARCH_SLOT_WORD
#define ARCH_SLOT_WORD		unsigned long
#endif

#define slot_word		ARCH_SLOT_WORD

#define IDLE		TRAMPFD_RECORD_IDLE
#define SEALED		TRAMPFD_RECORD_SEALED

#define NO_CODE		"no TRAMPFD_CODE on this CPU or for this ABI (EOPNOTSUPP)"

/* Why TRAMPFD_CODE can't be tested here, NULL if it can. */
const char *code_missing(void);

/* The parts of a table, in the order of their addresses. */
enum code_part {
	PART_FAULT,
	PART_CODE,
	PART_DATA,
	NPARTS,
};

unsigned long part_offset(const struct table *t, enum code_part part);
int part_prot(const struct table *t, enum code_part part);
char *part_addr(const struct table *t, enum code_part part);
/* Map it where t->base says. */
int part_map(const struct table *t, enum code_part part);

/* The @k-th register that the tests' shapes have. */
unsigned int shape_reg(unsigned int k);
#define SHAPE_REGS	TRAMPFD_SHAPE_MAX

int code_create(struct table *t, unsigned int ntrampolines,
		const uint32_t *shape, unsigned int nregs);
/* Map the whole, and the two other parts over it. */
int code_map(struct table *t);
int code_map_at(struct table *t, void *addr);
/* All of it, with the first @nregs of the shape's registers. */
int code_open(struct table *t, unsigned int ntrampolines, unsigned int nregs);
/* With parts of @pages pages, and all set with the promise, to values from @value on. */
int code_open_pages(struct table *t, unsigned int pages, unsigned long value);

/* The address to call, and the one without code. */
char *code_entry(const struct table *t, unsigned int trampoline);
#define fault_entry(t, trampoline)	table_entry(t, trampoline)

/* The words of a slot. */
const slot_word *code_slot(const struct table *t, unsigned int trampoline);
slot_word slot_pc(const struct table *t, unsigned int trampoline);
slot_word slot_value(const struct table *t, unsigned int trampoline,
		     unsigned int reg);
/* Does the slot have all of @c that the code loads, and its PC? */
bool slot_has(const struct table *t, const struct context *c);
/* Does it have the values of @c, and lead to the fault entry? */
bool slot_has_values(const struct table *t, const struct context *c);
bool slot_is_out(const struct table *t, unsigned int trampoline);
/* The same, as TRAMPFD_GET tells it. */
bool is_fast(const struct table *t, unsigned int trampoline);

/* A context of the table's shape, with values made up from @seed. */
void shape_context(const struct table *t, struct context *c,
		   unsigned int trampoline, unsigned int seed,
		   unsigned int flags);
/* TRAMPFD_SET of @n records. */
int set_contexts(int fd, struct context *c, unsigned int n);

/* How a trampoline is called. */
enum code_way {
	/* Its fault entry. */
	TO_FAULT,
	/* Its code entry, as the ABI does it. */
	TO_CODE,
	/* Its code entry, with what @in has for ARCH_ENTRY_REG. */
	TO_CODE_AS_IT_IS,
};

/* try_run() of a call. */
int code_run(const struct cpu_state *in, const void *entry, enum code_way way,
	     struct cpu_state *out, int *target);
/*
 * Does a call of @entry do what @c says, and nothing else?  What @in->reg[ARCH_SP]
 * points to is a stack.
 */
bool does(const struct cpu_state *in, const void *entry, enum code_way way,
	  const struct context *c);
/* state_kept() for a call through an entry: it may set the target register, too. */
bool context_kept(const struct cpu_state *in, const struct cpu_state *out,
		  const struct context *c);
/* Does a call of @entry fault as an unset trampoline's with this fault entry? */
bool is_unset_call(const struct table *t, const struct cpu_state *in,
		   const void *entry, const void *fault);
/* The same of a trampoline, through both of its entries. */
bool both_do(const struct table *t, const struct cpu_state *in,
	     const struct context *c);
bool both_are_unset(const struct table *t, const struct cpu_state *in,
		    unsigned int trampoline);

/* A line of the descriptor's fdinfo. */
int fdinfo_number(int fd, const char *key, long long *number);

#endif /* TRAMPFD_CODE_UTIL_H */
