/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passthrough can hand out: the function itself, once, if an IOMMU stands before it. */
#include "base/str.h"
#include "vfio/internal.h"

void passthrough_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct function *f = have_device(h, device);
	*ret = (struct offer){ 0 };
	/* Bridges: vfio-pci refuses header type 1. VFs are slices of their PF. */
	if (!f || f->is_vf || pci_is_bridge(f->class) || f->iommu_group < 0)
		return;
	ret->kind = (struct capacity){
		.name = "passthrough",
		.n_profiles = 1,
		.profiles = { { .name = "passthrough", .worth = 1, .most = 1 } },
	};
	/* What is divided is not there as a whole. */
	ret->use.count[0] = have_vf_count(h, f->addr) > 0 || f->mdev_parent > 0;
}
