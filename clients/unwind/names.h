/* SPDX-License-Identifier: GPL-2.0 */
/* A backtrace as the names of the program's own functions. */
#ifndef NAMES_H
#define NAMES_H

#include <dlfcn.h>
#include <execinfo.h>
#include <stdio.h>
#include <string.h>

/* Print the names up to @last, and whether it got there. */
static inline void print_names(const char *what, const char *last)
{
	void *frames[64];
	int n = backtrace(frames, 64);
	Dl_info info, own;
	int i;

	dladdr(__builtin_extract_return_addr(__builtin_return_address(0)),
	       &own);
	printf("%s:", what);
	for (i = 0; i < n; i++) {
		/* The last byte of the call, which may be a function's last. */
		if (!dladdr((char *)frames[i] - 1, &info) || !info.dli_sname ||
		    strcmp(info.dli_fname, own.dli_fname))
			continue;
		printf(" %s", info.dli_sname);
		if (!strcmp(info.dli_sname, last))
			break;
	}
	printf(i < n ? "\n" : " and no further\n");
}

#endif
