// SPDX-License-Identifier: GPL-2.0
/* Tables that all threads of a process use at once, and one that all processes use. */
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "storm.h"

struct pool pools[POOLS];
const char *fixed_entry[2];

/* While it is, no code entry of this spot is called: somebody wants to give the promise. */
static unsigned int closed[NSPOTS];

static enum kind kind_of(const struct pool *p, unsigned int spot)
{
	static const enum kind kinds[] = {
		STABLE, CHANGING, CHANGING, PROMISED, WILD, WILD, WILD, LATE,
	};
	enum kind kind = kinds[spot % ARRAY_SIZE(kinds)];

	return kind == PROMISED && p != &pools[POOL_FIRM] ? CHANGING : kind;
}

static struct pool *any_pool(struct worker *w)
{
	struct pool *p = &pools[choose(&w->choices, POOLS)];

	return p->there ? p : &pools[POOL_FAULT];
}

/*
 * How a control call names the table.  With code that comes and goes, an address may
 * be one where nothing is mapped.
 */
static const void *any_address(struct worker *w, const struct pool *p)
{
	if (p == &pools[POOL_SHARED] || p == &pools[POOL_LOOSE] ||
	    chance(&w->choices, 50))
		return NULL;
	return p->t.base + choose(&w->choices, p->t.attr.map_size);
}

/*
 * Making them, while nothing else happens yet.
 */

static void fill(struct pool *p)
{
	struct worker *w = &workers[0];
	unsigned int spot;

	batch_begin(w);
	for (spot = 0; spot < NSPOTS; spot++)
		if (kind_of(p, spot) != WILD)
			batch_add(w, &p->t, p->per_page, spot,
				  stable_version(&p->t, spot),
				  p->code ? IDLE : 0);
	if (batch_set(w, p->t.fd, NULL) != w->batch.n)
		differs("a pool can't be set");
}

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		differs("no addresses");
	return p;
}

static void make_fault(struct pool *p, unsigned int flags)
{
	int ret = table_open(&p->t, PAGES * options.page / 16, flags);

	if (ret)
		differs("a pool can't be made: %s", strerror(-ret));
	p->there = true;
	p->per_page = table_per_page(&p->t);
	p->loose = reserve(2 * PAGES * options.page);
}

static void make_code(struct pool *p, unsigned int nregs)
{
	int ret;

	/* How many fit into a page depends on the shape. */
	ret = code_open(&p->t, 1, nregs);
	if (!ret) {
		p->per_page = table_per_page(&p->t);
		table_close(&p->t);
		ret = code_open(&p->t, PAGES * p->per_page, nregs);
	}
	if (ret)
		differs("a pool with code can't be made: %s", strerror(-ret));
	p->there = true;
	p->code = true;
	fill(p);
}

static void make_fixed(void)
{
	struct table t;

	if (table_open(&t, 1, 0) || set_value(t.fd, 0, FIXED) != 1)
		differs("no trampoline for signal handlers");
	close(t.fd);
	fixed_entry[0] = table_entry(&t, 0);
	fixed_entry[1] = fixed_entry[0];
	if (!options.code)
		return;
	if (code_open(&t, 1, 1) || set_values_as(t.fd, 0, 1, FIXED, IDLE) != 1)
		differs("no code for signal handlers");
	close(t.fd);
	fixed_entry[1] = code_entry(&t, 0);
}

void pool_shared_init(void)
{
	make_fault(&pools[POOL_SHARED], TRAMPFD_SHARED);
	fill(&pools[POOL_SHARED]);
}

void pools_init(unsigned int process)
{
	make_fault(&pools[POOL_FAULT], 0);
	chain_to(&pools[POOL_FAULT].t);
	fill(&pools[POOL_FAULT]);
	if (options.code) {
		make_code(&pools[POOL_FIRM], 1 + process % SHAPE_REGS);
		make_code(&pools[POOL_LOOSE], process % (SHAPE_REGS + 1));
	}
	make_fixed();
}

void pools_reset(void)
{
	unsigned int i;

	for (i = 0; i < THREADS_MAX; i++)
		workers[i].in_code = 0;
	memset(closed, 0, sizeof(closed));
}

