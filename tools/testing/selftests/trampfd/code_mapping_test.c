// SPDX-License-Identifier: GPL-2.0
/* TRAMPFD_CODE: what may be done to the three parts, and what they never are. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "../kselftest_harness.h"
#include "code_util.h"
#include "limits_util.h"

#ifndef __NR_mseal
#define __NR_mseal	462
#endif

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#ifndef PR_SET_MDWE
#define PR_SET_MDWE	65
#define PR_MDWE_REFUSE_EXEC_GAIN	1
#endif

/* Of each part.  Trampoline 1 has the value 1001, and so on, all with promise. */
#define PAGES	3
#define FIRST	1000

FIXTURE(mapping) {
	struct table t;
	size_t page;
	unsigned int n;
	unsigned int per_page;
	/* Somewhere to move to. */
	char *room;
};

#define DATA	FIXTURE_DATA(mapping)

FIXTURE_SETUP(mapping)
{
	if (code_missing())
		SKIP(return, "%s", code_missing());
	trap_init();
	ASSERT_EQ(0, code_open_pages(&self->t, PAGES, FIRST));
	self->page = getpagesize();
	self->per_page = table_per_page(&self->t);
	self->n = PAGES * self->per_page;
	ASSERT_EQ(PAGES * self->page, self->t.attr.part_size);
	self->room = mmap(NULL, 2 * self->t.attr.map_size, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->room != MAP_FAILED);
}

FIXTURE_TEARDOWN(mapping)
{
	table_close(&self->t);
}

/* The first and the last trampoline of page @n. */
static bool fast_works(const DATA *self, unsigned int n)
{
	unsigned int first = n * self->per_page;
	unsigned int last = first + self->per_page - 1;

	return gives(code_entry(&self->t, first), FIRST + first) &&
	       gives(code_entry(&self->t, last), FIRST + last) &&
	       slot_pc(&self->t, first) == ARCH_CODE(arch_data) &&
	       slot_value(&self->t, last, ARCH_DATA_REG) == FIRST + last;
}

static bool faults_work(const DATA *self, unsigned int n)
{
	unsigned int first = n * self->per_page;
	unsigned int last = first + self->per_page - 1;

	return gives(fault_entry(&self->t, first), FIRST + first) &&
	       gives(fault_entry(&self->t, last), FIRST + last);
}

static bool all_work(const DATA *self)
{
	unsigned int n;

	for (n = 0; n < PAGES; n++)
		if (!fast_works(self, n) || !faults_work(self, n))
			return false;
	return true;
}

static char *part_page(const DATA *self, enum code_part part, unsigned int n)
{
	return part_addr(&self->t, part) + n * self->page;
}

/* What it is to store there, and to go where the data is. */
TEST_F(mapping, access)
{
	enum code_part part;

	for (part = 0; part < NPARTS; part++) {
		char *addr = part_page(self, part, 1);

		EXPECT_EQ(SIGSEGV, try_store(addr));
		EXPECT_EQ(SEGV_ACCERR, trap.code);
		EXPECT_TRUE(trap.addr == ARCH_FAULT_ADDR(addr));
		EXPECT_EQ(part == PART_FAULT ? SIGSEGV : 0, try_load(addr));
	}
	EXPECT_TRUE(is_plain(part_page(self, PART_DATA, 1)));
	EXPECT_TRUE(is_plain(part_page(self, PART_DATA, 2) +
			     self->t.attr.stride));
	EXPECT_TRUE(all_work(self));
}

TEST_F(mapping, permissions_in_maps)
{
	static const char *const permissions[NPARTS] = { " ---p ", " r-xp ", " r--p " };
	enum code_part part;
	char line[256];

	for (part = 0; part < NPARTS; part++) {
		ASSERT_TRUE(maps_line(part_page(self, part, 0), line,
				      sizeof(line)));
		EXPECT_TRUE(contains(line, permissions[part])) {
			TH_LOG("%s", line);
		}
		EXPECT_TRUE(contains(line, "[trampfd-code]"));
	}
}

