# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same with the mdev framework: each VF is a parent of one mediated device.
# hosts: a16-mdev

uuid=6a1f0c1e-0000-4000-8000-000000000001
other=6a1f0c1e-0000-4000-8000-000000000002

available() { # VF TYPE
	cat "/sys/bus/pci/devices/$gpu/virtfn$1/mdev_supported_types/$2/available_instances"
}

type_named() { # VF NAME
	grep -lx "NVIDIA $2" "/sys/bus/pci/devices/$gpu/virtfn$1/mdev_supported_types"/nvidia-*/name |
		sed 's,/name$,,; s,.*/,,'
}

creates() { # VF TYPE UUID
	echo "$3" >"/sys/bus/pci/devices/$gpu/virtfn$1/mdev_supported_types/$2/create"
}

test_vgpu_mdev_sim_a_vf_makes_one() {
	local big small
	gpu=$(cd /sys/bus/pci/drivers/nvidia && printf '%s\n' 0000:*.0 | head -n 1)
	[[ ! -e /sys/class/mdev_bus ]] || die "there are parents before VFs"
	/usr/lib/nvidia/sriov-manage -e "$gpu" >/dev/null
	[[ $(find /sys/class/mdev_bus/ -type l | wc -l) == 16 ]] || die "not every VF is a parent"
	[[ ! -e /sys/bus/pci/devices/$gpu/virtfn0/nvidia ]] || die "there are vendor's files"
	big=$(type_named 0 A16-8Q) small=$(type_named 0 A16-2Q)
	says 'framebuffer=8192M' cat "/sys/bus/pci/devices/$gpu/virtfn0/mdev_supported_types/$big/description"
	[[ $(available 0 "$big") == 1 && $(available 0 "$small") == 1 ]] || die "nothing is available"
	creates 0 "$big" "$uuid"
	says 'Not Applicable' cat "/sys/bus/mdev/devices/$uuid/nvidia/placement_id"
	[[ $(available 0 "$big") == 0 && $(available 1 "$small") == 0 ]] || die "too much is available"
	[[ $(available 1 "$big") == 1 ]] || die "a second of its size is not available"
	creates 1 "$big" "$other"
	[[ $(available 2 "$big") == 0 ]] || die "a third is available"
	echo 1 >"/sys/bus/mdev/devices/$uuid/remove"
	echo 1 >"/sys/bus/mdev/devices/$other/remove"
	[[ $(available 2 "$small") == 1 ]] || die "what was taken is not given back"
	creates 0 "$big" "$uuid"
	/usr/lib/nvidia/sriov-manage -d "$gpu" >/dev/null
	[[ ! -e /sys/bus/mdev/devices/$uuid ]] || die "an mdev outlives its VF"
}
