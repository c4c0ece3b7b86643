# shellcheck shell=bash disable=SC2154 # $pci is from the guest's lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Without an IOMMU a VF exists, works for the host, and vfio-pci will not have it.
# topology: no-iommu
# runs: guest
# limit: 120

igb=0000:01:00.0

test_vfs_without_iommu_have_no_group() {
	numvfs "$igb" 1
	same 1 "$(vfs_of "$igb")"
	[ ! -e "$pci/$(vf_of "$igb" 0)/iommu_group" ]
}

test_vfio_refuses_a_vf_without_group() {
	refused "driver of" to_vfio "$(vf_of "$igb" 0)"
}

test_carve_says_what_is_missing_and_binds_nothing() {
	local vf
	numvfs "$igb" 0
	carve_fresh
	refused "no function is in an IOMMU group" carve doctor
	carve enroll "$igb"
	policy_is /tmp/policy.yaml <<- EOF
		version: 1
		devices:
		  nic: {match: {address: "$igb"}}
		divide:
		  - {use: nic, as: sriov, count: 2}
		classes:
		  lan: {from: nic}
	EOF
	carve apply /tmp/policy.yaml --wait
	same 2 "$(vfs_of "$igb")"
	vf=$(vf_of "$igb" 0)
	refused "IOMMU" carve alloc lan --for manual:suite --name v1
	[ ! -e "$pci/$vf/driver" ]
	json_is 0 '.claims | length' carve --json list claims
}
