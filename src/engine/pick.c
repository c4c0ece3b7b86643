/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which slice a claim gets: a free one that is there, else one made on demand. What is on its way to
 * others counts as gone, and memory that profiles share counts once (F16).
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"

/* Behind all others, of whatever profile. */
#define ORDER_LAST 64

struct picking {
	struct engine *e;
	const struct claim *claim;
	const struct policy_class *class;
	struct err *err; /* why the first one that nearly fitted did not */
	size_t by_state[SLICE_REMOVING + 1];
	size_t others;	       /* kept for another account */
	struct resources left; /* of the quota of its tenant */
	bool kept;	       /* there is room, which is kept for other classes */
	char held[256];	       /* names of claims in the way */
};

/* --- slices that are there ----------------------------------------------------------------------------- */

int pick_preference(struct engine *e, const struct policy_class *c, const struct want *w,
		    const char *profile)
{
	for (uint32_t i = 0; i < c->n_profiles; i++)
		if (str_eq(c->profiles[i], profile))
			return (int)i;
	if (c->n_profiles)
		return -1;
	if (!policy_class_asks(c))
		return 0;
	struct offer o;
	struct room_profiles profiles;
	room_offer(e, w, &o);
	room_class_profiles(&o.kind, w, c, &profiles);
	for (uint32_t i = 0; i < profiles.n; i++)
		if (str_eq(o.kind.profiles[profiles.of[i]].name, profile))
			return (int)i;
	return -1;
}

static const struct want *want_of(struct picking *p, const struct slice *s)
{
	const struct want *w = store_want(p->e, s->device);
	return w && policy_class_from(p->class, w->selection) && str_eq(w->mech, s->mech) ? w
											  : NULL;
}

static int is_isolated(struct picking *p, const struct mech *m, const struct slice *s,
		       struct err *reterr)
{
	struct engine *e = p->e;
	bool found;
	const struct function *f = m->find(e->have, s, &found);
	if (!found)
		return -ENODEV;
	if (!m->binds || !f)
		return 0;
	return goal_isolated(e, f, p->claim, reterr);
}

/* As many claims have its GPU instance as may: shares that are not wanted any more count as long as they are held. */
static bool is_shared_out(const struct engine *e, const struct want *w, const struct slice *s)
{
	uint32_t shares = want_shares(w, s->profile), held = 0;
	for (size_t i = 0; s->share && i < e->rec.n_slices; i++)
		held += e->rec.slices[i].claim[0] && slice_is_mate(&e->rec.slices[i], s);
	return held > 0 && held >= shares;
}

/* Would this free slice do, by itself? */
static bool fits_alone(struct picking *p, const struct want *w, const struct slice *s)
{
	const struct mech *m = goal_mech(p->e, s->mech);
	_cleanup_(plan_done) struct plan plan = { 0 };
	if (!m || !goal_wanted(p->e, s) || !room_usable(p->e, s->device) ||
	    !parts_near(p->e, p->claim, s->device) || is_shared_out(p->e, w, s))
		return false;
	if (s->dirty && !claim_is_of(p->claim, s->last_uid, s->last_tenant)) {
		p->others++;
		return false;
	}
	if (!resources_allow_slice(p->e, &p->left, s) || apart_from(p->e, w, p->claim, 0))
		return false;
	_cleanup_err_ struct err why = { 0 };
	bool fits = is_isolated(p, m, s, &why) >= 0 &&
		    m->claim_steps(p->e->have, w, s, p->claim, &plan, &why) >= 0;
	err_move(p->err, &why);
	return fits;
}

static void companion_because(struct picking *p, const struct want *w, const struct slice *s)
{
	const struct function *f = have_device(p->e->have, w->device);
	_cleanup_err_ struct err why = { 0 };
	err_set(&why, "claim.none-free", EBUSY, "a companion is not free");
	err_because(&why, "%s, which goes with it, is %s%s%s", f ? f->addr : w->device,
		    s ? slice_state_name((enum slice_state)s->state) : "not there",
		    s && s->reason[0] ? ": " : "", s ? s->reason : "");
	err_todo(&why, "carve list slices shows it");
	err_move(p->err, &why);
}

