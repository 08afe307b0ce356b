// SPDX-License-Identifier: GPL-2.0
/*
 * Tables that one thread alone sets and maps: it knows what each call has to do.  The
 * thread makes every call of their code entries itself, so that it can always promise
 * that nobody is in one.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "storm.h"
#include "storm_own.h"

/* The room of a worker: a table with code, and the places of the other one. */
#define CODE_SIZE	(3UL << 20)

/* Behind the last place, there is one for what is not known. */
char *own_place(struct worker *w, unsigned int own, unsigned int place)
{
	return own == OWN_CODE ? w->room :
	       w->room + CODE_SIZE + place * PAGES * options.page;
}

unsigned int any_spot(struct worker *w, const struct own *o)
{
	return choose(&w->choices, o->pages * SPOTS);
}

int any_fd(struct worker *w, const struct own *o)
{
	unsigned int i, n = choose(&w->choices, DUPS);

	for (i = 0; i < DUPS; i++)
		if (o->fd[(n + i) % DUPS] >= 0)
			return o->fd[(n + i) % DUPS];
	return -1;
}

static bool is_mapped(const struct page *page)
{
	return page->state == PAGE_OF || page->state == PAGE_ROOM;
}

/* An address in a mapping of the table, NULL if none is known. */
const char *any_mapped(struct worker *w, const struct own *o)
{
	unsigned int i, n = choose(&w->choices, PLACES * PAGES);

	for (i = 0; i < PLACES * PAGES; i++, n++) {
		const struct place *place = &o->place[n / PAGES % PLACES];

		if (is_mapped(&place->page[n % PAGES]))
			return place->base + n % PAGES * options.page +
			       choose(&w->choices, options.page);
	}
	return NULL;
}

bool own_name(struct worker *w, const struct own *o, int *fd, const void **addr)
{
	*fd = any_fd(w, o);
	*addr = NULL;
	if (!o->shared && (*fd < 0 || chance(&w->choices, 50)))
		*addr = any_mapped(w, o);
	return *fd >= 0 || *addr;
}

/*
 * Beginning and end.
 */

/* What comes of a mapping from @first on: all of it, or nobody knows. */
static void mapped(struct place *place, unsigned int first, unsigned int n,
		   enum page_state state, bool failed)
{
	unsigned int i;

	for (i = first; i < first + n; i++)
		place->page[i] = (struct page) {
			.state = failed ? PAGE_UNKNOWN : state,
			.of = i - first,
		};
}

static void unmap_all(struct worker *w, struct own *o)
{
	unsigned int i;
	bool failed;

	if (o->code) {
		failed = map_plain(w, w->room, CODE_SIZE);
		for (i = 0; i < PLACES; i++)
			mapped(&o->place[i], 0, PAGES, PAGE_PLAIN, failed);
		return;
	}
	for (i = 0; i < PLACES; i++) {
		failed = map_plain(w, o->place[i].base, PAGES * options.page);
		mapped(&o->place[i], 0, PAGES, PAGE_PLAIN, failed);
	}
}

static void own_drop(struct worker *w, struct own *o)
{
	unsigned int i, first = choose(&w->choices, 2);

	/* In both orders: the last thing that goes is a descriptor or a mapping. */
	if (first)
		unmap_all(w, o);
	for (i = 0; i < DUPS; i++) {
		if (o->fd[i] >= 0)
			close(o->fd[i]);
		o->fd[i] = -1;
	}
	if (!first)
		unmap_all(w, o);
	o->there = false;
}

static void own_make(struct worker *w, struct own *o)
{
	unsigned int n = options.page / 16, i;
	uint32_t shape[SHAPE_REGS];
	long ret;

	memset(o->spot, 0, sizeof(o->spot));
	o->code = o == &w->own[OWN_CODE];
	o->limited = false;
	o->shared = !o->code && options.shared_anywhere && chance(&w->choices, 25);
	for (i = 0; i < PLACES; i++)
		o->place[i].base = own_place(w, OWN_FAULT, i);
	for (i = 0; i < SHAPE_REGS; i++)
		shape[i] = shape_reg(i);
	fail_begin(w);
	/* With a stride of 32, twice as many pages. */
	ret = o->code ? code_create(&o->t, (1 + choose(&w->choices, 2)) * n, shape,
				    choose(&w->choices, SHAPE_REGS + 1)) :
			table_create(&o->t, (1 + choose(&w->choices, PAGES)) * n,
				     o->shared ? TRAMPFD_SHARED : 0);
	fail_end(w);
	if (check(w, "trampfd_create", ret,
		  ERRORS(EDQUOT, EPERM, EMFILE, ENFILE, ENOMEM)))
		return;
	o->there = true;
	o->fd[0] = o->t.fd;
	for (i = 1; i < DUPS; i++)
		o->fd[i] = -1;
	o->per_page = options.page / o->t.attr.stride;
	o->pages = (o->code ? o->t.attr.part_size : o->t.attr.map_size) /
		   options.page;
	if (!o->code)
		return;
	o->t.base = w->room;
	for (i = 0; i < NPARTS; i++)
		o->place[i].base = part_addr(&o->t, i);
}

