/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Trampolines that need no writable, executable memory.
 *
 * A trampoline is an address in a mapping without permissions.  Calling it
 * faults; the kernel loads the registers and pushes the stack data that were
 * set for it, and goes on at the program counter that was set.
 *
 * See Documentation/userspace-api/trampfd.rst and trampfd_create(2).
 */
#ifndef _UAPI_LINUX_TRAMPFD_H
#define _UAPI_LINUX_TRAMPFD_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * enum trampfd_type - how a trampoline is delivered
 * @TRAMPFD_FAULT: The mapping has no permissions and no pages.  The call
 *	faults, and the page-fault handler does the trampoline's work.
 */
enum trampfd_type {
	TRAMPFD_FAULT = 0,
};

/*
 * Flags of trampfd_create().
 *
 * TRAMPFD_SHARED: one table for everybody who holds the descriptor.  Without
 * it the table belongs to the address space that created it, and fork() gives
 * the child a copy of its own.
 */
#define TRAMPFD_SHARED			0x1

/* Bounds; what exceeds them is EINVAL. */
#define TRAMPFD_TRAMPOLINES_MAX		1048576	/* in a table */
#define TRAMPFD_RECORDS_MAX		65536	/* in one call */
#define TRAMPFD_REGS_MAX		32	/* in a record, PC included */
#define TRAMPFD_STACK_MAX		256	/* bytes in a record */
#define TRAMPFD_STACK_SKIP_MAX		1024	/* bytes */
#define TRAMPFD_PCS_MAX			1024	/* allowed PCs of a table */

/**
 * struct trampfd_attr - what trampfd_create() makes, and how to map it
 * @type: In: one of &enum trampfd_type.
 * @ntrampolines: In: number of trampolines, 1 to %TRAMPFD_TRAMPOLINES_MAX.
 *	They are numbered from 0 and not set at first.
 * @map_size: Out: the length to give to mmap(), in bytes.
 * @map_offset: Out: the offset to give to mmap(), in bytes.
 * @map_prot: Out: the protection to give to mmap().
 * @map_flags: Out: the flags to give to mmap(); MAP_FIXED,
 *	MAP_FIXED_NOREPLACE and MAP_32BIT may be added.
 * @stride: Out: bytes from the address of one trampoline to the next.
 * @reserved: In: must be 0.
 *
 * The structure grows at its end; the size given to trampfd_create() says
 * which version the caller has.
 */
struct trampfd_attr {
	__u32		type;
	__u32		ntrampolines;
	__aligned_u64	map_size;
	__aligned_u64	map_offset;
	__u32		map_prot;
	__u32		map_flags;
	__u32		stride;
	__u32		reserved;
};

#define TRAMPFD_ATTR_SIZE_VER0		40

/**
 * struct trampfd_reg - a register and the value that a call loads into it
 * @name: The register's number in the architecture's asm/perf_regs.h.  A
 *	32-bit process uses the numbers of its 32-bit architecture.
 * @flags: Must be 0.
 * @value: The value, zero-extended to 64 bits.
 */
struct trampfd_reg {
	__u32		name;
	__u32		flags;
	__aligned_u64	value;
};

/*
 * Flags of struct trampfd_record.
 *
 * TRAMPFD_RECORD_SEALED: in TRAMPFD_SET, seal the trampoline once it is set;
 * in TRAMPFD_GET, the trampoline is sealed.
 */
#define TRAMPFD_RECORD_SEALED		0x1

/**
 * struct trampfd_record - the context of one trampoline
 * @trampoline: The number of the trampoline.
 * @flags: %TRAMPFD_RECORD_SEALED or 0.
 * @nregs: How many registers it has, 1 to %TRAMPFD_REGS_MAX.  The PC is one
 *	of them, and must be there.
 * @stack_size: Bytes of stack data, 0 to %TRAMPFD_STACK_MAX.
 * @stack_skip: Bytes that the stack pointer is lowered by before the data is
 *	pushed, 0 to %TRAMPFD_STACK_SKIP_MAX; a record without stack data has 0.
 *	The ABI's red zone is skipped only if this says so.
 * @reserved: Must be 0.
 *
 * A call lowers the stack pointer by @stack_skip + @stack_size, which must be
 * a multiple of what the ABI pushes at a time (16 bytes on arm64, the size of
 * a register elsewhere), and copies the data to where it points then.
 */
