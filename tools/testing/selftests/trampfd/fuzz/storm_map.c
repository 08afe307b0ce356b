// SPDX-License-Identifier: GPL-2.0
/* Mappings that come and go while they are called, and what reads mappings. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "storm.h"

#ifndef MADV_COLD
#define MADV_COLD		20
#define MADV_PAGEOUT		21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

long map_at(struct worker *w, const char *what, char *addr, size_t size,
	    int prot, int flags, int fd, unsigned long offset,
	    const int *errors)
{
	long ret = 0;

	fail_begin(w);
	if (mmap(addr, size, prot, flags, fd, offset) == MAP_FAILED)
		ret = -errno;
	fail_end(w);
	return check(w, what, ret, errors);
}

long map_plain(struct worker *w, char *addr, size_t size)
{
	return map_at(w, "mmap over a table", addr, size, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		      -1, 0, ERRORS(ENOMEM));
}

/*
 * Some pages of a pool that may be gone: of the room for loose mappings, or of one
 * of the parts.
 */
struct range {
	char *addr;
	size_t size;
};

static const struct pool *loose_pool(struct worker *w)
{
	const struct pool *p = &pools[choose(&w->choices, POOLS)];

	return p->there && p != &pools[POOL_FIRM] ? p : &pools[POOL_FAULT];
}

static struct range any_range(struct worker *w, const struct pool *p)
{
	unsigned int pages = p->code ? PAGES : 2 * PAGES, first;
	struct range range;

	first = choose(&w->choices, pages);
	range.size = (1 + choose(&w->choices, pages - first)) * options.page;
	range.addr = p->code ? part_addr(&p->t, choose(&w->choices, NPARTS)) :
			       p->loose;
	range.addr += first * options.page;
	return range;
}

static void map_code(struct worker *w, const struct table *t)
{
	enum code_part part = choose(&w->choices, NPARTS);
	int flags = t->attr.map_flags | MAP_FIXED;

	if (chance(&w->choices, 20)) {
		map_at(w, "mmap of all parts", t->base, t->attr.map_size,
		       t->attr.map_prot, flags, t->fd, t->attr.map_offset,
		       ERRORS(ENOMEM, EDQUOT));
		return;
	}
	if (part == PART_DATA && chance(&w->choices, 20))
		flags |= MAP_POPULATE;
	map_at(w, "mmap of a part", part_addr(t, part), t->attr.part_size,
	       part_prot(t, part), flags, t->fd, part_offset(t, part),
	       ERRORS(ENOMEM, EDQUOT, part == PART_CODE ? EPERM : ENOMEM));
}

void loose_map(struct worker *w)
{
	const struct pool *p = loose_pool(w);
	const struct table *t = &p->t;
	int refused;

	if (p->code) {
		/* Otherwise a part would be missing most of the time. */
		map_code(w, t);
		map_code(w, t);
		map_code(w, t);
		return;
	}
	refused = p == &pools[POOL_SHARED] && !options.shared_anywhere ? EINVAL :
									 ENOMEM;
	map_at(w, "mmap of a table",
	       p->loose + choose(&w->choices, PAGES + 1) * options.page,
	       t->attr.map_size, t->attr.map_prot, t->attr.map_flags | MAP_FIXED,
	       t->fd, t->attr.map_offset, ERRORS(ENOMEM, EDQUOT, refused));
}

void loose_unmap(struct worker *w)
{
	struct range range = any_range(w, loose_pool(w));

	if (chance(&w->choices, 50)) {
		map_plain(w, range.addr, range.size);
		return;
	}
	checked(w, "munmap", munmap(range.addr, range.size), ERRORS(ENOMEM));
}

