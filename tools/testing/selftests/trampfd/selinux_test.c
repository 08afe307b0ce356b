// SPDX-License-Identifier: GPL-2.0
/*
 * Trampolines under SELinux: what a policy can refuse, and what works all the same.
 *
 * The policy is that of selinux/.  It is for a guest that does nothing else; without it
 * this program skips.  Each variant is a domain of it, which a test enters when it has
 * made its tables.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "../kselftest_harness.h"
#include "code_util.h"
#include "selinux_util.h"

#define NTRAMPOLINES	16
#define VALUE		1000

#define OBJECT(name)	"system_u:object_r:" name
#define RATELIMIT	"/proc/sys/kernel/printk_ratelimit"

/* Seconds that a record may take to the kernel's log. */
#define LOG_MAX		60

/* All made before the domain is entered. */
FIXTURE(domain) {
	/* Wholly mapped and set. */
	struct table fault;
	struct table code;
	/* Not mapped. */
	struct table unmapped_fault;
	struct table unmapped_code;
	/* The kernel's log, from here on. */
	int log;
};

/* What the policy answers about tables of one type: 0, or an errno. */
struct answers {
	int create;
	int map;
	int execute;
	int get;
	int set;
};

#define REFUSED		-EACCES
#define ALL_REFUSED	{ REFUSED, REFUSED, REFUSED, REFUSED, REFUSED }

FIXTURE_VARIANT(domain) {
	const char *context;
	struct answers fault;
	struct answers code;
	/* To execute what the program has written. */
	int execute_own;
};

FIXTURE_VARIANT_ADD(domain, runner) {
	.context = RUNNER,
};

FIXTURE_VARIANT_ADD(domain, code) {
	.context = DOMAIN("trampfd_test_code_t"),
	.execute_own = REFUSED,
};

FIXTURE_VARIANT_ADD(domain, no_execute) {
	.context = DOMAIN("trampfd_test_no_execute_t"),
	.code = { .execute = REFUSED },
	.execute_own = REFUSED,
};

FIXTURE_VARIANT_ADD(domain, fault) {
	.context = DOMAIN("trampfd_test_fault_t"),
	.code = ALL_REFUSED,
	.execute_own = REFUSED,
};

FIXTURE_VARIANT_ADD(domain, keep) {
	.context = DOMAIN("trampfd_test_keep_t"),
	.fault = { .create = REFUSED, .set = REFUSED },
	.code = { .create = REFUSED, .execute = REFUSED, .set = REFUSED },
	.execute_own = REFUSED,
};

FIXTURE_VARIANT_ADD(domain, none) {
	.context = DOMAIN("trampfd_test_none_t"),
	.fault = ALL_REFUSED,
	.code = ALL_REFUSED,
	.execute_own = REFUSED,
};

/* For functions that the tests share. */
#define DATA	FIXTURE_DATA(domain)
#define VARIANT	FIXTURE_VARIANT(domain)

static int create_code_table(struct table *t)
{
	uint32_t shape = shape_reg(0);

	return code_create(t, NTRAMPOLINES, &shape, 1);
}

static int set_all(int fd)
{
	return set_values_as(fd, 0, NTRAMPOLINES, VALUE, IDLE);
}

FIXTURE_SETUP(domain)
{
	trap_init();
	ASSERT_EQ(0, table_open(&self->fault, NTRAMPOLINES, 0));
	ASSERT_EQ(0, code_open(&self->code, NTRAMPOLINES, 1));
	ASSERT_EQ(NTRAMPOLINES, set_all(self->fault.fd));
	ASSERT_EQ(NTRAMPOLINES, set_all(self->code.fd));
	ASSERT_EQ(0, table_create(&self->unmapped_fault, NTRAMPOLINES, 0));
	ASSERT_EQ(0, create_code_table(&self->unmapped_code));
	self->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->log);
	ASSERT_LE(0, lseek(self->log, 0, SEEK_END));

	ASSERT_TRUE(enter_domain(variant->context));
}

FIXTURE_TEARDOWN(domain)
{
	table_close(&self->fault);
	table_close(&self->code);
	close(self->unmapped_fault.fd);
	close(self->unmapped_code.fd);
	close(self->log);
}

static bool labelled(int fd, const char *want)
{
	char label[128] = "";

	if (fgetxattr(fd, "security.selinux", label, sizeof(label) - 1) >= 0 &&
	    !strcmp(label, want))
		return true;
	fprintf(stderr, "# the label is \"%s\", not \"%s\"\n", label, want);
	return false;
}

