// SPDX-License-Identifier: GPL-2.0
/*
 * Control by address: which addresses name a table, what becomes of it when the
 * descriptor and parts of the mapping go, and what is refused.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#define PAGES	5

FIXTURE(address) {
	struct table t;
	unsigned int n;
	unsigned int per_page;
	size_t page;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(address)

FIXTURE_SETUP(address)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	self->page = getpagesize();
	ASSERT_EQ(0, table_open(&self->t, 1, 0));
	self->per_page = table_per_page(&self->t);
	self->n = PAGES * self->per_page;
	table_close(&self->t);
	ASSERT_EQ(0, table_open(&self->t, self->n, 0));
	ASSERT_EQ(PAGES * self->page, self->t.attr.map_size);
	/* Nothing here has to do with the descriptor. */
	ASSERT_EQ(0, close(self->t.fd));
	self->t.fd = -1;
}

FIXTURE_TEARDOWN(address)
{
	table_close(&self->t);
}

/* The address of byte @byte of page @i of the mapping. */
static char *in_page(const DATA *self, unsigned int i, size_t byte)
{
	return self->t.base + i * self->page + byte;
}

/* Does the address name the fixture's table, and its numbers the table's own? */
static bool names_the_table(const DATA *self, const void *addr)
{
	static unsigned long value = 1000;
	const unsigned int ends[] = { 0, self->n / 2, self->n - 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++, value++)
		if (set_value(at(addr), ends[i], value) != 1 ||
		    !has_value(at(addr), ends[i], value))
			return false;
	return set_value(at(addr), self->n, value) == -EINVAL;
}

/* Is that the answer of every call, whatever it is for? */
static bool all_give(const void *addr, int error)
{
	const uint64_t pc = ARCH_CODE(arch_data);
	const struct trampfd_pcs pcs = { .pcs = (uintptr_t)&pc, .count = 1 };
	unsigned long value;
	const int got[] = {
		set_value(at(addr), 0, 5),
		get_value(at(addr), 0, &value),
		remove_one(at(addr), 0),
		seal_one(at(addr), 0),
		allow(at(addr), &pc, 1),
		control_at(addr, TRAMPFD_GET_ALLOWED, &pcs, 0),
		control_at(addr, TRAMPFD_READONLY, NULL, 0),
		/* Nobody looks at these before it is known whose they are. */
		control_at(addr, TRAMPFD_SET, NULL, 0),
		control_at(addr, 0, NULL, 0),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(got); i++) {
		if (got[i] != error) {
			fprintf(stderr, "# call %zu at %p: %d, not %d\n", i,
				addr, got[i], error);
			return false;
		}
	}
	return true;
}

/* A table's whole life, with no descriptor at all. */
TEST_F(address, every_call)
{
	const uint64_t pcs[] = { ARCH_CODE(arch_data), arch_target(1) };
	uint64_t got[2] = { 0 };
	struct trampfd_pcs arg = { .pcs = (uintptr_t)got, .count = 2 };
	struct context c, now;

	ASSERT_EQ(5, set_values(at(self->t.base), 0, 5, 100));
	EXPECT_TRUE(gives(table_entry(&self->t, 4), 104));
	EXPECT_TRUE(has_value(at(self->t.base), 4, 104));
	EXPECT_EQ(1, set_value(at(self->t.base), 4, 204));
	EXPECT_TRUE(gives(table_entry(&self->t, 4), 204));
	EXPECT_EQ(2, remove_range(at(self->t.base), 1, 2));
	EXPECT_TRUE(is_plain(table_entry(&self->t, 1)));
	EXPECT_TRUE(is_unset(at(self->t.base), 1));
	EXPECT_EQ(1, seal_one(at(self->t.base), 0));
	EXPECT_EQ(-EPERM, set_value(at(self->t.base), 0, 1));
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 100));

	EXPECT_EQ(0, control_at(self->t.base, TRAMPFD_GET_ALLOWED, &arg, 0));
	EXPECT_EQ(0, allow(at(self->t.base), pcs, 2));
	EXPECT_EQ(2, control_at(self->t.base, TRAMPFD_GET_ALLOWED, &arg, 0));
	EXPECT_EQ(pcs[0] + pcs[1], got[0] + got[1]);
	context_init(&c, 9, arch_target(0));
	EXPECT_EQ(-EPERM, context_set(at(self->t.base), &c));
	context_init(&c, 9, arch_target(1));
	EXPECT_EQ(1, context_set(at(self->t.base), &c));
	EXPECT_EQ(1, context_get(at(self->t.base), 9, &now));
	EXPECT_TRUE(context_equal(&c, &now));
	/* Only a shared table has such a descriptor. */
	EXPECT_EQ(-EINVAL, control_at(self->t.base, TRAMPFD_READONLY, NULL, 0));
}

