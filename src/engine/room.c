/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices can still yield: what their mechanisms offer, less what is promised and not made yet.
 * Devices that are alike are put together, so that a place is looked for among all of them at once.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "engine/internal.h"

bool room_on_demand(const struct want *w)
{
	for (uint32_t i = 0; i < w->n_types; i++)
		if (w->type_count[i])
			return false;
	return w->n_types > 0;
}

/* --- one device ---------------------------------------------------------------------------------- */

static void promise(const struct capacity *k, struct capacity_use *use, const struct slice *s)
{
	int profile = capacity_find(k, s->profile);
	if (profile >= 0 && capacity_fits(k, use, (uint32_t)profile, s->start))
		capacity_add(k, use, (uint32_t)profile, s->start);
}

static bool is_of(const struct slice *s, const struct want *w)
{
	return str_eq(s->device, w->device) && str_eq(s->mech, w->mech);
}

/* As if that slice, which is there, were not. freed: what it takes of a device that only tells what is left. */
static void leave_out(const struct want *w, const struct slice *s, struct offer *o, uint32_t *freed)
{
	int profile = capacity_find(&o->kind, s->profile);
	uint32_t units = warm_units(w, s->profile);
	if (profile < 0 || !capacity_has(&o->kind, &o->use, (uint32_t)profile, s->start))
		return;
	*freed += units;
	if (units)
		o->use.count[profile]--;
	else
		capacity_remove(&o->kind, &o->use, (uint32_t)profile, s->start);
}

/* So many units more are left of it than it tells. What is known of its types is better than what it lets guess. */
static void raise_left(const struct want *w, uint32_t freed, struct offer *o)
{
	struct capacity_counter *units = &o->kind.counters[0];
	uint32_t left = units->total - o->use.used[0] + freed;
	units->total += freed;
	for (uint32_t i = 0; i < o->kind.n_profiles; i++) {
		struct capacity_profile *p = &o->kind.profiles[i];
		uint32_t takes = warm_units(w, p->name);
		if (!takes)
			continue;
		p->takes[0] = p->worth = takes;
		if (o->use.count[i] + left / takes > p->most)
			p->most = o->use.count[i] + left / takes;
	}
}

static void make_way(struct engine *e, const struct want *w,
		     bool (*makes_way)(const struct slice *s), struct offer *o)
{
	uint32_t freed = 0;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		bool found = false;
		if (is_of(s, w) && makes_way(s))
			(void)goal_find(e, s, &found);
		if (found)
			leave_out(w, s, o, &freed);
	}
	raise_left(w, freed, o);
}

static void offer_beside(struct engine *e, const struct want *w,
			 bool (*makes_way)(const struct slice *s), struct offer *ret)
{
	*ret = (struct offer){ 0 };
	if (!e->have)
		return;
	goal_offer(e, e->have, w, ret);
	make_way(e, w, makes_way, ret);
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		bool found;
		if (!is_of(s, w) || s->state == SLICE_REMOVING || s->state == SLICE_LOST ||
		    makes_way(s))
			continue;
		(void)goal_find(e, s, &found);
		if (!found)
			promise(&ret->kind, &ret->use, s);
	}
}

static bool goes(const struct slice *s)
{
	return s->warm == WARM_MAKES_WAY && s->state == SLICE_REMOVING;
}

void room_offer(struct engine *e, const struct want *w, struct offer *ret)
{
	offer_beside(e, w, warm_is_room, ret);
}

void room_offer_now(struct engine *e, const struct want *w, struct offer *ret)
{
	offer_beside(e, w, goes, ret);
}

/* --- devices that are alike ------------------------------------------------------------------------- */

static bool profile_alike(const struct capacity_profile *a, const struct capacity_profile *b)
{
	return str_eq(a->name, b->name) && a->size == b->size && a->starts == b->starts &&
	       a->mode == b->mode && a->bars == b->bars;
}

static bool kind_alike(const struct capacity *a, const struct capacity *b)
{
	if (a->n_slots != b->n_slots || a->n_profiles != b->n_profiles ||
	    a->n_counters != b->n_counters)
		return false;
	for (uint32_t i = 0; i < a->n_profiles; i++)
		if (!profile_alike(&a->profiles[i], &b->profiles[i]))
			return false;
	return true;
}

static bool want_alike(const struct want *a, const struct want *b)
{
	return str_eq(a->mech, b->mech) && str_eq(a->selection, b->selection) &&
	       str_eq(a->where, b->where) && a->n_types == b->n_types &&
	       memcmp(a->types, b->types, sizeof(a->types)) == 0;
}

static uint32_t left_of(const struct capacity *k, const struct capacity_use *use)
{
	return k->n_counters ? k->counters[0].total - use->used[0] : 0;
}

