// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines that need no writable, executable memory.
 *
 * A trampoline is an address in a mapping without permissions.  Calling it faults, and
 * the architecture's page-fault handler has the stored context applied.
 *
 * This file is the front: the system calls, the descriptor, its mappings and
 * its operations.  trampfd_internal.h tells what stands behind it.
 */
#include <linux/cleanup.h>
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>

#include <trace/events/trampfd.h>

#include "trampfd_internal.h"

/* How many trampolines TRAMPFD_REMOVE and TRAMPFD_SEAL do at a time. */
#define TRAMPFD_LIST_BATCH	1024

static const struct file_operations trampfd_fops;

/*
 * Mappings.
 */

/* Check what mmap() and mremap() tell before anything is unmapped. */
static int trampfd_check_area(struct trampfd *tf, unsigned long addr,
			      unsigned long len, unsigned long pgoff,
			      unsigned int type)
{
	const unsigned long size = len >> PAGE_SHIFT;
	const unsigned long all = tf->map_size >> PAGE_SHIFT;
	const bool shared = type != MAP_PRIVATE;

	/* mremap() of a private mapping passes no MAP_TYPE; parts with code can't move. */
	if (!type)
		return tf->code ? -EINVAL : 0;
	if (shared != !!tf->shared || arch_trampfd_abi() != tf->abi)
		return -EINVAL;
	if (tf->code)
		return trampfd_code_check(tf, addr, len, pgoff);
	/* mremap() of a shared mapping passes MAP_SHARED, and may move a part of it. */
	if (shared)
		return pgoff > all || size > all - pgoff ? -EINVAL : 0;
	if (pgoff || size != all)
		return -EINVAL;
	return trampfd_table_of(tf, current->mm) ? 0 : -EPERM;
}

/*
 * Refuse here what ->mmap_prepare() would refuse, because by then MAP_FIXED has unmapped
 * the old mapping.  Permissions are not known here.
 */
static unsigned long trampfd_get_unmapped_area(struct file *file, unsigned long addr,
					       unsigned long len, unsigned long pgoff,
					       unsigned long flags)
{
	struct trampfd *tf = file->private_data;
	int ret;

	addr = mm_get_unmapped_area(file, addr, len, pgoff, flags);
	if (IS_ERR_VALUE(addr))
		return addr;
	ret = trampfd_check_area(tf, addr, len, pgoff, flags & MAP_TYPE);
	return ret ?: addr;
}

/* This changes nothing outside @desc: the mapping may still fail afterwards. */
static int trampfd_mmap_prepare(struct vm_area_desc *desc)
{
	struct trampfd *tf = desc->file->private_data;
	struct trampfd_table *table;

	if (!vma_desc_test(desc, VMA_MAYSHARE_BIT) != !tf->shared ||
	    arch_trampfd_abi() != tf->abi)
		return -EINVAL;
	if (!tf->code &&
	    (vma_desc_size(desc) != tf->map_size || desc->pgoff ||
	     vma_desc_test_any(desc, VMA_READ_BIT, VMA_WRITE_BIT, VMA_EXEC_BIT)))
		return -EINVAL;

	table = trampfd_table_of(tf, desc->mm);
	if (!table)
		return -EPERM;
	desc->private_data = table;
	if (tf->code)
		return trampfd_code_prepare(desc, tf);

	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);
	vma_desc_clear_flags(desc, VMA_MAYREAD_BIT, VMA_MAYWRITE_BIT,
			     VMA_MAYEXEC_BIT);
	desc->vm_ops = &trampfd_vm_ops;
	return 0;
}

/**
 * trampfd_mapped() - let calls find the trampolines of a new mapping
 * @start: Where it begins.
 * @end: Where it ends.
 * @pgoff: The file's page that is at its beginning.
 * @file: The file.
 * @private_data: Where the mapping points to its table.
 *
 * Context: mmap_lock of the current mm held for writing.
 * Return: 0; or -ENOMEM or -EDQUOT, and then it is unmapped.
 */
