/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which partition modes a card has: by the tables, until the driver is asked. */
#include "amd/amd.h"
#include "amd/kinds.h"

static void partition_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct function *f = have_device(h, device);
	const struct capacity *kind = f && !f->is_vf ? amd_kind_find(f->vendor, f->device) : NULL;
	*ret = (struct offer){ 0 };
	if (kind)
		ret->kind = *kind;
}

const struct mech amd_partition_mech = { .name = "partition",
					 .offer = partition_offer,
					 MECH_PLANNED };
