// SPDX-License-Identifier: GPL-2.0
/* TRAMPFD_CODE: how a table is made, and where and how it can be mapped. */
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "code_util.h"

#define NTRAMPOLINES	16

/*
 * Creation.
 */

FIXTURE(create) {
	struct table t;
	uint32_t shape[TRAMPFD_SHAPE_MAX];
};

FIXTURE_SETUP(create)
{
	unsigned int k;

	if (code_missing())
		SKIP(return, "%s", code_missing());
	trap_init();
	for (k = 0; k < SHAPE_REGS; k++)
		self->shape[k] = shape_reg(k);
	self->t.fd = -1;
	self->t.base = MAP_FAILED;
}

FIXTURE_TEARDOWN(create)
{
	if (self->t.fd >= 0)
		table_close(&self->t);
}

/* Not a fixture's, as it is about where there is none: that, and no other error. */
TEST(supported)
{
	struct table t;
	int ret;

	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ret = code_create(&t, 1, NULL, 0);
	if (ret == -EOPNOTSUPP) {
		/* FAULT is there all the same. */
		ASSERT_EQ(0, table_open(&t, 1, 0));
		ASSERT_EQ(1, set_value(t.fd, 0, 5));
		EXPECT_TRUE(gives(table_entry(&t, 0), 5));
		table_close(&t);
		return;
	}
	ASSERT_EQ(0, ret);
	EXPECT_FALSE(data_runs());
	close(t.fd);
}

static bool is_power_of_2(uint64_t n)
{
	return n && !(n & (n - 1));
}

TEST_F(create, attr)
{
	const struct trampfd_attr *attr = &self->t.attr;
	const uint64_t page = getpagesize();
	uint64_t code = 0, data = 0;
	unsigned int k;

	for (k = 0; k <= SHAPE_REGS; k++) {
		ASSERT_EQ(0, code_create(&self->t, 1000, self->shape, k));
		EXPECT_EQ((uint32_t)TRAMPFD_CODE, attr->type);
		EXPECT_EQ(1000U, attr->ntrampolines);
		EXPECT_EQ(k, attr->shape_nregs);
		EXPECT_EQ(0, memcmp(attr->shape, self->shape,
				    k * sizeof(self->shape[0])));
		EXPECT_TRUE(is_power_of_2(attr->stride));
		EXPECT_LE(sizeof(slot_word) * (k + 1), attr->stride);
		EXPECT_EQ((1000 * attr->stride + page - 1) / page * page,
			  attr->part_size);
		EXPECT_EQ(0U, attr->map_offset);
		EXPECT_EQ(PROT_NONE, (int)attr->map_prot);
		EXPECT_EQ(MAP_PRIVATE, (int)attr->map_flags);
		EXPECT_EQ(PROT_READ | PROT_EXEC,
			  (int)attr->code_prot & (PROT_READ | PROT_EXEC |
						  PROT_WRITE));
		EXPECT_EQ(PROT_READ, (int)attr->data_prot);
		EXPECT_EQ(attr->data_offset + attr->part_size, attr->map_size);
		/* The distances are the same for all tables. */
		if (k) {
			EXPECT_EQ(code, attr->code_offset);
			EXPECT_EQ(data, attr->data_offset);
		}
		code = attr->code_offset;
		data = attr->data_offset;
		EXPECT_LE(attr->part_size, code);
		EXPECT_LE(code + attr->part_size, data);
		EXPECT_EQ(0U, code % 65536);
		EXPECT_EQ(0U, data % 65536);
		table_close(&self->t);
	}
}

TEST_F(create, first_version)
{
	struct trampfd_attr attr = {
		.type = TRAMPFD_CODE,
		.ntrampolines = 1,
	};

	EXPECT_EQ(-EINVAL, create(&attr, TRAMPFD_ATTR_SIZE_VER0, 0));
	EXPECT_EQ(-EINVAL, create(&attr, TRAMPFD_ATTR_SIZE_VER1 - 8, 0));
}

TEST_F(create, shared)
{
	struct trampfd_attr attr = {
		.type = TRAMPFD_CODE,
		.ntrampolines = 1,
	};

	EXPECT_EQ(-EINVAL, create(&attr, sizeof(attr), TRAMPFD_SHARED));
}

