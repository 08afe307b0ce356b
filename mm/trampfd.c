// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines that need no writable, executable memory.
 *
 * A trampoline is an address in a mapping without permissions.  Calling it
 * faults, and the architecture's page-fault handler asks trampfd_call(), which
 * applies the stored context.
 *
 * The objects, from the address of a trampoline to its context:
 *
 *   mm->trampfd, struct trampfd_index: a hash from 4 KiB blocks of the address
 *	space to the place where a table has the block's chunk.  It knows
 *	addresses and tables, not VMAs, so that a hit looks up no VMA, and a
 *	split of one changes nothing here.
 *   struct trampfd_table: what a descriptor is for one mm.
 *   struct trampfd_chunk: the 256 trampolines of a block; after a fork several
 *	tables share it until one of them writes.
 *   struct trampfd_ctx: a context, never changed once it can be seen.
 *
 * A hit reads all of them under RCU, takes no lock and writes to nothing that
 * is shared.
 *
 * Locking: mmap_lock, then trampfd_space.lock, then trampfd.lock; mmap_lock,
 * then trampfd_table.lock (a fork nests none of two tables).  User memory is
 * copied with none of them held.
 */
#include <linux/anon_inodes.h>
#include <linux/bsearch.h>
#include <linux/cleanup.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/init.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/ptrace.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/syscalls.h>
#include <linux/sysctl.h>
#include <linux/trampfd.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>

#include <asm/trampfd.h>

#include <uapi/linux/trampfd.h>

#define CREATE_TRACE_POINTS
#include <trace/events/trampfd.h>

/*
 * 16 bytes are a multiple of every architecture's instruction alignment.  A
 * block is the smallest page of any architecture, so that every mapping consists
 * of whole blocks.
 */
#define TRAMPFD_STRIDE_SHIFT	4
#define TRAMPFD_STRIDE		BIT(TRAMPFD_STRIDE_SHIFT)
#define TRAMPFD_BLOCK_SHIFT	12
#define TRAMPFD_CHUNK_SLOTS	(1U << (TRAMPFD_BLOCK_SHIFT - TRAMPFD_STRIDE_SHIFT))
#define TRAMPFD_PAGE_BLOCKS	(1UL << (PAGE_SHIFT - TRAMPFD_BLOCK_SHIFT))

/*
 * Everything that stays is charged to the memory cgroup of the task that causes
 * it.  At the limit the caller gets ENOMEM: it can go on without one trampoline
 * more, so killing a process of the cgroup would be the wrong answer.
 */
#define TRAMPFD_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* How many contexts may wait for RCU before who replaces them has to wait. */
#define TRAMPFD_RETIRED_MAX	4096

/* How many trampolines of closed tables may wait before a close has to wait. */
#define TRAMPFD_DYING_MAX	(2L * TRAMPFD_TRAMPOLINES_MAX)

/* Bytes of replaced indexes that may wait before who replaces one has to wait. */
#define TRAMPFD_REPLACED_MAX	SZ_1M

/* How much of a long call is done between two looks at signals and locks. */
#define TRAMPFD_BATCH		64
#define TRAMPFD_BATCH_REGS	96
#define TRAMPFD_INSTALL_BATCH	1024

/**
 * struct trampfd_ctx_reg - a register, ready to be loaded
 * @value: What the register gets, in the form it has in pt_regs.
 * @slot: Where the port keeps it.
 * @name: What user space calls it.
 */
struct trampfd_ctx_reg {
	unsigned long value;
	u8 slot;
	u8 name;
};

/**
 * struct trampfd_ctx - the context of a trampoline, compiled when it is set
 * @rcu: To free it once no hit can see it.
 * @next: The next one of a call, until it is installed.
 * @trampoline: The trampoline to install it at.
 * @flags: Those of its record, until then.
 * @pc: Where a call goes on.
 * @refs: How many chunks have it.
 * @nregs: Elements of @regs; the PC is none of them.
 * @abi: The table's ABI: the execution mode that a call must come in.
 * @stack_size: Bytes of stack data; a struct trampfd_ctx_stack stands behind
 *	@regs if there are any.
 * @regs: The registers.
 */
struct trampfd_ctx {
	union {
		struct rcu_head rcu;
		struct {
			struct trampfd_ctx *next;
			u32 trampoline;
			u32 flags;
		};
	};
	unsigned long pc;
	refcount_t refs;
	u8 nregs;
	u8 abi;
	u16 stack_size;
	struct trampfd_ctx_reg regs[];
};

/* Room for one register beside the PC, as closures and static chains need. */
#define TRAMPFD_CTX_SIZE	struct_size_t(struct trampfd_ctx, regs, 1)

/**
 * struct trampfd_ctx_stack - the stack part of a context
 * @skip: Bytes between the old stack pointer and the data.
 * @data: What is pushed.
 */
struct trampfd_ctx_stack {
	u32 skip;
	u8 data[];
};

/**
 * struct trampfd_chunk - the trampolines of a block
 * @rcu: To free it once no hit can see it.
 * @refs: How many tables have it.
 * @frozen: Two tables had it at some time.  It is never written again, not even
 *	by the last one: a hit of another may still be reading it.
 * @mixed: Its contexts may be in other chunks too.
 * @nset: How many trampolines are set.
 * @sealed: Which trampolines are sealed.
 * @slots: The contexts, NULL where none is set.
 */
struct trampfd_chunk {
	struct rcu_head rcu;
	refcount_t refs;
	bool frozen;
	bool mixed;
	u16 nset;
	DECLARE_BITMAP(sealed, TRAMPFD_CHUNK_SLOTS);
	struct trampfd_ctx __rcu *slots[TRAMPFD_CHUNK_SLOTS];
};

/**
 * struct trampfd_allowed - the PCs that trampolines of a table may have
 * @refs: How many tables have it.
 * @count: Elements of @pcs.
 * @pcs: The PCs in ascending order.
 */
struct trampfd_allowed {
	refcount_t refs;
	u32 count;
	u64 pcs[] __counted_by(count);
};

/**
 * struct trampfd - a descriptor
 * @refs: The file's and each table's.
 * @ntrampolines: Trampolines of a table.
 * @abi: ABI of the process that created it.
 * @map_size: Bytes of a mapping.
 * @shared: The only table of a %TRAMPFD_SHARED one, NULL for others.
 * @lock: Protects @tables.
 * @tables: The tables, one for each mm that has one.
 */
struct trampfd {
	refcount_t refs;
	u32 ntrampolines;
	unsigned int abi;
	unsigned long map_size;
	struct trampfd_table *shared;
	spinlock_t lock;	/* of @tables */
	struct list_head tables;
};

/**
 * struct trampfd_table - the trampolines that a descriptor names in an mm
 * @node: In trampfd_space.tables; empty for a shared one.
 * @list: In trampfd.tables.
 * @tf: The descriptor.
 * @space: The mm's state; NULL for a shared one.
 * @free_work: To free it once no hit can see it.
 * @lock: Protects what follows, and writing to chunks.
 * @ucounts: The user that pays for the trampolines that are set.
 * @allowed: The allowed PCs, NULL for any.
 * @nset: How many trampolines are set.
 * @retired: Contexts handed to RCU since it was last waited for; a chunk counts
 *	as many as have its size.
 * @retired_at: The grace period of those before them.
 * @emptied: A chunk without any trampoline, less one; 0 if there is none.
 * @nchunks: Elements of @chunks.
 * @chunks: The chunks, NULL where no trampoline was ever set.
 */
