// SPDX-License-Identifier: GPL-2.0
/* What constructor_test loads. */
#include <pthread.h>
#include <stddef.h>

#include "nested.h"

static int two(void)
{
	return 2;
}

static int three(void)
{
	return 3;
}

static int by_trampoline(int (*function)(void))
{
	void *trampoline;
	int result;

	__gcc_nested_func_ptr_created(NULL, function, &trampoline);
	result = ((int (*)(void))trampoline)();
	__gcc_nested_func_ptr_deleted();
	return result;
}

static int sum;

static void *thread(void *unused)
{
	sum += by_trampoline(two);
	return unused;
}

static void __attribute__((constructor)) set_up(void)
{
	pthread_t id;

	if (!pthread_create(&id, NULL, thread, NULL))
		pthread_join(id, NULL);
	sum += by_trampoline(three);
}

int constructor_sum(void)
{
	return sum;
}
