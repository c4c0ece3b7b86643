# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What carve-sim says when it cannot do what it is asked for, by the ids of carve-errors(7); those of host
# files are in tests/unit/test-host.c.
#
#   bash tests/sim/test-messages.sh      (BUILD: where carve-sim is, build/dev)

messages_build=$(realpath "${BUILD:-build/dev}")
messages_sim=$messages_build/carve-sim

# The status 125, the id, and why there is no world.
refused_with() { # ID PROGRAM...
	local said status=0
	said=$("${@:2}" 2>&1 </dev/null) || status=$?
	if ((status != 125)) || [[ $said != *"[$1]"* || $said != *"  because  "* ]]; then
		printf 'expected 125 and %s, got %s and:\n%s\n' "$1" "$status" "$said" >&2
		return 1
	fi
}

test_run_without_a_host() {
	refused_with sim.host.none "$messages_sim" run -- true
}

test_run_with_a_host_that_is_not_there() {
	refused_with sim.host.open "$messages_sim" run --host no-such-host -- true
}

test_fault_of_no_known_effect() {
	refused_with sim.fault "$messages_sim" run --host lab --fault 'sriov_numvfs explode' -- true
}

test_fault_that_its_kind_of_access_cannot_have() {
	refused_with sim.fault "$messages_sim" run --host lab --fault 'sriov_numvfs read ignore' -- true
}

# Where a system call is refused: seccomp(2), for x86-64 and arm64.
without_call='import ctypes, os, platform, struct, sys
number = {"unshare": {"x86_64": 272, "aarch64": 97}, "listen": {"x86_64": 50, "aarch64": 201}}
number = number[sys.argv[1]][platform.machine()]
code = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, number, 6, 0, 0, 0x50001, 6, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.create_string_buffer(program), 0, 0):
    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[2], sys.argv[2:])'

test_world_that_cannot_be_made() {
	refused_with sim.world python3 -c "$without_call" unshare "$messages_sim" run --host lab -- true
}

test_fault_of_a_scenario_is_told_with_its_line() {
	local scenario
	scenario=$(mktemp)
	printf '# hangs\nreset hang\n\nreset explode\n' >"$scenario"
	"$messages_sim" run --host lab --fault "@$scenario" -- true 2>&1 | grep -qF "$scenario:4"
	rm "$scenario"
}

test_fault_that_is_too_long() {
	local long
	long=$(printf '%600s' hang)
	refused_with sim.fault "$messages_sim" run --host lab --fault "$long" -- true
}

test_world_inside_a_world() {
	refused_with sim.nested "$messages_sim" run --host lab -- "$messages_sim" run --host lab -- true
}

test_world_without_fuse() {
	refused_with sim.fuse unshare --mount sh -c 'mount --bind /dev/null /dev/fuse && exec "$@"' sh \
		"$messages_sim" run --host lab -- true
}

# In JSON as well it is said why a policy does not hold.
test_check_of_what_cannot_hold_says_why() {
	local policy said
	policy=$(mktemp --suffix=.yaml)
	printf 'version: 1\ndevices: {nic: {match: {netdev: none}, expect: 1}}\ndivide: [{use: nic, as: sriov, count: 2}]\n' \
		>"$policy"
	said=$("$messages_sim" check "$policy" --host lab --json 2>/dev/null) && return 1
	rm "$policy"
	[[ $said == *'"holds": false'* && $said == *'"id": "policy.expect"'* ]]
}

# Disks that are in use are given to nobody: a policy that divides them is no good.
test_check_of_what_no_claim_can_have() {
	local policy said status=0
	policy=$(mktemp --suffix=.yaml)
	printf 'version: 1\ndevices: {disk: {match: {class: storage}}}\ndivide: [{use: disk, as: passthrough}]\n' \
		>"$policy"
	said=$("$messages_sim" check "$policy" --host dgx-h100 2>&1) || status=$?
	((status == 1)) && [[ $said == *'does not hold'* && $said == *md0* ]] || status=2
	"$messages_sim" check "$policy" --host dgx-h100 --json >/dev/null 2>&1 && status=2
	rm "$policy"
	((status == 1))
}

