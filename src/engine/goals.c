/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a slice or a device still lacks: the record's state says the goal, the picture says what is
 * there, the mechanisms name the steps between. Nothing is changed here, and nothing of a sequence is
 * remembered, except which steps were just done and are not in the picture yet (or never will be: a
 * reset leaves no trace).
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "model/fields.h"

#define WAITS_SIZE 256

bool goal_is_unknown(const struct engine *e, const struct slice *s)
{
	const struct mech *m = goal_mech(e, s->mech);
	return m && m->unknown && m->unknown(e->have, s);
}

bool goal_has_mates(const struct engine *e, const struct slice *s)
{
	for (size_t i = 0; s->share && i < e->rec.n_slices; i++)
		if (e->rec.slices[i].id != s->id && slice_is_mate(&e->rec.slices[i], s))
			return true;
	return false;
}

bool goal_is_shared(struct engine *e, const struct slice *s)
{
	const struct mech *m = goal_mech(e, s->mech);
	const struct want *w = s->share ? store_want(e, s->device) : NULL;
	return (m && m->shared) || goal_has_mates(e, s) || (w && want_shares(w, s->profile));
}

const struct mech *goal_mech(const struct engine *e, const char *name)
{
	return mech_find(e->config.mechs, name);
}

void goal_offer(const struct engine *e, const struct have *h, const struct want *w,
		struct offer *ret)
{
	const struct mech *m = goal_mech(e, w->mech);
	*ret = (struct offer){ 0 };
	if (m && m->offer_as)
		m->offer_as(h, w, ret);
	else if (m)
		m->offer(h, w->device, ret);
}

bool goal_anew(const struct engine *e, const struct want *w)
{
	const struct mech *m = goal_mech(e, w->mech);
	return m && m->anew && m->anew(e->have, w);
}

const struct function *goal_find(const struct engine *e, const struct slice *s, bool *ret_found)
{
	const struct mech *m = goal_mech(e, s->mech);
	*ret_found = false;
	return m && e->have ? m->find(e->have, s, ret_found) : NULL;
}

bool goal_stable(const struct slice *s)
{
	switch ((enum slice_state)s->state) {
	case SLICE_READY:
	case SLICE_HELD:
	case SLICE_QUARANTINED:
	case SLICE_LOST:
		return true;
	case SLICE_WANTED:
	case SLICE_PREPARING:
	case SLICE_RECLAIMING:
	case SLICE_REMOVING:
		return false;
	}
	return true;
}

bool goal_held(const struct engine *e, const struct slice *s)
{
	bool counts = s->state == SLICE_HELD || s->state == SLICE_RECLAIMING ||
		      s->state == SLICE_QUARANTINED || (s->state == SLICE_PREPARING && s->dirty);
	bool found;
	(void)goal_find(e, s, &found);
	return counts && found;
}

int goal_slices_of(const struct engine *e, const char *device, const char *mech, struct slice **ret,
		   size_t *ret_n)
{
	size_t n = 0;
	struct slice *slices = reallocarray(NULL, e->rec.n_slices + 1, sizeof(*slices));
	if (!slices)
		return -ENOMEM;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (str_eq(s->device, device) && str_eq(s->mech, mech))
			slices[n++] = *s;
	}
	*ret = slices;
	*ret_n = n;
	return 0;
}

/* --- is it wanted -------------------------------------------------------------------------------- */

int goal_type(const struct want *w, const char *type)
{
	for (uint32_t i = 0; i < w->n_types; i++)
		if (str_eq(w->types[i], type))
			return (int)i;
	return -1;
}

bool goal_names(const struct want *w, const char *type)
{
	return goal_type(w, type) >= 0;
}

/* Which of the shares of a part it is; what is not shared is the first. */
static uint32_t share_of(const struct slice *s)
{
	return s->share ? s->share : 1;
}

static uint32_t type_wanted(const struct want *w, const char *type)
{
	int i = goal_type(w, type);
	return i < 0 ? 0 : w->type_count[i];
}

/* Slices of the same type that stay: older ones come first, so that one rule picks the same ones. */
static uint32_t rank(const struct engine *e, const struct slice *s)
{
	uint32_t n = 0;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *o = &e->rec.slices[i];
		if (o->id != s->id && str_eq(o->device, s->device) && str_eq(o->mech, s->mech) &&
		    str_eq(o->profile, s->profile) && share_of(o) == share_of(s) && !o->on_demand &&
		    !o->adopted && o->state != SLICE_REMOVING && o->state != SLICE_QUARANTINED)
			n += o->id < s->id || o->claim[0];
	}
	return n;
}