int trampfd_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		   const struct file *file, void **private_data)
{
	struct trampfd_space *space;

	/* Of the receiver of a shared table, this may be the first. */
	space = trampfd_space_get(current->mm, 0, true);
	if (IS_ERR(space))
		return PTR_ERR(space);
	return trampfd_index_add(current->mm, start, end, pgoff, *private_data,
				 TRAMPFD_ADD_MMAP);
}

/*
 * A mapping was moved.  The old place is forgotten when it is unmapped, or the
 * new one if this fails.
 */
static int trampfd_mremap(struct vm_area_struct *vma)
{
	return trampfd_index_add(vma->vm_mm, vma->vm_start, vma->vm_end,
				 vma->vm_pgoff, vma->vm_private_data,
				 TRAMPFD_ADD_MOVE);
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
const struct vm_operations_struct trampfd_vm_ops = {
	.mapped	= trampfd_mapped,
	.close	= trampfd_close,
	.mremap	= trampfd_mremap,
};

/*
 * Operations, by a descriptor or by an address.
 */

/**
 * trampfd_copy_some() - copy elements of an array from user space
 * @to: Where to.
 * @from: Where from.
 * @size: Bytes of an element.
 * @n: How many at most.
 *
 * A bad address is an error of the element that is there, and must not spoil those
 * before it.  So if not all can be read, this reads the first one alone.
 *
 * Return: how many elements were copied: @n, 1, or 0 if the first can't be read.
 */
u32 trampfd_copy_some(void *to, const void __user *from, size_t size, u32 n)
{
	if (likely(!copy_from_user(to, from, n * size)))
		return n;
	return n > 1 && !copy_from_user(to, from, size) ? 1 : 0;
}

/* Copy an operation's argument, whose size is in the operation's number. */
static int trampfd_copy_args(void *to, size_t size, size_t min_size,
			     unsigned int cmd, unsigned long arg)
{
	if (_IOC_SIZE(cmd) < min_size)
		return -EINVAL;
	return copy_struct_from_user(to, size, (void __user *)arg,
				     _IOC_SIZE(cmd));
}

static long trampfd_op_contexts(struct trampfd_table *table, unsigned int cmd,
				unsigned long arg,
				long (*op)(struct trampfd_table *table,
					   const struct trampfd_contexts *args))
{
	struct trampfd_contexts args;
	int ret;

	BUILD_BUG_ON(sizeof(args) != TRAMPFD_CONTEXTS_SIZE_VER0);
	ret = trampfd_copy_args(&args, sizeof(args), TRAMPFD_CONTEXTS_SIZE_VER0,
				cmd, arg);
	if (ret)
		return ret;
	if (!args.nrecords || args.nrecords > TRAMPFD_RECORDS_MAX)
		return -EINVAL;
	return op(table, &args);
}

static long trampfd_op_pcs(struct trampfd_table *table, unsigned int cmd,
			   unsigned long arg,
			   long (*op)(struct trampfd_table *table,
				      const struct trampfd_pcs *args))
{
	struct trampfd_pcs args;
	int ret;

	BUILD_BUG_ON(sizeof(args) != TRAMPFD_PCS_SIZE_VER0);
	ret = trampfd_copy_args(&args, sizeof(args), TRAMPFD_PCS_SIZE_VER0,
				cmd, arg);
	return ret ?: op(table, &args);
}

/* Change trampolines whose numbers are in @list; return how many, or an error. */
static int trampfd_change(struct trampfd_table *table, const u32 *list, u32 n,
			  int (*change)(struct trampfd_table *table,
					u32 trampoline), int *error)
{
	u32 done;

	guard(mutex)(&table->lock);
	for (done = 0; done < n; done++) {
		*error = list[done] < table->tf->ntrampolines ?
			 change(table, list[done]) : -EINVAL;
		if (*error)
			break;
	}
	trampfd_retire_start(table);
	return done;
}

/*
 * TRAMPFD_REMOVE and TRAMPFD_SEAL.  The list is not charged, so that removing
 * works at the cgroup's limit.  After a fork it may not: to change what is shared
 * makes a copy first.
 */
static long trampfd_op_list(struct trampfd_table *table, unsigned int cmd,
			    unsigned long arg,
			    int (*change)(struct trampfd_table *table,
					  u32 trampoline))
{
	u32 *list __free(kfree) = NULL;
	struct trampfd_list args;
	u32 n, changed, first = 0;
	u32 __user *ulist;
	int done, ret;

	BUILD_BUG_ON(sizeof(args) != TRAMPFD_LIST_SIZE_VER0);
	ret = trampfd_copy_args(&args, sizeof(args), TRAMPFD_LIST_SIZE_VER0,
				cmd, arg);
	if (ret)
		return ret;
	if (args.flags || !args.count || args.count > TRAMPFD_RECORDS_MAX)
		return -EINVAL;
	list = kmalloc_objs(*list, TRAMPFD_LIST_BATCH, GFP_KERNEL);
	if (!list)
		return -ENOMEM;

	ulist = trampfd_user_ptr(args.trampolines);
	for (done = 0; done < args.count; done += changed) {
		ret = -EINTR;
		if (fatal_signal_pending(current))
			break;
		n = trampfd_copy_some(list, ulist + done, sizeof(*list),
				      min_t(u32, args.count - done,
					    TRAMPFD_LIST_BATCH));
		ret = -EFAULT;
		if (!n)
			break;
		if (!done)
			first = list[0];
		changed = trampfd_change(table, list, n, change, &ret);
		if (changed < n) {
			done += changed;
			break;
		}
		cond_resched();
	}
	if (done && change == trampfd_remove)
		trace_trampfd_remove(first, done);
	return done ?: ret;
}

/* TRAMPFD_READONLY */
static long trampfd_op_readonly(struct file *file, unsigned long arg)
{
	struct trampfd *tf = file->private_data;
	struct file *new;
	int fd;

	if (arg || !tf->shared)
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	new = trampfd_file(tf, &trampfd_fops, O_RDONLY, file_inode(file));
	if (IS_ERR(new)) {
		put_unused_fd(fd);
		return PTR_ERR(new);
	}
	refcount_inc(&tf->files);
	fd_install(fd, new);
	return fd;
}

/* The number of an operation without the size, in which versions differ. */
#define TRAMPFD_CMD(cmd)	((cmd) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT))

/* Do what an ioctl of @file asks for, on @table: NULL if the mm has none. */
static long trampfd_op(struct file *file, struct trampfd_table *table,
		       unsigned int cmd, unsigned long arg)
{
	/* It has no structure, and so no versions. */
	if (cmd == TRAMPFD_READONLY)
		return trampfd_op_readonly(file, arg);

	switch (TRAMPFD_CMD(cmd)) {
	case TRAMPFD_CMD(TRAMPFD_SET):
	case TRAMPFD_CMD(TRAMPFD_REMOVE):
	case TRAMPFD_CMD(TRAMPFD_SEAL):
	case TRAMPFD_CMD(TRAMPFD_ALLOW):
		if (!(file->f_mode & FMODE_WRITE))
			return -EBADF;
		break;
	case TRAMPFD_CMD(TRAMPFD_GET):
	case TRAMPFD_CMD(TRAMPFD_GET_ALLOWED):
		break;
	default:
		return -ENOTTY;
	}
	if (!table)
		return -EPERM;

	switch (TRAMPFD_CMD(cmd)) {
	case TRAMPFD_CMD(TRAMPFD_SET):
		return trampfd_op_contexts(table, cmd, arg, trampfd_set);
	case TRAMPFD_CMD(TRAMPFD_GET):
		return trampfd_op_contexts(table, cmd, arg, trampfd_get);
	case TRAMPFD_CMD(TRAMPFD_REMOVE):
		return trampfd_op_list(table, cmd, arg, trampfd_remove);
	case TRAMPFD_CMD(TRAMPFD_SEAL):
		return trampfd_op_list(table, cmd, arg, trampfd_seal);
	case TRAMPFD_CMD(TRAMPFD_ALLOW):
		return trampfd_op_pcs(table, cmd, arg, trampfd_allow);
	default:
		return trampfd_op_pcs(table, cmd, arg, trampfd_get_allowed);
	}
}

static long trampfd_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return trampfd_op(file, trampfd_table_of(file->private_data, current->mm),
			  cmd, arg);
}

