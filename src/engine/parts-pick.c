/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slice for each part of a claim. Which of the slices that are there goes to which part is a matching: it
 * is found whenever there is one, and when there is none, the parts that are one too many for the slices
 * that would do for them are known as well. What is left is made on demand, one after the other, and if
 * that does not do, as a set (place/set.h). Where all parts must be close to each other, each place where
 * they could be is tried, and the one that leaves the fewest slices free is taken.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "place/set.h"

#define NONE UINT32_MAX

/* A slice of the record, at the same place as there. */
struct spot {
	bool here;	 /* where all parts are to be */
	bool open;	 /* may be taken now */
	bool gives_way;	 /* its claim would have to end */
	bool taken;	 /* by a whole that was placed before */
	bool seen;	 /* in the search that goes on */
	uint32_t holder; /* part; NONE */
};

/* Parts that are alike. */
struct kind {
	const struct policy_class *class;
	size_t *spots; /* that would do, the best first */
	size_t n;
	bool on_demand; /* more can be made */
};

struct part {
	uint32_t kind;
	uint32_t spot; /* NONE: to be made, or nowhere */
	bool made;
	/* Made: where. */
	char device[DEVICE_KEY_SIZE];
	uint32_t start;
	char profile[NAME_SIZE];
};

struct search {
	struct engine *e;
	const struct claim *claim;
	const struct policy_class *class;
	struct spot *spots;
	struct kind kinds[POLICY_PARTS];
	struct part parts[POLICY_WHOLE];
	uint32_t n;
	const char *where; /* device to which all parts must be near */
	struct part *made; /* by wholes that were placed before */
	size_t n_made;
	bool too_hard;
};

static void search_done(struct search *s)
{
	for (uint32_t i = 0; i < POLICY_PARTS; i++)
		free(s->kinds[i].spots);
	free(s->spots);
	free(s->made);
}

static bool kind_on_demand(struct engine *e, const struct policy_class *class)
{
	for (size_t i = 0; i < e->rec.n_wants; i++)
		if (policy_class_from(class, e->rec.wants[i].selection) &&
		    room_on_demand(&e->rec.wants[i]))
			return true;
	return false;
}

static int search_make(struct engine *e, const struct claim *c, const struct policy_class *class,
		       struct search *s)
{
	*s = (struct search){ .e = e, .claim = c, .class = class };
	s->spots = calloc(e->rec.n_slices + 1, sizeof(*s->spots));
	if (!s->spots)
		return -ENOMEM;
	for (uint32_t i = 0; i < class->n_parts; i++) {
		struct kind *k = &s->kinds[i];
		k->class = policy_class_find(e->policy, class->parts[i]);
		k->on_demand = kind_on_demand(e, k->class);
		if (pick_candidates(e, c, k->class, &k->spots, &k->n) < 0)
			return -ENOMEM;
		for (uint32_t n = 0; n < class->part_count[i]; n++)
			s->parts[s->n++].kind = i;
	}
	return 0;
}

/* --- slices that are there ---------------------------------------------------------------------------------- */

static bool part_match(struct search *s, uint32_t part);

/* Gives the part that slice, when it is free or its holder could do with another one. */
static bool part_take(struct search *s, uint32_t part, size_t at)
{
	struct spot *spot = &s->spots[at];
	spot->seen = true;
	if (spot->holder != NONE && !part_match(s, spot->holder))
		return false;
	spot->holder = part;
	s->parts[part].spot = (uint32_t)at;
	return true;
}

/* Nobody who has one is asked for it as long as one is free. What was come by is seen. */
static bool part_match(struct search *s, uint32_t part)
{
	const struct kind *k = &s->kinds[s->parts[part].kind];
	for (unsigned held = 0; held < 2; held++)
		for (size_t i = 0; i < k->n; i++) {
			const struct spot *spot = &s->spots[k->spots[i]];
			if (spot->open && !spot->seen && (spot->holder != NONE) == (held == 1) &&
			    part_take(s, part, k->spots[i]))
				return true;
		}
	return false;
}

static void part_place(struct search *s, uint32_t part)
{
	for (size_t i = 0; i < s->e->rec.n_slices; i++)
		s->spots[i].seen = false;
	(void)part_match(s, part);
}

static bool is_placed(const struct part *p)
{
	return p->spot != NONE || p->made;
}

static uint32_t unplaced(const struct search *s)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->n; i++)
		n += !is_placed(&s->parts[i]);
	return n;
}

static bool is_here(const struct search *s, const char *device)
{
	return room_distance(s->e, device, s->where) <= parts_distance(s->class);
}

