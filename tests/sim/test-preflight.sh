# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: dgx-h100
#
# What carve says of a change of kernel or driver before it is made.

gpu=0000:1b:00.0

prepare() {
	services_start
	enroll "$gpu"
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {address: "$gpu"}}}
		divide: [{use: gpu, as: mig, layout: {3g.40gb: 1}}]
		classes: {any: {from: gpu}}
	EOF
	apply /run/policy.yaml
	claim any one
}

test_preflight_of_what_runs_finds_no_problem() {
	local before
	prepare
	before=$(writes)
	carve preflight
	[[ $(carve preflight --json) != *preflight.held* ]]
	[[ $(writes) == "$before" ]]
}

test_preflight_of_a_kernel_that_is_not_there_is_a_problem() {
	local said status=0
	prepare
	said=$(carve preflight --kernel 9.9.9-none 2>&1) || status=$?
	((status == 1))
	[[ $said == *'/lib/modules/9.9.9-none/modules.dep'* && $said == *'1 problem'* ]]
	says '"id": "preflight.kernel"' carve preflight --kernel 9.9.9-none --json
	says '1 held would be ended by it: one' carve preflight --kernel 9.9.9-none
}

test_preflight_of_another_driver_names_what_would_end() {
	prepare
	carve preflight --driver 999.1
	says '1 held would be ended by it: one' carve preflight --driver 999.1
}

test_preflight_takes_versions_only() {
	local status=0
	services_start
	says preflight.version carve preflight --kernel ../etc --json
	carve preflight --driver newest || status=$?
	((status == 1))
}