struct trampfd_record {
	__u32		trampoline;
	__u32		flags;
	__u32		nregs;
	__u32		stack_size;
	__u32		stack_skip;
	__u32		reserved;
};

/**
 * struct trampfd_contexts - the argument of TRAMPFD_SET and TRAMPFD_GET
 * @records: Address of an array of &struct trampfd_record.
 * @regs: Address of an array of &struct trampfd_reg: the registers of all
 *	records, one record's behind the other's.
 * @stack: Address of the stack data of all records, likewise.
 * @nrecords: Number of elements in @records, 1 to %TRAMPFD_RECORDS_MAX.
 * @nregs: Number of elements in @regs.
 * @stack_size: Number of bytes at @stack.
 * @flags: Must be 0.
 *
 * TRAMPFD_SET takes what the records say from @regs and @stack; it is EINVAL
 * if they need more than there is.  TRAMPFD_GET takes each record's number,
 * fills in the rest of the record, and writes registers (the PC first) and
 * stack data behind those of the record before; it stops with ENOSPC at a
 * record for which the room is too small.
 */
struct trampfd_contexts {
	__aligned_u64	records;
	__aligned_u64	regs;
	__aligned_u64	stack;
	__u32		nrecords;
	__u32		nregs;
	__u32		stack_size;
	__u32		flags;
};

#define TRAMPFD_CONTEXTS_SIZE_VER0	40

/**
 * struct trampfd_list - the argument of TRAMPFD_REMOVE and TRAMPFD_SEAL
 * @trampolines: Address of an array of __u32, each the number of a trampoline.
 * @count: Number of elements, 1 to %TRAMPFD_RECORDS_MAX.
 * @flags: Must be 0.
 */
struct trampfd_list {
	__aligned_u64	trampolines;
	__u32		count;
	__u32		flags;
};

#define TRAMPFD_LIST_SIZE_VER0		16

/**
 * struct trampfd_pcs - the argument of TRAMPFD_ALLOW
 * @pcs: Address of an array of __u64: the PCs that trampolines may have.
 * @count: Number of elements, 1 to %TRAMPFD_PCS_MAX.
 * @flags: Must be 0.
 */
struct trampfd_pcs {
	__aligned_u64	pcs;
	__u32		count;
	__u32		flags;
};

#define TRAMPFD_PCS_SIZE_VER0		16

/*
 * The ioctls of a trampoline descriptor.  The size in the number is that of
 * the caller's version of the structure.
 *
 * TRAMPFD_SET, TRAMPFD_GET, TRAMPFD_REMOVE and TRAMPFD_SEAL return how many
 * trampolines they did before the first bad one.  If the first is bad, they
 * fail with its error, so the next call, from there on, tells the reason.
 *
 * TRAMPFD_SET:    set, or replace, the contexts of trampolines.
 * TRAMPFD_GET:    read contexts back.
 * TRAMPFD_REMOVE: make trampolines unset again.
 * TRAMPFD_SEAL:   let nobody set or remove them any more.
 * TRAMPFD_ALLOW:  limit the PCs of the table's trampolines, once and for all.
 */
#define TRAMPFD_IOC_TYPE		0xc7
#define TRAMPFD_SET	_IOW(TRAMPFD_IOC_TYPE, 0x00, struct trampfd_contexts)
#define TRAMPFD_GET	_IOW(TRAMPFD_IOC_TYPE, 0x01, struct trampfd_contexts)
#define TRAMPFD_REMOVE	_IOW(TRAMPFD_IOC_TYPE, 0x02, struct trampfd_list)
#define TRAMPFD_SEAL	_IOW(TRAMPFD_IOC_TYPE, 0x03, struct trampfd_list)
#define TRAMPFD_ALLOW	_IOW(TRAMPFD_IOC_TYPE, 0x04, struct trampfd_pcs)

#endif /* _UAPI_LINUX_TRAMPFD_H */
