/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of several processes share: a private and a shared table, and who has it. */
#ifndef FAMILY_UTIL_H
#define FAMILY_UTIL_H

#include <sys/socket.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

/* Several pages, so that a copy has several parts however it is kept. */
#define PAGES	4

FIXTURE(family) {
	struct table t;
	unsigned int n;
	/* From the parent to the child, and the other way. */
	int down[2];
	int up[2];
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(family)

FIXTURE_SETUP(family)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
#ifdef TRAMPFD_BY_CODE
	table_shape = 1;
#endif
	ASSERT_EQ(0, table_open(&self->t, 1, 0));
	self->n = PAGES * table_per_page(&self->t);
	table_close(&self->t);
	ASSERT_EQ(0, table_open(&self->t, self->n, 0));
	ASSERT_EQ((int)self->n, set_values(self->t.fd, 0, self->n, 1000));
	ASSERT_EQ(0, pipe(self->down));
	ASSERT_EQ(0, pipe(self->up));
}

FIXTURE_TEARDOWN(family)
{
	table_close(&self->t);
}

/* Numbers at the borders of pages and of 256, and some between them. */
static inline unsigned int sample(const DATA *self, unsigned int i)
{
	const unsigned int page = table_per_page(&self->t);
	const unsigned int samples[] = {
		0, 1, 100, 255, 256, 257, page - 2, 2 * page - 1, 2 * page,
		2 * page + 1, 3 * page, self->n - 1,
	};

	return samples[i];
}

#define NSAMPLES	12

/* All samples give what the fixture has set, plus @more, and read so. */
static inline bool all_give(const DATA *self, unsigned long more)
{
	unsigned int i;

	for (i = 0; i < NSAMPLES; i++) {
		unsigned int n = sample(self, i);

		if (!gives(table_entry(&self->t, n), 1000 + n + more) ||
		    !has_value(self->t.fd, n, 1000 + n + more)) {
			fprintf(stderr, "# trampoline %u is different\n", n);
			return false;
		}
	}
	return true;
}

/* Every way to use a descriptor from an mm that has no copy gives EPERM. */
static inline bool no_copy(struct table *t)
{
	const uint64_t pcs[] = { ARCH_CODE(arch_data) };
	struct context c;
	struct table again = *t;

	context_init(&c, 0, ARCH_CODE(arch_data));
	return context_set(t->fd, &c) == -EPERM &&
	       context_get(t->fd, 0, &c) == -EPERM &&
	       remove_one(t->fd, 0) == -EPERM &&
	       seal_one(t->fd, 0) == -EPERM &&
	       allow(t->fd, pcs, 1) == -EPERM &&
	       table_map(&again) == -EPERM;
}

FIXTURE(shared) {
	struct table t;
	int s[2];
};

FIXTURE_SETUP(shared)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, self->s))
		SKIP(return, "no Unix sockets (CONFIG_UNIX)");
	ASSERT_EQ(0, table_open(&self->t, 8, TRAMPFD_SHARED));
	ASSERT_EQ(1, set_value(self->t.fd, 0, 31));
}

FIXTURE_TEARDOWN(shared)
{
	table_close(&self->t);
}

#endif /* FAMILY_UTIL_H */
