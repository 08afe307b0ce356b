// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines: the fault path.
 *
 * A call of a trampoline faults, and the architecture's page-fault handler asks
 * trampfd_call(), which applies the stored context.
 */
#include <linux/mm_types.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "trampfd_internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/trampfd.h>

/*
 * The numbers that user space controls here need no array_index_nospec(): the
 * shift and the masks bound them without a branch to mispredict.
 */
static __always_inline const struct trampfd_ctx *trampfd_find(unsigned long pc)
{
	struct trampfd_index *index = rcu_dereference(current->mm->trampfd);
	unsigned long block = pc >> TRAMPFD_BLOCK_SHIFT;
	struct trampfd_entry *entry;
	struct trampfd_chunk *chunk;
	unsigned int probes = 0;
	unsigned long found;

	if (unlikely(pc % TRAMPFD_STRIDE))
		return NULL;

	entry = trampfd_first_entry(index, block);
	/* Pairs with the release in trampfd_index_insert(). */
	while (unlikely((found = smp_load_acquire(&entry->block)) != block)) {
		if (found == TRAMPFD_NO_BLOCK || ++probes == TRAMPFD_PROBES_MAX)
			return NULL;
		entry = trampfd_next_entry(index, entry);
	}

	chunk = rcu_dereference(*READ_ONCE(entry->chunk));
	if (unlikely(!chunk))
		return NULL;
	return rcu_dereference(chunk->slots[(pc >> TRAMPFD_STRIDE_SHIFT) %
					    TRAMPFD_CHUNK_SLOTS]);
}

static bool trampfd_push_bytes(unsigned long sp, const void *data, u32 size)
{
	return access_ok((void __user *)sp, size) &&
	       !arch_trampfd_copy((void __user *)sp, data, size);
}

/*
 * The data could not be copied at once.  The port has to be told an address that
 * faults, or the call would be repeated for ever, and a copy may stop well before
 * it.  Below address 0, go on as pushes would.
 */
static noinline enum trampfd_outcome
trampfd_push_bytewise(const struct trampfd_ctx *ctx, unsigned long sp,
		      unsigned long *fault)
{
	const struct trampfd_ctx_stack *stack = trampfd_ctx_stack(ctx);
	unsigned long mask = trampfd_abi_mask(ctx->abi);
	u32 i;

	for (i = 0; i < ctx->stack_size; i++) {
		*fault = (sp + i) & mask;
		if (!trampfd_push_bytes(*fault, &stack->data[i], 1))
			return TRAMPFD_STACK_FAULT;
	}
	return TRAMPFD_HIT;
}

static enum trampfd_outcome
trampfd_push(struct pt_regs *regs, const struct trampfd_ctx *ctx,
	     unsigned long *fault)
{
	const struct trampfd_ctx_stack *stack = trampfd_ctx_stack(ctx);
	unsigned long lower = stack->skip + ctx->stack_size;
	enum trampfd_outcome outcome = TRAMPFD_HIT;
	unsigned long old = arch_trampfd_sp(regs);
	unsigned long sp = (old - lower) & trampfd_abi_mask(ctx->abi);

	if (!arch_trampfd_stack_usable(regs))
		return TRAMPFD_MISS;

	pagefault_disable();
	if (unlikely(old < lower ||
		     !trampfd_push_bytes(sp, stack->data, ctx->stack_size)))
		outcome = trampfd_push_bytewise(ctx, sp, fault);
	pagefault_enable();

	if (likely(outcome == TRAMPFD_HIT))
		arch_trampfd_set_sp(regs, sp);
	return outcome;
}

static noinline enum trampfd_outcome
trampfd_trace(struct pt_regs *regs, unsigned long pc, unsigned long target)
{
	trace_trampfd_hit(pc, target);
	arch_trampfd_set_pc(regs, target);
	return TRAMPFD_HIT;
}

static __always_inline enum trampfd_outcome
trampfd_apply(struct pt_regs *regs, unsigned long pc,
	      const struct trampfd_ctx *ctx)
{
	const struct trampfd_ctx_reg *reg, *end = ctx->regs + ctx->nregs;
	unsigned long target = ctx->pc;

	for (reg = ctx->regs; reg < end; reg++)
		arch_trampfd_set_reg(regs, reg->slot, reg->value);
	rcu_read_unlock();

	if (trace_trampfd_hit_enabled())
		return trampfd_trace(regs, pc, target);
	arch_trampfd_set_pc(regs, target);
	return TRAMPFD_HIT;
}

/* Out of line: few contexts have stack data, and the others should not pay. */
static noinline enum trampfd_outcome
trampfd_push_and_apply(struct pt_regs *regs, unsigned long pc,
		       const struct trampfd_ctx *ctx, unsigned long *stack)
	__releases(RCU)
{
	enum trampfd_outcome outcome = trampfd_push(regs, ctx, stack);

	if (likely(outcome == TRAMPFD_HIT))
		return trampfd_apply(regs, pc, ctx);
	rcu_read_unlock();
	return outcome;
}

/**
 * trampfd_call() - do the work of a trampoline, if that is what was called
 * @regs: The user-mode registers.
 * @pc: The address at which fetching an instruction faulted.
 * @stack: Where to put the address to fault in on %TRAMPFD_STACK_FAULT.
 *
 * The port calls it when current->mm has trampolines, see mm_has_trampfd(), for
 * an instruction fetch in user mode.
 *
 * What it calls in turn comes last, so that a plain call saves no register.
 *
 * Context: Page-fault handler, interrupts on or off.
 * Return: what became of it, see &enum trampfd_outcome.
 */
enum trampfd_outcome trampfd_call(struct pt_regs *regs, unsigned long pc,
				  unsigned long *stack)
{
	const struct trampfd_ctx *ctx;

	rcu_read_lock();
	ctx = trampfd_find(pc);
	if (unlikely(!ctx || ctx->abi != arch_trampfd_mode(regs))) {
		rcu_read_unlock();
		return TRAMPFD_MISS;
	}
	if (unlikely(ctx->stack_size))
		return trampfd_push_and_apply(regs, pc, ctx, stack);
	return trampfd_apply(regs, pc, ctx);
}