struct trampfd_table {
	struct rb_node node;
	struct list_head list;
	struct trampfd *tf;
	struct trampfd_space *space;
	struct rcu_work free_work;
	struct mutex lock;	/* of the members below */
	struct ucounts *ucounts;
	struct trampfd_allowed *allowed;
	u32 nset;
	u32 retired;
	unsigned long retired_at;
	u32 emptied;
	u32 nchunks;
	struct trampfd_chunk __rcu *chunks[] __counted_by(nchunks);
};

/**
 * struct trampfd_space - the trampolines of an mm
 * @refs: The mm's and each table's.  As tables hold it, no later mm has the
 *	address of one that a table is still known by.
 * @lock: Protects @tables and changes of the index.
 * @tables: Tables by the address of their descriptor.
 * @replaced: The grace period after which the last replaced index is gone.
 * @replaced_size: Bytes of the indexes that were replaced since that was last
 *	waited for.
 */
struct trampfd_space {
	refcount_t refs;
	struct mutex lock;	/* of @tables and the index */
	struct rb_root tables;
	unsigned long replaced;
	size_t replaced_size;
};

/**
 * struct trampfd_entry - a block of the address space
 * @block: Address >> %TRAMPFD_BLOCK_SHIFT, or %TRAMPFD_NO_BLOCK.  It never
 *	changes again until the index is replaced.
 * @chunk: Where the table has the chunk; &trampfd_unmapped if the block is not
 *	mapped any more.
 */
struct trampfd_entry {
	unsigned long block;
	struct trampfd_chunk __rcu **chunk;
};

#define TRAMPFD_NO_BLOCK	ULONG_MAX

/**
 * struct trampfd_index - from addresses to trampolines, a hash
 * @space: The mm's state.
 * @shift: What a hash value is shifted by to the number of an entry.
 * @mask: Number of entries less one; a power of two less one.
 * @used: Entries that have a block.
 * @live: Entries that have a mapped block.
 * @rcu: To free it once no hit can see it.
 * @entries: The entries.  At least half are empty, so a search ends.
 */
struct trampfd_index {
	struct trampfd_space *space;
	unsigned int shift;
	unsigned long mask;
	unsigned long used;
	unsigned long live;
	struct rcu_head rcu;
	struct trampfd_entry entries[];
};

#define TRAMPFD_INDEX_MIN	16UL

/*
 * A user who chooses addresses can make the hash collide.  The search is
 * bounded, as interrupts may be off; at half load, 256 entries in a row that
 * are taken do not happen by chance.
 */
#define TRAMPFD_PROBES_MAX	256

/* Blocks of an mm: 4 GiB of addresses, and an index of at most 64 MiB. */
#define TRAMPFD_BLOCKS_MAX	BIT(20)

/* What entries of blocks that are not mapped any more point to: no chunk. */
static struct trampfd_chunk __rcu *trampfd_unmapped __ro_after_init;

static struct kmem_cache *trampfd_ctx_cache __ro_after_init;
static struct kmem_cache *trampfd_chunk_cache __ro_after_init;

static int trampfd_enabled __read_mostly = 1;

static const struct file_operations trampfd_fops;
static const struct vm_operations_struct trampfd_vm_ops;

/*
 * The fault path.
 */

static struct trampfd_ctx_stack *trampfd_ctx_stack(const struct trampfd_ctx *ctx)
{
	return (struct trampfd_ctx_stack *)&ctx->regs[ctx->nregs];
}

static __always_inline struct trampfd_entry *
trampfd_first_entry(struct trampfd_index *index, unsigned long block)
{
	return &index->entries[(block * GOLDEN_RATIO_PRIME) >> index->shift];
}

static __always_inline struct trampfd_entry *
trampfd_next_entry(struct trampfd_index *index, struct trampfd_entry *entry)
{
	return &index->entries[(entry - index->entries + 1) & index->mask];
}

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

/* The bits of a register or an address of an ABI. */
static u64 trampfd_abi_mask(unsigned int abi)
{
	return U64_MAX >> (64 - arch_trampfd_reg_size(abi) * BITS_PER_BYTE);
}

/*
 * For ports whose CPU checks less, or more, when a program pushes, or whose copy
 * takes locks.  Where fault injection makes every copy fail, the call is repeated
 * until a signal comes.
 */
#ifndef arch_trampfd_copy
static unsigned long arch_trampfd_copy(void __user *to, const void *from,
				       unsigned long size)
{
	return __copy_to_user_inatomic(to, from, size);
}
#endif

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

/*
 * Contexts and chunks.
 */

static void trampfd_ctx_put(struct trampfd_ctx *ctx)
{
	if (refcount_dec_and_test(&ctx->refs))
		kfree_rcu(ctx, rcu);
}

static void trampfd_chunk_free(struct trampfd_chunk *chunk)
{
	struct trampfd_ctx *ctx;
	unsigned int i;

	for (i = 0; i < TRAMPFD_CHUNK_SLOTS; i++) {
		ctx = rcu_dereference_raw(chunk->slots[i]);
		if (!ctx)
			continue;
		/* A hit may see a context that another chunk has, or had. */
		if (chunk->mixed || chunk->frozen)
			trampfd_ctx_put(ctx);
		else
			kfree(ctx);
	}
	kmem_cache_free(trampfd_chunk_cache, chunk);
}

static void trampfd_chunk_free_rcu(struct rcu_head *rcu)
{
	trampfd_chunk_free(container_of(rcu, struct trampfd_chunk, rcu));
}

static void trampfd_chunk_put(struct trampfd_chunk *chunk)
{
	if (refcount_dec_and_test(&chunk->refs))
		call_rcu(&chunk->rcu, trampfd_chunk_free_rcu);
}

static struct trampfd_chunk *trampfd_chunk_alloc(void)
{
	struct trampfd_chunk *chunk;

	chunk = kmem_cache_zalloc(trampfd_chunk_cache, TRAMPFD_GFP);
	if (chunk)
		refcount_set(&chunk->refs, 1);
	return chunk;
}

static struct trampfd_chunk *trampfd_chunk_at(struct trampfd_table *table, u32 i)
{
	return rcu_dereference_protected(table->chunks[i],
					 lockdep_is_held(&table->lock));
}

static struct trampfd_ctx *trampfd_slot_at(struct trampfd_table *table,
					   struct trampfd_chunk *chunk, u32 i)
{
	return rcu_dereference_protected(chunk->slots[i],
					 lockdep_is_held(&table->lock));
}

/* Put a new chunk, with what @old has if that is not NULL, in its place. */
static noinline struct trampfd_chunk *
trampfd_chunk_replace(struct trampfd_table *table, u32 i,
		      struct trampfd_chunk *old)
{
	struct trampfd_chunk *new;
	struct trampfd_ctx *ctx;
	u32 slot;

	new = trampfd_chunk_alloc();
	if (!new)
		return NULL;

	if (old) {
		for (slot = 0; slot < TRAMPFD_CHUNK_SLOTS; slot++) {
			ctx = trampfd_slot_at(table, old, slot);
			if (ctx)
				refcount_inc(&ctx->refs);
			RCU_INIT_POINTER(new->slots[slot], ctx);
		}
		bitmap_copy(new->sealed, old->sealed, TRAMPFD_CHUNK_SLOTS);
		new->mixed = true;
		new->nset = old->nset;
	}

