/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would make room: the one release, the moves of claims that may be moved. Proposed only: a move
 * takes a slice from its consumer, so people do it, by a release and a new claim.
 */
#include "place/advice.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "engine/internal.h"

#define TIDY_LEAST 0.006 /* what a move must be worth; see place_tidy() */
#define TIDY_AT_ONCE 2	 /* moves that are weighed together */
#define TIDY_MOST 8	 /* and that are proposed, or one more */

/* --- what is there ---------------------------------------------------------------------------------------- */

/* Parts of a room, and the claims that hold them. */
struct scene {
	struct engine *e;
	const struct room *room;
	struct place_part *parts;
	const struct slice **slices;
	size_t n;
};

static void scene_done(struct scene *s)
{
	free(s->parts);
	free(s->slices);
}

static bool is_movable(struct engine *e, const struct slice *s)
{
	const struct claim *c = store_claim(e, s->claim);
	const struct policy_class *class = c ? policy_class_find(e->policy, c->class) : NULL;
	return class && class->movable && c->state == CLAIM_HELD && !c->whole[0];
}

static int scene_add(struct scene *s, uint32_t device, const struct slice *slice)
{
	int profile = capacity_find(&s->room->kind, slice->profile);
	if (profile < 0 || !slice->claim[0] || slice->state == SLICE_RECLAIMING)
		return 0;
	size_t n = s->n;
	const struct slice **held = ARRAY_ADD(s->slices, n);
	struct place_part *part = ARRAY_ADD(s->parts, s->n);
	if (!held || !part)
		return -ENOMEM;
	*held = slice;
	*part = (struct place_part){ .device = device,
				     .profile = (uint32_t)profile,
				     .start = slice->start,
				     .movable = is_movable(s->e, slice) };
	return 0;
}

static int scene_make(struct engine *e, const struct room *room, struct scene *ret)
{
	*ret = (struct scene){ .e = e, .room = room };
	for (size_t d = 0; d < room->n; d++)
		for (size_t i = 0; i < e->rec.n_slices; i++) {
			const struct slice *s = &e->rec.slices[i];
			if (str_eq(s->device, room->wants[d]->device) &&
			    str_eq(s->mech, room->wants[d]->mech) &&
			    scene_add(ret, (uint32_t)d, s) < 0)
				return -ENOMEM;
		}
	return 0;
}

/* After a move: parts of one device follow each other. */
static void scene_sort(struct scene *s)
{
	for (size_t i = 1; i < s->n; i++)
		for (size_t j = i; j > 0 && s->parts[j].device < s->parts[j - 1].device; j--) {
			struct place_part part = s->parts[j];
			const struct slice *slice = s->slices[j];
			s->parts[j] = s->parts[j - 1];
			s->slices[j] = s->slices[j - 1];
			s->parts[j - 1] = part;
			s->slices[j - 1] = slice;
		}
}

static const char *address_of(const struct engine *e, const char *device)
{
	const struct function *f = have_device(e->have, device);
	return f ? f->addr : device;
}

/* --- one line for a refusal --------------------------------------------------------------------------------- */

static bool advise_in(struct scene *s, struct fit_wish *w, struct err *err)
{
	for (uint32_t i = 0; i < w->profiles.n; i++) {
		struct place_advice a;
		w->wish.profile = w->profiles.of[i];
		place_advise(&w->weights, s->room->uses, s->room->n, s->parts, s->n, &w->wish, &a);
		if (a.can_move)
			err_todo(err,
				 "carve defrag shows a move of claim %s that would make room; or "
				 "release one",
				 s->slices[a.moved.move[0].part]->claim);
		else if (a.can_release)
			err_todo(err, "release claim %s (%s on %s): that would make room",
				 s->slices[a.part]->claim, s->slices[a.part]->profile,
				 address_of(s->e, s->slices[a.part]->device));
		if (a.can_move || a.can_release)
			return true;
	}
	return false;
}

void advise_refusal(struct engine *e, const struct policy_class *class, const struct claim *c,
		    struct err *err)
{
	_cleanup_(rooms_done) struct rooms rooms = { 0 };
	bool done = rooms_make(e, class, c, &rooms) < 0;
	for (size_t i = 0; !done && i < rooms.n; i++) {
		_cleanup_(scene_done) struct scene s;
		struct fit_wish w;
		fit_prepare(e, class, &rooms.rooms[i], &w);
		done = scene_make(e, &rooms.rooms[i], &s) < 0 || advise_in(&s, &w, err);
	}
}

/* --- moves --------------------------------------------------------------------------------------------------- */

static json_t *place_json(const struct scene *s, uint32_t device, uint32_t start)
{
	json_t *o = json_pack("{s:s}", "device", s->room->wants[device]->device);
	if (s->room->kind.n_slots)
		json_object_set_new(o, "start", json_integer(start));
	return o;
}

