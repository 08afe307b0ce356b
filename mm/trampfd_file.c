// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines: the file behind a descriptor.
 *
 * Each table has an inode of its own, so that security modules see it; the name
 * tells its type, as they may not like executable mappings.
 *
 * Without code, that is an anonymous inode, of which nothing can be executed.  A table
 * with code is on a pseudo file system of its own.  There are three differences:
 *
 * - It can be mapped executable, so the file system has no SB_I_NOEXEC.
 * - Its inode is a regular file, where an anonymous inode has no type.
 * - So IMA looks at it, as at every regular file.
 *
 * It can't be an inode of anon_inode_make_secure_inode(), as secretmem has them, because
 * the VFS refuses such inodes here: path_noexec() warns of S_ANON_INODE on a file system
 * without SB_I_NOEXEC, and may_open() takes an inode that has neither a type nor
 * S_ANON_INODE for a bug.
 */
#include <linux/anon_inodes.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/init.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/panic.h>
#include <linux/pseudo_fs.h>
#include <linux/security.h>
#include <linux/string.h>

#include "trampfd_internal.h"

#define TRAMPFD_NAME		"[trampfd]"
#define TRAMPFD_CODE_NAME	"[trampfd-code]"

static struct vfsmount *trampfd_mnt __ro_after_init;

/* No x bit can be set, so execve() of the file stays refused. */
static int trampfd_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
			   struct iattr *attr)
{
	return -EOPNOTSUPP;
}

static const struct inode_operations trampfd_inode_operations = {
	.setattr	= trampfd_setattr,
};

/* What readers of /proc know such files by. */
static char *trampfd_dname(struct dentry *dentry, char *buffer, int size)
{
	return dynamic_dname(buffer, size, "anon_inode:%s", dentry->d_name.name);
}

static const struct dentry_operations trampfd_dentry_operations = {
	.d_dname	= trampfd_dname,
};

static int trampfd_init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, TRAMPFD_MAGIC);

	if (!ctx)
		return -ENOMEM;
	/* The code part is mapped executable.  The kernel has written all that is in it. */
	fc->s_iflags &= ~SB_I_NOEXEC;
	ctx->dops = &trampfd_dentry_operations;
	return 0;
}

static struct file_system_type trampfd_fs_type = {
	.name			= "trampfd",
	.init_fs_context	= trampfd_init_fs_context,
	.kill_sb		= kill_anon_super,
};

/*
 * An inode without operations to open it: /proc/PID/fd leads nowhere, as for an
 * anonymous one.
 */
static struct inode *trampfd_inode(const struct inode *context_inode)
{
	struct qstr name = QSTR_INIT(TRAMPFD_CODE_NAME,
				     sizeof(TRAMPFD_CODE_NAME) - 1);
	struct inode *inode = new_inode_pseudo(trampfd_mnt->mnt_sb);
	int ret;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_ino = get_next_ino();
	inode->i_mode = S_IFREG | 0600;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_op = &trampfd_inode_operations;
	simple_inode_init_ts(inode);
	ret = security_inode_init_security_anon(inode, &name, context_inode);
	if (ret) {
		iput(inode);
		return ERR_PTR(ret);
	}
	return inode;
}

static struct file *trampfd_code_file(const struct file_operations *fops, int flags,
				      const struct inode *context_inode)
{
	struct inode *inode = trampfd_inode(context_inode);
	struct file *file;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	file = alloc_file_pseudo(inode, trampfd_mnt, TRAMPFD_CODE_NAME, flags, fops);
	if (IS_ERR(file))
		iput(inode);
	return file;
}

/**
 * trampfd_file() - make a file for a table
 * @tf: The descriptor's object.
 * @fops: The file's operations.
 * @flags: %O_RDWR or %O_RDONLY.
 * @context_inode: The inode that a security module takes for its origin, or NULL.
 *
 * Return: the file, whose release drops a count of @tf->files; or ERR_PTR of
 * -ENOMEM, -ENFILE, or what a security module says.
 */
struct file *trampfd_file(struct trampfd *tf, const struct file_operations *fops,
			  int flags, const struct inode *context_inode)
{
	struct file *file;

	if (!tf->code)
		return anon_inode_create_getfile(TRAMPFD_NAME, fops, tf,
						 flags, context_inode);
	file = trampfd_code_file(fops, flags, context_inode);
	if (!IS_ERR(file))
		file->private_data = tf;
	return file;
}

/**
 * trampfd_file_init() - make the file system of tables with code
 */
void __init trampfd_file_init(void)
{
	trampfd_mnt = kern_mount(&trampfd_fs_type);
	if (IS_ERR(trampfd_mnt))
		panic("trampfd: can't mount its file system\n");
}
