// SPDX-License-Identifier: GPL-2.0
/* Calls of trampolines, and of what is none, with every register compared. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

#define STACK_PAGES	8
#define LAYERS		8

/* Must whoever goes to a code entry have its address in a register? */
#ifdef ARCH_ENTRY_REG
#define ENTRY_NEEDED	true
#else
#define ENTRY_NEEDED	false
#endif

/* Stack data that a call pushes. */
struct layer {
	unsigned long sp;
	unsigned int size;
	unsigned char data[TRAMPFD_STACK_MAX];
};

/* What a call has to do. */
struct expected {
	/* All registers that it loads. */
	struct context loads;
	struct layer layer[LAYERS];
	unsigned int nlayers;
	unsigned long sp;
	/* Where it gets to. */
	uintptr_t pc;
	/* SIGSEGV there: SEGV_MAPERR or SEGV_ACCERR; 0 if not. */
	int code;
	/* Of the stack: the fault's address is there, and the PC at the trampoline. */
	bool stack_fault;
	/* The table whose code may have changed the registers of its shape. */
	const struct known_table *changed;
	/* A code entry that has no data: the kernel may not give its page. */
	bool no_data;
	bool touched;
};

void calls_init(void)
{
	unsigned int i;

	if (stack_open(&self.stack, STACK_PAGES))
		differs("no memory for a stack");
	for (i = 0; i < ARRAY_SIZE(self.in); i++)
		arch_fill(&self.in[i], stack_pointer(&self.stack, self.stack.size - 4096),
			  i);
}

static void load(struct context *c, unsigned int name, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < c->rec.nregs; i++) {
		if (c->reg[i].name == name) {
			c->reg[i].value = value;
			return;
		}
	}
	context_reg(c, name, value);
}

#ifdef ARCH_TARGET_REG
static bool names_target(const struct context *c)
{
	unsigned int i;

	for (i = 0; i < c->rec.nregs; i++)
		if (c->reg[i].name == ARCH_TARGET_REG)
			return true;
	return false;
}
#endif

/* Apply a context: where it goes on, or 0 if the stack can't take its data. */
static uintptr_t apply(const struct known_table *t, const struct context *c,
		       struct expected *e)
{
	const uintptr_t bottom = (uintptr_t)self.stack.mem;
	unsigned int i;

	if (c->rec.stack_size) {
		struct layer *layer = &e->layer[e->nlayers];

		if (e->sp - c->rec.stack_skip - c->rec.stack_size < bottom)
			return 0;
		e->sp -= c->rec.stack_skip + c->rec.stack_size;
		layer->sp = e->sp;
		layer->size = c->rec.stack_size;
		memcpy(layer->data, c->stack, layer->size);
		e->nlayers++;
	}
	for (i = 0; i < c->rec.nregs; i++)
		if (c->reg[i].name != ARCH_PC)
			load(&e->loads, c->reg[i].name, c->reg[i].value);
#ifdef ARCH_TARGET_REG
	/* Both entries of a table with code leave the PC there. */
	if (t->attr.type == TRAMPFD_CODE && !names_target(c))
		load(&e->loads, ARCH_TARGET_REG, c->reg[0].value);
#endif
	e->changed = NULL;
	return c->reg[0].value;
}

static bool faults(struct expected *e, uintptr_t pc, int code)
{
	e->pc = pc;
	e->code = code;
	return true;
}

/* The trampoline at an offset in a part; false if there is none that is set. */
static bool find_slot(const struct known_table *t, size_t offset,
		      unsigned int *number)
{
	*number = offset / t->attr.stride;
	return !(offset % t->attr.stride) && *number < t->attr.ntrampolines &&
	       t->contents->slot[*number].is_set;
}

/*
 * A code entry: true if it is known what it does.  @pc becomes where it goes, 0 if
 * nowhere.
 */
