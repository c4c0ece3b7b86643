# shellcheck shell=bash disable=SC2154,SC2034 # $sim_jobs is of lib.sh, which uses SIM_...
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

# As nvidia-smi would: another program that knows the library.
by_hand() { # create PROFILE START SIZE COMPUTE | destroy INSTANCE | mode 0|1
	python3 - "$gpu" "$@" <<-'EOF'
		import ctypes, sys
		n = ctypes.CDLL("libnvidia-ml.so.1")
		class Place(ctypes.Structure):
		    _fields_ = [("start", ctypes.c_uint), ("size", ctypes.c_uint)]
		gpu, what, *numbers = sys.argv[1:]
		numbers = [int(i) for i in numbers]
		device, instance, compute = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
		assert n.nvmlInit_v2() == 0
		assert n.nvmlDeviceGetHandleByPciBusId_v2(gpu.encode(), ctypes.byref(device)) == 0
		if what == "create":
		    place = Place(numbers[1], numbers[2])
		    assert n.nvmlDeviceCreateGpuInstanceWithPlacement(device, numbers[0], ctypes.byref(place), ctypes.byref(instance)) == 0
		    assert n.nvmlGpuInstanceCreateComputeInstance(instance, numbers[3], ctypes.byref(compute)) == 0
		elif what == "destroy":
		    assert n.nvmlDeviceGetGpuInstanceById(device, numbers[0], ctypes.byref(instance)) == 0
		    for kind in range(5):
		        found, count = (ctypes.c_void_p * 8)(), ctypes.c_uint(8)
		        n.nvmlGpuInstanceGetComputeInstances(instance, kind, found, ctypes.byref(count))
		        for i in range(count.value):
		            assert n.nvmlComputeInstanceDestroy(ctypes.c_void_p(found[i])) == 0
		    assert n.nvmlGpuInstanceDestroy(instance) == 0
		else:
		    assert n.nvmlDeviceSetMigMode(device, numbers[0], ctypes.byref(ctypes.c_uint())) == 0
	EOF
}

instance_at() { # START
	carve-nvml --look="$gpu" | sed -n "s/.*{\"id\": \([0-9]*\), \"profile\": [0-9]*, \"start\": $1,.*/\1/p"
}

