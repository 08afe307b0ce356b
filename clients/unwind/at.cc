// SPDX-License-Identifier: GPL-2.0
/*
 * at stub|trampoline: a signal with the PC where a call has come to.  The stub's page is
 * not executable yet, the trampoline not set, so that its code has led to its fault entry;
 * a handler of SIGSEGV looks at the stack, mends this, and the call goes on.  A second one
 * ends its thread.
 */
#include "call.h"
#include "names.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static const char *how;
static void *place;
static int cleanups;

struct cleanup {
	~cleanup() { cleanups++; }
};

extern "C" {
NOIPA int target(int n)
{
	return n + 1;
}

NOIPA void look(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (!strcmp(how, "stub") && info->si_addr != place)
		_exit(2);
	print_names("at the call", "main");
	if (!strcmp(how, "stub"))
		write_stub(place, target);
	else if (trampfd_init(place, (void *)target, NULL))
		_exit(3);
}

NOIPA void leave(int sig)
{
	(void)sig;
	pthread_exit(place);
}

NOIPA int inner(function f, int n)
{
	cleanup c;

	return f(n) + 1;
}

NOIPA int outer(function f, int n)
{
	cleanup c;

	return inner(f, n) + 1;
}
}

static void *thread(void *f)
{
	outer((function)f, 1);
	return NULL;
}

static function new_place(void)
{
	place = strcmp(how, "stub") ? trampfd_alloc() : stub_page();
	if (!place)
		err(1, "libtrampfd");
	return (function)place;
}

int main(int argc, char **argv)
{
	struct sigaction action = {};
	void *result = NULL;
	pthread_t t;

	how = argc > 1 ? argv[1] : "stub";
	action.sa_sigaction = look;
	action.sa_flags = SA_SIGINFO;
	sigaction(SIGSEGV, &action, NULL);
	printf("returned: %d\n", outer(new_place(), 39));

	signal(SIGSEGV, leave);
	cleanups = 0;
	if (pthread_create(&t, NULL, thread, (void *)new_place()) ||
	    pthread_join(t, &result))
		errx(1, "thread");
	printf("left by pthread_exit: %s, cleanups: %d\n",
	       result == place ? "yes" : "no", cleanups);
	return 0;
}