/* Do the fault entries of a table work, all of which are set? */
static bool fault_entries_work(const struct table *t)
{
	unsigned int i;

	for (i = 0; i < NTRAMPOLINES; i++)
		if (!gives(fault_entry(t, i), VALUE + i))
			return false;
	return true;
}

static bool code_entries_work(const struct table *t)
{
	unsigned int i;

	for (i = 0; i < NTRAMPOLINES; i++)
		if (!gives(code_entry(t, i), VALUE + i))
			return false;
	return true;
}

/* The two types of table have inodes of two types. */
TEST_F(domain, labels)
{
	EXPECT_TRUE(labelled(self->fault.fd, OBJECT("trampfd_t")));
	EXPECT_TRUE(labelled(self->code.fd, OBJECT("trampfd_code_t")));
}

TEST_F(domain, fault_table)
{
	struct table t;

	ASSERT_EQ(variant->fault.create, table_create(&t, NTRAMPOLINES, 0));
	if (variant->fault.create)
		return;
	EXPECT_TRUE(labelled(t.fd, OBJECT("trampfd_t")));
	ASSERT_EQ(0, table_map(&t));
	EXPECT_EQ(NTRAMPOLINES, set_all(t.fd));
	EXPECT_TRUE(fault_entries_work(&t));
	table_close(&t);
}

TEST_F(domain, shared_table)
{
	struct table t;
	int fd;

	ASSERT_EQ(variant->fault.create,
		  table_create(&t, NTRAMPOLINES, TRAMPFD_SHARED));
	if (variant->fault.create)
		return;
	ASSERT_EQ(0, table_map(&t));
	EXPECT_EQ(NTRAMPOLINES, set_all(t.fd));
	EXPECT_TRUE(fault_entries_work(&t));
	/* The second descriptor is an inode of its own, with the label of the first. */
	fd = control_fd(t.fd, TRAMPFD_READONLY, NULL);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(labelled(fd, OBJECT("trampfd_t")));
	close(fd);
	table_close(&t);
}

/* Where its code part is refused, a table works by faults. */
TEST_F(domain, code_table)
{
	struct table t;

	ASSERT_EQ(variant->code.create, create_code_table(&t));
	if (variant->code.create)
		return;
	EXPECT_TRUE(labelled(t.fd, OBJECT("trampfd_code_t")));
	ASSERT_EQ(0, table_map(&t));
	ASSERT_EQ(0, part_map(&t, PART_DATA));
	EXPECT_EQ(variant->code.execute, part_map(&t, PART_CODE));
	EXPECT_EQ(NTRAMPOLINES, set_all(t.fd));
	EXPECT_TRUE(fault_entries_work(&t));
	EXPECT_TRUE(variant->code.execute ? is_plain(code_entry(&t, 0)) :
					    code_entries_work(&t));

	/* By address, with and without the promise. */
	EXPECT_EQ(NTRAMPOLINES, set_values(at(t.base), 0, NTRAMPOLINES, 1));
	EXPECT_EQ(NTRAMPOLINES, set_all(at(t.base)));
	EXPECT_TRUE(is_fast(&t, 0));
	EXPECT_TRUE(fault_entries_work(&t));
	table_close(&t);
}

/* Of a table that another domain has made; the descriptor may have been handed over. */
TEST_F(domain, map)
{
	struct table *t = &self->unmapped_code;

	EXPECT_EQ(variant->fault.map, table_map(&self->unmapped_fault));
	ASSERT_EQ(variant->code.map, table_map(t));
	if (variant->code.map)
		return;
	EXPECT_EQ(0, part_map(t, PART_FAULT));
	EXPECT_EQ(0, part_map(t, PART_DATA));
	EXPECT_EQ(variant->code.execute, part_map(t, PART_CODE));
	/* What is refused leaves what was there. */
	EXPECT_TRUE(!variant->code.execute || is_plain(code_entry(t, 0)));
}

/* The domain does not matter for what is mapped already, nor for a child. */
TEST_F(domain, calls)
{
	pid_t pid;

	EXPECT_TRUE(fault_entries_work(&self->fault));
	EXPECT_TRUE(fault_entries_work(&self->code));
	EXPECT_TRUE(code_entries_work(&self->code));
	/* A refusal takes nothing away. */
	EXPECT_EQ(variant->code.execute, part_map(&self->code, PART_CODE));
	EXPECT_TRUE(code_entries_work(&self->code));

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_TRUE(fault_entries_work(&self->fault));
		EXPECT_TRUE(fault_entries_work(&self->code));
		EXPECT_TRUE(code_entries_work(&self->code));
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
}