/*
 * Of a device that tells only what is left, total and units are guesses, the better the more is left.
 * So all are counted by the guess of the emptiest one: what is left of each stays, and how many more of
 * a profile each device says it could make.
 */
static void use_rebase(const struct capacity *from, const struct capacity *to,
		       struct capacity_use *use)
{
	for (uint32_t i = 0; i < from->n_counters; i++)
		use->used[i] += to->counters[i].total - from->counters[i].total;
	for (uint32_t i = 0; i < from->n_profiles; i++)
		if (from->profiles[i].most)
			use->count[i] = (uint16_t)(use->count[i] + to->profiles[i].most -
						   from->profiles[i].most);
}

static void kind_widen(struct capacity *to, const struct capacity *by, bool emptier)
{
	for (uint32_t i = 0; i < to->n_counters; i++)
		if (by->counters[i].total > to->counters[i].total)
			to->counters[i].total = by->counters[i].total;
	for (uint32_t i = 0; i < to->n_profiles; i++) {
		struct capacity_profile *p = &to->profiles[i];
		if (by->profiles[i].most > p->most)
			p->most = by->profiles[i].most;
		if (!emptier)
			continue;
		p->worth = by->profiles[i].worth;
		memcpy(p->takes, by->profiles[i].takes, sizeof(p->takes));
	}
}

static int room_join(struct room *r, const struct want *w, const struct offer *o)
{
	struct capacity wide = r->kind;
	bool emptier = r->n == 0 ||
		       left_of(&o->kind, &o->use) > left_of(&r->kind, &r->uses[r->emptiest]);
	kind_widen(&wide, &o->kind, emptier);
	size_t n = r->n;
	const struct want **want = ARRAY_ADD(r->wants, n);
	struct capacity_use *use = ARRAY_ADD(r->uses, r->n);
	if (!want || !use)
		return -ENOMEM;
	*want = w;
	*use = o->use;
	for (size_t i = 0; i + 1 < r->n; i++)
		use_rebase(&r->kind, &wide, &r->uses[i]);
	use_rebase(&o->kind, &wide, use);
	if (emptier)
		r->emptiest = r->n - 1;
	r->kind = wide;
	return 0;
}

static struct room *room_find(struct rooms *rooms, const struct want *w, const struct capacity *k)
{
	for (size_t i = 0; i < rooms->n; i++)
		if (want_alike(rooms->rooms[i].wants[0], w) && kind_alike(&rooms->rooms[i].kind, k))
			return &rooms->rooms[i];
	struct room *r = ARRAY_ADD(rooms->rooms, rooms->n);
	if (r)
		*r = (struct room){ .kind = *k };
	return r;
}

void rooms_done(struct rooms *rooms)
{
	for (size_t i = 0; i < rooms->n; i++) {
		free(rooms->rooms[i].uses);
		free(rooms->rooms[i].wants);
	}
	free(rooms->rooms);
	*rooms = (struct rooms){ 0 };
}

void room_remove(struct room *r, size_t device)
{
	size_t behind = --r->n - device;
	memmove(&r->wants[device], &r->wants[device + 1], behind * sizeof(*r->wants));
	memmove(&r->uses[device], &r->uses[device + 1], behind * sizeof(*r->uses));
}

bool room_usable(struct engine *e, const char *device)
{
	const struct device_state *d = state_device(e, device);
	return d && !d->stuck[0] && !drain_is(e, device);
}

bool room_serves(const struct room *r, const struct policy_class *class)
{
	return r->n && policy_class_from(class, r->wants[0]->selection);
}

static bool rooms_have(const struct rooms *rooms, const struct want *w)
{
	for (size_t i = 0; i < rooms->n; i++)
		for (size_t k = 0; k < rooms->rooms[i].n; k++)
			if (rooms->rooms[i].wants[k] == w)
				return true;
	return false;
}

static int rooms_add(struct rooms *rooms, const struct want *w, const struct offer *o)
{
	if (o->kind.n_profiles == 0)
		return 0;
	struct room *r = room_find(rooms, w, &o->kind);
	return r ? room_join(r, w, o) : -ENOMEM;
}

