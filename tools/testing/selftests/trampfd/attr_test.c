// SPDX-License-Identifier: GPL-2.0
/*
 * struct trampfd_attr in each of its sizes: what is read and written of it, and
 * that the bounds it reports are those in force.
 */
#include <assert.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#define NTRAMPOLINES	8

static_assert(TRAMPFD_ATTR_SIZE_VER0 == 40 &&
	      offsetof(struct trampfd_attr, shape_nregs) == 40,
	      "the first version is ABI");
static_assert(TRAMPFD_ATTR_SIZE_VER1 == 112 &&
	      sizeof(struct trampfd_attr) == 112, "and so is this one");

/* What no kernel writes to. */
#define GUARD		0xa5

/* The structure of a caller, and what is behind it. */
union guarded {
	struct trampfd_attr attr;
	unsigned char bytes[4096];
};

FIXTURE(attr) {
	/* The last bytes before what may not be accessed. */
	struct test_stack room;
	char *edge;
};

FIXTURE_VARIANT(attr) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(attr, private) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(attr, shared) {
	.flags = TRAMPFD_SHARED,
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(attr)

FIXTURE_SETUP(attr)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->room, 2));
	self->edge = self->room.mem + self->room.size;
}

FIXTURE_TEARDOWN(attr)
{
	stack_close(&self->room);
}

/* The first @size bytes are the caller's structure, all others the guard. */
static void guarded_init(union guarded *g, size_t size)
{
	memset(g, GUARD, sizeof(*g));
	memset(g, 0, size);
	g->attr.ntrampolines = NTRAMPOLINES;
}

static bool guards_stand(const union guarded *g, size_t size)
{
	size_t i;

	for (i = size; i < sizeof(*g); i++) {
		if (g->bytes[i] != GUARD) {
			fprintf(stderr, "# byte %zu of %zu is written to\n", i,
				size);
			return false;
		}
	}
	return true;
}

/* Is all that the first version tells right? */
static bool is_answer(const struct trampfd_attr *attr, unsigned int flags)
{
	return attr->type == TRAMPFD_FAULT &&
	       attr->ntrampolines == NTRAMPOLINES &&
	       attr->map_size == (uint64_t)getpagesize() &&
	       attr->map_offset == 0 && attr->map_prot == PROT_NONE &&
	       attr->map_flags == (flags & TRAMPFD_SHARED ? MAP_SHARED :
							    MAP_PRIVATE) &&
	       attr->stride && attr->reserved == 0;
}

/* What the structure tells is enough for a table that works. */
static bool works(int fd, const struct trampfd_attr *attr)
{
	struct table t = { .fd = fd };
	bool ret;

	/* A caller of the first version has no more than that. */
	memcpy(&t.attr, attr, TRAMPFD_ATTR_SIZE_VER0);
	ret = !table_map(&t) && set_value(fd, 1, 7) == 1 &&
	      gives(table_entry(&t, 1), 7);
	table_unmap(&t);
	return ret;
}

/* Programs that know no more than the first version. */
TEST_F(attr, first_version)
{
	union guarded g;
	int fd;

	guarded_init(&g, TRAMPFD_ATTR_SIZE_VER0);
	fd = create(&g.attr, TRAMPFD_ATTR_SIZE_VER0, variant->flags);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(is_answer(&g.attr, variant->flags));
	EXPECT_TRUE(guards_stand(&g, TRAMPFD_ATTR_SIZE_VER0));
	EXPECT_TRUE(works(fd, &g.attr));
	EXPECT_EQ(0, close(fd));
}

/* They may have it where nothing is behind it. */
TEST_F(attr, first_version_at_the_end_of_memory)
{
	struct trampfd_attr *attr = (void *)(self->edge -
					     TRAMPFD_ATTR_SIZE_VER0);
	int fd;

	memset(attr, 0, TRAMPFD_ATTR_SIZE_VER0);
	attr->ntrampolines = NTRAMPOLINES;
	fd = create(attr, TRAMPFD_ATTR_SIZE_VER0, variant->flags);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(works(fd, attr));
	EXPECT_EQ(0, close(fd));
}

TEST_F(attr, this_version)
{
	union guarded g;
	int fd;

	guarded_init(&g, TRAMPFD_ATTR_SIZE_VER1);
	fd = create(&g.attr, TRAMPFD_ATTR_SIZE_VER1, variant->flags);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(is_answer(&g.attr, variant->flags));
	EXPECT_TRUE(guards_stand(&g, TRAMPFD_ATTR_SIZE_VER1));
	/* Code has parts, and this type has none. */
	EXPECT_EQ(0U, g.attr.shape_nregs);
	EXPECT_EQ(0U, g.attr.part_size);
	EXPECT_EQ(0U, g.attr.code_offset);
	EXPECT_EQ(0U, g.attr.data_offset);
	EXPECT_EQ(0U, g.attr.code_prot);
	EXPECT_EQ(0U, g.attr.data_prot);
	EXPECT_TRUE(works(fd, &g.attr));
	EXPECT_EQ(0, close(fd));
}

