# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a simulated machine promises the real one, and who may make one.
#
#   bash tests/sim/test-world.sh      (BUILD: where carve-sim is, build/dev)

world_build=$(realpath "${BUILD:-build/dev}")
world_sim=$world_build/carve-sim

# What a simulator could have changed here. Each FUSE mount there is has a bdi, those of other tests' worlds too.
this_machine() {
	cat /proc/self/mountinfo /proc/sys/kernel/random/boot_id
	find /sys/bus/pci /sys/class /etc/carve /dev/vfio -maxdepth 2 ! -path '/sys/class/bdi/*' 2>/dev/null | sort
	find /dev /run -maxdepth 1 | sort # terminals below it come and go
}

# Starts a machine whose program waits, as world_pid; its process 1 is world_machine.
world_start() {
	local tries
	"$world_sim" run --host lab --services -- sleep 60 2>"$1" &
	world_pid=$!
	for ((tries = 0; tries < 200; tries++)); do
		world_machine=$(pgrep -P "$world_pid" || true)
		[[ -n $world_machine ]] && pgrep -P "$world_machine" -x sleep >/dev/null && return
		sleep 0.05
	done
	return 1
}

# Nothing has changed before: who only waits is not waited for.
test_first_access_that_waits_comes_back() {
	timeout 20 "$world_sim" run --host lab -- sh -c 'echo 1 >/sys/bus/pci/devices/0000:03:00.0/reset'
}

# Who is in them may claim, or manage.
test_groups_of_people_are_there() {
	"$world_sim" run --host lab -- getent group carve carve-admin
}

# As a crash would: process 1 of a PID namespace takes no other signal from outside (pid_namespaces(7)).
test_simulator_that_dies_leaves_this_machine_as_it_was() {
	local said before status=0
	said=$(mktemp)
	before=$(this_machine)
	world_start "$said"
	kill -KILL "$world_machine"
	wait "$world_pid" || status=$?
	grep -q 'ended by signal 9 .*as it was' "$said" || { cat "$said"; return 1; }
	rm "$said"
	((status == 125)) && diff <(echo "$before") <(this_machine) && ! pgrep -P "$world_machine" >/dev/null
}

test_program_that_ends_leaves_nothing() {
	local before status=0
	before=$(this_machine)
	"$world_sim" run --host nic-nvme --services -- sh -c 'echo 4 >/sys/class/net/ens5f0/device/sriov_numvfs; sleep 100 & exit 3' || status=$?
	((status == 3)) && diff <(echo "$before") <(this_machine)
}

# Root here may open /dev/fuse, others on a usual machine as well: that is what is made so.
as_user() { # PROGRAM...
	# shellcheck disable=SC2016 # expanded inside
	unshare -m bash -euc '
		node=$(mktemp -u)
		mknod "$node" c 10 229
		chmod 666 "$node"
		mount --bind "$node" /dev/fuse
		rm "$node"
		cd /
		exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' as-user "$@"
}

# As in most containers.
test_root_that_may_not_administer_has_a_world_too() {
	setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$world_sim" run --host lab --services -- \
		carve list | grep -q '^0000:01:00.0 .*0/7 VFs'
}

# A folder that others can enter: the build may lie in one that they cannot.
user_build() {
	local folder
	folder=$(mktemp -d)
	cp "$world_build"/carve{,d,-executor,-sim} "$world_build/libcarve-sim.so" sim/hosts/lab.yaml \
		tests/sim/policies/lab.yaml "$folder" 2>/dev/null
	cp tests/sim/policies/lab.yaml "$folder/policy.yaml"
	cp sim/hosts/lab.yaml "$folder/lab.yaml"
	chmod -R a+rX "$folder"
	echo "$folder"
}

test_ordinary_user_sees_the_host() {
	local folder said
	folder=$(user_build)
	said=$(as_user "$folder/carve-sim" run --host "$folder/lab.yaml" -- lspci)
	rm -r "$folder"
	grep -q '01:00.0 Ethernet controller: Intel' <<<"$said"
}

# The second one comes while they start, which is no failure of theirs.
test_services_come_back_after_reboots() {
	local said
	# shellcheck disable=SC2016 # expanded inside
	said=$("$world_sim" run --host lab --pace 0 --services -- sh -ec '
		carve-sim reboot
		carve-sim reboot
		for try in $(seq 100); do
			! carve list claims >/dev/null 2>&1 || exit 0
			sleep 0.1 || true
		done
		exit 1' 2>&1) && [[ -z $said ]]
}

# One user is all there is: the services stay who they are, and say so.
test_ordinary_user_applies_a_policy() {
	local folder said status=0
	folder=$(user_build)
	said=$(as_user "$folder/carve-sim" check "$folder/policy.yaml" --host "$folder/lab.yaml" 2>&1) || status=$?
	((status == 0)) || echo "$said"
	said=$(as_user "$folder/carve-sim" run --services --host "$folder/lab.yaml" -- \
		cat /run/carve-sim/services.log)
	rm -r "$folder"
	((status == 0)) && grep -q 'the services stay root of it' <<<"$said"
}

test_check_fails_when_a_policy_cannot_hold() {
	local policy status=0
	policy=$(mktemp)
	cat >"$policy" <<-'POLICY'
		version: 1
		devices:
		  gpu: {match: {id: "10de:2330"}, expect: 9}
		divide:
		  - {use: gpu, as: passthrough}
	POLICY
	"$world_sim" check "$policy" --host dgx-h100 >/dev/null 2>&1 || status=$?
	rm "$policy"
	((status == 1))
}

test_check_for_programs_is_json() {
	"$world_sim" check tests/sim/policies/lab.yaml --host lab --json 2>/dev/null |
		python3 -c 'import json, sys; sys.exit(json.load(sys.stdin)["holds"] is not True)'
}

test_host_file_with_a_mistake_is_told_with_its_place() {
	local host said status=0
	host=$(mktemp --suffix=.yaml)
	printf 'version: 1\nabout: x\nroots:\n  "0000:00": {slots: {"01.0": {is: no-such-thing}}}\n' >"$host"
	said=$("$world_sim" run --host "$host" -- true 2>&1) || status=$?
	((status == 125)) && [[ $said == *"$host:4:"* ]]
	rm "$host"
}

# Seen through libudev in a network namespace of its own; nobody outside hears of it.
test_events_stay_inside() {
	local heard
	heard=$(mktemp)
	timeout 3 python3 -c '
import socket
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
s.bind((0, 1))
while True: print(s.recv(8192).split(b"\0")[0].decode(), flush=True)' >"$heard" &
	sleep 0.5
	"$world_sim" run --host lab --pace 0 -- sh -c 'echo 2 >/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs'
	wait || true
	! grep -q '0000:01:1' "$heard"
	rm "$heard"
}
