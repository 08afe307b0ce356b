// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines: the tables of a descriptor, fork and exit, and the PCs that a table
 * allows.
 */
#include <linux/bsearch.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include "trampfd_internal.h"

static void trampfd_allowed_put(struct trampfd_allowed *allowed)
{
	if (!allowed || !refcount_dec_and_test(&allowed->refs))
		return;
	trampfd_uncharge(&allowed->charge);
	kvfree(allowed);
}

/**
 * trampfd_put() - drop a reference of a descriptor's object
 * @tf: The object.
 */
void trampfd_put(struct trampfd *tf)
{
	if (!refcount_dec_and_test(&tf->refs))
		return;
	trampfd_code_put(tf->code);
	kfree(tf);
}

/* Free a table that no hit can see. */
static void trampfd_table_free(struct trampfd_table *table)
{
	struct trampfd_chunk *chunk;
	u32 i;

	for (i = 0; i < table->nchunks; i++) {
		chunk = rcu_dereference_raw(table->chunks[i]);
		if (!chunk)
			continue;
		trampfd_chunk_put(chunk);
		cond_resched();
	}
	trampfd_data_free(table->data);
	trampfd_allowed_put(table->allowed);
	trampfd_space_put(table->space);
	trampfd_put(table->tf);
	trampfd_uncharge(&table->charge);
	kvfree(table);
}

/**
 * trampfd_table_get() - take a reference of a table
 * @table: The table.
 */
void trampfd_table_get(struct trampfd_table *table)
{
	refcount_inc(&table->refs);
}

/**
 * trampfd_table_put() - drop a reference of a table
 * @table: The table; if this is the last reference, no hit can see it.
 *
 * Context: May sleep.
 */
void trampfd_table_put(struct trampfd_table *table)
{
	if (refcount_dec_and_test(&table->refs))
		trampfd_table_free(table);
}

static void trampfd_table_put_work(struct work_struct *work)
{
	trampfd_table_put(container_of(to_rcu_work(work), struct trampfd_table,
				       free_work));
	trampfd_rcu_end();
}

/* Drop the owner's reference once no hit can see the table. */
static void trampfd_table_put_rcu(struct trampfd_table *table)
{
	trampfd_rcu_begin();
	queue_rcu_work(trampfd_wq, &table->free_work);
}

/**
 * trampfd_table_alloc() - make an empty table
 * @tf: The descriptor.
 * @check: Whether to refuse what exceeds the user's limit.
 *
 * Context: May sleep.
 * Return: the table, or ERR_PTR of -ENOMEM or -EDQUOT.
 */
struct trampfd_table *trampfd_table_alloc(struct trampfd *tf, bool check)
{
	u32 nchunks = DIV_ROUND_UP(tf->ntrampolines << tf->slot_shift,
				   TRAMPFD_CHUNK_SLOTS);
	struct trampfd_charge charge;
	struct trampfd_table *table;
	int ret;

	table = trampfd_kvalloc(struct_size(table, chunks, nchunks),
				TRAMPFD_GFP | __GFP_ZERO, &charge, check);
	if (IS_ERR(table))
		return table;

	refcount_set(&table->refs, 1);
	table->charge = charge;
	table->nchunks = nchunks;
	RB_CLEAR_NODE(&table->node);
	INIT_LIST_HEAD(&table->list);
	INIT_RCU_WORK(&table->free_work, trampfd_table_put_work);
	mutex_init(&table->lock);
	trampfd_retire_init(&table->retire);
	refcount_inc(&tf->refs);
	table->tf = tf;
	if (!tf->code)
		return table;
	ret = trampfd_data_alloc(table, check);
	if (!ret)
		return table;
	trampfd_table_put(table);
	return ERR_PTR(ret);
}

static int trampfd_table_cmp(const void *key, const struct rb_node *node)
{
	const struct trampfd *tf = rb_entry(node, struct trampfd_table, node)->tf;

	return key < (void *)tf ? -1 : key > (void *)tf;
}

static bool trampfd_table_less(struct rb_node *a, const struct rb_node *b)
{
	return trampfd_table_cmp(rb_entry(a, struct trampfd_table, node)->tf,
				 b) < 0;
}

static struct trampfd_table *trampfd_table_find(struct trampfd_space *space,
						struct trampfd *tf)
{
	struct rb_node *node;

	lockdep_assert_held(&space->lock);
	node = rb_find(tf, &space->tables, trampfd_table_cmp);
	return node ? rb_entry(node, struct trampfd_table, node) : NULL;
}

/**
 * trampfd_table_link() - make a table the one that its descriptor names in an mm
 * @table: The table.
 * @space: The mm's space.
 */
void trampfd_table_link(struct trampfd_table *table, struct trampfd_space *space)
{
	struct trampfd *tf = table->tf;

	guard(mutex)(&space->lock);
	refcount_inc(&space->refs);
	table->space = space;
	rb_add(&table->node, &space->tables, trampfd_table_less);
	spin_lock(&tf->lock);
	list_add_tail(&table->list, &tf->tables);
	spin_unlock(&tf->lock);
}