/* Each page, and each byte of it. */
TEST_F(address, any_address_of_the_mapping)
{
	const size_t bytes[] = { 0, 1, 7, 16, 100, 2048, 4095 };
	unsigned int i, k;

	for (i = 0; i < PAGES; i++) {
		for (k = 0; k < ARRAY_SIZE(bytes); k++)
			EXPECT_TRUE(names_the_table(self,
						    in_page(self, i, bytes[k])));
		EXPECT_TRUE(names_the_table(self,
					    in_page(self, i, self->page - 1)));
	}
}

/* The one before and the one behind it are somebody else's. */
TEST_F(address, ends_of_the_mapping)
{
	const size_t size = self->t.attr.map_size, page = self->page;
	char *room = mmap(NULL, size + 2 * page, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(room != MAP_FAILED);
	ASSERT_TRUE(mremap(self->t.base, size, size,
			   MREMAP_MAYMOVE | MREMAP_FIXED, room + page) ==
		    room + page);
	self->t.base = room + page;
	EXPECT_TRUE(all_give(room + page - 1, -ENXIO));
	EXPECT_TRUE(all_give(room + page + size, -ENXIO));
	/* Where nothing is at all, it is the same. */
	ASSERT_EQ(0, munmap(room, page));
	ASSERT_EQ(0, munmap(room + page + size, page));
	EXPECT_TRUE(all_give(room + page - 1, -ENXIO));
	EXPECT_TRUE(all_give(room + page + size, -ENXIO));
	EXPECT_TRUE(names_the_table(self, room + page));
	EXPECT_TRUE(names_the_table(self, room + page + size - 1));
}

/* The number that the descriptor had is another table's by now. */
TEST_F(address, number_of_the_descriptor_is_used_again)
{
	const int next = next_descriptor();
	struct table other;

	ASSERT_EQ(1, set_value(at(self->t.base), 3, 5));
	ASSERT_EQ(0, table_open(&other, self->n, 0));
	ASSERT_EQ(next, other.fd);
	ASSERT_EQ(1, set_value(other.fd, 3, 6));
	EXPECT_TRUE(gives(table_entry(&self->t, 3), 5));
	EXPECT_TRUE(gives(table_entry(&other, 3), 6));
	EXPECT_EQ(1, set_value(at(self->t.base), 3, 7));
	EXPECT_EQ(1, remove_one(at(other.base), 3));
	EXPECT_TRUE(gives(table_entry(&self->t, 3), 7));
	EXPECT_TRUE(is_plain(table_entry(&other, 3)));
	table_close(&other);
	EXPECT_TRUE(names_the_table(self, self->t.base));
}

TEST_F(address, moved)
{
	const size_t size = self->t.attr.map_size;
	char *old = self->t.base;
	char *new = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	unsigned int i;

	ASSERT_TRUE(new != MAP_FAILED);
	ASSERT_EQ(1, set_value(at(old), 3, 5));
	ASSERT_TRUE(mremap(old, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			   new) == new);
	self->t.base = new;
	for (i = 0; i < PAGES; i++) {
		EXPECT_TRUE(all_give(old + i * self->page, -ENXIO));
		EXPECT_TRUE(names_the_table(self, in_page(self, i, 0)));
	}
	EXPECT_EQ(1, set_value(at(new), 3, 6));
	EXPECT_TRUE(gives(table_entry(&self->t, 3), 6));
}

/* A part of it is elsewhere now: either part is the table. */
TEST_F(address, part_moved)
{
	char *new = mmap(NULL, self->page, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const unsigned int first = 2 * self->per_page;

	ASSERT_TRUE(new != MAP_FAILED);
	ASSERT_TRUE(mremap(in_page(self, 2, 0), self->page, self->page,
			   MREMAP_MAYMOVE | MREMAP_FIXED, new) == new);
	EXPECT_TRUE(all_give(in_page(self, 2, 0), -ENXIO));
	EXPECT_TRUE(names_the_table(self, new));
	EXPECT_TRUE(names_the_table(self, in_page(self, 1, 0)));
	EXPECT_TRUE(names_the_table(self, in_page(self, 3, 0)));
	/* Whatever the number, and through whichever part. */
	EXPECT_EQ(1, set_value(at(new), 0, 5));
	EXPECT_TRUE(gives(self->t.base, 5));
	EXPECT_EQ(1, set_value(at(self->t.base), first, 6));
	EXPECT_TRUE(gives(new, 6));
	EXPECT_EQ(1, set_value(at(new), first + 1, 7));
	EXPECT_TRUE(gives(new + self->t.attr.stride, 7));
	EXPECT_EQ(0, munmap(new, self->page));
	EXPECT_TRUE(all_give(new, -ENXIO));
	EXPECT_TRUE(names_the_table(self, self->t.base));
}

/* Cut down page by page; the last one is enough. */
TEST_F(address, cut)
{
	static const unsigned int order[] = { 0, 2, 4, 1 };
	bool gone[PAGES] = { false };
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(order); k++) {
		ASSERT_EQ(0, munmap(in_page(self, order[k], 0), self->page));
		gone[order[k]] = true;
		for (i = 0; i < PAGES; i++) {
			char *addr = in_page(self, i, 16 * k);

			EXPECT_TRUE(gone[i] ? all_give(addr, -ENXIO) :
					      names_the_table(self, addr));
		}
	}
	/* A trampoline without an address is one of the table still. */
	EXPECT_EQ(1, set_value(at(in_page(self, 3, 0)), 0, 5));
	EXPECT_TRUE(has_value(at(in_page(self, 3, 0)), 0, 5));
	EXPECT_EQ(1, set_value(at(in_page(self, 3, 0)), 3 * self->per_page, 6));
	EXPECT_TRUE(gives(in_page(self, 3, 0), 6));
}

TEST_F(address, mapped_over)
{
	const size_t page = self->page;
	struct table other;

	ASSERT_TRUE(mmap(in_page(self, 1, 0), page, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
		    MAP_FAILED);
	EXPECT_TRUE(all_give(in_page(self, 1, 0), -ENXIO));
	/* By another table: from here on, that one is meant. */
	ASSERT_EQ(0, table_create(&other, self->per_page, 0));
	ASSERT_EQ(0, table_map_at(&other, in_page(self, 3, 0)));
	EXPECT_EQ(0, close(other.fd));
	other.fd = -1;
	ASSERT_EQ(1, set_value(at(in_page(self, 2, 0)), 0, 5));
	ASSERT_EQ(1, set_value(at(in_page(self, 3, 0)), 0, 6));
	EXPECT_TRUE(gives(self->t.base, 5));
	EXPECT_TRUE(gives(other.base, 6));
	EXPECT_EQ(-EINVAL, set_value(at(in_page(self, 3, 0)), self->per_page,
				     1));
	EXPECT_TRUE(names_the_table(self, in_page(self, 4, 0)));
	EXPECT_TRUE(has_value(at(other.base), 0, 6));
}

/* Each of its mappings names the table, as long as it is there. */
TEST_F(address, mapped_twice)
{
	struct table t, second;

	ASSERT_EQ(0, table_open(&t, self->n, 0));
	second = t;
	ASSERT_EQ(0, table_map(&second));
	EXPECT_EQ(1, set_value(at(t.base), 1, 5));
	EXPECT_TRUE(gives(table_entry(&second, 1), 5));
	EXPECT_EQ(1, set_value(at(second.base + self->page), 1, 6));
	EXPECT_TRUE(gives(table_entry(&t, 1), 6));
	ASSERT_EQ(0, close(t.fd));
	ASSERT_EQ(0, munmap(t.base, t.attr.map_size));
	EXPECT_TRUE(all_give(t.base, -ENXIO));
	EXPECT_EQ(1, set_value(at(second.base), 1, 7));
	EXPECT_TRUE(gives(table_entry(&second, 1), 7));
	ASSERT_EQ(0, munmap(second.base, t.attr.map_size));
	EXPECT_TRUE(all_give(second.base, -ENXIO));
}

/* The table is there, but it is mapped nowhere. */
TEST_F(address, unmapped_and_mapped_anew)
{
	struct table t;
	char *old;

	ASSERT_EQ(0, table_open(&t, self->n, 0));
	ASSERT_EQ(1, set_value(at(t.base), 1, 5));
	old = t.base;
	table_unmap(&t);
	EXPECT_TRUE(all_give(old, -ENXIO));
	EXPECT_TRUE(has_value(t.fd, 1, 5));
	ASSERT_EQ(0, table_map(&t));
	EXPECT_TRUE(has_value(at(t.base), 1, 5));
	table_close(&t);
}

/* Where there is nothing, or what is no trampolines. */
TEST_F(address, other_mappings)
{
	const size_t page = self->page;
	char local, *heap = malloc(1), *mem, *file, *none;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	mem = mmap(NULL, page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	none = mmap(NULL, page, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_TRUE(heap && mem != MAP_FAILED && none != MAP_FAILED);
	ASSERT_TRUE(fd >= 0 && file != MAP_FAILED);
	EXPECT_TRUE(all_give(&local, -ENXIO));
	EXPECT_TRUE(all_give(heap, -ENXIO));
	EXPECT_TRUE(all_give(mem, -ENXIO));
	EXPECT_TRUE(all_give(none, -ENXIO));
	EXPECT_TRUE(all_give(file, -ENXIO));
	EXPECT_TRUE(all_give((void *)(uintptr_t)arch_target(0), -ENXIO));
	ASSERT_EQ(0, munmap(mem, page));
	EXPECT_TRUE(all_give(mem, -ENXIO));
	free(heap);
	close(fd);
}

/* Neither a program's addresses, nor such that a program could have. */
TEST_F(address, no_addresses)
{
	const unsigned long addresses[] = {
		0, 1, 4096, -1UL, -4096UL, -1UL >> 1, ~(-1UL >> 1),
#ifdef __LP64__
		1UL << 62, 1UL << 52, 0xffff800000000000UL,
		0xffffffff81000000UL,
#endif
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		EXPECT_TRUE(all_give((void *)addresses[i], -ENXIO)) {
			TH_LOG("%#lx", addresses[i]);
		}
	}
}

/*
 * With a tag where pointers have one: arm64 ignores it, as everywhere where
 * nothing is read or written.
 */
TEST_F(address, tagged)
{
#ifdef __LP64__
	const uintptr_t tag = 0x5aUL << 56;
	void *tagged = (void *)((uintptr_t)self->t.base | tag);

#ifdef __aarch64__
	EXPECT_TRUE(names_the_table(self, tagged));
#else
	EXPECT_TRUE(all_give(tagged, -ENXIO));
#endif
#else
	SKIP(return, "pointers of this ABI have no room for a tag");
#endif
}

/* Of another anonymous inode, which looks much the same from outside. */
TEST_F(address, other_anonymous_inode)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
	};
	char *mem;
	int fd;

	fd = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);
	if (fd < 0)
		SKIP(return, "no perf events (errno %d)", errno);
	mem = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	ASSERT_TRUE(mem != MAP_FAILED);
	EXPECT_TRUE(all_give(mem, -ENXIO));
	EXPECT_TRUE(all_give(mem + self->page, -ENXIO));
	munmap(mem, 2 * self->page);
	close(fd);
}

/* A shared table is its descriptor's holders', and not each mapping's. */
TEST_F(address, shared)
{
	struct table t;

	ASSERT_EQ(0, table_open(&t, self->n, TRAMPFD_SHARED));
	ASSERT_EQ(1, set_value(t.fd, 0, 9));
	EXPECT_TRUE(all_give(t.base, -EPERM));
	EXPECT_TRUE(all_give(t.base + t.attr.map_size - 1, -EPERM));
	EXPECT_TRUE(gives(table_entry(&t, 0), 9));
	EXPECT_EQ(0, close(t.fd));
	t.fd = -1;
	EXPECT_TRUE(all_give(t.base, -EPERM));
	EXPECT_TRUE(gives(table_entry(&t, 0), 9));
	table_close(&t);
}

/* Flags come before all else. */
TEST_F(address, flags)
{
	struct context c;
	struct trampfd_contexts arg;
	struct table shared;
	unsigned int bit;

	ASSERT_EQ(0, table_open(&shared, 1, TRAMPFD_SHARED));
	context_init(&c, 0, ARCH_CODE(arch_data));
	arg = context_argument(&c);
	ASSERT_EQ(1, control_at(self->t.base, TRAMPFD_SET, &arg, 0));
	for (bit = 0; bit < 32; bit++) {
		const unsigned int flags = 1U << bit;

		EXPECT_EQ(-EINVAL, control_at(self->t.base, TRAMPFD_SET, &arg,
					      flags));
		EXPECT_EQ(-EINVAL, control_at(self->t.base, 0, NULL, flags));
		EXPECT_EQ(-EINVAL, control_at(NULL, TRAMPFD_SET, &arg, flags));
		EXPECT_EQ(-EINVAL, control_at(shared.base, TRAMPFD_SET, &arg,
					      flags));
	}
	table_close(&shared);
}

/*
 * What is no operation of a trampoline descriptor.  Those that the kernel does
 * for every descriptor are not among them: there is none.
 */
TEST_F(address, unknown_operation)
{
	static const unsigned int ops[] = {
		0, 1, ~0U, FIOCLEX, FIONCLEX, FIONBIO, FIOASYNC, FIONREAD,
		_IO(TRAMPFD_IOC_TYPE, 0), _IO(TRAMPFD_IOC_TYPE, 0x7f),
		_IOR(TRAMPFD_IOC_TYPE, 0, struct trampfd_contexts),
		_IOWR(TRAMPFD_IOC_TYPE, 0, struct trampfd_contexts),
		_IOW(TRAMPFD_IOC_TYPE, 0x40, struct trampfd_contexts),
		_IOW(TRAMPFD_IOC_TYPE + 1, 0, struct trampfd_contexts),
		_IOW(TRAMPFD_IOC_TYPE, 0x06, struct trampfd_pcs),
	};
	const int next = next_descriptor();
	struct context c;
	struct trampfd_contexts arg;
	int number = 1;
	size_t i;

	context_init(&c, 0, ARCH_CODE(arch_data));
	arg = context_argument(&c);
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(-ENOTTY, control_at(self->t.base, ops[i], &arg, 0)) {
			TH_LOG("operation %#x", ops[i]);
		}
		EXPECT_EQ(-ENOTTY, control_at(self->t.base, ops[i], &number, 0)) {
			TH_LOG("operation %#x", ops[i]);
		}
	}
	EXPECT_TRUE(is_unset(at(self->t.base), 0));
	EXPECT_EQ(next, next_descriptor());
}

