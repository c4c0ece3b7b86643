# shellcheck shell=bash disable=SC2154 # $sim_jobs is of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: dgx-h100
#
# GPU instances from the policy to the container and back, and what goes wrong on the way. The library that is asked is
# the simulator's.

gpu=0000:1b:00.0

prepare() { # LAYOUT [MORE]
	services_start
	enroll "$gpu"
	policy_of "$@"
}

policy_of() { # LAYOUT [MORE]
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {address: "$gpu"}}}
		divide: [{use: gpu, as: mig, layout: {$1}}]
		classes: {any: {from: gpu}}
		${2:-}
	EOF
}

calls() {
	carve-sim status | sed -n 's/^nvml-calls //p'
}

# "3g.40gb@4 1g.10gb@0": those that are ready or held.
instances() {
	carve list slices | awk '$1 ~ /^mig\// && ($4 == "ready" || $4 == "held") {
		n = split($1, part, "/"); print $3 "@" part[n] }' | sort | tr '\n' ' '
}

instances_are() { # INSTANCES
	[[ $(instances) == "$1 " ]]
}

nodes() {
	find /dev/nvidia-caps -type c ! -name 'nvidia-cap[12]' 2>/dev/null | wc -l || true
}

in_use() { # CLAIM
	local words
	words=$(carve handle "$1" | sed -n "s/^CARVE_NODES='\(.*\)'/\1/p")
	# shellcheck disable=SC2086 # words
	carve-sim hold-nodes trainer $words &
	holder=$!
	wait_until 5 test -e "/proc/$holder/fd/8"
}

test_mig_life_of_a_slice() {
	local before uuid
	prepare "3g.40gb: 1, 1g.10gb: 3"
	[[ $(carve plan /run/policy.yaml | grep -c 'create ') == 4 && $(nodes) == 0 ]]
	apply /run/policy.yaml
	[[ $(instances) == "1g.10gb@0 1g.10gb@1 1g.10gb@2 3g.40gb@4 " && $(nodes) == 8 ]]
	before=$(writes)
	apply /run/policy.yaml
	[[ $(writes) == "$before" ]] || die "applied again, it writes"
	claim any c1
	uuid=$(address_of c1)
	[[ $uuid == MIG-* ]]
	says "--env=CUDA_VISIBLE_DEVICES=$uuid" carve handle c1 --format container
	says 'handle.format' carve handle c1 --format qemu
	[[ $(carve handle c1 | grep -o '/dev/nvidia-caps/[a-z0-9-]*' | wc -l) == 2 ]]
	in_use c1
	ends_with 6 carve release c1 --wait --deadline 1
	says "trainer" carve list claims --json
	let_go
	wait_until 10 claim_is_over c1
	[[ $(instances) == "1g.10gb@0 1g.10gb@1 1g.10gb@2 3g.40gb@4 " ]]
	! carve list slices --json | grep -q "$uuid" || die "what was used is there again"
}

test_mig_f04_reboot_makes_the_same_instances_in_the_same_places() {
	prepare "4g.40gb: 1, 1g.10gb: 3"
	apply /run/policy.yaml
	claim any c1
	carve-sim reboot
	[[ $(nodes) == 0 ]]
	services_start
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	[[ $(instances) == "1g.10gb@4 1g.10gb@5 1g.10gb@6 4g.40gb@0 " ]]
	says '"state": "held"' carve list claims --json
}

test_mig_f09_who_keeps_the_gpu_busy_is_named() {
	prepare "7g.80gb: 1"
	carve-sim hold-nodes nv-hostengine /dev/nvidia0 &
	holder=$!
	wait_until 5 test -e "/proc/$holder/fd/3"
	says 'nv-hostengine' apply /run/policy.yaml
	[[ $(nodes) == 0 ]]
	let_go
	apply /run/policy.yaml
	[[ $(nodes) == 2 ]]
}

test_mig_f19_without_its_compute_instance_nothing_is_left() {
	prepare "3g.40gb: 1"
	carve-sim fault "nvml/$gpu/compute-create" 1 error=ENOSPC
	says 'no room' apply /run/policy.yaml
	[[ $(nodes) == 0 ]]
	apply /run/policy.yaml
	[[ $(instances) == "3g.40gb@4 " && $(nodes) == 2 ]]
}

