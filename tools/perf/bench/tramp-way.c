// SPDX-License-Identifier: GPL-2.0
/*
 * The ways to make trampolines.
 */
#include "tramp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/zalloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on all architectures, but for those whose ABIs count from a base. */
#ifndef __NR_trampfd_create
#ifdef __NR_Linux	/* where each ABI counts from another number */
#define __NR_trampfd_create	(__NR_Linux + 600)
#else
#define __NR_trampfd_create	600
#endif
#endif

/* What trampoline i loads: a different value for each, of 32 bits. */
#define CONTEXT(i)	(0x40000000UL + (i))

static int failed(struct tramp_set *set, const char *what)
{
	const int error = errno;

	if (set->begun > 1)
		scnprintf(set->why, sizeof(set->why), "%s: %s, after %u", what,
			  strerror(error), (set->begun - 1) * set->per_unit);
	else
		scnprintf(set->why, sizeof(set->why), "%s: %s", what, strerror(error));
	return -1;
}

static int not_ported(struct tramp_set *set)
{
	scnprintf(set->why, sizeof(set->why), "not written for this architecture");
	return -1;
}

bool tramp_find_map(unsigned long addr, struct tramp_map *map)
{
	char line[PATH_MAX + 128];
	unsigned long end;
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "r");

	if (!maps)
		return false;

	while (!found && fgets(line, sizeof(line), maps))
		found = sscanf(line, "%lx-%lx %4s %lx", &map->start, &end,
			       map->perms, &map->offset) == 4 &&
			addr >= map->start && addr < end;
	fclose(maps);
	return found;
}

/* trampfd */

static unsigned long target_of(const struct tramp_set *set)
{
	return (unsigned long)(set->stack ? set->stack->target : tramp_target);
}

static unsigned int data_words(const struct tramp_set *set)
{
	return set->stack ? set->stack->size / sizeof(long) : 0;
}

static int prepare_trampfd(struct tramp_set *set, unsigned int per_unit,
			   unsigned int batch)
{
	if (set->nr_regs > tramp_arch.nr_regs || (set->stack && !set->stack->size))
		return not_ported(set);

	set->per_unit = per_unit;
	set->batch = batch;
	set->records = calloc(batch, sizeof(*set->records));
	set->regs = calloc((size_t)batch * (set->nr_regs + 1), sizeof(*set->regs));
	set->data = calloc((size_t)batch * data_words(set) + 1, sizeof(*set->data));
	set->numbers = calloc(batch, sizeof(*set->numbers));
	if (!set->records || !set->regs || !set->data || !set->numbers)
		return failed(set, "calloc");
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

static int set_trampolines(struct tramp_set *set, int fd, u32 number,
			   unsigned int first, unsigned int nr)
{
	const unsigned int per_record = set->nr_regs + 1;
	const unsigned int words = data_words(set);
	const unsigned long target = target_of(set);
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
			.nregs = per_record,
			.stack_size = words * sizeof(long),
		};
		reg->name = tramp_arch.pc;
		reg->value = target;
		reg++;
		for (j = 0; j < set->nr_regs; j++, reg++) {
			reg->name = tramp_arch.regs[j];
			reg->value = CONTEXT(first + i);
		}
		for (j = 0; j < words; j++)
			*data++ = CONTEXT(first + i);
	}

	done = ioctl(fd, TRAMPFD_SET, &contexts);
	if (done == (int)nr)
		return 0;
	if (done >= 0) {
		scnprintf(set->why, sizeof(set->why), "TRAMPFD_SET: stopped after %d",
			  done);
		return -1;
	}
	return failed(set, errno == EDQUOT ? "TRAMPFD_SET (user.max_trampolines)" :
					     "TRAMPFD_SET");
}

