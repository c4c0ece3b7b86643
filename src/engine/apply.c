/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy becomes wants, wants become slices. Each device is accepted or refused on its own: one whose
 * change would destroy what somebody holds keeps its old want, the others go on (F05). The same code
 * puts a device back when its new layout fails, so A -> B -> A is only ever one kind of change (F15).
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "model/fields.h"

/* --- slices of one device ------------------------------------------------------------------------------ */

static bool has_index(const struct engine *e, const struct want *w, int32_t index)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (s->index == index && str_eq(s->device, w->device) && str_eq(s->mech, w->mech))
			return true;
	}
	return false;
}

static uint32_t count_type(const struct engine *e, const struct want *w, const char *type)
{
	uint32_t n = 0;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		n += !s->on_demand && s->state != SLICE_REMOVING && s->state != SLICE_QUARANTINED &&
		     str_eq(s->device, w->device) && str_eq(s->mech, w->mech) &&
		     str_eq(s->profile, type);
	}
	return n;
}

static void add_types(struct engine *e, const struct want *w)
{
	for (uint32_t t = 0; t < w->n_types; t++)
		for (uint32_t n = count_type(e, w, w->types[t]); n < w->type_count[t]; n++)
			(void)store_slice_add_alone(e, w, w->types[t], 0);
}

/* There were not VFs enough while those of another layout still had theirs. */
void apply_fill(struct engine *e, const char *device, const char *mech)
{
	const struct want *w = store_want(e, device);
	const struct mech *m = w ? goal_mech(e, w->mech) : NULL;
	bool missing = false;
	if (!m || m->names != NAMES_VF || !str_eq(w->mech, mech))
		return;
	for (uint32_t t = 0; t < w->n_types; t++)
		missing = missing || count_type(e, w, w->types[t]) < w->type_count[t];
	if (missing && !slots_apply(e, w))
		add_types(e, w);
}

static void add_missing(struct engine *e, const struct want *w)
{
	if (w->n_types > 0) {
		add_types(e, w);
		return;
	}
	if (str_eq(w->mech, "passthrough")) {
		struct slice *s = has_index(e, w, -1) ? NULL : store_slice_add(e, w, "passthrough");
		if (s && w->bind_early)
			work_note_original(e, s);
		return;
	}
	for (uint32_t i = 0; i < w->count; i++) {
		struct slice *s = has_index(e, w, (int32_t)i) ? NULL : store_slice_add(e, w, "vf");
		if (s)
			s->index = (int32_t)i;
	}
}

/* A free slice: wanted, going, or left where it is. */
static void place(struct engine *e, const struct slice *found, bool anew, bool destroy)
{
	bool wanted = goal_wanted(e, found) && !(anew && found->alone);
	bool other = store_want(e, found->device) != NULL;
	if (!wanted && ((!other && !destroy) || (found->state == SLICE_LOST && found->dirty)))
		return;
	struct slice *s = store_slice_edit(e, found->id);
	if (!s)
		return;
	enum slice_state next = wanted ? SLICE_WANTED : SLICE_REMOVING;
	if (s->state != next)
		state_slice_forget(e, s->id);
	s->state = next;
	s->failed = 0;
	s->reason[0] = '\0';
	const struct want *w = store_want(e, s->device);
	if (wanted && w->bind_early)
		work_note_original(e, s);
}

/* Free for one account only, by a rule that is no more: proven now, as after a use. */
static bool is_kept_no_more(struct engine *e, const struct slice *s)
{
	bool found;
	(void)goal_find(e, s, &found);
	return found && s->state == SLICE_READY && s->dirty && reclaim_proof(e, s) != PROOF_KEPT;
}

static bool is_free(const struct slice *s)
{
	return !s->claim[0] && (s->state == SLICE_READY || s->state == SLICE_WANTED ||
				s->state == SLICE_LOST || s->state == SLICE_REMOVING);
}

void apply_device(struct engine *e, const char *device, const struct want *w, bool destroy)
{
	bool placed = w && slots_apply(e, w), anew = w && goal_anew(e, w);
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (!str_eq(s->device, device) || !is_free(s) || (placed && slots_has(w, s)))
			continue;
		struct slice *edit = is_kept_no_more(e, s) ? store_slice_edit(e, s->id) : NULL;
		if (edit)
			reclaim_begin(e, edit);
		else
			place(e, s, anew, destroy);
	}
	if (w && !placed)
		add_missing(e, w);
	state_dones_clear_all(e, device);
}

