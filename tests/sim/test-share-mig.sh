# shellcheck shell=bash disable=SC2154 # $sim_jobs is of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: dgx-h100
#
# GPU instances that several claims have at once.

gpu=0000:1b:00.0

prepare() { # LAYOUT [SHARE]
	services_start
	enroll "$gpu"
	policy_of "$@"
	apply /run/policy.yaml
}

policy_of() { # LAYOUT [SHARE]
	local share=${2:+, share: \{$2\}}
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {address: "$gpu"}}}
		divide: [{use: gpu, as: mig, layout: {$1}$share}]
		classes: {half: {from: gpu, memory: 30GiB}}
	EOF
}

no_policy() {
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {address: "$gpu"}}}
		on-remove: destroy
	EOF
}

# How many there are of each state: "2 held 4 ready".
states() {
	carve list slices | awk '$1 ~ /^mig\// && $4 != "possible" { n[$4]++ } END {
		for (s in n) print n[s], s }' | sort -k2 | paste -sd' '
}

states_are() { # STATES
	[[ $(states) == "$1" ]] || die "there are $(states), not $1"
}

nodes() {
	find /dev/nvidia-caps -type c ! -name 'nvidia-cap[12]' 2>/dev/null | wc -l || true
}

changes() { # create|destroy
	carve-sim trace | grep -c "nvml/$gpu/$1" || true
}

release() {
	carve release "$1" --wait --deadline "$SIM_DEADLINE"
}

test_share_mig_claims_have_one_instance_at_once() {
	local before
	prepare "3g.40gb: 1, 1g.10gb: 2" "3g.40gb: 3"
	[[ $(nodes) == 6 && $(changes create) == 3 ]]
	states_are "5 ready"
	before=$(writes)
	apply /run/policy.yaml
	[[ $(writes) == "$before" ]] || die "applied again, it writes"
	claim half c1
	claim half c2
	claim half c3
	[[ $(address_of c1) == MIG-* && $(address_of c1) == "$(address_of c2)" ]]
	[[ $(address_of c1) == "$(address_of c3)" ]]
	[[ $(carve handle c1 | grep CARVE_NODES) == "$(carve handle c3 | grep CARVE_NODES)" ]]
	says 'no slice of class half is free' claim half c4
	states_are "3 held 2 ready"
	release c2
	states_are "2 held 3 ready"
	[[ $(changes destroy) == 0 ]] || die "the others lost what they have"
	claim half c4
	says '"state": "held"' carve list claims --json
	says '3 of 3: c1, c4, c3' carve map
}

test_share_mig_claims_are_spread_over_the_instances() {
	prepare "3g.40gb: 2" "3g.40gb: 2"
	claim half c1
	claim half c2
	[[ $(address_of c1) != "$(address_of c2)" ]]
	claim half c3
	claim half c4
	[[ $(address_of c3) != "$(address_of c4)" ]]
}

test_share_mig_what_is_held_stays_when_the_policy_changes() {
	local uuid
	prepare "3g.40gb: 1" "3g.40gb: 3"
	claim half c1
	claim half c2
	uuid=$(address_of c2)
	policy_of "1g.10gb: 7"
	says 'layout.held' apply /run/policy.yaml
	policy_of "3g.40gb: 1" "3g.40gb: 2"
	apply /run/policy.yaml
	states_are "2 held"
	policy_of "3g.40gb: 1, 1g.10gb: 2" "3g.40gb: 4, 1g.10gb: 2"
	apply /run/policy.yaml
	states_are "2 held 6 ready"
	policy_of "3g.40gb: 1"
	apply /run/policy.yaml
	states_are "2 held"
	release c1
	[[ $(changes destroy) == 2 && $(address_of c2) == "$uuid" ]]
	release c2
	apply /run/policy.yaml
	states_are "1 ready"
	# It is one claim's alone again, so it is made anew after each.
	claim half c1
	release c1
	[[ $(changes destroy) == 3 ]] || die "$(changes destroy)"
	no_policy
	apply /run/policy.yaml
	[[ $(nodes) == 0 ]]
}

test_share_mig_who_has_all_of_one_keeps_it_alone() {
	prepare "3g.40gb: 1"
	claim half c1
	policy_of "3g.40gb: 1" "3g.40gb: 2"
	apply /run/policy.yaml
	states_are "1 held"
	release c1
	apply /run/policy.yaml
	states_are "2 ready"
}

test_share_mig_f04_reboot_makes_it_once_for_all() {
	prepare "3g.40gb: 1" "3g.40gb: 3"
	claim half c1
	claim half c2
	carve-sim reboot
	[[ $(nodes) == 0 ]]
	services_start
	carve apply --restore --wait --deadline "$SIM_DEADLINE"
	wait_until 10 states_are "2 held 1 ready"
	[[ $(nodes) == 2 && $(address_of c1) == "$(address_of c2)" ]]
	release c1
	wait_until 10 states_are "1 held 2 ready"
}

