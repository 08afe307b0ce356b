// SPDX-License-Identifier: GPL-2.0
/*
 * What libffi's own suite does not ask of closures: programs that keep closures
 * in memory of their own, free them in any order, prepare them again, fork,
 * close descriptors that they do not know, or are refused what they had.
 *
 *	closures kernel|old NAME
 *
 * "kernel" says that trampolines are the kernel's, "old" that none is; the
 * program fails where it is not so.  It prints "trampfd-guest: pass NAME: test"
 * or "fail" for each test, which has a process of its own, as nothing must be
 * left of the one before.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/trampfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "closures.h"

/* What libtrampfd's first table has, and more. */
#define FIRST_TABLE	4096
#define MANY		5000
/* How many trampolines libffi has set by one system call. */
#define BLOCK		64
#define FDS		1100
/* How much memory a user may have the kernel use for trampolines, in units of 64 bytes. */
#define LIMIT		"/proc/sys/user/max_trampfd_units"
#define LOW_LIMIT	20000

/* What a test needs: trampolines of the kernel's, and that it may change the limit. */
#define KERNEL		1
#define ROOT		2

static void halve(ffi_cif *unused, void *result, void **args, void *base)
{
	(void)unused;
	*(double *)result = *(int *)base + *(double *)args[0] / 2 +
			    *(float *)args[2] + *(int *)args[1];
}

static void add_raw(ffi_cif *unused, void *result, ffi_raw *args, void *base)
{
	(void)unused;
	*(ffi_sarg *)result = *(int *)base + args[0].sint + 10 * args[1].sint +
			      100 * args[2].sint + 1000 * args[3].sint;
}

/* Through libffi, as the compiler does not know all ABIs. */
static int call_abi(ffi_cif *other, void *code)
{
	int values[ARGS] = { 1, 2, 3, 4 };
	void *args[ARGS];
	ffi_arg result;
	int i;

	for (i = 0; i < ARGS; i++)
		args[i] = &values[i];
	ffi_call(other, code, &result, args);
	return result;
}

/*
 * After a refusal: of the old kind, which works, or there is none where memory
 * can't be executed.
 */
static bool make_old(struct made *m, int base)
{
	if (!try_make(m, base)) {
		check(!exec);
		return false;
	}
	check(!is_kernels(m->code));
	check(works(m));
	return true;
}

static void close_all(void)
{
	int fd;

	for (fd = 3; fd < FDS; fd++)
		close(fd);
}

/* An ABI that has an entry point of its own, so that it takes a call to set. */
#if defined(__x86_64__)
#define OTHER_ABI	FFI_WIN64
#elif defined(__i386__)
#define OTHER_ABI	FFI_STDCALL
#elif defined(__ARM_PCS_VFP)
#define OTHER_ABI	FFI_SYSV
#endif

/* Whether closures of an ABI are as they should be in libffi itself. */
static bool good_abi(int abi)
{
#ifdef __i386__
	/* Version 3.4.4 takes the return address for the closure. */
	return abi != FFI_REGISTER;
#else
	(void)abi;
	return true;
#endif
}

#ifdef OTHER_ABI
static bool prepare_other(struct made *m)
{
	static ffi_cif other;

	check(ffi_prep_cif(&other, OTHER_ABI, ARGS, &ffi_type_sint, ints) ==
	      FFI_OK);
	return ffi_prep_closure_loc(m->closure, &other, add, &m->base,
				    m->code) == FFI_OK;
}
#endif

/* What refuses it leaves the closure as it was. */
static void check_other_refused(struct made *m)
{
#ifdef OTHER_ABI
	check(!prepare_other(m));
#endif
	check(works(m));
}

/*
 * The tests.
 */

static void test_plain(void)
{
	struct made m;

	make_seen(&m, 7);
	ffi_closure_free(m.closure);
}