	rcu_assign_pointer(table->chunks[i], new);
	if (old)
		trampfd_chunk_put(old);
	return new;
}

/*
 * A chunk has become empty.  Keep it, as a program that has one trampoline at a
 * time would need it again at once, but drop the one that was kept before.
 */
static void trampfd_chunk_emptied(struct trampfd_table *table, u32 i)
{
	struct trampfd_chunk *chunk;
	u32 before = table->emptied;

	table->emptied = i + 1;
	if (!before-- || before == i)
		return;
	chunk = trampfd_chunk_at(table, before);
	if (!chunk || chunk->nset)
		return;
	RCU_INIT_POINTER(table->chunks[before], NULL);
	trampfd_chunk_put(chunk);
	table->retired += sizeof(*chunk) / TRAMPFD_CTX_SIZE;
}

/*
 * The chunk at @i, which is @chunk so far, ready to be written: made if there
 * is none, copied if it is frozen.
 */
static struct trampfd_chunk *trampfd_chunk_writable(struct trampfd_table *table,
						    u32 i,
						    struct trampfd_chunk *chunk)
{
	if (likely(chunk && !READ_ONCE(chunk->frozen)))
		return chunk;
	return trampfd_chunk_replace(table, i, chunk);
}

/*
 * Descriptors and tables.
 */

static void trampfd_put(struct trampfd *tf)
{
	if (refcount_dec_and_test(&tf->refs))
		kfree(tf);
}

static void trampfd_space_put(struct trampfd_space *space)
{
	if (space && refcount_dec_and_test(&space->refs))
		kfree(space);
}

static void trampfd_allowed_put(struct trampfd_allowed *allowed)
{
	if (allowed && refcount_dec_and_test(&allowed->refs))
		kvfree(allowed);
}

static struct trampfd_table *trampfd_table_alloc(struct trampfd *tf)
{
	u32 nchunks = DIV_ROUND_UP(tf->ntrampolines, TRAMPFD_CHUNK_SLOTS);
	struct trampfd_table *table;

	table = kvzalloc(struct_size(table, chunks, nchunks),
			 TRAMPFD_GFP);
	if (!table)
		return NULL;

	table->nchunks = nchunks;
	table->retired_at = get_state_synchronize_rcu();
	RB_CLEAR_NODE(&table->node);
	INIT_LIST_HEAD(&table->list);
	mutex_init(&table->lock);
	refcount_inc(&tf->refs);
	table->tf = tf;
	return table;
}

/* Give the user back what is set: nobody can set any more. */
static void trampfd_table_uncharge(struct trampfd_table *table)
{
	if (table->ucounts)
		ucount_sub(table->ucounts, UCOUNT_TRAMPOLINES, table->nset);
	table->nset = 0;
}

/* Free a table that no hit can see; it may be half made. */
static void trampfd_table_free(struct trampfd_table *table)
{
	struct trampfd_chunk *chunk;
	u32 i;

	for (i = 0; i < table->nchunks; i++) {
		chunk = rcu_dereference_raw(table->chunks[i]);
		if (!chunk)
			continue;
		/* Hits of the other tables may still read what they dropped. */
		if (refcount_dec_and_test(&chunk->refs)) {
			if (chunk->frozen)
				call_rcu(&chunk->rcu, trampfd_chunk_free_rcu);
			else
				trampfd_chunk_free(chunk);
		}
		cond_resched();
	}
	trampfd_table_uncharge(table);
	if (table->ucounts)
		put_ucounts(table->ucounts);
	trampfd_allowed_put(table->allowed);
	trampfd_space_put(table->space);
	trampfd_put(table->tf);
	kvfree(table);
}

/* Trampolines of tables that wait to be freed, set or not. */
static atomic_long_t trampfd_dying;

static void trampfd_table_free_work(struct work_struct *work)
{
	struct trampfd_table *table = container_of(to_rcu_work(work),
						   struct trampfd_table,
						   free_work);

	atomic_long_sub(table->tf->ntrampolines, &trampfd_dying);
	trampfd_table_free(table);
}

/*
 * Free a table once no hit can see it.  Whoever makes and closes tables faster
 * than that has to wait, or memory would pile up.
 */