TEST_F(create, unknown_type)
{
	struct trampfd_attr attr = {
		.type = TRAMPFD_CODE + 1,
		.ntrampolines = 1,
	};

	EXPECT_EQ(-EINVAL, create(&attr, sizeof(attr), 0));
}

static int create_shape(const uint32_t *shape, unsigned int nregs)
{
	struct trampfd_attr attr = {
		.type = TRAMPFD_CODE,
		.ntrampolines = 1,
		.shape_nregs = nregs,
	};
	int fd;

	memcpy(attr.shape, shape, sizeof(attr.shape));
	fd = create(&attr, sizeof(attr), 0);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

TEST_F(create, bad_shape)
{
	uint32_t *shape = self->shape;
	unsigned int k;
	size_t i;

	EXPECT_EQ(0, create_shape(shape, 3));
	EXPECT_EQ(-EINVAL, create_shape(shape, 4));
	EXPECT_EQ(-EINVAL, create_shape(shape, ~0U));
	/* What is behind the last has to be 0. */
	for (k = 0; k < 3; k++)
		EXPECT_EQ(-EINVAL, create_shape(shape, k));

	for (k = 0; k < 3; k++) {
		uint32_t was = shape[k];

		shape[k] = ARCH_PC;
		EXPECT_EQ(-EINVAL, create_shape(shape, 3));
		shape[k] = shape[(k + 1) % 3];
		EXPECT_EQ(-EINVAL, create_shape(shape, 3));
#ifdef ARCH_TARGET_REG
		shape[k] = ARCH_TARGET_REG;
		EXPECT_EQ(-EINVAL, create_shape(shape, 3));
#endif
		for (i = 0; i < arch_nrefused; i++) {
			shape[k] = arch_refused[i].number;
			EXPECT_EQ(-EINVAL, create_shape(shape, 3)) {
				TH_LOG("register %s", arch_refused[i].name);
			}
		}
		shape[k] = was;
	}
	EXPECT_EQ(0, create_shape(shape, 3));
}

TEST_F(create, number_of_trampolines)
{
	unsigned int k, max;

	for (k = 0; k <= SHAPE_REGS; k++) {
		ASSERT_EQ(0, code_create(&self->t, 1, self->shape, k));
		max = self->t.attr.max_trampolines;
		EXPECT_EQ(max, self->t.attr.code_offset / self->t.attr.stride);
		table_close(&self->t);
		EXPECT_EQ(-EINVAL, code_create(&self->t, 0, self->shape, k));
		EXPECT_EQ(-EINVAL, code_create(&self->t, max + 1, self->shape, k));
		EXPECT_EQ(-EINVAL, code_create(&self->t, ~0U, self->shape, k));
		ASSERT_EQ(0, code_create(&self->t, max, self->shape, k));
		table_close(&self->t);
	}
}

/* Records of the table have to name what the code loads. */
TEST_F(create, records_that_do_not_name_the_shape)
{
	struct context c;
	unsigned int k;

	ASSERT_EQ(0, code_open(&self->t, NTRAMPOLINES, SHAPE_REGS));
	for (k = 0; k < SHAPE_REGS; k++) {
		shape_context(&self->t, &c, 3, 1, IDLE);
		/* The last takes the place of the one that is left out. */
		c.reg[1 + k] = c.reg[--c.rec.nregs];
		EXPECT_EQ(-EINVAL, context_set(self->t.fd, &c));
		c.rec.flags = 0;
		EXPECT_EQ(-EINVAL, context_set(self->t.fd, &c));
	}
	EXPECT_TRUE(is_unset(self->t.fd, 3));
	EXPECT_TRUE(slot_is_out(&self->t, 3));
	shape_context(&self->t, &c, 3, 1, IDLE);
	c.rec.flags |= 0x4;
	EXPECT_EQ(-EINVAL, context_set(self->t.fd, &c));
}

/* All shapes that there can be, in any order. */
TEST_F(create, every_shape)
{
	const unsigned int n = arch_nsettable;
	struct test_stack stack;
	struct cpu_state in;
	struct context c;
	unsigned int i;

	ASSERT_EQ(0, stack_open(&stack, 4));
	arch_fill(&in, stack_pointer(&stack, stack.size / 2), 0);
	for (i = 0; i < n * n * n; i++) {
		const uint32_t shape[] = {
			arch_settable[i / n / n].number,
			arch_settable[i / n % n].number,
			arch_settable[i % n].number,
		};
		/* a a a has one register, a b b has two, and a b a is none. */
		unsigned int nregs = shape[1] != shape[2] ? 3 :
				     shape[0] != shape[1] ? 2 : 1;

		if (nregs == 3 && (shape[0] == shape[1] || shape[0] >= shape[2]))
			continue;
#ifdef ARCH_TARGET_REG
		if (shape[0] == ARCH_TARGET_REG || shape[1] == ARCH_TARGET_REG ||
		    shape[2] == ARCH_TARGET_REG)
			continue;
#endif
		ASSERT_EQ(0, code_create(&self->t, 4, shape, nregs));
		ASSERT_EQ(0, code_map(&self->t));
		shape_context(&self->t, &c, 1, i, IDLE);
		ASSERT_EQ(1, context_set(self->t.fd, &c));
		EXPECT_TRUE(both_do(&self->t, &in, &c)) {
			TH_LOG("registers %u %u %u, %u of them", shape[0],
			       shape[1], shape[2], nregs);
		}
		EXPECT_TRUE(slot_has(&self->t, &c));
		table_close(&self->t);
	}
	stack_close(&stack);
}

/* What fills it: @FILL_SIZE bytes, each of them @FILL, make an instruction. */
#if defined(__x86_64__) || defined(__i386__)
#define FILL_SIZE	1
#define FILL		0xcc
#elif defined(__mips__)
#define FILL_SIZE	4
#define FILL		0x7f
#elif defined(__arm__)
#define FILL_SIZE	4
#define FILL		0xff
#else
#define FILL_SIZE	4
#define FILL		0
#endif

/* Is that what lies between entries, rather than the end of an entry's code? */
static bool is_fill(const char *p)
{
	unsigned int i;

	for (i = 0; i < FILL_SIZE; i++)
		if ((unsigned char)p[i] != FILL)
			return false;
	return true;
}

/* A jump between entries is refused: it does not slide into the next one. */
TEST_F(create, between_entries)
{
	unsigned int k, found = 0;
	struct test_stack stack;
	struct cpu_state in, out;
	int target;

	ASSERT_EQ(0, stack_open(&stack, 4));
	arch_fill(&in, stack_pointer(&stack, stack.size / 2), 0);
	for (k = 0; k <= SHAPE_REGS; k++) {
		struct context c[4];
		const char *p;
		unsigned int i;

		ASSERT_EQ(0, code_create(&self->t, ARRAY_SIZE(c), self->shape, k));
		ASSERT_EQ(0, code_map(&self->t));
		for (i = 0; i < ARRAY_SIZE(c); i++)
			shape_context(&self->t, &c[i], i, i, IDLE);
		ASSERT_EQ((int)ARRAY_SIZE(c),
			  set_contexts(self->t.fd, c, ARRAY_SIZE(c)));
		p = code_entry(&self->t, 2) - FILL_SIZE;
		if (is_fill(p)) {
			int signo = code_run(&in, p, TO_CODE, &out, &target);

			EXPECT_TRUE(signo == SIGILL || signo == SIGTRAP) {
				TH_LOG("shape of %u: signal %d", k, signo);
			}
			found++;
		}
		table_close(&self->t);
	}
	stack_close(&stack);
	EXPECT_LT(0U, found);
}

/*
 * Mappings.  Trampoline 1 has 1001, and so on.
 */

#define PAGES	2

FIXTURE(place) {
	struct table t;
	size_t page;
	unsigned int n;
	/* Where a region can be. */
	char *room;
	char *elsewhere;
};

#define DATA	FIXTURE_DATA(place)
#define FIXED	(MAP_PRIVATE | MAP_FIXED)

/* A table that is mapped nowhere. */
static bool make_table(DATA *self)
{
	const uint32_t shape[] = { shape_reg(0) };

	return !code_create(&self->t, self->n, shape, 1) &&
	       set_values_as(self->t.fd, 0, self->n, 1000, IDLE) == (int)self->n;
}

FIXTURE_SETUP(place)
{
	const uint32_t shape[] = { shape_reg(0) };

	if (code_missing())
		SKIP(return, "%s", code_missing());
	trap_init();
	self->page = getpagesize();
	ASSERT_EQ(0, code_create(&self->t, 1, shape, 1));
	self->n = PAGES * self->page / self->t.attr.stride;
	table_close(&self->t);
	ASSERT_TRUE(make_table(self));
	ASSERT_EQ(PAGES * self->page, self->t.attr.part_size);
	self->room = mmap(NULL, 2 * self->t.attr.map_size, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->room != MAP_FAILED);
	self->elsewhere = self->room + self->t.attr.map_size;
}

FIXTURE_TEARDOWN(place)
{
	if (self->t.fd >= 0)
		table_close(&self->t);
}

/* Both entries of the first and the last trampoline of each page. */
static bool all_work(const DATA *self)
{
	unsigned int i, per_page = self->n / PAGES;

	for (i = 0; i < self->n; i += i % per_page ? 1 : per_page - 1)
		if (!gives(code_entry(&self->t, i), 1000 + i) ||
		    !gives(fault_entry(&self->t, i), 1000 + i) ||
		    slot_pc(&self->t, i) != ARCH_CODE(arch_data))
			return false;
	return true;
}

/* What mmap() says to @size bytes of a part, 0 if it is mapped. */
static int try_part(const DATA *self, char *addr, size_t size, int prot,
		    int flags, uint64_t offset)
{
	char *p = mmap(addr, size, prot, flags, self->t.fd, offset);

	return p == MAP_FAILED ? errno : 0;
}

TEST_F(place, any_order)
{
	static const enum code_part orders[][NPARTS] = {
		{ PART_FAULT, PART_CODE, PART_DATA },
		{ PART_FAULT, PART_DATA, PART_CODE },
		{ PART_CODE, PART_FAULT, PART_DATA },
		{ PART_CODE, PART_DATA, PART_FAULT },
		{ PART_DATA, PART_FAULT, PART_CODE },
		{ PART_DATA, PART_CODE, PART_FAULT },
	};
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		self->t.base = self->room;
		for (k = 0; k < NPARTS; k++)
			ASSERT_EQ(0, part_map(&self->t, orders[i][k]));
		EXPECT_TRUE(all_work(self));
		table_close(&self->t);
		ASSERT_TRUE(make_table(self));
	}
}

