// SPDX-License-Identifier: GPL-2.0
/* Tables that one thread alone sets: what is set there, and what a call of it does. */
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "storm_own.h"

/*
 * Calls.
 */

/* What a call has to do. */
enum must {
	MUST_HIT,
	MUST_MISS,
	MUST_NOTHING,
};

static const char *const must_name[] = {
	[MUST_HIT] = "hit", [MUST_MISS] = "miss",
};

static void call_own(struct worker *w, const struct own *o, struct attempt *a,
		     unsigned int spot, enum must must)
{
	const struct spot *s = &o->spot[spot];
	unsigned int want = version_result(&o->t, s->version);
	const bool hit = must == MUST_HIT;

	attempt(w, a);
	if (must == MUST_NOTHING)
		return;
	if (a->hit != hit)
		differs("own spot %u, version %u%s%s, had to %s: signal %d, code %d, at %p; way %d",
			spot, s->version, s->set ? ", set" : "",
			s->fast ? ", fast" : "", must_name[must], trap.signo,
			trap.code, trap.addr, a->way);
	if (a->hit && a->version != want)
		differs("own spot %u has to give version %u, and gives %u; way %d",
			spot, want, a->version, a->way);
}

/* The fault entry of a spot that is at @page of a place, if the table is there. */
static void call_fault(struct worker *w, const struct own *o,
		       const struct place *place, unsigned int page,
		       unsigned int spot)
{
	const struct page *p = &place->page[page];
	struct attempt a = {
		.t = &o->t,
		.way = choose(&w->choices, 2),
	};
	enum must must = MUST_MISS;

	a.entry = place->base + page * options.page +
		  spot_number(o->per_page, spot % SPOTS) * o->t.attr.stride;
	a.fault = a.entry;
	/* With code, it may be a page of a table with another shape. */
	if (p->state == PAGE_UNKNOWN && o->code)
		return;
	if (p->state == PAGE_UNKNOWN)
		must = MUST_NOTHING;
	else if (p->state == PAGE_OF && o->spot[spot].set)
		must = MUST_HIT;
	call_own(w, o, &a, spot, must);
	if (must == MUST_MISS && trap.code != (p->state == PAGE_HOLE ? SEGV_MAPERR :
								       SEGV_ACCERR))
		differs("own table: a call of page state %d has code %d", p->state,
			trap.code);
}

void own_call_at(struct worker *w, struct own *o, const struct place *place,
		 unsigned int page)
{
	unsigned int of = place->page[page].of;

	call_fault(w, o, place, page, of * SPOTS + choose(&w->choices, SPOTS));
}

static void call_code(struct worker *w, const struct own *o, unsigned int spot)
{
	const struct spot *s = &o->spot[spot];
	const unsigned int n = spot_number(o->per_page, spot), i = spot / SPOTS;
	const enum page_state fault = o->place[PART_FAULT].page[i].state;
	const enum page_state code = o->place[PART_CODE].page[i].state;
	const enum page_state data = o->place[PART_DATA].page[i].state;
	struct attempt a = {
		.t = &o->t,
		.entry = code_entry(&o->t, n),
		.fault = fault_entry(&o->t, n),
		.data = (const char *)code_slot(&o->t, n),
		.way = BY_CODE,
	};
	bool works = code == PAGE_OF && data == PAGE_OF &&
		     s->set && (s->fast || fault == PAGE_OF);

	/* There may be the code of another shape, which does not fit the data. */
	if (code == PAGE_UNKNOWN || data == PAGE_UNKNOWN || fault == PAGE_UNKNOWN)
		return;
	call_own(w, o, &a, spot, works ? MUST_HIT : MUST_MISS);
}

/* Where there is no stack left, stack data is a fault there. */
static void call_without_stack(struct worker *w, const struct own *o,
			       const struct place *place, unsigned int page,
			       unsigned int spot)
{
	struct attempt a = { .t = &o->t };
	struct context c;

	if (place->page[page].state != PAGE_OF || !o->spot[spot].set ||
	    is_chain(&o->t, o->spot[spot].version))
		return;
	version_context(&o->t, &c, 0, o->spot[spot].version);
	a.entry = place->base + page * options.page +
		  spot_number(o->per_page, spot % SPOTS) * o->t.attr.stride;
	a.fault = a.entry;
	if (!attempt_without_stack(w, &a) || a.hit != !c.rec.stack_size)
		differs("without a stack, %u bytes of stack data: %s, signal %d, code %d, at %p",
			c.rec.stack_size, must_name[a.hit ? MUST_HIT : MUST_MISS],
			trap.signo, trap.code, trap.addr);
}

