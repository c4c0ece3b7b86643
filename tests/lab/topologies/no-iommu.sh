# shellcheck shell=bash disable=SC2034,SC2054,SC2154 # variables and commas belong to lib.sh and QEMU
# SPDX-License-Identifier: GPL-2.0-or-later
# A machine whose IOMMU is absent or switched off: VFs can be made and cannot be given to a VM.
lab_port rp1 1 addr=0x3.0
lab_net n1
lab_args+=(-device igb,bus=rp1,id=igb0,netdev=n1,mac=52:54:00:ca:01:00)
