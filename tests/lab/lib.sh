# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Host side of the lab: start a guest, run scripts in it, cut its power. Sourced by scripts/lab and
# by suites that run on the host. A guest is a run folder, named by $lab_run; nothing else is kept,
# so any number of them live side by side. Needs $lab_dir (tests/lab) and $lab_world (what
# recipe/build.sh made).
# shellcheck disable=SC2054,SC2154 # QEMU's arguments have commas in them; the two above are the caller's

lab_say() {
	printf 'lab: %s\n' "$*" >&2
}

lab_die() {
	lab_say "$@"
	exit 1
}

# --- words for topologies -------------------------------------------------------------------

lab_port() { # ID CHASSIS OPTIONS: a root port
	lab_args+=(-device "pcie-root-port,id=$1,chassis=$2,slot=$2,bus=pcie.0,$3")
}

lab_net() { # ID: a network that leads nowhere
	lab_args+=(-netdev "hubport,id=$1,hubid=${1#n}")
}

lab_blank_disk() { # ID SIZE: the back end of a disk that is empty at the guest's first start
	[ -e "$lab_run/$1.img" ] || truncate -s "$2" "$lab_run/$1.img"
	lab_args+=(-drive "if=none,id=$1,file=$lab_run/$1.img,format=raw,cache=unsafe")
}

lab_state_disk() { # SIZE: what carve remembers; the host's page cache outlives the guest's power cut
	[ -e "$lab_run/state.img" ] || {
		truncate -s "$1" "$lab_run/state.img"
		mkfs.ext4 -q -F "$lab_run/state.img"
	}
	lab_args+=(-drive "if=none,id=state,file=$lab_run/state.img,format=raw,cache=unsafe"
		-device virtio-blk-pci,drive=state,serial=lab-state,bus=pcie.0,addr=0x1c)
	lab_kernel_args+=(lab.state)
}

# --- QEMU --------------------------------------------------------------------------------------

# The QEMU of the Debian 13 root, run by that root's own loader: no chroot, no mounts.
lab_qemu() {
	local lib=$lab_world/root/usr/lib/x86_64-linux-gnu
	QEMU_MODULE_DIR=$lib/qemu exec "$lib/ld-linux-x86-64.so.2" --inhibit-cache \
		--library-path "$lib:$lib/pulseaudio" \
		"$lab_world/root/usr/bin/qemu-system-x86_64" -L "$lab_world/root/usr/share/qemu" \
		-L "$lab_world/root/usr/share/seabios" -L "$lab_world/root/usr/lib/ipxe/qemu" "$@"
}

lab_memory_args() { # NODES: 3 GiB, on one NUMA node or two
	lab_args+=(-m 3072 -smp 2)
	[ "$1" = 2 ] || return 0
	lab_args+=(-object memory-backend-ram,id=m0,size=2048M -object memory-backend-ram,id=m1,size=1024M
		-numa node,nodeid=0,memdev=m0,cpus=0 -numa node,nodeid=1,memdev=m1,cpus=1)
}

lab_machine_args() {
	lab_args=(-name "$lab_run" -M q35,i8042=off,sata=off,vmport=off -accel tcg,thread=multi -cpu max
		-nodefaults -no-user-config -display none -no-reboot
		-serial "file:$lab_run/console" -serial "pipe:$lab_run/cmd"
		-serial "unix:$lab_run/shell,server=on,wait=off" -qmp "unix:$lab_run/qmp,server=on,wait=off"
		-drive "if=none,id=root,file=$lab_world/root.img,format=raw,snapshot=on,cache=unsafe"
		-device virtio-blk-pci,drive=root,serial=lab-root,bus=pcie.0,addr=0x1e
		-fsdev "local,id=share,path=$lab_run/share,security_model=none,multidevs=remap"
		-device virtio-9p-pci,fsdev=share,mount_tag=share,bus=pcie.0,addr=0x1d
		-kernel "$lab_world/vmlinux" -initrd "$lab_run/initrd")
	lab_kernel_args=(console=ttyS0 quiet rw panic=-1 mitigations=off nokaslr audit=0
		nowatchdog lsm=landlock,lockdown,yama cryptomgr.notests rcupdate.rcu_expedited=1
		systemd.condition_needs_update=0 systemd.unit=lab.target systemd.show_status=false)
	lab_numa=1
	# shellcheck disable=SC1090 # one of topologies/
	. "$lab_dir/topologies/$(cat "$lab_run/topology").sh"
	lab_memory_args "$lab_numa"
	lab_args+=(-append "${lab_kernel_args[*]}")
}

# --- a guest -----------------------------------------------------------------------------------

