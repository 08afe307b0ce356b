// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines: the fast lane of TRAMPFD_CODE tables.
 *
 * A table's region has three parts, at the same distances for all tables:
 *
 *	fault	no permissions; a call faults, as in a TRAMPFD_FAULT table
 *	code	the kernel's code, the same for each trampoline: it loads registers
 *		from the trampoline's data slot, and jumps to the PC there
 *	data	the slots, which only the kernel can write
 *
 * trampfd_data.c tells what is in a slot, and why a call through the code is whole.
 */
#include <linux/cacheflush.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mutex.h>
#include <linux/personality.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "trampfd_internal.h"

/* The page of code of each shape in use, under the lock. */
static LIST_HEAD(trampfd_codes);
static DEFINE_MUTEX(trampfd_codes_lock);

/*
 * Shapes and their code.
 */

/* Put the registers of a shape into ascending order; false if they can't be one. */
static bool trampfd_shape_init(struct trampfd_shape *shape, unsigned int abi,
			       const struct trampfd_attr *attr)
{
	unsigned int i, j;
	int slot;

	if (attr->shape_nregs > TRAMPFD_SHAPE_MAX)
		return false;
	for (i = 0; i < TRAMPFD_SHAPE_MAX; i++) {
		const u32 name = attr->shape[i];

		if (i >= attr->shape_nregs) {
			if (name)
				return false;
			continue;
		}
		slot = arch_trampfd_slot(abi, name);
		if (slot < 0 || slot == TRAMPFD_SLOT_PC ||
		    slot == arch_trampfd_target(abi))
			return false;
		for (j = i; j && shape->names[j - 1] > name; j--)
			shape->names[j] = shape->names[j - 1];
		if (j && shape->names[j - 1] == name)
			return false;
		shape->names[j] = name;
	}
	shape->abi = abi;
	shape->nregs = attr->shape_nregs;
	return true;
}

/* What user space calls the target register; any number if the ABI has none. */
static u32 trampfd_target_name(unsigned int abi)
{
	const int target = arch_trampfd_target(abi);
	u32 name;

	for (name = 0; name < BITS_PER_TYPE(u64); name++)
		if (arch_trampfd_slot(abi, name) == target)
			break;
	return name;
}

/* Write the code of a shape, and say how large a slot is. */
static int trampfd_code_write(struct trampfd_code *code)
{
	const unsigned int word = arch_trampfd_reg_size(code->shape.abi);
	struct trampfd_shape *shape = &code->shape;
	u8 *entries = page_address(code->page);
	unsigned int i, end;
	int size;

	BUILD_BUG_ON(TRAMPFD_CODE_TO_DATA % PAGE_SIZE);

	memset(entries, arch_trampfd_code_fill(shape->abi), PAGE_SIZE);
	for (i = 0; i < shape->nregs; i++) {
		shape->values[i] = i * word;
		code->slots[i] = arch_trampfd_slot(shape->abi, shape->names[i]);
	}
	shape->pc = shape->nregs * word;
	size = arch_trampfd_code(shape, entries);
	if (size < 0)
		return size;

	end = shape->pc;
	code->required = BIT_ULL(TRAMPFD_SLOT_PC);
	for (i = 0; i < shape->nregs; i++) {
		end = max(end, shape->values[i]);
		code->where[code->slots[i]] = shape->values[i];
		code->required |= BIT_ULL(code->slots[i]);
	}
	code->nregs = shape->nregs + (arch_trampfd_target(shape->abi) >= 0);

	code->shift = order_base_2(max3(TRAMPFD_STRIDE, (unsigned int)size, end + word)) -
		      TRAMPFD_STRIDE_SHIFT;
	for (i = TRAMPFD_STRIDE << code->shift; i < PAGE_SIZE;
	     i += TRAMPFD_STRIDE << code->shift)
		memcpy(entries + i, entries, size);
	flush_icache_range((unsigned long)entries,
			   (unsigned long)entries + PAGE_SIZE);
	return 0;
}

static void trampfd_code_free(struct trampfd_code *code)
{
	if (code->page)
		put_page(code->page);
	kfree(code);
}

static struct trampfd_code *trampfd_code_new(const struct trampfd_shape *shape)
{
	struct trampfd_code *code = kzalloc_obj(*code, TRAMPFD_GFP);
	int ret = -ENOMEM;

