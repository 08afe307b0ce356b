// SPDX-License-Identifier: GPL-2.0
/*
 * Threads and processes that do everything at once with trampolines.  Nobody can know
 * the result of each call then, but some things have to hold in any order:
 *
 * - A call gets one whole context, or is a fault where the trampoline may be gone.
 * - A system call fails with an error that is documented for it.
 * - Of many records or numbers, exactly those before the first bad one are done.
 * - What nobody changes remains as it is.
 * - Processes end as they want, or by a signal that was sent.
 * - In the end nothing is left in the kernel.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "storm.h"

/* What takes some seconds in an emulated machine with two CPUs. */
#define OPERATIONS	60000
#define PROCESSES	2
#define THREADS		3

/* Seconds without any operation after which the storm is stuck. */
#define STUCK		300
/* After a report, processes have these seconds to end by themselves. */
#define GRACE		20
#define TURN_US		4000

struct sea *sea;
struct options options = {
	.seed = 1,
	.operations = OPERATIONS,
	.threads = THREADS,
	.processes = PROCESSES,
};

static const char usage[] =
	"Usage: fuzz_storm [--seed N] [--operations N] [--seconds S] [--threads N] [--processes N]\n"
	"Do everything at once with trampolines, and report what is never right.\n"
	"\n"
	"  --seed N        what the choices are made of (default 1)\n"
	"  --operations N  how many operations, about\n"
	"  --seconds S     as many operations as there can be in this time\n"
	"  --threads N     threads of each process, 1 to 8 (default 3)\n"
	"  --processes N   processes, besides their children, 1 to 8 (default 2)\n";

static void __noreturn bad_argument(const char *text, const char *what)
{
	fprintf(stderr, "fuzz_storm: %s %s; see fuzz_storm --help.\n", text, what);
	exit(2);
}

static unsigned long long parse_number(const char *name, const char *text,
				       unsigned long long max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n > max ||
	    (!n && strcmp(name, "seed")))
		bad_argument("This option has no such value:", name);
	return n;
}

static void parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "operations", required_argument, NULL, 'o' },
		{ "seconds", required_argument, NULL, 't' },
		{ "threads", required_argument, NULL, 'n' },
		{ "processes", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int which, index;

	opterr = 0;
	while ((which = getopt_long(argc, argv, "", names, &index)) != -1) {
		switch (which) {
		case 's':
			options.seed = parse_number("seed", optarg, UINT64_MAX);
			break;
		case 'o':
			options.operations = parse_number("operations", optarg,
							  INT32_MAX);
			break;
		case 't':
			options.seconds = parse_number("seconds", optarg, 1000000);
			options.operations = INT32_MAX;
			break;
		case 'n':
			options.threads = parse_number("threads", optarg,
						       THREADS_MAX);
			break;
		case 'p':
			options.processes = parse_number("processes", optarg,
							 PROCESSES_MAX);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			bad_argument("There is no such option, or no value after it:",
				     argv[optind - 1]);
		}
	}
	if (optind < argc)
		bad_argument("This word is too much:", argv[optind]);
}

/*
 * What is left in the kernel.
 */

static struct {
	const char *cache;
	long long before;
	bool known;
} caches[] = {
	{ .cache = CONTEXTS },
	{ .cache = CHUNKS },
	{ .cache = "trampfd_context_target" },
};

static long long units_before;

static int count_objects(size_t i, long long *objects)
{
	char path[96];

	/* What a CPU keeps for reuse counts as in use until it is told. */
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", caches[i].cache);
	file_write(path, "1");
	return slab_objects(caches[i].cache, objects);
}

static void left_init(void)
{
	size_t i;

	units_before = units_settled(-1);
	for (i = 0; i < ARRAY_SIZE(caches); i++)
		caches[i].known = !count_objects(i, &caches[i].before);
}

/* RCU gives back in its own time. */
#define LEFT_TURNS	600
#define LEFT_US		100000

static bool is_left(size_t i)
{
	long long now = 0;
	unsigned int turns;

	for (turns = 0; caches[i].known && turns < LEFT_TURNS; turns++) {
		if (count_objects(i, &now) || now <= caches[i].before)
			return false;
		usleep(LEFT_US);
	}
	if (caches[i].known)
		printf("# fuzz: storm: %lld objects of %s are left, and %lld were there before\n",
		       now, caches[i].cache, caches[i].before);
	return caches[i].known;
}

static bool anything_left(void)
{
	long long now = units_settled(units_before);
	bool left = units_before >= 0 && now > units_before;
	size_t i;

	if (left)
		printf("# fuzz: storm: %lld units are left, and %lld were there before\n",
		       now, units_before);
	for (i = 0; i < ARRAY_SIZE(caches); i++)
		left |= is_left(i);
	return left;
}

/*
 * The processes.
 */

