// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines: the chunks of a table, and the contexts in them.
 *
 * Whoever writes to a chunk holds the lock of a table that has it.
 */
#include <linux/bitmap.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>

#include "trampfd_internal.h"
#include "trampfd_slot.h"

struct kmem_cache *trampfd_ctx_cache __ro_after_init;
struct kmem_cache *trampfd_ctx_target_cache __ro_after_init;
static struct kmem_cache *trampfd_chunk_cache __ro_after_init;
static u32 trampfd_chunk_units __ro_after_init;

/* For how many contexts the user is charged at a time. */
#define TRAMPFD_CREDIT_BATCH	64

/**
 * struct trampfd_credit - what a user was charged ahead
 * @ucounts: The user; no reference, as it lasts no longer than the table's lock
 *	is held.
 * @units: How much of it is left.
 *
 * To charge each context by itself would cost more than to install it.
 */
struct trampfd_credit {
	struct ucounts *ucounts;
	u32 units;
};

static noinline u32 trampfd_ctx_units_large(const struct trampfd_ctx *ctx)
{
	size_t size = struct_size(ctx, regs, ctx->nregs);

	if (ctx->stack_size)
		size += struct_size_t(struct trampfd_ctx_stack, data,
				      ctx->stack_size);
	return trampfd_units(size);
}

static __always_inline u32 trampfd_ctx_units(const struct trampfd_ctx *ctx)
{
	if (likely(ctx->nregs <= trampfd_ctx_cached_regs(ctx->abi) &&
		   !ctx->stack_size))
		return 1;
	return trampfd_ctx_units_large(ctx);
}

/*
 * The life of a chunk.
 */

/*
 * Make a chunk, and charge the caller's user for it and for @contexts units of what
 * it is to share with another.  This is no new memory, so it is not refused.  In a
 * %TRAMPFD_SHARED table, each slot has a user who pays for it.
 */
static struct trampfd_chunk *trampfd_chunk_alloc(bool shared, u32 contexts,
						 bool check)
{
	const size_t payers_size = TRAMPFD_CHUNK_SLOTS * sizeof(struct ucounts *);
	u32 units = trampfd_chunk_units;
	struct trampfd_charge charge;
	struct trampfd_chunk *chunk;
	int ret;

	if (shared)
		units += trampfd_units(payers_size);
	ret = trampfd_charge(&charge, units, check);
	if (ret)
		return ERR_PTR(ret);
	chunk = kmem_cache_zalloc(trampfd_chunk_cache, TRAMPFD_GFP);
	if (!chunk)
		goto out_uncharge;
	if (shared) {
		chunk->payers = kzalloc(payers_size, TRAMPFD_GFP);
		if (!chunk->payers)
			goto out_free;
	}
	refcount_set(&chunk->refs, 1);
	ucount_add(charge.ucounts, UCOUNT_TRAMPFD_UNITS, contexts);
	charge.units += contexts;
	chunk->charge = charge;
	return chunk;

out_free:
	kmem_cache_free(trampfd_chunk_cache, chunk);
out_uncharge:
	trampfd_uncharge(&charge);
	return ERR_PTR(-ENOMEM);
}

/* Who has been charged for the context in a slot. */
static struct ucounts *trampfd_payer(struct trampfd_chunk *chunk, u32 slot)
{
	return chunk->payers ? chunk->payers[slot] : chunk->charge.ucounts;
}

/* Free a chunk and what its slots have. */
static void trampfd_chunk_free(struct trampfd_chunk *chunk)
{
	struct trampfd_ctx *ctx;
	unsigned int i;

	for (i = 0; i < TRAMPFD_CHUNK_SLOTS; i++) {
		ctx = rcu_dereference_raw(chunk->slots[i]);
		if (!ctx)
			continue;
		if (chunk->payers) {
			struct trampfd_charge charge = {
				.ucounts = chunk->payers[i],
				.units = trampfd_ctx_units(ctx),
			};

			trampfd_uncharge(&charge);
		}
		kfree(ctx);
	}
	trampfd_uncharge(&chunk->charge);
	kfree(chunk->payers);
	kmem_cache_free(trampfd_chunk_cache, chunk);
}

static void trampfd_chunk_free_rcu(struct rcu_head *rcu)
{
	trampfd_chunk_free(container_of(rcu, struct trampfd_chunk, rcu));
	trampfd_rcu_end();
}

