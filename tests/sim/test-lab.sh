# shellcheck shell=bash disable=SC2154 # $holder is of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Failures of the field and their like, on the simulated lab. Run by tests/sim/run, each function in a world
# of its own.
# hosts: lab

nic=0000:01:00.0
rng=0000:06:00.0

prepare() {
	services_start
	enroll "$nic" "$rng" mtty
	policy_is <<- EOF
		version: 1
		devices:
		  nic: {match: {address: "$nic"}, expect: 1}
		  rng: {match: {address: "$rng"}, expect: 1}
		  uart: {match: {mdev-parent: mtty}, expect: 1}
		divide:
		  - {use: nic, as: sriov, count: 2}
		  - {use: rng, as: passthrough}
		  - {use: uart, as: mdev, on-demand: [mtty-2]}
		classes:
		  lan: {from: nic, may-set: {mac: true}}
		  random: {from: rng}
		  port: {from: uart}
	EOF
}

prepare_applied() {
	prepare
	apply /run/policy.yaml
}

test_f08_count_is_not_changed_under_a_vf_in_use() {
	local before
	prepare_applied
	claim lan one
	hold qemu "$(address_of one)"
	before=$(writes)
	sed 's/count: 2/count: 4/' /run/policy.yaml >/run/more.yaml
	says 'sriov.layout.held' apply /run/more.yaml
	[[ $(writes) == "$before" ]] || die "something was written to"
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 ]]
}

test_f08_function_in_use_is_not_taken_from_its_guest() {
	prepare_applied
	claim random one
	hold qemu "$rng"
	ends_with 6 carve release one --wait --deadline 1
	[[ $(driver_of "$rng") == vfio-pci ]]
	let_go
	wait_until 10 claim_is_over one
	[[ $(driver_of "$rng") == virtio-pci ]]
}

# For hooks: who has it open is told at once, and nobody has to wait.
test_release_of_what_is_in_use_says_so_and_ends() {
	prepare_applied
	claim random one
	hold qemu "$rng"
	ends_with 4 timeout 10 carve release one
	says "one is releasing: held by pid $holder (qemu)" timeout 10 carve release one
	says 'carve release one --wait' timeout 10 carve release one
	says '"released": false' timeout 10 carve release one --json
	[[ $(driver_of "$rng") == vfio-pci ]]
	let_go
	wait_until 10 claim_is_over one
	[[ $(driver_of "$rng") == virtio-pci ]]
	claim random two
	carve release two
	claim_is_over two
}

# A write on the card does not come back: nobody can even look at its VFs. Not to be waited for either, and as
# soon as the kernel lets go it goes on by itself.
test_release_on_a_card_that_is_stuck_says_so_and_ends() {
	prepare_applied
	claim lan one
	carve-sim fault "bus/pci/drivers_probe" write 1 hang
	says 'executor.timeout' claim lan two
	ends_with 4 timeout 10 carve release one
	says 'one is releasing: timeout: ' timeout 10 carve release one
	carve-sim clear
	wait_until 20 claim_is_over one
	claim lan three
}

test_f08_mdev_in_use_is_not_removed() {
	local uuid
	prepare_applied
	claim port one
	uuid=$(address_of one)
	hold qemu "$uuid"
	ends_with 6 carve release one --wait --deadline 1
	[[ -e /sys/bus/mdev/devices/$uuid ]]
	let_go
	wait_until 10 claim_is_over one
	[[ ! -e /sys/bus/mdev/devices/$uuid ]]
}

test_f09_holder_is_named_with_pid_and_program() {
	local vf
	prepare_applied
	claim lan one
	vf=$(address_of one)
	hold qemu-of-web "$vf"
	says "pid $holder (qemu-of-web)" carve holders "$nic"
	ends_with 6 carve release one --wait --deadline 1
	says "held by pid $holder (qemu-of-web)" carve show one
}

# Its quarantine says why, all others go on, nobody tries it over and over; when the kernel lets go, it is
# free again by itself.
test_f10_detach_that_hangs_is_quarantined_and_stops_nobody() {
	prepare_applied
	claim random one
	carve-sim fault bus/pci/drivers/vfio-pci/unbind write 1+ hang
	says 'gave up waiting' carve release one --wait --deadline 60
	says timeout carve quarantine list --json
	claim port two
	claim lan three
	sleep 3
	says 'hang, met 1 times' carve-sim faults
	[[ $(driver_of "$rng") == vfio-pci ]]
	carve-sim clear
	wait_until 20 claim random four
}

