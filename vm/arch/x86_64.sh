# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What building and booting has to know about x86-64.

KARCH=x86_64				# the kernel's ARCH=
SRCARCH=x86				# its directory in arch/
IMAGE=arch/x86/boot/bzImage
TRIPLET=x86_64-linux-gnu
QEMU=(qemu-system-x86_64 -M q35 -cpu max)
QEMU_CONSOLE=(-serial chardev:console)
CONSOLE=ttyS0
# Not whether the timer's interrupts come: the kernel waits milliseconds for them,
# and panics where QEMU got no CPU meanwhile.
CMDLINE=no_timer_check
# Calibration is right to a few parts in a million only.
ICOUNT_TARGET=(kernel:tsc_early_khz=1000000 kernel:tsc=reliable kernel:idle=poll)
BENCH_VARIANT=bench
# For "make further": a kernel with SELinux; a million ways out of the fast lane while eight
# threads call; a kernel that looks for data races; and the patched source without the feature.
FURTHER_GUESTS=("selinux selinux 900 selinux_test_*,domain_test_* kernel:COLLECTIONS=trampfd,libtrampfd"
		"rounds debug 15600 code_race_test_64 kernel:TRAMPFD_ROUNDS=1000
		 kernel:TEST_LIMIT=15000"
		"kcsan kcsan 7200 *_64,*_64_code"
		"notrampfd notrampfd 900 all")

# For "make fuzz".
FUZZ_KERNELS=(main debug kcsan rt kcov)

# What the tests are built for.
BUILDS=(64 32)
# Tests that must not be skipped, and in which guest.
MUST_RUN=("rounds code_race_test_64: race.one.ways_out"
	  "rounds code_race_test_64: race.three.ways_out"
	  "kcsan code_test_64: code.one.set_with_promise"
	  "kcsan race_test_64"
	  "selinux selinux_test_64: domain.code.code_table"
	  "selinux selinux_test_64: domain.no_execute.code_table"
	  "selinux selinux_test_64: domain.none.log"
	  "selinux selinux_test_32: domain.none.log"
	  "selinux libtrampfd:domain_test_64: domain.code.own_pool"
	  "selinux libtrampfd:domain_test_32: domain.none.after_fork"
	  "debug fault_injection_test_64"
	  "debug fault_injection_test_64_code"
	  "debug control_injection_test_64"
	  "debug control_injection_test_64_code"
	  "main abi_test_64: abi.other"
	  "main address_test_64: address.other_anonymous_inode"
	  "main address_test_64: switched_off.either_way"
	  "main owner_test_64: owner.seccomp"
	  "main owner_test_64: owner.unmapped_meanwhile"
	  "main index_test_64: blocks.moved_at_the_limit"
	  "main memory_test_64: size.charged.largest_contexts"
	  "main units_test_64: users.each_has_a_limit"
	  "main create_errors_test_64_address"
	  "main set_errors_test_64_address"
	  "main errors_test_64_address"
	  "main semantics_test_64_address"
	  "main stack_test_64_address"
	  "main x86_test_64: other_abi.int80_create"
	  "main x86_test_64: other_abi.x32"
	  "main x86_test_64: key.untouched.of_a_stack_that_may_not_be_written")

# The kernel's own selftests on the paths that trampfd touches, as
# "collection:program": only what builds statically and ends within seconds.
# Not here: sysret_ss_attrs_64, whose far return QEMU 7.2 does with the wrong
# privilege; test_shadow_stack_64, as QEMU has no shadow stacks.
KERNEL_TESTS="
x86:check_initial_reg_state_64	x86:check_initial_reg_state_32
x86:entry_from_vm86_32
x86:fsgsbase_64			x86:fsgsbase_restore_64
x86:fsgsbase_restore_32		x86:iopl_64
x86:ioperm_64			x86:ioperm_32
x86:ldt_gdt_64			x86:ldt_gdt_32
x86:mov_ss_trap_64		x86:mov_ss_trap_32
x86:nx_stack_64			x86:nx_stack_32
x86:ptrace_syscall_64		x86:ptrace_syscall_32
x86:sigaltstack_64		x86:sigaltstack_32
x86:sigreturn_64		x86:sigreturn_32
x86:sigtrap_loop_64		x86:sigtrap_loop_32
x86:single_step_syscall_64	x86:single_step_syscall_32
x86:syscall_arg_fault_64	x86:syscall_arg_fault_32
x86:syscall_nt_64		x86:syscall_nt_32
x86:syscall_numbering_64	x86:sysret_rip_64
x86:sysret_ss_attrs_32
x86:test_mremap_vdso_64		x86:test_mremap_vdso_32
x86:test_vsyscall_64		x86:test_vsyscall_32
x86:unwind_vdso_32		x86:vdso_restorer_32
"
