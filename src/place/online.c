/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See online.h. */
#include "place/online.h"

#include <string.h>

#define KEPT 8 /* first devices that are looked at only once */

static const enum place_key usual[PLACE_KEYS] = { PLACE_KEY_COST, PLACE_KEY_RANK };

/* Where it could go, and what speaks for it. */
struct option {
	struct place_answer where;
	uint32_t rank;
	double left; /* of the device, in parts of the whole */
};

static uint64_t more_on(const struct capacity *k, const struct capacity_use *devices, size_t n,
			uint32_t profile)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += capacity_more(k, &devices[i], profile);
	return sum;
}

bool place_keeps(const struct capacity *k, const struct capacity_use *devices, size_t n,
		 const struct place_wish *wish, const struct capacity_use *before,
		 const struct capacity_use *after)
{
	for (size_t i = 0; i < wish->n_keep; i++) {
		uint32_t profile = wish->keep[i].profile;
		uint32_t had = capacity_more(k, before, profile),
			 has = capacity_more(k, after, profile);
		if (has < had &&
		    more_on(k, devices, n, profile) < (uint64_t)wish->keep[i].n + had - has)
			return false;
	}
	return true;
}

/* Of slots if it has them, else of the counter that is used most. */
static double left_of(const struct capacity *k, const struct capacity_use *d)
{
	double least = 1;
	if (k->n_slots)
		return 1 - __builtin_popcountll(d->occupied | d->reserved) / (double)k->n_slots;
	for (uint32_t i = 0; i < k->n_counters; i++) {
		double left = 1 - (double)d->used[i] / k->counters[i].total;
		least = left < least ? left : least;
	}
	for (uint32_t i = 0; i < k->n_profiles; i++)
		if (k->profiles[i].most && d->count[i]) {
			double left = 1 - (double)d->count[i] / k->profiles[i].most;
			least = left < least ? left : least;
		}
	return least;
}

static int compare(double a, double b)
{
	return (a > b) - (a < b);
}

static int compare_by(enum place_key key, const struct option *a, const struct option *b)
{
	switch (key) {
	case PLACE_KEY_NONE:
		return 0;
	case PLACE_KEY_COST:
		return compare(a->where.cost, b->where.cost);
	case PLACE_KEY_RANK:
		return compare(a->rank, b->rank);
	case PLACE_KEY_PACK:
		return compare(a->left, b->left);
	case PLACE_KEY_SPREAD:
		return compare(b->left, a->left);
	}
	return 0;
}

static bool better(const enum place_key *keys, const struct option *a, const struct option *b)
{
	for (size_t i = 0; i < PLACE_KEYS; i++) {
		int c = compare_by(keys[i], a, b);
		if (c)
			return c < 0;
	}
	return false;
}

struct deciding {
	const struct place_weights *w;
	const struct capacity_use *devices;
	size_t n;
	const struct place_wish *wish;
	const enum place_key *keys;
	struct place_harm harm;
	bool found;
	struct option best;
};

static void device_try(struct deciding *d, uint32_t number, const struct place_look *look,
		       uint64_t starts)
{
	const struct capacity *k = d->w->kind;
	const struct capacity_use *device = &d->devices[number];
	struct capacity_use with = *device;
	struct place_after after;
	struct place_room room;
	struct option o = { .where.device = number,
			    .rank = d->wish->rank ? d->wish->rank[number] : 0,
			    .left = left_of(k, device) };
	capacity_add(k, &with, d->wish->profile, (uint32_t)__builtin_ctzll(starts));
	place_look_after(look, &with, &after);
	for (; starts; starts &= starts - 1) {
		o.where.start = (uint32_t)__builtin_ctzll(starts);
		place_look_put(look, &after, capacity_mask(k, d->wish->profile, o.where.start),
			       &room);
		o.where.cost = place_cost(d->w, &d->harm, &look->room, &room);
		if (d->found && !better(d->keys, &o, &d->best))
			continue;
		if (d->wish->n_keep) {
			with = *device;
			capacity_add(k, &with, d->wish->profile, o.where.start);
			if (!place_keeps(k, d->devices, d->n, d->wish, device, &with))
				continue;
		}
		d->found = true;
		d->best = o;
	}
}

/* Two like each other in a row: the first is as good, unless the caller ranks them. */
static bool is_like_last(const struct deciding *d, size_t i)
{
	return i > 0 && !d->wish->rank &&
	       memcmp(&d->devices[i], &d->devices[i - 1], sizeof(*d->devices)) == 0;
}

bool place_online(const struct place_weights *w, const struct capacity_use *devices, size_t n,
		  const struct place_wish *wish, struct place_answer *ret)
{
	struct place_look looks[KEPT + 1];
	struct place_room all = { .wasted = 0 };
	struct deciding d = { .w = w,
			      .devices = devices,
			      .n = n,
			      .wish = wish,
			      .keys = wish->keys[0] ? wish->keys : usual };
	for (size_t i = 0; i < n; i++) {
		struct place_look *look = &looks[i < KEPT ? i : KEPT];
		place_look(look, w, &devices[i]);
		place_room_add(w, &all, &look->room, 1);
	}
	place_harm_of(w, &all, &d.harm);
	for (size_t i = 0; i < n; i++) {
		uint64_t starts = capacity_starts(w->kind, &devices[i], wish->profile);
		if (!starts || is_like_last(&d, i))
			continue;
		if (i >= KEPT)
			place_look(&looks[KEPT], w, &devices[i]);
		device_try(&d, (uint32_t)i, &looks[i < KEPT ? i : KEPT], starts);
	}
	if (d.found)
		*ret = d.best.where;
	return d.found;
}