/* What cannot be made comes first: a slice, once given, is only given away for another one. */
static void match(struct search *s, const char *where)
{
	s->where = where;
	for (size_t i = 0; i < s->e->rec.n_slices; i++) {
		struct spot *spot = &s->spots[i];
		spot->here = !spot->taken && is_here(s, s->e->rec.slices[i].device);
		spot->open = spot->here && !spot->gives_way;
		spot->holder = NONE;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		s->parts[i].spot = NONE;
		s->parts[i].made = false;
	}
	for (unsigned pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < s->n; i++)
			if (s->kinds[s->parts[i].kind].on_demand == (pass == 1))
				part_place(s, i);
}

/* --- slices that are made --------------------------------------------------------------------------------------- */

static void room_take(const struct rooms *rooms, const struct part *p)
{
	for (size_t i = 0; i < rooms->n; i++) {
		struct room *r = &rooms->rooms[i];
		int profile = capacity_find(&r->kind, p->profile);
		for (size_t k = 0; profile >= 0 && k < r->n; k++)
			if (str_eq(r->wants[k]->device, p->device))
				capacity_add(&r->kind, &r->uses[k], (uint32_t)profile, p->start);
	}
}

/* Of all devices here that parts still without a slice could be made on. */
static int rooms_here(struct search *s, struct rooms *ret)
{
	int r = 0;
	for (uint32_t i = 0; r >= 0 && i < s->class->n_parts; i++)
		r = rooms_make(s->e, s->kinds[i].class, s->claim, ret);
	for (size_t i = 0; r >= 0 && i < ret->n; i++)
		for (size_t k = ret->rooms[i].n; k > 0; k--)
			if (!is_here(s, ret->rooms[i].wants[k - 1]->device))
				room_remove(&ret->rooms[i], k - 1);
	for (size_t i = 0; r >= 0 && i < s->n_made; i++)
		room_take(ret, &s->made[i]);
	return r;
}

static void part_make(struct part *p, const struct room *r, uint32_t profile, uint32_t device,
		      uint32_t start)
{
	p->made = true;
	p->start = start;
	memcpy(p->device, r->wants[device]->device, sizeof(p->device));
	(void)STR_COPY(p->profile, r->kind.profiles[profile].name);
}

static void make_each(struct search *s, const struct rooms *rooms)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct part *p = &s->parts[i];
		struct fit_place best;
		bool kept = false;
		if (is_placed(p) || !fit_next(s->e, s->kinds[p->kind].class, rooms,
					      room_near(s->e, s->claim), NULL, &best, &kept))
			continue;
		part_make(p, best.room, best.profile, best.where.device, best.where.start);
		room_take(rooms, p);
	}
}

/* What policies keep for others is kept of each part as if it came alone. */
static bool keeps_room(struct search *s, struct room *r, const struct part *p, uint32_t device,
		       uint32_t profile, uint32_t start)
{
	struct fit_wish w;
	struct capacity_use after = r->uses[device], before = after;
	fit_prepare(s->e, s->kinds[p->kind].class, r, &w);
	w.wish.profile = profile;
	capacity_add(&r->kind, &after, profile, start);
	bool keeps = place_keeps(&r->kind, r->uses, r->n, &w.wish, &before, &after);
	r->uses[device] = after;
	return keeps;
}

/* All that is left on the devices of one room, each part by the profile its class prefers. */
static int make_set(struct search *s, struct room *r)
{
	struct place_member members[POLICY_WHOLE];
	uint32_t of[POLICY_WHOLE], n = 0;
	enum place_set_answer answer;
	for (uint32_t i = 0; i < s->n; i++) {
		struct room_profiles profiles = { .n = 0 };
		const struct policy_class *class = s->kinds[s->parts[i].kind].class;
		if (is_placed(&s->parts[i]))
			continue;
		if (room_serves(r, class))
			room_class_profiles(&r->kind, r->wants[0], class, &profiles);
		if (profiles.n == 0)
			return 0;
		of[n] = i;
		members[n++] = (struct place_member){ .profile = profiles.of[0] };
	}
	int rc = place_set(&r->kind, r->uses, r->n, members, n, PLACE_SET_EFFORT, &answer);
	if (rc < 0 && rc != -E2BIG)
		return rc;
	s->too_hard = s->too_hard || rc < 0 || answer == PLACE_SET_TOO_HARD;
	if (rc < 0 || answer != PLACE_SET_FITS)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		if (!keeps_room(s, r, &s->parts[of[i]], members[i].device, members[i].profile,
				members[i].start))
			return 0;
	for (uint32_t i = 0; i < n; i++)
		part_make(&s->parts[of[i]], r, members[i].profile, members[i].device,
			  members[i].start);
	return 0;
}

