// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines: the index of an mm, from addresses to chunks, and the mm's space.
 *
 * The index is a hash table with linear probing.  Hits read it under RCU.
 * Changes are made under the lock of the mm's space: blocks are added and marked
 * as unmapped in place, and where that is not possible, a new index takes the
 * place of the old one.
 */
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "trampfd_internal.h"

#define TRAMPFD_PAGE_BLOCKS	(1UL << (PAGE_SHIFT - TRAMPFD_BLOCK_SHIFT))

#define TRAMPFD_INDEX_MIN	16UL

/* Blocks of an mm: 4 GiB of addresses, for which an index takes 64 MiB. */
#define TRAMPFD_BLOCKS_MAX	BIT(20)

/*
 * How many new indexes are tried, the first with the usual size, and the others
 * twice as large.  Of 20,000 random keys, 218 left no place for 300 blocks at the worst
 * distance that was found, 8935 blocks, and 136 for 2,000 of them.
 */
#define TRAMPFD_TRIES		4

/* What entries of blocks that are not mapped any more point to: no chunk. */
static struct trampfd_chunk __rcu *trampfd_unmapped __ro_after_init;

/* Long mappings have many blocks, and nothing of this is atomic. */
static void trampfd_index_resched(unsigned long i)
{
	if (!(i % 1024))
		cond_resched();
}

/*
 * A random key, so that nobody can choose addresses whose blocks collide.
 *
 * The key stands for f, a fraction of 2^BITS_PER_LONG.  The place of a block is the
 * fractional part of block * f, times the number of entries.  Most mappings are
 * blocks in a row, and these should not collide at all.  So f is taken from the
 * numbers whose multiples keep away from whole numbers: the terms of its continued
 * fraction are random, about 30 of them, but none exceeds 2.
 *
 * Then n blocks in a row have n different places in an index of 4 * n entries.  For
 * any d < n, let q be the last denominator of a convergent of f with q <= d, and q'
 * the one after it.  d * f is more than 1 / (q + q') away from a whole number, and q'
 * is less than 3 * q, so that is more than 1 / (4 * n).  (A 32-bit key is too short for
 * that from some 16,000 blocks on; a few collide there.)
 */
static unsigned long trampfd_index_key(void)
{
	u32 p = 0, q = 1, p_before = 1, q_before = 0, term, rest, high, low;
	u64 terms = get_random_u64();

	while (q < BIT(30)) {
		term = 1 + (terms & 1);
		terms >>= 1;
		swap(p, p_before);
		swap(q, q_before);
		p += term * p_before;
		q += term * q_before;
	}
	high = div_u64_rem((u64)p << 32, q, &rest);
	if (BITS_PER_LONG == 32)
		return high | 1;
	low = div_u64((u64)rest << 32, q);
	return ((u64)high << 32 | low) | 1;
}

static struct trampfd_index *trampfd_index_alloc(struct trampfd_space *space,
						 unsigned long live, bool check)
{
	/* Half empty once as many again are there. */
	unsigned long size = roundup_pow_of_two(max(live * 4, TRAMPFD_INDEX_MIN));
	struct trampfd_charge charge;
	struct trampfd_index *index;
	unsigned long i;

	index = trampfd_kvalloc(struct_size(index, entries, size), TRAMPFD_GFP,
				&charge, check);
	if (IS_ERR(index))
		return index;

	index->space = space;
	index->charge = charge;
	index->key = trampfd_index_key();
	index->shift = BITS_PER_LONG - ilog2(size);
	index->mask = size - 1;
	index->used = 0;
	index->live = 0;
	for (i = 0; i < size; i++) {
		index->entries[i].block = TRAMPFD_NO_BLOCK;
		index->entries[i].chunk = &trampfd_unmapped;
		trampfd_index_resched(i);
	}
	return index;
}

static void trampfd_index_free(struct trampfd_index *index)
{
	struct trampfd_charge charge = index->charge;

	kvfree(index);
	trampfd_uncharge(&charge);
}

static void trampfd_index_free_work(struct work_struct *work)
{
	trampfd_index_free(container_of(to_rcu_work(work), struct trampfd_index,
					free_work));
	trampfd_rcu_end();
}

/*
 * The entry of @block, or the empty one where it belongs; NULL if that is too
 * far from where a search begins.
 */
static struct trampfd_entry *trampfd_index_entry(struct trampfd_index *index,
						 unsigned long block)
{
	struct trampfd_entry *entry = trampfd_first_entry(index, block);
	unsigned int probes;

	for (probes = 0; probes < TRAMPFD_PROBES_MAX; probes++) {
		if (entry->block == block || entry->block == TRAMPFD_NO_BLOCK)
			return entry;
		entry = trampfd_next_entry(index, entry);
	}
	return NULL;
}

