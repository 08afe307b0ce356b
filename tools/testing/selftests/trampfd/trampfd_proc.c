// SPDX-License-Identifier: GPL-2.0
/* What the tests read from, and write to, /proc, /sys and the like. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "trampfd_util.h"

ssize_t file_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (done < size - 1) {
		n = read(fd, buf + done, size - 1 - done);
		if (n <= 0)
			break;
		done += n;
	}
	buf[done] = '\0';
	close(fd);
	return done;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int file_write_number(const char *path, long long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", number);
	return file_write(path, text);
}

static int parse_number(const char *text, long long *number)
{
	char *end;

	*number = strtoll(text, &end, 10);
	return end == text ? -EINVAL : 0;
}

int file_read_number(const char *path, long long *number)
{
	char text[32];
	ssize_t n = file_read(path, text, sizeof(text));

	return n < 0 ? n : parse_number(text, number);
}

/* For files that are longer than one would want to hold: line by line. */
static int find_line(const char *path, const char *key, char *line, int size)
{
	FILE *f = fopen(path, "re");
	int ret = -ENOENT;

	if (!f)
		return -errno;
	while (fgets(line, size, f)) {
		if (!strncmp(line, key, strlen(key))) {
			ret = 0;
			break;
		}
	}
	fclose(f);
	return ret;
}

int file_find_number(const char *path, const char *key, long long *number)
{
	char line[512];
	int ret = find_line(path, key, line, sizeof(line));

	if (ret)
		return ret;
	return parse_number(line + strlen(key), number);
}

const char *mounted(const char *type, const char *usual)
{
	static char dir[64];
	char line[512];
	FILE *f = fopen("/proc/self/mounts", "re");
	const char *found = NULL;

	while (f && !found && fgets(line, sizeof(line), f)) {
		char at[256], kind[64];

		if (sscanf(line, "%*s %255s %63s", at, kind) == 2 &&
		    !strcmp(at, usual) && !strcmp(kind, type))
			found = usual;
	}
	if (f)
		fclose(f);
	if (found || !mount("none", usual, type, 0, NULL))
		return usual;

	mkdir("/tmp", 0777);
	snprintf(dir, sizeof(dir), "/tmp/trampfd-XXXXXX");
	if (!mkdtemp(dir) || mount("none", dir, type, 0, NULL))
		return NULL;
	return dir;
}

int slab_objects(const char *cache, long long *objects)
{
	char key[64];

	snprintf(key, sizeof(key), "%s ", cache);
	return file_find_number("/proc/slabinfo", key, objects);
}

int slab_objects_left(const char *cache, long long *objects)
{
	int ret = 0, turns = 0, same = 0;
	long long last = -1;
	char path[96];

	/*
	 * RCU gives back in its own time, up to some seconds.  What a CPU keeps
	 * for reuse counts as in use, and so does what is in a quarantine, both
	 * until they are told.
	 */
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	while (turns++ < 1200 && same < 150) {
		file_write(path, "1");
		ret = slab_objects(cache, objects);
		if (ret || !*objects)
			break;
		same = *objects == last ? same + 1 : 0;
		last = *objects;
		usleep(50000);
	}
	return ret;
}

bool contains(const char *text, const char *part)
{
	return strstr(text, part);
}

bool maps_line(const void *addr, char *line, size_t size)
{
	FILE *f = fopen("/proc/self/maps", "re");
	bool found = false;

	while (f && !found && fgets(line, size, f)) {
		unsigned long long start, end;

		if (sscanf(line, "%llx-%llx", &start, &end) == 2)
			found = (uintptr_t)addr >= start &&
				(uintptr_t)addr < end;
	}
	if (f)
		fclose(f);
	return found;
}

int nmappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	int lines = 0;

	if (!f)
		return -errno;
	/*
	 * The heap is malloc()'s.  It grows by a mapping more where a fork came
	 * between, as the old part and the new one can't be merged then.
	 */
	while (fgets(line, sizeof(line), f))
		lines += !contains(line, "[heap]");
	fclose(f);
	return lines;
}

static int smaps_line(const void *addr, const char *key, char *line, size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool inside = false;
	int ret = -ENOENT;

	if (!f)
		return -errno;
	while (ret && fgets(line, size, f)) {
		unsigned long long start, end;

		if (sscanf(line, "%llx-%llx", &start, &end) == 2)
			inside = (uintptr_t)addr >= start &&
				 (uintptr_t)addr < end;
		else if (inside && !strncmp(line, key, strlen(key)))
			ret = 0;
	}
	fclose(f);
	return ret;
}

int smaps_flags(const void *addr, char *flags, size_t size)
{
	char line[256];
	int ret = smaps_line(addr, "VmFlags:", line, sizeof(line));

	if (!ret)
		snprintf(flags, size, "%s", line + strlen("VmFlags:"));
	return ret;
}

int smaps_number(const void *addr, const char *key, long long *number)
{
	char line[256];
	int ret = smaps_line(addr, key, line, sizeof(line));

	if (ret)
		return ret;
	return parse_number(line + strlen(key), number);
}