static void forget_made(struct search *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		s->parts[i].made = false;
}

static bool any_on_demand(const struct search *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (!is_placed(&s->parts[i]) && s->kinds[s->parts[i].kind].on_demand)
			return true;
	return false;
}

static int make(struct search *s, bool as_set)
{
	_cleanup_(rooms_done) struct rooms rooms = { 0 };
	if (!any_on_demand(s))
		return 0;
	int r = rooms_here(s, &rooms);
	if (r >= 0 && !as_set)
		make_each(s, &rooms);
	for (size_t i = 0; r >= 0 && as_set && unplaced(s) && i < rooms.n; i++)
		r = rooms.rooms[i].n ? make_set(s, &rooms.rooms[i]) : 0;
	return r;
}

/* --- where -------------------------------------------------------------------------------------------------------- */

/* 0, whether or not all parts are placed; -ENOMEM. */
static int place_at(struct search *s, const char *where)
{
	match(s, where);
	int r = make(s, false);
	if (r < 0 || unplaced(s) == 0)
		return r;
	struct part each[POLICY_WHOLE];
	memcpy(each, s->parts, sizeof(each));
	forget_made(s);
	r = make(s, true);
	if (r >= 0 && unplaced(s))
		memcpy(s->parts, each, sizeof(each));
	return r;
}

/* A device for each place where all parts could be; NULL: no more. */
static const char *where_next(const struct search *s, size_t *at)
{
	const struct record *r = &s->e->rec;
	bool anywhere = s->class->near == NEAR_ANYWHERE;
	for (; *at < r->n_wants; (*at)++) {
		bool first = parts_draw_on(s->e, s->class, r->wants[*at].selection);
		for (size_t i = 0; first && i < *at; i++)
			first = !parts_draw_on(s->e, s->class, r->wants[i].selection) ||
				(!anywhere &&
				 room_distance(s->e, r->wants[*at].device, r->wants[i].device) >
					 parts_distance(s->class));
		if (first)
			return r->wants[(*at)++].device;
	}
	return NULL;
}

/* What speaks for a place; less is better. */
struct outcome {
	const char *where;
	uint32_t unplaced;
	uint32_t ends;	   /* claims that would have to end, by their parts */
	uint32_t distance; /* from what the claim should be near to */
	size_t open;	   /* slices that are free there */
};

static struct outcome outcome_of(const struct search *s)
{
	struct outcome o = { .where = s->where, .unplaced = unplaced(s) };
	o.distance = room_distance(s->e, s->where, room_near(s->e, s->claim));
	for (size_t i = 0; i < s->e->rec.n_slices; i++) {
		const struct spot *spot = &s->spots[i];
		o.open += spot->open;
		o.ends += spot->gives_way && spot->holder != NONE;
	}
	return o;
}

static bool is_better(const struct outcome *a, const struct outcome *b)
{
	if (a->unplaced != b->unplaced)
		return a->unplaced < b->unplaced;
	if (a->ends != b->ends)
		return a->ends < b->ends;
	return a->distance != b->distance ? a->distance < b->distance : a->open < b->open;
}

/* Leaves the search as it is at the best place. 1: all parts have a slice there. */
static int place(struct search *s, int (*at)(struct search *s, const char *where))
{
	struct outcome best = { .where = NULL };
	const char *where;
	size_t i = 0;
	while ((where = where_next(s, &i))) {
		int r = at(s, where);
		if (r < 0)
			return r;
		const struct outcome o = outcome_of(s);
		if (!best.where || is_better(&o, &best))
			best = o;
	}
	int r = best.where ? at(s, best.where) : 0;
	return r < 0 ? r : best.where && best.unplaced == 0;
}

/* --- nothing fits -------------------------------------------------------------------------------------------------- */

static const char *near_text(const struct search *s, char *ret, size_t size)
{
	const struct function *f = have_device(s->e->have, s->where);
	if (s->class->near == NEAR_ANYWHERE)
		reason_set(ret, size, "%s", "");
	else if (s->class->near == NEAR_NUMA && f && f->numa_node >= 0)
		reason_set(ret, size, " on NUMA node %d", f->numa_node);
	else
		reason_set(ret, size, " %s %s",
			   s->class->near == NEAR_NUMA ? "on the NUMA node of"
						       : "below the root port of",
			   f ? f->addr : s->where);
	return ret;
}

/* All slices that would do for one that has none were seen when it was looked for, and those that hold
 * them could not do with others: these classes are too many together. */
