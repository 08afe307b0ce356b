// SPDX-License-Identifier: GPL-2.0
/* Closures over forks, and with threads. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "closures.h"

#define THREADS		4
#define ROUNDS		10000		/* so many that threads meet on one CPU */
#define FORKS		200
#define LARGE		(4 << 20)	/* so large that it is mapped and unmapped */

/* A child has what its parent has, and does as it likes. */
void test_fork(void)
{
	static struct made all[FEW], more[FEW];
	pid_t pid;
	int i;

	for (i = 0; i < FEW; i++)
		make(&all[i], i);
	check(is_kernels(all[0].code) == kernel);

	pid = fork();
	if (!pid) {
		check_all(all, FEW);
		for (i = 0; i < FEW; i += 2) {
			ffi_closure_free(all[i].closure);
			all[i].closure = NULL;
		}
		for (i = 1; i < FEW; i += 2)
			check(ffi_prep_closure_loc(all[i].closure, &cif,
						   subtract, &all[i].base,
						   all[i].code) == FFI_OK);
		for (i = 0; i < FEW; i++)
			make_seen(&more[i], FEW + i);
		for (i = 1; i < FEW; i += 2)
			check(call(all[i].code) == i - 1);
		check_all(more, FEW);
		exit(0);
	}
	/* Meanwhile, and afterwards. */
	for (i = 0; i < FEW; i++)
		make(&more[i], 2 * FEW + i);
	check_all(all, FEW);
	wait_for(pid);
	check_all(all, FEW);
	check_all(more, FEW);
	for (i = 0; i < FEW; i++)
		ffi_closure_free(all[i].closure);
	check_all(more, FEW);
}

static struct made *handed[THREADS];

static void *thread(void *arg)
{
	const int number = (intptr_t)arg;
	struct made kept[8] = {}, *m, *theirs;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct made *k = &kept[i % ARRAY_SIZE(kept)];

		if (k->closure) {
			check(works(k));
			ffi_closure_free(k->closure);
		}
		make(k, number * ROUNDS + i);
		check(works(k));

		/* Another thread frees this one. */
		m = malloc(sizeof(*m));
		check(m);
		make(m, -i);
		theirs = __atomic_exchange_n(&handed[(number + 1) % THREADS],
					     m, __ATOMIC_ACQ_REL);
		if (theirs) {
			check(works(theirs));
			ffi_closure_free(theirs->closure);
			free(theirs);
		}
	}
	check_all(kept, ARRAY_SIZE(kept));
	return NULL;
}

void test_threads(void)
{
	pthread_t threads[THREADS];
	struct made m;
	bool here;
	intptr_t i;

	for (i = 0; i < THREADS; i++)
		check(!pthread_create(&threads[i], NULL, thread, (void *)i));
	for (i = 0; i < THREADS; i++)
		check(!pthread_join(threads[i], NULL));
	make_seen(&m, 7);
	check(count_maps(NULL, &here) == kernel);
}

/* Mostly in the memory allocator, or in a system call that it makes. */
static void *allocator(void *stop)
{
	struct made m;
	int i;

	for (i = 0; !__atomic_load_n((bool *)stop, __ATOMIC_RELAXED); i++) {
		check(try_size(&m, i, sizeof(*m.closure) + LARGE));
		check(works(&m));
		ffi_closure_free(m.closure);
	}
	return NULL;
}

/* A fork at any time leaves the child nothing that is locked. */
void test_fork_with_threads(void)
{
	pthread_t threads[THREADS];
	struct made mine, own;
	bool stop = false;
	int i, n;

	make_seen(&mine, 7);
	for (i = 0; i < THREADS; i++)
		check(!pthread_create(&threads[i], NULL, allocator, &stop));
	for (n = 0; n < FORKS; n++) {
		pid_t pid = fork();

		if (!pid) {
			alarm(60);
			prepare(&mine);
			check(works(&mine));
			make_seen(&own, n);
			ffi_closure_free(mine.closure);
			_exit(0);
		}
		wait_for(pid);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++)
		check(!pthread_join(threads[i], NULL));
	check(works(&mine));
}

/* A signal handler that forks where it has interrupted libffi; both go on there. */
static volatile sig_atomic_t handler_forks, in_child;

static void fork_here(int sig)
{
	pid_t pid;

	(void)sig;
	if (in_child || handler_forks == FORKS)
		return;
	handler_forks++;
	pid = fork();
	if (!pid) {
		in_child = 1;
		alarm(60);
		return;
	}
	wait_for(pid);
}

void test_fork_in_handler(void)
{
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { 0 };
	struct sigaction action = { .sa_handler = fork_here, .sa_flags = SA_RESTART };
	struct made m;
	int i;

	check(!sigaction(SIGVTALRM, &action, NULL));
	check(!setitimer(ITIMER_VIRTUAL, &often, NULL));
	for (i = 0; handler_forks < FORKS; i++) {
		make(&m, i);
		check(works(&m));
		ffi_closure_free(m.closure);
		if (in_child)
			exit(0);
	}
	check(!setitimer(ITIMER_VIRTUAL, &never, NULL));
	make_seen(&m, 7);
}

/* A lock of the program's, held over fork, under which another thread makes closures. */
static pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;
static bool own_lock_over_fork;

static void take_over_fork(void)
{
	if (own_lock_over_fork)
		pthread_mutex_lock(&own_lock);
}

static void give_after_fork(void)
{
	if (own_lock_over_fork)
		pthread_mutex_unlock(&own_lock);
}

/*
 * Before libffi's constructors, so that what libffi might do comes first at a fork, as
 * where libffi is loaded late.
 */
static void handle_forks(void)
{
	pthread_atfork(take_over_fork, give_after_fork, give_after_fork);
}

static void (*const first_of_all)(void)
	__attribute__((section(".preinit_array"), used)) = handle_forks;

static void *locked_allocator(void *stop)
{
	struct made m;
	int i;

	for (i = 0; !__atomic_load_n((bool *)stop, __ATOMIC_RELAXED); i++) {
		pthread_mutex_lock(&own_lock);
		make(&m, i);
		check(works(&m));
		ffi_closure_free(m.closure);
		pthread_mutex_unlock(&own_lock);
	}
	return NULL;
}

void test_fork_under_own_lock(void)
{
	pthread_t thread;
	bool stop = false;
	struct made m;
	int n;

	own_lock_over_fork = true;
	check(!pthread_create(&thread, NULL, locked_allocator, &stop));
	for (n = 0; n < FORKS; n++) {
		pid_t pid = fork();

		if (!pid) {
			alarm(60);
			make_seen(&m, n);
			exit(0);
		}
		wait_for(pid);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	check(!pthread_join(thread, NULL));
}
