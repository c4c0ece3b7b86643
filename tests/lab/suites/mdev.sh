# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Mediated devices: made for a claim, used by a VM, taken back; those of others left alone.
# topology: main
# runs: guest
# limit: 240

foreign=83b8f4f2-509f-382f-3c1e-e6bfe0fa2001

suite_reset() {
	reset
	modprobe mtty
	modprobe mdpy
	carve_fresh
	carve enroll mtty
	carve enroll mdpy
	policy_is /etc/carve/policy.yaml <<- 'EOF'
		version: 1
		devices:
		  serial: {match: {mdev-parent: mtty}, expect: 1}
		  screen: {match: {mdev-parent: mdpy}, expect: 1}
		divide:
		  - {use: serial, as: mdev, on-demand: [mtty-1, mtty-2]}
		  - {use: screen, as: mdev, layout: {mdpy-hd: 2}}
		classes:
		  tty: {from: serial, profiles: [mtty-2]}
		  small: {from: serial, profiles: [mtty-1]}
		  screen: {from: screen}
	EOF
	carve apply /etc/carve/policy.yaml --wait
}

uuid_of() { # CLAIM
	carve handle "$1" --format json | jq -r .handle.uuid
}

test_apply_makes_the_static_layout() {
	same 2 "$(find /sys/devices/virtual/mdpy/mdpy/mdev_supported_types/mdpy-hd/devices -type l | wc -l)"
}

test_alloc_makes_an_mdev_and_a_vm_uses_it() {
	local uuid holder
	carve alloc tty --for manual:suite --name t1
	uuid=$(uuid_of t1)
	same mtty-2 "$(basename "$(readlink "/sys/bus/mdev/devices/$uuid/mdev_type")")"
	holder=$(hold "sysfsdev=/sys/bus/mdev/devices/$uuid")
	carve holders mtty | grep qemu-system
	refused held timeout 20 carve release t1 --wait --deadline 3
	[ -e "/sys/bus/mdev/devices/$uuid" ]
	let_go "$holder"
	wait_until 20 test ! -e "/sys/bus/mdev/devices/$uuid"
	json_is 0 '.claims | length' carve --json list claims
}

test_f14_mdevs_of_others_are_shown_and_left_alone() {
	put "$foreign" /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
	json_is foreign ".slices[] | select(.uuid == \"$foreign\") | .state" carve --json list slices
	carve alloc tty --for manual:suite --name t2
	carve release t2 --wait
	[ -e "/sys/bus/mdev/devices/$foreign" ]
	put 1 "/sys/bus/mdev/devices/$foreign/remove"
}

test_f37_a_full_pool_is_told_as_such() {
	local i
	for i in $(seq 12); do
		carve alloc tty --for manual:suite --name "full$i"
	done
	# By the class, or by the kernel when the driver's own count was not read anew yet
	refused "nothing was changed" carve alloc tty --for manual:suite
	json_is 12 '[.claims[] | select(.state == "held")] | length' carve --json list claims
	for i in $(seq 12); do
		carve release "full$i" --wait
	done
	same 0 "$(find /sys/bus/mdev/devices -name '*-*' -printf '%l\n' | grep -c mtty)"
}

test_f32_a_stale_release_does_nothing() {
	carve release never-was
	carve alloc tty --for manual:suite --name t3
	carve release t3 --wait
	carve alloc tty --for manual:suite --name t4
	carve release t3
	json_is held '.claims[0].state' carve --json list claims
	carve release t4 --wait
}

test_f31_an_mdev_of_ours_removed_by_hand_is_noticed() {
	local uuid
	carve alloc tty --for manual:suite --name t5
	uuid=$(uuid_of t5)
	put 1 "/sys/bus/mdev/devices/$uuid/remove"
	wait_until 10 sh -c 'carve --json list claims | jq -e ".claims[0].state == \"broken\""'
	carve release t5 --wait
	json_is 0 '.claims | length' carve --json list claims
}

test_other_varlink_clients_are_understood() {
	local socket=/run/carve/io.carve
	says io.carve varlinkctl info "$socket"
	varlinkctl introspect "$socket" io.carve > /tmp/io.carve.varlink
	varlinkctl validate-idl /tmp/io.carve.varlink
	varlinkctl call "$socket" io.carve.ListDevices '{}' | jq -e '.devices | length > 0'
	varlinkctl call "$socket" io.carve.Claim '{"class":"tty","owner":"manual:suite","name":"v1"}'
	json_is held '.claims[0].state' carve --json list claims
	varlinkctl call --more "$socket" io.carve.Release '{"claim":"v1"}'
	json_is 0 '.claims | length' carve --json list claims
	refused io.carve.Failed varlinkctl call "$socket" io.carve.Claim '{"class":"none","owner":"manual:suite"}'
	refused InvalidParameter varlinkctl call "$socket" io.carve.Claim '{"class":7}'
}

test_second_apply_writes_nothing() {
	local before
	before=$(carve --json plan | jq '.steps | length')
	same 0 "$before" "steps of a converged host"
}