bool own_reset(struct worker *w)
{
	unsigned int i, k;

	memset(w->own, 0, sizeof(w->own));
	for (i = 0; i < OWNS; i++)
		for (k = 0; k < PLACES; k++)
			mapped(&w->own[i].place[k], 0, PAGES, PAGE_PLAIN, false);
	return mmap(w->room, ROOM_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		    0) != MAP_FAILED;
}

void own_forked(struct worker *w)
{
	unsigned int i, k, n;

	for (i = 0; i < OWNS; i++) {
		struct own *o = &w->own[i];
		bool is_there = false;

		for (k = 0; k < PLACES; k++) {
			for (n = 0; n < PAGES; n++) {
				struct page *page = &o->place[k].page[n];

				if (page->dontfork && is_mapped(page))
					page->state = PAGE_HOLE;
				page->dontfork = false;
				is_there |= is_mapped(page);
			}
		}
		/* What is shared remains the parent's.  What was not mapped is not here. */
		if (o->there && (o->shared || !is_there))
			own_drop(w, o);
	}
}

int own_descriptor(struct worker *w, struct table *t)
{
	struct own *o = &w->own[choose(&w->choices, OWNS)];

	/* Who gets the descriptor of a shared one can change it. */
	if (!o->there || o->shared)
		return -1;
	*t = o->t;
	return any_fd(w, o);
}

/*
 * Mappings.
 */

/* Places of a table with code are its parts. */
static unsigned int any_place(struct worker *w)
{
	return choose(&w->choices, PLACES);
}

static void map_all_parts(struct worker *w, struct own *o, int fd)
{
	struct table *t = &o->t;
	enum code_part part;
	long ret;

	ret = map_at(w, "mmap of all parts", t->base, t->attr.map_size,
		     t->attr.map_prot, t->attr.map_flags | MAP_FIXED, fd,
		     t->attr.map_offset, ERRORS(ENOMEM, EDQUOT));
	for (part = 0; part < NPARTS; part++)
		mapped(&o->place[part], 0, o->pages,
		       part == PART_FAULT ? PAGE_OF : PAGE_ROOM, ret);
}

static void map_part(struct worker *w, struct own *o, int fd, enum code_part part)
{
	struct table *t = &o->t;
	long ret;

	ret = map_at(w, "mmap of a part", part_addr(t, part), t->attr.part_size,
		     part_prot(t, part), t->attr.map_flags | MAP_FIXED, fd,
		     part_offset(t, part),
		     ERRORS(ENOMEM, EDQUOT, part == PART_CODE ? EPERM : ENOMEM));
	/*
	 * vm.trampfd_enabled is looked at before anything is unmapped, but it may change
	 * just then.
	 */
	mapped(&o->place[part], 0, o->pages, PAGE_OF, ret);
}

static void own_map_code(struct worker *w, struct own *o, int fd)
{
	switch (choose(&w->choices, 4)) {
	case 0:
		map_all_parts(w, o, fd);
		break;
	case 1:
		map_part(w, o, fd, any_place(w));
		break;
	default:
		/* Code works only if it and its data are there. */
		map_all_parts(w, o, fd);
		map_part(w, o, fd, PART_DATA);
		map_part(w, o, fd, PART_CODE);
		break;
	}
}

static void own_map(struct worker *w, struct own *o)
{
	struct table *t = &o->t;
	struct place *place;
	int fd = any_fd(w, o);
	long ret;

	if (fd < 0)
		return;
	if (o->code) {
		own_map_code(w, o, fd);
		return;
	}
	place = &o->place[any_place(w)];
	ret = map_at(w, "mmap of a table", place->base, t->attr.map_size,
		     t->attr.map_prot, t->attr.map_flags | MAP_FIXED, fd,
		     t->attr.map_offset, ERRORS(ENOMEM, EDQUOT));
	mapped(place, 0, o->pages, PAGE_OF, ret);
}