static bool enter_code(const struct known_table *t, struct expected *e,
		       uintptr_t *pc)
{
	const size_t to_data = t->attr.data_offset - t->attr.code_offset;
	const struct page *page = page_at(*pc + to_data);
	struct context c;
	unsigned int number;
	size_t offset;

	if (*pc % t->attr.stride)
		return false;
	if (!page || page->kind != DATA) {
		/* Nothing can be read there, if it is not another table's code. */
		if (page && page->kind == CODE)
			return false;
		e->no_data = true;
		e->touched = page_at(*pc)->touched;
		e->pc = *pc;
		*pc = 0;
		return true;
	}
	page_at(*pc)->touched = true;
	/* Another table's, where this one's was: only pages that are there already go on. */
	if (page->table != table_index(t))
		return false;
	offset = *pc - t->base - t->attr.code_offset;
	if (find_slot(t, offset, &number) && t->contents->slot[number].fast) {
		const struct slot *slot = &t->contents->slot[number];

		slot_context(t, number, slot->seed, slot->pc, &c);
		*pc = apply(t, &c, e);
		return true;
	}
	/* The fault entry, which may be anything now. */
	e->changed = t;
	*pc = t->base + offset;
	return true;
}

/* What a call of @pc does; false if the model can't know. */
static bool expect(uintptr_t pc, unsigned long sp, struct expected *e)
{
	unsigned int turns;

	memset(e, 0, offsetof(struct expected, layer));
	e->loads.rec.nregs = 0;
	e->nlayers = 0;
	e->sp = sp;
	e->code = 0;
	e->stack_fault = false;
	e->changed = NULL;
	e->no_data = false;

	for (turns = 0; turns < LAYERS; turns++) {
		const struct page *page = page_at(pc);
		const struct known_table *t;
		struct context c;
		unsigned int number;
		uintptr_t next;
		size_t offset;

		if (!page) {
			e->pc = pc;
			return true;
		}
		if (options.stale && page->stale)
			return false;
		t = &self.table[page->table];
		offset = page->offset * self.page_size + pc % self.page_size;
		switch (page->kind) {
		case HOLE:
			return faults(e, pc, SEGV_MAPERR);
		case PLAIN:
		case READABLE:
		case DATA:
			return faults(e, pc, SEGV_ACCERR);
		case CODE:
			if (turns && ENTRY_NEEDED)
				return false;
			if (!enter_code(t, e, &pc))
				return false;
			if (!pc)
				return true;
#ifdef ARCH_JUMP_REG
			/* It still has the address of the trampoline that comes next. */
			if (!e->changed && page_at(pc))
				return false;
#endif
			break;
		default:
			if (!find_slot(t, offset, &number))
				return faults(e, pc, SEGV_ACCERR);
			/* Another table's, which need not set what the code has changed. */
			if (e->changed && e->changed != t)
				return false;
			slot_context(t, number, t->contents->slot[number].seed,
				     t->contents->slot[number].pc, &c);
			next = apply(t, &c, e);
			if (!next) {
				e->stack_fault = true;
				return faults(e, pc, 0);
			}
			pc = next;
			break;
		}
	}
	/* A chain that is long, or ends nowhere. */
	return false;
}

static void check_stack(const struct expected *e, uintptr_t entry)
{
	unsigned int i;

	for (i = 0; i < e->nlayers; i++)
		if (memcmp((void *)e->layer[i].sp, e->layer[i].data, e->layer[i].size))
			differs("call of %#lx: other bytes on the stack at %#lx than were set",
				(long)entry, e->layer[i].sp);
}