static bool trampfd_index_insert(struct trampfd_index *index,
				 unsigned long block,
				 struct trampfd_chunk __rcu **chunk)
{
	struct trampfd_entry *entry = trampfd_index_entry(index, block);

	if (!entry)
		return false;
	if (entry->chunk == &trampfd_unmapped)
		index->live++;
	/* A hit that finds the table sees it initialised. */
	smp_store_release(&entry->chunk, chunk);
	if (entry->block == TRAMPFD_NO_BLOCK) {
		index->used++;
		/* Pairs with the acquire in trampfd_find(). */
		smp_store_release(&entry->block, block);
	}
	return true;
}

static void trampfd_index_erase(struct trampfd_index *index, unsigned long block)
{
	struct trampfd_entry *entry = trampfd_index_entry(index, block);

	if (!entry || entry->chunk == &trampfd_unmapped)
		return;
	WRITE_ONCE(entry->chunk, &trampfd_unmapped);
	index->live--;
}

/* Insert @n blocks from @block on, or none. */
static bool trampfd_index_insert_all(struct trampfd_index *index,
				     unsigned long block,
				     struct trampfd_chunk __rcu **chunks,
				     unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		if (!trampfd_index_insert(index, block + i, &chunks[i])) {
			while (i--)
				trampfd_index_erase(index, block + i);
			return false;
		}
		trampfd_index_resched(i);
	}
	return true;
}

/* Insert what is mapped in @old; false if it does not fit. */
static bool trampfd_index_insert_live(struct trampfd_index *index,
				      struct trampfd_index *old)
{
	struct trampfd_entry *entry;
	unsigned long i;

	for (i = 0; i <= old->mask; i++) {
		entry = &old->entries[i];
		if (entry->chunk != &trampfd_unmapped &&
		    !trampfd_index_insert(index, entry->block, entry->chunk))
			return false;
		trampfd_index_resched(i);
	}
	return true;
}

/* The index of an mm: with the lock of its space, or when nobody uses the mm. */
static struct trampfd_index *trampfd_index_of(struct mm_struct *mm,
					      struct trampfd_space *space)
{
	return rcu_dereference_protected(mm->trampfd,
					 !atomic_read(&mm->mm_users) ||
					 lockdep_is_held(&space->lock));
}

/**
 * trampfd_space_of() - find the trampolines of an mm
 * @mm: The mm.
 *
 * Return: the space, which stays as long as the mm is used; NULL if it has none.
 */
struct trampfd_space *trampfd_space_of(struct mm_struct *mm)
{
	struct trampfd_index *index;

	guard(rcu)();
	index = rcu_dereference(mm->trampfd);
	return index ? index->space : NULL;
}

/**
 * trampfd_space_put() - drop a reference of a space
 * @space: The space, or NULL.
 */
void trampfd_space_put(struct trampfd_space *space)
{
	if (space && refcount_dec_and_test(&space->refs))
		kfree(space);
}

/**
 * trampfd_space_get() - find the trampolines of an mm, or begin with them
 * @mm: The mm, the current one or a new one.
 * @live: For how many blocks a new index has room.
 * @check: Whether to refuse what exceeds the user's limit.
 *
 * Return: the space, or ERR_PTR of -ENOMEM or -EDQUOT.
 */
struct trampfd_space *trampfd_space_get(struct mm_struct *mm, unsigned long live,
					bool check)
{
	struct trampfd_space *space = trampfd_space_of(mm);
	struct trampfd_index *index;

	if (space)
		return space;

	space = kzalloc_obj(*space, TRAMPFD_GFP);
	if (!space)
		return ERR_PTR(-ENOMEM);
	refcount_set(&space->refs, 1);
	mutex_init(&space->lock);
	space->tables = RB_ROOT;

	index = trampfd_index_alloc(space, live, check);
	if (IS_ERR(index)) {
		kfree(space);
		return ERR_CAST(index);
	}
	if (!cmpxchg((struct trampfd_index __force **)&mm->trampfd, NULL, index))
		return space;

	/* Another thread was faster. */
	trampfd_index_free(index);
	kfree(space);
	return trampfd_space_of(mm);
}

/*
 * The first block of a mapping, and how many of its blocks have trampolines:
 * with pages larger than a block, the last page may have more than the table, and
 * what is left of a TRAMPFD_CODE table's region may be behind all of them.
 */
