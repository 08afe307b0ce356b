// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines: records of user space to contexts, and back.
 *
 * TRAMPFD_SET goes in rounds.  Each first makes contexts of some records, which
 * touches user memory and may run out of kernel memory, and then installs them.
 */
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <trace/events/trampfd.h>

#include "trampfd_internal.h"

/* How many records and registers are read from user space at a time. */
#define TRAMPFD_BATCH		64
#define TRAMPFD_BATCH_REGS	96

/* Records of a round; the user is not charged for their contexts at first. */
#define TRAMPFD_ROUND		512

/* Units of a table that may wait for RCU before TRAMPFD_SET waits for them. */
#define TRAMPFD_RETIRED_MAX	8192

/**
 * struct trampfd_named - a register that records name at some place
 * @name: What user space calls it.
 * @slot: Where the port keeps it.
 */
struct trampfd_named {
	u32 name;
	u32 slot;
};

/**
 * struct trampfd_batch - the work space of TRAMPFD_SET
 * @ntrampolines: Trampolines of the table.
 * @abi: The table's ABI.
 * @foreign: The bits that no register of the table's ABI has.
 * @required: The slots of the registers that each record has to name, as a mask.
 * @code: The code of the table, or NULL.
 * @pc: The PC of the record before, which most have in common.
 * @reg: The first of @regs that belongs to no record before.
 * @regs_end: Behind the last of @regs that was read.
 * @uregs: Registers that are not read yet.
 * @ustack: Stack data that is not read yet.
 * @regs_left: How many registers are at @uregs.
 * @stack_left: How many bytes are at @ustack.
 * @nnamed: Elements of @named.
 * @nspare: Elements of @spare.
 * @named: The registers of the record before.  Most calls name the same ones in
 *	each record, and need not have them looked up again.
 * @spare: Contexts of the table's usual size, allocated in one go.
 * @records: Records being read.
 * @regs: Registers being read.
 */
struct trampfd_batch {
	u32 ntrampolines;
	unsigned int abi;
	u64 foreign;
	u64 required;
	const struct trampfd_code *code;
	u64 pc;
	const struct trampfd_reg *reg;
	const struct trampfd_reg *regs_end;
	struct trampfd_reg __user *uregs;
	u8 __user *ustack;
	u32 regs_left;
	u32 stack_left;
	u32 nnamed;
	u32 nspare;
	struct trampfd_named named[TRAMPFD_REGS_MAX];
	void *spare[TRAMPFD_BATCH];
	struct trampfd_record records[TRAMPFD_BATCH];
	struct trampfd_reg regs[TRAMPFD_BATCH_REGS];
};

static_assert(TRAMPFD_BATCH_REGS >= TRAMPFD_REGS_MAX);

/* Whether most contexts of a table have the target register and one more. */
static bool trampfd_usual_target(const struct trampfd_batch *batch)
{
	return arch_trampfd_target(batch->abi) >= 0 && batch->code;
}

static struct kmem_cache *trampfd_usual_cache(const struct trampfd_batch *batch)
{
	return trampfd_usual_target(batch) ? trampfd_ctx_target_cache :
					     trampfd_ctx_cache;
}

/* What it takes is charged by trampfd_ctx_units(). */
static noinline struct trampfd_ctx *
trampfd_ctx_alloc_one(unsigned int abi, u32 nregs, u32 stack_size)
{
	size_t size = struct_size_t(struct trampfd_ctx, regs, nregs);

	/* User memory may be copied to what kmalloc() gives, not to the caches'. */
	if (stack_size)
		size += struct_size_t(struct trampfd_ctx_stack, data, stack_size);
	else if (size <= TRAMPFD_CTX_SIZE)
		return kmem_cache_alloc(trampfd_ctx_cache, TRAMPFD_GFP);
	else if (TRAMPFD_HAS_TARGET && nregs <= trampfd_ctx_cached_regs(abi))
		return kmem_cache_alloc(trampfd_ctx_target_cache, TRAMPFD_GFP);
	return kmalloc(size, TRAMPFD_GFP);
}

