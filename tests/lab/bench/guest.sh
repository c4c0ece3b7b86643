# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guest side of bench-claims.sh: the same mdev and the same VF handed out and taken back by bare
# writes, by the tools that are used for it, and by carve, in turn; then what one claim costs in
# system calls, processes and synced commits. Prints lines for scripts/bench.
set -Eeuo pipefail
trap 'echo "line $LINENO: $BASH_COMMAND: exit $?" >&2' ERR

# shellcheck source=tests/lab/guest/opt/lab/lib.sh
. /opt/lab/lib.sh
# shellcheck source=tests/lab/guest/opt/lab/carve.sh
. /opt/lab/carve.sh

igb=0000:01:00.0
uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa3001
parent=/sys/class/mdev_bus/mtty
rounds=${BENCH_ROUNDS:-16}
socket=/run/carve/io.carve
work=$(mktemp -d)

figure() { # NAME VALUE UNIT LIMIT
	printf '%s\t%s\t%s\t%s\n' "$@"
}

median() { # NAME
	awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$work/medians"
}

times() { # NAME...: as they are, in ms
	local name
	for name; do
		figure "$name" "$(awk -v a="$(median "$name")" 'BEGIN { printf "%.2f", a / 1000 }')" ms -
	done
}

ratio() { # WHAT ITEM LIMIT OTHER...: ITEM over the sum of the others
	local what=$1 item=$2 limit=$3 sum=0 name
	shift 3
	for name; do
		sum=$((sum + $(median "$name")))
	done
	figure "$what" "$(awk -v a="$(median "$item")" -v b="$sum" 'BEGIN { printf "%.2f", a / b }')" times "$limit"
}

prepare() {
	reset
	modprobe mtty
	modprobe mbochs
	modprobe vfio-pci
	carve_fresh
	carve enroll "$igb"
	carve enroll mtty
	carve enroll mbochs
	policy_is /etc/carve/policy.yaml <<- END
		version: 1
		devices:
		  nic: {match: {address: "$igb"}, expect: 1}
		  serial: {match: {mdev-parent: mtty}, expect: 1}
		  screen: {match: {mdev-parent: mbochs}, expect: 1}
		divide:
		  - {use: nic, as: sriov, count: 2}
		  - {use: serial, as: mdev, on-demand: [mtty-1]}
		  - {use: screen, as: mdev, on-demand: [mbochs-small]}
		classes:
		  lan: {from: nic}
		  tty: {from: serial, profiles: [mtty-1]}
		  screen: {from: screen}
	END
	carve apply /etc/carve/policy.yaml --wait
	# Until its log has its size, each commit of the ledger makes a file longer: only at first.
	local i
	for i in $(seq 20); do
		carve alloc tty --for manual:bench --name warm > /dev/null 2>&1
		carve release warm --wait 2> /dev/null
	done
	gcc -O2 -Wall -Wextra -o "$work/rounds" /share/bench/rounds.c -lsqlite3
}

claim_call() { # CLASS NAME
	printf '{"method":"io.carve.Claim","parameters":{"class":"%s","owner":"manual:bench","name":"%s"}}' "$@"
}

release_call() { # NAME
	printf '{"method":"io.carve.Release","parameters":{"claim":"%s"},"more":true}' "$1"
}

items() { # TEXT: fields of printf, tabs between them
	printf '%s\t' "${@:1:$#-1}"
	printf '%s\n' "${@: -1}"
}

mdev_rounds() {
	{
		items 'mdev: bare create' write "$parent/mdev_supported_types/mtty-1/create" "$uuid"
		items 'mdev: bare remove' write "/sys/bus/mdev/devices/$uuid/remove" 1
		items 'mdev: two synced commits' commit /var/lib/carve/bench.db 2
		items 'mdev: claim, open connection' call "$(claim_call tty bench)"
		items 'mdev: release, open connection' call "$(release_call bench)"
		items 'mdev: carve alloc' run carve alloc tty --for manual:bench --name bench
		items 'mdev: carve release --wait' run carve release bench --wait
		items 'mdev: mdevctl start' run mdevctl start -u "$uuid" -p mtty -t mtty-1
		items 'mdev: mdevctl stop' run mdevctl stop -u "$uuid"
	} | "$work/rounds" "$rounds" "$socket" > "$work/medians"
	times 'mdev: bare create' 'mdev: bare remove' 'mdev: two synced commits' \
		'mdev: claim, open connection' 'mdev: release, open connection' \
		'mdev: carve alloc' 'mdev: carve release --wait' 'mdev: mdevctl start' 'mdev: mdevctl stop'
	ratio 'mdev: claim / create and its commits' 'mdev: claim, open connection' 1.5 \
		'mdev: bare create' 'mdev: two synced commits'
	ratio 'mdev: carve alloc / mdevctl start' 'mdev: carve alloc' 1 'mdev: mdevctl start'
	ratio 'mdev: carve release --wait / mdevctl stop' 'mdev: carve release --wait' 1 'mdev: mdevctl stop'
}

