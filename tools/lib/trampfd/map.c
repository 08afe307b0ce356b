// SPDX-License-Identifier: MIT
/*
 * Creates and maps tables of trampolines.
 *
 * The descriptor of a table is closed as soon as the table is mapped.  From then on
 * the library acts on it by address.
 */
#include "arch.h"
#include "table.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef __NR_mseal
#ifdef __NR_Linux
#define __NR_mseal (__NR_Linux + 462)
#else
#define __NR_mseal 462
#endif
#endif

/* As many as the code part has room for, whatever the distance of its entries is. */
#define CODE_SURE	16384U

static bool room_used;	/* or not to be used; under the lock */

/* close() without being a cancellation point, and with errno kept. */
static void close_quietly(int fd)
{
	int error = errno;

	syscall(SYS_close, fd);
	errno = error;
}

/* A control call on the table that is mapped at @base. */
int trampfd_control_at(const void *base, unsigned int op, const void *arg)
{
	return syscall(__NR_trampfd_control, base, op, arg, 0);
}

/*
 * Whether this process may set trampolines of what is mapped at an address: with a
 * number that there is none of, a kernel that would set it says EINVAL.
 */
static bool may_set(const void *addr, uint32_t count)
{
	struct trampfd_record record = { .trampoline = count, .nregs = 1 };
	struct trampfd_reg reg = { .name = REG_PC };
	const struct trampfd_contexts contexts = {
		.records = (uintptr_t)&record, .nrecords = 1,
		.regs = (uintptr_t)&reg, .nregs = 1,
	};

	if (trampfd_control_at(addr, TRAMPFD_SET, &contexts) >= 0)
		errno = EIO;	/* a filter that lies */
	return errno == EINVAL;
}

/* Whether an error may not be there the next time. */
bool trampfd_may_pass(int error)
{
	switch (error) {
	case EAGAIN:
	case EDQUOT:
	case EINTR:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return true;
	default:
		return false;
	}
}

/*
 * Leave no hole in the room for something that unwinders would take for a table.  False if
 * that failed.
 */
static bool bar_room(size_t offset, size_t size, int flags)
{
	return !size || mmap((char *)trampfd_room + offset, size, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1,
			     0) != MAP_FAILED;
}

/*
 * Map a table where unwinders know that there is one.  If this fails, the
 * kernel may have unmapped what was there, so another mapping can be there now,
 * and it is not tried again.
 */
static void *map_in_room(int fd, const struct trampfd_attr *attr)
{
	void *const room = (void *)trampfd_room;
	void *base;

	if (room_used || attr->map_size > ROOM_SIZE)
		return MAP_FAILED;

	room_used = true;
	base = mmap(room, attr->map_size, attr->map_prot,
		    attr->map_flags | MAP_FIXED, fd, attr->map_offset);
	if (base == MAP_FAILED)
		bar_room(0, attr->map_size, MAP_FIXED_NOREPLACE);
	return base;
}

/*
 * Map the data or the code part of a table, which is this table's if all is well.  If not,
 * the kernel may have unmapped what was there, and another thread may have got it.
 */
static bool map_part(struct place *p, int fd, const struct trampfd_attr *attr,
		     uint64_t offset, uint32_t prot)
{
	int error;

	if (mmap(p->base + offset, attr->part_size, prot, attr->map_flags | MAP_FIXED,
		 fd, offset) != MAP_FAILED)
		return may_set(p->base + offset, attr->ntrampolines);
	error = errno;
	if (!may_set(p->base + offset, attr->ntrampolines)) {
		p->hole = offset;
		p->hole_size = attr->part_size;
	}
	errno = error;
	return false;
}

/* Give a table of code its other parts, the code last. */
static bool map_parts(struct place *p, int fd, const struct trampfd_attr *attr)
{
	if (!map_part(p, fd, attr, attr->data_offset, attr->data_prot) ||
	    !map_part(p, fd, attr, attr->code_offset, attr->code_prot))
		return false;
	p->entry = attr->code_offset;
	return true;
}

void trampfd_unmap(const struct place *p)
{
	const size_t behind = p->hole + p->hole_size, rest = p->size - behind;
	const int error = errno;

	if (p->base != trampfd_room) {
		if (p->hole)
			munmap(p->base, p->hole);
		munmap(p->base + behind, rest);
	} else {
		/* Another table may come there. */
		room_used = !bar_room(0, p->hole, MAP_FIXED) ||
			    !bar_room(p->hole, p->hole_size, MAP_FIXED_NOREPLACE) ||
			    !bar_room(behind, rest, MAP_FIXED);
	}
	errno = error;
}

