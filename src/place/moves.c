/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See moves.h. What a part of each profile would find elsewhere is worked out once for the whole
 * question (exits, and pushes); then each device and each few of its parts are
 * tried. Devices that a plan changes are few, and kept apart with their new state.
 */
#include "place/moves.h"

#include <string.h>

#define EXITS 3
#define CHANGED (2 * PLACE_MOVES + 1)

/* Where a part could go; for a push, once the part named has gone. */
struct way {
	uint32_t device, start;
	double cost;
	uint32_t pushed;
};

struct ways {
	bool known;
	uint32_t n;
	struct way way[EXITS]; /* the best, each on another device */
};

/* Only what is asked for is worked out, and only of the profiles there are. */
struct escapes {
	struct ways exits[CAPACITY_PROFILES];
	struct ways pushes[CAPACITY_PROFILES][CAPACITY_PROFILES]; /* of one by another */
};

struct planning {
	const struct place_weights *w;
	const struct capacity_use *devices;
	size_t n;
	const struct place_part *parts;
	size_t n_parts;
	const struct place_wish *wish; /* NULL: nothing new comes */
	uint32_t most;
	double per_move; /* what one more is to be worth */
	struct place_harm harm;
	struct escapes *escapes;
	bool found;
	double score; /* to beat */
	struct place_plan best;
};

/* A plan in the making. */
struct draft {
	uint32_t n_changed;
	uint32_t number[CHANGED];
	struct capacity_use changed[CHANGED];
	struct place_plan plan;
};

void place_move_make(const struct capacity *k, struct capacity_use *devices,
		     struct place_part *part, const struct place_move *m)
{
	capacity_remove(k, &devices[part->device], part->profile, part->start);
	capacity_add(k, &devices[m->device], part->profile, m->start);
	part->device = m->device;
	part->start = m->start;
}

static void planning_begin(struct planning *p, struct escapes *escapes)
{
	struct place_room all = { .wasted = 0 }, one;
	p->escapes = escapes;
	for (uint32_t i = 0; i < p->w->kind->n_profiles; i++) {
		escapes->exits[i].known = false;
		for (uint32_t k = 0; k < p->w->kind->n_profiles; k++)
			escapes->pushes[i][k].known = false;
	}
	for (size_t i = 0; i < p->n; i++) {
		place_room_of(p->w, &p->devices[i], &one);
		place_room_add(p->w, &all, &one, 1);
	}
	place_harm_of(p->w, &all, &p->harm);
}

/* --- drafts ------------------------------------------------------------------------------------- */

static struct capacity_use *draft_changed(const struct planning *p, struct draft *d,
					  uint32_t device)
{
	for (uint32_t i = 0; i < d->n_changed; i++)
		if (d->number[i] == device)
			return &d->changed[i];
	d->number[d->n_changed] = device;
	d->changed[d->n_changed] = p->devices[device];
	return &d->changed[d->n_changed++];
}

static bool draft_changes(const struct draft *d, uint32_t device)
{
	for (uint32_t i = 0; i < d->n_changed; i++)
		if (d->number[i] == device)
			return true;
	return false;
}

static void draft_move(const struct planning *p, struct draft *d, uint32_t part, uint32_t device,
		       uint32_t start)
{
	capacity_add(p->w->kind, draft_changed(p, d, device), p->parts[part].profile, start);
	d->plan.move[d->plan.n++] = (struct place_move){ part, device, start };
}

static double draft_cost(const struct planning *p, const struct draft *d)
{
	struct place_room before = { .wasted = 0 }, after = { .wasted = 0 }, one;
	for (uint32_t i = 0; i < d->n_changed; i++) {
		place_room_of(p->w, &p->devices[d->number[i]], &one);
		place_room_add(p->w, &before, &one, 1);
		place_room_of(p->w, &d->changed[i], &one);
		place_room_add(p->w, &after, &one, 1);
	}
	return place_cost(p->w, &p->harm, &before, &after);
}

