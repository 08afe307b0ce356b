// SPDX-License-Identifier: GPL-2.0
/* Children of all kinds: what they get of their parent's tables. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "cover.h"
#include "model.h"

static void child_ended(pid_t pid)
{
	int status = child_status(pid);

	if (status == FUZZ_DIFFERS)
		_exit(FUZZ_DIFFERS);
	if (status)
		differs("a child ended with the status %d", status);
}

void wait_children(void)
{
	while (self.nchildren)
		child_ended(self.child[--self.nchildren]);
}

/* What the model is after a fork, in the child. */
static void become_child(unsigned int number)
{
	unsigned int i;

	self.depth++;
	self.nchildren = 0;
	self.failing = false;
	choices_fork(&self.choices, number);
	inject_init();
	cover_begin();
	for (i = 0; i < self.npages; i++) {
		self.pages[i].touched = false;
		if (self.pages[i].dontfork)
			page_change(i, HOLE, NULL, 0, 0);
	}
	for (i = 0; i < TABLES_MAX; i++) {
		struct known_table *t = &self.table[i];

		if (!t->exists)
			continue;
		if (!t->shared && !t->npages)
			t->absent = true;
		table_settle(t);
	}
}

void do_fork(void)
{
	const unsigned int number = self.nchildren;
	unsigned int turns;
	bool fired;
	pid_t pid;

	/* Each process costs as much as hundreds of calls. */
	if (choose(&self.choices, 3))
		return;
	if (self.depth == DEPTH_MAX || self.nchildren == CHILDREN_MAX) {
		wait_children();
		return;
	}
	inject_arm();
	pid = fork();
	if (!pid) {
		become_child(number);
		turns = 1 + choose(&self.choices, 100);
		while (turns--)
			do_something();
		wait_children();
		cover_end();
		_exit(0);
	}
	fired = inject_fired();
	count_operation();
	if (pid < 0) {
		if (!fired || (errno != ENOMEM && errno != EAGAIN))
			differs("fork: errno %d", errno);
		return;
	}
	__atomic_fetch_add(&run->forks, 1, __ATOMIC_RELAXED);
	/* The child's choices are not the parent's. */
	choose_any(&self.choices);
	self.child[self.nchildren++] = pid;
	if (choose(&self.choices, 2))
		wait_children();
}

/*
 * A child that shares the memory, so it is the same process for the model.  Its
 * descriptors are its own: it makes none.
 */
void do_vfork(void)
{
	static void (*const some[])(void) = {
		do_set, do_remove, do_get, do_calls, do_map_over, do_unmap, do_move,
	};
	unsigned int which = choose(&self.choices, ARRAY_SIZE(some));
	pid_t pid;

	/* An allocation would have to fail in the other process. */
	if (options.inject || choose(&self.choices, 5))
		return;
	pid = vfork();
	if (!pid) {
		some[which]();
		_exit(0);
	}
	count_operation();
	if (pid < 0)
		differs("vfork: errno %d", errno);
	child_ended(pid);
}

/*
 * After exec there is no private table, and a shared one is what it was.  The new
 * program gets as arguments: the two descriptors, the sizes of their mappings, and what
 * a trampoline of the shared table has.
 */
enum {
	PRIVATE_FD,
	PRIVATE_SIZE,
	SHARED_FD,
	SHARED_SIZE,
	TRAMPOLINE,
	IS_SET,
	SEED,
	PC,
	NARGUMENTS,
};

/* The last table of that kind that has a descriptor, in *@fd. */
static struct known_table *table_with_fd(bool shared, int *fd)
{
	struct known_table *found = NULL;
	bool readonly;
	unsigned int i;
	int any;

	for (i = 0; i < TABLES_MAX; i++) {
		struct known_table *t = &self.table[i];

		any = t->exists && t->shared == shared ? any_fd(t, false, &readonly) : -1;
		if (any < 0)
			continue;
		found = t;
		*fd = any;
	}
	return found;
}

static void __noreturn execute(const long long *number)
{
	char text[NARGUMENTS][32], *argv[2 + NARGUMENTS + 1];
	unsigned int i;

	fcntl(number[PRIVATE_FD], F_SETFD, 0);
	fcntl(number[SHARED_FD], F_SETFD, 0);
	argv[0] = "fuzz_model";
	argv[1] = "--after-exec";
	for (i = 0; i < NARGUMENTS; i++) {
		snprintf(text[i], sizeof(text[i]), "%lld", number[i]);
		argv[2 + i] = text[i];
	}
	argv[2 + i] = NULL;
	execv("/proc/self/exe", argv);
	_exit(1);
}

void do_exec(void)
{
	int private_fd = -1, shared_fd = -1;
	struct known_table *private, *shared;
	long long number[NARGUMENTS] = { 0 };
	const struct slot *slot;
	pid_t pid;

	if (choose(&self.choices, 15))
		return;
	private = table_with_fd(false, &private_fd);
	shared = table_with_fd(true, &shared_fd);
	if (!private && !shared)
		return;
	number[PRIVATE_FD] = private_fd;
	number[SHARED_FD] = shared_fd;
	if (private)
		number[PRIVATE_SIZE] = private->attr.map_size;
	if (shared) {
		/* Until the new program has looked at it. */
		contents_lock(shared);
		number[SHARED_SIZE] = shared->attr.map_size;
		number[TRAMPOLINE] = any_recent(shared);
		slot = &shared->contents->slot[number[TRAMPOLINE]];
		number[IS_SET] = slot->is_set + slot->sealed;
		number[SEED] = slot->seed;
		number[PC] = slot->pc;
	}
	pid = fork();
	if (!pid)
		execute(number);
	count_operation();
	if (pid < 0)
		differs("fork: errno %d", errno);
	child_ended(pid);
	if (shared)
		contents_unlock(shared);
}

/* Is the shared table what it was?  0, or the status to end with. */
static int check_shared(const long long *number)
{
	const struct known_table t = { .shared = true };
	struct context want, have;
	int ret;
	void *p;

	p = mmap(NULL, number[SHARED_SIZE], PROT_NONE, MAP_SHARED, number[SHARED_FD], 0);
	/* The new address space needs an index, for which there may be no room. */
	if (p == MAP_FAILED && errno != EDQUOT)
		return 5;
	ret = context_get(number[SHARED_FD], number[TRAMPOLINE], &have);
	if (!number[IS_SET])
		return ret == -ENOENT ? 0 : 6;
	if (ret != 1)
		return 7;
	slot_context(&t, number[TRAMPOLINE], number[SEED], number[PC], &want);
	if (number[IS_SET] > 1)
		want.rec.flags = TRAMPFD_RECORD_SEALED;
	return context_equal(&want, &have) ? 0 : 8;
}

/* What is wrong, in the status; see child_ended(). */
int after_exec(int argc, char **argv)
{
	long long number[NARGUMENTS];
	struct context c;
	void *p;
	int i;

	if (argc != 2 + NARGUMENTS)
		return 2;
	for (i = 0; i < NARGUMENTS; i++)
		number[i] = strtoll(argv[2 + i], NULL, 10);
	if (number[PRIVATE_FD] >= 0) {
		p = mmap(NULL, number[PRIVATE_SIZE], PROT_NONE, MAP_PRIVATE,
			 number[PRIVATE_FD], 0);
		if (p != MAP_FAILED || errno != EPERM)
			return 3;
		if (context_get(number[PRIVATE_FD], 0, &c) != -EPERM)
			return 4;
	}
	return number[SHARED_FD] < 0 ? 0 : check_shared(number);
}
