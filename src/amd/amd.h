/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AMD's mechanism: compute and memory partitions. Planned only. */
#pragma once
#include "mech/mech.h"

extern const struct mech amd_partition_mech;
