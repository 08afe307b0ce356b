// SPDX-License-Identifier: GPL-2.0
/*
 * A trampoline that pushes data, and a target that reads what was pushed.
 */
#include "strict_wx.h"
#include "targets.h"
#include "trampoline.h"

#include <assert.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

struct pushed {
	char text[24];
	__u64 number;
};

static struct pushed seen;

static void BY_REGISTER received(const struct pushed *data)
{
	seen = *data;
}

int main(int argc, char **argv)
{
	static const struct pushed data = { "pushed by a trampoline", 42 };
	const struct trampfd_reg regs[] = {
		{ .name = REG_PC, .value = (uintptr_t)stack_target },
		{ .name = REG_CONTEXT, .value = (uintptr_t)received },
	};
	enum way way = way_of(argc, argv);
	struct trampolines t;
	int calls;

	static_assert(sizeof(data) == TARGET_STACK, "see targets.S");

	strict_wx();

	trampolines_make(&t, way, 1, regs, 2);
	trampoline_set_stack(&t, 0, regs, 2, &data, sizeof(data));
	/* Code loads registers, and can't push. */
	if (trampoline_show_way(&t, 0) && way == BY_CODE)
		errx(1, "only the page-fault handler pushes data");

	/* Twice: a call leaves the stack as it was. */
	for (calls = 0; calls < 2; calls++) {
		memset(&seen, 0, sizeof(seen));
		((void (*)(void))trampoline_address(&t, 0))();
		printf("the target found on its stack: \"%.*s\", %llu\n",
		       (int)sizeof(seen.text), seen.text,
		       (unsigned long long)seen.number);
		if (memcmp(&seen, &data, sizeof(data)))
			errx(1, "that is not what was set");
	}

	return strict_wx_proof(trampoline_address(&t, 0));
}