/* A program's own memory is left alone, whatever is in it. */
static void test_own_memory(void)
{
	const size_t size = sysconf(_SC_PAGESIZE);
	const int prot = PROT_READ | PROT_WRITE | (exec ? PROT_EXEC : 0);
	struct made m, own = { .base = 70 }, after;
	ffi_closure before;
	int i;

	for (i = 0; i < (kernel ? 3 : 2); i++) {
		/* At first there is no closure of another kind yet. */
		if (i)
			make_seen(&m, 7);
		own.closure = mmap(NULL, size, prot,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		check(own.closure != MAP_FAILED);
		own.code = own.closure;
		memset(own.closure, 0xa5, sizeof(*own.closure));
		/* What tells of a trampoline, but not this one's. */
		if (i == 2)
			memcpy(own.closure, m.closure, sizeof(*own.closure));
		before = *own.closure;

		prepare(&own);
		check(memcmp(before.tramp, own.closure->tramp,
			     sizeof(before.tramp)));
		check(own.closure->cif == &cif && own.closure->fun == add);
		check(!exec || works(&own));
		if (i) {
			check(works(&m));
			make_seen(&after, 700);
			check(works(&m));
			munmap(own.closure, size);
			check(works(&m) && works(&after));
			ffi_closure_free(m.closure);
			ffi_closure_free(after.closure);
		} else {
			munmap(own.closure, size);
		}
	}
}

/* Freed from the front, from behind, and here and there. */
static void test_any_order(void)
{
	static struct made all[FEW];
	unsigned int seed = 1;
	int round, i, n;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < FEW; i++) {
			if (!all[i].closure)
				make(&all[i], FEW * round + i);
		}
		check(is_kernels(all[0].code) == kernel);
		check_all(all, FEW);
		for (n = 0; n < FEW / 2; n++) {
			i = round == 0 ? n : round == 1 ? FEW - 1 - n :
			    rand_r(&seed) % FEW;
			if (!all[i].closure)
				continue;
			ffi_closure_free(all[i].closure);
			all[i].closure = NULL;
		}
		check_all(all, FEW);
	}
}

/* Small and large, which an allocator may treat in other ways. */
static void test_sizes(void)
{
	struct made all[24];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		const size_t size = sizeof(ffi_closure) + (1UL << i);

		check(try_size(&all[i], i, size));
		check(is_kernels(all[i].code) == kernel);
		memset(all[i].closure + 1, 0x5a, size - sizeof(ffi_closure));
	}
	check_all(all, ARRAY_SIZE(all));
	for (i = 0; i < ARRAY_SIZE(all); i++)
		ffi_closure_free(all[i].closure);
}

/* More than a table has, and all of it is given back. */
static void test_many(void)
{
	static struct made all[MANY];
	unsigned int maps = 0;
	int round, i;
	bool here;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < MANY; i++)
			make(&all[i], i);
		check_all(all, MANY);
		check(is_kernels(all[0].code) == kernel);
		check(is_kernels(all[MANY - 1].code) == kernel);
		if (!round)
			maps = count_maps(NULL, &here);
		for (i = 0; i < MANY; i++)
			ffi_closure_free(all[i].closure);
	}
	for (i = 0; i < 2 * MANY; i++) {
		make(&all[0], i);
		ffi_closure_free(all[0].closure);
	}
	check(count_maps(NULL, &here) == maps);
	check(maps >= (kernel ? 2 : 0));
}

/* With another function, other arguments, another ABI, and back. */
static void test_prepare_again(void)
{
	ffi_type *types[] = {
		&ffi_type_double, &ffi_type_sint, &ffi_type_float,
	};
	ffi_cif other, doubles;
	struct made m, n;
	double d;
	int abi;

	check(ffi_prep_cif(&doubles, FFI_DEFAULT_ABI, 3, &ffi_type_double,
			   types) == FFI_OK);
	make_seen(&m, 7);
	make_seen(&n, 700);
	check(ffi_prep_closure_loc(m.closure, &cif, subtract, &n.base,
				   m.code) == FFI_OK);
	check(call(m.code) == 699);
	check(ffi_prep_closure_loc(m.closure, &doubles, halve, &m.base,
				   m.code) == FFI_OK);
	d = ((double (*)(double, int, float))m.code)(5.0, 2, 0.25f);
	check(d == 7 + 2.5 + 2 + 0.25);
	prepare(&m);
	check(works(&m));

	for (abi = FFI_FIRST_ABI; abi < FFI_LAST_ABI; abi++) {
		if (ffi_prep_cif(&other, abi, ARGS, &ffi_type_sint, ints) !=
		    FFI_OK)
			continue;
		if (ffi_prep_closure_loc(m.closure, &other, add, &m.base,
					 m.code) != FFI_OK)
			continue;
		check(!good_abi(abi) ||
		      call_abi(&other, m.code) == 7 + 4321);
		prepare(&m);
		check(works(&m));
	}
	check(works(&n));
#ifdef OTHER_ABI
	/* What is left of it does not get into the next closure. */
	check(prepare_other(&m));
#endif
	ffi_closure_free(m.closure);
	make_seen(&m, 8);
}

