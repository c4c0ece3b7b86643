/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See advice.h. */
#include "place/advice.h"

struct releasing {
	const struct place_weights *w;
	const struct capacity_use *devices;
	size_t n;
	const struct place_part *parts;
	const struct place_wish *wish;
	struct place_harm harm;
	struct place_advice *ret;
};

/* Of parts worth the same, the one whose place costs later requests least. */
static bool is_better(const struct releasing *r, uint32_t part, double cost)
{
	const struct capacity_profile *profiles = r->w->kind->profiles;
	if (!r->ret->can_release)
		return true;
	uint32_t worth = profiles[r->parts[part].profile].worth;
	uint32_t best = profiles[r->parts[r->ret->part].profile].worth;
	return worth != best ? worth < best : cost < r->ret->released.cost;
}

static void start_try(struct releasing *r, uint32_t part, const struct capacity_use *without,
		      uint32_t start)
{
	const struct capacity *k = r->w->kind;
	const struct capacity_use *was = &r->devices[r->parts[part].device];
	struct capacity_use with = *without;
	struct place_room before, after;
	capacity_add(k, &with, r->wish->profile, start);
	place_room_of(r->w, was, &before);
	place_room_of(r->w, &with, &after);
	double cost = place_cost(r->w, &r->harm, &before, &after);
	if (!is_better(r, part, cost) || !place_keeps(k, r->devices, r->n, r->wish, was, &with))
		return;
	r->ret->can_release = true;
	r->ret->part = part;
	r->ret->released = (struct place_answer){ r->parts[part].device, start, cost };
}

static void part_try(struct releasing *r, uint32_t part)
{
	const struct place_part *p = &r->parts[part];
	struct capacity_use without = r->devices[p->device];
	capacity_remove(r->w->kind, &without, p->profile, p->start);
	uint64_t starts = capacity_starts(r->w->kind, &without, r->wish->profile);
	for (; starts; starts &= starts - 1)
		start_try(r, part, &without, (uint32_t)__builtin_ctzll(starts));
}

void place_advise(const struct place_weights *w, const struct capacity_use *devices, size_t n,
		  const struct place_part *parts, size_t n_parts, const struct place_wish *wish,
		  struct place_advice *ret)
{
	struct place_room all = { .wasted = 0 }, one;
	struct releasing r = {
		.w = w, .devices = devices, .n = n, .parts = parts, .wish = wish, .ret = ret
	};
	*ret = (struct place_advice){ .can_release = false };
	for (size_t i = 0; i < n; i++) {
		place_room_of(w, &devices[i], &one);
		place_room_add(w, &all, &one, 1);
	}
	place_harm_of(w, &all, &r.harm);
	for (uint32_t i = 0; i < n_parts; i++)
		part_try(&r, i);
	ret->can_move =
		place_moves(w, devices, n, parts, n_parts, wish, 1, PLACE_FEWEST, &ret->moved);
}
