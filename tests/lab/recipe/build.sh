#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build.sh DIR: make the lab's root, image, kernel and initial file systems in the empty folder DIR.
# Run it in a private mount namespace (`unshare -m`): what is mounted in here must never be
# within reach of a remove outside.
#
# DIR/root      Debian 13, with a compiler: carve is built in it and its QEMU runs the guest
# DIR/root.img  the same tree as an ext4 image
# DIR/vmlinux   the guest's kernel, uncompressed (decompressing it under TCG takes seconds)
# DIR/initrd.gz busybox and the few modules the root disk needs; /init is added when a guest starts
# (in the root: /opt/lab/vmlinux and /opt/lab/nested.gz, the same for the nested guest)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$1
suite=trixie
series=6.12
work=$out/work
root=$out/root

# shellcheck source=tests/lab/recipe/archive.sh
. "$here/archive.sh"

say() {
	printf 'lab: %4ds %s\n' "$SECONDS" "$*" >&2
}

write_apt_sources() {
	local archive keyring
	archive=$(archive_uri)
	keyring=$(archive_keyring)
	mkdir -p "$work/apt/state/lists/partial" "$work/apt/cache/archives/partial"
	echo "deb [signed-by=$keyring] $archive $suite main" > "$work/apt/sources.list"
}

# An apt of our own for Debian 13: the machine's package sources stay as they are.
apt_get() {
	apt-get -qq \
		-o Dir::State="$work/apt/state" -o Dir::State::status=/dev/null \
		-o Dir::Cache="$work/apt/cache" \
		-o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o APT::Sandbox::User=root "$@"
}

# The sample mdev drivers and netdevsim are in no Debian kernel package: take their sources.
fetch_driver_sources() {
	mkdir -p "$work/source"
	cd "$work/source"
	apt_get update
	apt_get download "linux-source-$series"
	dpkg-deb --fsys-tarfile linux-source-*.deb |
		tar -xO "./usr/src/linux-source-$series.tar.xz" |
		tar -xJ --strip-components=1 \
			"linux-source-$series/samples/vfio-mdev" \
			"linux-source-$series/drivers/net/netdevsim"
	rm -f linux-source-*.deb
}

make_root() {
	local packages
	packages=$(sed -e 's/#.*//' -e '/^ *$/d' "$here/packages" | paste -sd,)
	# Nothing boots from an initramfs of Debian's making, so its slow generation is switched off.
	mmdebstrap --quiet --mode=root --variant=essential --format=directory \
		--include="$packages" \
		--dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--aptopt='Acquire::Languages "none"' \
		--essential-hook='chroot "$1" dpkg-divert --quiet --local --rename --add /usr/sbin/update-initramfs' \
		--essential-hook='ln -s /bin/true "$1/usr/sbin/update-initramfs"' \
		"$suite" "$root" "$work/apt/sources.list" 2>&1 |
		{ grep -v -e '^$' -e '^I: ' || true; } >&2
	echo lab > "$root/etc/hostname"
	echo 0c0ffee00c0ffee00c0ffee00c0ffee0 > "$root/etc/machine-id"
	chroot "$root" passwd -q -d root
	mkdir -p "$root/share" "$root/src" "$root/obj" "$root/persist" "$root/var/lib/carve"
}