static struct trampfd_ctx *trampfd_ctx_alloc(struct trampfd_batch *batch,
					     u32 nregs, u32 stack_size)
{
	const u32 usual = trampfd_usual_target(batch) ? 2 : 1;

	if (likely(nregs <= usual && !stack_size && batch->nspare))
		return batch->spare[--batch->nspare];
	return trampfd_ctx_alloc_one(batch->abi, nregs, stack_size);
}

/*
 * Whether a context needs the target register, which the record does not name: code
 * leaves the PC in it, so a call of the fault part has to.
 */
static bool trampfd_adds_target(const struct trampfd_batch *batch,
				const struct trampfd_reg *reg, u32 nregs)
{
	u32 i;

	if (!trampfd_usual_target(batch))
		return false;
	for (i = 0; i < nregs; i++)
		if (reg[i].name == batch->code->target_name)
			return false;
	return true;
}

/* Behind the registers of the record, and before the stack data. */
static void trampfd_ctx_add_target(const struct trampfd_code *code,
				   struct trampfd_ctx *ctx)
{
	ctx->regs[ctx->nregs++] = (struct trampfd_ctx_reg) {
		.value	= arch_trampfd_value(ctx->abi, ctx->pc),
		.slot	= arch_trampfd_target(ctx->abi),
		.name	= code->target_name,
	};
}

static bool trampfd_record_valid(struct trampfd_batch *batch,
				 const struct trampfd_record *record)
{
	u32 lower = record->stack_skip + record->stack_size;

	if (record->trampoline >= batch->ntrampolines ||
	    (record->flags & ~(TRAMPFD_RECORD_SEALED | TRAMPFD_RECORD_IDLE)) |
	    record->reserved ||
	    !record->nregs || record->nregs > TRAMPFD_REGS_MAX)
		return false;
	if (likely(!(record->stack_size | record->stack_skip)))
		return true;
	return record->stack_size &&
	       record->stack_size <= min(batch->stack_left, TRAMPFD_STACK_MAX) &&
	       record->stack_skip <= TRAMPFD_STACK_SKIP_MAX &&
	       !(lower % arch_trampfd_stack_align(batch->abi));
}

/* Read registers, so that the next @n are there; 0, -EFAULT or -EINVAL. */
static noinline int trampfd_read_regs(struct trampfd_batch *batch, u32 n)
{
	u32 rest = batch->regs_end - batch->reg;
	u32 more = min(batch->regs_left, TRAMPFD_BATCH_REGS - rest);

	if (n > rest + more)
		return -EINVAL;
	memmove(batch->regs, batch->reg, rest * sizeof(*batch->reg));
	batch->reg = batch->regs;
	batch->regs_end = batch->regs + rest;
	if (copy_from_user(batch->regs + rest, batch->uregs,
			   more * sizeof(*batch->reg))) {
		/* Those of the records behind this one can wait. */
		more = n - rest;
		if (copy_from_user(batch->regs + rest, batch->uregs,
				   more * sizeof(*batch->reg)))
			return -EFAULT;
	}
	batch->uregs += more;
	batch->regs_left -= more;
	batch->regs_end += more;
	return 0;
}

/*
 * Look up the registers of a record: different ones, among them the PC and those that
 * the table's code loads.
 */
static noinline int trampfd_name_regs(struct trampfd_batch *batch,
				      const struct trampfd_reg *reg, u32 nregs)
{
	u64 seen = 0;
	int slot;
	u32 i;

	batch->nnamed = 0;
	for (i = 0; i < nregs; i++) {
		slot = arch_trampfd_slot(batch->abi, reg[i].name);
		if (slot < 0 || seen & BIT_ULL(slot))
			return -EINVAL;
		seen |= BIT_ULL(slot);
		batch->named[i].name = reg[i].name;
		batch->named[i].slot = slot;
	}
	if (batch->required & ~seen)
		return -EINVAL;
	batch->nnamed = nregs;
	return 0;
}

