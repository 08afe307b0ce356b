/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entering a trampoline with every register known, and catching every
 * register where it leads to.
 *
 * All registers but $28 belong to the test.  No trampoline may change that
 * one, so it has the address of the thread's area, where everything is that has
 * to be kept across the trampoline.
 */
#include "arch-mips.h"

#if _MIPS_SIM == _ABI64
#define L		ld
#define S		sd
#define ADD		daddiu
#else
#define L		lw
#define S		sw
#define ADD		addiu
#endif

/* o32 has the halves of 16 registers. */
#if _MIPS_SIM == _ABIO32
#define EACH_FPR	0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30
#define KEPT_FPR	20,22,24,26,28,30
#else
#define EACH_FPR	0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15, \
			16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
#define KEPT_FPR	20,21,22,23,24,25,26,27,28,29,30,31
#endif

/* A caller's registers have 64 bits in n32, too. */
#if _MIPS_SIM == _ABIO32
#define KL		lw
#define KS		sw
#else
#define KL		ld
#define KS		sd
#endif

#define PLACE(place)	(ARCH_FP_SIZE + (place) * MIPS_LONG)

/* The frame: $16 to $23, $28, $30, $31, then $f20 to $f31, then FCSR. */
#define FRAME_GPRS	32
#define FRAME_FPRS	(FRAME_GPRS + 12 * 8)
#define FRAME_FCSR	(FRAME_FPRS + 12 * 8)
#define FRAME_SIZE	(FRAME_FCSR + 16)

	.text
	.set	noreorder
	.set	noat

	.macro	load_general
	L	$2, MIPS_HI($4)
	mthi	$2
	L	$2, MIPS_LO($4)
	mtlo	$2
	move	$25, $5
	.irp	n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,29,30,31
	L	$\n, PLACE(\n)($4)
	.endr
	.endm

/* int mips_enter(const struct cpu_state *in, const void *entry, int by_call, area) */
	.globl	mips_enter
	.type	mips_enter, @function
	.ent	mips_enter
mips_enter:
	ADD	$29, $29, -FRAME_SIZE
	.irp	n, 16,17,18,19,20,21,22,23
	KS	$\n, FRAME_GPRS + (\n - 16) * 8($29)
	.endr
	KS	$28, FRAME_GPRS + 8 * 8($29)
	KS	$30, FRAME_GPRS + 9 * 8($29)
	KS	$31, FRAME_GPRS + 10 * 8($29)
	.irp	n, KEPT_FPR
	sdc1	$f\n, FRAME_FPRS + (\n - 20) * 8($29)
	.endr
	cfc1	$2, $31
	sw	$2, FRAME_FCSR($29)
	S	$29, MIPS_AREA_SP($7)
	move	$28, $7

	lw	$2, MIPS_FCSR($4)
	ctc1	$2, $31
	.irp	n, EACH_FPR
	ldc1	$f\n, \n * 8($4)
	.endr
	bnez	$6, 1f
	nop
	load_general
	jr	$25
	L	$4, PLACE(4)($4)
1:
	load_general
	jalr	$25
	L	$4, PLACE(4)($4)
	.globl	mips_returned
mips_returned:
	S	$2, PLACE(2)($28)
	b	capture
	li	$2, -1
	.end	mips_enter
	.size	mips_enter, . - mips_enter

	.macro	target number
	.globl	mips_target_\number
	.type	mips_target_\number, @function
	.ent	mips_target_\number
mips_target_\number:
	S	$2, PLACE(2)($28)
	b	capture
	li	$2, \number
	.end	mips_target_\number
	.size	mips_target_\number, . - mips_target_\number
	.endm

	target	0
	target	1
	target	2
	target	3

	.ent	capture
capture:
	.irp	n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,28,29,30,31
	S	$\n, PLACE(\n)($28)
	.endr
	mfhi	$3
	S	$3, MIPS_HI($28)
	mflo	$3
	S	$3, MIPS_LO($28)
	.irp	n, EACH_FPR
	sdc1	$f\n, \n * 8($28)
	.endr
	cfc1	$3, $31
	sw	$3, MIPS_FCSR($28)

	/* The test's stack holds what the test wants to look at. */
	L	$29, MIPS_AREA_SP($28)
	lw	$3, FRAME_FCSR($29)
	ctc1	$3, $31
	.irp	n, KEPT_FPR
	ldc1	$f\n, FRAME_FPRS + (\n - 20) * 8($29)
	.endr
	.irp	n, 16,17,18,19,20,21,22,23
	KL	$\n, FRAME_GPRS + (\n - 16) * 8($29)
	.endr
	KL	$28, FRAME_GPRS + 8 * 8($29)
	KL	$30, FRAME_GPRS + 9 * 8($29)
	KL	$31, FRAME_GPRS + 10 * 8($29)
	jr	$31
	ADD	$29, $29, FRAME_SIZE
	.end	capture

	.macro	function name
	.globl	\name
	.type	\name, @function
	.ent	\name
\name:
	.endm

	.macro	end_function name
	.end	\name
	.size	\name, . - \name
	.endm

/* unsigned long arch_data(void), and its inverse */
	function arch_data
	jr	$31
	move	$2, $15
	end_function arch_data

	function arch_data_inverted
	jr	$31
	nor	$2, $15, $0
	end_function arch_data_inverted

/*
 * unsigned long mips_number_behind_t9(void): as position-independent code does,
 * find the data from the function's own address
 */
	function mips_number_behind_t9
	lw	$2, 12($25)		# mips_number
	jr	$31
	nop
	.globl	mips_number
	.type	mips_number, @object
mips_number:
	.word	0x600df00d
	.size	mips_number, . - mips_number
	end_function mips_number_behind_t9

#if _MIPS_SIM != _ABI64
/* unsigned long mips_upper_half(void): what 32-bit instructions don't show */
	.set	push
	.set	mips64r2
	function mips_upper_half
	jr	$31
	dsra32	$2, $15, 0
	end_function mips_upper_half
	.set	pop
#endif

	.section .note.GNU-stack, "", @progbits
