/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passthrough can hand out: the function itself, once, if an IOMMU stands before it. */
#include <errno.h>

#include "base/str.h"
#include "vfio/internal.h"

int passthrough_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct function *f = have_device(h, device);
	/* Bridges: vfio-pci refuses header type 1. VFs are slices of their PF. */
	if (!f || f->is_vf || pci_class_is(f->class, PCI_BASE_BRIDGE) || f->iommu_group < 0)
		return 0;

	struct offer_entry *e = offer_add(ret);
	if (!e)
		return -ENOMEM;
	(void)STR_COPY(e->profile, "passthrough");
	(void)STR_COPY(e->name, "the function itself");
	e->total = 1;
	e->available = have_vf_count(h, f->addr) == 0 && f->mdev_parent == 0;
	return 0;
}
