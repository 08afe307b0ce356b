/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM trampfd

#if !defined(_TRACE_TRAMPFD_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_TRAMPFD_H

#include <linux/tracepoint.h>

/**
 * trampfd_hit - a trampoline was called
 * @pc: The address of the trampoline.
 * @target: Where the call goes on.
 */
TRACE_EVENT(trampfd_hit,
	    TP_PROTO(unsigned long pc, unsigned long target),
	    TP_ARGS(pc, target),
	    TP_STRUCT__entry(__field(unsigned long, pc)
			     __field(unsigned long, target)),
	    TP_fast_assign(__entry->pc = pc;
			   __entry->target = target;),
	    TP_printk("pc=0x%lx target=0x%lx", __entry->pc, __entry->target)
);

#endif /* _TRACE_TRAMPFD_H */

#include <trace/define_trace.h>
