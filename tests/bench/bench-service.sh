#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The real programs on this machine's own devices, none of them enrolled: what they cost at rest and
# what the command costs more than starting a program. Run by scripts/bench, which says in BUILD
# where the programs are. Needs nothing of root's; everything is in a temporary folder.
set -euo pipefail

idle_seconds=60
[[ ${CARVE_BENCH:-all} == counts ]] && idle_seconds=10
# Idle workers of the executor end after this.
settle_seconds=15

figure() { # NAME VALUE UNIT LIMIT
	printf '%s\t%s\t%s\t%s\n' "$@"
}

start() {
	world=$(mktemp -d)
	mkdir "$world"/{state,run,etc}
	"$BUILD/carved" --with-executor --state-dir="$world/state" --run-dir="$world/run" \
		--config-dir="$world/etc" --user="$(id -un)" >"$world/log" 2>&1 &
	service=$!
	export CARVE_SOCKET=$world/run/io.carve
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		"$BUILD/carve" list >/dev/null 2>&1 && return
		sleep 0.1
	done
	cat "$world/log"
	return 1
}

end() {
	[[ -n ${service:-} ]] && kill "$service" 2>/dev/null && wait "$service" 2>/dev/null
	[[ -n ${world:-} ]] && rm -rf "$world"
}

# The service and everything it started.
processes() {
	local pid=$service
	echo "$pid"
	descendants "$pid"
}

descendants() { # PID
	local child children
	read -ra children <"/proc/$1/task/$1/children" || true
	for child in "${children[@]}"; do
		echo "$child"
		descendants "$child"
	done
}

process_named() { # NAME
	local pid
	for pid in $(processes); do
		[[ $(readlink "/proc/$pid/exe") == */$1 ]] && echo "$pid"
	done
}

switches() {
	local pid
	for pid in $(processes); do
		cat "/proc/$pid/status"
	done | awk '/^(non)?voluntary_ctxt_switches/ { n += $2 } END { print n + 0 }'
}

# Of one program, all its processes together, since workers share what they have not written to.
anonymous_mib() { # NAME
	local pid
	for pid in $(process_named "$1"); do
		cat "/proc/$pid/smaps_rollup"
	done | awk '/^Pss_Anon:/ { n += $2 } END { printf "%.2f", n / 1024 }'
}

at_rest() {
	local before after
	sleep "$settle_seconds"
	before=$(switches)
	sleep "$idle_seconds"
	after=$(switches)
	figure "wake-ups of both services in $idle_seconds s" "$((after - before))" count 0
	figure "anonymous memory of carved" "$(anonymous_mib carved)" MiB 4
	figure "anonymous memory of carve-executor" "$(anonymous_mib carve-executor)" MiB 1
}

runs_us() { # N COMMAND...: microseconds of N runs
	local n=$1 i begin=${EPOCHREALTIME/[.,]/}
	shift
	for ((i = 0; i < n; i++)); do
		"$@" >/dev/null
	done
	echo $((${EPOCHREALTIME/[.,]/} - begin))
}

# The best of several rounds of each, in turn: what else the machine does only ever adds.
command_cost() {
	local n=20 round true_us list_us best_true=999999999 best_list=999999999
	for ((round = 0; round < 10; round++)); do
		true_us=$(runs_us "$n" /bin/true)
		list_us=$(runs_us "$n" "$BUILD/carve" list)
		((true_us < best_true)) && best_true=$true_us
		((list_us < best_list)) && best_list=$list_us
	done
	figure "carve list, more than /bin/true" \
		"$(awk -v a="$best_list" -v b="$best_true" -v n="$n" 'BEGIN { printf "%.2f", (a - b) / n / 1000 }')" ms 3
}

trap end EXIT
start
if [[ ${CARVE_BENCH:-all} != counts ]]; then
	command_cost
fi
at_rest
