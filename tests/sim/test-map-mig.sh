# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pictures of devices with slots, as a policy would have them. Run by tests/sim/run, in a world of its own.
# hosts: dgx-h100

gpu=0000:1b:00.0

test_map_of_a_policy_shows_slots_and_holes() {
	export LC_ALL=C
	services_start
	enroll "$gpu"
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		divide:
		  - {use: gpu, as: mig, layout: {1g.10gb: 2, 3g.40gb: 1}}
	EOF
	says '+0-------+1-------+2----------------+4----------------------------------+' carve map --policy /run/policy.yaml
	says '|1g.10gb |1g.10gb |    .        .   |3g.40gb                            |' carve map --policy /run/policy.yaml
	says '2 slices, 2 decoders, ' carve map --policy /run/policy.yaml
	says 'nothing is divided' carve map
}

test_plan_draws_slots_before_and_after() {
	test_map_of_a_policy_shows_slots_and_holes
	says $'before: not divided\n\nafter:\n0000:1b:00.0 ' carve plan --map /run/policy.yaml
	says '|1g.10gb |1g.10gb |    .        .   |3g.40gb  ' carve plan --map /run/policy.yaml
	says '"before": []' carve plan --map --json /run/policy.yaml
	says '"profile": "3g.40gb"' carve plan --map --json /run/policy.yaml
	says 'needs the FILE' carve plan --map
}

# Half of the slots, an eighth; what is handed out whole.
test_map_tells_the_share_of_a_part() {
	local shares
	test_map_of_a_policy_shows_slots_and_holes
	shares=$(carve map --policy /run/policy.yaml --json | sed -n 's/.*"share": \([0-9]*\).*/\1/p' | tr '\n' ' ')
	[[ $shares == '125 125 500 ' ]] || die "shares are $shares"
	sed -i 's/as: mig.*/as: passthrough}/' /run/policy.yaml
	says '"share": 1000' carve map --policy /run/policy.yaml --json
}
