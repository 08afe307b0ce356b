// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_model: random operations, of which each is compared with what has to happen.
 *
 * A run has rounds.  Each round is a process that begins with nothing, does a number of
 * operations, and ends with all of its children.  The choices of a round depend on its
 * seed alone, so --seed with the number of a report and --rounds 1 repeat the round.
 * What the children of a round do to shared tables at the same time may come in another
 * order, and so may failing allocations.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../limits_util.h"
#include "cover.h"
#include "model.h"

/* The command line. */
static struct {
	uint64_t seed;
	unsigned long rounds;
	unsigned long length;
	double seconds;
	const char *corpus;
	bool guided;
	bool places;
} args = {
	.seed = 1,
	.rounds = 8,
	.length = 600,
};

static const struct {
	void (*function)(void);
	unsigned int weight;
} operations[] = {
	{ do_create, 3 },
	{ do_map, 5 },
	{ do_set, 14 },
	{ do_calls, 12 },
	{ do_get, 4 },
	{ do_get_next, 2 },
	{ do_remove, 4 },
	{ do_seal, 1 },
	{ do_allow, 1 },
	{ do_get_allowed, 1 },
	{ do_fdinfo, 1 },
	{ do_readonly, 1 },
	{ do_close, 1 },
	{ do_dup, 1 },
	{ do_map_over, 1 },
	{ do_unmap, 1 },
	{ do_move, 3 },
	{ do_protect, 1 },
	{ do_advise, 1 },
	{ do_lock, 1 },
	{ do_seal_mapping, 1 },
	{ do_fork, 1 },
	{ do_vfork, 1 },
	{ do_exec, 1 },
};

void do_something(void)
{
	static unsigned int all;
	unsigned int i, n;

	if (!all)
		for (i = 0; i < ARRAY_SIZE(operations); i++)
			all += operations[i].weight;
	n = choose(&self.choices, all);
	for (i = 0; n >= operations[i].weight; i++)
		n -= operations[i].weight;
	operations[i].function();
	cover_collect();
}

/* One round, in a process of its own. */
static void __noreturn round_run(uint64_t seed, const unsigned char *bytes,
				 size_t size)
{
	unsigned long i;

	choices_init(&self.choices, seed, bytes, size);
	trap_init();
	arena_init();
	calls_init();
	inject_init();
	cover_begin();
	for (i = 0; i < args.length; i++)
		do_something();
	wait_children();
	cover_end();
	_exit(0);
}

/* True if all was right. */
static bool round_do(uint64_t seed, const unsigned char *bytes, size_t size)
{
	int status;
	pid_t pid;

	run->seed = seed;
	fflush(stdout);
	pid = fork();
	if (!pid)
		round_run(seed, bytes, size);
	if (pid < 0) {
		ksft_print_msg("fuzz: fork: %s\n", strerror(errno));
		return false;
	}
	status = child_status(pid);
	if (!status)
		return true;
	if (status != FUZZ_DIFFERS)
		ksft_print_msg("fuzz: seed %llu: the round ended with the status %d\n",
			       (unsigned long long)seed, status);
	return false;
}

static bool failed;

/* Keep an input that reaches what was not reached. */
static void try_input(const unsigned char *bytes, size_t size)
{
	const unsigned int before = cover_places();
	unsigned int i;

	if (failed)
		return;
	if (!round_do(args.seed, bytes, size)) {
		failed = true;
		printf("# fuzz: failing input ");
		for (i = 0; i < size; i++)
			printf("%02x", bytes[i]);
		printf("\n");
	} else if (cover_places() != before) {
		corpus_add(bytes, size);
	}
}

/* Make another input of one or two of the corpus. */
static size_t mutate(struct choices *c, unsigned char *bytes)
{
	const struct input *from, *other;
	unsigned int turns;
	size_t size = 0, at, n;

	if (corpus_size() && choose(c, 10)) {
		from = corpus_get(choose(c, corpus_size()));
		size = from->size;
		memcpy(bytes, from->bytes, size);
	}
	for (turns = 1 + choose(c, 4); turns; turns--) {
		at = choose(c, size + 1);
		switch (choose(c, 5)) {
		case 0:
			/* Longer. */
			n = 1 + choose(c, 300);
			for (; n && size < INPUT_MAX; n--)
				bytes[size++] = choose_any(c);
			break;
		case 1:
			/* Shorter. */
			n = choose(c, size - at + 1);
			memmove(bytes + at, bytes + at + n, size - at - n);
			size -= n;
			break;
		case 2:
			/* The begin of this one, and the end of another one. */
			if (!corpus_size())
				break;
			other = corpus_get(choose(c, corpus_size()));
			n = choose(c, other->size + 1);
			if (n > INPUT_MAX - at)
				n = INPUT_MAX - at;
			memcpy(bytes + at, other->bytes + other->size - n, n);
			size = at + n;
			break;
		default:
			for (n = 1 + choose(c, 4); n && size; n--)
				bytes[choose(c, size)] = choose_any(c);
			break;
		}
	}
	return size;
}

static void run_guided(void)
{
	static unsigned char bytes[INPUT_MAX];
	const double end = now() + args.seconds;
	struct choices choices;
	unsigned long round;

	choices_init(&choices, args.seed, NULL, 0);
	if (args.corpus && corpus_load(args.corpus, try_input))
		ksft_exit_fail_msg("The corpus %s can't be read: %s\n", args.corpus,
				   strerror(errno));
	for (round = 0; !failed && (args.seconds ? now() < end : round < args.rounds);
	     round++)
		try_input(bytes, mutate(&choices, bytes));
	ksft_print_msg("fuzz: %u inputs reach %u places\n", corpus_size(), cover_places());
}