static int map_trampfd(struct tramp_set *set, struct tramp_unit *unit,
		       unsigned int first, unsigned int nr)
{
	struct trampfd_attr attr = { .type = TRAMPFD_FAULT, .ntrampolines = nr };
	unsigned int done, some;
	void *addr;

	unit->fd = syscall(__NR_trampfd_create, &attr, sizeof(attr), 0);
	if (unit->fd < 0) {
		if (errno == ENOSYS)
			return failed(set, "no trampfd in this kernel");
		if (errno == EPERM)
			return failed(set, "trampfd_create (vm.trampfd_enabled?)");
		return failed(set, "trampfd_create (RLIMIT_NOFILE?)");
	}

	addr = mmap(NULL, attr.map_size, attr.map_prot, attr.map_flags, unit->fd,
		    attr.map_offset);
	if (addr == MAP_FAILED)
		return failed(set, "mmap (vm.max_map_count?)");
	unit->addr = addr;
	set->unit_size = attr.map_size;
	set->stride = attr.stride;

	for (done = 0; done < nr; done += some) {
		some = min(set->batch, nr - done);
		if (set_trampolines(set, unit->fd, done, first + done, some))
			return -1;
	}
	return 0;
}

static void unmap(struct tramp_set *set, struct tramp_unit *unit,
		  unsigned int nr __maybe_unused)
{
	if (unit->addr)
		munmap(unit->addr, set->unit_size);
	if (unit->fd >= 0)
		close(unit->fd);
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
		ioctl(unit->fd, TRAMPFD_REMOVE, &list);
	}
	unmap(set, unit, nr);
}

/* Stubs, written at run time. */

static int prepare_stub(struct tramp_set *set, bool each)
{
	const size_t page = sysconf(_SC_PAGESIZE);

	if (!tramp_arch.stub_size)
		return not_ported(set);

	set->unit_size = page;
	set->stride = tramp_arch.stub_size;
	set->per_unit = each ? 1 : page / tramp_arch.stub_size;
	return 0;
}

static int prepare_stub_each(struct tramp_set *set)
{
	return prepare_stub(set, true);
}

static int prepare_stub_page(struct tramp_set *set)
{
	return prepare_stub(set, false);
}

