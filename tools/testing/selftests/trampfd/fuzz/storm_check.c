// SPDX-License-Identifier: GPL-2.0
/* System calls and calls of trampolines, and what is never right about them. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "storm.h"

void counted(struct worker *w)
{
	count_operation();
	w->left--;
}

long check(struct worker *w, const char *what, long ret, const int *errors)
{
	const bool failing = w->failing;

	w->failing = false;
	counted(w);
	if (ret >= 0)
		return ret;
	count_refused();
	for (; *errors; errors++)
		if (-ret == *errors)
			return ret;
	/* User memory that can't be allocated is a bad address to the kernel. */
	if (failing && (ret == -ENOMEM || ret == -EFAULT))
		return ret;
	differs("%s: errno %ld (%s)", what, -ret, strerror(-ret));
}

#define FAIL_PERCENT	4
#define FAIL_MOST	24

void fail_begin(struct worker *w)
{
	char text[8];
	int n;

	w->failing = w->fail_nth >= 0 && !w->cloned &&
		     chance(&w->choices, FAIL_PERCENT);
	if (!w->failing)
		return;
	n = snprintf(text, sizeof(text), "%u", 1 + choose(&w->choices, FAIL_MOST));
	if (write(w->fail_nth, text, n) != n)
		w->failing = false;
}

/* Whoever checks the result has to know that it was so. */
void fail_end(struct worker *w)
{
	/* Reading what is written can be what fails; then nothing else does any more. */
	if (w->failing && write(w->fail_nth, "0", 1) != 1 &&
	    write(w->fail_nth, "0", 1) != 1)
		differs("fail-nth: errno %d", errno);
}

unsigned int any_version(struct worker *w)
{
	/* Few of them, so that one often replaces itself or its pair. */
	if (chance(&w->choices, 30))
		return make_version(FLAVOR_LANE, choose(&w->choices, 4));
	return choose(&w->choices, VERSIONS);
}

unsigned int spot_number(unsigned int per_page, unsigned int spot)
{
	unsigned int page = spot / SPOTS * per_page;

	spot %= SPOTS;
	/* The first and the last of a page, and some between them. */
	return page + (spot == SPOTS - 1 ? per_page - 1 :
					   spot * (per_page / SPOTS));
}

long operate(struct worker *w, int fd, const void *addr, unsigned long op,
	     void *arg)
{
	long ret;

	fail_begin(w);
	ret = addr ? control_at(addr, op, arg, 0) : control_fd(fd, op, arg);
	fail_end(w);
	return ret;
}

/*
 * Calls.
 */

/* Is it of an entry or slot at @at?  Some CPUs tell the page only. */
static bool in_stride(const struct attempt *a, const char *at, const char *addr)
{
	return addr == ARCH_FAULT_ADDR((char *)at) ||
	       (addr >= at && addr < at + a->t->attr.stride);
}

static bool miss_is_right(const struct worker *w, const struct attempt *a,
			  unsigned long sp)
{
	if (a->way == BY_CODE) {
		if (trap.signo == SIGBUS)
			return true;
		/* The code may be gone between two instructions. */
		return trap.signo == SIGSEGV &&
		       (trap.addr == ARCH_FAULT_ADDR((char *)a->fault) ||
			in_stride(a, a->entry, trap.addr) ||
			in_stride(a, a->data, trap.addr));
	}
	return trap.signo == SIGSEGV &&
	       (trap.code == SEGV_ACCERR || trap.code == SEGV_MAPERR) &&
	       trap.addr == ARCH_FAULT_ADDR((char *)a->entry) &&
	       trap.state.reg[ARCH_PC] == (unsigned long)a->entry &&
	       trap.state.reg[ARCH_SP] == sp &&
	       state_kept(&w->in, &trap.state, NULL);
}

static const char *const way_name[] = {
	[BY_CALL] = "call", [BY_JUMP] = "jump", [BY_CODE] = "code",
};

/* What a call gets to, with the stack pointer at @sp when it gets to the entry. */
static void judge(struct worker *w, struct attempt *a, const struct cpu_state *in,
		  unsigned long sp, const struct cpu_state *out, int target)
{
	count_call();
	w->left--;
	if (!a->hit || call_version(a->t, a->t->attr.type == TRAMPFD_CODE, in, sp,
				    out, target, &a->version))
		return;
	differs("a mixture: %s of %p, shape %u, got to target %d: data %#lx, sp %#lx of %#lx",
		way_name[a->way], a->entry, a->t->attr.shape_nregs, target,
		out->reg[ARCH_DATA_REG], out->reg[ARCH_SP], sp);
}