static void trampfd_table_unlink(struct trampfd_table *table)
{
	struct trampfd *tf = table->tf;

	lockdep_assert_held(&table->space->lock);
	rb_erase(&table->node, &table->space->tables);
	spin_lock(&tf->lock);
	list_del(&table->list);
	spin_unlock(&tf->lock);
}

/**
 * trampfd_table_of() - find the table that a descriptor names in an mm
 * @tf: The descriptor.
 * @mm: The mm.
 *
 * Context: The caller uses both the mm and a file of the descriptor, so the
 *	table stays: only the last use of one of them unlinks it.
 * Return: the table, or NULL if there is none.
 */
struct trampfd_table *trampfd_table_of(struct trampfd *tf, struct mm_struct *mm)
{
	struct trampfd_space *space;

	if (tf->shared)
		return tf->shared;

	space = trampfd_space_of(mm);
	if (!space)
		return NULL;
	guard(mutex)(&space->lock);
	return trampfd_table_find(space, tf);
}

/* Hold the mm's state that one of the tables is in; NULL if there is none. */
static struct trampfd_space *trampfd_space_with(struct trampfd *tf)
{
	struct trampfd_space *space = NULL;
	struct trampfd_table *table;

	spin_lock(&tf->lock);
	table = list_first_entry_or_null(&tf->tables, struct trampfd_table, list);
	if (table) {
		space = table->space;
		refcount_inc(&space->refs);
	}
	spin_unlock(&tf->lock);
	return space;
}

/**
 * trampfd_drop_tables() - drop all tables of a descriptor
 * @tf: The descriptor, whose last file goes.
 *
 * Mappings hold the file, so none is left in any mm.  Hits that began before may
 * still be on their way; nothing here waits for them.
 */
void trampfd_drop_tables(struct trampfd *tf)
{
	struct trampfd_table *table;
	struct trampfd_space *space;

	if (tf->shared) {
		trampfd_table_put_rcu(tf->shared);
		return;
	}
	while ((space = trampfd_space_with(tf))) {
		/* The exit of the mm may be faster, so the table is looked up. */
		scoped_guard(mutex, &space->lock) {
			table = trampfd_table_find(space, tf);
			if (table)
				trampfd_table_unlink(table);
		}
		if (table)
			trampfd_table_put_rcu(table);
		trampfd_space_put(space);
	}
}

/*
 * Fork and exit.
 */

