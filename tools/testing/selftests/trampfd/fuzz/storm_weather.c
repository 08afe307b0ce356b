// SPDX-License-Identifier: GPL-2.0
/* What an administrator changes meanwhile: limits, the switch, failing allocations. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "storm.h"

#define ENABLED		"/proc/sys/vm/trampfd_enabled"
#define DEBUGFS		"/sys/kernel/debug"

static struct choices choices;

/* A setting of the system, and what it was before; not @there if it can't be changed. */
struct setting {
	const char *path;
	long long before;
	bool there;
	bool changed;
};

static struct setting limit = { .path = LIMIT };
static struct setting enabled = { .path = ENABLED };

/*
 * Without these, only allocations that may not sleep, or of several pages, would fail;
 * and each failure would be a call trace in the log.
 */
static struct {
	const char *file;
	const char *value;
	char before[16];
	bool there;
} faults[] = {
	{ .file = "failslab/ignore-gfp-wait", .value = "N" },
	{ .file = "failslab/verbose", .value = "0" },
	{ .file = "fail_page_alloc/ignore-gfp-wait", .value = "N" },
	{ .file = "fail_page_alloc/ignore-gfp-highmem", .value = "N" },
	{ .file = "fail_page_alloc/min-order", .value = "0" },
	{ .file = "fail_page_alloc/verbose", .value = "0" },
};

static char debugfs[64];

static void setting_init(struct setting *s)
{
	s->there = !file_read_number(s->path, &s->before) &&
		   !file_write_number(s->path, s->before);
}

static void setting_change(struct setting *s, long long value)
{
	if (s->there)
		s->changed = !file_write_number(s->path, value);
}

static void setting_restore(struct setting *s)
{
	if (s->changed)
		file_write_number(s->path, s->before);
	s->changed = false;
}

static void fault_path(size_t i, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", debugfs, faults[i].file);
}

static void faults_init(void)
{
	char path[128];
	const char *dir;
	size_t i;

	if (file_read("/proc/self/fail-nth", path, sizeof(path)) < 0)
		return;
	dir = mounted("debugfs", DEBUGFS);
	if (!dir)
		return;
	options.inject = true;
	snprintf(debugfs, sizeof(debugfs), "%s", dir);
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		fault_path(i, path, sizeof(path));
		faults[i].there = file_read(path, faults[i].before,
					    sizeof(faults[i].before)) > 0 &&
				  !file_write(path, faults[i].value);
	}
}

static void memory_limit(const char *value)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/memory.max", options.cgroup_dir);
	file_write(path, value);
}

void weather_init(void)
{
	choices_init(&choices, ~options.seed, NULL, 0);
	setting_init(&limit);
	setting_init(&enabled);
	faults_init();
	options.cgroup = !cgroup_make(options.cgroup_dir,
				      sizeof(options.cgroup_dir));
	printf("# fuzz: storm: limit %s, switch %s, memory cgroup %s, failing allocations %s\n",
	       limit.there ? "yes" : "no", enabled.there ? "yes" : "no",
	       options.cgroup ? "yes" : "no", options.inject ? "yes" : "no");
}

/* Fine most of the time, because little happens where everything is refused. */
#define BAD_TURNS	12
#define FINE_TURNS	40

void weather_turn(void)
{
	static unsigned int turns;
	static bool poor;
	char path[160];
	long long now;

	if (turns) {
		turns--;
		return;
	}
	turns = choose(&choices, BAD_TURNS);
	setting_restore(&limit);
	setting_restore(&enabled);
	if (poor)
		memory_limit("max");
	poor = false;
	switch (choose(&choices, 6)) {
	case 0:
		/* What is there now is more than that, or nearly as much. */
		setting_change(&limit, choose(&choices, 2 * units() + 1));
		break;
	case 1:
		setting_change(&enabled, choose(&choices, 2) * 2);
		break;
	case 2:
		snprintf(path, sizeof(path), "%s/memory.current",
			 options.cgroup_dir);
		if (!options.cgroup || file_read_number(path, &now))
			break;
		snprintf(path, sizeof(path), "%lld",
			 now + choose(&choices, 128 * 1024));
		memory_limit(path);
		poor = true;
		/* Memory is charged in larger pieces, so that it takes longer to matter. */
		turns = choose(&choices, 10 * BAD_TURNS);
		break;
	default:
		turns = choose(&choices, FINE_TURNS);
		break;
	}
}

void weather_end(void)
{
	char path[128];
	size_t i;

	setting_restore(&limit);
	setting_restore(&enabled);
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		fault_path(i, path, sizeof(path));
		if (faults[i].there)
			file_write(path, faults[i].before);
	}
	if (options.cgroup)
		rmdir(options.cgroup_dir);
}
