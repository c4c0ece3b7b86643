#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What scripts/quickstart shows. Runs in the lab's guest; every line of output is real.
set -euo pipefail
. /opt/lab/lib.sh

say() {
	printf '\n# %s\n' "$*"
}

show() { # COMMAND...: as a person would have typed it, and what it said
	printf '$ %s\n' "$*"
	"$@"
}

say "A machine with three igb network cards and an nvme disk controller that can be divided"
show lspci -d ::0200
show lspci -d ::0108
