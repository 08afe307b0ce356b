// SPDX-License-Identifier: GPL-2.0
/*
 * TRAMPFD_READONLY: a descriptor of a shared table for those who may map and
 * read it, and must not change it.
 */
#include <fcntl.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

#define NTRAMPOLINES	8

FIXTURE(readonly) {
	/* The owner's, and what others get. */
	struct table t;
	struct table ro;
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(readonly)

static int make_readonly(int fd)
{
	return control_fd(fd, TRAMPFD_READONLY, NULL);
}

FIXTURE_SETUP(readonly)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, NTRAMPOLINES, TRAMPFD_SHARED));
	ASSERT_EQ(4, set_values(self->t.fd, 0, 4, 100));
	self->ro = self->t;
	self->ro.base = MAP_FAILED;
	self->ro.fd = make_readonly(self->t.fd);
	ASSERT_LE(0, self->ro.fd);
}

FIXTURE_TEARDOWN(readonly)
{
	table_close(&self->ro);
	table_close(&self->t);
}

/* Is every change refused, and nothing changed? */
static bool refuses_changes(int fd)
{
	const uint64_t pcs[] = { ARCH_CODE(arch_data) };

	/* What is set, what is not, and what there is not. */
	return set_value(fd, 0, 5) == -EBADF && set_value(fd, 5, 5) == -EBADF &&
	       set_value(fd, NTRAMPOLINES, 5) == -EBADF &&
	       remove_one(fd, 0) == -EBADF && remove_one(fd, 5) == -EBADF &&
	       seal_one(fd, 0) == -EBADF && seal_one(fd, 5) == -EBADF &&
	       allow(fd, pcs, 1) == -EBADF &&
	       has_value(fd, 0, 100) && is_unset(fd, 5) &&
	       set_value(fd, 0, 100) == -EBADF;
}

static bool readable(int fd)
{
	struct trampfd_pcs arg = { .count = 0 };
	struct context c;

	return has_value(fd, 0, 100) && has_value(fd, 3, 103) &&
	       is_unset(fd, 4) && context_get(fd, 3, &c) == 1 &&
	       control_fd(fd, TRAMPFD_GET_ALLOWED, &arg) == 0;
}

TEST_F(readonly, is_a_descriptor_of_its_own)
{
	const int flags = fcntl(self->t.fd, F_GETFL);

	EXPECT_NE(self->t.fd, self->ro.fd);
	EXPECT_EQ(O_RDWR, flags & O_ACCMODE);
	EXPECT_EQ(O_RDONLY, fcntl(self->ro.fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->ro.fd, F_GETFD));
}

TEST_F(readonly, reads)
{
	struct trampfd_record rec[NTRAMPOLINES] = { 0 };
	struct trampfd_contexts arg = {
		.records = (uintptr_t)rec,
		.nrecords = NTRAMPOLINES,
		.flags = TRAMPFD_CONTEXTS_NEXT | TRAMPFD_CONTEXTS_SIZES,
	};
	const uint64_t pcs[] = { ARCH_CODE(arch_data) };
	uint64_t got = 0;
	struct trampfd_pcs allowed = { .pcs = (uintptr_t)&got, .count = 1 };

	EXPECT_TRUE(readable(self->ro.fd));
	/* Also the next ones, and the limits, as they come. */
	EXPECT_EQ(4, control_fd(self->ro.fd, TRAMPFD_GET, &arg));
	EXPECT_EQ(0, control_fd(self->ro.fd, TRAMPFD_GET_ALLOWED, &allowed));
	EXPECT_EQ(0, allow(self->t.fd, pcs, 1));
	EXPECT_EQ(1, control_fd(self->ro.fd, TRAMPFD_GET_ALLOWED, &allowed));
	EXPECT_EQ(pcs[0], got);
}

TEST_F(readonly, maps)
{
	ASSERT_EQ(0, table_map(&self->ro));
	EXPECT_TRUE(self->t.base != self->ro.base);
	EXPECT_TRUE(gives(table_entry(&self->ro, 2), 102));
	EXPECT_TRUE(is_plain(table_entry(&self->ro, 4)));
	/* It is the same table. */
	EXPECT_EQ(1, set_value(self->t.fd, 2, 5));
	EXPECT_EQ(1, set_value(self->t.fd, 4, 6));
	EXPECT_TRUE(gives(table_entry(&self->ro, 2), 5));
	EXPECT_TRUE(gives(table_entry(&self->ro, 4), 6));
	EXPECT_EQ(1, remove_one(self->t.fd, 4));
	EXPECT_TRUE(is_plain(table_entry(&self->ro, 4)));
	/* And nothing else can be done to its mapping. */
	EXPECT_EQ(-1, mprotect(self->ro.base, self->ro.attr.map_size,
			       PROT_READ));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-EPERM, set_value(at(self->ro.base), 2, 7));
	EXPECT_TRUE(gives(table_entry(&self->t, 2), 5));
}

TEST_F(readonly, refuses_changes)
{
	EXPECT_TRUE(refuses_changes(self->ro.fd));
	ASSERT_EQ(0, table_map(&self->ro));
	EXPECT_TRUE(refuses_changes(self->ro.fd));
	EXPECT_TRUE(gives(table_entry(&self->ro, 0), 100));
	/* Which does not concern the owner. */
	EXPECT_EQ(1, set_value(self->t.fd, 0, 5));
	EXPECT_EQ(1, set_value(self->t.fd, 5, 5));
	EXPECT_EQ(1, seal_one(self->t.fd, 5));
	EXPECT_EQ(1, remove_one(self->t.fd, 0));
}