/* What it is called with may be a table's, something else, or a hole. */
static void move(struct worker *w, char *from, size_t size, size_t new_size, char *to)
{
	long ret = 0;

	fail_begin(w);
	if (mremap(from, size, new_size, to ? MREMAP_MAYMOVE | MREMAP_FIXED : 0,
		   to) == MAP_FAILED)
		ret = -errno;
	fail_end(w);
	check(w, "mremap", ret, ERRORS(ENOMEM, EFAULT, EINVAL, EAGAIN));
}

void loose_move(struct worker *w)
{
	const struct pool *p = loose_pool(w);
	struct range range = any_range(w, p);
	size_t size = range.size;

	if (chance(&w->choices, 20)) {
		move(w, range.addr, size,
		     (1 + choose(&w->choices, size / options.page)) * options.page,
		     NULL);
		return;
	}
	if (p->code) {
		/* It can't be moved; what is there instead can. */
		move(w, range.addr, size, size, own_place(w, OWN_FAULT, PLACES));
		return;
	}
	/* Into the other half, so that the two do not overlap. */
	if (size > PAGES * options.page)
		size = PAGES * options.page;
	if (range.addr + size <= p->loose + PAGES * options.page)
		move(w, range.addr, size, size,
		     p->loose + 2 * PAGES * options.page - size);
	else if (range.addr >= p->loose + size)
		move(w, range.addr, size, size, p->loose);
}

/*
 * None of them changes what a table's mapping does, MADV_DONTFORK left out.  Those of
 * other memory have many errors.
 */
void advise(struct worker *w, char *addr, size_t size)
{
	static const int advices[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_MERGEABLE,
		MADV_UNMERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP,
		MADV_DODUMP, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE,
	};
	unsigned char incore[2 * PAGES];

	switch (choose(&w->choices, 8)) {
	case 0:
		checked(w, "mlock", mlock(addr, size),
			ERRORS(ENOMEM, EAGAIN, EPERM, EINVAL));
		break;
	case 1:
		checked(w, "munlock", munlock(addr, size),
			ERRORS(ENOMEM, EAGAIN, EPERM, EINVAL));
		break;
	case 2:
		checked(w, "msync", msync(addr, size, MS_ASYNC | MS_INVALIDATE),
			ERRORS(ENOMEM, EBUSY, EINVAL));
		break;
	case 3:
		checked(w, "mincore", mincore(addr, size, incore),
			ERRORS(ENOMEM, EAGAIN, EFAULT, EINVAL));
		break;
	default:
		checked(w, "madvise",
			madvise(addr, size, advices[choose(&w->choices,
							   ARRAY_SIZE(advices))]),
			ERRORS(ENOMEM, EINVAL, EACCES, EAGAIN, EBADF, EFAULT,
			       EIO, EPERM, EBUSY));
		break;
	}
}

/* What is always mapped remains so. */
static void firm_advise(struct worker *w)
{
	const struct pool *p = &pools[choose(&w->choices, POOL_LOOSE)];
	unsigned int first = choose(&w->choices, PAGES);
	char *addr;

	if (!p->there)
		return;
	addr = p->code ? part_addr(&p->t, choose(&w->choices, NPARTS)) : p->t.base;
	advise(w, addr + first * options.page,
	       (1 + choose(&w->choices, PAGES - first)) * options.page);
}

void loose_advise(struct worker *w)
{
	const struct pool *p = loose_pool(w);
	struct range range = any_range(w, p);

	if (chance(&w->choices, 50)) {
		firm_advise(w);
		return;
	}
	if (chance(&w->choices, 10)) {
		checked(w, "MADV_DONTFORK",
			madvise(range.addr, range.size, MADV_DONTFORK),
			ERRORS(ENOMEM, EAGAIN, EINVAL));
		return;
	}
	/* Anything else could make readable what is not the table's. */
	if (chance(&w->choices, 10)) {
		checked(w, "mprotect", mprotect(range.addr, range.size, PROT_NONE),
			ERRORS(ENOMEM, EACCES));
		return;
	}
	advise(w, range.addr, range.size);
}

/*
 * Reading.
 */

