// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd's ways to make trampolines.
 */
#include "tramp.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on all architectures, but for those whose ABIs count from a base. */
#ifdef __NR_Linux
#define TRAMPFD_NR(nr)		(__NR_Linux + (nr))
#else
#define TRAMPFD_NR(nr)		(nr)
#endif
#ifndef __NR_trampfd_create
#define __NR_trampfd_create	TRAMPFD_NR(600)
#endif
#ifndef __NR_trampfd_control
#define __NR_trampfd_control	TRAMPFD_NR(601)
#endif

/* Enough for 65536 tables of one trampoline each, which count the most. */
#define UNITS_HINT	" (user.max_trampfd_units=4000000 is enough)"

static unsigned int data_words(const struct tramp_set *set)
{
	return set->stack ? set->stack->size / sizeof(long) : 0;
}

static int prepare_trampfd(struct tramp_set *set, unsigned int per_unit,
			   unsigned int batch)
{
	if (set->nr_regs > tramp_arch.nr_regs || (set->stack && !set->stack->size))
		return tramp_set_not_ported(set);

	set->per_unit = per_unit;
	set->batch = batch;
	set->records = calloc(batch, sizeof(*set->records));
	set->regs = calloc((size_t)batch * (set->nr_regs + 1), sizeof(*set->regs));
	set->data = calloc((size_t)batch * data_words(set) + 1, sizeof(*set->data));
	set->numbers = calloc(batch, sizeof(*set->numbers));
	if (!set->records || !set->regs || !set->data || !set->numbers)
		return tramp_set_failed(set, "calloc");
	return 0;
}

static int prepare_trampfd_each(struct tramp_set *set)
{
	return prepare_trampfd(set, set->nr, 1);
}

static int prepare_trampfd_batch(struct tramp_set *set)
{
	return prepare_trampfd(set, set->nr,
			       min(set->nr, (unsigned int)TRAMPFD_RECORDS_MAX));
}

static int prepare_trampfd_v1way(struct tramp_set *set)
{
	/* As far as it is allowed; map_trampfd() tells where it ends. */
	rlim_t want = (rlim_t)set->nr + 64;
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < want) {
		limit.rlim_cur = want;
		if (limit.rlim_max < want)
			limit.rlim_max = want;
		if (setrlimit(RLIMIT_NOFILE, &limit) &&
		    !getrlimit(RLIMIT_NOFILE, &limit)) {
			limit.rlim_cur = limit.rlim_max;
			setrlimit(RLIMIT_NOFILE, &limit);
		}
	}
	return prepare_trampfd(set, 1, 1);
}

/* By the descriptor, or by the address if the descriptor has been closed. */
static int control(const struct tramp_unit *unit, unsigned int op, void *arg)
{
	if (unit->fd >= 0)
		return ioctl(unit->fd, op, arg);
	return syscall(__NR_trampfd_control, unit->addr, op, arg, 0);
}

/* Why a call has set only the first @done. */
static noinline int set_failed(struct tramp_set *set, const struct tramp_unit *unit,
			       struct trampfd_contexts *contexts, int done)
{
	const unsigned int per_record = set->nr_regs + 1;
	const unsigned int words = data_words(set);

	if (done >= 0) {
		/* A call that begins with the bad one tells the reason. */
		contexts->records = (uintptr_t)&set->records[done];
		contexts->nrecords -= done;
		contexts->regs = (uintptr_t)&set->regs[done * per_record];
		contexts->nregs -= done * per_record;
		contexts->stack = (uintptr_t)&set->data[done * words];
		contexts->stack_size -= done * words * sizeof(long);
		if (control(unit, TRAMPFD_SET, contexts) >= 0)
			errno = EAGAIN;
	}
	if (errno == ENOSYS)
		return tramp_set_failed(set, "no trampfd_control in this kernel");
	return tramp_set_failed(set, errno == EDQUOT ? "TRAMPFD_SET" UNITS_HINT : "TRAMPFD_SET");
}