test_mig_life_of_a_slice() {
	local before uuid
	prepare "3g.40gb: 1, 1g.10gb: 3"
	[[ $(carve plan /run/policy.yaml | grep -c 'create ') == 4 && $(nodes) == 0 ]]
	apply /run/policy.yaml
	[[ $(instances) == "1g.10gb@0 1g.10gb@1 1g.10gb@2 3g.40gb@4 " && $(nodes) == 8 ]]
	[[ $(carve list slices) != *share* ]] || die "shares of a GPU in MIG mode are possible"
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
	wait_until 10 instances_are "1g.10gb@0 1g.10gb@1 1g.10gb@2 3g.40gb@4"
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
	by_hand create 19 0 1 0
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

# Nobody tells of it; it is seen before it matters.
test_mig_f31_instance_removed_by_hand_is_not_given_out() {
	local before
	prepare "3g.40gb: 2"
	apply /run/policy.yaml
	before=$(calls)
	claim any c1
	carve release c1 --wait --deadline "$SIM_DEADLINE"
	wait_until 10 instances_are "3g.40gb@0 3g.40gb@4"
	by_hand destroy "$(instance_at 4)"
	says 'lost' carve list slices
	says 'its GPU instance was removed' carve list slices --json
	claim any c1
	[[ $(instances) == "3g.40gb@0 " ]] || die "$(carve list slices)"
	says 'claim.none-free' claim any c2
	# What the driver shows is enough: the library is asked when that differs.
	before=$(calls)
	carve list slices >/dev/null
	carve handle c1 >/dev/null
	[[ $(calls) == "$before" ]] || die "$(($(calls) - before)) calls of the library"
}

test_mig_f31_what_is_claimed_and_removed_by_hand_is_broken() {
	SIM_CARVED=(--look-ms=300)
	prepare "3g.40gb: 2"
	apply /run/policy.yaml
	claim any c1
	claim any c2
	by_hand destroy "$(instance_at 0)"
	by_hand destroy "$(instance_at 4)"
	wait_until 10 eval "carve events --last 20 | grep -q claim.broken"
	says 'its GPU instance was removed, while it was held' carve list claims --json
	says '"state": "broken"' carve list claims --json
	says 'claim.broken' carve events --last 20
}

# One that sleeps is not woken to be asked, and one at rest is not asked.
test_mig_looks_cost_nothing() {
	local before
	SIM_CARVED=(--look-ms=100)
	prepare "3g.40gb: 2"
	apply /run/policy.yaml
	sleep 0.5
	before=$(calls)
	sleep 1
	[[ $(calls) == "$before" ]] || die "$(($(calls) - before)) calls of the library"
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

# What the library cannot tell is unknown, not gone: nothing is changed on the GPU, and when it answers all is as it was.
not_believed() { # WHY
	says "$1" carve doctor --json
	says 'doctor.gpu.unseen' carve doctor --json
	[[ $(instances) == "3g.40gb@0 3g.40gb@4 " ]] || die "$(carve list slices)"
	says '"state": "held"' carve list claims --json
	policy_of "3g.40gb: 1, 1g.10gb: 3"
	says 'waits for the driver of its device to answer' eval 'carve plan /run/policy.yaml | tr -s " \n" " "'
	policy_of "3g.40gb: 2"
}

believed_again() {
	local before
	[[ $(carve doctor --json) != *doctor.gpu.unseen* ]]
	before=$(writes)
	apply /run/policy.yaml
	[[ $(writes) == "$before" ]] || die "it writes"
	[[ $(instances) == "3g.40gb@0 3g.40gb@4 " ]] || die "$(carve list slices)"
	carve release c1 --wait --deadline "$SIM_DEADLINE"
}

two_halves() {
	prepare "3g.40gb: 2"
	apply /run/policy.yaml
	claim any c1
}

test_mig_gpu_that_is_lost_in_the_middle_of_a_look() {
	local question
	two_halves
	for question in mig-mode instances computes mig-device; do
		carve-sim fault "nvml/$gpu/$question" read 1+ error=ENXIO >/dev/null
		not_believed 'fallen off the bus'
		carve-sim clear
	done
	believed_again
}

test_mig_library_that_says_nonsense_is_not_believed() {
	cat >/run/nvml <<-EOF
		#!/bin/sh
		[ ! -e /run/nonsense ] || exec head -c 3000 /dev/zero
		exec $(command -v carve-nvml)
	EOF
	chmod 755 /run/nvml
	SIM_EXECUTOR=(--nvml=/run/nvml)
	two_halves
	touch /run/nonsense
	not_believed 'what nobody understands'
	rm /run/nonsense
	believed_again
}

# Who asks waits no longer than for other devices, and everything that needs no look goes on.
test_mig_library_that_hangs_holds_up_nobody() {
	local begin=$SECONDS
	two_halves
	carve-sim fault nvml/init read hang >/dev/null
	carve doctor >/dev/null || true
	says '"state": "held"' carve list claims --json
	carve handle c1 >/dev/null
	[[ $(instances) == "3g.40gb@0 3g.40gb@4 " ]] || die "$(carve list slices)"
	((SECONDS - begin < 25)) || die "$((SECONDS - begin)) s"
	carve-sim clear
	wait_until 40 believed_again
}

test_mig_library_that_is_exchanged_is_the_new_one() {
	local lib=/run/carve-sim/lib/libnvidia-ml.so.1
	two_halves
	cp "$lib" /run/other
	rm "$lib"
	not_believed 'libnvidia-ml.so.1'
	mv /run/other "$lib"
	believed_again
}

# MIG of this card does not outlive its driver, and carve says so instead of handing it out.
test_mig_driver_that_is_loaded_again_has_nothing_left() {
	two_halves
	echo "$gpu" >/sys/bus/pci/drivers/nvidia/unbind
	wait_until 10 eval "carve list slices | grep -q lost"
	says 'the driver was taken from its GPU, while it was held' carve list claims --json
	echo "$gpu" >/sys/bus/pci/drivers/nvidia/bind
	carve release c1 --wait --deadline "$SIM_DEADLINE" || true
	apply /run/policy.yaml
	[[ $(instances) == "3g.40gb@0 3g.40gb@4 " ]] || die "$(carve list slices)"
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
			drawn || continue
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
			drawn || continue
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
