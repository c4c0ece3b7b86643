/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See weigh.h. */
#include "place/weigh.h"

#include <string.h>

#define FADE 0.5    /* of the likelihood of a refusal, for each place there is, of one in five */
#define BEHIND 0.25 /* of a place, for each part of one slot of eight that has to go first */
#define BARRED 0.15 /* of a place, while parts elsewhere on the device do not let it be taken */
#define WASTE 0.04  /* of a free slot of eight that is no use */

/* Close to exp(x), and the same on every machine; infinite above 50000. */
static double grown(double x)
{
	double y = 1 + x / 4096;
	for (int i = 0; i < 12; i++)
		y *= y;
	return y;
}

/* By Newton; x > 0. */
static double root(double x)
{
	double y = x < 1 ? 1 : x;
	for (int i = 0; i < 50; i++)
		y = (y + x / y) / 2;
	return y;
}

static uint32_t ones(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (uint32_t)(x * 0x0101010101010101 >> 56);
}

/* --- preparing ---------------------------------------------------------------------------------- */

/* Modes and exclusions, or a limit below what the slots allow. */
static bool is_limited(const struct capacity *k, uint32_t profile)
{
	const struct capacity_profile *p = &k->profiles[profile];
	struct capacity free = *k;
	for (uint32_t i = 0; i < k->n_profiles; i++)
		if (k->profiles[i].bars >> profile & 1)
			return true;
	if (p->mode || p->bars || p->size == 0)
		return true;
	free.n_counters = 0;
	free.profiles[profile].most = 0;
	return p->most &&
	       p->most < capacity_more(&free, &(struct capacity_use){ .occupied = 0 }, profile);
}

static void spots_list(struct place_weights *w, uint32_t i)
{
	uint32_t n = w->first[i];
	const struct capacity_profile *p = &w->kind->profiles[w->profile[i]];
	for (uint64_t left = p->starts; left && n < PLACE_SPOTS; left &= left - 1)
		w->spot[n++] =
			capacity_mask(w->kind, w->profile[i], (uint32_t)__builtin_ctzll(left));
	w->first[i + 1] = n;
}

static void profile_weigh(struct place_weights *w, uint32_t profile, double share, double most)
{
	const struct capacity *k = w->kind;
	const struct capacity_use empty = { 0 };
	double worth = 7.0 * k->profiles[profile].worth / most;
	uint32_t i = w->n++;
	w->profile[i] = profile;
	w->share[i] = share;
	w->loss[i] = share * root(worth);
	w->fade[i] = FADE / root(5 * share);
	w->whole[i] = capacity_more(k, &empty, profile);
	w->limited[i] = is_limited(k, profile);
	spots_list(w, i);
}

void place_weights_set(struct place_weights *w, const struct capacity *k,
		       const struct place_mix *mix)
{
	double sum = 0, most = 0;
	for (uint32_t i = 0; i < k->n_profiles; i++) {
		sum += mix->asked[i];
		most = k->profiles[i].worth > most ? k->profiles[i].worth : most;
	}
	memset(w, 0, sizeof(*w));
	w->kind = k;
	for (uint32_t i = 1; i <= k->n_slots; i++)
		w->behind[i] = BEHIND / root(i * 8.0 / k->n_slots);
	w->waste = k->n_slots ? WASTE * 8 / k->n_slots : 0;
	for (uint32_t i = 0; i < k->n_profiles; i++)
		if (sum == 0)
			profile_weigh(w, i, 1.0 / k->n_profiles, most);
		else if (mix->asked[i])
			profile_weigh(w, i, mix->asked[i] / sum, most);
}

/* --- the room of a device ----------------------------------------------------------------------- */

/* Where the part begins that is over the lowest of these slots, or before them. */
static uint64_t first_over(const struct capacity_use *d, uint64_t spot)
{
	uint64_t begins = d->begins & ((spot & -spot) | ((spot & -spot) - 1));
	return begins ? 1ULL << (63 - __builtin_clzll(begins)) : 0;
}

