// SPDX-License-Identifier: GPL-2.0
/* Errors of trampfd_create(), each with the proof that the failed call changed nothing. */
#include <sys/mman.h>

#include "errors_util.h"

/* A failed trampfd_create() also makes no descriptor. */
static int create_error(struct trampfd_attr *attr, size_t size,
			unsigned int flags)
{
	int before = next_descriptor();
	int ret = create(attr, size, flags);

	if (ret >= 0)
		close(ret);
	else if (next_descriptor() != before)
		return -ENOTRECOVERABLE;
	return ret;
}

static struct trampfd_attr good_attr(void)
{
	return (struct trampfd_attr) { .ntrampolines = NTRAMPOLINES };
}

TEST_F(errors, create_unknown_flag)
{
	struct trampfd_attr attr = good_attr();
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		if (1U << bit == TRAMPFD_SHARED)
			continue;
		EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr),
						variant->flags | 1U << bit)) {
			TH_LOG("bit %u", bit);
		}
	}
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_unknown_type)
{
	struct trampfd_attr attr = good_attr();

	attr.type = TRAMPFD_CODE + 1;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	attr.type = ~0U;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_reserved)
{
	struct trampfd_attr attr = good_attr();

	attr.reserved = 1;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	attr.reserved = 1U << 31;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_no_trampolines)
{
	struct trampfd_attr attr = good_attr();

	attr.ntrampolines = 0;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_too_many_trampolines)
{
	struct trampfd_attr attr = good_attr();

	attr.ntrampolines = TRAMPFD_TRAMPOLINES_MAX + 1;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	attr.ntrampolines = ~0U;
	EXPECT_EQ(-EINVAL, create_error(&attr, sizeof(attr), variant->flags));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_attr_too_small)
{
	struct trampfd_attr attr = good_attr();

	EXPECT_EQ(-EINVAL, create_error(&attr, 0, variant->flags));
	EXPECT_EQ(-EINVAL, create_error(&attr, TRAMPFD_ATTR_SIZE_VER0 - 1,
					variant->flags));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_attr_unknown_tail)
{
	struct {
		struct trampfd_attr attr;
		unsigned char tail[64];
	} larger;
	size_t i;

	for (i = 0; i < sizeof(larger.tail); i += 21) {
		memset(&larger, 0, sizeof(larger));
		larger.attr = good_attr();
		larger.tail[i] = 1;
		EXPECT_EQ(-E2BIG, create_error(&larger.attr, sizeof(larger),
					       variant->flags));
	}
	EXPECT_TRUE(unchanged(self));
}

/* Not an error: what the kernel does not know is not asked for. */
TEST_F(errors, create_attr_zero_tail)
{
	struct {
		struct trampfd_attr attr;
		unsigned char tail[64];
	} larger = { .attr = good_attr() };
	int fd;

	fd = create(&larger.attr, sizeof(larger), variant->flags);
	ASSERT_LE(0, fd);
	EXPECT_EQ(self->t.attr.map_size, larger.attr.map_size);
	EXPECT_EQ(0, close(fd));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(errors, create_bad_pointer)
{
	const size_t size = sizeof(struct trampfd_attr);
	struct trampfd_attr attr = good_attr();
	char *half = self->edge - size / 2;

	EXPECT_EQ(-EFAULT, create_error(NULL, size, variant->flags));
	EXPECT_EQ(-EFAULT, create_error((void *)self->edge, size,
					variant->flags));
	EXPECT_EQ(-EFAULT, create_error((void *)-size, size, variant->flags));
	/* The kernel reads and writes the structure beyond the edge. */
	memcpy(half, &attr, size / 2);
	EXPECT_EQ(-EFAULT, create_error((void *)half, size, variant->flags));
	EXPECT_TRUE(unchanged(self));
}

/* The structure can be read, but the answer can't be written. */
TEST_F(errors, create_readonly_attr)
{
	struct trampfd_attr attr = good_attr();
	void *page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(page != MAP_FAILED);
	memcpy(page, &attr, sizeof(attr));
	ASSERT_EQ(0, mprotect(page, getpagesize(), PROT_READ));
	EXPECT_EQ(-EFAULT, create_error(page, sizeof(attr), variant->flags));
	EXPECT_TRUE(unchanged(self));
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
	ASSERT_TRUE(controlled_as_built(&self->t));
	ASSERT_EQ(1, set_value(self->t.fd, 0, 10));
	self->changed = true;
	ASSERT_EQ(0, file_write_number(SWITCH, 0));
}

FIXTURE_TEARDOWN_PARENT(switched_off)
{
	if (self->changed)
		file_write_number(SWITCH, self->before);
}

TEST_F(switched_off, create)
{
	struct trampfd_attr attr = good_attr();

	EXPECT_EQ(-EPERM, create_error(&attr, sizeof(attr), 0));
	EXPECT_EQ(-EPERM, create_error(&attr, sizeof(attr), TRAMPFD_SHARED));
	EXPECT_TRUE(gives(table_entry(&self->t, 0), 10));
}

/* Switching off does not break what runs. */
TEST_F(switched_off, existing_table_goes_on)
{
	pid_t pid;

	EXPECT_TRUE(gives(table_entry(&self->t, 0), 10));
	EXPECT_EQ(1, set_value(self->t.fd, 1, 11));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 11));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 10));
		EXPECT_EQ(1, set_value(self->t.fd, 0, 12));
		EXPECT_TRUE(gives(table_entry(&self->t, 0), 12));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(1, remove_one(self->t.fd, 0));
	EXPECT_EQ(0, file_write_number(SWITCH, 1));
	table_close(&self->t);
	EXPECT_EQ(0, table_open(&self->t, 4, 0));
}

TEST_F(switched_off, takes_no_other_number)
{
	EXPECT_EQ(-EINVAL, file_write_number(SWITCH, 3));
	EXPECT_EQ(-EINVAL, file_write_number(SWITCH, -1));
}

TEST_HARNESS_MAIN
