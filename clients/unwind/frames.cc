// SPDX-License-Identifier: GPL-2.0
/*
 * frames stub|trampoline: what a target sees of its callers, exceptions
 * through them, and cancellation of a thread that waits in a target.
 */
#include "call.h"
#include "names.h"

#include <pthread.h>
#include <unistd.h>

static int cleanups;
static int ready[2];

struct cleanup {
	~cleanup() { cleanups++; }
};

extern "C" {
NOIPA int traced(int n)
{
	print_names("backtrace", "main");
	return n;
}

NOIPA int throwing(int n)
{
	cleanup c;

	if (n)
		throw n;
	return n;
}

NOIPA int waiting(int n)
{
	char c = 0;

	if (write(ready[1], &c, 1) != 1)
		err(1, "write");
	for (;;)
		pause();
	return n;
}

NOIPA int inner(function f, int n)
{
	cleanup c;

	return f(n) + 1;
}

NOIPA int outer(function f, int n)
{
	return inner(f, n) + 1;
}
}

static void *thread(void *f)
{
	cleanup c;

	outer((function)f, 1);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "stub";
	function f = new_call(how, throwing);
	int caught = 0;
	pthread_t t;
	void *result;
	char c;

	outer(new_call(how, traced), 1);

	for (int i = 0; i < 100; i++) {
		try {
			outer(f, i);
		} catch (int n) {
			caught += n;
		}
	}
	printf("exceptions: %d, cleanups: %d\n", caught, cleanups);

	cleanups = 0;
	if (pipe(ready) ||
	    pthread_create(&t, NULL, thread,
			   (void *)new_call(how, waiting)) ||
	    read(ready[0], &c, 1) != 1)
		err(1, "thread");
	pthread_cancel(t);
	pthread_join(t, &result);
	printf("canceled: %s, cleanups: %d\n",
	       result == PTHREAD_CANCELED ? "yes" : "no", cleanups);
	return 0;
}
