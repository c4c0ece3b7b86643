/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Can a device become what a policy wants of it? All slices of a layout are placed together, so the
 * order in which they are written does not matter; of what cannot be placed it is said which exclude
 * each other (F17).
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "place/set.h"

#define MEMBERS_MAX 255

/* What others made of the device: no layout changes that. */
static void others_use(struct engine *e, const struct have *h, const struct want *w,
		       struct offer *o)
{
	const struct mech *m = goal_mech(e, w->mech);
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		int profile = capacity_find(&o->kind, s->profile);
		if (!str_eq(s->device, w->device) || !str_eq(s->mech, w->mech) || profile < 0 ||
		    store_is_counted(e, s))
			continue;
		if (capacity_has(&o->kind, &o->use, (uint32_t)profile, s->start) &&
		    goal_is_made(h, m, s))
			capacity_remove(&o->kind, &o->use, (uint32_t)profile, s->start);
	}
}

/* --- messages ------------------------------------------------------------------------------------------ */

static void names_add(struct str_buf *b, const char *name)
{
	str_buf_addf(b, "%s%s", b->len ? ", " : "", name);
}

static int refuse_unknown(const struct have *h, const struct want *w, const struct offer *o,
			  const char *profile, struct err *reterr)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, w->device);
	for (uint32_t i = 0; i < o->kind.n_profiles; i++)
		names_add(&b, o->kind.profiles[i].name);
	if (o->kind.n_profiles == 0)
		err_set(reterr, "policy.cannot", EOPNOTSUPP, "the device cannot be divided as %s",
			w->mech);
	else
		err_set(reterr, "policy.cannot", EOPNOTSUPP,
			"the device offers no %s profile \"%s\"", w->mech, profile);
	mech_err_on(reterr, h, w, &t);
	if (o->kind.n_profiles)
		err_because(reterr, "it offers: %.400s", b.text);
	else
		err_because(reterr, "its driver or its kind is not known to offer that");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "%s",
		 o->kind.n_profiles ? "name one of these"
				    : "divide it another way, or match other devices");
	return -EOPNOTSUPP;
}

/* "3g.40gb twice, 4g.40gb": the members that are in conflict. */
static void list_conflict(const struct capacity *k, const struct place_member *members, size_t n,
			  struct str_buf *ret)
{
	for (uint32_t p = 0; p < k->n_profiles; p++) {
		unsigned times = 0;
		for (size_t i = 0; i < n; i++)
			times += members[i].in_conflict && members[i].profile == p;
		if (times)
			str_buf_addf(ret, "%s%u x %s", ret->len ? ", " : "", times,
				     k->profiles[p].name);
	}
}

static int refuse_conflict(const struct have *h, const struct want *w, const struct offer *o,
			   const struct place_member *members, size_t n, struct err *reterr)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, w->device);
	list_conflict(&o->kind, members, n, &b);
	err_set(reterr, "layout.conflict", ENOSPC, "the layout does not fit on one device");
	mech_err_on(reterr, h, w, &t);
	err_because(reterr, "these exclude each other: %.400s", b.text ? b.text : "");
	err_because(reterr,
		    "without any one of them the others could be placed, in whatever order");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "take one of them out of the layout, or put it on another device");
	return -ENOSPC;
}

static int refuse_effort(const struct have *h, const struct want *w, struct err *reterr)
{
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, w->device);
	err_set(reterr, "layout.effort", E2BIG, "whether the layout fits could not be found out");
	mech_err_on(reterr, h, w, &t);
	err_because(reterr, "it has too many different profiles for an exact answer");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "name fewer profiles");
	return -E2BIG;
}

/* --- the set ----------------------------------------------------------------------------------------------- */

struct members {
	struct place_member *of;
	size_t n;
};