static void explain(struct search *s, struct err *err)
{
	_cleanup_(str_buf_done) struct str_buf names = { 0 };
	bool short_of[POLICY_PARTS] = { false };
	uint32_t first = 0, need = 0, have = 0;
	char near[128];
	while (first < s->n && is_placed(&s->parts[first]))
		first++;
	if (first == s->n)
		return;
	part_place(s, first);
	short_of[s->parts[first].kind] = true;
	for (size_t i = 0; i < s->e->rec.n_slices; i++) {
		if (!s->spots[i].seen)
			continue;
		have++;
		if (s->spots[i].holder != NONE)
			short_of[s->parts[s->spots[i].holder].kind] = true;
	}
	for (uint32_t i = 0; i < s->class->n_parts; i++) {
		if (!short_of[i])
			continue;
		need += s->class->part_count[i];
		str_buf_addf(&names, "%s%s", names.len ? " and " : "", s->class->parts[i]);
		for (uint32_t k = 0; k < s->n; k++)
			have += s->parts[k].kind == i && s->parts[k].made;
	}
	err_because(err, "%u of %.400s are needed together%s, %u could be had", need,
		    names.text ? names.text : "?", near_text(s, near, sizeof(near)), have);
}

static int refuse(struct search *s, struct err *err)
{
	if (s->too_hard) {
		err_set(err, "claim.parts-effort", E2BIG,
			"whether the parts of class %s fit could not be found out", s->class->name);
		err_because(err, "they are of too many different profiles for an exact answer");
		err_state(err, "nothing was changed");
		err_todo(err, "name fewer parts, or fewer profiles for each");
		return -E2BIG;
	}
	err_set(err, "claim.parts", EBUSY, "the parts of class %s cannot be had now, all together",
		s->class->name);
	if (s->where)
		explain(s, err);
	else
		err_because(err, "no device yields any of them");
	for (uint32_t i = 0; i < s->class->n_parts; i++)
		(void)drain_because(s->e, s->kinds[i].class, err);
	err_state(err, "nothing was changed");
	err_todo(err,
		 "carve fit %s shows how many fit, carve list claims who holds what; or wait for "
		 "it: carve alloc %s --wait",
		 s->class->name, s->class->name);
	return -EBUSY;
}

/* --- what others use -------------------------------------------------------------------------------------------------- */

/* May the tenant have all of them? */
static bool is_within(struct search *s, struct resources *left)
{
	for (uint32_t i = 0; left->tenant && i < s->n; i++) {
		const struct part *p = &s->parts[i];
		const struct slice *there = p->made ? NULL : &s->e->rec.slices[p->spot];
		if (!resources_take(s->e, left, there ? there->device : p->device,
				    there ? there->profile : p->profile))
			return false;
	}
	return true;
}

static int take(struct search *s, struct picks *ret)
{
	ret->n = s->n;
	for (uint32_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];
		struct pick *to = &ret->of[i];
		memcpy(to->class, s->kinds[p->kind].class->name, sizeof(to->class));
		if (!p->made) {
			to->slice = s->e->rec.slices[p->spot].id;
			continue;
		}
		/* Behind those that are there: their places stay. */
		const struct want *found = store_want(s->e, p->device);
		const struct want w = *found;
		int r = pick_make(s->e, &w, p->profile, p->start, &to->slice);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_fabric(struct search *s, struct err *reterr)
{
	const char *devices[POLICY_WHOLE];
	for (uint32_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];
		devices[i] = p->made ? p->device : s->e->rec.slices[p->spot].device;
	}
	return fabric_check(s->e, devices, s->n, reterr);
}

int pick_parts(struct engine *e, const struct claim *c, const struct policy_class *class,
	       struct picks *ret, struct err *reterr)
{
	_cleanup_(search_done) struct search s = { 0 };
	if (!e->have)
		return err_set(reterr, "engine.not-observed", EAGAIN,
			       "the machine is not looked at yet");
	struct resources left;
	resources_left(e, c, &left);
	if (!resources_allow_class(e, &left, class))
		return resources_refuse(e, &left, c, reterr);
	int r = search_make(e, c, class, &s);
	if (r >= 0)
		r = place(&s, place_at);
	if (r == 0)
		return refuse(&s, reterr);
	if (r > 0 && !is_within(&s, &left))
		return resources_refuse(e, &left, c, reterr);
	if (r > 0)
		r = check_fabric(&s, reterr);
	return r < 0 ? r : take(&s, ret);
}

static int whole_keep(struct search *s)
{
	struct part *made = reallocarray(s->made, s->n_made + s->n, sizeof(*made));
	if (!made)
		return -ENOMEM;
	s->made = made;
	for (uint32_t i = 0; i < s->n; i++)
		if (s->parts[i].made)
			s->made[s->n_made++] = s->parts[i];
		else
			s->spots[s->parts[i].spot].taken = true;
	return 0;
}

