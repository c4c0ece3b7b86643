# shellcheck shell=bash disable=SC2034,SC2054,SC2154 # variables and commas belong to lib.sh and QEMU
# SPDX-License-Identifier: GPL-2.0-or-later
# `main`, and /var/lib/carve and /etc/carve on a disk that is still there after a power cut.
# shellcheck source=tests/lab/topologies/main.sh
. "$lab_dir/topologies/main.sh"
lab_state_disk 128M