/* Those with arguments in a form of their own. */
static void test_raw(void)
{
	int base = 7;
	ffi_raw_closure *raw;
	void *code;

	raw = ffi_closure_alloc(sizeof(*raw), &code);
	check(raw);
	check(ffi_prep_raw_closure_loc(raw, &cif, add_raw, &base, code) ==
	      FFI_OK);
	check(is_kernels(code));
	check(call(code) == 7 + 4321);
	ffi_closure_free(raw);
}

/* A program that closes what it does not know. */
static void test_descriptors_closed(void)
{
	static struct made all[MANY];
	struct made first, second, third;
	int fd, null;

	make_seen(&first, 1);
	close_all();
	check(works(&first));
	prepare(&first);
	check(works(&first));
	make_seen(&second, 2);

	/* Again, and other files have the numbers. */
	close_all();
	null = open("/dev/null", O_RDWR);
	check(null >= 0);
	for (fd = 3; fd < FDS - 100; fd++)
		check(fd == null || dup2(null, fd) == fd);
	check(works(&first) && works(&second));
#ifdef OTHER_ABI
	check(prepare_other(&second));
	prepare(&second);
	check(works(&second));
#endif
	make_seen(&third, 3);
	close_all();
	ffi_closure_free(second.closure);
	ffi_closure_free(first.closure);

	for (fd = 0; fd < MANY; fd++)
		make(&all[fd], fd);
	check_all(all, MANY);
	for (fd = 0; fd < MANY; fd += FEW)
		check(is_kernels(all[fd].code));
	check(works(&third));
}

