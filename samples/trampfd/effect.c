// SPDX-License-Identifier: GPL-2.0
/*
 * Libraries and compilers that make trampolines at run time write the same
 * few instructions each time: they load a register or two, and jump.  Reading
 * them tells what a trampfd trampoline must do in their place.
 */
#include "effect.h"

#include <stdbool.h>
#include <string.h>

static inline __u64 read_u32(const __u8 *p)
{
	__u32 value;

	memcpy(&value, p, sizeof(value));
	return value;
}

#if defined(__x86_64__) || defined(__i386__)

static bool starts_with(const __u8 *code, const char *bytes, size_t n)
{
	return !memcmp(code, bytes, n);
}

static const __u8 *relative(const __u8 *next)
{
	__s32 offset;

	memcpy(&offset, next - sizeof(offset), sizeof(offset));
	return next + offset;
}

#endif

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

#elif defined(__aarch64__)

static __s64 signed_bits(__u32 insn, int low, int count)
{
	return (__s64)((__u64)insn << (64 - low - count)) >> (64 - count);
}

/*
 * GCC's nested functions:		libffi's closures:
 *	bti	c				ldr	x16, target
 *	ldr	x17, function			adr	x17, closure
 *	ldr	x18, chain			br	x16
 *	br	x17
 */
unsigned int effect_of(const void *code, struct trampfd_reg *regs)
{
	const __u8 *p = code;
	__u64 loaded[32] = {};
	unsigned int n = 0, reg;
	__u32 insn;

	if (read_u32(p) == 0xd503245f)
		p += 4;

	for (; n < EFFECT_REGS_MAX; n++, p += 4) {
		insn = read_u32(p);
		reg = insn & 31;
		regs[n] = (struct trampfd_reg) { .name = PERF_REG_ARM64_PC };

		if ((insn & 0xfffffc1f) == 0xd61f0000) {
			regs[n].value = loaded[insn >> 5 & 31];
			return n + 1;
		}

		if ((insn & 0xff000000) == 0x58000000)
			memcpy(&loaded[reg], p + signed_bits(insn, 5, 19) * 4, 8);
		else if ((insn & 0x9f000000) == 0x10000000)
			loaded[reg] = (uintptr_t)p + signed_bits(insn, 5, 19) * 4 +
				      (insn >> 29 & 3);
		else
			return 0;
		regs[n].name = PERF_REG_ARM64_X0 + reg;
		regs[n].value = loaded[reg];
	}

	return 0;
}

#elif defined(__arm__)

/*
 * GCC's nested functions, in either	libffi's closures:
 * state:				adr	ip, closure
 *	ldr	ip, chain			ldr	pc, target
 *	ldr	pc, function
 */
unsigned int effect_of(const void *code, struct trampfd_reg *regs)
{
	const bool thumb = (uintptr_t)code & 1;
	const __u8 *p = (const __u8 *)code - thumb;
	unsigned int n, reg, distance;
	const __u8 *pc;
	__u32 insn;

	for (n = 0; n < EFFECT_REGS_MAX; n++, p += 4) {
		insn = read_u32(p);
		if (thumb) {
			/* The half with the operation is at the lower address. */
			insn = insn << 16 | insn >> 16;
			pc = (const __u8 *)((uintptr_t)(p + 4) & ~3);
		} else {
			pc = p + 8;
		}
		reg = insn >> 12 & 15;
		distance = insn & 0xfff;
		regs[n] = (struct trampfd_reg) { .name = reg };

		if ((insn & 0xffff0000) == (thumb ? 0xf8df0000 : 0xe59f0000))
			regs[n].value = read_u32(pc + distance);
		else if ((insn & 0xffff0000) == (thumb ? 0xf85f0000 : 0xe51f0000))
			regs[n].value = read_u32(pc - distance);
		else if (!thumb && (insn & 0xffff0f00) == 0xe24f0000)
			regs[n].value = (uintptr_t)pc - distance;
		else
			return 0;
		if (reg == PERF_REG_ARM_PC)
			return n + 1;
	}

	return 0;
}

