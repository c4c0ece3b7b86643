# shellcheck shell=bash disable=SC2154 # $pci is from the guest's lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab itself: what later suites take for granted. No carve in here.
# topology: main
# runs: guest
# limit: 300

igb=0000:01:00.0
nvme=0000:02:00.0

test_iommu_groups_isolate_functions_behind_root_ports() {
	same "$igb" "$(ls "$pci/$igb/iommu_group/devices")"
	same "$nvme" "$(ls "$pci/$nvme/iommu_group/devices")"
}

test_iommu_groups_join_what_cannot_be_isolated() {
	same "$(group_of 0000:09:01.0)" "$(group_of 0000:09:02.0)" "group behind the PCI bridge"
	same "$(group_of 0000:0a:00.0)" "$(group_of 0000:0b:00.0)" "group behind ports without ACS"
	same "$(group_of 0000:08:00.0)" "$(group_of 0000:08:00.1)" "group of a two-function device"
	[ "$(group_of 0000:06:00.0)" != "$(group_of 0000:07:00.0)" ]
}

test_numa_node_of_the_second_host_bridge_is_1() {
	same 1 "$(cat "$pci/0000:41:00.0/numa_node")"
}

test_igb_makes_two_vfs_each_with_its_group() {
	numvfs "$igb" 2
	same 2 "$(vfs_of "$igb")"
	[ "$(group_of "$(vf_of "$igb" 0)")" != "$(group_of "$(vf_of "$igb" 1)")" ]
	refused "Device or resource busy" put 3 "$pci/$igb/sriov_numvfs"
	refused "Numerical result out of range" put 99 "$pci/$igb/sriov_numvfs"
}

test_nested_vm_holds_a_vf() {
	local vf holder
	vf=$(vf_of "$igb" 0)
	to_vfio "$vf"
	holder=$(hold "host=$vf")
	find "/proc/$holder/fd" -lname "/dev/vfio/$(group_of "$vf")" | grep .
	let_go "$holder"
}

test_nvme_vf_gets_resources_and_a_driver() {
	local vf
	nvme_vfs "$nvme" 2
	vf=$(vf_of "$nvme" 0)
	put nvme "$pci/$vf/driver_override"
	put "$vf" /sys/bus/pci/drivers_probe
	same nvme "$(driver_of "$vf")"
}

test_nested_vm_boots_from_an_nvme_vf() {
	local vf
	vf=$(vf_of "$nvme" 1)
	make_bootable /dev/nvme0n1 "booted from the disk behind $vf"
	to_vfio "$vf"
	says "booted from the disk behind $vf" vm_boot 60 -device "vfio-pci,host=$vf"
}

test_mtty_makes_and_removes_an_mdev() {
	local uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
	modprobe mtty
	put "$uuid" /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
	[ -e "/sys/bus/mdev/devices/$uuid/iommu_group" ]
	refused "File exists" put "$uuid" /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
	put 1 "/sys/bus/mdev/devices/$uuid/remove"
	[ ! -e "/sys/bus/mdev/devices/$uuid" ]
}

test_netdevsim_makes_vfs() {
	modprobe netdevsim
	put "10 2" /sys/bus/netdevsim/new_device
	put 4 /sys/bus/netdevsim/devices/netdevsim10/sriov_numvfs
	devlink dev show | grep netdevsim/netdevsim10
	put 10 /sys/bus/netdevsim/del_device
}

test_edu_has_no_driver() {
	[ ! -e "$pci/0000:00:09.0/driver" ]
}