static void own_unmap(struct worker *w, struct own *o)
{
	struct place *place = &o->place[any_place(w)];
	unsigned int first = choose(&w->choices, o->pages);
	unsigned int n = 1 + choose(&w->choices, o->pages - first);
	char *addr = place->base + first * options.page;
	long ret;

	/* It takes more to make its parts whole again. */
	if (o->code && chance(&w->choices, 50))
		return;
	if (chance(&w->choices, 50)) {
		ret = map_plain(w, addr, n * options.page);
		mapped(place, first, n, PAGE_PLAIN, ret);
		return;
	}
	ret = checked(w, "munmap", munmap(addr, n * options.page), ERRORS(ENOMEM));
	mapped(place, first, n, PAGE_HOLE, ret);
}

static bool all_of_table(const struct place *place, unsigned int first,
			 unsigned int n)
{
	unsigned int i;

	for (i = first; i < first + n; i++)
		if (place->page[i].state != PAGE_OF)
			return false;
	return true;
}

static long remap(struct worker *w, char *from, size_t size, size_t new_size,
		  char *to, const char *what, const int *errors)
{
	long ret = 0;

	fail_begin(w);
	if (mremap(from, size, new_size,
		   to ? MREMAP_MAYMOVE | MREMAP_FIXED : 0, to) == MAP_FAILED)
		ret = -errno;
	fail_end(w);
	return check(w, what, ret, errors);
}

/* Pages that were mapped on their own are several mappings, which can't move at once. */
static void own_move(struct worker *w, struct own *o)
{
	unsigned int n = chance(&w->choices, 80) ? 1 : 1 + choose(&w->choices, PAGES);
	unsigned int i = choose(&w->choices, PAGES - n + 1);
	unsigned int j = choose(&w->choices, PAGES - n + 1);
	struct place *from = &o->place[any_place(w)], *to = &o->place[any_place(w)];
	const size_t size = n * options.page;
	long ret;

	if (!all_of_table(from, i, n))
		return;
	if (o->code) {
		/* Nothing is known of that place. */
		if (!remap(w, from->base + i * options.page, size, size,
			   own_place(w, OWN_FAULT, PLACES),
			   "mremap of a table with code",
			   ERRORS(EINVAL, ENOMEM, n > 1 ? EFAULT : EINVAL)))
			differs("a table with code was moved");
		return;
	}
	if (from == to)
		return;
	ret = remap(w, from->base + i * options.page, size, size,
		    to->base + j * options.page, "mremap",
		    ERRORS(ENOMEM, EAGAIN, n > 1 ? EFAULT : ENOMEM));
	if (ret) {
		mapped(to, j, n, PAGE_UNKNOWN, true);
		/* Of several mappings, some may have moved. */
		if (n > 1)
			mapped(from, i, n, PAGE_UNKNOWN, true);
		return;
	}
	memcpy(&to->page[j], &from->page[i], n * sizeof(to->page[0]));
	mapped(from, i, n, PAGE_HOLE, false);
}

static void own_resize(struct worker *w, struct own *o)
{
	struct place *place = &o->place[any_place(w)];
	unsigned int i = choose(&w->choices, PAGES - 1);
	char *addr = place->base + i * options.page;
	long ret;

	if (chance(&w->choices, 50)) {
		if (place->page[i].state == PAGE_OF &&
		    !remap(w, addr, options.page, 2 * options.page, NULL,
			   "mremap to more", ERRORS(EFAULT, ENOMEM, EAGAIN)))
			differs("a table's mapping has grown");
		return;
	}
	if (!all_of_table(place, i, 2))
		return;
	ret = remap(w, addr, 2 * options.page, options.page, NULL,
		    "mremap to less", ERRORS(ENOMEM, EFAULT));
	mapped(place, i + 1, 1, PAGE_HOLE, ret);
}

static void own_protect(struct worker *w, const struct own *o, char *addr)
{
	int prot = choose(&w->choices, 8);

	if (!checked(w, "mprotect", mprotect(addr, options.page, prot),
		     ERRORS(ENOMEM, prot || o->code ? EACCES : ENOMEM)) &&
	    (prot || o->code))
		differs("mprotect of a table to %d", prot);
}