void apply_want_set(struct engine *e, const char *device, const struct want *w)
{
	size_t n = 0;
	struct want *wants = calloc(e->rec.n_wants + 1, sizeof(*wants));
	if (!wants) {
		e->failed = true;
		return;
	}
	bool put = false;
	for (size_t i = 0; i < e->rec.n_wants; i++) {
		bool here = str_eq(e->rec.wants[i].device, device);
		if (!here)
			wants[n++] = e->rec.wants[i];
		else if (w)
			wants[n++] = *w;
		put = put || here;
	}
	if (w && !put)
		wants[n++] = *w;
	store_wants_set(e, wants, n);
}

/* --- is the change possible --------------------------------------------------------------------------------- */

static bool in_policy(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_reservations; i++)
		if (str_eq(p->reservations[i].name, name))
			return true;
	return false;
}

/* Slices of reservations that the policy has no more: a change of their devices waits until these ended. */
struct ending {
	uint64_t *slices;
	size_t n;
};

static int ending_find(const struct engine *e, const struct policy *p, struct ending *ret)
{
	ret->slices = calloc(e->rec.n_claims + 1, sizeof(*ret->slices));
	if (!ret->slices)
		return -ENOMEM;
	for (size_t i = 0; i < e->rec.n_claims; i++) {
		const struct claim *c = &e->rec.claims[i], *whole = parts_whole(e, c);
		if (whole && whole->from_policy && c->slice && !in_policy(p, whole->name))
			ret->slices[ret->n++] = c->slice;
	}
	return 0;
}

static bool ending_has(const struct ending *d, const struct slice *s)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->slices[i] == s->id)
			return true;
	return false;
}

static int refuse_kind(struct engine *e, const struct ending *ending, const struct want *w,
		       struct err *reterr)
{
	bool any = false;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (!str_eq(s->device, w->device) || str_eq(s->mech, w->mech) ||
		    !(s->claim[0] || goal_held(e, s)) || ending_has(ending, s))
			continue;
		if (!any)
			err_set(reterr, "apply.held", EBUSY, "cannot change from %s to %s", s->mech,
				w->mech);
		any = true;
		err_because(reterr, "%s %s%s%s",
			    slice_is_part(s) ? "a part of it is"
			    : s->index >= 0  ? "a VF of it is"
					     : "it is",
			    slice_state_name((enum slice_state)s->state),
			    s->claim[0] ? " by claim " : "", s->claim);
	}
	if (!any)
		return 0;
	err_on(reterr, "%s (policy %s)", w->device, w->where);
	err_state(reterr, "nothing was changed on that device");
	err_todo(reterr, "release these claims, then: carve apply");
	return -EBUSY;
}

static int accept(struct engine *e, const struct request *rq, const struct ending *ending,
		  const struct want *w, struct err *reterr)
{
	const struct mech *m = goal_mech(e, w->mech);
	if (!m)
		return err_set(reterr, "engine.no-mechanism", ENOSYS,
			       "this carve has no mechanism %s", w->mech);
	const struct device_state *d = state_device(e, w->device);
	if (d && d->stuck[0]) {
		err_set(reterr, "apply.stuck", EBUSY, "cannot change %s", w->device);
		err_on(reterr, "%s", w->device);
		err_because(reterr, "%s", d->stuck);
		err_state(reterr, "nothing was changed on that device");
		return -EBUSY;
	}
	if (fabric_needs(e, w) && !policy_accepts(rq->policy, RISK_NVSWITCH) &&
	    !fabric_is_wanted(e, rq->wants, rq->n_wants))
		return vfio_fabric_refuse(e->have, have_device(e->have, w->device), w, reterr);
	int r = refuse_kind(e, ending, w, reterr);
	if (r < 0)
		return r;
	_cleanup_free_ struct slice *slices = NULL;
	size_t n;
	if (goal_slices_of(e, w->device, w->mech, &slices, &n) < 0)
		return -ENOMEM;
	bool held = false;
	for (size_t i = 0; i < n; i++) {
		if (ending_has(ending, &slices[i])) {
			slices[i].claim[0] = '\0';
			slices[i].state = SLICE_READY;
		}
		held = held || goal_held(e, &slices[i]);
	}
	_cleanup_(plan_done) struct plan p = { 0 };
	r = slots_check(e, w, slices, n, reterr);
	if (r >= 0)
		r = m->layout_steps(e->have, w, slices, n, held, &p, reterr);
	/* What is not there yet is waited for, not refused. */
	return r == -ENODEV || r == -EAGAIN ? 0 : r;
}