/*
 * The promise.  A thread tells which spot's code it calls, and then looks whether it
 * may.  Who wants to give the promise forbids it, and then looks who calls.
 */

static bool enter_code(struct worker *w, unsigned int spot)
{
	__atomic_store_n(&w->in_code, spot + 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&closed[spot], __ATOMIC_SEQ_CST))
		return true;
	__atomic_store_n(&w->in_code, 0, __ATOMIC_RELEASE);
	return false;
}

static void leave_code(struct worker *w)
{
	__atomic_store_n(&w->in_code, 0, __ATOMIC_RELEASE);
}

#define PATIENCE	200

static bool all_left(unsigned int spot)
{
	unsigned int i, turns;

	for (i = 0; i < THREADS_MAX; i++) {
		for (turns = 0; __atomic_load_n(&workers[i].in_code,
						__ATOMIC_SEQ_CST) == spot + 1;
		     turns++) {
			if (turns == PATIENCE)
				return false;
			sched_yield();
		}
	}
	return true;
}

/* Not for a process with CLONE_VM: what it has closed would remain so when it is killed. */
void pool_promise(struct worker *w)
{
	struct pool *p = &pools[POOL_FIRM];
	unsigned int spot = 3;

	/* The one that is called often, or another one. */
	if (chance(&w->choices, 50))
		spot += choose(&w->choices, NSPOTS / 8) * 8;
	if (!p->there ||
	    __atomic_exchange_n(&closed[spot], 1, __ATOMIC_SEQ_CST))
		return;
	if (all_left(spot)) {
		batch_begin(w);
		batch_add(w, &p->t, p->per_page, spot, any_version(w), IDLE);
		batch_set(w, p->t.fd, any_address(w, p));
	}
	__atomic_store_n(&closed[spot], 0, __ATOMIC_SEQ_CST);
}

void pools_promise(struct worker *w)
{
	unsigned int i, spot;

	for (i = POOL_FIRM; i < POOLS; i++) {
		struct pool *p = &pools[i];

		if (!p->there)
			continue;
		batch_begin(w);
		for (spot = 0; spot < NSPOTS; spot++)
			if (kind_of(p, spot) == CHANGING ||
			    kind_of(p, spot) == PROMISED)
				batch_add(w, &p->t, p->per_page, spot,
					  any_version(w), IDLE);
		batch_set(w, p->t.fd, NULL);
	}
}

/*
 * Calls.
 */

static void call_firm(struct worker *w, const struct pool *p, unsigned int spot)
{
	const enum kind kind = kind_of(p, spot);
	unsigned int n = spot_number(p->per_page, spot);
	struct attempt a = {
		.t = &p->t,
		.fault = table_entry(&p->t, n),
		.way = choose(&w->choices, p->code ? 3 : 2),
	};

	a.entry = a.fault;
	if (a.way == BY_CODE) {
		a.entry = code_entry(&p->t, n);
		a.data = (const char *)code_slot(&p->t, n);
		if (kind == PROMISED && !enter_code(w, spot))
			return;
	}
	attempt(w, &a);
	leave_code(w);
	if (p == &pools[POOL_LOOSE])
		return;
	if (!a.hit && (kind != WILD || trap.signo != SIGSEGV ||
		       trap.code != SEGV_ACCERR ||
		       trap.addr != ARCH_FAULT_ADDR((char *)a.fault)))
		differs("spot %u of pool %d, which is always mapped: signal %d, code %d, at %p",
			spot, (int)(p - pools), trap.signo, trap.code, trap.addr);
	if (a.hit && kind == STABLE &&
	    a.version != version_result(&p->t, stable_version(&p->t, spot)))
		differs("spot %u of pool %d never changes, and gives version %u",
			spot, (int)(p - pools), a.version);
}

/* Nobody knows which page of the table is there, if any. */
static void call_loose(struct worker *w, const struct pool *p, unsigned int spot)
{
	struct attempt a = {
		.t = &p->t,
		.way = choose(&w->choices, 2),
	};

	a.entry = p->loose + choose(&w->choices, 2 * PAGES) * options.page +
		  spot_number(p->per_page, spot % SPOTS) * p->t.attr.stride;
	a.fault = a.entry;
	attempt(w, &a);
}

