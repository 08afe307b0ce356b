// SPDX-License-Identifier: GPL-2.0
/* What a mapping never gets: permissions, readers and writers, pages, and a place in a core. */
#include <elf.h>
#include <fcntl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "mapping_util.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

static const int permissions[] = {
	PROT_READ, PROT_WRITE, PROT_EXEC, PROT_READ | PROT_WRITE,
	PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC,
};

/* Also of a part, and after it has moved, and in a child. */
TEST_F(mapping, mprotect)
{
	size_t i;
	pid_t pid;

	ASSERT_TRUE(mremap(self->t.base, self->t.attr.map_size,
			   self->t.attr.map_size,
			   MREMAP_MAYMOVE | MREMAP_FIXED, self->room) ==
		    self->room);
	self->t.base = self->room;
	for (i = 0; i < ARRAY_SIZE(permissions); i++) {
		EXPECT_EQ(-1, mprotect(page_of(self, 2), self->page,
				       permissions[i]));
		EXPECT_EQ(EACCES, errno);
	}
	EXPECT_EQ(0, mprotect(page_of(self, 2), self->page, PROT_NONE));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(-1, mprotect(page_of(self, 2), self->page,
				       PROT_READ));
		EXPECT_EQ(EACCES, errno);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
}

/* An old personality that makes executable what can be read: nothing can. */
TEST_F(mapping, read_implies_exec)
{
	char line[256];

	if (personality(READ_IMPLIES_EXEC) < 0)
		SKIP(return, "no such personality");
	table_unmap(&self->t);
	ASSERT_EQ(0, table_map(&self->t));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	ASSERT_TRUE(maps_line(self->t.base, line, sizeof(line)));
	EXPECT_TRUE(contains(line, " ---"));
	EXPECT_EQ(-1, mprotect(self->t.base, self->page, PROT_READ));
	EXPECT_EQ(EACCES, errno);
}

/* A debugger can't read or write there, though it overrides permissions. */
TEST_F(mapping, proc_mem)
{
	int fd = open("/proc/self/mem", O_RDWR);
	long word = 0;

	ASSERT_LE(0, fd);
	/* Elsewhere it can, or this would prove nothing. */
	ASSERT_EQ(0, mprotect(self->room, self->page, PROT_READ));
	EXPECT_EQ((ssize_t)sizeof(word),
		  pread(fd, &word, sizeof(word), (uintptr_t)self->room));
	EXPECT_EQ(-1, pread(fd, &word, sizeof(word), (uintptr_t)self->t.base));
	EXPECT_EQ(-1, pwrite(fd, &word, sizeof(word),
			     (uintptr_t)self->t.base));
	EXPECT_EQ(0, close(fd));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

TEST_F(mapping, ptrace_peek_and_poke)
{
	static long word = 0x5555;
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	errno = 0;
	EXPECT_EQ(word, ptrace(PTRACE_PEEKDATA, pid, &word, NULL));
	EXPECT_EQ(0, errno);
	EXPECT_EQ(-1, ptrace(PTRACE_PEEKDATA, pid, self->t.base, NULL));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, pid, self->t.base, 0));
	EXPECT_EQ(EIO, errno);
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(mapping, process_vm)
{
	long word = 0;
	struct iovec local = { .iov_base = &word, .iov_len = sizeof(word) };
	struct iovec remote = {
		.iov_base = self->t.base,
		.iov_len = sizeof(word),
	};
	struct iovec readable = {
		.iov_base = (void *)permissions,
		.iov_len = sizeof(word),
	};

	if (process_vm_readv(getpid(), &local, 1, &readable, 1, 0) < 0)
		SKIP(return, "no process_vm_readv (CONFIG_CROSS_MEMORY_ATTACH)");
	EXPECT_EQ(-1, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

/* Nothing puts a page there. */
TEST_F(mapping, never_has_a_page)
{
	const size_t size = self->t.attr.map_size;
	unsigned char resident[PAGES];
	long long rss = -1;
	char *p;

	if (smaps_number(self->t.base, "Rss:", &rss))
		SKIP(return, "no /proc/self/smaps (CONFIG_PROC_PAGE_MONITOR)");
	EXPECT_EQ(-1, madvise(self->t.base, size, MADV_POPULATE_READ));
	EXPECT_EQ(-1, madvise(self->t.base, size, MADV_POPULATE_WRITE));
	madvise(self->t.base, size, MADV_WILLNEED);
	mincore(self->t.base, size, resident);
	mlock(self->t.base, size);
	EXPECT_NE(0, try_load(self->t.base));
	EXPECT_NE(0, try_store(self->t.base));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	EXPECT_EQ(0, smaps_number(self->t.base, "Rss:", &rss));
	EXPECT_EQ(0, rss);
	EXPECT_EQ(0, smaps_number(self->t.base, "Locked:", &rss));
	EXPECT_EQ(0, rss);

	p = mmap(NULL, size, self->t.attr.map_prot,
		 self->t.attr.map_flags | MAP_POPULATE, self->t.fd, 0);
	if (p == MAP_FAILED)
		return;
	EXPECT_TRUE(page_at(self, 1, p + self->page));
	EXPECT_EQ(0, smaps_number(p, "Rss:", &rss));
	EXPECT_EQ(0, rss);
}

TEST_F(mapping, mlockall)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };
	struct table t;

	if (setrlimit(RLIMIT_MEMLOCK, &lim))
		SKIP(return, "may not lock memory");
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
	ASSERT_EQ(0, table_open(&t, 2 * self->per_page, variant->flags));
	ASSERT_EQ(1, set_value(t.fd, self->per_page, 5));
	EXPECT_TRUE(gives(table_entry(&t, self->per_page), 5));
	ASSERT_EQ(0, munmap(t.base, self->page));
	EXPECT_TRUE(gives(table_entry(&t, self->per_page), 5));
	ASSERT_EQ(0, munlockall());
	EXPECT_TRUE(gives(table_entry(&t, self->per_page), 5));
	EXPECT_TRUE(pages_work(self, 0, PAGES - 1));
}

