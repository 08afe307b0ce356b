// SPDX-License-Identifier: GPL-2.0
/* Tables of TRAMPFD_CODE, their data, and calls of their entries. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../kselftest.h"
#include "code_util.h"

const char *code_missing(void)
{
	struct table t;
	int ret;

	if (!trampfd_present())
		return NO_TRAMPFD;
	ret = code_create(&t, 1, NULL, 0);
	if (!ret)
		close(t.fd);
	/* Any other error is for the test to stumble upon. */
	return ret == -EOPNOTSUPP ? NO_CODE : NULL;
}

unsigned long part_offset(const struct table *t, enum code_part part)
{
	switch (part) {
	case PART_CODE:
		return t->attr.code_offset;
	case PART_DATA:
		return t->attr.data_offset;
	default:
		return t->attr.map_offset;
	}
}

int part_prot(const struct table *t, enum code_part part)
{
	switch (part) {
	case PART_CODE:
		return t->attr.code_prot;
	case PART_DATA:
		return t->attr.data_prot;
	default:
		return t->attr.map_prot;
	}
}

char *part_addr(const struct table *t, enum code_part part)
{
	return t->base + part_offset(t, part);
}

int part_map(const struct table *t, enum code_part part)
{
	char *p = mmap(part_addr(t, part), t->attr.part_size, part_prot(t, part),
		       t->attr.map_flags | MAP_FIXED, t->fd,
		       part_offset(t, part));

	return p == MAP_FAILED ? -errno : 0;
}

unsigned int shape_reg(unsigned int k)
{
	size_t i;

	if (!k)
		return ARCH_DATA_REG;
	for (i = arch_nsettable; i-- > 0;) {
		if (arch_settable[i].number == ARCH_DATA_REG)
			continue;
#ifdef ARCH_TARGET_REG
		if (arch_settable[i].number == ARCH_TARGET_REG)
			continue;
#endif
		if (!--k)
			break;
	}
	return arch_settable[i].number;
}

int code_create(struct table *t, unsigned int ntrampolines,
		const uint32_t *shape, unsigned int nregs)
{
	memset(t, 0, sizeof(*t));
	t->attr.type = TRAMPFD_CODE;
	t->attr.ntrampolines = ntrampolines;
	t->attr.shape_nregs = nregs;
	if (nregs)
		memcpy(t->attr.shape, shape, nregs * sizeof(*shape));
	t->base = MAP_FAILED;
	t->fd = create(&t->attr, sizeof(t->attr), 0);
	return t->fd < 0 ? t->fd : 0;
}

static int map_others(struct table *t)
{
	int ret = part_map(t, PART_DATA);

	return ret ? ret : part_map(t, PART_CODE);
}

int code_map(struct table *t)
{
	int ret = table_map(t);

	return ret ? ret : map_others(t);
}

int code_map_at(struct table *t, void *addr)
{
	int ret = table_map_at(t, addr);

	return ret ? ret : map_others(t);
}

int code_open(struct table *t, unsigned int ntrampolines, unsigned int nregs)
{
	uint32_t shape[SHAPE_REGS];
	unsigned int k;
	int ret;

	for (k = 0; k < nregs; k++)
		shape[k] = shape_reg(k);
	ret = code_create(t, ntrampolines, shape, nregs);
	if (ret)
		return ret;
	ret = code_map(t);
	if (ret)
		table_close(t);
	return ret;
}

char *code_entry(const struct table *t, unsigned int trampoline)
{
	return table_entry(t, trampoline) + t->attr.code_offset;
}

const slot_word *code_slot(const struct table *t, unsigned int trampoline)
{
	return (const void *)(table_entry(t, trampoline) + t->attr.data_offset);
}

