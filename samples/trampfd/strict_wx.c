// SPDX-License-Identifier: GPL-2.0
#include "strict_wx.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mntent.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE			/* headers older than Linux 6.3 */
#define PR_SET_MDWE		65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#define PR_GET_MDWE		66
#endif

#if defined(__x86_64__)
#define FILTER_ARCH		AUDIT_ARCH_X86_64
#define FILTER_OTHER_ABI	0x40000000	/* x32 */
#elif defined(__i386__)
#define FILTER_ARCH		AUDIT_ARCH_I386
#define FILTER_OTHER_ABI	0
#elif defined(__aarch64__)
#define FILTER_ARCH		AUDIT_ARCH_AARCH64
#define FILTER_OTHER_ABI	0
#elif defined(__arm__)
#define FILTER_ARCH		AUDIT_ARCH_ARM
#define FILTER_OTHER_ABI	0
#elif defined(__riscv) && __riscv_xlen == 64
#define FILTER_ARCH		AUDIT_ARCH_RISCV64
#define FILTER_OTHER_ABI	0
#elif defined(__s390x__)
#define FILTER_ARCH		AUDIT_ARCH_S390X
#define FILTER_OTHER_ABI	0
#elif defined(__mips__)
#if _MIPS_SIM == _ABI64
#define FILTER_ARCH		AUDIT_ARCH_MIPSEL64
#define FILTER_FIRST		5000
#elif _MIPS_SIM == _ABIN32
#define FILTER_ARCH		AUDIT_ARCH_MIPSEL64N32
#define FILTER_FIRST		6000
#else
#define FILTER_ARCH		AUDIT_ARCH_MIPSEL
#define FILTER_FIRST		4000
#endif
#define FILTER_LAST		(FILTER_FIRST + 999)
#define FILTER_OTHER_ABI	0
#elif defined(__powerpc64__)
#define FILTER_ARCH		AUDIT_ARCH_PPC64LE
#define FILTER_OTHER_ABI	0
#elif defined(__m68k__)
#define FILTER_ARCH		AUDIT_ARCH_M68K
#define FILTER_OTHER_ABI	0
/* The page tables have no bit for it, and the kernel maps bss and heap so. */
#define DATA_EXECUTABLE
#else
#error "Name this architecture's AUDIT_ARCH."
#endif

/* Where other ABIs do not have other numbers. */
#ifndef FILTER_FIRST
#define FILTER_FIRST		0
#define FILTER_LAST		0xffffffff
#endif

#define WRITE_EXEC	(PROT_WRITE | PROT_EXEC)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A system call is denied if all bits of a mask are set in an argument. */
static const struct rule {
	__u32 nr;
	__u32 argument;
	__u32 mask;
} rules[] = {
#ifdef __NR_mmap2
	{ __NR_mmap2, 2, WRITE_EXEC },
#ifdef __m68k__
	/* Its C library also has the other, so that is as on s390x. */
#elif defined(__NR_mmap)
	{ __NR_mmap, 0, 0 },		/* its arguments are in memory */
#endif
#elif defined(__s390x__)
	/* There is no other mmap, so that PR_SET_MDWE alone has to deny it. */
#else
	{ __NR_mmap, 2, WRITE_EXEC },
#endif
	{ __NR_mprotect, 2, PROT_EXEC },
	{ __NR_pkey_mprotect, 2, PROT_EXEC },
	{ __NR_shmat, 2, SHM_EXEC },
#ifdef __NR_ipc
	{ __NR_ipc, 2, SHM_EXEC },	/* shmat's other way in */
#endif
	{ __NR_memfd_create, 0, 0 },
	{ __NR_mount, 0, 0 },		/* no new file system to execute from */
	{ __NR_fsmount, 0, 0 },
#ifdef DATA_EXECUTABLE
	{ __NR_brk, 0, 0 },		/* adds to the heap */
#endif
};

#define NRULES		ARRAY_SIZE(rules)
#define LOAD(offset)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define RETURN(action)	BPF_STMT(BPF_RET | BPF_K, action)
#define JUMP_IF(test, value, yes, no) \
	BPF_JUMP(BPF_JMP | (test) | BPF_K, value, yes, no)

struct filter {
	struct sock_filter insns[9 + 6 * NRULES];
	unsigned short len;
};

