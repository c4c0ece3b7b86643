/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a parent can make. All its types draw on one capacity (mtty's ports, mbochs' megabytes, a
 * GPU's memory), so they share one pool: what is available of each is not to be added up.
 */
#include <errno.h>

#include "base/str.h"
#include "mdev/internal.h"

static uint32_t made_of(const struct have *h, const struct mdev_type *t)
{
	uint32_t n = 0;
	for (size_t i = 0; i < h->n_mdevs; i++)
		n += str_eq(h->mdevs[i].parent, t->parent) && str_eq(h->mdevs[i].type, t->id);
	return n;
}

int mdev_offer(const struct have *h, const char *device, struct offer *ret)
{
	for (size_t i = 0; i < h->n_types; i++) {
		const struct mdev_type *t = &h->types[i];
		if (!str_eq(t->parent, device))
			continue;
		struct offer_entry *e = offer_add(ret);
		if (!e)
			return -ENOMEM;
		(void)STR_COPY(e->profile, t->id);
		(void)STR_COPY(e->name, t->name);
		e->available = t->available_known ? t->available : 0;
		e->total = e->available + made_of(h, t);
		e->pool = 1;
	}
	return 0;
}
