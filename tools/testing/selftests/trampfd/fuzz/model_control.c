// SPDX-License-Identifier: GPL-2.0
/* Operations that change what is in a table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model.h"

/* Records of a call: mostly few. */
#define RECORDS_MAX	200

static unsigned int any_count(void)
{
	struct choices *c = &self.choices;

	switch (choose(c, 8)) {
	case 0:
		return 1 + choose(c, RECORDS_MAX);
	case 1:
	case 2:
		return 1 + choose(c, 20);
	default:
		return 1 + choose(c, 3);
	}
}

/* An address in the arena that is no table's; 0 if the first tries find none. */
static uintptr_t foreign_address(void)
{
	unsigned int tries, i;

	for (tries = 0; tries < 8; tries++) {
		i = choose(&self.choices, self.npages);
		if (self.pages[i].kind < TRAMPOLINES)
			return (uintptr_t)self.arena + i * self.page_size;
	}
	return 0;
}

static void refused(unsigned long op, int ret, int want)
{
	if (ret != want)
		differs("operation %#lx gives %d, not %d", op, ret, want);
	count_refused();
}

/* Make the call; true if what it gives depends on what is in the table. */
static bool make_call(struct known_table *t, unsigned long op, void *arg, bool writes,
		      int *ret)
{
	const uintptr_t addr = mapped_address(t);
	uintptr_t foreign;
	bool readonly;
	int fd;

	if (addr && (!t->shared || !choose(&self.choices, 20)) &&
	    choose(&self.choices, 2)) {
		*ret = control_at((void *)addr, op, arg, 0);
		count_operation();
		if (t->shared)
			refused(op, *ret, -EPERM);
		return !t->shared;
	}
	foreign = choose(&self.choices, 50) ? 0 : foreign_address();
	if (foreign) {
		*ret = control_at((void *)foreign, op, arg, 0);
		count_operation();
		refused(op, *ret, -ENXIO);
		return false;
	}
	fd = any_fd(t, writes && choose(&self.choices, 10), &readonly);
	if (fd < 0)
		return false;
	*ret = control_fd(fd, op, arg);
	count_operation();
	if (readonly && writes)
		refused(op, *ret, -EBADF);
	else if (t->absent)
		refused(op, *ret, -EPERM);
	else
		return true;
	return false;
}

bool known_control(struct known_table *t, unsigned long op, void *arg, int *ret,
		   bool *fewer)
{
	const bool reads = op == TRAMPFD_GET || op == TRAMPFD_GET_ALLOWED;
	/* These need memory that counts for the user. */
	const bool charged = op == TRAMPFD_SET || op == TRAMPFD_ALLOW;
	bool compare, fired;

	inject_arm();
	compare = make_call(t, op, arg, !reads, ret);
	fired = inject_fired();
	if (!compare)
		return false;
	*fewer = fired || (charged && options.limit);
	if (charged ? short_of_memory(fired, *ret) : fired && *ret == -ENOMEM) {
		count_refused();
		return false;
	}
	return true;
}

/*
 * An array for the kernel to read.  It ends where a page ends that nobody may read
 * behind, so that one byte too many is seen; of a short one, the end is not there.
 */
struct array {
	char *mem;
	size_t size;
	/* Where it begins, and how much of it is there. */
	char *at;
	size_t there;
};

static void array_init(struct array *a, size_t size)
{
	const size_t page = self.page_size;

	if (a->mem)
		return;
	a->size = (size + page - 1) / page * page;
	a->mem = mmap(NULL, a->size + page, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a->mem == MAP_FAILED || mprotect(a->mem + a->size, page, PROT_NONE))
		differs("no memory for an array");
}

/* @missing bytes at its end are not there. */
static void array_place(struct array *a, size_t size, size_t missing)
{
	if (missing > size)
		missing = size;
	a->there = size - missing;
	a->at = a->mem + a->size - a->there;
}

static void array_put(struct array *a, size_t offset, const void *from, size_t n)
{
	if (offset >= a->there)
		return;
	memcpy(a->at + offset, from, n < a->there - offset ? n : a->there - offset);
}

