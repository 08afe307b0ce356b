// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines: what the administrator allows, and how much a user may have.
 */
#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/highmem.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sysctl.h>
#include <linux/user_namespace.h>

#include "trampfd_internal.h"

/* 0: no new tables; 1: all; 2: no mappings of code, so all calls fault. */
static int trampfd_enabled __read_mostly = 1;

/**
 * trampfd_create_allowed() - tell whether the administrator lets tables be created
 *
 * Return: whether vm.trampfd_enabled is not 0.
 */
bool trampfd_create_allowed(void)
{
	return READ_ONCE(trampfd_enabled);
}

/**
 * trampfd_code_allowed() - tell whether the administrator lets code be mapped
 *
 * Return: whether vm.trampfd_enabled is 1.
 */
bool trampfd_code_allowed(void)
{
	return READ_ONCE(trampfd_enabled) == 1;
}

#ifdef CONFIG_SYSCTL
/* vm.trampfd_units: what the reader's user is charged now. */
static int trampfd_units_handler(const struct ctl_table *table, int write,
				 void *buffer, size_t *lenp, loff_t *ppos)
{
	struct ucounts *ucounts = current_ucounts();
	unsigned long units = atomic_long_read(&ucounts->ucount[UCOUNT_TRAMPFD_UNITS]);
	const struct ctl_table copy = {
		.procname	= table->procname,
		.data		= &units,
		.maxlen		= sizeof(units),
		.mode		= table->mode,
	};

	return proc_doulongvec_minmax(&copy, write, buffer, lenp, ppos);
}

static const struct ctl_table trampfd_sysctls[] = {
	{
		.procname	= "trampfd_enabled",
		.data		= &trampfd_enabled,
		.maxlen		= sizeof(trampfd_enabled),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_TWO,
	},
	{
		.procname	= "trampfd_units",
		.maxlen		= sizeof(unsigned long),
		.mode		= 0444,
		.proc_handler	= trampfd_units_handler,
	},
};
#endif

/*
 * A user may have trampolines in a thirty-second of the memory that the kernel
 * can address: 3 %, which is half a million trampolines in a GiB.
 */
static long __init trampfd_default_max(void)
{
	unsigned long pages = totalram_pages() - totalhigh_pages();

	return min_t(u64, ((u64)pages << PAGE_SHIFT) / 32 / TRAMPFD_UNIT, INT_MAX);
}

/**
 * trampfd_sysctl_init() - set the limit, and make the files in /proc/sys/vm
 */
void __init trampfd_sysctl_init(void)
{
	init_user_ns.ucount_max[UCOUNT_TRAMPFD_UNITS] = trampfd_default_max();
#ifdef CONFIG_SYSCTL
	register_sysctl_init("vm", trampfd_sysctls);
#endif
}
