/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the next slice of a class would go, and how many more would find a place. */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "engine/internal.h"

/* What is held now is what will be asked for; and of what is allowed, each once more. */
static void mix_of(struct engine *e, const struct room *r, struct place_mix *ret)
{
	const struct want *first = r->wants[0];
	*ret = (struct place_mix){ 0 };
	for (uint32_t i = 0; i < first->n_types; i++) {
		int profile = capacity_find(&r->kind, first->types[i]);
		if (profile >= 0)
			ret->asked[profile] = 1;
	}
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		const struct want *w = s->claim[0] ? store_want(e, s->device) : NULL;
		int profile = w && str_eq(w->where, first->where)
				      ? capacity_find(&r->kind, s->profile)
				      : -1;
		if (profile >= 0 && ret->asked[profile])
			ret->asked[profile]++;
	}
}

/* Room that is kept for a class is there for its own claims. */
static size_t keeps_of(struct engine *e, const struct policy_class *class, const struct room *r,
		       struct place_keep *ret)
{
	size_t n = 0;
	const struct want *w = r->wants[0];
	for (uint32_t i = 0; i < w->n_keep; i++) {
		const struct policy_class *c = policy_class_find(e->policy, w->keep[i]);
		struct room_profiles profiles = { .n = 0 };
		if (c && !str_eq(c->name, class->name))
			room_class_profiles(&r->kind, w, c, &profiles);
		if (profiles.n)
			ret[n++] = (struct place_keep){ profiles.of[0], w->keep_count[i] };
	}
	return n;
}

static bool place(const struct place_weights *w, const struct room *r,
		  const struct place_wish *wish, struct place_answer *ret, bool *kept)
{
	struct place_answer unused;
	if (place_online(w, r->uses, r->n, wish, ret))
		return true;
	struct place_wish anyhow = *wish;
	anyhow.n_keep = 0;
	*kept = *kept || (wish->n_keep && place_online(w, r->uses, r->n, &anyhow, &unused));
	return false;
}

void fit_prepare(struct engine *e, const struct policy_class *class, const struct room *r,
		 struct fit_wish *ret)
{
	struct place_mix mix;
	mix_of(e, r, &mix);
	place_weights_set(&ret->weights, &r->kind, &mix);
	room_class_profiles(&r->kind, r->wants[0], class, &ret->profiles);
	ret->wish = (struct place_wish){ .keep = ret->keep,
					 .n_keep = keeps_of(e, class, r, ret->keep) };
}

static enum place_key key_of(const struct policy_class *class)
{
	switch (class->place) {
	case PLACE_FIT:
		break;
	case PLACE_PACK:
		return PLACE_KEY_PACK;
	case PLACE_SPREAD:
		return PLACE_KEY_SPREAD;
	}
	return PLACE_KEY_COST;
}

/* What is nearer comes first, then as the class says. NULL: no memory, or nothing to be near to. */
static uint8_t *ranks_of(struct engine *e, const struct room *r, const char *near)
{
	uint8_t *ranks = near[0] ? calloc(r->n, 1) : NULL;
	for (size_t i = 0; ranks && i < r->n; i++)
		ranks[i] = room_distance(e, r->wants[i]->device, near);
	return ranks;
}

static bool comes_before(const struct fit_place *a, const struct fit_place *b)
{
	if (a->order != b->order)
		return a->order < b->order;
	return a->distance != b->distance ? a->distance < b->distance
					  : a->where.cost < b->where.cost;
}

static void look_in(struct engine *e, const struct policy_class *class, const struct room *r,
		    const char *near, struct resources *left, struct fit_place *best, bool *kept)
{
	struct fit_wish w;
	fit_prepare(e, class, r, &w);
	_cleanup_free_ uint8_t *ranks = ranks_of(e, r, near);
	w.wish.rank = ranks;
	w.wish.keys[0] = ranks ? PLACE_KEY_RANK : key_of(class);
	w.wish.keys[1] = ranks ? key_of(class) : PLACE_KEY_COST;
	for (uint32_t i = 0; i < w.profiles.n && (!best->room || i <= best->order); i++) {
		struct place_answer where;
		w.wish.profile = w.profiles.of[i];
		if (left && !resources_allow(left, &r->kind, w.wish.profile))
			continue;
		if (!place(&w.weights, r, &w.wish, &where, kept))
			continue;
		const struct fit_place found = {
			.room = r,
			.order = i,
			.distance = ranks ? ranks[where.device] : 0,
			.profile = w.profiles.of[i],
			.where = where,
		};
		if (!best->room || comes_before(&found, best))
			*best = found;
	}
}

bool fit_next(struct engine *e, const struct policy_class *class, const struct rooms *rooms,
	      const char *near, struct resources *left, struct fit_place *ret, bool *kept)
{
	*ret = (struct fit_place){ .room = NULL };
	for (size_t i = 0; i < rooms->n; i++)
		if (room_serves(&rooms->rooms[i], class))
			look_in(e, class, &rooms->rooms[i], near, left, ret, kept);
	return ret->room != NULL;
}

/* --- how many ------------------------------------------------------------------------------------------ */

struct fits {
	struct engine_fit *of;
	size_t n;
};

