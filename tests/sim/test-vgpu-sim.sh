# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# NVIDIA's vGPUs as the simulated driver shows them, without carve: what public projects and the vendor's guide say of
# them, line by line. Run by tests/sim/run, in a world of its own.
# hosts: l40s-4

gpu=0000:41:00.0
manage=/usr/lib/nvidia/sriov-manage

vf() { # NUMBER FILE
	echo "/sys/bus/pci/devices/$gpu/virtfn$1/nvidia/$2"
}

reads() { # TEXT FILE
	local text
	text=$(cat "$2")
	[[ $text == "$1" ]] || die "$2 is \"$text\", not \"$1\""
}

# The error's own words: which errno it is.
refused() { # WORDS TEXT FILE
	local said
	said=$({ printf '%s' "$2" >"$3"; } 2>&1) && die "\"$2\" is taken by $3"
	[[ $said == *"$1"* ]] || die "\"$2\" into $3: $said"
}

unreadable() { # WORDS FILE
	local said
	said=$(cat "$2" 2>&1) && die "$2 can be read"
	[[ $said == *"$1"* ]] || die "$2: $said"
}

id_of() { # NUMBER TYPE
	sed -n "s/^\([0-9]*\) *: NVIDIA $2\$/\1/p" "$(vf "$1" creatable_vgpu_types)"
}

makes() { # NUMBER TYPE
	id_of "$1" "$2" >"$(vf "$1" current_vgpu_type)"
}

unmakes() { # NUMBER
	echo 0 >"$(vf "$1" current_vgpu_type)"
}

vfs_made() {
	"$manage" -e "$gpu" >/dev/null
}

test_vgpu_sim_vfs_are_made_by_the_script_alone() {
	refused 'Input/output error' 4 "/sys/bus/pci/devices/$gpu/sriov_numvfs"
	[[ ! -e /sys/bus/pci/devices/$gpu/nvidia ]] || die "the PF has a folder"
	[[ ! -e /sys/class/mdev_bus ]] || die "there is an mdev bus"
	says "Enabling VFs on $gpu" "$manage" -e "$gpu"
	says "$gpu already has VFs enabled" "$manage" -e "$gpu"
	ends_with 0 "$manage" -e "$gpu"
	reads 32 "/sys/bus/pci/devices/$gpu/sriov_numvfs"
	[[ $(readlink -f "/sys/bus/pci/devices/$gpu/virtfn0") == */0000:41:00.4 ]] || die "the first VF"
	[[ $(readlink -f "/sys/bus/pci/devices/$gpu/virtfn31") == */0000:41:04.3 ]] || die "the last VF"
	[[ $(driver_of 0000:41:00.4) == nvidia ]] || die "the VF's driver"
	[[ -d $(echo /sys/bus/pci/devices/0000:41:00.4/vfio-dev/vfio*) ]] || die "no node for a guest"
	refused 'Input/output error' 0 "/sys/bus/pci/devices/$gpu/sriov_numvfs"
	[[ ! -e /sys/bus/pci/devices/0000:27:00.0/virtfn0 ]] || die "another GPU has VFs"
	"$manage" -d "$gpu" >/dev/null
	reads 0 "/sys/bus/pci/devices/$gpu/sriov_numvfs"
	"$manage" -e ALL >/dev/null
	reads 32 /sys/bus/pci/devices/0000:c1:00.0/sriov_numvfs
	ends_with 1 "$manage" -e 0000:00:00.0
	ends_with 1 "$manage" "$gpu"
}

has_open() { # PID NODE
	find "/proc/$1/fd" -lname "$2" | grep -q .
}

test_vgpu_sim_script_refuses_a_gpu_in_use() {
	carve-sim hold-nodes nvidia-persiste /dev/nvidia1 &
	holder=$!
	wait_until 5 has_open "$holder" /dev/nvidia1
	ends_with 1 "$manage" -e "$gpu"
	says "Cannot obtain unbindLock for $gpu" "$manage" -e "$gpu"
	reads 0 "/sys/bus/pci/devices/$gpu/sriov_numvfs"
	let_go
	carve-sim fault "sriov-manage/$gpu" write 1 error=EBUSY >/dev/null
	says "Cannot obtain unbindLock for $gpu" "$manage" -e "$gpu"
	ends_with 0 "$manage" -e "$gpu"
	hold qemu 0000:41:00.4
	says "Cannot obtain unbindLock for $gpu" "$manage" -d "$gpu"
	let_go
	ends_with 0 "$manage" -d "$gpu"
}

