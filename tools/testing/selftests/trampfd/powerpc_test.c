// SPDX-License-Identifier: GPL-2.0
/* What only powerpc has: r12, byte orders, and processes of 32 bits. */
#include <asm/ptrace.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../kselftest_harness.h"
#include "code_util.h"

#ifndef __NR_trampfd_create
#define __NR_trampfd_create	600
#endif

FIXTURE(powerpc) {
	struct table t;
	struct context c;
};

FIXTURE_SETUP(powerpc)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, table_open(&self->t, 16, 0));
}

FIXTURE_TEARDOWN(powerpc)
{
	table_close(&self->t);
}

/* A callee that is entered at its global entry point has its address in r12. */
TEST_F(powerpc, global_entry_point)
{
	unsigned long pc = ARCH_CODE(ppc_number_behind_r12);
	char *entry = table_entry(&self->t, 2);
	unsigned long value;

	context_init(&self->c, 2, pc);
	context_reg(&self->c, 12, pc);
	/* What the caller has there is the caller's, who puts it back. */
	context_reg(&self->c, 2, 0xdead0000);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	EXPECT_TRUE(gives(entry, ppc_number));

	/* Without it, the callee has what the caller put there: the address called. */
	context_init(&self->c, 2, pc);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	EXPECT_EQ(SIGSEGV, try_call(entry, &value));
	EXPECT_TRUE(trap_is_plain(entry + ((const char *)&ppc_number -
					   (const char *)pc)));
}

/*
 * A branch that does not take the entry's address from r12: what is done is what the
 * slot of the address there says, and nothing of the entry that is executed.
 */
TEST_F(powerpc, code_entry_with_the_address_of_another)
{
	struct test_stack stack;
	struct context a, b;
	struct cpu_state in;
	unsigned int nregs;
	struct table t;
	char *entry;

	if (code_missing())
		SKIP(return, "%s", code_missing());
	ASSERT_EQ(0, stack_open(&stack, 4));
	for (nregs = 0; nregs <= SHAPE_REGS; nregs++) {
		ASSERT_EQ(0, code_open(&t, 4, nregs));
		entry = code_entry(&t, 1);
		arch_fill(&in, stack_pointer(&stack, stack.size / 2), nregs);
		in.reg[ARCH_ENTRY_REG] = (uintptr_t)code_entry(&t, 2);
		shape_context(&t, &a, 1, 1, IDLE);
		shape_context(&t, &b, 2, 2, IDLE);
		ASSERT_EQ(1, context_set(t.fd, &a));
		ASSERT_EQ(1, context_set(t.fd, &b));
		EXPECT_TRUE(does(&in, entry, TO_CODE_AS_IT_IS, &b));

		/* In the slow lane, which leaves the fault entry in CTR. */
		context_stack(&b, 4 * ARCH_WORD, ARCH_RED_ZONE, 5);
		ASSERT_EQ(1, context_set(t.fd, &b));
		in.reg[ARCH_JUMP_REG] = (uintptr_t)fault_entry(&t, 2);
		EXPECT_TRUE(does(&in, entry, TO_CODE_AS_IT_IS, &b));
		/* As a call does it, it is another one. */
		EXPECT_TRUE(does(&in, entry, TO_CODE, &a));
		table_close(&t);
	}
	stack_close(&stack);
}

static void call_swapped(void *entry)
{
	ppc_call_swapped(entry);
}

/* The target would be other code in the other byte order. */
TEST_F(powerpc, other_byte_order)
{
	char *entry = table_entry(&self->t, 3);

	ASSERT_EQ(1, set_value(self->t.fd, 3, 5));
	ASSERT_EQ(SIGSEGV, try_function(call_swapped, entry));
	EXPECT_TRUE(trap_is_plain(entry));
	EXPECT_EQ((unsigned long)entry, trap.state.reg[ARCH_PC]);
	EXPECT_TRUE(gives(entry, 5));
}

/*
 * A program of 32 bits, made here as no C library for it is needed: it calls
 * trampfd_create() with good arguments, and exits with the error.
 */
struct program_32 {
	Elf32_Ehdr head;
	Elf32_Phdr load;
	uint32_t code[8];
	struct trampfd_attr attr;
};

#define BASE_32	0x10000000U

static void make_program_32(struct program_32 *p)
{
	const uint32_t attr = BASE_32 + offsetof(struct program_32, attr);

	*p = (struct program_32) {
		.head = {
			.e_ident = {
				ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
				ELFCLASS32, ELFDATA2LSB, EV_CURRENT,
			},
			.e_type = ET_EXEC,
			.e_machine = EM_PPC,
			.e_version = EV_CURRENT,
			.e_entry = BASE_32 + offsetof(struct program_32, code),
			.e_phoff = offsetof(struct program_32, load),
			.e_ehsize = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 1,
		},
		.load = {
			.p_type = PT_LOAD,
			.p_vaddr = BASE_32,
			.p_filesz = sizeof(*p),
			.p_memsz = sizeof(*p),
			.p_flags = PF_R | PF_W | PF_X,
			.p_align = 0x10000,
		},
		.code = {
			0x38000000 | __NR_trampfd_create,	/* li r0 */
			0x3c600000 | attr >> 16,		/* lis r3 */
			0x60630000 | (attr & 0xffff),		/* ori r3, r3 */
			0x38800000 | sizeof(p->attr),		/* li r4 */
			0x38a00000,				/* li r5, 0 */
			0x44000002,				/* sc */
			0x38000001,				/* li r0, 1: exit */
			0x44000002,				/* sc */
		},
		.attr = {
			.type = TRAMPFD_FAULT,
			.ntrampolines = 4,
		},
	};
}

static int run_32(struct program_32 *p)
{
	static char *const none[] = { NULL };
	int fd = syscall(SYS_memfd_create, "program_32", MFD_CLOEXEC);
	pid_t pid;

	if (fd < 0 || write(fd, p, sizeof(*p)) != sizeof(*p))
		return -errno;
	pid = fork();
	if (!pid) {
		syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH);
		_exit(127);
	}
	close(fd);
	return child_status(pid);
}

TEST_F(powerpc, process_of_32_bits)
{
	struct program_32 p;
	int ret;

	make_program_32(&p);
	/* Its way to call and to exit, so that the error below is one. */
	p.code[0] = 0x38000000 | __NR_close;
	ret = run_32(&p);
	if (ret == 127)
		SKIP(return, "no 32-bit programs (CONFIG_COMPAT)");
	ASSERT_EQ(EBADF, ret);

	make_program_32(&p);
	EXPECT_EQ(EOPNOTSUPP, run_32(&p));
}

TEST_HARNESS_MAIN
