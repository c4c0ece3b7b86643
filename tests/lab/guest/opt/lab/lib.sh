# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guest side of the lab: words for suites, and for scripts run by hand (". /opt/lab/lib.sh").

pci=/sys/bus/pci/devices

# shellcheck disable=SC1091 # beside this file
. /opt/lab/carve.sh

fail() {
	echo "$*" >&2
	exit 1
}

# put VALUE FILE: one write; bash names the errno
put() {
	printf '%s' "$1" > "$2"
}

# says WORDS COMMAND...: COMMAND works and says WORDS
says() {
	local words=$1 said
	shift
	said=$("$@" 2>&1) || fail "failed with '$said': $*"
	[[ $said == *"$words"* ]] || fail "said '$said', not '$words': $*"
}

# refused WORDS COMMAND...: COMMAND fails and says WORDS
refused() {
	local words=$1 said
	shift
	if said=$("$@" 2>&1); then
		fail "not refused: $*"
	fi
	[[ $said == *"$words"* ]] || fail "refused with '$said', not '$words': $*"
}

# wait_until SECONDS COMMAND...
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "still not so after the wait: $*"
		sleep 0.1
	done
}

same() { # WANTED SEEN [WHAT]
	[ "$1" = "$2" ] || fail "${3:-value}: wanted '$1', saw '$2'"
}

driver_of() { # BDF
	[ -e "$pci/$1/driver" ] && basename "$(readlink "$pci/$1/driver")"
}

group_of() { # BDF
	[ -e "$pci/$1/iommu_group" ] && basename "$(readlink "$pci/$1/iommu_group")"
}

vf_of() { # PF INDEX
	basename "$(readlink "$pci/$1/virtfn$2")"
}

vfs_of() { # PF: how many there are; sriov_numvfs would block while the PF is locked
	find "$pci/$1/" -maxdepth 1 -name 'virtfn*' | wc -l
}

