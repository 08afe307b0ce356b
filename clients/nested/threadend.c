// SPDX-License-Identifier: GPL-2.0
/*
 * Threads end with nested functions left behind by longjmp(): what they had
 * is given to the next.  As the kernel says how many trampolines are set, this
 * is for libtrampfd only.
 */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>

#define LEFT_BEHIND	100

static long trampolines_set(void)
{
	long total = 0, set;
	struct dirent *d;
	char line[128];
	char path[300];
	FILE *f;
	DIR *dir;

	dir = opendir("/proc/self/fdinfo");
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", d->d_name);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f)) {
			if (sscanf(line, "trampfd-set: %ld", &set) == 1)
				total += set;
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return total;
}

static __attribute__((noipa)) void call(void (*f)(void))
{
	f();
}

static __attribute__((noipa)) void leave(jmp_buf *out, int n)
{
	void jump(void)
	{
		longjmp(*out, n);
	}

	call(jump);
}

static void *thread(void *unused)
{
	jmp_buf out;
	volatile int i;

	for (i = 1; i <= LEFT_BEHIND; i++) {
		if (!setjmp(out))
			leave(&out, i);
	}
	return unused;
}

static void run_threads(int n)
{
	pthread_t t;

	while (n--) {
		pthread_create(&t, NULL, thread, NULL);
		pthread_join(t, NULL);
	}
}

int main(void)
{
	long one, many;

	run_threads(1);
	one = trampolines_set();
	run_threads(200);
	many = trampolines_set();
	printf("left behind: %s, by 200 threads more: %ld\n",
	       one >= LEFT_BEHIND ? "all" : "not all", many - one);
	return 0;
}
