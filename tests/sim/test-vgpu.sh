# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The whole life of a time-sliced vGPU: policy, plan, apply, claim, handle, release, reboot, another type, and each
# step failed and killed. Run by tests/sim/run, in a world of its own.
# hosts: l40s-4

gpu=0000:41:00.0
other=0000:27:00.0
vf=0000:41:00.4

policy_of() { # LAYOUT [MORE]
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: vgpu, layout: {$1}}
		classes:
		  desk: {from: gpu}
		${2:-}
	EOF
}

prepare() { # LAYOUT [MORE]
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
		1154) name=12Q ;;
		1156) name=24Q ;;
		*) name=$id ;;
		esac
		text+="$name "
	done
	echo "$text"
}

vgpus_are() {
	[[ $(vgpus) == "$1 " ]] || die "vGPUs are $(vgpus)"
}

lists() { # WORD
	carve list slices | grep -q "$1"
}

test_vgpu_whole_life() {
	prepare 'L40S-12Q: 2'
	says "set the VFs for vGPUs of $gpu" carve plan /run/policy.yaml
	apply /run/policy.yaml
	vgpus_are '12Q 12Q - -'
	[[ ! -e /sys/bus/pci/devices/$other/virtfn0 ]] || die "another GPU was changed"
	says 'ready' carve list slices
	[[ $(carve list slices | grep -c foreign) == 0 ]] || die "VFs that are no vGPU are listed"
	claim desk web01 >/dev/null
	[[ $(address_of web01) == "$vf" ]] || die "it is $(address_of web01)"
	[[ $(driver_of "$vf") == nvidia ]] || die "the VF lost its driver"
	says "managed='no'" carve handle web01 --format libvirt
	says "<address domain='0x0000' bus='0x41' slot='0x00' function='0x4'/>" carve handle web01 --format libvirt
	says '"vm_uuid": true' carve handle web01 --format json
	says "CARVE_VM_UUID='required'" carve handle web01
	# Who has it open keeps it.
	hold qemu "$vf"
	ends_with 4 carve release web01
	says releasing carve list claims
	let_go
	wait_until 20 claim_is_over web01
	wait_until 20 vgpus_are '12Q 12Q - -'
	claim desk web02 >/dev/null
}

test_vgpu_reboot_makes_the_same() {
	prepare 'L40S-12Q: 2'
	apply /run/policy.yaml
	carve alloc desk --for manual:test --name web01 >/dev/null
	carve-sim reboot
	vgpus_are 'gone gone gone gone'
	services_start
	wait_until 30 vgpus_are '12Q 12Q - -'
	says 'held' carve list claims
	[[ $(address_of web01) == "$vf" ]] || die "the claim is on $(address_of web01)"
}

test_vgpu_other_type_goes_through_none() {
	prepare 'L40S-24Q: 2'
	apply /run/policy.yaml
	vgpus_are '24Q 24Q - -'
	policy_of 'L40S-12Q: 2'
	apply /run/policy.yaml
	vgpus_are '- - 12Q 12Q'
	[[ $(carve-sim trace | grep -c 'current_vgpu_type "0" ok') == 2 ]] || die "none was in between"
}

test_vgpu_other_size_waits_for_a_claim() {
	prepare 'L40S-24Q: 1'
	apply /run/policy.yaml
	claim desk web01 >/dev/null
	policy_of 'L40S-12Q: 1'
	says 'L40S-24Q, L40S-24C' apply /run/policy.yaml
	carve release web01 >/dev/null
	apply /run/policy.yaml
	vgpus_are '- 12Q - -'
}

test_vgpu_gpu_in_use_names_who() {
	prepare 'L40S-12Q: 1'
	carve-sim hold-nodes nvidia-persiste /dev/nvidia1 &
	holder=$!
	wait_until 5 grep -q nvidia-persiste "/proc/$holder/comm"
	sleep 0.2
	says 'nvidia-persiste' apply /run/policy.yaml
	vgpus_are 'gone gone gone gone'
	let_go
	apply /run/policy.yaml
	vgpus_are '12Q - - -'
}

test_vgpu_lock_that_is_had_for_a_moment() {
	prepare 'L40S-12Q: 1'
	carve-sim fault "sriov-manage/$gpu" write 1+2 error=EBUSY >/dev/null
	apply /run/policy.yaml
	vgpus_are '12Q - - -'
}

test_vgpu_lock_that_cannot_be_had() {
	prepare 'L40S-12Q: 1'
	carve-sim fault "sriov-manage/$gpu" write 1+ error=EBUSY >/dev/null
	says 'Cannot obtain unbindLock' apply /run/policy.yaml
	carve-sim clear
	apply /run/policy.yaml
	vgpus_are '12Q - - -'
}

test_vgpu_type_that_is_not_taken() {
	prepare 'L40S-12Q: 1'
	carve-sim fault '*/current_vgpu_type' write error=EIO >/dev/null
	says 'Input/output error' apply /run/policy.yaml
	apply /run/policy.yaml
	vgpus_are '12Q - - -'
}

test_vgpu_driver_is_slow_to_let_go() {
	prepare 'L40S-12Q: 1'
	apply /run/policy.yaml
	claim desk web01 >/dev/null
	carve-sim fault '*/current_vgpu_type' write 1+2 error=EIO >/dev/null
	carve release web01 --wait --deadline 20 >/dev/null
	wait_until 20 vgpus_are '12Q - - -'
}

test_vgpu_what_others_made_stays() {
	/usr/lib/nvidia/sriov-manage -e "$gpu" >/dev/null
	echo 1154 >"/sys/bus/pci/devices/$vf/nvidia/current_vgpu_type"
	prepare 'L40S-12Q: 1'
	wait_until 20 lists foreign
	apply /run/policy.yaml
	vgpus_are '12Q 12Q - -'
	says 'foreign' carve list slices
}

# Nothing tells of it but a look.
test_vgpu_what_others_make_meanwhile_stays() {
	prepare 'L40S-12Q: 1'
	apply /run/policy.yaml
	echo 1154 >"/sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type"
	policy_of 'L40S-12Q: 2'
	apply /run/policy.yaml
	vgpus_are '12Q 12Q 12Q -'
	says 'vgpu/pci:0000:40/01.0/00.0/vf1' carve list slices
	carve list slices | grep '/vf1 ' | grep -q foreign
}

test_vgpu_drained_keeps_what_is_held_and_gives_no_more() {
	prepare 'L40S-12Q: 2'
	apply /run/policy.yaml
	claim desk web01
	ends_with 4 carve drain "$gpu" --reason 'a new driver'
	says 'vgpu of gpu, drained' carve map
	says "$gpu is drained: a new driver" claim desk web02
	carve release web01 --wait
	ends_with 0 carve drain "$gpu"
	vgpus_are '12Q 12Q - -'
	ends_with 0 carve drain "$gpu" --undo
	claim desk web02
}

# Each write, with each service killed before and after it, and the power gone.
test_vgpu_each_step_killed() {
	local path effect
	prepare 'L40S-12Q: 2'
	for path in "sriov-manage/$gpu" '*/virtfn*/nvidia/current_vgpu_type' '*/nvidia/current_vgpu_type'; do
		for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor; do
			drawn || continue
			policy_of 'L40S-12Q: 2'
			carve-sim fault "$path" write "$effect" >/dev/null
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			wait_until 60 vgpus_are '12Q 12Q - -'
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
			wait_until 60 vgpus_are 'gone gone gone gone'
		done
	done
}
