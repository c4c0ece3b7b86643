#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The inside of test-nvml.sh: nvml-world.sh PART
set -Eeuo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/sim/lib.sh
. "$here/lib.sh"
trap 'echo "line $LINENO: $BASH_COMMAND: exit $?" >&2' ERR

client() {
	python3 "$here/nvml-client.py"
}

client_names() { # PID
	client | grep " $1 "
}

# What the client says is what stands in the input, whatever the identifiers are.
client_says() {
	diff -u - <(client | sed 's/ \(GPU\|MIG\)-[0-9a-f]\{8\}\(-[0-9a-f]\{4\}\)\{3\}-[0-9a-f]\{12\} / \1 /')
}

cards() {
	client_says <<-EOF
		driver 580.159.04
		gpu 0 00000000:21:00.0 GPU 81920 0/0 - NVIDIA_A100_80GB_PCIe
		gpu 1 00000000:22:00.0 GPU 81559 0/0 - NVIDIA_H100_80GB_HBM3
		gpu 2 00000000:23:00.0 GPU 46068 - - NVIDIA_L40S
		gpu 3 00000000:A1:00.0 GPU 23034 - - NVIDIA_L4
		gpu 4 00000000:A2:00.0 GPU 24576 0/0 - NVIDIA_A30
		gpu 5 00000000:A3:00.0 GPU 97887 0/0 - NVIDIA_RTX_PRO_6000_Blackwell_Server_Edition
	EOF
	[[ $(client | awk '$1 == "gpu" { print $4 }' | sort -u | wc -l) == 6 ]]
}

instances() {
	local uuid
	services_start
	enroll 0000:22:00.0 0000:a2:00.0
	policy_is <<-EOF
		version: 1
		devices:
		  h100: {match: {address: "0000:22:00.0"}}
		  a30: {match: {address: "0000:a2:00.0"}}
		divide:
		  - {use: h100, as: mig, layout: {3g.40gb: 1, 1g.10gb: 3}}
		  - {use: a30, as: mig, layout: {2g.12gb: 2}}
		classes: {half: {from: h100, profiles: [3g.40gb]}}
	EOF
	apply /run/policy.yaml
	claim half c1
	uuid=$(address_of c1)
	eval "$(carve handle c1 | grep CARVE_NODES)"
	# shellcheck disable=SC2086 # words
	carve-sim hold-nodes trainer $CARVE_NODES &
	holder=$!
	wait_until 5 client_names "$holder"
	says "$uuid 39936 60 $holder NVIDIA_H100_80GB_HBM3_MIG_3g.40gb" client
	let_go
	client | sed 's/^mig [0-9]* /mig - /' | sort >/run/seen
	[[ $(grep -c '^gpu .* 1/1 ' /run/seen) == 2 ]]
	[[ $(awk '$1 == "mig" { print $5, $6, $8 }' /run/seen | sort | uniq -c | sed 's/^ *//') == \
	"2 11970 28 NVIDIA_A30_MIG_2g.12gb
1 39936 60 NVIDIA_H100_80GB_HBM3_MIG_3g.40gb
3 9984 16 NVIDIA_H100_80GB_HBM3_MIG_1g.10gb" ]] || die "$(cat /run/seen)"
}

errors() {
	local gpu
	carve-sim fault nvml/init read 1 error=EPROTO >/dev/null
	says "error 18" client
	carve-sim fault nvml/0000:22:00.0/uuid read 1 error=ENXIO >/dev/null
	says "error 15" client
	carve-sim fault nvml/init read hang >/dev/null
	ends_with 137 timeout -s KILL 1 python3 "$here/nvml-client.py"
	carve-sim clear
	for gpu in /sys/bus/pci/drivers/nvidia/0*; do
		echo "${gpu##*/}" >/sys/bus/pci/drivers/nvidia/unbind
	done
	says "error 9" client
}

"$1"
