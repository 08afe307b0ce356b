// SPDX-License-Identifier: GPL-2.0
/* Control calls: by descriptor, by address, and what is made of them. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../kselftest.h"
#include "trampfd_util.h"

/* The C library's headers may be older than the system call. */
#ifndef __NR_trampfd_control
#ifdef __NR_Linux	/* where each ABI counts from another number */
#define __NR_trampfd_control	(__NR_Linux + 601)
#else
#define __NR_trampfd_control	601
#endif
#endif

/* What at() returns; no descriptor, and no error. */
#define AT_ADDRESS	INT_MIN

static __thread const void *at_address;

int at(const void *addr)
{
	at_address = addr;
	return AT_ADDRESS;
}

int control_at(const void *addr, unsigned int op, const void *arg,
	       unsigned int flags)
{
	long ret = syscall(__NR_trampfd_control, addr, op, arg, flags);

	return ret < 0 ? -errno : ret;
}

int control_fd(int fd, unsigned long command, void *arg)
{
	int ret = ioctl(fd, command, arg);

	return ret < 0 ? -errno : ret;
}

#ifdef TRAMPFD_BY_ADDRESS

/* Where the private tables are mapped, by their descriptors. */
static struct {
	char *base;
	size_t size;
} mapped[256];

static bool in_mapped(int fd)
{
	return fd >= 0 && (size_t)fd < ARRAY_SIZE(mapped);
}

void note_mapping(int fd, const struct table *t)
{
	if (!in_mapped(fd))
		return;
	mapped[fd].base = NULL;
	if (t && t->base != MAP_FAILED && t->attr.map_flags == MAP_PRIVATE) {
		mapped[fd].base = t->base;
		mapped[fd].size = t->attr.map_size;
	}
}

/* Any address of the mapping will do, so take another one each time. */
static const void *mapped_at(int fd)
{
	static unsigned int turn;

	if (!in_mapped(fd) || !mapped[fd].base)
		return NULL;
	return mapped[fd].base +
	       __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) * 4099ULL %
	       mapped[fd].size;
}

bool controlled_as_built(const struct table *t)
{
	return t->attr.map_flags != MAP_PRIVATE || mapped_at(t->fd);
}

#else

void note_mapping(int fd, const struct table *t)
{
}

static const void *mapped_at(int fd)
{
	return NULL;
}

bool controlled_as_built(const struct table *t)
{
	return true;
}

#endif

int control(int fd, unsigned long command, void *arg)
{
	const void *addr = fd == AT_ADDRESS ? at_address : mapped_at(fd);

	if (fd == AT_ADDRESS || addr)
		return control_at(addr, command, arg, 0);
	return control_fd(fd, command, arg);
}

#ifdef TRAMPFD_BY_CODE
#define PROMISE		TRAMPFD_RECORD_IDLE
#else
#define PROMISE		0
#endif

void context_init(struct context *c, unsigned int trampoline, unsigned long pc)
{
	memset(c, 0, sizeof(*c));
	c->rec.trampoline = trampoline;
	context_reg(c, ARCH_PC, pc);
}

void context_reg(struct context *c, unsigned int name, uint64_t value)
{
	c->reg[c->rec.nregs].name = name;
	c->reg[c->rec.nregs].value = value;
	c->rec.nregs++;
}

void context_stack(struct context *c, unsigned int size, unsigned int skip,
		   unsigned char seed)
{
	unsigned int i;

	c->rec.stack_size = size;
	c->rec.stack_skip = skip;
	for (i = 0; i < size && i < sizeof(c->stack); i++)
		c->stack[i] = seed + 3 * i;
}

struct trampfd_contexts context_argument(struct context *c)
{
	return (struct trampfd_contexts) {
		.records = (uintptr_t)&c->rec,
		.regs = (uintptr_t)c->reg,
		.stack = (uintptr_t)c->stack,
		.nrecords = 1,
		.nregs = c->rec.nregs,
		.stack_size = c->rec.stack_size,
	};
}

int context_set(int fd, struct context *c)
{
	struct context promised = *c;
	struct trampfd_contexts arg = context_argument(&promised);

	promised.rec.flags |= PROMISE;
	return control(fd, TRAMPFD_SET, &arg);
}

int context_set_both(int fd, const struct context c[2])
{
	struct trampfd_record records[2];
	struct trampfd_reg regs[2][2];
	struct trampfd_contexts arg = {
		.records = (uintptr_t)records,
		.regs = (uintptr_t)regs,
		.nrecords = 2,
		.nregs = 4,
	};
	int i;

	for (i = 0; i < 2; i++) {
		records[i] = c[i].rec;
		records[i].flags |= PROMISE;
		memcpy(regs[i], c[i].reg, sizeof(regs[i]));
	}
	return control(fd, TRAMPFD_SET, &arg);
}

