# shellcheck shell=bash disable=SC2154 # $pci is from the guest's lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Early bind: cards that are to be passed through go to vfio-pci as they appear, before their native
# driver is even loaded. Two cards with the same ids; the policy names one of them.
# topology: main
# runs: guest
# limit: 300

card=0000:03:00.0
twin=0000:41:00.0
rules=/etc/udev/rules.d/10-carve.rules

suite_reset() {
	reset
	carve_fresh
	carve enroll "$card"
	carve enroll "$twin"
	policy_is /etc/carve/policy.yaml <<- EOF
		version: 1
		devices:
		  first: {match: {address: "$card"}}
		divide:
		  - {use: first, as: passthrough, bind: early}
		classes:
		  card: {from: first}
	EOF
	carve apply /etc/carve/policy.yaml --wait
}

# As at boot: the cards appear, and no driver of theirs is loaded.
cards_appear() {
	local bdf
	udevadm control --reload
	modprobe -r igbvf igb vfio_pci 2> /dev/null || true
	for bdf in "$card" "$twin"; do
		put 1 "$pci/$bdf/remove"
	done
	modprobe -r igbvf igb vfio_pci
	put 1 /sys/bus/pci/rescan
	wait_until 20 test -e "$pci/$card/driver"
	wait_until 20 test -e "$pci/$twin/driver"
	udevadm settle
}

test_the_plan_writes_nothing() {
	says 'driver_override' carve integrate boot --plan
	[ ! -e "$rules" ]
}

test_udev_takes_the_rules() {
	carve integrate boot --apply
	udevadm verify --resolve-names=never "$rules"
	says "is so already" carve integrate boot --apply
}

# Of the distribution's own modules only what hooks add: it is theirs that is tested.
test_the_initramfs_has_the_rules_and_the_driver() {
	rm -rf /tmp/initramfs
	cp -r /etc/initramfs-tools /tmp/initramfs
	sed -i 's/^MODULES=.*/MODULES=list/' /tmp/initramfs/initramfs.conf
	mkinitramfs -d /tmp/initramfs -c gzip -o /tmp/initramfs/image
	lsinitramfs /tmp/initramfs/image > /tmp/initramfs/files
	grep -qx "${rules#/}" /tmp/initramfs/files
	grep -q '/vfio-pci\.ko' /tmp/initramfs/files
	rm -rf /tmp/initramfs
}

test_the_named_card_goes_to_vfio_and_its_twin_to_its_driver() {
	carve_down
	cards_appear
	same vfio-pci "$(driver_of "$card")"
	same igb "$(driver_of "$twin")"
	carve_up
	json_is 0 '.steps | length' carve --json plan
	carve alloc card --for manual:suite --name whole
	same "$card" "$(carve handle whole --format json | jq -r .handle.address)"
	carve release whole --wait
}

test_rules_of_somebody_else_are_left() {
	cp "$rules" /tmp/ours.rules
	echo "# mine" > "$rules"
	local status=0
	carve integrate boot --apply || status=$?
	same 4 "$status" "exit code"
	carve integrate boot --remove
	same "# mine" "$(cat "$rules")"
	rm "$rules"
}

test_removed_rules_leave_the_card_to_its_driver() {
	cp /tmp/ours.rules "$rules"
	carve integrate boot --remove
	[ ! -e "$rules" ]
	carve_down
	cards_appear
	same igb "$(driver_of "$card")"
	same igb "$(driver_of "$twin")"
}
