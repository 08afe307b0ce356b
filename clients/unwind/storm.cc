// SPDX-License-Identifier: GPL-2.0
/*
 * storm stub|trampoline: calls, under a storm of SIGPROF whose handler takes a
 * backtrace, and threads that only call and are canceled asynchronously.
 */
#include "call.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SAMPLES	1500
#define THREADS	200

static function call;
static void *main_frame;
static volatile sig_atomic_t samples, at_call, incomplete;
static int cleanups;

struct cleanup {
	~cleanup() { __atomic_add_fetch(&cleanups, 1, __ATOMIC_RELAXED); }
};

static bool pc_at_call(const ucontext_t *context)
{
#if defined(__x86_64__)
	uintptr_t pc = context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	uintptr_t pc = context->uc_mcontext.pc;
#endif

	return pc - (uintptr_t)call < 16;
}

static void sample(int sig, siginfo_t *info, void *context)
{
	void *frames[32];
	int n = backtrace(frames, 32);
	int i;

	(void)sig;
	(void)info;
	samples++;
	if (pc_at_call((ucontext_t *)context))
		at_call++;
	for (i = 0; i < n && frames[i] != main_frame; i++)
		;
	if (i == n)
		incomplete++;
}

static NOIPA int target(int n)
{
	return n + 1;
}

/* Mostly calls. */
static NOIPA int inner(int n)
{
	for (int i = 0; i < 100; i++)
		n = call(n) - 1;
	return n;
}

static NOIPA void outer(void)
{
	main_frame = __builtin_extract_return_addr(__builtin_return_address(0));
	while (samples < SAMPLES)
		inner(1);
}

static void profile(void)
{
	struct itimerval interval = { { 0, 500 }, { 0, 500 } };
	struct itimerval off = {};
	struct sigaction action = {};
	void *warm_up[4];

	backtrace(warm_up, 4);
	action.sa_sigaction = sample;
	action.sa_flags = SA_SIGINFO | SA_RESTART;
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &interval, NULL);
	outer();
	setitimer(ITIMER_PROF, &off, NULL);
}

static NOIPA void call_forever(void)
{
	for (;;)
		inner(1);
}

static void *thread(void *ready)
{
	cleanup c;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	__atomic_store_n((int *)ready, 1, __ATOMIC_RELEASE);
	call_forever();
	return NULL;
}

static int cancel_threads(void)
{
	int canceled = 0;

	for (int i = 0; i < THREADS; i++) {
		struct timespec wait = { 0, 10000 + 7919 * (i % 16) };
		void *result = NULL;
		int ready = 0;
		pthread_t t;

		if (pthread_create(&t, NULL, thread, &ready))
			errx(1, "pthread_create");
		while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
			nanosleep(&wait, NULL);
		nanosleep(&wait, NULL);
		pthread_cancel(t);
		pthread_join(t, &result);
		canceled += result == PTHREAD_CANCELED;
	}
	return canceled;
}

int main(int argc, char **argv)
{
	int canceled;

	call = new_call(argc > 1 ? argv[1] : "stub", target);
	profile();
	/* How many come at the call is a matter of chance. */
	fprintf(stderr, "%d of %d samples at the call\n", (int)at_call,
		(int)samples);
	printf("samples: enough, incomplete: %d\n", (int)incomplete);

	canceled = cancel_threads();
	printf("canceled: %d, cleanups: %d\n", canceled, cleanups);
	return 0;
}
