/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a state of the devices is worth: how much of what is asked for is likely to be refused for lack
 * of room. Each profile has places where it could begin. A free one counts as one; each part in the
 * way leaves a quarter of that or less, the larger it is, since it has to go first. The more such room
 * a profile has on all devices together, the less is the harm of losing some: a refusal is taken to
 * become likely as exp(-room / (2 sqrt(5 share))), since what is seldom asked for needs few places. To
 * this comes, as in "Beware of Fragmentation" (USENIX ATC 2023), the share of the free slots that a
 * profile cannot use. Both are weighted by how often a profile is asked for.
 *
 * Constants were fitted with other random seeds than those of tests/bench/bench-placement.c.
 */
#pragma once
#include "model/capacity.h"

#define PLACE_SPOTS 256 /* starts of all profiles of a kind together */

/* How often each profile is asked for, observed or declared. Only ratios count; all zero: equally. */
struct place_mix {
	uint32_t asked[CAPACITY_PROFILES];
};

/* The mix and the kind, prepared. No pointers but to the kind, nothing to free. */
struct place_weights {
	const struct capacity *kind;
	uint32_t n; /* profiles that are asked for */
	uint32_t profile[CAPACITY_PROFILES];
	uint32_t first[CAPACITY_PROFILES +
		       1]; /* its places are spot[first[i]] to spot[first[i + 1] - 1] */
	uint32_t whole[CAPACITY_PROFILES]; /* how many an empty device takes */
	bool limited[CAPACITY_PROFILES];   /* more than slots can be in its way */
	double share[CAPACITY_PROFILES];   /* of the requests */
	double loss[CAPACITY_PROFILES];	   /* when one is refused, times its share */
	double fade[CAPACITY_PROFILES];	   /* of the likelihood that one is, with each place */
	double waste;			   /* of a free slot that is no use */
	double behind[CAPACITY_SLOTS + 1]; /* left of a place by a part over it of so many slots */
	uint64_t spot[PLACE_SPOTS];
};

/* Prepares. The kind must be sound, see capacity_wrong(), and outlive it. */
void place_weights_set(struct place_weights *w, const struct capacity *k,
		       const struct place_mix *mix);

/* The room of one device, or of several added up, in the order of the weights' profiles. */
struct place_room {
	double left[CAPACITY_PROFILES];
	double wasted;
};

/* One device, looked at so that the room after one more part is cheap to tell. */
struct place_look {
	const struct place_weights *w;
	double now[PLACE_SPOTS];    /* what each place counts */
	uint64_t open[PLACE_SPOTS]; /* its slots, while free */
	double free;		    /* slots */
	struct place_room room;	    /* as it is */
};

void place_look(struct place_look *l, const struct place_weights *w, const struct capacity_use *d);

/* Room with one more part; place_look_after() says what is common to all its starts. */
struct place_after {
	double limited[CAPACITY_PROFILES]; /* factor of a profile with slots, room of one without */
};
void place_look_after(const struct place_look *l, const struct capacity_use *with,
		      struct place_after *ret);
void place_look_put(const struct place_look *l, const struct place_after *a, uint64_t mask,
		    struct place_room *ret);

/* Of one device, without looking further. */
void place_room_of(const struct place_weights *w, const struct capacity_use *d,
		   struct place_room *ret);
void place_room_add(const struct place_weights *w, struct place_room *sum,
		    const struct place_room *r, double times);

/* How likely a refusal of each is, given the room on all devices. */
struct place_harm {
	double of[CAPACITY_PROFILES];
};
void place_harm_of(const struct place_weights *w, const struct place_room *all,
		   struct place_harm *ret);

/* What it costs when the room changes so. Below zero: it is better than before. */
double place_cost(const struct place_weights *w, const struct place_harm *h,
		  const struct place_room *before, const struct place_room *after);
