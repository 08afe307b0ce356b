// SPDX-License-Identifier: GPL-2.0
/*
 * What one call costs: directly, through a written stub, through a trampfd
 * trampoline in either way, and through a signal handler that does the trampoline's
 * work.
 *
 * In a guest of QEMU with -icount shift=0, a nanosecond is an instruction.
 */
#include "targets.h"
#include "trampoline.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define ROUNDS	50
#define CONTEXT	0x1234

typedef long (*function)(void);

#if defined(__x86_64__)

static void write_stub(__u8 *p)
{
	const __u64 context = CONTEXT, pc = (uintptr_t)context_target;

	memcpy(p, "\x49\xba", 2);		/* mov $context, %r10 */
	memcpy(p + 2, &context, 8);
	memcpy(p + 10, "\x49\xbb", 2);		/* mov $pc, %r11 */
	memcpy(p + 12, &pc, 8);
	memcpy(p + 20, "\x49\xff\xe3", 3);	/* jmp *%r11 */
}

static void edit_context(mcontext_t *m)
{
	m->gregs[REG_RIP] = (uintptr_t)context_target;
	m->gregs[REG_R10] = CONTEXT;
}

#elif defined(__i386__)

static void write_stub(__u8 *p)
{
	const __u32 context = CONTEXT;
	const __u32 offset = (uintptr_t)context_target - (uintptr_t)(p + 10);

	*p = 0xb9;				/* mov $context, %ecx */
	memcpy(p + 1, &context, 4);
	p[5] = 0xe9;				/* jmp target */
	memcpy(p + 6, &offset, 4);
}

static void edit_context(mcontext_t *m)
{
	m->gregs[REG_EIP] = (uintptr_t)context_target;
	m->gregs[REG_ECX] = CONTEXT;
}

#elif defined(__aarch64__)

static void write_stub(__u8 *p)
{
	static const __u32 code[] = {
		0x58000092,			/* ldr x18, context */
		0x580000b1,			/* ldr x17, pc */
		0xd61f0220,			/* br x17 */
	};
	const __u64 data[] = { CONTEXT, (uintptr_t)context_target };

	memcpy(p, code, sizeof(code));
	memcpy(p + 16, data, sizeof(data));
}

static void edit_context(mcontext_t *m)
{
	m->pc = (uintptr_t)context_target;
	m->regs[18] = CONTEXT;
}

#elif defined(__arm__)

static void write_stub(__u8 *p)
{
	const __u32 code[] = {
		0xe59fc000,			/* ldr ip, context */
		0xe59ff000,			/* ldr pc, pc */
		CONTEXT, (uintptr_t)context_target,
	};

	memcpy(p, code, sizeof(code));
}

/* Called at an even address and thus in ARM state, as the target is. */
static void edit_context(mcontext_t *m)
{
	m->arm_pc = (uintptr_t)context_target;
	m->arm_ip = CONTEXT;
}

#elif defined(__riscv)

static void write_stub(__u8 *p)
{
	const __u32 code[] = {
		0x00000317,			/* auipc t1, 0 */
		0x01033383,			/* ld t2, 16(t1) */
		0x01833303,			/* ld t1, 24(t1) */
		0x00030067,			/* jr t1 */
	};
	const __u64 data[] = { CONTEXT, (uintptr_t)context_target };

	memcpy(p, code, sizeof(code));
	memcpy(p + sizeof(code), data, sizeof(data));
	__builtin___clear_cache((char *)p, (char *)p + sizeof(code));
}

static void edit_context(mcontext_t *m)
{
	m->__gregs[REG_PC] = (uintptr_t)context_target;
	m->__gregs[7] = CONTEXT;		/* t2 */
}

#elif defined(__s390x__)

static void write_stub(__u8 *p)
{
	const __u16 code[] = {
		0x0d10,				/* basr %r1,0 */
		0xeb01, 0x100e, 0x0004,		/* lmg %r0,%r1,14(%r1) */
		0x07f1,				/* br %r1 */
	};
	const __u64 data[] = { CONTEXT, (uintptr_t)context_target };

	memcpy(p, code, sizeof(code));
	memcpy(p + 16, data, sizeof(data));
}

static void edit_context(mcontext_t *m)
{
	m->psw.addr = (uintptr_t)context_target;
	m->gregs[0] = CONTEXT;
}

#elif defined(__mips__)

#include <asm/sgidefs.h>

static void write_stub(__u8 *p)
{
#if _MIPS_SIM == _ABI64
	const __u32 code[] = {
		0xdf2f0010,			/* ld $15, 16($25) */
		0xdf390018,			/* ld $25, 24($25) */
		0x03200008,			/* jr $25 */
		0,
	};
	const unsigned long long data[] = { CONTEXT, (uintptr_t)context_target };
#else
	const __u32 code[] = {
		0x8f2f0010,			/* lw $15, 16($25) */
		0x8f390014,			/* lw $25, 20($25) */
		0x03200008,			/* jr $25 */
		0,
	};
	const __u32 data[] = { CONTEXT, (uintptr_t)context_target };
#endif

	memcpy(p, code, sizeof(code));
	memcpy(p + sizeof(code), data, sizeof(data));
	__builtin___clear_cache((char *)p, (char *)p + sizeof(code));
}

