/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of nested functions share. */
#ifndef LIBTRAMPFD_NESTED_UTIL_H
#define LIBTRAMPFD_NESTED_UTIL_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "nested.h"
#include "util.h"

/* How many trampolines of the table at @addr are set; -1 if the kernel does not tell. */
static inline long set_at(unsigned long addr)
{
	struct trampfd_record record = {};
	struct trampfd_reg regs[4];
	long n, set = 0;

	do {
		struct trampfd_contexts next = {
			.records = (uintptr_t)&record,
			.regs = (uintptr_t)regs,
			.nrecords = 1,
			.nregs = ARRAY_SIZE(regs),
			.flags = TRAMPFD_CONTEXTS_NEXT,
		};

		n = syscall(__NR_trampfd_control, addr, TRAMPFD_GET, &next, 0);
		set += n;
		record = (struct trampfd_record) {
			.trampoline = record.trampoline + 1,
		};
	} while (n == 1);
	return set;
}

/* The same of all tables, each of which has one mapping, or one of code. */
static inline long all_set(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long addr;
	char line[512];
	long set = 0;

	while (maps && fgets(line, sizeof(line), maps))
		if ((strstr(line, "[trampfd]") ||
		     (strstr(line, "[trampfd-code]") && strstr(line, " r-xp "))) &&
		    sscanf(line, "%lx-", &addr) == 1)
			set += set_at(addr);
	if (maps)
		fclose(maps);
	return set;
}

/* How a child ends: its exit status, or 128 and the signal. */
static inline int end_of(void (*function)(void))
{
	pid_t pid = fork();

	if (!pid) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		function();
		_exit(0);
	}
	return status_of(pid);
}

/* A thread that returns its argument if all was right. */
static inline bool run_thread(void *(*function)(void *arg))
{
	void *result = NULL;
	int token;
	pthread_t id;

	return !pthread_create(&id, NULL, function, &token) &&
	       !pthread_join(id, &result) && result == &token;
}

#endif