void pool_call(struct worker *w)
{
	unsigned int n = 8 + choose(&w->choices, 16);
	const struct pool *p = any_pool(w);

	while (n--) {
		unsigned int spot = choose(&w->choices, NSPOTS);

		/* Some are called often. */
		if (chance(&w->choices, 50))
			spot %= 8;
		if (!p->code && chance(&w->choices, 40))
			call_loose(w, p, spot);
		else
			call_firm(w, p, spot);
	}
}

/*
 * Control calls.
 */

/* One, some, or as many as there can be. */
static unsigned int how_many(struct worker *w)
{
	if (chance(&w->choices, 50))
		return 1;
	return 1 + choose(&w->choices, chance(&w->choices, 90) ? 8 : RECORDS);
}

static void add_any(struct worker *w, const struct pool *p)
{
	unsigned int spot = choose(&w->choices, NSPOTS), flags = 0, version;
	struct wanted *want;

	if (chance(&w->choices, 50))
		spot %= 8;
	version = any_version(w);
	/* It remains what it is, but by another context. */
	if (kind_of(p, spot) == STABLE)
		version = stable_version(&p->t, spot);
	if (!p->code && chance(&w->choices, 20))
		flags |= IDLE;
	if (kind_of(p, spot) == LATE && chance(&w->choices, 1))
		flags |= SEALED;
	want = batch_add(w, &p->t, p->per_page, spot, version, flags);
	want->may_be_sealed = kind_of(p, spot) == LATE;
}

void pool_set(struct worker *w)
{
	unsigned int n = how_many(w), bad = UINT32_MAX, i;
	const struct pool *p = any_pool(w);

	if (chance(&w->choices, 30))
		bad = choose(&w->choices, n);
	batch_begin(w);
	for (i = 0; i < n; i++) {
		add_any(w, p);
		if (i == bad)
			batch_spoil(w, &p->t);
	}
	if (chance(&w->choices, 10))
		batch_shorten(w);
	batch_set(w, p->t.fd, any_address(w, p));
}

static unsigned int spot_of(struct worker *w, const struct pool *p, enum kind kind)
{
	unsigned int spot;

	do {
		spot = choose(&w->choices, NSPOTS);
	} while (kind_of(p, spot) != kind);
	return spot;
}

#define LIST_MAX	64

static void change_list(struct worker *w, const struct pool *p,
			enum kind kind, unsigned long op, const char *what,
			int error)
{
	unsigned int n = 1 + choose(&w->choices, chance(&w->choices, 70) ? 3 : LIST_MAX);
	unsigned int bad = n, i;
	uint32_t list[LIST_MAX];
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)list,
		.count = n,
	};
	long ret;

	for (i = 0; i < n; i++)
		list[i] = spot_number(p->per_page, spot_of(w, p, kind));
	if (chance(&w->choices, 20)) {
		bad = choose(&w->choices, n);
		list[bad] = p->t.attr.ntrampolines;
	}
	ret = check(w, what, operate(w, p->t.fd, any_address(w, p), op, &arg),
		    ERRORS(ENOMEM, bad ? error : EINVAL));
	if (ret > (long)bad || !ret)
		differs("%s did %ld of %u, and number %u is bad", what, ret, n,
			bad);
}

void pool_remove(struct worker *w)
{
	change_list(w, any_pool(w), WILD, TRAMPFD_REMOVE, "TRAMPFD_REMOVE",
		    ENOENT);
}

/* What is late is always set. */
void pool_seal(struct worker *w)
{
	change_list(w, any_pool(w), LATE, TRAMPFD_SEAL, "TRAMPFD_SEAL", ENOMEM);
}