bool goal_wanted(struct engine *e, const struct slice *s)
{
	const struct want *w = store_want(e, s->device);
	if (s->warm)
		return warm_wanted(e, s);
	if (!w || s->on_demand || !str_eq(w->mech, s->mech))
		return false;
	if (s->adopted)
		return goal_names(w, s->profile);
	if (s->alone && share_of(s) > 1 && share_of(s) > want_shares(w, s->profile))
		return false;
	if (s->alone)
		return rank(e, s) < type_wanted(w, s->profile);
	return s->index < 0 || (uint32_t)s->index < w->count;
}

/* --- from a plan to the next step ------------------------------------------------------------------ */

static bool settings_eq(const struct vf_settings *a, const struct vf_settings *b)
{
	return fields_same(FIELDS_SETTINGS, a, b);
}

static bool step_same(const struct step *a, const struct step *b)
{
	return a->verb == b->verb && target_eq(&a->target, &b->target) && a->flag == b->flag &&
	       a->number == b->number && a->number2 == b->number2 && a->number3 == b->number3 &&
	       settings_eq(&a->vf, &b->vf) && str_eq(a->text, b->text);
}

static const struct done_step *done_find(const struct engine *e, const struct step *s,
					 uint64_t slice)
{
	for (size_t i = 0; i < e->state.n_dones; i++)
		if (e->state.dones[i].slice == slice && step_same(&e->state.dones[i].step, s))
			return &e->state.dones[i];
	return NULL;
}

/* Steps whose effect no picture shows: done once is done. */
static bool leaves_no_trace(const struct step *s)
{
	return s->verb == VERB_RESET || s->verb == VERB_MODULE_LOAD || s->verb == VERB_PIN_POWER;
}

static int not_seen(const struct engine *e, const struct step *s, struct err *reterr)
{
	char text[512];
	if (step_describe(s, e->have, text, sizeof(text)) < 0)
		(void)STR_COPY(text, verb_name((enum verb)s->verb));
	err_set(reterr, "engine.no-effect", EIO, "no effect: %s", text);
	mech_err_on(reterr, e->have, NULL, &s->target);
	err_because(reterr,
		    "the step reported success, but the machine does not show it after %d s",
		    ENGINE_SEEN_MS / 1000);
	err_state(reterr, "what is shown by carve list is what is there");
	err_todo(reterr, "see whether something else manages that device: carve doctor");
	return -EIO;
}

static int next_of(struct engine *e, const struct plan *p, uint64_t slice, struct work *ret,
		   char *waits, struct err *reterr)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct done_step *d = done_find(e, &p->steps[i], slice);
		if (d && leaves_no_trace(&p->steps[i]))
			continue;
		if (d && e->now - d->at >= ENGINE_SEEN_MS)
			return not_seen(e, &p->steps[i], reterr);
		if (d) {
			reason_set(waits, WAITS_SIZE, "the machine to show what was done");
			return -EAGAIN;
		}
		*ret = (struct work){ .step = p->steps[i], .slice = slice };
		return 1;
	}
	return 0;
}

/* --- goals by state --------------------------------------------------------------------------------- */

static int wanted_plan(struct engine *e, const struct mech *m, const struct want *w,
		       const struct slice *s, struct plan *p, struct err *reterr)
{
	bool found;
	int r = m->make_steps(e->have, w, s, p, reterr);
	const struct function *f = m->find(e->have, s, &found);
	if (r < 0 || p->n > 0 || !m->binds || !w || !f || reclaim_stays_away(e, s))
		return r;
	if (w->bind_early)
		return vfio_bind_steps(e->have, s, f, NULL, p, reterr);
	/* An earlier policy had it bound ahead; what data it holds is not this step's matter. */
	struct slice clean = *s;
	clean.dirty = 0;
	return vfio_release_steps(e->have, &clean, f, false, p, reterr);
}

bool engine_unsafe_acs_override(const struct engine *e)
{
	return e->config.acs_override && policy_accepts(e->policy, RISK_ACS_OVERRIDE);
}

int goal_group_check(const struct engine *e, const struct function *f, const struct claim *c,
		     struct err *reterr)
{
	const struct vfio_record r = {
		.have = e->have,
		.mechs = e->config.mechs,
		.wants = e->rec.wants,
		.n_wants = e->rec.n_wants,
		.slices = e->rec.slices,
		.n_slices = e->rec.n_slices,
		.claims = e->rec.claims,
		.n_claims = e->rec.n_claims,
	};
	return vfio_group_check(&r, f, c, reterr);
}

