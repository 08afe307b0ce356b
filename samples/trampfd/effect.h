/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EFFECT_H
#define EFFECT_H

#include "trampoline.h"

#define EFFECT_REGS_MAX 4

/*
 * effect_of - what a written trampoline would do, if it could run
 * @code: the instructions that libffi or the compiler wrote, as data
 * @regs: where to store the registers that they load, the PC last
 *
 * Returns the number of registers, or 0 if an instruction is not known.
 */
unsigned int effect_of(const void *code, struct trampfd_reg *regs);

#endif
