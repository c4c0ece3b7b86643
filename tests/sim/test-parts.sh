# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: dgx-h100
#
# Claims of several slices: half a machine for one guest, all or none. GPUs and network cards are on two NUMA
# nodes, four each; each GPU shares a root port with one card.

parts_up() { # [RESERVATIONS]
	services_start
	enroll 0000:{1b,43,52,61,9d,c3,d1,df}:00.0 0000:{18,9a}:00.0
	cat >/run/policy.yaml <<-END
		version: 1
		unsafe: [nvswitch]
		devices:
		  gpu: {match: {id: "10de:2330"}, expect: 8}
		  nic: {match: {netdev: [enp24s0np0, enp154s0np0]}, expect: 2}
		divide:
		  - {use: gpu, as: passthrough}
		  - {use: nic, as: sriov, count: 2}
		classes:
		  gpu: {from: gpu}
		  lan: {from: nic, may-set: {mac: true}}
		  node: {parts: {gpu: 4, lan: 1}, near: numa}
		  pair: {parts: {gpu: 1, lan: 1}, near: root-port}
		${1-}
	END
	apply /run/policy.yaml
}

addresses() { # CLAIM
	carve handle "$1" --format qemu | sed 's/.*host=//' | paste -sd' '
}

test_parts_node_is_four_gpus_and_a_card_of_one_socket() {
	parts_up
	[[ $(carve fit node) == '2 of node fit, each with all its parts' ]]
	carve alloc gpu --for manual:one --name one
	carve alloc node --for libvirt:train --name train
	[[ $(addresses train) == '0000:9d:00.0 0000:c3:00.0 0000:d1:00.0 0000:df:00.0 0000:9a:00.1' ]]
	[[ $(carve show train/5 | sed -n 's/^Part of: *//p') == train ]]
	carve show train | grep -q '^Parts: *train/1 (gpu): 0000:9d:00.0$'
	(($(carve list claims | wc -l) == 3))
	(($(carve handle train --format libvirt | grep -c '<hostdev') == 5))
	eval "$(carve handle train)"
	# shellcheck disable=SC2154 # from the handle
	[[ $CARVE_CLAIM/$CARVE_PARTS/$CARVE_5_ADDRESS/$CARVE_5_CLASS == train/5/0000:9a:00.1/lan ]]
	carve list classes | grep -q '^node *gpu x 4,lan x 1 .* 0 *1 '
	carve release train --wait
	[[ $(carve fit node) == '1 of node fit, each with all its parts' ]]
	[[ $(readlink /sys/bus/pci/devices/0000:9d:00.0/driver) == */nvidia ]]
}

test_parts_node_that_does_not_fit_takes_nothing() {
	local before said status=0
	parts_up
	carve alloc gpu --for manual:one --name one
	carve alloc node --for libvirt:train --name train
	before=$(writes)
	said=$(carve alloc node --for libvirt:other 2>&1) || status=$?
	((status == 3))
	[[ $said == *'the parts of class node cannot be had now, all together'* ]]
	[[ $said == *'4 of gpu are needed together on NUMA node 0, 3 could be had'* ]]
	[[ $(writes) == "$before" ]]
	said=$(carve release train/2 2>&1) && return 1
	[[ $said == *'do '*'carve release train' ]]
	said=$(carve alloc node --for libvirt:x --set mac=52:54:00:aa:00:01 2>&1) && return 1
	[[ $said == *'settings are of one slice'* ]]
}

test_parts_node_waits_as_one() {
	parts_up
	carve alloc gpu --for manual:one --name one
	carve alloc gpu --for manual:two --name two --near one
	carve alloc node --for libvirt:train --name train
	carve alloc node --for libvirt:late --name late --wait --deadline 60 >/run/late 2>&1 &
	local late=$!
	until carve show late 2>/dev/null | grep -q '^State: *waiting'; do sleep 0.05; done
	carve release one --wait
	carve show late | grep -q '^State: *waiting'
	carve release two --wait
	wait "$late"
	carve show late | grep -q '^State: *held'
}

test_parts_pair_is_below_one_root_port() {
	parts_up
	carve alloc pair --for manual:p --name p
	[[ $(addresses p) == '0000:1b:00.0 0000:18:00.1' ]]
	carve alloc pair --for manual:q --name q
	[[ $(addresses q) == '0000:9d:00.0 0000:9a:00.1' ]]
	carve alloc pair --for manual:r && return 1
	carve policy explain 0000:1b:00.0 | grep -q pair
}

test_parts_node_of_a_reservation_comes_back_after_a_reboot() {
	parts_up 'reservations: [{name: train, class: node, for: "libvirt:train"}]'
	local before
	before=$(addresses train)
	[[ $before == *' '*' '*' '*' '* ]]
	carve-sim reboot
	services_start
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	[[ $(addresses train) == "$before" ]]
	[[ $(carve plan /run/policy.yaml 2>&1) == *'nothing to do'* ]]
}