int goal_isolated(struct engine *e, const struct function *f, const struct claim *c,
		  struct err *reterr)
{
	if (!fabric_allows(e, f, c))
		return vfio_fabric_refuse(e->have, f, NULL, reterr);
	if (e->config.acs_override && !engine_unsafe_acs_override(e))
		return vfio_group_distrust(f, reterr);
	return goal_group_check(e, f, c, reterr);
}

static int bind_plan(struct engine *e, const struct slice *s, const struct function *f,
		     const struct claim *c, struct plan *p, struct err *reterr)
{
	int r = goal_isolated(e, f, c, reterr);
	return r < 0 ? r : vfio_bind_steps(e->have, s, f, c, p, reterr);
}

static int preparing_plan(struct engine *e, const struct mech *m, const struct want *w,
			  const struct slice *s, struct plan *p, struct err *reterr)
{
	const struct claim *c = store_claim(e, s->claim);
	if (!c)
		return -ENOENT;
	bool found;
	const struct function *f = m->find(e->have, s, &found);
	if (s->unproven && found)
		return m->unmake_steps(e->have, s, p, reterr);
	int r = m->make_steps(e->have, w, s, p, reterr);
	if (r < 0 || p->n > 0)
		return r;
	r = m->claim_steps(e->have, w, s, c, p, reterr);
	if (r < 0)
		return r;
	if (m->for_containers)
		return 0;
	if (!m->binds)
		return vfio_grant_steps(e->have, s, c, p, reterr);
	return f ? bind_plan(e, s, f, c, p, reterr) : -ENODEV;
}

static bool stays_bound(struct engine *e, const struct want *w, const struct slice *s)
{
	return w && w->bind_early && goal_wanted(e, s);
}

static int reclaiming_plan(struct engine *e, const struct mech *m, const struct want *w,
			   const struct slice *s, const struct function *f, struct plan *p,
			   struct err *reterr)
{
	int r = m->reclaim_steps(e->have, w, s, p, reterr);
	/* What cannot be proven clean goes to no driver of the host: it stays where it is. */
	bool stays = reclaim_stays_away(e, s) || stays_bound(e, w, s);
	if (r >= 0)
		r = vfio_release_steps(e->have, s, m->binds ? f : NULL, stays, p, reterr);
	if (r >= 0 && !m->binds && !goal_is_shared(e, s) &&
	    (s->dirty || s->on_demand || !goal_wanted(e, s)))
		r = m->unmake_steps(e->have, s, p, reterr);
	return r;
}

static int wait_for(char *waits, const char *text)
{
	reason_set(waits, WAITS_SIZE, "%s", text);
	return -EAGAIN;
}

/* Look first whether the consumer is gone: signals only prompt that, the kernel decides (F42). */
static int check_first(struct engine *e, const struct slice *s, struct work *ret, char *waits)
{
	struct slice_state_volatile *v = state_slice(e, s->id);
	if (!v || v->check == CHECK_GONE)
		return v ? 0 : -ENOMEM;
	if (v->check == CHECK_ASKED || e->now < v->retry_at)
		return wait_for(waits, v->waits[0] ? v->waits : "the look who uses it");
	*ret = work_look_at(e, s);
	/* It is being taken back: nobody may begin to use it now. */
	ret->step.flag = 1;
	return 1;
}

static int reclaiming_goal(struct engine *e, const struct mech *m, const struct want *w,
			   const struct slice *s, struct work *ret, char *waits, struct err *reterr)
{
	bool found;
	const struct function *f = m->find(e->have, s, &found);
	if (goal_is_unknown(e, s))
		return wait_for(waits, "the driver of its device to answer");
	if (!found)
		return slice_is_whole(s) && s->dirty
			       ? wait_for(waits, "its device is gone; it is reset when it is back")
			       : 0;
	int r = s->dirty && !goal_is_shared(e, s) ? check_first(e, s, ret, waits) : 0;
	if (r != 0)
		return r;
	_cleanup_(plan_done) struct plan p = { 0 };
	r = reclaiming_plan(e, m, w, s, f, &p, reterr);
	return r < 0 ? r : next_of(e, &p, s->id, ret, waits, reterr);
}