int engine_fit_parts(struct engine *e, const char *class, const char *tenant, uint32_t *ret)
{
	_cleanup_(search_done) struct search s = { 0 };
	struct claim nobody = { .slice = 0 };
	const struct policy_class *c = policy_class_find(e->policy, class);
	if (!c || c->n_parts == 0 || STR_COPY(nobody.tenant, tenant) < 0)
		return -ENOENT;
	memcpy(nobody.class, c->name, sizeof(nobody.class));
	*ret = 0;
	if (!e->have)
		return 0;
	int r = search_make(e, &nobody, c, &s);
	for (; r >= 0 && *ret < ENGINE_CLAIMS_MAX; (*ret)++) {
		r = place(&s, place_at);
		if (r <= 0)
			break;
		r = whole_keep(&s);
	}
	return r < 0 ? r : 0;
}

/* --- who makes way ----------------------------------------------------------------------------------------------------- */

static bool is_in(const uint64_t *ids, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static int kind_add(struct kind *k, size_t at)
{
	size_t *spots = reallocarray(k->spots, k->n + 1, sizeof(*spots));
	if (!spots)
		return -ENOMEM;
	k->spots = spots;
	k->spots[k->n++] = at;
	return 0;
}

/* Adds what comes by itself, or with gives_way, what others would have to give. */
static int way_add(struct search *s, bool gives_way, struct resources *left, const uint64_t *but,
		   size_t n_but)
{
	uint32_t priority = tenants_priority(s->e, s->claim);
	for (size_t i = 0; i < s->e->rec.n_slices; i++) {
		const struct slice *slice = &s->e->rec.slices[i];
		if (is_in(but, n_but, slice->id) ||
		    !(gives_way ? queue_gives_way(s->e, slice, priority)
				: queue_is_coming(s->e, slice)))
			continue;
		s->spots[i].gives_way = gives_way;
		for (uint32_t k = 0; k < s->class->n_parts; k++)
			if (pick_would_do(s->e, s->claim, s->kinds[k].class, left, slice) &&
			    kind_add(&s->kinds[k], i) < 0)
				return -ENOMEM;
	}
	return 0;
}

static const struct claim *holder_of(const struct search *s, size_t at)
{
	const struct claim *c = store_claim(s->e, s->e->rec.slices[at].claim);
	return c ? parts_whole(s->e, c) : NULL;
}

/* The youngest claim with slices here that were not opened yet; NULL: none. */
static const struct claim *youngest_here(const struct search *s)
{
	const struct claim *youngest = NULL;
	for (size_t i = 0; i < s->e->rec.n_slices; i++) {
		const struct spot *spot = &s->spots[i];
		if (!spot->gives_way || !spot->here || spot->open)
			continue;
		const struct claim *c = holder_of(s, i);
		if (c && (!youngest || c->arrival > youngest->arrival))
			youngest = c;
	}
	return youngest;
}

/* Without anybody's end if that will do; else of one claim more, the youngest first, until all is there. */
static int way_at(struct search *s, const char *where)
{
	const struct claim *c;
	int r = place_at(s, where);
	while (r >= 0 && unplaced(s) && (c = youngest_here(s))) {
		for (size_t i = 0; i < s->e->rec.n_slices; i++)
			if (s->spots[i].gives_way && s->spots[i].here && holder_of(s, i) == c)
				s->spots[i].open = true;
		for (uint32_t i = 0; i < s->n; i++)
			if (!is_placed(&s->parts[i]))
				part_place(s, i);
	}
	return r;
}

bool pick_parts_way(struct engine *e, const struct claim *c, const struct policy_class *class,
		    const uint64_t *but, size_t n_but, uint64_t *ret, size_t *ret_n)
{
	_cleanup_(search_done) struct search s = { 0 };
	struct resources left;
	resources_left(e, c, &left);
	if (search_make(e, c, class, &s) < 0 || way_add(&s, false, &left, but, n_but) < 0 ||
	    way_add(&s, true, &left, but, n_but) < 0 || place(&s, way_at) <= 0 ||
	    !is_within(&s, &left))
		return false;
	*ret_n = 0;
	for (uint32_t i = 0; i < s.n; i++) {
		const struct slice *slice = s.parts[i].made ? NULL
							    : &e->rec.slices[s.parts[i].spot];
		if (slice && slice->state != SLICE_READY)
			ret[(*ret_n)++] = slice->id;
	}
	return true;
}
