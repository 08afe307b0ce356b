// SPDX-License-Identifier: GPL-2.0
/*
 * Unwinding through what a trampoline called, and from the trampoline itself.
 *
 * A trampoline that is not set gives SIGSEGV with the PC at its address.  So
 * does, to an unwinder, any signal that arrives between the call and the fault,
 * but this one comes every time.
 */
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unwind.h>

#include "../kselftest_harness.h"
#include "util.h"

/* Unwinders of arm read .ARM.exidx, which can't be registered for code entries. */
#if defined(__arm__)
#define NO_TABLE_OF_CODE "no unwind table for code entries on this architecture"
#endif

/* Why it does not work on some architectures that the PC is at a trampoline. */
#if defined(__i386__) || defined(__powerpc__)
#define NO_TABLE	"libgcc reads the code at each PC on this architecture"
#endif

#define DEPTH	64

static void *frames[DEPTH];
static int nframes;
static void *returns_to;
static volatile int after;

/* The functions that call a trampoline have one call in them. */
static __attribute__((noinline)) void calls(void (*function)(void))
{
	function();
	after++;
}

static __attribute__((noinline)) void note_return(void)
{
	returns_to = __builtin_extract_return_addr(__builtin_return_address(0));
}

#ifdef __mips__
/* This C library's backtrace() reads the code at each PC, the unwinder does not. */
static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *data)
{
	frames[nframes++] = (void *)_Unwind_GetIP(context);
	return nframes < DEPTH ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static __attribute__((noinline)) void note_frames(void)
{
	nframes = 0;
	_Unwind_Backtrace(note_frame, NULL);
}
#else
static __attribute__((noinline)) void note_frames(void)
{
	nframes = backtrace(frames, DEPTH);
}
#endif

/* Bit 0 is the state of the CPU on arm. */
static uintptr_t address(const void *p)
{
	return (uintptr_t)p & ~1UL;
}

/* Where in the backtrace the call in calls() returns to, -1 for nowhere. */
static int frame_of_calls(void)
{
	int i;

	for (i = 0; i < nframes; i++)
		if (address(frames[i]) == address(returns_to))
			return i;
	return -1;
}

static void *trampoline;

/* What code entries are behind their fault entries. */
#define CODE_OFFSET	0x100000UL

/*
 * A code entry that is not set leads to its fault entry.  An unwinder may want to see an
 * address behind that of a signal frame.
 */
static bool is_trampoline(const void *p)
{
	uintptr_t entry = (uintptr_t)trampoline;

	if (trampfd_pool_has_code(NULL) == 1)
		entry -= CODE_OFFSET;
	return (uintptr_t)p - entry < 4;
}

static void caught(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	note_frames();
	/* A call that does nothing is what follows. */
	trampfd_init(trampoline, note_return, NULL);
}

static void catch_with(void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {
		.sa_sigaction = handler,
		/* What faults in the handler ends the program. */
		.sa_flags = SA_SIGINFO | SA_RESETHAND,
	};

	sigaction(SIGSEGV, &action, NULL);
}

FIXTURE(unwind) {
};

FIXTURE_SETUP(unwind)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trampoline = trampfd_alloc();
	ASSERT_TRUE(!!trampoline);
	calls(note_return);
}

FIXTURE_TEARDOWN(unwind)
{
}

TEST_F(unwind, backtrace_in_target)
{
	int at, plain;

	calls(note_frames);
	plain = frame_of_calls();
	ASSERT_GE(plain, 0);

	ASSERT_EQ(trampfd_init(trampoline, note_frames, NULL), 0);
	calls(trampoline);
	at = frame_of_calls();
	EXPECT_EQ(at, plain);
}

TEST_F(unwind, backtrace_at_trampoline)
{
	int at, depth;

#ifdef NO_TABLE
	SKIP(return, NO_TABLE);
#endif
#ifdef NO_TABLE_OF_CODE
	if (trampfd_pool_has_code(NULL) == 1)
		SKIP(return, NO_TABLE_OF_CODE);
#endif
	calls(note_frames);
	depth = nframes - frame_of_calls();

	catch_with(caught);
	calls(trampoline);
	at = frame_of_calls();
	ASSERT_GT(at, 0);
	EXPECT_TRUE(is_trampoline(frames[at - 1]));
	/* It goes on to the same end. */
	EXPECT_EQ(nframes - at, depth);
}

/* The first of some trampolines that has a wrong backtrace; -1 if none has. */
static int wrong_backtrace(void *const *trampolines, int count)
{
	int i, at;

	for (i = 0; i < count; i++) {
		if (i % 250 && i < count - 20)
			continue;
		catch_with(caught);
		trampoline = trampolines[i];
		nframes = 0;
		calls(trampoline);
		at = frame_of_calls();
		if (at <= 0 || !is_trampoline(frames[at - 1]))
			return i;
	}
	return -1;
}

/* The size of the library's first table. */
#define FIRST_TABLE	4096