static void trampfd_table_free_rcu(struct trampfd_table *table)
{
	u32 n = table->tf->ntrampolines;

	trampfd_table_uncharge(table);
	INIT_RCU_WORK(&table->free_work, trampfd_table_free_work);
	queue_rcu_work(system_unbound_wq, &table->free_work);
	if (atomic_long_add_return(n, &trampfd_dying) > TRAMPFD_DYING_MAX)
		synchronize_rcu();
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

/* Make @table the one that its descriptor names in the mm of @space. */
static void trampfd_table_link(struct trampfd_table *table,
			       struct trampfd_space *space)
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

/*
 * The index of an mm.
 */

/* Long mappings have many blocks, and nothing of this is atomic. */
static void trampfd_index_resched(unsigned long i)
{
	if (!(i % 1024))
		cond_resched();
}

static struct trampfd_index *trampfd_index_alloc(struct trampfd_space *space,
						 unsigned long live)
{
	/* Half empty once as many again are there. */
	unsigned long size = roundup_pow_of_two(max(live * 4, TRAMPFD_INDEX_MIN));
	struct trampfd_index *index;
	unsigned long i;

	index = kvmalloc(struct_size(index, entries, size),
			 TRAMPFD_GFP);
	if (!index)
		return NULL;

	index->space = space;
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

static void trampfd_index_free_rcu(struct rcu_head *rcu)
{
	kvfree(container_of(rcu, struct trampfd_index, rcu));
}

/* The index of an mm: with the lock of its space, or when nobody uses the mm. */
static struct trampfd_index *trampfd_index_of(struct mm_struct *mm,
					      struct trampfd_space *space)
{
	return rcu_dereference_protected(mm->trampfd,
					 !atomic_read(&mm->mm_users) ||
					 lockdep_is_held(&space->lock));
}

/* The mm's state, which stays as long as the mm is used; NULL if it has none. */
static struct trampfd_space *trampfd_space_of(struct mm_struct *mm)
{
	struct trampfd_index *index;

	guard(rcu)();
	index = rcu_dereference(mm->trampfd);
	return index ? index->space : NULL;
}

/* The mm's state, made if it has none, with room for @live blocks. */
static struct trampfd_space *trampfd_space_get(struct mm_struct *mm,
					       unsigned long live)
{
	struct trampfd_space *space = trampfd_space_of(mm);
	struct trampfd_index *index;

	if (space)
		return space;

	space = kzalloc(sizeof(*space), TRAMPFD_GFP);
	if (!space)
		return NULL;
	refcount_set(&space->refs, 1);
	mutex_init(&space->lock);
	space->tables = RB_ROOT;
	space->replaced = get_state_synchronize_rcu();

	index = trampfd_index_alloc(space, live);
	if (index && !cmpxchg((struct trampfd_index __force **)&mm->trampfd,
			      NULL, index))
		return space;

	/* No memory, or another thread was faster. */
	kvfree(index);
	kfree(space);
	return trampfd_space_of(mm);
}

/* Leave out what is not mapped any more, and make room for @n blocks more. */
static int trampfd_index_rebuild(struct mm_struct *mm,
				 struct trampfd_space *space, unsigned long n)
{
	struct trampfd_index *old = trampfd_index_of(mm, space), *new;
	struct trampfd_entry *entry;
	unsigned long i;

	/*
	 * Mapping in a loop would pile up old indexes faster than RCU frees
	 * them.  The mm's other faults wait meanwhile, so let some pile up.
	 */
	if (space->replaced_size > TRAMPFD_REPLACED_MAX) {
		cond_synchronize_rcu(space->replaced);
		space->replaced_size = 0;
	}

	new = trampfd_index_alloc(space, old->live + n);
	if (!new)
		return -ENOMEM;

	for (i = 0; i <= old->mask; i++) {
		entry = &old->entries[i];
		if (entry->chunk != &trampfd_unmapped &&
		    !trampfd_index_insert(new, entry->block, entry->chunk)) {
			kvfree(new);
			return -ENOMEM;
		}
		trampfd_index_resched(i);
	}
	rcu_assign_pointer(mm->trampfd, new);
	space->replaced_size += struct_size(old, entries, old->mask + 1);
	call_rcu(&old->rcu, trampfd_index_free_rcu);
	space->replaced = get_state_synchronize_rcu();
	return 0;
}

/* Make room for @n blocks more. */
static int trampfd_index_reserve(struct mm_struct *mm,
				 struct trampfd_space *space, unsigned long n)
{
	struct trampfd_index *index = trampfd_index_of(mm, space);

	if (index->live + n > TRAMPFD_BLOCKS_MAX)
		return -ENOMEM;
	if ((index->used + n) * 2 <= index->mask + 1)
		return 0;
	return trampfd_index_rebuild(mm, space, n);
}

/*
 * The first block of a mapping, and how many of its blocks have trampolines:
 * with pages larger than a block, the last page may have more than the table.
 */
static unsigned long trampfd_vma_blocks(struct vm_area_struct *vma,
					struct trampfd_table *table,
					unsigned long *first)
{
	unsigned long n = vma_pages(vma) * TRAMPFD_PAGE_BLOCKS;

	*first = vma->vm_pgoff * TRAMPFD_PAGE_BLOCKS;
	return min(n, table->nchunks - *first);
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

static int trampfd_index_add(struct vm_area_struct *vma,
			     struct trampfd_table *table)
{
	unsigned long block = vma->vm_start >> TRAMPFD_BLOCK_SHIFT;
	struct trampfd_space *space = trampfd_space_of(vma->vm_mm);
	struct trampfd_chunk __rcu **chunks;
	struct trampfd_index *index;
	unsigned long first, n;
	int ret;

	n = trampfd_vma_blocks(vma, table, &first);
	chunks = &table->chunks[first];
	guard(mutex)(&space->lock);
	ret = trampfd_index_reserve(vma->vm_mm, space, n);
	if (ret)
		return ret;

	index = trampfd_index_of(vma->vm_mm, space);
	if (likely(trampfd_index_insert_all(index, block, chunks, n)))
		return 0;

	/* What is in the way may not be mapped any more. */
	if (index->used == index->live)
		return -ENOMEM;
	ret = trampfd_index_rebuild(vma->vm_mm, space, n);
	if (ret)
		return ret;
	index = trampfd_index_of(vma->vm_mm, space);
	return trampfd_index_insert_all(index, block, chunks, n) ? 0 : -ENOMEM;
}

/* Forget the blocks of a mapping; some or all may not be there. */
static void trampfd_index_remove(struct vm_area_struct *vma)
{
	unsigned long block = vma->vm_start >> TRAMPFD_BLOCK_SHIFT;
	unsigned long end = vma->vm_end >> TRAMPFD_BLOCK_SHIFT;
	struct trampfd_space *space = trampfd_space_of(vma->vm_mm);
	struct trampfd_index *index;

	guard(mutex)(&space->lock);
	index = trampfd_index_of(vma->vm_mm, space);
	for (; block < end; block++) {
		trampfd_index_erase(index, block);
		trampfd_index_resched(block);
	}
}

/* The table that @tf names in @mm, NULL if it has none. */
static struct trampfd_table *trampfd_table_of(struct trampfd *tf,
					      struct mm_struct *mm)
{
	struct trampfd_space *space;

	if (tf->shared)
		return tf->shared;

	space = trampfd_space_of(mm);
	if (!space)
		return NULL;
	/*
	 * It stays when the lock is gone: only the last use of the mm or of the
	 * file unlinks a table, and the caller has both.
	 */
	guard(mutex)(&space->lock);
	return trampfd_table_find(space, tf);
}

/*
 * Fork and exit.
 */

/* Give @space a table of its own with what @old has. */
static struct trampfd_table *trampfd_table_copy(struct trampfd_table *old,
						struct trampfd_space *space)
{
	struct trampfd_table *new = trampfd_table_alloc(old->tf);
	struct trampfd_chunk *chunk;
	u32 i;

	if (!new)
		return ERR_PTR(-ENOMEM);

	mutex_lock(&old->lock);
	new->ucounts = get_ucounts(current_ucounts());
	if (!new->ucounts ||
	    !ucount_add(new->ucounts, UCOUNT_TRAMPOLINES, old->nset)) {
		mutex_unlock(&old->lock);
		trampfd_table_free(new);
		return ERR_PTR(-EDQUOT);
	}
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
		if (fatal_signal_pending(current)) {
			mutex_unlock(&old->lock);
			trampfd_table_free(new);
			return ERR_PTR(-EINTR);
		}
	}
	mutex_unlock(&old->lock);

	trampfd_table_link(new, space);
	return new;
}

int __trampfd_dup_vma(struct vm_area_struct *vma, struct mm_struct *oldmm)
{
	struct trampfd_table *table, *old;
	struct trampfd_space *space;
	unsigned long live;
	struct trampfd *tf;

	if (vma->vm_ops != &trampfd_vm_ops)
		return 0;

	/* The child needs the parent's size, less what MADV_DONTFORK takes. */
	scoped_guard(rcu)
		live = READ_ONCE(rcu_dereference(oldmm->trampfd)->live);
	space = trampfd_space_get(vma->vm_mm, live);
	if (!space)
		return -ENOMEM;

	tf = vma->vm_file->private_data;
	table = trampfd_table_of(tf, vma->vm_mm);
	if (!table) {
		old = trampfd_table_of(tf, oldmm);
		table = trampfd_table_copy(old, space);
		if (IS_ERR(table))
			return PTR_ERR(table);
	}
	return trampfd_index_add(vma, table);
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
	struct trampfd_index *index = trampfd_index_of(mm, space);
	struct trampfd_table *table;

	while ((table = trampfd_space_take(space)))
		trampfd_table_free(table);
	RCU_INIT_POINTER(mm->trampfd, NULL);
	kvfree(index);
	trampfd_space_put(space);
}

/*
 * Mappings.
 */

static int trampfd_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct trampfd *tf = file->private_data;
	struct trampfd_table *table;

	if (vma->vm_end - vma->vm_start != tf->map_size || vma->vm_pgoff ||
	    vma->vm_flags & VM_ACCESS_FLAGS ||
	    !(vma->vm_flags & VM_MAYSHARE) != !tf->shared ||
	    arch_trampfd_abi() != tf->abi)
		return -EINVAL;

	table = trampfd_table_of(tf, vma->vm_mm);
	if (!table)
		return -EPERM;
	if (!trampfd_space_get(vma->vm_mm, 0))
		return -ENOMEM;

	vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP,
		     VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &trampfd_vm_ops;
	return trampfd_index_add(vma, table);
}

/*
 * A mapping was moved.  The old place is forgotten when it is unmapped, or the
 * new one if this fails.
 */
static int trampfd_mremap(struct vm_area_struct *vma)
{
	struct trampfd *tf = vma->vm_file->private_data;

	return trampfd_index_add(vma, trampfd_table_of(tf, vma->vm_mm));
}

static void trampfd_close(struct vm_area_struct *vma)
{
	/* At exit this would only take time: the index goes as a whole. */
	if (atomic_read(&vma->vm_mm->mm_users))
		trampfd_index_remove(vma);
}

/*
 * No ->fault, as no access has permission.  No ->open: a split leaves every
 * block where it was, a move ends in ->mremap, and fork comes through
 * trampfd_dup_vma(), where failing is possible.
 */
static const struct vm_operations_struct trampfd_vm_ops = {
	.close	= trampfd_close,
	.mremap	= trampfd_mremap,
};

/* An address that is wider than a pointer must not become another one. */
static void __user *trampfd_user_ptr(u64 address)
{
	return u64_to_user_ptr(min_t(u64, address, ULONG_MAX));
}

/*
 * TRAMPFD_SET: first contexts are made of all records, which touches user
 * memory and may run out of kernel memory, then they are installed.
 */

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
 * @spare: Contexts of the usual size, allocated in one go.
 * @records: Records being read.
 * @regs: Registers being read.
 */
struct trampfd_batch {
	u32 ntrampolines;
	unsigned int abi;
	u64 foreign;
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

static noinline struct trampfd_ctx *trampfd_ctx_alloc_one(u32 nregs,
							  u32 stack_size)
{
	size_t size = struct_size_t(struct trampfd_ctx, regs, nregs);

	/* User memory may be copied to what kmalloc() gives, not to the cache's. */
	if (stack_size)
		size += struct_size_t(struct trampfd_ctx_stack, data, stack_size);
	else if (size <= TRAMPFD_CTX_SIZE)
		return kmem_cache_alloc(trampfd_ctx_cache, TRAMPFD_GFP);
	return kmalloc(size, TRAMPFD_GFP);
}

static struct trampfd_ctx *trampfd_ctx_alloc(struct trampfd_batch *batch,
					     u32 nregs, u32 stack_size)
{
	if (likely(nregs <= 1 && !stack_size && batch->nspare))
		return batch->spare[--batch->nspare];
	return trampfd_ctx_alloc_one(nregs, stack_size);
}

static bool trampfd_record_valid(struct trampfd_batch *batch,
				 const struct trampfd_record *record)
{
	u32 lower = record->stack_skip + record->stack_size;

	if (record->trampoline >= batch->ntrampolines ||
	    (record->flags & ~TRAMPFD_RECORD_SEALED) | record->reserved ||
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
	if (copy_from_user(batch->regs + rest, batch->uregs,
			   more * sizeof(*batch->reg)))
		return -EFAULT;
	batch->uregs += more;
	batch->regs_left -= more;
	batch->reg = batch->regs;
	batch->regs_end = batch->regs + rest + more;
	return 0;
}

/* Look up the registers of a record: different ones, the PC among them. */
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
	if (!(seen & BIT_ULL(TRAMPFD_SLOT_PC)))
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

	ctx = trampfd_ctx_alloc(batch, nregs - 1, stack_size);
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
 * Make contexts of the records, in a list from @head on.  Return how many, or
 * -EFAULT, -EINTR; *@error is why the next one is not among them.
 */
static int trampfd_ctx_make_all(struct trampfd_batch *batch,
				const struct trampfd_contexts *args,
				struct trampfd_ctx **head, int *error)
{
	struct trampfd_record __user *urecords = trampfd_user_ptr(args->records);
	struct trampfd_ctx *ctx;
	u32 done, i, n;

	*error = 0;
	for (done = 0; done < args->nrecords; done += n) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		n = min(args->nrecords - done, TRAMPFD_BATCH);
		if (copy_from_user(batch->records, urecords + done,
				   n * sizeof(*urecords)))
			return -EFAULT;

		/* If there is no memory for all, there may be for some. */
		if (n > 1 && !batch->nspare)
			batch->nspare = kmem_cache_alloc_bulk(trampfd_ctx_cache,
							      TRAMPFD_GFP,
							      n, batch->spare);

		for (i = 0; i < n; i++) {
			ctx = trampfd_ctx_make(batch, &batch->records[i]);
			if (IS_ERR(ctx)) {
				*error = PTR_ERR(ctx);
				return *error == -EFAULT ? -EFAULT : done + i;
			}
			*head = ctx;
			head = &ctx->next;
		}
	}
	return done;
}

static int trampfd_pc_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static noinline bool trampfd_pc_listed(const struct trampfd_allowed *allowed,
				       u64 pc)
{
	return bsearch(&pc, allowed->pcs, allowed->count, sizeof(pc),
		       trampfd_pc_cmp);
}

static bool trampfd_pc_allowed(const struct trampfd_allowed *allowed, u64 pc)
{
	return !allowed || trampfd_pc_listed(allowed, pc);
}

/*
 * Charge the user for one trampoline more.  *@credit are charged already;
 * charging them one by one would cost more than setting them.  So within a batch
 * of the limit, two calls at once may see it a little early.
 */
static bool trampfd_charge(struct trampfd_table *table, u32 *credit, u32 more)
{
	if (!*credit) {
		if (!ucount_add(table->ucounts, UCOUNT_TRAMPOLINES, more)) {
			more = 1;
			if (!ucount_add(table->ucounts, UCOUNT_TRAMPOLINES, 1))
				return false;
		}
		*credit = more;
	}
	--*credit;
	return true;
}

/* Where a trampoline of a table is, with the number made safe to use. */
static u32 trampfd_locate(struct trampfd_table *table, u32 trampoline, u32 *slot)
{
	trampoline = array_index_nospec(trampoline, table->tf->ntrampolines);
	*slot = trampoline % TRAMPFD_CHUNK_SLOTS;
	return trampoline / TRAMPFD_CHUNK_SLOTS;
}

/*
 * Install contexts from *@head on, at most @max; return how many.  *@error is
 * why there were not more.
 */
static u32 trampfd_install(struct trampfd_table *table,
			   struct trampfd_ctx **head, u32 max, u32 *credit,
			   int *error)
{
	struct trampfd_chunk *chunk = NULL;
	u32 done, slot, i, at = U32_MAX, fresh = 0;
	struct trampfd_ctx *ctx = *head, *old;

	for (done = 0; done < max; done++) {
		i = trampfd_locate(table, ctx->trampoline, &slot);
		if (i != at) {
			chunk = trampfd_chunk_at(table, i);
			at = i;
		}
		*error = -EPERM;
		if (!trampfd_pc_allowed(table->allowed, ctx->pc) ||
		    (chunk && test_bit(slot, chunk->sealed)))
			break;

		/* First, so that no chunk is made for what is refused. */
		*error = -EDQUOT;
		old = chunk ? trampfd_slot_at(table, chunk, slot) : NULL;
		if (!old && !trampfd_charge(table, credit,
					    min(max - done, TRAMPFD_BATCH)))
			break;
		*error = -ENOMEM;
		chunk = trampfd_chunk_writable(table, i, chunk);
		if (!chunk) {
			*credit += !old;
			break;
		}

		if (ctx->flags & TRAMPFD_RECORD_SEALED)
			__set_bit(slot, chunk->sealed);
		rcu_assign_pointer(chunk->slots[slot], ctx);
		ctx = ctx->next;
		if (old) {
			table->retired++;
			trampfd_ctx_put(old);
		} else {
			chunk->nset++;
			fresh++;
		}
	}
	*head = ctx;
	WRITE_ONCE(table->nset, table->nset + fresh);
	return done;
}

/*
 * Contexts wait for RCU before they are freed.  Whoever sets new ones faster
 * than that waits too, or memory would pile up.  Removing needs no such wait:
 * what is removed was set.
 */
static void trampfd_throttle(struct trampfd_table *table)
{
	unsigned long retired_at;

	scoped_guard(mutex, &table->lock) {
		if (table->retired < TRAMPFD_RETIRED_MAX)
			return;
		table->retired = 0;
		retired_at = table->retired_at;
		table->retired_at = get_state_synchronize_rcu();
	}
	/* The ones before these: normally their grace period is over. */
	cond_synchronize_rcu(retired_at);
}

/* Install the contexts; return how many, or why not even the first. */
static int trampfd_install_all(struct trampfd_table *table,
			       struct trampfd_ctx **head, u32 count)
{
	u32 done = 0, credit = 0, n, max;
	int error;

	do {
		max = min(count - done, TRAMPFD_INSTALL_BATCH);
		mutex_lock(&table->lock);
		n = trampfd_install(table, head, max, &credit, &error);
		mutex_unlock(&table->lock);
		done += n;
		trampfd_throttle(table);
		cond_resched();
	} while (n == max && done < count);

	ucount_sub(table->ucounts, UCOUNT_TRAMPOLINES, credit);
	return done ?: error;
}

static long trampfd_ioctl_set(struct trampfd_table *table,
			      const struct trampfd_contexts *args)
{
	struct trampfd_ctx *head = NULL;
	struct trampfd_batch *batch;
	int ret, error;

	batch = kmalloc(sizeof(*batch), GFP_KERNEL);
	if (!batch)
		return -ENOMEM;
	batch->ntrampolines = table->tf->ntrampolines;
	batch->abi = table->tf->abi;
	batch->foreign = ~trampfd_abi_mask(batch->abi);
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

	ret = trampfd_ctx_make_all(batch, args, &head, &error);
	if (ret > 0)
		ret = trampfd_install_all(table, &head, ret);
	else if (!ret)
		ret = error;

	trampfd_ctx_free_list(head);
	kmem_cache_free_bulk(trampfd_ctx_cache, batch->nspare, batch->spare);
	kfree(batch);
	return ret;
}

/*
 * TRAMPFD_GET.
 */

/* Hold the context of a trampoline; ERR_PTR if it has none. */
static struct trampfd_ctx *trampfd_ctx_get(struct trampfd_table *table,
					   u32 trampoline, bool *sealed)
{
	struct trampfd_chunk *chunk;
	struct trampfd_ctx *ctx = NULL;
	u32 slot, i;

	if (trampoline >= table->tf->ntrampolines)
		return ERR_PTR(-EINVAL);

	guard(mutex)(&table->lock);
	i = trampfd_locate(table, trampoline, &slot);
	chunk = trampfd_chunk_at(table, i);
	if (chunk)
		ctx = trampfd_slot_at(table, chunk, slot);
	if (!ctx)
		return ERR_PTR(-ENOENT);
	refcount_inc(&ctx->refs);
	*sealed = test_bit(slot, chunk->sealed);
	return ctx;
}

/* Show a context as the record and the registers that made it. */
static void trampfd_ctx_show(const struct trampfd_ctx *ctx, bool sealed,
			     struct trampfd_record *record,
			     struct trampfd_reg *reg)
{
	u64 mask = trampfd_abi_mask(ctx->abi);
	unsigned int i;

	record->flags = sealed ? TRAMPFD_RECORD_SEALED : 0;
	record->nregs = ctx->nregs + 1;
	record->stack_size = ctx->stack_size;
	record->stack_skip = ctx->stack_size ? trampfd_ctx_stack(ctx)->skip : 0;
	record->reserved = 0;

	*reg++ = (struct trampfd_reg) {
		.name	= arch_trampfd_pc_name(ctx->abi),
		.value	= ctx->pc & mask,
	};
	for (i = 0; i < ctx->nregs; i++)
		*reg++ = (struct trampfd_reg) {
			.name	= ctx->regs[i].name,
			.value	= ctx->regs[i].value & mask,
		};
}

static long trampfd_ioctl_get(struct trampfd_table *table,
			      const struct trampfd_contexts *args)
{
	struct trampfd_record __user *urecord = trampfd_user_ptr(args->records);
	struct trampfd_reg __user *uregs = trampfd_user_ptr(args->regs);
	u8 __user *ustack = trampfd_user_ptr(args->stack);
	u32 regs_left = args->nregs, stack_left = args->stack_size;
	struct trampfd_reg *regs __free(kfree) = NULL;
	struct trampfd_record record;
	struct trampfd_ctx *ctx;
	bool sealed, fault;
	int done;

	regs = kmalloc_array(TRAMPFD_REGS_MAX, sizeof(*regs), GFP_KERNEL);
	if (!regs)
		return -ENOMEM;

	for (done = 0; done < args->nrecords; done++, urecord++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		if (copy_from_user(&record, urecord, sizeof(record)))
			return -EFAULT;
		ctx = trampfd_ctx_get(table, record.trampoline, &sealed);
		if (IS_ERR(ctx))
			return done ?: PTR_ERR(ctx);
		if (ctx->nregs >= regs_left || ctx->stack_size > stack_left) {
			trampfd_ctx_put(ctx);
			return done ?: -ENOSPC;
		}

		trampfd_ctx_show(ctx, sealed, &record, regs);
		fault = copy_to_user(urecord, &record, sizeof(record)) ||
			copy_to_user(uregs, regs, record.nregs * sizeof(*regs)) ||
			(ctx->stack_size &&
			 copy_to_user(ustack, trampfd_ctx_stack(ctx)->data,
				      ctx->stack_size));
		trampfd_ctx_put(ctx);
		if (fault)
			return -EFAULT;

		uregs += record.nregs;
		regs_left -= record.nregs;
		ustack += record.stack_size;
		stack_left -= record.stack_size;
	}
	return done;
}

/*
 * TRAMPFD_REMOVE and TRAMPFD_SEAL.
 */

static int trampfd_remove(struct trampfd_table *table, u32 trampoline)
{
	u32 slot, i = trampfd_locate(table, trampoline, &slot);
	struct trampfd_chunk *chunk = trampfd_chunk_at(table, i);
	struct trampfd_ctx *ctx;

	if (!chunk || !trampfd_slot_at(table, chunk, slot))
		return -ENOENT;
	if (test_bit(slot, chunk->sealed))
		return -EPERM;

	chunk = trampfd_chunk_writable(table, i, chunk);
	if (!chunk)
		return -ENOMEM;
	ctx = trampfd_slot_at(table, chunk, slot);
	RCU_INIT_POINTER(chunk->slots[slot], NULL);
	trampfd_ctx_put(ctx);
	table->retired++;
	WRITE_ONCE(table->nset, table->nset - 1);
	if (!--chunk->nset)
		trampfd_chunk_emptied(table, i);
	return 0;
}

static int trampfd_seal(struct trampfd_table *table, u32 trampoline)
{
	u32 slot, i = trampfd_locate(table, trampoline, &slot);
	struct trampfd_chunk *chunk = trampfd_chunk_at(table, i);

	if (!chunk || !trampfd_slot_at(table, chunk, slot))
		return -ENOENT;
	if (test_bit(slot, chunk->sealed))
		return 0;

	chunk = trampfd_chunk_writable(table, i, chunk);
	if (!chunk)
		return -ENOMEM;
	__set_bit(slot, chunk->sealed);
	return 0;
}

static long trampfd_ioctl_list(struct trampfd_table *table,
			       const struct trampfd_list *args,
			       int (*change)(struct trampfd_table *table,
					     u32 trampoline))
{
	int done, ret = 0;
	u32 *list, n, nset;

	if (args->flags || !args->count || args->count > TRAMPFD_RECORDS_MAX)
		return -EINVAL;

	/*
	 * Not charged, so that removing works at the cgroup's limit.  After a
	 * fork it may not: changing what is shared makes a copy first.
	 */
	list = kvmalloc_array(args->count, sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	if (copy_from_user(list, trampfd_user_ptr(args->trampolines),
			   args->count * sizeof(*list))) {
		kvfree(list);
		return -EFAULT;
	}

	for (done = 0; !ret && done < args->count;) {
		mutex_lock(&table->lock);
		nset = table->nset;
		for (n = 0; n < TRAMPFD_INSTALL_BATCH && done < args->count; n++) {
			ret = list[done] < table->tf->ntrampolines ?
				change(table, list[done]) : -EINVAL;
			if (ret)
				break;
			done++;
		}
		ucount_sub(table->ucounts, UCOUNT_TRAMPOLINES, nset - table->nset);
		mutex_unlock(&table->lock);
		cond_resched();
	}
	kvfree(list);
	return done ?: ret;
}

/*
 * TRAMPFD_ALLOW.
 */

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
			if (ctx && !trampfd_pc_allowed(allowed, ctx->pc))
				return false;
		}
		cond_resched();
	}
	return true;
}

