# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
# Debian's libseccomp, which knows the names of trampfd's system calls.  systemd looks names up
# in it, so SystemCallFilter= can allow these two.

ENTRY="Know trampfd_create and trampfd_control (debian/patches/trampfd.patch)."
PATCHES=$TOP/packaging/libseccomp
NEEDS=""
PROFILES="nopython"
OPTIONS=""
