/* SPDX-License-Identifier: MIT */
/*
 * The room where the first table of trampolines is mapped.
 *
 * It is a part of the program or library that this is linked into, so an
 * unwinder finds its table as it finds any function's, by dl_iterate_phdr(3),
 * and nothing has to be registered.  The table says what holds at a function's
 * first instruction, which is what the assembler begins with.
 *
 * It is no signal frame, although a signal brings the PC here: that mark would
 * have the unwinder take the caller's address, which lies behind a call, for
 * the next instruction to run.  It is the frame of the signal that has it.
 *
 * The section is not writable.  Garbage collectors and LeakSanitizer read all
 * that a program's writable segments have in them, and a table of trampolines
 * can't be read.  So it is 2 MiB of zeros in a file rather than .bss.  Nobody reads
 * them, so they take no memory.
 */
#include "internal.h"

	.section .trampfd_room, "a", %progbits
	.balign	ROOM_ALIGN
#ifdef __arm__
	/*
	 * The unwinder looks up what is two bytes before an address, from a
	 * signal or not, so what comes before is covered too.
	 */
	.fnstart
	.space	ROOM_ALIGN
#else
	.cfi_startproc
#endif
	.globl	trampfd_room
	.hidden	trampfd_room
	.type	trampfd_room, %object
trampfd_room:
	.space	ROOM_SIZE
	.size	trampfd_room, ROOM_SIZE
#ifdef __arm__
	.fnend
#else
	.cfi_endproc
#endif

	.section .note.GNU-stack, "", %progbits

/*
 * There is no code here that could do without indirect branch tracking or a
 * shadow stack, but one object that does not say so takes it from all.
 */
#ifdef __CET__
#include <cet.h>
#endif

#ifdef __aarch64__
#ifdef __ARM_FEATURE_BTI_DEFAULT
#define BTI	1
#else
#define BTI	0
#endif
#ifdef __ARM_FEATURE_PAC_DEFAULT
#define PAC	2
#else
#define PAC	0
#endif
#ifdef __ARM_FEATURE_GCS_DEFAULT
#define GCS	4
#else
#define GCS	0
#endif
#if BTI | PAC | GCS
	.section .note.gnu.property, "a", %note
	.balign	8
	.long	4		/* name, descriptor, type */
	.long	16
	.long	5		/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000000	/* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
	.long	4
	.long	BTI | PAC | GCS
	.long	0
#endif
#endif