#elif defined(__riscv)

/*
 * GCC's nested functions:		libffi's closures:
 *	auipc	t2,0				auipc	t1,0
 *	ld	t0,target(t2)			ld	t2,target(t1)
 *	ld	t2,chain(t2)			jr	t2
 *	jr	t0
 */
unsigned int effect_of(const void *code, struct trampfd_reg *regs)
{
	__u64 r[32] = { 0 };
	const __u8 *p = code;
	__u32 loaded = 0;
	unsigned int n = 0;
	int i;

	for (i = 0; i < EFFECT_REGS_MAX; i++, p += 4) {
		__u32 insn = read_u32(p);
		unsigned int rd = insn >> 7 & 31, rs = insn >> 15 & 31;

		if ((insn & 0xfff07fff) == 0x00000067) {	/* jr */
			regs[0] = (struct trampfd_reg) {
				.name = PERF_REG_RISCV_PC,
				.value = r[rs],
			};
			break;
		}

		if ((insn & 0xfffff07f) == 0x00000017) {	/* auipc */
			r[rd] = (uintptr_t)p;
		} else if ((insn & 0x0000707f) == 0x00003003) {	/* ld */
			const __u8 *from = (__u8 *)r[rs];

			memcpy(&r[rd], from + ((__s32)insn >> 20), 8);
		} else {
			return 0;
		}
		loaded |= 1U << rd;
	}
	if (i == EFFECT_REGS_MAX)
		return 0;

	/* The kernel's numbers are those of the registers, but for the PC. */
	for (i = 1; i < 32; i++) {
		if (!(loaded & 1U << i))
			continue;
		regs[n + 1] = regs[n];
		regs[n++] = (struct trampfd_reg) { .name = i, .value = r[i] };
	}
	return n + 1;
}

#elif defined(__s390x__)

/*
 * GCC's nested functions and libffi's closures:
 *	basr	%r1,0
 *	lmg	%r0,%r1,14(%r1)
 *	br	%r1
 */
unsigned int effect_of(const void *code, struct trampfd_reg *regs)
{
	static const __u16 known[] = { 0x0d10, 0xeb01, 0x100e, 0x0004, 0x07f1 };
	const __u64 *data = (const __u64 *)((const __u8 *)code + 16);

	if (memcmp(code, known, sizeof(known)))
		return 0;
	regs[0] = (struct trampfd_reg) {
		.name = PERF_REG_S390_R0,
		.value = data[0],
	};
	regs[1] = (struct trampfd_reg) {
		.name = PERF_REG_S390_R1,
		.value = data[1],
	};
	regs[2] = (struct trampfd_reg) {
		.name = PERF_REG_S390_PC,
		.value = data[1],
	};
	return 3;
}

#elif defined(__powerpc64__)

/*
 * GCC's nested functions and libffi's closures, called with their own address
 * in r12:
 *	ld	r11,data(r12)
 *	ld	r12,target(r12)
 *	mtctr	r12
 *	bctr
 */
unsigned int effect_of(const void *code, struct trampfd_reg *regs)
{
	const __u8 *p = code;
	__u64 r12 = (uintptr_t)code, r11 = 0, value;
	bool in_ctr = false;
	int i;

	for (i = 0; i < 8; i++, p += 4) {
		__u32 insn = read_u32(p);

		if (insn == 0x4e800420 && in_ctr) {
			const struct trampfd_reg loaded[] = {
				{ .name = PERF_REG_POWERPC_R11, .value = r11 },
				{ .name = PERF_REG_POWERPC_R12, .value = r12 },
				{ .name = PERF_REG_POWERPC_NIP, .value = r12 },
			};

			memcpy(regs, loaded, sizeof(loaded));
			return ARRAY_SIZE(loaded);
		}
		if (insn == 0x7d8903a6) {
			in_ctr = true;
			continue;
		}

		/* ld, with an offset from r12 */
		if ((insn & 0xfc1f8003) != 0xe80c0000 || in_ctr)
			return 0;
		memcpy(&value, (const void *)(r12 + (insn & 0x7ffc)), sizeof(value));
		switch (insn >> 21 & 31) {
		case 11:
			r11 = value;
			break;
		case 12:
			r12 = value;
			break;
		default:
			return 0;
		}
	}

	return 0;
}

