# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The whole life of a vGPU in a GPU instance: the vendor's order, which instance it runs in, a layout, on demand,
# claim, release, reboot, from time-sliced to MIG and back, and each step failed and killed. Run by tests/sim/run, in a
# world of its own.
# hosts: h100-vgpu

gpu=0000:1b:00.0
other=0000:9b:00.0

policy_of() { # LAYOUT
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: vgpu, layout: {$1}}
		classes:
		  vm: {from: gpu}
	EOF
}

policy_on_demand() {
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: vgpu, on-demand: [H100XM-1-10C, H100XM-3-40C]}
		classes:
		  small: {from: gpu, profiles: [H100XM-1-10C]}
		  large: {from: gpu, profiles: [H100XM-3-40C]}
	EOF
}

policy_whole() {
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: passthrough}
		classes:
		  vm: {from: gpu}
	EOF
}

prepare() { # LAYOUT
	services_start
	enroll "$gpu"
	policy_of "$@"
}

# Names of the types of the first VFs, "-" for none.
vgpus() {
	local i id name text=
	for ((i = 0; i < 4; i++)); do
		id=$(cat "/sys/bus/pci/devices/$gpu/virtfn$i/nvidia/current_vgpu_type" 2>/dev/null || echo gone)
		case $id in
		0) name=- ;;
		1135) name=10C ;;
		1137) name=20C ;;
		1141) name=1-10C ;;
		1143) name=2-20C ;;
		1144) name=3-40C ;;
		*) name=$id ;;
		esac
		text+="$name "
	done
	echo "$text"
}

vgpus_are() {
	[[ $(vgpus) == "$1 " ]] || die "vGPUs are $(vgpus)"
}

# "PROFILE@START" of each GPU instance, sorted.
instances() {
	carve show "$gpu" --json | jq -r '[.devices[].gpu.instances[]? | "\(.profile)@\(.start)"] | sort | join(" ")'
}

instances_are() {
	[[ $(instances) == "$1" ]] || die "GPU instances are $(instances)"
}

mig_is() {
	[[ $(carve show "$gpu" --json | jq -r '.devices[].gpu.mig') == "$1" ]] || die "MIG is $(carve show "$gpu" --json | jq -c '.devices[].gpu.mig')"
}

test_vgpu_mig_whole_life() {
	prepare 'H100XM-2-20C: 1, H100XM-1-10C: 2'
	says 'create 2g.20gb at slice 4' carve plan /run/policy.yaml
	apply /run/policy.yaml
	vgpus_are '2-20C 1-10C 1-10C -'
	instances_are '1g.10gb@0 1g.10gb@1 2g.20gb@4'
	[[ ! -e /sys/bus/pci/devices/$other/virtfn0 ]] || die "another GPU was changed"
	[[ $(carve list slices | grep -c foreign) == 0 ]] || die "what carve made is listed as others'"
	claim vm web01 >/dev/null
	[[ $(driver_of "$(address_of web01)") == nvidia ]] || die "the VF lost its driver"
	says "managed='no'" carve handle web01 --format libvirt
	carve release web01 --wait --deadline 20 >/dev/null
	wait_until 20 vgpus_are '2-20C 1-10C 1-10C -'
	instances_are '1g.10gb@0 1g.10gb@1 2g.20gb@4'
	policy_whole
	apply /run/policy.yaml
	vgpus_are 'gone gone gone gone'
	instances_are ''
	mig_is off
}

test_vgpu_mig_reboot_makes_the_same() {
	prepare 'H100XM-2-20C: 1, H100XM-1-10C: 2'
	apply /run/policy.yaml
	carve alloc vm --for manual:test --name web01 >/dev/null
	local vf
	vf=$(address_of web01)
	carve-sim reboot
	vgpus_are 'gone gone gone gone'
	services_start
	wait_until 30 vgpus_are '2-20C 1-10C 1-10C -'
	instances_are '1g.10gb@0 1g.10gb@1 2g.20gb@4'
	says 'held' carve list claims
	[[ $(address_of web01) == "$vf" ]] || die "the claim is on $(address_of web01)"
}

