/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices with slots, whatever their slices are called by: which slices a layout keeps where they are, which go, and where those begin that are missing.
 * What is held does not move. What is free stays where it is when the rest fits beside it; else all that is free is
 * placed anew, and what happens to be in its place stays.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "engine/internal.h"
#include "place/set.h"

#define SHARES_MAX 48 /* of one part; as the policy allows */

struct slots {
	struct offer offer;
	uint32_t missing[WANT_TYPES]; /* of each type of the want */
	size_t *first;		      /* of each slice: the first of the shares of its part */
	bool *fixed;		      /* of each first: one of the shares is */
	bool *stays;		      /* of each first: it is where it will be */
	struct place_member *members; /* what is missing, with its start */
	size_t n;
};

static void slots_done(struct slots *s)
{
	free(s->first);
	free(s->fixed);
	free(s->stays);
	free(s->members);
	*s = (struct slots){ 0 };
}

bool slots_has(const struct want *w, const struct slice *s)
{
	return s->alone && str_eq(s->device, w->device) && str_eq(s->mech, w->mech);
}

/* Somebody has it, had it, or made it; on devices that the policy wants so, others' work stays as well. */
static bool is_fixed(const struct want *w, const struct slice *s)
{
	bool rests = s->state == SLICE_READY || s->state == SLICE_WANTED ||
		     s->state == SLICE_LOST || s->state == SLICE_REMOVING;
	return s->claim[0] || !rests || (s->adopted && goal_names(w, s->profile));
}

/* The first of the shares of its part: what happens to it happens to all of them. */
static size_t first_of(const struct slice *slices, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (slice_is_mate(&slices[k], &slices[i]))
			return k;
	return i;
}

static int firsts_find(struct slots *l, const struct want *w, const struct slice *slices, size_t n)
{
	l->first = calloc(n + 1, sizeof(*l->first));
	l->fixed = calloc(n + 1, sizeof(*l->fixed));
	l->stays = calloc(n + 1, sizeof(*l->stays));
	if (!l->first || !l->fixed || !l->stays)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		l->first[i] = first_of(slices, i);
		l->fixed[l->first[i]] = l->fixed[l->first[i]] || is_fixed(w, &slices[i]);
	}
	return 0;
}

/* Place of its type in the want, when one more of it is missing; -1. */
static int type_missing(const struct slots *l, const struct want *w, const struct slice *s)
{
	int type = s->on_demand || s->adopted ? -1 : goal_type(w, s->profile);
	return type >= 0 && l->missing[type] > 0 ? type : -1;
}

static bool put(struct slots *l, const struct want *w, const struct slice *s)
{
	const struct capacity *k = &l->offer.kind;
	int p = capacity_find(k, s->profile), type = type_missing(l, w, s);
	if (p < 0 || !capacity_fits(k, &l->offer.use, (uint32_t)p, s->start))
		return false;
	capacity_add(k, &l->offer.use, (uint32_t)p, s->start);
	if (type >= 0)
		l->missing[type]--;
	return true;
}

static void put_all(struct slots *l, const struct want *w, const struct slice *slices, size_t n,
		    bool keep)
{
	for (size_t i = 0; i < n; i++)
		if (l->first[i] == i && l->fixed[i])
			l->stays[i] = put(l, w, &slices[i]);
	for (size_t i = 0; keep && i < n; i++)
		if (l->first[i] == i && !l->fixed[i] && type_missing(l, w, &slices[i]) >= 0)
			l->stays[i] = put(l, w, &slices[i]);
}

static int members_make(struct slots *l, const struct want *w)
{
	for (uint32_t t = 0; t < w->n_types; t++) {
		int p = capacity_find(&l->offer.kind, w->types[t]);
		for (uint32_t i = 0; i < l->missing[t]; i++) {
			struct place_member *m = ARRAY_ADD(l->members, l->n);
			if (!m || p < 0)
				return m ? -ENOENT : -ENOMEM;
			m->profile = (uint32_t)p;
		}
	}
	return 0;
}

/* 1: all fits, members have their starts. 0: it does not. */
static int slots_place(struct engine *e, const struct want *w, const struct slice *slices, size_t n,
		       bool keep, struct slots *ret)
{
	enum place_set_answer answer = PLACE_SET_FITS;
	*ret = (struct slots){ 0 };
	if (firsts_find(ret, w, slices, n) < 0)
		return -ENOMEM;
	layout_offer(e, e->have, w, &ret->offer);
	for (uint32_t t = 0; t < w->n_types; t++)
		ret->missing[t] = w->type_count[t];
	put_all(ret, w, slices, n, keep);
	int r = members_make(ret, w);
	if (r >= 0 && ret->n)
		r = place_set(&ret->offer.kind, &ret->offer.use, 1, ret->members, ret->n,
			      PLACE_SET_EFFORT, &answer);
	return r < 0 ? r : answer == PLACE_SET_FITS;
}

/* Something that is wanted takes slots; what does not is placed with it all the same. */
static bool has_slots(struct engine *e, const struct want *w)
{
	struct offer o;
	const struct mech *m = goal_mech(e, w->mech);
	if (!m || w->n_types == 0 || room_on_demand(w) ||
	    (m->names != NAMES_SLOT && m->names != NAMES_VF))
		return false;
	if (m->names == NAMES_SLOT)
		return true;
	goal_offer(e, e->have, w, &o);
	for (uint32_t t = 0; t < w->n_types; t++) {
		int p = w->type_count[t] ? capacity_find(&o.kind, w->types[t]) : -1;
		if (p >= 0 && o.kind.profiles[p].size)
			return true;
	}
	return false;
}

