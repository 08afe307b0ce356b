// SPDX-License-Identifier: GPL-2.0
/* debugged stub|trampoline: for a debugger, see gdb.commands. */
#include "call.h"

#include <stdio.h>

/* Where outer() calls. */
function call;

NOIPA int target(int n)
{
	return n + 1;
}

NOIPA int inner(int n)
{
	return call(n) + 1;
}

NOIPA int outer(int n)
{
	return inner(n) + 1;
}

int main(int argc, char **argv)
{
	call = new_call(argc > 1 ? argv[1] : "stub", target);
	printf("%d\n", outer(1) + outer(2) + outer(3));
	return 0;
}
