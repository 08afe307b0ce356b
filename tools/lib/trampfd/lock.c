// SPDX-License-Identifier: MIT
/*
 * The library's lock, which fork() does not wait for.
 *
 * A signal handler may fork where it has interrupted the library.  And a program may
 * hold a lock of its own over fork() under which it uses the library.  Both would hang
 * if fork() took this lock.  So a child may find it taken, and has to know by whom: if
 * the thread that forked has it, that thread goes on in the library when its handler
 * returns.  If another thread has it, that one is not there any more in the child, and
 * what it was about may be half done.
 *
 * The C library's locks don't tell.  This one has the number of the thread in its word.
 * Numbers are the library's own, because a thread's number in the kernel is another one
 * after fork().
 */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Somebody waits for the lock. */
#define WAITED	0x80000000U

/* 0, or the number of the thread that has the lock.  futex(2) wants it aligned. */
static uint32_t word __attribute__((aligned(4)));

static uint32_t last_number;

/* glibc may allocate memory for dynamic TLS; musl does not, and has no static TLS to spare. */
#ifdef __GLIBC__
#define TLS_MODEL __attribute__((tls_model("initial-exec")))
#else
#define TLS_MODEL
#endif
static __thread uint32_t my_number TLS_MODEL;

static void (*mend_in_child)(void);
static unsigned int forks;

static void futex(int op, uint32_t value)
{
	const int error = errno;

	syscall(SYS_futex, &word, op, value, NULL, NULL, 0);
	errno = error;
}

static uint32_t thread_number(void)
{
	while (!my_number)
		my_number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED) & ~WAITED;
	return my_number;
}

/**
 * trampfd_lock() - take the library's lock
 *
 * Context: Keeps errno; no cancellation point.
 */
void trampfd_lock(void)
{
	uint32_t seen = 0, mine = thread_number();

	while (!__atomic_compare_exchange_n(&word, &seen, mine, false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		if (!seen)
			continue;
		if (!(seen & WAITED) &&
		    !__atomic_compare_exchange_n(&word, &seen, seen | WAITED, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			seen = 0;
			continue;
		}
		futex(FUTEX_WAIT_PRIVATE, seen | WAITED);
		/* Others may wait, too; who has waited can't know. */
		mine = my_number | WAITED;
		seen = 0;
	}
}

/**
 * trampfd_unlock() - give the library's lock back
 *
 * Context: Keeps errno; no cancellation point.
 */
void trampfd_unlock(void)
{
	if (__atomic_exchange_n(&word, 0, __ATOMIC_RELEASE) & WAITED)
		futex(FUTEX_WAKE_PRIVATE, 1);
}

static void after_fork(void)
{
	uint32_t owner = word;

	owner &= ~WAITED;
	forks++;
	if (!owner || owner == my_number)
		return;
	/* Should a handler fork meanwhile, this thread goes on in the child of that. */
	word = thread_number();
	mend_in_child();
	word = 0;
}

/**
 * trampfd_forks() - tell whether this is still the same process
 *
 * Return: how many forks are between this process and the one that loaded the library.
 */
unsigned int trampfd_forks(void)
{
	return forks;
}

/**
 * trampfd_lock_set_up() - make the lock fit for fork()
 * @mend: What a child calls, alone and with the lock, if another thread of its parent
 *	was in the library at the time.
 *
 * Context: Before anybody takes the lock.
 * Return: 0, or the errno of pthread_atfork().
 */
int trampfd_lock_set_up(void (*mend)(void))
{
	mend_in_child = mend;
	return pthread_atfork(NULL, NULL, after_fork);
}
