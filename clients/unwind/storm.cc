// SPDX-License-Identifier: GPL-2.0
/*
 * storm stub|trampoline: calls, under a storm of SIGPROF whose handler takes a
 * backtrace, and threads that only call and are canceled asynchronously.
 *
 * Where a signal comes is a matter of chance.  So another thread sends them, as
 * fast as they are taken, until enough have come at the call, with the PC at the
 * address that is called.
 */
#include "call.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SAMPLES	1500
#define SAMPLES_AT_CALL	100
#define THREADS	200
#define THREADS_AT_CALL	20
#define LIMIT	240		/* seconds */

static function call;
static void *main_frame;
static volatile sig_atomic_t samples, at_call, incomplete;
static int cleanups;

struct cleanup {
	~cleanup() { __atomic_add_fetch(&cleanups, 1, __ATOMIC_RELAXED); }
};

#if defined(__x86_64__)
#define PC(context)	((context)->uc_mcontext.gregs[REG_RIP])
#elif defined(__aarch64__)
#define PC(context)	((context)->uc_mcontext.pc)
#endif

static NOIPA int target(int n)
{
	return n + 1;
}

/*
 * Whether the signal has come at the call.  Most come when the kernel has just
 * taken the call, at the target's first instruction, and some emulators have
 * them nowhere else.  Only the PC has changed there, and the register for the
 * trampoline's data, which unwinding has no use for.  So put the PC back, and
 * have the signal come once more.
 */
static bool comes_at_call(int sig, ucontext_t *context)
{
	if ((uintptr_t)PC(context) == (uintptr_t)target) {
		PC(context) = (uintptr_t)call;
		pthread_kill(pthread_self(), sig);
	} else if ((uintptr_t)PC(context) - (uintptr_t)call < 16) {
		return true;
	}
	return false;
}

static void sample(int sig, siginfo_t *info, void *context)
{
	void *frames[32];
	int n = backtrace(frames, 32);
	int i;

	(void)info;
	samples++;
	if (comes_at_call(sig, (ucontext_t *)context))
		at_call++;
	for (i = 0; i < n && frames[i] != main_frame; i++)
		;
	if (i == n)
		incomplete++;
}

/* Mostly calls. */
static NOIPA int inner(int n)
{
	for (int i = 0; i < 100; i++)
		n = call(n) - 1;
	return n;
}

/* Another time for each number. */
static void pass_time(unsigned int n)
{
	for (volatile unsigned int i = 0; i < n * 7919 % 5000; i = i + 1)
		;
}

static bool enough(void)
{
	return samples >= SAMPLES && at_call >= SAMPLES_AT_CALL;
}

static void *send_signals(void *to)
{
	for (unsigned int n = 0; !enough(); n++) {
		const sig_atomic_t before = samples;

		pthread_kill(*(pthread_t *)to, SIGPROF);
		while (samples == before)
			sched_yield();
		pass_time(n);
	}
	return NULL;
}

static NOIPA void outer(void)
{
	pthread_t self = pthread_self(), sender;

	main_frame = __builtin_extract_return_addr(__builtin_return_address(0));
	if (pthread_create(&sender, NULL, send_signals, &self))
		errx(1, "pthread_create");
	while (!enough())
		inner(1);
	pthread_join(sender, NULL);
}

static void profile(void)
{
	struct sigaction action = {};
	void *warm_up[4];

	backtrace(warm_up, 4);
	action.sa_sigaction = sample;
	action.sa_flags = SA_SIGINFO | SA_RESTART;
	sigaction(SIGPROF, &action, NULL);
	outer();
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

static void cancel_at_call(int sig, siginfo_t *info, void *context)
{
	(void)info;
	if (!comes_at_call(sig, (ucontext_t *)context))
		return;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_cancel(pthread_self());
}

static void *thread_of_signals(void *unused)
{
	cleanup c;

	call_forever();
	return unused;
}

/* The same, but it is at the call that each is canceled. */
static int cancel_threads_at_call(void)
{
	struct sigaction action = {};
	int canceled = 0;

	action.sa_sigaction = cancel_at_call;
	action.sa_flags = SA_SIGINFO;
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < THREADS_AT_CALL; i++) {
		void *result = NULL;
		unsigned int n = 0;
		pthread_t t;

		if (pthread_create(&t, NULL, thread_of_signals, NULL))
			errx(1, "pthread_create");
		while (pthread_tryjoin_np(t, &result)) {
			pass_time(n++);
			pthread_kill(t, SIGUSR1);
			sched_yield();
		}
		canceled += result == PTHREAD_CANCELED;
	}
	return canceled;
}

int main(int argc, char **argv)
{
	int canceled;

	alarm(LIMIT);
	call = new_call(argc > 1 ? argv[1] : "stub", target);
	profile();
	fprintf(stderr, "%d of %d samples at the call\n", (int)at_call,
		(int)samples);
	printf("samples: enough, incomplete: %d\n", (int)incomplete);

	canceled = cancel_threads();
	printf("canceled: %d, cleanups: %d\n", canceled, cleanups);

	cleanups = 0;
	canceled = cancel_threads_at_call();
	printf("canceled at the call: %d, cleanups: %d\n", canceled, cleanups);
	return 0;
}