TEST_F(mapping, proc_mem)
{
	int fd = open("/proc/self/mem", O_RDWR);
	slot_word word;
	enum code_part part;

	ASSERT_LE(0, fd);
	for (part = 0; part < NPARTS; part++) {
		uintptr_t addr = (uintptr_t)part_page(self, part, 1);

		EXPECT_EQ(part == PART_FAULT ? -1 : (ssize_t)sizeof(word),
			  pread(fd, &word, sizeof(word), addr));
		EXPECT_EQ(-1, pwrite(fd, &word, sizeof(word), addr));
	}
	EXPECT_EQ(0, close(fd));
	EXPECT_TRUE(all_work(self));
}

TEST_F(mapping, ptrace_peek_and_poke)
{
	enum code_part part;
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(!all_work(self));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	for (part = 0; part < NPARTS; part++) {
		char *addr = part_page(self, part, 1);

		errno = 0;
		ptrace(PTRACE_PEEKDATA, pid, addr, NULL);
		EXPECT_EQ(part == PART_FAULT ? EIO : 0, errno);
		EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, pid, addr, 0));
		EXPECT_EQ(EIO, errno);
		EXPECT_EQ(-1, ptrace(PTRACE_POKETEXT, pid, addr, 0));
		EXPECT_EQ(EIO, errno);
	}
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(all_work(self));
}

TEST_F(mapping, process_vm)
{
	slot_word word = 0;
	struct iovec local = { .iov_base = &word, .iov_len = sizeof(word) };
	struct iovec remote = { .iov_base = &local, .iov_len = sizeof(word) };
	enum code_part part;

	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0)
		SKIP(return, "no process_vm_readv (CONFIG_CROSS_MEMORY_ATTACH)");
	for (part = 0; part < NPARTS; part++) {
		remote.iov_base = part_page(self, part, 1);
		EXPECT_EQ(part == PART_FAULT ? -1 : (ssize_t)sizeof(word),
			  process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
		EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1,
						0));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_TRUE(all_work(self));
}

/* A file's read() is a store of the kernel's. */
TEST_F(mapping, store_by_system_call)
{
	int fd = open("/dev/zero", O_RDONLY);
	enum code_part part;

	ASSERT_LE(0, fd);
	for (part = 0; part < NPARTS; part++) {
		EXPECT_EQ(-1, read(fd, part_page(self, part, 1), 16));
		EXPECT_EQ(EFAULT, errno);
	}
	close(fd);
	EXPECT_TRUE(all_work(self));
}

static bool is_denied(char *addr, size_t size)
{
	int prot;

	/* All of them, none and what it has included. */
	for (prot = 0; prot <= (PROT_READ | PROT_WRITE | PROT_EXEC); prot++) {
		if (mprotect(addr, size, prot) == 0 || errno != EACCES) {
			fprintf(stderr, "# permission %d, errno %d\n", prot, errno);
			return false;
		}
	}
	return true;
}

TEST_F(mapping, mprotect)
{
	const size_t size = self->t.attr.part_size;
	enum code_part part;

	for (part = 0; part < NPARTS; part++) {
		EXPECT_TRUE(is_denied(part_page(self, part, 0), size));
		EXPECT_TRUE(is_denied(part_page(self, part, 1), self->page));
	}
	/* What lies between is of the table, too. */
	EXPECT_TRUE(is_denied(part_page(self, PART_FAULT, PAGES), self->page));
	EXPECT_TRUE(is_denied(self->t.base, self->t.attr.map_size));
	EXPECT_TRUE(all_work(self));
}

TEST_F(mapping, pkey_mprotect)
{
#ifdef SYS_pkey_alloc
	const size_t size = self->t.attr.part_size;
	long key = syscall(SYS_pkey_alloc, 0, 0);
	enum code_part part;

	if (key < 0)
		SKIP(return, "no protection keys here, errno %d", errno);
	for (part = 0; part < NPARTS; part++) {
		EXPECT_EQ(-1, syscall(SYS_pkey_mprotect, part_page(self, part, 0),
				      size, part_prot(&self->t, part), key));
		EXPECT_EQ(EACCES, errno);
	}
	EXPECT_TRUE(all_work(self));
#else
	SKIP(return, "the C library does not know protection keys");
#endif
}