static long trampfd_ioctl_allow(struct trampfd_table *table,
				const struct trampfd_pcs *args)
{
	struct trampfd_allowed *allowed;
	long ret = 0;
	u32 i;

	if (args->flags || !args->count || args->count > TRAMPFD_PCS_MAX)
		return -EINVAL;

	allowed = kvmalloc(struct_size(allowed, pcs, args->count),
			   TRAMPFD_GFP);
	if (!allowed)
		return -ENOMEM;
	refcount_set(&allowed->refs, 1);
	allowed->count = args->count;
	if (copy_from_user(allowed->pcs, trampfd_user_ptr(args->pcs),
			   args->count * sizeof(*allowed->pcs)))
		ret = -EFAULT;
	for (i = 0; !ret && i < allowed->count; i++)
		if (!arch_trampfd_pc_valid(table->tf->abi, allowed->pcs[i]))
			ret = -EINVAL;
	if (ret) {
		kvfree(allowed);
		return ret;
	}
	sort(allowed->pcs, allowed->count, sizeof(*allowed->pcs),
	     trampfd_pc_cmp, NULL);

	scoped_guard(mutex, &table->lock) {
		if (table->allowed || !trampfd_table_conforms(table, allowed))
			ret = -EPERM;
		else
			table->allowed = allowed;
	}
	if (ret)
		kvfree(allowed);
	return ret;
}

