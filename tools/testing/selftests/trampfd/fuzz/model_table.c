// SPDX-License-Identifier: GPL-2.0
/* The tables that a process knows, and the contexts in them. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "model.h"

struct process self;
struct options options;

unsigned int table_index(const struct known_table *t)
{
	return t - self.table;
}

struct known_table *any_table(void)
{
	unsigned int i, first = choose(&self.choices, TABLES_MAX);

	for (i = 0; i < TABLES_MAX; i++) {
		struct known_table *t = &self.table[(first + i) % TABLES_MAX];

		if (t->exists)
			return t;
	}
	return NULL;
}

struct known_table *new_table(void)
{
	unsigned int i;

	for (i = 0; i < TABLES_MAX; i++)
		if (!self.table[i].exists)
			return &self.table[i];
	return NULL;
}

int any_fd(const struct known_table *t, bool writable, bool *readonly)
{
	unsigned int i, first = choose(&self.choices, FDS_MAX);

	for (i = 0; i < FDS_MAX; i++) {
		const struct known_fd *known = &t->fds[(first + i) % FDS_MAX];

		if (known->fd < 0 || (writable && known->readonly))
			continue;
		*readonly = known->readonly;
		return known->fd;
	}
	return -1;
}

void table_settle(struct known_table *t)
{
	unsigned int i;

	for (i = 0; i < FDS_MAX; i++)
		if (t->fds[i].fd >= 0)
			return;
	if (t->npages)
		return;
	munmap(t->contents, t->contents_size);
	t->exists = false;
}

void contents_lock(struct known_table *t)
{
	if (!t->shared)
		return;
	while (__atomic_exchange_n(&t->contents->lock, 1, __ATOMIC_ACQUIRE)) {
		/* Who has it may have ended with a report. */
		if (__atomic_load_n(&run->reports, __ATOMIC_RELAXED))
			_exit(FUZZ_DIFFERS);
		sched_yield();
	}
}

void contents_unlock(struct known_table *t)
{
	if (t->shared)
		__atomic_store_n(&t->contents->lock, 0, __ATOMIC_RELEASE);
}

/* Values in which a wrong width or sign shows. */
static unsigned long any_value(struct choices *c)
{
	static const unsigned long special[] = {
		0, 1, 0x7fffffffUL, 0x80000000UL, 0xffffffffUL, ~0UL,
		~0UL / 2, ~0UL / 2 + 1,
	};

	if (choose(c, 4))
		return choose_any(c);
	return special[choose(c, ARRAY_SIZE(special))];
}

static bool in_shape(const struct known_table *t, unsigned int reg)
{
	unsigned int i;

	for (i = 0; i < t->attr.shape_nregs; i++)
		if (t->attr.shape[i] == reg)
			return true;
	return false;
}

/* Registers beside the shape's: of 8 contexts, 5 have none or one. */
static void add_registers(const struct known_table *t, struct context *c,
			  struct choices *choices)
{
	const unsigned int sort = choose(choices, 8);
	const uint64_t some = choose_any(choices);
	size_t i;

	for (i = 0; i < t->attr.shape_nregs; i++)
		context_reg(c, t->attr.shape[i], any_value(choices));
	for (i = 0; i < arch_nsettable; i++) {
		const unsigned int reg = arch_settable[i].number;

		if (in_shape(t, reg))
			continue;
		if (sort == 7 || (sort >= 5 && some >> i & 1) ||
		    (sort >= 2 && t->attr.type == TRAMPFD_FAULT &&
		     reg == ARCH_DATA_REG))
			context_reg(c, reg, any_value(choices));
	}
}

void slot_context(const struct known_table *t, unsigned int trampoline,
		  uint64_t seed, uint64_t pc, struct context *c)
{
	const unsigned int align = ARCH_WORD;
	struct choices choices;
	unsigned int size, skip;

	choices_init(&choices, seed, NULL, 0);
	memset(c, 0, offsetof(struct context, stack));
	c->rec.trampoline = trampoline;
	context_reg(c, ARCH_PC, pc);
	add_registers(t, c, &choices);
	if (choose(&choices, 6))
		return;
	size = (1 + choose(&choices, TRAMPFD_STACK_MAX / align)) * align;
	skip = choose(&choices, 2) *
	       choose(&choices, TRAMPFD_STACK_SKIP_MAX / align) * align;
	/* The sum has to be a multiple, the parts need not be. */
	if (skip && choose(&choices, 2)) {
		size--;
		skip++;
	}
	context_stack(c, size, skip, seed);
}

bool fits_shape(const struct known_table *t, const struct context *c)
{
	return !c->rec.stack_size && c->rec.nregs == 1 + t->attr.shape_nregs;
}

uint64_t any_pc(void)
{
	struct choices *c = &self.choices;
	const struct known_table *t;
	uintptr_t addr;

	if (!options.chains || choose(c, 12))
		return arch_target(choose(c, ARCH_NTARGETS));
	t = any_table();
	addr = t ? mapped_address(t) : 0;
	if (!addr)
		return arch_target(0);
	/* Somewhere in that page. */
	return addr - addr % self.page_size +
	       choose(c, self.page_size / t->attr.stride) * t->attr.stride;
}

bool pc_allowed(const struct known_table *t, uint64_t pc)
{
	unsigned int i;

	if (!t->contents->nallowed)
		return true;
	for (i = 0; i < t->contents->nallowed; i++)
		if (t->contents->allowed[i] == pc)
			return true;
	return false;
}

