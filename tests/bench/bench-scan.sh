#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a host of thousands of functions costs the service from its start until it answers: system calls for
# each function, and its own processor time. On the simulated host "monster"; run by scripts/bench, which
# says in BUILD where the programs are.
set -euo pipefail

figure() { # NAME VALUE UNIT LIMIT
	printf '%s\t%s\t%s\t%s\n' "$@"
}

# Waits for one datagram: sd_notify(3). Prints when it may be sent.
notified='import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
print("listening", flush=True)
s.settimeout(120)
s.recv(100)'

# Starts both services, the first words before carved, and waits until it has looked at everything.
start() {
	local ready
	mkdir -p /run/carve
	carve-executor --user=carved &
	executor=$!
	exec {ready}< <(python3 -c "$notified" /run/notify)
	read -r -u "$ready"
	NOTIFY_SOCKET=/run/notify "$@" carved --state-dir=/run/carve-sim/state --user=carved &
	service=$!
	read -r -u "$ready" || true
	rm /run/notify
}

end() {
	pkill -x carved || true
	wait "$service" || true
	kill "$executor"
	wait "$executor" || true
}

inside() {
	local calls ticks functions=(/sys/bus/pci/devices/*)
	start strace -f -qq -c -U calls -o /run/calls
	end
	calls=$(awk '$1 ~ /^[0-9]+$/ && $NF != "total" { n += $1 } END { print n }' /run/calls)
	figure "functions of the host" "${#functions[@]}" functions -
	figure "cold scan, system calls a function" \
		"$(awk -v c="$calls" -v f="${#functions[@]}" 'BEGIN { printf "%.1f", c / f }')" calls 12
	[[ ${CARVE_BENCH:-all} == counts ]] && return
	start
	ticks=$(cut -d' ' -f14 "/proc/$(pgrep -x carved)/stat")
	end
	figure "cold scan, the service's own processor time" \
		"$((ticks * 1000 / $(getconf CLK_TCK)))" ms -
}

if [[ ${1:-} == --inside ]]; then
	inside
else
	"$BUILD/carve-sim" run --host monster --pace 0 -- "$BASH" "$0" --inside
fi
