/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's settings and counts that the tests of libtrampfd read and write. */
#ifndef LIBTRAMPFD_SYSCTL_H
#define LIBTRAMPFD_SYSCTL_H

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define ENABLED	"/proc/sys/vm/trampfd_enabled"
#define LIMIT	"/proc/sys/user/max_trampfd_units"
#define UNITS	"/proc/sys/vm/trampfd_units"

#define NO_ENABLED	"vm.trampfd_enabled can't be written"
#define NO_LIMIT	"user.max_trampfd_units can't be written"

/* -1 if it can't be read. */
static inline long number_in(const char *path)
{
	FILE *file = fopen(path, "r");
	long number;

	if (!file || fscanf(file, "%ld", &number) != 1)
		number = -1;
	if (file)
		fclose(file);
	return number;
}

static inline bool set_number(const char *path, long number)
{
	FILE *file = fopen(path, "w");
	bool good = file && fprintf(file, "%ld\n", number) > 0;

	if (file && fclose(file))
		good = false;
	return good;
}

/* What is paid for when RCU is done with what was freed. */
static inline long settled_units(void)
{
	long last = -1, units = 0;
	int same = 0, tenths;

	for (tenths = 0; tenths < 200 && same < 20; tenths++) {
		units = number_in(UNITS);
		same = units == last ? same + 1 : 0;
		last = units;
		usleep(100000);
	}
	return units;
}

#endif