/* Leave those contexts in the slots that no other chunk has. */
static void trampfd_chunk_drop_common(struct trampfd_chunk *chunk)
{
	struct trampfd_ctx *ctx;
	unsigned int i;

	for (i = 0; i < TRAMPFD_CHUNK_SLOTS; i++) {
		ctx = rcu_dereference_raw(chunk->slots[i]);
		if (ctx && !refcount_dec_and_test(&ctx->refs))
			RCU_INIT_POINTER(chunk->slots[i], NULL);
	}
}

/*
 * No hit can see the chunk now.  A hit may have found one of its contexts in
 * another chunk, though, that has given it up since.
 */
static void trampfd_chunk_unseen_rcu(struct rcu_head *rcu)
{
	struct trampfd_chunk *chunk = container_of(rcu, struct trampfd_chunk, rcu);

	trampfd_chunk_drop_common(chunk);
	call_rcu_hurry(&chunk->rcu, trampfd_chunk_free_rcu);
}

/**
 * trampfd_chunk_put() - drop a table's reference of a chunk
 * @chunk: The chunk.  If it is not frozen, no hit can see it.
 *
 * Hits of other tables that had a frozen chunk may still be at it, and hits that
 * found another chunk at the contexts of a mixed one.
 *
 * Context: Any.
 */
void trampfd_chunk_put(struct trampfd_chunk *chunk)
{
	if (!refcount_dec_and_test(&chunk->refs))
		return;
	if (!chunk->frozen && !chunk->mixed) {
		trampfd_chunk_free(chunk);
		return;
	}
	trampfd_rcu_begin();
	call_rcu_hurry(&chunk->rcu, trampfd_chunk_unseen_rcu);
}

/*
 * Make a chunk that can be written at @i, with the contexts of the frozen one that is
 * there now, if any.  Its memory, and that of the contexts it shares, is charged
 * anew.
 */
static noinline struct trampfd_chunk *
trampfd_chunk_replace(struct trampfd_table *table, u32 i, bool check)
{
	struct trampfd_chunk *old = trampfd_chunk_at(table, i), *new;
	struct trampfd_ctx *ctx;
	u32 slot, contexts = 0;

	if (old)
		contexts = old->charge.units - trampfd_chunk_units;
	new = trampfd_chunk_alloc(table->tf->shared, contexts, check);
	if (IS_ERR(new))
		return new;

	if (old) {
		for (slot = 0; slot < TRAMPFD_CHUNK_SLOTS; slot++) {
			ctx = trampfd_slot_at(table, old, slot);
			if (ctx)
				refcount_inc(&ctx->refs);
			RCU_INIT_POINTER(new->slots[slot], ctx);
		}
		bitmap_copy(new->sealed, old->sealed, TRAMPFD_CHUNK_SLOTS);
		bitmap_copy(new->fast, old->fast, TRAMPFD_CHUNK_SLOTS);
		new->mixed = true;
		new->nset = old->nset;
	}

	rcu_assign_pointer(table->chunks[i], new);
	if (old)
		trampfd_chunk_put(old);
	return new;
}

/* The chunk at @i, which is @chunk so far, ready to be written. */
static struct trampfd_chunk *trampfd_chunk_to_write(struct trampfd_table *table,
						    struct trampfd_chunk *chunk,
						    u32 i, bool check)
{
	if (likely(trampfd_chunk_writable(chunk)))
		return chunk;
	return trampfd_chunk_replace(table, i, check);
}

/*
 * Contexts and chunks that a table does not have any more.  Some hits may still see
 * them, so they wait for RCU, and they stay charged until then.  There is one grace
 * period at a time for each table.
 */

static u32 trampfd_contexts_free(struct trampfd_ctx *ctx)
{
	struct trampfd_charge charge = {};
	struct trampfd_ctx *next;
	u32 all = 0, units;

	for (; ctx; ctx = next) {
		next = ctx->next;
		/* Those in a row that one user pays for have one reference. */
		if (ctx->ucounts != charge.ucounts) {
			trampfd_uncharge(&charge);
			charge.ucounts = ctx->ucounts;
			charge.units = 0;
		}
		units = trampfd_ctx_units(ctx);
		charge.units += units;
		all += units;
		kfree(ctx);
		cond_resched();
	}
	trampfd_uncharge(&charge);
	return all;
}

/* Free all of it, and return how many units that were. */
static u32 trampfd_retired_free(struct trampfd_retired *retired)
{
	u32 units = trampfd_contexts_free(retired->contexts);
	struct trampfd_chunk *chunk, *next;

	for (chunk = retired->chunks; chunk; chunk = next) {
		next = chunk->next;
		units += chunk->charge.units;
		trampfd_chunk_free(chunk);
		cond_resched();
	}
	*retired = (struct trampfd_retired) {};
	return units;
}