static void append(struct filter *f, const struct sock_filter *insns, size_t n)
{
	memcpy(&f->insns[f->len], insns, n * sizeof(*insns));
	f->len += n;
}

/* The half of an argument that holds the bits that the rules look at. */
static __u32 low_half(__u32 argument)
{
	__u32 offset = offsetof(struct seccomp_data, args) + argument * 8;

#if __BYTE_ORDER == __BIG_ENDIAN
	offset += 4;
#endif
	return offset;
}

/* The end of the heap is what brk returns; if that did not move, it failed. */
static __u32 error_of(__u32 nr)
{
	return nr == __NR_brk ? 0 : EPERM;
}

/* What systemd's MemoryDenyWriteExecute= denies, and the holes beside it. */
static void install_filter(void)
{
	/* Another ABI's system calls would be a way around the rules. */
	static const struct sock_filter abi[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		JUMP_IF(BPF_JEQ, FILTER_ARCH, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(offsetof(struct seccomp_data, nr)),
		JUMP_IF(BPF_JSET, FILTER_OTHER_ABI, 2, 0),
		JUMP_IF(BPF_JGE, FILTER_FIRST, 0, 1),
		JUMP_IF(BPF_JGT, FILTER_LAST, 0, 1),
		RETURN(SECCOMP_RET_KILL_PROCESS),
	};
	static const struct sock_filter allow[] = {
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct filter filter = { .len = 0 };
	struct sock_fprog program = { .filter = filter.insns };
	const struct rule *r;

	append(&filter, abi, ARRAY_SIZE(abi));
	for (r = rules; r < rules + NRULES; r++) {
		const struct sock_filter insns[] = {
			LOAD(offsetof(struct seccomp_data, nr)),
			JUMP_IF(BPF_JEQ, r->nr, 0, 4),
			LOAD(low_half(r->argument)),
			BPF_STMT(BPF_ALU | BPF_AND | BPF_K, r->mask),
			JUMP_IF(BPF_JEQ, r->mask, 0, 1),
			RETURN(SECCOMP_RET_ERRNO | error_of(r->nr)),
		};

		append(&filter, insns, ARRAY_SIZE(insns));
	}
	append(&filter, allow, 1);

	program.len = filter.len;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		err(1, "seccomp filter");
}

/*
 * No file system that is both writable and executable: the root becomes
 * read-only, what else can be written to loses execution.
 */
static void restrict_mounts(void)
{
	struct mntent *m;
	FILE *mounts;

	if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS))
		err(1, "unshare: no mount namespace of its own");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		err(1, "mount: private root");
	mkdir("/tmp", 01777);
	if (mount("tmpfs", "/tmp", "tmpfs", MS_NOEXEC | MS_NOSUID | MS_NODEV,
		  NULL))
		err(1, "mount: /tmp");

	mounts = setmntent("/proc/self/mounts", "r");
	if (!mounts)
		err(1, "/proc/self/mounts");

	while ((m = getmntent(mounts))) {
		bool root = !strcmp(m->mnt_dir, "/");
		unsigned long flags;
		struct statvfs fs;

		if (statvfs(m->mnt_dir, &fs))
			continue;	/* out of reach, also for a stub */
		if (fs.f_flag & (root ? ST_RDONLY : ST_RDONLY | ST_NOEXEC))
			continue;

		flags = fs.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC);
		flags |= root ? MS_RDONLY : MS_NOEXEC;
		if (mount(NULL, m->mnt_dir, NULL,
			  MS_REMOUNT | MS_BIND | flags, NULL))
			err(1, "mount: %s", m->mnt_dir);
	}
	endmntent(mounts);
}

/* So that no mount can be changed back. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(__NR_capset, &header, none))
		err(1, "capset");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err(1, "PR_SET_NO_NEW_PRIVS");
}

/*
 * The classic ways to a trampoline.  Each returns an executable address that
 * had, or has, writable memory behind it, or MAP_FAILED.
 */

static void *stub_made_executable(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap of plain memory");

	memset(p, 0, size);
	return mprotect(p, size, PROT_READ | PROT_EXEC) ? MAP_FAILED : p;
}

