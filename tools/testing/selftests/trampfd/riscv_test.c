// SPDX-License-Identifier: GPL-2.0
/* What only RISC-V has. */
#include <asm/hwprobe.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../kselftest_harness.h"
#include "trampfd_util.h"

/* Instructions of two bytes, which functions can begin behind. */
static bool compressed(void)
{
	struct riscv_hwprobe probe = { .key = RISCV_HWPROBE_KEY_IMA_EXT_0 };

	return !syscall(__NR_riscv_hwprobe, &probe, 1, 0, NULL, 0) &&
	       probe.value & (RISCV_HWPROBE_IMA_C | RISCV_HWPROBE_EXT_ZCA);
}

FIXTURE(riscv) {
	struct table t;
	struct test_stack stack;
	struct cpu_state in;
	struct cpu_state out;
	struct context c;
};

FIXTURE_SETUP(riscv)
{
	if (!trampfd_present())
		SKIP(return, NO_TRAMPFD);
	trap_init();
	ASSERT_EQ(0, stack_open(&self->stack, 4));
	ASSERT_EQ(0, table_open(&self->t, 16, 0));
	context_init(&self->c, 0, arch_target(1));
	context_reg(&self->c, ARCH_DATA_REG, 77);
	ASSERT_EQ(1, context_set(self->t.fd, &self->c));
	arch_fill(&self->in,
		  stack_pointer(&self->stack, self->stack.size / 2), 0);
}

FIXTURE_TEARDOWN(riscv)
{
	table_close(&self->t);
	stack_close(&self->stack);
}

/* An address with bit 0 set is the one without, for the CPU: no target. */
TEST_F(riscv, odd_pc)
{
	context_init(&self->c, 1, arch_target(1) + 1);
	EXPECT_EQ(-EINVAL, context_set(self->t.fd, &self->c));
	context_init(&self->c, 1, arch_target(1) + 2);
	EXPECT_EQ(compressed() ? 1 : -EINVAL,
		  context_set(self->t.fd, &self->c));
}

TEST_F(riscv, call_of_odd_address)
{
	ASSERT_EQ(1, set_value(self->t.fd, 1, 5));
	EXPECT_TRUE(gives(table_entry(&self->t, 1) + 1, 5));
}

