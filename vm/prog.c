// SPDX-License-Identifier: GPL-2.0
/* strict program [argument...]: runs a program under strict W^X ("make run PROG="). */
#include "strict_wx.h"

#include <err.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: strict program [argument...]");

	strict_wx();
	execv(argv[1], argv + 1);
	err(127, "%s", argv[1]);
}
