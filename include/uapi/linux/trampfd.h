/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Trampolines that need no writable, executable memory.
 *
 * A trampoline is an address in a mapping without permissions.  Calling it
 * faults; the kernel loads the registers and pushes the stack data that were
 * set for it, and goes on at the program counter that was set.
 *
 * See Documentation/userspace-api/trampfd.rst, trampfd_create(2) and
 * trampfd_control(2).
 */
#ifndef _UAPI_LINUX_TRAMPFD_H
#define _UAPI_LINUX_TRAMPFD_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * enum trampfd_type - how a trampoline is delivered
 * @TRAMPFD_FAULT: The mapping has no permissions and no pages.  The call
 *	faults, and the page-fault handler does the trampoline's work.
 * @TRAMPFD_CODE: The same, and each trampoline has a second address, which costs no
 *	fault.  There the kernel's own code loads registers from a page that only
 *	the kernel can write, and jumps.
 */
enum trampfd_type {
	TRAMPFD_FAULT = 0,
	TRAMPFD_CODE = 1,
};

/*
 * Flags of trampfd_create().
 *
 * TRAMPFD_SHARED: one table for everybody who holds the descriptor.  Without
 * it the table belongs to the address space that created it, and fork() gives
 * the child a copy of its own.
 */
#define TRAMPFD_SHARED			0x1

/*
 * What every kernel takes.  One may take more: struct trampfd_attr tells the
 * bounds of the running kernel.  What exceeds them is EINVAL.
 */
#define TRAMPFD_TRAMPOLINES_MAX		1048576	/* in a table */
#define TRAMPFD_RECORDS_MAX		65536	/* in one call */
#define TRAMPFD_REGS_MAX		32	/* in a record, PC included */
#define TRAMPFD_STACK_MAX		256	/* bytes in a record */
#define TRAMPFD_STACK_SKIP_MAX		1024	/* bytes */
#define TRAMPFD_PCS_MAX			1024	/* allowed PCs of a table */

/* The most registers that the code of a table loads. */
#define TRAMPFD_SHAPE_MAX		3

/**
 * struct trampfd_attr - what trampfd_create() makes, and how to map it
 * @type: In: one of &enum trampfd_type.
 * @ntrampolines: In: number of trampolines, 1 to @max_trampolines.  They are
 *	numbered from 0 and not set at first.
 * @map_size: Out: the length to give to mmap(), in bytes.
 * @map_offset: Out: the offset to give to mmap(), in bytes.
 * @map_prot: Out: the protection to give to mmap().
 * @map_flags: Out: the flags to give to mmap(); MAP_FIXED,
 *	MAP_FIXED_NOREPLACE and MAP_32BIT may be added.
 * @stride: Out: bytes from the address of one trampoline to the next.
 * @reserved: In: must be 0.
 * @shape_nregs: In: elements of @shape, 0 to %TRAMPFD_SHAPE_MAX; must be 0 for
 *	%TRAMPFD_FAULT.
 * @shape: In: the registers that code loads, in any order, and 0 behind them.
 *	Every record of the table must name them.
 * @part_size: Out: the length of the code and of the data part, in bytes; 0 for
 *	%TRAMPFD_FAULT, as for the four members below.
 * @code_offset: Out: the offset of the code part, in bytes.
 * @data_offset: Out: the offset of the data part, in bytes.
 * @code_prot: Out: the protection of the code part.
 * @data_prot: Out: the protection of the data part.
 * @max_trampolines: Out: the most trampolines of a table.
 * @max_records: Out: the most records, or numbers of trampolines, in one call.
 * @max_regs: Out: the most registers of a record, PC included.
 * @max_stack: Out: the most bytes of stack data of a record.
 * @max_stack_skip: Out: the most bytes that a record can skip.
 * @max_pcs: Out: the most allowed PCs of a table.
 *
 * The structure grows at its end; the size given to trampfd_create() says
 * which version the caller has.  The kernel reads and writes no more than that.
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
	/* Version 1 */
	__u32		shape_nregs;
	__u32		shape[TRAMPFD_SHAPE_MAX];
	__aligned_u64	part_size;
	__aligned_u64	code_offset;
	__aligned_u64	data_offset;
	__u32		code_prot;
	__u32		data_prot;
	__u32		max_trampolines;
	__u32		max_records;
	__u32		max_regs;
	__u32		max_stack;
	__u32		max_stack_skip;
	__u32		max_pcs;
};

#define TRAMPFD_ATTR_SIZE_VER0		40
#define TRAMPFD_ATTR_SIZE_VER1		112

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
 *
 * TRAMPFD_RECORD_IDLE: in TRAMPFD_SET, the caller promises that no thread is in the
 * trampoline's code entry, or enters it before the call returns.  Then a trampoline
 * of a TRAMPFD_CODE table gets into the fast lane: its code entry works without a
 * fault.  It has no effect in other tables, and none if the record has more
 * than the table's shape.  In TRAMPFD_GET, the trampoline is in the fast lane.
 */
#define TRAMPFD_RECORD_SEALED		0x1
#define TRAMPFD_RECORD_IDLE		0x2