# Nor is a function whose group a driver of the host stays in.
test_check_of_a_group_that_stays_with_the_host() {
	local policy said status=0
	policy=$(mktemp --suffix=.yaml)
	printf 'version: 1\ndevices: {gpu: {match: {id: "10de:1e07"}}}\ndivide: [{use: gpu, as: passthrough}]\n' \
		>"$policy"
	said=$("$messages_sim" check "$policy" --host workstation 2>&1) || status=$?
	rm "$policy"
	((status == 1)) && [[ $said == *'does not hold'* && $said == *snd_hda_intel* && $said == *'companions: bind'* ]]
}

test_check_of_a_host_with_thousands_of_functions() {
	local policy
	policy=$(mktemp --suffix=.yaml)
	printf 'version: 1\n' >"$policy"
	"$messages_sim" check "$policy" --host monster >/dev/null
	rm "$policy"
}

# Alone in a folder, where no carved is beside it; an installed one is hidden by a program that ends at once,
# which takes longer to be noticed.
test_services_that_do_not_start() {
	local folder status=0
	folder=$(mktemp -d)
	cp "$messages_sim" "$folder/carve-sim"
	local run=("$folder/carve-sim" run --host "$PWD/sim/hosts/lab.yaml" --services -- true)
	if "${run[@]}" >/dev/null 2>&1; then
		printf '#!/bin/sh\nexit 1\n' >"$folder/carved"
		chmod +x "$folder/carved"
	fi
	refused_with sim.services "${run[@]}" || status=$?
	rm -r "$folder"
	return "$status"
}

# What process 1 says while the program goes on; that is the one which waits for it.
test_services_that_do_not_start_again_after_a_reboot() {
	local folder status=0
	folder=$(mktemp -d)
	cp "$messages_build"/{carve-sim,carved,carve-executor} "$folder"
	printf '#!/bin/sh\nexit 1\n' >"$folder/broken"
	chmod +x "$folder/broken"
	# shellcheck disable=SC2016 # expanded inside
	"$folder/carve-sim" run --host "$PWD/sim/hosts/lab.yaml" --pace 0 --services -- sh -ec '
		mv "$1/broken" "$1/carved"
		carve-sim reboot
		for try in $(seq 100); do
			! grep -q "do  *see" "$1/said" || exit 0
			sleep 0.1 || true # killed, if it has just begun
		done
		exit 1' sh "$folder" 2>"$folder/said" || status=$?
	grep -q '\[sim.services\]' "$folder/said" &&
		grep -q 'because .*it ended before it was ready' "$folder/said" &&
		grep -q 'state .*rebooted .*services.log' "$folder/said" || status=1
	((status == 0)) || cat "$folder/said" >&2
	rm -r "$folder"
	return "$status"
}

test_machine_that_cannot_listen() {
	refused_with sim.control python3 -c "$without_call" listen "$messages_sim" run --host lab -- true
}

test_capture_of_no_tree() {
	refused_with sim.capture "$messages_sim" capture --sys=/no/such/tree
}

test_program_that_is_not_there() {
	local status=0
	"$messages_sim" run --host lab -- /no/such/program 2>/dev/null || status=$?
	((status == 127))
}

test_program_that_cannot_be_executed() {
	local status=0
	"$messages_sim" run --host lab -- /etc/passwd 2>/dev/null || status=$?
	((status == 126))
}

test_program_that_a_signal_ends() {
	local status=0
	"$messages_sim" run --host lab -- sh -c 'kill -TERM $$' || status=$?
	((status == 128 + 15))
}

test_request_from_outside() {
	local said status=0
	said=$("$messages_sim" status 2>&1) || status=$?
	[[ $status == 1 && $said == *"not inside a simulated machine"* ]]
}

# --- the command line ---------------------------------------------------------------------------

# The status 2, the words, and how the command is used.
mistake() { # WORDS ARGUMENT...
	local said status=0
	said=$("$messages_sim" "${@:2}" 2>&1 </dev/null) || status=$?
	if ((status != 2)) || [[ $said != "carve-sim: "*"$1"*"usage: carve-sim $2 "* ]]; then
		printf 'expected 2 and "%s", got %s and:\n%s\n' "$1" "$status" "$said" >&2
		return 1
	fi
}