/*
 * An operation is done or refused as by the descriptor: some of what is in
 * set_errors_test.c and errors_test.c.
 */
TEST_F(address, errors)
{
	struct trampfd_contexts arg;
	struct context c;

	context_init(&c, 0, ARCH_CODE(arch_data));
	arg = context_argument(&c);
	EXPECT_EQ(-EFAULT, control_at(self->t.base, TRAMPFD_SET, NULL, 0));
	EXPECT_EQ(-EFAULT, control_at(self->t.base, TRAMPFD_GET,
				      in_page(self, 0, 0), 0));
	arg.flags = 4;
	EXPECT_EQ(-EINVAL, control_at(self->t.base, TRAMPFD_SET, &arg, 0));
	EXPECT_EQ(-ENOENT, remove_one(at(self->t.base), 0));
	EXPECT_EQ(-EINVAL, remove_one(at(self->t.base), self->n));
}

/* No descriptor is needed, not even for a moment. */
TEST_F(address, without_a_descriptor_to_be_had)
{
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	ASSERT_EQ(-1, open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	ASSERT_EQ(EMFILE, errno);
	EXPECT_TRUE(names_the_table(self, self->t.base));
	EXPECT_EQ(1, seal_one(at(self->t.base), 0));
}

#define SWITCH	"/proc/sys/vm/trampfd_enabled"

/* The switch has to be put back also by a test that dies. */
FIXTURE(switched_off) {
	struct table t;
	long long before;
	bool changed;
};

FIXTURE_SETUP(switched_off)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	if (file_read_number(SWITCH, &self->before))
		SKIP(return, "no " SWITCH " (CONFIG_PROC_SYSCTL)");
	if (geteuid())
		SKIP(return, "only root may write to " SWITCH);
	ASSERT_EQ(1, self->before);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, 4, 0));
	self->changed = true;
	ASSERT_EQ(0, file_write_number(SWITCH, 0));
}

FIXTURE_TEARDOWN_PARENT(switched_off)
{
	if (self->changed)
		file_write_number(SWITCH, self->before);
}

/* The switch is about new tables: what is there can be used to the end. */
TEST_F(switched_off, either_way)
{
	const uint64_t pc = ARCH_CODE(arch_data);
	struct trampfd_attr attr = { .ntrampolines = 1 };

	ASSERT_EQ(-EPERM, create(&attr, sizeof(attr), 0));
	EXPECT_EQ(1, set_value(at(self->t.base), 0, 10));
	EXPECT_EQ(1, set_value(self->t.fd, 1, 11));
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 10));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 11));
	EXPECT_TRUE(has_value(self->t.fd, 0, 10));
	EXPECT_TRUE(has_value(at(self->t.base), 1, 11));
	EXPECT_EQ(1, remove_one(at(self->t.base), 0));
	EXPECT_EQ(1, seal_one(at(self->t.base), 1));
	EXPECT_EQ(0, allow(at(self->t.base), &pc, 1));
	EXPECT_EQ(0, close(self->t.fd));
	self->t.fd = -1;
	EXPECT_EQ(1, set_value(at(self->t.base), 0, 12));
}

TEST_HARNESS_MAIN