static void *mapped_write_exec(size_t size)
{
	return mmap(NULL, size, PROT_READ | WRITE_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *file_mapped_twice(int fd, size_t size)
{
	void *p;

	if (ftruncate(fd, size))
		err(1, "ftruncate");
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap of a writable file");

	memset(p, 0, size);
	return mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
}

static void *memfd_mapped_twice(size_t size)
{
	int fd = memfd_create("stub", MFD_CLOEXEC);

	return fd < 0 ? MAP_FAILED : file_mapped_twice(fd, size);
}

static void *temporary_file_mapped_twice(size_t size)
{
	char name[] = "/tmp/stub.XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", name);
	unlink(name);
	return file_mapped_twice(fd, size);
}

static const struct {
	const char *what;
	void *(*try)(size_t size);
} classic_ways[] = {
	{ "a written stub made executable", stub_made_executable },
	{ "writable and executable at once", mapped_write_exec },
	{ "a memfd mapped twice", memfd_mapped_twice },
	{ "a temporary file mapped twice", temporary_file_mapped_twice },
};

struct map {
	char line[512];
	unsigned long start;
	unsigned long end;
	bool write_exec;
};

static FILE *open_maps(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");

	if (!maps)
		err(1, "/proc/self/maps");
	return maps;
}

static bool next_map(FILE *maps, struct map *m)
{
	char perms[5];

	if (!fgets(m->line, sizeof(m->line), maps))
		return false;
	if (sscanf(m->line, "%lx-%lx %4s", &m->start, &m->end, perms) != 3)
		errx(1, "/proc/self/maps: %s", m->line);
	m->write_exec = strchr(perms, 'w') && strchr(perms, 'x');
	return true;
}

/* Count the mappings; print those that are writable and executable. */
static unsigned int look_at_maps(const void *address, unsigned int *write_exec)
{
	unsigned int mappings = 0;
	FILE *maps = open_maps();
	struct map m;

	*write_exec = 0;
	while (next_map(maps, &m)) {
		mappings++;
		if (m.write_exec) {
			++*write_exec;
			printf("writable and executable: %s", m.line);
		}
		if (m.start <= (uintptr_t)address && (uintptr_t)address < m.end)
			printf("%s", m.line);
	}
	fclose(maps);

	return mappings;
}

/*
 * Take execution from the data that the program was started with.  No system
 * that enforces strict W^X can do that for it.
 */
static void restrict_data(void)
{
#ifdef DATA_EXECUTABLE
	FILE *maps = open_maps();
	struct map m;

	while (next_map(maps, &m))
		if (m.write_exec && mprotect((void *)m.start, m.end - m.start,
					     PROT_READ | PROT_WRITE))
			err(1, "mprotect: %s", m.line);
	fclose(maps);
#endif
}

void strict_wx_enter(void)
{
	restrict_mounts();
	drop_capabilities();
	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
		err(1, "PR_SET_MDWE");
	install_filter();
	restrict_data();
}

static void try_classic_ways(bool show)
{
	unsigned int write_exec, i;

	look_at_maps(NULL, &write_exec);
	if (write_exec)
		errx(1, "the program was started with such a mapping");

	for (i = 0; i < ARRAY_SIZE(classic_ways); i++) {
		const char *what = classic_ways[i].what;

		if (classic_ways[i].try(sysconf(_SC_PAGESIZE)) != MAP_FAILED)
			errx(1, "not denied: %s", what);
		if (errno != EPERM && errno != EACCES)
			err(1, "neither denied nor allowed: %s", what);
		if (show)
			printf("denied: %s: %s\n", what, strerrorname_np(errno));
	}
}

void strict_wx_denied(void)
{
	try_classic_ways(true);
}

void strict_wx(void)
{
	strict_wx_enter();
	try_classic_ways(false);
}

int strict_wx_proof(const void *address)
{
	unsigned int mappings, write_exec;

	mappings = look_at_maps(address, &write_exec);
	if (write_exec)
		return EXIT_FAILURE;

	/* Neither can be taken back once it is on. */
	if (prctl(PR_GET_MDWE, 0, 0, 0, 0) != PR_MDWE_REFUSE_EXEC_GAIN ||
	    prctl(PR_GET_SECCOMP) != SECCOMP_MODE_FILTER)
		errx(1, "not under strict W^X");

	printf("writable and executable: none of %u mappings, and none was made so\n",
	       mappings);
	return EXIT_SUCCESS;
}
