/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What code of the kernel a process reaches (CONFIG_KCOV), and inputs that reached
 * what none before them had.
 */
#ifndef TRAMPFD_FUZZ_COVER_H
#define TRAMPFD_FUZZ_COVER_H

#include <stdbool.h>
#include <stddef.h>

/* False if this kernel has no KCOV. */
bool cover_init(void);
/* For the calling process, which has a buffer of its own. */
void cover_begin(void);
/* Take what has come together; seldom enough not to cost, often enough for the buffer. */
void cover_collect(void);
void cover_end(void);
/* How many places have been reached, by all. */
unsigned int cover_places(void);
/* One line for each. */
void cover_print(void);

/*
 * Inputs.  The directory has one file for each, and they are tried in the order of
 * their names.
 */
#define INPUT_MAX	4096

struct input {
	unsigned char *bytes;
	size_t size;
};

int corpus_load(const char *dir, void (*try)(const unsigned char *bytes, size_t size));
unsigned int corpus_size(void);
const struct input *corpus_get(unsigned int n);
/* Keep it, and print it as a line that the host can store. */
void corpus_add(const unsigned char *bytes, size_t size);

#endif /* TRAMPFD_FUZZ_COVER_H */