/* Check the registers of a record, and put them into its context. */
static noinline int trampfd_ctx_set_regs(struct trampfd_batch *batch,
					 struct trampfd_ctx *ctx,
					 const struct trampfd_reg *reg, u32 nregs)
{
	struct trampfd_ctx_reg *to = ctx->regs;
	u32 i;

	if (trampfd_name_regs(batch, reg, nregs))
		return -EINVAL;

	for (i = 0; i < nregs; i++, reg++) {
		if (reg->flags || reg->value & batch->foreign)
			return -EINVAL;
		if (batch->named[i].slot == TRAMPFD_SLOT_PC) {
			if (!arch_trampfd_pc_valid(batch->abi, reg->value))
				return -EINVAL;
			batch->pc = reg->value;
			ctx->pc = reg->value;
			continue;
		}
		to->value = arch_trampfd_value(batch->abi, reg->value);
		to->slot = batch->named[i].slot;
		to->name = batch->named[i].name;
		to++;
	}
	return 0;
}

/*
 * The same, for a record that has the names and the PC of the one before; false
 * if it is another one.  Most calls have many such records.  It calls nothing, so
 * that it needs no stack.
 */
static noinline bool trampfd_ctx_set_alike(struct trampfd_batch *batch,
					   struct trampfd_ctx *ctx,
					   const struct trampfd_reg *reg,
					   u32 nregs)
{
	const struct trampfd_named *named = batch->named, *end = named + nregs;
	struct trampfd_ctx_reg *to = ctx->regs;

	if (nregs != batch->nnamed)
		return false;

	for (; named < end; named++, reg++) {
		if (reg->name != named->name || reg->flags ||
		    reg->value & batch->foreign)
			return false;
		if (named->slot == TRAMPFD_SLOT_PC) {
			if (reg->value != batch->pc)
				return false;
			ctx->pc = reg->value;
			continue;
		}
		to->value = arch_trampfd_value(batch->abi, reg->value);
		to->slot = named->slot;
		to->name = named->name;
		to++;
	}
	return true;
}

static int trampfd_ctx_set_stack(struct trampfd_batch *batch,
				 struct trampfd_ctx *ctx, u32 skip)
{
	struct trampfd_ctx_stack *stack = trampfd_ctx_stack(ctx);

	stack->skip = skip;
	if (copy_from_user(stack->data, batch->ustack, ctx->stack_size))
		return -EFAULT;
	batch->ustack += ctx->stack_size;
	batch->stack_left -= ctx->stack_size;
	return 0;
}

static struct trampfd_ctx *trampfd_ctx_make(struct trampfd_batch *batch,
					    const struct trampfd_record *record)
{
	const u32 nregs = record->nregs, stack_size = record->stack_size;
	const struct trampfd_reg *reg;
	struct trampfd_ctx *ctx;
	bool target;
	int ret = 0;

	if (!trampfd_record_valid(batch, record))
		return ERR_PTR(-EINVAL);
	if (unlikely(nregs > batch->regs_end - batch->reg)) {
		ret = trampfd_read_regs(batch, nregs);
		if (ret)
			return ERR_PTR(ret);
	}
	reg = batch->reg;
	batch->reg += nregs;

	target = trampfd_adds_target(batch, reg, nregs);
	ctx = trampfd_ctx_alloc(batch, nregs - 1 + target, stack_size);
	if (!ctx)
		return ERR_PTR(-ENOMEM);

	ctx->next = NULL;
	ctx->trampoline = record->trampoline;
	ctx->flags = record->flags;
	refcount_set(&ctx->refs, 1);
	ctx->nregs = nregs - 1;
	ctx->abi = batch->abi;
	ctx->stack_size = stack_size;

	if (unlikely(!trampfd_ctx_set_alike(batch, ctx, reg, nregs)))
		ret = trampfd_ctx_set_regs(batch, ctx, reg, nregs);
	if (!ret && target)
		trampfd_ctx_add_target(batch->code, ctx);
	if (!ret && stack_size)
		ret = trampfd_ctx_set_stack(batch, ctx, record->stack_skip);
	if (ret) {
		kfree(ctx);
		return ERR_PTR(ret);
	}
	return ctx;
}

