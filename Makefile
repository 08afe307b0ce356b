# SPDX-License-Identifier: GPL-2.0
#
# The one entry to building, running and testing trampfd.  The work is done by
# the scripts in vm/; what they make is under build/.

ARCH	?=
KERNEL	?=
KDIR	?=
JOBS	?= $(shell nproc)
MINUTES	?= 85
LIBFFI	?=
BUILD	?=

KERNELS	= $(notdir $(wildcard patches/[0-9]*))
space	= $(subst x,,x x)

# The kernel's own make takes these names for something else.
unexport MAKEFLAGS MFLAGS MAKEOVERRIDES
RUN	= TRAMPFD_ARCH='$(ARCH)' TRAMPFD_KERNEL='$(KERNEL)' TRAMPFD_KDIR='$(KDIR)' TRAMPFD_JOBS='$(JOBS)' \
	  TRAMPFD_MINUTES='$(MINUTES)' TRAMPFD_LIBFFI='$(LIBFFI)' TRAMPFD_BUILD='$(BUILD)' bash

help:
	@echo 'make run          boot a kernel with trampfd in QEMU, run the samples on it,'
	@echo '                  and print what a call costs'
	@echo 'make check        all tests: selftests in guests, static checks, libffi on trampfd'
	@echo 'make further      the selftests in kernels that "make check" has no time for:'
	@echo '                  x86_64 with KCSAN and without the feature, i386 with PAE, ppc64le'
	@echo '                  with the hash MMU and with 32-bit programs, mips64el on a CPU that has'
	@echo '                  code entries; and on x86_64 a million changes under calls, with KASAN'
	@echo 'make bench        what trampolines cost in instructions, against every other way:'
	@echo '                  a table, and CSV and a chart in build/bench/'
	@echo 'make clients      libffi and its test suite, nested functions and more on trampfd,'
	@echo '                  under strict W^X'
	@echo 'make shell        boot the kernel of "make run" with a shell; "exit" ends it'
	@echo 'make apply KDIR=  put the feature onto your own tree of Linux $(subst $(space), or ,$(KERNELS))'
	@echo 'make port-report KDIR=  tell what a tree of any version of Linux would break: patches,'
	@echo '                  prototypes, options and numbers, on a page; it only reads the tree.  It compares'
	@echo '                  with the nearest version, or with KERNEL='
	@echo 'make series       write the feature as series of patches for the mailing list to'
	@echo '                  build/series/, and check them; BUILD=1 builds each step, too,'
	@echo "                  and BUILD='code/*' those of one series"
	@echo 'make clean        remove build/'
	@echo
	@echo 'ARCH=<arch>       one of: $(patsubst vm/arch/%.sh,%,$(wildcard vm/arch/*.sh))'
	@echo '                  for check, further, bench and clients also several, or all;'
	@echo '                  by default all for check, further and clients, x86_64 for the others'
	@echo 'KERNEL=<version>  one of: $(KERNELS); 6.12 by default, and make check has the main'
	@echo '                  guests of x86_64 and s390x on 7.3, too'
	@echo 'KDIR=<dir>        build from this tree of one of these versions, which stays as it is,'
	@echo "                  instead of Debian's source (run, check, further, bench, clients, shell)"
	@echo 'JOBS=<n>          jobs at once, $(JOBS) by default'
	@echo 'MINUTES=<n>       make check skips what might not end in so many minutes, $(MINUTES) by'
	@echo '                  default, and says so; 0 is no limit'
	@echo "LIBFFI=<suite>    make clients runs only libffi, that of another of Debian's releases:"
	@echo '                  trixie, for example, or sid'
	@echo
	@echo 'Missing Debian packages (listed in vm/packages) are installed through apt.'
	@echo 'Logs are in build/log/.'

run check further bench clients shell apply port-report series:
	@$(RUN) vm/$@.sh

clean:
	rm -rf build

.PHONY: help run check further bench clients shell apply port-report series clean