static void own_advise(struct worker *w, struct own *o)
{
	struct place *place = &o->place[any_place(w)];
	unsigned int i = choose(&w->choices, o->pages);
	struct page *page = &place->page[i];
	char *addr = place->base + i * options.page;

	if (page->state != PAGE_OF)
		return;
	switch (choose(&w->choices, 8)) {
	case 0:
		page->dontfork |= !checked(w, "MADV_DONTFORK",
					   madvise(addr, options.page, MADV_DONTFORK),
					   ERRORS(ENOMEM, EAGAIN));
		break;
	case 1:
		/* Linux 7.3 refuses it. */
		if (!checked(w, "MADV_DOFORK",
			     madvise(addr, options.page, MADV_DOFORK),
			     ERRORS(ENOMEM, EAGAIN, EINVAL)))
			page->dontfork = false;
		break;
	case 2:
	case 3:
		own_protect(w, o, addr);
		break;
	default:
		advise(w, addr, options.page);
		break;
	}
}

#ifndef __NR_mseal
#ifdef __NR_Linux	/* where each ABI counts from another number */
#define __NR_mseal	(__NR_Linux + 462)
#else
#define __NR_mseal	462
#endif
#endif

void own_mseal(struct worker *w)
{
	struct own *o = &w->own[OWN_FAULT];
	struct place *place = &o->place[any_place(w)];
	unsigned int i = choose(&w->choices, PAGES);
	char *addr = place->base + i * options.page;

	if (!o->there || place->page[i].state != PAGE_OF ||
	    checked(w, "mseal", syscall(__NR_mseal, addr, options.page, 0),
		    ERRORS(ENOMEM, ENOSYS, EPERM)))
		return;
	if (!checked(w, "munmap of what is sealed", munmap(addr, options.page),
		     ERRORS(EPERM)) ||
	    !remap(w, addr, options.page, options.page,
		   own_place(w, OWN_FAULT, PLACES), "mremap of what is sealed",
		   ERRORS(EPERM)) ||
	    !map_at(w, "mmap over what is sealed", addr, options.page, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0,
		    ERRORS(EPERM, ENOMEM)))
		differs("the mapping at %p is sealed, and was changed", addr);
	own_call_at(w, o, place, i);
}

/*
 * Descriptors.
 */

static void own_dup(struct worker *w, struct own *o)
{
	unsigned int i = choose(&w->choices, DUPS);
	int fd = any_fd(w, o), other;

	if (o->fd[i] < 0) {
		if (fd >= 0)
			o->fd[i] = checked(w, "dup", dup(fd), ERRORS(EMFILE));
		if (o->fd[i] < 0)
			o->fd[i] = -1;
		return;
	}
	fd = o->fd[i];
	o->fd[i] = -1;
	other = any_fd(w, o);
	/* Something has to name the table: by address, that is not for a shared one. */
	if (other < 0 && (o->shared || !any_mapped(w, o))) {
		o->fd[i] = fd;
		return;
	}
	counted(w);
	close(fd);
}

static const struct {
	unsigned int weight;
	void (*act)(struct worker *w, struct own *o);
} acts[] = {
	{ 40, own_calls },
	{ 22, own_set },
	{ 8, own_remove },
	{ 10, own_get },
	{ 1, own_seal },
	{ 2, own_allow },
	{ 2, own_errors },
	{ 12, own_map },
	{ 6, own_unmap },
	{ 6, own_move },
	{ 2, own_resize },
	{ 6, own_advise },
	{ 2, own_dup },
	{ 3, own_drop },
};

void own_turn(struct worker *w)
{
	struct own *o = &w->own[options.code ? choose(&w->choices, OWNS) : OWN_FAULT];
	unsigned int i, n, sum = 0, fd;

	if (!o->there) {
		own_make(w, o);
		if (o->there && chance(&w->choices, 90))
			own_map(w, o);
		if (o->there && chance(&w->choices, 90))
			own_set(w, o);
		return;
	}
	/* What the child of a fork gets may have no name that is known. */
	for (fd = 0; fd < DUPS && o->fd[fd] < 0; fd++)
		;
	if (fd == DUPS && (o->shared || !any_mapped(w, o))) {
		own_drop(w, o);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(acts); i++)
		sum += acts[i].weight;
	n = choose(&w->choices, sum);
	for (i = 0; n >= acts[i].weight; i++)
		n -= acts[i].weight;
	acts[i].act(w, o);
}
