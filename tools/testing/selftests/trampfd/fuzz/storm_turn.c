// SPDX-License-Identifier: GPL-2.0
/* What a thread does next. */
#include "storm.h"

static const struct {
	unsigned int weight;
	void (*act)(struct worker *w);
} acts[] = {
	{ 220, pool_call },
	{ 300, own_turn },
	{ 70, pool_set },
	{ 20, pool_promise },
	{ 20, pool_remove },
	{ 2, pool_seal },
	{ 25, pool_get },
	{ 6, pool_next },
	{ 2, pool_readonly },
	{ 50, loose_map },
	{ 25, loose_unmap },
	{ 25, loose_move },
	{ 40, loose_advise },
	{ 4, read_proc },
	{ 4, read_memory },
	{ 6, make_bad },
	{ 2, make_big },
	{ 6, send_table },
	{ 8, receive_table },
	{ 20, signal_worker },
	{ 2, set_timer },
	{ 2, set_limit },
	{ 12, fork_child },
	{ 8, reap_child },
	{ 1, trace_child },
	{ 1, spawn },
	{ 3, clone_process },
};

void turn(struct worker *w)
{
	unsigned int i, n, sum = 0;

	for (i = 0; i < ARRAY_SIZE(acts); i++)
		sum += acts[i].weight;
	n = choose(&w->choices, sum);
	for (i = 0; n >= acts[i].weight; i++)
		n -= acts[i].weight;
	acts[i].act(w);
	__atomic_fetch_add(&sea->progress, 1, __ATOMIC_RELAXED);
}
