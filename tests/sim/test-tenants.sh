# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: lab
#
# Tenants as ordinary users meet them: quota, waiting, leases. The users are of this test alone.

rule='' # of the device, beside how it is divided

tenants_up() { # TENANTS, from standard input
	{
		grep -vE '^(carve|carve-admin|lab-a):' /etc/group
		printf '%s\n' carve:x:3000:alice,bob,carol,dora carve-admin:x:3001: lab-a:x:3002:alice,carol
	} >/run/group
	{
		cat /etc/passwd
		printf '%s\n' {alice:x:2001:2001,bob:x:2002:2002,carol:x:2003:2003,dora:x:2004:2004}::/:/bin/sh
	} >/run/passwd
	install -D -m 755 "$(command -v carve)" /run/users/carve
	mount --bind /run/group /etc/group
	mount --bind /run/passwd /etc/passwd
	services_start
	enroll 0000:01:00.0
	{
		cat <<-END
			version: 1
			devices: {nic: {match: {address: "0000:01:00.0"}}}
			divide: [{use: nic, as: sriov, count: 2$rule}]
			classes: {lan: {from: nic, preemptible: true}}
		END
		cat
	} >/run/policy.yaml
	apply /run/policy.yaml
}

# The build may lie in a folder that others cannot enter.
as() { # USER COMMAND...
	local uid groups
	uid=$(id -u "$1")
	groups=$(sed -n "s/^[^:]*:x:\([0-9]*\):\(.*,\)\?$1\(,.*\)\?\$/\1/p" /run/group | paste -sd,)
	env -u LD_PRELOAD setpriv --reuid="$uid" --regid="$uid" --groups="$groups" "/run/users/$2" "${@:3}"
}

asks() { # USER NAME [OPTION...]
	as "$1" carve alloc lan --for "manual:$1" --name "$2" "${@:3}"
}

state_of() { # CLAIM
	carve show "$1" | sed -n 's/^State: *//p'
}

state_is() { # CLAIM STATE
	[[ $(state_of "$1") == "$2" ]]
}

test_user_over_the_quota_is_told_what_is_left_and_who_has_it() {
	tenants_up <<-'END'
		tenants:
		  a: {from: ["group:lab-a"], quota: {lan: 1}}
		  b: {from: ["user:bob"]}
	END
	asks alice one
	[[ $(carve show one | sed -n 's/^Tenant: *//p') == a ]]
	ends_with 3 asks carol two 2>/run/said
	grep -q 'tenant a may have no more slices of class lan \[claim.quota\]' /run/said
	grep -q 'its quota of class lan is 1; 1 used, 0 left' /run/said
	grep -q 'claim one is held for manual:alice, by uid 2001' /run/said
	asks bob three
	ends_with 3 asks bob four --tenant a 2>/run/said
	grep -qF '[claim.tenant-denied]' /run/said
	carve release three
	carve alloc lan --for vm:x --name five --tenant b
	[[ $(carve show five | sed -n 's/^Tenant: *//p') == b ]]
}

test_user_of_no_tenant_is_told_which_there_are() {
	tenants_up <<-'END'
		tenants:
		  a: {from: ["group:lab-a"]}
	END
	ends_with 3 asks dora one 2>/run/said
	grep -qF 'a (group:lab-a)' /run/said
}

test_users_who_wait_are_served_in_their_order() {
	tenants_up <<-'END'
		tenants:
		  a: {from: ["group:lab-a"]}
		  b: {from: ["user:bob"], priority: 1}
	END
	claim lan one
	claim lan two
	asks alice first --wait >/run/first 2>&1 &
	wait_until 10 state_is first waiting
	asks carol second --wait >/run/second 2>&1 &
	wait_until 10 state_is second waiting
	asks bob before --wait >/run/before 2>&1 &
	wait_until 10 state_is before waiting
	ends_with 6 asks alice gives-up --wait --deadline 1
	wait_until 10 claim_is_over gives-up
	carve release one
	wait_until 10 state_is before held
	state_is first waiting
	carve release before
	wait_until 10 state_is first held
	state_is second waiting
	carve release two
	wait_until 10 state_is second held
	grep -q 'number 2 of those that wait for class lan' /run/second
}