void attempt(struct worker *w, struct attempt *a)
{
	unsigned long sp = w->in.reg[ARCH_SP];
	struct cpu_state out;
	int target;

	if (a->way == BY_JUMP) {
		a->hit = !try_run(&w->in, a->entry, ARCH_BY_JUMP, &out, &target);
	} else {
		sp -= ARCH_CALL_PUSH;
		a->hit = !code_run(&w->in, a->entry,
				   a->way == BY_CODE ? TO_CODE : TO_FAULT,
				   &out, &target);
	}
	judge(w, a, &w->in, sp, &out, target);
	if (!a->hit && !miss_is_right(w, a, sp))
		differs("signal %d, code %d, at %p with pc %#lx: %s of %p, fault entry %p",
			trap.signo, trap.code, trap.addr,
			trap.state.reg[ARCH_PC], way_name[a->way], a->entry,
			a->fault);
}

bool attempt_without_stack(struct worker *w, struct attempt *a)
{
	struct cpu_state in = w->in, out;
	const char *end = w->stack.mem;
	unsigned long sp = (unsigned long)end;
	int target;

	in.reg[ARCH_SP] = sp;
	a->way = BY_JUMP;
	a->hit = !try_run(&in, a->entry, ARCH_BY_JUMP, &out, &target);
	judge(w, a, &in, sp, &out, target);
	return a->hit ||
	       (trap.signo == SIGSEGV && (char *)trap.addr < end &&
		(char *)trap.addr >= end - options.page &&
		trap.state.reg[ARCH_PC] == (unsigned long)a->entry &&
		trap.state.reg[ARCH_SP] == sp &&
		state_kept(&in, &trap.state, NULL));
}

/*
 * Batches.
 */

void batch_begin(struct worker *w)
{
	struct batch *b = &w->batch;

	memset(&b->arg, 0, sizeof(b->arg));
	b->arg.records = (uintptr_t)b->rec;
	b->arg.regs = (uintptr_t)b->reg;
	b->arg.stack = (uintptr_t)b->stack;
	b->n = 0;
}

struct wanted *batch_add(struct worker *w, const struct table *t,
			 unsigned int per_page, unsigned int spot,
			 unsigned int version, unsigned int flags)
{
	struct batch *b = &w->batch;
	struct wanted *want = &b->want[b->n];
	struct trampfd_reg *reg = b->reg + b->arg.nregs, pc;
	struct context c;

	version_context(t, &c, spot_number(per_page, spot), version);
	c.rec.flags = flags;
	memcpy(reg, c.reg, c.rec.nregs * sizeof(*reg));
	if (chance(&w->choices, 50)) {
		/* The PC can be any of them. */
		pc = reg[0];
		reg[0] = reg[c.rec.nregs - 1];
		reg[c.rec.nregs - 1] = pc;
	}
	memcpy(b->stack + b->arg.stack_size, c.stack, c.rec.stack_size);
	b->rec[b->n++] = c.rec;
	b->arg.nrecords = b->n;
	b->arg.nregs += c.rec.nregs;
	b->arg.stack_size += c.rec.stack_size;
	*want = (struct wanted) {
		.spot = spot,
		.version = version,
		.flags = flags,
	};
	return want;
}

void batch_spoil(struct worker *w, const struct table *t)
{
	struct batch *b = &w->batch;
	struct trampfd_record *rec = &b->rec[b->n - 1];
	struct trampfd_reg *reg = b->reg + b->arg.nregs -
				  1 - choose(&w->choices, rec->nregs);

	switch (choose(&w->choices, 10)) {
	case 0:
		rec->trampoline = chance(&w->choices, 50) ? UINT32_MAX :
							    t->attr.ntrampolines;
		break;
	case 1:
		rec->flags |= 4U << choose(&w->choices, 30);
		break;
	case 2:
		rec->reserved = 1U << choose(&w->choices, 32);
		break;
	case 3:
		rec->nregs = 0;
		break;
	case 4:
		rec->nregs = TRAMPFD_REGS_MAX + 1 + choose(&w->choices, 1000);
		break;
	case 5:
		rec->stack_size = TRAMPFD_STACK_MAX + ARCH_WORD;
		break;
	case 6:
		rec->stack_skip = rec->stack_size ?
				  TRAMPFD_STACK_SKIP_MAX + ARCH_WORD : ARCH_WORD;
		break;
	case 7:
		rec->stack_size++;
		break;
	case 8:
		reg->name = arch_refused[choose(&w->choices, arch_nrefused)].number;
		break;
	default:
		reg->flags = 1U << choose(&w->choices, 32);
		break;
	}
	b->want[b->n - 1].error = EINVAL;
}