static void run_plain(void)
{
	const double end = now() + args.seconds;
	unsigned long round;

	for (round = 0; !failed && (args.seconds ? now() < end : round < args.rounds);
	     round++)
		failed = !round_do(args.seed + round, NULL, 0);
}

/* What this kernel has. */
static void find_options(void)
{
	struct table t;

	options.code = !code_missing();
	if (!options.code)
		ksft_print_msg("no code entries here: %s\n", code_missing());
	options.shared_anywhere = shared_at_any_page();
	options.stale = stale_code();
	if (options.stale)
		ksft_print_msg("this machine runs code that was unmapped: not judged\n");
#if !defined(__arm__) && !defined(__mips__)
	/* Where an odd PC stands for another set of instructions, it is no trampoline's. */
	options.chains = true;
#endif
#ifdef __NR_mseal
	/* Of nothing, but 32-bit kernels refuse all. */
	options.seals = !syscall(__NR_mseal, NULL, 0, 0);
#endif
	/* Of a table, as ordinary memory may be dealt with in another way. */
	if (!table_open(&t, 1, 0)) {
		options.dofork = !madvise(t.base, t.attr.map_size, MADV_DONTFORK) &&
				 !madvise(t.base, t.attr.map_size, MADV_DOFORK);
		table_close(&t);
	}
	if (options.inject && access("/proc/self/fail-nth", W_OK))
		ksft_exit_skip("no CONFIG_FAULT_INJECTION in this kernel\n");
	if (options.inject) {
		file_write("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
		file_write("/sys/kernel/debug/failslab/verbose", "0");
		file_write("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
		file_write("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
		file_write("/sys/kernel/debug/fail_page_alloc/min-order", "0");
		file_write("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	}
}

static const char usage[] =
	"Usage: fuzz_model [OPTION]...\n"
	"Do random operations on trampolines, and compare each with what has to happen.\n"
	"\n"
	"  --seed N      seed of the first round; each further round has the next one (1)\n"
	"  --rounds N    rounds, each in a process of its own (8)\n"
	"  --length N    operations of a round, those of its children not counted (600)\n"
	"  --seconds N   as many rounds as fit into this time, instead of --rounds\n"
	"  --limit N     let the user have N units of user.max_trampfd_units\n"
	"  --inject      let allocations fail (CONFIG_FAULT_INJECTION)\n"
	"  --guided      look for inputs that reach more of the kernel (CONFIG_KCOV)\n"
	"  --corpus DIR  begin with the inputs in this directory; with --guided\n"
	"  --places      print what was reached; with --guided\n"
	"  --help        print this\n";

static unsigned long read_number(const char *text, const char *name)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end) {
		fprintf(stderr, "fuzz_model: --%s wants a number, not \"%s\".\n", name,
			text);
		exit(2);
	}
	return value;
}

static void read_arguments(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "length", required_argument, NULL, 'l' },
		{ "seconds", required_argument, NULL, 't' },
		{ "limit", required_argument, NULL, 'm' },
		{ "inject", no_argument, NULL, 'i' },
		{ "guided", no_argument, NULL, 'g' },
		{ "corpus", required_argument, NULL, 'c' },
		{ "places", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			args.seed = read_number(optarg, "seed");
			break;
		case 'r':
			args.rounds = read_number(optarg, "rounds");
			break;
		case 'l':
			args.length = read_number(optarg, "length");
			break;
		case 't':
			args.seconds = read_number(optarg, "seconds");
			break;
		case 'm':
			options.limit = read_number(optarg, "limit");
			break;
		case 'i':
			options.inject = true;
			break;
		case 'g':
			args.guided = true;
			break;
		case 'c':
			args.corpus = optarg;
			break;
		case 'p':
			args.places = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			/* getopt_long() has said what is wrong. */
			exit(2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fuzz_model: \"%s\" is no option.\n", argv[optind]);
		exit(2);
	}
	if ((args.corpus || args.places) && !args.guided) {
		fprintf(stderr, "fuzz_model: --corpus and --places are for --guided.\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	double begin;

	if (argc > 1 && !strcmp(argv[1], "--after-exec"))
		return after_exec(argc, argv);
	read_arguments(argc, argv);
	ksft_print_header();
	if (!trampfd_present())
		ksft_exit_skip(NO_TRAMPFD "\n");
	trap_init();
	/*
	 * Children on other CPUs would mostly wait for each other: fuzz_storm is for
	 * that.  And stale_code() has to see what the rounds will see.
	 */
	run_on_cpu(args.seed);
	find_options();
	if (options.limit && own_limit(options.limit))
		ksft_exit_skip(NO_USER_NS "\n", errno);
	if (args.guided && !cover_init())
		ksft_exit_skip("no CONFIG_KCOV in this kernel, or not for this user\n");
	ksft_set_plan(1);
	run_init(args.seed);
	begin = now();
	if (args.guided)
		run_guided();
	else
		run_plain();
	run_print("model", now() - begin);
	if (args.places)
		cover_print();
	ksft_test_result(!failed, "all operations did what they had to do\n");
	ksft_finished();
}
