#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What "carve-sim capture" writes of a simulated host is a host that is the same: captured again
# inside the captured one it gives the same file but for comments, lspci sees no difference, and
# /sys has the same files with the same texts.
#
#   tests/sim/round-trip.sh [HOST...]      (BUILD: where carve-sim is, build/dev)
set -euo pipefail

cd "$(dirname "$0")/../.."
build=${BUILD:-build/dev}
sim=$build/carve-sim
hosts=("$@")
((${#hosts[@]})) || hosts=(lab workstation nic-nvme dgx-h100)
failed=0 number=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

inside() { # HOST PROGRAM...
	"$sim" run --host "$1" --pace=0 -- "${@:2}"
}

# Every name below /sys with its mode and the target of a link, and the texts of what can be read.
sys_dump="cd /sys && find . -xdev -printf '%p %M %l\n' | sort
	find . -xdev -type f -perm -0400 -exec grep -aH '' {} + | sort"

result() { # NAME FILE FILE: they must be equal, and hold something
	number=$((number + 1))
	if diff -u "$2" "$3" >"$work/diff" && [[ -s $2 ]]; then
		echo "ok $number $1"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $number $1"
	sed -n '1,40s/^\(.\{1,200\}\).*/# \1/p' "$work/diff"
}

round_trip() { # HOST
	local host=$1 first=$work/$1-first.yaml again=$work/$1-again.yaml
	echo "carve-sim said:" | tee "$work/nothing" >"$work/said"
	inside "$host" "$sim" capture "$first" >>"$work/said" 2>&1 || true
	inside "$first" "$sim" capture "$again" >>"$work/said" 2>&1 || true
	result "$host: nothing is complained of" "$work/nothing" "$work/said"
	touch "$first" "$again"
	sed '/^#/d' "$first" >"$work/first"
	sed '/^#/d' "$again" >"$work/again"
	result "$host: captured again it is the same" "$work/first" "$work/again"
	inside "$host" lspci -nn -vv >"$work/first" 2>&1 || true
	inside "$first" lspci -nn -vv >"$work/again" 2>&1 || true
	result "$host: lspci sees no difference" "$work/first" "$work/again"
	inside "$host" sh -c "$sys_dump" >"$work/first" 2>&1 || true
	inside "$first" sh -c "$sys_dump" >"$work/again" 2>&1 || true
	result "$host: /sys is the same" "$work/first" "$work/again"
}

echo "1..$((${#hosts[@]} * 4))"
if ! command -v lspci >/dev/null; then
	echo "lspci is missing: scripts/deps check installs it" >&2
	exit 1
fi
for host in "${hosts[@]}"; do
	round_trip "$host"
done
((failed == 0))
