// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cover.h"

/* From the kernel's Documentation/dev-tools/kcov.rst; it has no header for user space. */
#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_TRACE_PC	0
#define KCOV_FILE	"/sys/kernel/debug/kcov"

/* Words of a process's buffer. */
#define ENTRIES		(64UL << 10)

/* The kernel's code that is looked at, one bit for each byte from _stext on. */
#define TEXT_SIZE	(64UL << 20)

static uint8_t *reached;
static unsigned int *nreached;
static unsigned long text;
static unsigned long *area;
static int kcov_fd = -1;

static bool find_text(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512];

	while (f && !text && fgets(line, sizeof(line), f))
		if (strstr(line, " _stext\n"))
			text = strtoul(line, NULL, 16);
	if (f)
		fclose(f);
	return text;
}

bool cover_init(void)
{
	if (access(KCOV_FILE, R_OK | W_OK) || !find_text())
		return false;
	reached = mmap(NULL, TEXT_SIZE / 8 + sizeof(*nreached),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reached == MAP_FAILED) {
		reached = NULL;
		return false;
	}
	nreached = (unsigned int *)(reached + TEXT_SIZE / 8);
	return true;
}

void cover_begin(void)
{
	if (!reached)
		return;
	/* What a child has inherited is its parent's. */
	if (kcov_fd >= 0) {
		munmap(area, ENTRIES * sizeof(*area));
		close(kcov_fd);
	}
	kcov_fd = open(KCOV_FILE, O_RDWR | O_CLOEXEC);
	if (kcov_fd < 0 || ioctl(kcov_fd, KCOV_INIT_TRACE, ENTRIES))
		goto none;
	area = mmap(NULL, ENTRIES * sizeof(*area), PROT_READ | PROT_WRITE,
		    MAP_SHARED, kcov_fd, 0);
	if (area == MAP_FAILED || ioctl(kcov_fd, KCOV_ENABLE, KCOV_TRACE_PC))
		goto none;
	return;
none:
	/* It is a guide, not a check: go on without. */
	if (kcov_fd >= 0)
		close(kcov_fd);
	kcov_fd = -1;
}

void cover_collect(void)
{
	unsigned long i, n, at;

	if (kcov_fd < 0)
		return;
	n = __atomic_load_n(&area[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n && i < ENTRIES; i++) {
		at = area[i] - text;
		if (at >= TEXT_SIZE || reached[at / 8] & 1 << at % 8)
			continue;
		if (!(__atomic_fetch_or(&reached[at / 8], 1 << at % 8,
					__ATOMIC_RELAXED) & 1 << at % 8))
			__atomic_fetch_add(nreached, 1, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&area[0], 0, __ATOMIC_RELAXED);
}

void cover_end(void)
{
	cover_collect();
	if (kcov_fd >= 0)
		close(kcov_fd);
	kcov_fd = -1;
}

unsigned int cover_places(void)
{
	return nreached ? *nreached : 0;
}

void cover_print(void)
{
	unsigned long at;

	for (at = 0; reached && at < TEXT_SIZE; at++)
		if (reached[at / 8] & 1 << at % 8)
			printf("# fuzz: reached %#lx\n", text + at);
}

static struct input *corpus;
static unsigned int ninputs;

void corpus_add(const unsigned char *bytes, size_t size)
{
	struct input *more = realloc(corpus, (ninputs + 1) * sizeof(*corpus));
	unsigned char *copy = malloc(size);
	size_t i;

	if (more)
		corpus = more;
	if (!more || !copy) {
		free(copy);
		return;
	}
	memcpy(copy, bytes, size);
	corpus[ninputs++] = (struct input) { .bytes = copy, .size = size };
	printf("# fuzz: input ");
	for (i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

int corpus_load(const char *dir, void (*try)(const unsigned char *bytes, size_t size))
{
	unsigned char bytes[INPUT_MAX];
	struct dirent **entry;
	char path[512];
	int i, n, fd;
	ssize_t size;

	n = scandir(dir, &entry, NULL, alphasort);
	if (n < 0)
		return -1;
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry[i]->d_name);
		free(entry[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		size = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
		if (size > 0)
			try(bytes, size);
		if (fd >= 0)
			close(fd);
	}
	free(entry);
	return 0;
}

unsigned int corpus_size(void)
{
	return ninputs;
}

const struct input *corpus_get(unsigned int n)
{
	return &corpus[n];
}