/**
 * trampfd_retire_start() - let RCU begin with what was retired
 * @table: The table, locked.
 *
 * To be called after one or more contexts were retired.
 */
void trampfd_retire_start(struct trampfd_table *table)
{
	struct trampfd_retire *retire = &table->retire;

	lockdep_assert_held(&table->lock);
	if (retire->queued || (!retire->fresh.contexts && !retire->fresh.chunks))
		return;
	retire->queued = true;
	retire->waiting = retire->fresh;
	retire->fresh = (struct trampfd_retired) {};
	trampfd_table_get(table);
	trampfd_rcu_begin();
	queue_rcu_work(trampfd_wq, &retire->work);
}

static void trampfd_retire_work(struct work_struct *work)
{
	struct trampfd_retire *retire = container_of(to_rcu_work(work),
						     struct trampfd_retire, work);
	struct trampfd_table *table = container_of(retire, struct trampfd_table,
						   retire);
	u32 units = trampfd_retired_free(&retire->waiting);

	mutex_lock(&table->lock);
	WRITE_ONCE(retire->units, retire->units - units);
	retire->queued = false;
	trampfd_retire_start(table);
	mutex_unlock(&table->lock);
	trampfd_table_put(table);
	trampfd_rcu_end();
}

/**
 * trampfd_retire_init() - make a table ready for trampfd_retire_start()
 * @retire: Of the table.
 */
void trampfd_retire_init(struct trampfd_retire *retire)
{
	INIT_RCU_WORK(&retire->work, trampfd_retire_work);
}

/* A slot does not have @ctx any more, for which its chunk was charged. */
static void trampfd_retire(struct trampfd_table *table,
			   struct trampfd_chunk *chunk, u32 slot,
			   struct trampfd_ctx *ctx)
{
	struct trampfd_retire *retire = &table->retire;
	struct trampfd_ctx *head = retire->fresh.contexts;
	struct ucounts *ucounts = trampfd_payer(chunk, slot);
	u32 units = trampfd_ctx_units(ctx);

	if (!chunk->payers)
		chunk->charge.units -= units;

	if (!refcount_dec_and_test(&ctx->refs)) {
		/*
		 * Other chunks have it, and they were charged for it, too.  This is
		 * after a fork, so there are no payers.
		 */
		ucount_sub(ucounts, UCOUNT_TRAMPFD_UNITS, units);
		return;
	}

	/* The list takes one reference for all in a row of one user. */
	if (head && head->ucounts == ucounts) {
		if (chunk->payers)
			put_ucounts(ucounts);
	} else if (!chunk->payers && !get_ucounts(ucounts)) {
		ucount_sub(ucounts, UCOUNT_TRAMPFD_UNITS, units);
		ucounts = NULL;
	}
	ctx->ucounts = ucounts;
	ctx->next = head;
	retire->fresh.contexts = ctx;
	WRITE_ONCE(retire->units, retire->units + units);
}

/*
 * A chunk has become empty.  Keep it, as a program that has one trampoline at a
 * time would need it again at once, but drop the one that was kept before.
 */
static void trampfd_chunk_emptied(struct trampfd_table *table, u32 i)
{
	struct trampfd_retire *retire = &table->retire;
	struct trampfd_chunk *chunk;
	u32 before = table->empty;

	table->empty = i + 1;
	if (!before-- || before == i)
		return;
	chunk = trampfd_chunk_at(table, before);
	if (!chunk || chunk->nset)
		return;
	RCU_INIT_POINTER(table->chunks[before], NULL);
	if (!trampfd_chunk_writable(chunk)) {
		trampfd_chunk_put(chunk);
		return;
	}
	chunk->next = retire->fresh.chunks;
	retire->fresh.chunks = chunk;
	WRITE_ONCE(retire->units, retire->units + chunk->charge.units);
}

/*
 * Writing to slots.
 */

/* Charge @payer for at least @units, and for @ahead if the limit allows it. */
static noinline bool trampfd_credit_more(struct trampfd_credit *credit,
					 struct ucounts *payer, u32 units,
					 u32 ahead)
{
	u32 more;

	if (credit->ucounts != payer) {
		ucount_sub(credit->ucounts, UCOUNT_TRAMPFD_UNITS, credit->units);
		credit->ucounts = payer;
		credit->units = 0;
	}
	if (credit->units >= units)
		return true;
	more = units - credit->units;
	if (more < ahead && ucount_try_add(payer, UCOUNT_TRAMPFD_UNITS, ahead))
		more = ahead;
	else if (!ucount_try_add(payer, UCOUNT_TRAMPFD_UNITS, more))
		return false;
	credit->units += more;
	return true;
}