/*
 * Hold the file that is mapped at an address of the caller's.  As long as file and
 * mm are used, the table stays.
 */
static struct file *trampfd_file_at(unsigned long addr,
				    struct trampfd_table **table)
{
	struct mm_struct *mm = current->mm;
	struct file *file = ERR_PTR(-ENXIO);
	struct vm_area_struct *vma;

	if (mmap_read_lock_killable(mm))
		return ERR_PTR(-EINTR);
	vma = vma_lookup(mm, addr);
	if (vma && trampfd_vma_is(vma)) {
		file = get_file(vma->vm_file);
		*table = vma->vm_private_data;
	}
	mmap_read_unlock(mm);
	return file;
}

static int trampfd_security_ioctl(struct file *file, unsigned int op,
				  unsigned long arg)
{
	if (in_compat_syscall())
		return security_file_ioctl_compat(file, op, arg);
	return security_file_ioctl(file, op, arg);
}

/**
 * sys_trampfd_control() - work on the table that is mapped at an address
 * @addr: Any address in any mapping of the table; a tag in it is ignored.
 * @op: What to do: the number of an ioctl of a trampoline descriptor.
 * @arg: The argument of that ioctl.
 * @flags: Must be 0.
 *
 * Numbers of trampolines are the table's, and do not depend on @addr.  A mapping
 * that goes while the call runs does not disturb it.
 *
 * Return: what the ioctl returns; or an error of it, or
 *
 * - %EINVAL: @flags is not 0.
 * - %ENXIO: Nothing is mapped at @addr, or something else is.
 * - %EPERM: The table is a %TRAMPFD_SHARED one.
 * - %EINTR: The task was killed.
 *
 * A security module may refuse with an error of its own.
 */