static void trampfd_ctx_free_list(struct trampfd_ctx *ctx)
{
	struct trampfd_ctx *next;

	for (; ctx; ctx = next) {
		next = ctx->next;
		kfree(ctx);
	}
}

/*
 * Make contexts of @count records from @urecords on, in a list from @head on.
 * Return how many; *@error is why the next one is not among them.
 */
static u32 trampfd_ctx_make_some(struct trampfd_batch *batch,
				 struct trampfd_record __user *urecords, u32 count,
				 struct trampfd_ctx **head, int *error)
{
	struct trampfd_ctx *ctx;
	u32 done, i, n;

	for (done = 0; done < count; done += n) {
		n = trampfd_copy_some(batch->records, urecords + done,
				      sizeof(*urecords),
				      min(count - done, TRAMPFD_BATCH));
		*error = -EFAULT;
		if (!n)
			return done;

		/* If there is no memory for all, there may be for some. */
		if (n > 1 && !batch->nspare &&
		    kmem_cache_alloc_bulk(trampfd_usual_cache(batch), TRAMPFD_GFP,
					  n, batch->spare))
			batch->nspare = n;

		for (i = 0; i < n; i++) {
			ctx = trampfd_ctx_make(batch, &batch->records[i]);
			if (IS_ERR(ctx)) {
				*error = PTR_ERR(ctx);
				return done + i;
			}
			*head = ctx;
			head = &ctx->next;
		}
	}
	return done;
}

/*
 * Install @count contexts from *@head on, and take them off the list.  Return how
 * many; *@error is why there were not more.
 */
static u32 trampfd_install_some(struct trampfd_table *table,
				struct trampfd_ctx **head, u32 count, int *error)
{
	unsigned int tries = 0;
	u32 done = 0;

	do {
		scoped_guard(mutex, &table->lock)
			done += trampfd_install(table, head, count - done, error);
	} while (done < count && *error == -EDQUOT && trampfd_rcu_retry(&tries));
	return done;
}

/*
 * Whoever sets trampolines faster than RCU frees the replaced ones waits for it, or
 * memory would pile up.  To remove needs no such wait: what is removed was set.
 */
static int trampfd_throttle(struct trampfd_table *table)
{
	while (unlikely(READ_ONCE(table->retire.units) > TRAMPFD_RETIRED_MAX)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		flush_rcu_work(&table->retire.work);
	}
	return 0;
}

static int trampfd_set_all(struct trampfd_table *table,
			   struct trampfd_batch *batch,
			   const struct trampfd_contexts *args)
{
	struct trampfd_record __user *urecords = trampfd_user_ptr(args->records);
	u32 done = 0, count, made, installed, first = 0;
	struct trampfd_ctx *head;
	int error;

	do {
		cond_resched();
		error = fatal_signal_pending(current) ? -EINTR :
							trampfd_throttle(table);
		if (error)
			break;

		head = NULL;
		count = min(args->nrecords - done, TRAMPFD_ROUND);
		made = trampfd_ctx_make_some(batch, urecords + done, count, &head,
					     &error);
		if (!made)
			break;
		if (!done)
			first = head->trampoline;
		installed = trampfd_install_some(table, &head, made, &error);
		trampfd_ctx_free_list(head);
		done += installed;
	} while (installed == count && done < args->nrecords);

	if (!done)
		return error;
	trace_trampfd_set(first, done);
	return done;
}

/**
 * trampfd_set() - TRAMPFD_SET
 * @table: The table.
 * @args: The records.
 *
 * Return: how many were set before the first that could not be, or why not even
 * the first:
 *
 * - %EINVAL: A flag, no record or too many, or something in the record that can't
 *   be right; see trampfd_control(2).
 * - %EFAULT: The record, or its registers or stack data, can't be read.
 * - %EPERM: The trampoline is sealed, or its PC is not allowed.
 * - %EDQUOT: The user's limit (user.max_trampfd_units) is reached.
 * - %ENOMEM: No memory, or the memory cgroup's limit is reached.
 * - %EINTR: The task was killed.
 */
