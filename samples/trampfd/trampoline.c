// SPDX-License-Identifier: GPL-2.0
#include "trampoline.h"

#include <err.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

void trampolines_make(struct trampolines *t, __u32 count)
{
	t->attr = (struct trampfd_attr) {
		.type = TRAMPFD_FAULT,
		.ntrampolines = count,
	};
	t->fd = syscall(__NR_trampfd_create, &t->attr, sizeof(t->attr), 0);
	if (t->fd < 0)
		err(1, "trampfd_create");

	t->base = mmap(NULL, t->attr.map_size, t->attr.map_prot,
		       t->attr.map_flags, t->fd, t->attr.map_offset);
	if (t->base == MAP_FAILED)
		err(1, "mmap of the trampolines");
}

void trampoline_set_stack(struct trampolines *t, __u32 number,
			  const struct trampfd_reg *regs, __u32 nregs,
			  const void *stack, __u32 size)
{
	struct trampfd_record record = {
		.trampoline = number,
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
	return t->base + (size_t)number * t->attr.stride;
}