/* No part goes anywhere, nor to two places. */
TEST_F(mapping, mremap)
{
	static const int ways[] = {
		MREMAP_MAYMOVE | MREMAP_FIXED,
		MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
	};
	const size_t page = self->page, size = self->t.attr.part_size;
	enum code_part part;
	size_t i;

	for (part = 0; part < NPARTS; part++) {
		char *addr = part_page(self, part, 0);

		for (i = 0; i < ARRAY_SIZE(ways); i++) {
			EXPECT_TRUE(mremap(addr, size, size, ways[i],
					   self->room) == MAP_FAILED);
			EXPECT_EQ(EINVAL, errno);
			EXPECT_TRUE(mremap(addr + page, page, page, ways[i],
					   self->room) == MAP_FAILED);
			EXPECT_EQ(EINVAL, errno);
			EXPECT_TRUE(all_work(self));
		}
		EXPECT_TRUE(mremap(addr, 0, size, MREMAP_MAYMOVE) == MAP_FAILED);
		EXPECT_EQ(EINVAL, errno);
		EXPECT_TRUE(mremap(addr, size, size + page, MREMAP_MAYMOVE) ==
			    MAP_FAILED);
		EXPECT_TRUE(mremap(addr, size, size + page, 0) == MAP_FAILED);
		EXPECT_TRUE(mremap(addr + size - page, page, 2 * page,
				   MREMAP_MAYMOVE) == MAP_FAILED);
		EXPECT_TRUE(all_work(self));
	}
	/* What was to go there is not there. */
	EXPECT_NE(0, try_load(self->room));
	EXPECT_NE(0, try_load(self->room + page));
}

/* Where a part can't be, MAP_FIXED leaves what is there. */
TEST_F(mapping, refused_place_keeps_its_mapping)
{
	const int prot = PROT_READ | PROT_WRITE;
	const size_t size = self->t.attr.map_size;
	const char *part_of_room;
	enum code_part part;
	struct table t = self->t;

	ASSERT_EQ(0, mprotect(self->room, 2 * size, prot));
	memset(self->room, 0x5a, 2 * size);
	t.base = self->room;
	for (part = 0; part < NPARTS; part++) {
		EXPECT_EQ(-EINVAL, part_map(&t, part));
		part_of_room = part_addr(&t, part);
		EXPECT_EQ(0x5a, *part_of_room);
		/* No part has this size, nor this offset. */
		EXPECT_TRUE(mmap(self->room, self->page, part_prot(&t, part),
				 t.attr.map_flags | MAP_FIXED, t.fd,
				 part_offset(&t, part)) == MAP_FAILED);
		EXPECT_EQ(EINVAL, errno);
		EXPECT_TRUE(mmap(self->room, t.attr.part_size, part_prot(&t, part),
				 t.attr.map_flags | MAP_FIXED, t.fd,
				 part_offset(&t, part) + self->page) == MAP_FAILED);
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(0x5a, self->room[0]);
	}
	EXPECT_TRUE(all_work(self));
}

/* In place, a part may become shorter, as by munmap(). */
TEST_F(mapping, mremap_shrinks)
{
	const size_t size = self->t.attr.part_size;
	enum code_part part;

	for (part = 0; part < NPARTS; part++)
		ASSERT_TRUE(mremap(part_page(self, part, 0), size, self->page, 0) ==
			    part_page(self, part, 0));
	EXPECT_TRUE(fast_works(self, 0));
	EXPECT_TRUE(faults_work(self, 0));
	for (part = 0; part < NPARTS; part++)
		EXPECT_TRUE(is_unmapped(part_page(self, part, 1)));
}

/* The rest of a part goes on, and what was cut out can come back. */
TEST_F(mapping, cuts)
{
	enum code_part part;
	unsigned int n;

	for (part = 0; part < NPARTS; part++) {
		for (n = 0; n < PAGES; n++) {
			ASSERT_EQ(0, munmap(part_page(self, part, n), self->page));
			EXPECT_TRUE(fast_works(self, (n + 1) % PAGES));
			EXPECT_TRUE(faults_work(self, (n + 1) % PAGES));
			EXPECT_TRUE(part == PART_FAULT ? fast_works(self, n) :
							 faults_work(self, n));
			EXPECT_TRUE(is_unmapped(part_page(self, part, n)));
			ASSERT_EQ(0, part_map(&self->t, part));
			EXPECT_TRUE(all_work(self));
		}
	}
}