SYSCALL_DEFINE4(trampfd_control, unsigned long, addr, unsigned int, op,
		void __user *, arg, unsigned int, flags)
{
	struct file *file __free(fput) = NULL;
	struct trampfd_table *table;
	int ret;

	if (flags)
		return -EINVAL;
	file = trampfd_file_at(untagged_addr(addr), &table);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (table->tf->shared)
		return -EPERM;
	ret = trampfd_security_ioctl(file, op, (unsigned long)arg);
	return ret ?: trampfd_op(file, table, op, (unsigned long)arg);
}

/*
 * The descriptor.
 */

static int trampfd_release(struct inode *inode, struct file *file)
{
	struct trampfd *tf = file->private_data;

	if (refcount_dec_and_test(&tf->files)) {
		trampfd_drop_tables(tf);
		trampfd_put(tf);
	}
	return 0;
}

static void trampfd_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct trampfd *tf = file->private_data;
	struct trampfd_table *table = NULL;

	seq_printf(m, "trampfd-type:\t%s\n", tf->code ? "code" : "fault");
	seq_printf(m, "trampfd-trampolines:\t%u\n", tf->ntrampolines);
	seq_printf(m, "trampfd-stride:\t%lu\n", trampfd_stride(tf));
	seq_printf(m, "trampfd-abi:\t%s\n", arch_trampfd_abi_name(tf->abi));
	/* What others have set is none of the reader's business. */
	if (current->mm)
		table = trampfd_table_of(tf, current->mm);
	if (table)
		seq_printf(m, "trampfd-set:\t%u\n", READ_ONCE(table->nset));
	if (table && table->data)
		seq_printf(m, "trampfd-fast:\t%u\n", trampfd_data_nfast(table));
}