/* --- all wants ------------------------------------------------------------------------------------------------ */

static const struct want *want_in(const struct want *wants, size_t n, const char *device)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(wants[i].device, device))
			return &wants[i];
	return NULL;
}

static bool in_scope(const struct request *rq, const char *device)
{
	return !rq->name[0] || str_eq(rq->name, device);
}

struct acceptance {
	struct want *wants; /* what the record will say */
	size_t n;
	json_t *refused;
	struct ending ending;
};

static void acceptance_done(struct acceptance *a)
{
	free(a->ending.slices);
	free(a->wants);
	json_decref(a->refused);
}

/* What was found out and done for the one before it, of the same device. */
static void want_inherit(struct want *w, const struct want *old)
{
	warm_keep_units(w, old);
	w->opened = old && str_eq(old->mech, w->mech) ? old->opened : 0;
}

static int accept_all(struct engine *e, const struct request *rq, struct acceptance *a)
{
	a->wants = calloc(e->rec.n_wants + rq->n_wants + 1, sizeof(*a->wants));
	a->refused = json_array();
	if (!a->wants || !a->refused || ending_find(e, rq->policy, &a->ending) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < e->rec.n_wants; i++)
		if (!in_scope(rq, e->rec.wants[i].device))
			a->wants[a->n++] = e->rec.wants[i];
	for (size_t i = 0; i < rq->n_wants; i++) {
		const struct want *w = &rq->wants[i], *old = store_want(e, w->device);
		_cleanup_err_ struct err err = { 0 };
		if (!in_scope(rq, w->device))
			continue;
		if (accept(e, rq, &a->ending, w, &err) >= 0) {
			a->wants[a->n] = *w;
			want_inherit(&a->wants[a->n++], old);
			continue;
		}
		json_array_append_new(a->refused, report_refused(w->device, &err));
		if (old)
			a->wants[a->n++] = *old;
	}
	return 0;
}

static void device_begin(struct engine *e, const char *device, const struct want *old)
{
	struct device_state *d = state_device(e, device);
	if (!d)
		return;
	state_device_unblock(d);
	d->attempts = d->unknowns = d->steps = 0;
	d->fresh = false; /* what an earlier apply left half done is seen, as by a plan */
	const struct want *now = store_want(e, device);
	d->has_former = !old || !now || !fields_same(FIELDS_WANT, old, now);
	d->had_want = old != NULL;
	if (old)
		d->former = *old;
}

/* The mode that the device is in for its sake ends with the last slice. There is none any more: one that is going from the
 * beginning. */
static void leave(struct engine *e, const struct want *w)
{
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (str_eq(e->rec.slices[i].device, w->device) &&
		    str_eq(e->rec.slices[i].mech, w->mech))
			return;
	struct slice *s = store_slice_add(e, w, "");
	if (!s)
		return;
	s->alone = 1;
	s->opened = w->opened;
	s->state = SLICE_REMOVING;
}

static bool is_left(struct engine *e, const struct want *before, bool destroy)
{
	const struct want *now = store_want(e, before->device);
	return before->opened && (now ? !str_eq(now->mech, before->mech) : destroy);
}

/* Wants are set; now the slices of every device that is concerned. before: the wants until now. */
static void apply_devices(struct engine *e, const struct request *rq, const struct want *before,
			  size_t n_before)
{
	bool destroy = e->policy->on_remove == ON_REMOVE_DESTROY;
	/* Who applies wants everything tried again, also what is only to go away. */
	for (size_t i = 0; i < e->state.n_devices; i++)
		if (in_scope(rq, e->state.devices[i].key))
			state_device_unblock(&e->state.devices[i]);
	for (size_t i = 0; i < e->rec.n_wants; i++) {
		struct want w = e->rec.wants[i];
		if (!in_scope(rq, w.device))
			continue;
		device_begin(e, w.device, want_in(before, n_before, w.device));
		apply_device(e, w.device, &w, destroy);
	}
	for (size_t i = 0; i < n_before; i++) {
		if (!store_want(e, before[i].device))
			apply_device(e, before[i].device, NULL, destroy);
		if (is_left(e, &before[i], destroy))
			leave(e, &before[i]);
	}
	/* What an earlier policy left behind goes when this one says so. */
	for (size_t i = 0; destroy && i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (in_scope(rq, s->device) && !store_want(e, s->device) && is_free(s))
			place(e, s, false, true);
	}
}

