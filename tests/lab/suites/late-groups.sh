# shellcheck shell=bash disable=SC2154 # $pci is from the guest's lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# With virtio-iommu a VF has no IOMMU group until the kernel offers it to a driver.
# topology: virtio-iommu
# runs: guest
# limit: 120

# udev loads igbvf for a new VF, and a matching driver that loads makes the kernel give it a group:
# udev waits meanwhile.
new_vf_has_no_group_until_probed() { # PF
	local vf
	modprobe -r igbvf
	udevadm settle
	udevadm control --stop-exec-queue
	numvfs "$1" 1
	vf=$(vf_of "$1" 0)
	[ ! -e "$pci/$vf/iommu_group" ]
	to_vfio "$vf"
	udevadm control --start-exec-queue
	[ -e "$pci/$vf/iommu_group" ]
	[ -e "/dev/vfio/$(group_of "$vf")" ]
}

test_vf_on_the_root_bus_gets_its_group_when_probed() {
	new_vf_has_no_group_until_probed 0000:00:06.0
}

test_vf_behind_a_port_gets_its_group_when_probed() {
	new_vf_has_no_group_until_probed 0000:01:00.0
}
