#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make clean": removes build/, or the directory of OUTPUT=, if nobody works there.

. "$(dirname "$0")/lib.sh"

[ -d "$BUILD_DIR" ] || exit 0
is_ours "$BUILD_DIR" || die "OUTPUT=$BUILD_DIR has not been made by make, so it is not removed."
[ -w "$BUILD_DIR" ] || die "$BUILD_DIR can't be written."
lock_place "make clean"
rm -rf "$BUILD_DIR"
