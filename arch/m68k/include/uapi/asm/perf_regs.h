/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Numbers of the registers.  There are no perf events yet; trampfd names
 * registers by these.
 */
#ifndef _UAPI_ASM_M68K_PERF_REGS_H
#define _UAPI_ASM_M68K_PERF_REGS_H

enum perf_event_m68k_regs {
	PERF_REG_M68K_D0,
	PERF_REG_M68K_D1,
	PERF_REG_M68K_D2,
	PERF_REG_M68K_D3,
	PERF_REG_M68K_D4,
	PERF_REG_M68K_D5,
	PERF_REG_M68K_D6,
	PERF_REG_M68K_D7,
	PERF_REG_M68K_A0,
	PERF_REG_M68K_A1,
	PERF_REG_M68K_A2,
	PERF_REG_M68K_A3,
	PERF_REG_M68K_A4,
	PERF_REG_M68K_A5,
	PERF_REG_M68K_A6,
	PERF_REG_M68K_A7,
	PERF_REG_M68K_PC,
	PERF_REG_M68K_SR,
	PERF_REG_M68K_MAX,
};

#endif /* _UAPI_ASM_M68K_PERF_REGS_H */