# What there is to hand out, one a line: the VFs of each PF and the mdevs
slices() {
	local link
	for link in "$pci"/*/virtfn*; do
		[ ! -e "$link" ] || echo "$(basename "$(dirname "$link")") VF ${link##*virtfn} $(basename "$(readlink "$link")")"
	done
	ls /sys/bus/mdev/devices
}

# numvfs PF N, without drivers for the new VFs
numvfs() {
	put 0 "$pci/$1/sriov_drivers_autoprobe"
	put "$2" "$pci/$1/sriov_numvfs"
}

to_vfio() { # BDF
	modprobe vfio-pci
	put vfio-pci "$pci/$1/driver_override"
	[ ! -e "$pci/$1/driver" ] || put "$1" "$pci/$1/driver/unbind"
	put "$1" /sys/bus/pci/drivers_probe
	same vfio-pci "$(driver_of "$1")" "driver of $1"
}

# The nvme PF hands resources to its VFs before they work: private ones give up their flexible
# resources, the controller is reset, and each VF gets queues and interrupts and is put online.
nvme_vfs() { # PF COUNT
	local ctrl i
	ctrl=/dev/$(ls "$pci/$1/nvme")
	nvme virt-mgmt "$ctrl" -c 0 -r 1 -a 1 -n 0
	nvme virt-mgmt "$ctrl" -c 0 -r 0 -a 1 -n 0
	nvme reset "$ctrl"
	numvfs "$1" "$2"
	for ((i = 1; i <= $2; i++)); do
		nvme virt-mgmt "$ctrl" -c "$i" -r 1 -a 8 -n 1
		nvme virt-mgmt "$ctrl" -c "$i" -r 0 -a 8 -n 2
		nvme virt-mgmt "$ctrl" -c "$i" -a 9
	done
}

# --- holders and nested guests -----------------------------------------------------------------

# hold VFIO_OPTIONS ("host=BDF" or "sysfsdev=PATH"): a VM that has the device open and never runs.
# Prints its pid.
hold() {
	local pidfile
	pidfile=$(mktemp /run/lab-holder.XXXXXX)
	qemu-system-x86_64 -M q35 -accel tcg -m 64 -nodefaults -no-user-config -display none -S \
		-device "vfio-pci,$1" -daemonize -pidfile "$pidfile" || return 1
	cat "$pidfile"
}

let_go() { # PID
	kill -9 "$1" 2>/dev/null || return 0
	wait_until 20 gone "$1"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# make_bootable DISK TEXT: a boot sector (at most 460 bytes of TEXT) that writes TEXT to the first
# serial port and switches the machine off:
#   cli; xor ax,ax; mov ds,ax; cld; mov si,text
#   1: lodsb; test al,al; jz 3f; mov ah,al; mov dx,3fdh; 2: in al,dx; test al,20h; jz 2b
#   mov dx,3f8h; mov al,ah; out dx,al; jmp 1b;   3: mov dx,604h; mov ax,2000h; out dx,ax; 4: hlt; jmp 4b
make_bootable() {
	local sector
	sector=$(mktemp)
	printf '\xfa\x31\xc0\x8e\xd8\xfc\xbe\x2a\x7c\xac\x84\xc0\x74\x12\x88\xc4\xba\xfd\x03\xec\xa8' > "$sector"
	printf '\x20\x74\xfb\xba\xf8\x03\x88\xe0\xee\xeb\xe9\xba\x04\x06\xb8\x00\x20\xef\xf4\xeb\xfd' >> "$sector"
	printf '%s\r\n' "$2" >> "$sector"
	truncate -s 510 "$sector"
	printf '\x55\xaa' >> "$sector"
	dd if="$sector" of="$1" bs=512 conv=fsync status=none
	rm -f "$sector"
}

# vm_boot SECONDS QEMU_ARGS...: a VM whose firmware boots from what it is given; its first serial
# port is standard output. Seconds, where booting Linux in here takes minutes.
vm_boot() {
	local limit=$1
	shift
	timeout "$limit" qemu-system-x86_64 -M q35,i8042=off,sata=off,smbus=off -accel tcg -m 64 \
		-nodefaults -no-user-config -display none -no-reboot -serial stdio "$@" < /dev/null
}

# nested_run QEMU_ARGS...: boot the nested Linux with these devices; its report is on standard
# output. Emulation inside emulation: allow several minutes.
nested_run() {
	local dir status=0
	dir=$(mktemp -d)
	{
		cat /opt/lab/nested.gz
		(cd "$dir" && cp /opt/lab/nested-init init && echo init | busybox cpio -o -H newc 2>/dev/null) | gzip -1
	} > "$dir/initrd"
	qemu-system-x86_64 -M q35,i8042=off,sata=off,smbus=off -accel tcg -m 192 \
		-nodefaults -no-user-config -display none -no-reboot -serial stdio \
		-kernel /opt/lab/vmlinux -initrd "$dir/initrd" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr audit=0 nowatchdog \
			lsm=capability cryptomgr.notests rcupdate.rcu_expedited=1" \
		"$@" < /dev/null || status=$?
	rm -rf "$dir"
	return "$status"
}

# --- between suites ----------------------------------------------------------------------------

# reset: no holders, no mdevs, no VFs, no overrides; each suite starts on a host nobody touched,
# and carve is not running
reset() {
	carve_down
	reset_devices
}

# Without a process where nothing is to be done: one takes longer here than all of this.
reset_devices() {
	local file dir bdf value vfs
	for file in /run/lab-holder.*; do
		[ ! -s "$file" ] || let_go "$(cat "$file")"
		[ ! -e "$file" ] || rm -f "$file"
	done
	for file in /sys/bus/mdev/devices/*/remove; do
		[ ! -e "$file" ] || put 1 "$file"
	done
	for file in "$pci"/*/sriov_numvfs; do
		dir=${file%/*}
		vfs=("$dir"/virtfn*)
		[ ! -e "${vfs[0]}" ] || put 0 "$file"
		put 1 "$dir/sriov_drivers_autoprobe"
	done
	for file in "$pci"/*/driver_override; do
		dir=${file%/*}
		bdf=${dir##*/}
		read -r value < "$file"
		[ "$value" != "(null)" ] || continue
		[ ! -e "$dir/driver" ] || put "$bdf" "$dir/driver/unbind"
		put $'\n' "$file"
		put "$bdf" /sys/bus/pci/drivers_probe
	done
}