int rooms_make(struct engine *e, const struct policy_class *class, const struct claim *c,
	       struct rooms *ret)
{
	for (size_t i = 0; i < e->rec.n_wants; i++) {
		const struct want *w = &e->rec.wants[i];
		struct offer o;
		if (!policy_class_from(class, w->selection) || !room_on_demand(w) ||
		    !room_usable(e, w->device) || (c && apart_from(e, w, c, 0)) ||
		    rooms_have(ret, w))
			continue;
		room_offer(e, w, &o);
		if (rooms_add(ret, w, &o) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Nothing goes away there, no claim is being served, and what is left is known. */
static bool is_at_leisure(struct engine *e, const char *device)
{
	const struct device_state *d = state_device(e, device);
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		bool asked_for = s->state == SLICE_PREPARING &&
				 state_has_waiter(e, WAIT_ALLOC, s->claim);
		if (str_eq(s->device, device) && (asked_for || s->state == SLICE_REMOVING))
			return false;
	}
	for (size_t i = 0; i < e->have->n_types; i++)
		if (e->have->types[i].available_stale && str_eq(e->have->types[i].parent, device))
			return false;
	return d && !d->stuck[0] && !d->blocked && !drain_is(e, device);
}

int rooms_make_ahead(struct engine *e, const struct want *entry, struct rooms *ret)
{
	for (size_t i = 0; i < e->rec.n_wants; i++) {
		const struct want *w = &e->rec.wants[i];
		struct offer o;
		if (!warm_is_shared(w, entry) || !is_at_leisure(e, w->device))
			continue;
		room_offer_now(e, w, &o);
		if (rooms_add(ret, w, &o) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* --- how near -------------------------------------------------------------------------------------------- */

/* "pci:0000:15/01.0/00.0/03.0": up to the root port is the root bus and one function more. */
static size_t root_port_length(const char *key)
{
	const char *first = strchr(key, '/');
	const char *second = first ? strchr(first + 1, '/') : NULL;
	return second ? (size_t)(second - key) : strlen(key);
}

uint8_t room_distance(const struct engine *e, const char *device, const char *near)
{
	size_t n = root_port_length(near);
	if (!near[0] || (root_port_length(device) == n && memcmp(device, near, n) == 0))
		return 0;
	const struct function *a = have_device(e->have, device), *b = have_device(e->have, near);
	return a && b && a->numa_node >= 0 && a->numa_node == b->numa_node ? 1 : 2;
}

const char *room_near(struct engine *e, const struct claim *c)
{
	size_t i = 0;
	const struct claim *near = c && c->near[0] ? store_claim(e, c->near) : NULL;
	if (near && near->parts)
		near = parts_next(e, near->name, &i);
	const struct slice *s = near && near->slice ? store_slice(e, near->slice) : NULL;
	return s ? s->device : "";
}

/* --- which profiles will do -------------------------------------------------------------------------- */

static bool want_allows(const struct want *w, const char *profile)
{
	return w->n_types == 0 || goal_names(w, profile);
}

static uint32_t takes(const struct capacity *k, const struct capacity_profile *p,
		      const char *counter)
{
	for (uint32_t i = 0; i < k->n_counters; i++)
		if (str_eq(k->counters[i].name, counter))
			return p->takes[i];
	return 0;
}

static bool enough(const struct policy_class *c, const struct capacity *k,
		   const struct capacity_profile *p)
{
	for (uint32_t i = 0; i < c->n_engines; i++)
		if (takes(k, p, c->engines[i]) < c->engine_count[i])
			return false;
	return p->memory >= c->memory && p->compute >= c->compute;
}

static void add(const struct capacity *k, const struct want *w, const struct policy_class *c,
		const char *name, struct room_profiles *ret)
{
	int profile = capacity_find(k, name);
	if (profile < 0 || !want_allows(w, name) || !enough(c, k, &k->profiles[profile]))
		return;
	for (uint32_t i = 0; i < ret->n; i++)
		if (ret->of[i] == (uint32_t)profile)
			return;
	ret->of[ret->n++] = (uint32_t)profile;
}

/* The smallest first; of those that are alike the one that is named first. */
static void sort(const struct capacity *k, struct room_profiles *p)
{
	for (uint32_t i = 1; i < p->n; i++)
		for (uint32_t j = i; j > 0; j--) {
			const struct capacity_profile *a = &k->profiles[p->of[j - 1]],
						      *b = &k->profiles[p->of[j]];
			if (a->memory < b->memory ||
			    (a->memory == b->memory && a->worth <= b->worth))
				break;
			uint32_t swap = p->of[j];
			p->of[j] = p->of[j - 1];
			p->of[j - 1] = swap;
		}
}

void room_class_profiles(const struct capacity *k, const struct want *w,
			 const struct policy_class *c, struct room_profiles *ret)
{
	ret->n = 0;
	for (uint32_t i = 0; i < c->n_profiles; i++)
		add(k, w, c, c->profiles[i], ret);
	if (c->n_profiles)
		return;
	for (uint32_t i = 0; i < w->n_types; i++)
		add(k, w, c, w->types[i], ret);
	for (uint32_t i = 0; w->n_types == 0 && i < k->n_profiles; i++)
		add(k, w, c, k->profiles[i].name, ret);
	if (policy_class_asks(c))
		sort(k, ret);
}
