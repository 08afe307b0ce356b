/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entering a trampoline with every register known, and catching every
 * register where it leads to.
 *
 * All registers but the thread pointer belong to the test, so what has to be
 * kept across the trampoline is kept in thread-local variables.  They are
 * initialised ones, which come first, so that the linker finds them within
 * reach of an offset from the thread pointer.
 */
#include "arch-powerpc.h"

#define IN(place)	(ARCH_FP_SIZE + (place) * 8)
#define OUT(place)	ppc_out + ARCH_FP_SIZE + (place) * 8@tprel(13)

/* The frame: link area, r14 to r31, f14 to f31, v20 to v31, FPSCR and VSCR. */
#define FRAME_GPRS	32
#define FRAME_FPRS	(FRAME_GPRS + 18 * 8)
#define FRAME_VRS	(FRAME_FPRS + 18 * 8)
#define FRAME_FPSCR	(FRAME_VRS + 12 * 16)
#define FRAME_VRSAVE	(FRAME_FPSCR + 8)
#define FRAME_VSCR	(FRAME_FPSCR + 16)
#define FRAME_SIZE	(FRAME_VSCR + 16)

#define SCRATCH_BUT_3	4,5,6,7,8,9,10,11,12
#define KEPT		14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
#define LOWER		0,1,2,3,4,5,6,7,8,9,10,11,12,13, KEPT
#define UPPER		32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47, \
			48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63

	.section .tdata, "awT", @progbits
	.balign	64
	.globl	ppc_out
	.type	ppc_out, @object
ppc_out:
	.space	(ARCH_FP_SIZE + ARCH_NREGS * 8 + 63) / 64 * 64
	.size	ppc_out, . - ppc_out
host_sp:
	.quad	0

	.text

	/* The registers from r3, which is the last of them. */
	.macro	load_general
	ld	0, IN(PPC_XER)(3)
	mtxer	0
	ld	0, IN(PPC_CCR)(3)
	mtcr	0
	ld	0, IN(0)(3)
	ld	1, IN(1)(3)
	ld	2, IN(2)(3)
	.irp	n, SCRATCH_BUT_3, KEPT
	ld	\n, IN(\n)(3)
	.endr
	ld	3, IN(3)(3)
	.endm

/* int ppc_enter(const struct cpu_state *in, const void *entry, int by_call) */
	.globl	ppc_enter
	.type	ppc_enter, @function
ppc_enter:
	mflr	0
	std	0, 16(1)
	mfcr	0
	std	0, 8(1)
	stdu	1, -FRAME_SIZE(1)
	std	2, 24(1)
	.irp	n, KEPT
	std	\n, FRAME_GPRS + (\n - 14) * 8(1)
	stfd	\n, FRAME_FPRS + (\n - 14) * 8(1)
	.endr
	.irp	n, 20,21,22,23,24,25,26,27,28,29,30,31
	li	0, FRAME_VRS + (\n - 20) * 16
	stvx	\n, 1, 0
	.endr
	mffs	0
	stfd	0, FRAME_FPSCR(1)
	mfvscr	0
	li	0, FRAME_VSCR
	stvx	0, 1, 0
	mfvrsave 0
	stw	0, FRAME_VRSAVE(1)
	std	1, host_sp@tprel(13)

	lfd	0, PPC_FPSCR(3)
	mtfsf	0xff, 0
	li	0, PPC_VSCR
	lvx	0, 3, 0
	mtvscr	0
	lwz	0, PPC_VRSAVE(3)
	mtvrsave 0
	mr	6, 3
	.irp	n, LOWER
	lxvd2x	\n, 0, 6
	addi	6, 6, 16
	.endr
	.irp	n, UPPER
	lxvd2x	\n, 0, 6
	addi	6, 6, 16
	.endr

	mtctr	4
	ld	0, IN(PPC_LINK)(3)
	mtlr	0
	cmpdi	5, 0
	bne	1f
	load_general
	bctr
1:
	load_general
	bctrl
	.globl	ppc_returned
ppc_returned:
	std	3, OUT(3)
	li	3, -1
	b	capture
	.size	ppc_enter, . - ppc_enter

	.macro	target number
	.globl	ppc_target_\number
	.type	ppc_target_\number, @function
ppc_target_\number:
	std	3, OUT(3)
	li	3, \number
	b	capture
	.size	ppc_target_\number, . - ppc_target_\number
	.endm

	target	0
	target	1
	target	2
	target	3

capture:
	.irp	n, 0,1,2, SCRATCH_BUT_3, 13, KEPT
	std	\n, OUT(\n)
	.endr
	mfcr	0
	std	0, OUT(PPC_CCR)
	mfxer	0
	std	0, OUT(PPC_XER)
	mflr	0
	std	0, OUT(PPC_LINK)
	mfctr	0
	std	0, OUT(PPC_CTR)
	/* The test's stack holds what the test wants to look at. */
	ld	1, host_sp@tprel(13)
	addi	6, 13, ppc_out@tprel
	mr	7, 6
	.irp	n, LOWER
	stxvd2x	\n, 0, 6
	addi	6, 6, 16
	.endr
	.irp	n, UPPER
	stxvd2x	\n, 0, 6
	addi	6, 6, 16
	.endr
	mffs	0
	stfd	0, PPC_FPSCR(7)
	mfvscr	0
	li	0, PPC_VSCR
	stvx	0, 7, 0
	mfvrsave 0
	stw	0, PPC_VRSAVE(7)

	lfd	0, FRAME_FPSCR(1)
	mtfsf	0xff, 0
	li	0, FRAME_VSCR
	lvx	0, 1, 0
	mtvscr	0
	lwz	0, FRAME_VRSAVE(1)
	mtvrsave 0
	.irp	n, 20,21,22,23,24,25,26,27,28,29,30,31
	li	0, FRAME_VRS + (\n - 20) * 16
	lvx	\n, 1, 0
	.endr
	.irp	n, KEPT
	ld	\n, FRAME_GPRS + (\n - 14) * 8(1)
	lfd	\n, FRAME_FPRS + (\n - 14) * 8(1)
	.endr
	ld	2, 24(1)
	addi	1, 1, FRAME_SIZE
	ld	0, 8(1)
	mtcr	0
	ld	0, 16(1)
	mtlr	0
	blr

/* unsigned long arch_data(void), and its inverse */
	.globl	arch_data
	.type	arch_data, @function
arch_data:
	mr	3, 11
	blr
	.size	arch_data, . - arch_data

	.globl	arch_data_inverted
	.type	arch_data_inverted, @function
arch_data_inverted:
	not	3, 11
	blr
	.size	arch_data_inverted, . - arch_data_inverted

/*
 * unsigned long ppc_number_behind_r12(void): as a global entry point does, find
 * the data from the function's own address
 */
	.globl	ppc_number_behind_r12
	.type	ppc_number_behind_r12, @function
ppc_number_behind_r12:
	lwz	3, ppc_number - ppc_number_behind_r12(12)
	blr
	.globl	ppc_number
	.type	ppc_number, @object
ppc_number:
	.long	0x600df00d
	.size	ppc_number, . - ppc_number
	.size	ppc_number_behind_r12, . - ppc_number_behind_r12

/*
 * void ppc_call_swapped(const void *entry): jump there in the other byte order,
 * which sys_switch_endian selects.  It does not come back.
 */
	.globl	ppc_call_swapped
	.type	ppc_call_swapped, @function
ppc_call_swapped:
	mtlr	3
	li	0, 363
	sc
	/* blr */
	.long	0x2000804e
	.size	ppc_call_swapped, . - ppc_call_swapped

	.section .note.GNU-stack, "", @progbits