static void move_add(const struct scene *s, const struct place_move *m, json_t *moves)
{
	const struct place_part *p = &s->parts[m->part];
	json_array_append_new(moves,
			      json_pack("{s:s, s:s, s:o, s:o}", "claim", s->slices[m->part]->claim,
					"profile", s->slices[m->part]->profile, "from",
					place_json(s, p->device, p->start), "to",
					place_json(s, m->device, m->start)));
}

static json_t *answer(bool fits, bool in_turn, json_t *moves)
{
	return json_pack("{s:b, s:b, s:o}", "fits", fits, "in_turn", in_turn, "moves", moves);
}

/* Fewer moves than the answer so far, or another answer than none. */
static void moves_in(struct engine *e, const struct policy_class *class, const struct room *room,
		     uint32_t *most, json_t **ret)
{
	_cleanup_(scene_done) struct scene s;
	struct fit_wish w;
	fit_prepare(e, class, room, &w);
	if (scene_make(e, room, &s) < 0)
		return;
	for (uint32_t i = 0; i<w.profiles.n && * most> 0; i++) {
		struct place_plan plan;
		w.wish.profile = w.profiles.of[i];
		if (!place_moves(&w.weights, room->uses, room->n, s.parts, s.n, &w.wish, *most,
				 PLACE_FEWEST, &plan))
			continue;
		*most = plan.n - 1;
		json_t *moves = json_array();
		for (uint32_t m = 0; m < plan.n; m++)
			move_add(&s, &plan.move[m], moves);
		json_decref(*ret);
		*ret = answer(false, plan.in_turn, moves);
	}
}

static int moves_for(struct engine *e, const struct policy_class *class, json_t **ret)
{
	_cleanup_(rooms_done) struct rooms rooms = { 0 };
	struct fit_place next;
	bool kept = false;
	uint32_t most = PLACE_MOVES;
	int r = rooms_make(e, class, NULL, &rooms);
	if (r < 0)
		return r;
	bool fits = fit_next(e, class, &rooms, "", NULL, &next, &kept);
	*ret = answer(fits, true, json_array());
	for (size_t i = 0; !fits && i < rooms.n; i++)
		moves_in(e, class, &rooms.rooms[i], &most, ret);
	return 0;
}

static void tidy_made(struct scene *s, struct room *room, const struct place_plan *plan,
		      json_t *moves)
{
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct place_move *m = &plan->move[i];
		move_add(s, m, moves);
		s->parts[m->part].movable = false;
		place_move_make(&room->kind, room->uses, &s->parts[m->part], m);
	}
	scene_sort(s);
}

/* One or two moves after the other, always for the better; none twice. */
static void tidy(struct scene *s, struct room *room, const struct fit_wish *w, json_t *moves)
{
	struct place_plan plan;
	for (unsigned n = 0; n < TIDY_MOST; n += plan.n) {
		if (!place_tidy(&w->weights, room->uses, room->n, s->parts, s->n, TIDY_AT_ONCE,
				TIDY_LEAST, &plan))
			return;
		tidy_made(s, room, &plan, moves);
	}
}

/* Each room once, whichever classes draw on it: a device is in one room only. */
static int tidy_rooms(struct engine *e, const struct policy_class *class, json_t *seen,
		      json_t *moves)
{
	_cleanup_(rooms_done) struct rooms rooms = { 0 };
	if (rooms_make(e, class, NULL, &rooms) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < rooms.n; i++) {
		struct room *room = &rooms.rooms[i];
		if (json_object_get(seen, room->wants[0]->device))
			continue;
		json_object_set_new(seen, room->wants[0]->device, json_true());
		_cleanup_(scene_done) struct scene s;
		struct fit_wish w;
		fit_prepare(e, class, room, &w);
		if (scene_make(e, room, &s) < 0)
			return -ENOMEM;
		tidy(&s, room, &w, moves);
	}
	return 0;
}

static int moves_for_all(struct engine *e, json_t **ret)
{
	json_auto_t *moves = json_array(), *seen = json_object();
	for (size_t i = 0; e->policy && i < e->policy->n_classes; i++)
		if (tidy_rooms(e, &e->policy->classes[i], seen, moves) < 0)
			return -ENOMEM;
	*ret = answer(true, true, json_incref(moves));
	return 0;
}

int engine_defrag(struct engine *e, const char *class, json_t **ret)
{
	const struct policy_class *c = class ? policy_class_find(e->policy, class) : NULL;
	if (class && !c)
		return -ENOENT;
	if (!e->have)
		return -EAGAIN;
	return c ? moves_for(e, c, ret) : moves_for_all(e, ret);
}
