// SPDX-License-Identifier: GPL-2.0
/*
 * The ways to make trampolines, but for trampfd's, and what all ways have in common.
 */
#include "tramp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/zalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/**
 * tramp_set_failed() - keep the reason why a set could not be made
 * @set: The set.
 * @what: What failed, with errno.
 *
 * Return: -1.
 */
int tramp_set_failed(struct tramp_set *set, const char *what)
{
	const int error = errno;

	if (set->begun > 1)
		scnprintf(set->why, sizeof(set->why), "%s: %s, after %u", what,
			  strerror(error), (set->begun - 1) * set->per_unit);
	else
		scnprintf(set->why, sizeof(set->why), "%s: %s", what, strerror(error));
	return -1;
}

/**
 * tramp_set_not_ported() - the same for what this architecture does not have
 * @set: The set.
 *
 * Return: -1.
 */
int tramp_set_not_ported(struct tramp_set *set)
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

/**
 * tramp_unit_unmap() - remove a unit that needs nothing else
 * @set: The set.
 * @unit: The unit.
 * @nr: How many trampolines it has.
 */
void tramp_unit_unmap(struct tramp_set *set, struct tramp_unit *unit,
		      unsigned int __maybe_unused nr)
{
	if (unit->addr)
		munmap(unit->addr, set->unit_size);
	if (unit->fd >= 0)
		close(unit->fd);
}

/* Stubs, written at run time. */

static int prepare_stub(struct tramp_set *set, bool each)
{
	const size_t page = sysconf(_SC_PAGESIZE);

	if (!tramp_arch.stub_size)
		return tramp_set_not_ported(set);

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
	const unsigned long target = tramp_set_target(set);
	unsigned int i;
	char *addr;

	addr = mmap(NULL, set->unit_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return tramp_set_failed(set, "mmap (vm.max_map_count?)");
	unit->addr = addr;

	for (i = 0; i < nr; i++)
		tramp_arch.write_stub(addr + i * set->stride, target,
				      TRAMP_CONTEXT(first + i));
	__builtin___clear_cache(addr, addr + set->unit_size);

	if (mprotect(addr, set->unit_size, PROT_READ | PROT_EXEC))
		return tramp_set_failed(set, errno == ENOMEM ? "mprotect (vm.max_map_count?)" :
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
		return tramp_set_not_ported(set);
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
			return tramp_set_failed(set, "/proc/self/exe");
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
	const unsigned long target = tramp_set_target(set);
	const size_t size = tramp_arch.table_size;
	unsigned long *data;
	unsigned int i;
	char *addr;

	addr = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return tramp_set_failed(set, "mmap (vm.max_map_count?)");
	unit->addr = addr;

	if (mmap(addr, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED,
		 table_fd, table_offset) == MAP_FAILED)
		return tramp_set_failed(set, "mmap of the code");

	for (i = 0; i < nr; i++) {
		data = (unsigned long *)(addr + size + i * set->stride);
		data[0] = TRAMP_CONTEXT(first + i);
		data[1] = target;
	}
	return 0;
}

const struct tramp_way tramp_stub_each = {
	.name = "stub-each",
	.prepare = prepare_stub_each,
	.map = map_stubs,
	.unmap = tramp_unit_unmap,
};

const struct tramp_way tramp_stub_page = {
	.name = "stub-page",
	.prepare = prepare_stub_page,
	.map = map_stubs,
	.unmap = tramp_unit_unmap,
};

const struct tramp_way tramp_table = {
	.name = "table",
	.prepare = prepare_table,
	.map = map_table,
	.unmap = tramp_unit_unmap,
};

/**
 * tramp_set_prepare() - prepare all that does not belong to making trampolines
 * @set: The set.  The caller may have set nr_regs, stack and alone; the rest is 0.
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

	if (set->alone)
		set->per_unit = 1;
	set->nr_units = DIV_ROUND_UP(nr, set->per_unit);
	set->units = calloc(set->nr_units, sizeof(*set->units));
	if (!set->units)
		return tramp_set_failed(set, "calloc");
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
 * tramp_set_renew() - set trampolines in units that are there
 * @set: The set, made, of a way that has this.
 *
 * Return: 0, or -1 with the reason in the set.
 */
int tramp_set_renew(struct tramp_set *set)
{
	unsigned int i;

	for (i = 0; i < set->nr_units; i++) {
		if (set->way->renew(set, &set->units[i], i * set->per_unit,
				    unit_nr(set, i)))
			return -1;
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
	return set->units[i / set->per_unit].addr + set->entry_offset +
	       i % set->per_unit * set->stride;
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
		if (((tramp_fn)tramp_set_entry(set, i))() != TRAMP_CONTEXT(i)) {
			scnprintf(set->why, sizeof(set->why),
				  "WRONG CONTEXT in trampoline %u", i);
			return -1;
		}
		if (!i)
			return 0;
	}
}