/* Near each other, at the ends of chunks, or anywhere. */
unsigned int any_trampoline(const struct known_table *t)
{
	const unsigned int n = t->attr.ntrampolines;
	struct choices *c = &self.choices;

	switch (choose(c, 4)) {
	case 0:
		return choose(c, n);
	case 1:
		return (choose(c, n / 256 + 1) * 256 + choose(c, 3) + n - 1) % n;
	default:
		return choose(c, n < 40 ? n : 40);
	}
}

unsigned int any_recent(const struct known_table *t)
{
	const struct contents *contents = t->contents;
	unsigned int n = contents->nrecent < RECENT ? contents->nrecent : RECENT;

	if (!n || !choose(&self.choices, 5))
		return any_trampoline(t);
	return contents->recent[choose(&self.choices, n)];
}

static unsigned int any_size(void)
{
	struct choices *c = &self.choices;

	switch (choose(c, 16)) {
	case 0:
		return 1;
	case 1:
		return 256 + choose(c, 3) - 1;
	case 2:
		return 1 + choose(c, 20000);
	case 3:
		/* A million is only for tables that nobody has to map as a whole. */
		return choose(c, 8) ? 5000 : TRAMPFD_TRAMPOLINES_MAX;
	default:
		return 1 + choose(c, 1500);
	}
}

/* What trampfd_create() has to say of an attr that is wrong in one thing. */
static void create_wrongly(struct trampfd_attr attr, unsigned int flags)
{
	size_t size = sizeof(attr);
	int want = -EINVAL, ret;

	switch (choose(&self.choices, 9)) {
	case 0:
		attr.ntrampolines = 0;
		break;
	case 1:
		attr.ntrampolines = TRAMPFD_TRAMPOLINES_MAX + 1;
		break;
	case 2:
		attr.type = 2 + choose(&self.choices, 100);
		break;
	case 3:
		attr.reserved = 1;
		break;
	case 4:
		flags |= 2 << choose(&self.choices, 30);
		break;
	case 5:
		size = choose(&self.choices, TRAMPFD_ATTR_SIZE_VER0);
		break;
	case 6:
		size = self.page_size + 1;
		want = -E2BIG;
		break;
	case 7:
		if (attr.type == TRAMPFD_CODE)
			attr.shape_nregs = TRAMPFD_SHAPE_MAX + 1;
		else
			attr.shape[choose(&self.choices, TRAMPFD_SHAPE_MAX)] = 1;
		break;
	default:
		if (attr.type == TRAMPFD_CODE)
			flags |= TRAMPFD_SHARED;
		else
			attr.shape_nregs = 1;
		break;
	}
	ret = create(&attr, size, flags);
	count_operation();
	if (ret != want)
		differs("create with a wrong argument gives %d, not %d", ret, want);
	count_refused();
}

void do_create(void)
{
	struct choices *c = &self.choices;
	struct known_table *t = new_table();
	struct trampfd_attr attr = { .ntrampolines = any_size() };
	unsigned int flags = choose(c, 5) ? 0 : TRAMPFD_SHARED;
	unsigned int i, k;
	int ret;

	if (!t)
		return;
	if (flags && !options.shared_anywhere)
		flags = 0;
	if (!flags && options.code && choose(c, 2)) {
		attr.type = TRAMPFD_CODE;
		attr.shape_nregs = choose(c, SHAPE_REGS + 1);
		for (k = 0; k < attr.shape_nregs; k++)
			attr.shape[k] = shape_reg(k);
		if (attr.ntrampolines > 20000)
			attr.ntrampolines = 20000;
	}
	if (!choose(c, 12)) {
		create_wrongly(attr, flags);
		return;
	}
	inject_arm();
	ret = create(&attr, sizeof(attr), flags);
	count_operation();
	if (short_of_memory(inject_fired(), ret)) {
		count_refused();
		return;
	}
	if (ret < 0)
		differs("create of type %u with %u trampolines, flags %u: %d",
			attr.type, attr.ntrampolines, flags, ret);

	memset(t, 0, sizeof(*t));
	t->attr = attr;
	t->shared = flags;
	t->contents_size = sizeof(*t->contents) +
			   attr.ntrampolines * sizeof(struct slot);
	t->contents = mmap(NULL, t->contents_size, PROT_READ | PROT_WRITE,
			   (t->shared ? MAP_SHARED : MAP_PRIVATE) |
			   MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->contents == MAP_FAILED) {
		close(ret);
		return;
	}
	t->exists = true;
	for (i = 0; i < FDS_MAX; i++)
		t->fds[i].fd = -1;
	t->fds[0].fd = ret;
}

void do_close(void)
{
	struct known_table *t = any_table();
	struct known_fd *known;

	if (!t)
		return;
	known = &t->fds[choose(&self.choices, FDS_MAX)];
	if (known->fd < 0)
		return;
	close(known->fd);
	count_operation();
	known->fd = -1;
	table_settle(t);
}

void do_dup(void)
{
	struct known_table *t = any_table();
	struct known_fd *to;
	bool readonly;
	int fd;

	if (!t)
		return;
	to = &t->fds[choose(&self.choices, FDS_MAX)];
	fd = any_fd(t, false, &readonly);
	if (fd < 0 || to->fd >= 0)
		return;
	to->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	count_operation();
	if (to->fd < 0)
		differs("dup: errno %d", errno);
	to->readonly = readonly;
}