/*
 * The descriptor.
 */

/* Copy an ioctl's argument, whose size is in the ioctl's number. */
static int trampfd_copy_args(void *to, size_t size, size_t min_size,
			     unsigned int cmd, unsigned long arg)
{
	if (_IOC_SIZE(cmd) < min_size)
		return -EINVAL;
	return copy_struct_from_user(to, size, (void __user *)arg,
				     _IOC_SIZE(cmd));
}

static int trampfd_copy_contexts(struct trampfd_contexts *args,
				 unsigned int cmd, unsigned long arg)
{
	int ret = trampfd_copy_args(args, sizeof(*args),
				    TRAMPFD_CONTEXTS_SIZE_VER0, cmd, arg);

	if (!ret && (args->flags || !args->nrecords ||
		     args->nrecords > TRAMPFD_RECORDS_MAX))
		ret = -EINVAL;
	return ret;
}

/* The number of an ioctl without the size, in which versions differ. */
#define TRAMPFD_CMD(cmd)	((cmd) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT))

static long trampfd_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct trampfd_table *table;
	union {
		struct trampfd_contexts contexts;
		struct trampfd_list list;
		struct trampfd_pcs pcs;
	} args;
	long ret;

	switch (TRAMPFD_CMD(cmd)) {
	case TRAMPFD_CMD(TRAMPFD_SET):
	case TRAMPFD_CMD(TRAMPFD_GET):
		ret = trampfd_copy_contexts(&args.contexts, cmd, arg);
		break;
	case TRAMPFD_CMD(TRAMPFD_REMOVE):
	case TRAMPFD_CMD(TRAMPFD_SEAL):
		ret = trampfd_copy_args(&args.list, sizeof(args.list),
					TRAMPFD_LIST_SIZE_VER0, cmd, arg);
		break;
	case TRAMPFD_CMD(TRAMPFD_ALLOW):
		ret = trampfd_copy_args(&args.pcs, sizeof(args.pcs),
					TRAMPFD_PCS_SIZE_VER0, cmd, arg);
		break;
	default:
		return -ENOTTY;
	}
	table = trampfd_table_of(file->private_data, current->mm);
	if (!table)
		return -EPERM;
	if (ret)
		return ret;

	switch (TRAMPFD_CMD(cmd)) {
	case TRAMPFD_CMD(TRAMPFD_SET):
		return trampfd_ioctl_set(table, &args.contexts);
	case TRAMPFD_CMD(TRAMPFD_GET):
		return trampfd_ioctl_get(table, &args.contexts);
	case TRAMPFD_CMD(TRAMPFD_REMOVE):
		return trampfd_ioctl_list(table, &args.list, trampfd_remove);
	case TRAMPFD_CMD(TRAMPFD_SEAL):
		return trampfd_ioctl_list(table, &args.list, trampfd_seal);
	default:
		return trampfd_ioctl_allow(table, &args.pcs);
	}
}

