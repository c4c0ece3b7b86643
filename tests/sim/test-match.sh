# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Which devices a policy means, while they change. Run by tests/sim/run.
# hosts: nic-nvme

# By its interface or its driver, which it has no more once it is bound for a guest, and until
# the policy lets it go.
match_stays() { # MATCH DEVICE
	services_start
	enroll "$2"
	policy_is <<-END
		version: 1
		devices: {port: {match: {address: "$2", $1}, expect: 1}}
		divide: [{use: port, as: passthrough}]
		classes: {port: {from: port}}
	END
	apply /run/policy.yaml
	claim port guest
	[[ $(driver_of "$2") == vfio-pci ]]
	says 'nothing to do' carve plan /run/policy.yaml
	apply /run/policy.yaml
	says held carve list claims
	carve release guest --wait --deadline "$SIM_DEADLINE"
	apply /run/policy.yaml
	sed -i 's/passthrough/passthrough, bind: early/' /run/policy.yaml
	apply /run/policy.yaml
	[[ $(driver_of "$2") == vfio-pci ]]
	says 'nothing to do' carve plan /run/policy.yaml
	# What a policy without it leaves as it is, the policy takes again.
	printf 'version: 1\n' >/run/none.yaml
	apply /run/none.yaml
	[[ $(driver_of "$2") == vfio-pci ]]
	apply /run/policy.yaml
	printf 'version: 1\non-remove: destroy\n' >/run/none.yaml
	apply /run/none.yaml
	[[ $(driver_of "$2") == igb ]]
}

test_match_by_interface_goes_on_while_a_guest_has_it() {
	match_stays 'netdev: eno3' 0000:04:00.2
}

test_match_by_driver_goes_on_while_a_guest_has_it() {
	match_stays 'driver: igb' 0000:04:00.2
}