long trampfd_set(struct trampfd_table *table, const struct trampfd_contexts *args)
{
	struct trampfd_batch *batch;
	int ret;

	if (args->flags)
		return -EINVAL;
	batch = kmalloc_obj(*batch, GFP_KERNEL);
	if (!batch)
		return -ENOMEM;
	batch->ntrampolines = table->tf->ntrampolines;
	batch->abi = table->tf->abi;
	batch->foreign = ~trampfd_abi_mask(batch->abi);
	batch->code = table->tf->code;
	batch->required = batch->code ? batch->code->required :
					BIT_ULL(TRAMPFD_SLOT_PC);
	/* No PC is that high. */
	batch->pc = U64_MAX;
	batch->uregs = trampfd_user_ptr(args->regs);
	batch->ustack = trampfd_user_ptr(args->stack);
	batch->regs_left = args->nregs;
	batch->stack_left = args->stack_size;
	batch->reg = batch->regs;
	batch->regs_end = batch->regs;
	batch->nnamed = 0;
	batch->nspare = 0;

	ret = trampfd_set_all(table, batch, args);

	kmem_cache_free_bulk(trampfd_usual_cache(batch), batch->nspare,
			     batch->spare);
	kfree(batch);
	return ret;
}

/*
 * TRAMPFD_GET
 */

/**
 * struct trampfd_shown - a context as user space sees it
 * @record: The record.
 * @regs: The registers, the PC first.
 * @stack: The stack data.
 */
struct trampfd_shown {
	struct trampfd_record record;
	struct trampfd_reg regs[TRAMPFD_REGS_MAX];
	u8 stack[TRAMPFD_STACK_MAX];
};

static void trampfd_ctx_show(const struct trampfd_code *code,
			     const struct trampfd_ctx *ctx, u32 trampoline,
			     u32 flags, struct trampfd_shown *shown)
{
	u64 mask = trampfd_abi_mask(ctx->abi);
	struct trampfd_reg *reg = shown->regs;
	unsigned int i;

	shown->record = (struct trampfd_record) {
		.trampoline	= trampoline,
		.flags		= flags,
		.nregs		= ctx->nregs + 1,
		.stack_size	= ctx->stack_size,
	};
	*reg++ = (struct trampfd_reg) {
		.name	= arch_trampfd_pc_name(ctx->abi),
		.value	= ctx->pc & mask,
	};
	for (i = 0; i < ctx->nregs; i++) {
		if (code && trampfd_target_implied(ctx, &ctx->regs[i])) {
			shown->record.nregs--;
			continue;
		}
		*reg++ = (struct trampfd_reg) {
			.name	= ctx->regs[i].name,
			.value	= ctx->regs[i].value & mask,
		};
	}
	if (ctx->stack_size) {
		shown->record.stack_skip = trampfd_ctx_stack(ctx)->skip;
		memcpy(shown->stack, trampfd_ctx_stack(ctx)->data,
		       ctx->stack_size);
	}
}

/*
 * Show a trampoline, or the first one from there on that is set if @next.  Return
 * 0, -EINVAL for a number that the table does not have, or -ENOENT.
 */
static int trampfd_show(struct trampfd_table *table, u32 trampoline, bool next,
			struct trampfd_shown *shown)
{
	u32 i, slot, end = table->tf->ntrampolines, flags = 0;
	unsigned int shift = table->tf->slot_shift;
	struct trampfd_chunk *chunk;
	struct trampfd_ctx *ctx;

	if (trampoline >= end)
		return next && trampoline == end ? -ENOENT : -EINVAL;

