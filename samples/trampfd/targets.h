/* SPDX-License-Identifier: GPL-2.0 */
/* Functions that C can't express; they take what a trampoline gives them. */
#ifndef TARGETS_H
#define TARGETS_H

/* Returns the register REG_CONTEXT. */
long context_target(void);

/*
 * Takes TARGET_STACK bytes off the stack, on which the return address follows
 * where a call pushes it.
 * Calls the function in REG_CONTEXT with their address as its argument.
 */
#define TARGET_STACK 32
void stack_target(void);

#endif
