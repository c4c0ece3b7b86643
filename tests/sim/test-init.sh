# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What carve init writes holds on the host that it was written for. Run by tests/sim/run, each function on each
# of these hosts (all there are) in a world of its own.
# hosts: a100-8 a16 arc-pro dgx-h100 dsa-iaa intel-flex l40s-4 lab mi300x-8 monster nic-nvme proxmox workstation

test_first_policy_holds_on_its_host() {
	services_start
	carve init --write
	carve apply /etc/carve/policy.yaml --wait --deadline 60
	says 'nothing to do' carve plan
}