/* No version has such a size; still, each byte is the caller's or is not. */
TEST_F(attr, sizes_between)
{
	union guarded g, whole;
	size_t size;
	int fd;

	guarded_init(&whole, sizeof(whole.attr));
	fd = create(&whole.attr, sizeof(whole.attr), variant->flags);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, close(fd));
	for (size = TRAMPFD_ATTR_SIZE_VER0; size < TRAMPFD_ATTR_SIZE_VER1;
	     size++) {
		guarded_init(&g, size);
		fd = create(&g.attr, size, variant->flags);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, close(fd));
		EXPECT_EQ(0, memcmp(&g, &whole, size));
		ASSERT_TRUE(guards_stand(&g, size));
	}
}

/* A newer program: what it asks for is nothing that this kernel does not know. */
TEST_F(attr, later_version)
{
	const size_t sizes[] = { 113, 120, 128, 1024, 4000, 4096 };
	union guarded g;
	size_t i, k;
	int fd;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] > (size_t)getpagesize())
			continue;
		guarded_init(&g, sizes[i]);
		fd = create(&g.attr, sizes[i], variant->flags);
		ASSERT_LE(0, fd) {
			TH_LOG("size %zu", sizes[i]);
		}
		EXPECT_TRUE(is_answer(&g.attr, variant->flags));
		EXPECT_EQ(0, close(fd));
		EXPECT_TRUE(guards_stand(&g, sizes[i]));
		for (k = sizeof(g.attr); k < sizes[i]; k++)
			ASSERT_EQ(0, g.bytes[k]);

		for (k = sizeof(g.attr); k < sizes[i];
		     k += k < 128 ? 1 : 331) {
			guarded_init(&g, sizes[i]);
			g.bytes[k] = 1;
			ASSERT_EQ(-E2BIG, create(&g.attr, sizes[i],
						 variant->flags)) {
				TH_LOG("byte %zu of %zu", k, sizes[i]);
			}
		}
		/* The last byte, too. */
		guarded_init(&g, sizes[i]);
		g.bytes[sizes[i] - 1] = 0x80;
		EXPECT_EQ(-E2BIG, create(&g.attr, sizes[i], variant->flags));
	}
}

TEST_F(attr, too_small)
{
	union guarded g;
	size_t size;

	for (size = 0; size < TRAMPFD_ATTR_SIZE_VER0; size++) {
		guarded_init(&g, TRAMPFD_ATTR_SIZE_VER0);
		EXPECT_EQ(-EINVAL, create(&g.attr, size, variant->flags));
		EXPECT_EQ(0U, g.attr.map_size);
		EXPECT_TRUE(guards_stand(&g, TRAMPFD_ATTR_SIZE_VER0));
	}
}

TEST_F(attr, too_large)
{
	union guarded g;

	guarded_init(&g, sizeof(g));
	EXPECT_EQ(-E2BIG, create(&g.attr, getpagesize() + 1, variant->flags));
	EXPECT_EQ(-E2BIG, create(&g.attr, ~0UL, variant->flags));
}

/* Only code has a shape. */
TEST_F(attr, shape)
{
	const size_t from = offsetof(struct trampfd_attr, shape_nregs);
	const size_t end = offsetof(struct trampfd_attr, part_size);
	union guarded g;
	size_t i;

	ASSERT_EQ(from + 4 + 4 * TRAMPFD_SHAPE_MAX, end);
	for (i = from; i < end; i++) {
		guarded_init(&g, sizeof(g.attr));
		g.bytes[i] = 1;
		EXPECT_EQ(-EINVAL, create(&g.attr, sizeof(g.attr),
					  variant->flags)) {
			TH_LOG("byte %zu", i);
		}
		/* Also where it is the last thing that the caller has. */
		EXPECT_EQ(-EINVAL, create(&g.attr, i + 1, variant->flags)) {
			TH_LOG("byte %zu", i);
		}
	}
}

/* What is only an answer is not read. */
TEST_F(attr, answers_are_no_input)
{
	union guarded g, plain;
	int fd;

	guarded_init(&plain, sizeof(plain.attr));
	fd = create(&plain.attr, sizeof(plain.attr), variant->flags);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, close(fd));

	guarded_init(&g, sizeof(g.attr));
	memset(&g.attr.map_size, 0x5a,
	       offsetof(struct trampfd_attr, reserved) -
	       offsetof(struct trampfd_attr, map_size));
	memset(&g.attr.part_size, 0x5a,
	       sizeof(g.attr) - offsetof(struct trampfd_attr, part_size));
	fd = create(&g.attr, sizeof(g.attr), variant->flags);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, memcmp(&g, &plain, sizeof(g)));
	EXPECT_EQ(0, close(fd));
}

FIXTURE(bounds) {
	struct table t;
};

FIXTURE_SETUP(bounds)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, 0));
}

FIXTURE_TEARDOWN(bounds)
{
	table_close(&self->t);
}

