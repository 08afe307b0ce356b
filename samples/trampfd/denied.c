// SPDX-License-Identifier: GPL-2.0
/*
 * What the other programs have to do without: each way to write a trampoline at run
 * time is denied under strict W^X.
 */
#include "strict_wx.h"

#include <stdio.h>

int main(void)
{
	printf("Without the kernel's help, a program writes a trampoline and executes it.\n"
	       "Under strict W^X it can't:\n");
	strict_wx_enter();
	strict_wx_denied();
	printf("So a trampoline that works under strict W^X is no code that a program wrote.\n"
	       "All other samples but hello are under it.  Each tries these ways, too, and\n"
	       "fails if one works.\n");

	return strict_wx_proof(NULL);
}