static struct array records_array, regs_array, stack_array;

/* What is to be set, and what is wrong with it. */
struct wanted {
	struct context context;
	uint64_t seed;
	uint64_t pc;
	int error;
	/* Where the record's part of each array ends. */
	size_t regs_end;
	size_t stack_end;
};

static struct wanted wanted[RECORDS_MAX];

/* Make one thing wrong that TRAMPFD_SET has to find. */
static void spoil_record(const struct known_table *t, struct wanted *w)
{
	struct trampfd_record *rec = &w->context.rec;
	struct trampfd_reg *reg = w->context.reg;
	struct choices *c = &self.choices;
	const unsigned int i = choose(c, rec->nregs);

	w->error = -EINVAL;
	switch (choose(c, 14)) {
	case 0:
		rec->trampoline = t->attr.ntrampolines + choose(c, 3);
		break;
	case 1:
		rec->flags |= 4U << choose(c, 29);
		break;
	case 2:
		rec->reserved = 1 + choose(c, 100);
		break;
	case 3:
		rec->nregs = 0;
		break;
	case 4:
		reg[i].flags = 1U << choose(c, 32);
		break;
	case 5:
		/* Another register's name is gone, too. */
		if (rec->nregs > 1)
			reg[i].name = reg[(i + 1) % rec->nregs].name;
		else
			reg[i].name = ARCH_DATA_REG;
		break;
	case 6:
		reg[i].name = arch_refused[choose(c, arch_nrefused)].number;
		break;
	case 7:
		rec->stack_size = TRAMPFD_STACK_MAX + ARCH_WORD;
		rec->stack_skip = 0;
		break;
	case 8:
		if (!rec->stack_size)
			context_stack(&w->context, ARCH_WORD, 0, 1);
		rec->stack_skip = TRAMPFD_STACK_SKIP_MAX + 2 * ARCH_WORD -
				  (TRAMPFD_STACK_SKIP_MAX + rec->stack_size) % ARCH_WORD;
		break;
	case 9:
		if (rec->stack_size)
			rec->stack_skip++;
		else
			rec->stack_skip = ARCH_WORD;
		break;
	case 10:
		for (unsigned int k = 0; k < rec->nregs; k++)
			if (reg[k].name == ARCH_PC)
				reg[k].value = ~0ULL;
		break;
	case 11:
		rec->nregs = TRAMPFD_REGS_MAX + 1;
		break;
	case 12:
		if (sizeof(long) == 8)
			rec->flags |= 8;
		else
			reg[i].value |= 1ULL << (32 + choose(c, 32));
		break;
	default:
		/* Its trampoline may be sealed: that is for later to see. */
		w->error = 0;
		break;
	}
}

static void make_record(const struct known_table *t, struct wanted *w)
{
	struct choices *c = &self.choices;
	const unsigned int number = choose(c, 3) ? any_trampoline(t) : any_recent(t);
	const struct slot *slot = &t->contents->slot[number];
	struct trampfd_reg reg;
	unsigned int i;

	w->error = 0;
	w->seed = choose_any(c);
	w->pc = any_pc();
	/* The same values and another PC keep a trampoline in the fast lane. */
	if (slot->is_set && !choose(c, 3))
		w->seed = slot->seed;
	slot_context(t, number, w->seed, w->pc, &w->context);
	if (choose(c, 2))
		w->context.rec.flags |= TRAMPFD_RECORD_IDLE;
	if (!choose(c, 25))
		w->context.rec.flags |= TRAMPFD_RECORD_SEALED;
	/* The PC may come at any place. */
	i = choose(c, w->context.rec.nregs);
	reg = w->context.reg[0];
	memmove(w->context.reg, w->context.reg + 1, i * sizeof(reg));
	w->context.reg[i] = reg;
}