/* Each address of the mapping, so the first and the last one too. */
TEST_F(unwind, backtrace_at_others)
{
	static void *trampolines[FIRST_TABLE - 1];

#ifdef NO_TABLE
	SKIP(return, NO_TABLE);
#endif
#ifdef NO_TABLE_OF_CODE
	if (trampfd_pool_has_code(NULL) == 1)
		SKIP(return, NO_TABLE_OF_CODE);
#endif
	ASSERT_EQ(trampfd_alloc_many(trampolines, ARRAY_SIZE(trampolines)), 0);
	EXPECT_EQ(wrong_backtrace(trampolines, ARRAY_SIZE(trampolines)), -1);
}

/* In the second table, whose unwind table is registered. */
TEST_F(unwind, backtrace_at_registered)
{
	static void *trampolines[2 * FIRST_TABLE];

#if defined(NO_TABLE)
	SKIP(return, NO_TABLE);
#elif defined(__arm__)
	SKIP(return, "arm's unwinders read .ARM.exidx, which can't be registered");
#endif
	ASSERT_EQ(trampfd_alloc_many(trampolines, ARRAY_SIZE(trampolines)), 0);
	EXPECT_EQ(wrong_backtrace(trampolines, ARRAY_SIZE(trampolines)), -1);
}

#ifdef __x86_64__
#define STEP_FLAG	0x100UL		/* TF */
#define STEPS_MAX	64

/* What a step from one instruction to the next has seen. */
static struct {
	void *pc;
	int at;
	int depth;
} steps[STEPS_MAX];

static int nsteps;

static void stepped(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	void *pc = (void *)uc->uc_mcontext.gregs[REG_RIP];

	(void)sig;
	(void)info;
	if ((uintptr_t)pc - (uintptr_t)trampoline >= 16 || nsteps == STEPS_MAX)
		return;
	note_frames();
	steps[nsteps].pc = pc;
	steps[nsteps].at = frame_of_calls();
	steps[nsteps].depth = nframes - steps[nsteps].at;
	nsteps++;
}

static void step(unsigned long flag)
{
	asm volatile("lea -128(%%rsp), %%rsp\n\t"
		     "pushf\n\t"
		     "andq %1, (%%rsp)\n\t"
		     "orq %0, (%%rsp)\n\t"
		     "popf\n\t"
		     "lea 128(%%rsp), %%rsp"
		     : : "r" (flag), "r" (~STEP_FLAG) : "memory", "cc");
}

/* A signal between any two instructions of a code entry. */
TEST_F(unwind, backtrace_in_code)
{
	struct sigaction action = {
		.sa_sigaction = stepped,
		.sa_flags = SA_SIGINFO,
	};
	int i, depth;

	if (trampfd_pool_has_code(NULL) != 1)
		SKIP(return, "no code entries here");
	calls(note_frames);
	depth = nframes - frame_of_calls();
	ASSERT_EQ(trampfd_init(trampoline, note_return, NULL), 0);
	sigaction(SIGTRAP, &action, NULL);
	step(STEP_FLAG);
	calls(trampoline);
	step(0);
	/* Its instructions, the first of which is at the entry. */
	ASSERT_LT(1, nsteps);
	EXPECT_TRUE(steps[0].pc == trampoline);
	for (i = 0; i < nsteps; i++) {
		EXPECT_GT(steps[i].at, 0);
		EXPECT_EQ(steps[i].depth, depth);
	}
}
#endif

/*
 * Cancellation.
 */

static volatile bool cleaned_up;

static void clean_up(void *data)
{
	(void)data;
	cleaned_up = true;
}

static void cancel_here(void)
{
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
	pthread_cancel(pthread_self());
	pthread_testcancel();
}

static void cancel_at_once(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_cancel(pthread_self());
}

static void *thread(void *function)
{
	pthread_cleanup_push(clean_up, NULL);
	calls(function);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *join_one(void *function)
{
	pthread_t id;
	void *result = NULL;

	cleaned_up = false;
	after = 0;
	if (pthread_create(&id, NULL, thread, function) ||
	    pthread_join(id, &result))
		return NULL;
	return result;
}

TEST_F(unwind, cancel_in_target)
{
	ASSERT_EQ(trampfd_init(trampoline, cancel_here, NULL), 0);
	EXPECT_TRUE(join_one(trampoline) == PTHREAD_CANCELED);
	EXPECT_TRUE(cleaned_up);
	EXPECT_EQ(after, 0);
}

TEST_F(unwind, cancel_at_trampoline)
{
#ifdef NO_TABLE
	SKIP(return, NO_TABLE);
#endif
#ifdef NO_TABLE_OF_CODE
	if (trampfd_pool_has_code(NULL) == 1)
		SKIP(return, NO_TABLE_OF_CODE);
#endif
	catch_with(cancel_at_once);
	EXPECT_TRUE(join_one(trampoline) == PTHREAD_CANCELED);
	EXPECT_TRUE(cleaned_up);
	EXPECT_EQ(after, 0);
}

TEST_HARNESS_MAIN
