// SPDX-License-Identifier: GPL-2.0
/*
 * C++ exceptions that pass trampolines.  The kselftest harness is for C, so
 * this prints KTAP by itself.
 */
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#include "../../../lib/trampfd/trampfd.h"

#ifndef __NR_trampfd_create
#ifdef __NR_Linux
#define __NR_trampfd_create (__NR_Linux + 600)
#else
#define __NR_trampfd_create 600
#endif
#endif

#if defined(__i386__) || defined(__powerpc__)
#define NO_TABLE "libgcc reads the code at each PC on this architecture"
#else
#define NO_TABLE static_cast<const char *>(nullptr)
#endif

static int number, failed;
static void *trampoline;
static volatile int destroyed;

static void result(bool good, const char *name)
{
	printf("%sok %d %s\n", good ? "" : "not ", ++number, name);
	failed += !good;
}

struct guard {
	~guard() { destroyed = destroyed + 1; }
};

static void thrower()
{
	guard g;

	throw std::runtime_error("through a trampoline");
}

static __attribute__((noinline)) void calls(void (*function)())
{
	guard g;

	function();
}

static bool passes(void (*function)())
{
	destroyed = 0;
	try {
		calls(function);
	} catch (const std::runtime_error &e) {
		return !strcmp(e.what(), "through a trampoline");
	}
	return false;
}

static void twice()
{
	reinterpret_cast<void (*)()>(trampoline)();
}

static void throw_here(int)
{
	throw std::runtime_error("through a trampoline");
}

/* The handler does not return, and what faults in it ends the program. */
static void throw_at_fault()
{
	struct sigaction action = {};

	action.sa_handler = throw_here;
	action.sa_flags = SA_NODEFER | SA_RESETHAND;
	sigaction(SIGSEGV, &action, nullptr);
}

/*
 * Exceptions in a program with a profiler, whose signal handler unwinds.  Were
 * there a lock for that, as libgcc has one up to GCC 12 once a table is
 * registered, the handler would wait for what it interrupts.
 */
#define PROFILED "exceptions while a profiler looks on"
#define SAMPLES	3000L
#define LIMIT	300		/* seconds */

static long samples, throws;

/* Whether the program, the first one, has a table that is found unregistered. */
static int has_table(dl_phdr_info *info, size_t, void *)
{
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			return 1;
	return -1;
}

/* Why others have a lock for unwinding anyway; nullptr if nobody has. */
static const char *others_lock()
{
#ifdef __arm__
	/* By dl_iterate_phdr(), whose lock is no good for a signal handler. */
	return "the C library takes a lock to find a table on this architecture";
#else
	return dl_iterate_phdr(has_table, nullptr) > 0 ? nullptr :
	       "a static program registers its own table";
#endif
}

/*
 * The handler's own frame will do for the lock.  Behind it, libgcc has no right
 * table where it is about to enter a landing pad.
 */
static _Unwind_Reason_Code stop(_Unwind_Context *, void *)
{
	return _URC_END_OF_STACK;
}

static void take_sample(int)
{
	_Unwind_Backtrace(stop, nullptr);
	__atomic_add_fetch(&samples, 1, __ATOMIC_RELEASE);
}

static void hangs(int)
{
	static const char message[] = "not ok 4 " PROFILED "\n";

	_exit(write(STDOUT_FILENO, message, sizeof(message) - 1) < 0 ? 2 : 1);
}

/* At another point of an exception each time. */
static void *profiler(void *thread)
{
	for (long n = 0; n < SAMPLES; n++) {
		const long before = __atomic_load_n(&throws, __ATOMIC_RELAXED);

		while (__atomic_load_n(&throws, __ATOMIC_RELAXED) == before)
			sched_yield();
		for (volatile long i = 0; i < n * 7919 % 5000; i = i + 1)
			;
		pthread_kill(*static_cast<pthread_t *>(thread), SIGPROF);
		while (__atomic_load_n(&samples, __ATOMIC_ACQUIRE) <= n)
			sched_yield();
	}
	return nullptr;
}

static bool profiled()
{
	pthread_t self = pthread_self(), thread;
	struct sigaction action = {};
	long caught = 0, thrown = 0;

	action.sa_handler = take_sample;
	action.sa_flags = SA_RESTART;
	sigaction(SIGPROF, &action, nullptr);
	action.sa_handler = hangs;
	sigaction(SIGALRM, &action, nullptr);
	alarm(LIMIT);
	if (pthread_create(&thread, nullptr, profiler, &self))
		return false;
	while (__atomic_load_n(&samples, __ATOMIC_ACQUIRE) < SAMPLES) {
		caught += passes(thrower);
		thrown++;
		__atomic_store_n(&throws, thrown, __ATOMIC_RELAXED);
	}
	pthread_join(thread, nullptr);
	alarm(0);
	return caught == thrown;
}

int main()
{
	void (*call)(), (*outer)();
	void *second, *unset;

	/* If it crashes, what there was is to be seen. */
	setvbuf(stdout, nullptr, _IOLBF, 0);
	puts("TAP version 13");
	if (syscall(__NR_trampfd_create, nullptr, 0, ~0U) < 0 &&
	    errno == ENOSYS) {
		puts("1..0 # SKIP no trampfd in this kernel (ENOSYS)");
		return 4;
	}
	puts("1..4");

	trampoline = trampfd_alloc();
	second = trampfd_alloc();
	unset = trampfd_alloc();
	if (!trampoline || !second || !unset ||
	    trampfd_init(trampoline, reinterpret_cast<void *>(thrower), nullptr) ||
	    trampfd_init(second, reinterpret_cast<void *>(twice), nullptr)) {
		perror("trampoline");
		return 1;
	}
	call = reinterpret_cast<void (*)()>(trampoline);
	outer = reinterpret_cast<void (*)()>(second);

	result(passes(call) && destroyed == 2, "exception from a target");
	result(passes(outer) && destroyed == 2,
	       "exception from a target through two trampolines");

	if (NO_TABLE) {
		printf("ok 3 exception at a trampoline # SKIP %s\n", NO_TABLE);
	} else {
		throw_at_fault();
		result(passes(reinterpret_cast<void (*)()>(unset)) &&
		       destroyed == 1, "exception at a trampoline");
	}

	if (NO_TABLE || others_lock())
		printf("ok 4 " PROFILED " # SKIP %s\n",
		       NO_TABLE ? NO_TABLE : others_lock());
	else
		result(profiled(), PROFILED);
	return failed != 0;
}
