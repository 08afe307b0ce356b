#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "make deb": Debian 13's packages of all this, in $BUILD_NAME/deb/.

. "$(dirname "$0")/lib.sh"
. "$VM/packages.sh"
. "$VM/tree.sh"
. "$VM/kernel.sh"
. "$VM/apt.sh"
. "$VM/sources.sh"
. "$VM/chroot.sh"
. "$VM/debian.sh"

check_deb "make deb"
# Before there is a lock that what it starts could inherit.
need_root "make deb"
begin deb
lock_roots

use_arch x86_64
need_packages x86_64
make_deb

say "" "The packages are in $BUILD_NAME/deb/.  On Debian 13, in that directory:" \
	"    apt install ./libtrampfd1_* ./libtrampfd-nested1_* ./libffi8_* ./libseccomp2_* ./trampfd-tools_*"
exec python3 "$VM/report.py" total deb "$RESULTS"