static void check_fault(struct expected *e, const struct cpu_state *in,
			uintptr_t entry)
{
	const uintptr_t addr = (uintptr_t)trap.addr;
	unsigned int i;

	if (e->no_data) {
		/* Of a page that it has given, the kernel does not hear any more. */
		if (trap.signo == SIGBUS ? trap.addr != (void *)ARCH_FAULT_ADDR(e->pc) :
					   trap.signo != SIGSEGV || !e->touched)
			differs("call of %#lx, code without data: signal %d at %p",
				(long)entry, trap.signo, trap.addr);
		return;
	}
	if (trap.signo != SIGSEGV)
		differs("call of %#lx: signal %d instead of SIGSEGV", (long)entry,
			trap.signo);
	if (e->stack_fault) {
		if (addr < (uintptr_t)self.stack.mem - self.page_size ||
		    addr >= (uintptr_t)self.stack.mem + self.stack.size)
			differs("call of %#lx: SIGSEGV at %#lx instead of in the stack",
				(long)entry, (long)addr);
	} else if (trap.code != e->code || trap.addr != (void *)ARCH_FAULT_ADDR(e->pc)) {
		differs("call of %#lx: SIGSEGV with code %d at %#lx, not code %d at %#lx",
			(long)entry, trap.code, (long)addr, e->code, (long)e->pc);
	}
	if (trap.state.reg[ARCH_PC] != e->pc)
		differs("call of %#lx: SIGSEGV with the PC %#lx, not %#lx", (long)entry,
			trap.state.reg[ARCH_PC], (long)e->pc);
	if (trap.state.reg[ARCH_SP] != e->sp)
		differs("call of %#lx: SIGSEGV with the stack pointer %#lx, not %#lx",
			(long)entry, trap.state.reg[ARCH_SP], e->sp);
	for (i = 0; e->changed && i < e->changed->attr.shape_nregs; i++)
		load(&e->loads, e->changed->attr.shape[i],
		     trap.state.reg[e->changed->attr.shape[i]]);
#ifdef ARCH_TARGET_REG
	if (e->changed)
		load(&e->loads, ARCH_TARGET_REG, trap.state.reg[ARCH_TARGET_REG]);
#endif
	if (!state_kept(in, &trap.state, &e->loads))
		differs("call of %#lx: SIGSEGV with changed registers", (long)entry);
}

/* @sp is the stack pointer before the call instruction. */
static void check_call(uintptr_t entry, enum code_way way, unsigned long sp)
{
	struct cpu_state *in = &self.in[choose(&self.choices, ARRAY_SIZE(self.in))];
	static struct expected e;
	struct cpu_state out;
	int target, signo;

	if (!expect(entry, sp - ARCH_CALL_PUSH, &e))
		return;
	in->reg[ARCH_SP] = sp;
	signo = code_run(in, (void *)entry, way, &out, &target);
	count_call();
	if (e.code || e.stack_fault || e.no_data) {
		check_fault(&e, in, entry);
		return;
	}
	if (signo)
		differs("call of %#lx: signal %d at %p with the PC %#lx", (long)entry,
			signo, trap.addr, trap.state.reg[ARCH_PC]);
	if (target < 0 || arch_target(target) != e.pc)
		differs("call of %#lx: it got to target %d, not to %#lx", (long)entry,
			target, (long)e.pc);
	if (out.reg[ARCH_SP] != e.sp)
		differs("call of %#lx: stack pointer %#lx, not %#lx", (long)entry,
			out.reg[ARCH_SP], e.sp);
	check_stack(&e, entry);
	if (!state_kept(in, &out, &e.loads))
		differs("call of %#lx: wrong registers", (long)entry);
}

/* An entry of the table: mostly of a trampoline that is set, by either way. */
static uintptr_t any_entry(const struct known_table *t)
{
	size_t offset = (size_t)any_recent(t) * t->attr.stride;

	if (t->attr.type == TRAMPFD_CODE && choose(&self.choices, 3))
		offset += t->attr.code_offset;
	return offset_address(t, offset);
}

/* Any address in a page of the table where an instruction can be. */
static uintptr_t any_address(const struct known_table *t)
{
	uintptr_t addr = mapped_address(t);
	unsigned int align = ARCH_PC_ALIGN;

	if (addr && page_at(addr)->kind == CODE)
		align = t->attr.stride;
	return addr - addr % align;
}

void do_calls(void)
{
	struct choices *c = &self.choices;
	struct known_table *t = any_table();
	unsigned long sp = stack_pointer(&self.stack, self.stack.size - 4096);
	unsigned int n = 1 + choose(c, 100);
	uintptr_t entry;

	if (!t || !choose(c, 30)) {
		/* Where nothing is, or another table. */
		entry = (uintptr_t)self.arena + choose(c, self.npages) * self.page_size;
		if (page_at(entry)->kind != CODE)
			check_call(entry, TO_FAULT, sp);
		return;
	}
	if (!t->npages)
		return;
	/* Now and then with hardly any stack. */
	if (!choose(c, 16))
		sp = stack_pointer(&self.stack, 64 + 16 * choose(c, 64));
	contents_lock(t);
	while (n--) {
		entry = choose(c, 12) ? any_entry(t) : any_address(t);
		if (entry)
			check_call(entry, page_at(entry)->kind == CODE ? TO_CODE : TO_FAULT,
				   sp);
	}
	contents_unlock(t);
}
