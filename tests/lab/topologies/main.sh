# shellcheck shell=bash disable=SC2034,SC2054,SC2154 # variables and commas belong to lib.sh and QEMU
# SPDX-License-Identifier: GPL-2.0-or-later
# The host most suites run on: an Intel IOMMU, PFs of two kinds behind ports that isolate,
# and around them every way of sharing an IOMMU group. Two NUMA nodes.
#
#   00:03.0  port -> 01:00.0 igb, 7 VFs                 00:05.0  PCIe-PCI bridge -> two e1000 (one group)
#   00:03.1  port -> 02:00.0 nvme, 8 VFs, namespace 1   00:08.0  port without ACS -> rng  } one group
#   00:03.2  port -> 03:00.0 igb, 7 VFs                 00:08.1  port without ACS -> rng  }
#   00:03.3  port -> switch -> two rng, own groups      00:09.0  edu: a device no driver wants
#   00:04.0  port -> a two-function rng, one group      40:00.0  NUMA node 1: port -> 41:00.0 igb, 7 VFs
lab_kernel_args+=(intel_iommu=on iommu=nopt)
lab_numa=2

lab_args+=(-device intel-iommu,intremap=on,caching-mode=on,device-iotlb=on)

lab_port rp1 1 addr=0x3.0,multifunction=on
lab_net n1
lab_args+=(-device igb,bus=rp1,id=igb0,netdev=n1,mac=52:54:00:ca:01:00)

lab_port rp2 2 addr=0x3.1
lab_blank_disk ns1 16M
lab_args+=(-device nvme-subsys,id=ss0
	-device nvme,id=nv0,bus=rp2,serial=PF0,subsys=ss0,sriov_max_vfs=8,sriov_vq_flexible=16,sriov_vi_flexible=8,max_ioqpairs=20,msix_qsize=12
	-device nvme-ns,drive=ns1,bus=nv0,nsid=1,shared=on)

lab_port rp3 3 addr=0x3.2
lab_net n2
lab_args+=(-device igb,bus=rp3,id=igb1,netdev=n2,mac=52:54:00:ca:02:00)

lab_port rp4 4 addr=0x3.3
lab_args+=(-device x3130-upstream,id=up0,bus=rp4
	-device xio3130-downstream,id=dn0,bus=up0,chassis=5,slot=5,addr=0x0
	-device xio3130-downstream,id=dn1,bus=up0,chassis=6,slot=6,addr=0x1
	-device virtio-rng-pci,bus=dn0 -device virtio-rng-pci,bus=dn1)

lab_port rp5 7 addr=0x4.0
lab_args+=(-device virtio-rng-pci,bus=rp5,addr=0x0.0,multifunction=on -device virtio-rng-pci,bus=rp5,addr=0x0.1)

lab_args+=(-device pcie-pci-bridge,id=pb,bus=pcie.0,addr=0x5 -device e1000,bus=pb,addr=1 -device e1000,bus=pb,addr=2)

lab_port rp6 8 addr=0x8.0,multifunction=on,disable-acs=on
lab_port rp7 9 addr=0x8.1,disable-acs=on
lab_args+=(-device virtio-rng-pci,bus=rp6 -device virtio-rng-pci,bus=rp7)

lab_args+=(-device edu,bus=pcie.0,addr=0x9)

lab_net n3
lab_args+=(-device pxb-pcie,id=pxb1,bus_nr=0x40,bus=pcie.0,numa_node=1
	-device pcie-root-port,id=rp8,chassis=10,slot=10,bus=pxb1
	-device igb,bus=rp8,id=igb2,netdev=n3,mac=52:54:00:ca:03:00)