static int members_add(struct members *m, uint32_t profile, uint32_t n)
{
	struct place_member *more = reallocarray(m->of, m->n + n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	m->of = more;
	for (uint32_t i = 0; i < n; i++)
		m->of[m->n++] = (struct place_member){ .profile = profile };
	return 0;
}

/* Where nothing takes slots, nothing but sums and exclusions counts: one after the other is exact. */
static bool sum_fits(const struct offer *o, struct members *m)
{
	struct capacity_use use = o->use;
	for (size_t i = 0; i < m->n; i++) {
		m->of[i].start = 0;
		if (!capacity_starts(&o->kind, &use, m->of[i].profile)) {
			for (size_t k = 0; k <= i; k++)
				m->of[k].in_conflict = true;
			return false;
		}
		capacity_add(&o->kind, &use, m->of[i].profile, 0);
	}
	return true;
}

/* 1: they fit, and have their starts. 0: they do not, and which conflict is marked. */
static int fits(const struct offer *o, struct members *m)
{
	enum place_set_answer answer;
	bool slots = false;
	for (size_t i = 0; i < m->n; i++)
		slots = slots || o->kind.profiles[m->of[i].profile].size;
	if (!slots)
		return sum_fits(o, m);
	if (m->n > MEMBERS_MAX)
		return -E2BIG;
	int r = place_set(&o->kind, &o->use, 1, m->of, m->n, PLACE_SET_EFFORT, &answer);
	if (r < 0)
		return r;
	return answer == PLACE_SET_TOO_HARD ? -E2BIG : answer == PLACE_SET_FITS;
}

/* How many of a profile fit beside the members, which do. */
static int count_fill(const struct offer *o, const struct members *m, uint32_t profile,
		      uint32_t *ret)
{
	uint32_t most = capacity_more(&o->kind, &o->use, profile);
	for (uint32_t n = most; n > 0; n--) {
		struct members all = { 0 };
		int r = members_add(&all, 0, (uint32_t)m->n);
		if (r >= 0 && m->n)
			memcpy(all.of, m->of, m->n * sizeof(*m->of));
		if (r >= 0)
			r = members_add(&all, profile, n);
		if (r >= 0)
			r = fits(o, &all);
		free(all.of);
		if (r < 0)
			return r;
		if (r) {
			*ret = n;
			return 0;
		}
	}
	*ret = 0;
	return 0;
}

static int layout_members(const struct have *h, const struct want *w, const struct offer *o,
			  struct members *m, struct err *reterr)
{
	for (uint32_t i = 0; i < w->n_types; i++) {
		int profile = capacity_find(&o->kind, w->types[i]);
		if (profile < 0)
			return refuse_unknown(h, w, o, w->types[i], reterr);
		if (members_add(m, (uint32_t)profile, w->type_count[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int layout_check(const struct have *h, const struct want *w, const struct offer *o,
			const char *fill, struct members *m, uint32_t *ret_fill, struct err *reterr)
{
	int r = layout_members(h, w, o, m, reterr);
	if (r < 0)
		return r;
	int profile = fill[0] ? capacity_find(&o->kind, fill) : 0;
	if (profile < 0 || o->kind.n_profiles == 0)
		return refuse_unknown(h, w, o, fill, reterr);
	r = fits(o, m);
	if (r == 0)
		return refuse_conflict(h, w, o, m->of, m->n, reterr);
	if (r > 0)
		r = fill[0] ? count_fill(o, m, (uint32_t)profile, ret_fill) : 0;
	return r == -E2BIG ? refuse_effort(h, w, reterr) : r;
}

void layout_offer(struct engine *e, const struct have *h, const struct want *w, struct offer *ret)
{
	goal_offer(e, h, w, ret);
	others_use(e, h, w, ret);
}

int engine_layout(struct engine *e, const struct have *h, const struct want *w, const char *fill,
		  uint32_t *ret_fill, struct err *reterr)
{
	struct offer o;
	struct members members = { 0 };
	*ret_fill = 0;
	layout_offer(e, h, w, &o);
	int r = layout_check(h, w, &o, fill, &members, ret_fill, reterr);
	free(members.of);
	return r < 0 && !err_is_set(reterr)
		       ? err_set(reterr, "engine.memory", -r, "cannot lay out %s", w->device)
		       : r;
}

/* What is neither named nor counted in types is one of a kind: the function itself, VFs. */
static int fixed_members(const struct want *w, const struct offer *o, struct members *m)
{
	uint32_t n = str_eq(w->mech, "sriov") ? w->count : 1;
	return o->kind.n_profiles ? members_add(m, 0, n) : 0;
}

int layout_place(struct engine *e, const struct want *w, struct offer *ret,
		 struct place_member **ret_members, size_t *ret_n, struct err *reterr)
{
	uint32_t unused = 0;
	struct members members = { 0 };
	layout_offer(e, e->have, w, ret);
	int r = w->n_types ? layout_check(e->have, w, ret, "", &members, &unused, reterr)
			   : fixed_members(w, ret, &members);
	if (r < 0) {
		free(members.of);
		return err_is_set(reterr) ? r
					  : err_set(reterr, "engine.memory", -r,
						    "cannot lay out %s", w->device);
	}
	*ret_members = members.of;
	*ret_n = members.n;
	return 0;
}
