/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPU instances: what ends them. */
#include "sim/nvidia.h"

void nvidia_mig_wipe(struct pci *f)
{
	for (int i = 0; f->gpu && i < NVIDIA_INSTANCES; i++)
		f->gpu->instances[i].there = false;
}