static bool draft_keeps(const struct planning *p, const struct draft *d)
{
	for (size_t k = 0; k < p->wish->n_keep; k++) {
		uint64_t had = 0, has = 0, all = 0;
		uint32_t profile = p->wish->keep[k].profile;
		for (uint32_t i = 0; i < d->n_changed; i++) {
			had += capacity_more(p->w->kind, &p->devices[d->number[i]], profile);
			has += capacity_more(p->w->kind, &d->changed[i], profile);
		}
		for (size_t i = 0; i < p->n; i++)
			all += capacity_more(p->w->kind, &p->devices[i], profile);
		if (has < had && all + has < had + p->wish->keep[k].n)
			return false;
	}
	return true;
}

static bool move_try(const struct planning *p, struct draft *run, const struct place_move *m)
{
	const struct capacity *k = p->w->kind;
	const struct place_part *part = &p->parts[m->part];
	struct capacity_use *from = draft_changed(p, run, part->device);
	struct capacity_use *to = draft_changed(p, run, m->device);
	capacity_remove(k, from, part->profile, part->start);
	bool fits = capacity_starts(k, to, part->profile) >> m->start & 1;
	capacity_add(k, fits ? to : from, part->profile, fits ? m->start : part->start);
	return fits;
}

/* Puts the moves in an order in which each finds its place free. Returns whether there is one. */
static bool draft_order(const struct planning *p, struct draft *d)
{
	struct draft run = { .n_changed = 0 };
	for (uint32_t i = 0; i < d->plan.n; i++) {
		struct place_move *m = d->plan.move;
		uint32_t next = i;
		while (next < d->plan.n && !move_try(p, &run, &m[next]))
			next++;
		if (next == d->plan.n)
			return false;
		struct place_move first = m[next];
		m[next] = m[i];
		m[i] = first;
	}
	return true;
}

static void draft_judge(struct planning *p, struct draft *d)
{
	bool needed = p->wish && !p->found;
	d->plan.where.cost = draft_cost(p, d);
	double score = d->plan.where.cost + p->per_move * d->plan.n;
	if ((!needed && score >= p->score) || (p->wish && !draft_keeps(p, d)))
		return;
	d->plan.in_turn = draft_order(p, d);
	if (!p->wish && !d->plan.in_turn)
		return;
	p->found = true;
	p->score = score;
	p->best = d->plan;
}

/* --- where parts can go --------------------------------------------------------------------------- */

static void ways_add(struct ways *all, const struct way *w)
{
	uint32_t at = all->n;
	while (at > 0 && w->cost < all->way[at - 1].cost)
		at--;
	if (at == EXITS)
		return;
	if (all->n < EXITS)
		all->n++;
	for (uint32_t i = all->n - 1; i > at; i--)
		all->way[i] = all->way[i - 1];
	all->way[at] = *w;
}

/* The best start on one device in that state. */
static bool way_on(const struct planning *p, const struct capacity_use *d, uint32_t profile,
		   struct way *ret)
{
	struct place_answer a;
	struct place_look look;
	struct place_after after;
	struct place_room room;
	struct capacity_use with = *d;
	bool found = false;
	uint64_t starts = capacity_starts(p->w->kind, d, profile);
	if (!starts)
		return false;
	place_look(&look, p->w, d);
	capacity_add(p->w->kind, &with, profile, (uint32_t)__builtin_ctzll(starts));
	place_look_after(&look, &with, &after);
	for (; starts; starts &= starts - 1) {
		a.start = (uint32_t)__builtin_ctzll(starts);
		place_look_put(&look, &after, capacity_mask(p->w->kind, profile, a.start), &room);
		a.cost = place_cost(p->w, &p->harm, &look.room, &room);
		if (found && a.cost >= ret->cost)
			continue;
		found = true;
		ret->start = a.start;
		ret->cost = a.cost;
	}
	return found;
}

static const struct ways *exits_of(struct planning *p, uint32_t profile)
{
	struct ways *all = &p->escapes->exits[profile];
	if (all->known)
		return all;
	*all = (struct ways){ .known = true };
	for (uint32_t i = 0; i < p->n; i++) {
		struct way w = { .device = i };
		if (way_on(p, &p->devices[i], profile, &w))
			ways_add(all, &w);
	}
	return all;
}

