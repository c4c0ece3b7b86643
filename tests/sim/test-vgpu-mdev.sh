# shellcheck shell=bash disable=SC2154 # $here is of run
# SPDX-License-Identifier: GPL-2.0-or-later
# The same with drivers that make mediated devices: one on each VF. Run by tests/sim/run, in a world of its own.
# hosts: a16-mdev

gpu=0000:33:00.0
other=0000:34:00.0
vf=0000:33:00.4

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
	local i dir name text=
	for ((i = 0; i < 4; i++)); do
		dir=/sys/bus/pci/devices/$gpu/virtfn$i
		name=-
		[[ -e $dir ]] || name=gone
		for type in "$dir"/????????-*/mdev_type; do
			[[ ! -e $type ]] || name=$(sed 's/.*-//' "$type/name")
		done
		text+="$name "
	done
	echo "$text"
}

vgpus_are() {
	[[ $(vgpus) == "$1 " ]] || die "vGPUs are $(vgpus)"
}

uuids() {
	printf '%s\n' /sys/bus/mdev/devices/* | sed 's,.*/,,' | sort
}

lists() { # WORD
	carve list slices | grep -q "$1"
}

test_vgpu_mdev_whole_life() {
	local uuid
	prepare 'A16-4Q: 2'
	says "set the VFs for vGPUs of $gpu" carve plan /run/policy.yaml
	apply /run/policy.yaml
	vgpus_are '4Q 4Q - -'
	[[ ! -e /sys/bus/pci/devices/$other/virtfn0 ]] || die "another GPU was changed"
	says 'ready' carve list slices
	[[ $(carve list slices | grep -c foreign) == 0 ]] || die "VFs that are no vGPU are listed"
	claim desk web01 >/dev/null
	uuid=$(carve handle web01 | sed -n "s/^CARVE_UUID='\(.*\)'/\1/p")
	[[ -e /sys/bus/pci/devices/$vf/$uuid ]] || die "it is $uuid"
	says "type='mdev' managed='no' model='vfio-pci'" carve handle web01 --format libvirt
	says "<address uuid='$uuid'/>" carve handle web01 --format libvirt
	says "sysfsdev=/sys/bus/mdev/devices/$uuid" carve handle web01 --format qemu
	says "CARVE_VM_UUID='required'" carve handle web01
	says "$uuid" carve list slices
	# Who has it open keeps it.
	hold qemu "$uuid"
	ends_with 4 carve release web01
	says releasing carve list claims
	let_go
	wait_until 20 claim_is_over web01
	wait_until 20 vgpus_are '4Q 4Q - -'
	claim desk web02 >/dev/null
}

# Who has the GPU itself open, as the vendor's daemons have, does not hold its vGPUs.
test_vgpu_mdev_daemons_do_not_hold_it() {
	prepare 'A16-4Q: 1'
	apply /run/policy.yaml
	claim desk web01 >/dev/null
	carve-sim hold-nodes nvidia-vgpu-mgr /dev/nvidia0 &
	holder=$!
	wait_until 5 grep -q nvidia-vgpu-mgr "/proc/$holder/comm"
	sleep 0.2
	carve release web01 --wait >/dev/null
	wait_until 20 vgpus_are '4Q - - -'
	let_go
}

test_vgpu_mdev_reboot_makes_the_same() {
	local before
	prepare 'A16-4Q: 2'
	apply /run/policy.yaml
	carve alloc desk --for manual:test --name web01 >/dev/null
	before=$(uuids)
	carve-sim reboot
	vgpus_are 'gone gone gone gone'
	services_start
	wait_until 30 vgpus_are '4Q 4Q - -'
	[[ $(uuids) == "$before" ]] || die "they are $(uuids), and were $before"
	says 'held' carve list claims
}

test_vgpu_mdev_other_type() {
	prepare 'A16-8Q: 2'
	apply /run/policy.yaml
	vgpus_are '8Q 8Q - -'
	policy_of 'A16-4Q: 2'
	apply /run/policy.yaml
	vgpus_are '- - 4Q 4Q'
}

test_vgpu_mdev_other_size_waits_for_a_claim() {
	prepare 'A16-8Q: 1'
	apply /run/policy.yaml
	claim desk web01 >/dev/null
	policy_of 'A16-4Q: 1'
	says 'A16-8Q' apply /run/policy.yaml
	carve release web01 >/dev/null
	apply /run/policy.yaml
	vgpus_are '- 4Q - -'
}

