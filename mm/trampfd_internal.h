/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The objects behind trampolines, who may touch what, and the calls between the
 * files of mm/trampfd*.c.
 *
 * From the address of a trampoline to its context:
 *
 *   struct trampfd_index: hangs off the mm.  A hash table from 4 KiB blocks of
 *	addresses to the place where a table keeps the chunk of that block.  It
 *	holds addresses and tables, not VMAs, so a hit looks up no VMA, and the
 *	split of a VMA changes nothing here.
 *   struct trampfd_table: the trampolines of one descriptor in one mm.
 *   struct trampfd_chunk: the 256 trampolines of a block.  After a fork several
 *	tables share a chunk, until one of them writes to it.
 *   struct trampfd_ctx: the context of a trampoline.  It never changes once a
 *	hit can see it.
 *
 * Beside them stand struct trampfd, which all descriptors of a table share, and
 * struct trampfd_space, which holds the tables of an mm.
 *
 * A hit reads index, table, chunk and context under RCU.  It takes no lock and
 * writes to nothing that another CPU uses.
 *
 * Locks, the outer one first:
 *
 *	mmap_lock -> trampfd_space.lock -> trampfd.lock
 *	mmap_lock -> trampfd_table.lock
 *
 * Nobody holds the locks of two tables.  User memory is copied, and RCU is waited
 * for, with none of these locks held.
 *
 * Everything that stays is charged to the memory cgroup of the task that causes it.
 * What a program can have many of (tables, chunks, contexts, indexes, lists of PCs)
 * is charged to that task's user, too, in units (user.max_trampfd_units).  This
 * charge belongs to the object and ends when its memory is freed, so what waits for
 * RCU still counts.
 */
#ifndef _MM_TRAMPFD_INTERNAL_H
#define _MM_TRAMPFD_INTERNAL_H

#include <linux/bits.h>
#include <linux/cred.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/trampfd.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <uapi/linux/trampfd.h>

struct ucounts;

/*
 * 16 bytes are a multiple of every architecture's instruction alignment.  A
 * block is the smallest page of any architecture, so every mapping consists of
 * whole blocks.
 */
#define TRAMPFD_STRIDE_SHIFT	4
#define TRAMPFD_STRIDE		BIT(TRAMPFD_STRIDE_SHIFT)
#define TRAMPFD_BLOCK_SHIFT	12
#define TRAMPFD_CHUNK_SLOTS	(1U << (TRAMPFD_BLOCK_SHIFT - TRAMPFD_STRIDE_SHIFT))

/*
 * The parts of a TRAMPFD_CODE table.  The distances are the same for all tables, so
 * that code depends on nothing but the shape.  They are multiples of the largest
 * page.
 */
#define TRAMPFD_FAULT_OFFSET	0UL
#define TRAMPFD_CODE_OFFSET	TRAMPFD_CODE_TO_DATA
#define TRAMPFD_DATA_OFFSET	(TRAMPFD_CODE_OFFSET + TRAMPFD_CODE_TO_DATA)

/*
 * At the limit of its memory cgroup the caller gets ENOMEM.  It can go on without
 * one trampoline more, so to kill a process would be the wrong answer.
 */
#define TRAMPFD_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* What user.max_trampfd_units counts: bytes of memory that was really taken. */
#define TRAMPFD_UNIT	64

/**
 * struct trampfd_charge - what a user has been charged for an object
 * @ucounts: The user, with a reference; NULL if nobody was charged.
 * @units: How many units of %TRAMPFD_UNIT bytes.
 */
struct trampfd_charge {
	struct ucounts *ucounts;
	u32 units;
};

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
 * @next: The next one of the list it is in: first the list of a SET call, later
 *	the list of those that wait for RCU.
 * @trampoline: Before it is installed: the trampoline it is for.
 * @flags: Until TRAMPFD_SET is done with it: the flags of its record.
 * @ucounts: While it waits for RCU: who is charged for it.
 * @pc: Where a call goes on.
 * @refs: How many chunks have it.
 * @nregs: Elements of @regs; the PC is none of them.
 * @abi: The table's ABI: the execution mode that a call must come in.
 * @stack_size: Bytes of stack data; a struct trampfd_ctx_stack stands behind
 *	@regs if there are any.
 * @regs: The registers.
 */