static const struct file_operations trampfd_fops = {
	.owner		= THIS_MODULE,
	.release	= trampfd_release,
	.mmap_prepare	= trampfd_mmap_prepare,
	.get_unmapped_area = trampfd_get_unmapped_area,
	.unlocked_ioctl	= trampfd_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= trampfd_show_fdinfo,
};

/* Say what a mapping of the table looks like. */
static int trampfd_lay_out(struct trampfd *tf, const struct trampfd_attr *attr)
{
	struct trampfd_code *code;

	if (attr->type == TRAMPFD_CODE) {
		code = trampfd_code_get(tf->abi, attr);
		if (IS_ERR(code))
			return PTR_ERR(code);
		tf->code = code;
		tf->slot_shift = code->shift;
	}
	tf->ntrampolines = attr->ntrampolines;
	tf->map_size = PAGE_ALIGN(tf->ntrampolines * trampfd_stride(tf));
	if (!tf->code)
		return 0;
	if (tf->map_size > TRAMPFD_CODE_TO_DATA)
		return -EINVAL;
	/* The data part is the last. */
	tf->map_size += TRAMPFD_DATA_OFFSET;
	return 0;
}

/* Make the descriptor's object with the creator's table. */
static struct trampfd *trampfd_new(const struct trampfd_attr *attr,
				   unsigned int abi, unsigned int flags)
{
	struct trampfd_space *space = NULL;
	struct trampfd_table *table;
	struct trampfd *tf;
	int ret;

	if (!(flags & TRAMPFD_SHARED)) {
		space = trampfd_space_get(current->mm, 0, true);
		if (IS_ERR(space))
			return ERR_CAST(space);
	}

	tf = kzalloc_obj(*tf, TRAMPFD_GFP);
	if (!tf)
		return ERR_PTR(-ENOMEM);
	refcount_set(&tf->refs, 1);
	refcount_set(&tf->files, 1);
	tf->abi = abi;
	spin_lock_init(&tf->lock);
	INIT_LIST_HEAD(&tf->tables);
	ret = trampfd_lay_out(tf, attr);
	if (ret) {
		trampfd_put(tf);
		return ERR_PTR(ret);
	}

	table = trampfd_table_alloc(tf, true);
	if (IS_ERR(table)) {
		trampfd_put(tf);
		return ERR_CAST(table);
	}
	if (space)
		trampfd_table_link(table, space);
	else
		tf->shared = table;
	return tf;
}

static int trampfd_copy_attr(struct trampfd_attr *attr,
			     struct trampfd_attr __user *uattr, size_t size)
{
	int ret;

	BUILD_BUG_ON(sizeof(*attr) != TRAMPFD_ATTR_SIZE_VER1);
	BUILD_BUG_ON(offsetof(struct trampfd_attr, shape_nregs) != TRAMPFD_ATTR_SIZE_VER0);

