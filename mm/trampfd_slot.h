/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Data slots of TRAMPFD_CODE tables: what TRAMPFD_SET writes for each trampoline.
 *
 * It is inlined, as it would cost as much again to call it.  trampfd_data.c has the
 * rest, and tells the rules.
 */
#ifndef _MM_TRAMPFD_SLOT_H
#define _MM_TRAMPFD_SLOT_H

#include "trampfd_internal.h"

/* How many blocks a data page has. */
#define TRAMPFD_PAGE_BLOCKS	(PAGE_SIZE >> TRAMPFD_BLOCK_SHIFT)

/* Where the slots of chunk @i are; NULL if their page was never touched. */
static inline void *trampfd_data_block(const struct trampfd_data *data, u32 i)
{
	void *addr = data->pages[i / TRAMPFD_PAGE_BLOCKS];

	if (!addr)
		return NULL;
	return addr + (i % TRAMPFD_PAGE_BLOCKS << TRAMPFD_BLOCK_SHIFT);
}

static __always_inline void trampfd_word_write(void *word, unsigned long value,
					       bool narrow)
{
	if (narrow)
		WRITE_ONCE(*(u32 *)word, value);
	else
		WRITE_ONCE(*(unsigned long *)word, value);
}

/* Whether a word is narrower than the kernel's. */
static __always_inline bool trampfd_narrow(const struct trampfd_code *code)
{
	return arch_trampfd_reg_size(code->shape.abi) < sizeof(long);
}

/* Whether the last register of a context is the target register, if there is one. */
static __always_inline bool trampfd_target_last(const struct trampfd_ctx *ctx,
						int target)
{
	return target >= 0 && ctx->regs[ctx->nregs - 1].slot == target;
}

static __always_inline void trampfd_values_write(const struct trampfd_code *code,
						 void *at,
						 const struct trampfd_ctx *ctx,
						 bool narrow)
{
	const int target = arch_trampfd_target(code->shape.abi);
	const u32 nregs = ctx->nregs - trampfd_target_last(ctx, target);
	const struct trampfd_ctx_reg *reg;

	/* Most load one register. */
	if (likely(nregs == 1)) {
		trampfd_word_write(at + code->shape.values[0], ctx->regs[0].value,
				   narrow);
		return;
	}
	for (reg = ctx->regs; reg < ctx->regs + nregs; reg++)
		if (target < 0 || reg->slot != target)
			trampfd_word_write(at + code->where[reg->slot],
					   reg->value, narrow);
}

static __always_inline void __trampfd_slot_write(const struct trampfd_code *code,
						 void *at,
						 const struct trampfd_ctx *ctx,
						 bool narrow)
{
	/*
	 * No order is needed: nobody calls now, and whoever is told later that he may
	 * is told in a way that orders memory.
	 */
	trampfd_values_write(code, at, ctx, narrow);
	trampfd_word_write(at + code->shape.pc, ctx->pc, narrow);
}

/* Write a context that fits the code, while no call is under way. */
static __always_inline void trampfd_slot_write(const struct trampfd_code *code,
					       void *at,
					       const struct trampfd_ctx *ctx)
{
	if (unlikely(trampfd_narrow(code)))
		__trampfd_slot_write(code, at, ctx, true);
	else
		__trampfd_slot_write(code, at, ctx, false);
}

/*
 * Whether the code can do all that a context asks for.  A register that is not of the
 * shape can only be the target register, with the value that code gives it.
 */
static __always_inline bool trampfd_code_fits(const struct trampfd_code *code,
					      const struct trampfd_ctx *ctx)
{
	const int target = arch_trampfd_target(code->shape.abi);
	const struct trampfd_ctx_reg *reg;

	if (ctx->stack_size || ctx->nregs != code->nregs)
		return false;
	if (target < 0)
		return true;
	reg = &ctx->regs[ctx->nregs - 1];
	while (reg->slot != target)
		if (reg-- == ctx->regs)
			return false;
	return reg->value == arch_trampfd_value(code->shape.abi, ctx->pc);
}

/* Let the fast lane know of a context that was installed, with its record's flags. */
static __always_inline void
trampfd_data_set(struct trampfd_table *table, struct trampfd_chunk *chunk, u32 i,
		 u32 slot, const struct trampfd_ctx *ctx,
		 const struct trampfd_ctx *old)
{
	const struct trampfd_code *code = table->tf->code;
	void *block;

	if (unlikely(!(ctx->flags & TRAMPFD_RECORD_IDLE) ||
		     !trampfd_code_fits(code, ctx))) {
		trampfd_data_set_pc(table, chunk, i, slot, ctx, old);
		return;
	}
	__set_bit(slot, chunk->fast);
	block = trampfd_data_block(table->data, i);
	if (block)
		trampfd_slot_write(code, block + slot * TRAMPFD_STRIDE, ctx);
}

#endif /* _MM_TRAMPFD_SLOT_H */
