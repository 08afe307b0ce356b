// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that may fail for want of memory: their n-th allocation does, where the
 * kernel has CONFIG_FAULT_INJECTION; or the user has reached a limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

static int fail_nth = -1;

/* Of the calling process: a child has to open its own. */
void inject_init(void)
{
	if (!options.inject)
		return;
	if (fail_nth >= 0)
		close(fail_nth);
	fail_nth = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
}

void inject_arm(void)
{
	char text[16];
	int n;

	if (fail_nth < 0 || choose(&self.choices, 6))
		return;
	n = snprintf(text, sizeof(text), "%u", 1 + choose(&self.choices, 12));
	self.failing = pwrite(fail_nth, text, n, 0) == n;
}

bool inject_fired(void)
{
	char text[16] = "";

	if (!self.failing)
		return false;
	self.failing = false;
	/* How many more there would have had to be; 0 if the last one has failed. */
	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0 ||
	    pwrite(fail_nth, "0", 1, 0) != 1)
		differs("fail-nth can't be read or reset");
	return !atoi(text);
}

bool short_of_memory(bool fired, int error)
{
	return (fired && error == -ENOMEM) || (options.limit && error == -EDQUOT);
}
