// SPDX-License-Identifier: GPL-2.0
/*
 * Takes one kind of page fault again and again, for vm/fault_path.py to look at.
 *
 *	call	a call of a trampoline
 *	data	a read of a page that is not there
 *	fetch	a jump to one
 */
#include <asm/perf_regs.h>
#include <err.h>
#include <linux/trampfd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE	4096

static void target(void)
{
}

static void loop_call(void)
{
	struct trampfd_attr attr = { .type = TRAMPFD_FAULT, .ntrampolines = 1 };
	struct trampfd_reg regs[] = {
		{ .name = PERF_REG_X86_IP, .value = (uintptr_t)target },
		{ .name = PERF_REG_X86_R10, .value = 1 },
	};
	struct trampfd_record record = { .nregs = 2 };
	struct trampfd_contexts contexts = {
		.records = (uintptr_t)&record, .nrecords = 1,
		.regs = (uintptr_t)regs, .nregs = 2,
	};
	int fd = syscall(__NR_trampfd_create, &attr, sizeof(attr), 0);
	void *entry;

	if (fd < 0)
		err(1, "trampfd_create");
	entry = mmap(NULL, attr.map_size, attr.map_prot, attr.map_flags, fd,
		     attr.map_offset);
	if (entry == MAP_FAILED)
		err(1, "mmap");
	if (ioctl(fd, TRAMPFD_SET, &contexts) != 1)
		err(1, "TRAMPFD_SET");
	for (;;)
		((void (*)(void))entry)();
}

static char *map(size_t pages, int prot)
{
	void *addr = mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		err(1, "mmap");
	return addr;
}

static void loop_data(void)
{
	volatile char *page = map(1, PROT_READ);

	for (;;) {
		(void)*page;
		madvise((void *)page, PAGE, MADV_DONTNEED);
	}
}

static void loop_fetch(void)
{
	char *pages = map(2, PROT_READ | PROT_WRITE), byte = 0;

	/* Zeroes are "add %al,(%rax)"; the second page returns. */
	pages[PAGE] = 0xc3;
	if (mprotect(pages, 2 * PAGE, PROT_READ | PROT_EXEC))
		err(1, "mprotect");
	for (;;) {
		asm volatile("call *%1"
			     : : "a" (&byte), "r" (pages + PAGE - 2) : "memory", "cc");
		madvise(pages, PAGE, MADV_DONTNEED);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*loop)(void);
	} loops[] = {
		{ "call", loop_call }, { "data", loop_data }, { "fetch", loop_fetch },
	};
	unsigned int i;

	for (i = 0; argc == 2 && i < sizeof(loops) / sizeof(loops[0]); i++) {
		if (!strcmp(argv[1], loops[i].name)) {
			puts("trampfd-guest: looping");
			fflush(stdout);
			loops[i].loop();
		}
	}
	errx(1, "which fault?  call, data or fetch");
}