test_vgpu_sim_types_of_a_vf() {
	vfs_made
	says 'ID    : vGPU Name' cat "$(vf 0 creatable_vgpu_types)"
	says ' : NVIDIA L40S-24Q' cat "$(vf 0 creatable_vgpu_types)"
	reads 0 "$(vf 0 current_vgpu_type)"
	reads '' "$(vf 0 vgpu_params)"
	unreadable 'No such device or address' "$(vf 0 gpu_instance_id)"
	unreadable 'No such device or address' "$(vf 0 placement_id)"
	local id small
	id=$(id_of 0 L40S-24Q) small=$(id_of 0 L40S-4Q)
	makes 0 L40S-24Q
	reads "$id" "$(vf 0 current_vgpu_type)"
	reads 0 "$(vf 0 placement_id)"
	unreadable 'No such device or address' "$(vf 0 gpu_instance_id)"
	# One size is left, of all series; and not the type that is set already.
	[[ -n $(id_of 1 L40S-24Q) && -n $(id_of 1 L40S-24C) && -z $(id_of 1 L40S-4Q) ]] || die "other sizes"
	[[ -z $(id_of 0 L40S-24Q) && -n $(id_of 0 L40S-24C) ]] || die "its own type"
	refused 'Input/output error' "$small" "$(vf 1 current_vgpu_type)"
	refused 'Input/output error' 99999 "$(vf 1 current_vgpu_type)"
	refused 'Invalid argument' L40S-24Q "$(vf 1 current_vgpu_type)"
	makes 1 L40S-24C
	reads 1 "$(vf 1 placement_id)"
	[[ -z $(id_of 2 L40S-24Q) ]] || die "there is room for a third"
	refused 'Input/output error' "$id" "$(vf 2 current_vgpu_type)"
	# To another type by way of none.
	refused 'Input/output error' "$(id_of 1 L40S-24Q)9" "$(vf 1 current_vgpu_type)"
	refused 'Input/output error' "$id" "$(vf 1 current_vgpu_type)"
	echo 0 >"$(vf 1 current_vgpu_type)"
	echo 0 >"$(vf 0 current_vgpu_type)"
	makes 0 L40S-4Q
	reads "$small" "$(vf 0 current_vgpu_type)"
	carve-sim reboot
	[[ ! -e /sys/bus/pci/devices/$gpu/virtfn0 ]] || die "VFs are there after a reboot"
	vfs_made
	reads 0 "$(vf 0 current_vgpu_type)"
}

test_vgpu_sim_type_stays_while_a_guest_runs() {
	vfs_made
	makes 0 L40S-12Q
	hold qemu 0000:41:00.4
	refused 'Input/output error' 0 "$(vf 0 current_vgpu_type)"
	let_go
	wait_until 5 unmakes 0
	# And some time after, as a fault says it.
	makes 0 L40S-12Q
	carve-sim fault '*:41:00.4/nvidia/current_vgpu_type' write 1+2 error=EIO >/dev/null
	refused 'Input/output error' 0 "$(vf 0 current_vgpu_type)"
	refused 'Input/output error' 0 "$(vf 0 current_vgpu_type)"
	echo 0 >"$(vf 0 current_vgpu_type)"
	reads 0 "$(vf 0 current_vgpu_type)"
}

test_vgpu_sim_parameters() {
	vfs_made
	makes 0 L40S-12Q
	echo 'frame_rate_limiter=0,disable_vnc=1' >"$(vf 0 vgpu_params)"
	reads 'frame_rate_limiter=0,disable_vnc=1' "$(vf 0 vgpu_params)"
	echo 'enable_uvm=1' >"$(vf 0 vgpu_params)"
	reads 'enable_uvm=1' "$(vf 0 vgpu_params)"
	refused 'Invalid argument' 'speed=9' "$(vf 0 vgpu_params)"
	echo ' ' >"$(vf 0 vgpu_params)"
	reads '' "$(vf 0 vgpu_params)"
}