test_mig_f19_what_is_half_made_is_ours_and_goes() {
	prepare "3g.40gb: 1"
	carve-sim fault "nvml/$gpu/compute-create" 1 error=ENOSPC
	carve-sim fault "nvml/$gpu/destroy" 1 error=EBUSY
	says 'mig.half-made' apply /run/policy.yaml
	wait_until 5 eval "[[ \$(nodes) == 0 ]]"
	apply /run/policy.yaml
	[[ $(instances) == "3g.40gb@4 " && $(nodes) == 2 ]]
}

test_mig_wrong_profile_is_refused_with_those_of_the_card() {
	prepare "3g.20gb: 1"
	says 'it offers: 1g.10gb, 1g.10gb+me, 1g.20gb, 2g.20gb, 3g.40gb, 4g.40gb, 7g.80gb' \
		apply /run/policy.yaml
	[[ $(writes) == 0 ]]
}

test_mig_f31_by_hand_is_seen_built_around_and_adopted() {
	local made
	prepare "3g.40gb: 1"
	apply /run/policy.yaml
	printf '%s\n' "$gpu 9 0" >/run/wanted
	# As nvidia-smi would: another program that knows the library.
	python3 - "$gpu" <<-'EOF'
		import ctypes, sys
		n = ctypes.CDLL("libnvidia-ml.so.1")
		class Place(ctypes.Structure):
		    _fields_ = [("start", ctypes.c_uint), ("size", ctypes.c_uint)]
		device, instance, compute = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
		assert n.nvmlInit_v2() == 0
		assert n.nvmlDeviceGetHandleByPciBusId_v2(sys.argv[1].encode(), ctypes.byref(device)) == 0
		assert n.nvmlDeviceCreateGpuInstanceWithPlacement(device, 19, ctypes.byref(Place(0, 1)), ctypes.byref(instance)) == 0
		assert n.nvmlGpuInstanceCreateComputeInstance(instance, 0, ctypes.byref(compute)) == 0
	EOF
	policy_of "3g.40gb: 1, 1g.10gb: 2"
	carve doctor >/dev/null || true
	apply /run/policy.yaml
	wait_until 5 instances_are "1g.10gb@1 1g.10gb@2 3g.40gb@4"
	says 'foreign' carve list slices
	made=$(carve list slices | awk '$4 == "foreign" { print $1 }')
	[[ $made == mig/*/0 ]]
	carve adopt "$gpu"
	[[ $(instances) == "1g.10gb@0 1g.10gb@1 1g.10gb@2 3g.40gb@4 " ]]
}

test_mig_library_that_is_missing_is_told() {
	rm /run/carve-sim/lib/libnvidia-ml.so.1
	prepare "3g.40gb: 1"
	says 'libnvidia-ml.so.1' apply /run/policy.yaml
	[[ $(writes) == 0 ]]
}

test_mig_library_of_another_version_is_told() {
	carve-sim fault nvml/init read 1+ error=EPROTO
	prepare "3g.40gb: 1"
	says 'another version than the kernel module' apply /run/policy.yaml
	[[ $(writes) == 0 ]]
}

# Slices are not lost because nobody can see them for a while.
test_mig_library_that_fails_for_a_while_loses_nothing() {
	prepare "3g.40gb: 2"
	apply /run/policy.yaml
	claim any c1
	carve-sim fault nvml/init read 1+ error=EPROTO
	kill -KILL "$(pgrep -P "${sim_jobs[1]}" -x carved)"
	services_answer
	says '"state": "held"' carve list claims --json
	carve-sim clear
	kill -KILL "$(pgrep -P "${sim_jobs[1]}" -x carved)"
	services_answer
	wait_until 10 instances_are "3g.40gb@0 3g.40gb@4"
	carve release c1 --wait --deadline "$SIM_DEADLINE"
}

test_mig_other_gpus_are_left_alone() {
	local others
	services_start
	enroll 0000:1b:00.0 0000:43:00.0
	policy_is <<-EOF
		version: 1
		devices:
		  a: {match: {address: "0000:1b:00.0"}}
		  b: {match: {address: "0000:43:00.0"}}
		divide:
		  - {use: a, as: mig, layout: {1g.10gb: 7}}
		  - {use: b, as: mig, layout: {1g.10gb: 7}}
	EOF
	apply /run/policy.yaml
	others=$(carve-sim trace | grep -c 'nvml/0000:43:00.0')
	sed -i 's/use: a, as: mig, layout: {1g.10gb: 7}/use: a, as: mig, layout: {3g.40gb: 2}/' /run/policy.yaml
	apply /run/policy.yaml
	[[ $(carve-sim trace | grep -c 'nvml/0000:43:00.0') == "$others" ]]
	says '1g.10gb' carve list slices
}

test_mig_mode_ends_with_the_policy() {
	prepare "3g.40gb: 2"
	apply /run/policy.yaml
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {address: "$gpu"}}}
		on-remove: destroy
	EOF
	apply /run/policy.yaml
	[[ $(nodes) == 0 ]]
	carve-sim trace | grep -q 'set-mig-mode "0' || die "MIG is still on"
}

test_mig_drained_keeps_what_is_held_and_gives_no_more() {
	prepare "3g.40gb: 1, 1g.10gb: 1"
	apply /run/policy.yaml
	claim any vm1
	ends_with 4 carve drain "$gpu" --reason 'a new driver'
	says 'mig of gpu, drained' carve map
	says "$gpu is drained: a new driver" claim any vm2
	carve release vm1 --wait
	ends_with 0 carve drain "$gpu"
	# What a layout says is there stays, for the policy wants it.
	wait_until 10 instances_are '1g.10gb@0 3g.40gb@4'
	ends_with 0 carve drain "$gpu" --undo
	claim any vm2
}

# Each change of the library, with each service killed before and after it, and the change failing or done without
# the answer.
test_mig_each_step_killed_and_failed() {
	local change effect
	prepare "3g.40gb: 1, 1g.10gb: 2"
	for change in set-mig-mode create compute-create; do
		for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor \
			error=EIO error-after=EIO; do
			policy_of "3g.40gb: 1, 1g.10gb: 2"
			carve-sim fault "nvml/$gpu/$change" 1 "$effect" >/dev/null
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			carve-sim clear
			apply /run/policy.yaml >/run/said 2>&1 || die "not after $change $effect: $(cat /run/said)"
			[[ $(instances) == "1g.10gb@0 1g.10gb@1 3g.40gb@4 " && $(nodes) == 6 ]] ||
				die "$change $effect: $(instances), $(nodes) nodes"
			policy_is <<-EOF
				version: 1
				devices: {gpu: {match: {address: "$gpu"}}}
				on-remove: destroy
			EOF
			apply /run/policy.yaml >/dev/null
			[[ $(nodes) == 0 ]] || die "$change $effect: left over"
		done
	done
}

test_mig_each_step_back_killed_and_failed() {
	local change effect
	prepare "3g.40gb: 1"
	for change in destroy compute-destroy set-mig-mode; do
		for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor \
			error=EIO error-after=EIO; do
			policy_of "3g.40gb: 1"
			apply /run/policy.yaml >/dev/null
			carve-sim fault "nvml/$gpu/$change" 1 "$effect" >/dev/null
			policy_is <<-EOF
				version: 1
				devices: {gpu: {match: {address: "$gpu"}}}
				on-remove: destroy
			EOF
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			carve-sim clear
			carve reclaim --retry >/dev/null 2>&1 || true
			apply /run/policy.yaml >/dev/null 2>&1 || true
			wait_until 10 eval "[[ \$(nodes) == 0 ]]"
			wait_until 10 eval "! carve list slices | grep -E 'mig.*(quarantined|removing)'" ||
				die "$change $effect: $(carve list slices)"
		done
	done
}

# Eight GPUs from empty to 56 instances. Calls: a look at each at the start and one before the apply, 42 each; 47 for
# the mode of each; and 11 to 17 for an instance: its UUID is found by trying indices, and the newest has the last.
test_mig_56_instances_with_one_apply() {
	local before after bus
	services_start
	for bus in 1b 43 52 61 9d c3 d1 df; do
		enroll "0000:$bus:00.0"
	done
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {id: "10de:2330"}, expect: 8}}
		divide: [{use: gpu, as: mig, layout: {1g.10gb: 7}, expect: 56}]
	EOF
	carve plan /run/policy.yaml >/dev/null
	before=$(calls)
	apply /run/policy.yaml
	after=$(calls)
	[[ $(instances | wc -w) == 56 && $(nodes) == 112 ]]
	echo "$((after - before)) calls"
	((after - before <= 8 * (42 + 47) + 56 * 15)) || die "$((after - before)) calls of the library"
}
