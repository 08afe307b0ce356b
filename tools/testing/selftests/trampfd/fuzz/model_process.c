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
	unsigned int number, turns;
	bool fired;
	pid_t pid;

	/* Each process costs as much as hundreds of calls. */
	if (choose(&self.choices, 3))
		return;
	if (self.depth == DEPTH_MAX || self.nchildren == CHILDREN_MAX) {
		wait_children();
		return;
	}
	number = __atomic_fetch_add(&run->forks, 1, __ATOMIC_RELAXED);
	number = self.nchildren;
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
 * After exec there is no private table, and a shared one is what it was.  The
 * descriptors, the size of the shared mapping, and one trampoline of it are handed
 * over as arguments.
 */
void do_exec(void)
{
	const struct known_table *private = NULL, *shared = NULL;
	int private_fd = -1, shared_fd = -1;
	unsigned int i, k = 0;
	char text[8][32], *argv[10];
	bool readonly;
	pid_t pid;

	if (choose(&self.choices, 15))
		return;
	for (i = 0; i < TABLES_MAX; i++) {
		const struct known_table *t = &self.table[i];
		int fd = t->exists ? any_fd(t, false, &readonly) : -1;

		if (fd < 0)
			continue;
		if (t->shared) {
			shared = t;
			shared_fd = fd;
		} else {
			private = t;
			private_fd = fd;
		}
	}
	if (!private && !shared)
		return;
	pid = fork();
	if (pid) {
		count_operation();
		if (pid < 0)
			differs("fork: errno %d", errno);
		child_ended(pid);
		return;
	}
	if (shared) {
		contents_lock((struct known_table *)shared);
		for (k = 0; k < shared->attr.ntrampolines; k++)
			if (shared->contents->slot[k].is_set)
				break;
		if (k == shared->attr.ntrampolines)
			k = 0;
	}
	fcntl(private_fd, F_SETFD, 0);
	fcntl(shared_fd, F_SETFD, 0);
	snprintf(text[0], 32, "%d", private_fd);
	snprintf(text[1], 32, "%llu",
		 private ? (unsigned long long)private->attr.map_size : 0ULL);
	snprintf(text[2], 32, "%d", shared_fd);
	snprintf(text[3], 32, "%llu",
		 shared ? (unsigned long long)shared->attr.map_size : 0ULL);
	snprintf(text[4], 32, "%u", k);
	snprintf(text[5], 32, "%d", shared && shared->contents->slot[k].is_set);
	snprintf(text[6], 32, "%llu", shared ?
		 (unsigned long long)shared->contents->slot[k].pc : 0ULL);
	argv[0] = "fuzz_model";
	argv[1] = "--after-exec";
	for (i = 0; i < 7; i++)
		argv[2 + i] = text[i];
	argv[9] = NULL;
	if (shared)
		contents_unlock((struct known_table *)shared);
	execv("/proc/self/exe", argv);
	_exit(1);
}

/* What is wrong, in the status; see child_ended(). */
int after_exec(int argc, char **argv)
{
	unsigned long long number[7];
	struct context c = { .rec = { .nregs = 0 } };
	size_t size;
	void *p;
	int i;

	if (argc != 9)
		return 2;
	for (i = 0; i < 7; i++)
		number[i] = strtoull(argv[2 + i], NULL, 10);
	if ((int)number[0] >= 0) {
		p = mmap(NULL, number[1], PROT_NONE, MAP_PRIVATE, number[0], 0);
		if (p != MAP_FAILED || errno != EPERM)
			return 3;
		if (context_get(number[0], 0, &c) != -EPERM)
			return 4;
	}
	if ((int)number[2] >= 0) {
		size = number[3];
		p = mmap(NULL, size, PROT_NONE, MAP_SHARED, number[2], 0);
		/* The new address space needs an index, for which there may be no room. */
		if (p == MAP_FAILED)
			return errno == EDQUOT ? 0 : 5;
		/* Others may have changed it meanwhile, but not to what can't be. */
		i = context_get(number[2], number[4], &c);
		if (i != 1 && i != -ENOENT)
			return 6;
		munmap(p, size);
	}
	return 0;
}
