# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
# Debian's cffi, whose callbacks are closures of libffi if the kernel makes their trampolines.

ENTRY="Callbacks are libffi's closures if these come from the kernel (debian/patches/trampfd.patch)."
PATCHES=$TOP/clients/cffi
# 1.17 has its C code in src/c.
STRIP_TO=src
NEEDS=""
PROFILES="nodoc"
OPTIONS="nocheck"
# Not all mirrors have it; then the rest is as useful without.
NO_SOURCE=3
