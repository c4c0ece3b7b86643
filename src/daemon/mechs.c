/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every mechanism that carved knows: a new one is one line here. */
#include "amd/amd.h"
#include "daemon/daemon.h"
#include "mdev/mdev.h"
#include "nvidia/nvidia.h"
#include "sriov/sriov.h"
#include "vfio/vfio.h"

const struct mech *const daemon_mechs[] = {
	&passthrough_mech, &sriov_mech,		&mdev_mech,
	&nvidia_mig_mech,  &nvidia_vgpu_mech,	&nvidia_time_slice_mech,
	&nvidia_mps_mech,  &amd_partition_mech, NULL,
};