/* The device goes back to what it was before carve divided it so, unless the policy still has it divided so. */
static int leave_goal(struct engine *e, const struct mech *m, const struct slice *s,
		      struct work *ret, char *waits, struct err *reterr)
{
	const struct want *w = store_want(e, s->device);
	_cleanup_(plan_done) struct plan p = { 0 };
	if (!m->leave_steps || !s->opened || (w && str_eq(w->mech, s->mech)))
		return 0;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *o = &e->rec.slices[i];
		if (o->id != s->id && str_eq(o->device, s->device) && str_eq(o->mech, s->mech))
			return 0;
	}
	int r = m->leave_steps(e->have, s->device, s->opened, &p, reterr);
	return r < 0 ? r : next_of(e, &p, s->id, ret, waits, reterr);
}

/* It, or something that was made for it. */
static bool may_be_made(const struct slice *s)
{
	return s->asked || s->known_as[0];
}

bool goal_is_made(const struct have *h, const struct mech *m, const struct slice *s)
{
	bool found;
	_cleanup_err_ struct err err = { 0 };
	_cleanup_(plan_done) struct plan p = { 0 };
	(void)m->find(h, s, &found);
	return found || (may_be_made(s) && m->unmake_steps(h, s, &p, &err) >= 0 && p.n > 0);
}

static int removing_goal(struct engine *e, const struct mech *m, const struct slice *s,
			 struct work *ret, char *waits, struct err *reterr)
{
	bool found;
	_cleanup_(plan_done) struct plan p = { 0 };
	/* The last of the shares takes what they shared with it. */
	if (goal_has_mates(e, s))
		return 0;
	(void)m->find(e->have, s, &found);
	if (goal_is_unknown(e, s))
		return wait_for(waits, "the driver of its device to answer");
	/* What is half made is not there, and it goes all the same. */
	int r = found || may_be_made(s) ? m->unmake_steps(e->have, s, &p, reterr) : 0;
	if (r < 0)
		return r;
	if ((!found && p.n == 0) || m->shared)
		return leave_goal(e, m, s, ret, waits, reterr);
	r = next_of(e, &p, s->id, ret, waits, reterr);
	if (r == 0 && !slice_is_whole(s))
		return wait_for(waits, "the layout of its device to change");
	return r;
}

/* Slices of another mechanism, which must be gone before this one can have the device. */
static bool other_mechanism(const struct engine *e, const struct slice *s)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *o = &e->rec.slices[i];
		if (str_eq(o->device, s->device) && !str_eq(o->mech, s->mech) &&
		    (o->state == SLICE_REMOVING || o->state == SLICE_RECLAIMING || o->claim[0]))
			return true;
	}
	return false;
}

/* One that begins in the same place is still on its way out: what is seen there is not this one. */
static bool place_is_left(const struct engine *e, const struct slice *s)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *o = &e->rec.slices[i];
		const struct target a = slice_target(o), b = slice_target(s);
		if (o != s && slice_is_part(o) && o->state == SLICE_REMOVING && target_eq(&a, &b))
			return true;
	}
	return false;
}

static int present_goal(struct engine *e, const struct mech *m, const struct want *w,
			const struct slice *s, struct work *ret, char *waits, struct err *reterr)
{
	_cleanup_(plan_done) struct plan p = { 0 };
	if (other_mechanism(e, s))
		return wait_for(waits, "slices of another kind on that device to go");
	if (s->on_demand && warm_goes(e, s->device))
		return wait_for(waits, "a slice that was made ahead to make way");
	if (slice_is_part(s) && place_is_left(e, s))
		return wait_for(waits, "what was there before to go");
	bool found;
	(void)m->find(e->have, s, &found);
	/* When it was adopted nobody used it; that may have been long ago. */
	int r = s->state == SLICE_PREPARING && s->unproven && found ? check_first(e, s, ret, waits)
								    : 0;
	if (r != 0)
		return r;
	r = s->state == SLICE_PREPARING ? preparing_plan(e, m, w, s, &p, reterr)
					: wanted_plan(e, m, w, s, &p, reterr);
	if (r == -EAGAIN) {
		(void)wait_for(waits, "the machine to show what was done");
		return -EINPROGRESS;
	}
	return r < 0 ? r : next_of(e, &p, s->id, ret, waits, reterr);
}

/* Another card in that place than the policy was applied to: nothing is made of it (F23). */
static int want_check(const struct engine *e, const struct want *w, struct err *reterr)
{
	const struct function *f = w ? have_device(e->have, w->device) : NULL;
	if (!f || !w->vendor)
		return 0;
	bool ids = want_has_ids_of(w, f);
	if (ids && want_has_serial_of(w, f))
		return 0;
	err_set(reterr, "guard.mismatch", EPERM,
		"another device is there than the policy was applied to");
	err_on(reterr, "%s (policy %s)", f->addr, w->where);
	if (ids)
		err_because(reterr, "its serial number is another one");
	else
		err_because(reterr, "it is %04x:%04x, and was %04x:%04x", f->vendor, f->device,
			    w->vendor, w->device_id);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "if that is right: carve apply");
	return -EPERM;
}

