/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which slice a claim gets: a free one that is there, else one made on demand. What is on its way to
 * others counts as gone, and memory that profiles share counts once (F16).
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "place/place.h"

/* Behind all others, of whatever profile. */
#define ORDER_LAST 64

struct picking {
	struct engine *e;
	const struct claim *claim;
	const struct policy_class *class;
	struct err *err; /* why the last one that nearly fitted did not */
	size_t by_state[SLICE_REMOVING + 1];
	size_t others;	/* kept for another account */
	char held[256]; /* names of claims in the way */
};

/* --- slices that are there ----------------------------------------------------------------------------- */

/* Place of the profile in the class's order of preference; -1: the class does not take it. */
static int preference(const struct policy_class *class, const char *profile)
{
	for (uint32_t i = 0; i < class->n_profiles && i < 8; i++)
		if (str_eq(class->profiles[i], profile))
			return (int)i;
	return class->n_profiles ? -1 : 0;
}

static const struct want *want_of(struct picking *p, const struct slice *s)
{
	const struct want *w = store_want(p->e, s->device);
	return w && str_eq(w->selection, p->class->from) && str_eq(w->mech, s->mech) ? w : NULL;
}

static bool device_usable(struct engine *e, const char *device)
{
	const struct device_state *d = state_device(e, device);
	return d && !d->stuck[0];
}

static int is_isolated(struct picking *p, const struct mech *m, const struct slice *s)
{
	struct engine *e = p->e;
	bool found;
	const struct function *f = m->find(e->have, s, &found);
	if (!found)
		return -ENODEV;
	if (!m->binds || !f)
		return 0;
	return vfio_group_check(e->have, f, e->config.mechs, e->rec.slices, e->rec.n_slices,
				e->rec.claims, e->rec.n_claims, p->claim->uid, p->err);
}

/* Would this free slice do? */
static bool fits(struct picking *p, const struct want *w, const struct slice *s)
{
	const struct mech *m = goal_mech(p->e, s->mech);
	_cleanup_(plan_done) struct plan plan = { 0 };
	if (!m || !goal_wanted(p->e, s) || !device_usable(p->e, s->device))
		return false;
	if (s->dirty && s->last_uid != p->claim->uid) {
		p->others++;
		return false;
	}
	return is_isolated(p, m, s) >= 0 &&
	       m->claim_steps(p->e->have, w, s, p->claim, &plan, p->err) >= 0;
}

static void count(struct picking *p, const struct slice *s)
{
	p->by_state[s->state]++;
	if (!s->claim[0] || strlen(p->held) + strlen(s->claim) + 8 > sizeof(p->held))
		return;
	size_t n = strlen(p->held);
	(void)str_format(p->held + n, sizeof(p->held) - n, "%s%s", n ? ", " : "", s->claim);
}

static uint32_t free_on(const struct engine *e, const char *device)
{
	uint32_t n = 0;
	for (size_t i = 0; i < e->rec.n_slices; i++)
		n += e->rec.slices[i].state == SLICE_READY &&
		     str_eq(e->rec.slices[i].device, device);
	return n;
}

static int pick_ready(struct picking *p, uint64_t *ret)
{
	struct engine *e = p->e;
	_cleanup_free_ struct place_candidate *found =
		calloc(e->rec.n_slices + 1, sizeof(struct place_candidate));
	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		const struct want *w = want_of(p, s);
		int order = w ? preference(p->class, s->profile) : -1;
		if (order < 0)
			continue;
		count(p, s);
		if (s->state != SLICE_READY || !fits(p, w, s))
			continue;
		if (s->failed)
			order += ORDER_LAST;
		found[i] = (struct place_candidate){ .room = free_on(e, s->device),
						     .order = (uint32_t)order };
	}
	size_t best = place_choose(found, e->rec.n_slices);
	if (best == e->rec.n_slices)
		return 0;
	*ret = e->rec.slices[best].id;
	return 1;
}

/* --- slices made on demand -------------------------------------------------------------------------------- */

static bool is_on_demand(const struct want *w)
{
	for (uint32_t i = 0; i < w->n_types && i < 8; i++)
		if (w->type_count[i])
			return false;
	return w->n_types > 0;
}

/* Promised to somebody, but not made yet, so the device does not count it. */
static uint32_t pending(struct engine *e, const char *device, const char *profile)
{
	uint32_t n = 0;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		bool found;
		if (!str_eq(s->device, device) || !str_eq(s->profile, profile) ||
		    (s->state != SLICE_PREPARING && s->state != SLICE_WANTED))
			continue;
		(void)goal_find(e, s, &found);
		n += !found;
	}
	return n;
}

