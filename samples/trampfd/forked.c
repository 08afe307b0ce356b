// SPDX-License-Identifier: GPL-2.0
/*
 * After fork(), parent and child have the same trampolines, and each its own.
 */
#include "strict_wx.h"
#include "trampoline.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct trampolines t;

static int BY_REGISTER itself(int number)
{
	return number;
}

/* Make the table, if there is none yet, and set its trampoline. */
static void set(enum way way, int number)
{
	const struct trampfd_reg regs[] = {
		{ .name = REG_PC, .value = (uintptr_t)TARGET_OF(itself) },
		{ .name = REG_ARGUMENT, .value = number },
#ifdef REG_CALLEE
		{ .name = REG_CALLEE, .value = (uintptr_t)itself },
#endif
	};

	if (!t.base)
		trampolines_make(&t, way, 1, regs, ARRAY_SIZE(regs));
	trampoline_set(&t, 0, regs, ARRAY_SIZE(regs));
	if (!trampoline_show_way(&t, 0))
		errx(1, "code could do that");
}

static void expect(const char *who, int number)
{
	int got = ((int (*)(void))trampoline_address(&t, 0))();

	printf("%s: %d\n", who, got);
	if (got != number)
		errx(1, "expected %d", number);
	fflush(stdout);
}

static void run_child(enum way way, int parent_changed)
{
	char c;

	expect("child, what its parent made", 1);
	if (read(parent_changed, &c, 1) != 1)
		err(1, "read");
	expect("child, after its parent's change", 1);
	set(way, 3);
	expect("child, after a change of its own", 3);
}

int main(int argc, char **argv)
{
	enum way way = way_of(argc, argv);
	int status, changed[2];
	pid_t pid;

	strict_wx();

	set(way, 1);
	expect("parent", 1);

	if (pipe(changed))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		close(changed[1]);
		run_child(way, changed[0]);
		exit(EXIT_SUCCESS);
	}
	close(changed[0]);

	set(way, 2);
	if (write(changed[1], "", 1) != 1)
		err(1, "write");
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	if (status)
		errx(1, "the child failed");
	expect("parent, after both changes", 2);

	return strict_wx_proof(trampoline_address(&t, 0));
}
