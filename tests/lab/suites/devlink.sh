# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ports of VFs on a real kernel. netdevsim has them in switchdev mode, without function attributes:
# what a driver with these does is to be seen on hardware only.
# topology: main
# runs: guest
# limit: 120

dev=netdevsim11

suite_reset() {
	reset
	modprobe netdevsim
	[ ! -e "/sys/bus/netdevsim/devices/$dev" ] || put 11 /sys/bus/netdevsim/del_device
	put "11 1" /sys/bus/netdevsim/new_device
	put 3 "/sys/bus/netdevsim/devices/$dev/sriov_numvfs"
}

test_legacy_mode_has_no_ports() {
	devlink dev eswitch show "netdevsim/$dev" | grep "mode legacy"
	same "" "$(/opt/lab/ports netdevsim "$dev")"
	refused "No such file or directory" /opt/lab/ports netdevsim "$dev" 0 52:54:00:aa:00:01
}

test_switchdev_mode_has_a_port_for_each_vf() {
	devlink dev eswitch set "netdevsim/$dev" mode switchdev
	same "$(printf 'VF %d: no function attributes\n' 0 1 2)" "$(/opt/lab/ports netdevsim "$dev" | sort)"
}

# The kernel's own errno: this is what a setting would be told.
test_port_without_function_attributes_refuses_the_mac() {
	refused "set: Operation not supported" /opt/lab/ports netdevsim "$dev" 1 52:54:00:aa:00:01
	refused "get: No such file or directory" /opt/lab/ports netdevsim "$dev" 3 52:54:00:aa:00:01
}

# A PF whose driver has no devlink at all: the executor reads and sets its VFs by rtnetlink.
test_other_device_has_no_ports() {
	same "" "$(/opt/lab/ports pci 0000:01:00.0)"
}

test_ports_go_with_the_mode() {
	devlink dev eswitch set "netdevsim/$dev" mode legacy
	same "" "$(/opt/lab/ports netdevsim "$dev")"
	put 11 /sys/bus/netdevsim/del_device
	same "" "$(/opt/lab/ports netdevsim "$dev")"
}
