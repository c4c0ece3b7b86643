/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slices made ahead, where slices are made on demand: a claim need not wait for one to be made. They are a
 * courtesy, so their room is free for all that counts room: a claim that needs it has them removed, and none is
 * made where somebody waits, or where room is kept for a class. In the record such a slice is one on demand
 * that no claim has yet.
 */
#include <errno.h>

#include "engine/internal.h"

static bool is_free(const struct slice *s)
{
	return s->warm == WARM_YES && !s->claim[0];
}

bool warm_is_room(const struct slice *s)
{
	if (s->warm == WARM_MAKES_WAY)
		return s->state == SLICE_REMOVING;
	return is_free(s) && (s->state == SLICE_READY || s->state == SLICE_WANTED);
}

uint32_t warm_units(const struct want *w, const char *type)
{
	int i = goal_type(w, type);
	return i < 0 ? 0 : w->units[i];
}

/* The estimates are never too low, and the better the more was left. */
void warm_keep_units(struct want *w, const struct want *old)
{
	for (uint32_t i = 0; old && i < w->n_types; i++) {
		uint32_t before = warm_units(old, w->types[i]);
		if (before && (w->units[i] == 0 || before < w->units[i]))
			w->units[i] = before;
	}
}

/* --- how many there are, and should be ------------------------------------------------------------------ */

bool warm_is_shared(const struct want *a, const struct want *b)
{
	return str_eq(a->where, b->where) && str_eq(a->mech, b->mech) &&
	       memcmp(a->warm, b->warm, sizeof(a->warm)) == 0;
}

/* Those of that kind with a lower id than that; also lost ones, which are made again or told of, as drift says. */
static uint32_t count(struct engine *e, const struct want *entry, const char *type, uint64_t below)
{
	uint32_t n = 0;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		const struct want *w = is_free(s) && s->id < below && str_eq(s->profile, type)
					       ? store_want(e, s->device)
					       : NULL;
		n += w && warm_is_shared(w, entry) &&
		     (s->state == SLICE_READY || s->state == SLICE_WANTED ||
		      s->state == SLICE_LOST);
	}
	return n;
}

bool warm_wanted(struct engine *e, const struct slice *s)
{
	const struct want *w = store_want(e, s->device);
	int type = w && is_free(s) && str_eq(w->mech, s->mech) ? goal_type(w, s->profile) : -1;
	return type >= 0 && !drain_is(e, s->device) &&
	       count(e, w, s->profile, s->id) < w->warm[type];
}

/* --- claims come first ---------------------------------------------------------------------------------- */

/* Would the room that is kept for other classes be there after the claim has it? */
static bool keeps_room(struct fit_wish *w, const struct room *r, size_t device, uint32_t profile,
		       uint32_t start)
{
	struct capacity_use with = r->uses[device];
	if (!capacity_fits(&r->kind, &with, profile, start))
		return false;
	capacity_add(&r->kind, &with, profile, start);
	return place_keeps(&r->kind, r->uses, r->n, &w->wish, &r->uses[device], &with);
}

/* Of those that are as near, one on the device that was chosen. */
static uint32_t order_of(struct engine *e, const struct fit_place *best, size_t device,
			 const char *near)
{
	const struct want *w = best->room->wants[device];
	return room_distance(e, w->device, near) * 2u + (device != best->where.device);
}

static const struct slice *ready_on(struct engine *e, const struct room *r, size_t device,
				    uint32_t profile, struct fit_wish *wish)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (is_free(s) && s->state == SLICE_READY &&
		    str_eq(s->device, r->wants[device]->device) &&
		    str_eq(s->profile, r->kind.profiles[profile].name) &&
		    keeps_room(wish, r, device, profile, s->start))
			return s;
	}
	return NULL;
}

uint64_t warm_find(struct engine *e, const struct policy_class *class, const struct fit_place *best,
		   const char *near)
{
	uint64_t id = 0;
	uint32_t order = best->distance * 2u + 2;
	struct fit_wish wish;
	fit_prepare(e, class, best->room, &wish);
	for (size_t d = 0; d < best->room->n; d++) {
		uint32_t o = order_of(e, best, d, near);
		const struct slice *s = o < order ? ready_on(e, best->room, d, best->profile, &wish)
						  : NULL;
		if (!s)
			continue;
		id = s->id;
		order = o;
	}
	return id;
}