/* --- is it possible -------------------------------------------------------------------------------- */

static int refuse_held(const struct want *w, const struct capacity *k, const struct slice *slices,
		       size_t n, struct err *reterr)
{
	err_set(reterr, "layout.held", EBUSY, "the layout does not fit beside what is held");
	err_on(reterr, "%s (policy %s)", w->device, w->where);
	for (size_t i = 0; i < n; i++)
		if (slices[i].claim[0]) {
			int p = capacity_find(k, slices[i].profile);
			char at[32] = "";
			if (p >= 0 && k->profiles[p].size)
				(void)STR_FORMAT(at, " from slot %u on", slices[i].start);
			err_because(reterr, "claim %s has a %s%s", slices[i].claim,
				    slices[i].profile, at);
		}
	err_state(reterr, "nothing was changed on that device");
	err_todo(reterr, "release these claims, then: carve apply");
	return -EBUSY;
}

int slots_check(struct engine *e, const struct want *w, const struct slice *slices, size_t n,
		struct err *reterr)
{
	__attribute__((cleanup(slots_done))) struct slots l = { 0 };
	bool held = false;
	for (size_t i = 0; i < n; i++)
		held = held || slices[i].claim[0];
	if (!has_slots(e, w) || !held)
		return 0;
	int r = slots_place(e, w, slices, n, false, &l);
	return r == 0 ? refuse_held(w, &l.offer.kind, slices, n, reterr) : r == -ENOMEM ? r : 0;
}

/* --- make it so ------------------------------------------------------------------------------------ */

static void goes_on(struct engine *e, const struct slice *found, enum slice_state next)
{
	struct slice *s = store_slice_edit(e, found->id);
	if (!s)
		return;
	if (s->state != next)
		state_slice_forget(e, s->id);
	s->state = next;
	s->failed = 0;
	s->reason[0] = '\0';
}

/* What happens to be where one of the members begins is that member. */
static void members_take(struct slots *l, const struct slice *slices, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool may = l->first[i] == i && !l->fixed[i] && !slices[i].on_demand &&
			   !slices[i].adopted;
		int p = may ? capacity_find(&l->offer.kind, slices[i].profile) : -1;
		for (size_t k = 0; !l->stays[i] && k < l->n; k++) {
			l->stays[i] = (int)l->members[k].profile == p &&
				      l->members[k].start == slices[i].start;
			if (l->stays[i])
				l->members[k] = l->members[--l->n];
		}
	}
}

/* What stays and nobody has becomes a share, or is none any more when it is the last one. */
static void share_begin(struct engine *e, const struct want *w, const struct slice *found)
{
	uint32_t shares = want_shares(w, found->profile);
	bool begins = shares && !found->share, ends = !shares && found->share == 1;
	if (found->adopted || (!begins && (!ends || goal_has_mates(e, found))))
		return;
	struct slice *s = store_slice_edit(e, found->id);
	if (s)
		s->share = begins;
}

static bool has_share(const struct engine *e, const struct slice *first, uint32_t share)
{
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (e->rec.slices[i].share == share && slice_is_mate(&e->rec.slices[i], first))
			return true;
	return false;
}

/* The second of each part before the third of any: claims go to the first that is free. */
static void shares_add(struct engine *e, const struct want *w)
{
	for (uint32_t share = 2; share <= SHARES_MAX; share++)
		for (size_t i = 0, n = e->rec.n_slices; i < n; i++) {
			const struct slice *s = &e->rec.slices[i];
			if (slots_has(w, s) && s->share == 1 && s->state != SLICE_REMOVING &&
			    share <= want_shares(w, s->profile) && !has_share(e, s, share))
				(void)store_slice_add_share(e, w, s, share);
		}
}

static void slots_goes_on(struct engine *e, const struct want *w, const struct slots *l,
			  const struct slice *slices, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t shares = want_shares(w, slices[i].profile);
		bool stays = l->stays[l->first[i]] &&
			     (slices[i].share <= 1 || slices[i].share <= shares);
		if (is_fixed(w, &slices[i]))
			continue;
		goes_on(e, &slices[i], stays ? SLICE_WANTED : SLICE_REMOVING);
		if (stays)
			share_begin(e, w, &slices[i]);
	}
}

bool slots_apply(struct engine *e, const struct want *w)
{
	__attribute__((cleanup(slots_done))) struct slots l = { 0 };
	_cleanup_free_ struct slice *slices = NULL;
	size_t n;
	if (!has_slots(e, w))
		return false;
	if (goal_slices_of(e, w->device, w->mech, &slices, &n) < 0) {
		e->failed = true;
		return true;
	}
	/* In another mode, all begins again. */
	bool anew = goal_anew(e, w);
	int r = slots_place(e, w, slices, n, !anew, &l);
	if (r == 0 && !anew) {
		slots_done(&l);
		r = slots_place(e, w, slices, n, false, &l);
	}
	if (r == -ENOMEM)
		e->failed = true;
	if (r <= 0)
		return true;
	if (!anew)
		members_take(&l, slices, n);
	slots_goes_on(e, w, &l, slices, n);
	for (size_t i = 0; i < l.n; i++) {
		struct slice *s = store_slice_add_alone(
			e, w, l.offer.kind.profiles[l.members[i].profile].name, l.members[i].start);
		if (s)
			s->share = want_shares(w, s->profile) > 0;
	}
	shares_add(e, w);
	return true;
}