test_vgpu_mig_on_demand() {
	prepare 'H100XM-1-10C: 1'
	policy_on_demand
	apply /run/policy.yaml
	instances_are ''
	claim small s1 >/dev/null
	claim large l1 >/dev/null
	claim small s2 >/dev/null
	vgpus_are '1-10C 3-40C 1-10C -'
	carve release s1 --wait --deadline 20 >/dev/null
	wait_until 20 vgpus_are '- 3-40C 1-10C -'
	[[ $(instances | wc -w) == 2 ]] || die "GPU instances are $(instances)"
	carve release l1 --wait --deadline 20 >/dev/null
	carve release s2 --wait --deadline 20 >/dev/null
	wait_until 20 vgpus_are '- - - -'
	wait_until 20 instances_are ''
	claim large l2 >/dev/null
	vgpus_are '3-40C - - -'
}

test_vgpu_mig_from_time_sliced_and_back() {
	prepare 'H100XM-10C: 2'
	apply /run/policy.yaml
	vgpus_are '10C 10C - -'
	policy_of 'H100XM-1-10C: 2'
	apply /run/policy.yaml
	vgpus_are '- - 1-10C 1-10C'
	mig_is on
	policy_of 'H100XM-20C: 1'
	apply /run/policy.yaml
	vgpus_are '20C - - -'
	instances_are ''
	mig_is off
}

# Of two free instances of one profile the driver takes the one it likes.
test_vgpu_mig_driver_decides_which_instance() {
	prepare 'H100XM-1-10C: 2'
	carve-sim fault '*/current_vgpu_type' write 1+2 error=EIO >/dev/null
	! apply /run/policy.yaml >/dev/null 2>&1 || die "the driver refused it"
	carve-sim clear
	apply /run/policy.yaml
	vgpus_are '1-10C 1-10C - -'
	policy_of 'H100XM-1-10C: 1'
	apply /run/policy.yaml
	[[ $(instances | wc -w) == 1 ]] || die "GPU instances are $(instances)"
	policy_whole
	apply /run/policy.yaml
	vgpus_are 'gone gone gone gone'
	mig_is off
}

# Each kind of change, with each service killed after it, and the change done without the answer. The sweep does all.
test_vgpu_mig_each_step_killed_on_the_way_there() {
	local path effect
	prepare 'H100XM-1-10C: 2'
	for path in "sriov-manage/$gpu" '*/nvidia/current_vgpu_type' "nvml/$gpu/create"; do
		for effect in kill-after=carved kill-after=carve-executor error-after=EIO; do
			policy_of 'H100XM-1-10C: 2'
			carve-sim fault "$path" write 1 "$effect" >/dev/null
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			carve-sim clear
			apply /run/policy.yaml >/run/said 2>&1 || die "not after $path $effect: $(cat /run/said)"
			vgpus_are '1-10C 1-10C - -'
			[[ $(instances | wc -w) == 2 ]] || die "$path $effect: GPU instances are $(instances)"
			policy_whole
			apply /run/policy.yaml >/dev/null
			vgpus_are 'gone gone gone gone'
			mig_is off
		done
	done
}

test_vgpu_mig_each_step_killed_on_the_way_back() {
	local path effect
	prepare 'H100XM-1-10C: 2'
	for path in '*/nvidia/current_vgpu_type' "nvml/$gpu/destroy" "sriov-manage/$gpu"; do
		for effect in kill-after=carved kill-after=carve-executor error-after=EIO; do
			policy_of 'H100XM-1-10C: 2'
			apply /run/policy.yaml >/dev/null
			policy_whole
			carve-sim fault "$path" write 1 "$effect" >/dev/null
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			carve-sim clear
			carve reclaim --retry >/dev/null 2>&1 || true
			apply /run/policy.yaml >/dev/null 2>&1 || true
			wait_until 20 vgpus_are 'gone gone gone gone' || die "$path $effect: $(carve list slices)"
			wait_until 10 mig_is off || die "$path $effect: MIG stays on"
		done
	done
}

test_vgpu_mig_waits_for_claims_of_time_sliced_ones() {
	prepare 'H100XM-10C: 1'
	apply /run/policy.yaml
	claim vm web01 >/dev/null
	policy_of 'H100XM-1-10C: 1'
	says 'claim web01 has a H100XM-10C' apply /run/policy.yaml
	vgpus_are '10C - - -'
	carve release web01 --wait --deadline 20 >/dev/null
	apply /run/policy.yaml
	vgpus_are '- 1-10C - -'
	claim vm web02 >/dev/null
	policy_of 'H100XM-10C: 1'
	says 'the GPU has GPU instances' apply /run/policy.yaml
	vgpus_are '- 1-10C - -'
}
