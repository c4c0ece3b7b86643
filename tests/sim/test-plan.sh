# shellcheck shell=bash disable=SC2154 # $sim_jobs is of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Plans that people look at and apply as they are, on the simulated lab. Run by tests/sim/run, each function
# in a world of its own.
# hosts: lab

nic=0000:01:00.0
other=0000:03:00.0
rng=0000:06:00.0

# Two NICs, a function to be passed through and the parent of mdevs; so many VFs of the first NIC.
prepare() {
	services_start
	enroll "$nic" "$other" "$rng" mtty
	policy_of 2
}

policy_of() { # VFS
	policy_is <<- EOF
		version: 1
		devices:
		  nic: {match: {address: "$nic"}, expect: 1}
		  other: {match: {address: "$other"}, expect: 1}
		  rng: {match: {address: "$rng"}, expect: 1}
		  uart: {match: {mdev-parent: mtty}, expect: 1}
		divide:
		  - {use: nic, as: sriov, count: $1}
		  - {use: other, as: sriov, count: 1}
		  - {use: rng, as: passthrough}
		  - {use: uart, as: mdev, types: {mtty-2: 2}}
		classes:
		  lan: {from: nic}
		  random: {from: rng}
		  port: {from: uart}
		on-remove: destroy
	EOF
}

apply_plan() {
	carve apply --plan /run/plan.json --deadline "$SIM_DEADLINE"
}

stale() { # WORDS
	local before
	before=$(writes)
	ends_with 3 apply_plan
	says 'apply.changed' apply_plan
	says "$1" apply_plan
	[[ $(writes) == "$before" ]] || die "something was written to"
}

test_plan_that_was_saved_is_what_apply_does() {
	prepare
	carve plan /run/policy.yaml --save /run/plan.json
	[[ $(writes) == 0 ]]
	rm /run/policy.yaml
	apply_plan
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 ]]
	says 'nothing to do' carve plan
	claim port one
}

# Names of mdevs are made up anew when the service starts again; they are no difference.
test_plan_outlives_the_service() {
	prepare
	carve plan /run/policy.yaml --save /run/plan.json
	kill -KILL "$(pgrep -P "${sim_jobs[1]}" -x carved)"
	services_answer
	apply_plan
}

test_plan_is_stale_when_something_came_between() {
	prepare
	carve plan /run/policy.yaml --save /run/plan.json
	echo 3 >"/sys/bus/pci/devices/$nic/sriov_numvfs"
	wait_until 5 vfs_shown 3
	stale 'step 1 was: '
	echo 0 >"/sys/bus/pci/devices/$nic/sriov_numvfs"
	wait_until 5 vfs_shown 0
	apply_plan
	stale 'over version 0 of the policy, and version 1 is applied'
	policy_of 4
	carve plan /run/policy.yaml --save /run/plan.json
	claim lan one
	stale 'it is now: '
}

vfs_shown() { # NUMBER
	carve list --json | grep -A30 "\"address\": \"$nic\"" | grep -q "\"vfs\": $1,"
}

applied_version() {
	carve policy history --json | sed -n 's/.*"version": \([0-9]*\),.*/\1/p' | sed -n 2p
}

test_rollback_applies_what_was_applied_before() {
	prepare
	says 'none was ever applied' carve rollback
	apply /run/policy.yaml
	says 'there is no policy before the applied one' carve rollback
	policy_of 4
	apply /run/policy.yaml
	[[ $(pci_attribute "$nic" sriov_numvfs) == 4 ]]
	says 'to 2' carve rollback --plan
	[[ $(pci_attribute "$nic" sriov_numvfs) == 4 ]]
	carve rollback --deadline "$SIM_DEADLINE"
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 && $(applied_version) == 3 ]]
	says 'repeats 1' carve policy history
	says 'count: 2' carve policy show
	says 'count: 4' carve policy show 2
	# And back.
	carve rollback --deadline "$SIM_DEADLINE"
	[[ $(pci_attribute "$nic" sriov_numvfs) == 4 ]]
	says 'repeats 2' carve policy history
	carve rollback --to 1 --deadline "$SIM_DEADLINE"
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 ]]
	says 'policy.no-version' carve rollback --to 9
}

# What is held is not taken; the rest goes back.
test_rollback_leaves_what_is_held() {
	prepare
	apply /run/policy.yaml
	sed -i 's/count: 1/count: 3/' /run/policy.yaml
	sed 's/count: 2/count: 4/' /run/policy.yaml >/run/more.yaml
	apply /run/more.yaml
	claim lan one
	ends_with 4 carve rollback --deadline "$SIM_DEADLINE"
	[[ $(pci_attribute "$nic" sriov_numvfs) == 4 && $(pci_attribute "$other" sriov_numvfs) == 1 ]]
	says held carve list claims
}
