// SPDX-License-Identifier: GPL-2.0
/*
 * Libraries and compilers that make trampolines at run time write the same
 * few instructions each time: they load a register or two, and jump.  Reading
 * them tells what a trampfd trampoline must do in their place.
 */
#include "effect.h"

#include <stdbool.h>
#include <string.h>

static bool starts_with(const __u8 *code, const char *bytes, size_t n)
{
	return !memcmp(code, bytes, n);
}

static __u64 read_u32(const __u8 *p)
{
	__u32 value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static const __u8 *relative(const __u8 *next)
{
	__s32 offset;

	memcpy(&offset, next - sizeof(offset), sizeof(offset));
	return next + offset;
}

#if defined(__x86_64__)

static __u64 read_u64(const __u8 *p)
{
	__u64 value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/*
 * GCC's nested functions:		libffi's closures:
 *	endbr64					endbr64
 *	mov	$function,%r11			lea	closure(%rip),%r10
 *	mov	$chain,%r10			jmp	*target(%rip)
 *	jmp	*%r11
 */
unsigned int effect_of(const void *code, struct trampfd_reg *regs)
{
	const __u8 *p = code;
	__u64 r11 = 0;
	unsigned int n;

	if (starts_with(p, "\xf3\x0f\x1e\xfa", 4))
		p += 4;

	for (n = 0; n < EFFECT_REGS_MAX; n++) {
		regs[n] = (struct trampfd_reg) { .name = PERF_REG_X86_IP };

		if (starts_with(p, "\x49\xff\xe3", 3)) {
			regs[n].value = r11;
			return n + 1;
		}
		if (starts_with(p, "\xff\x25", 2)) {
			regs[n].value = read_u64(relative(p + 6));
			return n + 1;
		}

		if (starts_with(p, "\x41\xbb", 2)) {
			regs[n].name = PERF_REG_X86_R11;
			r11 = read_u32(p + 2);
			regs[n].value = r11;
			p += 6;
		} else if (starts_with(p, "\x49\xbb", 2)) {
			regs[n].name = PERF_REG_X86_R11;
			r11 = read_u64(p + 2);
			regs[n].value = r11;
			p += 10;
		} else if (starts_with(p, "\x49\xba", 2)) {
			regs[n].name = PERF_REG_X86_R10;
			regs[n].value = read_u64(p + 2);
			p += 10;
		} else if (starts_with(p, "\x4c\x8d\x15", 3)) {
			regs[n].name = PERF_REG_X86_R10;
			regs[n].value = (uintptr_t)relative(p + 7);
			p += 7;
		} else {
			return 0;
		}
	}

	return 0;
}

#elif defined(__i386__)

/*
 * GCC's nested functions:		libffi's closures:
 *	endbr32					endbr32
 *	mov	$chain,%ecx			mov	$closure,%eax
 *	jmp	function			jmp	target
 */
unsigned int effect_of(const void *code, struct trampfd_reg *regs)
{
	const __u8 *p = code;
	unsigned int n;

	if (starts_with(p, "\xf3\x0f\x1e\xfb", 4))
		p += 4;

	for (n = 0; n < EFFECT_REGS_MAX; n++) {
		regs[n] = (struct trampfd_reg) { .name = PERF_REG_X86_IP };

		if (starts_with(p, "\xe9", 1)) {
			regs[n].value = (uintptr_t)relative(p + 5);
			return n + 1;
		}

		if (starts_with(p, "\xb8", 1))
			regs[n].name = PERF_REG_X86_AX;
		else if (starts_with(p, "\xb9", 1))
			regs[n].name = PERF_REG_X86_CX;
		else
			return 0;

		regs[n].value = read_u32(p + 1);
		p += 5;
	}

	return 0;
}

#endif