/* Code that was never touched does not come without its data. */
TEST_F(mapping, data_unmapped_at_first)
{
	unsigned long value;

	ASSERT_EQ(0, munmap(part_addr(&self->t, PART_DATA),
			    self->t.attr.part_size));
	EXPECT_EQ(SIGBUS, try_call(code_entry(&self->t, 5), &value));
	EXPECT_TRUE(faults_work(self, 0));
	ASSERT_EQ(0, part_map(&self->t, PART_DATA));
	EXPECT_TRUE(fast_works(self, 0));
}

/* If it was touched, the load of the entry faults, and says where. */
TEST_F(mapping, data_unmapped)
{
	const char *slot = (const char *)code_slot(&self->t, 5);
	const char *entry = code_entry(&self->t, 5);
	unsigned long value;

	EXPECT_TRUE(fast_works(self, 0));
	ASSERT_EQ(0, munmap(part_addr(&self->t, PART_DATA),
			    self->t.attr.part_size));
	EXPECT_EQ(SIGSEGV, try_call(entry, &value));
	EXPECT_EQ(SEGV_MAPERR, trap.code);
	EXPECT_TRUE((char *)trap.addr >= (char *)ARCH_FAULT_ADDR(slot) &&
		    (char *)trap.addr < slot + self->t.attr.stride);
	EXPECT_TRUE(trap.state.reg[ARCH_PC] >= (uintptr_t)entry &&
		    trap.state.reg[ARCH_PC] <
		    (uintptr_t)entry + self->t.attr.stride);
	EXPECT_TRUE(faults_work(self, 0));
	/* What is set meanwhile is there when it comes back. */
	ASSERT_EQ(1, set_values_as(self->t.fd, 5, 1, 77, IDLE));
	EXPECT_TRUE(gives(fault_entry(&self->t, 5), 77));
	ASSERT_EQ(0, part_map(&self->t, PART_DATA));
	EXPECT_TRUE(gives(entry, 77));
}

TEST_F(mapping, fault_unmapped)
{
	unsigned long value;

	ASSERT_EQ(0, munmap(self->t.base, self->t.attr.part_size));
	EXPECT_TRUE(fast_works(self, 0));
	EXPECT_TRUE(is_unmapped(fault_entry(&self->t, 5)));
	/* What leaves the fast lane leads nowhere now. */
	ASSERT_EQ(1, set_values_as(self->t.fd, 5, 1, 77, 0));
	EXPECT_EQ(SIGSEGV, try_call(code_entry(&self->t, 5), &value));
	EXPECT_TRUE(trap.addr == ARCH_FAULT_ADDR(fault_entry(&self->t, 5)));
	EXPECT_EQ(SEGV_MAPERR, trap.code);
	ASSERT_EQ(0, part_map(&self->t, PART_FAULT));
	EXPECT_TRUE(gives(code_entry(&self->t, 5), 77));
}

TEST_F(mapping, mseal)
{
	enum code_part part;
	int ret = syscall(__NR_mseal, self->t.base, self->t.attr.map_size, 0);

	if (ret && (no_such_call(errno) || errno == EPERM))
		SKIP(return, "no mseal for this ABI");
	ASSERT_EQ(0, ret);
	for (part = 0; part < NPARTS; part++) {
		EXPECT_EQ(-1, munmap(part_page(self, part, 1), self->page));
		EXPECT_EQ(EPERM, errno);
	}
	/* Mappings are sealed, and not trampolines. */
	ASSERT_EQ(1, set_values_as(self->t.fd, 5, 1, 77, IDLE));
	EXPECT_TRUE(gives(code_entry(&self->t, 5), 77));
	/* The descriptor goes, and they stay. */
	close(self->t.fd);
	self->t.fd = -1;
	self->t.base = MAP_FAILED;
}

TEST_F(mapping, advice)
{
	static const int all[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_COLD, MADV_PAGEOUT,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_DODUMP, MADV_DONTDUMP, MADV_WIPEONFORK,
		MADV_KEEPONFORK, MADV_COLLAPSE, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE,
	};
	enum code_part part;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		for (part = 0; part < NPARTS; part++) {
			madvise(part_page(self, part, 0), self->t.attr.part_size,
				all[i]);
			madvise(part_page(self, part, i % PAGES), self->page,
				all[i]);
		}
		EXPECT_TRUE(all_work(self)) {
			TH_LOG("advice %d", all[i]);
		}
	}
	EXPECT_EQ(0, madvise(part_addr(&self->t, PART_DATA),
			     self->t.attr.part_size, MADV_POPULATE_READ));
	EXPECT_EQ(0, madvise(part_addr(&self->t, PART_CODE),
			     self->t.attr.part_size, MADV_POPULATE_READ));
	EXPECT_EQ(-1, madvise(part_addr(&self->t, PART_DATA),
			      self->t.attr.part_size, MADV_POPULATE_WRITE));
}