	if (size < TRAMPFD_ATTR_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(attr, sizeof(*attr), uattr, size);
	if (ret)
		return ret;
	if (attr->reserved || !attr->ntrampolines ||
	    attr->ntrampolines > TRAMPFD_TRAMPOLINES_MAX)
		return -EINVAL;

	switch (attr->type) {
	case TRAMPFD_FAULT:
		return attr->shape_nregs ||
		       memchr_inv(attr->shape, 0, sizeof(attr->shape)) ?
		       -EINVAL : 0;
	case TRAMPFD_CODE:
		/* Without the offsets, nobody can map it. */
		return size < TRAMPFD_ATTR_SIZE_VER1 ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/* Tell how to map a table, and the bounds of this kernel. */
static void trampfd_fill_attr(struct trampfd_attr *attr, const struct trampfd *tf)
{
	*attr = (struct trampfd_attr) {
		.type		 = attr->type,
		.ntrampolines	 = attr->ntrampolines,
		.map_size	 = tf->map_size,
		.map_prot	 = PROT_NONE,
		.map_flags	 = tf->shared ? MAP_SHARED : MAP_PRIVATE,
		.stride		 = trampfd_stride(tf),
		.shape_nregs	 = attr->shape_nregs,
		.shape		 = { attr->shape[0], attr->shape[1], attr->shape[2] },
		.max_trampolines = TRAMPFD_TRAMPOLINES_MAX,
		.max_records	 = TRAMPFD_RECORDS_MAX,
		.max_regs	 = TRAMPFD_REGS_MAX,
		.max_stack	 = TRAMPFD_STACK_MAX,
		.max_stack_skip	 = TRAMPFD_STACK_SKIP_MAX,
		.max_pcs	 = TRAMPFD_PCS_MAX,
	};
	if (!tf->code)
		return;
	attr->part_size = trampfd_part_size(tf);
	attr->code_offset = TRAMPFD_CODE_OFFSET;
	attr->data_offset = TRAMPFD_DATA_OFFSET;
	attr->code_prot = PROT_READ | PROT_EXEC | arch_trampfd_code_prot(tf->abi);
	attr->data_prot = PROT_READ;
	attr->max_trampolines = TRAMPFD_CODE_TO_DATA / trampfd_stride(tf);
}

/**
 * sys_trampfd_create() - create a table of trampolines
 * @uattr: What to create; what to give to mmap() is filled in.
 * @size: Size of *@uattr in bytes, which tells the caller's version of it.
 * @flags: %TRAMPFD_SHARED or 0.
 *
 * The new descriptor has the close-on-exec flag.
 *
 * Return: the descriptor, or
 *
 * - %EOPNOTSUPP: Trampolines are not there for the caller's ABI; or code is not,
 *   for it or on this CPU.
 * - %EINVAL: @flags, or the type, the number of trampolines, the shape or a
 *   reserved field of *@uattr, is none that this kernel knows; @size is too
 *   small.
 * - %E2BIG: *@uattr is larger than this kernel's, and what is beyond is not 0;
 *   @size exceeds a page.
 * - %EFAULT: *@uattr can't be read or written.
 * - %EPERM: The administrator has switched trampolines off
 *   (vm.trampfd_enabled).
 * - %EDQUOT: The user's limit (user.max_trampfd_units) is reached.
 * - %EMFILE, %ENFILE: Too many open files, of the process or of the system.
 * - %ENOMEM: No memory, or the memory cgroup's limit is reached.
 *
 * A security module may refuse with an error of its own.
 */
SYSCALL_DEFINE3(trampfd_create, struct trampfd_attr __user *, uattr, size_t, size,
		unsigned int, flags)
{
	int abi = arch_trampfd_abi();
	unsigned int tries = 0;
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
	/* Nobody can say where such a table is in all processes. */
	if (attr.type == TRAMPFD_CODE && flags & TRAMPFD_SHARED)
		return -EINVAL;
	if (!trampfd_create_allowed())
		return -EPERM;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	do {
		tf = trampfd_new(&attr, abi, flags);
	} while (tf == ERR_PTR(-EDQUOT) && trampfd_rcu_retry(&tries));
	if (IS_ERR(tf)) {
		ret = PTR_ERR(tf);
		goto out_put_fd;
	}
	trampfd_fill_attr(&attr, tf);

	file = trampfd_file(tf, &trampfd_fops, O_RDWR, NULL);
	if (IS_ERR(file)) {
		trampfd_drop_tables(tf);
		trampfd_put(tf);
		ret = PTR_ERR(file);
		goto out_put_fd;
	}

	/* No more than the caller has room for. */
	if (copy_to_user(uattr, &attr, min(size, sizeof(attr)))) {
		fput(file);
		ret = -EFAULT;
		goto out_put_fd;
	}

	fd_install(fd, file);
	trace_trampfd_create(attr.type, attr.ntrampolines, flags);
	return fd;

out_put_fd:
	put_unused_fd(fd);
	return ret;
}

static int __init trampfd_init(void)
{
	trampfd_charge_init();
	trampfd_chunk_init();
	trampfd_file_init();
	trampfd_sysctl_init();
	return 0;
}
subsys_initcall(trampfd_init);