/**
 * struct trampfd_record - the context of one trampoline
 * @trampoline: The number of the trampoline.
 * @flags: %TRAMPFD_RECORD_SEALED, %TRAMPFD_RECORD_IDLE, both or 0.
 * @nregs: How many registers it has, 1 to %TRAMPFD_REGS_MAX.  The PC is one
 *	of them, and must be there.
 * @stack_size: Bytes of stack data, 0 to %TRAMPFD_STACK_MAX.
 * @stack_skip: Bytes that the stack pointer is lowered by before the data is
 *	pushed, 0 to %TRAMPFD_STACK_SKIP_MAX; a record without stack data has 0.
 *	The ABI's red zone is skipped only if this says so.
 * @reserved: Must be 0.
 *
 * A call lowers the stack pointer by @stack_skip + @stack_size, which must be
 * a multiple of what the ABI pushes at a time (16 bytes on arm64, 8 on mips n32,
 * the size of a register elsewhere), and copies the data to where it points then.
 */
struct trampfd_record {
	__u32		trampoline;
	__u32		flags;
	__u32		nregs;
	__u32		stack_size;
	__u32		stack_skip;
	__u32		reserved;
};

/*
 * Flags of struct trampfd_contexts; both are for TRAMPFD_GET alone.
 *
 * TRAMPFD_CONTEXTS_NEXT: read the next trampolines that are set, and not those
 * whose numbers are in the records.  Only the first record's number is read:
 * the search begins there.  The call fills in the numbers of what it finds, in
 * ascending order, and returns 0 if there is none.
 *
 * TRAMPFD_CONTEXTS_SIZES: fill in the records only, and neither registers nor
 * stack data.
 */
#define TRAMPFD_CONTEXTS_NEXT		0x1
#define TRAMPFD_CONTEXTS_SIZES		0x2

/**
 * struct trampfd_contexts - the argument of TRAMPFD_SET and TRAMPFD_GET
 * @records: Address of an array of &struct trampfd_record.
 * @regs: Address of an array of &struct trampfd_reg: the registers of all
 *	records, one record's behind the other's.
 * @stack: Address of the stack data of all records, likewise.
 * @nrecords: Number of elements in @records, 1 to %TRAMPFD_RECORDS_MAX.
 * @nregs: Number of elements in @regs.
 * @stack_size: Number of bytes at @stack.
 * @flags: %TRAMPFD_CONTEXTS_NEXT, %TRAMPFD_CONTEXTS_SIZES, both or 0 for
 *	TRAMPFD_GET; 0 for TRAMPFD_SET.
 *
 * TRAMPFD_SET takes what the records say from @regs and @stack; it is EINVAL
 * if they need more than there is.  TRAMPFD_GET takes each record's number,
 * fills in the rest of the record, and writes registers (the PC first) and
 * stack data behind those of the record before.  It stops with ENOSPC at a
 * record for which the room is too small; this record is filled in, so that
 * its nregs and stack_size tell what is needed.
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
 * struct trampfd_pcs - the argument of TRAMPFD_ALLOW and TRAMPFD_GET_ALLOWED
 * @pcs: Address of an array of __u64: the PCs that trampolines may have.
 * @count: Number of elements, 1 to %TRAMPFD_PCS_MAX; for TRAMPFD_GET_ALLOWED,
 *	how many there is room for.
 * @flags: Must be 0.
 */
struct trampfd_pcs {
	__aligned_u64	pcs;
	__u32		count;
	__u32		flags;
};

#define TRAMPFD_PCS_SIZE_VER0		16

/*
 * The ioctls of a trampoline descriptor, which are also the operations of
 * trampfd_control().  The size in the number is that of the caller's version of
 * the structure.
 *
 * TRAMPFD_SET, TRAMPFD_GET, TRAMPFD_REMOVE and TRAMPFD_SEAL return how many
 * trampolines they did before the first bad one.  If the first is bad, they
 * fail with its error, so the next call, from there on, tells the reason.
 *
 * TRAMPFD_SET:         set, or replace, the contexts of trampolines.
 * TRAMPFD_GET:         read contexts back.
 * TRAMPFD_REMOVE:      make trampolines unset again.
 * TRAMPFD_SEAL:        let nobody set or remove them any more.
 * TRAMPFD_ALLOW:       limit the PCs of the table's trampolines, once and for all.
 * TRAMPFD_GET_ALLOWED: read these PCs, in ascending order; return how many there
 *                      are, 0 if any PC is allowed.
 * TRAMPFD_READONLY:    return a new descriptor of a TRAMPFD_SHARED table, with
 *                      which one can map and read it, but not change it.  The
 *                      argument must be 0.
 */
#define TRAMPFD_IOC_TYPE		0xc7
#define TRAMPFD_SET	_IOW(TRAMPFD_IOC_TYPE, 0x00, struct trampfd_contexts)
#define TRAMPFD_GET	_IOW(TRAMPFD_IOC_TYPE, 0x01, struct trampfd_contexts)
#define TRAMPFD_REMOVE	_IOW(TRAMPFD_IOC_TYPE, 0x02, struct trampfd_list)
#define TRAMPFD_SEAL	_IOW(TRAMPFD_IOC_TYPE, 0x03, struct trampfd_list)
#define TRAMPFD_ALLOW	_IOW(TRAMPFD_IOC_TYPE, 0x04, struct trampfd_pcs)
#define TRAMPFD_GET_ALLOWED	_IOW(TRAMPFD_IOC_TYPE, 0x05, struct trampfd_pcs)
#define TRAMPFD_READONLY	_IO(TRAMPFD_IOC_TYPE, 0x06)

#endif /* _UAPI_LINUX_TRAMPFD_H */