static __always_inline int set_some(struct tramp_set *set,
				    const struct tramp_unit *unit, u32 number,
				    unsigned int first, unsigned int nr, u32 flags)
{
	const unsigned int per_record = set->nr_regs + 1;
	const unsigned int words = data_words(set);
	const unsigned long target = tramp_set_target(set);
	struct trampfd_reg *reg = set->regs;
	unsigned long *data = set->data;
	struct trampfd_contexts contexts = {
		.records = (uintptr_t)set->records,
		.regs = (uintptr_t)set->regs,
		.stack = (uintptr_t)set->data,
		.nrecords = nr,
		.nregs = nr * per_record,
		.stack_size = nr * words * sizeof(long),
	};
	unsigned int i, j;
	int done;

	for (i = 0; i < nr; i++) {
		set->records[i] = (struct trampfd_record) {
			.trampoline = number + i,
			.flags = flags,
			.nregs = per_record,
			.stack_size = words * sizeof(long),
		};
		reg->name = tramp_arch.pc;
		reg->value = target;
		reg++;
		for (j = 0; j < set->nr_regs; j++, reg++) {
			reg->name = tramp_arch.regs[j];
			reg->value = TRAMP_CONTEXT(first + i);
		}
		for (j = 0; j < words; j++)
			*data++ = TRAMP_CONTEXT(first + i);
	}

	done = control(unit, TRAMPFD_SET, &contexts);
	return done == (int)nr ? 0 : set_failed(set, unit, &contexts, done);
}

/* Not inlined, so that it is the same code for all who call it. */
static noinline int set_all(struct tramp_set *set, struct tramp_unit *unit,
			    unsigned int first, unsigned int nr)
{
	unsigned int done, some;

	for (done = 0; done < nr; done += some) {
		some = min(set->batch, nr - done);
		if (set_some(set, unit, done, first + done, some, 0))
			return -1;
	}
	return 0;
}

/* The same with the promise that nobody calls what is set. */
static noinline int set_all_idle(struct tramp_set *set, struct tramp_unit *unit,
				 unsigned int first, unsigned int nr)
{
	unsigned int done, some;

	for (done = 0; done < nr; done += some) {
		some = min(set->batch, nr - done);
		if (set_some(set, unit, done, first + done, some,
			     TRAMPFD_RECORD_IDLE))
			return -1;
	}
	return 0;
}

static int create(struct tramp_set *set, struct tramp_unit *unit,
		  struct trampfd_attr *attr)
{
	unit->fd = syscall(__NR_trampfd_create, attr, sizeof(*attr), 0);
	if (unit->fd >= 0)
		return 0;
	if (errno == ENOSYS)
		return tramp_set_failed(set, "no trampfd in this kernel");
	if (errno == EPERM)
		return tramp_set_failed(set, "trampfd_create (vm.trampfd_enabled?)");
	if (errno == EDQUOT)
		return tramp_set_failed(set, "trampfd_create" UNITS_HINT);
	return tramp_set_failed(set, "trampfd_create (RLIMIT_NOFILE?)");
}

static int map_region(struct tramp_set *set, struct tramp_unit *unit,
		      const struct trampfd_attr *attr)
{
	void *addr;

	addr = mmap(NULL, attr->map_size, attr->map_prot, attr->map_flags, unit->fd,
		    attr->map_offset);
	if (addr == MAP_FAILED)
		return tramp_set_failed(set, errno == EDQUOT ? "mmap" UNITS_HINT :
							       "mmap (vm.max_map_count?)");
	unit->addr = addr;
	set->unit_size = attr->map_size;
	set->stride = attr->stride;
	return 0;
}

/* Map trampolines of which none is set. */
static int map_unset(struct tramp_set *set, struct tramp_unit *unit,
		     unsigned int first __maybe_unused, unsigned int nr)
{
	struct trampfd_attr attr = { .type = TRAMPFD_FAULT, .ntrampolines = nr };

	if (create(set, unit, &attr))
		return -1;
	return map_region(set, unit, &attr);
}