static slot_word read_word(const slot_word *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

slot_word slot_pc(const struct table *t, unsigned int trampoline)
{
	return read_word(code_slot(t, trampoline) +
			 ARCH_SLOT_PC(t->attr.shape_nregs));
}

slot_word slot_value(const struct table *t, unsigned int trampoline,
		     unsigned int reg)
{
	unsigned int i, rank = 0;

	for (i = 0; i < t->attr.shape_nregs; i++)
		rank += t->attr.shape[i] < reg;
	return read_word(code_slot(t, trampoline) +
			 ARCH_SLOT_VALUE(rank, t->attr.shape_nregs));
}

static bool in_shape(const struct table *t, unsigned int reg)
{
	unsigned int i;

	for (i = 0; i < t->attr.shape_nregs; i++)
		if (t->attr.shape[i] == reg)
			return true;
	return false;
}

static bool values_are(const struct table *t, const struct context *c)
{
	unsigned int i;

	for (i = 0; i < c->rec.nregs; i++) {
		slot_word value;

		if (!in_shape(t, c->reg[i].name))
			continue;
		value = slot_value(t, c->rec.trampoline, c->reg[i].name);
		if (value == (slot_word)c->reg[i].value)
			continue;
		fprintf(stderr, "# register %u: the slot has %#llx, not %#llx\n",
			c->reg[i].name, (unsigned long long)value,
			(unsigned long long)c->reg[i].value);
		return false;
	}
	return true;
}

static bool pc_is(const struct table *t, unsigned int trampoline, slot_word pc)
{
	if (slot_pc(t, trampoline) == pc)
		return true;
	fprintf(stderr, "# the slot leads to %#llx, not to %#llx\n",
		(unsigned long long)slot_pc(t, trampoline),
		(unsigned long long)pc);
	return false;
}

static slot_word context_pc(const struct context *c)
{
	unsigned int i = 0;

	while (c->reg[i].name != ARCH_PC)
		i++;
	return c->reg[i].value;
}

bool slot_has(const struct table *t, const struct context *c)
{
	return pc_is(t, c->rec.trampoline, context_pc(c)) && values_are(t, c);
}

bool slot_is_out(const struct table *t, unsigned int trampoline)
{
	return pc_is(t, trampoline, (uintptr_t)fault_entry(t, trampoline));
}

bool slot_has_values(const struct table *t, const struct context *c)
{
	return slot_is_out(t, c->rec.trampoline) && values_are(t, c);
}

bool is_fast(const struct table *t, unsigned int trampoline)
{
	struct context c;

	return context_get(t->fd, trampoline, &c) == 1 && c.rec.flags & IDLE;
}

void shape_context(const struct table *t, struct context *c,
		   unsigned int trampoline, unsigned int seed,
		   unsigned int flags)
{
	unsigned int i;

	context_init(c, trampoline, arch_target(seed % ARCH_NTARGETS));
	for (i = 0; i < t->attr.shape_nregs; i++) {
		unsigned long value = (seed + 1) * 0x9e3779b1U + i;

		/* Both halves, where a register has two. */
		value |= value << (4 * sizeof(value) - 1) << 1;
		context_reg(c, t->attr.shape[i], value);
	}
	c->rec.flags = flags;
}

int set_contexts(int fd, struct context *c, unsigned int n)
{
	struct trampfd_record *records = calloc(n, sizeof(*records));
	struct trampfd_reg *regs = calloc(n, sizeof(c->reg));
	struct trampfd_contexts arg = {
		.records = (uintptr_t)records,
		.regs = (uintptr_t)regs,
		.nrecords = n,
	};
	int ret = -ENOBUFS;
	unsigned int i;

	if (records && regs) {
		for (i = 0; i < n; i++) {
			records[i] = c[i].rec;
			memcpy(regs + arg.nregs, c[i].reg,
			       c[i].rec.nregs * sizeof(*regs));
			arg.nregs += c[i].rec.nregs;
		}
		ret = control(fd, TRAMPFD_SET, &arg);
	}
	free(records);
	free(regs);
	return ret;
}

int code_open_pages(struct table *t, unsigned int pages, unsigned long value)
{
	unsigned int n;
	int ret = code_open(t, 1, 1);

	if (ret)
		return ret;
	n = pages * table_per_page(t);
	table_close(t);
	ret = code_open(t, n, 1);
	if (!ret && set_values_as(t->fd, 0, n, value, IDLE) != (int)n)
		ret = -ENOBUFS;
	return ret;
}

bool context_kept(const struct cpu_state *in, const struct cpu_state *out,
		  const struct context *c)
{
	struct context all = *c;
#ifdef ARCH_TARGET_REG
	unsigned int i;

	for (i = 0; i < c->rec.nregs; i++)
		if (c->reg[i].name == ARCH_TARGET_REG)
			break;
	if (i == c->rec.nregs)
		context_reg(&all, ARCH_TARGET_REG, context_pc(c));
#endif
	return state_kept(in, out, &all);
}

int code_run(const struct cpu_state *in, const void *entry, enum code_way way,
	     struct cpu_state *out, int *target)
{
	struct cpu_state from = *in;
	int signo;

#ifdef ARCH_ENTRY_REG
	if (way == TO_CODE)
		from.reg[ARCH_ENTRY_REG] = (unsigned long)entry;
#endif
#ifdef ARCH_JUMP_REG
	arch_to_code = way != TO_FAULT;
#endif
	signo = try_run(&from, entry, ARCH_BY_CALL, out, target);
#ifdef ARCH_JUMP_REG
	arch_to_code = false;
#endif
	return signo;
}

bool does(const struct cpu_state *in, const void *entry, enum code_way way,
	  const struct context *c)
{
	unsigned long sp = in->reg[ARCH_SP] - ARCH_CALL_PUSH -
			   c->rec.stack_size - c->rec.stack_skip;
	struct cpu_state out;
	int target;

	if (code_run(in, entry, way, &out, &target)) {
		fprintf(stderr, "# signal %d at %p\n", trap.signo, trap.addr);
		return false;
	}
	if (target < 0 || arch_target(target) != context_pc(c)) {
		fprintf(stderr, "# reached target %d\n", target);
		return false;
	}
	if (out.reg[ARCH_SP] != sp) {
		fprintf(stderr, "# stack pointer %#lx, not %#lx\n",
			out.reg[ARCH_SP], sp);
		return false;
	}
	return !memcmp((void *)sp, c->stack, c->rec.stack_size) &&
	       context_kept(in, &out, c);
}

bool is_unset_call(const struct table *t, const struct cpu_state *in,
		   const void *entry, const void *fault)
{
	struct cpu_state out, want = *in;
	unsigned int i;
	int target;

	code_run(in, entry, entry == fault ? TO_FAULT : TO_CODE, &out, &target);
	if (!trap_is_plain(fault) ||
	    trap.state.reg[ARCH_PC] != (unsigned long)fault) {
		fprintf(stderr, "# signal %d code %d at %p, not %p\n",
			trap.signo, trap.code, trap.addr, fault);
		return false;
	}
	if (trap.state.reg[ARCH_SP] != in->reg[ARCH_SP] - ARCH_CALL_PUSH)
		return false;
	/* What code loads may have any value by then. */
	for (i = 0; entry != fault && i < t->attr.shape_nregs; i++)
		want.reg[t->attr.shape[i]] = trap.state.reg[t->attr.shape[i]];
#ifdef ARCH_TARGET_REG
	if (entry != fault)
		want.reg[ARCH_TARGET_REG] = trap.state.reg[ARCH_TARGET_REG];
#endif
	return state_kept(&want, &trap.state, NULL);
}

bool both_do(const struct table *t, const struct cpu_state *in,
	     const struct context *c)
{
	return does(in, code_entry(t, c->rec.trampoline), TO_CODE, c) &&
	       does(in, fault_entry(t, c->rec.trampoline), TO_FAULT, c);
}

bool both_are_unset(const struct table *t, const struct cpu_state *in,
		    unsigned int trampoline)
{
	const char *fault = fault_entry(t, trampoline);

	return is_unset_call(t, in, code_entry(t, trampoline), fault) &&
	       is_unset_call(t, in, fault, fault);
}

int fdinfo_number(int fd, const char *key, long long *number)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return file_find_number(path, key, number);
}