test_vgpu_mdev_on_demand() {
	services_start
	enroll "$gpu"
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: vgpu, on-demand: [A16-4Q, A16-8Q]}
		classes:
		  desk: {from: gpu, profiles: [A16-4Q]}
		  big: {from: gpu, profiles: [A16-8Q]}
	EOF
	apply /run/policy.yaml
	vgpus_are 'gone gone gone gone'
	for name in a b c d; do
		claim desk "$name" >/dev/null
	done
	vgpus_are '4Q 4Q 4Q 4Q'
	ends_with 3 claim desk e
	ends_with 3 claim big f
	for name in a b c d; do
		carve release "$name" --wait >/dev/null
	done
	claim big f >/dev/null
	[[ $(uuids | wc -l) == 1 ]] || die "there are $(uuids)"
}

test_vgpu_mdev_what_others_made_stays() {
	local type uuid=6a1f0c1e-0000-4000-8000-000000000001
	/usr/lib/nvidia/sriov-manage -e "$gpu" >/dev/null
	type=$(grep -l 'A16-4Q' "/sys/bus/pci/devices/$vf"/mdev_supported_types/*/name)
	echo "$uuid" >"${type%/name}/create"
	prepare 'A16-4Q: 1'
	wait_until 20 lists foreign
	apply /run/policy.yaml
	vgpus_are '4Q 4Q - -'
	[[ $(carve list slices | grep -c foreign) == 1 ]] || die "it is listed more than once"
	lists "vf0 .*$uuid .*A16-4Q .*foreign" || die "it is not listed as what it is"
	# With it, the VFs stay.
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: vgpu, on-demand: [A16-4Q]}
		classes:
		  desk: {from: gpu}
	EOF
	apply /run/policy.yaml
	vgpus_are '4Q - - -'
}

test_vgpu_mdev_what_others_make_meanwhile_stays() {
	local type uuid=6a1f0c1e-0000-4000-8000-000000000001
	prepare 'A16-4Q: 1'
	apply /run/policy.yaml
	type=$(grep -l 'A16-4Q' "/sys/bus/pci/devices/0000:33:00.5"/mdev_supported_types/*/name)
	echo "$uuid" >"${type%/name}/create"
	policy_of 'A16-4Q: 3'
	apply /run/policy.yaml
	vgpus_are '4Q 4Q 4Q 4Q'
	[[ -e /sys/bus/pci/devices/0000:33:00.5/$uuid ]] || die "it is gone"
	lists "vf1 .*$uuid .*foreign" || die "it is not listed as what it is"
}

test_vgpu_mdev_create_that_is_refused() {
	prepare 'A16-4Q: 1'
	carve-sim fault '*/create' write error=EIO >/dev/null
	says 'vgpu.refused' apply /run/policy.yaml
	apply /run/policy.yaml
	vgpus_are '4Q - - -'
}

# The policy for A16 boards, whichever interface their driver has.
test_vgpu_mdev_shipped_policy_holds() {
	services_start
	enroll 0000:33:00.0 0000:34:00.0 0000:35:00.0 0000:36:00.0
	cp "$here/../../policies/vgpu-a16.yaml" /run/policy.yaml
	apply /run/policy.yaml
	[[ $(uuids | wc -l) == 64 ]] || die "there are $(uuids | wc -l)"
}

# Each write, with each service killed before and after it.
test_vgpu_mdev_each_step_killed() {
	local path effect
	prepare 'A16-4Q: 2'
	for path in "sriov-manage/$gpu" '*/mdev_supported_types/*/create' '*/remove'; do
		for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor; do
			policy_of 'A16-4Q: 2'
			carve-sim fault "$path" write "$effect" >/dev/null
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			wait_until 60 vgpus_are '4Q 4Q - -'
			policy_is <<- EOF
				version: 1
				devices:
				  gpu: {match: {address: "$gpu"}, expect: 1}
				divide:
				  - {use: gpu, as: passthrough}
				classes:
				  desk: {from: gpu}
			EOF
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			wait_until 60 vgpus_are 'gone gone gone gone'
			[[ $(find /sys/bus/mdev/devices -type l | wc -l) == 0 ]] || die "mdevs are left"
			carve-sim clear
		done
	done
}