make_drivers() {
	local release=$1 tree=$root/usr/src/lab-drivers
	mkdir -p "$tree"
	cp -r "$work/source/samples/vfio-mdev" "$tree/mdev"
	cp -r "$work/source/drivers/net/netdevsim" "$tree/netdevsim"
	echo 'obj-m := mtty.o mdpy.o mbochs.o' > "$tree/mdev/Makefile"
	{
		echo 'obj-m := netdevsim.o'
		echo 'netdevsim-objs := netdev.o dev.o ethtool.o fib.o bus.o health.o hwstats.o \'
		echo '	udp_tunnels.o bpf.o ipsec.o psample.o macsec.o'
	} > "$tree/netdevsim/Makefile"
	for dir in mdev netdevsim; do
		chroot "$root" make -s -j2 -C "/lib/modules/$release/build" "M=/usr/src/lab-drivers/$dir" modules \
			> "$work/$dir.log" 2>&1 || { tail -n 40 "$work/$dir.log" >&2; return 1; }
	done
	mkdir -p "$root/lib/modules/$release/extra"
	cp "$tree"/*/*.ko "$root/lib/modules/$release/extra/"
	rm -rf "$tree"
	chroot "$root" depmod "$release"
}

module_paths() { # RELEASE MODULE...: these and all they need, in load order
	local release=$1 module
	shift
	for module; do
		chroot "$root" modprobe --show-depends -S "$release" "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# Under TCG most of a module's load time goes into decompressing it, hashing it for its signature
# and checking its type information: the ones in use are kept plain, unsigned and without types.
prepare_modules() {
	local path
	module_paths "$@" > "$work/used-modules"
	while read -r path; do
		case $path in
		*.xz)
			xz -d "$root$path"
			path=${path%.xz}
			;;
		esac
		chroot "$root" objcopy --strip-debug --remove-section=.BTF "$path"
	done < "$work/used-modules"
	chroot "$root" depmod "$1"
}

# make_initramfs RELEASE OUT MODULE...: all but /init, which changes more often than this recipe
# and is appended as an archive of its own.
make_initramfs() {
	local release=$1 target=$2 tree path n=10
	shift 2
	tree=$work/$(basename "$target" .gz)
	mkdir -p "$tree"/{bin,proc,sys,dev,new,modules}
	cp "$root/usr/bin/busybox" "$tree/bin/busybox"
	module_paths "$release" "$@" > "$tree.modules"
	while read -r path; do
		cp "$root$path" "$tree/modules/$n-$(basename "$path")"
		n=$((n + 1))
	done < "$tree.modules"
	(cd "$tree" && find . | cpio -o -H newc --quiet) | gzip -1 > "$target"
}

u32() {
	od -An -t u4 -j "$2" -N 4 "$1" | tr -d ' '
}

# The compressed kernel lies in the bzImage at payload_offset, its size is 4 bytes longer than
# the stream (Documentation/arch/x86/boot.rst).
unpack_kernel() {
	local bz=$1 sectors offset length
	sectors=$(od -An -t u1 -j 497 -N 1 "$bz" | tr -d ' ')
	offset=$(((sectors + 1) * 512 + $(u32 "$bz" 584)))
	length=$(($(u32 "$bz" 588) - 4))
	dd if="$bz" of="$work/kernel" bs=64K iflag=skip_bytes,count_bytes skip="$offset" count="$length" status=none
	case $(head -c 4 "$work/kernel" | od -An -t x1 | tr -d ' ') in
	fd377a58) xz -dc "$work/kernel" ;;
	28b52ffd) zstd -dc "$work/kernel" ;;
	02214c18) lz4 -dc "$work/kernel" ;;
	1f8b*) gzip -dc "$work/kernel" ;;
	*) echo "lab: unknown compression of $bz" >&2; return 1 ;;
	esac
}

make_image() {
	truncate -s 5G "$out/root.img"
	mkfs.ext4 -q -F -E lazy_itable_init=1,nodiscard -O ^has_journal -m 0 -d "$root" "$out/root.img"
}

main() {
	local fetch release
	mkdir -p "$work"
	write_apt_sources
	say "fetching driver sources, making the Debian 13 root"
	fetch_driver_sources > "$work/fetch.log" 2>&1 &
	fetch=$!
	make_root
	say "root made"
	wait "$fetch" || { cat "$work/fetch.log" >&2; exit 1; }
	mount -t proc proc "$root/proc"
	release=$(ls "$root/lib/modules")
	make_drivers "$release"
	say "drivers built for $release"
	prepare_modules "$release" igb igbvf e1000 nvme virtio_rng vfio_pci vfio_iommu_type1 mdev psample macsec udp_tunnel \
		mtty mdpy mbochs netdevsim overlay autofs4 ip_tables nfnetlink virtio_iommu virtio_pci virtio_blk ext4 9p 9pnet_virtio
	make_initramfs "$release" "$out/initrd.gz" virtio_iommu virtio_pci virtio_blk ext4 9p 9pnet_virtio
	mkdir -p "$root/opt/lab"
	make_initramfs "$release" "$root/opt/lab/nested.gz" nvme igbvf
	unpack_kernel "$root/boot/vmlinuz-$release" > "$out/vmlinux"
	cp "$out/vmlinux" "$root/opt/lab/vmlinux"
	umount "$root/proc"
	make_image
	rm -rf "$work"
	say "done"
}

main
