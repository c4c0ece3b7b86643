# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What carve must refuse, with the reason: devices in use, groups that are not viable, devices nobody
# enrolled.
# topology: main
# runs: guest
# limit: 300

suite_reset() {
	reset
	carve_fresh
}

apply_passthrough() { # BDF
	policy_is /tmp/guard.yaml <<- EOF
		version: 1
		devices:
		  it: {match: {address: "$1"}, expect: 1}
		divide:
		  - {use: it, as: passthrough}
		classes:
		  it: {from: it}
	EOF
	carve apply /tmp/guard.yaml --wait
}

test_unenrolled_device_is_refused_before_anything() {
	refused enroll apply_passthrough 0000:06:00.0
}

test_passthrough_device_is_bound_used_and_given_back() {
	local before holder
	before=$(driver_of 0000:06:00.0)
	carve enroll 0000:06:00.0
	apply_passthrough 0000:06:00.0
	carve alloc it --for manual:suite --name p1
	same vfio-pci "$(driver_of 0000:06:00.0)"
	holder=$(hold host=0000:06:00.0)
	carve holders 0000:06:00.0 | grep "$holder"
	let_go "$holder"
	carve release p1 --wait
	same "$before" "$(driver_of 0000:06:00.0)"
	same "(null)" "$(cat "$pci/0000:06:00.0/driver_override")"
}

test_f24_group_that_is_not_viable_names_the_sibling() {
	carve enroll 0000:08:00.0
	apply_passthrough 0000:08:00.0
	refused 0000:08:00.1 carve alloc it --for manual:suite --name p2
	json_is 0 '.claims | length' carve --json list claims
}

test_f38_enslaved_interface_is_never_touched() {
	ip link add br0 type bridge
	ip link set "$(netdev_of 0000:03:00.0)" master br0
	carve enroll 0000:03:00.0
	apply_passthrough 0000:03:00.0
	refused br0 carve alloc it --for manual:suite --name p3
	same igb "$(driver_of 0000:03:00.0)"
	ip link del br0
	carve alloc it --for manual:suite --name p3
	carve release p3 --wait
	same igb "$(driver_of 0000:03:00.0)"
}

test_system_disk_is_never_touched() {
	local disk
	disk=$(basename "$(readlink -f /sys/block/vda/device/..)")
	carve enroll "$disk"
	apply_passthrough "$disk" || true
	refused vda carve alloc it --for manual:suite --name p4
}

test_bad_policy_is_refused_with_line_and_column() {
	printf 'version: 1\ndevices:\n  a: {match: {id: 10de:1e07}}\n' > /tmp/bad.yaml
	refused "bad.yaml:3:" carve apply /tmp/bad.yaml
}
