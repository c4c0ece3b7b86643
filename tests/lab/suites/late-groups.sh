# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With virtio-iommu a VF has no IOMMU group until the kernel offers it to a driver.
# topology: virtio-iommu
# runs: guest
# limit: 120

new_vf_has_no_group_until_probed() { # PF
	local vf
	numvfs "$1" 1
	vf=$(vf_of "$1" 0)
	[ ! -e "$pci/$vf/iommu_group" ]
	to_vfio "$vf"
	[ -e "$pci/$vf/iommu_group" ]
	[ -e "/dev/vfio/$(group_of "$vf")" ]
}

# udev loads igbvf for a new VF, and a matching driver that loads makes the kernel give it a group
suite_reset() {
	reset
	mkdir -p /run/modprobe.d
	echo "blacklist igbvf" > /run/modprobe.d/late-groups.conf
}

test_vf_on_the_root_bus_gets_its_group_when_probed() {
	new_vf_has_no_group_until_probed 0000:00:06.0
}

test_vf_behind_a_port_gets_its_group_when_probed() {
	new_vf_has_no_group_until_probed 0000:01:00.0
}
