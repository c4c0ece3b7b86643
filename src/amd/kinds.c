/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AMD cards as the driver's source describes them; for planning without the machine, and for tests. */
#include "amd/kinds.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))
#define VENDOR_AMD 0x1002 /* pci.ids */

/*
 * Linux, drivers/gpu/drm/amd/amdgpu/aqua_vanjaram.c, __aqua_vanjaram_get_px_mode_info(): partitions
 * of each compute mode, and the memory modes that it goes with (GC 9.4.3). The whole card has one.
 * Memory: equal shares of 192 and 128 GB (data sheets).
 */
#define PARTITION(gib, name_, xccs, most_, mode_)                                                  \
	{                                                                                          \
		.name = (name_), .worth = (xccs), .takes = { (xccs) }, .compute = (xccs),          \
		.most = (most_), .mode = (mode_), .memory = 1024 * (gib) / (most_)                 \
	}

static const struct capacity mi300x = {
	.name = "MI300X",
	.n_counters = 1,
	.counters = { { "XCCs", 8 } },
	.n_profiles = 7,
	.profiles = { PARTITION(192, "SPX/NPS1", 8, 1, 1), PARTITION(192, "DPX/NPS1", 4, 2, 2),
		      PARTITION(192, "DPX/NPS2", 4, 2, 3), PARTITION(192, "QPX/NPS1", 2, 4, 4),
		      PARTITION(192, "QPX/NPS4", 2, 4, 5), PARTITION(192, "CPX/NPS1", 1, 8, 6),
		      PARTITION(192, "CPX/NPS4", 1, 8, 7) },
};
static const struct capacity mi300a = {
	.name = "MI300A",
	.n_counters = 1,
	.counters = { { "XCCs", 6 } },
	.n_profiles = 5,
	.profiles = { PARTITION(128, "SPX/NPS1", 6, 1, 1), PARTITION(128, "TPX/NPS1", 2, 3, 2),
		      PARTITION(128, "TPX/NPS4", 2, 3, 3), PARTITION(128, "CPX/NPS1", 1, 6, 4),
		      PARTITION(128, "CPX/NPS4", 1, 6, 5) },
};

/* Ids: pci.ids. */
static const struct {
	uint16_t device;
	const struct capacity *kind;
} cards[] = {
	{ 0x74a1, &mi300x },
	{ 0x74a0, &mi300a },
};

const struct capacity *amd_kind_find(uint16_t vendor, uint16_t device)
{
	for (size_t i = 0; vendor == VENDOR_AMD && i < LENGTH(cards); i++)
		if (cards[i].device == device)
			return cards[i].kind;
	return NULL;
}

const struct capacity *const amd_kinds[] = { &mi300x, &mi300a, NULL };