lab_mask_units() {
	local unit generator etc=$lab_run/share/overlay/etc/systemd
	grep -v '^#' "$lab_dir/boot/masked-units" | while read -r unit; do
		ln -s /dev/null "$etc/system/$unit"
	done
	mkdir -p "$etc/system-generators"
	for generator in "$lab_world"/root/usr/lib/systemd/system-generators/*; do
		ln -s /dev/null "$etc/system-generators/$(basename "$generator")"
	done
}

# guest_new TOPOLOGY [RUNDIR]: a run folder, with everything the guest will copy over its root
guest_new() {
	[ -e "$lab_dir/topologies/$1.sh" ] || lab_die "no topology $1"
	lab_run=${2:-$(mktemp -d "${TMPDIR:-/tmp}/carve-lab.XXXXXX")}
	mkdir -p "$lab_run"/share/{cmd,out,overlay,suites}
	echo "$1" > "$lab_run/topology"
	cp -r --preserve=mode,links "$lab_dir/guest/." "$lab_run/share/overlay/"
	cp "$lab_dir"/suites/*.sh "$lab_run/share/suites/"
	lab_mask_units
	[ -z "${lab_carve:-}" ] || cp -r --preserve=mode,links "$lab_carve/." "$lab_run/share/overlay/"
	{
		cat "$lab_world/initrd.gz"
		(cd "$lab_dir/boot" && echo init | cpio -o -H newc -R 0:0 --quiet) | gzip -1
	} > "$lab_run/initrd"
	mkfifo "$lab_run/cmd.in" "$lab_run/cmd.out"
}

guest_alive() {
	local pid
	[ -e "$lab_run/pid" ] && pid=$(cat "$lab_run/pid") &&
		tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline" | grep -qF -- "-name $lab_run "
}

guest_start() {
	rm -f "$lab_run"/share/out/*
	(
		lab_machine_args
		export TMPDIR=$lab_run
		cd "$lab_run" || exit
		exec 8< "$lab_world/root.img"
		flock -s 8 # QEMU keeps it: this world is in use
		echo "$BASHPID" > "$lab_run/pid"
		lab_qemu "${lab_args[@]}"
	) > "$lab_run/qemu.log" 2>&1 < /dev/null &
	disown
}

guest_cpu_ticks() { # clock ticks (10 ms) of the machine's processors the guest has used
	awk '{ print $14 + $15 }' "/proc/$(cat "$lab_run/pid")/stat" 2>/dev/null || echo 0
}

# How long a start takes depends on what else the machine does. One that is stuck shows by using
# no processor.
guest_wait_ready() {
	local tries=0 ticks=0 before=0
	while [ ! -s "$lab_run/share/out/ready" ]; do
		sleep 0.1
		[ ! -e "$lab_run/pid" ] || guest_alive || return 1
		tries=$((tries + 1))
		[ $((tries % 80)) -eq 0 ] || continue
		ticks=$(guest_cpu_ticks)
		[ $((ticks - before)) -gt 60 ] && [ "$tries" -lt 2400 ] || return 1
		before=$ticks
	done
}

# guest_boot: start and wait. QEMU's emulated IOMMU was seen to abort now and then while a guest
# starts, and an emulated timer to get lost, so one start that fails is repeated; a second failure
# is a failure.
guest_boot() {
	local try start
	for try in 1 2; do
		start=${EPOCHREALTIME/./}
		rm -f "$lab_run/pid"
		guest_start
		if guest_wait_ready; then
			lab_say "$(cat "$lab_run/topology") guest ready after $(((${EPOCHREALTIME/./} - start) / 100000))e-1 s"
			return 0
		fi
		lab_say "the guest was not ready (try $try):"
		tail -n 20 "$lab_run/qemu.log" "$lab_run/console" >&2
		guest_power_cut
	done
	return 1
}

guest_power_cut() {
	guest_alive || return 0
	local pid
	pid=$(cat "$lab_run/pid")
	kill -9 "$pid"
	while guest_alive; do sleep 0.05; done
	rm -f "$lab_run/pid"
}

guest_remove() {
	guest_power_cut
	rm -rf "$lab_run"
}

# guest_run NAME SECONDS [FILE] : run a script (standard input) in the guest, its output as it comes.
# Returns its exit status; 124: it ran out of time; 125: the guest is gone or stuck.
guest_run() {
	local name=$1.$RANDOM limit=$2 out end
	out=$lab_run/share/out/$name
	guest_alive || return 125
	cat > "$lab_run/share/cmd/$name"
	: > "$out.log"
	end=$((SECONDS + limit + 20))
	exec 5< "$out.log"
	echo "$name $limit" 1<> "$lab_run/cmd.in"
	while [ ! -e "$out.status" ] && [ "$SECONDS" -lt "$end" ] && guest_alive; do
		sleep 0.1
		cat <&5
	done
	cat <&5
	exec 5<&-
	[ -e "$out.status" ] || return 125
	return "$(cat "$out.status")"
}

# guest_save_logs DIR: what is needed to understand a failure, in DIR
guest_save_logs() {
	mkdir -p "$1"
	guest_run journal 20 > "$1/journal" 2>/dev/null <<< 'journalctl -b --no-pager -o short-monotonic' || true
	guest_run dmesg 20 > "$1/dmesg" 2>/dev/null <<< 'dmesg' || true
	cp "$lab_run/console" "$lab_run/qemu.log" "$1/"
}
