// SPDX-License-Identifier: GPL-2.0
/*
 * Threads end with nested functions left behind by longjmp(): what they had is given to
 * the next.  So a user who may have half as many is no reason to fail.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>

#define THREADS		400
#define LEFT_BEHIND	100

static __attribute__((noipa)) void call(void (*f)(void))
{
	f();
}

/* Deeper and deeper, as what was left is of no use when its frame is used again. */
static __attribute__((noipa)) void leave(jmp_buf *out, int n)
{
	void jump(void)
	{
		if (n == 1)
			longjmp(*out, n);
		leave(out, n - 1);
	}

	call(jump);
}

static void *thread(void *ended)
{
	jmp_buf out;

	if (!setjmp(out))
		leave(&out, LEFT_BEHIND);
	++*(int *)ended;
	return NULL;
}

int main(void)
{
	int ended = 0;
	pthread_t t;
	int i;

	for (i = 0; i < THREADS; i++) {
		if (!pthread_create(&t, NULL, thread, &ended))
			pthread_join(t, NULL);
	}
	printf("left behind: %d times %d\n", ended, LEFT_BEHIND);
	return 0;
}
