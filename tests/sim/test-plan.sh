# shellcheck shell=bash disable=SC2154 # $sim_jobs and $holder are of lib.sh
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
		  - {use: uart, as: mdev, layout: {mtty-2: 2}}
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

# Each device with what it was and becomes, and what its steps take with them.
test_plan_is_told_device_by_device() {
	prepare
	says "$nic  Intel Corporation 82576 Gigabit Network Connection" carve plan /run/policy.yaml
	says "(/run/policy.yaml:8)" carve plan /run/policy.yaml
	says 'VFs: 0 -> 2' carve plan /run/policy.yaml
	says 'mtty-2: 0 -> 2' carve plan /run/policy.yaml
	apply /run/policy.yaml
	policy_of 4
	sed -i 's/count: 4/count: 4, in-use-pf: allow/' /run/policy.yaml
	says 'VFs: 2 -> 4' carve plan /run/policy.yaml
	says '! VF 1 (0000:01:10.2) vanishes' carve plan /run/policy.yaml
	says '! the link of eth0 goes down for a moment' carve plan /run/policy.yaml
	says '"vfs": 4' carve plan /run/policy.yaml --json
}

# Somebody who never asked carve has a VF open: its guard would refuse the step.
test_plan_tells_who_uses_what_vanishes() {
	local vf=0000:01:10.0
	prepare
	apply /run/policy.yaml
	echo vfio-pci >"/sys/bus/pci/devices/$vf/driver_override"
	echo "$vf" >/sys/bus/pci/drivers_probe
	hold qemu "$vf"
	policy_of 4
	says "pid $holder (qemu)" carve plan /run/policy.yaml
	says "of $vf: refused while it does" carve plan /run/policy.yaml
	let_go
}

test_only_one_device_by_any_of_its_names() {
	local key
	prepare
	key=$(carve show "$nic" | sed -n 's/^Key: *//p')
	carve apply /run/policy.yaml --only eth0 --deadline "$SIM_DEADLINE"
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 && $(pci_attribute "$other" sriov_numvfs) == 0 ]]
	says "the policy was applied to $key only" carve list
	says 'doctor.policy.part' carve doctor --json
	says "only $key" carve policy history
	policy_of 3
	says 'VFs: 2 -> 3' carve plan /run/policy.yaml --only "$key"
	! carve plan /run/policy.yaml --only "$key" | grep "$other" || die "more than one device"
	carve apply /run/policy.yaml --only "$nic" --deadline "$SIM_DEADLINE"
	carve apply --only mtty --deadline "$SIM_DEADLINE"
	[[ $(pci_attribute "$nic" sriov_numvfs) == 3 && $(pci_attribute "$other" sriov_numvfs) == 0 ]]
	says 'device.unknown' carve apply --only eth77
	says 'apply.not-named' carve apply --only 0000:07:00.0
	apply /run/policy.yaml
	[[ $(pci_attribute "$other" sriov_numvfs) == 1 ]]
	! carve doctor --json | grep doctor.policy.part || die "it was applied whole"
}

# One device fails and is put back, the others go on; the exit status says so.
test_a_device_that_fails_is_put_back_and_others_go_on() {
	prepare
	apply /run/policy.yaml
	carve-sim fault "$nic/sriov_numvfs" write 2 error=EIO
	policy_of 4
	sed -i 's/count: 1/count: 3/' /run/policy.yaml
	ends_with 4 apply /run/policy.yaml
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 && $(pci_attribute "$other" sriov_numvfs) == 3 ]]
	carve-sim clear
	says 'VFs: 2 -> 4' carve plan /run/policy.yaml
	apply /run/policy.yaml
	[[ $(pci_attribute "$nic" sriov_numvfs) == 4 ]]
}

# What has to wait says for whom.
test_what_waits_says_for_whom() {
	prepare
	apply /run/policy.yaml
	claim random one
	hold qemu "$rng"
	sed -i '/use: rng/d; /random:/d' /run/policy.yaml
	carve release one || true
	says "held by pid $holder (qemu)" apply /run/policy.yaml
	says 'until nobody has it open' carve plan /run/policy.yaml
	let_go
	wait_until 10 claim_is_over one
	[[ $(driver_of "$rng") == virtio-pci ]]
}

# The policy where carved notices changes of it.
prepare_file() {
	prepare
	mkdir -p /etc/carve
	cp /run/policy.yaml /etc/carve/policy.yaml
	[[ -z ${1:-} ]] || echo "on-change: $1" >>/etc/carve/policy.yaml
	apply /etc/carve/policy.yaml
}

