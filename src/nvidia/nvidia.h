/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVIDIA's mechanisms: GPU instances (MIG), vGPUs, and shares of a GPU. What the driver's library says of a GPU
 * comes in the picture; VFs and drivers are as with any other device.
 */
#pragma once
#include "mech/mech.h"

extern const struct mech nvidia_mig_mech, nvidia_vgpu_mech, nvidia_time_slice_mech, nvidia_mps_mech;