/* Compressed instructions let functions begin where others can't. */
TEST_F(riscv, target_between_words)
{
	unsigned long page = getpagesize();
	uint16_t *code = mmap(NULL, page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct context c;

	ASSERT_TRUE((void *)code != MAP_FAILED);
	code[0] = 0x4501;	/* li a0, 0 */
	code[1] = 0x851e;	/* mv a0, t2 */
	code[2] = 0x8082;	/* ret */
	ASSERT_EQ(0, mprotect(code, page, PROT_READ | PROT_EXEC));
	__builtin___clear_cache(code, code + 3);
	context_init(&c, 1, (uintptr_t)&code[1]);
	context_reg(&c, ARCH_DATA_REG, 6);
	ASSERT_EQ(1, context_set(self->t.fd, &c));
	EXPECT_TRUE(gives(table_entry(&self->t, 1), 6));
}

/*
 * An instruction that begins before the mapping and ends in it: the address
 * that faults is that of trampoline 0, but the PC is not.
 */
TEST_F(riscv, instruction_that_reaches_into_the_mapping)
{
	size_t page = getpagesize();
	char *room = mmap(NULL, 2 * page, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *first = riscv_long_instruction + 2 - page;
	int target;

	ASSERT_TRUE(room != MAP_FAILED);
	ASSERT_EQ(0U, (uintptr_t)first % page);
	ASSERT_EQ(room, mmap(room, page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	memcpy(room, first, page);
	ASSERT_EQ(0, mprotect(room, page, PROT_READ | PROT_EXEC));
	__builtin___clear_cache(room, room + page);
	table_unmap(&self->t);
	ASSERT_EQ(0, table_map_at(&self->t, room + page));

	/* Trampoline 0 itself works there. */
	EXPECT_EQ(0, try_run(&self->in, room + page, ARCH_BY_CALL, &self->out,
			     &target));
	EXPECT_EQ(1, target);
	EXPECT_EQ(SIGSEGV, try_run(&self->in, room + page - 2, ARCH_BY_CALL,
				   &self->out, &target));
	EXPECT_TRUE(trap_is_plain(room + page));
	EXPECT_EQ((uintptr_t)(room + page - 2), trap.state.reg[ARCH_PC]);
	EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
}

/* An address with bits that no page table translates: no hit, whatever is below. */
TEST_F(riscv, address_of_too_many_bits)
{
	char *entry = table_entry(&self->t, 0);
	int bit, target;

	for (bit = 57; bit < 64; bit++) {
		char *addr = (char *)((uintptr_t)entry | 1UL << bit);

		ASSERT_EQ(SIGSEGV, try_run(&self->in, addr, ARCH_BY_CALL,
					   &self->out, &target));
		EXPECT_TRUE(trap.addr == addr);
		EXPECT_EQ((uintptr_t)addr, trap.state.reg[ARCH_PC]);
		EXPECT_TRUE(state_kept(&self->in, &trap.state, NULL));
	}
}

#define HWCAP_V		(1UL << ('V' - 'A'))

/* Vector registers of the greatest length, and what is set for them. */
struct vector {
	unsigned char v[4][8 * 8192];
	unsigned long vl;
	unsigned long vtype;
	unsigned long vcsr;
};

static struct vector vector_in, vector_out;

/* Load all of @in, call @entry, and store all to @out. */
static unsigned long call_with_vector(const struct vector *in,
				      struct vector *out, const void *entry)
{
	register unsigned long a0 asm("a0");

	asm volatile(".option push\n"
		     ".option arch, +v\n"
		     "vl8re8.v v0, (%[in0])\n"
		     "vl8re8.v v8, (%[in1])\n"
		     "vl8re8.v v16, (%[in2])\n"
		     "vl8re8.v v24, (%[in3])\n"
		     "csrw vcsr, %[vcsr]\n"
		     "vsetvl zero, %[vl], %[vtype]\n"
		     "jalr %[entry]\n"
		     "vs8r.v v0, (%[out0])\n"
		     "vs8r.v v8, (%[out1])\n"
		     "vs8r.v v16, (%[out2])\n"
		     "vs8r.v v24, (%[out3])\n"
		     ".option pop"
		     : "=r" (a0)
		     : [in0] "r" (in->v[0]), [in1] "r" (in->v[1]),
		       [in2] "r" (in->v[2]), [in3] "r" (in->v[3]),
		       [vcsr] "r" (in->vcsr), [vl] "r" (in->vl),
		       [vtype] "r" (in->vtype), [entry] "r" (entry),
		       [out0] "r" (out->v[0]), [out1] "r" (out->v[1]),
		       [out2] "r" (out->v[2]), [out3] "r" (out->v[3])
		     : "ra", "t2", "memory");
	asm volatile("csrr %0, vl" : "=r" (out->vl));
	asm volatile("csrr %0, vtype" : "=r" (out->vtype));
	asm volatile("csrr %0, vcsr" : "=r" (out->vcsr));
	return a0;
}

TEST_F(riscv, vector_registers)
{
	unsigned long length;
	unsigned int i, k;

	if (!(getauxval(AT_HWCAP) & HWCAP_V))
		SKIP(return, "no vector registers (CONFIG_RISCV_ISA_V)");
	asm volatile("csrr %0, vlenb" : "=r" (length));
	ASSERT_LE(8 * length, sizeof(vector_in.v[0]));
	for (i = 0; i < 4; i++)
		for (k = 0; k < 8 * length; k++)
			vector_in.v[i][k] = i * 61 + k * 7 + 1;
	/* Elements of 16 bits, two registers each, one element less than fit. */
	vector_in.vl = length - 1;
	vector_in.vtype = 1 << 3 | 1;
	vector_in.vcsr = 2 << 1 | 1;
	ASSERT_EQ(1, set_value(self->t.fd, 1, 9));
	EXPECT_EQ(9U, call_with_vector(&vector_in, &vector_out,
				       table_entry(&self->t, 1)));
	EXPECT_EQ(0, memcmp(&vector_in, &vector_out, sizeof(vector_in)));
}

TEST_HARNESS_MAIN