/* A sealed trampoline is for ever what it is. */
static void check_sealed(struct worker *w, const struct pool *p,
			 unsigned int spot, unsigned int version)
{
	uint32_t number = spot_number(p->per_page, spot);
	struct trampfd_list arg = {
		.trampolines = (uintptr_t)&number,
		.count = 1,
	};
	struct attempt a = {
		.t = &p->t,
		.entry = table_entry(&p->t, number),
		.fault = table_entry(&p->t, number),
		.way = BY_CALL,
	};

	if (kind_of(p, spot) != LATE)
		differs("spot %u of pool %d is sealed", spot, (int)(p - pools));
	if (check(w, "TRAMPFD_REMOVE of what is sealed",
		  operate(w, p->t.fd, NULL, TRAMPFD_REMOVE, &arg),
		  ERRORS(EPERM, ENOMEM)) >= 0)
		differs("a sealed trampoline was removed");
	if (p == &pools[POOL_LOOSE])
		return;
	attempt(w, &a);
	/* A version from TRAMPFD_GET may be known by its PC alone, as that of a call. */
	if (!a.hit || a.version != (version < VERSIONS ?
				    version_result(&p->t, version) : version))
		differs("spot %u of pool %d is sealed with version %u, and gives %u",
			spot, (int)(p - pools), version, a.version);
}

static unsigned int check_record(const struct pool *p, const struct context *c,
				 unsigned int spot)
{
	unsigned int version;

	if (!context_version(&p->t, c, &version))
		differs("TRAMPFD_GET of spot %u of pool %d: a mixture, %u registers, %u bytes",
			spot, (int)(p - pools), c->rec.nregs, c->rec.stack_size);
	if (c->rec.flags & ~(SEALED | IDLE) || (c->rec.flags & IDLE && !p->code))
		differs("TRAMPFD_GET: flags %#x", c->rec.flags);
	return version;
}

/* Without a value, it is known by what a call of it gives. */
static void check_stable(const struct pool *p, unsigned int spot,
			 unsigned int version)
{
	unsigned int want = stable_version(&p->t, spot);

	if (version != want && version != version_result(&p->t, want))
		differs("spot %u of pool %d never changes, and has version %u",
			spot, (int)(p - pools), version);
}

void pool_get(struct worker *w)
{
	long n = 1 + choose(&w->choices, 4), i, ret;
	const struct pool *p = any_pool(w);
	unsigned int reg = 0, stack = 0;
	struct batch *b = &w->batch;
	unsigned int spots[4];
	struct context c;
	bool failing;

	get_begin(w, n, 4 * TRAMPFD_REGS_MAX * 8, 0);
	for (i = 0; i < n; i++) {
		spots[i] = choose(&w->choices, NSPOTS);
		b->rec[i].trampoline = spot_number(p->per_page, spots[i]);
	}
	ret = operate(w, p->t.fd, any_address(w, p), TRAMPFD_GET, &b->arg);
	failing = w->failing;
	ret = check(w, "TRAMPFD_GET", ret,
		    ERRORS(ENOMEM,
			   kind_of(p, spots[0]) == WILD ? ENOENT : ENOMEM));
	if (ret < 0)
		return;
	if (!ret || ret > n ||
	    (ret < n && kind_of(p, spots[ret]) != WILD && !failing))
		differs("TRAMPFD_GET of %ld gave %ld, and the next is of kind %d",
			n, ret, kind_of(p, spots[ret]));
	for (i = 0; i < ret; i++) {
		unsigned int version;

		take(b, i, &reg, &stack, &c);
		version = check_record(p, &c, spots[i]);
		if (kind_of(p, spots[i]) == STABLE)
			check_stable(p, spots[i], version);
		/* Only the last one, because the check uses the same room. */
		if (c.rec.flags & SEALED && i == ret - 1)
			check_sealed(w, p, spots[i], version);
	}
}

/* What is always set can't be missing between the first and the last that were read. */
static void check_complete(const struct pool *p, const struct batch *b,
			   long n, uint32_t first, uint32_t last)
{
	unsigned int spot;
	long i = 0;

	for (spot = 0; spot < NSPOTS; spot++) {
		uint32_t number = spot_number(p->per_page, spot);

		if (number < first || number > last || kind_of(p, spot) == WILD)
			continue;
		while (i < n && b->rec[i].trampoline < number)
			i++;
		if (i == n || b->rec[i].trampoline != number)
			differs("TRAMPFD_CONTEXTS_NEXT from %u to %u has left out %u",
				first, last, number);
	}
}