/* Hold the mm's state that one of the tables is in; NULL if there is none. */
static struct trampfd_space *trampfd_get_space(struct trampfd *tf)
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

/*
 * The last use of the descriptor: mappings hold the file, so none is left in
 * any mm, but hits that began before may still be on their way.
 */
static int trampfd_release(struct inode *inode, struct file *file)
{
	struct trampfd *tf = file->private_data;
	struct trampfd_table *table;
	struct trampfd_space *space;

	if (tf->shared) {
		trampfd_table_free_rcu(tf->shared);
		goto out;
	}
	while ((space = trampfd_get_space(tf))) {
		/* The exit of the mm may be faster, so the table is looked up. */
		scoped_guard(mutex, &space->lock) {
			table = trampfd_table_find(space, tf);
			if (table)
				trampfd_table_unlink(table);
		}
		if (table)
			trampfd_table_free_rcu(table);
		trampfd_space_put(space);
	}
out:
	trampfd_put(tf);
	return 0;
}

static void trampfd_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct trampfd *tf = file->private_data;
	struct trampfd_table *table;
	unsigned long set = 0, copies = 0;

	spin_lock(&tf->lock);
	list_for_each_entry(table, &tf->tables, list) {
		set += READ_ONCE(table->nset);
		copies++;
	}
	spin_unlock(&tf->lock);
	seq_puts(m, "trampfd-type:\tfault\n");
	seq_printf(m, "trampfd-trampolines:\t%u\n", tf->ntrampolines);
	seq_printf(m, "trampfd-set:\t%lu\n", set);
	seq_printf(m, "trampfd-copies:\t%lu\n", copies);
}