/* Does a control call that changes one trampoline, or reads it, give @refusal? */
static bool answers(int ret, int refusal)
{
	if (ret == (refusal ? refusal : 1))
		return true;
	fprintf(stderr, "# %d instead of %d\n", ret, refusal ? refusal : 1);
	return false;
}

/* @fd: a descriptor, or at(). */
static bool get_answers(int fd, int refusal)
{
	unsigned long value = 0;

	return answers(get_value(fd, 0, &value), refusal) &&
	       (refusal || value == VALUE);
}

/* By descriptor, and by address. */
static void check_control(struct __test_metadata *_metadata, const struct table *t,
			  const struct answers *want)
{
	EXPECT_TRUE(get_answers(t->fd, want->get));
	EXPECT_TRUE(get_answers(at(t->base), want->get));
	EXPECT_TRUE(answers(set_value(t->fd, 1, 5), want->set));
	EXPECT_TRUE(gives(fault_entry(t, 1), want->set ? VALUE + 1 : 5));
	EXPECT_TRUE(answers(set_value(at(t->base), 1, 6), want->set));
	EXPECT_TRUE(gives(fault_entry(t, 1), want->set ? VALUE + 1 : 6));
	EXPECT_TRUE(answers(remove_one(t->fd, 2), want->set));
	EXPECT_TRUE(answers(remove_one(at(t->base), 3), want->set));
	EXPECT_TRUE(answers(seal_one(t->fd, 4), want->set));
	EXPECT_TRUE(answers(seal_one(at(t->base), 5), want->set));
	EXPECT_TRUE(!want->set || fault_entries_work(t));
}

TEST_F(domain, control)
{
	uint64_t pcs[] = { ARCH_CODE(arch_data) };

	check_control(_metadata, &self->fault, &variant->fault);
	check_control(_metadata, &self->code, &variant->code);
	EXPECT_TRUE(!variant->code.set || code_entries_work(&self->code));
	/* That can be done once. */
	EXPECT_EQ(variant->fault.set,
		  allow(self->fault.fd, pcs, ARRAY_SIZE(pcs)));
	EXPECT_EQ(variant->code.set,
		  allow(at(self->code.base), pcs, ARRAY_SIZE(pcs)));
}

/*
 * The ways to execute what the program has written.  Each returns 0, or the errno of
 * its last step.
 */
static int map_memory(int prot, int flags, int fd)
{
	void *p = mmap(NULL, getpagesize(), prot, flags, fd, 0);

	return p == MAP_FAILED ? -errno : 0;
}

static int make_executable(void *page, int prot)
{
	*(volatile char *)page = 1;
	return mprotect(page, getpagesize(), prot) ? -errno : 0;
}

static int map_then_execute(int flags, int fd)
{
	void *p = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, flags, fd, 0);

	/* No answer that a policy gives. */
	if (p == MAP_FAILED)
		return -ENXIO;
	return make_executable(p, PROT_READ | PROT_EXEC);
}