/* No descriptor left: only as long as that is so. */
static void test_no_descriptor(void)
{
	struct rlimit limit, none;
	struct made few[8], m;
	int i, n;

	check(!getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 3;
	close_all();
	check(!setrlimit(RLIMIT_NOFILE, &none));
	for (n = 0; n < 8; n++) {
		if (!try_make(&few[n], n)) {
			check(!exec);
			break;
		}
		check(works(&few[n]));
	}
	check(!setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < n; i++)
		check(!is_kernels(few[i].code));

	make_seen(&m, 100);
	for (i = 0; i < n; i += 2)
		ffi_closure_free(few[i].closure);
	check(works(&m));
	ffi_closure_free(m.closure);
	for (i = 1; i < n; i += 2) {
		check(works(&few[i]));
		ffi_closure_free(few[i].closure);
	}
	make_seen(&m, 100);
}

/* Refused from some time on: what there is goes on, and others are old. */
static void refused_later(int nr, int error)
{
	static struct made all[MANY], old[FEW];
	int i, n, seen = 0;

	make_seen(&all[0], 0);
	check(refuse(nr, error));
	/* All that the first table has; with trampfd_control() denied, what is set. */
	for (n = 1; n < MANY; n++) {
		if (!try_make(&all[n], n)) {
			check(!exec);
			break;
		}
		if (n % 512 == 1 && !is_kernels(all[n].code)) {
			n++;
			break;
		}
	}
	check(!kernel || nr != __NR_trampfd_create || n >= FIRST_TABLE);
	for (i = 0; i < n && nr == __NR_trampfd_control; i++)
		seen += is_kernels(all[i].code);
	check(!kernel || seen <= BLOCK);
	for (i = 0; i < FEW; i++) {
		if (!make_old(&old[i], i))
			break;
	}
	check(i == FEW || !i);
	check_all(all, n);
	check_all(old, i);
	prepare(&all[0]);
	check(works(&all[0]));
	if (nr == __NR_trampfd_control && kernel)
		check_other_refused(&all[0]);
	while (i--)
		ffi_closure_free(old[i].closure);
	check_all(all, n);
	while (n--)
		ffi_closure_free(all[n].closure);
}

static void test_tables_refused(void)
{
	refused_later(__NR_trampfd_create, EPERM);
}

static void test_tables_refused_for_now(void)
{
	refused_later(__NR_trampfd_create, ENFILE);
}

static void test_setting_refused(void)
{
	refused_later(__NR_trampfd_control, EPERM);
}

/* Refused from the first on. */
static void test_all_refused(void)
{
	struct made m;

	check(refuse(__NR_trampfd_create, ENOSYS));
	if (make_old(&m, 7))
		ffi_closure_free(m.closure);
}

static long limit_before;

static long get_limit(void)
{
	FILE *f = fopen(LIMIT, "r");
	long limit;

	check(f && fscanf(f, "%ld", &limit) == 1);
	fclose(f);
	return limit;
}

static void set_limit(long limit)
{
	FILE *f = fopen(LIMIT, "w");

	check(f && fprintf(f, "%ld", limit) > 0);
	check(!fclose(f));
}

/* Make closures until one is not the kernel's; how many are. */
static int make_until_limit(struct made *all, int max)
{
	int n;

	for (n = 0; n < max; n++) {
		if (!try_make(&all[n], n) || !is_kernels(all[n].code))
			break;
	}
	return n;
}

/*
 * Where the kernel has no more, further closures are of the old kind, and those that are
 * freed are used again.  With a higher limit, all go on.
 */
static void test_limit(void)
{
	static struct made all[5 * MANY], more[5 * MANY];
	int full, again, i;

	set_limit(LOW_LIMIT);
	full = make_until_limit(all, ARRAY_SIZE(all));
	/* If not, the limit is too low or too high to test anything. */
	check(full > BLOCK && full < 5 * MANY);
	check(!all[full].closure || works(&all[full]));
	check_all(all, full);

	/* What is prepared again needs nothing of the kernel. */
	for (i = 0; i < full; i++)
		prepare(&all[i]);
	check_all(all, full);
	for (i = 0; i < full; i += 2)
		ffi_closure_free(all[i].closure);
	again = make_until_limit(more, ARRAY_SIZE(more));
	check(again == (full + 1) / 2);
	check_all(more, again);
	for (i = 1; i < full; i += 2)
		check(works(&all[i]));

	set_limit(limit_before);
	for (i = 0; i < MANY; i++) {
		make(&more[again + 1 + i], i);
		check(i % 512 || is_kernels(more[again + 1 + i].code));
	}
	check_all(more, again + 1 + MANY);
}

/*
 * With libffi's static trampolines, forks find locks taken, raw closures read
 * code that is not theirs, and the descriptor of the library's file must not be
 * closed.
 */
static const struct {
	const char *name;
	void (*run)(void);
	unsigned int needs;
} tests[] = {
	{ "a closure is of the kind that is expected", test_plain, 0 },
	{ "a program's own memory is left alone", test_own_memory, 0 },
	{ "freed in any order", test_any_order, 0 },
	{ "of any size", test_sizes, 0 },
	{ "more than a table has", test_many, 0 },
	{ "prepared again", test_prepare_again, 0 },
	{ "raw closures", test_raw, KERNEL },
	{ "fork", test_fork, 0 },
	{ "descriptors closed by the program", test_descriptors_closed, KERNEL },
	{ "no descriptor left, for some time", test_no_descriptor, 0 },
	{ "further tables refused", test_tables_refused, 0 },
	{ "further tables refused for now", test_tables_refused_for_now, 0 },
	{ "setting refused", test_setting_refused, 0 },
	{ "refused from the first on", test_all_refused, 0 },
	{ "at the kernel's limit", test_limit, KERNEL | ROOT },
	{ "threads", test_threads, 0 },
	{ "fork with threads", test_fork_with_threads, KERNEL },
	{ "fork in a signal handler", test_fork_in_handler, KERNEL },
	{ "fork under a lock of the program's", test_fork_under_own_lock, KERNEL },
};

static bool run(void (*test)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		alarm(120);
		test();
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	if (WIFSIGNALED(status))
		warnx("signal %d", WTERMSIG(status));
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* Whether memory may be written and executed, under what this is run. */
static bool may_execute(void)
{
	void *p = mmap(NULL, 1, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	munmap(p, 1);
	return true;
}

int main(int argc, char **argv)
{
	size_t i;

	kernel = argc == 3 && !strcmp(argv[1], "kernel");
	if (argc != 3 || (!kernel && strcmp(argv[1], "old")))
		errx(2, "usage: %s kernel|old NAME", argv[0]);
	exec = may_execute();
	if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, ARGS, &ffi_type_sint, ints) !=
	    FFI_OK)
		errx(1, "ffi_prep_cif failed");

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if ((tests[i].needs & KERNEL) && !kernel)
			continue;
		if ((tests[i].needs & ROOT) && access(LIMIT, W_OK)) {
			printf("trampfd-guest: skip closures, %s: %s # the limit can't be changed here\n",
			       argv[2], tests[i].name);
			continue;
		}
		if (tests[i].needs & ROOT)
			limit_before = get_limit();
		printf("trampfd-guest: %s closures, %s: %s\n",
		       run(tests[i].run) ? "pass" : "fail", argv[2],
		       tests[i].name);
		/* However the test has ended. */
		if (tests[i].needs & ROOT)
			set_limit(limit_before);
	}
	return 0;
}
