/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of libtrampfd share. */
#ifndef LIBTRAMPFD_UTIL_H
#define LIBTRAMPFD_UTIL_H

#undef ARRAY_SIZE		/* of kselftest.h, the same as the samples' */
#undef REG_PC			/* of ucontext.h on riscv */
#include "../../../../samples/trampfd/targets.h"
#include "../../../../samples/trampfd/trampoline.h"
#include "../../../lib/trampfd/trampfd.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* See trampfd/trampfd_util.h: emulated machines are slow. */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#endif
#define TEST_TIMEOUT_DEFAULT	1800

typedef long (*context_fn)(void);

static inline bool trampfd_present(void)
{
	/* Wrong in every way, so that it makes nothing. */
	return syscall(__NR_trampfd_create, NULL, 0, ~0U) == 0 ||
	       errno != ENOSYS;
}

#define NO_TRAMPFD	"no trampfd in this kernel (ENOSYS)"

/* The exit status of a child, or 128 and the signal that ended it. */
static inline int status_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

/* How many of the mappings have @word in their line of /proc/self/maps. */
static inline int mappings(const char *word)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int n = 0;

	while (maps && fgets(line, sizeof(line), maps))
		n += !!strstr(line, word);
	if (maps)
		fclose(maps);
	return n;
}

static inline long call(void *trampoline)
{
	return ((context_fn)trampoline)();
}

/* How a child ends that calls it, as status_of(). */
static inline int end_of_call(void *trampoline)
{
	pid_t pid = fork();

	if (!pid) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		close(STDERR_FILENO);
		call(trampoline);
		_exit(0);
	}
	return status_of(pid);
}

/* How many descriptors of trampolines the process has; -1 if that can't be seen. */
static inline int trampfd_descriptors(void)
{
	struct dirent *entry;
	int count = 0;
	char name[64];
	DIR *dir;

	dir = opendir("/proc/self/fd");
	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		ssize_t length = readlinkat(dirfd(dir), entry->d_name, name,
					    sizeof(name) - 1);

		if (length < 0)
			continue;
		name[length] = 0;
		if (!strncmp(name, "anon_inode:[trampfd", strlen("anon_inode:[trampfd")))
			count++;
	}
	closedir(dir);
	return count;
}

#endif
