# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# carve policy check with --host: what it says is what carve-sim finds. Run by tests/sim/run, outside of a world.

policy_build=$(realpath "${BUILD:-build}")

carve() {
	"$policy_build/carve" "$@"
}

# Status, words, command.
ends_and_says() { # STATUS WORDS COMMAND...
	local said status=0
	said=$("${@:3}" 2>&1 </dev/null) || status=$?
	if ((status != $1)) || [[ $said != *"$2"* ]]; then
		printf 'expected %s and "%s", got %s and:\n%s\n' "$1" "$2" "$status" "$said" >&2
		return 1
	fi
}

policies() { # makes one.yaml and other.yaml, which divide one device of nic-nvme, and wrong.yaml
	policy_dir=$(mktemp -d)
	printf '%s\n' 'version: 1' 'devices:' '  slow: {match: {netdev: eno2}, expect: 1}' \
		'divide:' '  - {use: slow, as: sriov, count: 2}' >"$policy_dir/one.yaml"
	printf '%s\n' 'version: 1' 'devices:' '  cards: {match: {subsystem: "8086:00a3", not: {netdev: eno1}}}' \
		'divide:' '  - {use: cards, when: {numa: 7}, as: passthrough}' \
		'  - {use: cards, as: sriov, count: 1}' >"$policy_dir/other.yaml"
	sed 's/expect: 1/expect: 2/' "$policy_dir/one.yaml" >"$policy_dir/wrong.yaml"
}

test_policy_check_on_a_host_passes_through_what_the_simulator_finds() {
	policies
	ends_and_says 0 'one.yaml holds on this host' carve policy check "$policy_dir/one.yaml" --host nic-nvme
	ends_and_says 0 '"holds": true' carve policy check "$policy_dir/one.yaml" --host nic-nvme --json
	ends_and_says 0 '"divided_by": ' carve policy check "$policy_dir/one.yaml" --host nic-nvme --json
	ends_and_says 1 'matches 1 devices, 2 are expected' carve policy check "$policy_dir/wrong.yaml" --host nic-nvme
	ends_and_says 1 'policy.expect' carve policy check "$policy_dir/wrong.yaml" --host nic-nvme --json
	ends_and_says 125 'sim.host.open' carve policy check "$policy_dir/one.yaml" --host no-such-host
	rm -r "$policy_dir"
}

test_policy_check_of_two_that_divide_one_device_names_both() {
	policies
	ends_and_says 0 'other.yaml is a policy' carve policy check "$policy_dir"/{one,other}.yaml
	ends_and_says 1 "one.yaml:5 and $policy_dir/other.yaml:6 divide one device on 0000:04:00.1 [policy.conflict]" \
		carve policy check "$policy_dir"/{one,other}.yaml --host nic-nvme
	ends_and_says 1 '"conflicts": [' carve policy check "$policy_dir"/{one,other}.yaml --host nic-nvme --json
	ends_and_says 1 '1 of 2 files is wrong' carve policy check "$policy_dir"/{one,wrong}.yaml --host nic-nvme
	rm -r "$policy_dir"
}

test_policy_check_on_a_host_without_the_simulator_says_so() {
	policies
	cp "$policy_build/carve" "$policy_dir/"
	ends_and_says 1 'cli.no-simulator' env PATH=/nonexistent "$policy_dir/carve" policy check "$policy_dir/one.yaml" --host lab
	ln -s "$policy_build/carve-sim" "$policy_dir/carve-sim"
	ends_and_says 0 'holds on this host' "$policy_dir/carve" policy check "$policy_dir/one.yaml" --host nic-nvme
	rm -r "$policy_dir"
}

# A kernel that was told to split IOMMU groups: nothing is given away, unless the policy takes that risk by name.
test_policy_check_on_a_host_that_splits_groups_by_order() {
	policies
	sed 's/^version: 1$/&\nacs-override: true/' sim/hosts/nic-nvme.yaml >"$policy_dir/split.yaml"
	grep -q '^acs-override' "$policy_dir/split.yaml"
	printf '%s\n' 'version: 1' 'devices:' '  slow: {match: {netdev: eno2}, expect: 1}' \
		'divide:' '  - {use: slow, as: sriov, count: 2}' 'classes:' '  lan: {from: slow}' 'reservations:' \
		'  - {name: guest, class: lan, for: "libvirt:guest"}' >"$policy_dir/careful.yaml"
	ends_and_says 0 'holds on this host' carve policy check "$policy_dir/careful.yaml" --host nic-nvme
	ends_and_says 1 'pcie_acs_override' \
		carve policy check "$policy_dir/careful.yaml" --host "$policy_dir/split.yaml"
	echo 'unsafe: [acs-override]' >>"$policy_dir/careful.yaml"
	ends_and_says 0 'holds on this host' \
		carve policy check "$policy_dir/careful.yaml" --host "$policy_dir/split.yaml"
	rm -r "$policy_dir"
}
