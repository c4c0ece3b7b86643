# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: a100-8 dgx-h100
#
# GPUs that NVSwitches join are not passed through one by one, unless the policy takes that risk by name.

a_gpu() {
	grep -lE '^0x(20b2|2330)$' /sys/bus/pci/devices/*/device | sed -n '1s,.*devices/\(.*\)/device,\1,p'
}

fabric_up() { # [LINE]
	gpu=$(a_gpu)
	services_start
	enroll "$gpu"
	policy_is <<- EOF
		version: 1
		${1-}
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: passthrough}
		classes:
		  gpu: {from: gpu}
	EOF
}

test_fabric_gpu_alone_is_refused() {
	fabric_up
	says 'cannot hand the GPU out alone' carve plan /run/policy.yaml
	says nvidia.fabric carve apply /run/policy.yaml --json
	says "$gpu (policy /run/policy.yaml:6)" carve apply /run/policy.yaml --wait
	! claim gpu one || die "it was given away"
	! carve list | grep '^unsafe' || die "no risk is taken"
	[[ $(writes) == 0 ]]
}

test_fabric_gpu_alone_is_handed_out_at_ones_own_risk() {
	fabric_up 'unsafe: [nvswitch]'
	apply /run/policy.yaml
	claim gpu one
	says 'unsafe: single GPUs' carve list
	[[ $(readlink "/sys/bus/pci/devices/$gpu/driver") == */vfio-pci ]]
}

# What is held stays; no more is given away.
test_fabric_risk_that_is_taken_back() {
	test_fabric_gpu_alone_is_handed_out_at_ones_own_risk
	sed -i '/^unsafe/d' /run/policy.yaml
	says nvidia.fabric carve apply /run/policy.yaml --json
	says one carve list claims
	carve release one --wait
	says NVSwitches claim gpu two
}

test_fabric_gpus_are_not_proposed() {
	services_start
	says 'NVSwitches join it' carve init
}