static int way_both_at_once(void)
{
	return map_memory(PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int way_executable_at_once(void)
{
	return map_memory(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int way_private(void)
{
	return map_then_execute(MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int way_shared(void)
{
	return map_then_execute(MAP_SHARED | MAP_ANONYMOUS, -1);
}

static int way_heap(void)
{
	const uintptr_t page = getpagesize();
	uintptr_t p = (uintptr_t)sbrk(2 * page);

	return make_executable((void *)((p + page - 1) & -page),
			       PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int way_stack(void)
{
	volatile char on_stack = 0;
	const uintptr_t page = getpagesize();

	return make_executable((void *)((uintptr_t)&on_stack & -page),
			       PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int way_memfd(void)
{
	int fd = syscall(__NR_memfd_create, "x", 0);

	if (fd < 0 || ftruncate(fd, getpagesize()))
		return -ENXIO;
	if (map_memory(PROT_READ | PROT_WRITE, MAP_SHARED, fd))
		return -ENXIO;
	return map_memory(PROT_READ | PROT_EXEC, MAP_SHARED, fd);
}

static int way_shm(void)
{
	int ret, id = shmget(IPC_PRIVATE, getpagesize(), IPC_CREAT | 0700);

	if (id < 0)
		return -ENXIO;
	ret = shmat(id, NULL, SHM_EXEC) == (void *)-1 ? -errno : 0;
	shmctl(id, IPC_RMID, NULL);
	return ret;
}

static int way_written_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -ENXIO : map_then_execute(MAP_PRIVATE, fd);
}

/* Or else the others would prove nothing. */
TEST_F(domain, own_memory)
{
	static const struct {
		const char *name;
		int (*go)(void);
	} ways[] = {
		{ "anonymous, both at once", way_both_at_once },
		{ "anonymous, executable at once", way_executable_at_once },
		{ "anonymous, private", way_private },
		{ "anonymous, shared", way_shared },
		{ "heap", way_heap },
		{ "stack", way_stack },
		{ "memfd", way_memfd },
		{ "shared memory of System V", way_shm },
		{ "private mapping of a file", way_written_file },
	};
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		EXPECT_EQ(variant->execute_own, ways[i].go())
			TH_LOG("%s", ways[i].name);
	}

	/* Files that are there are executed everywhere. */
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, map_memory(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd));
}

/* No part of a table is a way, either. */
TEST_F(domain, parts)
{
	enum code_part part;

	for (part = 0; part < NPARTS; part++) {
		EXPECT_EQ(-1, mprotect(part_addr(&self->code, part),
				       self->code.attr.part_size,
				       PROT_READ | PROT_WRITE));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(-1, mprotect(part_addr(&self->code, part),
				       self->code.attr.part_size,
				       PROT_READ | PROT_EXEC));
		EXPECT_EQ(EACCES, errno);
	}
}

/* Does the log get a record that this domain was denied @permission, about @what? */
static bool logged(const DATA *self, const VARIANT *variant,
		   const char *permission, const char *what)
{
	char record[8192], denied[64], context[128];
	unsigned int turns = 0;

	snprintf(denied, sizeof(denied), "avc:  denied  { %s } for  pid=%d ",
		 permission, getpid());
	snprintf(context, sizeof(context), " scontext=%s ", variant->context);
	while (turns < LOG_MAX * 100) {
		ssize_t n = read(self->log, record, sizeof(record) - 1);

		if (n < 0 && errno == EAGAIN) {
			usleep(10000);
			turns++;
			continue;
		}
		/* EPIPE tells that the log has lost records. */
		if (n < 0 && errno != EPIPE)
			break;
		if (n <= 0)
			continue;
		record[n] = '\0';
		if (!contains(record, denied))
			continue;
		if (contains(record, context) && contains(record, what))
			return true;
		fprintf(stderr, "# %s", record);
	}
	fprintf(stderr, "# no record of %s, %s\n", permission, what);
	return false;
}

/* An administrator sees what was refused, and finds what to allow. */
TEST_F(domain, log)
{
	long long ratelimit;
	struct table t;

	/* The kernel leaves out what comes too fast. */
	ASSERT_EQ(0, file_read_number(RATELIMIT, &ratelimit));
	ASSERT_EQ(0, file_write_number(RATELIMIT, 0));
	if (variant->fault.create) {
		EXPECT_EQ(REFUSED, table_create(&t, 1, 0));
		EXPECT_TRUE(logged(self, variant, "create",
				   "anonclass=[trampfd] "));
	}
	if (variant->code.create) {
		EXPECT_EQ(REFUSED, create_code_table(&t));
		EXPECT_TRUE(logged(self, variant, "create",
				   "anonclass=[trampfd-code] "));
	}
	if (variant->code.map) {
		EXPECT_EQ(REFUSED, table_map(&self->unmapped_code));
		EXPECT_TRUE(logged(self, variant, "map",
				   "path=\"anon_inode:[trampfd-code]\""));
	} else if (variant->code.execute) {
		EXPECT_EQ(REFUSED, part_map(&self->code, PART_CODE));
		EXPECT_TRUE(logged(self, variant, "execute",
				   "path=\"anon_inode:[trampfd-code]\""));
	}
	if (variant->code.set) {
		EXPECT_EQ(REFUSED, set_value(at(self->code.base), 0, 5));
		EXPECT_TRUE(logged(self, variant, "ioctl", "ioctlcmd=0xc700 "));
	}
	if (variant->execute_own) {
		EXPECT_EQ(REFUSED, way_both_at_once());
		EXPECT_TRUE(logged(self, variant, "execmem", "tclass=process"));
	}
	EXPECT_EQ(0, file_write_number(RATELIMIT, ratelimit));
}

/* Hardly a machine has the policy, so one skip stands for all. */
int main(int argc, char **argv)
{
	const char *missing = code_missing();

	if (!missing && !policy_enforced())
		missing = NO_POLICY;
	if (missing) {
		ksft_print_header();
		ksft_exit_skip("%s\n", missing);
	}
	return test_harness_run(argc, argv);
}