/* However one gets another name for it. */
TEST_F(readonly, for_good)
{
	char path[64];
	int fd;

	fd = make_readonly(self->ro.fd);
	ASSERT_LE(0, fd);
	EXPECT_EQ(O_RDONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
	EXPECT_TRUE(refuses_changes(fd));
	EXPECT_TRUE(readable(fd));
	EXPECT_EQ(0, close(fd));

	fd = dup(self->ro.fd);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(refuses_changes(fd));
	EXPECT_EQ(0, close(fd));

	/* The mode of a descriptor is not among what can be set. */
	fcntl(self->ro.fd, F_SETFL, O_RDWR);
	EXPECT_TRUE(refuses_changes(self->ro.fd));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->ro.fd);
	EXPECT_EQ(-1, open(path, O_RDWR | O_CLOEXEC));
}

TEST_F(readonly, lives_by_itself)
{
	table_close(&self->t);
	EXPECT_TRUE(readable(self->ro.fd));
	ASSERT_EQ(0, table_map(&self->ro));
	EXPECT_TRUE(gives(table_entry(&self->ro, 1), 101));
	EXPECT_EQ(0, close(self->ro.fd));
	self->ro.fd = -1;
	EXPECT_TRUE(gives(table_entry(&self->ro, 1), 101));
}

TEST_F(readonly, in_a_child)
{
	pid_t pid;

	ASSERT_EQ(0, table_map(&self->ro));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(gives(table_entry(&self->ro, 1), 101));
		EXPECT_TRUE(refuses_changes(self->ro.fd));
		EXPECT_EQ(1, set_value(self->t.fd, 1, 5));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(gives(table_entry(&self->ro, 1), 5));
}

/* What it is for: another process gets it, and no more than that. */
TEST_F(readonly, passed_over_a_socket)
{
	pid_t pid;
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		SKIP(return, "no Unix sockets (CONFIG_UNIX)");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct table got = self->ro;

		table_close(&self->ro);
		table_close(&self->t);
		got.fd = receive_descriptor(s[1]);
		ASSERT_LE(0, got.fd);
		ASSERT_EQ(0, table_map(&got));
		EXPECT_TRUE(gives(table_entry(&got, 1), 101));
		EXPECT_TRUE(readable(got.fd));
		EXPECT_TRUE(refuses_changes(got.fd));
		EXPECT_EQ(0, pipe_tell(s[1]));
		EXPECT_EQ(0, pipe_wait(s[1]));
		EXPECT_TRUE(gives(table_entry(&got, 1), 5));
		_exit(0);
	}
	/* So that nobody waits for a child that has failed. */
	ASSERT_EQ(0, close(s[1]));
	ASSERT_EQ(0, send_descriptor(s[0], self->ro.fd));
	ASSERT_EQ(0, pipe_wait(s[0]));
	EXPECT_EQ(1, set_value(self->t.fd, 1, 5));
	ASSERT_EQ(0, pipe_tell(s[0]));
	EXPECT_EQ(0, child_status(pid));
}

/* It is mapped as the table is, and not otherwise. */
TEST_F(readonly, wrong_mappings)
{
	const struct trampfd_attr *attr = &self->t.attr;

	EXPECT_TRUE(mmap(NULL, attr->map_size, PROT_READ, attr->map_flags,
			 self->ro.fd, 0) == MAP_FAILED);
	EXPECT_TRUE(mmap(NULL, attr->map_size, PROT_WRITE, attr->map_flags,
			 self->ro.fd, 0) == MAP_FAILED);
	EXPECT_TRUE(mmap(NULL, attr->map_size, PROT_NONE, MAP_PRIVATE,
			 self->ro.fd, 0) == MAP_FAILED);
	EXPECT_TRUE(mmap(NULL, 2 * attr->map_size, PROT_NONE, attr->map_flags,
			 self->ro.fd, 0) == MAP_FAILED);
}

/* A failed call makes no descriptor. */
TEST_F(readonly, wrong_calls)
{
	const int next = next_descriptor();
	unsigned long argument;
	struct table t;

	for (argument = 1; argument; argument <<= 1) {
		EXPECT_EQ(-EINVAL, control_fd(self->t.fd, TRAMPFD_READONLY,
					      (void *)argument));
		EXPECT_EQ(-EINVAL, control_fd(self->ro.fd, TRAMPFD_READONLY,
					      (void *)argument));
	}
	EXPECT_EQ(-ENOTTY, control_fd(self->t.fd, _IOW(TRAMPFD_IOC_TYPE, 0x06,
						       struct trampfd_pcs),
				      NULL));
	/* It has no structure, and so no versions of one. */
	EXPECT_EQ(-ENOTTY, control_fd(self->t.fd,
				      _IOC(_IOC_NONE, TRAMPFD_IOC_TYPE, 0x06, 8),
				      NULL));
	EXPECT_EQ(next, next_descriptor());

	/* Nobody but its address space changes a private one. */
	ASSERT_EQ(0, table_open(&t, 1, 0));
	EXPECT_EQ(-EINVAL, make_readonly(t.fd));
	EXPECT_EQ(next, t.fd);
	table_close(&t);
	EXPECT_EQ(next, next_descriptor());
}

TEST_F(readonly, no_descriptor_to_be_had)
{
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, make_readonly(self->t.fd));
	EXPECT_TRUE(readable(self->t.fd));
}

TEST_HARNESS_MAIN
