# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One machine that serves guests and containers in every way that NVIDIA's GPUs can be handed out: a GPU instance, a vGPU
# that has one, a time-sliced vGPU, a GPU passed through, a share of an MPS server.
# hosts: tests/sim/hosts/nvidia-all.yaml

classes='instance apart turns whole share'

prepare() {
	local bus
	mps_servers
	services_start
	for bus in 21 22 23 a1 a2; do enroll "0000:$bus:00.0"; done
	policy_is <<-EOF
		version: 1
		devices:
		  a30:  {match: {id: "10de:20b7"}, expect: 1}
		  h100: {match: {id: "10de:2330"}, expect: 1}
		  l40s: {match: {id: "10de:26b9"}, expect: 1}
		  l4:   {match: {address: "0000:a1:00.0"}, expect: 1}
		  l4-2: {match: {address: "0000:a2:00.0"}, expect: 1}
		divide:
		  - {use: a30, as: mig, layout: {2g.12gb: 1, 1g.6gb: 2}}
		  - {use: h100, as: vgpu, layout: {H100XM-3-40C: 1, H100XM-1-10C: 2}}
		  - {use: l40s, as: vgpu, layout: {L40S-12Q: 4}}
		  - {use: l4, as: passthrough}
		  - {use: l4-2, as: mps, layout: {share: 4}}
		classes:
		  instance: {from: a30}
		  apart: {from: h100}
		  turns: {from: l40s}
		  whole: {from: l4}
		  share: {from: l4-2}
	EOF
}

# "CLASS SLICE STATE" of each claim, without what a GPU instance is called this time.
claims() {
	carve list claims --json | jq -r '.claims[] | "\(.class) \(.slice) \(.state)"' | sort
}

claims_are() {
	[[ $(claims) == "$1" ]]
}

test_nvidia_all_on_one_machine() {
	local class before
	prepare
	apply /run/policy.yaml
	for class in $classes; do carve alloc "$class" --for manual:test --name "my-$class" >/dev/null; done
	carve map >/run/map
	for class in $classes; do grep -q "my-$class" /run/map || die "the map does not show my-$class: $(cat /run/map)"; done
	carve handle my-instance | grep -q CARVE_NODES || die "no nodes of a GPU instance"
	says "managed='no'" carve handle my-apart --format libvirt
	says "managed='no'" carve handle my-turns --format libvirt
	says 'vfio-pci,host=0000:a1:00.0' carve handle my-whole --format qemu
	carve handle my-share | grep -q mps || die "the share has no server"
	before=$(claims)
	[[ $(grep -c held <<<"$before") == 5 ]] || die "claims are $before"
	carve-sim reboot
	mps_servers
	services_start
	apply /run/policy.yaml >/dev/null
	wait_until 60 claims_are "$before" || die "claims were $before and are $(claims)"
	for class in $classes; do carve release "my-$class" --wait --deadline 30 >/dev/null; done
	policy_is <<-EOF
		version: 1
		devices: {a30: {match: {id: "10de:20b7"}}}
		on-remove: destroy
	EOF
	apply /run/policy.yaml
	carve list slices | grep -vE ' possible ' | grep -qE '^(mig|vgpu|mps)/' && die "left: $(carve list slices)"
	[[ $(find /sys/bus/pci/devices/*/ -maxdepth 1 -name virtfn0 | wc -l) == 0 ]] || die "VFs are left"
}
