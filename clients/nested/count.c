// SPDX-License-Identifier: GPL-2.0
/*
 * How many system calls nested functions take, counted by a tracer: of
 * functions with a new frame each time, and with the same one.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frames.h"

#define TIMES 200

static void traced(void)
{
	int i;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	nested(0);
	kill(getpid(), SIGSTOP);
	for (i = 1; i <= TIMES; i++) {
		if (moved(i) != i)
			_exit(1);
	}
	kill(getpid(), SIGSTOP);
	for (i = 1; i <= TIMES; i++)
		nested(i);
	kill(getpid(), SIGSTOP);
	_exit(0);
}

/* Stops of system calls until the next SIGSTOP. */
static int stops(pid_t pid)
{
	int n = 0;
	int status;

	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
			return -1;
		if (WSTOPSIG(status) == SIGSTOP)
			return n;
		n++;
	}
}

int main(void)
{
	/* Two stops each for getpid() and kill(). */
	const int own = 4;
	int moving, same;
	pid_t pid = fork();
	int status;

	if (!pid)
		traced();
	waitpid(pid, &status, 0);
	moving = stops(pid);
	if (moving < 0) {
		printf("wrong frame\n");
		return 1;
	}
	same = stops(pid);
	kill(pid, SIGKILL);
	printf("system calls of %d: %d, with the same frame: %d\n", TIMES,
	       (moving - own) / 2, (same - own) / 2);
	return 0;
}