static int map_trampfd(struct tramp_set *set, struct tramp_unit *unit,
		       unsigned int first, unsigned int nr)
{
	if (map_unset(set, unit, first, nr))
		return -1;
	return set_all(set, unit, first, nr);
}

/* Nothing but the mapping is left of the table before anything is set. */
static int map_trampfd_address(struct tramp_set *set, struct tramp_unit *unit,
			       unsigned int first, unsigned int nr)
{
	if (map_unset(set, unit, first, nr))
		return -1;
	close(unit->fd);
	unit->fd = -1;
	return set_all(set, unit, first, nr);
}

static void remove_trampfd(struct tramp_set *set, struct tramp_unit *unit,
			   unsigned int nr)
{
	struct trampfd_list list = { .trampolines = (uintptr_t)set->numbers };
	unsigned int done, i;

	for (done = 0; unit->addr && done < nr; done += list.count) {
		list.count = min(set->batch, nr - done);
		for (i = 0; i < list.count; i++)
			set->numbers[i] = done + i;
		control(unit, TRAMPFD_REMOVE, &list);
	}
	tramp_unit_unmap(set, unit, nr);
}

/* TRAMPFD_CODE: called at the kernel's code, which loads from the kernel's data. */

static int code_attr(struct tramp_set *set, struct trampfd_attr *attr, unsigned int nr)
{
	unsigned int i;

	if (set->nr_regs > TRAMPFD_SHAPE_MAX) {
		scnprintf(set->why, sizeof(set->why),
			  "code loads %u registers at most", TRAMPFD_SHAPE_MAX);
		return -1;
	}
	*attr = (struct trampfd_attr) {
		.type = TRAMPFD_CODE,
		.ntrampolines = nr,
		.shape_nregs = set->nr_regs,
	};
	for (i = 0; i < set->nr_regs; i++)
		attr->shape[i] = tramp_arch.regs[i];
	return 0;
}

/*
 * How many trampolines a table can have is what a small one tells.
 *
 * Return: how many, or 0 with the reason in the set.
 */
static unsigned int code_max(struct tramp_set *set)
{
	struct trampfd_attr attr;
	const char *why;
	int fd;

	if (set->nr_regs > tramp_arch.nr_regs) {
		tramp_set_not_ported(set);
		return 0;
	}
	if (code_attr(set, &attr, 1))
		return 0;
	fd = syscall(__NR_trampfd_create, &attr, sizeof(attr), 0);
	if (fd >= 0) {
		close(fd);
		return attr.max_trampolines;
	}

	if (errno == ENOSYS)
		why = "no trampfd in this kernel";
	else if (errno == EOPNOTSUPP)
		why = "no TRAMPFD_CODE on this CPU";
	else if (errno == EINVAL || errno == E2BIG)
		why = "no TRAMPFD_CODE in this kernel";
	else
		why = "trampfd_create";
	tramp_set_failed(set, why);
	return 0;
}

static int prepare_code(struct tramp_set *set, unsigned int batch)
{
	unsigned int max = min(set->nr, code_max(set));

	return max ? prepare_trampfd(set, max, min(max, batch)) : -1;
}

static int prepare_code_each(struct tramp_set *set)
{
	return prepare_code(set, 1);
}

static int prepare_code_batch(struct tramp_set *set)
{
	return prepare_code(set, TRAMPFD_RECORDS_MAX);
}

static int map_part(struct tramp_set *set, struct tramp_unit *unit,
		    const struct trampfd_attr *attr, int prot, size_t offset)
{
	return mmap(unit->addr + offset, attr->part_size, prot,
		    attr->map_flags | MAP_FIXED, unit->fd, offset) == MAP_FAILED ?
	       tramp_set_failed(set, "mmap of data or code (vm.trampfd_enabled?)") : 0;
}

