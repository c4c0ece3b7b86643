# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests in simulated hosts share: those that run inside of one (tests/sim/run starts a world for
# each), and the sweep. The services are started here and not by the simulator: who is killed
# comes back at once, and after a reboot it is the test that says when the host is up again.

SIM_STATE=/run/carve-sim/state
SIM_LOG=/run/carve-sim/log
SIM_DEADLINE=${SIM_DEADLINE:-20}
SIM_CARVED=() SIM_EXECUTOR=() # more options
SIM_SYSTEMCTL=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/systemctl

die() {
	echo "$*" >&2
	return 1
}

keep_running() { # PROGRAM...
	local tries
	# A program that cannot start is not tried for ever.
	for ((tries = 0; tries < 200; tries++)); do
		"$@" >>"$SIM_LOG" 2>&1 </dev/null || true
	done
}

services_answer() {
	local tries
	for ((tries = 0; tries < 400; tries++)); do
		carve list claims >/dev/null 2>&1 && return
		sleep 0.01
	done
	die "the services do not answer"
}

services_start() {
	mkdir -p /run/carve
	keep_running carve-executor --run-dir=/run/carve --config-dir=/etc/carve --systemctl="$SIM_SYSTEMCTL" "${SIM_EXECUTOR[@]}" \
		>/dev/null 2>&1 &
	sim_jobs=("$!")
	keep_running carved --state-dir="$SIM_STATE" --config-dir=/etc/carve "${SIM_CARVED[@]}" >/dev/null 2>&1 &
	sim_jobs+=("$!")
	services_answer
}

boots() {
	carve-sim status | sed -n 's/^boots //p'
}

writes() {
	carve-sim status | sed -n 's/^writes //p'
}

enroll() { # DEVICE...
	local device
	for device; do
		carve enroll "$device" >/dev/null || return
	done
}

apply() { # POLICY [OPTION...]
	carve apply "$@" --wait --deadline "$SIM_DEADLINE"
}

# Everything that could have been changed, of all functions: what nobody should touch, too. Numbers that
# another order of events changes, and identities that are made up, are left out.
facts() {
	local uuid='s/[0-9a-f]\{8\}-[0-9a-f]\{4\}-[0-9a-f]\{4\}-[0-9a-f]\{4\}-[0-9a-f]\{12\}/UUID/g'
	(
		cd /sys/bus/pci/devices || exit
		grep -s '' ./*/{driver_override,sriov_numvfs,sriov_drivers_autoprobe,d3cold_allowed,reset_method} || true
		find ./*/driver -printf '%p %f %l\n'
		find /sys/bus/mdev/devices/*/mdev_type -printf 'mdev %l\n' 2>/dev/null | sort || true
	) | sed "$uuid"
	ip link show | sed 's/^[0-9]*: //'
}

# Objects of a list in JSON, one a line, in an order that does not depend on when they were made.
objects() {
	awk '/^    \{/ { o = "" } { line = $0; sub(/^ */, ""); o = o $0 } line ~ /^    \},?$/ { print o }' |
		sed -e 's/[0-9a-f]\{8\}-[0-9a-f]\{4\}-[0-9a-f]\{4\}-[0-9a-f]\{4\}-[0-9a-f]\{12\}/UUID/g' \
			-e 's/"\(iommu_group\|created\)": [0-9]*,\?//g' -e 's/},$/}/' | sort
}

records() {
	carve list slices --json | objects
	carve list claims --json | objects
}

