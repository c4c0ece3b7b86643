/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What SR-IOV can cut from a PF: as many VFs as its capability says, all alike. */
#include <errno.h>

#include "base/str.h"
#include "sriov/internal.h"

int sriov_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct function *pf = have_device(h, device);
	if (!pf || pf->is_vf || !pf->caps.sriov)
		return 0;

	struct offer_entry *e = offer_add(ret);
	if (!e)
		return -ENOMEM;
	unsigned made = have_vf_count(h, pf->addr);
	(void)STR_COPY(e->profile, "vf");
	(void)STR_COPY(e->name, "virtual function");
	e->total = pf->caps.sriov_total;
	e->available = e->total > made ? e->total - made : 0;
	return 0;
}
