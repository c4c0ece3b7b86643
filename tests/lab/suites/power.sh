# shellcheck shell=bash disable=SC2154 # $pci is from the guest's lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a power cut leaves: files that were synced, and no VFs.
# topology: power
# runs: host
# limit: 300

test_synced_state_outlives_a_power_cut_and_vfs_do_not() {
	guest_run before 60 <<- 'EOF'
		set -e
		. /opt/lab/lib.sh
		numvfs 0000:01:00.0 2
		echo kept > /var/lib/carve/kept
		echo conf > /etc/carve/kept
		sync
	EOF
	guest_power_cut
	guest_boot
	guest_run after 60 <<- 'EOF'
		set -e
		. /opt/lab/lib.sh
		same kept "$(cat /var/lib/carve/kept)"
		same conf "$(cat /etc/carve/kept)"
		same 0 "$(vfs_of 0000:01:00.0)"
	EOF
}