struct trampfd_ctx {
	struct trampfd_ctx *next;
	union {
		struct {
			u32 trampoline;
			u32 flags;
		};
		struct ucounts *ucounts;
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

/* And one more for the target register, on architectures that have one. */
#define TRAMPFD_CTX_TARGET_SIZE	struct_size_t(struct trampfd_ctx, regs, 2)

static_assert(TRAMPFD_CTX_TARGET_SIZE <= TRAMPFD_UNIT);

#ifdef arch_trampfd_target
#define TRAMPFD_HAS_TARGET	true
#else
#define TRAMPFD_HAS_TARGET	false
#endif

/* Up to how many registers a context of an ABI comes from a cache of its own. */
static inline unsigned int trampfd_ctx_cached_regs(unsigned int abi)
{
	return arch_trampfd_target(abi) < 0 ? 1 : 2;
}

/**
 * struct trampfd_ctx_stack - the stack part of a context
 * @skip: Bytes between the old stack pointer and the data.
 * @data: What is pushed.
 */
struct trampfd_ctx_stack {
	u32 skip;
	u8 data[];
};

static inline struct trampfd_ctx_stack *
trampfd_ctx_stack(const struct trampfd_ctx *ctx)
{
	return (struct trampfd_ctx_stack *)&ctx->regs[ctx->nregs];
}

/* Whether a register is the target register, and says no more than the PC. */
static inline bool trampfd_target_implied(const struct trampfd_ctx *ctx,
					  const struct trampfd_ctx_reg *reg)
{
	const int target = arch_trampfd_target(ctx->abi);

	return target >= 0 && reg->slot == target &&
	       reg->value == arch_trampfd_value(ctx->abi, ctx->pc);
}

/**
 * struct trampfd_chunk - the trampolines of a block
 * @rcu: To free it once no hit can see it.
 * @next: The next one of a list of those that wait for that.
 * @refs: How many tables have it.
 * @frozen: Two tables had it at some time.  It is never written again, not even
 *	by the last one: a hit of another may still be reading it.
 * @mixed: Its contexts may be in other chunks too.
 * @nset: How many trampolines are set.
 * @payers: In a %TRAMPFD_SHARED table, who has been charged for each context, with
 *	a reference: everybody who holds the descriptor can set trampolines, and
 *	pays for his own.  NULL in others.
 * @charge: For the chunk and @payers, and for the contexts unless there are @payers.
 * @sealed: Which trampolines are sealed.
 * @fast: Which ones the code part serves, in a table that has one.
 * @slots: The contexts, NULL where none is set.
 */
struct trampfd_chunk {
	union {
		struct rcu_head rcu;
		struct trampfd_chunk *next;
	};
	refcount_t refs;
	bool frozen;
	bool mixed;
	u16 nset;
	struct ucounts **payers;
	struct trampfd_charge charge;
	DECLARE_BITMAP(sealed, TRAMPFD_CHUNK_SLOTS);
	DECLARE_BITMAP(fast, TRAMPFD_CHUNK_SLOTS);
	struct trampfd_ctx __rcu *slots[TRAMPFD_CHUNK_SLOTS];
};

/**
 * struct trampfd_allowed - the PCs that trampolines of a table may have
 * @refs: How many tables have it.
 * @count: Elements of @pcs.
 * @charge: For this list.
 * @pcs: The PCs in ascending order.
 */
struct trampfd_allowed {
	refcount_t refs;
	u32 count;
	struct trampfd_charge charge;
	u64 pcs[] __counted_by(count);
};

/**
 * struct trampfd_code - the code of a shape, which tables of all processes share
 * @list: In the list of all.
 * @refs: How many descriptors have it.
 * @shape: The shape.
 * @slots: Where the port keeps the shape's registers.
 * @where: Where their values are in a data slot, in bytes, by where the port keeps
 *	them.
 * @nregs: How many registers a context has that the code can do.
 * @required: The slots of the registers that each record names, as a mask.
 * @shift: How many times the usual distance between trampolines is doubled.
 * @page: A page full of it.  It never changes once a process can see it.
 * @target_name: What user space calls the target register, if the ABI has one.
 */
struct trampfd_code {
	struct list_head list;
	refcount_t refs;
	struct trampfd_shape shape;
	u8 slots[TRAMPFD_SHAPE_MAX];
	u8 where[TRAMPFD_SLOT_PC];
	u8 nregs;
	u64 required;
	unsigned int shift;
	struct page *page;
	u32 target_name;
};

/**
 * struct trampfd_data - the data part of a table
 * @base: Address minus offset, the same for each mapping of the table.
 * @placed: Whether there is a base.
 * @nmaps: Mappings of the table.
 * @nbuilt: How many of @pages are there.
 * @charge: For this structure.
 * @pages_charge: For all pages, whether they are there or not; in a forked table, for
 *	those that are.
 * @npages: Elements of @pages.
 * @pages: The pages, NULL until they are touched.  Whoever maps one has a reference.
 *
 * Protected by the table's lock.
 */
struct trampfd_data {
	unsigned long base;
	bool placed;
	u32 nmaps;
	u32 nbuilt;
	struct trampfd_charge charge;
	struct trampfd_charge pages_charge;
	u32 npages;
	void *pages[] __counted_by(npages);
};

/**
 * struct trampfd - what all descriptors of a table share
 * @refs: One of all files together, and one of each table.
 * @files: How many files there are.  Only a %TRAMPFD_SHARED one can have more
 *	than one.
 * @ntrampolines: Trampolines of a table.
 * @abi: ABI of the process that created it.
 * @code: The code of a %TRAMPFD_CODE table, NULL for others.
 * @slot_shift: How many slots a trampoline has, as a power of two.
 * @lock: Protects @tables.
 * @map_size: Bytes of a mapping.
 * @shared: The only table of a %TRAMPFD_SHARED one, NULL for others.
 * @tables: The tables, one for each mm that has one.
 */
struct trampfd {
	refcount_t refs;
	refcount_t files;
	u32 ntrampolines;
	unsigned int abi;
	struct trampfd_code *code;
	unsigned int slot_shift;
	spinlock_t lock;	/* of @tables */
	unsigned long map_size;
	struct trampfd_table *shared;
	struct list_head tables;
};

/**
 * struct trampfd_retired - what slots and a table do not have any more
 * @contexts: Contexts, in a list.
 * @chunks: Empty chunks that only this table had, in a list.
 */
struct trampfd_retired {
	struct trampfd_ctx *contexts;
	struct trampfd_chunk *chunks;
};

/**
 * struct trampfd_retire - how a table gets rid of them
 * @work: Frees what is in @waiting after a grace period.
 * @queued: @work is queued, or runs; it holds a reference of the table.
 * @fresh: For the grace period after this one.
 * @waiting: For the grace period that @work waits for.
 * @units: What is charged for both.
 *
 * Protected by the table's lock, but @waiting is @work's as long as it is queued.
 */
struct trampfd_retire {
	struct rcu_work work;
	bool queued;
	struct trampfd_retired fresh;
	struct trampfd_retired waiting;
	u32 units;
};

/**
 * struct trampfd_table - the trampolines that a descriptor names in an mm
 * @refs: One of the mm, or of the descriptor of a shared one, and one of
 *	@retire while its work is queued.
 * @node: In trampfd_space.tables; empty for a shared one.
 * @list: In trampfd.tables.
 * @tf: The descriptor.
 * @space: The mm's state; NULL for a shared one.
 * @free_work: To drop the owner's reference once no hit can see the table.
 * @charge: For the table.
 * @data: The data part; NULL for a table without code.
 * @lock: Protects what follows, what is in @data, and writing to chunks.
 * @retire: What waits to be freed.
 * @allowed: The allowed PCs, NULL for any.
 * @nset: How many trampolines are set.
 * @empty: The number of a chunk without any trampoline, plus 1; 0 if there is
 *	none.
 * @nchunks: Elements of @chunks.
 * @chunks: The chunks, NULL where no trampoline was ever set.
 */
struct trampfd_table {
	refcount_t refs;
	struct rb_node node;
	struct list_head list;
	struct trampfd *tf;
	struct trampfd_space *space;
	struct rcu_work free_work;
	struct trampfd_charge charge;
	struct trampfd_data *data;
	struct mutex lock;	/* of the members below */
	struct trampfd_retire retire;
	struct trampfd_allowed *allowed;
	u32 nset;
	u32 empty;
	u32 nchunks;
	struct trampfd_chunk __rcu *chunks[] __counted_by(nchunks);
};

/**
 * struct trampfd_space - the trampolines of an mm
 * @refs: The mm's and each table's.  As tables hold it, no later mm has the
 *	address of one that a table is still known by.
 * @lock: Protects @tables and changes of the index.
 * @tables: Tables by the address of their descriptor.
 */
struct trampfd_space {
	refcount_t refs;
	struct mutex lock;	/* of @tables and the index */
	struct rb_root tables;
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
 * struct trampfd_index - from addresses to trampolines, a hash table
 * @space: The mm's state.
 * @key: What a block is multiplied by to get its hash value.
 * @shift: What a hash value is shifted by to the number of an entry.
 * @mask: Number of entries minus 1; the number is a power of two.
 * @used: Entries that have a block.
 * @live: Entries that have a mapped block.
 * @charge: For the index.
 * @free_work: To free it once no hit can see it.
 * @entries: The entries.  At least half are empty, so a search ends.
 */
struct trampfd_index {
	struct trampfd_space *space;
	unsigned long key;
	unsigned int shift;
	unsigned long mask;
	unsigned long used;
	unsigned long live;
	struct trampfd_charge charge;
	struct rcu_work free_work;
	struct trampfd_entry entries[];
};

/*
 * How far a search goes.  It has to be bounded, as interrupts may be off.  An
 * insert that would have to go farther makes a new index with another key.
 */
#define TRAMPFD_PROBES_MAX	256

static __always_inline struct trampfd_entry *
trampfd_first_entry(struct trampfd_index *index, unsigned long block)
{
	return &index->entries[(block * index->key) >> index->shift];
}

static __always_inline struct trampfd_entry *
trampfd_next_entry(struct trampfd_index *index, struct trampfd_entry *entry)
{
	return &index->entries[(entry - index->entries + 1) & index->mask];
}

/* The bits of a register or an address of an ABI. */
static inline u64 trampfd_abi_mask(unsigned int abi)
{
	return U64_MAX >> (64 - arch_trampfd_reg_size(abi) * BITS_PER_BYTE);
}

/* Where a trampoline of a table is, with the number made safe to use. */
static inline u32 trampfd_locate(struct trampfd_table *table, u32 trampoline,
				 u32 *slot)
{
	trampoline = array_index_nospec(trampoline, table->tf->ntrampolines);
	trampoline <<= table->tf->slot_shift;
	*slot = trampoline % TRAMPFD_CHUNK_SLOTS;
	return trampoline / TRAMPFD_CHUNK_SLOTS;
}

static inline struct trampfd_chunk *
trampfd_chunk_at(struct trampfd_table *table, u32 i)
{
	return rcu_dereference_protected(table->chunks[i],
					 lockdep_is_held(&table->lock));
}

static inline struct trampfd_ctx *
trampfd_slot_at(struct trampfd_table *table, struct trampfd_chunk *chunk, u32 i)
{
	return rcu_dereference_protected(chunk->slots[i],
					 lockdep_is_held(&table->lock));
}

/* A chunk that is frozen is copied before it is written. */
static inline bool trampfd_chunk_writable(const struct trampfd_chunk *chunk)
{
	return chunk && !READ_ONCE(chunk->frozen);
}

/* Bytes from the address of one trampoline to the next. */
static inline unsigned long trampfd_stride(const struct trampfd *tf)
{
	return TRAMPFD_STRIDE << tf->slot_shift;
}

/* Bytes of the code and of the data part. */
static inline unsigned long trampfd_part_size(const struct trampfd *tf)
{
	return tf->map_size - TRAMPFD_DATA_OFFSET;
}

/* The part of a TRAMPFD_CODE table that an offset in pages is in. */
static inline unsigned long trampfd_part_at(unsigned long pgoff)
{
	if (pgoff < TRAMPFD_CODE_OFFSET >> PAGE_SHIFT)
		return TRAMPFD_FAULT_OFFSET;
	if (pgoff < TRAMPFD_DATA_OFFSET >> PAGE_SHIFT)
		return TRAMPFD_CODE_OFFSET;
	return TRAMPFD_DATA_OFFSET;
}

/* The part that a mapping is of. */
static inline unsigned long trampfd_vma_part(const struct vm_area_struct *vma)
{
	return trampfd_part_at(vma->vm_pgoff);
}

/* mm/trampfd.c */
extern const struct vm_operations_struct trampfd_vm_ops;
int trampfd_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		   const struct file *file, void **private_data);
u32 trampfd_copy_some(void *to, const void __user *from, size_t size, u32 n);

/* mm/trampfd_charge.c */
extern struct workqueue_struct *trampfd_wq;
u32 trampfd_units(size_t size);
int trampfd_charge(struct trampfd_charge *charge, u32 units, bool check);
void trampfd_charge_more(struct trampfd_charge *charge, u32 units);
void trampfd_uncharge(struct trampfd_charge *charge);
void *trampfd_kvalloc(size_t size, gfp_t gfp, struct trampfd_charge *charge,
		      bool check);
void trampfd_rcu_begin(void);
void trampfd_rcu_end(void);
bool trampfd_rcu_retry(unsigned int *tries);
void trampfd_charge_init(void);

/* mm/trampfd_chunk.c */
extern struct kmem_cache *trampfd_ctx_cache, *trampfd_ctx_target_cache;
void trampfd_chunk_put(struct trampfd_chunk *chunk);
u32 trampfd_install(struct trampfd_table *table, struct trampfd_ctx **head,
		    u32 max, int *error);
int trampfd_remove(struct trampfd_table *table, u32 trampoline);
int trampfd_seal(struct trampfd_table *table, u32 trampoline);
void trampfd_retire_start(struct trampfd_table *table);
void trampfd_retire_init(struct trampfd_retire *retire);
void trampfd_chunk_init(void);

/* mm/trampfd_code.c */
extern const struct vm_operations_struct trampfd_code_vm_ops;
struct trampfd_code *trampfd_code_get(unsigned int abi,
				      const struct trampfd_attr *attr);
void trampfd_code_put(struct trampfd_code *code);
int trampfd_code_check(struct trampfd *tf, unsigned long addr, unsigned long len,
		       unsigned long pgoff);
int trampfd_code_prepare(struct vm_area_desc *desc, struct trampfd *tf);

static inline bool trampfd_vma_is(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &trampfd_vm_ops ||
	       vma->vm_ops == &trampfd_code_vm_ops;
}

/* mm/trampfd_context.c */
long trampfd_set(struct trampfd_table *table, const struct trampfd_contexts *args);
long trampfd_get(struct trampfd_table *table, const struct trampfd_contexts *args);

/* mm/trampfd_data.c */
int trampfd_data_alloc(struct trampfd_table *table, bool check);
void trampfd_data_free(struct trampfd_data *data);
void trampfd_data_copy(struct trampfd_data *new, const struct trampfd_data *old);
bool trampfd_data_may_place(struct trampfd_table *table, unsigned long base);
void trampfd_data_place(struct trampfd_table *table, unsigned long base);
void trampfd_data_unplace(struct trampfd_table *table);
vm_fault_t trampfd_data_fault(struct trampfd_table *table, struct vm_fault *vmf);
void trampfd_data_set_pc(struct trampfd_table *table, struct trampfd_chunk *chunk,
			 u32 i, u32 slot, const struct trampfd_ctx *ctx,
			 const struct trampfd_ctx *old);
void trampfd_data_remove(struct trampfd_table *table, struct trampfd_chunk *chunk,
			 u32 i, u32 slot);
u32 trampfd_data_nfast(struct trampfd_table *table);

/* mm/trampfd_file.c */
struct file *trampfd_file(struct trampfd *tf, const struct file_operations *fops,
			  int flags, const struct inode *context_inode);
void trampfd_file_init(void);

/* mm/trampfd_index.c */
/**
 * enum trampfd_add - why a mapping is new
 * @TRAMPFD_ADD_MMAP: It was made; limits are checked.
 * @TRAMPFD_ADD_MOVE: It was moved, and the old place goes when this one is there.
 * @TRAMPFD_ADD_FORK: The parent has it.
 */
enum trampfd_add {
	TRAMPFD_ADD_MMAP,
	TRAMPFD_ADD_MOVE,
	TRAMPFD_ADD_FORK,
};

struct trampfd_space *trampfd_space_of(struct mm_struct *mm);
struct trampfd_space *trampfd_space_get(struct mm_struct *mm, unsigned long live,
					bool check);
void trampfd_space_put(struct trampfd_space *space);
int trampfd_index_add(struct mm_struct *mm, unsigned long start,
		      unsigned long end, pgoff_t pgoff,
		      struct trampfd_table *table, enum trampfd_add why);
void trampfd_index_remove(struct vm_area_struct *vma);
void trampfd_index_exit(struct mm_struct *mm);

/* mm/trampfd_sysctl.c */
bool trampfd_create_allowed(void);
bool trampfd_code_allowed(void);
void trampfd_sysctl_init(void);

/* mm/trampfd_table.c */
void trampfd_put(struct trampfd *tf);
struct trampfd_table *trampfd_table_alloc(struct trampfd *tf, bool check);
void trampfd_table_link(struct trampfd_table *table, struct trampfd_space *space);
void trampfd_table_get(struct trampfd_table *table);
void trampfd_table_put(struct trampfd_table *table);
struct trampfd_table *trampfd_table_of(struct trampfd *tf, struct mm_struct *mm);
void trampfd_drop_tables(struct trampfd *tf);
bool trampfd_pc_listed(const struct trampfd_allowed *allowed, u64 pc);
long trampfd_allow(struct trampfd_table *table, const struct trampfd_pcs *args);
long trampfd_get_allowed(struct trampfd_table *table,
			 const struct trampfd_pcs *args);

/* An address that is wider than a pointer must not become another one. */
static inline void __user *trampfd_user_ptr(u64 address)
{
	return u64_to_user_ptr(min_t(u64, address, ULONG_MAX));
}

#endif /* _MM_TRAMPFD_INTERNAL_H */