/*
 * Who pays for what is set in a chunk: the user who made it, and the caller's for
 * a new or copied one and in a %TRAMPFD_SHARED table.
 */
static struct ucounts *trampfd_payer_next(const struct trampfd_chunk *chunk)
{
	if (trampfd_chunk_writable(chunk) && !chunk->payers)
		return chunk->charge.ucounts;
	return current_ucounts();
}

/*
 * Get a chunk ready for a context that is charged already: make or copy it, and
 * take a reference of the user in a %TRAMPFD_SHARED table.  What was charged ahead
 * must not be why the chunk is refused, so it is given back first.
 */
static noinline struct trampfd_chunk *
trampfd_chunk_prepare(struct trampfd_table *table, struct trampfd_chunk *chunk,
		      u32 i, struct trampfd_credit *credit, u32 units)
{
	struct trampfd_chunk *ready;

	ready = trampfd_chunk_to_write(table, chunk, i, true);
	if (ready == ERR_PTR(-EDQUOT) && credit->units > units) {
		ucount_sub(credit->ucounts, UCOUNT_TRAMPFD_UNITS,
			   credit->units - units);
		credit->units = units;
		ready = trampfd_chunk_to_write(table, chunk, i, true);
	}
	if (IS_ERR(ready))
		return ready;
	if (ready->payers && !get_ucounts(credit->ucounts))
		return ERR_PTR(-ENOMEM);
	return ready;
}

/*
 * What to do with a chunk beside setting a slot.  One variable has it, as all that
 * TRAMPFD_SET does for each trampoline counts.
 */
enum trampfd_install {
	/* It is to be made ready, or has payers. */
	TRAMPFD_INSTALL_PREPARE,
	TRAMPFD_INSTALL_PLAIN,
	/* The table has a data part. */
	TRAMPFD_INSTALL_DATA,
};

static enum trampfd_install trampfd_install_how(const struct trampfd_table *table,
						const struct trampfd_chunk *chunk)
{
	/* A fork freezes chunks only with the table locked. */
	if (!trampfd_chunk_writable(chunk) || chunk->payers)
		return TRAMPFD_INSTALL_PREPARE;
	return table->data ? TRAMPFD_INSTALL_DATA : TRAMPFD_INSTALL_PLAIN;
}

/**
 * trampfd_install() - install contexts
 * @table: The table, locked.
 * @head: The first context of a list; what is left of it afterwards.
 * @max: How many to install, at most as many as the list has.
 * @error: Why there were not more: -EPERM, -EDQUOT or -ENOMEM.
 *
 * Return: how many were installed.
 */
u32 trampfd_install(struct trampfd_table *table, struct trampfd_ctx **head,
		    u32 max, int *error)
{
	struct trampfd_credit credit = { .ucounts = current_ucounts() };
	u32 done, slot, i, at = U32_MAX, units, fresh = 0;
	enum trampfd_install how = TRAMPFD_INSTALL_PREPARE;
	struct trampfd_chunk *chunk = NULL, *ready;
	struct trampfd_ctx *ctx, *next, *old;
	struct ucounts *payer = NULL;
	int err = 0;

	lockdep_assert_held(&table->lock);
	for (done = 0, ctx = *head; done < max; done++, ctx = next) {
		next = ctx->next;
		i = trampfd_locate(table, ctx->trampoline, &slot);
		if (i != at) {
			chunk = trampfd_chunk_at(table, i);
			payer = trampfd_payer_next(chunk);
			how = trampfd_install_how(table, chunk);
			at = i;
		}
		err = -EPERM;
		if (unlikely(table->allowed) &&
		    !trampfd_pc_listed(table->allowed, ctx->pc))
			break;
		if (chunk && test_bit(slot, chunk->sealed))
			break;

		/* The charge comes first: no chunk for a refused context. */
		err = -EDQUOT;
		units = trampfd_ctx_units(ctx);
		if (unlikely(credit.units < units || credit.ucounts != payer) &&
		    !trampfd_credit_more(&credit, payer, units,
					 min(max - done, TRAMPFD_CREDIT_BATCH)))
			break;
		if (unlikely(how == TRAMPFD_INSTALL_PREPARE)) {
			ready = trampfd_chunk_prepare(table, chunk, i, &credit,
						      units);
			if (IS_ERR(ready)) {
				err = PTR_ERR(ready);
				break;
			}
			chunk = ready;
			how = trampfd_install_how(table, chunk);
		}
		credit.units -= units;

		old = trampfd_slot_at(table, chunk, slot);
		if (ctx->flags & TRAMPFD_RECORD_SEALED)
			__set_bit(slot, chunk->sealed);
		rcu_assign_pointer(chunk->slots[slot], ctx);
		if (likely(!old)) {
			chunk->nset++;
			fresh++;
		}
		if (unlikely(how != TRAMPFD_INSTALL_PLAIN)) {
			if (how == TRAMPFD_INSTALL_PREPARE) {
				if (old)
					trampfd_retire(table, chunk, slot, old);
				chunk->payers[slot] = payer;
				continue;
			}
			/* It compares the new with the old one, which goes after. */
			trampfd_data_set(table, chunk, i, slot, ctx, old);
		}
		if (unlikely(old))
			trampfd_retire(table, chunk, slot, old);
		chunk->charge.units += units;
	}
	*head = ctx;
	*error = err;
	WRITE_ONCE(table->nset, table->nset + fresh);
	ucount_sub(credit.ucounts, UCOUNT_TRAMPFD_UNITS, credit.units);
	trampfd_retire_start(table);
	return done;
}