/* With all that goes with it. */
static bool fits(struct picking *p, const struct want *w, const struct slice *s)
{
	const struct want *companion;
	size_t at = 0;
	if (!fits_alone(p, w, s))
		return false;
	while ((companion = companions_next(p->e, s->device, &at))) {
		const struct slice *other = companions_slice(p->e, companion);
		bool ready = other && other->state == SLICE_READY;
		if (!ready)
			companion_because(p, companion, other);
		if (!ready || !fits_alone(p, companion, other))
			return false;
	}
	return true;
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

/* What speaks for a free slice; less is better, the first that counts decides. */
struct merit {
	uint32_t order;	   /* the class's preference; behind all others what failed before */
	uint32_t distance; /* from what it should be near to */
	uint32_t room; /* free ones beside it, or occupied ones: as the class packs or spreads */
};

static struct merit merit_of(struct picking *p, const struct slice *s, int preferred)
{
	uint32_t free = free_on(p->e, s->device);
	return (struct merit){
		.order = (uint32_t)preferred +
			 (s->failed || companions_failed(p->e, s->device) ? ORDER_LAST : 0),
		.distance = room_distance(p->e, s->device, room_near(p->e, p->claim)),
		.room = p->class->place == PLACE_SPREAD ? UINT32_MAX - free : free,
	};
}

static bool is_better(const struct merit *a, const struct merit *b)
{
	if (a->order != b->order)
		return a->order < b->order;
	return a->distance != b->distance ? a->distance < b->distance : a->room < b->room;
}

/* Packs unless the class says otherwise, which keeps empty devices whole for what needs one; of what is
 * alike, the first. */
static int pick_ready(struct picking *p, uint64_t *ret)
{
	struct engine *e = p->e;
	const struct slice *best = NULL;
	struct merit best_merit = { 0 };
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		const struct want *w = want_of(p, s);
		int preferred = w ? pick_preference(e, p->class, w, s->profile) : -1;
		if (preferred < 0)
			continue;
		count(p, s);
		if (s->state != SLICE_READY || s->warm || !fits(p, w, s))
			continue;
		struct merit merit = merit_of(p, s, preferred);
		if (best && !is_better(&merit, &best_merit))
			continue;
		best = s;
		best_merit = merit;
	}
	if (!best)
		return 0;
	*ret = best->id;
	return 1;
}

/* The merit of each, beside its place in the record. */
struct candidate {
	struct merit merit;
	size_t at;
};

static int compare(const void *one, const void *other)
{
	const struct candidate *a = one, *b = other;
	if (is_better(&a->merit, &b->merit))
		return -1;
	return is_better(&b->merit, &a->merit) ? 1 : a->at < b->at ? -1 : a->at > b->at;
}

int pick_candidates(struct engine *e, const struct claim *c, const struct policy_class *class,
		    size_t **ret, size_t *ret_n)
{
	_cleanup_err_ struct err ignored = { 0 };
	struct picking p = { .e = e, .claim = c, .class = class, .err = &ignored };
	resources_left(e, c, &p.left);
	_cleanup_free_ struct candidate *all = calloc(e->rec.n_slices + 1, sizeof(*all));
	size_t *at = calloc(e->rec.n_slices + 1, sizeof(*at)), n = 0;
	if (!all || !at) {
		free(at);
		return -ENOMEM;
	}
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		const struct want *w = want_of(&p, s);
		int preferred = w ? pick_preference(e, class, w, s->profile) : -1;
		if (preferred >= 0 && s->state == SLICE_READY && !s->warm && fits(&p, w, s))
			all[n++] = (struct candidate){ merit_of(&p, s, preferred), i };
	}
	qsort(all, n, sizeof(*all), compare);
	for (size_t i = 0; i < n; i++)
		at[i] = all[i].at;
	*ret = at;
	*ret_n = n;
	return 0;
}

/* --- slices made on demand -------------------------------------------------------------------------------- */

struct slice *pick_add(struct engine *e, const struct want *w, const char *profile, uint32_t start)
{
	struct slice *s = store_slice_add_alone(e, w, profile, start);
	if (s)
		s->on_demand = 1;
	return s;
}

