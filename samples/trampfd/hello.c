// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest program that makes a trampoline and calls it: a function
 * without an argument that calls one that has an argument.
 */
#include <asm/perf_regs.h>
#include <linux/trampfd.h>

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_trampfd_create		/* headers of another kernel */
#ifdef __NR_Linux
#define __NR_trampfd_create (__NR_Linux + 600)
#else
#define __NR_trampfd_create 600
#endif
#endif

#if defined(__x86_64__)
#define REG_PC		PERF_REG_X86_IP
#define REG_ARGUMENT	PERF_REG_X86_DI
#define TARGET
#elif defined(__i386__)
#define REG_PC		PERF_REG_X86_IP
#define REG_ARGUMENT	PERF_REG_X86_AX
#define TARGET		__attribute__((regparm(1)))
#elif defined(__aarch64__)
#define REG_PC		PERF_REG_ARM64_PC
#define REG_ARGUMENT	PERF_REG_ARM64_X0
#define TARGET
#elif defined(__arm__)
#define REG_PC		PERF_REG_ARM_PC
#define REG_ARGUMENT	PERF_REG_ARM_R0
#define TARGET
#elif defined(__riscv) && __riscv_xlen == 64
#define REG_PC		PERF_REG_RISCV_PC
#define REG_ARGUMENT	PERF_REG_RISCV_A0
#define TARGET
#elif defined(__s390x__)
#define REG_PC		PERF_REG_S390_PC
#define REG_ARGUMENT	PERF_REG_S390_R2
#define TARGET
#elif defined(__mips__)
#define REG_PC		PERF_REG_MIPS_PC
#define REG_ARGUMENT	PERF_REG_MIPS_R4
#define REG_CALLEE	PERF_REG_MIPS_R25	/* has the address of a function */
#define TARGET
#elif defined(__powerpc64__) && _CALL_ELF == 2
#define REG_PC		PERF_REG_POWERPC_NIP
#define REG_ARGUMENT	PERF_REG_POWERPC_R3
#define REG_CALLEE	PERF_REG_POWERPC_R12	/* has the address of a function */
#define TARGET
#elif defined(__m68k__)
#define REG_PC		PERF_REG_M68K_PC
#define REG_ARGUMENT	PERF_REG_M68K_A0
#define REG_CALLEE	PERF_REG_M68K_A1
#define TARGET

/*
 * C functions have their arguments on the stack.  This one has none, so that
 * nothing comes before the assembly.
 */
static void call_with_argument(void)
{
	asm volatile("move.l	%%a0, -(%%sp)\n\t"
		     "jsr	(%%a1)\n\t"
		     "addq.l	#4, %%sp"
		     : : : "a0", "a1", "d0", "d1", "fp0", "fp1", "cc", "memory");
}

#define ENTRY		call_with_argument
#else
#error "Name this architecture's PC, and its register of the first argument."
#endif

#ifndef ENTRY
#define ENTRY		greet
#endif

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static void TARGET greet(const char *whom)
{
	printf("Hello, %s.\n", whom);
}

/* What /proc/self/maps says about an address. */
static void show_mapping(const void *address)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[256];

	if (!maps)
		err(1, "/proc/self/maps");
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 &&
		    start <= (uintptr_t)address && (uintptr_t)address < end)
			printf("%s", line);
	fclose(maps);
}

int main(void)
{
	static const char whom[] = "trampoline";
	struct trampfd_attr attr = {
		.type = TRAMPFD_FAULT,
		.ntrampolines = 1,
	};
	struct trampfd_reg regs[] = {
		{ .name = REG_PC, .value = (uintptr_t)ENTRY },
		{ .name = REG_ARGUMENT, .value = (uintptr_t)whom },
#ifdef REG_CALLEE
		{ .name = REG_CALLEE, .value = (uintptr_t)greet },
#endif
	};
	const __u32 nregs = ARRAY_SIZE(regs);
	struct trampfd_record record = { .trampoline = 0, .nregs = nregs };
	struct trampfd_contexts contexts = {
		.records = (uintptr_t)&record,
		.nrecords = 1,
		.regs = (uintptr_t)regs,
		.nregs = nregs,
	};
	void *base;
	int fd;

	fd = syscall(__NR_trampfd_create, &attr, sizeof(attr), 0);
	if (fd < 0)
		err(1, "trampfd_create");

	base = mmap(NULL, attr.map_size, attr.map_prot, attr.map_flags, fd,
		    attr.map_offset);
	if (base == MAP_FAILED)
		err(1, "mmap");

	if (ioctl(fd, TRAMPFD_SET, &contexts) != 1)
		err(1, "TRAMPFD_SET");

	printf("a call of %p, where nothing can be read, written or executed:\n",
	       base);
	show_mapping(base);

	/* Trampoline i is at base + i * attr.stride. */
	((void (*)(void))base)();

	return 0;
}
