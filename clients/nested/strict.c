// SPDX-License-Identifier: GPL-2.0
/* strict program [argument...]: runs a program under strict W^X. */
#include "strict_wx.h"

#include <err.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: strict program [argument...]");

	strict_wx_enter();
	strict_wx_denied();
	fflush(stdout);
	execvp(argv[1], argv + 1);
	err(127, "%s", argv[1]);
}
