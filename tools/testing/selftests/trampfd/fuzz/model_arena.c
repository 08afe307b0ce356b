// SPDX-License-Identifier: GPL-2.0
/*
 * What is mapped where.  All mappings of tables are in a range of addresses, the
 * arena, of which the model knows each page.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "model.h"

#define ARENA_SIZE	(64UL << 20)

/*
 * Addresses above the arena that stay free: what the C library and the kernel map
 * without an address comes there, and not into a hole of the arena.
 */
#define ROOM_ABOVE	(128UL << 20)

void arena_init(void)
{
	char *p = mmap(NULL, ARENA_SIZE + ROOM_ABOVE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	self.page_size = getpagesize();
	self.npages = ARENA_SIZE / self.page_size;
	self.pages = calloc(self.npages, sizeof(*self.pages));
	if (p == MAP_FAILED || !self.pages)
		differs("no room for the arena");
	self.arena = (char *)(((uintptr_t)p + 0xfffff) & ~0xfffffUL);
	munmap(p, ARENA_SIZE + ROOM_ABOVE);
	if (mmap(self.arena, ARENA_SIZE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		differs("no arena");
	for (size_t i = 0; i < self.npages; i++)
		self.pages[i].kind = PLAIN;
}

struct page *page_at(uintptr_t addr)
{
	const uintptr_t arena = (uintptr_t)self.arena;

	if (addr < arena || addr - arena >= ARENA_SIZE)
		return NULL;
	return &self.pages[(addr - arena) / self.page_size];
}

static char *page_address(unsigned int i)
{
	return self.arena + i * self.page_size;
}

void page_change(unsigned int i, enum kind kind, const struct known_table *t,
		 uint32_t offset, uint32_t mapping)
{
	struct page *page = &self.pages[i];
	const bool stale = page->stale || (page->kind == CODE && page->touched);

	if (page->kind >= TRAMPOLINES && !--self.table[page->table].npages)
		self.table[page->table].movable = true;
	*page = (struct page) {
		.kind = kind,
		.stale = stale,
		.offset = offset,
		.mapping = mapping,
	};
	if (kind >= TRAMPOLINES) {
		page->table = table_index(t);
		self.table[page->table].npages++;
	}
}

static void pages_change(unsigned int first, unsigned int n, enum kind kind)
{
	unsigned int i;

	for (i = first; i < first + n; i++)
		page_change(i, kind, NULL, 0, 0);
	for (i = 0; i < TABLES_MAX; i++)
		if (self.table[i].exists)
			table_settle(&self.table[i]);
}

static bool any_sealed(unsigned int first, unsigned int n)
{
	unsigned int i;

	for (i = first; self.nsealed && i < first + n; i++)
		if (self.pages[i].sealed)
			return true;
	return false;
}

uintptr_t mapped_address(const struct known_table *t)
{
	const unsigned int k = table_index(t);
	unsigned int tries, i;

	if (!t->npages)
		return 0;
	for (tries = 0; tries < 6 && t->nhints; tries++) {
		i = t->hint[choose(&self.choices, t->nhints)];
		/* Often at its begin, where most trampolines are set. */
		i += choose(&self.choices, tries & 1 ? 64 : 2);
		if (i < self.npages && self.pages[i].kind >= TRAMPOLINES &&
		    self.pages[i].table == k)
			goto found;
	}
	for (i = 0; i < self.npages; i++)
		if (self.pages[i].kind >= TRAMPOLINES && self.pages[i].table == k)
			goto found;
	differs("the model has lost a page");
found:
	return (uintptr_t)page_address(i) + choose(&self.choices, self.page_size);
}

uintptr_t offset_address(const struct known_table *t, size_t offset)
{
	const unsigned int k = table_index(t), want = offset / self.page_size;
	unsigned int tries, i;

	for (tries = 0; tries < 4 && t->nhints; tries++) {
		i = t->hint[choose(&self.choices, t->nhints)];
		if (self.pages[i].kind < TRAMPOLINES || self.pages[i].table != k)
			continue;
		i += want - self.pages[i].offset;
		if (i < self.npages && self.pages[i].kind >= TRAMPOLINES &&
		    self.pages[i].table == k && self.pages[i].offset == want)
			return (uintptr_t)page_address(i) + offset % self.page_size;
	}
	return 0;
}

/* Make it PROT_NONE again: what a call that failed has left is not told. */
static void make_plain(unsigned int first, unsigned int n)
{
	if (mmap(page_address(first), n * self.page_size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		differs("mmap over pages %u to %u: errno %d", first,
			first + n - 1, errno);
	pages_change(first, n, PLAIN);
}

/* Pages beside each other. */
struct range {
	unsigned int first;
	unsigned int n;
};

/* The kernel may have split a mapping where the range begins and where it ends. */
static void renumber(const struct range *r)
{
	uint32_t old = self.pages[r->first].mapping;
	unsigned int i;

	self.last_mapping++;
	for (i = r->first; i < r->first + r->n; i++) {
		if (self.pages[i].mapping != old) {
			old = self.pages[i].mapping;
			self.last_mapping++;
		}
		self.pages[i].mapping = self.last_mapping;
	}
}

/* Arguments of an mmap(). */
struct wish {
	uintptr_t addr;
	size_t size;
	int prot;
	int flags;
	unsigned long offset;
};

enum wrong {
	RIGHT,
	WRONG,			/* refused, and nothing is changed */
	WRONG_LATE,		/* what was there may be gone */
};

static enum wrong spoil(const struct known_table *t, struct wish *w)
{
	const size_t page = self.page_size;

	switch (choose(&self.choices, 6)) {
	case 0:
		w->size += page;
		return WRONG;
	case 1:
		if (w->size <= page)
			return RIGHT;
		w->size -= page;
		/* The kernel can't tell this from mremap() early. */
		return t->shared ? WRONG_LATE : WRONG;
	case 2:
		w->offset += page;
		return WRONG;
	case 3:
		w->flags ^= MAP_SHARED ^ MAP_PRIVATE;
		return WRONG;
	case 4:
		if (!t->base || t->movable)
			return RIGHT;
		w->addr += page;
		return WRONG;
	default:
		w->prot ^= 1 << choose(&self.choices, 3);
		return WRONG_LATE;
	}
}

/* Which part, and where; false if there is no room. */
static bool make_wish(const struct known_table *t, struct wish *w)
{
	const unsigned int all = t->attr.map_size / self.page_size;
	struct choices *c = &self.choices;
	uintptr_t base = t->base;
	/* One more, as a wrong wish may have one page more. */
	unsigned int room = self.npages - 2;

	if (all > room)
		return false;
	if (!base)
		base = (uintptr_t)page_address(choose(c, room - all));
	w->flags = t->attr.map_flags | MAP_FIXED;
	w->size = t->attr.part_size;
	switch (t->attr.type == TRAMPFD_CODE && t->npages ? choose(c, 5) : 4) {
	case 0:
		w->offset = t->attr.code_offset;
		w->prot = t->attr.code_prot;
		break;
	case 1:
		w->flags |= choose(c, 4) ? 0 : MAP_POPULATE;
		__attribute__((fallthrough));
	case 2:
		w->offset = t->attr.data_offset;
		w->prot = t->attr.data_prot;
		break;
	case 3:
		w->offset = t->attr.map_offset;
		w->prot = t->attr.map_prot;
		break;
	default:
		w->offset = t->attr.map_offset;
		w->prot = t->attr.map_prot;
		w->size = t->attr.map_size;
		break;
	}
	w->addr = base + w->offset;
	return true;
}

static enum kind kind_of(const struct known_table *t, unsigned long offset,
			 size_t size)
{
	if (t->attr.type == TRAMPFD_CODE && size == t->attr.part_size) {
		if (offset == t->attr.code_offset)
			return CODE;
		if (offset == t->attr.data_offset)
			return DATA;
	}
	return TRAMPOLINES;
}

static void note_map(struct known_table *t, const struct wish *w)
{
	const unsigned int first = page_at(w->addr) - self.pages;
	const unsigned int n = w->size / self.page_size;
	const enum kind kind = kind_of(t, w->offset, w->size);
	unsigned int i;

	/* So that it is not forgotten while its own pages are replaced. */
	t->npages++;
	pages_change(first, n, PLAIN);
	t->npages--;
	self.last_mapping++;
	for (i = 0; i < n; i++)
		page_change(first + i, kind, t, w->offset / self.page_size + i,
			    self.last_mapping);
	if (t->attr.type == TRAMPFD_CODE)
		t->base = w->addr - w->offset;
	t->movable = false;
	if (t->nhints < HINTS)
		t->hint[t->nhints++] = first;
	else
		t->hint[choose(&self.choices, HINTS)] = first;
}

static void map_wish(struct known_table *t, int fd, bool readonly, struct wish *w)
{
	enum wrong wrong = choose(&self.choices, 8) ? RIGHT : spoil(t, w);
	unsigned int first = page_at(w->addr) - self.pages;
	unsigned int n = w->size / self.page_size;
	const bool sealed = any_sealed(first, n);
	bool fired;
	void *p;

	inject_arm();
	p = mmap((void *)w->addr, w->size, w->prot, w->flags, fd, w->offset);
	count_operation();
	fired = inject_fired();
	if (p != MAP_FAILED) {
		if (wrong || sealed || t->absent || p != (void *)w->addr)
			differs("mmap of %#lx bytes at %#lx, offset %#lx, prot %d, flags %#x: %p",
				(long)w->size, (long)w->addr, w->offset, w->prot,
				w->flags, p);
		note_map(t, w);
		return;
	}

	count_refused();
	if (short_of_memory(fired, -errno)) {
		if (!sealed)
			make_plain(first, n);
		return;
	}
	/* As for any file that is not open for writing. */
	if (readonly && w->flags & MAP_SHARED && w->prot & PROT_WRITE && errno == EACCES)
		return;
	if (wrong ? errno != EINVAL && !((sealed || t->absent || wrong == WRONG_LATE) &&
					 errno == EPERM) :
		    !(sealed || t->absent) || errno != EPERM)
		differs("mmap of %#lx bytes at %#lx, offset %#lx, prot %d, flags %#x: errno %d",
			(long)w->size, (long)w->addr, w->offset, w->prot, w->flags,
			errno);
	if (sealed)
		renumber(&(struct range){ first, n });
	else if (wrong == WRONG_LATE)
		make_plain(first, n);
}

void do_map(void)
{
	struct known_table *t = any_table();
	struct wish w;
	bool readonly;
	int fd;

	if (!t)
		return;
	fd = any_fd(t, false, &readonly);
	if (fd < 0 || !make_wish(t, &w))
		return;
	map_wish(t, fd, readonly, &w);
	/* A table with code is of use when all is there. */
	while (t->exists && t->attr.type == TRAMPFD_CODE && t->npages &&
	       choose(&self.choices, 3) && make_wish(t, &w))
		map_wish(t, fd, readonly, &w);
}

static bool same_mapping(const struct page *a, const struct page *b)
{
	return b->kind == a->kind && b->mapping == a->mapping &&
	       b->table == a->table && b->offset == a->offset + (b - a) &&
	       b->dontfork == a->dontfork && b->sealed == a->sealed;
}

/* Pages of one mapping of a table. */
static struct known_table *any_mapped(struct range *r)
{
	struct known_table *t = any_table();
	uintptr_t addr = t ? mapped_address(t) : 0;
	unsigned int i, first, last;

	if (!addr)
		return NULL;
	i = page_at(addr) - self.pages;
	for (first = i; first > 0 && i - first < 5000; first--)
		if (!same_mapping(&self.pages[first - 1], &self.pages[i]))
			break;
	for (last = i; last + 1 < self.npages && last - i < 5000; last++)
		if (!same_mapping(&self.pages[i], &self.pages[last + 1]))
			break;
	/* All of it, its end, its begin, or some of it. */
	if (choose(&self.choices, 2))
		first = i - choose(&self.choices, i - first + 1);
	if (choose(&self.choices, 2))
		last = i + choose(&self.choices, last - i + 1);
	r->first = first;
	r->n = last - first + 1;
	return t;
}

/* A range of an operation that takes any pages. */
static void any_range(struct range *r)
{
	struct choices *c = &self.choices;

	if (choose(c, 4) && any_mapped(r))
		return;
	r->first = choose(c, self.npages);
	r->n = 1 + choose(c, choose(c, 2) ? 8 : 700);
	if (r->n > self.npages - r->first)
		r->n = self.npages - r->first;
}

void do_map_over(void)
{
	/* Data of code entries has to be the table's, and not what can be read. */
	const bool readable = options.code && choose(&self.choices, 2);
	struct range r;
	bool failed;
	void *p;

	any_range(&r);
	inject_arm();
	p = mmap(page_address(r.first), r.n * self.page_size,
		 readable ? PROT_READ : PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	count_operation();
	failed = inject_fired() && p == MAP_FAILED && errno == ENOMEM;
	if (any_sealed(r.first, r.n) ? p != MAP_FAILED : p == MAP_FAILED && !failed)
		differs("mmap over pages %u to %u gives %p, errno %d", r.first,
			r.first + r.n - 1, p, errno);
	if (any_sealed(r.first, r.n))
		renumber(&r);
	else if (failed)
		make_plain(r.first, r.n);
	else
		pages_change(r.first, r.n, readable ? READABLE : PLAIN);
}

void do_unmap(void)
{
	struct range r;
	bool fired;
	int ret;

	any_range(&r);
	inject_arm();
	ret = munmap(page_address(r.first), r.n * self.page_size);
	count_operation();
	fired = inject_fired();
	if (any_sealed(r.first, r.n) ? !ret || errno != EPERM :
				       ret && !(fired && errno == ENOMEM))
		differs("munmap of pages %u to %u: %d, errno %d", r.first,
			r.first + r.n - 1, ret, errno);
	if (ret) {
		count_refused();
		renumber(&r);
	} else {
		pages_change(r.first, r.n, HOLE);
	}
}

static void move_pages(const struct range *r, unsigned int to, unsigned int n)
{
	struct known_table *t = &self.table[self.pages[r->first].table];
	struct page page;
	unsigned int i;

	t->npages++;
	pages_change(to, n, PLAIN);
	self.last_mapping++;
	for (i = 0; i < n; i++) {
		page = self.pages[r->first + i];
		page_change(to + i, page.kind, t, page.offset, self.last_mapping);
		self.pages[to + i].dontfork = page.dontfork;
	}
	t->npages--;
	pages_change(r->first, r->n, HOLE);
	t->hint[choose(&self.choices, t->nhints)] = to;
}

/* The rest of the source is cut off, and the destination unmapped, before a move fails. */
static void move_failed(const struct range *r, unsigned int to, unsigned int n)
{
	make_plain(to, n);
	if (n < r->n)
		make_plain(r->first + n, r->n - n);
}

void do_move(void)
{
	const size_t page = self.page_size;
	struct known_table *t;
	unsigned int to, n;
	struct range r;
	bool sealed, fired;
	void *p;

	t = any_mapped(&r);
	if (!t)
		return;
	if (!choose(&self.choices, 8)) {
		/* It can't grow, in place or elsewhere. */
		p = mremap(page_address(r.first), r.n * page, (r.n + 1) * page,
			   choose(&self.choices, 2) ? MREMAP_MAYMOVE : 0);
		count_operation();
		if (p != MAP_FAILED ||
		    (errno != EFAULT && !(self.pages[r.first].sealed && errno == EPERM)))
			differs("mremap to one page more gives %p, errno %d", p, errno);
		count_refused();
		return;
	}
	to = choose(&self.choices, self.npages - r.n);
	if (to + r.n > r.first && to < r.first + r.n)
		return;
	/* Sometimes not all of it. */
	n = choose(&self.choices, 4) ? r.n : 1 + choose(&self.choices, r.n);
	sealed = self.pages[r.first].sealed || any_sealed(to, n);
	/* What is sealed may become apparent only when something else is done. */
	if (sealed && n != r.n)
		return;
	inject_arm();
	p = mremap(page_address(r.first), r.n * page, n * page,
		   MREMAP_MAYMOVE | MREMAP_FIXED, page_address(to));
	count_operation();
	fired = inject_fired();
	if (p == MAP_FAILED) {
		count_refused();
		if (fired && errno == ENOMEM) {
			move_failed(&r, to, n);
			return;
		}
		if (sealed && errno == EPERM) {
			/* Of a sealed source, Linux 6.12 finds out too late. */
			if (any_sealed(to, n))
				renumber(&(struct range){ to, n });
			else
				make_plain(to, n);
			renumber(&r);
			return;
		}
		if (t->attr.type != TRAMPFD_CODE || errno != EINVAL)
			differs("mremap of pages %u to %u, of a table of type %u, to %u: errno %d",
				r.first, r.first + r.n - 1, t->attr.type, to, errno);
		move_failed(&r, to, n);
		return;
	}
	if (t->attr.type == TRAMPFD_CODE || sealed)
		differs("mremap of pages %u to %u to %u, which can't be moved",
			r.first, r.first + r.n - 1, to);
	move_pages(&r, to, n);
}

void do_protect(void)
{
	struct known_table *t;
	struct range r;
	int prot, ret;

	t = any_mapped(&r);
	if (!t)
		return;
	prot = choose(&self.choices, 8);
	ret = mprotect(page_address(r.first), r.n * self.page_size, prot);
	count_operation();
	if (!ret && !prot && t->attr.type == TRAMPFD_FAULT)
		return;
	if (!ret || (errno != EACCES && !(self.pages[r.first].sealed && errno == EPERM)))
		differs("mprotect to %d: %d, errno %d", prot, ret, errno);
	count_refused();
}

void do_advise(void)
{
	static const int harmless[] = {
		MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_FREE,
	};
	struct known_table *t;
	unsigned int i, what;
	bool set;
	struct range r;
	int ret;

	t = any_mapped(&r);
	if (!t)
		return;
	what = choose(&self.choices, 8);
	if (what >= 3) {
		/* Whether it is refused is not the point, but that it changes nothing. */
		madvise(page_address(r.first), r.n * self.page_size,
			harmless[choose(&self.choices, ARRAY_SIZE(harmless))]);
		count_operation();
		return;
	}
	set = what || !options.dofork;
	ret = madvise(page_address(r.first), r.n * self.page_size,
		      set ? MADV_DONTFORK : MADV_DOFORK);
	count_operation();
	if (ret)
		differs("madvise about fork: errno %d", errno);
	for (i = r.first; i < r.first + r.n; i++)
		self.pages[i].dontfork = set;
	renumber(&r);
}

void do_lock(void)
{
	struct range r;
	unsigned int i;

	if (!any_mapped(&r))
		return;
	/* There is nothing to lock, but the flag is set and the mapping may be split. */
	if (choose(&self.choices, 2)) {
		mlock(page_address(r.first), r.n * self.page_size);
		for (i = r.first; i < r.first + r.n; i++)
			self.pages[i].touched = true;
	} else {
		munlock(page_address(r.first), r.n * self.page_size);
	}
	count_operation();
	renumber(&r);
}

void do_seal_mapping(void)
{
#ifdef __NR_mseal
	struct range r;
	unsigned int i;

	if (!options.seals || self.nsealed > 1 || choose(&self.choices, 8) ||
	    !any_mapped(&r) || r.n > 32)
		return;
	if (syscall(__NR_mseal, page_address(r.first), r.n * self.page_size, 0))
		differs("mseal: errno %d", errno);
	count_operation();
	self.nsealed++;
	for (i = r.first; i < r.first + r.n; i++)
		self.pages[i].sealed = true;
	renumber(&r);
#endif
}
