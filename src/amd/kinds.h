/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What AMD cards can be divided into; see model/capacity.h. */
#pragma once
#include "model/capacity.h"

/* Partition modes of that card; NULL: not in the table. */
const struct capacity *amd_kind_find(uint16_t vendor, uint16_t device);

/* All tables; NULL ends. */
extern const struct capacity *const amd_kinds[];