/* The fault part may reserve the region, and the kernel may choose where. */
TEST_F(place, whole)
{
	ASSERT_EQ(0, code_map(&self->t));
	EXPECT_TRUE(all_work(self));
	/* What is between the parts is as an unset page. */
	EXPECT_TRUE(is_plain(self->t.base + self->t.attr.part_size));
	EXPECT_TRUE(is_plain(part_addr(&self->t, PART_DATA) - self->page));
}

TEST_F(place, without_code)
{
	ASSERT_EQ(0, table_map(&self->t));
	EXPECT_TRUE(gives(fault_entry(&self->t, 5), 1005));
	EXPECT_TRUE(is_plain(code_entry(&self->t, 5)));
	EXPECT_TRUE(is_plain(code_slot(&self->t, 5)));
	ASSERT_EQ(0, part_map(&self->t, PART_DATA));
	EXPECT_EQ((slot_word)ARCH_CODE(arch_data), slot_pc(&self->t, 5));
	EXPECT_TRUE(gives(fault_entry(&self->t, 5), 1005));
	ASSERT_EQ(0, part_map(&self->t, PART_CODE));
	EXPECT_TRUE(all_work(self));
}

TEST_F(place, wrong_permission)
{
	enum code_part part;
	int prot;

	for (part = 0; part < NPARTS; part++) {
		for (prot = 0; prot <= (PROT_READ | PROT_WRITE | PROT_EXEC); prot++) {
			char *addr = self->room + part_offset(&self->t, part);
			bool right = prot == (part_prot(&self->t, part) &
					      (PROT_READ | PROT_WRITE | PROT_EXEC));

			if (right)
				continue;
			EXPECT_EQ(EINVAL, try_part(self, addr,
						   self->t.attr.part_size, prot,
						   FIXED,
						   part_offset(&self->t, part))) {
				TH_LOG("part %d, permission %d", part, prot);
			}
		}
	}
	/* None of that has told where the table is. */
	ASSERT_EQ(0, code_map_at(&self->t, self->elsewhere));
	EXPECT_TRUE(all_work(self));
}