void pool_next(struct worker *w)
{
	long n = 1 + choose(&w->choices, 40), i, ret;
	unsigned int reg = 0, stack = 0;
	const unsigned int plenty = RECORDS * TRAMPFD_REGS_MAX;
	const struct pool *p = any_pool(w);
	struct batch *b = &w->batch;
	bool sizes = chance(&w->choices, 20), failing;
	uint32_t first = choose(&w->choices, p->t.attr.ntrampolines + 2);
	unsigned int room = chance(&w->choices, 20) ? choose(&w->choices, 100) : plenty;
	struct context c;

	if (chance(&w->choices, 50))
		first = 0;
	get_begin(w, n, room, TRAMPFD_CONTEXTS_NEXT |
			      (sizes ? TRAMPFD_CONTEXTS_SIZES : 0));
	b->rec[0].trampoline = first;
	ret = operate(w, p->t.fd, any_address(w, p), TRAMPFD_GET, &b->arg);
	failing = w->failing;
	ret = check(w, "TRAMPFD_CONTEXTS_NEXT", ret,
		    ERRORS(ENOMEM, room < plenty ? ENOSPC : ENOMEM,
			   first > p->t.attr.ntrampolines ? EINVAL : ENOMEM));
	if (ret < 0)
		return;
	if (ret > n)
		differs("TRAMPFD_CONTEXTS_NEXT gave %ld of %ld", ret, n);
	for (i = 0; i < ret; i++) {
		if (b->rec[i].trampoline < first ||
		    b->rec[i].trampoline >= p->t.attr.ntrampolines ||
		    (i && b->rec[i].trampoline <= b->rec[i - 1].trampoline))
			differs("TRAMPFD_CONTEXTS_NEXT from %u gave %u", first,
				b->rec[i].trampoline);
		if (sizes)
			continue;
		take(b, i, &reg, &stack, &c);
		check_record(p, &c, c.rec.trampoline);
	}
	if (failing || (ret < n && room < plenty))
		return;
	check_complete(p, b, ret, first,
		       ret < n ? UINT32_MAX : b->rec[ret - 1].trampoline);
}

/* A descriptor that changes nothing. */
void pool_readonly(struct worker *w)
{
	const struct pool *p = &pools[POOL_SHARED];
	uint32_t number = 0;
	struct trampfd_list list = {
		.trampolines = (uintptr_t)&number,
		.count = 1,
	};
	int fd;

	if (check(w, "TRAMPFD_READONLY of a private table",
		  operate(w, pools[POOL_FAULT].t.fd, NULL, TRAMPFD_READONLY, NULL),
		  ERRORS(EINVAL)) >= 0)
		differs("TRAMPFD_READONLY of a private table");
	fd = check(w, "TRAMPFD_READONLY",
		   operate(w, p->t.fd, NULL, TRAMPFD_READONLY, NULL),
		   ERRORS(EMFILE, ENFILE, ENOMEM));
	if (fd < 0)
		return;
	batch_begin(w);
	batch_add(w, &p->t, p->per_page, 1, 0, 0);
	if (check(w, "TRAMPFD_SET, read-only",
		  operate(w, fd, NULL, TRAMPFD_SET, &w->batch.arg),
		  ERRORS(EBADF)) >= 0 ||
	    check(w, "TRAMPFD_REMOVE, read-only",
		  operate(w, fd, NULL, TRAMPFD_REMOVE, &list), ERRORS(EBADF)) >= 0)
		differs("a read-only descriptor has changed the table");
	get_begin(w, 1, TRAMPFD_REGS_MAX * 16, 0);
	w->batch.rec[0].trampoline = 0;
	check(w, "TRAMPFD_GET, read-only",
	      operate(w, fd, NULL, TRAMPFD_GET, &w->batch.arg), ERRORS(ENOMEM));
	map_at(w, "mmap, read-only", p->loose, p->t.attr.map_size,
	       p->t.attr.map_prot, p->t.attr.map_flags | MAP_FIXED, fd,
	       p->t.attr.map_offset,
	       ERRORS(ENOMEM, EDQUOT, options.shared_anywhere ? ENOMEM : EINVAL));
	close(fd);
}
