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

/*
 * Flags of struct trampfd_call.
 *
 * TRAMPFD_CALL_IDLE: the caller promises that no thread is in the trampoline, or enters
 * it before the library returns.  A trampoline that was not set since it was allocated
 * needs no promise.
 */
#define TRAMPFD_CALL_IDLE	0x1

/**
 * struct trampfd_call - what a call of a trampoline does
 * @size: sizeof(struct trampfd_call), which tells a later library how much of it the
 *	program knows.  The same in each element of an array.
 * @flags: %TRAMPFD_CALL_IDLE or 0.
 * @trampoline: The trampoline, as trampfd_alloc() has returned it.
 * @target: Where the call goes on; bit 0 selects Thumb state on arm.
 * @data: What the context register gets, if @regs is NULL.
 * @regs: The registers to load in its place, &struct trampfd_reg of
 *	<linux/trampfd.h>.  The PC is not among them, as it gets @target.  All
 *	registers of the pool's shape are.
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

/*
 * Flags of struct trampfd_pool_attr.
 *
 * TRAMPFD_POOL_NO_CODE: fault entries only.  They take less memory than code entries,
 * and each call is a page fault.
 *
 * TRAMPFD_POOL_NO_SEAL: do not seal the mappings of code entries, so that they can be
 * unmapped.
 */
#define TRAMPFD_POOL_NO_CODE	0x1
#define TRAMPFD_POOL_NO_SEAL	0x2

/**
 * struct trampfd_pool_attr - what the trampolines of a pool have in common
 * @size: sizeof(struct trampfd_pool_attr), which tells a later library how much of it the
 *	program knows.
 * @flags: %TRAMPFD_POOL_NO_CODE, %TRAMPFD_POOL_NO_SEAL, both or 0.
 * @shape: The registers that code entries load, by the numbers of asm/perf_regs.h.
 *	Each call that is set has to have them.
 * @shape_nregs: Elements of @shape, 0 to 3.
 * @npcs: Elements of @pcs, 0 to 1,024; 0 if any target is allowed.
 * @pcs: The only targets that trampolines of the pool may have.
 */
struct trampfd_pool_attr {
	uint32_t size;
	uint32_t flags;
	const uint32_t *shape;
	uint32_t shape_nregs;
	uint32_t npcs;
	void *const *pcs;
};

struct trampfd_pool;

struct trampfd_pool *trampfd_pool_create(const struct trampfd_pool_attr *attr);
void trampfd_pool_destroy(struct trampfd_pool *pool);
int trampfd_pool_alloc(struct trampfd_pool *pool, void **trampolines, uint32_t count);
int trampfd_pool_has_code(struct trampfd_pool *pool);

/*
 * TRAMPFD_ARG(n): the register that has the n-th argument of a function, from 0 on, as
 * long as all of them are integers or pointers.  A trampoline that loads it gives a
 * function of C one argument more than its caller knows of: its data.  Not defined where
 * arguments are on the stack; on i386, see trampfd_pool_create(3).  The registers' names
 * are those of <asm/perf_regs.h>.
 */
#if defined(__x86_64__) && defined(__LP64__)
#define TRAMPFD_ARG(n)	(0x111002030405ULL >> 8 * (n) & 0xff)
#elif defined(__aarch64__) || defined(__arm__)
#define TRAMPFD_ARG(n)	(n)
#elif defined(__riscv)
#define TRAMPFD_ARG(n)	(10 + (n))
#elif defined(__s390x__)
#define TRAMPFD_ARG(n)	(2 + (n))
#elif defined(__powerpc64__)
#define TRAMPFD_ARG(n)	(3 + (n))
#elif defined(__mips__)
#define TRAMPFD_ARG(n)	(4 + (n))
#endif

#ifdef __cplusplus
}
#endif

#endif