TEST_F(place, wrong_size)
{
	const size_t size = self->t.attr.part_size;
	enum code_part part;

	for (part = 0; part < NPARTS; part++) {
		uint64_t offset = part_offset(&self->t, part);
		char *addr = self->room + offset;
		int prot = part_prot(&self->t, part);

		EXPECT_EQ(EINVAL, try_part(self, addr, size - self->page, prot,
					   FIXED, offset));
		EXPECT_EQ(EINVAL, try_part(self, addr, size + self->page, prot,
					   FIXED, offset));
		if (part != PART_FAULT)
			EXPECT_EQ(EINVAL, try_part(self, addr,
						   self->t.attr.map_size, prot,
						   FIXED, offset));
	}
}

TEST_F(place, wrong_offset)
{
	const uint64_t offsets[] = {
		self->page, self->t.attr.code_offset - self->page,
		self->t.attr.code_offset + self->page,
		self->t.attr.data_offset - self->page,
		self->t.attr.data_offset + self->page,
		self->t.attr.map_size, 3 * self->t.attr.code_offset,
		1ULL << 32, (1ULL << 32) + self->t.attr.code_offset,
	};
	enum code_part part, other;
	size_t i;

	for (part = 0; part < NPARTS; part++) {
		int prot = part_prot(&self->t, part);

		for (i = 0; i < ARRAY_SIZE(offsets); i++) {
			int error = try_part(self, NULL,
					     self->t.attr.part_size, prot,
					     MAP_PRIVATE, offsets[i]);

			/* No file of a 32-bit kernel is so large. */
			if (sizeof(long) == 4 && offsets[i] >> 32 &&
			    error == EOVERFLOW)
				continue;
			EXPECT_EQ(EINVAL, error) {
				TH_LOG("part %d at %#llx", part,
				       (unsigned long long)offsets[i]);
			}
		}
		/* One part's permission at another one's offset. */
		for (other = 0; other < NPARTS; other++)
			if (other != part)
				EXPECT_EQ(EINVAL, try_part(self, self->room +
						part_offset(&self->t, other),
						self->t.attr.part_size, prot,
						FIXED,
						part_offset(&self->t, other)));
	}
}

