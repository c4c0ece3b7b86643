# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: dgx-h100
#
# What people are told of a GPU that NVIDIA's library tells of, and of one that it does not.

gpu=0000:1b:00.0

prepare() {
	services_start
	enroll "$gpu"
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {address: "$gpu"}}}
		divide: [{use: gpu, as: mig, layout: {3g.40gb: 1}}]
		classes: {any: {from: gpu}}
	EOF
	apply /run/policy.yaml
}

shown() {
	carve show "$gpu" | tr -s ' '
}

test_gpu_show_tells_what_the_library_says() {
	prepare
	shown
	[[ $(shown) == *$'\nMIG: on\n'*'GPU instances: '*': 3g.40gb at '*', MIG-'* ]]
	[[ $(shown) == *$'\nGPU: NVIDIA H100'*'GPU driver: '*'GPU UUID: GPU-'* ]]
	[[ $(carve doctor --json) != *doctor.gpu.unseen* ]]
}

test_gpu_unseen_is_told_and_asked_again() {
	prepare
	carve-sim fault nvml/init read 1+ error=EPROTO
	says 'another version than the kernel module' carve doctor --json
	[[ $(shown) == *'GPU: not seen by NVIDIA'* ]]
	[[ $(carve list slices) == *ready* ]] || die "what is not seen is taken for lost"
	carve-sim clear
	[[ $(carve doctor --json) != *doctor.gpu.unseen* ]]
	[[ $(shown) == *$'\nMIG: on\n'* ]]
}

test_gpu_facts_are_those_of_the_machine() {
	prepare
	scripts/nvidia-facts "$BUILD/carve-nvml" >/run/facts
	python3 - <<-EOF
		import json
		gpus = json.load(open("/run/facts"))
		assert len(gpus) == 8
		assert all(g["seen"] and g["mig_capable"] for g in gpus)
		one = [g for g in gpus if g["address"] == "$gpu"][0]
		assert [i["size"] for i in one["instances"]] == [4]
		assert [p["id"] for p in one["profiles"] if p["name"] == "1g.10gb"] == [19]
	EOF
}