int pick_make(struct engine *e, const struct want *w, const char *profile, uint32_t start,
	      uint64_t *ret)
{
	*ret = warm_take(e, w, profile, start);
	if (*ret)
		return 1;
	warm_make_way(e, w, profile, start);
	const struct slice *s = pick_add(e, w, profile, start);
	if (!s)
		return -ENOMEM;
	*ret = s->id;
	return 1;
}

static int pick_on_demand(struct picking *p, uint64_t *ret)
{
	_cleanup_(rooms_done) struct rooms rooms = { 0 };
	struct fit_place best;
	const char *near = room_near(p->e, p->claim);
	int r = rooms_make(p->e, p->class, p->claim, &rooms);
	if (r >= 0)
		parts_narrow(p->e, p->claim, &rooms);
	if (r < 0 || !fit_next(p->e, p->class, &rooms, near, &p->left, &best, &p->kept))
		return r;
	if (p->claim->set.set)
		return mech_no_settings(p->e->have, &(struct slice){ .index = -1 }, p->claim,
					p->err);
	*ret = warm_find(p->e, p->class, &best, near);
	if (*ret)
		return 1;
	const struct want w = *best.room->wants[best.where.device];
	return pick_make(p->e, &w, best.room->kind.profiles[best.profile].name, best.where.start,
			 ret);
}

/* --- nothing fits --------------------------------------------------------------------------------------------- */

static const char *advice(const struct picking *p, const struct err *why, bool drained)
{
	if (p->others)
		return "wipe one that holds data, then: carve quarantine clear SLICE --reason WHY; "
		       "carve doctor names them";
	if (why->todo)
		return why->todo;
	if (drained)
		return "wait until that is over, then: carve drain DEVICE --undo";
	return p->held[0] ? "release one of them, or let the policy make more"
			  : "let the policy make more";
}

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
	if (p->kept)
		err_because(p->err, "there is room, but the policy keeps it for other classes");
	apart_because(p->e, p->class, p->claim, p->err);
	bool drained = drain_because(p->e, p->class, p->err);
	if (why.because)
		err_because(p->err, "%s", why.because);
	err_state(p->err, "nothing was changed");
	advise_refusal(p->e, p->class, p->claim, p->err);
	err_todo(p->err, "%s", advice(p, &why, drained));
	return -EBUSY;
}

bool pick_would_do(struct engine *e, const struct claim *c, const struct policy_class *class,
		   struct resources *left, const struct slice *s)
{
	struct picking p = { .e = e, .claim = c, .class = class };
	const struct mech *m = goal_mech(e, s->mech);
	const struct want *w = want_of(&p, s);
	if (!m || !w || pick_preference(e, class, w, s->profile) < 0 || !room_usable(e, s->device))
		return false;
	if (apart_from(e, w, c, s->id) || !resources_allow_slice(e, left, s))
		return false;
	/* It will wait for an administrator. */
	if (reclaim_has_rule(e, s) && reclaim_proof(e, s) == PROOF_NONE)
		return false;
	bool data_stays = reclaim_proof(e, s) == PROOF_KEPT && !s->on_demand;
	return (goal_wanted(e, s) || s->on_demand) &&
	       (!data_stays || claim_is_of(c, s->last_uid, s->last_tenant));
}

int pick_slice(struct engine *e, const struct claim *c, const struct policy_class *class,
	       uint64_t *ret, struct err *reterr)
{
	_cleanup_err_ struct err err = { 0 };
	struct picking p = { .e = e, .claim = c, .class = class, .err = &err };
	if (!e->have)
		return err_set(reterr, "engine.not-observed", EAGAIN,
			       "the machine is not looked at yet");
	resources_left(e, c, &p.left);
	int r = pick_ready(&p, ret);
	if (r == 0)
		r = pick_on_demand(&p, ret);
	if (r == 0) {
		bool settings = err_is_set(&err) && err.error == EOPNOTSUPP;
		r = settings	     ? -EOPNOTSUPP
		    : p.left.refused ? resources_refuse(e, &p.left, c, &err)
				     : none_free(&p);
	}
	if (r < 0)
		err_move(reterr, &err);
	return r < 0 ? r : 0;
}
