/* SPDX-License-Identifier: GPL-2.0 */
/* Tells code entries of the library from fault entries, and the fast lane from the slow. */
#ifndef LIBTRAMPFD_ENTRIES_H
#define LIBTRAMPFD_ENTRIES_H

#include <linux/trampfd.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "util.h"

/* The mapping that an address is in: its permissions, and where it begins. */
static inline bool mapping_of(const void *addr, char permissions[5],
			      unsigned long *begin, bool *code)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long end;
	bool found = false;
	char line[512];

	while (maps && !found && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", begin, &end, permissions) != 3)
			continue;
		found = (uintptr_t)addr >= *begin && (uintptr_t)addr < end;
		*code = strstr(line, "[trampfd-code]");
	}
	if (maps)
		fclose(maps);
	return found;
}

static inline bool is_code(const void *addr)
{
	char permissions[5];
	unsigned long begin;
	bool code;

	return mapping_of(addr, permissions, &begin, &code) && code &&
	       !strcmp(permissions, "r-xp");
}

static inline bool is_fault(const void *addr)
{
	char permissions[5];
	unsigned long begin;
	bool code;

	return mapping_of(addr, permissions, &begin, &code) && !code &&
	       !strcmp(permissions, "---p");
}

/* Bytes from a code entry to the next, for a shape. */
static inline unsigned int stride_of(const uint32_t *shape, unsigned int nregs)
{
	struct trampfd_attr attr = {
		.type = TRAMPFD_CODE, .ntrampolines = 1, .shape_nregs = nregs,
	};
	int fd;

	memcpy(attr.shape, shape, nregs * sizeof(*shape));
	fd = syscall(__NR_trampfd_create, &attr, sizeof(attr), 0);
	if (fd < 0)
		return 0;
	close(fd);
	return attr.stride;
}

/* The same of fault entries. */
#define FAULT_STRIDE	16

/*
 * What TRAMPFD_GET says of a trampoline whose table has a shape; not 1 if it says
 * nothing.
 */
static inline int get(const void *trampoline, const uint32_t *shape, unsigned int nregs,
		      struct trampfd_reg *regs, struct trampfd_record *record)
{
	const struct trampfd_contexts contexts = {
		.records = (uintptr_t)record, .nrecords = 1,
		.regs = (uintptr_t)regs, .nregs = 8,
	};
	unsigned int stride = FAULT_STRIDE;
	char permissions[5];
	unsigned long begin;
	bool code;

	if (!mapping_of(trampoline, permissions, &begin, &code))
		return -1;
	if (code)
		stride = stride_of(shape, nregs);
	if (!stride)
		return -1;
	*record = (struct trampfd_record) {
		.trampoline = ((uintptr_t)trampoline - begin) / stride,
	};
	return syscall(__NR_trampfd_control, trampoline, TRAMPFD_GET, &contexts, 0);
}

/* Is the trampoline in the fast lane? */
static inline bool is_fast_in(const void *trampoline, const uint32_t *shape, unsigned int nregs)
{
	struct trampfd_record record;
	struct trampfd_reg regs[8];

	return get(trampoline, shape, nregs, regs, &record) == 1 &&
	       record.flags & TRAMPFD_RECORD_IDLE;
}

#define NO_CODE "no TRAMPFD_CODE on this CPU or for this ABI"

#endif
