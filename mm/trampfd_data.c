// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines: the data part of TRAMPFD_CODE tables.
 *
 * A slot has the values of the shape's registers and a PC.  The PC is either one
 * that was set together with these values, or the address of the trampoline in the
 * fault part, where the kernel applies the whole context.  Values change only while
 * no call is under way, which the caller of TRAMPFD_SET promises with
 * TRAMPFD_RECORD_IDLE; the PC may change at any time.  As an entry loads the PC
 * last, a call has either values and a PC that belong together, or goes to the
 * fault part.
 *
 * Chunks have the truth.  Data pages are made of them on first touch, belong to one
 * table, and are not shared over fork.  They stay as long as the table, so to set
 * or to remove a trampoline is a store, and flushes nothing.
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "trampfd_internal.h"
#include "trampfd_slot.h"

/*
 * Slots.
 */

/* The address of a slot of chunk @i in the fault part, where the program has it. */
static unsigned long trampfd_fault_entry(const struct trampfd_data *data, u32 i,
					 u32 slot)
{
	return data->base + ((unsigned long)i << TRAMPFD_BLOCK_SHIFT) +
	       slot * TRAMPFD_STRIDE;
}

/* Where a slot is in the data part; NULL if its page was never touched. */
static void *trampfd_data_slot(const struct trampfd_data *data, u32 i, u32 slot)
{
	void *block = trampfd_data_block(data, i);

	return block ? block + slot * TRAMPFD_STRIDE : NULL;
}

static inline void trampfd_pc_write(const struct trampfd_code *code, void *at,
				    unsigned long pc)
{
	trampfd_word_write(at + code->shape.pc, pc, trampfd_narrow(code));
}

/* Find a register of a context; the record was checked to have it. */
static unsigned long trampfd_ctx_value(const struct trampfd_ctx *ctx,
				       unsigned int slot)
{
	const struct trampfd_ctx_reg *reg = ctx->regs;

	while (reg->slot != slot)
		reg++;
	return reg->value;
}

static bool trampfd_values_same(const struct trampfd_code *code,
				const struct trampfd_ctx *a,
				const struct trampfd_ctx *b)
{
	unsigned int i;

	for (i = 0; i < code->shape.nregs; i++)
		if (trampfd_ctx_value(a, code->slots[i]) !=
		    trampfd_ctx_value(b, code->slots[i]))
			return false;
	return true;
}

/**
 * trampfd_data_set_pc() - let the fast lane know of a context without new values
 * @table: The table, locked.
 * @chunk: The chunk, which has the context.
 * @i: The number of the chunk.
 * @slot: The slot in it.
 * @ctx: The context.
 * @old: What the slot had before, or NULL.
 *
 * A trampoline that is in the fast lane stays there if only the PC is another one.
 */
void trampfd_data_set_pc(struct trampfd_table *table, struct trampfd_chunk *chunk,
			 u32 i, u32 slot, const struct trampfd_ctx *ctx,
			 const struct trampfd_ctx *old)
{
	const struct trampfd_code *code = table->tf->code;
	void *at = trampfd_data_slot(table->data, i, slot);
	bool fast = test_bit(slot, chunk->fast) &&
		    trampfd_code_fits(code, ctx) &&
		    trampfd_values_same(code, ctx, old);

	if (at)
		trampfd_pc_write(code, at, fast ? ctx->pc :
				 trampfd_fault_entry(table->data, i, slot));
	if (!fast)
		__clear_bit(slot, chunk->fast);
}

/**
 * trampfd_data_remove() - take a trampoline out of the fast lane
 * @table: The table, locked.
 * @chunk: The chunk that had its context.
 * @i: The number of the chunk.
 * @slot: The slot in it.
 */
void trampfd_data_remove(struct trampfd_table *table, struct trampfd_chunk *chunk,
			 u32 i, u32 slot)
{
	void *at = trampfd_data_slot(table->data, i, slot);

	if (at)
		trampfd_pc_write(table->tf->code, at,
				 trampfd_fault_entry(table->data, i, slot));
	__clear_bit(slot, chunk->fast);
}