/* --- reservations ----------------------------------------------------------------------------------------------- */

static void reservation_add(struct engine *e, const struct request *rq,
			    const struct policy_reservation *r)
{
	struct claim *c = store_claim_add(e, r->name);
	if (!c)
		return;
	c->kind = CLAIM_RESERVED;
	c->state = CLAIM_PREPARING;
	c->uid = rq->who.uid;
	c->gid = rq->who.gid;
	c->from_policy = 1;
	c->arrival = store_id(e);
	c->set = r->set;
	c->created = e->wall;
	memcpy(c->class, r->class, sizeof(c->class));
	memcpy(c->owner, r->owner, sizeof(c->owner));
	memcpy(c->tenant, r->tenant, sizeof(c->tenant));
	memcpy(c->boot_id, e->rec.boot_id, sizeof(c->boot_id));
	e->sync = true;
}

static void reservation_keep(struct engine *e, const struct policy_reservation *r, json_t *refused)
{
	struct claim *c = store_claim_edit(e, r->name);
	if (!c)
		return;
	bool same = c->from_policy && str_eq(c->class, r->class) && str_eq(c->tenant, r->tenant) &&
		    fields_same(FIELDS_SETTINGS, &c->set, &r->set);
	if (c->from_policy)
		memcpy(c->owner, r->owner, sizeof(c->owner));
	if (same)
		return;
	_cleanup_err_ struct err err = { 0 };
	char on[NAME_SIZE + 16];
	err_set(&err, "apply.reservation", EBUSY,
		"the reservation differs from the claim of that name");
	err_because(&err, "claim %s is %s with another class, another tenant or other settings",
		    c->name, claim_state_name((enum claim_state)c->state));
	err_state(&err, "the claim stays as it is");
	err_todo(&err, "carve release %s, then: carve apply", c->name);
	(void)STR_FORMAT(on, "reservation:%s", r->name);
	json_array_append_new(refused, report_refused(on, &err));
}

/* Applied to one device, a policy adds and ends what that device can serve. */
static bool reservation_in_scope(struct engine *e, const struct request *rq,
				 const struct policy_reservation *r)
{
	const struct policy_class *class = policy_class_find(e->policy, r->class);
	const struct want *w = rq->name[0] ? store_want(e, rq->name) : NULL;
	return !rq->name[0] || (w && class && parts_draw_on(e, class, w->selection));
}

static bool claim_in_scope(struct engine *e, const struct request *rq, const struct claim *c)
{
	const struct slice *s = c->slice ? store_slice(e, c->slice) : NULL;
	const struct claim *part;
	size_t i = 0;
	while (c->parts && (part = parts_next(e, c->name, &i)))
		if (claim_in_scope(e, rq, part))
			return true;
	return !rq->name[0] || (s && str_eq(s->device, rq->name));
}

static void apply_reservations(struct engine *e, const struct request *rq, json_t *refused)
{
	for (size_t i = 0; i < e->policy->n_reservations; i++) {
		const struct policy_reservation *r = &e->policy->reservations[i];
		if (!reservation_in_scope(e, rq, r))
			continue;
		if (store_claim(e, r->name))
			reservation_keep(e, r, refused);
		else
			reservation_add(e, rq, r);
	}
	for (size_t i = e->rec.n_claims; i > 0; i--) {
		const struct claim *c = &e->rec.claims[i - 1];
		if (!c->from_policy || c->state == CLAIM_RELEASING ||
		    in_policy(e->policy, c->name) || !claim_in_scope(e, rq, c))
			continue;
		struct claim *edit = store_claim_edit(e, c->name);
		if (edit)
			claim_end(e, edit, "the policy reserves it no more");
	}
}

/* --- requests ------------------------------------------------------------------------------------------------------- */

static int check_manage(const struct request *rq, struct err *reterr)
{
	if (rq->who.manage)
		return 0;
	err_set(reterr, "apply.denied", EPERM, "not allowed to apply a policy");
	err_because(reterr, "that takes root or a member of group carve-admin");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "carve plan shows what it would do");
	return -EPERM;
}

