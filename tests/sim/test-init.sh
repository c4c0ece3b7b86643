# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What carve init writes holds on the host that it was written for. Run by tests/sim/run, each function on each
# of these hosts (all there are) in a world of its own.
# hosts: a100-8 a16 arc-pro dgx-h100 dsa-iaa intel-flex l40s-4 lab mi300x-8 monster nic-nvme proxmox workstation

# One of each kind is also claimed: nic-1, gpu-1 and so on.
test_first_policy_holds_on_its_host() {
	local class
	services_start
	carve init --write
	carve apply /etc/carve/policy.yaml --wait --deadline 60
	says 'nothing to do' carve plan
	for class in $(carve list classes --json | sed -n 's/.*"name": "\([a-z]*-1\)".*/\1/p'); do
		claim "$class" "one-$class"
	done
}