/**
 * trampfd_data_nfast() - count the trampolines in the fast lane
 * @table: The table, with code.
 *
 * Context: May sleep.  Takes the table's lock.
 * Return: how many.
 */
u32 trampfd_data_nfast(struct trampfd_table *table)
{
	const struct trampfd_chunk *chunk;
	u32 i, nfast = 0;

	guard(mutex)(&table->lock);
	for (i = 0; i < table->nchunks; i++) {
		chunk = trampfd_chunk_at(table, i);
		if (chunk)
			nfast += bitmap_weight(chunk->fast, TRAMPFD_CHUNK_SLOTS);
	}
	return nfast;
}

/*
 * Data pages.
 */

#define TRAMPFD_PAGE_UNITS	(PAGE_SIZE / TRAMPFD_UNIT)

static unsigned int trampfd_data_npages(const struct trampfd *tf)
{
	return trampfd_part_size(tf) >> PAGE_SHIFT;
}

/**
 * trampfd_data_alloc() - give a table what it knows of its data part
 * @table: The table.
 * @check: Whether to refuse what exceeds the user's limit.
 *
 * The pages of a new table are charged now.  On first touch nobody could be refused
 * any more, and they may take 85 times what the table takes, so the limit would be
 * none.  A forked table, which is not to be refused, is charged when they are touched:
 * most children never do that.
 *
 * Return: 0, -ENOMEM or -EDQUOT.
 */
int trampfd_data_alloc(struct trampfd_table *table, bool check)
{
	unsigned int npages = trampfd_data_npages(table->tf);
	struct trampfd_charge charge, pages_charge;
	struct trampfd_data *data;
	int ret;

	ret = trampfd_charge(&pages_charge, check ? npages * TRAMPFD_PAGE_UNITS : 0,
			     check);
	if (ret)
		return ret;
	data = trampfd_kvalloc(struct_size(data, pages, npages),
			       TRAMPFD_GFP | __GFP_ZERO, &charge, check);
	if (IS_ERR(data)) {
		trampfd_uncharge(&pages_charge);
		return PTR_ERR(data);
	}
	data->charge = charge;
	data->pages_charge = pages_charge;
	data->npages = npages;
	table->data = data;
	return 0;
}

/**
 * trampfd_data_free() - free a table's data pages
 * @data: What trampfd_data_alloc() has made, or NULL.
 *
 * Whoever has pinned a page keeps it.
 */
void trampfd_data_free(struct trampfd_data *data)
{
	unsigned int i;

	if (!data)
		return;
	for (i = 0; i < data->npages; i++)
		if (data->pages[i])
			put_page(virt_to_page(data->pages[i]));
	trampfd_uncharge(&data->pages_charge);
	trampfd_uncharge(&data->charge);
	kvfree(data);
}

/**
 * trampfd_data_copy() - let a forked table be where its parent is
 * @new: The data of the child's table.
 * @old: The data of the parent's, whose lock is held.
 *
 * The child makes its own pages on first touch.
 */
void trampfd_data_copy(struct trampfd_data *new, const struct trampfd_data *old)
{
	new->base = old->base;
	new->placed = old->placed;
}

/**
 * trampfd_data_may_place() - ask whether a table can be at a place
 * @table: The table.
 * @base: A mapping's address minus its offset.
 *
 * Context: mmap_lock held for writing, without which the answer may change at once.
 * Return: whether it is there, or nowhere yet.
 */
bool trampfd_data_may_place(struct trampfd_table *table, unsigned long base)
{
	const struct trampfd_data *data = table->data;

	guard(mutex)(&table->lock);
	return !data->placed || data->base == base;
}

/**
 * trampfd_data_place() - tell where a new mapping wants a table to be
 * @table: The table.
 * @base: The mapping's address minus its offset, for which trampfd_data_may_place()
 *	has said yes.
 *
 * Context: mmap_lock held for writing, as for the question.
 */
