# shellcheck shell=bash disable=SC2034,SC2054,SC2154 # variables and commas belong to lib.sh and QEMU
# SPDX-License-Identifier: GPL-2.0-or-later
# A paravirtual IOMMU: a function gets its IOMMU group no sooner than a driver first tries it, so a
# new VF has none for a while. 00:06.0 sits on the root bus, 01:00.0 behind a port.
lab_args+=(-device virtio-iommu-pci)
lab_net n1
lab_net n2
lab_args+=(-device igb,bus=pcie.0,addr=0x6,netdev=n1,mac=52:54:00:ca:01:00)
lab_port rp1 1 addr=0x3.0
lab_args+=(-device igb,bus=rp1,netdev=n2,mac=52:54:00:ca:02:00)
