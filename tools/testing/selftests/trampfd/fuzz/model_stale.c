// SPDX-License-Identifier: GPL-2.0
/*
 * A machine that runs code which is not mapped any more.
 *
 * QEMU 7.2 does so on powerpc, where pages have 64 KiB: of a page that the kernel takes
 * away, it forgets the first 4 KiB only.  This has nothing to do with trampolines, so it
 * is looked for with pages of this program itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "model.h"

#define ANSWER	42

#define AT_4K	__attribute__((__aligned__(4096)))

/* Two of them, as the first one may be in the part that is forgotten. */
static AT_4K unsigned long first_page(void)
{
	return ANSWER;
}

static AT_4K unsigned long second_page(void)
{
	/* Not the same as the other one, or they would be made one. */
	return ANSWER + 0 * getpid();
}

/* Where in this program's file it is. */
static bool find_offset(uintptr_t addr, unsigned long long *offset)
{
	unsigned long long start;
	char line[512];

	if (!maps_line((void *)addr, line, sizeof(line)) ||
	    sscanf(line, "%llx-%*x %*s %llx", &start, offset) != 2)
		return false;
	*offset += addr - start;
	return true;
}

static bool runs_unmapped(int fd, uintptr_t function)
{
	/* The address may say which set of instructions it is of. */
	const size_t page = getpagesize(), mode = function & 1;
	unsigned long long offset;
	unsigned long value;
	bool ret = false;
	char *p;

	if (!find_offset(function - mode, &offset))
		return false;
	p = mmap(NULL, 2 * page, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
		 offset - offset % page);
	if (p == MAP_FAILED)
		return false;
	function = (uintptr_t)p + offset % page + mode;
	if (!try_call((void *)function, &value) &&
	    mmap(p, 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) != MAP_FAILED)
		ret = !try_call((void *)function, &value);
	munmap(p, 2 * page);
	return ret;
}

static bool looks_stale(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	bool ret = false;
	unsigned int i;

	/* Not every time. */
	for (i = 0; fd >= 0 && i < 20 && !ret; i++)
		ret = runs_unmapped(fd, (uintptr_t)first_page) ||
		      runs_unmapped(fd, (uintptr_t)second_page);
	if (fd >= 0)
		close(fd);
	return ret;
}

bool stale_code(void)
{
	pid_t pid = fork();

	/* An address space that has been on one CPU only, as that of a round. */
	if (!pid)
		_exit(looks_stale());
	return pid > 0 && child_status(pid) == 1;
}
