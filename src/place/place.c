/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See place.h. */
#include "place/place.h"

/* What pending slices of another profile take away, in units of this one. */
static uint64_t taken(const struct place_profile *mine, const struct place_profile *other)
{
	if (other->available == 0)
		return mine->available;
	return (uint64_t)other->pending * mine->available / other->available;
}

uint32_t place_room(const struct place_profile *profiles, size_t n, size_t which)
{
	const struct place_profile *mine = &profiles[which];
	uint64_t gone = mine->pending;

	for (size_t i = 0; i < n; i++)
		if (i != which && mine->pool && profiles[i].pool == mine->pool &&
		    profiles[i].pending)
			gone += taken(mine, &profiles[i]);
	return gone < mine->available ? (uint32_t)(mine->available - gone) : 0;
}

static bool better(const struct place_candidate *a, const struct place_candidate *b)
{
	return a->order != b->order ? a->order < b->order : a->room < b->room;
}

size_t place_choose(const struct place_candidate *candidates, size_t n)
{
	size_t best = n;
	for (size_t i = 0; i < n; i++)
		if (candidates[i].room && (best == n || better(&candidates[i], &candidates[best])))
			best = i;
	return best;
}