/* A part reaches to the next slot that is free, or in which another begins. */
static uint64_t part_from(const struct capacity_use *d, uint64_t begin)
{
	uint64_t ends = (d->begins | ~d->occupied) & ~(begin | (begin - 1));
	return (ends & -ends) - begin;
}

/* The chance of a place that the parts over it are gone in time. */
static double behind(const struct place_weights *w, const struct capacity_use *d, uint64_t spot)
{
	double left = 1;
	for (uint64_t b = (d->begins & spot) | first_over(d, spot); b; b &= b - 1) {
		uint64_t part = part_from(d, b & -b);
		if (part & spot)
			left *= w->behind[ones(part)];
	}
	return left;
}

static void spot_look(struct place_look *l, const struct capacity_use *d, uint32_t s)
{
	uint64_t spot = l->w->spot[s];
	l->open[s] = spot & (d->occupied | d->reserved) ? 0 : spot;
	if (spot & d->reserved)
		l->now[s] = 0;
	else
		l->now[s] = spot & d->occupied ? behind(l->w, d, spot) : 1;
}

void place_look_after(const struct place_look *l, const struct capacity_use *with,
		      struct place_after *ret)
{
	const struct place_weights *w = l->w;
	for (uint32_t i = 0; i < w->n; i++) {
		ret->limited[i] = 1;
		if (!w->limited[i])
			continue;
		if (w->kind->profiles[w->profile[i]].size) {
			ret->limited[i] = capacity_barred(w->kind, with, w->profile[i]) ? BARRED
											: 1;
			continue;
		}
		double more = capacity_more(w->kind, with, w->profile[i]);
		ret->limited[i] = more + (w->whole[i] - more) * BARRED;
	}
}

void place_look_put(const struct place_look *l, const struct place_after *a, uint64_t mask,
		    struct place_room *ret)
{
	const struct place_weights *w = l->w;
	double left_free = l->free - ones(mask), under = w->behind[ones(mask)], wasted = 0;
	for (uint32_t i = 0; i < w->n; i++) {
		double room = 0;
		uint64_t use = 0;
		for (uint32_t s = w->first[i]; s < w->first[i + 1]; s++)
			if (w->spot[s] & mask) {
				room += l->now[s] * under;
			} else {
				room += l->now[s];
				use |= l->open[s];
			}
		ret->left[i] = w->first[i] == w->first[i + 1] ? a->limited[i]
							      : room * a->limited[i];
		if (a->limited[i] != 1)
			use = 0;
		wasted += w->share[i] * (left_free - ones(use));
	}
	ret->wasted = wasted;
}

void place_look(struct place_look *l, const struct place_weights *w, const struct capacity_use *d)
{
	struct place_after as_it_is;
	l->w = w;
	l->free = w->kind->n_slots - ones(d->occupied | d->reserved);
	for (uint32_t s = 0; s < w->first[w->n]; s++)
		spot_look(l, d, s);
	place_look_after(l, d, &as_it_is);
	place_look_put(l, &as_it_is, 0, &l->room);
}

void place_room_of(const struct place_weights *w, const struct capacity_use *d,
		   struct place_room *ret)
{
	struct place_look l;
	place_look(&l, w, d);
	*ret = l.room;
}

void place_room_add(const struct place_weights *w, struct place_room *sum,
		    const struct place_room *r, double times)
{
	for (uint32_t i = 0; i < w->n; i++)
		sum->left[i] += times * r->left[i];
	sum->wasted += times * r->wasted;
}

/* --- what it is worth --------------------------------------------------------------------------- */

void place_harm_of(const struct place_weights *w, const struct place_room *all,
		   struct place_harm *ret)
{
	for (uint32_t i = 0; i < w->n; i++)
		ret->of[i] = w->loss[i] / grown(w->fade[i] * all->left[i]);
}

double place_cost(const struct place_weights *w, const struct place_harm *h,
		  const struct place_room *before, const struct place_room *after)
{
	double cost = w->waste * (after->wasted - before->wasted);
	for (uint32_t i = 0; i < w->n; i++) {
		double lost = before->left[i] - after->left[i];
		if (lost != 0)
			cost += h->of[i] * (grown(w->fade[i] * lost) - 1);
	}
	return cost;
}
