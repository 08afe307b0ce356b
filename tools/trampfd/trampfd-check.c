// SPDX-License-Identifier: GPL-2.0
/*
 * trampfd-check(1): tells whether this system has trampolines that need no
 * writable, executable memory, and which services could have more protection
 * by them.
 */
#include <linux/trampfd.h>

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef __NR_trampfd_create		/* headers of another kernel */
#ifdef __NR_Linux
#define __NR_trampfd_create (__NR_Linux + 600)
#else
#define __NR_trampfd_create 600
#endif
#endif

#define UNIT	64			/* bytes of kernel memory, see trampfd(7) */

static const char usage[] =
	"Usage: trampfd-check [--quiet | --services]\n"
	"\n"
	"Tells whether this kernel has trampfd, whether it is switched on, what its\n"
	"limits are, and which services run without MemoryDenyWriteExecute=yes.\n"
	"\n"
	"  -q, --quiet      print nothing, and look at no services\n"
	"  -s, --services   print only the names of these services\n"
	"  -h, --help       print this\n"
	"\n"
	"Exit status: 0 if this process can have trampolines, 1 if not, 2 for a wrong\n"
	"command line.  With --services: 0, or 1 if systemd can't be asked.\n";

/* What this process can have, and why not more. */
struct answer {
	bool fault, code;
	const char *why;		/* there are no fault entries, or NULL */
	const char *why_no_code;
};

static const char *why_not(int error)
{
	switch (error) {
	case ENOSYS:
		return "the kernel has no trampfd, or a seccomp filter says so";
	case EPERM:
		return "switched off by vm.trampfd_enabled, or denied by a filter";
	case EACCES:
		return "denied by a security module";
	case EOPNOTSUPP:
		return "this CPU, or this kernel for it, can't have it";
	case EDQUOT:
		return "the user's limit is reached (user.max_trampfd_units)";
	default:
		return strerror(error);
	}
}

/* A table of one trampoline, or -1. */
static int create(unsigned int type, struct trampfd_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->type = type;
	attr->ntrampolines = 1;
	return syscall(__NR_trampfd_create, attr, sizeof(*attr), 0);
}

static void *map(const struct trampfd_attr *attr, int fd, bool code)
{
	if (code)
		return mmap(NULL, attr->part_size, attr->code_prot, attr->map_flags, fd,
			    attr->code_offset);
	return mmap(NULL, attr->map_size, attr->map_prot, attr->map_flags, fd,
		    attr->map_offset);
}

/* Whether that part of a table can be created and mapped; if not, errno says why. */
static bool possible(unsigned int type, bool code)
{
	struct trampfd_attr attr;
	int fd = create(type, &attr), error;
	void *mapped;

	if (fd < 0)
		return false;
	mapped = map(&attr, fd, code);
	error = errno;
	close(fd);
	errno = error;
	if (mapped == MAP_FAILED)
		return false;
	munmap(mapped, code ? attr.part_size : attr.map_size);
	return true;
}

static struct answer ask(void)
{
	struct answer answer = { 0 };

	answer.fault = possible(TRAMPFD_FAULT, false);
	if (!answer.fault)
		answer.why = why_not(errno);
	answer.code = possible(TRAMPFD_CODE, true);
	if (!answer.code)
		answer.why_no_code = why_not(errno);
	return answer;
}

/* The number in a file of /proc/sys, or -1. */
static long long number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	long long number;

	if (!f)
		return -1;
	if (fscanf(f, "%lld", &number) != 1)
		number = -1;
	fclose(f);
	return number;
}

static void print_entries(const struct answer *answer)
{
	printf("fault entries:          %s%s\n", answer->fault ? "yes" : "no: ",
	       answer->fault ? "" : answer->why);
	printf("code entries:           %s%s\n", answer->code ? "yes" : "no: ",
	       answer->code ? "" : answer->why_no_code);
}

static void print_limits(void)
{
	long long enabled = number_in("/proc/sys/vm/trampfd_enabled");
	long long max = number_in("/proc/sys/user/max_trampfd_units");
	long long now = number_in("/proc/sys/vm/trampfd_units");
	static const char * const means[] = {
		"no new tables", "everything is allowed", "no code entries"
	};

	if (enabled >= 0 && enabled <= 2)
		printf("vm.trampfd_enabled:     %lld (%s)\n", enabled, means[enabled]);
	if (max >= 0)
		printf("user.max_trampfd_units: %lld, %lld KiB of kernel memory for each user\n",
		       max, max * UNIT / 1024);
	if (now >= 0)
		printf("vm.trampfd_units:       %lld, %lld KiB used by this user now\n", now,
		       now * UNIT / 1024);
}

static const char ask_systemd[] =
	"systemctl show --no-pager -p Id,LoadState,MemoryDenyWriteExecute '*.service' 2>/dev/null";

/*
 * Ask systemd for the loaded services, print those whose memory may be made
 * executable, and count both.  Returns false if it can't be asked.
 */
static bool print_services(const char *before, unsigned int *open, unsigned int *all)
{
	FILE *f = popen(ask_systemd, "re");
	char line[1024], name[512] = "";
	bool loaded = false, denied = false;

	*open = 0;
	*all = 0;
	if (!f)
		return false;
	for (;;) {
		bool end = !fgets(line, sizeof(line), f);

		line[strcspn(line, "\n")] = '\0';
		if (end || !*line) {		/* an empty line ends a service */
			if (*name && loaded) {
				++*all;
				if (!denied) {
					++*open;
					printf("%s%s\n", before, name);
				}
			}
			*name = '\0';
			loaded = false;
			denied = false;
			if (end)
				break;
			continue;
		}
		if (!strncmp(line, "Id=", 3))
			snprintf(name, sizeof(name), "%.500s", line + 3);
		else if (!strcmp(line, "LoadState=loaded"))
			loaded = true;
		else if (!strcmp(line, "MemoryDenyWriteExecute=yes"))
			denied = true;
	}
	return !pclose(f);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "quiet", no_argument, NULL, 'q' },
		{ "services", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool quiet = false, services = false;
	unsigned int open, all;
	struct answer answer;
	struct utsname name;
	int option;

	while ((option = getopt_long(argc, argv, "qsh", options, NULL)) != -1) {
		switch (option) {
		case 'q':
			quiet = true;
			break;
		case 's':
			services = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc || (quiet && services)) {
		fputs(usage, stderr);
		return 2;
	}
	if (services) {
		if (print_services("", &open, &all))
			return 0;
		fputs("trampfd-check: systemctl can't ask systemd for its services\n", stderr);
		return 1;
	}

	answer = ask();
	if (quiet)
		return answer.fault ? 0 : 1;
	uname(&name);
	printf("kernel:                 %s (%s)\n", name.release, name.machine);
	print_entries(&answer);
	print_limits();
	printf("services without MemoryDenyWriteExecute=yes:\n");
	if (print_services("    ", &open, &all))
		printf("    %u of %u that are loaded\n", open, all);
	else
		printf("    systemd can't be asked\n");
	return answer.fault ? 0 : 1;
}