static pid_t pids[PROCESSES_MAX];
static unsigned int npids;
static volatile sig_atomic_t interrupted;

static void on_end(int signo)
{
	interrupted = signo;
}

/* The group of all processes is that of the first one. */
static void start_processes(void)
{
	unsigned int i;
	pid_t pid;

	fflush(stdout);
	for (i = 0; i < options.processes; i++) {
		pid = fork();
		if (pid < 0)
			ksft_exit_fail_perror("fork");
		setpgid(pid, pids[0]);
		if (!pid) {
			signal(SIGTERM, SIG_DFL);
			signal(SIGINT, SIG_DFL);
			process_run(i);
		}
		pids[npids++] = pid;
	}
}

static bool is_first(pid_t pid)
{
	unsigned int i;

	for (i = 0; i < npids; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Reap what has ended, and what has lost its parent; false if no process is left. */
static bool reap(bool killed)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		/* Nobody knows who has killed what has lost its parent. */
		if (killed || ended_well(status, !is_first(pid)))
			continue;
		printf("# fuzz: storm: process %d ended with wait status %#x\n",
		       pid, status);
		run->reports++;
	}
	return !pid || errno != ECHILD;
}

/* Until all have ended. */
static void watch(void)
{
	double start = now(), last = start, end = 0;
	uint32_t progress = 0;
	bool killed = false;

	while (reap(killed)) {
		const double t = now();

		if (sea->progress != progress) {
			progress = sea->progress;
			last = t;
		}
		if (options.seconds && t > start + options.seconds)
			__atomic_store_n(&sea->stop, 1, __ATOMIC_RELAXED);
		if (run->reports && !end)
			end = t + GRACE;
		if (!killed && !run->reports && t > last + STUCK) {
			printf("# fuzz: storm: nothing has happened for %d seconds\n",
			       STUCK);
			run->reports++;
			end = t;
		}
		if (!killed && (interrupted || (end && t >= end))) {
			kill(-pids[0], SIGKILL);
			killed = true;
		}
		if (__atomic_load_n(&sea->ready, __ATOMIC_SEQ_CST) == options.processes)
			weather_turn();
		places_sweep();
		usleep(TURN_US);
	}
}

/* Has the kernel code entries, and may they be mapped? */
static bool code_works(void)
{
	struct table t;
	int ret = code_open(&t, 1, 1);

	if (!ret)
		table_close(&t);
	return !ret;
}

static void prepare(void)
{
	unsigned int i;

	options.page = getpagesize();
	options.code = code_works();
	options.shared_anywhere = shared_at_any_page();
	/* One heap that grows in its place: no other memory is mapped later. */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, options.sock))
		ksft_exit_skip("no Unix sockets (CONFIG_UNIX)\n");
	sea = mmap(NULL, sizeof(*sea), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sea == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	big_init();
	for (i = 0; i < THREADS_MAX; i++) {
		struct worker *w = &workers[i];

		w->number = i;
		w->fail_nth = -1;
		w->room = mmap(NULL, ROOM_SIZE, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (w->room == MAP_FAILED || stack_open(&w->stack, 4))
			ksft_exit_fail_perror("mmap");
	}
}

/* Why nothing can be done here, NULL if it can. */
static const char *missing(void)
{
	struct table t;
	int ret;

	if (!threads_work())
		return NO_THREADS;
	ret = table_create(&t, 1, 0);
	if (!ret)
		close(t.fd);
	switch (-ret) {
	case 0:
		return NULL;
	case EOPNOTSUPP:
		return "no trampolines for this ABI (EOPNOTSUPP)";
	case EPERM:
		return "trampolines are switched off (vm.trampfd_enabled)";
	default:
		return no_such_call(-ret) ? NO_TRAMPFD : "no table can be made";
	}
}

int main(int argc, char **argv)
{
	double begin;
	bool left;

	trap_init();
	if (argc > 2 && !strcmp(argv[1], "--executed"))
		return executed(argc, argv);
	parse(argc, argv);
	ksft_print_header();
	if (missing())
		ksft_exit_skip("%s\n", missing());
	ksft_set_plan(1);
	run_init(options.seed);
	prepare();
	/*
	 * What finds the trampolines of an address space grows, and is kept as long as
	 * that exists.
	 */
	pool_shared_init();
	table_close(&pools[POOL_SHARED].t);
	left_init();
	signal(SIGTERM, on_end);
	signal(SIGINT, on_end);
	weather_init();
	pool_shared_init();
	begin = now();
	start_processes();
	watch();
	weather_end();
	table_close(&pools[POOL_SHARED].t);
	close(options.sock[0]);
	close(options.sock[1]);
	left = anything_left();
	run_print("storm", now() - begin);
	ksft_test_result(!run->reports && !left && !interrupted,
			 "storm, seed %llu\n", (unsigned long long)options.seed);
	ksft_finished();
}