/* Such a part would be at a distance that no code has. */
TEST_F(place, other_base)
{
	enum code_part first, part;

	for (first = 0; first < NPARTS; first++) {
		/* Without a hole, which might be at the right place. */
		ASSERT_TRUE(mmap(self->room, self->t.attr.map_size, PROT_NONE,
				 FIXED | MAP_ANONYMOUS, -1, 0) == self->room);
		self->t.base = self->room;
		ASSERT_EQ(0, part_map(&self->t, first));
		for (part = 0; part < NPARTS; part++) {
			self->t.base = self->room + self->page;
			EXPECT_EQ(-EINVAL, part_map(&self->t, part));
			self->t.base = self->elsewhere;
			EXPECT_EQ(-EINVAL, part_map(&self->t, part));
			EXPECT_EQ(EINVAL, try_part(self, NULL,
						   self->t.attr.part_size,
						   part_prot(&self->t, part),
						   MAP_PRIVATE,
						   part_offset(&self->t, part)));
		}
		self->t.base = self->room;
		for (part = 0; part < NPARTS; part++)
			ASSERT_EQ(0, part_map(&self->t, part));
		EXPECT_TRUE(all_work(self));
		table_close(&self->t);
		ASSERT_TRUE(make_table(self));
	}
}

/* An address that is lower than the offset has no base. */
TEST_F(place, below_its_offset)
{
	uintptr_t addr = self->t.attr.data_offset - 16 * self->page;
	int error;

	/* The program's own memory may be there. */
	error = try_part(self, (char *)addr, self->t.attr.part_size,
			 self->t.attr.data_prot,
			 MAP_PRIVATE | MAP_FIXED_NOREPLACE,
			 self->t.attr.data_offset);
	if (error == EEXIST)
		SKIP(return, "something is mapped there");
	EXPECT_EQ(EINVAL, error);
}

TEST_F(place, shared)
{
	enum code_part part;

	self->t.base = self->room;
	for (part = 0; part < NPARTS; part++)
		EXPECT_EQ(EINVAL, try_part(self, part_addr(&self->t, part),
					   self->t.attr.part_size,
					   part_prot(&self->t, part),
					   MAP_SHARED | MAP_FIXED,
					   part_offset(&self->t, part)));
}

