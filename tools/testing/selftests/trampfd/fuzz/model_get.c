// SPDX-License-Identifier: GPL-2.0
/* Reading back what is in a table. */
#include <errno.h>
#include <string.h>

#include "model.h"

#define RECORDS_MAX	60
#define MARK		0x5a

/* What the kernel writes to, with more room than it is told of. */
static struct trampfd_record records[RECORDS_MAX + 1];
static struct trampfd_reg regs[RECORDS_MAX * TRAMPFD_REGS_MAX + 1];
static unsigned char stack[RECORDS_MAX * TRAMPFD_STACK_MAX + 64];

/* The record that the kernel has to fill in. */
static void slot_record(const struct slot *slot, const struct context *c,
			struct trampfd_record *rec)
{
	*rec = c->rec;
	rec->flags = (slot->sealed ? TRAMPFD_RECORD_SEALED : 0) |
		     (slot->fast ? TRAMPFD_RECORD_IDLE : 0);
}

static void check_record(const struct trampfd_record *got,
			 const struct trampfd_record *want, unsigned int i)
{
	if (!memcmp(got, want, sizeof(*got)))
		return;
	differs("record %u is {%u, %#x, %u, %u, %u, %u}, not {%u, %#x, %u, %u, %u, %u}",
		i, got->trampoline, got->flags, got->nregs, got->stack_size,
		got->stack_skip, got->reserved, want->trampoline, want->flags,
		want->nregs, want->stack_size, want->stack_skip, want->reserved);
}

/* What is left of the room. */
struct room {
	unsigned int nregs;
	unsigned int stack_size;
	unsigned int regs_used;
	unsigned int stack_used;
};

/* The registers come in the order in which they were set, the PC first. */
static bool check_contents(const struct context *c, struct room *room,
			   unsigned int trampoline)
{
	if (c->rec.nregs > room->nregs || c->rec.stack_size > room->stack_size)
		return false;
	if (memcmp(regs + room->regs_used, c->reg, c->rec.nregs * sizeof(regs[0])))
		differs("trampoline %u: other registers are read than were set",
			trampoline);
	if (memcmp(stack + room->stack_used, c->stack, c->rec.stack_size))
		differs("trampoline %u: other stack data is read than was set",
			trampoline);
	room->nregs -= c->rec.nregs;
	room->regs_used += c->rec.nregs;
	room->stack_size -= c->rec.stack_size;
	room->stack_used += c->rec.stack_size;
	return true;
}

static void check_untouched(const void *from, size_t n, const char *what)
{
	const unsigned char *byte = from;
	size_t i;

	for (i = 0; i < n && i < 64; i++)
		if (byte[i] != MARK)
			differs("TRAMPFD_GET has written behind the %s", what);
}

static unsigned int next_set(const struct known_table *t, unsigned int from)
{
	while (from < t->attr.ntrampolines && !t->contents->slot[from].is_set)
		from++;
	return from;
}

static void get_records(struct known_table *t, bool next)
{
	struct choices *c = &self.choices;
	const unsigned int n = 1 + choose(c, choose(c, 3) ? 4 : RECORDS_MAX);
	struct trampfd_contexts arg = {
		.records = (uintptr_t)records,
		.regs = (uintptr_t)regs,
		.stack = (uintptr_t)stack,
		.nrecords = n,
		.nregs = n * TRAMPFD_REGS_MAX,
		.stack_size = n * TRAMPFD_STACK_MAX,
		.flags = next ? TRAMPFD_CONTEXTS_NEXT : 0,
	};
	uint32_t number[RECORDS_MAX];
	unsigned int i, at, done = 0;
	int ret, error = 0;
	struct context ctx;
	struct room room;
	bool fewer;

	if (!choose(c, 4))
		arg.flags |= TRAMPFD_CONTEXTS_SIZES;
	else if (!choose(c, 4))
		arg.nregs = choose(c, arg.nregs);
	else if (!choose(c, 4))
		arg.stack_size = choose(c, arg.stack_size);
	memset(records, MARK, (n + 1) * sizeof(records[0]));
	memset(regs, MARK, (arg.nregs + 1) * sizeof(regs[0]));
	memset(stack, MARK, arg.stack_size + 64);
	for (i = 0; i < n; i++) {
		number[i] = any_trampoline(t);
		if (!next && !choose(c, 40))
			number[i] = t->attr.ntrampolines + choose(c, 3);
		else if (choose(c, 10))
			number[i] = next_set(t, number[i]) % t->attr.ntrampolines;
		records[i].trampoline = number[i];
	}
	if (next && !choose(c, 10)) {
		number[0] = t->attr.ntrampolines + choose(c, 2);
		records[0].trampoline = number[0];
	}

	if (!known_control(t, TRAMPFD_GET, &arg, &ret, &fewer))
		return;

	room = (struct room) { .nregs = arg.nregs, .stack_size = arg.stack_size };
	at = number[0];
	for (i = 0; i < n && !error; i++) {
		const struct slot *slot;
		struct trampfd_record want;

		if (!next)
			at = number[i];
		if (at > t->attr.ntrampolines || (!next && at == t->attr.ntrampolines)) {
			error = -EINVAL;
			break;
		}
		if (next)
			at = next_set(t, at);
		if (next && at == t->attr.ntrampolines)
			break;
		slot = &t->contents->slot[at];
		if (!slot->is_set) {
			error = -ENOENT;
			break;
		}
		slot_context(t, at, slot->seed, slot->pc, &ctx);
		slot_record(slot, &ctx, &want);
		check_record(&records[i], &want, i);
		if (!(arg.flags & TRAMPFD_CONTEXTS_SIZES) &&
		    !check_contents(&ctx, &room, at)) {
			error = -ENOSPC;
			i++;
			break;
		}
		done++;
		at++;
	}
	if (ret != (done || !error ? (int)done : error))
		differs("TRAMPFD_GET of %u, flags %u, gives %d, not %d (%d)", n,
			arg.flags, ret, done, error);
	if (ret < 0)
		count_refused();
	check_untouched(&records[n], sizeof(records[0]), "records");
	check_untouched(&regs[room.regs_used], sizeof(regs[0]), "registers");
	check_untouched(&stack[room.stack_used], 64, "stack data");
}

