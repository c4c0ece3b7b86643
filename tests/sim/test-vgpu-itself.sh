# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vGPUs of GPUs from before Ampere: mediated devices of the GPU itself, as many as fit, no VFs. Run by tests/sim/run, in a
# world of its own.
# hosts: t4

gpu=0000:3b:00.0

policy_of() { # LAYOUT [OF-DESK [CLASS]]
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: vgpu, $1}
		classes:
		  desk: {from: gpu${2:-}}
		${3:-}
	EOF
}

prepare() { # AS policy_of
	services_start
	enroll "$gpu"
	policy_of "$@"
}

vgpus() {
	local type
	for type in "/sys/bus/pci/devices/$gpu"/????????-*/mdev_type; do
		[[ ! -e $type ]] || sed 's/.*-//' "$type/name"
	done | sort | tr '\n' ' '
}

vgpus_are() {
	[[ $(vgpus) == "$1" ]] || die "vGPUs are $(vgpus)"
}

uuids() {
	printf '%s\n' /sys/bus/mdev/devices/* | sed 's,.*/,,' | sort
}

make_one() { # NAME UUID
	local type
	type=$(grep -l "$1" "/sys/bus/pci/devices/$gpu"/mdev_supported_types/*/name)
	echo "$2" >"${type%/name}/create"
}

test_vgpu_itself_whole_life() {
	local before
	prepare 'layout: {T4-4Q: 2}'
	says 'T4-4Q: 0 -> 2' carve plan /run/policy.yaml
	apply /run/policy.yaml
	vgpus_are '4Q 4Q '
	[[ $(carve list slices | grep -c foreign) == 0 ]] || die "something is foreign"
	claim desk web01 >/dev/null
	says "type='mdev' managed='no' model='vfio-pci'" carve handle web01 --format libvirt
	says "CARVE_VM_UUID='required'" carve handle web01
	before=$(uuids)
	carve-sim reboot
	vgpus_are ''
	services_start
	wait_until 30 vgpus_are '4Q 4Q '
	[[ $(uuids) == "$before" ]] || die "they are $(uuids), and were $before"
	says 'held' carve list claims
	carve release web01 --wait >/dev/null
	claim desk web02 >/dev/null
	carve release web02 --wait >/dev/null
	policy_of 'layout: {T4-8Q: 1}'
	apply /run/policy.yaml
	vgpus_are '8Q '
	! carve-sim trace | grep -q sriov-manage || die "VFs were asked for"
}

test_vgpu_itself_on_demand() {
	prepare 'on-demand: [T4-4Q, T4-8Q]' ', profiles: [T4-4Q]' '  big: {from: gpu, profiles: [T4-8Q]}'
	apply /run/policy.yaml
	vgpus_are ''
	for name in a b; do
		claim big "$name" >/dev/null
	done
	vgpus_are '8Q 8Q '
	ends_with 3 claim desk c
	carve release a --wait >/dev/null
	carve release b --wait >/dev/null
	claim desk c >/dev/null
	vgpus_are '4Q '
}

test_vgpu_itself_what_others_made_stays() {
	make_one T4-4Q 6a1f0c1e-0000-4000-8000-000000000001
	prepare 'layout: {T4-4Q: 1}'
	apply /run/policy.yaml
	vgpus_are '4Q 4Q '
	[[ $(carve list slices | grep -c foreign) == 1 ]] || die "it is listed more than once"
	policy_of 'layout: {T4-8Q: 1}'
	says 'layout.conflict' apply /run/policy.yaml
}

test_vgpu_itself_each_step_killed() {
	local path effect
	prepare 'layout: {T4-4Q: 2}'
	for path in '*/mdev_supported_types/*/create' '*/remove'; do
		for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor; do
			policy_of 'layout: {T4-4Q: 2}'
			carve-sim fault "$path" write "$effect" >/dev/null
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			wait_until 60 vgpus_are '4Q 4Q '
			policy_of 'on-demand: [T4-4Q]'
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			wait_until 60 vgpus_are ''
			carve-sim clear
		done
	done
}
