// SPDX-License-Identifier: GPL-2.0
/* What plugin_test loads: a shared library with the library's hidden part. */
#include <setjmp.h>
#include <stddef.h>

#include "nested.h"

struct frame {
	void *function;
	jmp_buf out;
};

/* NULL if the trampoline is none, or does not give the frame. */
void *plugin_call(long (*target)(void))
{
	struct frame frame;
	void *function;

	__gcc_nested_func_ptr_created(&frame, target, &frame.function);
	function = frame.function;
	if (function == (void *)target || ((long (*)(void))function)() != (long)&frame)
		function = NULL;
	__gcc_nested_func_ptr_deleted();
	return function;
}

static __attribute__((noinline)) void leave(jmp_buf *out, long (*target)(void), int depth)
{
	struct frame frame;

	__gcc_nested_func_ptr_created(&frame, target, &frame.function);
	if (depth)
		leave(out, target, depth - 1);
	if (frame.function)
		longjmp(*out, 1);
}

void plugin_leave(long (*target)(void), int count)
{
	struct frame frame;

	if (count && !setjmp(frame.out))
		leave(&frame.out, target, count - 1);
}

long plugin_hold(long (*target)(void), void (*meanwhile)(void *function, void *frame))
{
	struct frame frame;
	long result;

	__gcc_nested_func_ptr_created(&frame, target, &frame.function);
	meanwhile(frame.function, &frame);
	result = ((long (*)(void))frame.function)() == (long)&frame;
	__gcc_nested_func_ptr_deleted();
	return result;
}

int plugin_procedure(long (*target)(void))
{
#if HAVE_PROCEDURES
	_FortranATrampolineInit(NULL, target, NULL);
#else
	(void)target;
#endif
	return HAVE_PROCEDURES;
}

/* Before the destructors of what it is linked with. */
static long (*at_end)(void);

void plugin_at_end(long (*target)(void))
{
	at_end = target;
}

static void __attribute__((destructor)) end(void)
{
	if (at_end)
		plugin_call(at_end);
}
