// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines: memory, and what users are charged for it.
 *
 * An object is charged from its allocation until it is freed.  Most objects are
 * freed after an RCU grace period, so a user who makes and drops them faster than
 * that reaches his limit.  Then he waits for RCU, and others do not.
 */
#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/panic.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "trampfd_internal.h"

/* A queue of its own: the work takes locks of tables, and can be flushed. */
struct workqueue_struct *trampfd_wq __ro_after_init;

/* Objects that were handed to RCU and are not freed yet. */
static atomic_long_t trampfd_rcu_pending;

/* The size that an allocation of @size bytes really has. */
static size_t trampfd_real_size(size_t size)
{
	return size <= PAGE_SIZE ? kmalloc_size_roundup(size) : PAGE_ALIGN(size);
}

/**
 * trampfd_units() - what an allocation counts
 * @size: Bytes that are asked for.
 *
 * Return: units of user.max_trampfd_units.
 */
u32 trampfd_units(size_t size)
{
	return DIV_ROUND_UP(trampfd_real_size(size), TRAMPFD_UNIT);
}

/**
 * trampfd_charge() - charge the current task's user
 * @charge: Where to keep what was charged.
 * @units: How much.
 * @check: Whether to refuse what exceeds the limit.
 *
 * Context: The task's own; does not sleep.
 * Return: 0, -EDQUOT with @check only, or -ENOMEM if the user has more references
 * than can be counted.
 */
int trampfd_charge(struct trampfd_charge *charge, u32 units, bool check)
{
	struct ucounts *ucounts = get_ucounts(current_ucounts());

	charge->ucounts = NULL;
	if (!ucounts)
		return -ENOMEM;

	if (!check) {
		ucount_add(ucounts, UCOUNT_TRAMPFD_UNITS, units);
	} else if (!ucount_try_add(ucounts, UCOUNT_TRAMPFD_UNITS, units)) {
		put_ucounts(ucounts);
		return -EDQUOT;
	}
	charge->ucounts = ucounts;
	charge->units = units;
	return 0;
}

/**
 * trampfd_charge_more() - charge an object's user for more of it
 * @charge: What trampfd_charge() has filled in.
 * @units: How much, whatever the limit.
 *
 * Context: Any task's; nobody else changes @charge meanwhile.
 */
void trampfd_charge_more(struct trampfd_charge *charge, u32 units)
{
	ucount_add(charge->ucounts, UCOUNT_TRAMPFD_UNITS, units);
	charge->units += units;
}

/**
 * trampfd_uncharge() - give back what an object was charged
 * @charge: What trampfd_charge() has filled in, or zeroes.
 *
 * Context: Any.
 */
void trampfd_uncharge(struct trampfd_charge *charge)
{
	if (!charge->ucounts)
		return;
	ucount_sub(charge->ucounts, UCOUNT_TRAMPFD_UNITS, charge->units);
	put_ucounts(charge->ucounts);
	charge->ucounts = NULL;
}

/**
 * trampfd_kvalloc() - allocate and charge an object that may be large
 * @size: Bytes.
 * @gfp: %TRAMPFD_GFP, or this and __GFP_ZERO.
 * @charge: Where to keep what the user was charged.
 * @check: Whether to refuse what exceeds the user's limit.
 *
 * What is larger than a page does not try to find adjacent pages: that could
 * take long, and callers hold mmap_lock.  __vmalloc() takes the flags for the pages,
 * if not for its page tables.
 *
 * Context: May sleep.
 * Return: memory for kvfree(), or ERR_PTR of -ENOMEM or -EDQUOT.
 */
void *trampfd_kvalloc(size_t size, gfp_t gfp, struct trampfd_charge *charge,
		      bool check)
{
	int ret = trampfd_charge(charge, trampfd_units(size), check);
	void *p;

	if (ret)
		return ERR_PTR(ret);
	p = size <= PAGE_SIZE ? kmalloc(size, gfp) : __vmalloc(size, gfp);
	if (p)
		return p;
	trampfd_uncharge(charge);
	return ERR_PTR(-ENOMEM);
}

/**
 * trampfd_rcu_begin() - tell that an object waits for RCU
 *
 * To be called before the object is handed to RCU.
 */
void trampfd_rcu_begin(void)
{
	atomic_long_inc(&trampfd_rcu_pending);
}

/**
 * trampfd_rcu_end() - tell that such an object was freed
 *
 * Context: Any; after its memory and its charge were given back.
 */
void trampfd_rcu_end(void)
{
	atomic_long_dec(&trampfd_rcu_pending);
}

/**
 * trampfd_rcu_retry() - wait for what is on its way back, to try once more
 * @tries: 0 at first.
 *
 * For a caller who was refused with -EDQUOT.  What was dropped before takes up to
 * two rounds: a chunk that was shared has two grace periods, and contexts of a table
 * may wait for those before them.
 *
 * Context: May sleep, for some grace periods; no locks held.
 * Return: whether to try again.
 */
bool trampfd_rcu_retry(unsigned int *tries)
{
	if ((*tries)++ == 2 || fatal_signal_pending(current))
		return false;
	/* If nothing waits, it may have come back since the caller was refused. */
	if (atomic_long_read(&trampfd_rcu_pending)) {
		rcu_barrier();
		flush_workqueue(trampfd_wq);
	}
	return true;
}

/**
 * trampfd_charge_init() - make the workqueue
 */
void __init trampfd_charge_init(void)
{
	trampfd_wq = alloc_workqueue("trampfd", WQ_UNBOUND, 0);
	if (!trampfd_wq)
		panic("trampfd: no workqueue\n");
}