# What the guards would say is left out then.
test_plan_does_not_wait_for_an_executor_that_stands_still() {
	prepare
	pkill -STOP -x carve-executor
	timeout 20 carve plan /run/policy.yaml | grep -q 'set the VF count'
	pkill -CONT -x carve-executor
	apply /run/policy.yaml
}

test_function_that_does_not_bind_stops_no_claim() {
	prepare_applied
	carve-sim fault "0000:01:10.0/driver_override" write 1+ error=EIO
	says 'cannot bind VF 0' claim lan one
	[[ $(address_of one) == 0000:01:10.2 ]]
	carve list slices --json | grep -q '"reason": "its last claim failed: cannot bind VF 0'
	# There is no other: it is tried again, and the answer says what became of it.
	says 'the claim is not granted' claim lan two
	carve-sim clear
	claim lan two
	[[ $(address_of two) == 0000:01:10.0 ]]
}

test_f11_d3cold_is_pinned_while_owned_and_as_before_then() {
	prepare_applied
	[[ $(pci_attribute "$rng" d3cold_allowed) == 1 ]]
	claim random one
	[[ $(pci_attribute "$rng" d3cold_allowed) == 0 ]]
	carve release one --wait
	[[ $(pci_attribute "$rng" d3cold_allowed) == 1 ]]
}

# Who wrote it never said so: it is allowed again all the same.
test_f11_d3cold_is_as_before_when_the_executor_is_killed_meanwhile() {
	prepare_applied
	carve-sim fault "$rng/d3cold_allowed" write kill-after=carve-executor
	claim random one
	[[ $(pci_attribute "$rng" d3cold_allowed) == 0 ]]
	carve release one --wait
	[[ $(pci_attribute "$rng" d3cold_allowed) == 1 ]]
}

test_f11_d3cold_that_cannot_be_allowed_again_is_told() {
	prepare_applied
	claim random one
	carve-sim fault "$rng/d3cold_allowed" write 1+ error=EIO
	ends_with 4 carve release one --wait
	says d3cold_allowed carve quarantine list --json
	carve-sim clear
	carve reclaim --retry
	wait_until 10 claim random two
	carve release two --wait
	[[ $(pci_attribute "$rng" d3cold_allowed) == 1 ]]
}

# The function does not come back from its reset: it is given to nobody, and the host's driver does not
# get it either.
test_f12_config_space_all_ones_after_reset_is_quarantined() {
	prepare_applied
	claim random one
	carve-sim fault "$rng/reset" write dead
	says vfio.reset.dead ends_with 4 carve release one --wait
	says 'all ones' carve quarantine list --json
	ends_with 3 claim random two
	[[ $(driver_of "$rng") == vfio-pci ]]
	carve reclaim --retry
	sleep 0.5
	says 'cannot reset' carve quarantine list --json
	claim port three
}

# Whoever released it has nothing more to do with it: the claim is over, and the answer says so.
test_release_whose_reset_fails_says_that_it_is_quarantined() {
	prepare_applied
	claim random one
	carve-sim fault "$rng/reset" write error=EIO
	says 'vfio.reset.failed' ends_with 4 carve release one --json
	claim_is_over one
	carve reclaim --retry
	wait_until 10 claim random two
	carve-sim fault "$rng/reset" write error=EIO
	says 'the claim has ended; its slice is quarantined' carve release two
}

test_card_that_is_pulled_takes_nothing_else_along() {
	prepare_applied
	claim lan one
	claim port two
	carve-sim pull "$nic"
	wait_until 5 ends_with 1 carve holders "$nic"
	says '"held"' carve list claims --json
	claim random three
	carve-sim plug
	carve release one --wait
	wait_until 10 apply /run/policy.yaml
	claim lan four
}

test_card_that_is_pulled_in_the_middle_is_made_when_it_is_back() {
	prepare
	carve-sim fault "$nic/sriov_numvfs" write gone
	ends_with 4 apply /run/policy.yaml
	claim port one
	carve-sim plug
	wait_until 10 apply /run/policy.yaml
	claim lan two
}

# Who only listened would not see them.
test_lost_events_are_made_up_for() {
	prepare
	carve-sim fault '*' event 1+ lost
	apply /run/policy.yaml
	claim lan one
	claim port two
	carve release two --wait
	carve release one --wait
}

test_late_events_are_waited_for() {
	prepare
	carve-sim fault '*' event 1+ late=300
	apply /run/policy.yaml
	claim lan one
	claim port two
	carve release two --wait
	carve release one --wait
}

