// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the programs of a list, one after another, and prints how each ended and
 * what it has printed:
 *
 *	run free|strict LIST		as they are named in LIST, one a line
 *	run free|strict -- PROGRAM...	becomes the program
 *	run proof			shows that the way here was under strict W^X
 *
 * "strict" puts itself under strict W^X first, which the programs inherit.  For
 * each program it prints, with "ffi:" at the beginning of each line:
 *
 *	ffi: text		what the program has printed, where \n is a new
 *				line, \\ a backslash, \xHH any other byte
 *	ffi= exit N NAME	its exit status, "signal N" or "timeout 0"
 */
#include "strict_wx.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS	60000
#define LINE_BYTES	70
#define OUTPUT_MAX	(1 << 20)

static char output[OUTPUT_MAX];

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void print_escaped(const char *text, size_t size)
{
	unsigned int column = 0;
	size_t i;

	for (i = 0; i < size; i++) {
		unsigned char c = text[i];

		if (!column)
			column = printf("ffi: ");
		if (c == '\n')
			column += printf("\\n");
		else if (c == '\\')
			column += printf("\\\\");
		else if (c >= ' ' && c < 127)
			column += printf("%c", c);
		else
			column += printf("\\x%02x", c);
		if (column >= LINE_BYTES) {
			putchar('\n');
			column = 0;
		}
	}
	if (column)
		putchar('\n');
}

/* Read until the end, or the time limit; what is too much is not kept. */
static size_t collect(int fd, bool *in_time)
{
	const long end = now_ms() + LIMIT_MS;
	size_t size = 0;
	char rest[4096];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long left = end - now_ms();
		ssize_t n;

		if (left <= 0 || !poll(&p, 1, left)) {
			*in_time = false;
			return size;
		}
		if (size < OUTPUT_MAX)
			n = read(fd, output + size, OUTPUT_MAX - size);
		else
			n = read(fd, rest, sizeof(rest));
		if (n <= 0) {
			*in_time = true;
			return size;
		}
		if (size < OUTPUT_MAX)
			size += n;
	}
}

static void run(const char *dir, const char *name)
{
	bool in_time;
	int status, pipes[2];
	size_t size;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		err(1, "pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		int null = open("/dev/null", O_RDONLY);

		setpgid(0, 0);
		if (!chdir(dir) && null >= 0 && dup2(null, 0) >= 0 &&
		    dup2(pipes[1], 1) >= 0 && dup2(pipes[1], 2) >= 0)
			execl(name, name, NULL);
		warn("%s", name);
		/* exit() would put the list, which is open here too, back. */
		_exit(127);
	}

	close(pipes[1]);
	size = collect(pipes[0], &in_time);
	close(pipes[0]);
	if (!in_time)
		kill(-pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");

	print_escaped(output, size);
	if (!in_time)
		printf("ffi= timeout 0 %s\n", name);
	else if (WIFSIGNALED(status))
		printf("ffi= signal %d %s\n", WTERMSIG(status), name);
	else
		printf("ffi= exit %d %s\n", WEXITSTATUS(status), name);
}

static int run_list(const char *list)
{
	char line[256], *dir, *slash;
	FILE *f = fopen(list, "r");

	dir = strdup(list);
	slash = dir ? strrchr(dir, '/') : NULL;
	if (!f || !slash)
		err(1, "%s", list);
	*slash = '\0';

	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line)
			run(dir, line);
	}
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "proof")) {
		strict_wx_denied();
		return strict_wx_proof(NULL);
	}
	if (argc < 3)
		errx(2, "usage: %s free|strict LIST, or -- PROGRAM...", argv[0]);

	if (!strcmp(argv[1], "strict"))
		strict_wx_enter();
	else if (strcmp(argv[1], "free"))
		errx(2, "neither free nor strict: %s", argv[1]);

	if (strcmp(argv[2], "--"))
		return run_list(argv[2]);
	if (argc < 4)
		errx(2, "no program");
	execv(argv[3], argv + 3);
	err(127, "%s", argv[3]);
}