	if (!code)
		return ERR_PTR(ret);
	code->shape = *shape;
	code->target_name = trampfd_target_name(shape->abi);
	refcount_set(&code->refs, 1);
	code->page = alloc_page(TRAMPFD_GFP);
	if (code->page)
		ret = trampfd_code_write(code);
	if (!ret)
		return code;
	trampfd_code_free(code);
	return ERR_PTR(ret);
}

/* Find the code of a shape, and take a reference; NULL if nobody has it. */
static struct trampfd_code *trampfd_code_find(const struct trampfd_shape *shape)
{
	struct trampfd_code *code;

	list_for_each_entry(code, &trampfd_codes, list) {
		if (code->shape.abi == shape->abi &&
		    code->shape.nregs == shape->nregs &&
		    !memcmp(code->shape.names, shape->names,
			    sizeof(shape->names))) {
			refcount_inc(&code->refs);
			return code;
		}
	}
	return NULL;
}

/**
 * trampfd_code_get() - find or make the code of a shape
 * @abi: The ABI of the table.
 * @attr: The shape.
 *
 * Context: May sleep.
 * Return: the code with a reference for the caller, or ERR_PTR of -EINVAL for a
 * shape that can't be, -EOPNOTSUPP or -ENOMEM.
 */
struct trampfd_code *trampfd_code_get(unsigned int abi,
				      const struct trampfd_attr *attr)
{
	struct trampfd_code *code, *new;
	struct trampfd_shape shape = {};

	if (!trampfd_shape_init(&shape, abi, attr))
		return ERR_PTR(-EINVAL);

	scoped_guard(mutex, &trampfd_codes_lock)
		code = trampfd_code_find(&shape);
	if (code)
		return code;

	/* Without the lock: at its memory cgroup's limit, a task may take long. */
	new = trampfd_code_new(&shape);
	if (IS_ERR(new))
		return new;
	scoped_guard(mutex, &trampfd_codes_lock) {
		code = trampfd_code_find(&shape);
		if (!code)
			list_add(&new->list, &trampfd_codes);
	}
	if (!code)
		return new;
	trampfd_code_free(new);
	return code;
}

/**
 * trampfd_code_put() - drop a reference of a shape's code
 * @code: The code, or NULL.  Mappings have references of their own to its page.
 *
 * Context: May sleep.
 */
void trampfd_code_put(struct trampfd_code *code)
{
	if (!code || !refcount_dec_and_mutex_lock(&code->refs, &trampfd_codes_lock))
		return;
	list_del(&code->list);
	mutex_unlock(&trampfd_codes_lock);
	trampfd_code_free(code);
}

/*
 * The pages of the code part are all the same.  They are given only where the data
 * is the table's, too: a child that gets no copy of that (MADV_DONTFORK), even if it
 * is sealed, may map something writable there.
 */
static vm_fault_t trampfd_code_part_fault(struct trampfd_table *table,
					  struct vm_fault *vmf)
{
	struct page *page = table->tf->code->page;
	struct vm_area_struct *data;

	/* Without ->map_pages, faults under a VMA's lock do not come here. */
	mmap_assert_locked(vmf->vma->vm_mm);
	data = vma_lookup(vmf->vma->vm_mm, vmf->address + TRAMPFD_CODE_TO_DATA);
	if (!data || data->vm_ops != &trampfd_code_vm_ops ||
	    data->vm_private_data != table || !vma_test(data, VMA_READ_BIT))
		return VM_FAULT_SIGBUS;
	/* All processes have it, so somebody may try to make too many references. */
	if (!try_get_page(page))
		return VM_FAULT_SIGBUS;
	vmf->page = page;
	return 0;
}

static vm_fault_t trampfd_code_fault(struct vm_fault *vmf)
{
	struct trampfd_table *table = vmf->vma->vm_private_data;

	switch (trampfd_vma_part(vmf->vma)) {
	case TRAMPFD_CODE_OFFSET:
		return trampfd_code_part_fault(table, vmf);
	case TRAMPFD_DATA_OFFSET:
		return trampfd_data_fault(table, vmf);
	default:
		/* It has no permission that could lead here. */
		WARN_ON_ONCE(1);
		return VM_FAULT_SIGSEGV;
	}
}

/*
 * Mappings.
 */

static void trampfd_code_open(struct vm_area_struct *vma)
{
	struct trampfd_table *table = vma->vm_private_data;

	guard(mutex)(&table->lock);
	table->data->nmaps++;
}

static void trampfd_code_close(struct vm_area_struct *vma)
{
	struct trampfd_table *table = vma->vm_private_data;

	if (trampfd_vma_part(vma) == TRAMPFD_FAULT_OFFSET)
		trampfd_vm_ops.close(vma);
	trampfd_data_unplace(table);
}

