# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What devices are known by, and why a policy takes one as it does. Run by tests/sim/run, each function in a
# world of its own.
# hosts: nic-nvme

first=0000:04:00.2
second=0000:04:00.3

prepare() {
	services_start
	carve enroll "$first" --label lab --label rack-7 >/dev/null
	enroll "$second"
	policy_is <<- EOF
		version: 1
		devices:
		  none: {match: {vendor: "10de"}}
		  ports: {match: {subsystem: "8086:00a3", address: ["$first", "$second"]}, expect: 2}
		divide:
		  - {use: ports, when: {labels: [lab, test]}, as: sriov, count: 2, expect: 2}
		  - {use: ports, as: sriov, count: 1, expect: 1}
		classes:
		  lan: {from: ports}
		reservations:
		  - {name: web, class: lan, for: "libvirt:web"}
	EOF
}

test_explain_names_what_each_device_failed_on() {
	prepare
	apply /run/policy.yaml
	[[ $(pci_attribute "$first" sriov_numvfs) == 2 && $(pci_attribute "$second" sriov_numvfs) == 1 ]]
	says 'none (line 3): no: vendor is 8086, wanted 10de' carve policy explain "$first"
	says 'ports (line 6): yes: labels is lab rack-7' carve policy explain "$first"
	says 'ports (line 6): no: it has no labels, wanted lab or test' carve policy explain "$second"
	says 'lan (line 9)' carve policy explain "$second"
	says 'web (line 11)' carve policy explain "$second"
	says 'Pinned to:        8086:1521 serial=' carve policy explain "$first"
	says 'a VF belongs to its PF' carve policy explain "$(address_of web)"
	says 'did you mean 0000:04:00.2' carve policy explain 04:00.2
	says '"divided_by": "/run/policy.yaml:6"' carve policy explain "$first" --json
	says "$first" carve list --json
	[[ $(carve policy explain "$first") != *Differs:* ]]
}

# A label is seen when a policy is applied, and not before; until then explain tells what would change.
test_a_new_label_counts_from_the_next_apply_on() {
	local before
	prepare
	sed -i '/^reservations/,$d' /run/policy.yaml
	apply /run/policy.yaml
	before=$(writes)
	carve enroll "$second" --label test >/dev/null
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	[[ $(writes) == "$before" ]] || die "something was written to"
	says 'count: applied 1, now 2' carve policy explain "$second"
	sed -i -e '/when/s/expect: 2/expect: 4/' -e 's/count: 1, expect: 1/count: 1/' /run/policy.yaml
	says 'count: applied 1, now 2' carve policy explain "$second" /run/policy.yaml
	apply /run/policy.yaml
	[[ $(pci_attribute "$second" sriov_numvfs) == 2 ]]
	[[ $(carve policy explain "$second") != *Differs:* ]]
}

# A serial number is of a card, wherever its buses are. The ports that no entry is for need not be enrolled.
test_f23_a_card_is_known_by_its_serial_number_after_buses_were_renumbered() {
	local serial now
	services_start
	enroll "$first"
	serial=$(carve show "$first" | sed -n 's/^Serial: *//p')
	policy_is <<- EOF
		version: 1
		devices:
		  card: {match: {serial: "$serial"}, expect: 4}
		divide:
		  - {use: card, when: {address: "$first"}, as: sriov, count: 1, expect: 1}
	EOF
	apply /run/policy.yaml
	says 'card (line 5): no: address is 0000:04:00.3' carve policy explain "$second"
	carve-sim reboot renumber
	services_start
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	now=$(carve list --json | grep -A1 'pci:0000:00/1e.0/00.2"' | sed -n 's/.*"address": "\(.*\)".*/\1/p')
	[[ $now != "$first" && $(pci_attribute "$now" sriov_numvfs) == 1 ]]
	says "card (line 3): yes: serial is $serial" carve policy explain "$now"
	says 'Differs:          applied as sriov (/run/policy.yaml:5), now not divided' carve policy explain "$now"
}
