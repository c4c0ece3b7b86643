# shellcheck shell=bash disable=SC2154 # $holder is of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What others made becomes slices of carve, and the other way. Run by tests/sim/run, each function in a world of
# its own.
# hosts: lab

nic=0000:01:00.0
uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
mtty=/sys/devices/virtual/mtty/mtty

prepare() { # DRIFT
	services_start
	enroll "$nic" mtty
	policy_is <<- EOF
		version: 1
		devices:
		  nic: {match: {address: "$nic"}, expect: 1}
		  uart: {match: {mdev-parent: mtty}, expect: 1}
		divide:
		  - {use: nic, as: sriov, count: 2}
		  - {use: uart, as: mdev, on-demand: [mtty-2]}
		classes:
		  lan: {from: nic}
		  port: {from: uart}
		drift: $1
	EOF
	apply /run/policy.yaml >/dev/null
}

others_make() { # TYPE
	echo "$uuid" >"$mtty/mdev_supported_types/$1/create"
}

others_cut() { # COUNT
	echo 0 >"/sys/bus/pci/devices/$nic/sriov_numvfs"
	echo "$1" >"/sys/bus/pci/devices/$nic/sriov_numvfs"
}

state_is() { # SLICE STATE
	carve list slices --json | objects | grep -F "/$1" | grep -q "\"state\": \"$2\""
}

mdev_is() { # STATE
	carve show "$uuid" --json | grep -q "\"state\": \"$1\""
}

test_drift_adopt_takes_over_what_nobody_uses() {
	local before
	prepare adopt
	others_make mtty-2
	wait_until 10 mdev_is ready
	says '"adopted": true' carve list slices --json
	others_cut 3
	wait_until 10 state_is vf2 ready
	before=$(writes)
	says 'sriov/' carve list slices
	(($(writes) == before))
	(($(pci_attribute "$nic" sriov_numvfs) == 3))
	claim port tty >/dev/null
	[[ $(address_of tty) == "$uuid" ]]
	# The policy's word again.
	apply /run/policy.yaml >/dev/null
	(($(pci_attribute "$nic" sriov_numvfs) == 2))
	mdev_is held
}


test_drift_adopt_leaves_what_a_guest_has() {
	prepare report
	others_make mtty-2
	wait_until 10 mdev_is foreign
	hold guest "$uuid"
	sed -i 's/drift: report/drift: adopt/' /run/policy.yaml
	apply /run/policy.yaml >/dev/null
	# One more that nobody has shows that it was looked at.
	echo "${uuid%1}2" >"$mtty/mdev_supported_types/mtty-2/create"
	wait_until 10 state_is UUID ready
	mdev_is foreign
	let_go
}

test_adopt_by_hand_names_who_uses_it_and_makes_it_a_claim() {
	prepare report
	others_make mtty-2
	wait_until 10 mdev_is foreign
	hold guest "$uuid"
	says "(guest" carve adopt "$uuid"
	says 'adopt.held' carve adopt "$uuid" --json
	ends_with 0 carve adopt "$uuid" --claim web --for libvirt:web
	mdev_is held
	says "$uuid" carve handle web
	says 'held by pid' carve release web
	let_go
	wait_until 40 claim_is_over web
	wait_until 10 mdev_is ready
	ends_with 0 carve disown "$uuid"
	wait_until 10 mdev_is foreign
	apply /run/policy.yaml >/dev/null
	mdev_is foreign
}

test_adopt_by_hand_shows_and_takes_vfs() {
	local before
	prepare report
	others_cut 4
	wait_until 10 state_is vf3 foreign
	before=$(writes)
	says 'would adopt 4 VFs' carve adopt "$nic" --plan
	state_is vf3 foreign
	says 'adopted 4 VFs' carve adopt "$nic"
	state_is vf3 ready
	(($(writes) == before))
	says 'adopt.none' carve adopt "$nic"
	says 'adopt.not-vfio' carve adopt "$(basename "$(readlink "/sys/bus/pci/devices/$nic/virtfn1")")" --claim web --for x
	says 'disown.wanted' carve disown "$nic"
}
