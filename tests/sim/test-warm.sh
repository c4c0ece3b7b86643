# shellcheck shell=bash disable=SC2154 # $sim_jobs are of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: lab
#
# Mediated devices made ahead of claims: mtty has 24 ports.

prepare() { # WARM
	services_start
	enroll mtty
	policy_is <<-EOF
		version: 1
		devices: {uart: {match: {mdev-parent: mtty}}}
		divide: [{use: uart, as: mdev, on-demand: [mtty-1, mtty-2], warm: {mtty-2: $1}}]
		classes:
		  one: {from: uart, profiles: [mtty-1]}
		  two: {from: uart, profiles: [mtty-2]}
	EOF
}

there_are() { # NUMBER
	local n
	n=$(find /sys/bus/mdev/devices -mindepth 1 | wc -l)
	((n == $1)) || die "$n mdevs, not $1"
}

free_of() { # CLASS
	carve list classes | awk -v class="$1" '$1 == class { print $4 }'
}

test_warm_ones_are_made_as_planned_and_made_again() {
	local before used
	prepare 2
	[[ $(carve plan /run/policy.yaml | grep -c 'create mtty-2 mdev') == 2 ]]
	apply /run/policy.yaml
	there_are 2
	before=$(writes)
	apply /run/policy.yaml
	[[ $(writes) == "$before" && $(free_of two) == 12 && $(free_of one) == 24 ]]
	find /sys/bus/mdev/devices -mindepth 1 -printf '%f\n' >/run/made
	claim two vm1
	used=$(address_of vm1)
	grep -qx "$used" /run/made || die "it did not get one that was there"
	wait_until 5 there_are 3
	says '"warm": true' carve list slices --json
	carve release vm1 --wait --deadline "$SIM_DEADLINE"
	wait_until 5 there_are 2
	[[ ! -e /sys/bus/mdev/devices/$used ]] || die "what was used is free again"
}

test_warm_ones_make_way_and_come_back() {
	prepare 12
	apply /run/policy.yaml
	there_are 12
	[[ $(free_of one) == 24 && $(carve fit one --json | grep -c '"more": 24') == 1 ]]
	claim one vm1
	wait_until 5 there_are 12
	[[ $(free_of one) == 23 && $(free_of two) == 11 ]]
	kill -KILL "$(pgrep -P "${sim_jobs[1]}" -x carved)"
	services_answer
	# The parent is full but for one port: what the others take is known from the record.
	claim one vm2
	claim one vm3
	[[ $(free_of one) == 21 ]]
	carve release vm1 --wait --deadline "$SIM_DEADLINE"
	carve release vm2 --wait --deadline "$SIM_DEADLINE"
	carve release vm3 --wait --deadline "$SIM_DEADLINE"
	wait_until 5 there_are 12
}

test_warm_ones_are_there_after_a_reboot() {
	prepare 3
	apply /run/policy.yaml
	carve-sim reboot
	services_start
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	there_are 3
}

is_told() {
	carve doctor --json | grep -q doctor.slice.lost
}

test_warm_one_that_others_removed_is_told_or_repaired() {
	local one
	prepare 2
	apply /run/policy.yaml
	one=$(find /sys/bus/mdev/devices -mindepth 1 -printf '%f\n' | head -n 1)
	echo 1 >"/sys/bus/mdev/devices/$one/remove"
	wait_until 5 is_told
	there_are 1
	echo 'drift: repair' >>/run/policy.yaml
	apply /run/policy.yaml
	there_are 2
	one=$(find /sys/bus/mdev/devices -mindepth 1 -printf '%f\n' | head -n 1)
	echo 1 >"/sys/bus/mdev/devices/$one/remove"
	wait_until 5 there_are 2
}