/* Let @new have what @old has. */
static int trampfd_table_fill(struct trampfd_table *new, struct trampfd_table *old)
{
	struct trampfd_chunk *chunk;
	u32 i;

	guard(mutex)(&old->lock);
	if (new->data)
		trampfd_data_copy(new->data, old->data);
	new->nset = old->nset;
	if (old->allowed)
		refcount_inc(&old->allowed->refs);
	new->allowed = old->allowed;

	for (i = 0; i < old->nchunks; i++) {
		chunk = trampfd_chunk_at(old, i);
		if (!chunk)
			continue;
		WRITE_ONCE(chunk->frozen, true);
		refcount_inc(&chunk->refs);
		RCU_INIT_POINTER(new->chunks[i], chunk);
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/* Give @space a table of its own with what @old has. */
static struct trampfd_table *trampfd_table_copy(struct trampfd_table *old,
						struct trampfd_space *space)
{
	struct trampfd_table *new = trampfd_table_alloc(old->tf, false);
	int ret;

	if (IS_ERR(new))
		return new;
	ret = trampfd_table_fill(new, old);
	if (ret) {
		trampfd_table_put(new);
		return ERR_PTR(ret);
	}
	trampfd_table_link(new, space);
	return new;
}

int __trampfd_dup_vma(struct vm_area_struct *vma, struct mm_struct *oldmm)
{
	struct trampfd_table *table;
	struct trampfd_space *space;
	unsigned long live;
	struct trampfd *tf;

	if (!trampfd_vma_is(vma))
		return 0;

	/* The child needs the parent's size, without what MADV_DONTFORK takes. */
	scoped_guard(rcu)
		live = READ_ONCE(rcu_dereference(oldmm->trampfd)->live);
	space = trampfd_space_get(vma->vm_mm, live, false);
	if (IS_ERR(space))
		return PTR_ERR(space);

	tf = vma->vm_file->private_data;
	table = trampfd_table_of(tf, vma->vm_mm);
	if (!table) {
		table = trampfd_table_copy(trampfd_table_of(tf, oldmm), space);
		if (IS_ERR(table))
			return PTR_ERR(table);
	}
	vma->vm_private_data = table;
	return trampfd_index_add(vma->vm_mm, vma->vm_start, vma->vm_end,
				 vma->vm_pgoff, table, TRAMPFD_ADD_FORK);
}

/* Take a table out of @space; NULL if it has none any more. */
static struct trampfd_table *trampfd_space_take(struct trampfd_space *space)
{
	struct trampfd_table *table;
	struct rb_node *node;

	guard(mutex)(&space->lock);
	node = rb_first(&space->tables);
	if (!node)
		return NULL;
	table = rb_entry(node, struct trampfd_table, node);
	trampfd_table_unlink(table);
	return table;
}

/* What is left of an mm: nobody runs in it, and its mappings are gone. */
void __trampfd_exit_mm(struct mm_struct *mm)
{
	struct trampfd_space *space = trampfd_space_of(mm);
	struct trampfd_table *table;

	while ((table = trampfd_space_take(space)))
		trampfd_table_put(table);
	trampfd_index_exit(mm);
}

/*
 * Allowed PCs.
 */

static int trampfd_pc_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/**
 * trampfd_pc_listed() - tell whether a list of allowed PCs has an address
 * @allowed: The list.
 * @pc: The address.
 *
 * Return: whether it has.
 */
bool trampfd_pc_listed(const struct trampfd_allowed *allowed, u64 pc)
{
	return bsearch(&pc, allowed->pcs, allowed->count, sizeof(pc),
		       trampfd_pc_cmp);
}

/* Whether all trampolines that are set have allowed PCs. */
static bool trampfd_table_conforms(struct trampfd_table *table,
				   const struct trampfd_allowed *allowed)
{
	struct trampfd_chunk *chunk;
	struct trampfd_ctx *ctx;
	u32 i, slot;

	for (i = 0; i < table->nchunks; i++) {
		chunk = trampfd_chunk_at(table, i);
		if (!chunk)
			continue;
		for (slot = 0; slot < TRAMPFD_CHUNK_SLOTS; slot++) {
			ctx = trampfd_slot_at(table, chunk, slot);
			if (ctx && !trampfd_pc_listed(allowed, ctx->pc))
				return false;
		}
		cond_resched();
	}
	return true;
}

static struct trampfd_allowed *trampfd_allowed_alloc(u32 count)
{
	struct trampfd_charge charge;
	struct trampfd_allowed *allowed;

	allowed = trampfd_kvalloc(struct_size(allowed, pcs, count), TRAMPFD_GFP,
				  &charge, true);
	if (IS_ERR(allowed))
		return allowed;
	refcount_set(&allowed->refs, 1);
	allowed->charge = charge;
	allowed->count = count;
	return allowed;
}

/* Read the list of PCs, and check it. */
static int trampfd_allowed_read(struct trampfd_allowed *allowed,
				const struct trampfd_pcs *args, unsigned int abi)
{
	u32 i;

	if (copy_from_user(allowed->pcs, trampfd_user_ptr(args->pcs),
			   allowed->count * sizeof(*allowed->pcs)))
		return -EFAULT;
	for (i = 0; i < allowed->count; i++)
		if (!arch_trampfd_pc_valid(abi, allowed->pcs[i]))
			return -EINVAL;
	sort(allowed->pcs, allowed->count, sizeof(*allowed->pcs),
	     trampfd_pc_cmp, NULL);
	return 0;
}

/**
 * trampfd_allow() - TRAMPFD_ALLOW
 * @table: The table.
 * @args: The PCs.
 *
 * Return: 0, or
 *
 * - %EINVAL: A flag, no PC or too many, or a PC where no code of the ABI can be.
 * - %EFAULT: The list can't be read.
 * - %EPERM: The table has a list already, or a trampoline that is set goes
 *   elsewhere.
 * - %EDQUOT: The user's limit (user.max_trampfd_units) is reached.
 * - %ENOMEM: No memory, or the memory cgroup's limit is reached.
 */
long trampfd_allow(struct trampfd_table *table, const struct trampfd_pcs *args)
{
	struct trampfd_allowed *allowed;
	unsigned int tries = 0;
	int ret;

	if (args->flags || !args->count || args->count > TRAMPFD_PCS_MAX)
		return -EINVAL;

	do {
		allowed = trampfd_allowed_alloc(args->count);
	} while (allowed == ERR_PTR(-EDQUOT) && trampfd_rcu_retry(&tries));
	if (IS_ERR(allowed))
		return PTR_ERR(allowed);

	ret = trampfd_allowed_read(allowed, args, table->tf->abi);
	if (!ret) {
		guard(mutex)(&table->lock);
		if (table->allowed || !trampfd_table_conforms(table, allowed))
			ret = -EPERM;
		else
			swap(table->allowed, allowed);
	}
	trampfd_allowed_put(allowed);
	return ret;
}

/**
 * trampfd_get_allowed() - TRAMPFD_GET_ALLOWED
 * @table: The table.
 * @args: Where to put the PCs.
 *
 * Return: how many there are, 0 if any PC is allowed, or
 *
 * - %EINVAL: A flag.
 * - %ENOSPC: There are more than there is room for.
 * - %EFAULT: They can't be written.
 */
long trampfd_get_allowed(struct trampfd_table *table,
			 const struct trampfd_pcs *args)
{
	const struct trampfd_allowed *allowed;

	if (args->flags)
		return -EINVAL;

	/* Once there, the list stays as it is as long as the table. */
	scoped_guard(mutex, &table->lock)
		allowed = table->allowed;
	if (!allowed)
		return 0;
	if (allowed->count > args->count)
		return -ENOSPC;
	if (copy_to_user(trampfd_user_ptr(args->pcs), allowed->pcs,
			 allowed->count * sizeof(*allowed->pcs)))
		return -EFAULT;
	return allowed->count;
}