#elif defined(__mips__)

/*
 * GCC's nested functions, called with	libffi's closures (n64: with dsll
 * their own address in $25:		and ori for the other half of each):
 *	lw/ld	$1,target($25)			lui	$25,target
 *	lw/ld	$15,chain($25)			ori	$25,$25,target
 *	jr	$1				lui	$12,closure
 *	move	$25,$1				jr	$25
 *						ori	$12,$12,closure
 */
unsigned int effect_of(const void *code, struct trampfd_reg *regs)
{
	long r[32] = { [25] = (uintptr_t)code };
	__u32 loaded = 0, last;
	const __u8 *p = code;
	unsigned long pc = 0;
	unsigned int n = 0;
	int i;

	/* The instruction behind the jump comes before the target. */
	for (i = 0, last = 16; i < (int)last; i++, p += 4) {
		__u32 insn = read_u32(p);
		unsigned int rs = insn >> 21 & 31, rt = insn >> 16 & 31;
		unsigned int to = rt, low = insn & 0xffff;
		long value;

		if ((insn & 0xfc1fffff) == 0x00000008) {	/* jr */
			pc = r[rs];
			last = i + 2;
			continue;
		}

		switch (insn >> 26) {
		case 0x0f:					/* lui */
			value = (int)(low << 16);
			break;
		case 0x0d:					/* ori */
			value = r[rs] | low;
			break;
		case 0x23:					/* lw */
			value = *(const int *)(r[rs] + (short)low);
			break;
		case 0x37:					/* ld */
			value = *(const long *)(r[rs] + (short)low);
			break;
		case 0x00:
			to = insn >> 11 & 31;
			if ((insn & 0xffe007ff) == 0x00000438)	/* dsll 16 */
				value = (unsigned long)r[rt] << 16;
			else if ((insn & 0x001f07fb) == 0x00000021 ||
				 (insn & 0x001f07ff) == 0x0000002d)	/* move */
				value = r[rs];
			else
				return 0;
			break;
		default:
			return 0;
		}
		r[to] = value;
		loaded |= 1U << to;
	}

	for (i = 1; i < 32 && pc; i++) {
		if (!(loaded & 1U << i))
			continue;
		if (n == EFFECT_REGS_MAX - 1)
			return 0;
		regs[n++] = (struct trampfd_reg) {
			.name = PERF_REG_MIPS_R1 + i - 1,
			.value = (unsigned long)r[i],
		};
	}
	regs[n] = (struct trampfd_reg) { .name = PERF_REG_MIPS_PC, .value = pc };
	return pc ? n + 1 : 0;
}

#elif defined(__m68k__)

/*
 * GCC's nested functions:		libffi's closures:
 *	move.l	#chain,%a0			move.l	#closure,%a0
 *	jmp	function			jmp	target
 */
unsigned int effect_of(const void *code, struct trampfd_reg *regs)
{
	const __u8 *p = code;

	if (memcmp(p, "\x20\x7c", 2) || memcmp(p + 6, "\x4e\xf9", 2))
		return 0;
	regs[0] = (struct trampfd_reg) {
		.name = PERF_REG_M68K_A0,
		.value = read_u32(p + 2),
	};
	regs[1] = (struct trampfd_reg) {
		.name = PERF_REG_M68K_PC,
		.value = read_u32(p + 8),
	};
	return 2;
}

#endif
