# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
# Debian's libffi, whose closures come from trampfd where the kernel has it.

ENTRY="Closures come from the kernel where it has trampfd (debian/patches/trampfd.patch)."
PATCHES=$TOP/clients/libffi
NEEDS="libtrampfd-dev"
# The installer makes no closures, and would need a libtrampfd of its own.
PROFILES="noudeb"
# "make clients" has the whole suite on a kernel with trampfd; here it would see the old way only.
OPTIONS="nocheck"
# The functions of the patch, for debian/libffi8.symbols.
SYMBOLS_OF=libffi8
SYMBOLS="(symver)LIBFFI_TRAMPFD_8.0"
