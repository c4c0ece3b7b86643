# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Words for suites that use carve itself; lib.sh brings them in.

# As a package's installation leaves it, and running
carve_up() {
	systemd-sysusers
	systemd-tmpfiles --create
	systemctl daemon-reload
	systemctl start carve-executor.socket carved.socket
	systemctl restart carve-executor.service carved.service
	carve list > /dev/null
}

carve_down() {
	[ -e /usr/bin/carve ] || return 0
	systemctl stop carved.socket carved.service carve-executor.socket carve-executor.service
	systemctl reset-failed 'carve*' 2> /dev/null || true
}

# No record, no enrolment, no policy: as installed a minute ago
carve_fresh() {
	carve_down
	rm -rf /var/lib/carve/* /run/carve/lock/*
	mkdir -p /etc/carve
	rm -f /etc/carve/*
	carve_up
}

# policy_is FILE: the policy on standard input, for later "carve apply FILE"
policy_is() {
	cat > "$1"
}

# json_is WANTED FILTER COMMAND...: what jq's FILTER finds in the command's JSON
json_is() {
	local wanted=$1 filter=$2 seen
	shift 2
	seen=$("$@" | jq -r "$filter")
	same "$wanted" "$seen" "$filter of $*"
}

vf_mac_of() { # NETDEV INDEX
	ip -j link show "$1" | jq -r ".[0].vfinfo_list[$2].address"
}

vf_vlan_of() { # NETDEV INDEX
	ip -j link show "$1" | jq -r ".[0].vfinfo_list[$2].vlan_list[0].vlan // 0"
}

netdev_of() { # BDF
	ls "$pci/$1/net"
}