test_share_mig_f31_made_again_by_others_breaks_all_claims() {
	prepare "3g.40gb: 1" "3g.40gb: 2"
	claim half c1
	claim half c2
	python3 - "$gpu" <<-'EOF'
		import ctypes, sys
		n = ctypes.CDLL("libnvidia-ml.so.1")
		device, many = ctypes.c_void_p(), ctypes.c_uint(8)
		all = (ctypes.c_void_p * 8)()
		assert n.nvmlInit_v2() == 0
		assert n.nvmlDeviceGetHandleByPciBusId_v2(sys.argv[1].encode(), ctypes.byref(device)) == 0
		assert n.nvmlDeviceGetGpuInstances(device, 9, all, ctypes.byref(many)) == 0 and many.value == 1
		instance = ctypes.c_void_p(all[0])
		for profile in range(8):
		    many = ctypes.c_uint(8)
		    if n.nvmlGpuInstanceGetComputeInstances(instance, profile, all, ctypes.byref(many)) == 0 and many.value:
		        assert n.nvmlComputeInstanceDestroy(ctypes.c_void_p(all[0])) == 0
		assert n.nvmlGpuInstanceDestroy(instance) == 0
	EOF
	carve doctor >/dev/null || true
	kill -KILL "$(pgrep -P "${sim_jobs[1]}" -x carved)"
	services_answer
	wait_until 10 says '"state": "broken"' carve list claims --json
	wait_until 10 eval "[[ \$(carve list claims --json | grep -c '\"state\": \"broken\"') == 2 ]]"
	release c1
	release c2
	apply /run/policy.yaml
	states_are "2 ready"
	[[ $(nodes) == 2 ]]
}

test_share_mig_wrong_policies_are_refused() {
	services_start
	enroll "$gpu"
	policy_of "3g.40gb: 1" "1g.10gb: 2"
	says 'cannot be shared' apply /run/policy.yaml
	policy_of "3g.40gb: 1" "3g.40gb: 1"
	says 'policy.yaml:3' apply /run/policy.yaml
	[[ $(writes) == 0 ]]
}

test_share_mig_each_step_killed_and_failed() {
	local change effect
	prepare "3g.40gb: 1" "3g.40gb: 3"
	no_policy
	apply /run/policy.yaml >/dev/null
	for change in set-mig-mode create compute-create; do
		for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor \
			error=EIO error-after=EIO; do
			policy_of "3g.40gb: 1" "3g.40gb: 3"
			carve-sim fault "nvml/$gpu/$change" 1 "$effect" >/dev/null
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			carve-sim clear
			apply /run/policy.yaml >/run/said 2>&1 || die "not after $change $effect: $(cat /run/said)"
			states_are "3 ready"
			[[ $(nodes) == 2 ]] || die "$change $effect: $(nodes) nodes"
			no_policy
			apply /run/policy.yaml >/dev/null
			[[ $(nodes) == 0 ]] || die "$change $effect: left over"
		done
	done
}

test_share_mig_each_step_back_killed_and_failed() {
	local change effect
	prepare "3g.40gb: 1" "3g.40gb: 3"
	for change in destroy compute-destroy set-mig-mode; do
		for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor \
			error=EIO error-after=EIO; do
			policy_of "3g.40gb: 1" "3g.40gb: 3"
			apply /run/policy.yaml >/dev/null
			carve-sim fault "nvml/$gpu/$change" 1 "$effect" >/dev/null
			no_policy
			apply /run/policy.yaml >/dev/null 2>&1 || true
			services_answer
			carve-sim clear
			carve reclaim --retry >/dev/null 2>&1 || true
			apply /run/policy.yaml >/dev/null 2>&1 || true
			wait_until 10 eval "[[ \$(nodes) == 0 ]]"
			wait_until 10 states_are "" || die "$change $effect: $(carve list slices)"
		done
	done
}

# While some have it, nothing that happens to the services ends it for them.
test_share_mig_release_killed_leaves_the_others() {
	local effect uuid
	prepare "3g.40gb: 1" "3g.40gb: 3"
	claim half c1
	claim half c2
	uuid=$(address_of c2)
	for effect in carved carve-executor; do
		carve release c1 >/dev/null &
		kill -KILL "$(pgrep -x -n "$effect")"
		wait $! || true
		services_answer
		carve release c1 --wait --deadline "$SIM_DEADLINE" >/dev/null 2>&1 || true
		wait_until 10 claim_is_over c1
		[[ $(address_of c2) == "$uuid" && $(changes destroy) == 0 ]]
		claim half c1
	done
}