/* The first record that needs more of something is a bad one from now on. */
void batch_shorten(struct worker *w)
{
	struct batch *b = &w->batch;
	unsigned int nregs = 0, stack = 0, i;
	bool bad_address = false;

	switch (choose(&w->choices, 3)) {
	case 0:
		b->arg.nregs = choose(&w->choices, b->arg.nregs);
		break;
	case 1:
		b->arg.stack_size = choose(&w->choices, b->arg.stack_size);
		break;
	default:
		b->arg.stack = (uintptr_t)-options.page;
		bad_address = true;
		break;
	}
	for (i = 0; i < b->n; i++) {
		const bool spoiled = b->want[i].error == EINVAL;

		nregs += b->rec[i].nregs;
		stack += b->rec[i].stack_size;
		/* What it needs is read before anybody asks whether it may be set. */
		if (nregs > b->arg.nregs || stack > b->arg.stack_size)
			b->want[i].error = EINVAL;
		else if (bad_address && b->rec[i].stack_size && !spoiled)
			b->want[i].error = EFAULT;
		if (b->want[i].error)
			break;
	}
}

/* What is left of a batch when the first @n are done. */
static void batch_skip(struct batch *b, unsigned int first, unsigned int n)
{
	unsigned int i;

	for (i = first; i < first + n; i++) {
		b->arg.regs += b->rec[i].nregs * sizeof(b->reg[0]);
		b->arg.stack += b->rec[i].stack_size;
		b->arg.nregs -= b->rec[i].nregs;
		b->arg.stack_size -= b->rec[i].stack_size;
	}
	b->arg.records += n * sizeof(b->rec[0]);
	b->arg.nrecords -= n;
}

unsigned int batch_set(struct worker *w, int fd, const void *addr)
{
	struct batch *b = &w->batch;
	unsigned int done = 0, bad;
	long ret;

	for (bad = 0; bad < b->n && !b->want[bad].error; bad++)
		;
	while (done < b->n) {
		const struct wanted *want = &b->want[done];
		const int errors[] = {
			ENOMEM, EDQUOT, want->error ?: ENOMEM,
			want->may_be_sealed ? EPERM : ENOMEM, 0,
		};

		ret = check(w, "TRAMPFD_SET",
			    operate(w, fd, addr, TRAMPFD_SET, &b->arg), errors);
		if (ret < 0)
			break;
		if (!ret || done + ret > bad)
			differs("TRAMPFD_SET did %ld of %u records, and the bad one is %u",
				ret, b->n - done, bad - done);
		batch_skip(b, done, ret);
		done += ret;
		/* The next call goes on, or tells the reason. */
		if (!chance(&w->choices, 50))
			break;
	}
	return done;
}

void get_begin(struct worker *w, unsigned int n, unsigned int nregs,
	       unsigned int flags)
{
	batch_begin(w);
	w->batch.arg.nrecords = n;
	w->batch.arg.nregs = nregs;
	w->batch.arg.stack_size = nregs * 4;
	w->batch.arg.flags = flags;
}

void take(const struct batch *b, unsigned int i, unsigned int *reg,
	  unsigned int *stack, struct context *c)
{
	memset(c, 0, sizeof(*c));
	c->rec = b->rec[i];
	if (c->rec.nregs > TRAMPFD_REGS_MAX ||
	    c->rec.stack_size > TRAMPFD_STACK_MAX)
		differs("TRAMPFD_GET: %u registers, %u bytes", c->rec.nregs,
			c->rec.stack_size);
	memcpy(c->reg, b->reg + *reg, c->rec.nregs * sizeof(c->reg[0]));
	memcpy(c->stack, b->stack + *stack, c->rec.stack_size);
	*reg += c->rec.nregs;
	*stack += c->rec.stack_size;
}
