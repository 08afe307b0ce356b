/* SPDX-License-Identifier: MIT */
/*
 * libtrampfd: trampolines for programs, without writable, executable memory.
 *
 * A trampoline is a function pointer that carries data: calling it calls a
 * target, with the data in the register where the architecture's functions
 * expect a context (the static chain).  See trampfd_alloc(3).
 */
#ifndef TRAMPFD_H
#define TRAMPFD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct trampfd_reg;		/* of <linux/trampfd.h> */

/**
 * struct trampfd_call - what a call of a trampoline does
 * @size: sizeof(struct trampfd_call), which tells a later library how much of it the
 *	program knows.  The same in each element of an array.
 * @flags: 0, as there are none yet.
 * @trampoline: The trampoline, as trampfd_alloc() has returned it.
 * @target: Where the call goes on; bit 0 selects Thumb state on arm.
 * @data: What the context register gets, if @regs is NULL.
 * @regs: The registers to load in its place, &struct trampfd_reg of
 *	<linux/trampfd.h>.  The PC is not among them, as it gets @target.
 * @nregs: Elements of @regs.  If @regs is NULL, this must be 0: @data is loaded,
 *	and where functions expect their own address in a register, that gets
 *	@target.  With another @regs and 0, no register but the PC is.
 * @stack: Bytes to push.
 * @stack_size: How many; 0 for none.
 * @stack_skip: Bytes to leave out on the stack first.
 * @reserved: 0.
 */
struct trampfd_call {
	uint32_t size;
	uint32_t flags;
	void *trampoline;
	void *target;
	void *data;
	const struct trampfd_reg *regs;
	const void *stack;
	uint32_t nregs;
	uint32_t stack_size;
	uint32_t stack_skip;
	uint32_t reserved;
};

void *trampfd_alloc(void);
int trampfd_init(void *trampoline, void *target, void *data);
int trampfd_free(void *trampoline);

int trampfd_alloc_many(void **trampolines, uint32_t count);
int trampfd_init_many(const struct trampfd_call *calls, uint32_t count);
int trampfd_free_many(void *const *trampolines, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
