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
SERIES_PREFIX ?=
SERIES_VERSION ?=
SERIES_BASE ?=

KERNELS	= $(notdir $(wildcard patches/[0-9]*))
space	= $(subst x,,x x)

# The kernel's own make takes these names for something else.
unexport MAKEFLAGS MFLAGS MAKEOVERRIDES

# Of names that an environment may have for something else, only what make's own command line
# says is meant for us.
given	= $(if $(findstring command,$(origin $1)),$(value $1))

export TRAMPFD_ARCH	= $(ARCH)
export TRAMPFD_KERNEL	= $(KERNEL)
export TRAMPFD_KDIR	= $(value KDIR)
export TRAMPFD_JOBS	= $(JOBS)
export TRAMPFD_MINUTES	= $(MINUTES)
export TRAMPFD_LIBFFI	= $(LIBFFI)
export TRAMPFD_BUILD	= $(value BUILD)
export TRAMPFD_OUTPUT	= $(call given,OUTPUT)
export TRAMPFD_FORCE	= $(call given,FORCE)
export TRAMPFD_PROG	= $(call given,PROG)
export TRAMPFD_ARGS	= $(call given,ARGS)
export TRAMPFD_STRICT	= $(call given,STRICT)
export TRAMPFD_FILES	= $(call given,FILES)
export TRAMPFD_TESTS	= $(call given,TESTS)
export TRAMPFD_HOURS	= $(call given,HOURS)
export TRAMPFD_ON	= $(call given,ON)
export TRAMPFD_MUTANTS	= $(call given,MUTANTS)
export TRAMPFD_MUTANT	= $(call given,MUTANT)
export TRAMPFD_CONFIG	= $(call given,CONFIG)
export TRAMPFD_SERIES_PREFIX	= $(SERIES_PREFIX)
export TRAMPFD_SERIES_VERSION	= $(SERIES_VERSION)
export TRAMPFD_SERIES_BASE	= $(SERIES_BASE)
# make itself would run its commands with this one.
ifeq ($(origin SHELL),command line)
export TRAMPFD_SHELL	:= $(SHELL)
override SHELL		:= /bin/sh
endif

help:
	@echo 'make run          boot a kernel with trampfd in QEMU, run the samples on it,'
	@echo '                  and print what a call costs'
	@echo 'make run PROG=<program>  run a program of yours there instead, under strict W^X, with its'
	@echo "                  libraries; ARGS='...' are its arguments, STRICT=0 takes the protection away"
	@echo 'make check        all tests: selftests in guests, static checks, libffi on trampfd'
	@echo 'make further      the selftests in kernels that "make check" has no time for:'
	@echo '                  x86_64 with KCSAN and without the feature, i386 with PAE, ppc64le'
	@echo '                  with the hash MMU and with 32-bit programs, mips64el on a CPU that has'
	@echo '                  code entries; and on x86_64 a million changes under calls, with KASAN'
	@echo 'make fuzz         random operations in guests, each compared with what has to happen, and many'
	@echo '                  at once; HOURS=<n> says how long (1), ON="debug kcov" on which kernels'
	@echo '                  (all of the architecture).  MUTANTS=1: does it find planted faults?'
	@echo 'make bench        what trampolines cost in instructions, against every other way:'
	@echo '                  a table, and CSV and a chart in build/bench/.  ON=<kernel> measures on one'
	@echo '                  of the other kernels of the architecture, as ARCH=i386 ON=pae'
	@echo 'make clients      libffi and its test suite, nested functions and more on trampfd,'
	@echo '                  under strict W^X'
	@echo 'make shell        boot the kernel of "make run" with a shell; "exit" ends it.  TESTS=1 has'
	@echo '                  the selftests in the guest, too'
	@echo 'make apply KDIR=  put the feature onto your own tree of Linux $(subst $(space), or ,$(KERNELS))'
	@echo 'make unapply KDIR=  take it away again.  Both refuse where files of the feature were edited'
	@echo '                  in the tree; FORCE=1 keeps these as *.orig, and goes on'
	@echo 'make port-report KDIR=  tell what a tree of any version of Linux would break: patches,'
	@echo '                  prototypes, options and numbers, on a page; it only reads the tree.  It compares'
	@echo '                  with the nearest version, or with KERNEL='
	@echo 'make series       write the feature as series of patches for the mailing list to'
	@echo '                  build/series/, and check them; BUILD=1 builds each step, too,'
	@echo "                  and BUILD='code/*' those of one series.  SERIES_PREFIX=RFC and"
	@echo '                  SERIES_VERSION=2 are for the subjects, SERIES_BASE= is the commit that they are for'
	@echo 'make deb          packages of all this for Debian 13, in build/deb/.  CONFIG=debian gives the'
	@echo "                  kernel what Debian's own has, and takes hours"
	@echo 'make system       boot Debian 13 with them, and run services that need trampolines, with'
	@echo '                  their protection on; SHELL=1 gives you a shell there instead'
	@echo 'make clean        remove build/, or what OUTPUT= names'
	@echo
	@echo 'ARCH=<arch>       one of: $(patsubst vm/arch/%.sh,%,$(wildcard vm/arch/*.sh))'
	@echo '                  for run, check, further, bench and clients also several, or all;'
	@echo '                  by default all for check, further and clients, x86_64 for the others'
	@echo 'KERNEL=<version>  one of: $(KERNELS); 6.12 by default, and make check has the main'
	@echo '                  guests of x86_64 and s390x on 7.3, too'
	@echo 'KDIR=<dir>        build from this tree of one of these versions, which stays as it is,'
	@echo "                  instead of Debian's source (run, check, further, bench, clients, shell)"
	@echo 'OUTPUT=<dir>      make everything there, and not in build/'
	@echo 'FILES=<dir>       have this directory in the guest, as /files (shell, run PROG=)'
	@echo 'JOBS=<n>          jobs at once, $(JOBS) by default'
	@echo 'MINUTES=<n>       make check skips what might not end in so many minutes, $(MINUTES) by'
	@echo '                  default, and says so; 0 is no limit'
	@echo "LIBFFI=<suite>    make clients runs only libffi, that of another of Debian's releases:"
	@echo '                  trixie, for example, or sid'
	@echo
	@echo 'Missing Debian packages (listed in vm/packages) are installed through apt.'
	@echo 'Logs are in build/log/.  One make at a time works in build/.'

run check further fuzz bench clients shell apply unapply port-report series deb system clean:
	@bash vm/$@.sh

.PHONY: help run check further fuzz bench clients shell apply unapply port-report series deb system clean
