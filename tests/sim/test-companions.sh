# shellcheck shell=bash disable=SC2154 # $sim_jobs are of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: tests/sim/hosts/companions.yaml
#
# Functions that share the slot and the IOMMU group of one that is passed through.

one=0000:01:00
two=0000:02:00

prepare() { # SLOT [OPTION]
	local f
	services_start
	for f in "$1".{0,1,2}; do
		enroll "$f"
	done
	policy_of "$@"
}

policy_of() { # SLOT [OPTIONS]
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {id: "10de:1e07", address: ["$1.0", "${3-$1}.0"]}}}
		divide: [{use: gpu, as: passthrough, companions: bind${2-}}]
		classes: {gpu: {from: gpu}}
		on-remove: destroy
	EOF
}

policy_is_empty() {
	printf 'version: 1\non-remove: destroy\n' >/run/policy.yaml
}

drivers_are() { # SLOT DRIVERS
	local is
	is="$(driver_of "$1.0") $(driver_of "$1.1") $(driver_of "$1.2")"
	[[ $is == "$2" ]] || die "$1 has $is, not $2"
}

own='nvidia snd_hda_intel xhci_hcd'
guests='vfio-pci vfio-pci vfio-pci'

overrides() {
	cat /sys/bus/pci/devices/*/driver_override | grep -v '(null)' || true
}

test_companions_are_left_alone_unless_a_policy_says_so() {
	prepare $one
	sed -i 's/, companions: bind//' /run/policy.yaml
	says 'companions: bind' carve apply /run/policy.yaml --wait
	says "$one.1 is in the same IOMMU group and bound to snd_hda_intel on the host" claim gpu vm
	says 'companions: bind' claim gpu vm
	drivers_are $one "$own"
	[[ $(writes) == 0 ]]
}

test_companions_come_and_go_with_the_claim() {
	prepare $one
	apply /run/policy.yaml
	drivers_are $one "$own"
	claim gpu vm
	drivers_are $one "$guests"
	says '3 slices' carve list claims
	[[ $(carve handle vm | grep -c "_ADDRESS='$one\.[012]'") == 3 ]]
	[[ $(carve handle vm --format libvirt | grep -c '<hostdev ') == 3 ]]
	[[ $(carve handle vm --format qemu | grep -c '^-device vfio-pci,host=') == 3 ]]
	says "host=$one.0,bus=carve-01-00,addr=00.0,multifunction=on" carve handle vm --format qemu
	says "host=$one.1,bus=carve-01-00,addr=00.1" carve handle vm --format qemu
	says "$one.0" carve show "$one.1"
	says "Goes with:        $one.0" carve policy explain "$one.1"
	carve release vm --wait
	drivers_are $one "$own"
	[[ -z $(overrides) ]]
	strangers <(printf '%s\n' $one.0 $one.1 $one.2) >/run/strangers
	[[ ! -s /run/strangers ]] || die "$(cat /run/strangers)"
}

test_companions_are_counted_with_what_they_go_with() {
	prepare $one
	sed -i '/^classes/a tenants: {lab: {from: ["uid:0"], quota: {gpu: 1}, slices: 1}}' /run/policy.yaml
	enroll $two.0 $two.1 $two.2
	sed -i 's/\["0000:01:00.0", "0000:01:00.0"\]/["0000:01:00.0", "0000:02:00.0"]/' /run/policy.yaml
	apply /run/policy.yaml
	carve alloc gpu --for manual:test --name vm --tenant lab
	says 'gpu    gpu   -            1      2' carve list classes
	says '1/1 slices' carve list tenants
	says 'its quota of class gpu is 1; 1 used, 0 left' carve alloc gpu --for manual:test --tenant lab
}

test_companions_that_are_not_enrolled_are_named() {
	services_start
	enroll "$one.0"
	policy_of $one
	says policy.not-enrolled carve plan /run/policy.yaml --json
	says "as root: carve enroll $one.1" carve plan /run/policy.yaml
}

test_companions_in_use_are_named_and_another_card_is_taken() {
	prepare $two
	apply /run/policy.yaml
	says "$two.1: /dev/snd/controlC1 is open in pid" claim gpu vm
	wait_until 5 drivers_are $two "$own"
	settled
	enroll $one.0 $one.1 $one.2
	policy_of $two '' $one
	apply /run/policy.yaml
	claim gpu vm
	drivers_are $one "$guests"
	drivers_are $two "$own"
}

test_companions_bound_early_leave_with_the_policy() {
	prepare $one ', bind: early'
	says "bind $one.2 to vfio" carve plan /run/policy.yaml
	apply /run/policy.yaml
	drivers_are $one "$guests"
	claim gpu vm
	carve release vm --wait
	drivers_are $one "$guests"
	policy_is_empty
	apply /run/policy.yaml
	drivers_are $one "$own"
}

test_companions_of_a_reservation_come_back_after_a_reboot() {
	prepare $one
	echo 'reservations: [{name: games, class: gpu, for: "libvirt:games"}]' >>/run/policy.yaml
	apply /run/policy.yaml
	drivers_are $one "$guests"
	carve-sim reboot
	services_start
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	wait_until 10 drivers_are $one "$guests"
	wait_until 10 says 'games  gpu    reserved  held' carve list claims
}

# Each write on the way there and back, with each service killed before and after it, and an error.
test_companions_each_step_killed_and_failed() {
	local what effect
	prepare $one
	apply /run/policy.yaml
	for what in "$one.0/driver_override" "$one.2/driver_override" drivers_probe 'snd_hda_intel/unbind'; do
		for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor error=EIO; do
			carve-sim fault "*$what" write 1 "$effect" >/dev/null
			claim gpu vm >/run/said 2>&1 || true
			services_answer
			carve-sim clear
			settled
			claim_is_over vm || carve release vm --wait --deadline "$SIM_DEADLINE" >/dev/null 2>&1 || true
			free_again "$what $effect"
		done
	done
}

test_companions_each_step_back_killed_and_failed() {
	local what effect
	prepare $one
	apply /run/policy.yaml
	for what in "$one.1/driver_override" drivers_probe "$one.1/reset" 'vfio-pci/unbind'; do
		for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor error=EIO; do
			claim gpu vm >/run/said 2>&1 || die "$what $effect: $(cat /run/said)"
			carve-sim fault "*$what" write 1 "$effect" >/dev/null
			carve release vm --wait --deadline 5 >/run/said 2>&1 || true
			services_answer
			carve-sim clear
			free_again "$what $effect"
		done
	done
}

# Nothing is on its way any more.
settled() {
	wait_until 15 eval "! carve list slices | grep -E 'preparing|reclaiming|removing'"
}

free_again() { # AFTER WHAT
	local slice
	settled
	carve quarantine list | awk 'NR > 1 { print $1 }' | while read -r slice; do
		carve reclaim --retry "$slice" >/dev/null || true
	done
	wait_until 15 eval "[[ \$(carve list slices | grep -c ' ready ') == 3 ]]" ||
		die "after $1: $(carve list slices)"
	drivers_are $one "$own" || die "after $1"
	[[ -z $(overrides) ]] || die "after $1: $(overrides)"
}