static void edit_context(mcontext_t *m)
{
	m->pc = (uintptr_t)context_target;
	m->gregs[15] = CONTEXT;
}

#elif defined(__powerpc64__)

static void write_stub(__u8 *p)
{
	const __u32 code[] = {
		0xe96c0018,			/* ld r11, 24(r12) */
		0xe98c0010,			/* ld r12, 16(r12) */
		0x7d8903a6,			/* mtctr r12 */
		0x4e800420,			/* bctr */
	};
	const __u64 data[] = { (uintptr_t)context_target, CONTEXT };

	memcpy(p, code, sizeof(code));
	memcpy(p + sizeof(code), data, sizeof(data));
	__builtin___clear_cache((char *)p, (char *)p + sizeof(code));
}

static void edit_context(mcontext_t *m)
{
	m->gp_regs[32] = (uintptr_t)context_target;	/* PT_NIP */
	m->gp_regs[11] = CONTEXT;
}

#elif defined(__m68k__)

static void write_stub(__u8 *p)
{
	const __u32 context = CONTEXT, pc = (uintptr_t)context_target;

	memcpy(p, "\x20\x7c", 2);		/* move.l #context, %a0 */
	memcpy(p + 2, &context, 4);
	memcpy(p + 6, "\x4e\xf9", 2);		/* jmp pc */
	memcpy(p + 8, &pc, 4);
}

static void edit_context(mcontext_t *m)
{
	m->gregs[R_PC] = (uintptr_t)context_target;
	m->gregs[R_A0] = CONTEXT;
}

#endif

static void *unmapped;

static void handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	if (info->si_addr != unmapped) {
		signal(sig, SIG_DFL);
		return;
	}
	edit_context(&u->uc_mcontext);
}

static function make_stub(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "memory for the stub, writable and executable");
	write_stub(p);
	__builtin___clear_cache(p, (char *)p + 4096);
	return (function)p;
}

static function make_trampoline(enum way way)
{
	const struct trampfd_reg regs[] = {
		{ .name = REG_PC, .value = (uintptr_t)context_target },
		{ .name = REG_CONTEXT, .value = CONTEXT },
	};
	struct trampolines t;

	trampolines_make(&t, way, 1, regs, 2);
	trampoline_set(&t, 0, regs, 2);
	return (function)trampoline_address(&t, 0);
}

static function make_code(void)
{
	return code_entries_here() ? make_trampoline(BY_CODE) : NULL;
}

static function make_handled(void)
{
	const struct sigaction action = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO,
	};

	unmapped = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	if (unmapped == MAP_FAILED)
		err(1, "memory for the signal handler");
	if (sigaction(SIGSEGV, &action, NULL))
		err(1, "sigaction");
	return (function)unmapped;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/*
 * Two loops that are the same but for the call, so that their difference is the call and
 * its target.  Both take the address from memory in each turn: it need not be saved.
 */
static __attribute__((noinline)) double loop(const function *where, long calls)
{
	double start = now();
	function call;

	while (calls--) {
		call = *(const volatile function *)where;
		asm volatile("" : "+r" (call), "+r" (calls));
		call();
	}
	return now() - start;
}

static __attribute__((noinline)) double empty_loop(const function *where, long calls)
{
	double start = now();
	function call;

	while (calls--) {
		call = *(const volatile function *)where;
		asm volatile("" : "+r" (call), "+r" (calls));
	}
	return now() - start;
}

/* The least of many short rounds, which no timer interrupt fell into. */
static double cost(function call, int calls)
{
	double best = 0, rest = 0, t;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		t = loop(&call, calls);
		if (!i || t < best)
			best = t;
		t = empty_loop(&call, calls);
		if (!i || t < rest)
			rest = t;
	}
	return (best - rest) / calls;
}

int main(int argc, char **argv)
{
	const struct {
		const char *name;
		function call;
		int calls;
		long result;
	} ways[] = {
		{ "direct call", context_target, 1000, 0 },
		{ "written stub", make_stub(), 1000, CONTEXT },
		{ "trampfd, code entry", make_code(), 1000, CONTEXT },
		{ "trampfd, by fault", make_trampoline(BY_FAULT), 1000, CONTEXT },
		{ "SIGSEGV handler", make_handled(), 100, CONTEXT },
	};
	const char *unit = "nanoseconds";
	double direct = 0, c;
	unsigned int i;

	if (argc == 2 && !strncmp(argv[1], "--unit=", 7))
		unit = argv[1] + 7;
	else if (argc > 1)
		errx(1, "usage: %s [--unit=instructions]", argv[0]);

	printf("%-20s %12s %12s\n", "one call through", unit, "ratio");
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!ways[i].call) {
			printf("%-20s %12s\n", ways[i].name, "not here");
			continue;
		}
		if (ways[i].result && ways[i].call() != ways[i].result)
			errx(1, "%s: wrong context", ways[i].name);

		c = cost(ways[i].call, ways[i].calls);
		if (!i)
			direct = c;
		printf("%-20s %12.1f %12.1f\n", ways[i].name, c, c / direct);
	}

	return 0;
}