# What was written to: functions, interfaces and parents that are in the file. Those of buses name one.
strangers() { # ALLOWED
	carve-sim trace | awk -v allowed="$1" '
		BEGIN { while ((getline a <allowed) > 0) { sub(/ .*/, "", a); ok[a] = 1 } }
		$2 != "write" { next }
		{
			n = split($3, part, "/"); text = $4; gsub(/"/, "", text); what = ""
			if (part[1] == "bus") what = text
			else if (part[1] == "rtnl") what = part[2]
			else for (i = n; i > 0 && what == ""; i--)
				if (part[i] ~ /^[0-9a-f]+:[0-9a-f][0-9a-f]:[0-9a-f][0-9a-f]\.[0-7]$/ ||
				    part[i] in ok) what = part[i]
			if (!(what in ok)) print
		}'
}

compare() { # DIR WORK
	local what bad=0
	facts >"$2/facts"
	records >"$2/records"
	for what in facts records; do
		diff -u "$1/$what" "$2/$what" || bad=1
	done
	return "$bad"
}

# What the functions in the file, their interfaces and VFs are called now: NAME FUNCTION.
names_of() { # FUNCTIONS
	local functions
	mapfile -t functions <"$1"
	((${#functions[@]})) || return 0
	(
		cd /sys/bus/pci/devices || exit
		paste -d' ' "$1" "$1"
		find "${functions[@]/%//}" "${functions[@]/%//net/}" -maxdepth 1 \
			\( -name 'virtfn*' -printf '%l %H\n' -o -path '*/net/?*' -printf '%f %H\n' \) 2>/dev/null || true
	) | sed -e 's,^\.\./,,' -e 's,/.*,,'
}

# What the policy selects is all that will be enrolled: found with everything enrolled.
inside_select() { # DIR
	local dir=$1 device
	services_start
	for device in /sys/bus/pci/devices/* /sys/class/mdev_bus/*; do
		carve enroll "${device##*/}" >/dev/null 2>&1 || true
	done
	apply "$dir/policy.yaml"
	carve list --all --json | objects | grep '"selection"' >"$dir/selected"
	sed 's/.*"key": "\([^"]*\)".*/\1/' "$dir/selected" >"$dir/keys"
	awk 'NR == FNR { wanted[$1] = 1; next } $1 in wanted' "$dir/keys" /etc/carve/devices >"$dir/devices"
	carve list classes | awk 'NR > 1 && $4 > 0 { print $1 }' >"$dir/classes"
	sed -n 's/.*"address": "\([^"]*\)".*/\1/p' "$dir/selected" >"$dir/functions"
	names_of "$dir/functions" >"$dir/allowed"
	sed -n 's/.*"key": "sys:\([^"]*\/\)\{0,1\}\([^"/]*\)",.*/\2/p' "$dir/selected" >>"$dir/allowed"
}

# Every fifth time, beginning elsewhere for another CARVE_SEED; always with CARVE_FULL=1. For what the sweep does as well,
# or what is much alike.
draws=0
drawn() {
	draws=$((draws + 1))
	((${CARVE_FULL:-0} == 1 || draws % 5 == ${CARVE_SEED:-1} % 5))
}

# --- for tests of one thing ---------------------------------------------------------------------

# What a command says has the words in it; its status is no matter here.
says() { # WORDS COMMAND...
	local words=$1 text
	shift
	text=$("$@" 2>&1) || true
	[[ $text == *"$words"* ]] || die "\"$*\" does not say \"$words\" but: $text"
}

ends_with() { # STATUS COMMAND...
	local wanted=$1 rc=0
	shift
	"$@" || rc=$?
	((rc == wanted)) || die "\"$*\" ends with $rc, not $wanted"
}

wait_until() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS <= end)) || die "in vain: $*"
		sleep 0.05
	done
}

policy_is() { # from standard input
	cat >/run/policy.yaml
}

claim() { # CLASS NAME
	carve alloc "$1" --for manual:test --name "$2" --deadline "$SIM_DEADLINE"
}

address_of() { # CLAIM
	carve handle "$1" | sed -n "s/^CARVE_\(ADDRESS\|UUID\)='\(.*\)'/\2/p"
}

claim_is_over() { # CLAIM
	! carve list claims --json | grep -q "\"name\": \"$1\""
}

# As a virtual machine would; $holder is its pid.
holder=
hold() { # NAME FUNCTION|UUID
	rm -f /run/held
	carve-sim hold --name "$1" "$2" >/run/held 2>&1 &
	holder=$!
	wait_until 5 grep -q vfio /run/held
}

let_go() {
	kill "$holder"
	wait "$holder" || true
}

pci_attribute() { # ADDRESS NAME
	cat "/sys/bus/pci/devices/$1/$2"
}

driver_of() { # ADDRESS
	basename "$(readlink "/sys/bus/pci/devices/$1/driver")"
}

# Stands in for systemctl and for the units carve-mps@UUID.service: a server is a process that left its pid in its folder.
mps_servers() {
	SIM_SYSTEMCTL=/run/systemctl
	cat >"$SIM_SYSTEMCTL" <<-'EOF'
		#!/bin/bash
		PATH=/usr/bin:/bin
		uuid=${*: -1} uuid=${uuid#carve-mps@} uuid=${uuid%.service}
		pid=/run/carve/mps/$uuid/nvidia-cuda-mps-control.pid
		runs() { [[ -e $pid ]] && kill -0 "$(<"$pid")" 2>/dev/null; }
		for word; do [[ $word == -* ]] || break; done
		case $word in
		show) echo LoadState=loaded; runs && echo ActiveState=active || echo ActiveState=inactive ;;
		start)
			echo "start $uuid" >>/run/told
			mkdir -p "${pid%/*}"
			setsid sleep 1000 </dev/null >/dev/null 2>&1 &
			echo "$!" >"$pid"
			;;
		stop)
			echo "stop $uuid" >>/run/told
			kill -KILL "$(<"$pid")"
			rm -r "${pid%/*}"
			;;
		esac
	EOF
	chmod 755 "$SIM_SYSTEMCTL"
	: >/run/told
}