/* Where a part of one profile could go if one of another were not there. */
static const struct ways *pushes_of(struct planning *p, uint32_t profile, uint32_t pushed)
{
	struct ways *all = &p->escapes->pushes[profile][pushed];
	if (all->known)
		return all;
	*all = (struct ways){ .known = true };
	for (uint32_t i = 0; i < p->n_parts; i++) {
		const struct place_part *out = &p->parts[i];
		struct capacity_use without = p->devices[out->device];
		struct way w = { .device = out->device, .pushed = i };
		if (!out->movable || out->profile != pushed)
			continue;
		capacity_remove(p->w->kind, &without, out->profile, out->start);
		if (way_on(p, &without, profile, &w))
			ways_add(all, &w);
	}
	return all;
}

/* The best for a part that has left its place: on a device of the draft, or on any other. */
static bool find_exit(struct planning *p, struct draft *d, uint32_t part)
{
	uint32_t profile = p->parts[part].profile;
	const struct ways *exits = exits_of(p, profile);
	struct way best = { .cost = 0 }, w;
	bool found = false;
	for (uint32_t i = 0; i < d->n_changed; i++)
		if (way_on(p, &d->changed[i], profile, &w) && (!found || w.cost < best.cost)) {
			best = w;
			best.device = d->number[i];
			found = true;
		}
	for (uint32_t i = 0; i < exits->n; i++)
		if (!draft_changes(d, exits->way[i].device) &&
		    (!found || exits->way[i].cost < best.cost)) {
			best = exits->way[i];
			found = true;
		}
	if (found)
		draft_move(p, d, part, best.device, best.start);
	return found;
}

static bool find_home(struct planning *p, struct draft *d, uint32_t part, uint32_t most);

static bool push_try(struct planning *p, struct draft *d, uint32_t part, const struct way *w,
		     uint32_t most)
{
	const struct place_part *out = &p->parts[w->pushed];
	uint32_t profile = p->parts[part].profile;
	if (draft_changes(d, w->device))
		return false;
	struct capacity_use *there = draft_changed(p, d, w->device);
	capacity_remove(p->w->kind, there, out->profile, out->start);
	capacity_add(p->w->kind, there, profile, w->start);
	if (!find_home(p, d, w->pushed, most - 1))
		return false;
	d->plan.move[d->plan.n++] = (struct place_move){ part, w->device, w->start };
	return true;
}

/* The best for a part that finds no place but that of another, which does. */
static bool find_push(struct planning *p, struct draft *d, uint32_t part, uint32_t most)
{
	struct draft best = { .n_changed = 0 };
	uint32_t profile = p->parts[part].profile;
	for (uint32_t pushed = 0; pushed < p->w->kind->n_profiles; pushed++) {
		if (pushed == profile)
			continue;
		const struct ways *ways = pushes_of(p, profile, pushed);
		for (uint32_t i = 0; i < ways->n; i++) {
			struct draft t = *d;
			if (!push_try(p, &t, part, &ways->way[i], most))
				continue;
			t.plan.where.cost = draft_cost(p, &t);
			if (!best.n_changed || t.plan.n < best.plan.n ||
			    (t.plan.n == best.plan.n && t.plan.where.cost < best.plan.where.cost))
				best = t;
		}
	}
	if (best.n_changed)
		*d = best;
	return best.n_changed != 0;
}

/* A place for a part, by so many moves at most: its own, and those of parts that it pushes. */
static bool find_home(struct planning *p, struct draft *d, uint32_t part, uint32_t most)
{
	return find_exit(p, d, part) || (most > 1 && find_push(p, d, part, most));
}

/* --- what makes room ------------------------------------------------------------------------------ */

/* With more moves than it has, a plan is not better than the one that was found. */
static uint32_t most_of(const struct planning *p)
{
	return p->per_move == PLACE_FEWEST && p->found ? p->best.n : p->most;
}