void do_get(void)
{
	struct known_table *t = any_table();

	if (!t)
		return;
	contents_lock(t);
	get_records(t, false);
	contents_unlock(t);
}

void do_get_next(void)
{
	struct known_table *t = any_table();

	/* To search the model of a large table takes longer than the kernel does. */
	if (!t || (t->attr.ntrampolines > 50000 && choose(&self.choices, 20)))
		return;
	contents_lock(t);
	get_records(t, true);
	contents_unlock(t);
}

static void get_allowed(struct known_table *t)
{
	const unsigned int room = choose(&self.choices, ALLOWED_MAX + 2);
	const unsigned int n = t->contents->nallowed;
	uint64_t pcs[ALLOWED_MAX + 2];
	struct trampfd_pcs arg = {
		.pcs = (uintptr_t)pcs,
		.count = room,
	};
	int ret, want;
	bool fewer;

	memset(pcs, MARK, sizeof(pcs));
	if (!known_control(t, TRAMPFD_GET_ALLOWED, &arg, &ret, &fewer))
		return;
	want = n > room ? -ENOSPC : (int)n;
	if (ret != want)
		differs("TRAMPFD_GET_ALLOWED with room for %u gives %d, not %d",
			room, ret, want);
	if (ret > 0 && memcmp(pcs, t->contents->allowed, n * sizeof(pcs[0])))
		differs("TRAMPFD_GET_ALLOWED gives other PCs than were allowed");
	check_untouched(pcs + (ret > 0 ? ret : 0), sizeof(pcs[0]), "PCs");
}

void do_get_allowed(void)
{
	struct known_table *t = any_table();

	if (!t)
		return;
	contents_lock(t);
	get_allowed(t);
	contents_unlock(t);
}

/* What fdinfo tells of the reader's own table. */
void do_fdinfo(void)
{
	struct known_table *t = any_table();
	long long set = -1, fast = -1, want_fast = 0;
	int fd, ret, ret_fast;
	unsigned int i;
	bool readonly;

	if (!t || choose(&self.choices, 4))
		return;
	fd = any_fd(t, false, &readonly);
	if (fd < 0)
		return;
	contents_lock(t);
	ret = fdinfo_number(fd, "trampfd-set:", &set);
	ret_fast = fdinfo_number(fd, "trampfd-fast:", &fast);
	count_operation();
	if (t->absent ? ret != -ENOENT : ret || set != t->contents->nset)
		differs("fdinfo says that %lld are set, not %u (%d)", set,
			t->contents->nset, ret);
	for (i = 0; t->attr.type == TRAMPFD_CODE && i < t->attr.ntrampolines; i++)
		want_fast += t->contents->slot[i].fast;
	if (t->absent || t->attr.type != TRAMPFD_CODE ? ret_fast != -ENOENT :
							ret_fast || fast != want_fast)
		differs("fdinfo says that %lld are fast, not %lld (%d)", fast,
			want_fast, ret_fast);
	contents_unlock(t);
}