TEST_F(mapping, mlockall)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };
	struct table t;

	if (setrlimit(RLIMIT_MEMLOCK, &lim))
		SKIP(return, "may not lock memory");
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	EXPECT_TRUE(all_work(self));
	ASSERT_EQ(0, code_open(&t, self->n, 1));
	ASSERT_EQ(1, set_values_as(t.fd, 5, 1, 77, IDLE));
	EXPECT_TRUE(gives(code_entry(&t, 5), 77));
	EXPECT_TRUE(gives(fault_entry(&t, 5), 77));
	ASSERT_EQ(1, set_values_as(t.fd, 5, 1, 78, 0));
	EXPECT_TRUE(gives(code_entry(&t, 5), 78));
	ASSERT_EQ(0, munlockall());
	EXPECT_TRUE(gives(code_entry(&t, 5), 78));
	table_close(&t);
}

/* An old personality would make all that can be read executable. */
TEST_F(mapping, read_implies_exec)
{
	char line[256];

	if (personality(READ_IMPLIES_EXEC) < 0)
		SKIP(return, "no such personality");
	table_close(&self->t);
	ASSERT_EQ(0, code_open(&self->t, self->n, 1));
	ASSERT_EQ((int)self->n,
		  set_values_as(self->t.fd, 0, self->n, FIRST, IDLE));
	EXPECT_TRUE(all_work(self));
	ASSERT_TRUE(maps_line(part_addr(&self->t, PART_DATA), line,
			      sizeof(line)));
	EXPECT_TRUE(contains(line, " r--p "));
	EXPECT_TRUE(is_plain(part_page(self, PART_DATA, 1)));
	EXPECT_TRUE(is_denied(part_page(self, PART_DATA, 1), self->page));
	EXPECT_TRUE(is_denied(part_page(self, PART_FAULT, 1), self->page));
}

/* What refuses to make memory executable has nothing against it. */
TEST_F(mapping, memory_deny_write_execute)
{
	struct table t;

	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
		SKIP(return, "no PR_SET_MDWE here");
	EXPECT_TRUE(all_work(self));
	ASSERT_EQ(0, code_open(&t, self->n, 1));
	ASSERT_EQ(1, set_values_as(t.fd, 5, 1, 77, IDLE));
	EXPECT_TRUE(gives(code_entry(&t, 5), 77));
	table_close(&t);
}

/* A page that the kernel still reads when nothing of the table is left. */
TEST_F(mapping, pinned_page_outlives_the_table)
{
	slot_word *words = malloc(self->page), *read_back = malloc(self->page);
	struct iovec iov = {
		.iov_base = part_page(self, PART_DATA, 1),
		.iov_len = self->page,
	};
	struct table others[8];
	size_t done = 0;
	int fds[2], i;
	ssize_t n;

	ASSERT_TRUE(words && read_back);
	ASSERT_EQ(0, pipe(fds));
	memcpy(words, iov.iov_base, self->page);
	if (vmsplice(fds[1], &iov, 1, 0) != (ssize_t)self->page)
		SKIP(return, "no vmsplice of a page, errno %d", errno);
	table_close(&self->t);
	/* Who would get its memory, if it were free. */
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, code_open(&others[i], self->n, 1));
		ASSERT_EQ((int)self->n, set_values_as(others[i].fd, 0, self->n,
						      i, IDLE));
		EXPECT_TRUE(gives(code_entry(&others[i], self->per_page),
				  self->per_page + i));
	}
	while (done < self->page) {
		n = read(fds[0], (char *)read_back + done, self->page - done);
		ASSERT_LT(0, n);
		done += n;
	}
	EXPECT_EQ(0, memcmp(words, read_back, self->page));
	for (i = 0; i < 8; i++)
		table_close(&others[i]);
}