/* Advice that would throw away, or do harm to, what has pages. */
TEST_F(mapping, advice)
{
	static const int all[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_COLD, MADV_PAGEOUT,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_DODUMP, MADV_DONTDUMP, MADV_WIPEONFORK,
		MADV_KEEPONFORK, MADV_COLLAPSE,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		madvise(self->t.base, self->t.attr.map_size, all[i]);
		madvise(page_of(self, 1 + i % 4), self->page, all[i]);
		EXPECT_TRUE(pages_work(self, 0, PAGES - 1)) {
			TH_LOG("advice %d", all[i]);
		}
	}
	EXPECT_TRUE(table_works(self));
}

TEST_F(mapping, dump_flag)
{
	char flags[256];
	long long rss;

	if (smaps_number(self->t.base, "Rss:", &rss))
		SKIP(return, "no /proc/self/smaps (CONFIG_PROC_PAGE_MONITOR)");
	ASSERT_EQ(0, smaps_flags(self->t.base, flags, sizeof(flags)));
	EXPECT_TRUE(contains(flags, " dd")) {
		TH_LOG("flags%s", flags);
	}
	/* None that would let it get a permission, or grow. */
	EXPECT_TRUE(!contains(flags, " mr") && !contains(flags, " mw") &&
		    !contains(flags, " me") && !contains(flags, " gd")) {
		TH_LOG("flags%s", flags);
	}
	madvise(self->t.base, self->t.attr.map_size, MADV_DODUMP);
	ASSERT_EQ(0, smaps_flags(self->t.base, flags, sizeof(flags)));
	EXPECT_TRUE(contains(flags, " dd"));
}

#ifdef __LP64__
#define EHDR	Elf64_Ehdr
#define PHDR	Elf64_Phdr
#else
#define EHDR	Elf32_Ehdr
#define PHDR	Elf32_Phdr
#endif

/* The size in the file of what the core in @path has for @addr; -1: nothing. */
static long long dumped(const char *path, const void *addr)
{
	int fd = open(path, O_RDONLY);
	long long size = -2;
	EHDR eh;
	PHDR ph;
	int i;

	if (fd < 0)
		return -3;
	if (pread(fd, &eh, sizeof(eh), 0) == sizeof(eh) &&
	    !memcmp(eh.e_ident, ELFMAG, SELFMAG)) {
		size = -1;
		for (i = 0; i < eh.e_phnum; i++) {
			if (pread(fd, &ph, sizeof(ph),
				  eh.e_phoff + i * sizeof(ph)) != sizeof(ph))
				break;
			if (ph.p_type == PT_LOAD &&
			    (uintptr_t)addr >= ph.p_vaddr &&
			    (uintptr_t)addr < ph.p_vaddr + ph.p_memsz)
				size = ph.p_filesz;
		}
	}
	close(fd);
	return size;
}

FIXTURE(core) {
	char pattern[256];
	char path[64];
	bool changed;
};

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"

FIXTURE_SETUP(core)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	if (file_read(CORE_PATTERN, self->pattern, sizeof(self->pattern)) < 0)
		SKIP(return, "no " CORE_PATTERN " (CONFIG_COREDUMP)");
	snprintf(self->path, sizeof(self->path), "/tmp/trampfd-core");
	if (file_write(CORE_PATTERN, self->path))
		SKIP(return, "may not write to " CORE_PATTERN);
	self->changed = true;
}

/* In the parent, because it has to be put back also after a crash. */
FIXTURE_TEARDOWN_PARENT(core)
{
	if (self->changed)
		file_write(CORE_PATTERN, self->pattern);
}

TEST_F(core, never_dumped)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };
	struct table t;
	char path[96];
	char *data;
	pid_t pid;

	ASSERT_EQ(0, table_open(&t, 16, 0));
	ASSERT_EQ(1, set_value(t.fd, 0, 1));
	/* Something that has to be in a core. */
	data = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(data != MAP_FAILED);
	data[0] = 1;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		setrlimit(RLIMIT_CORE, &lim);
		if (gives(table_entry(&t, 0), 1))
			abort();
		_exit(1);
	}
	ASSERT_EQ(128 + SIGABRT, child_status(pid));
	snprintf(path, sizeof(path), "%s", self->path);
	if (access(path, F_OK))
		snprintf(path, sizeof(path), "%s.%d", self->path, pid);
	if (access(path, F_OK))
		SKIP(return, "no core is written (CONFIG_ELF_CORE)");
	EXPECT_EQ(getpagesize(), dumped(path, data));
	EXPECT_GE(0, dumped(path, t.base));
	EXPECT_EQ(0, unlink(path));
}

TEST_HARNESS_MAIN
