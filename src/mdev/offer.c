/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a parent can make. All its types draw on one capacity (mtty's ports, mbochs' megabytes, a
 * GPU's memory), and the kernel tells only how many more of each type there could be. So the unit is
 * the type of which there could be most, and another one takes as many units as the numbers say.
 */
#include "base/str.h"
#include "mdev/internal.h"

static uint32_t made_of(const struct have *h, const struct mdev_type *t)
{
	uint32_t n = 0;
	for (size_t i = 0; i < h->n_mdevs; i++)
		n += str_eq(h->mdevs[i].parent, t->parent) && str_eq(h->mdevs[i].type, t->id);
	return n;
}

static uint32_t available(const struct mdev_type *t)
{
	uint32_t n = t->available_known ? t->available : 0;
	return n < CAPACITY_MOST ? n : CAPACITY_MOST;
}

static uint32_t most_available(const struct have *h, const char *device)
{
	uint32_t most = 0;
	for (size_t i = 0; i < h->n_types; i++)
		if (str_eq(h->types[i].parent, device) && available(&h->types[i]) > most)
			most = available(&h->types[i]);
	return most;
}

/* One more than is left of what there could be none of any more. */
static uint32_t units_of(const struct mdev_type *t, uint32_t left)
{
	uint32_t n = available(t);
	return n ? mdev_type_units(left, n) : left + 1;
}

void mdev_offer(const struct have *h, const char *device, struct offer *ret)
{
	struct capacity *k = &ret->kind;
	uint32_t left = most_available(h, device);
	*ret = (struct offer){ .kind = { .name = "mdev", .n_counters = 1 } };
	for (size_t i = 0; i < h->n_types && k->n_profiles < CAPACITY_PROFILES; i++) {
		const struct mdev_type *t = &h->types[i];
		if (!str_eq(t->parent, device))
			continue;
		uint32_t made = made_of(h, t), units = units_of(t, left);
		uint32_t most = made + available(t);
		ret->use.used[0] += made * units;
		/* Where there is none and can be none, the only one counts as taken. */
		ret->use.count[k->n_profiles] = (uint16_t)(most ? made : 1);
		k->profiles[k->n_profiles++] = (struct capacity_profile){
			.name = t->id,
			.worth = units,
			.takes = { units },
			.most = most ? most : 1,
		};
	}
	/* One unit is nobody's, so that there is one more than is left. */
	ret->use.used[0]++;
	k->counters[0] = (struct capacity_counter){ "units", ret->use.used[0] + left };
}
