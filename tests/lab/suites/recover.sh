# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Either service may die at any moment: nothing is lost, nothing is done twice.
# topology: main
# runs: guest
# limit: 400

igb=0000:01:00.0

suite_reset() {
	reset
	modprobe mtty
	carve_fresh
	carve enroll "$igb"
	carve enroll mtty
	policy_is /etc/carve/policy.yaml <<- EOF
		version: 1
		devices:
		  nic: {match: {address: "$igb"}}
		  serial: {match: {mdev-parent: mtty}}
		divide:
		  - {use: nic, as: sriov, count: 2}
		  - {use: serial, as: mdev, on-demand: [mtty-1]}
		classes:
		  lan: {from: nic, may-set: {mac: true}}
		  tty: {from: serial}
	EOF
	carve apply /etc/carve/policy.yaml --wait
}

kill_service() { # UNIT
	systemctl kill --signal=KILL "$1"
}

test_claims_survive_a_kill_of_carved() {
	carve alloc tty --for manual:suite --name k1
	carve alloc lan --for manual:suite --name k2
	kill_service carved.service
	wait_until 20 carve list
	json_is "held held" '[.claims[].state] | join(" ")' carve --json list claims
	json_is 0 '.steps | length' carve --json plan
}

test_claims_survive_a_kill_of_the_executor() {
	kill_service carve-executor.service
	carve alloc tty --for manual:suite --name k3 --wait
	json_is 3 '[.claims[] | select(.state == "held")] | length' carve --json list claims
}

test_kill_of_carved_in_the_middle_of_an_apply() {
	carve release k1 --wait
	carve release k2 --wait
	carve release k3 --wait
	sed 's/count: 2/count: 5/' /etc/carve/policy.yaml > /tmp/more.yaml
	carve apply /tmp/more.yaml --wait &
	sleep 0.3
	kill_service carved.service
	wait || true
	wait_until 60 sh -c "[ \$(find $pci/$igb/ -maxdepth 1 -name 'virtfn*' | wc -l) = 5 ]"
	wait_until 20 sh -c 'carve --json plan | jq -e ".steps | length == 0"'
}

test_kill_of_the_executor_in_the_middle_of_an_apply() {
	carve apply /etc/carve/policy.yaml --wait &
	sleep 0.3
	kill_service carve-executor.service
	wait || true
	wait_until 60 sh -c "[ \$(find $pci/$igb/ -maxdepth 1 -name 'virtfn*' | wc -l) = 2 ]"
	wait_until 20 sh -c 'carve --json plan | jq -e ".steps | length == 0"'
}

test_kills_while_claims_are_made_leave_no_mdev_behind() {
	local i
	for i in $(seq 6); do
		carve alloc tty --for manual:suite --name "r$i" > /dev/null 2>&1 &
	done
	kill_service carved.service
	wait || true
	wait_until 20 carve list
	for i in $(seq 6); do
		carve release "r$i" --wait
	done
	wait_until 20 sh -c '! ls /sys/bus/mdev/devices | grep -q -'
}

test_kill_of_the_executor_while_a_vf_is_taken_back() {
	local vf
	carve alloc lan --for manual:suite --name back
	vf=$(carve handle back --format json | jq -r .handle.address)
	carve release back &
	sleep 0.1
	kill_service carve-executor.service
	wait || true
	wait_until 30 sh -c 'carve --json list claims | jq -e ".claims | length == 0"'
	wait_until 10 test ! -e "$pci/$vf/driver"
	json_is ready "[.slices[] | select(.address == \"$vf\")][0].state" carve --json list slices
}

# The driver of slices is loaded by the executor, from inside its sandbox.
test_vfio_is_loaded_when_it_is_missing() {
	modprobe -r vfio_pci
	carve alloc lan --for manual:suite --name first
	same vfio-pci "$(driver_of "$(carve handle first --format json | jq -r .handle.address)")"
	carve release first --wait
}

test_a_state_disk_that_is_full_refuses_claims_and_recovers() {
	carve_down
	cp -a /var/lib/carve /tmp/carve-state
	mount -t tmpfs -o size=400k,mode=700 tmpfs /var/lib/carve
	cp -a /tmp/carve-state/. /var/lib/carve/
	chown carved:carved /var/lib/carve
	carve_up
	dd if=/dev/zero of=/var/lib/carve/ballast bs=4k 2> /dev/null || true
	refused "full" carve alloc tty --for manual:suite --name none
	carve list > /dev/null
	json_is 0 '.claims | length' carve --json list claims
	rm /var/lib/carve/ballast
	carve alloc tty --for manual:suite --name room
	carve release room --wait
	carve_down
	umount /var/lib/carve
	carve_up
}

test_a_process_that_ends_frees_its_claim() {
	sleep 100 &
	local pid=$!
	carve alloc tty --for "pid:$pid" --pid "$pid" --name tied
	kill "$pid"
	wait_until 20 sh -c 'carve --json list claims | jq -e ".claims | length == 0"'
}

# The card is pulled while a claim has a VF of it, and put back.
test_device_that_goes_and_comes_back() {
	carve alloc lan --for manual:suite --name gone
	put 1 "$pci/$igb/remove"
	wait_until 20 sh -c 'carve --json list claims | jq -e ".claims[0].state == \"broken\""'
	refused "free" carve alloc lan --for manual:suite --name none
	carve release gone --wait
	json_is 0 '.claims | length' carve --json list claims
	put 1 /sys/bus/pci/rescan
	wait_until 20 test -e "$pci/$igb/driver"
	carve apply /etc/carve/policy.yaml --wait
	same 2 "$(vfs_of "$igb")"
	carve alloc lan --for manual:suite --name back
	carve release back --wait
}

# More uevents than its socket holds while it looks away, and the one that counts among them.
test_a_storm_of_uevents_loses_nothing() {
	local i gone
	gone=$(basename "$(dirname "$(grep -lx 0x11e8 "$pci"/*/device)")")
	json_is "$gone" ".devices[] | select(.address == \"$gone\") | .address" carve --json list
	systemctl kill --signal=STOP carved.service
	for i in $(seq 3000); do
		put change "$pci/$igb/uevent"
	done
	put 1 "$pci/$gone/remove"
	for i in $(seq 3000); do
		put change "$pci/$igb/uevent"
	done
	systemctl kill --signal=CONT carved.service
	wait_until 30 sh -c "carve --json list | jq -e '[.devices[] | select(.address == \"$gone\")] | length == 0'"
	put 1 /sys/bus/pci/rescan
	wait_until 30 sh -c "carve --json list | jq -e '.devices[] | select(.address == \"$gone\")'"
	json_is 0 '.steps | length' carve --json plan
}
