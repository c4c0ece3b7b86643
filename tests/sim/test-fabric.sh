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

# --- all of it -------------------------------------------------------------------------------------------

functions_of() { # DEVICE-ID|DEVICE-ID
	grep -lxE "0x($1)" /sys/bus/pci/devices/*/device | sed 's,.*devices/\(.*\)/device,\1,'
}

whole_up() { # [GPUS]
	local n
	gpus=$(functions_of '20b2|2330')
	switches=$(functions_of '1af1|22a3')
	n=$(wc -l <<<"$switches")
	services_start
	# shellcheck disable=SC2086 # several
	enroll $gpus $switches
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {id: ["10de:20b2", "10de:2330"]}, expect: 8}
		  switch: {match: {id: ["10de:1af1", "10de:22a3"]}, expect: $n}
		divide:
		  - {use: gpu, as: passthrough}
		  - {use: switch, as: passthrough}
		classes:
		  gpu: {from: gpu}
		  switch: {from: switch}
		  machine: {parts: {gpu: ${1-8}, switch: $n}}
	EOF
}

all_have() { # DRIVER FUNCTION...
	local f
	for f in "${@:2}"; do
		[[ $(driver_of "$f") == "$1" ]] || die "$f has $(driver_of "$f"), not $1"
	done
}

test_fabric_the_whole_machine_is_one_claim() {
	whole_up
	apply /run/policy.yaml
	says '1      1' carve list classes
	says 'NVSwitches join it' claim gpu one
	says 'all GPUs and NVSwitches by one class' claim gpu one
	says 'whoever has it decides' claim switch one
	claim machine all
	# shellcheck disable=SC2086 # several
	all_have vfio-pci $gpus $switches
	[[ $(carve handle all --format qemu | grep -c vfio-pci) == $(wc -w <<<"$gpus $switches") ]]
	! carve list | grep '^unsafe' || die "no risk is taken"
	# What cannot be reset alone is not proven clean, and stays away from the host.
	if grep -q flr "/sys/bus/pci/devices/$(head -n 1 <<<"$switches")/reset_method"; then
		carve release all --wait
		# shellcheck disable=SC2086 # several
		all_have nvidia-nvswitch $switches
	else
		says reclaim.no-proof carve release all --wait
	fi
	# shellcheck disable=SC2086 # several
	wait_until 10 all_have nvidia $gpus
}

test_fabric_all_but_one_is_refused() {
	whole_up 7
	apply /run/policy.yaml
	says nvidia.fabric claim machine all
	[[ $(writes) == 0 ]]
	sed -i '/  - {use: switch/d; /  switch: {from/d; s/, switch: [0-9]*}/}/; s/gpu: 7/gpu: 8/' /run/policy.yaml
	says nvidia.fabric carve apply /run/policy.yaml --json
}
