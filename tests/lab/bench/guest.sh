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
whole=0000:03:00.0 # its driver has it: taken from it, and given back
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
	carve enroll "$whole"
	carve enroll mtty
	carve enroll mbochs
	policy_is /etc/carve/policy.yaml <<- END
		version: 1
		devices:
		  nic: {match: {address: "$igb"}, expect: 1}
		  whole: {match: {address: "$whole"}, expect: 1}
		  serial: {match: {mdev-parent: mtty}, expect: 1}
		  screen: {match: {mdev-parent: mbochs}, expect: 1}
		divide:
		  - {use: nic, as: sriov, count: 2}
		  - {use: whole, as: passthrough}
		  - {use: serial, as: mdev, on-demand: [mtty-1]}
		  - {use: screen, as: mdev, on-demand: [mbochs-small]}
		classes:
		  lan: {from: nic}
		  whole: {from: whole}
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
		items 'mdev: commit, create, commit' recorded /var/lib/carve/bench.db \
			"$parent/mdev_supported_types/mtty-1/create" "$uuid"
		items '-mdev: bare remove' write "/sys/bus/mdev/devices/$uuid/remove" 1
		items 'mdev: claim, open connection' call "$(claim_call tty bench)"
		items 'mdev: release, open connection' call "$(release_call bench)"
		items 'mdev: carve alloc' run carve alloc tty --for manual:bench --name bench
		items 'mdev: carve release --wait' run carve release bench --wait
		items 'mdev: mdevctl define' run mdevctl define -u "$uuid" -p mtty -t mtty-1
		items 'mdev: mdevctl start' run mdevctl start -u "$uuid"
		items 'mdev: mdevctl stop' run mdevctl stop -u "$uuid"
		items 'mdev: mdevctl undefine' run mdevctl undefine -u "$uuid"
	} | "$work/rounds" "$rounds" "$socket" > "$work/medians"
	times 'mdev: bare create' 'mdev: bare remove' 'mdev: commit, create, commit' \
		'mdev: claim, open connection' 'mdev: release, open connection' \
		'mdev: carve alloc' 'mdev: carve release --wait' 'mdev: mdevctl define' \
		'mdev: mdevctl start' 'mdev: mdevctl stop' 'mdev: mdevctl undefine'
	ratio 'mdev: claim / create and its commits' 'mdev: claim, open connection' 1.5 \
		'mdev: commit, create, commit'
	# A claim is on disk before its mdev is made; what mdevctl only starts is forgotten.
	ratio 'mdev: carve alloc / mdevctl start' 'mdev: carve alloc' - 'mdev: mdevctl start'
	ratio 'mdev: carve alloc / mdevctl define, start' 'mdev: carve alloc' 1 \
		'mdev: mdevctl define' 'mdev: mdevctl start'
	ratio 'mdev: carve release --wait / mdevctl stop' 'mdev: carve release --wait' - 'mdev: mdevctl stop'
	ratio 'mdev: carve release --wait / mdevctl stop, undefine' 'mdev: carve release --wait' 1 \
		'mdev: mdevctl stop' 'mdev: mdevctl undefine'
}

# What every user of driverctl does: a function is taken from its driver, and given back.
bind_rounds() {
	local take=("$pci/$whole/driver_override" vfio-pci "$pci/$whole/driver/unbind" "$whole"
		/sys/bus/pci/drivers_probe "$whole")
	local give=("$pci/$whole/driver/unbind" "$whole" "$pci/$whole/driver_override" ''
		/sys/bus/pci/drivers_probe "$whole")
	{
		items 'bind: commit, bind, commit' recorded /var/lib/carve/bench.db "${take[@]}"
		items 'bind: bare reset' write "$pci/$whole/reset" 1
		items 'bind: bare return' write "${give[@]}"
		items 'bind: claim, open connection' call "$(claim_call whole bench)"
		items 'bind: release, open connection' call "$(release_call bench)"
		items 'bind: carve alloc' run carve alloc whole --for manual:bench --name bench
		items 'bind: carve release --wait' run carve release bench --wait
		items 'bind: driverctl set-override' run driverctl set-override "$whole" vfio-pci
		items 'bind: driverctl unset-override' run driverctl unset-override "$whole"
	} | "$work/rounds" "$rounds" "$socket" > "$work/medians"
	times 'bind: commit, bind, commit' 'bind: bare reset' 'bind: bare return' \
		'bind: claim, open connection' 'bind: release, open connection' 'bind: carve alloc' \
		'bind: carve release --wait' 'bind: driverctl set-override' 'bind: driverctl unset-override'
	ratio 'bind: claim / bind and its commits' 'bind: claim, open connection' 1.5 \
		'bind: commit, bind, commit'
	ratio 'bind: carve alloc / driverctl set-override' 'bind: carve alloc' 1 'bind: driverctl set-override'
	ratio 'bind: release / reset and return' 'bind: release, open connection' - \
		'bind: bare reset' 'bind: bare return'
	# driverctl does not reset; carve never gives a function back without.
	ratio 'bind: carve release --wait / driverctl unset-override and a reset' 'bind: carve release --wait' 1 \
		'bind: driverctl unset-override' 'bind: bare reset'
}

# A VF that no driver has, since the policy makes VFs for guests: next to nothing for the kernel to
# do, so that what carve adds shows most. driverctl calls a device that has no driver after
# unset-override a failure.
vf_rounds() {
	local vf
	vf=$(vf_of "$igb" 0)
	{
		items 'vf: commit, bind, commit' recorded /var/lib/carve/bench.db \
			"$pci/$vf/driver_override" vfio-pci /sys/bus/pci/drivers_probe "$vf"
		items 'vf: bare unbind' write /sys/bus/pci/drivers/vfio-pci/unbind "$vf" "$pci/$vf/driver_override" ''
		items 'vf: claim, open connection' call "$(claim_call lan bench)"
		items 'vf: release, open connection' call "$(release_call bench)"
		items 'vf: carve alloc' run carve alloc lan --for manual:bench --name bench
		items 'vf: carve release --wait' run carve release bench --wait
		items 'vf: driverctl set-override' run driverctl set-override "$vf" vfio-pci
		items '-vf: driverctl unset-override' run driverctl unset-override "$vf"
	} | "$work/rounds" "$rounds" "$socket" > "$work/medians"
	times 'vf: commit, bind, commit' 'vf: claim, open connection' 'vf: release, open connection' \
		'vf: carve alloc' 'vf: carve release --wait' 'vf: driverctl set-override'
	ratio 'vf: claim / bind and its commits' 'vf: claim, open connection' - 'vf: commit, bind, commit'
	ratio 'vf: carve alloc / driverctl set-override' 'vf: carve alloc' 1 'vf: driverctl set-override'
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
bind_rounds
vf_rounds
count_one tty mdev
count_one lan vf
count_burst
[ -z "${BENCH_KEEP:-}" ] || cp "$work"/{claim,release,burst} "$BENCH_KEEP"
rm -rf "$work" /var/lib/carve/bench.db*