/* Most calls are to find something, and not a hole. */
#define TRIES	3

static unsigned int call_spot(struct worker *w, const struct own *o,
			      const struct page *page)
{
	unsigned int spot, i;

	for (i = 0; i < TRIES; i++) {
		spot = page ? page->of * SPOTS + choose(&w->choices, SPOTS) :
			      any_spot(w, o);
		if (o->spot[spot].set)
			break;
	}
	return spot;
}

void own_calls(struct worker *w, struct own *o)
{
	unsigned int n = 1 + choose(&w->choices, 10), i;

	/* Stack data then comes to a page that is not there yet. */
	if (chance(&w->choices, 2))
		madvise(w->stack.mem, w->stack.size, MADV_DONTNEED);
	while (n--) {
		struct place *place = &o->place[PART_FAULT];
		unsigned int page, spot;

		if (o->code) {
			spot = call_spot(w, o, NULL);
			page = spot / SPOTS;
			if (chance(&w->choices, 70)) {
				call_code(w, o, spot);
				continue;
			}
		} else {
			for (i = 0; i < TRIES; i++) {
				place = &o->place[choose(&w->choices, PLACES)];
				page = choose(&w->choices, o->pages);
				if (place->page[page].state == PAGE_OF)
					break;
			}
			spot = call_spot(w, o, &place->page[page]);
		}
		if (chance(&w->choices, 5))
			call_without_stack(w, o, place, page, spot);
		else
			call_fault(w, o, place, page, spot);
	}
}

/*
 * Setting.
 */

/* Only even targets are in the list of a table that is limited. */
static bool is_allowed(const struct own *o, unsigned int version)
{
	return !o->limited ||
	       (version % 2 == 0 && !is_chain(&o->t, version));
}

static void apply(struct own *o, const struct wanted *want)
{
	struct spot *s = &o->spot[want->spot];
	bool fits = o->code && fits_lane(&o->t, want->version);

	if (want->flags & IDLE)
		s->fast = fits;
	else
		s->fast = s->fast && fits &&
			  same_values(&o->t, s->version, want->version);
	s->set = true;
	s->sealed = want->flags & SEALED;
	s->version = want->version;
}

/* Is it sealed by now, or by a record before it? */
static bool is_sealed(const struct worker *w, const struct own *o,
		      unsigned int spot)
{
	const struct batch *b = &w->batch;
	unsigned int i;

	for (i = 0; i < b->n; i++)
		if (b->want[i].spot == spot && b->want[i].flags & SEALED)
			return true;
	return o->spot[spot].sealed;
}

static void add_own(struct worker *w, struct own *o)
{
	unsigned int spot = any_spot(w, o), flags = 0, version = any_version(w);
	bool sealed = is_sealed(w, o, spot);
	struct wanted *want;

	/* The same values and another PC, or the same ones again. */
	if (o->spot[spot].set && chance(&w->choices, 30))
		version = o->spot[spot].version ^ choose(&w->choices, 2);
	if (chance(&w->choices, 60))
		flags |= IDLE;
	if (chance(&w->choices, 1))
		flags |= SEALED;
	want = batch_add(w, &o->t, o->per_page, spot, version, flags);
	if (sealed || !is_allowed(o, version))
		want->error = EPERM;
}

void own_set(struct worker *w, struct own *o)
{
	unsigned int n = 1 + choose(&w->choices, chance(&w->choices, 80) ? 8 : RECORDS);
	unsigned int bad = chance(&w->choices, 25) ? choose(&w->choices, n) : n;
	const void *addr;
	unsigned int i;
	int fd;

	if (!own_name(w, o, &fd, &addr))
		return;
	batch_begin(w);
	for (i = 0; i < n; i++) {
		add_own(w, o);
		if (i == bad)
			batch_spoil(w, &o->t);
	}
	if (chance(&w->choices, 10))
		batch_shorten(w);
	n = batch_set(w, fd, addr);
	for (i = 0; i < n; i++)
		apply(o, &w->batch.want[i]);
}

#define LIST_MAX	40

