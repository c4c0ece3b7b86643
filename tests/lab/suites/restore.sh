# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# After a power cut in the middle of an apply the same slices come back with no hand, before units that
# order themselves after carve-ready.target.
# topology: power
# runs: host
# limit: 400

test_f04_power_cut_in_an_apply_then_the_same_slices() {
	guest_run prepare 200 <<- 'EOF'
		set -e
		. /opt/lab/lib.sh
		modprobe mtty
		carve_fresh
		carve enroll 0000:01:00.0
		carve enroll mtty
		policy_is /etc/carve/policy.yaml <<- 'POLICY'
			version: 1
			devices:
			  nic: {match: {address: "0000:01:00.0"}}
			  serial: {match: {mdev-parent: mtty}}
			divide:
			  - {use: nic, as: sriov, count: 3}
			  - {use: serial, as: mdev, on-demand: [mtty-1]}
			classes:
			  lan: {from: nic, may-set: {mac: true}}
			  tty: {from: serial}
			reservations:
			  - {name: web01, class: lan, for: "libvirt:web01", set: {mac: "52:54:00:aa:00:07"}}
		POLICY
		carve apply /etc/carve/policy.yaml --wait
		carve alloc tty --for manual:suite --name console --reserved
		carve handle console --format json | jq -r .handle.uuid > /etc/carve/uuid
		sed 's/count: 3/count: 5/' /etc/carve/policy.yaml > /etc/carve/more.yaml
		carve release web01 --wait || true
		carve apply /etc/carve/more.yaml > /dev/null 2>&1 &
		sleep 0.5
		sync
	EOF
	guest_power_cut
	guest_boot
	guest_run after 200 <<- 'EOF'
		set -e
		. /opt/lab/lib.sh
		modprobe mtty
		systemd-sysusers
		systemd-tmpfiles --create
		systemctl daemon-reload
		systemctl start carve-ready.target
		same 5 "$(vfs_of 0000:01:00.0)"
		[ -e "/sys/bus/mdev/devices/$(cat /etc/carve/uuid)" ]
		json_is held '.claims[] | select(.name == "web01") | .state' carve --json list claims
		json_is 52:54:00:aa:00:07 '.claims[] | select(.name == "web01") | .settings.mac' carve --json list claims
		json_is 0 '.steps | length' carve --json plan
	EOF
}
