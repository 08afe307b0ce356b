// SPDX-License-Identifier: GPL-2.0
/* Internal procedures of flang, called as it would, so that any compiler can build this. */
#include <signal.h>

#include "../kselftest_harness.h"
#include "filter.h"
#include "nested_util.h"

/* An internal procedure that returns its static chain, where LLVM has it. */
long nest_target(void);

#if defined(__x86_64__)
__asm__(".text\n"
	".globl nest_target\n"
	".type nest_target, @function\n"
	"nest_target:\n"
	"	endbr64\n"
	"	mov %r10, %rax\n"
	"	ret\n"
	".size nest_target, . - nest_target\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl nest_target\n"
	".type nest_target, %function\n"
	"nest_target:\n"
	"	hint #34\n"		/* bti c */
	"	mov x0, x15\n"
	"	ret\n"
	".size nest_target, . - nest_target\n");
#endif

#if HAVE_PROCEDURES

/* More trampolines than the first table has, which is 4096. */
#define MANY	5000

static void *made(long chain)
{
	return _FortranATrampolineInit(NULL, nest_target, (void *)chain);
}

static long called(void *handle)
{
	return ((long (*)(void))_FortranATrampolineAdjust(handle))();
}

FIXTURE(fortran) {
};

FIXTURE_SETUP(fortran)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
}

FIXTURE_TEARDOWN(fortran)
{
}

TEST_F(fortran, call)
{
	void *outer = made(1), *inner = made(2);

	EXPECT_EQ(called(inner), 2);
	EXPECT_EQ(called(outer), 1);
	_FortranATrampolineFree(inner);
	EXPECT_EQ(called(outer), 1);
	_FortranATrampolineFree(outer);
}

TEST_F(fortran, many)
{
	static void *all[MANY];
	long i;

	for (i = 0; i < MANY; i++) {
		errno = 4711;
		all[i] = made(i);
		ASSERT_EQ(errno, 4711);
	}
	/* Not all: an emulator takes its time for code that was called at many addresses. */
	for (i = 0; i < MANY; i += 97)
		ASSERT_EQ(called(all[i]), i);
	ASSERT_GE(all_set(), MANY);
	for (i = 0; i < MANY; i++) {
		errno = 4711;
		_FortranATrampolineFree(all[i]);
		ASSERT_EQ(errno, 4711);
	}
	/* The library removes many at once, and keeps some for the next. */
	EXPECT_LT(all_set(), MANY / 10);
	EXPECT_GE(all_set(), 0);
}

static void *outer;

/* A child has its parent's, and others. */
static void in_child(void)
{
	void *own = made(3);

	if (called(outer) != 1 || called(own) != 3)
		_exit(1);
	_FortranATrampolineFree(outer);
	_FortranATrampolineFree(own);
}

TEST_F(fortran, fork)
{
	outer = made(1);
	EXPECT_EQ(end_of(in_child), 0);
	EXPECT_EQ(called(outer), 1);
	_FortranATrampolineFree(outer);
}

static void refused(void)
{
	if (!refuse(__NR_trampfd_create, EPERM))
		_exit(1);
	made(1);
}

TEST_F(fortran, refused)
{
	EXPECT_EQ(end_of(refused), 128 + SIGABRT);
}

#else

TEST(fortran)
{
	SKIP(return, NO_PROCEDURES);
}

#endif

TEST_HARNESS_MAIN
