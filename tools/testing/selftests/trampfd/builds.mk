# SPDX-License-Identifier: GPL-2.0
#
# What the tests of trampfd, and those of libtrampfd, are built for: each ABI that
# a kernel of this architecture runs programs of.

# lib.mk says what CC is, after this file is read, so nothing here is evaluated
# before it is used.
machine = $(shell $(CC) -dumpmachine)
arch = $(if $(filter x86_64-% i386-% i486-% i586-% i686-%,$(machine)),x86)$(strip \
	)$(if $(filter aarch64-%,$(machine)),arm64)$(if $(filter arm-%,$(machine)),arm)$(strip \
	)$(if $(filter m68k-%,$(machine)),m68k)$(if $(filter mips64el-%,$(machine)),mips)$(strip \
	)$(if $(filter powerpc64le-%,$(machine)),powerpc)$(strip \
	)$(if $(filter riscv64-%,$(machine)),riscv)$(if $(filter s390x-%,$(machine)),s390)

builds_x86 = $(if $(filter x86_64-%,$(machine)),64) 32
builds_arm64 := 64 32 thumb
builds_arm := 32 thumb
builds_m68k := 32
builds_mips := 64 32 n32
builds_powerpc := 64
builds_riscv := 64
builds_s390 := 64

# What a build is of the architecture's: flags, and where it is another
# architecture's program, whose, and by which compiler.
build_flags_64_x86 := -m64
build_flags_32_x86 := -m32
build_flags_32_arm := -marm
build_flags_thumb_arm := -mthumb
build_flags_64_mips := -mabi=64
build_flags_32_mips := -mabi=32
build_flags_n32_mips := -mabi=n32

CROSS_COMPILE_COMPAT ?= arm-linux-gnueabihf-
build_arch_32_arm64 := arm
build_arch_thumb_arm64 := arm
build_cc_32_arm64 = $(CROSS_COMPILE_COMPAT)gcc
build_cc_thumb_arm64 = $(CROSS_COMPILE_COMPAT)gcc

build_arch = $(or $(build_arch_$(1)_$(arch)),$(arch))
build_flags = $(build_flags_$(1)_$(call build_arch,$(1)))
build_cc = $(or $(build_cc_$(1)_$(arch)),$(CC))
# This kernel's headers are another architecture's, so use only what is new.
build_headers = $(if $(build_cc_$(1)_$(arch)),$(KHDR_INCLUDES:-isystem=-idirafter),$(KHDR_INCLUDES))

links = $(shell echo 'int main(void) { return 0; }' | $(call build_cc,$(1)) \
	  $(call build_flags,$(1)) -static -x c -o /dev/null - && echo yes)
builds = $(foreach build,$(builds_$(arch)),$(if $(call links,$(build)),$(build),\
	   $(warning no $(build) tests: $(call build_cc,$(build)) can not link such a program)))