static struct engine_fit *fits_of(struct fits *f, const struct want *w)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->of[i].device, w->device))
			return &f->of[i];
	struct engine_fit *fit = ARRAY_ADD(f->of, f->n);
	if (fit)
		memcpy(fit->device, w->device, sizeof(fit->device));
	return fit;
}

/* Could anybody have it, as far as its IOMMU group goes? */
static bool is_isolated(struct engine *e, const struct slice *s)
{
	const struct mech *m = goal_mech(e, s->mech);
	bool found;
	const struct function *f = m && m->binds && e->have ? m->find(e->have, s, &found) : NULL;
	return !f || goal_isolated(e, f, NULL, NULL) >= 0;
}

static int count_slices(struct engine *e, const struct policy_class *class, const struct claim *c,
			struct fits *f)
{
	for (size_t i = 0; i < e->rec.n_wants; i++)
		if (policy_class_from(class, e->rec.wants[i].selection) &&
		    !fits_of(f, &e->rec.wants[i]))
			return -ENOMEM;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		const struct want *w = store_want(e, s->device);
		if (!w || !str_eq(w->mech, s->mech) || !policy_class_from(class, w->selection) ||
		    warm_is_room(s) || pick_preference(e, class, w, s->profile) < 0)
			continue;
		struct engine_fit *fit = fits_of(f, w);
		if (!fit)
			return -ENOMEM;
		fit->there++;
		bool others = s->dirty && c && !str_eq(s->last_tenant, c->tenant);
		fit->ready += s->state == SLICE_READY && !s->claim[0] && !others &&
			      !drain_is(e, s->device) && !(c && apart_from(e, w, c, 0)) &&
			      is_isolated(e, s);
	}
	return 0;
}

/* As many of a profile as the device takes, each where it can begin first. */
static uint32_t fill(const struct capacity *k, struct capacity_use *use, uint32_t profile)
{
	uint32_t n = 0;
	uint64_t starts;
	while ((starts = capacity_starts(k, use, profile)) != 0) {
		capacity_add(k, use, profile, (uint32_t)__builtin_ctzll(starts));
		n++;
	}
	return n;
}

static int count_free(struct room *r, const struct fit_wish *w, struct fits *f)
{
	for (size_t d = 0; d < r->n; d++) {
		struct engine_fit *fit = fits_of(f, r->wants[d]);
		if (!fit)
			return -ENOMEM;
		for (uint32_t i = 0; i < w->profiles.n; i++)
			fit->more += fill(&r->kind, &r->uses[d], w->profiles.of[i]);
	}
	return 0;
}

/* What is kept for others is so over all devices: as claims would find places, one after the other. */
static int count_kept(struct room *r, struct fit_wish *w, struct fits *f)
{
	for (uint32_t i = 0, n = 0; i < w->profiles.n && n < ENGINE_CLAIMS_MAX; n++) {
		struct place_answer where;
		w->wish.profile = w->profiles.of[i];
		if (!place_online(&w->weights, r->uses, r->n, &w->wish, &where)) {
			i++;
			continue;
		}
		struct engine_fit *fit = fits_of(f, r->wants[where.device]);
		if (!fit)
			return -ENOMEM;
		capacity_add(&r->kind, &r->uses[where.device], w->wish.profile, where.start);
		fit->more++;
	}
	return 0;
}

static int count_more(struct engine *e, const struct policy_class *class, const struct claim *c,
		      struct fits *f)
{
	_cleanup_(rooms_done) struct rooms rooms = { 0 };
	int r = e->have ? rooms_make(e, class, c, &rooms) : 0;
	for (size_t i = 0; r >= 0 && i < rooms.n; i++) {
		struct fit_wish w;
		fit_prepare(e, class, &rooms.rooms[i], &w);
		r = w.wish.n_keep ? count_kept(&rooms.rooms[i], &w, f)
				  : count_free(&rooms.rooms[i], &w, f);
	}
	return r;
}

/* c: for whom, a claim that is not made; NULL: for anybody. */
static int fit(struct engine *e, const struct policy_class *class, const struct claim *c,
	       struct engine_fit **ret, size_t *ret_n)
{
	struct fits f = { 0 };
	int r = count_slices(e, class, c, &f);
	if (r >= 0)
		r = count_more(e, class, c, &f);
	if (r < 0) {
		free(f.of);
		return r;
	}
	*ret = f.of;
	*ret_n = f.n;
	return 0;
}

int engine_fit(struct engine *e, const char *class, struct engine_fit **ret, size_t *ret_n)
{
	const struct policy_class *c = policy_class_find(e->policy, class);
	return c ? fit(e, c, NULL, ret, ret_n) : -ENOENT;
}

int engine_fit_for(struct engine *e, const char *class, const char *tenant, struct engine_fit **ret,
		   size_t *ret_n, uint64_t *ret_left)
{
	const struct policy_class *c = policy_class_find(e->policy, class);
	struct claim draft = { .slice = 0 };
	if (!c)
		return -ENOENT;
	if (!policy_tenant_find(e->policy, tenant) || STR_COPY(draft.tenant, tenant) < 0 ||
	    STR_COPY(draft.class, class) < 0)
		return -ESRCH;
	*ret_left = tenants_more(e, &draft, c);
	return fit(e, c, &draft, ret, ret_n);
}
