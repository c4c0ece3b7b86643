# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# After a power cut in the middle of an apply the same slices come back with no hand, before units that
# order themselves after carve-ready.target.
# topology: power
# runs: host
# limit: 400

# What installing carve and `systemctl enable` do on a host, for the guest's next boots; and a unit
# that wants its slices: it writes down what it finds when it is started.
enable_carve() {
	local system=$lab_run/share/overlay/etc/systemd/system
	cat > "$system/lab-installed.service" <<- 'EOF'
		[Unit]
		DefaultDependencies=no
		After=sysinit.target
		Before=carved.socket carve-executor.socket carved.service carve-executor.service
		[Service]
		Type=oneshot
		RemainAfterExit=yes
		ExecStart=systemd-sysusers
		ExecStart=systemd-tmpfiles --create
		ExecStart=modprobe mtty
	EOF
	cat > "$system/tenant.service" <<- 'EOF'
		[Unit]
		After=carve-ready.target
		[Service]
		Type=oneshot
		RemainAfterExit=yes
		ExecStart=/bin/bash -c '. /opt/lab/lib.sh; slices > /run/tenant.new; mv /run/tenant.new /run/tenant'
	EOF
	ln -sf /etc/systemd/system/lab-installed.service /usr/lib/systemd/system/carve-ready.target \
		/etc/systemd/system/tenant.service "$system/lab.target.wants/"
}

test_f04_power_cut_in_an_apply_then_the_same_slices() {
	guest_run prepare 200 <<- 'EOF'
		set -e
		. /opt/lab/lib.sh
		modprobe mtty
		carve_fresh
		carve enroll 0000:01:00.0
		carve enroll 0000:02:00.0
		carve enroll mtty
		policy_is /etc/carve/policy.yaml <<- 'POLICY'
			version: 1
			devices:
			  nic: {match: {address: "0000:01:00.0"}}
			  disk: {match: {address: "0000:02:00.0"}}
			  serial: {match: {mdev-parent: mtty}}
			divide:
			  - {use: nic, as: sriov, count: 3}
			  - {use: disk, as: sriov, count: 1}
			  - {use: serial, as: mdev, on-demand: [mtty-1]}
			classes:
			  lan: {from: nic, may-set: {mac: true}}
			  disk: {from: disk}
			  tty: {from: serial}
			reservations:
			  - {name: web01, class: lan, for: "libvirt:web01", set: {mac: "52:54:00:aa:00:07"}}
		POLICY
		carve apply /etc/carve/policy.yaml --wait
		carve alloc tty --for manual:suite --name console --reserved
		carve handle console --format json | jq -r .handle.uuid > /etc/carve/uuid
		carve --json list claims > /etc/carve/claims.before
		slices > /etc/carve/slices.before
		sync
		sed 's/as: sriov, count: 1/as: sriov, count: 6/' /etc/carve/policy.yaml > /tmp/more.yaml
		carve apply /tmp/more.yaml --wait > /dev/null 2>&1 &
		# The old VF goes first: from there on most of it is still to be done.
		while [ -e "$pci/0000:02:00.0/virtfn0" ]; do kill -0 $!; done
		kill -0 $! || fail "the apply is over already"
	EOF
	enable_carve
	guest_power_cut
	guest_boot
	guest_run after 200 <<- 'EOF'
		set -e
		. /opt/lab/lib.sh
		wait_until 90 test -s /run/tenant
		echo "before the unit that wants them:"
		cat /run/tenant
		grep -vxFf /run/tenant /etc/carve/slices.before > /tmp/lost || true
		same "" "$(cat /tmp/lost)" "slices that did not come back"
		same 6 "$(grep -c '^0000:02:00.0 VF' /run/tenant)" "VFs of the apply that was cut"
		same "$(cat /etc/carve/uuid)" "$(grep -x "$(cat /etc/carve/uuid)" /run/tenant)"
		json_is held '.claims[] | select(.name == "web01") | .state' carve --json list claims
		json_is 52:54:00:aa:00:07 '.claims[] | select(.name == "web01") | .settings.mac' carve --json list claims
		carve --json list claims | jq -S '[.claims[] | {name, address, slice}] | sort_by(.name)' > /tmp/now
		jq -S '[.claims[] | {name, address, slice}] | sort_by(.name)' /etc/carve/claims.before > /tmp/then
		same "$(cat /tmp/then)" "$(cat /tmp/now)" "claims"
		json_is 0 '.steps | length' carve --json plan
	EOF
}
