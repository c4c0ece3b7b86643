# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pictures of devices and what still fits, as the service has them. Run by tests/sim/run, each function in a
# world of its own.
# hosts: lab

nic=0000:01:00.0

# Four VFs, and the parent of mdevs that are made when a claim wants one: 24 of one type, or 12 of the other.
prepare() {
	export LC_ALL=C
	services_start
	enroll "$nic" mtty
	policy_is <<- EOF
		version: 1
		devices:
		  uart: {match: {mdev-parent: mtty}, expect: 1}
		  nic: {match: {address: "$nic"}, expect: 1}
		divide:
		  - {use: uart, as: mdev, on-demand: [mtty-1, mtty-2]}
		  - {use: nic, as: sriov, count: 4}
		classes:
		  one: {from: uart, profiles: [mtty-1]}
		  two: {from: uart, profiles: [mtty-2]}
		  lan: {from: nic}
	EOF
}

test_map_shows_who_has_what_and_what_is_left() {
	prepare
	says 'nothing is divided' carve map
	says '|4 x vf |' carve map --policy /run/policy.yaml
	says '"share": 142' carve map --policy /run/policy.yaml --json
	says '|planned|' carve map "$nic" --policy - </run/policy.yaml
	apply /run/policy.yaml
	claim two port-a
	claim lan web
	says '|vf |3 x vf|' carve map "$nic"
	says '|web|free  |' carve map "$nic"
	says '|port-a|' carve map mtty
	[[ $(carve map "$nic") != *mtty* ]]
	says 'it is not divided' carve map 0000:06:00.0
	[[ $(LC_ALL=C.UTF-8 carve map mtty) == *'│port-a│'* ]]
}

test_map_svg_is_written_whole_or_not_at_all() {
	prepare
	apply /run/policy.yaml
	claim lan web
	echo old >/run/map.svg
	carve map --svg /run/map.svg
	cmp <(carve map --svg -) /run/map.svg
	grep -q '>web</text>' /run/map.svg
	tail -n 1 /run/map.svg | grep -qx '</svg>'
	ln -s map.svg /run/link.svg
	ends_with 1 carve map --svg /run/link.svg
	[[ -L /run/link.svg ]] || die "the link is gone"
}

# What one class takes, the other has no more: a number for each, and what is left told once.
test_fit_counts_what_classes_share_once_for_each() {
	local ones twos
	prepare
	apply /run/policy.yaml
	ones=$(carve fit one --json | sed -n 's/.*"more": \([0-9]*\).*/\1/p')
	twos=$(carve fit two --json | sed -n 's/.*"more": \([0-9]*\).*/\1/p')
	((ones > twos && twos > 0))
	says "$ones of one fit: 0 are ready, $ones could be made" carve fit one
	says "$ones units left: $ones x mtty-1 or $twos x mtty-2 fit" carve list slices --free
	says 'could be made' carve fit lan
	says '4 of lan fit: 4 are ready' carve fit lan
	claim two port-a
	says "$((twos - 1)) of two fit" carve fit two
	[[ $(carve list slices --free | grep -c ' ready ') == 4 ]]
}

# As a script asks, before it asks for one.
test_fit_ends_with_three_when_nothing_fits() {
	local n
	prepare
	apply /run/policy.yaml
	for n in 1 2 3 4; do
		ends_with 0 carve fit lan
		claim lan "web$n"
	done
	ends_with 3 carve fit lan
	ends_with 0 carve fit
	ends_with 1 carve fit nix
	says 'claim.no-class' carve fit nix
	[[ $(carve list slices --free) != *vf* ]]
}
