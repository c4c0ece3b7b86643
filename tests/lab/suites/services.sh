# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Units that are stopped while a device changes hands, by the real systemd and with the rule for polkit.
# topology: main
# runs: guest
# limit: 300

suite_reset() {
	reset
	carve_fresh
	cat > /run/systemd/system/busy.service <<- EOF
		[Service]
		ExecStart=/bin/sh -c 'echo start >> /run/busy.log; exec sleep infinity'
		ExecStopPost=/bin/sh -c 'echo stop >> /run/busy.log'
	EOF
	systemctl daemon-reload
}

busy_up() {
	systemctl stop busy.service
	rm -f /run/busy.log
	systemctl start busy.service
	# systemd says that it runs as soon as it has begun.
	wait_until 20 test -s /run/busy.log
	carve enroll 0000:06:00.0
}

policy_with_services() {
	policy_is /tmp/services.yaml <<- EOF
		version: 1
		devices:
		  it: {match: {address: "0000:06:00.0"}, expect: 1}
		divide:
		  - {use: it, as: passthrough, services: [busy.service]}
		classes:
		  it: {from: it}
	EOF
}

told() {
	tr '\n' ' ' < /run/busy.log
}

test_unit_that_root_did_not_list_is_refused() {
	busy_up
	policy_with_services
	refused 'enroll --service busy.service' carve apply /tmp/services.yaml --wait
	same 'start ' "$(told)"
}

test_unit_is_stopped_for_a_claim_and_started_again() {
	carve enroll --service busy.service
	carve apply /tmp/services.yaml --wait
	same 'start ' "$(told)"
	carve alloc it --for manual:suite --name s1
	same vfio-pci "$(driver_of 0000:06:00.0)"
	for _ in $(seq 100); do
		[ "$(told)" != 'start stop start ' ] || break
		sleep 0.1
	done
	same 'start stop start ' "$(told)"
	systemctl is-active busy.service
	carve release s1 --wait
	same 'start stop start ' "$(told)"
}

test_unit_that_does_not_run_is_left_alone() {
	systemctl stop busy.service
	rm -f /run/busy.log
	carve alloc it --for manual:suite --name s2
	carve release s2 --wait
	[ ! -e /run/busy.log ]
	refused inactive systemctl is-active busy.service
}