static int map_stubs(struct tramp_set *set, struct tramp_unit *unit,
		     unsigned int first, unsigned int nr)
{
	const unsigned long target = target_of(set);
	unsigned int i;
	char *addr;

	addr = mmap(NULL, set->unit_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return failed(set, "mmap (vm.max_map_count?)");
	unit->addr = addr;

	for (i = 0; i < nr; i++)
		tramp_arch.write_stub(addr + i * set->stride, target,
				      CONTEXT(first + i));
	__builtin___clear_cache(addr, addr + set->unit_size);

	if (mprotect(addr, set->unit_size, PROT_READ | PROT_EXEC))
		return failed(set, errno == ENOMEM ? "mprotect (vm.max_map_count?)" :
			      "W^X forbids written code, mprotect");
	return 0;
}

/* The static table: code that finds its data beside it. */

/* The file that the code is mapped from, opened once as libffi does. */
static int table_fd = -1;
static unsigned long table_offset;

static int prepare_table(struct tramp_set *set)
{
	const unsigned long code = (unsigned long)tramp_arch.table_code;
	struct tramp_map map;

	if (!code)
		return not_ported(set);
	if (tramp_arch.table_size % sysconf(_SC_PAGESIZE)) {
		scnprintf(set->why, sizeof(set->why), "not written for this page size");
		return -1;
	}

	if (table_fd < 0) {
		if (!tramp_find_map(code, &map)) {
			scnprintf(set->why, sizeof(set->why),
				  "not found in /proc/self/maps");
			return -1;
		}
		table_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		if (table_fd < 0)
			return failed(set, "/proc/self/exe");
		table_offset = map.offset + (code - map.start);
	}

	set->unit_size = 2 * tramp_arch.table_size;
	set->stride = tramp_arch.table_stride;
	set->per_unit = tramp_arch.table_size / tramp_arch.table_stride;
	return 0;
}

static int map_table(struct tramp_set *set, struct tramp_unit *unit,
		     unsigned int first, unsigned int nr)
{
	const unsigned long target = target_of(set);
	const size_t size = tramp_arch.table_size;
	unsigned long *data;
	unsigned int i;
	char *addr;

	addr = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return failed(set, "mmap (vm.max_map_count?)");
	unit->addr = addr;

	if (mmap(addr, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED,
		 table_fd, table_offset) == MAP_FAILED)
		return failed(set, "mmap of the code");

	for (i = 0; i < nr; i++) {
		data = (unsigned long *)(addr + size + i * set->stride);
		data[0] = CONTEXT(first + i);
		data[1] = target;
	}
	return 0;
}

const struct tramp_way tramp_trampfd_each = {
	.name = "trampfd-each",
	.prepare = prepare_trampfd_each,
	.map = map_trampfd,
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
	.unmap = unmap,
};

const struct tramp_way tramp_stub_each = {
	.name = "stub-each",
	.prepare = prepare_stub_each,
	.map = map_stubs,
	.unmap = unmap,
};

const struct tramp_way tramp_stub_page = {
	.name = "stub-page",
	.prepare = prepare_stub_page,
	.map = map_stubs,
	.unmap = unmap,
};

const struct tramp_way tramp_table = {
	.name = "table",
	.prepare = prepare_table,
	.map = map_table,
	.unmap = unmap,
};

/**
 * tramp_set_prepare() - prepare all that does not belong to making trampolines
 * @set: The set.  The caller may have set nr_regs and stack; the rest is 0.
 * @way: How to make it.
 * @nr: How many trampolines.
 *
 * The set is to be freed even if this fails.
 *
 * Return: 0, or -1 with the reason in the set.
 */
int tramp_set_prepare(struct tramp_set *set, const struct tramp_way *way,
		      unsigned int nr)
{
	unsigned int i;

	set->way = way;
	set->nr = nr;
	if (!set->nr_regs)
		set->nr_regs = 1;
	if (way->prepare(set))
		return -1;

	set->nr_units = DIV_ROUND_UP(nr, set->per_unit);
	set->units = calloc(set->nr_units, sizeof(*set->units));
	if (!set->units)
		return failed(set, "calloc");
	for (i = 0; i < set->nr_units; i++)
		set->units[i].fd = -1;

	/* So that it is there when memory is measured, and its faults are over. */
	if (set->records) {
		memset(set->records, 0, set->batch * sizeof(*set->records));
		memset(set->regs, 0,
		       set->batch * (set->nr_regs + 1) * sizeof(*set->regs));
		memset(set->numbers, 0, set->batch * sizeof(*set->numbers));
	}
	return 0;
}

static unsigned int unit_nr(const struct tramp_set *set, unsigned int unit)
{
	return min(set->per_unit, set->nr - unit * set->per_unit);
}

/**
 * tramp_set_make() - make the trampolines, ready to call
 * @set: The set.
 *
 * Return: 0, or -1 with the reason in the set; what was made is removed then.
 */
int tramp_set_make(struct tramp_set *set)
{
	unsigned int i;

	for (i = 0; i < set->nr_units; i++) {
		set->begun = i + 1;
		if (set->way->map(set, &set->units[i], i * set->per_unit,
				  unit_nr(set, i))) {
			tramp_set_unmake(set);
			return -1;
		}
	}
	return 0;
}

/**
 * tramp_set_unmake() - remove the trampolines
 * @set: The set.
 */
void tramp_set_unmake(struct tramp_set *set)
{
	unsigned int i;

	for (i = 0; i < set->begun; i++) {
		set->way->unmap(set, &set->units[i], unit_nr(set, i));
		set->units[i].addr = NULL;
		set->units[i].fd = -1;
	}
	set->begun = 0;
}

/**
 * tramp_set_free() - free a set that has no trampolines any more
 * @set: The set.
 */
void tramp_set_free(struct tramp_set *set)
{
	zfree(&set->units);
	zfree(&set->records);
	zfree(&set->regs);
	zfree(&set->data);
	zfree(&set->numbers);
}

/**
 * tramp_set_entry() - tell the address to call
 * @set: The set.
 * @i: The trampoline.
 *
 * Return: the address.
 */
void *tramp_set_entry(const struct tramp_set *set, unsigned int i)
{
	return set->units[i / set->per_unit].addr + i % set->per_unit * set->stride;
}

/**
 * tramp_set_check() - call some of the trampolines, the first and last included
 * @set: The set.
 *
 * Return: 0, or -1 with the reason in the set.
 */
int tramp_set_check(struct tramp_set *set)
{
	unsigned int i, step = max(set->nr / 64, 1U);

	for (i = set->nr - 1; ; i -= min(i, step)) {
		if (((tramp_fn)tramp_set_entry(set, i))() != CONTEXT(i)) {
			scnprintf(set->why, sizeof(set->why),
				  "WRONG CONTEXT in trampoline %u", i);
			return -1;
		}
		if (!i)
			return 0;
	}
}