static int map_code_unset(struct tramp_set *set, struct tramp_unit *unit,
			  unsigned int first __maybe_unused, unsigned int nr)
{
	struct trampfd_attr attr;

	if (code_attr(set, &attr, nr) || create(set, unit, &attr) ||
	    map_region(set, unit, &attr) ||
	    map_part(set, unit, &attr, attr.data_prot, attr.data_offset) ||
	    map_part(set, unit, &attr, attr.code_prot, attr.code_offset))
		return -1;
	set->entry_offset = attr.code_offset;
	set->data_offset = attr.data_offset;
	set->data_size = attr.part_size;
	return 0;
}

/* Have the first fault in each page, code and data, so that calls have none. */
static void touch_code(const struct tramp_set *set, const struct tramp_unit *unit)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	size_t at;

	for (at = 0; at < set->data_size; at += page) {
		READ_ONCE(unit->addr[set->data_offset + at]);
		READ_ONCE(unit->addr[set->entry_offset + at]);
	}
}

static int map_code_touched(struct tramp_set *set, struct tramp_unit *unit,
			    unsigned int first, unsigned int nr)
{
	if (map_code_unset(set, unit, first, nr))
		return -1;
	touch_code(set, unit);
	return 0;
}

static int map_code(struct tramp_set *set, struct tramp_unit *unit,
		    unsigned int first, unsigned int nr)
{
	if (map_code_touched(set, unit, first, nr))
		return -1;
	return set_all_idle(set, unit, first, nr);
}

static int map_code_untouched(struct tramp_set *set, struct tramp_unit *unit,
			      unsigned int first, unsigned int nr)
{
	if (map_code_unset(set, unit, first, nr))
		return -1;
	return set_all_idle(set, unit, first, nr);
}

const struct tramp_way tramp_trampfd_each = {
	.name = "trampfd-each",
	.prepare = prepare_trampfd_each,
	.map = map_trampfd,
	.unmap = remove_trampfd,
};

const struct tramp_way tramp_trampfd_address = {
	.name = "trampfd-address",
	.prepare = prepare_trampfd_each,
	.map = map_trampfd_address,
	.unmap = remove_trampfd,
};

const struct tramp_way tramp_trampfd_batch = {
	.name = "trampfd-batch",
	.prepare = prepare_trampfd_batch,
	.map = map_trampfd,
	.unmap = remove_trampfd,
};

/* One descriptor and one mapping each, which go without being emptied first. */
const struct tramp_way tramp_trampfd_v1way = {
	.name = "trampfd-v1way",
	.prepare = prepare_trampfd_v1way,
	.map = map_trampfd,
	.unmap = tramp_unit_unmap,
};

/* Set what is mapped, in one call, or set it again. */
const struct tramp_way tramp_trampfd_set = {
	.name = "trampfd-set",
	.prepare = prepare_trampfd_batch,
	.map = map_unset,
	.renew = set_all,
	.unmap = remove_trampfd,
};

const struct tramp_way tramp_trampfd_replace = {
	.name = "trampfd-replace",
	.prepare = prepare_trampfd_batch,
	.map = map_trampfd,
	.renew = set_all,
	.unmap = remove_trampfd,
};

const struct tramp_way tramp_code_each = {
	.name = "code-each",
	.prepare = prepare_code_each,
	.map = map_code,
	.unmap = remove_trampfd,
};

const struct tramp_way tramp_code_batch = {
	.name = "code-batch",
	.prepare = prepare_code_batch,
	.map = map_code,
	.unmap = remove_trampfd,
};

/* Whose first call finds neither the page of the code nor that of the data. */
const struct tramp_way tramp_code_untouched = {
	.name = "code-untouched",
	.prepare = prepare_code_each,
	.map = map_code_untouched,
	.unmap = remove_trampfd,
};

const struct tramp_way tramp_code_set = {
	.name = "code-set",
	.prepare = prepare_code_batch,
	.map = map_code_touched,
	.renew = set_all_idle,
	.unmap = remove_trampfd,
};

const struct tramp_way tramp_code_replace = {
	.name = "code-replace",
	.prepare = prepare_code_batch,
	.map = map_code,
	.renew = set_all_idle,
	.unmap = remove_trampfd,
};
