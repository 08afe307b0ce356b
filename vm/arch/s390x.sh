# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What building and booting has to know about s390x.

KARCH=s390
SRCARCH=s390
IMAGE=arch/s390/boot/bzImage
TRIPLET=s390x-linux-gnu
QEMU=(qemu-system-s390x -M s390-ccw-virtio -cpu max)
QEMU_CONSOLE=(-device "sclpconsole,chardev=console")
CONSOLE=ttyS0
# Two programs write the name of their source into headers.  Without the clone's directory
# these are the same in each clone, and ccache finds the objects that include them.
KMAKE=(HOSTCFLAGS="-fmacro-prefix-map=$WORK/=")
# What the tests are built for.
BUILDS=(64)
# Tests that must not be skipped, and in which guest.
MUST_RUN=("main create_errors_test_64_address"
	  "main set_errors_test_64_address"
	  "main errors_test_64_address"
	  "main semantics_test_64_address"
	  "main stack_test_64_address"
	  "main mapping_test_64: mapping.private.at_a_high_address")
# Later kernels have no 31-bit programs.
[ "$KERNEL" != 6.12 ] || MUST_RUN+=("main abi_test_64: abi.foreign")
