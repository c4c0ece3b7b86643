#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What scripts/quickstart shows, on a simulated DGX H100 with carve's services running: the main job from a
# fresh host to a virtual machine that has its GPU, and on over a reboot. Everything printed after a "$" line
# is the output of that command.
set -euo pipefail

show() {
	printf '\n$ %s\n' "$*"
	"$@"
}

tell() {
	printf '\n# %s\n' "$*"
}

tell "What this host has: 8 GPUs, 8 network cards, and disks and a display that nobody may touch."
show carve list
tell "Two GPUs and a network card are put under carve: nothing else is ever written to."
show carve enroll 0000:1b:00.0
show carve enroll 0000:43:00.0
show carve enroll enp24s0np0
cat > /etc/carve/policy.yaml <<- 'POLICY'
	version: 1
	unsafe: [nvswitch] # the fabric manager sets what the GPUs reach
	devices:
	  gpu: {match: {id: "10de:2330", numa: 0, path: ["pci:0000:15", "pci:0000:37"]}, expect: 2}
	  nic: {match: {netdev: enp24s0np0}, expect: 1}
	divide:
	  - {use: gpu, as: passthrough}
	  - {use: nic, as: sriov, count: 4}
	classes:
	  h100: {from: gpu}
	  lan: {from: nic, may-set: {mac: true, vlan: 100-199}}
	reservations:
	  - {name: db01, class: lan, for: "libvirt:db01", set: {mac: "52:54:00:aa:00:07", vlan: 120}}
POLICY
show cat /etc/carve/policy.yaml
tell "What would be done, and then the same, done."
show carve plan /etc/carve/policy.yaml
show carve apply /etc/carve/policy.yaml --wait
tell "A GPU and a network VF for a virtual machine."
show carve alloc h100 --for manual:demo --name train
show carve alloc lan --for manual:demo --name web --set mac=52:54:00:aa:00:01 --set vlan=110
show carve handle train --format libvirt
show ip link show dev enp24s0np0
tell "The machine runs: it has the GPU open. (carve-sim hold stands in for it.)"
carve-sim hold 0000:1b:00.0 > /dev/null &
until carve holders 0000:1b:00.0 2> /dev/null | grep -q qemu; do sleep 0.1; done
show carve holders 0000:1b:00.0
tell "It is not given back under the machine; and a change that would take VFs away is refused."
show carve release train --wait --deadline 1 || true
sed 's/count: 4/count: 8/' /etc/carve/policy.yaml > /tmp/carve-demo.yaml
show carve apply /tmp/carve-demo.yaml --wait || true
rm -f /tmp/carve-demo.yaml
tell "The machine is off: the GPU is reset, looked at, and given back to its driver."
kill %1
show carve release train --wait
show carve show 0000:1b:00.0
show carve list claims
tell "The power goes. VFs, bindings and settings go with it; what was reserved comes back."
show carve-sim reboot
until carve list > /dev/null 2>&1; do sleep 0.1; done
show carve apply --restore --wait
show carve list claims
show ip link show dev enp24s0np0
tell "This was simulated: carve-sim(1). Try your own policy: build/carve-sim check POLICY --host dgx-h100"