static bool same_values(const struct known_table *t, const struct context *a,
			const struct context *b)
{
	unsigned int i, k;

	for (i = 0; i < t->attr.shape_nregs; i++) {
		uint64_t value[2] = { 0, 1 };

		for (k = 0; k < a->rec.nregs; k++)
			if (a->reg[k].name == t->attr.shape[i])
				value[0] = a->reg[k].value;
		for (k = 0; k < b->rec.nregs; k++)
			if (b->reg[k].name == t->attr.shape[i])
				value[1] = b->reg[k].value;
		if (value[0] != value[1])
			return false;
	}
	return true;
}

/* Is it in the fast lane when this is set? */
static bool gets_fast(const struct known_table *t, const struct slot *slot,
		      const struct wanted *w)
{
	struct context old;

	if (t->attr.type != TRAMPFD_CODE || !fits_shape(t, &w->context))
		return false;
	if (w->context.rec.flags & TRAMPFD_RECORD_IDLE)
		return true;
	if (!slot->is_set || !slot->fast)
		return false;
	slot_context(t, w->context.rec.trampoline, slot->seed, slot->pc, &old);
	return same_values(t, &old, &w->context);
}

/* What the kernel has to do with it; 0 or why not. */
static int apply_record(struct known_table *t, const struct wanted *w)
{
	struct slot *slot = &t->contents->slot[w->context.rec.trampoline];

	if (slot->sealed || !pc_allowed(t, w->pc))
		return -EPERM;
	if (!slot->is_set)
		t->contents->recent[t->contents->nrecent++ % RECENT] =
			w->context.rec.trampoline;
	slot->fast = gets_fast(t, slot, w);
	t->contents->nset += !slot->is_set;
	slot->is_set = true;
	slot->seed = w->seed;
	slot->pc = w->pc;
	slot->sealed = w->context.rec.flags & TRAMPFD_RECORD_SEALED;
	return 0;
}

/* Put the records into the arrays, of which some end too early. */
static void lay_out(struct trampfd_contexts *arg, unsigned int n)
{
	size_t regs = 0, stack = 0, missing[3] = { 0 };
	struct choices *c = &self.choices;
	unsigned int i;

	for (i = 0; i < n; i++) {
		const struct trampfd_record *rec = &wanted[i].context.rec;

		regs += rec->nregs * sizeof(struct trampfd_reg);
		stack += rec->stack_size;
		wanted[i].regs_end = regs;
		wanted[i].stack_end = stack;
	}
	*arg = (struct trampfd_contexts) {
		.nrecords = n,
		.nregs = regs / sizeof(struct trampfd_reg),
		.stack_size = stack,
	};
	if (!choose(c, 12))
		missing[choose(c, 3)] = 1 + choose(c, 100);
	array_place(&records_array, n * sizeof(struct trampfd_record), missing[0]);
	array_place(&regs_array, regs, missing[1]);
	array_place(&stack_array, stack, missing[2]);
	for (i = 0; i < n; i++) {
		const struct context *ctx = &wanted[i].context;
		const size_t regs_size = ctx->rec.nregs * sizeof(ctx->reg[0]);

		array_put(&records_array, i * sizeof(ctx->rec), &ctx->rec,
			  sizeof(ctx->rec));
		array_put(&regs_array, wanted[i].regs_end - regs_size, ctx->reg,
			  regs_size);
		array_put(&stack_array, wanted[i].stack_end - ctx->rec.stack_size,
			  ctx->stack, ctx->rec.stack_size);
		if ((i + 1) * sizeof(ctx->rec) > records_array.there)
			wanted[i].error = wanted[i].error ? 1 : -EFAULT;
		else if (wanted[i].regs_end > regs_array.there ||
			 wanted[i].stack_end > stack_array.there)
			/* Of two errors, either is right. */
			wanted[i].error = wanted[i].error ? 1 : -EFAULT;
	}
	arg->records = (uintptr_t)records_array.at;
	arg->regs = (uintptr_t)regs_array.at;
	arg->stack = (uintptr_t)stack_array.at;
	/* Or the caller says that there are fewer. */
	if (!choose(c, 20) && arg->nregs) {
		arg->nregs -= 1 + choose(c, arg->nregs);
		for (i = 0; i < n; i++)
			if (wanted[i].regs_end > arg->nregs * sizeof(struct trampfd_reg))
				wanted[i].error = wanted[i].error ? 1 : -EINVAL;
	} else if (!choose(c, 20) && arg->stack_size) {
		arg->stack_size -= 1 + choose(c, arg->stack_size);
		for (i = 0; i < n; i++)
			if (wanted[i].context.rec.stack_size &&
			    wanted[i].stack_end > arg->stack_size)
				wanted[i].error = wanted[i].error ? 1 : -EINVAL;
	}
}