test_lease_that_ends_waits_for_who_has_the_device() {
	tenants_up <<-'END'
		tenants:
		  a: {from: ["user:alice"], lease: {max: 3s}}
	END
	asks alice one
	hold guest "$(address_of one)"
	wait_until 10 state_is one releasing
	carve show one | grep -q 'Ended: *its lease of 3s is over'
	wait_until 10 says "held by pid" carve show one
	sleep 2
	state_is one releasing
	let_go
	wait_until 20 claim_is_over one
	carve events --last 50 | grep -q claim.lease-ending
}

test_lease_of_what_nobody_uses_ends() {
	tenants_up <<-'END'
		tenants:
		  a: {from: ["user:alice"], lease: {idle: 10s}}
	END
	asks alice one
	asks alice two
	hold guest "$(address_of one)"
	wait_until 25 claim_is_over two
	state_is one held
	let_go
}

test_claim_makes_way_for_who_comes_before() {
	tenants_up <<-'END'
		tenants:
		  a: {from: ["group:lab-a"]}
		  b: {from: ["user:bob"], priority: 1}
	END
	asks alice one
	asks alice two --preemptible
	asks bob three --wait --deadline 20
	claim_is_over two
	state_is one held
	state_is three held
}

test_slice_of_the_same_tenant_is_for_nobody_else() {
	rule=', after-use: same-tenant'
	tenants_up <<-'END'
		tenants:
		  a: {from: ["user:alice"]}
		  b: {from: ["user:bob"]}
	END
	asks alice one
	asks alice two
	carve release one
	carve release two
	ends_with 3 asks bob three 2>/run/said
	grep -qF '2 hold data of another account' /run/said
	says 'kept for uid 2001: after-use: same-tenant' carve list slices --json
	says 'it goes to uid 2001 only' carve doctor
	asks alice one
	carve release one
	carve quarantine clear "$(carve list slices | awk '/vf0 /{print $1}')" --reason "looked at"
	wait_until 10 asks bob three
}

test_slice_that_was_used_waits_for_an_administrator() {
	rule=', after-use: quarantine'
	tenants_up <<-'END'
		tenants:
		  a: {from: ["user:alice"]}
	END
	asks alice one
	ends_with 4 carve release one 2>/run/said
	grep -qF '[reclaim.rule]' /run/said
	says 'waits for an administrator' carve quarantine list
}

test_device_of_one_tenant_at_a_time_is_for_nobody_else() {
	rule=', one-tenant-per-device: true'
	tenants_up <<-'END'
		tenants:
		  a: {from: ["group:lab-a"]}
		  b: {from: ["user:bob"]}
	END
	asks alice one
	asks carol two
	carve release two
	ends_with 3 asks bob three 2>/run/said
	grep -qF '0000:01:00.0 goes to one tenant at a time (/run/policy.yaml:3); claim one of uid 2001 of tenant a' /run/said
	asks bob three --wait >/run/three 2>&1 &
	wait_until 10 state_is three waiting
	carve release one
	wait_until 10 state_is three held
}

test_quota_of_virtual_functions_is_over_all_classes() {
	tenants_up <<-'END'
		tenants:
		  a: {from: ["group:lab-a"], resources: {vfs: 1}}
		  b: {from: ["user:bob", "user:nobody-here"]}
	END
	asks alice one
	ends_with 3 asks carol two 2>/run/said
	grep -qF 'its quota in all is 1 vfs; 1 vfs used, 0 vfs left; one more takes at least 1 vfs' /run/said
	grep -qF 'claim one is held with 1 vfs for manual:alice, by uid 2001' /run/said
	says '1/1 vfs' carve list tenants
	ends_with 3 carve fit lan --tenant a 2>/run/said
	grep -qF 'the quotas of tenant a have room for 0 more' /run/said
	carve fit lan --tenant b
	ends_with 1 carve fit lan --tenant c 2>/run/said
	grep -qF '[claim.tenant-unknown]' /run/said
	says 'this host knows no user:nobody-here' carve doctor
	asks bob three
}