	guard(mutex)(&table->lock);
	do {
		i = trampfd_locate(table, trampoline, &slot);
		chunk = trampfd_chunk_at(table, i);
		if (!chunk || !chunk->nset) {
			trampoline = (i + 1) * (TRAMPFD_CHUNK_SLOTS >> shift);
			continue;
		}
		ctx = trampfd_slot_at(table, chunk, slot);
		if (ctx) {
			if (test_bit(slot, chunk->sealed))
				flags |= TRAMPFD_RECORD_SEALED;
			if (test_bit(slot, chunk->fast))
				flags |= TRAMPFD_RECORD_IDLE;
			trampfd_ctx_show(table->tf->code, ctx, trampoline,
					 flags, shown);
			return 0;
		}
		trampoline++;
	} while (next && trampoline < end);
	return -ENOENT;
}

/* What is left of the room for registers and stack data. */
struct trampfd_room {
	struct trampfd_reg __user *regs;
	u8 __user *stack;
	u32 nregs;
	u32 stack_size;
};

/* Return 0, -EFAULT, or -ENOSPC with the record alone written. */
static int trampfd_copy_shown(struct trampfd_room *room,
			      struct trampfd_record __user *urecord,
			      const struct trampfd_shown *shown, bool sizes)
{
	const struct trampfd_record *record = &shown->record;

	if (copy_to_user(urecord, record, sizeof(*record)))
		return -EFAULT;
	if (sizes)
		return 0;
	if (record->nregs > room->nregs || record->stack_size > room->stack_size)
		return -ENOSPC;
	if (copy_to_user(room->regs, shown->regs,
			 record->nregs * sizeof(*shown->regs)) ||
	    copy_to_user(room->stack, shown->stack, record->stack_size))
		return -EFAULT;

	room->regs += record->nregs;
	room->nregs -= record->nregs;
	room->stack += record->stack_size;
	room->stack_size -= record->stack_size;
	return 0;
}

/**
 * trampfd_get() - TRAMPFD_GET
 * @table: The table.
 * @args: The records, and room for what they have.
 *
 * Return: how many were read before the first that could not be, 0 if there are
 * no more with %TRAMPFD_CONTEXTS_NEXT, or why not even the first was read:
 *
 * - %EINVAL: A flag, no record or too many, or a number that no trampoline has.
 * - %ENOENT: The trampoline is not set.
 * - %ENOSPC: The room for registers or stack data is too small.
 * - %EFAULT: A record can't be read, or something can't be written.
 * - %ENOMEM: No memory.
 * - %EINTR: The task was killed.
 */
long trampfd_get(struct trampfd_table *table, const struct trampfd_contexts *args)
{
	struct trampfd_record __user *urecord = trampfd_user_ptr(args->records);
	bool next = args->flags & TRAMPFD_CONTEXTS_NEXT;
	struct trampfd_shown *shown __free(kfree) = NULL;
	struct trampfd_room room = {
		.regs = trampfd_user_ptr(args->regs),
		.stack = trampfd_user_ptr(args->stack),
		.nregs = args->nregs,
		.stack_size = args->stack_size,
	};
	u32 trampoline = 0;
	int done, ret;

	if (args->flags & ~(TRAMPFD_CONTEXTS_NEXT | TRAMPFD_CONTEXTS_SIZES))
		return -EINVAL;
	shown = kmalloc_obj(*shown, GFP_KERNEL);
	if (!shown)
		return -ENOMEM;

	for (done = 0; done < args->nrecords; done++, urecord++) {
		if (fatal_signal_pending(current))
			return done ?: -EINTR;
		cond_resched();

		if ((!next || !done) &&
		    get_user(trampoline, &urecord->trampoline))
			return done ?: -EFAULT;
		ret = trampfd_show(table, trampoline, next, shown);
		if (ret == -ENOENT && next)
			return done;
		if (!ret)
			ret = trampfd_copy_shown(&room, urecord, shown,
						 args->flags & TRAMPFD_CONTEXTS_SIZES);
		if (ret)
			return done ?: ret;
		trampoline = shown->record.trampoline + 1;
	}
	return done;
}
