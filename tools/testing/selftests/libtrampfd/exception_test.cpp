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

#include <sys/syscall.h>
#include <unistd.h>

#include "../../../lib/trampfd/trampfd.h"

#ifndef __NR_trampfd_create
#ifdef __NR_Linux
#define __NR_trampfd_create (__NR_Linux + 600)
#else
#define __NR_trampfd_create 600
#endif
#endif

#if defined(__arm__)
#define NO_TABLE "arm's unwinders read .ARM.exidx, which a mapping can't have"
#elif defined(__i386__) || defined(__powerpc__)
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
	puts("1..3");

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
	return failed != 0;
}
