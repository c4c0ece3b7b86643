# shellcheck shell=bash disable=SC2154 # $pci is from the guest's lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# With virtio-iommu a VF has no IOMMU group until the kernel offers it to a driver.
# topology: virtio-iommu
# runs: guest
# limit: 180

# udev loads igbvf for a new VF, and a matching driver that loads makes the kernel give it a group:
# udev waits meanwhile.
new_vf_has_no_group_until_probed() { # PF
	local vf
	modprobe -r igbvf
	udevadm settle
	udevadm control --stop-exec-queue
	numvfs "$1" 1
	vf=$(vf_of "$1" 0)
	[ ! -e "$pci/$vf/iommu_group" ]
	to_vfio "$vf"
	udevadm control --start-exec-queue
	[ -e "$pci/$vf/iommu_group" ]
	[ -e "/dev/vfio/$(group_of "$vf")" ]
}

test_vf_on_the_root_bus_gets_its_group_when_probed() {
	new_vf_has_no_group_until_probed 0000:00:06.0
}

test_vf_behind_a_port_gets_its_group_when_probed() {
	new_vf_has_no_group_until_probed 0000:01:00.0
}

# The group is not there when the VF is made, and only its claim makes the kernel give it one.
test_carve_hands_out_a_vf_whose_group_comes_late() {
	local vf holder
	reset
	carve_fresh
	# virtio-iommu does not keep the interrupts of guests apart; VFIO wants to be told to bear it.
	says "interrupts of guests are not isolated" carve doctor
	echo 1 > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts
	carve enroll 0000:01:00.0
	policy_is /tmp/policy.yaml <<- EOF
		version: 1
		devices:
		  nic: {match: {address: "0000:01:00.0"}}
		divide:
		  - {use: nic, as: sriov, count: 2}
		classes:
		  lan: {from: nic}
	EOF
	carve apply /tmp/policy.yaml --wait
	carve alloc lan --for manual:suite --name late
	vf=$(carve handle late --format json | jq -r .handle.address)
	same vfio-pci "$(driver_of "$vf")"
	holder=$(hold "host=$vf")
	carve holders "$vf" | grep "$holder"
	let_go "$holder"
	carve release late --wait
	json_is 0 '.claims | length' carve --json list claims
}