/* What comes of changing a spot, as the list before it leaves it. */
static int list_result(const struct own *o, const unsigned int *spots,
		       unsigned int i, unsigned long op)
{
	const struct spot *s = &o->spot[spots[i]];
	unsigned int k;

	if (!s->set)
		return -ENOENT;
	if (op == TRAMPFD_SEAL)
		return 0;
	if (s->sealed)
		return -EPERM;
	for (k = 0; k < i; k++)
		if (spots[k] == spots[i])
			return -ENOENT;
	return 0;
}

static void change_list(struct worker *w, struct own *o, unsigned long op,
			const char *what)
{
	unsigned int n = 1 + choose(&w->choices, chance(&w->choices, 80) ? 3 : LIST_MAX);
	unsigned int bad = chance(&w->choices, 10) ? choose(&w->choices, n) : n;
	unsigned int spots[LIST_MAX], i;
	uint32_t list[LIST_MAX];
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)list,
		.count = n,
	};
	const void *addr;
	int fd, error = 0;
	long ret;

	if (!own_name(w, o, &fd, &addr))
		return;
	for (i = 0; i < n; i++) {
		spots[i] = any_spot(w, o);
		list[i] = i == bad ? o->t.attr.ntrampolines :
				     spot_number(o->per_page, spots[i]);
	}
	for (i = 0; i < n; i++) {
		error = i == bad ? EINVAL : -list_result(o, spots, i, op);
		if (error)
			break;
	}
	/* The first error is that of the whole call. */
	ret = check(w, what, operate(w, fd, addr, op, &arg),
		    ERRORS(ENOMEM, !i ? error : ENOMEM));
	if (!ret || ret > (long)i)
		differs("%s did %ld of %u, and number %u has error %d", what, ret,
			n, i, error);
	for (i = 0; (long)i < ret; i++) {
		if (op == TRAMPFD_SEAL)
			o->spot[spots[i]].sealed = true;
		else
			memset(&o->spot[spots[i]], 0, sizeof(o->spot[0]));
	}
}

void own_remove(struct worker *w, struct own *o)
{
	change_list(w, o, TRAMPFD_REMOVE, "TRAMPFD_REMOVE of own");
}

void own_seal(struct worker *w, struct own *o)
{
	change_list(w, o, TRAMPFD_SEAL, "TRAMPFD_SEAL of own");
}

/*
 * Reading.
 */

static void check_got(const struct own *o, const struct context *c,
		      unsigned int spot)
{
	const struct spot *s = &o->spot[spot];
	unsigned int flags = (s->sealed ? SEALED : 0) | (s->fast ? IDLE : 0);
	struct context want, have = *c;

	version_context(&o->t, &want, spot_number(o->per_page, spot), s->version);
	have.rec.flags = 0;
	if (c->rec.flags != flags || !context_equal(&want, &have))
		differs("own spot %u, version %u, has flags %#x, not %#x; %u registers, not %u",
			spot, s->version, c->rec.flags, flags, c->rec.nregs,
			want.rec.nregs);
}

void own_get(struct worker *w, struct own *o)
{
	long n = 1 + choose(&w->choices, 6), i, ret, set = 0;
	unsigned int reg = 0, stack = 0;
	struct batch *b = &w->batch;
	unsigned int spots[6];
	const void *addr;
	struct context c;
	bool failing;
	int fd;

	if (!own_name(w, o, &fd, &addr))
		return;
	get_begin(w, n, RECORDS * TRAMPFD_REGS_MAX, 0);
	for (i = 0; i < n; i++) {
		spots[i] = any_spot(w, o);
		b->rec[i].trampoline = spot_number(o->per_page, spots[i]);
		if (set == i && o->spot[spots[i]].set)
			set++;
	}
	ret = operate(w, fd, addr, TRAMPFD_GET, &b->arg);
	failing = w->failing;
	ret = check(w, "TRAMPFD_GET of own", ret,
		    ERRORS(ENOMEM, set ? ENOMEM : ENOENT));
	if (!ret || ret > set || (ret > 0 && ret < set && !failing))
		differs("TRAMPFD_GET of own gave %ld, and %ld are set", ret, set);
	for (i = 0; i < ret; i++) {
		take(b, i, &reg, &stack, &c);
		check_got(o, &c, spots[i]);
	}
}

/*
 * The allowed PCs.
 */