static void gone_try(struct planning *p, uint32_t device, const uint32_t *gone, uint32_t n,
		     uint32_t start)
{
	struct draft d = { .plan.where = { .device = device, .start = start } };
	struct capacity_use *here = draft_changed(p, &d, device);
	for (uint32_t i = 0; i < n; i++)
		capacity_remove(p->w->kind, here, p->parts[gone[i]].profile,
				p->parts[gone[i]].start);
	if (p->wish)
		capacity_add(p->w->kind, here, p->wish->profile, start);
	uint32_t most = most_of(p);
	for (uint32_t i = 0; i < n; i++)
		if (d.plan.n + n - i > most ||
		    !find_home(p, &d, gone[i], most + 1 + i - n - d.plan.n))
			return;
	draft_judge(p, &d);
}

/* Starts that are there with these parts gone. Returns what is new. */
static uint64_t gone_starts(const struct planning *p, uint32_t device, const uint32_t *gone,
			    uint32_t n)
{
	struct capacity_use d = p->devices[device];
	if (!p->wish)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		capacity_remove(p->w->kind, &d, p->parts[gone[i]].profile, p->parts[gone[i]].start);
	return capacity_starts(p->w->kind, &d, p->wish->profile);
}

/* The larger leaves first: it is harder to find a place for. */
static void few_try(struct planning *p, const uint32_t *few, uint32_t n)
{
	const struct capacity_profile *profiles = p->w->kind->profiles;
	uint32_t device = p->parts[few[0]].device, gone[PLACE_MOVES];
	for (uint32_t i = 0, at; i < n; i++) {
		uint32_t worth = profiles[p->parts[few[i]].profile].worth;
		for (at = i; at > 0 && worth > profiles[p->parts[gone[at - 1]].profile].worth; at--)
			gone[at] = gone[at - 1];
		gone[at] = few[i];
	}
	if (!p->wish)
		gone_try(p, device, gone, n, 0);
	for (uint64_t starts = gone_starts(p, device, gone, n); starts; starts &= starts - 1)
		gone_try(p, device, gone, n, (uint32_t)__builtin_ctzll(starts));
}

/* Each choice of so many more of the parts from begin to end, besides the n that were chosen. */
static void parts_try(struct planning *p, uint32_t *few, uint32_t n, uint32_t more, uint32_t begin,
		      uint32_t end)
{
	if (more == 0) {
		few_try(p, few, n);
		return;
	}
	for (few[n] = begin; few[n] < end; few[n]++)
		if (p->parts[few[n]].movable)
			parts_try(p, few, n + 1, more - 1, few[n] + 1, end);
}

/* So many parts of one device at a time. */
static void devices_try(struct planning *p, uint32_t leave)
{
	const struct place_part *parts = p->parts;
	uint32_t few[PLACE_MOVES];
	for (uint32_t begin = 0, end; begin < p->n_parts; begin = end) {
		for (end = begin + 1; end < p->n_parts && parts[end].device == parts[begin].device;)
			end++;
		parts_try(p, few, 0, leave, begin, end);
	}
}

static bool planning_run(struct planning *p, struct place_plan *ret)
{
	struct escapes escapes;
	planning_begin(p, &escapes);
	for (uint32_t leave = 1; leave <= most_of(p); leave++)
		devices_try(p, leave);
	if (p->found)
		*ret = p->best;
	return p->found;
}

bool place_moves(const struct place_weights *w, const struct capacity_use *devices, size_t n,
		 const struct place_part *parts, size_t n_parts, const struct place_wish *wish,
		 uint32_t most, double least, struct place_plan *ret)
{
	struct planning p = { .w = w,
			      .devices = devices,
			      .n = n,
			      .parts = parts,
			      .n_parts = n_parts,
			      .wish = wish,
			      .most = most < PLACE_MOVES ? most : PLACE_MOVES,
			      .per_move = least };
	return !wish->may_not_move && planning_run(&p, ret);
}

bool place_tidy(const struct place_weights *w, const struct capacity_use *devices, size_t n,
		const struct place_part *parts, size_t n_parts, uint32_t most, double least,
		struct place_plan *ret)
{
	struct planning p = { .w = w,
			      .devices = devices,
			      .n = n,
			      .parts = parts,
			      .n_parts = n_parts,
			      .most = most < PLACE_MOVES ? most : PLACE_MOVES,
			      .per_move = least };
	return planning_run(&p, ret);
}