static int check_ready(const struct engine *e, struct err *reterr)
{
	if (e->have)
		return 0;
	err_set(reterr, "engine.not-observed", EAGAIN, "the machine is not looked at yet");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "try again in a moment");
	return -EAGAIN;
}

static void applied_event(struct engine *e)
{
	const struct applied_policy *p = &e->rec.policy;
	char version[24] = "", repeats[24] = "";
	(void)STR_FORMAT(version, "%llu", (unsigned long long)p->version);
	if (p->repeats)
		(void)STR_FORMAT(repeats, "%llu", (unsigned long long)p->repeats);
	event_add(e, "policy.applied", "file", p->file, "version", version, "repeats", repeats,
		  "only", p->only, "by", p->by_itself ? "carved" : "", NULL);
}

/* A device that neither this policy nor the applied one wants anything of cannot be applied to. */
static int check_named(struct engine *e, const struct request *rq, struct err *reterr)
{
	if (!rq->name[0] || want_in(rq->wants, rq->n_wants, rq->name) || store_want(e, rq->name))
		return 0;
	err_set(reterr, "apply.not-named", ENOENT, "the policy does not divide %s", rq->name);
	err_on(reterr, "%s", rq->name);
	err_because(reterr, "%s wants nothing of it, and neither did the policy before",
		    rq->policy->file);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "name a device that it divides: carve list shows what each falls under");
	return -ENOENT;
}

static int apply(struct engine *e, struct request *rq, struct err *reterr)
{
	_cleanup_(acceptance_done) struct acceptance a = { 0 };
	int r = check_named(e, rq, reterr);
	if (r < 0)
		return r;
	r = accept_all(e, rq, &a);
	if (r < 0)
		return err_set(reterr, "engine.memory", -r, "cannot apply the policy");
	_cleanup_free_ struct want *before = calloc(e->rec.n_wants + 1, sizeof(*before));
	if (!before)
		return err_set(reterr, "engine.memory", ENOMEM, "cannot apply the policy");
	size_t n_before = e->rec.n_wants;
	if (n_before)
		memcpy(before, e->rec.wants, n_before * sizeof(*before));
	store_wants_set(e, TAKE_PTR(a.wants), a.n);
	store_policy_set(e, rq);
	apply_devices(e, rq, before, n_before);
	apply_reservations(e, rq, a.refused);
	applied_event(e);
	e->sync = true;
	struct waiter *w = state_wait(e, rq->token, WAIT_APPLY, "");
	if (w) {
		w->refused = TAKE_PTR(a.refused);
		(void)STR_COPY(w->only, rq->name);
	}
	return 0;
}

static int plan(struct engine *e, struct request *rq, struct err *reterr)
{
	json_t *report = NULL;
	int r = plan_make(e, rq, &report, reterr);
	if (r < 0)
		return err_set(reterr, "engine.memory", -r, "cannot make the plan");
	struct answer *a = answer_add(e, rq->token, ANSWER_DONE);
	if (a)
		a->report = report;
	else
		json_decref(report);
	return 0;
}

void apply_request(struct engine *e, struct request *rq)
{
	_cleanup_err_ struct err err = { 0 };
	int r = rq->broken ? err_set(&err, "engine.memory", ENOMEM, "cannot apply the policy")
			   : check_ready(e, &err);
	if (r >= 0 && !rq->plan_only)
		r = check_manage(rq, &err);
	if (r >= 0 && rq->planned)
		r = planned_check(e, rq, &err);
	if (r >= 0)
		r = rq->plan_only ? plan(e, rq, &err) : apply(e, rq, &err);
	if (r < 0)
		answer_failed(e, rq->token, &err);
}

/* Asked for by the boot: what the last applied policy lacks is tried again, also what had failed. */
void restore_request(struct engine *e, const struct request *rq)
{
	_cleanup_err_ struct err err = { 0 };
	if (check_manage(rq, &err) < 0 || check_ready(e, &err) < 0) {
		answer_failed(e, rq->token, &err);
		return;
	}
	for (size_t i = 0; i < e->rec.n_wants; i++) {
		struct want w = e->rec.wants[i];
		struct device_state *d = state_device(e, w.device);
		if (d) {
			state_device_unblock(d);
			d->attempts = d->unknowns = d->steps = 0;
		}
		apply_device(e, w.device, &w, w.on_remove_destroy);
	}
	(void)state_wait(e, rq->token, WAIT_RESTORE, "");
}
