/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See capacity.h. */
#include "model/capacity.h"

#include <string.h>

uint64_t capacity_slots(uint32_t start, uint32_t size)
{
	uint64_t mask = 0;
	for (uint32_t slot = start; slot < start + size && slot < CAPACITY_SLOTS; slot++)
		mask |= UINT64_C(1) << slot;
	return mask;
}

uint64_t capacity_mask(const struct capacity *k, uint32_t profile, uint32_t start)
{
	uint32_t size = k->profiles[profile].size;
	if (size == 0)
		return 0;
	return (size == CAPACITY_SLOTS ? ~UINT64_C(0) : (UINT64_C(1) << size) - 1) << start;
}

/* --- is the data sound? ------------------------------------------------------------------------- */

static uint64_t bits_below(uint32_t n)
{
	return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

static const char *profile_wrong(const struct capacity *k, const struct capacity_profile *p)
{
	bool takes = p->size > 0 || p->most > 0;
	if (!p->name || !*p->name)
		return "a profile has no name";
	if (p->worth == 0)
		return "a profile is worth nothing";
	if (p->size > k->n_slots)
		return "a profile has more slots than the device";
	if ((p->size == 0) != (p->starts == 0))
		return "a profile with slots has starts, one without has none";
	if (p->size && p->starts & ~bits_below(k->n_slots - p->size + 1))
		return "a profile would end behind the last slot";
	if (p->most > CAPACITY_MOST || p->bars & ~bits_below(k->n_profiles))
		return "a limit or an exclusion of a profile is out of range";
	for (uint32_t i = 0; i < CAPACITY_COUNTERS; i++) {
		if (p->takes[i] && (i >= k->n_counters || p->takes[i] > k->counters[i].total))
			return "a profile takes more of a counter than there is";
		takes |= p->takes[i] && k->counters[i].total / p->takes[i] <= CAPACITY_MOST;
	}
	return takes ? NULL : "nothing limits how many of a profile there can be";
}

const char *capacity_wrong(const struct capacity *k)
{
	if (!k->name || !*k->name)
		return "the kind has no name";
	if (k->n_slots > CAPACITY_SLOTS || k->n_counters > CAPACITY_COUNTERS)
		return "there are too many slots or counters";
	if (k->n_profiles == 0 || k->n_profiles > CAPACITY_PROFILES)
		return "there are no profiles, or too many";
	for (uint32_t i = 0; i < k->n_profiles; i++) {
		const char *wrong = profile_wrong(k, &k->profiles[i]);
		if (wrong)
			return wrong;
	}
	return NULL;
}

int capacity_find(const struct capacity *k, const char *name)
{
	for (uint32_t i = 0; i < k->n_profiles; i++)
		if (strcmp(k->profiles[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* --- what fits ---------------------------------------------------------------------------------- */

static bool excludes(const struct capacity *k, uint32_t a, uint32_t b)
{
	const struct capacity_profile *p = &k->profiles[a], *q = &k->profiles[b];
	return (p->mode && q->mode && p->mode != q->mode) || p->bars >> b & 1 || q->bars >> a & 1;
}

bool capacity_barred(const struct capacity *k, const struct capacity_use *d, uint32_t profile)
{
	const struct capacity_profile *p = &k->profiles[profile];
	if (d->count[profile] >= (p->most ? p->most : CAPACITY_MOST))
		return true;
	for (uint32_t i = 0; i < k->n_counters; i++)
		if (p->takes[i] > k->counters[i].total - d->used[i])
			return true;
	for (uint32_t i = 0; i < k->n_profiles; i++)
		if (d->count[i] && excludes(k, profile, i))
			return true;
	return false;
}

uint64_t capacity_starts(const struct capacity *k, const struct capacity_use *d, uint32_t profile)
{
	const struct capacity_profile *p = &k->profiles[profile];
	if (capacity_barred(k, d, profile))
		return 0;
	uint64_t taken = d->occupied | d->reserved, left = p->starts;
	if (p->size == 0)
		return 1;
	for (uint32_t i = 0; i < p->size; i++)
		left &= ~(taken >> i);
	return left;
}

bool capacity_has(const struct capacity *k, const struct capacity_use *d, uint32_t profile,
		  uint32_t start)
{
	bool slots = k->profiles[profile].size > 0;
	return d->count[profile] > 0 && (!slots || (start < k->n_slots && d->begins >> start & 1));
}

/* A row of intervals of one size: the first that ends is part of a largest set. */
uint32_t capacity_more(const struct capacity *k, const struct capacity_use *d, uint32_t profile)
{
	struct capacity_use copy = *d;
	uint32_t n = 0;
	uint64_t left;
	while ((left = capacity_starts(k, &copy, profile)) != 0) {
		capacity_add(k, &copy, profile, (uint32_t)__builtin_ctzll(left));
		n++;
	}
	return n;
}

void capacity_add(const struct capacity *k, struct capacity_use *d, uint32_t profile,
		  uint32_t start)
{
	uint64_t mask = capacity_mask(k, profile, start);
	d->occupied |= mask;
	d->begins |= mask ? UINT64_C(1) << start : 0;
	for (uint32_t i = 0; i < k->n_counters; i++)
		d->used[i] += k->profiles[profile].takes[i];
	d->count[profile]++;
}

void capacity_remove(const struct capacity *k, struct capacity_use *d, uint32_t profile,
		     uint32_t start)
{
	uint64_t mask = capacity_mask(k, profile, start);
	d->occupied &= ~mask;
	d->begins &= ~(mask ? UINT64_C(1) << start : 0);
	for (uint32_t i = 0; i < k->n_counters; i++)
		d->used[i] -= k->profiles[profile].takes[i];
	d->count[profile]--;
}

bool capacity_fits(const struct capacity *k, const struct capacity_use *d, uint32_t profile,
		   uint32_t start)
{
	return start < CAPACITY_SLOTS && capacity_starts(k, d, profile) >> start & 1;
}