void trampfd_data_place(struct trampfd_table *table, unsigned long base)
{
	struct trampfd_data *data = table->data;

	guard(mutex)(&table->lock);
	data->base = base;
	data->placed = true;
	data->nmaps++;
}

/**
 * trampfd_data_unplace() - tell that a mapping goes
 * @table: The table.
 *
 * Before a data page is made, nothing knows where the table is.  Then it can be
 * mapped elsewhere once no mapping is left.
 */
void trampfd_data_unplace(struct trampfd_table *table)
{
	struct trampfd_data *data = table->data;

	guard(mutex)(&table->lock);
	if (!--data->nmaps && !data->nbuilt)
		data->placed = false;
}

/* Write the slots of a block: those of a chunk, or of none.  Nobody sees them yet. */
static void trampfd_block_fill(struct trampfd_table *table, u32 i)
{
	unsigned long entry = trampfd_fault_entry(table->data, i, 0);
	const struct trampfd_code *code = table->tf->code;
	void *block = trampfd_data_block(table->data, i);
	const u32 stride = trampfd_stride(table->tf);
	struct trampfd_chunk *chunk = NULL;
	u32 slot, at;

	for (at = 0; at < BIT(TRAMPFD_BLOCK_SHIFT); at += stride)
		trampfd_pc_write(code, block + at, entry + at);
	if (i < table->nchunks)
		chunk = trampfd_chunk_at(table, i);
	if (!chunk)
		return;
	for_each_set_bit(slot, chunk->fast, TRAMPFD_CHUNK_SLOTS)
		trampfd_slot_write(code, block + slot * TRAMPFD_STRIDE,
				   trampfd_slot_at(table, chunk, slot));
}

/* Give a table its data page @n, unless another thread is faster. */
static vm_fault_t trampfd_data_build(struct trampfd_table *table, pgoff_t n)
{
	struct trampfd_data *data = table->data;
	struct page *page;
	u32 i;

	/*
	 * Without __GFP_RETRY_MAYFAIL: at the limit of the memory cgroup the task
	 * has to be killed, or it would come back with the same fault for ever.
	 */
	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		return VM_FAULT_OOM;

	mutex_lock(&table->lock);
	if (!data->pages[n]) {
		data->pages[n] = page_address(page);
		page = NULL;
		data->nbuilt++;
		if (data->pages_charge.units < data->nbuilt * TRAMPFD_PAGE_UNITS)
			trampfd_charge_more(&data->pages_charge, TRAMPFD_PAGE_UNITS);
		for (i = 0; i < TRAMPFD_PAGE_BLOCKS; i++)
			trampfd_block_fill(table, n * TRAMPFD_PAGE_BLOCKS + i);
	}
	mutex_unlock(&table->lock);
	if (page)
		__free_page(page);
	return 0;
}

/* Hold a data page; NULL if it was never touched. */
static struct page *trampfd_data_get(struct trampfd_table *table, pgoff_t n)
{
	struct page *page;
	void *addr;

	guard(mutex)(&table->lock);
	addr = table->data->pages[n];
	if (!addr)
		return NULL;
	page = virt_to_page(addr);
	get_page(page);
	return page;
}

/**
 * trampfd_data_fault() - give a fault in the data part its page
 * @table: The table.
 * @vmf: The fault.
 *
 * Context: mmap_lock held for reading; takes the table's lock.
 * Return: 0, or what the handler is to make of it.
 */
vm_fault_t trampfd_data_fault(struct trampfd_table *table, struct vm_fault *vmf)
{
	pgoff_t n = vmf->pgoff - (TRAMPFD_DATA_OFFSET >> PAGE_SHIFT);
	vm_fault_t ret;

	if (n >= table->data->npages)
		return VM_FAULT_SIGBUS;
	vmf->page = trampfd_data_get(table, n);
	if (vmf->page)
		return 0;
	ret = trampfd_data_build(table, n);
	if (!ret)
		vmf->page = trampfd_data_get(table, n);
	return ret;
}