test_write_that_does_nothing_is_noticed() {
	prepare
	carve-sim fault "$nic/sriov_numvfs" write ignore
	says 'asked for 2, the driver reports 0' apply /run/policy.yaml
	apply /run/policy.yaml
}

test_override_that_stays_is_noticed() {
	prepare_applied
	claim random one
	carve-sim fault "$rng/driver_override" write 2 ignore
	carve release one --wait || carve reclaim --retry
	wait_until 10 claim random two
	carve release two --wait
	[[ $(pci_attribute "$rng" driver_override) == '(null)' ]]
}

test_count_that_reads_back_as_another_is_noticed() {
	prepare
	carve-sim fault "$nic/sriov_numvfs" read 2+1 answer=1
	says sriov. apply /run/policy.yaml
	carve-sim clear
	apply /run/policy.yaml
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 ]]
}

# The count goes through 0, where the failure leaves it; the answer is of what is there then.
test_layout_that_was_put_back_is_what_the_answer_tells() {
	prepare_applied
	sed 's/count: 2/count: 4/' /run/policy.yaml >/run/more.yaml
	carve-sim fault "$nic/sriov_numvfs" write 2 error=ENOMEM
	says 'its former layout is back: 2 VFs are there now' apply /run/more.yaml
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 ]]
}

test_half_a_success_is_finished_by_the_next_apply() {
	prepare
	carve-sim fault "$nic/sriov_numvfs" write error-after=EIO
	apply /run/policy.yaml || true
	apply /run/policy.yaml
	claim lan one
	claim lan two
}

# The card is pulled under a machine that runs on. The kernel took the driver's link away and waits: the function
# is not free before the machine has let go.
test_f42_pulled_card_is_not_free_while_it_is_held() {
	prepare_applied
	claim random one
	hold qemu "$rng"
	carve-sim pull "$rng"
	sleep 0.5
	[[ ! -e /sys/bus/pci/devices/$rng/driver ]]
	ends_with 6 carve release one --wait --deadline 1
	carve list claims --json | grep -q '"name": "one"' || die "the claim is gone, and its holder is not"
	let_go
	# What is in it is reset when it is back, before anybody else gets it.
	carve-sim plug
	wait_until 10 claim_is_over one
	[[ $(driver_of "$rng") == virtio-pci ]]
}

is_said_to_be_gone() { # CLAIM
	carve show "$1" | grep -q '^Reason: *its device is gone'
}

# Whether it was held or not, and released afterwards.
test_claim_whose_card_was_pulled_says_that_it_is_gone() {
	prepare_applied
	claim random one
	claim lan two
	hold qemu "$rng"
	carve-sim pull "$rng"
	let_go
	wait_until 10 is_said_to_be_gone one
	says 'its device is gone' timeout 10 carve release one
	carve-sim pull "$nic"
	wait_until 10 is_said_to_be_gone two
	carve-sim plug
	wait_until 10 claim_is_over one
}

# Another card in the machine: the same devices are at other addresses and in other groups.
test_f03_f23_devices_are_found_again_after_buses_were_renumbered() {
	prepare_applied
	carve alloc lan --for manual:test --name one --reserved --deadline "$SIM_DEADLINE"
	carve-sim reboot renumber
	services_start
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	[[ ! -e /sys/bus/pci/devices/$nic && $(pci_attribute 0000:02:00.0 sriov_numvfs) == 2 ]]
	[[ $(pci_attribute 0000:03:00.0 sriov_numvfs) == 0 ]]
	[[ $(address_of one) == 0000:02:10.0 && $(driver_of 0000:02:10.0) == vfio-pci ]]
}

# The driver makes fewer VFs than were asked for, and the write says that all is well.
test_f21_fewer_vfs_than_asked_for_are_noticed() {
	prepare
	carve-sim fault "$nic/sriov_numvfs" write 1 instead=1
	says 'asked for 2, the driver reports 1' apply /run/policy.yaml
	apply /run/policy.yaml
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 ]]
}

# Killed while its claim is on the way: who does not read the answer does not have it.
test_a_claim_that_nobody_was_told_of_is_released() {
	local client
	prepare_applied
	carve-sim fault '*' write 1 slow=500
	carve alloc lan --for manual:test --name one &
	client=$!
	wait_until 10 bash -c 'carve list claims | grep -q "^one .*preparing"'
	kill -STOP "$client"
	wait_until 10 bash -c 'carve list claims | grep -q "^one .*held"'
	kill -KILL "$client"
	wait_until 10 claim_is_over one
}