uint64_t warm_take(struct engine *e, const struct want *w, const char *profile, uint32_t start)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (!is_free(s) || s->state != SLICE_READY || s->start != start ||
		    !str_eq(s->device, w->device) || !str_eq(s->profile, profile))
			continue;
		struct slice *edit = store_slice_edit(e, s->id);
		if (edit)
			edit->warm = WARM_NO;
		return edit ? edit->id : 0;
	}
	return 0;
}

static bool in_the_way(const struct offer *o, uint32_t profile, uint32_t start,
		       const struct slice *s)
{
	int other = capacity_find(&o->kind, s->profile);
	uint64_t mask = capacity_mask(&o->kind, profile, start);
	return other >= 0 && (!mask || mask & capacity_mask(&o->kind, (uint32_t)other, s->start));
}

static bool one_goes(struct engine *e, const struct want *w, const struct offer *o,
		     uint32_t profile, uint32_t start)
{
	for (size_t i = e->rec.n_slices; i > 0; i--) {
		const struct slice *s = &e->rec.slices[i - 1];
		if (!is_free(s) || !warm_is_room(s) || !str_eq(s->device, w->device) ||
		    !in_the_way(o, profile, start, s))
			continue;
		struct slice *edit = store_slice_edit(e, s->id);
		if (!edit)
			return false;
		edit->warm = WARM_MAKES_WAY;
		edit->state = SLICE_REMOVING;
		state_slice_forget(e, edit->id);
		event_slice(e, "slice.made-way", edit, NULL);
		return true;
	}
	return false;
}

void warm_make_way(struct engine *e, const struct want *w, const char *profile, uint32_t start)
{
	for (;;) {
		struct offer o;
		room_offer_now(e, w, &o);
		int p = capacity_find(&o.kind, profile);
		if (p < 0 || capacity_fits(&o.kind, &o.use, (uint32_t)p, start) ||
		    !one_goes(e, w, &o, (uint32_t)p, start))
			return;
	}
}

bool warm_goes(const struct engine *e, const char *device)
{
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (e->rec.slices[i].warm == WARM_MAKES_WAY &&
		    e->rec.slices[i].state == SLICE_REMOVING &&
		    str_eq(e->rec.slices[i].device, device))
			return true;
	return false;
}

/* --- those that are missing --------------------------------------------------------------------------------- */

/* Who waits may need the room; but not who waits for his own quota. */
static bool somebody_waits(struct engine *e, const struct want *w)
{
	for (size_t i = 0; i < e->rec.n_claims; i++) {
		const struct claim *c = &e->rec.claims[i];
		const struct policy_class *class =
			claim_is_waiting(c) ? policy_class_find(e->policy, c->class) : NULL;
		_cleanup_err_ struct err none = { 0 };
		if (class && parts_draw_on(e, class, w->selection) &&
		    tenants_check_quota(e, c, &none) >= 0)
			return true;
	}
	return false;
}

static bool make_one(struct engine *e, const struct want *entry, const char *type)
{
	_cleanup_(rooms_done) struct rooms rooms = { 0 };
	struct policy_class class = { .n_from = 1, .n_profiles = 1 };
	struct fit_place place;
	bool kept = false;
	(void)STR_COPY(class.from[0], entry->selection);
	(void)STR_COPY(class.profiles[0], type);
	if (rooms_make_ahead(e, entry, &rooms) < 0 ||
	    !fit_next(e, &class, &rooms, "", NULL, &place, &kept))
		return false;
	struct slice *s =
		pick_add(e, place.room->wants[place.where.device], type, place.where.start);
	if (!s)
		return false;
	s->warm = WARM_YES;
	/* What is made must be known of after any crash. */
	e->sync = true;
	return true;
}

static bool is_first(const struct engine *e, const struct want *w)
{
	for (const struct want *o = e->rec.wants; o < w; o++)
		if (warm_is_shared(o, w))
			return false;
	return true;
}

static void refill(struct engine *e, const struct want *w)
{
	for (uint32_t i = 0; i < w->n_types; i++) {
		if (!w->warm[i])
			continue;
		uint32_t n = count(e, w, w->types[i], UINT64_MAX);
		while (n < w->warm[i] && make_one(e, w, w->types[i]))
			n++;
	}
}

static bool has_warm(const struct want *w)
{
	for (uint32_t i = 0; i < w->n_types; i++)
		if (w->warm[i])
			return true;
	return false;
}

void warm_refill(struct engine *e)
{
	for (size_t i = 0; e->policy && i < e->rec.n_wants; i++) {
		const struct want *w = &e->rec.wants[i];
		if (has_warm(w) && is_first(e, w) && !somebody_waits(e, w))
			refill(e, w);
	}
}
