# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How vGPUs of a GPU take turns: set before there are any, again after a reboot, refused where it cannot be, and the
# step failed and killed. Run by tests/sim/run, in a world of its own.
# hosts: l40s-4

gpu=0000:41:00.0

policy_of() { # REST_OF_DIVIDE
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: vgpu, layout: {L40S-12Q: 2}$1}
		classes:
		  desk: {from: gpu}
	EOF
}

prepare() { # REST_OF_DIVIDE
	services_start
	enroll "$gpu"
	policy_of "$1"
}

# By the library, whatever carve says of it.
scheduler_is() { # NUMBER
	carve-nvml --look="$gpu" | grep -q "\"scheduler\": $1,"
}

vgpus_are() { # NUMBER
	[[ $(grep -lx 1154 "/sys/bus/pci/devices/$gpu"/virtfn*/nvidia/current_vgpu_type 2>/dev/null | wc -l) == "$1" ]]
}

sets() {
	carve-sim trace | grep -c "set-vgpu-scheduler" || true
}

test_scheduler_is_set_and_shown() {
	prepare ', scheduler: equal-share'
	says "set the scheduler of vGPUs on $gpu to equal-share" carve plan /run/policy.yaml
	apply /run/policy.yaml
	vgpus_are 2 || die "the vGPUs are not there"
	scheduler_is 2 || die "it is another one"
	says 'vGPU scheduler:   equal-share' carve show "$gpu"
	carve show "$gpu" --json | grep -q '"vgpu_scheduler": *"equal-share"' || die "JSON does not tell it"
	[[ $(sets) == 1 ]] || die "it was set $(sets) times"
	apply /run/policy.yaml
	[[ $(sets) == 1 ]] || die "it was set again"
}

test_scheduler_reboot_sets_it_again() {
	prepare ', scheduler: fixed-share'
	apply /run/policy.yaml
	claim desk web01 >/dev/null
	carve-sim reboot
	services_start
	wait_until 30 vgpus_are 2
	scheduler_is 3 || die "it is another one"
	says held carve list claims
}

test_scheduler_other_one_makes_vgpus_again() {
	prepare ', scheduler: equal-share'
	apply /run/policy.yaml
	claim desk web01 >/dev/null
	policy_of ', scheduler: fixed-share'
	says 'held by claim web01' apply /run/policy.yaml
	scheduler_is 2 || die "it was changed below a claim"
	carve release web01 --wait >/dev/null
	apply /run/policy.yaml
	scheduler_is 3 || die "it is another one"
	vgpus_are 2 || die "the vGPUs are not there"
	# Not said: it stays.
	policy_of ''
	apply /run/policy.yaml
	scheduler_is 3 || die "it was changed and nobody asked"
}

test_scheduler_beside_mixed_sizes() {
	prepare ', sizes: mixed, scheduler: equal-share'
	apply /run/policy.yaml
	scheduler_is 2 || die "it is another one"
	policy_of ', sizes: mixed, scheduler: fixed-share'
	says 'fixed shares are for vGPUs of one size' apply /run/policy.yaml
}

test_scheduler_that_the_driver_does_not_set() {
	carve-sim fault "nvml/$gpu/vgpu-scheduler" read 1+ error=EOPNOTSUPP >/dev/null
	prepare ', scheduler: equal-share'
	says 'vgpu.scheduler.unsupported' apply /run/policy.yaml
	vgpus_are 0 || die "vGPUs were made all the same"
	carve show "$gpu" | grep -q 'vGPU scheduler' && die "one is shown that nobody knows"
	policy_of ''
	apply /run/policy.yaml
	vgpus_are 2 || die "the vGPUs are not there"
}

test_scheduler_that_the_library_refuses() {
	prepare ', scheduler: equal-share'
	carve-sim fault "nvml/$gpu/set-vgpu-scheduler" write error=EOPNOTSUPP >/dev/null
	says 'vgpu.mode.unsupported' apply /run/policy.yaml
	apply /run/policy.yaml
	scheduler_is 2 || die "it is another one"
}

test_scheduler_step_killed() {
	local effect
	prepare ', scheduler: equal-share'
	for effect in kill=carved kill-after=carved kill=carve-executor kill-after=carve-executor; do
		policy_of ', scheduler: equal-share'
		carve-sim fault "nvml/$gpu/set-vgpu-scheduler" write "$effect" >/dev/null
		apply /run/policy.yaml >/dev/null 2>&1 || true
		services_answer
		wait_until 60 vgpus_are 2
		scheduler_is 2 || die "it is another one"
		carve-sim clear
		policy_is <<- EOF
			version: 1
			devices:
			  gpu: {match: {address: "$gpu"}, expect: 1}
			divide:
			  - {use: gpu, as: passthrough}
			classes:
			  desk: {from: gpu}
		EOF
		apply /run/policy.yaml >/dev/null
		wait_until 60 vgpus_are 0
	done
}