static bool all_allowed(const struct own *o)
{
	unsigned int i;

	for (i = 0; i < o->pages * SPOTS; i++)
		if (o->spot[i].set &&
		    (o->spot[i].version % 2 || is_chain(&o->t, o->spot[i].version)))
			return false;
	return true;
}

static void check_allowed(struct worker *w, const struct own *o, int fd,
			  const void *addr)
{
	uint64_t pcs[ARCH_NTARGETS];
	struct trampfd_pcs arg = {
		.pcs = (uintptr_t)pcs,
		.count = ARRAY_SIZE(pcs),
	};
	long ret;

	ret = check(w, "TRAMPFD_GET_ALLOWED",
		    operate(w, fd, addr, TRAMPFD_GET_ALLOWED, &arg), ERRORS(ENOMEM));
	if (ret >= 0 && ret != (o->limited ? ARCH_NTARGETS / 2 : 0))
		differs("TRAMPFD_GET_ALLOWED gave %ld, and the table is%s limited",
			ret, o->limited ? "" : " not");
}

void own_allow(struct worker *w, struct own *o)
{
	bool possible = !o->limited && all_allowed(o);
	uint64_t pcs[ARCH_NTARGETS / 2];
	struct trampfd_pcs arg = {
		.pcs = (uintptr_t)pcs,
		.count = ARRAY_SIZE(pcs),
	};
	const void *addr;
	unsigned int i;
	int fd;

	if (!own_name(w, o, &fd, &addr))
		return;
	check_allowed(w, o, fd, addr);
	/* A table that is limited has fewer contexts to try. */
	if (possible && chance(&w->choices, 70))
		return;
	for (i = 0; i < ARRAY_SIZE(pcs); i++)
		pcs[i] = arch_target(2 * i);
	if (check(w, "TRAMPFD_ALLOW", operate(w, fd, addr, TRAMPFD_ALLOW, &arg),
		  ERRORS(ENOMEM, EDQUOT, possible ? ENOMEM : EPERM)))
		return;
	if (!possible)
		differs("TRAMPFD_ALLOW of a table that is%s limited",
			o->limited ? "" : " not");
	o->limited = true;
}

/*
 * What is refused, and what is told.
 */

static void check_fdinfo(struct worker *w, const struct own *o, int fd)
{
	unsigned int set = 0, fast = 0, i, n;
	char path[48];
	const char *p;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	counted(w);
	size = file_read(path, w->text, sizeof(w->text));
	if (size <= 0)
		return;
	for (i = 0; i < o->pages * SPOTS; i++) {
		set += o->spot[i].set;
		fast += o->spot[i].fast;
	}
	p = strstr(w->text, "trampfd-set:");
	if (!p || sscanf(p, "trampfd-set: %u", &n) != 1 || n != set)
		differs("fdinfo, and %u are set: %s", set, p ?: w->text);
	p = strstr(w->text, "trampfd-fast:");
	if (!p != !o->code)
		differs("fdinfo of a table with%s code: %s", o->code ? "" : "out",
			w->text);
	if (p && (sscanf(p, "trampfd-fast: %u", &n) != 1 || n != fast))
		differs("fdinfo, and %u are fast: %s", fast, p);
}

void own_errors(struct worker *w, struct own *o)
{
	const struct page *page = o->place[0].page;
	uint32_t number = 0;
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)&number,
		.count = 1,
	};
	const char *addr = any_mapped(w, o);
	int fd = any_fd(w, o);

	if (fd >= 0 && check(w, "an unknown operation",
			     operate(w, fd, NULL, _IO(TRAMPFD_IOC_TYPE, 0x55), NULL),
			     ERRORS(ENOTTY)) >= 0)
		differs("an unknown operation");
	if (o->shared && addr &&
	    check(w, "an operation on a shared table, by address",
		  operate(w, -1, addr, TRAMPFD_REMOVE, &arg), ERRORS(EPERM)) >= 0)
		differs("a shared table was changed by address");
	if ((page[0].state == PAGE_HOLE || page[0].state == PAGE_PLAIN) &&
	    check(w, "an operation where nothing is",
		  operate(w, -1, o->place[0].base, TRAMPFD_REMOVE, &arg),
		  ERRORS(ENXIO)) >= 0)
		differs("an operation where nothing is");
	if (fd >= 0)
		check_fdinfo(w, o, fd);
}