/* The header's are for all kernels, so no kernel has less. */
TEST_F(bounds, are_those_of_the_header_or_more)
{
	const struct trampfd_attr *attr = &self->t.attr;

	EXPECT_LE((unsigned int)TRAMPFD_TRAMPOLINES_MAX, attr->max_trampolines);
	EXPECT_LE((unsigned int)TRAMPFD_RECORDS_MAX, attr->max_records);
	EXPECT_LE((unsigned int)TRAMPFD_REGS_MAX, attr->max_regs);
	EXPECT_LE((unsigned int)TRAMPFD_STACK_MAX, attr->max_stack);
	EXPECT_LE((unsigned int)TRAMPFD_STACK_SKIP_MAX, attr->max_stack_skip);
	EXPECT_LE((unsigned int)TRAMPFD_PCS_MAX, attr->max_pcs);
}

TEST_F(bounds, trampolines)
{
	const unsigned int max = self->t.attr.max_trampolines;
	struct table most;

	ASSERT_EQ(0, table_create(&most, max, 0));
	EXPECT_EQ(1, set_value(most.fd, max - 1, 5));
	EXPECT_EQ(-EINVAL, set_value(most.fd, max, 5));
	table_close(&most);
	EXPECT_EQ(-EINVAL, table_create(&most, max + 1, 0));
}

/*
 * Of each call that takes several.  There is no need to make so many: tell by the
 * error whether the kernel has got as far as to read the first.
 */
TEST_F(bounds, records)
{
	static const unsigned long lists[] = { TRAMPFD_REMOVE, TRAMPFD_SEAL };
	static const unsigned long contexts[] = { TRAMPFD_SET, TRAMPFD_GET };
	const unsigned int max = self->t.attr.max_records;
	struct trampfd_contexts arg = { .nregs = 1 };
	struct trampfd_list list = { .flags = 0 };
	int i, more;

	for (more = 0; more < 2; more++) {
		const int error = more ? -EINVAL : -EFAULT;

		arg.nrecords = max + more;
		list.count = max + more;
		for (i = 0; i < 2; i++) {
			EXPECT_EQ(error, control(self->t.fd, contexts[i],
						 &arg));
			EXPECT_EQ(error, control(self->t.fd, lists[i], &list));
		}
	}
}

/* No architecture has so many registers that a record can name: by the error, too. */
TEST_F(bounds, registers)
{
	const unsigned int max = self->t.attr.max_regs;
	struct trampfd_record record = { .nregs = max };
	struct trampfd_contexts arg = {
		.records = (uintptr_t)&record,
		.nrecords = 1,
		.nregs = max + 1,
	};

	EXPECT_EQ(-EFAULT, control(self->t.fd, TRAMPFD_SET, &arg));
	record.nregs = max + 1;
	EXPECT_EQ(-EINVAL, control(self->t.fd, TRAMPFD_SET, &arg));
}

static int set_stack(int fd, unsigned int size, unsigned int skip)
{
	static unsigned char data[4096];
	struct context c;
	struct trampfd_contexts arg;

	context_init(&c, 0, ARCH_CODE(arch_data));
	c.rec.stack_size = size;
	c.rec.stack_skip = skip;
	arg = context_argument(&c);
	arg.stack = (uintptr_t)data;
	return size > sizeof(data) ? -EOVERFLOW :
				     control(fd, TRAMPFD_SET, &arg);
}

TEST_F(bounds, stack)
{
	const unsigned int max = self->t.attr.max_stack;
	const unsigned int skip = self->t.attr.max_stack_skip;

	EXPECT_EQ(1, set_stack(self->t.fd, max, 0));
	EXPECT_EQ(-EINVAL, set_stack(self->t.fd, max + ARCH_WORD, 0));
	EXPECT_EQ(1, set_stack(self->t.fd, ARCH_WORD, skip));
	EXPECT_EQ(-EINVAL, set_stack(self->t.fd, ARCH_WORD, skip + ARCH_WORD));
	EXPECT_EQ(1, set_stack(self->t.fd, max, skip));
	/* With a sum that fits the ABI, so that each is over by itself. */
	EXPECT_EQ(-EINVAL, set_stack(self->t.fd, max + 1, ARCH_WORD - 1));
	EXPECT_EQ(-EINVAL, set_stack(self->t.fd, ARCH_WORD - 1, skip + 1));
}

TEST_F(bounds, allowed_pcs)
{
	const unsigned int max = self->t.attr.max_pcs;
	uint64_t *pcs = calloc(max + 1, sizeof(*pcs));
	unsigned int i;

	ASSERT_TRUE(!!pcs);
	for (i = 0; i <= max; i++)
		pcs[i] = (uint64_t)i * ARCH_PC_ALIGN;
	EXPECT_EQ(-EINVAL, allow(self->t.fd, pcs, max + 1));
	EXPECT_EQ(0, allow(self->t.fd, pcs, max));
	free(pcs);
}

TEST_HARNESS_MAIN