/* Find the chunk and the slot of a trampoline that is set. */
static struct trampfd_chunk *trampfd_chunk_find(struct trampfd_table *table,
						u32 trampoline, u32 *i,
						u32 *slot)
{
	struct trampfd_chunk *chunk;

	*i = trampfd_locate(table, trampoline, slot);
	chunk = trampfd_chunk_at(table, *i);
	if (!chunk || !trampfd_slot_at(table, chunk, *slot))
		return ERR_PTR(-ENOENT);
	return chunk;
}

/**
 * trampfd_remove() - remove the context of a trampoline
 * @table: The table, locked.
 * @trampoline: Its number, less than the table has.
 *
 * trampfd_retire_start() has to follow.
 *
 * Return: 0, -ENOENT if it is not set, -EPERM if it is sealed, or -ENOMEM.
 */
int trampfd_remove(struct trampfd_table *table, u32 trampoline)
{
	struct trampfd_chunk *chunk;
	struct trampfd_ctx *ctx;
	u32 i, slot;

	chunk = trampfd_chunk_find(table, trampoline, &i, &slot);
	if (IS_ERR(chunk))
		return PTR_ERR(chunk);
	if (test_bit(slot, chunk->sealed))
		return -EPERM;
	chunk = trampfd_chunk_to_write(table, chunk, i, false);
	if (IS_ERR(chunk))
		return PTR_ERR(chunk);

	ctx = trampfd_slot_at(table, chunk, slot);
	RCU_INIT_POINTER(chunk->slots[slot], NULL);
	if (table->data)
		trampfd_data_remove(table, chunk, i, slot);
	trampfd_retire(table, chunk, slot, ctx);
	WRITE_ONCE(table->nset, table->nset - 1);
	if (!--chunk->nset)
		trampfd_chunk_emptied(table, i);
	return 0;
}

/**
 * trampfd_seal() - seal a trampoline
 * @table: The table, locked.
 * @trampoline: Its number, less than the table has.
 *
 * Return: 0, -ENOENT if it is not set, or -ENOMEM.
 */
int trampfd_seal(struct trampfd_table *table, u32 trampoline)
{
	struct trampfd_chunk *chunk;
	u32 i, slot;

	chunk = trampfd_chunk_find(table, trampoline, &i, &slot);
	if (IS_ERR(chunk))
		return PTR_ERR(chunk);
	if (test_bit(slot, chunk->sealed))
		return 0;
	chunk = trampfd_chunk_to_write(table, chunk, i, false);
	if (IS_ERR(chunk))
		return PTR_ERR(chunk);
	__set_bit(slot, chunk->sealed);
	return 0;
}

/**
 * trampfd_chunk_init() - make the slab caches
 */
void __init trampfd_chunk_init(void)
{
	trampfd_ctx_cache = kmem_cache_create("trampfd_context", TRAMPFD_CTX_SIZE,
					      0, SLAB_PANIC | SLAB_ACCOUNT, NULL);
	if (TRAMPFD_HAS_TARGET)
		trampfd_ctx_target_cache =
			kmem_cache_create("trampfd_context_target",
					  TRAMPFD_CTX_TARGET_SIZE, 0,
					  SLAB_PANIC | SLAB_ACCOUNT, NULL);
	trampfd_chunk_cache = KMEM_CACHE(trampfd_chunk, SLAB_PANIC | SLAB_ACCOUNT);
	trampfd_chunk_units = DIV_ROUND_UP(sizeof(struct trampfd_chunk),
					   TRAMPFD_UNIT);
}
