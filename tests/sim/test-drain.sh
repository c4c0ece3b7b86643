# shellcheck shell=bash disable=SC2154 # $sim_jobs are of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: lab
#
# A device that nothing new goes to: the one parent of mediated devices, and a NIC with a layout.

nic=0000:01:00.0

prepare() {
	services_start
	enroll mtty "$nic"
	policy_is <<-EOF
		version: 1
		devices: {uart: {match: {mdev-parent: mtty}}, nic: {match: {address: "$nic"}}}
		divide:
		  - {use: uart, as: mdev, on-demand: [mtty-1, mtty-2], warm: {mtty-2: 2}}
		  - {use: nic, as: sriov, count: 2}
		classes:
		  two: {from: uart, profiles: [mtty-2]}
		  lan: {from: nic}
	EOF
	apply /run/policy.yaml
}

there_are() { # NUMBER
	local n
	n=$(find /sys/bus/mdev/devices -mindepth 1 | wc -l)
	((n == $1)) || die "$n mdevs, not $1"
}

ends_with() { # CODE COMMAND...
	local code=0
	"${@:2}" >/run/out 2>&1 || code=$?
	((code == $1)) || die "exit code $code, not $1: $(cat /run/out)"
}

test_what_is_held_stays_and_the_rest_goes() {
	prepare
	claim two vm1
	wait_until 5 there_are 3
	ends_with 4 carve drain mtty --reason 'a new driver'
	grep -q 'still held by: vm1' /run/out
	wait_until 5 there_are 1
	carve list claims | grep -q '^vm1 .*held'
	carve list | grep -q '^mtty .*drained'
	says 'a new driver' carve show mtty
	says 'doctor.device.drained' carve doctor --json
	ends_with 3 carve alloc two --for manual:x --name vm2
	grep -q 'mtty is drained: a new driver' /run/out
	ends_with 3 carve fit two
	ends_with 6 carve drain mtty --deadline 1
	carve drain mtty --wait >/run/waits 2>&1 &
	local waits=$!
	carve release vm1 --wait --deadline "$SIM_DEADLINE"
	wait "$waits"
	there_are 0
	ends_with 0 carve drain mtty
	grep -q 'nothing of it is held' /run/out
}

test_a_layout_stays_and_it_outlives_restart_and_reboot() {
	prepare
	claim lan vm1
	ends_with 4 carve drain "$nic"
	kill -KILL "$(pgrep -P "${sim_jobs[1]}" -x carved)"
	services_answer
	ends_with 3 carve alloc lan --for manual:x --name vm2
	[[ $(cat "/sys/bus/pci/devices/$nic/sriov_numvfs") == 2 ]]
	carve list slices | grep -q ' ready'
	apply /run/policy.yaml
	ends_with 3 carve alloc lan --for manual:x --name vm2
	carve-sim reboot
	services_start
	wait_until 10 carve apply --restore --deadline "$SIM_DEADLINE"
	ends_with 3 carve alloc lan --for manual:x --name vm2
	ends_with 0 carve drain "$nic" --undo
	claim lan vm2
}

test_who_waits_is_served_when_it_is_undone() {
	prepare
	ends_with 0 carve drain mtty
	carve alloc two --for manual:x --name vm1 --wait --deadline "$SIM_DEADLINE" >/run/waits 2>&1 &
	local waits=$!
	sleep 0.5
	[[ -d /proc/$waits ]] || die "it did not wait: $(cat /run/waits)"
	ends_with 0 carve drain mtty --undo
	wait "$waits"
	wait_until 5 there_are 3
}

test_what_others_have_of_it_does_not_become_a_claim() {
	local uuid=6b2a7f10-0000-4000-8000-000000000001
	prepare
	echo $uuid >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create
	ends_with 0 carve drain mtty --reason 'a new driver'
	says drain.drained carve adopt $uuid --claim vm1 --for manual:x --json
	says 'a new driver' carve adopt $uuid --claim vm1 --for manual:x
	claim_is_over vm1
	ends_with 0 carve drain mtty --undo
	ends_with 0 carve adopt $uuid --claim vm1 --for manual:x
}

test_it_is_marked_in_the_map() {
	prepare
	! carve map | grep drained || die "it is not drained"
	ends_with 0 carve drain mtty --reason 'a new driver'
	says 'mdev of uart, drained' carve map
	carve map --svg /run/map.svg
	grep -q 'mdev of uart, drained' /run/map.svg
	says '"drained_reason": "a new driver"' carve map --json
}

test_of_a_class_with_parts_the_device_is_named() {
	prepare
	sed -i '/^  lan:/a \  both: {parts: {two: 1, lan: 1}}' /run/policy.yaml
	apply /run/policy.yaml
	ends_with 0 carve drain "$nic" --reason 'a new cable'
	ends_with 3 carve alloc both --for manual:x --name vm1
	grep -q "$nic is drained: a new cable" /run/out
	ends_with 0 carve drain "$nic" --undo
	claim both vm1
}

test_what_cannot_be_drained_is_refused() {
	prepare
	says 'drain.no-device' carve drain nothing
	ends_with 2 carve drain mtty --undo --wait
	ends_with 0 carve drain mtty --undo
}
