# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the host itself uses is never written to, though root has enrolled it and a policy wants it. Run by
# tests/sim/run, each function on each of these hosts in a world of its own.
# hosts: a100-8 dgx-h100 l40s-4 nic-nvme proxmox workstation

# The display that is looked at, interfaces that are up or in a bridge, disks that are mounted, swapped to,
# part of md or claimed, and who shares a group with such.
in_use() { # HOST
	case $1 in
	a100-8) echo 0000:e1:00.0 0000:e3:00.0 0000:e4:00.0 0000:e5:00.0 ;;
	dgx-h100) echo 0000:08:00.0 0000:09:00.0 0000:0a:00.0 0000:19:00.0 ;;
	l40s-4) echo 0000:02:00.0 0000:03:00.0 0000:28:00.0 ;;
	nic-nvme) echo 0000:02:00.0 0000:03:00.0 0000:04:00.0 0000:17:00.0 ;;
	proxmox) echo 0000:02:00.0 0000:03:00.0 0000:04:00.0 0000:05:00.0 0000:07:00.0 ;;
	workstation) echo 0000:01:00.0 0000:01:00.1 0000:02:00.0 0000:04:00.0 ;;
	esac
}

test_what_the_host_uses_is_never_written_to() {
	local device devices before
	devices=$(in_use "$(carve-sim status | sed -n 's/^host //p')")
	[[ -n $devices ]]
	services_start
	before=$(facts)
	for device in $devices; do
		enroll "$device"
		policy_is <<- EOF
			version: 1
			devices:
			  it: {match: {address: "$device"}, expect: 1}
			divide:
			  - {use: it, as: passthrough, bind: early}
			classes:
			  it: {from: it}
		EOF
		! apply /run/policy.yaml || die "$device was taken"
		! claim it one || die "$device was given away"
	done
	[[ $(writes) == 0 ]] || die "$(carve-sim trace | grep ' write ')"
	[[ $(facts) == "$before" ]]
}

# The policy holds, and nobody would know before the first claim of it.
test_what_the_host_uses_is_warned_of() {
	local device devices text
	devices=$(in_use "$(carve-sim status | sed -n 's/^host //p')")
	services_start
	for device in $devices; do
		enroll "$device"
		policy_is <<- EOF
			version: 1
			devices:
			  it: {match: {address: "$device"}, expect: 1}
			divide:
			  - {use: it, as: passthrough}
			classes:
			  it: {from: it}
		EOF
		text=$(carve plan /run/policy.yaml 2>&1)
		[[ $text == *"warning:"*"refused to bind $device"* && $text != *"as the policy says"* ]] || die "$text"
		says "$(plan_refusal)" apply /run/policy.yaml --json
		! claim it one || die "$device was given away"
	done
	[[ $(writes) == 0 ]]
}

# The id that the guard's refusal has in the plan.
plan_refusal() {
	carve plan /run/policy.yaml --json | grep -o 'guard\.[a-z-]*'
}