static unsigned long trampfd_map_blocks(unsigned long size, pgoff_t pgoff,
					struct trampfd_table *table,
					unsigned long *first)
{
	unsigned long n = size >> TRAMPFD_BLOCK_SHIFT;

	*first = pgoff * TRAMPFD_PAGE_BLOCKS;
	return *first < table->nchunks ? min(n, table->nchunks - *first) : 0;
}

/*
 * Put a new index for @live blocks in the place of @old, with the @n blocks from
 * @block on, and without what is not mapped any more.
 */
static int trampfd_index_rebuild(struct mm_struct *mm, struct trampfd_index *old,
				 unsigned long live, unsigned long block,
				 struct trampfd_chunk __rcu **chunks,
				 unsigned long n, bool check)
{
	struct trampfd_index *new;
	unsigned int i;

	for (i = 0; i < TRAMPFD_TRIES; i++) {
		new = trampfd_index_alloc(old->space, i ? live * 2 : live, check);
		if (IS_ERR(new))
			return PTR_ERR(new);
		if (trampfd_index_insert_live(new, old) &&
		    trampfd_index_insert_all(new, block, chunks, n)) {
			rcu_assign_pointer(mm->trampfd, new);
			trampfd_rcu_begin();
			INIT_RCU_WORK(&old->free_work, trampfd_index_free_work);
			queue_rcu_work(trampfd_wq, &old->free_work);
			return 0;
		}
		trampfd_index_free(new);
	}
	return -ENOMEM;
}

/**
 * trampfd_index_add() - let calls find the trampolines of a mapping
 * @mm: The mm of the mapping.
 * @start: Where the mapping begins.
 * @end: Where it ends.
 * @pgoff: The file's page that is at its beginning.
 * @table: Its table.
 * @why: Why it is new.  Only %TRAMPFD_ADD_MMAP is refused for a limit: the user's, or
 *	that of blocks in an mm.
 *
 * Context: mmap_lock held for writing; takes the lock of the mm's space.
 * Return: 0, -ENOMEM or -EDQUOT.
 */
int trampfd_index_add(struct mm_struct *mm, unsigned long start,
		      unsigned long end, pgoff_t pgoff,
		      struct trampfd_table *table, enum trampfd_add why)
{
	unsigned long block = start >> TRAMPFD_BLOCK_SHIFT;
	struct trampfd_space *space = trampfd_space_of(mm);
	bool check = why == TRAMPFD_ADD_MMAP;
	struct trampfd_chunk __rcu **chunks;
	struct trampfd_index *index;
	unsigned long first, n, live;

	n = trampfd_map_blocks(end - start, pgoff, table, &first);
	if (!n)
		return 0;
	chunks = &table->chunks[first];
	guard(mutex)(&space->lock);
	index = trampfd_index_of(mm, space);
	/* How many there are once the old place of a move is gone. */
	live = index->live + (why == TRAMPFD_ADD_MOVE ? 0 : n);
	if (check && live > TRAMPFD_BLOCKS_MAX)
		return -ENOMEM;

	if ((index->used + n) * 2 <= index->mask + 1 &&
	    likely(trampfd_index_insert_all(index, block, chunks, n)))
		return 0;
	return trampfd_index_rebuild(mm, index, live, block, chunks, n, check);
}

/**
 * trampfd_index_remove() - let calls not find the trampolines of a mapping
 * @vma: The mapping; some or all of its blocks may not be there.
 *
 * Context: mmap_lock held, by munmap() for reading only; takes the lock of the mm's space.
 */
void trampfd_index_remove(struct vm_area_struct *vma)
{
	unsigned long block = vma->vm_start >> TRAMPFD_BLOCK_SHIFT;
	unsigned long end = vma->vm_end >> TRAMPFD_BLOCK_SHIFT;
	struct trampfd_space *space = trampfd_space_of(vma->vm_mm);
	struct trampfd_index *index;

	/* ->mapped() failed before the mm got a space: memory or the user's limit. */
	if (!space)
		return;
	guard(mutex)(&space->lock);
	index = trampfd_index_of(vma->vm_mm, space);
	for (; block < end; block++) {
		trampfd_index_erase(index, block);
		trampfd_index_resched(block);
	}
}

/**
 * trampfd_index_exit() - free the index of an mm, and let go of its space
 * @mm: The mm, which nobody uses any more.
 */
void trampfd_index_exit(struct mm_struct *mm)
{
	struct trampfd_space *space = trampfd_space_of(mm);
	struct trampfd_index *index = trampfd_index_of(mm, space);

	RCU_INIT_POINTER(mm->trampfd, NULL);
	trampfd_index_free(index);
	trampfd_space_put(space);
}