static const struct file_operations trampfd_fops = {
	.owner		= THIS_MODULE,
	.release	= trampfd_release,
	.mmap		= trampfd_mmap,
	.unlocked_ioctl	= trampfd_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= trampfd_show_fdinfo,
};

/* Make the descriptor's object with the creator's table. */
static struct trampfd *trampfd_alloc(u32 ntrampolines, unsigned int abi,
				     unsigned int flags)
{
	struct trampfd_space *space = NULL;
	struct trampfd_table *table;
	struct trampfd *tf;

	if (!(flags & TRAMPFD_SHARED)) {
		space = trampfd_space_get(current->mm, 0);
		if (!space)
			return NULL;
	}

	tf = kzalloc(sizeof(*tf), TRAMPFD_GFP);
	if (!tf)
		return NULL;
	refcount_set(&tf->refs, 1);
	tf->ntrampolines = ntrampolines;
	tf->abi = abi;
	tf->map_size = PAGE_ALIGN((unsigned long)ntrampolines * TRAMPFD_STRIDE);
	spin_lock_init(&tf->lock);
	INIT_LIST_HEAD(&tf->tables);

	table = trampfd_table_alloc(tf);
	if (!table) {
		trampfd_put(tf);
		return NULL;
	}
	table->ucounts = get_ucounts(current_ucounts());
	if (!table->ucounts) {
		trampfd_table_free(table);
		trampfd_put(tf);
		return NULL;
	}

	if (space) {
		trampfd_table_link(table, space);
	} else {
		tf->shared = table;
		list_add_tail(&table->list, &tf->tables);
	}
	return tf;
}

/* Undo trampfd_alloc(); no file has it. */
static void trampfd_free(struct trampfd *tf)
{
	struct trampfd_table *table = tf->shared;

	if (!table) {
		table = list_first_entry(&tf->tables, struct trampfd_table, list);
		scoped_guard(mutex, &table->space->lock)
			trampfd_table_unlink(table);
	}
	trampfd_table_free(table);
	trampfd_put(tf);
}

static int trampfd_copy_attr(struct trampfd_attr *attr,
			     struct trampfd_attr __user *uattr, size_t size)
{
	int ret;

	BUILD_BUG_ON(sizeof(*attr) != TRAMPFD_ATTR_SIZE_VER0);
	BUILD_BUG_ON(sizeof(struct trampfd_contexts) != TRAMPFD_CONTEXTS_SIZE_VER0);
	BUILD_BUG_ON(sizeof(struct trampfd_list) != TRAMPFD_LIST_SIZE_VER0);
	BUILD_BUG_ON(sizeof(struct trampfd_pcs) != TRAMPFD_PCS_SIZE_VER0);

	if (size < TRAMPFD_ATTR_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(attr, sizeof(*attr), uattr, size);
	if (ret)
		return ret;
	if (attr->type != TRAMPFD_FAULT || attr->reserved ||
	    !attr->ntrampolines || attr->ntrampolines > TRAMPFD_TRAMPOLINES_MAX)
		return -EINVAL;
	return 0;
}

/**
 * sys_trampfd_create() - create a table of trampolines
 * @uattr: What to create; what to give to mmap() is filled in.
 * @size: Size of *@uattr in bytes, which tells the caller's version of it.
 * @flags: %TRAMPFD_SHARED or 0.
 *
 * The new descriptor is closed on exec.
 *
 * Return: the descriptor, or
 *
 * - %EOPNOTSUPP: Trampolines are not there for the caller's ABI.
 * - %EINVAL: @flags, or the type, the number of trampolines or a reserved field
 *   of *@uattr, is none that this kernel knows; @size is too small.
 * - %E2BIG: *@uattr is larger than this kernel's, and what is beyond is not 0;
 *   @size exceeds a page.
 * - %EFAULT: *@uattr can't be read or written.
 * - %EPERM: The administrator has switched trampolines off
 *   (vm.trampfd_enabled).
 * - %EMFILE, %ENFILE: Too many open files, of the process or of the system.
 * - %ENOMEM: No memory, or the memory cgroup's limit is reached.
 *
 * A security module may refuse with an error of its own.
 */
SYSCALL_DEFINE3(trampfd_create, struct trampfd_attr __user *, uattr, size_t, size,
		unsigned int, flags)
{
	int abi = arch_trampfd_abi();
	struct trampfd_attr attr;
	struct trampfd *tf;
	struct file *file;
	int ret, fd;

	if (abi < 0)
		return abi;
	if (flags & ~TRAMPFD_SHARED)
		return -EINVAL;
	ret = trampfd_copy_attr(&attr, uattr, size);
	if (ret)
		return ret;
	if (!READ_ONCE(trampfd_enabled))
		return -EPERM;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	tf = trampfd_alloc(attr.ntrampolines, abi, flags);
	if (!tf) {
		ret = -ENOMEM;
		goto out_put_fd;
	}

	attr.map_size = tf->map_size;
	attr.map_offset = 0;
	attr.map_prot = PROT_NONE;
	attr.map_flags = flags & TRAMPFD_SHARED ? MAP_SHARED : MAP_PRIVATE;
	attr.stride = TRAMPFD_STRIDE;

	/* An inode of its own, so that security modules see it. */
	file = anon_inode_create_getfile("[trampfd]", &trampfd_fops, tf,
					 O_RDWR | O_CLOEXEC, NULL);
	if (IS_ERR(file)) {
		trampfd_free(tf);
		ret = PTR_ERR(file);
		goto out_put_fd;
	}

	if (copy_to_user(uattr, &attr, sizeof(attr))) {
		fput(file);
		ret = -EFAULT;
		goto out_put_fd;
	}

	fd_install(fd, file);
	return fd;

out_put_fd:
	put_unused_fd(fd);
	return ret;
}

#ifdef CONFIG_SYSCTL
static struct ctl_table trampfd_sysctls[] = {
	{
		.procname	= "trampfd_enabled",
		.data		= &trampfd_enabled,
		.maxlen		= sizeof(trampfd_enabled),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
};

static void __init trampfd_sysctl_init(void)
{
	register_sysctl_init("vm", trampfd_sysctls);
}
#else
static void __init trampfd_sysctl_init(void)
{
}
#endif

/*
 * A user may have as many trampolines as an eighth of memory holds at 80 bytes
 * each, what one with a single register takes, and two million on a small
 * machine.  It keeps accidents small; what bounds memory to the byte is the
 * memory cgroup, which is charged for every object here.
 */
static long __init trampfd_default_max(void)
{
	u64 bytes = (u64)totalram_pages() << PAGE_SHIFT;

	return clamp_t(u64, div_u64(bytes, 8 * 80), 2 << 20, INT_MAX);
}

static int __init trampfd_init(void)
{
	trampfd_ctx_cache = kmem_cache_create("trampfd_context", TRAMPFD_CTX_SIZE,
					      0, SLAB_PANIC | SLAB_ACCOUNT, NULL);
	trampfd_chunk_cache = KMEM_CACHE(trampfd_chunk, SLAB_PANIC | SLAB_ACCOUNT);
	init_user_ns.ucount_max[UCOUNT_TRAMPOLINES] = trampfd_default_max();
	trampfd_sysctl_init();
	return 0;
}
subsys_initcall(trampfd_init);