/* Before anybody has read where it is, a table may go elsewhere. */
TEST_F(place, moved_before_use)
{
	enum code_part part;

	for (part = 0; part < NPARTS; part++) {
		self->t.base = self->room;
		ASSERT_EQ(0, part_map(&self->t, part));
		ASSERT_EQ(0, munmap(part_addr(&self->t, part),
				    self->t.attr.part_size));
	}
	ASSERT_EQ(0, code_map_at(&self->t, self->elsewhere));
	/* Calls of fault entries tell nobody. */
	EXPECT_TRUE(gives(fault_entry(&self->t, 5), 1005));
	table_unmap(&self->t);
	ASSERT_EQ(0, code_map_at(&self->t, self->room));
	EXPECT_TRUE(all_work(self));
}

/* After that it has its place for good, and can come back there. */
TEST_F(place, back_at_the_same_place)
{
	char *base;
	int i;

	ASSERT_EQ(0, code_map(&self->t));
	base = self->t.base;
	EXPECT_TRUE(gives(code_entry(&self->t, 5), 1005));
	for (i = 0; i < 3; i++) {
		table_unmap(&self->t);
		EXPECT_TRUE(is_unmapped(base));
		EXPECT_TRUE(is_unmapped(base + self->t.attr.code_offset));
		EXPECT_EQ(-EINVAL, table_map_at(&self->t, self->elsewhere));
		EXPECT_EQ(-EINVAL, table_map_at(&self->t, base + self->page));
		ASSERT_EQ(0, code_map_at(&self->t, base));
		EXPECT_TRUE(all_work(self));
	}
	/* What was set while it was away is there, too. */
	table_unmap(&self->t);
	ASSERT_EQ(1, set_values_as(self->t.fd, 5, 1, 77, IDLE));
	ASSERT_EQ(1, set_values_as(self->t.fd, 6, 1, 78, 0));
	ASSERT_EQ(0, code_map_at(&self->t, base));
	EXPECT_TRUE(gives(code_entry(&self->t, 5), 77));
	EXPECT_TRUE(gives(code_entry(&self->t, 6), 78));
	EXPECT_TRUE(slot_is_out(&self->t, 6));
}

/* A part over itself is the same as before. */
TEST_F(place, over_itself)
{
	enum code_part part;
	int i;

	ASSERT_EQ(0, code_map(&self->t));
	for (i = 0; i < 6; i++) {
		part = i % NPARTS;
		EXPECT_TRUE(all_work(self));
		ASSERT_EQ(0, part_map(&self->t, part));
		EXPECT_TRUE(all_work(self));
	}
}

TEST_F(place, closed_before_use)
{
	ASSERT_EQ(0, code_map(&self->t));
	ASSERT_EQ(0, close(self->t.fd));
	self->t.fd = -1;
	EXPECT_TRUE(all_work(self));
	EXPECT_EQ(1, set_values_as(at(code_entry(&self->t, 3)), 5, 1, 77, IDLE));
	EXPECT_TRUE(gives(code_entry(&self->t, 5), 77));
	EXPECT_EQ(1, set_values_as(at(code_slot(&self->t, 3)), 5, 1, 78, 0));
	EXPECT_TRUE(gives(code_entry(&self->t, 5), 78));
	EXPECT_EQ(1, set_values_as(at(fault_entry(&self->t, 3)), 5, 1, 79, IDLE));
	EXPECT_TRUE(gives(code_entry(&self->t, 5), 79));
	ASSERT_EQ(0, munmap(self->t.base, self->t.attr.map_size));
}

/*
 * As many as there can be.  Not each is called: QEMU 7.2 takes a minute to forget
 * that many pieces of code in one page of memory.
 */
TEST_F(place, largest)
{
	unsigned int i, n = self->t.attr.max_trampolines;

	table_close(&self->t);
	self->n = n;
	ASSERT_TRUE(make_table(self));
	ASSERT_EQ(0, code_map(&self->t));
	for (i = 0; i < n; i += i + 61 < n || i == n - 1 ? 61 : n - 1 - i) {
		if (slot_pc(&self->t, i) != ARCH_CODE(arch_data) ||
		    call(code_entry(&self->t, i)) != 1000 + i ||
		    call(fault_entry(&self->t, i)) != 1000 + i)
			break;
	}
	EXPECT_EQ(n + 60, i);
	EXPECT_EQ(PAGES, set_values_as(self->t.fd, n - PAGES, PAGES, 7, 0));
	EXPECT_TRUE(gives(code_entry(&self->t, n - 1), 6 + PAGES));
}

TEST_HARNESS_MAIN