/* How many elements it had to do, and why no more. */
struct outcome {
	unsigned int done;
	int error;
};

static void check_outcome(const char *what, const struct outcome *want, int ret,
			  unsigned int n)
{
	bool same;

	if (ret < 0)
		count_refused();
	if (want->done)
		same = ret == (int)want->done;
	else if (want->error == 1)
		/* Any of the errors that an element can have. */
		same = ret == -EFAULT || ret == -EINVAL;
	else
		same = ret == want->error;
	if (!same)
		differs("%s of %u gives %d, not %d", what, n, ret,
			want->done ? (int)want->done : want->error);
}

static void set_records(struct known_table *t, unsigned int n)
{
	struct outcome want = { .error = 0 };
	struct trampfd_contexts arg;
	unsigned int i;
	bool fewer;
	int ret;

	for (i = 0; i < n; i++)
		make_record(t, &wanted[i]);
	if (!choose(&self.choices, 5))
		spoil_record(t, &wanted[choose(&self.choices, n)]);
	lay_out(&arg, n);

	if (!known_control(t, TRAMPFD_SET, &arg, &ret, &fewer))
		return;
	/* Each record may depend on those before it, so they are done in their order. */
	for (i = 0; i < n && !want.error && !(fewer && (int)i == ret); i++) {
		want.error = wanted[i].error ?: apply_record(t, &wanted[i]);
		want.done += !want.error;
	}
	check_outcome("TRAMPFD_SET", &want, ret, n);
}

void do_set(void)
{
	struct known_table *t = any_table();

	if (!t)
		return;
	array_init(&records_array, RECORDS_MAX * sizeof(struct trampfd_record));
	array_init(&regs_array, RECORDS_MAX * (TRAMPFD_REGS_MAX + 1) *
				sizeof(struct trampfd_reg));
	array_init(&stack_array, RECORDS_MAX * (TRAMPFD_STACK_MAX + 64));
	contents_lock(t);
	set_records(t, any_count());
	contents_unlock(t);
}

static int remove_slot(struct slot *slot, struct contents *contents)
{
	if (!slot->is_set)
		return -ENOENT;
	if (slot->sealed)
		return -EPERM;
	memset(slot, 0, sizeof(*slot));
	contents->nset--;
	return 0;
}

static int seal_slot(struct slot *slot, struct contents *contents)
{
	if (!slot->is_set)
		return -ENOENT;
	slot->sealed = true;
	return 0;
}

static void change_list(struct known_table *t, const char *name, unsigned long op,
			int (*change)(struct slot *slot, struct contents *contents))
{
	const unsigned int n = any_count();
	struct outcome want = { .error = 0 };
	struct trampfd_list arg = { .count = n };
	uint32_t list[RECORDS_MAX];
	size_t missing = 0;
	unsigned int i;
	bool fewer;
	int ret;

	for (i = 0; i < n; i++)
		list[i] = any_recent(t);
	if (!choose(&self.choices, 8))
		list[choose(&self.choices, n)] = t->attr.ntrampolines +
						 choose(&self.choices, 2);
	if (!choose(&self.choices, 12))
		missing = 1 + choose(&self.choices, 20);
	array_init(&records_array, RECORDS_MAX * sizeof(struct trampfd_record));
	array_place(&records_array, n * sizeof(list[0]), missing);
	array_put(&records_array, 0, list, n * sizeof(list[0]));
	arg.trampolines = (uintptr_t)records_array.at;

	if (!known_control(t, op, &arg, &ret, &fewer))
		return;
	for (i = 0; i < n && !want.error && !(fewer && (int)i == ret); i++) {
		if ((i + 1) * sizeof(list[0]) > records_array.there)
			want.error = -EFAULT;
		else if (list[i] >= t->attr.ntrampolines)
			want.error = -EINVAL;
		else
			want.error = change(&t->contents->slot[list[i]], t->contents);
		want.done += !want.error;
	}
	check_outcome(name, &want, ret, n);
}