/* A line of maps: no program can write to a table, and executes the code part alone. */
static void check_line(const char *line)
{
	bool code = contains(line, "[trampfd-code]");
	unsigned long long offset;
	char perms[8];

	if (!code && !contains(line, "[trampfd]"))
		return;
	/* The first one of a piece may be the end of a line. */
	if (sscanf(line, "%*x-%*x %7s %llx", perms, &offset) != 2)
		return;
	if (perms[1] != '-' || (perms[2] != '-' && !code) ||
	    (perms[2] != '-' && (offset < 0x100000 || offset >= 0x200000)) ||
	    (perms[0] != '-' && !code))
		differs("permissions in maps: %s", line);
}

static void check_maps(char *text)
{
	char *line = text, *end;

	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		check_line(line);
	}
}

void read_proc(struct worker *w)
{
	static const char *const files[] = {
		"maps", "maps", "smaps", "status", "numa_maps", "smaps_rollup",
	};
	const struct child *c = &w->child[choose(&w->choices, CHILDREN_MAX)];
	unsigned int file = choose(&w->choices, ARRAY_SIZE(files) + 1);
	pid_t pid = getpid();
	char path[64];
	ssize_t n;
	int fd;

	if (c->pid > 0 && chance(&w->choices, 50))
		pid = c->pid;
	if (file == ARRAY_SIZE(files))
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid,
			 pools[choose(&w->choices, 2)].t.fd);
	else
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[file]);
	counted(w);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	do {
		n = read(fd, w->text, sizeof(w->text) - 1);
		if (n <= 0)
			break;
		w->text[n] = '\0';
		if (file < 2)
			check_maps(w->text);
	} while (chance(&w->choices, 70));
	close(fd);
}

/* How much of a pool's part another process, or the kernel, reads and writes. */
static ssize_t transfer(pid_t pid, void *addr, size_t size, bool write)
{
	char buf[256];
	struct iovec local = { .iov_base = buf, .iov_len = size };
	struct iovec remote = { .iov_base = addr, .iov_len = size };
	ssize_t n;

	memset(buf, 0, sizeof(buf));
	n = write ? process_vm_writev(pid, &local, 1, &remote, 1, 0) :
		    process_vm_readv(pid, &local, 1, &remote, 1, 0);
	return n < 0 ? -errno : n;
}

void read_memory(struct worker *w)
{
	const struct child *c = &w->child[choose(&w->choices, CHILDREN_MAX)];
	const struct table *t = &pools[POOL_FIRM].t;
	enum code_part part = choose(&w->choices, NPARTS);
	size_t size = 1 + choose(&w->choices, 256);
	bool other = c->pid > 0 && chance(&w->choices, 50);
	bool write = chance(&w->choices, 30);
	pid_t pid = other ? c->pid : getpid();
	char *addr;
	ssize_t n;

	if (!pools[POOL_FIRM].there) {
		t = &pools[POOL_FAULT].t;
		part = PART_FAULT;
	}
	addr = part_addr(t, part) + choose(&w->choices, options.page - size);
	n = transfer(pid, addr, size, write);
	/* The other one may have ended, or executed another program. */
	check(w, write ? "process_vm_writev" : "process_vm_readv", n,
	      other ? ERRORS(EFAULT, ESRCH, ENOMEM, EPERM) :
	      part == PART_FAULT || write ? ERRORS(EFAULT, ENOMEM) :
					    ERRORS(ENOMEM));
	if (n > 0 && (part == PART_FAULT || write))
		differs("%zd bytes of part %d were %s", n, part,
			write ? "written" : "read");
	if (n > 0 && n < (ssize_t)size && !other)
		differs("%zd of %zu bytes of part %d were read", n, size, part);
	counted(w);
	if (!try_store(addr) || trap.signo != SIGSEGV || trap.code != SEGV_ACCERR)
		differs("a store to part %d: signal %d, code %d", part,
			trap.signo, trap.code);
}