test_option_of_another_command_is_refused() {
	mistake '"run" takes no --json, which is for: check' run --host lab --json -- true &&
		mistake '"hosts" takes no --host, which is for: run, shell, check' hosts --host lab &&
		mistake '"check" takes no --pace' check policy.yaml --host lab --pace=0 &&
		mistake '"shell" takes no --services' shell --services &&
		mistake '"capture" takes no --name' capture file.yaml --name x &&
		mistake '"hold" takes no --anonymous' hold 0000:01:00.0 --anonymous -- true &&
		mistake '"status" takes no --dev' status --dev /dev
}

test_option_that_no_command_has_is_refused() {
	mistake "unrecognized option '--no-such'" run --no-such -- true &&
		mistake "option '--host' requires an argument" check policy.yaml --host &&
		mistake "option '--json' doesn't allow an argument" check --json=x policy.yaml
}

test_value_that_an_option_cannot_have_is_refused() {
	local faults
	mapfile -t faults < <(printf -- '--fault=x hang\n%.0s' {1..33})
	mistake '--pace wants per cent, not "fast"' run --host lab --pace fast -- true &&
		mistake 'more than 32 times --fault' run --host lab "${faults[@]}" -- true
}

test_operands_that_are_too_many_or_too_few_are_refused() {
	mistake '"run" needs -- PROGRAM' run --host lab &&
		mistake '"check" needs POLICY' check --host lab --json &&
		mistake '"--json" is one operand too many' check policy.yaml -- --json &&
		mistake '"two" is one operand too many' clear 1 two
}

test_option_without_a_command_is_refused() {
	local said status=0
	said=$("$messages_sim" --host lab 2>&1) || status=$?
	((status == 2)) && [[ $said == "carve-sim: --host stands behind a command: run, shell, check"* ]]
}

# Just what it takes, and what all take.
test_help_of_a_command() {
	local said
	said=$("$messages_sim" check --help)
	[[ $said == "usage: carve-sim check [OPTION]... POLICY"* && $said == *--host=* && $said == *--json* ]] &&
		[[ $said == *--help* && $said != *--pace* && $said != *--anonymous* ]] &&
		"$messages_sim" run --host lab --help | grep -q '^usage: carve-sim run ' &&
		"$messages_sim" hold 0000:01:00.0 --help | grep -q '^usage: carve-sim hold ' &&
		"$messages_sim" hosts --version | grep -q '^carve-sim [0-9]'
}

# Words of the program are its own, be they options here, too, or many.
test_words_of_a_program_are_all_its_own() {
	local words many few
	mapfile -t words < <(seq 2000)
	many=$("$messages_sim" run --host lab --pace 0 -- echo --help -- --json "${words[@]}")
	few=$("$messages_sim" run --host=lab --pace 0 echo --host x)
	[[ $many == "--help -- --json ${words[*]}" && $few == "--host x" ]]
}

# Before and behind what is held; "--" ends them. The machine hears a moment later that nobody holds it any
# more.
test_options_stand_around_an_operand() {
	# shellcheck disable=SC2016 # expanded inside
	local hold='echo vfio-pci >/sys/bus/pci/devices/0000:01:00.0/driver_override
		echo 0000:01:00.0 >/sys/bus/pci/devices/0000:01:00.0/driver/unbind
		echo 0000:01:00.0 >/sys/bus/pci/drivers_probe
		held() {
			for try in $(seq 50); do
				! carve-sim hold "$@" || return 0
				sleep 0.1
			done
		}
		for order in "--name a 0000:01:00.0" "0000:01:00.0 --name a" "--name a -- 0000:01:00.0"; do
			held $order -- echo --name $order
			held $order echo --name $order
		done'
	local said
	said=$("$messages_sim" run --host lab --pace 0 -- sh -ec "$hold" 2>&1)
	(($(grep -c '^--name .*0000:01:00.0' <<<"$said") == 6))
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	cd "$(dirname "$0")/../.." || exit
	failed=0 number=0
	mapfile -t tests < <(sed -nE 's/^(test_[a-z_]+)\(\).*/\1/p' tests/sim/test-messages.sh)
	echo "1..${#tests[@]}"
	for name in "${tests[@]}"; do
		number=$((number + 1))
		if "$name"; then
			echo "ok $number $name"
		else
			echo "not ok $number $name"
			failed=$((failed + 1))
		fi
	done
	((failed == 0))
fi