void do_remove(void)
{
	struct known_table *t = any_table();

	if (!t)
		return;
	contents_lock(t);
	change_list(t, "TRAMPFD_REMOVE", TRAMPFD_REMOVE, remove_slot);
	contents_unlock(t);
}

void do_seal(void)
{
	struct known_table *t = any_table();

	if (!t)
		return;
	contents_lock(t);
	change_list(t, "TRAMPFD_SEAL", TRAMPFD_SEAL, seal_slot);
	contents_unlock(t);
}

static int compare_pcs(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool in_list(const uint64_t *pcs, unsigned int n, uint64_t pc)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (pcs[i] == pc)
			return true;
	return false;
}

static void allow_pcs(struct known_table *t)
{
	const unsigned int n = 1 + choose(&self.choices, ALLOWED_MAX);
	struct contents *contents = t->contents;
	struct trampfd_pcs arg = { .count = n };
	uint64_t pcs[ALLOWED_MAX];
	int ret, want = 0;
	unsigned int i;
	bool fewer;

	/* All targets most of the time, or little can be set afterwards. */
	for (i = 0; i < n; i++)
		pcs[i] = i < ARCH_NTARGETS && choose(&self.choices, 8) ?
			 arch_target(i) : any_pc();
	arg.pcs = (uintptr_t)pcs;
	for (i = 0; i < t->attr.ntrampolines && !want && contents->nset; i++)
		if (contents->slot[i].is_set && !in_list(pcs, n, contents->slot[i].pc))
			want = -EPERM;
	if (contents->nallowed)
		want = -EPERM;
	if (!choose(&self.choices, 6)) {
		want = -EINVAL;
		if (choose(&self.choices, 2))
			arg.count = choose(&self.choices, 2) ? 0 : TRAMPFD_PCS_MAX + 1;
		else
			arg.flags = 1U << choose(&self.choices, 32);
	}

	if (!known_control(t, TRAMPFD_ALLOW, &arg, &ret, &fewer))
		return;
	if (ret != want)
		differs("TRAMPFD_ALLOW of %u gives %d, not %d", n, ret, want);
	if (ret) {
		count_refused();
		return;
	}
	qsort(pcs, n, sizeof(pcs[0]), compare_pcs);
	memcpy(contents->allowed, pcs, n * sizeof(pcs[0]));
	contents->nallowed = n;
}

void do_allow(void)
{
	struct known_table *t = any_table();

	/* Tables without a limit are worth more. */
	if (!t || choose(&self.choices, 3))
		return;
	contents_lock(t);
	allow_pcs(t);
	contents_unlock(t);
}

void do_readonly(void)
{
	struct known_table *t = any_table();
	struct known_fd *to;
	bool readonly, fired;
	int fd, ret;

	if (!t)
		return;
	to = &t->fds[choose(&self.choices, FDS_MAX)];
	fd = any_fd(t, false, &readonly);
	if (fd < 0 || to->fd >= 0)
		return;
	inject_arm();
	ret = control_fd(fd, TRAMPFD_READONLY, NULL);
	count_operation();
	fired = inject_fired();
	if (fired && ret == -ENOMEM)
		return;
	if (t->shared ? ret < 0 : ret != -EINVAL)
		differs("TRAMPFD_READONLY gives %d", ret);
	if (ret < 0)
		return;
	to->fd = ret;
	to->readonly = true;
}
