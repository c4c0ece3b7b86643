# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Network and NVMe VFs: made by policy, set, handed to a VM, taken back.
# topology: main
# runs: guest
# limit: 400

igb=0000:01:00.0
nvme=0000:02:00.0

suite_reset() {
	reset
	carve_fresh
	carve enroll "$igb"
	carve enroll "$nvme"
	policy_is /etc/carve/policy.yaml <<- EOF
		version: 1
		devices:
		  nic: {match: {address: "$igb"}, expect: 1}
		  disk: {match: {address: "$nvme"}, expect: 1}
		divide:
		  - {use: nic, as: sriov, count: 4, vf: {trust: false, spoof-check: true}}
		  - {use: disk, as: sriov, count: 2}
		classes:
		  lan: {from: nic, may-set: {mac: true, vlan: 100-199}}
		  disk: {from: disk}
	EOF
	carve apply /etc/carve/policy.yaml --wait
}

address_of() { # CLAIM
	carve handle "$1" --format json | jq -r .handle.address
}

test_apply_makes_the_vfs_without_drivers() {
	same 4 "$(vfs_of "$igb")"
	same 2 "$(vfs_of "$nvme")"
	[ ! -e "$pci/$(vf_of "$igb" 0)/driver" ]
}

test_second_plan_is_empty() {
	json_is 0 '.steps | length' carve --json plan
}

test_mac_and_vlan_are_set_and_read_back() {
	local vf index net
	net=$(netdev_of "$igb")
	carve alloc lan --for manual:suite --name web --set mac=52:54:00:aa:00:01 --set vlan=120
	vf=$(address_of web)
	same vfio-pci "$(driver_of "$vf")"
	index=$(carve --json list slices | jq -r '.slices[] | select(.claim == "web") | .vf')
	same 52:54:00:aa:00:01 "$(vf_mac_of "$net" "$index")"
	same 120 "$(vf_vlan_of "$net" "$index")"
}

test_settings_beyond_the_class_are_refused() {
	refused VLAN carve alloc lan --for manual:suite --set vlan=5
	refused class carve alloc nothing-like-it --for manual:suite
	json_is 1 '.claims | length' carve --json list claims
}

test_f05_count_change_with_a_held_vf_is_refused_and_names_it() {
	local holder
	holder=$(hold "host=$(address_of web)")
	sed 's/count: 4/count: 2/' /etc/carve/policy.yaml > /tmp/less.yaml
	refused web carve apply /tmp/less.yaml --wait
	same 4 "$(vfs_of "$igb")"
	let_go "$holder"
}

test_release_takes_the_vf_back() {
	local vf
	vf=$(address_of web)
	carve release web --wait
	[ ! -e "$pci/$vf/driver" ]
	json_is 0 '.claims | length' carve --json list claims
	carve apply /etc/carve/policy.yaml --wait
}

test_f20_no_slice_is_given_twice() {
	local i
	for i in 1 2 3 4; do
		carve alloc lan --for manual:suite --name "n$i" &
	done
	wait
	json_is 4 '[.claims[].address] | unique | length' carve --json list claims
	refused "is free" carve alloc lan --for manual:suite --name n5
	for i in 1 2 3 4; do
		carve release "n$i" --wait
	done
}

test_nested_vm_boots_from_the_nvme_vf_it_was_given() {
	local args
	make_bootable /dev/nvme0n1 "booted from the disk behind vol"
	carve alloc disk --for manual:suite --name vol
	read -ra args < <(carve handle vol --format qemu)
	says "booted from the disk behind vol" vm_boot 60 "${args[@]}"
	carve release vol --wait
}

# What the last tenant wrote is still on the disk: the VF is his, or nobody's.
test_an_nvme_vf_stays_with_its_tenant() {
	useradd -r -G carve lab-tenant 2> /dev/null || true
	runuser -u lab-tenant -- carve alloc disk --for manual:suite --name theirs
	refused "data of another account" runuser -u lab-tenant -- carve alloc disk --for manual:suite --name more
	carve alloc disk --for manual:suite --name again
	carve release again --wait
	carve release theirs --wait
}