/* Limit the targets of a table, if the pool does. */
static bool allow(const struct place *p, const struct trampfd_pool *pool)
{
	const struct trampfd_pcs pcs = {
		.pcs = (uintptr_t)pool->pcs, .count = pool->npcs,
	};

	return !pool->npcs || trampfd_control_at(p->base, TRAMPFD_ALLOW, &pcs) >= 0;
}

/* Map what was created; MAP_FAILED with errno. */
static void *map_first(int fd, const struct trampfd_attr *attr)
{
	void *base = map_in_room(fd, attr);

	if (base != MAP_FAILED)
		return base;
	return mmap(NULL, attr->map_size, attr->map_prot, attr->map_flags, fd,
		    attr->map_offset);
}

/*
 * Create a table, and map it.  A child gets only what is mapped of its parent's tables,
 * so if a signal handler forks in between, start again.
 *
 * The kernel's answer to trampfd_create() is final.  That to mmap() is not: another
 * thread may have closed the descriptor, with all that it does not know.
 */
static bool map_type(struct place *p, const struct trampfd_pool *pool, uint32_t type,
		     uint32_t count)
{
	struct trampfd_attr attr = { .type = type, .ntrampolines = count };
	unsigned int forks;
	bool good;
	uint32_t i;
	int fd;

	if (type == TRAMPFD_CODE) {
		attr.shape_nregs = pool->nshape;
		for (i = 0; i < pool->nshape; i++)
			attr.shape[i] = pool->shape[i];
	}
	/* Nothing of a try before. */
	*p = (struct place) { .base = MAP_FAILED };
	do {
		forks = trampfd_forks();
		p->final = true;
		fd = syscall(__NR_trampfd_create, &attr, sizeof(attr), 0);
		if (fd < 0)
			return false;
		p->final = false;
		if (!attr.map_size || (type == TRAMPFD_CODE && !attr.part_size)) {
			errno = EIO;	/* a filter that lies, so it is no descriptor */
			return false;
		}
		p->base = map_first(fd, &attr);
		if (p->base != MAP_FAILED)
			break;
		close_quietly(fd);
	} while (trampfd_forks() != forks);
	if (p->base == MAP_FAILED)
		return false;

	p->size = attr.map_size;
	p->stride = attr.stride;
	p->count = count;
	p->most = attr.max_trampolines;
	p->code = type == TRAMPFD_CODE;
	good = may_set(p->base, count) && (!p->code || map_parts(p, fd, &attr)) &&
	       allow(p, pool);
	close_quietly(fd);
	if (!good) {
		/* Something else is mapped there, or somebody has closed the descriptor. */
		p->final = errno != ENXIO && errno != EBADF && errno != ENODEV;
		trampfd_unmap(p);
		return false;
	}
	if (p->code && !(pool->flags & TRAMPFD_POOL_NO_SEAL))
		p->sealed = !syscall(__NR_mseal, p->base, p->size, 0);
	return true;
}

/*
 * trampfd_map() - make a table of a pool
 * @p: What is made.
 * @pool: The pool; whether it has code entries is decided here.
 * @count: How many trampolines it is to have.  It may get fewer.
 *
 * Where the kernel has no code entries, or refuses them (the executable mapping may be
 * against a policy), the pool gets fault entries for good.  What may pass, as the user's
 * limit, is another matter: then this one table is without code, if it can be had so.
 *
 * Return: false with errno if there is none, and then in @p->final whether that is to
 * be so for ever.
 */
bool trampfd_map(struct place *p, struct trampfd_pool *pool, uint32_t count)
{
	const uint32_t most = count < pool->most ? count : pool->most;

	if (pool->code) {
		if (map_type(p, pool, TRAMPFD_CODE, most) ||
		    (errno == EINVAL && most > CODE_SURE &&
		     map_type(p, pool, TRAMPFD_CODE, CODE_SURE))) {
			pool->most = p->most < TABLE_MAX ? p->most : TABLE_MAX;
			return true;
		}
		if (p->final && !trampfd_may_pass(errno))
			trampfd_pool_without_code(pool);
	}
	return map_type(p, pool, TRAMPFD_FAULT, count);
}
