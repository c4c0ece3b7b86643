/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVIDIA's mechanisms: GPU instances (MIG), and vGPUs. Planned only. */
#pragma once
#include "mech/mech.h"

extern const struct mech nvidia_mig_mech, nvidia_vgpu_mech;
