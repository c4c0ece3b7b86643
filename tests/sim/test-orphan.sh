# shellcheck shell=bash disable=SC2154 # $holder and $sim_jobs are of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: lab
#
# Consumers that end and come back, as a hypervisor that is restarted.

nic=0000:01:00.0

prepare() { # GRACE
	services_start
	enroll "$nic"
	policy_is <<-EOF
		version: 1
		devices: {nic: {match: {address: "$nic"}}}
		divide: [{use: nic, as: sriov, count: 2}]
		classes: {lan: {from: nic, may-set: {vlan: true}, orphan-grace: $1}}
	EOF
	apply /run/policy.yaml
}

# $consumer is its pid.
starts() { # NAME [OPTION...]
	sleep 1000 &
	consumer=$!
	carve alloc lan --name "$1" --for "libvirt:$1" --pid "$consumer" --deadline "$SIM_DEADLINE" "${@:2}"
}

ends() {
	kill "$consumer"
	wait "$consumer" || true
}

state_is() { # CLAIM STATE
	[[ $(carve show "$1" | sed -n 's/^State: *//p') == "$2" ]]
}

test_orphan_keeps_its_slice_for_who_had_it() {
	local had before
	prepare 1h
	starts web01
	had=$(address_of web01)
	ends
	wait_until 5 state_is web01 orphaned
	says 'orphaned  libvirt:web01  in ' carve list claims
	says '1 wait for their consumers to come back: web01' carve doctor
	before=$(writes)
	ends_with 3 starts web01 --set vlan=7 2>/run/said
	ends
	grep -qF '[claim.orphaned]' /run/said
	grep -q 'it was made with other settings' /run/said
	starts web01
	state_is web01 held
	[[ $(address_of web01) == "$had" && $(writes) == "$before" ]]
	ends
	wait_until 5 state_is web01 orphaned
	carve release web01 --wait --deadline "$SIM_DEADLINE"
	claim_is_over web01
}

test_orphan_ends_after_the_grace_also_when_the_service_starts_again() {
	prepare 3s
	starts web01
	ends
	wait_until 5 state_is web01 orphaned
	kill -KILL "$(pgrep -P "${sim_jobs[1]}" -x carved)"
	services_answer
	state_is web01 orphaned
	wait_until 6 claim_is_over web01
	[[ $(carve list classes | awk '$1 == "lan" { print $4 }') == 2 ]]
}

test_orphan_that_somebody_opens_is_held() {
	prepare 4s
	starts web01
	ends
	wait_until 5 state_is web01 orphaned
	hold qemu "$(address_of web01)"
	wait_until 5 state_is web01 held
	sleep 5
	state_is web01 held
	let_go
	wait_until 5 state_is web01 orphaned
	wait_until 8 claim_is_over web01
}

test_orphan_of_a_reboot_waits_from_the_boot_on() {
	local had
	prepare 1h
	starts web01
	had=$(address_of web01)
	carve-sim reboot
	services_start
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	wait_until 5 state_is web01 orphaned
	starts web01
	state_is web01 held
	[[ $(address_of web01) == "$had" && $(driver_of "$had") == vfio-pci ]]
}
