# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: dgx-h100
#
# GPU instances that several claims have at the same time, by an MPS server for each instance.

gpu=0000:1b:00.0

prepare() { # SHARES
	mps_servers
	services_start
	enroll "$gpu"
	policy_of "$1"
	apply /run/policy.yaml
}

policy_of() { # SHARES
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {address: "$gpu"}}}
		divide: [{use: gpu, as: mig, layout: {3g.40gb: 2}, share: {3g.40gb: $1}, share-by: mps}]
		classes: {half: {from: gpu}}
	EOF
}

no_policy() {
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {address: "$gpu"}}}
		on-remove: destroy
	EOF
}

running() {
	find /run/carve/mps -name '*.pid' | wc -l
}

test_share_mps_server_lives_as_long_as_its_instance() {
	local uuid folder
	prepare 4
	[[ $(grep -c start /run/told) == 2 && $(running) == 2 ]]
	claim half c1
	claim half c2
	claim half c3
	uuid=$(address_of c1)
	folder=/run/carve/mps/$uuid
	[[ $(cat "$folder.limits") == *THREADS=25* ]]
	says "--env=CUDA_MPS_PIPE_DIRECTORY=$folder" carve handle c1 --format container
	says "--volume=$folder:$folder" carve handle c1 --format container
	says "--ipc=host" carve handle c1 --format container
	[[ $(address_of c3) == "$uuid" && $(address_of c2) != "$uuid" ]]
	apply /run/policy.yaml
	carve release c1 --wait --deadline "$SIM_DEADLINE"
	[[ $(wc -l </run/told) == 2 ]] || die "the server did not run through"
	carve release c2 --wait --deadline "$SIM_DEADLINE"
	carve release c3 --wait --deadline "$SIM_DEADLINE"
	no_policy
	apply /run/policy.yaml
	[[ $(running) == 0 && $(grep -c stop /run/told) == 2 ]]
	[[ $(carve show "$gpu" --json) == *'"mig": "off"'* ]]
}

test_share_mps_f04_reboot_starts_them_anew() {
	prepare 2
	claim half c1
	carve-sim reboot
	rm -rf /run/carve/mps/MIG-*
	services_start
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	[[ $(running) == 2 ]]
	says "CUDA_MPS_PIPE_DIRECTORY='/run/carve/mps/$(address_of c1)'" carve handle c1
}

test_share_mps_each_step_killed() {
	local effect
	prepare 2
	for effect in carved carve-executor; do
		no_policy
		apply /run/policy.yaml >/dev/null
		policy_of 2
		apply /run/policy.yaml >/dev/null 2>&1 &
		wait_until 10 eval "[[ \$(running) -ge 1 ]]"
		kill -KILL "$(pgrep -x -o "$effect")"
		wait $! || true
		services_answer
		apply /run/policy.yaml >/dev/null
		[[ $(running) == 2 ]] || die "after $effect: $(running)"
	done
}