static int trampfd_code_mprotect(struct vm_area_struct *vma, unsigned long start,
				 unsigned long end, unsigned long newflags)
{
	return -EACCES;
}

/* What a data slot says is good for one place only. */
static int trampfd_code_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

static int trampfd_code_mapped(unsigned long start, unsigned long end,
			       pgoff_t pgoff, const struct file *file,
			       void **private_data)
{
	unsigned long part = trampfd_part_at(pgoff);

	trampfd_data_place(*private_data, start - part);
	return part == TRAMPFD_FAULT_OFFSET ?
	       trampfd_mapped(start, end, pgoff, file, private_data) : 0;
}

const struct vm_operations_struct trampfd_code_vm_ops = {
	.mapped		= trampfd_code_mapped,
	.open		= trampfd_code_open,
	.close		= trampfd_code_close,
	.mprotect	= trampfd_code_mprotect,
	.mremap		= trampfd_code_mremap,
	.fault		= trampfd_code_fault,
};

/* Check the permissions of a mapping, and fix them for good. */
static int trampfd_code_restrict(struct vm_area_desc *desc, unsigned long part)
{
	bool read = vma_desc_test(desc, VMA_READ_BIT);
	bool exec = vma_desc_test(desc, VMA_EXEC_BIT);

	if (vma_desc_test(desc, VMA_WRITE_BIT))
		return -EINVAL;

	switch (part) {
	case TRAMPFD_FAULT_OFFSET:
		if (read || exec)
			return -EINVAL;
		vma_desc_clear_flags(desc, VMA_MAYREAD_BIT, VMA_MAYEXEC_BIT);
		break;
	case TRAMPFD_CODE_OFFSET:
		if (!read || !exec)
			return -EINVAL;
		break;
	case TRAMPFD_DATA_OFFSET:
		/* do_mmap() gives old programs more than they ask for. */
		if (!read || (exec && !(current->personality & READ_IMPLIES_EXEC)))
			return -EINVAL;
		vma_desc_clear_flags(desc, VMA_EXEC_BIT, VMA_MAYEXEC_BIT);
		break;
	}
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);
	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
	return 0;
}

/* The fault part may take the whole region, and so reserve the others. */
static bool trampfd_is_part(const struct trampfd *tf, unsigned long part,
			    unsigned long pgoff, unsigned long size)
{
	return pgoff == part >> PAGE_SHIFT &&
	       (size == trampfd_part_size(tf) ||
		(part == TRAMPFD_FAULT_OFFSET && size == tf->map_size));
}

/**
 * trampfd_code_check() - check where a part is to be mapped
 * @tf: The descriptor's object, with code.
 * @addr: The address.
 * @len: How many bytes.
 * @pgoff: The offset, in pages.
 *
 * Context: mmap_lock of the current mm held for writing.  Takes the table's lock.
 * Return: 0, or -EINVAL or -EPERM as trampfd_code_prepare(); -EPERM also if the mm has
 * no table.
 */
int trampfd_code_check(struct trampfd *tf, unsigned long addr, unsigned long len,
		       unsigned long pgoff)
{
	const unsigned long part = trampfd_part_at(pgoff);
	struct trampfd_table *table;

	if (!trampfd_is_part(tf, part, pgoff, len) || addr < part)
		return -EINVAL;
	table = trampfd_table_of(tf, current->mm);
	if (!table)
		return -EPERM;
	if (!trampfd_data_may_place(table, addr - part))
		return -EINVAL;
	return part == TRAMPFD_CODE_OFFSET && !trampfd_code_allowed() ? -EPERM : 0;
}

/**
 * trampfd_code_prepare() - check and describe a mapping of a part of a table with code
 * @desc: What is to be mapped.
 * @tf: The descriptor's object.
 *
 * Context: mmap_lock of the current mm held for writing.  Takes the table's lock.
 * Return: 0; -EINVAL if it is no part, has other permissions, or is not at the same
 * distance from the others; -EPERM if the administrator forbids the code part.
 */
int trampfd_code_prepare(struct vm_area_desc *desc, struct trampfd *tf)
{
	int ret;

	ret = trampfd_code_check(tf, desc->start, vma_desc_size(desc), desc->pgoff);
	if (!ret)
		ret = trampfd_code_restrict(desc, trampfd_part_at(desc->pgoff));
	if (!ret)
		desc->vm_ops = &trampfd_code_vm_ops;
	return ret;
}