static uint32_t room_of(struct engine *e, const struct offer *o, const char *device,
			const char *profile)
{
	size_t which = o->n;
	_cleanup_free_ struct place_profile *profiles = calloc(o->n + 1, sizeof(*profiles));
	if (!profiles)
		return 0;
	for (size_t i = 0; i < o->n; i++) {
		profiles[i] = (struct place_profile){
			.available = o->entries[i].available,
			.pool = o->entries[i].pool,
			.pending = pending(e, device, o->entries[i].profile),
		};
		if (str_eq(o->entries[i].profile, profile))
			which = i;
	}
	return which < o->n ? place_room(profiles, o->n, which) : 0;
}

static uint32_t room_on(struct picking *p, const struct want *w, const char *profile)
{
	const struct mech *m = goal_mech(p->e, w->mech);
	_cleanup_(offer_done) struct offer o = { 0 };
	if (!m || !device_usable(p->e, w->device) || m->offer(p->e->have, w->device, &o) < 0)
		return 0;
	return room_of(p->e, &o, w->device, profile);
}

static int make_on_demand(struct engine *e, const struct want *w, const char *profile,
			  uint64_t *ret)
{
	char uuid[UUID_SIZE];
	store_uuid(e, uuid);
	struct slice *s = store_slice_add(e);
	if (!s)
		return -ENOMEM;
	memcpy(s->device, w->device, sizeof(s->device));
	memcpy(s->mech, w->mech, sizeof(s->mech));
	memcpy(s->uuid, uuid, sizeof(s->uuid));
	(void)STR_COPY(s->profile, profile);
	s->state = SLICE_WANTED;
	s->on_demand = 1;
	*ret = s->id;
	return 1;
}

static int pick_on_demand(struct picking *p, uint64_t *ret)
{
	struct engine *e = p->e;
	size_t n = e->rec.n_wants * 8;
	_cleanup_free_ struct place_candidate *found =
		calloc(n + 1, sizeof(struct place_candidate));
	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct want *w = &e->rec.wants[i / 8];
		uint32_t t = i % 8;
		if (!is_on_demand(w) || t >= w->n_types || !str_eq(w->selection, p->class->from))
			continue;
		int order = preference(p->class, w->types[t]);
		if (order < 0)
			continue;
		found[i].room = room_on(p, w, w->types[t]);
		found[i].order = (uint32_t)order * 8 + t;
	}
	size_t best = place_choose(found, n);
	if (best == n)
		return 0;
	const struct want w = e->rec.wants[best / 8];
	if (p->claim->set.set)
		return mech_no_settings(e->have, &(struct slice){ .index = -1 }, p->claim, p->err);
	return make_on_demand(e, &w, w.types[best % 8], ret);
}

/* --- nothing fits --------------------------------------------------------------------------------------------- */

static int none_free(struct picking *p)
{
	size_t total = 0;
	_cleanup_err_ struct err why = { 0 };
	err_move(&why, p->err);
	for (size_t i = 0; i <= SLICE_REMOVING; i++)
		total += p->by_state[i];
	err_set(p->err, "claim.none-free", EBUSY, "no slice of class %s is free", p->class->name);
	err_because(p->err,
		    "it has %zu: %zu held, %zu on their way, %zu being taken back, %zu out of use",
		    total, p->by_state[SLICE_HELD],
		    p->by_state[SLICE_PREPARING] + p->by_state[SLICE_WANTED],
		    p->by_state[SLICE_RECLAIMING] + p->by_state[SLICE_REMOVING],
		    p->by_state[SLICE_QUARANTINED] + p->by_state[SLICE_LOST]);
	if (p->held[0])
		err_because(p->err, "claimed: %s", p->held);
	if (p->others)
		err_because(p->err, "%zu hold data of another account", p->others);
	if (why.because)
		err_because(p->err, "%s", why.because);
	err_state(p->err, "nothing was changed");
	err_todo(p->err, p->others ? "wipe one that holds data, then: carve quarantine clear SLICE "
				     "--reason WHY; carve doctor names them"
				   : "release one of them, or let the policy make more");
	return -EBUSY;
}

int pick_slice(struct engine *e, const struct claim *c, const struct policy_class *class,
	       uint64_t *ret, struct err *reterr)
{
	_cleanup_err_ struct err err = { 0 };
	struct picking p = { .e = e, .claim = c, .class = class, .err = &err };
	if (!e->have)
		return err_set(reterr, "engine.not-observed", EAGAIN,
			       "the machine is not looked at yet");
	int r = pick_ready(&p, ret);
	if (r == 0)
		r = pick_on_demand(&p, ret);
	if (r == 0) {
		bool settings = err_is_set(&err) && err.error == EOPNOTSUPP;
		r = settings ? -EOPNOTSUPP : none_free(&p);
	}
	if (r < 0)
		err_move(reterr, &err);
	return r < 0 ? r : 0;
}