/* The administrator's switch: no more code, and all else as before. */

#define ENABLED	"/proc/sys/vm/trampfd_enabled"

FIXTURE(admin) {
	struct table t;
	long long was;
};

FIXTURE_SETUP(admin)
{
	if (code_missing())
		SKIP(return, "%s", code_missing());
	trap_init();
	ASSERT_EQ(0, file_read_number(ENABLED, &self->was));
	ASSERT_EQ(0, code_open(&self->t, 8, 1));
	ASSERT_EQ(1, set_values_as(self->t.fd, 5, 1, 77, IDLE));
	ASSERT_TRUE(gives(code_entry(&self->t, 5), 77));
	if (file_write_number(ENABLED, 2))
		SKIP(return, "it takes root");
}

FIXTURE_TEARDOWN(admin)
{
	file_write_number(ENABLED, self->was);
}

TEST_F(admin, no_code)
{
	const uint32_t shape[] = { shape_reg(0) };
	struct table t, fault;

	ASSERT_EQ(0, code_create(&t, 8, shape, 1));
	EXPECT_EQ(-EPERM, code_map(&t));
	ASSERT_TRUE(t.base != MAP_FAILED);
	ASSERT_EQ(1, set_values_as(t.fd, 5, 1, 78, IDLE));
	EXPECT_TRUE(gives(fault_entry(&t, 5), 78));
	EXPECT_EQ((slot_word)ARCH_CODE(arch_data), slot_pc(&t, 5));
	/* What is there goes on. */
	EXPECT_TRUE(gives(code_entry(&self->t, 5), 77));
	EXPECT_TRUE(gives(fault_entry(&self->t, 5), 77));
	ASSERT_EQ(1, set_values_as(self->t.fd, 5, 1, 79, IDLE));
	EXPECT_TRUE(gives(code_entry(&self->t, 5), 79));
	/* Tables without code are none of its business. */
	ASSERT_EQ(0, table_open(&fault, 1, 0));
	ASSERT_EQ(1, set_value(fault.fd, 0, 5));
	EXPECT_TRUE(gives(table_entry(&fault, 0), 5));
	/* And back. */
	ASSERT_EQ(0, file_write_number(ENABLED, 1));
	ASSERT_EQ(0, part_map(&t, PART_CODE));
	EXPECT_TRUE(gives(code_entry(&t, 5), 78));
	table_close(&t);
	table_close(&fault);
}

TEST_F(admin, nothing)
{
	struct table t;

	ASSERT_EQ(0, file_write_number(ENABLED, 0));
	EXPECT_EQ(-EPERM, code_create(&t, 8, NULL, 0));
	EXPECT_TRUE(gives(code_entry(&self->t, 5), 77));
	EXPECT_NE(0, file_write_number(ENABLED, 3));
}

/* At the cgroup's limit, a call ends the process, and is not repeated for ever. */
TEST(first_call_at_the_cgroups_limit)
{
	char dir[128], path[160];
	const char *reason = code_missing();
	const uint32_t shape[] = { shape_reg(0) };
	struct table t;
	unsigned int i;
	pid_t pid;

	if (!reason)
		reason = cgroup_make(dir, sizeof(dir));
	if (reason)
		SKIP(return, "%s", reason);
	trap_init();
	ASSERT_EQ(0, code_create(&t, 1, shape, 1));
	i = t.attr.max_trampolines;
	table_close(&t);
	ASSERT_EQ(0, code_open(&t, i, 1));
	ASSERT_EQ(16, set_values_as(t.fd, 0, 16, FIRST, IDLE));
	snprintf(path, sizeof(path), "%s/memory.max", dir);
	/* The data part has 1 MiB. */
	ASSERT_EQ(0, file_write_number(path, 512 * 1024));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (cgroup_enter(dir))
			_exit(2);
		for (i = 0; i < t.attr.ntrampolines; i += table_per_page(&t))
			slot_pc(&t, i);
		_exit(1);
	}
	EXPECT_EQ(128 + SIGKILL, child_status(pid));
	rmdir(dir);
	/* The parent is not in it. */
	EXPECT_TRUE(gives(code_entry(&t, 5), FIRST + 5));
	table_close(&t);
}

TEST_HARNESS_MAIN
