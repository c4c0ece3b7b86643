/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What NVIDIA cards can be divided into, as published and as cards said; see model/capacity.h. */
#pragma once
#include "model/capacity.h"

struct nvidia_card {
	uint16_t device;	     /* PCI device id */
	const struct capacity *mig;  /* GPU instances; NULL: it has no MIG */
	const struct capacity *vgpu; /* time-sliced vGPUs of equal size; NULL: none, or not known */
	const struct capacity *mixed; /* of several sizes; NULL: as above */
};

/* NULL: not in the table. */
const struct nvidia_card *nvidia_card_find(uint16_t vendor, uint16_t device);

/* All tables; NULL ends. */
extern const struct capacity *const nvidia_kinds[];
