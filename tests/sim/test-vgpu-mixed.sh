# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vGPUs of several sizes on one GPU: the mode, where each begins, reboot, back to one size, and each step failed and
# killed. Run by tests/sim/run, in a world of its own.
# hosts: l40s-4

gpu=0000:41:00.0
vf=0000:41:00.4

policy_of() { # REST_OF_DIVIDE [MORE]
	local big=
	[[ $1 != *24Q* ]] || big='big: {from: gpu, profiles: [L40S-24Q]}'
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: vgpu, $1}
		classes:
		  $big
		  desk: {from: gpu, profiles: [L40S-12Q]}
		${2:-}
	EOF
}

mixed='sizes: mixed, layout: {L40S-24Q: 1, L40S-12Q: 2}'
equal='layout: {L40S-12Q: 2}'

prepare() { # REST_OF_DIVIDE [MORE]
	services_start
	enroll "$gpu"
	policy_of "$@"
}

# Type and place of the vGPUs, in the order of places: "12Q@48".
vgpus() {
	local dir id name
	for dir in "/sys/bus/pci/devices/$gpu"/virtfn*/nvidia; do
		id=$(cat "$dir/current_vgpu_type" 2>/dev/null || echo gone)
		case $id in
		0 | gone) continue ;;
		1154) name=12Q ;;
		1156) name=24Q ;;
		*) name=$id ;;
		esac
		echo "$name@$(cat "$dir/placement_id")"
	done | sort -t @ -k 2n | paste -sd ' ' -
}

vgpus_are() {
	[[ $(vgpus) == "$1" ]] || die "vGPUs are $(vgpus)"
}

# Each is told the place that it has: what the driver picks may be another one when guests start.
told() {
	local dir
	for dir in "/sys/bus/pci/devices/$gpu"/virtfn*/nvidia; do
		[[ $(cat "$dir/current_vgpu_type") == 0 ]] ||
			grep -q "vgpu-placement-id=$(cat "$dir/placement_id")\$" "$dir/vgpu_params" || return 1
	done
}

mixes() {
	carve-nvml --look="$gpu" | grep -q '"mixed": true'
}

test_mixed_whole_life() {
	prepare "$mixed"
	says "set vGPUs of several sizes on $gpu to 1" carve plan /run/policy.yaml
	apply /run/policy.yaml
	vgpus_are '12Q@0 12Q@24 24Q@48'
	told || die "not all are told where they begin"
	says 'vGPU sizes:       mixed' carve show "$gpu"
	claim big web01 >/dev/null
	claim desk web02 >/dev/null
	claim desk web03 >/dev/null
	hold qemu "$(address_of web01)"
	let_go
	hold qemu "$(address_of web03)"
	let_go
	carve release web02 --wait >/dev/null
	wait_until 20 vgpus_are '12Q@0 12Q@24 24Q@48'
	told || die "the one that was made again is not told where it begins"
}

test_mixed_reboot_makes_the_same() {
	prepare "$mixed"
	apply /run/policy.yaml
	claim big web01 >/dev/null
	before=$(address_of web01)
	carve-sim reboot
	vgpus_are ''
	services_start
	wait_until 30 vgpus_are '12Q@0 12Q@24 24Q@48'
	wait_until 10 told
	[[ $(address_of web01) == "$before" ]] || die "the claim is on $(address_of web01)"
	# The VFs, the mode, the types: in this order.
	carve-sim trace | grep -o 'sriov-manage/[^ ]*\|set-vgpu-mixed\|current_vgpu_type "1[^ ]*' | tail -5 |
		sed 's/ .*//' | paste -sd ' ' - >/tmp/order
	grep -qx "sriov-manage/$gpu set-vgpu-mixed current_vgpu_type current_vgpu_type current_vgpu_type" /tmp/order ||
		die "the order is $(cat /tmp/order)"
}

test_mixed_on_demand_fills_the_gaps() {
	prepare 'sizes: mixed, on-demand: [L40S-24Q, L40S-12Q]'
	apply /run/policy.yaml
	claim desk web01 >/dev/null
	claim big web02 >/dev/null
	claim desk web03 >/dev/null
	ends_with 3 carve alloc big --for manual:test --name web04
	[[ $(vgpus | tr ' ' '\n' | sed 's/.*@//' | sort -u | wc -l) == 3 ]] || die "vGPUs are $(vgpus)"
	told || die "not all are told where they begin"
	carve release web01 --wait >/dev/null
	claim desk web05 >/dev/null
	told || die "not all are told where they begin"
}

test_mixed_and_back_to_equal() {
	prepare "$equal"
	apply /run/policy.yaml
	mixes && die "sizes mix and nobody asked"
	policy_of "$mixed"
	apply /run/policy.yaml
	vgpus_are '12Q@0 12Q@24 24Q@48'
	told || die "not all are told where they begin"
	mixes || die "sizes do not mix"
	policy_of "$equal"
	apply /run/policy.yaml
	[[ $(vgpus | tr ' ' '\n' | grep -c 12Q) == 2 ]] || die "vGPUs are $(vgpus)"
	mixes && die "sizes still mix"
	! grep -q placement "/sys/bus/pci/devices/$gpu"/virtfn*/nvidia/vgpu_params || die "a place is left behind"
}