int context_get(int fd, unsigned int trampoline, struct context *c)
{
	struct trampfd_contexts arg;

	memset(c, 0, sizeof(*c));
	arg = context_argument(c);
	arg.nregs = TRAMPFD_REGS_MAX;
	arg.stack_size = TRAMPFD_STACK_MAX;
	c->rec.trampoline = trampoline;
	return control(fd, TRAMPFD_GET, &arg);
}

static bool has_reg(const struct context *c, const struct trampfd_reg *reg)
{
	unsigned int i;

	for (i = 0; i < c->rec.nregs; i++)
		if (!memcmp(&c->reg[i], reg, sizeof(*reg)))
			return true;
	return false;
}

bool context_equal(const struct context *a, const struct context *b)
{
	struct trampfd_record rec = b->rec;
	unsigned int i;

	/* No register is there twice, so one direction is enough. */
	for (i = 0; i < a->rec.nregs; i++)
		if (!has_reg(b, &a->reg[i]))
			return false;
	rec.flags &= ~PROMISE;
	rec.flags |= a->rec.flags & PROMISE;
	return !memcmp(&a->rec, &rec, sizeof(rec)) &&
	       !memcmp(a->stack, b->stack, a->rec.stack_size);
}

static void value_context(struct context *c, unsigned int trampoline,
			  unsigned long value)
{
	context_init(c, trampoline, ARCH_CODE(arch_data));
	context_reg(c, ARCH_DATA_REG, value);
}

int set_value(int fd, unsigned int trampoline, unsigned long value)
{
	struct context c;

	value_context(&c, trampoline, value);
	return context_set(fd, &c);
}

int set_values_as(int fd, unsigned int first, unsigned int count,
		  unsigned long value, unsigned int flags)
{
	struct trampfd_record *records = calloc(count, sizeof(*records));
	struct trampfd_reg (*regs)[2] = calloc(count, sizeof(*regs));
	struct trampfd_contexts arg = {
		.records = (uintptr_t)records,
		.regs = (uintptr_t)regs,
		.nrecords = count,
		.nregs = 2 * count,
	};
	int ret = -ENOBUFS;
	struct context c;
	unsigned int i;

	if (records && regs) {
		for (i = 0; i < count; i++) {
			value_context(&c, first + i, value + i);
			records[i] = c.rec;
			records[i].flags = flags;
			memcpy(regs[i], c.reg, sizeof(regs[i]));
		}
		ret = control(fd, TRAMPFD_SET, &arg);
	}
	free(records);
	free(regs);
	return ret;
}

int set_values(int fd, unsigned int first, unsigned int count,
	       unsigned long value)
{
	return set_values_as(fd, first, count, value, PROMISE);
}

int remove_range(int fd, unsigned int first, unsigned int count)
{
	uint32_t *list = calloc(count, sizeof(*list));
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)list,
		.count = count,
	};
	int ret = -ENOBUFS;
	unsigned int i;

	if (list) {
		for (i = 0; i < count; i++)
			list[i] = first + i;
		ret = control(fd, TRAMPFD_REMOVE, &arg);
	}
	free(list);
	return ret;
}

static int list_one(int fd, unsigned long command, uint32_t trampoline)
{
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)&trampoline,
		.count = 1,
	};

	return control(fd, command, &arg);
}

int remove_one(int fd, unsigned int trampoline)
{
	return list_one(fd, TRAMPFD_REMOVE, trampoline);
}

int seal_one(int fd, unsigned int trampoline)
{
	return list_one(fd, TRAMPFD_SEAL, trampoline);
}

int allow(int fd, const uint64_t *pcs, unsigned int count)
{
	struct trampfd_pcs arg = {
		.pcs = (uintptr_t)pcs,
		.count = count,
	};

	return control(fd, TRAMPFD_ALLOW, &arg);
}

int get_value(int fd, unsigned int trampoline, unsigned long *value)
{
	struct context c;
	unsigned int i;
	int ret = context_get(fd, trampoline, &c);

	if (ret < 0)
		return ret;
	for (i = 0; i < c.rec.nregs; i++)
		if (c.reg[i].name == ARCH_DATA_REG)
			*value = c.reg[i].value;
	return ret;
}

bool has_value(int fd, unsigned int trampoline, unsigned long value)
{
	struct context want, have;

	value_context(&want, trampoline, value);
	return context_get(fd, trampoline, &have) == 1 &&
	       context_equal(&want, &have);
}

bool is_unset(int fd, unsigned int trampoline)
{
	struct context c;

	return context_get(fd, trampoline, &c) == -ENOENT;
}
