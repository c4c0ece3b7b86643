# shellcheck shell=bash disable=SC2154 # $sim_jobs is of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Services that have GPUs open, and are stopped and started again around a change. tests/sim/systemctl stands
# in for systemd. Run by tests/sim/run, each function in a world of its own.
# hosts: l40s-4

gpu=0000:27:00.0
other=0000:41:00.0

# One that has both open, one that has the first, and one that is not started.
prepare() {
	mkdir -p /run/units
	ln -s "$(command -v carve-sim)" /run/units/holder
	unit persistence.service /dev/nvidia0 /dev/nvidia1
	unit dcgm.service /dev/nvidia0
	unit idle.service /dev/null
	"$SIM_SYSTEMCTL" start persistence.service
	"$SIM_SYSTEMCTL" start dcgm.service
	rm /run/units/*/told
	services_start
	enroll "$gpu" "$other"
	carve enroll --service persistence.service
	carve enroll --service dcgm.service
	carve enroll --service idle.service
}

unit() { # NAME NODE...
	mkdir -p "/run/units/$1"
	echo "${*:2}" >"/run/units/$1/nodes"
}

runs() { # UNIT
	kill -0 "$(cat "/run/units/$1/pid")"
}

told() { # UNIT
	[[ ! -e /run/units/$1/told ]] || tr '\n' ' ' <"/run/units/$1/told"
}

policy_of() { # UNITS [EARLY]
	policy_is <<- EOF
		version: 1
		devices:
		  gpu: {match: {address: "$gpu"}, expect: 1}
		  other: {match: {address: "$other"}, expect: 1}
		divide:
		  - {use: gpu, as: passthrough${2:-, bind: early}, services: [$1]}
		  - {use: other, as: passthrough${2:-, bind: early}, services: [persistence.service]}
		classes:
		  gpu: {from: [gpu, other]}
		on-remove: destroy
	EOF
}

test_services_are_stopped_and_started_around_an_apply() {
	prepare
	policy_of "dcgm.service, idle.service, persistence.service"
	says 'stop dcgm.service' carve plan /run/policy.yaml
	says 'start persistence.service again' carve plan /run/policy.yaml
	[[ -z $(told dcgm.service) ]]
	apply /run/policy.yaml
	[[ $(driver_of "$gpu") == vfio-pci && $(driver_of "$other") == vfio-pci ]]
	[[ $(told dcgm.service) == "stop start " && $(told persistence.service) == "stop start " ]]
	[[ -z $(told idle.service) ]]
	runs dcgm.service && runs persistence.service
	apply /run/policy.yaml
	[[ $(told dcgm.service) == "stop start " ]]
}

test_services_that_are_not_named_keep_the_device() {
	prepare
	policy_of persistence.service
	says '(dcgm): /dev/nvidia0' apply /run/policy.yaml
	[[ $(driver_of "$gpu") == nvidia && $(driver_of "$other") == vfio-pci ]]
	[[ -z $(told dcgm.service) ]]
	runs persistence.service
}

test_services_that_root_did_not_list_are_refused() {
	prepare
	carve unenroll --service dcgm.service
	policy_of "dcgm.service, persistence.service"
	ends_with 3 apply /run/policy.yaml
	says 'as root: carve enroll --service dcgm.service' apply /run/policy.yaml
	says 'policy.service' carve plan /run/policy.yaml
	[[ $(writes) == 0 && -z $(told persistence.service) ]]
	# Nor by the executor, whatever carved believed.
	carve enroll --service dcgm.service
	apply /run/policy.yaml
	carve unenroll "$gpu" || true
	says 'never stopped' carve enroll --service sshd.service
	says 'is no name of a unit' carve enroll --service sshd
}

test_services_that_do_not_stop_leave_the_device_and_others_go_on() {
	prepare
	touch /run/units/dcgm.service/clings
	policy_of "persistence.service, dcgm.service"
	ends_with 4 apply /run/policy.yaml
	says 'service.stop' apply /run/policy.yaml
	[[ $(driver_of "$gpu") == nvidia && $(driver_of "$other") == vfio-pci ]]
	runs dcgm.service && runs persistence.service
}

test_services_that_are_not_there_leave_the_device() {
	prepare
	carve enroll --service nowhere.service
	policy_of "nowhere.service, dcgm.service, persistence.service"
	ends_with 4 apply /run/policy.yaml
	says 'service.absent' apply /run/policy.yaml
	[[ $(driver_of "$gpu") == nvidia && -z $(told dcgm.service) ]]
}

test_services_that_do_not_start_send_the_device_back() {
	prepare
	touch /run/units/dcgm.service/broken
	policy_of "dcgm.service, persistence.service"
	says 'service.start' apply /run/policy.yaml
	[[ $(driver_of "$gpu") == nvidia && $(driver_of "$other") == vfio-pci ]]
	runs persistence.service
}

test_services_are_stopped_for_a_claim() {
	prepare
	policy_of "dcgm.service, persistence.service" ''
	sed -i 's/, bind: early//' /run/policy.yaml
	apply /run/policy.yaml
	[[ -z $(told dcgm.service) ]]
	claim gpu one
	wait_until 10 all_run
	[[ $(told persistence.service) == "stop start " && $(driver_of "$gpu") == vfio-pci ]]
	carve release one --wait
	[[ $(told persistence.service) == "stop start " ]]
}

all_run() {
	runs persistence.service && runs dcgm.service
}

stopped() {
	[[ $(told persistence.service) == "stop "* ]]
}

# Both services die while a unit is being stopped, and when it has been.
killed_between() { # SECONDS
	prepare
	echo 0.3 >/run/units/persistence.service/waits
	policy_of "dcgm.service, persistence.service"
	carve apply /run/policy.yaml >/dev/null 2>&1 &
	local client=$!
	wait_until 10 stopped
	sleep "$1"
	kill -KILL "$(pgrep -P "${sim_jobs[1]}" -x carved)" "$(pgrep -P "${sim_jobs[0]}" -x carve-executor)"
	services_answer
	wait "$client" || true
	wait_until 20 all_is_done
}

all_is_done() {
	all_run && [[ $(driver_of "$gpu") == vfio-pci && $(driver_of "$other") == vfio-pci ]]
}

test_services_run_again_after_both_programs_died() {
	killed_between 0
	says 'nothing to do' carve plan
}

test_services_run_again_after_both_programs_died_a_little_later() {
	killed_between 0.4
	says 'nothing to do' carve plan
}
