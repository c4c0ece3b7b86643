/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where one part goes among many devices of one kind, when nobody knows what comes next: there where
 * it takes the least of what others are likely to need (weigh.h). The same input gives the same
 * answer; nothing is allocated; the work grows linearly with the number of devices.
 */
#pragma once
#include "place/weigh.h"

#define PLACE_KEYS 4

/* What decides, in the order given; what is equal after all keys goes to the first device and the
 * lowest slot. */
enum place_key {
	PLACE_KEY_NONE,	  /* the end of the keys */
	PLACE_KEY_COST,	  /* the least harm to what comes later */
	PLACE_KEY_RANK,	  /* the caller's: NUMA node, topology; lower first */
	PLACE_KEY_PACK,	  /* the device with the least left */
	PLACE_KEY_SPREAD, /* the device with the most left */
};

/* So many more of a profile must fit, if nothing else comes: a place that would break this is not
 * taken. Where it is broken already, it is not made worse. */
struct place_keep {
	uint32_t profile;
	uint32_t n;
};

struct place_wish {
	uint32_t profile;
	enum place_key keys[PLACE_KEYS]; /* none: cost, then rank */
	const uint8_t *rank;		 /* of each device; NULL: all alike */
	const struct place_keep *keep;
	size_t n_keep;
	bool may_not_move; /* for place_moves(): nothing else gives way */
};

struct place_answer {
	uint32_t device;
	uint32_t start;
	double cost; /* compares with that of another host of devices, see place_cost() */
};

/* Returns whether there is a place. Where cost decides, and nothing is kept, every request that has a
 * place gets one. */
bool place_online(const struct place_weights *w, const struct capacity_use *devices, size_t n,
		  const struct place_wish *wish, struct place_answer *ret);

/* Whether what must be kept is still there after one more part on a device. */
bool place_keeps(const struct capacity *k, const struct capacity_use *devices, size_t n,
		 const struct place_wish *wish, const struct capacity_use *before,
		 const struct capacity_use *after);
