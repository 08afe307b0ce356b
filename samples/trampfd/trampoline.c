// SPDX-License-Identifier: GPL-2.0
#include "trampoline.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int create(struct trampfd_attr *attr)
{
	return syscall(__NR_trampfd_create, attr, sizeof(*attr), 0);
}

/*
 * Whether code can load a register: neither the PC, which it jumps to, nor the one
 * that it may need for the jump, and that has the PC then.
 */
static bool loadable(__u32 name)
{
	struct trampfd_attr attr = {
		.type = TRAMPFD_CODE,
		.ntrampolines = 1,
		.shape_nregs = 1,
		.shape = { name },
	};
	int fd = create(&attr);

	if (fd >= 0)
		close(fd);
	else if (errno != EINVAL)
		err(1, "trampfd_create");
	return fd >= 0;
}

static void add_shape(struct trampfd_attr *attr, const struct trampfd_reg *regs,
		      __u32 nregs)
{
	__u32 i;

	for (i = 0; i < nregs; i++) {
		if (!loadable(regs[i].name))
			continue;
		if (attr->shape_nregs == TRAMPFD_SHAPE_MAX)
			errx(1, "more registers than code loads");
		attr->shape[attr->shape_nregs++] = regs[i].name;
	}
}

static void map_part(struct trampolines *t, __u64 offset, __u32 prot,
		     const char *what)
{
	if (mmap(t->base + offset, t->attr.part_size, prot,
		 t->attr.map_flags | MAP_FIXED, t->fd, offset) == MAP_FAILED)
		err(1, "mmap of the %s", what);
}

bool code_entries_here(void)
{
	struct trampfd_attr attr = {
		.type = TRAMPFD_CODE,
		.ntrampolines = 1,
	};
	int fd = create(&attr);

	if (fd >= 0)
		close(fd);
	else if (errno != EOPNOTSUPP && errno != EINVAL && errno != E2BIG)
		err(1, "trampfd_create");
	return fd >= 0;
}

enum way way_of(int argc, char **argv)
{
	if (argc < 2)
		return BY_FAULT;
	if (argc > 2 || strcmp(argv[1], "code"))
		errx(1, "usage: %s [code]", argv[0]);
	if (code_entries_here())
		return BY_CODE;
	printf("no code entries here: %s\n", strerror(errno));
	exit(EXIT_SKIP);
}

void trampolines_make(struct trampolines *t, enum way how, __u32 count,
		      const struct trampfd_reg *regs, __u32 nregs)
{
	t->attr = (struct trampfd_attr) {
		.type = how == BY_CODE ? TRAMPFD_CODE : TRAMPFD_FAULT,
		.ntrampolines = count,
	};
	if (how == BY_CODE)
		add_shape(&t->attr, regs, nregs);
	t->fd = create(&t->attr);
	if (t->fd < 0)
		err(1, "trampfd_create");

	t->base = mmap(NULL, t->attr.map_size, t->attr.map_prot,
		       t->attr.map_flags, t->fd, t->attr.map_offset);
	if (t->base == MAP_FAILED)
		err(1, "mmap of the trampolines");
	t->entries = t->base;
	if (how == BY_FAULT)
		return;

	/* The code last: if that is refused, calls can still fault. */
	map_part(t, t->attr.data_offset, t->attr.data_prot, "data");
	map_part(t, t->attr.code_offset, t->attr.code_prot, "code");
	t->entries = t->base + t->attr.code_offset;
}

void trampoline_set_stack(struct trampolines *t, __u32 number,
			  const struct trampfd_reg *regs, __u32 nregs,
			  const void *stack, __u32 size)
{
	/* A promise: without it, no trampoline gets into the fast lane. */
	struct trampfd_record record = {
		.trampoline = number,
		.flags = TRAMPFD_RECORD_IDLE,
		.nregs = nregs,
		.stack_size = size,
	};
	struct trampfd_contexts contexts = {
		.records = (uintptr_t)&record,
		.nrecords = 1,
		.regs = (uintptr_t)regs,
		.nregs = nregs,
		.stack = (uintptr_t)stack,
		.stack_size = size,
	};

	if (ioctl(t->fd, TRAMPFD_SET, &contexts) != 1)
		err(1, "TRAMPFD_SET of trampoline %u", number);
}

void trampoline_set(struct trampolines *t, __u32 number,
		    const struct trampfd_reg *regs, __u32 nregs)
{
	trampoline_set_stack(t, number, regs, nregs, NULL, 0);
}

void *trampoline_address(const struct trampolines *t, __u32 number)
{
	return t->entries + (size_t)number * t->attr.stride;
}

bool trampoline_show_way(const struct trampolines *t, __u32 number)
{
	struct trampfd_record record = { .trampoline = number };
	struct trampfd_contexts contexts = {
		.records = (uintptr_t)&record,
		.nrecords = 1,
		.flags = TRAMPFD_CONTEXTS_SIZES,
	};

	if (t->attr.type == TRAMPFD_FAULT) {
		printf("delivered by: page faults\n");
		return true;
	}
	if (ioctl(t->fd, TRAMPFD_GET, &contexts) != 1)
		err(1, "TRAMPFD_GET of trampoline %u", number);
	if (record.flags & TRAMPFD_RECORD_IDLE) {
		printf("delivered by: the kernel's code, without a fault\n");
		return true;
	}
	printf("delivered by: the kernel's code, which goes on to the fault entry\n");
	return false;
}