# The VF has no driver of the host: the policy makes VFs for guests. driverctl calls a device that
# has none after unset-override a failure.
vf_rounds() {
	local vf
	vf=$(vf_of "$igb" 0)
	{
		items 'vf: bare bind' write "$pci/$vf/driver_override" vfio-pci /sys/bus/pci/drivers_probe "$vf"
		items 'vf: bare reset' write "$pci/$vf/reset" 1
		items 'vf: bare unbind' write /sys/bus/pci/drivers/vfio-pci/unbind "$vf" "$pci/$vf/driver_override" ''
		items 'vf: two synced commits' commit /var/lib/carve/bench.db 2
		items 'vf: claim, open connection' call "$(claim_call lan bench)"
		items 'vf: release, open connection' call "$(release_call bench)"
		items 'vf: carve alloc' run carve alloc lan --for manual:bench --name bench
		items 'vf: carve release --wait' run carve release bench --wait
		items 'vf: driverctl set-override' run driverctl set-override "$vf" vfio-pci
		items '-vf: driverctl unset-override' run driverctl unset-override "$vf"
	} | "$work/rounds" "$rounds" "$socket" > "$work/medians"
	times 'vf: bare bind' 'vf: bare reset' 'vf: bare unbind' 'vf: two synced commits' \
		'vf: claim, open connection' 'vf: release, open connection' 'vf: carve alloc' \
		'vf: carve release --wait' 'vf: driverctl set-override' 'vf: driverctl unset-override'
	ratio 'vf: claim / bind and its commits' 'vf: claim, open connection' 1.5 \
		'vf: bare bind' 'vf: two synced commits'
	ratio 'vf: carve alloc / driverctl set-override' 'vf: carve alloc' 1 'vf: driverctl set-override'
	ratio 'vf: release / reset, unbind and commits' 'vf: release, open connection' - \
		'vf: bare reset' 'vf: bare unbind' 'vf: two synced commits'
	# driverctl does not reset; carve never gives a function back without.
	ratio 'vf: carve release --wait / driverctl unset-override and a reset' 'vf: carve release --wait' 1 \
		'vf: driverctl unset-override' 'vf: bare reset'
}

# --- counts ------------------------------------------------------------------------------------

# watched FILE COMMAND...: every system call of both services and of what they start meanwhile, as
# the kernel's tracer sees them: strace would slow them down so much that deadlines pass.
watched() {
	local file=$1 tracing=/sys/kernel/tracing
	shift
	[ -e "$tracing/trace" ] || mount -t tracefs tracefs "$tracing"
	put 0 "$tracing/tracing_on"
	put 16384 "$tracing/buffer_size_kb"
	: > "$tracing/trace"
	pidof carved carve-executor > "$tracing/set_event_pid"
	put 1 "$tracing/options/event-fork"
	put 1 "$tracing/events/raw_syscalls/sys_enter/enable"
	put 1 "$tracing/tracing_on"
	"$@" > "$file.said" 2>&1 || { cat "$file.said"; return 1; }
	sleep 0.5
	put 0 "$tracing/tracing_on"
	put 0 "$tracing/events/raw_syscalls/sys_enter/enable"
	grep 'sys_enter: NR' "$tracing/trace" > "$file"
}

# Numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl)
fsync='74|75'
fork='56|57|58|435'

calls_in() { # FILE [NUMBERS]
	grep -cE "sys_enter: NR (${2:-[0-9]+}) " "$1" || true
}

# count_one CLASS LABEL: the second of two claims, when workers are warm
count_one() {
	local class=$1 label=$2
	carve alloc "$class" --for manual:bench --name warm > /dev/null 2>&1
	carve release warm --wait 2> /dev/null
	watched "$work/claim" carve alloc "$class" --for manual:bench --name bench
	watched "$work/release" carve release bench --wait
	figure "$label: system calls of a claim" "$(calls_in "$work/claim")" count -
	figure "$label: system calls of a release" "$(calls_in "$work/release")" count -
	figure "$label: processes of a claim" "$(calls_in "$work/claim" "$fork")" count 0
	figure "$label: synced commits of a claim" "$(calls_in "$work/claim" "$fsync")" count 2
	figure "$label: synced commits of a release" "$(calls_in "$work/release" "$fsync")" count -
	figure "$label: system calls of carved in a claim" "$(grep -c ' carved-' "$work/claim")" count -
}

claims_32() {
	items burst burst 32 "$(claim_call screen 'b%')" | "$work/rounds" 0 "$socket"
}

count_burst() {
	local i
	watched "$work/burst" claims_32
	figure "32 claims at once: synced commits" "$(calls_in "$work/burst" "$fsync")" count 8
	for ((i = 0; i < 32; i++)); do
		carve release "b$i" --wait 2> /dev/null
	done
}

prepare
mdev_rounds
vf_rounds
count_one tty mdev
count_one lan vf
count_burst
[ -z "${BENCH_KEEP:-}" ] || cp "$work"/{claim,release,burst} "$BENCH_KEEP"
rm -rf "$work" /var/lib/carve/bench.db*