test_mixed_waits_for_a_claim() {
	prepare "$equal"
	apply /run/policy.yaml
	claim desk web01 >/dev/null
	policy_of "$mixed"
	says 'vgpu.mode.held' apply /run/policy.yaml
	says 'held by claim web01' apply /run/policy.yaml
	mixes && die "sizes mix below a claim"
	carve release web01 --wait >/dev/null
	apply /run/policy.yaml
	vgpus_are '12Q@0 12Q@24 24Q@48'
}

test_mixed_stays_beside_what_others_made() {
	/usr/lib/nvidia/sriov-manage -e "$gpu" >/dev/null
	echo 1154 >"/sys/bus/pci/devices/$vf/nvidia/current_vgpu_type"
	prepare 'sizes: mixed, layout: {L40S-24Q: 1, L40S-12Q: 1}'
	says 'VF 0 is a L40S-12Q, made by somebody else' apply /run/policy.yaml
	vgpus_are '12Q@0'
	echo 0 >"/sys/bus/pci/devices/$vf/nvidia/current_vgpu_type"
	policy_of "$mixed"
	apply /run/policy.yaml
	vgpus_are '12Q@0 12Q@24 24Q@48'
}

test_mixed_that_the_library_refuses() {
	prepare "$mixed"
	carve-sim fault "nvml/$gpu/set-vgpu-mixed" write error=EBUSY >/dev/null
	says 'vgpu.mode.busy' apply /run/policy.yaml
	apply /run/policy.yaml
	vgpus_are '12Q@0 12Q@24 24Q@48'
}

test_mixed_that_the_driver_does_not_do() {
	carve-sim fault "nvml/$gpu/vgpu-mixed" read 1+ error=EOPNOTSUPP >/dev/null
	prepare "$mixed"
	says 'vgpu.mixed.unsupported' apply /run/policy.yaml
	vgpus_are ''
	policy_of "$equal"
	apply /run/policy.yaml
}

# Without places, the driver has them where it wants.
test_mixed_without_places_counts_memory() {
	carve-sim fault "nvml/$gpu/vgpu-placements" read 1+ error=EOPNOTSUPP >/dev/null
	prepare "$mixed"
	apply /run/policy.yaml
	vgpus_are '24Q@0 12Q@48 12Q@72'
	! grep -q placement "/sys/bus/pci/devices/$gpu"/virtfn*/nvidia/vgpu_params || die "a place was made up"
}

test_mixed_place_that_is_not_taken() {
	prepare "$mixed"
	carve-sim fault '*/vgpu_params' write error=EIO >/dev/null
	says 'vgpu.placement' apply /run/policy.yaml
	apply /run/policy.yaml
	wait_until 20 told
	vgpus_are '12Q@0 12Q@24 24Q@48'
}

# A place that the driver cannot give shows when a guest starts.
test_mixed_place_of_others_is_not_given_again() {
	/usr/lib/nvidia/sriov-manage -e "$gpu" >/dev/null
	prepare 'sizes: mixed, on-demand: [L40S-24Q, L40S-12Q]'
	apply /run/policy.yaml
	claim desk web01 >/dev/null
	other=$(readlink -f "/sys/bus/pci/devices/$gpu/virtfn9")
	echo 1154 >"$other/nvidia/current_vgpu_type"
	echo vgpu-placement-id=72 >"$other/nvidia/vgpu_params"
	claim desk web02 >/dev/null
	says foreign carve list slices
	claim desk web03 >/dev/null
	ends_with 3 carve alloc desk --for manual:test --name web04
	told || die "not all are told where they begin"
	hold qemu "${other##*/}"
	let_go
	hold qemu "$(address_of web03)"
	let_go
}

each_killed() { # PATH
	local effect
	prepare "$mixed"
	for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor; do
		policy_of "$mixed"
		carve-sim fault "$1" write "$effect" >/dev/null
		apply /run/policy.yaml >/dev/null 2>&1 || true
		services_answer
		wait_until 60 vgpus_are '12Q@0 12Q@24 24Q@48'
		wait_until 60 told
		carve-sim clear
		policy_is <<- EOF
			version: 1
			devices:
			  gpu: {match: {address: "$gpu"}, expect: 1}
			divide:
			  - {use: gpu, as: passthrough}
			classes:
			  desk: {from: gpu}
		EOF
		apply /run/policy.yaml >/dev/null
		wait_until 60 vgpus_are ''
	done
}

test_mixed_vfs_killed() {
	each_killed "sriov-manage/$gpu"
}

test_mixed_mode_killed() {
	each_killed "nvml/$gpu/set-vgpu-mixed"
}

test_mixed_type_killed() {
	each_killed '*/nvidia/current_vgpu_type'
}

test_mixed_place_killed() {
	each_killed '*/nvidia/vgpu_params'
}
