#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What scripts/quickstart shows, in the lab's guest: the main job from a fresh host to a nested guest that
# uses its VF. Everything printed after a "$" line is the output of that command.
# shellcheck disable=SC1091 # of the guest
set -euo pipefail
. /opt/lab/lib.sh

show() {
	printf '\n$ %s\n' "$*"
	"$@"
}

tell() {
	printf '\n# %s\n' "$*"
}

reset
modprobe mtty
carve_fresh
tell "What this host has."
show carve list
tell "Is it fit to be divided?"
show carve doctor || true
tell "Three devices are put under carve: nothing else is ever written to."
show carve enroll 0000:01:00.0
show carve enroll 0000:02:00.0
show carve enroll mtty
cat > /etc/carve/policy.yaml <<- 'POLICY'
	version: 1
	devices:
	  nic: {match: {address: "0000:01:00.0"}, expect: 1}
	  disk: {match: {address: "0000:02:00.0"}, expect: 1}
	  serial: {match: {mdev-parent: mtty}}
	divide:
	  - {use: nic, as: sriov, count: 2, vf: {trust: false, spoof-check: true}}
	  - {use: disk, as: sriov, count: 2}
	  - {use: serial, as: mdev, on-demand: [mtty-1]}
	classes:
	  lan: {from: nic, may-set: {mac: true, vlan: 100-199}}
	  disk: {from: disk}
	  tty: {from: serial}
POLICY
show cat /etc/carve/policy.yaml
tell "What would be done, and then the same, done."
show carve plan /etc/carve/policy.yaml
show carve apply /etc/carve/policy.yaml --wait
show carve list slices
tell "A network VF and an NVMe VF for a guest."
show carve alloc lan --for manual:demo --name web --set mac=52:54:00:aa:00:01
show carve alloc disk --for manual:demo --name vol
show carve list claims
tell "A change that would take them away is refused."
sed 's/count: 2, vf/count: 4, vf/' /etc/carve/policy.yaml > /tmp/other.yaml
show carve apply /tmp/other.yaml --wait || true
tell "A virtual machine that is given both and boots from its disk; what follows is its own console."
make_bootable /dev/nvme0n1 "Hello from a virtual machine: this came over the NVMe VF that carve handed to me."
read -ra net < <(carve handle web --format qemu)
read -ra disk < <(carve handle vol --format qemu)
printf '\n$ qemu-system-x86_64 ... %s\n' "${net[*]} ${disk[*]}"
vm_boot 120 "${net[@]}" "${disk[@]}"
tell "The guest is off; its slices go back."
show carve release web --wait
show carve release vol --wait
show carve list slices
