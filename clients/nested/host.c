// SPDX-License-Identifier: GPL-2.0
/*
 * host library: loads a library with nested functions, and unloads it, again and again,
 * with threads that have used it.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#define ROUNDS	100
#define TIMES	10

static int (*sorted)(int n);
static int good;
static pthread_barrier_t barrier;

static void *thread(void *unused)
{
	int i, round;

	for (round = 0; round < ROUNDS / 2; round++) {
		pthread_barrier_wait(&barrier);
		for (i = 0; i < TIMES; i++)
			good += sorted(i);
		pthread_barrier_wait(&barrier);
	}
	return unused;
}

static int use(const char *name)
{
	void *library = dlopen(name, RTLD_NOW);
	int i;

	if (!library)
		return 0;
	*(void **)&sorted = dlsym(library, "sorted");
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (i = 0; i < TIMES; i++)
		good += sorted(i);
	return !dlclose(library) && !dlopen(name, RTLD_NOW | RTLD_NOLOAD);
}

int main(int argc, char **argv)
{
	pthread_t id;
	int i;

	if (argc < 2)
		return 2;
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&id, NULL, thread, NULL);
	for (i = 0; i < ROUNDS / 2; i++) {
		if (!use(argv[1])) {
			printf("%s was not loaded and unloaded\n", argv[1]);
			return 1;
		}
	}
	pthread_join(id, NULL);
	printf("sorted: %d of %d\n", good, ROUNDS * TIMES);
	return 0;
}
