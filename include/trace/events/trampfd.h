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

/**
 * trampfd_create - a table was created
 * @type: One of enum trampfd_type.
 * @trampolines: How many it has.
 * @flags: Those of the system call.
 */
TRACE_EVENT(trampfd_create,
	    TP_PROTO(unsigned int type, unsigned int trampolines,
		     unsigned int flags),
	    TP_ARGS(type, trampolines, flags),
	    TP_STRUCT__entry(__field(unsigned int, type)
			     __field(unsigned int, trampolines)
			     __field(unsigned int, flags)),
	    TP_fast_assign(__entry->type = type;
			   __entry->trampolines = trampolines;
			   __entry->flags = flags;),
	    TP_printk("type=%u trampolines=%u flags=0x%x", __entry->type,
		      __entry->trampolines, __entry->flags)
);

DECLARE_EVENT_CLASS(trampfd_change,
		    TP_PROTO(unsigned int trampoline, unsigned int count),
		    TP_ARGS(trampoline, count),
		    TP_STRUCT__entry(__field(unsigned int, trampoline)
				     __field(unsigned int, count)),
		    TP_fast_assign(__entry->trampoline = trampoline;
				   __entry->count = count;),
		    TP_printk("trampoline=%u count=%u", __entry->trampoline,
			      __entry->count)
);

/**
 * trampfd_set - trampolines were set
 * @trampoline: The number of the first.
 * @count: How many.
 */
DEFINE_EVENT(trampfd_change, trampfd_set,
	     TP_PROTO(unsigned int trampoline, unsigned int count),
	     TP_ARGS(trampoline, count));

/**
 * trampfd_remove - trampolines were removed
 * @trampoline: The number of the first.
 * @count: How many.
 */
DEFINE_EVENT(trampfd_change, trampfd_remove,
	     TP_PROTO(unsigned int trampoline, unsigned int count),
	     TP_ARGS(trampoline, count));

#endif /* _TRACE_TRAMPFD_H */

#include <trace/define_trace.h>