doctor_says() {
	says "$1" carve doctor --json
}

last_event() { # WORDS
	carve events | grep "$1"
}

test_file_that_changes_is_told() {
	prepare_file
	! carve doctor | grep 'policy.yaml' || die "it is the same"
	# As an editor does: another file in its place.
	sed 's/count: 2/count: 4/' /etc/carve/policy.yaml >/etc/carve/.new
	mv /etc/carve/.new /etc/carve/policy.yaml
	wait_until 10 doctor_says 'it is another policy than the applied one, and valid'
	last_event policy.changed
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 ]]
	# In place, and wrong.
	sed -i 's/count: 4/cuont: 4/' /etc/carve/policy.yaml
	wait_until 10 doctor_says 'it is no valid policy; the one applied before holds'
	last_event policy.invalid
	rm /etc/carve/policy.yaml
	wait_until 10 doctor_says 'it is gone'
	cp /run/policy.yaml /etc/carve/policy.yaml
	wait_until 10 bash -c "! carve doctor | grep -q 'policy.yaml'"
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 && $(applied_version) == 1 ]]
}

test_file_that_changes_is_applied_when_the_policy_says_so() {
	prepare_file apply
	sed -i 's/count: 2/count: 4/' /etc/carve/policy.yaml
	wait_until 10 grep -qx 4 "/sys/bus/pci/devices/$nic/sriov_numvfs"
	wait_until 10 bash -c 'carve policy history | grep -E "^ *2 .* carved "'
	! carve doctor | grep 'policy.yaml' || die "it is the same again"
	# What is wrong is not applied, and does not switch it off.
	sed -i 's/count: 4/count: many/' /etc/carve/policy.yaml
	wait_until 10 doctor_says 'it is no valid policy'
	[[ $(pci_attribute "$nic" sriov_numvfs) == 4 && $(applied_version) == 2 ]]
	# It is not the new text that says whether.
	sed -i 's/count: many/count: 3/; s/on-change: apply/on-change: report/' /etc/carve/policy.yaml
	wait_until 10 grep -qx 3 "/sys/bus/pci/devices/$nic/sriov_numvfs"
	sed -i 's/count: 3/count: 1/; s/on-change: report/on-change: apply/' /etc/carve/policy.yaml
	wait_until 10 doctor_says 'it is another policy than the applied one'
	[[ $(pci_attribute "$nic" sriov_numvfs) == 3 ]]
}

# It differs on purpose then, until somebody edits it.
test_file_that_differed_before_is_not_applied() {
	prepare_file apply
	sed -i 's/count: 2/count: 4/' /etc/carve/policy.yaml
	wait_until 10 grep -qx 4 "/sys/bus/pci/devices/$nic/sriov_numvfs"
	wait_until 10 bash -c 'carve policy history | grep -E "^ *2 .* carved "'
	carve rollback --deadline "$SIM_DEADLINE"
	kill -KILL "$(pgrep -P "${sim_jobs[1]}" -x carved)"
	services_answer
	doctor_says 'it is another policy than the applied one'
	sleep 1
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 ]]
}

test_file_elsewhere_is_not_looked_at() {
	prepare
	apply /run/policy.yaml
	doctor_says 'it is not below /etc/carve: changes of it are not noticed'
}

# The only slice of a class belongs to a guest that is off: nobody gets it, also not after a reboot.
test_f40_reservation_keeps_its_slice_while_the_guest_is_off() {
	local slice
	services_start
	enroll "$nic"
	policy_is <<- EOF
		version: 1
		devices:
		  nic: {match: {address: "$nic"}, expect: 1}
		divide:
		  - {use: nic, as: sriov, count: 1}
		classes:
		  lan: {from: nic}
		reservations:
		  - {name: web01, class: lan, for: "libvirt:web01"}
	EOF
	apply /run/policy.yaml
	slice=$(carve show web01 --json | sed -n 's/.*"slice": "\([^"]*\)".*/\1/p')
	[[ -n $slice ]] || die "web01 has no slice"
	says 'claim.none-free' carve alloc lan --for manual:other
	carve-sim reboot renumber
	services_start
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	[[ $(carve show web01 --json) == *"\"slice\": \"$slice\""* ]] || die "web01 has another slice"
	says 'claim.none-free' carve alloc lan --for manual:other
}
