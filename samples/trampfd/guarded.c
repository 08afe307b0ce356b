// SPDX-License-Identifier: GPL-2.0
/*
 * A stray write can't change where a trampoline goes, or with what.
 *
 * It can where constant code finds that in memory of the program, as the static
 * trampolines of libffi do.  What the context points to is the program's own memory
 * in both cases, an ffi_closure among it.
 */
#include "strict_wx.h"
#include "trampoline.h"

#include <err.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf refused;
static siginfo_t fault;
static bool stored;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	fault = *info;
	siglongjmp(refused, 1);
}

/* Store a word; false if that was refused. */
static bool store(void *to, uintptr_t word)
{
	const struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO,
	};
	struct sigaction before;

	if (sigaction(SIGSEGV, &action, &before))
		err(1, "sigaction");
	stored = false;
	if (!sigsetjmp(refused, 1)) {
		__atomic_store_n((uintptr_t *)to, word, __ATOMIC_SEQ_CST);
		stored = true;
	}
	sigaction(SIGSEGV, &before, NULL);
	return stored;
}

static const char *BY_REGISTER intended(const char *word)
{
	return word;
}

static const char *BY_REGISTER diverted(const char *word)
{
	(void)word;
	return "the attacker";
}

/*
 * What a static trampoline does, in C: it finds its target and the target's argument
 * in writable memory.
 */
static struct parameters {
	typeof(intended) *target;
	const char *word;
} parameters = { intended, "the program" };

static const char *static_trampoline(void)
{
	struct parameters found;

	__atomic_load(&parameters.target, &found.target, __ATOMIC_SEQ_CST);
	__atomic_load(&parameters.word, &found.word, __ATOMIC_SEQ_CST);
	return found.target(found.word);
}

static void show_call(const char *what, const char *(*trampoline)(void),
		      const char *expected)
{
	const char *word = trampoline();

	printf("%s: it went where %s wanted\n", what, word);
	if (strcmp(word, expected))
		errx(1, "and not where %s did", expected);
}

static void show_refused(const char *what, void *to)
{
	if (store(to, (uintptr_t)diverted))
		errx(1, "a store to %s was not refused", what);
	if (fault.si_addr != to || fault.si_code != SEGV_ACCERR)
		errx(1, "a store to %s: another fault", what);
	printf("a store to %s: SIGSEGV\n", what);
}

/* Not even on request. */
static void show_stays(const struct trampolines *t, void *part, const char *what)
{
	if (!mprotect(part, t->attr.part_size, PROT_READ | PROT_WRITE))
		errx(1, "%s could be made writable", what);
	if (errno != EACCES)
		err(1, "mprotect of %s", what);
	printf("mprotect of %s: %s\n", what, strerror(errno));
}

int main(int argc, char **argv)
{
	const struct trampfd_reg regs[] = {
		{ .name = REG_PC, .value = (uintptr_t)TARGET_OF(intended) },
		{ .name = REG_ARGUMENT, .value = (uintptr_t)"the program" },
#ifdef REG_CALLEE
		{ .name = REG_CALLEE, .value = (uintptr_t)intended },
#endif
	};
	enum way way = way_of(argc, argv);
	const char *(*trampoline)(void);
	struct trampolines t;
	char *data;

	strict_wx();

	show_call("static trampoline", static_trampoline, "the program");
	if (!store(&parameters.target, (uintptr_t)diverted))
		errx(1, "the program can't write to its own data");
	show_call("static trampoline, after a stray write", static_trampoline,
		  "the attacker");

	trampolines_make(&t, way, 1, regs, ARRAY_SIZE(regs));
	trampoline_set(&t, 0, regs, ARRAY_SIZE(regs));
	if (!trampoline_show_way(&t, 0))
		errx(1, "code could do that");
	trampoline = (const char *(*)(void))trampoline_address(&t, 0);
	show_call("trampfd", trampoline, "the program");

	show_refused("its address", trampoline_address(&t, 0));
	if (way == BY_CODE) {
		data = t.base + t.attr.data_offset;
		/* Its data is there, for everybody to read. */
		if (!memmem(data, t.attr.stride, &regs[1].value, sizeof(long)) &&
		    __BYTE_ORDER == __LITTLE_ENDIAN)
			errx(1, "its data is elsewhere");
		show_refused("its data", data);
		show_stays(&t, data, "its data");
		show_refused("its fault entry", t.base);
	}
	show_call("trampfd, after stray writes", trampoline, "the program");

	return strict_wx_proof(trampoline_address(&t, 0));
}
