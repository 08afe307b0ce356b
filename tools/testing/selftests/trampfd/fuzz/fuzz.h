/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two fuzzers share: where their choices come from, what they count, and how
 * they report.
 *
 * fuzz_model knows what every operation has to do, and compares.  fuzz_storm does many
 * things at once, where nobody can know the result of each, and checks what must hold
 * in any order.
 */
#ifndef TRAMPFD_FUZZ_H
#define TRAMPFD_FUZZ_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../kselftest.h"

/*
 * Choices.  They come from the bytes of a file as long as it has some, so that a corpus
 * can be changed and kept, and then from a generator.  The same file and seed give the
 * same choices.
 */
struct choices {
	uint64_t state;
	const unsigned char *bytes;
	size_t nbytes;
	size_t used;
};

void choices_init(struct choices *c, uint64_t seed, const void *bytes,
		  size_t nbytes);
/* For a process of its own: the choices of parent and child have nothing in common. */
void choices_fork(struct choices *c, unsigned int child);
uint64_t choose_any(struct choices *c);
/* From 0 to @n - 1; 0 if @n is 0. */
unsigned int choose(struct choices *c, unsigned int n);
/* True in @percent of 100 cases. */
bool chance(struct choices *c, unsigned int percent);

/*
 * What all processes of a run have in common, in memory that they share.
 */
struct run {
	uint64_t seed;
	/*
	 * A system call on trampfd or its mappings, or one called trampoline.  Not every
	 * CPU can count further than this in one step, and no run gets that far.
	 */
	unsigned long operations;
	/* Of them, calls of trampolines. */
	unsigned long calls;
	/* System calls that failed as they had to. */
	unsigned long refused;
	unsigned long forks;
	/* Differences.  The first one's text is printed at once. */
	uint32_t reports;
};

extern struct run *run;

/* Make it; ends the program if there is no memory. */
void run_init(uint64_t seed);
/* Count; each takes a thread's own share of the work, so they are atomic. */
void count_operation(void);
void count_call(void);
void count_refused(void);

/*
 * Report a difference: print the seed, the number of the operation and the text as
 * lines of TAP diagnostics, and end the process with FUZZ_DIFFERS.
 */
void __noreturn __printf(1, 2) differs(const char *format, ...);
#define FUZZ_DIFFERS	17

/* What was done, in a line that "make fuzz" reads. */
void run_print(const char *fuzzer, double seconds);

/* Exact, as clock_gettime() has it, for limits that a user gives in seconds. */
double now(void);

#endif /* TRAMPFD_FUZZ_H */
