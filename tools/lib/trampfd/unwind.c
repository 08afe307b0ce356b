// SPDX-License-Identifier: MIT
/*
 * Unwind tables for trampolines that are not in the room (see room.S).
 *
 * A signal may arrive when a trampoline has been called and the kernel has not
 * taken the call yet, and a trampoline that is not set raises one itself.  The
 * PC is at the trampoline's address then.  An unwinder that finds no table for
 * an address reads the instructions there, to see whether they are the return
 * from a signal, and there is no page to read from.  So each mapping gets a
 * table: what the frame of a function looks like at its first instruction.
 * That is right for a trampoline with stack data too, as nothing is pushed
 * before the call is taken.
 *
 * Such a table has to be registered.  Up to GCC 12, libgcc takes a lock for each
 * frame then, and a signal handler that unwinds (a profiler's, with backtrace(3))
 * waits for ever if it has interrupted an exception just there.  The room is to
 * keep programs with few trampolines from this.
 */
#include "arch.h"
#include "internal.h"

#include <string.h>

#ifdef DWARF_RA

/*
 * A program without an unwinder need not get one.  libgcc's takes a whole
 * .eh_frame section, LLVM's a single entry of it.
 */
void __register_frame(void *begin) __attribute__((weak));
void *__deregister_frame(const void *begin) __attribute__((weak));
void __unw_add_dynamic_fde(uintptr_t fde) __attribute__((weak));
void __unw_remove_dynamic_fde(uintptr_t fde) __attribute__((weak));

enum {
	DW_CFA_nop = 0,
	DW_CFA_def_cfa = 0x0c,
	DW_CFA_offset = 0x80,
	DW_CFA_offset_extended = 0x05,
};

#define DATA_ALIGN	((int)sizeof(void *))

static uint8_t *put_uleb128(uint8_t *p, unsigned int value)
{
	do {
		*p++ = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);
		value >>= 7;
	} while (value);
	return p;
}

static uint8_t *put(uint8_t *p, const void *value, size_t size)
{
	memcpy(p, value, size);
	return p + size;
}

/* End an entry: pad it, and put its length in front. */
static uint8_t *end_entry(uint8_t *start, uint8_t *p)
{
	uint32_t length;

	while ((p - start) % sizeof(void *))
		*p++ = DW_CFA_nop;
	length = p - start - sizeof(length);
	memcpy(start, &length, sizeof(length));
	return p;
}

static uint8_t *put_cie(uint8_t *start)
{
	static const uint8_t head[] = {
		0, 0, 0, 0,			/* a CIE */
		1,				/* version */
		0,				/* no augmentation */
		1,				/* code alignment */
		0x80 - DATA_ALIGN,		/* data alignment, SLEB128 */
		DWARF_RA,
	};
	uint8_t *p = put(start + sizeof(uint32_t), head, sizeof(head));

	*p++ = DW_CFA_def_cfa;
	p = put_uleb128(p, DWARF_SP);
	p = put_uleb128(p, CFA_OFFSET);
	if (RA_ON_STACK) {
		*p++ = DW_CFA_offset_extended;
		p = put_uleb128(p, DWARF_RA);
		p = put_uleb128(p, RA_ON_STACK / DATA_ALIGN);
	}
	return end_entry(start, p);
}

/* The entry behind the CIE, whose length does not count itself. */
static uintptr_t fde_of(const void *table)
{
	uint32_t length;

	memcpy(&length, table, sizeof(length));
	return (uintptr_t)table + sizeof(length) + length;
}

static uint8_t *put_fde(uint8_t *start, const uint8_t *cie, const void *base,
			size_t size)
{
	uint8_t *p = start + sizeof(uint32_t);
	uint32_t back = p - cie;

	p = put(p, &back, sizeof(back));
	p = put(p, &base, sizeof(base));
	p = put(p, &size, sizeof(size));
	return end_entry(start, p);
}

/*
 * trampfd_unwind_register() - have frames at a mapping's addresses unwound
 * @table: %UNWIND_TABLE_SIZE bytes, aligned to a pointer, for as long as the
 *	mapping is there.
 * @base: Where the mapping begins.
 * @size: Its size.
 */
void trampfd_unwind_register(void *table, const void *base, size_t size)
{
	uint8_t *cie = table;
	uint8_t *fde = put_cie(cie);
	uint8_t *end = put_fde(fde, cie, base, size);

	/* What ends the section. */
	memset(end, 0, sizeof(uint32_t));

	if (__unw_add_dynamic_fde)
		__unw_add_dynamic_fde(fde_of(table));
	else if (__register_frame)
		__register_frame(table);
}

/*
 * trampfd_unwind_unregister() - undo trampfd_unwind_register()
 * @table: What was given to that.
 */
void trampfd_unwind_unregister(void *table)
{
	if (__unw_add_dynamic_fde)
		__unw_remove_dynamic_fde(fde_of(table));
	else if (__register_frame)
		__deregister_frame(table);
}

#else

void trampfd_unwind_register(void *table, const void *base, size_t size)
{
	(void)table;
	(void)base;
	(void)size;
}

void trampfd_unwind_unregister(void *table)
{
	(void)table;
}

#endif