int goal_slice(struct engine *e, const struct slice *s, struct work *ret, char *waits,
	       struct err *reterr)
{
	int r;
	const struct mech *m = goal_mech(e, s->mech);
	const struct want *w = store_want(e, s->device);
	if (!m)
		return err_set(reterr, "engine.no-mechanism", ENOSYS,
			       "this carve has no mechanism %s", s->mech);
	if (w && !str_eq(w->mech, s->mech))
		w = NULL;
	switch ((enum slice_state)s->state) {
	case SLICE_WANTED:
	case SLICE_PREPARING:
		r = want_check(e, store_want(e, s->device), reterr);
		return r < 0 ? r : present_goal(e, m, w, s, ret, waits, reterr);
	case SLICE_RECLAIMING:
		return reclaiming_goal(e, m, w, s, ret, waits, reterr);
	case SLICE_REMOVING:
		return removing_goal(e, m, s, ret, waits, reterr);
	case SLICE_READY:
	case SLICE_HELD:
	case SLICE_QUARANTINED:
	case SLICE_LOST:
		break;
	}
	return 0;
}

/* --- the layout of a device -------------------------------------------------------------------------- */

/* Which mechanism has to change the device: what is to go first, then what is to come. */
static const struct slice *layout_slice(const struct engine *e, const char *device)
{
	const struct slice *coming = NULL;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (!str_eq(s->device, device) || s->alone)
			continue;
		if (s->state == SLICE_REMOVING)
			return s;
		if (s->state == SLICE_WANTED || (s->state == SLICE_PREPARING && !s->dirty))
			coming = s;
	}
	return coming;
}

bool goal_layout_needed(struct engine *e, const char *device)
{
	return layout_slice(e, device) != NULL;
}

/* What a plan made before there were VFs says about each of them is performed, though some of it may
 * turn out to be so already: so that apply performs what plan prints. */
static int fresh_next(struct engine *e, const struct mech *m, const struct want *w,
		      const struct slice *slices, size_t n, struct work *ret, struct err *reterr)
{
	struct device_state *d = state_device(e, w->device);
	_cleanup_(plan_done) struct plan p = { 0 };
	if (!d || !d->fresh)
		return 0;
	struct have unknown = *e->have;
	unknown.vfs = NULL;
	unknown.n_vfs = 0;
	int r = m->layout_steps(&unknown, w, slices, n, false, &p, reterr);
	for (size_t i = 0; r >= 0 && i < p.n; i++) {
		if (p.steps[i].verb == VERB_SET_VFS)
			break; /* they are gone again */
		if (p.steps[i].target.vf < d->fresh_vf)
			continue;
		*ret = (struct work){ .step = p.steps[i] };
		return 1;
	}
	d->fresh = false;
	return r < 0 ? r : 0;
}

int goal_layout(struct engine *e, const char *device, struct work *ret, char *waits,
		struct err *reterr)
{
	const struct slice *cause = layout_slice(e, device);
	const struct mech *m = cause ? goal_mech(e, cause->mech) : NULL;
	if (!m)
		return 0;
	/* A device is not cut while somebody has it, or is about to have it, in another way. */
	if (cause->state != SLICE_REMOVING && other_mechanism(e, cause))
		return wait_for(waits, "slices of another kind on that device to go");
	const struct want *w = store_want(e, device);
	int r = cause->state == SLICE_WANTED ? want_check(e, w, reterr) : 0;
	if (r < 0)
		return r;
	struct want none = { 0 };
	if (!w || !str_eq(w->mech, cause->mech)) {
		/* Nothing of that mechanism is wanted there any more. */
		(void)STR_COPY(none.device, device);
		(void)STR_COPY(none.mech, cause->mech);
		w = &none;
	}
	_cleanup_free_ struct slice *slices = NULL;
	size_t n;
	if (goal_slices_of(e, device, cause->mech, &slices, &n) < 0)
		return -ENOMEM;
	bool held = false;
	for (size_t i = 0; i < n; i++)
		held = held || goal_held(e, &slices[i]);
	_cleanup_(plan_done) struct plan p = { 0 };
	r = fresh_next(e, m, w, slices, n, ret, reterr);
	if (r != 0)
		return r;
	r = m->layout_steps(e->have, w, slices, n, held, &p, reterr);
	return r < 0 ? r : next_of(e, &p, 0, ret, waits, reterr);
}
