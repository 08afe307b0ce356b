#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make clean": removes build/, or the directory of OUTPUT=, if nobody works there.

. "$(dirname "$0")/lib.sh"

[ -d "$BUILD_DIR" ] || exit 0
is_ours "$BUILD_DIR" || die "OUTPUT=$BUILD_DIR has not been made by make, so it is not removed."
[ -w "$BUILD_DIR" ] || die "$BUILD_DIR can't be written."
lock_place "make clean"
# First out of sight: of what is half removed, a later run would take the other half for whole.
gone=$BUILD_DIR/.removed
mkdir -p "$gone"
find "$BUILD_DIR" -mindepth 1 -maxdepth 1 ! -name .lock ! -name "$MARK" ! -name .removed \
	-exec mv -t "$gone" {} +
rm -rf "$BUILD_DIR"
