// SPDX-License-Identifier: GPL-2.0
/*
 * A shared library that has the library's functions for nested functions in itself,
 * hidden, and is loaded and unloaded by a program that has others, which come first for
 * all that looks for them.
 */
#include <dlfcn.h>
#include <limits.h>
#include <semaphore.h>

#include "../kselftest_harness.h"
#include "filter.h"
#include "nested_util.h"

#define LIBRARY		"libplugin.so.1"
#define THREADS		4
#define ROUNDS		100
/* How many each thread leaves behind. */
#define LEFT		50

static struct plugin {
	void *library;
	typeof(plugin_call) *call;
	typeof(plugin_leave) *leave;
	typeof(plugin_hold) *hold;
	typeof(plugin_at_end) *at_end;
	typeof(plugin_procedure) *procedure;
} plugin;

static bool find(void *function, const char *name)
{
	*(void **)function = dlsym(plugin.library, name);
	return *(void **)function;
}

static bool load(void)
{
	plugin.library = dlopen(LIBRARY, RTLD_NOW);
	return plugin.library && find(&plugin.call, "plugin_call") &&
	       find(&plugin.leave, "plugin_leave") && find(&plugin.hold, "plugin_hold") &&
	       find(&plugin.at_end, "plugin_at_end") &&
	       find(&plugin.procedure, "plugin_procedure");
}

/* Whether it is not there any more. */
static bool unload(void)
{
	return !dlclose(plugin.library) && !dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD);
}

FIXTURE(plugin) {
};

FIXTURE_SETUP(plugin)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	ASSERT_TRUE(load())
		TH_LOG("%s", dlerror());
}

FIXTURE_TEARDOWN(plugin)
{
}

/* The program's own are others, as where it was linked with libgcc. */
TEST_F(plugin, has_its_own)
{
	typeof(__gcc_nested_func_ptr_deleted) *first;

	*(void **)&first = dlsym(RTLD_DEFAULT, "__gcc_nested_func_ptr_deleted");
	ASSERT_TRUE(!!first);
	first();
	EXPECT_EQ(next_deleted(), 1);

	EXPECT_TRUE(!!plugin.call(context_target));
	EXPECT_EQ(next_created(), 0);
	EXPECT_EQ(all_set(), 1);
	/* Nobody else sees those of the plugin. */
	EXPECT_EQ(dlsym(plugin.library, "__gcc_nested_func_ptr_deleted"), first);
	EXPECT_TRUE(unload());
}

/* They are used where the kernel refuses. */
TEST_F(plugin, refused)
{
	ASSERT_TRUE(refuse(__NR_trampfd_create, EPERM));
	EXPECT_FALSE(!!plugin.call(context_target));
	EXPECT_EQ(next_created(), 1);
	EXPECT_EQ(next_deleted(), 1);
	EXPECT_TRUE(unload());
}

/*
 * Unloading.
 */

static pthread_barrier_t barrier;

static void *uses(void *arg)
{
	pthread_barrier_wait(&barrier);		/* loaded */
	plugin.leave(context_target, LEFT);
	if (!plugin.call(context_target))
		arg = NULL;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);		/* unloaded */
	return arg;
}

/* One that is there all the time. */
static void *always_uses(void *arg)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		arg = uses(arg);
	return arg;
}

/* How many keys for data of threads can be made. */
static int keys(void)
{
	static pthread_key_t made[PTHREAD_KEYS_MAX];
	int n = 0, i;

	while (n < PTHREAD_KEYS_MAX && !pthread_key_create(&made[n], NULL))
		n++;
	for (i = 0; i < n; i++)
		pthread_key_delete(made[i]);
	return n;
}

