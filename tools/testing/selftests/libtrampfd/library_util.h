/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the library's own trampolines share: to make them, and where they are. */
#ifndef LIBRARY_UTIL_H
#define LIBRARY_UTIL_H

#include <link.h>

#include "../kselftest_harness.h"
#include "util.h"

/* The size of the library's first table. */
#define FIRST_TABLE	4096U

/* The library's LEFT_MAX: as many freed ones of a table may still be set. */
#define LEFT_MAX	512

static inline int init(void *trampoline, long data)
{
	return trampfd_init(trampoline, context_target, (void *)data);
}

/* A trampoline that is set; NULL if that is not possible. */
static inline void *made(long data)
{
	void *trampoline = trampfd_alloc();

	if (trampoline && init(trampoline, data)) {
		trampfd_free(trampoline);
		return NULL;
	}
	return trampoline;
}

/* In a child: end with the number of the line that is not as it should be. */
#define CHECK(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "# %s:%d: %s: errno %d\n",	\
				__FILE__, __LINE__, #condition, errno);	\
			_exit(1);					\
		}							\
	} while (0)

FIXTURE(library) {
	void *trampoline;
};

FIXTURE_SETUP(library)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	self->trampoline = trampfd_alloc();
	ASSERT_TRUE(!!self->trampoline);
}

FIXTURE_TEARDOWN(library)
{
}

static inline void prepare(struct trampfd_call *calls, void **trampolines,
			   unsigned int count)
{
	unsigned int i;

	memset(calls, 0, count * sizeof(*calls));
	for (i = 0; i < count; i++) {
		calls[i].size = sizeof(calls[i]);
		calls[i].trampoline = trampolines[i];
		calls[i].target = context_target;
		calls[i].data = (void *)(long)i;
	}
}

/* Fill the first table, so that the next trampoline needs another one. */
static inline bool fill_table(void)
{
	static void *rest[FIRST_TABLE - 1];

	return !trampfd_alloc_many(rest, ARRAY_SIZE(rest));
}

struct segment {
	uintptr_t address;
	uintptr_t bias;
	bool found;
	bool writable;
};

/* Find the loaded segment that an address is in. */
static inline int in_segment(struct dl_phdr_info *info, size_t size, void *data)
{
	struct segment *s = data;
	uintptr_t start;
	unsigned int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];

		start = info->dlpi_addr + phdr->p_vaddr;
		if (phdr->p_type != PT_LOAD ||
		    s->address - start >= phdr->p_memsz)
			continue;
		s->bias = info->dlpi_addr;
		s->found = true;
		s->writable = phdr->p_flags & PF_W;
		return 1;
	}
	return 0;
}

static inline struct segment segment_of(const void *trampoline)
{
	struct segment s = { .address = (uintptr_t)trampoline };

	dl_iterate_phdr(in_segment, &s);
	return s;
}

/*
 * A system call that only the C library makes, wherever it needs the thread's
 * own data: errno, or who holds a mutex.
 */
#ifdef __m68k__
#define NR_THREAD_POINTER	__NR_get_thread_area
#else
#define NR_THREAD_POINTER	-1
#endif

#endif