TEST_F(plugin, unloaded_with_threads)
{
	pthread_t threads[THREADS + 1];
	int round, i, free_keys;
	long set = 0;
	void *result;

	ASSERT_TRUE(unload());
	free_keys = keys();
	ASSERT_EQ(pthread_barrier_init(&barrier, NULL, THREADS + 2), 0);
	ASSERT_EQ(pthread_create(&threads[THREADS], NULL, always_uses, &barrier), 0);

	for (round = 0; round < ROUNDS; round++) {
		ASSERT_TRUE(load());
		for (i = 0; i < THREADS; i++)
			ASSERT_EQ(pthread_create(&threads[i], NULL, uses, &barrier), 0);
		pthread_barrier_wait(&barrier);
		ASSERT_TRUE(!!plugin.call(context_target));
		if (round % 2)
			plugin.at_end(context_target);
		pthread_barrier_wait(&barrier);
		ASSERT_TRUE(unload());
		if (!round)
			set = all_set();
		pthread_barrier_wait(&barrier);
		for (i = 0; i < THREADS; i++) {
			ASSERT_EQ(pthread_join(threads[i], &result), 0);
			ASSERT_EQ(result, &barrier);
		}
	}
	ASSERT_EQ(pthread_join(threads[THREADS], &result), 0);
	EXPECT_EQ(result, &barrier);
	EXPECT_EQ(next_created(), 0);
	EXPECT_EQ(keys(), free_keys);
	/* All that was made is for others again. */
	EXPECT_LE(all_set(), set);
}

/* exit() runs the same destructors, but other threads go on. */
static sem_t held;
static void *held_function, *held_frame;

static void hold(void *function, void *frame)
{
	held_function = function;
	held_frame = frame;
	sem_post(&held);
	for (;;)
		pause();
}

static void *holds(void *arg)
{
	plugin.hold(context_target, hold);
	return arg;
}

/* After the plugin's destructors. */
static void others_go_on(void)
{
	void *other;
	int i;

	/* It would get what was given back. */
	for (i = 0; i < 200; i++) {
		other = trampfd_alloc();
		if (!other || trampfd_init(other, context_target, NULL))
			_exit(1);
	}
	if (call(held_function) != (long)held_frame)
		_exit(2);
	if (!plugin.call(context_target))
		_exit(3);
	_exit(42);
}

static void exit_with_threads(void)
{
	pthread_t id;

	if (sem_init(&held, 0, 0) || pthread_create(&id, NULL, holds, NULL))
		return;
	while (sem_wait(&held))
		;
	plugin.at_end(context_target);
	next_at_end(others_go_on);
	exit(0);
}

/* What internal procedures were left with goes when the library does. */
TEST_F(plugin, unloaded_with_procedures)
{
	int first = 0, round;

	for (round = 0; round < ROUNDS; round++) {
		if (!plugin.procedure(context_target))
			SKIP(return, NO_PROCEDURES);
		EXPECT_EQ(all_set(), 1);
		ASSERT_TRUE(unload());
		EXPECT_EQ(all_set(), 0);
		if (!round)
			first = mappings("[trampfd");
		ASSERT_TRUE(load());
	}
	EXPECT_LT(0, first);
	EXPECT_EQ(mappings("[trampfd"), first);
}

TEST_F(plugin, exit)
{
	EXPECT_EQ(end_of(exit_with_threads), 42);
}

/* A child of fork() unloads it, where the other threads are not there. */
static void unload_in_child(void)
{
	if (!plugin.call(context_target) || !unload() || !load() ||
	    !plugin.call(context_target))
		_exit(1);
}

static void *forks(void *arg)
{
	plugin.leave(context_target, LEFT);
	return end_of(unload_in_child) ? NULL : arg;
}

TEST_F(plugin, unloaded_after_fork)
{
	pthread_t id;

	ASSERT_EQ(sem_init(&held, 0, 0), 0);
	ASSERT_EQ(pthread_create(&id, NULL, holds, NULL), 0);
	while (sem_wait(&held))
		;
	EXPECT_EQ(end_of(unload_in_child), 0);
	EXPECT_TRUE(run_thread(forks));
	EXPECT_EQ(call(held_function), (long)held_frame);
}

TEST_HARNESS_MAIN
