/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * By hand: what others made on a device under policy becomes slices or a claim, once, and slices become
 * what they would be had others made them.
 */
#include <errno.h>

#include "engine/adopt.h"

static void target_text(const struct engine *e, const struct target *t, char *ret, size_t size)
{
	const struct function *f = have_device(e->have, t->device);
	const char *device = f ? f->addr : t->device;
	if (t->uuid[0])
		reason_set(ret, size, "mdev %s", t->uuid);
	else if (t->vf >= 0)
		reason_set(ret, size, "VF %d of %s", t->vf, device);
	else if (t->part)
		reason_set(ret, size, "what begins at memory slice %u of %s", t->part - 1, device);
	else
		reason_set(ret, size, "%s", device);
}

static int refuse(struct engine *e, const struct target *t, struct err *reterr, const char *todo)
{
	char on[SYS_PATH_SIZE];
	target_text(e, t, on, sizeof(on));
	return adopt_refuse(reterr, on, todo);
}

static void slice_because(struct err *reterr, const struct slice *s)
{
	char name[SYS_PATH_SIZE];
	if (slice_name(s, name, sizeof(name)) < 0)
		name[0] = '\0';
	err_because(reterr, "slice %s is %s%s%s", name,
		    slice_state_name((enum slice_state)s->state), s->claim[0] ? " by claim " : "",
		    s->claim);
}

static void names_add(json_t *names, const struct slice *s)
{
	char name[SYS_PATH_SIZE];
	if (slice_name(s, name, sizeof(name)) == 0)
		json_array_append_new(names, json_string(name));
}

/* --- is there anything ------------------------------------------------------------------------------------ */

static int none(struct engine *e, const struct want *w, const struct target *t, struct err *reterr)
{
	const struct mdev *m = t->uuid[0] ? have_mdev(e->have, t->uuid) : NULL;
	if (m && !goal_names(w, m->type)) {
		err_set(reterr, "adopt.not-named", EINVAL, "cannot adopt an mdev of type %s",
			m->type);
		err_because(reterr, "policy %s divides its parent into other types", w->where);
		return refuse(e, t, reterr, "name that type in the policy, then: carve apply");
	}
	err_set(reterr, "adopt.none", ENOENT, "there is nothing to adopt");
	if (t->vf >= 0)
		err_because(reterr, "VFs become slices together, when others changed their number");
	else
		err_because(reterr,
			    "what is there is a slice already, or of a type that policy "
			    "%s does not name",
			    w->where);
	return refuse(e, t, reterr, "carve list slices shows what is foreign");
}

static int find(struct engine *e, const struct target *t, struct want *ret, struct err *reterr)
{
	const struct want *w = store_want(e, t->device);
	if (w) {
		*ret = *w;
		return 0;
	}
	err_set(reterr, "adopt.not-divided", ENOENT, "cannot adopt what is on that device");
	err_because(reterr, "the applied policy does not divide it");
	return refuse(e, t, reterr, "divide it by the policy, then: carve apply");
}

static int check_blocked(struct engine *e, const struct want *w, const struct target *t,
			 struct err *reterr)
{
	const struct slice *s = adopt_vfs_made(e, w) ? adopt_vfs_blocked(e, w) : NULL;
	if (!s)
		return 0;
	err_set(reterr, "adopt.held", EBUSY, "cannot take over another number of VFs");
	slice_because(reterr, s);
	return refuse(e, t, reterr, "release that claim, then try again");
}

/* --- adopt ------------------------------------------------------------------------------------------------- */

struct asked {
	struct want want;
	struct targets ts;
	unsigned vfs;
};

/* 1: all of it is free; 0: it is still looked at; negative: refused. */
static int asked_check(struct engine *e, const struct asked *a, const struct target *t,
		       struct err *reterr)
{
	bool open = false;
	for (size_t i = 0; i < a->ts.n; i++) {
		const struct look *l = adopt_look(e, &a->ts.items[i]);
		char text[SYS_PATH_SIZE];
		open = open || !l || l->check == CHECK_ASKED;
		if (!l || l->check != CHECK_HELD)
			continue;
		target_text(e, &a->ts.items[i], text, sizeof(text));
		err_set(reterr, "adopt.held", EBUSY, "cannot adopt what somebody uses");
		err_because(reterr, "%s is %s", text, l->who);
	}
	if (open || !err_is_set(reterr))
		return open ? 0 : 1;
	return refuse(
		e, t, reterr,
		"stop what holds it, or make it a claim: carve adopt --claim NAME --for OWNER");
}

static json_t *asked_report(const struct asked *a)
{
	json_t *names = json_array();
	for (size_t i = 0; i < a->ts.n; i++) {
		struct slice s = { .index = a->ts.items[i].vf };
		s.alone = a->ts.items[i].part > 0;
		s.start = s.alone ? a->ts.items[i].part - 1 : 0;
		memcpy(s.device, a->want.device, sizeof(s.device));
		memcpy(s.mech, a->want.mech, sizeof(s.mech));
		memcpy(s.uuid, a->ts.items[i].uuid, sizeof(s.uuid));
		names_add(names, &s);
	}
	json_t *o = json_pack("{s:o}", "slices", names);
	if (a->vfs && o)
		json_object_set_new(o, "vfs", json_integer(a->vfs));
	return o;
}

static void asked_adopt(struct engine *e, const struct asked *a)
{
	for (size_t i = 0; i < a->ts.n; i++)
		adopt_alone(e, &a->want, &a->ts.items[i]);
	if (a->vfs)
		adopt_vfs(e, &a->want, a->vfs);
}

static int asked_find(struct engine *e, const struct target *t, struct asked *ret,
		      struct err *reterr)
{
	int r = find(e, t, &ret->want, reterr);
	if (r < 0)
		return r;
	ret->vfs = t->uuid[0] || t->vf >= 0 ? 0 : adopt_vfs_made(e, &ret->want);
	if (t->vf < 0)
		adopt_find(e, &ret->want, t->uuid, &ret->ts);
	r = ret->vfs ? check_blocked(e, &ret->want, t, reterr) : 0;
	return r < 0 || ret->ts.n || ret->vfs ? r : none(e, &ret->want, t, reterr);
}

/* True when it was answered. */
static bool asked_run(struct engine *e, const struct waiter *w)
{
	_cleanup_err_ struct err err = { 0 };
	struct asked a = { 0 };
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, w->only);
	(void)STR_COPY(t.uuid, w->uuid);
	int r = asked_find(e, &t, &a, &err);
	if (r >= 0)
		r = asked_check(e, &a, &t, &err);
	if (r < 0)
		answer_failed(e, w->token, &err);
	struct answer *answer = r > 0 ? answer_add(e, w->token, ANSWER_DONE) : NULL;
	if (answer)
		answer->report = asked_report(&a);
	if (r > 0 && !w->plan_only)
		asked_adopt(e, &a);
	targets_done(&a.ts);
	return r != 0;
}

void adopt_requests_run(struct engine *e)
{
	for (size_t i = e->state.n_waiters; i > 0; i--) {
		const struct waiter w = e->state.waiters[i - 1];
		if (w.kind == WAIT_ADOPT && !w.cancelled && asked_run(e, &w))
			state_waiter_remove(e, i - 1);
	}
}

static int adopt(struct engine *e, const struct request *rq, struct err *reterr)
{
	struct asked a = { 0 };
	int r = asked_find(e, &rq->target, &a, reterr);
	targets_done(&a.ts);
	if (r < 0)
		return r;
	struct waiter *w = state_wait(e, rq->token, WAIT_ADOPT, "");
	if (!w)
		return -ENOMEM;
	memcpy(w->only, rq->target.device, sizeof(w->only));
	memcpy(w->uuid, rq->target.uuid, sizeof(w->uuid));
	w->plan_only = rq->plan_only;
	adopt_forget_looks(e, rq->target.device);
	adopt_requests_run(e); /* where there is nothing to look at */
	return 0;
}

/* --- adopt as a claim ---------------------------------------------------------------------------------------- */

static const struct policy_class *class_of(struct engine *e, const struct want *w,
					   const char *profile)
{
	for (size_t i = 0; e->policy && i < e->policy->n_classes; i++) {
		const struct policy_class *c = &e->policy->classes[i];
		if (policy_class_from(c, w->selection) && pick_preference(e, c, w, profile) >= 0)
			return c;
	}
	return NULL;
}

static const struct slice *slice_at(const struct engine *e, const struct target *t)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		struct target here = slice_target(&e->rec.slices[i]);
		if (target_eq(&here, t))
			return &e->rec.slices[i];
	}
	return NULL;
}

/* It is, or becomes, a slice that the policy wants and nobody else has. */
static int claim_slice_check(struct engine *e, const struct want *w, const struct target *t,
			     struct slice *ret, struct err *reterr)
{
	const struct mdev *m = t->uuid[0] ? have_mdev(e->have, t->uuid) : NULL;
	const struct slice *s = slice_at(e, t);
	if (s && s->state == SLICE_READY && !s->dirty && goal_wanted(e, s)) {
		*ret = *s;
		return 0;
	}
	if (s) {
		err_set(reterr, "adopt.held", EBUSY,
			"cannot make a claim of a slice that is not free");
		slice_because(reterr, s);
		return refuse(e, t, reterr, "carve show says more of it");
	}
	if (!m || !adopt_mdev_fits(e, w, m))
		return none(e, w, t, reterr);
	*ret = (struct slice){ .index = -1 };
	memcpy(ret->device, w->device, sizeof(ret->device));
	memcpy(ret->mech, w->mech, sizeof(ret->mech));
	memcpy(ret->profile, m->type, sizeof(ret->profile));
	memcpy(ret->uuid, m->uuid, sizeof(ret->uuid));
	return 0;
}

static int claim_draft(struct engine *e, const struct request *rq, const struct want *w,
		       const struct slice *s, struct claim *ret, struct err *reterr)
{
	const struct policy_class *class = class_of(e, w, s->profile);
	if (!class) {
		err_set(reterr, "adopt.no-class", ENOENT, "no class has slices of that kind");
		err_because(reterr, "a claim is of a class, and none of the policy takes %s of %s",
			    s->profile, w->selection);
		return refuse(e, &rq->target, reterr, "add one to the policy, then: carve apply");
	}
	*ret = (struct claim){ .kind = CLAIM_RESERVED,
			       .state = CLAIM_HELD,
			       .uid = rq->who.uid,
			       .gid = rq->who.gid,
			       .grant_uid = rq->who.uid,
			       .grant_gid = rq->who.gid,
			       .created = e->wall };
	memcpy(ret->name, rq->alloc.name, sizeof(ret->name));
	memcpy(ret->class, class->name, sizeof(ret->class));
	memcpy(ret->owner, rq->alloc.owner, sizeof(ret->owner));
	memcpy(ret->boot_id, e->rec.boot_id, sizeof(ret->boot_id));
	return 0;
}

/* It is as a claim would have made it: with VFIO, and apart from what others have. */
static int claim_use_check(struct engine *e, const struct target *t, const struct slice *s,
			   const struct claim *c, struct err *reterr)
{
	const struct mech *m = goal_mech(e, s->mech);
	bool found = false;
	const struct function *f = m ? m->find(e->have, s, &found) : NULL;
	if (m && !m->binds)
		return 0;
	if (found && f && driver_is_vfio(f->driver))
		return goal_group_check(e, f, c, reterr);
	err_set(reterr, "adopt.not-vfio", EINVAL,
		"cannot make a claim of a function that is not with VFIO");
	err_because(reterr, "%s", found && f && f->driver[0] ? f->driver : "no driver has it");
	return refuse(e, t, reterr, "claim it instead: carve alloc CLASS");
}

static int claim_make(struct engine *e, const struct slice *as, const struct want *w,
		      const struct claim *draft)
{
	struct slice *s = as->id ? store_slice_edit(e, as->id) : adopt_mdev(e, w, as->uuid);
	struct claim *c = s ? store_claim_add(e, draft->name) : NULL;
	if (!c)
		return -ENOMEM;
	*c = *draft;
	c->arrival = store_id(e);
	c->slice = s->id;
	s->state = SLICE_HELD;
	s->warm = WARM_NO;
	s->unproven = s->failed = 0;
	s->reason[0] = '\0';
	store_slice_used(s, c);
	memcpy(s->claim, c->name, sizeof(s->claim));
	state_slice_forget(e, s->id);
	event_claim(e, "claim.adopted", c, NULL);
	e->sync = true;
	return 0;
}

static int adopt_claim(struct engine *e, const struct request *rq, struct err *reterr)
{
	struct want w;
	struct slice s = { 0 };
	struct claim c = { 0 };
	int r = find(e, &rq->target, &w, reterr);
	if (r >= 0)
		r = drain_check(e, w.device, reterr);
	if (r >= 0)
		r = claim_check_adopt(e, rq, reterr);
	if (r >= 0)
		r = claim_slice_check(e, &w, &rq->target, &s, reterr);
	if (r >= 0)
		r = claim_draft(e, rq, &w, &s, &c, reterr);
	if (r >= 0)
		r = claim_use_check(e, &rq->target, &s, &c, reterr);
	if (r >= 0 && !rq->plan_only)
		r = claim_make(e, &s, &w, &c);
	struct answer *a = r >= 0 ? answer_add(e, rq->token, ANSWER_DONE) : NULL;
	json_t *names = json_array();
	names_add(names, &s);
	if (a)
		a->report = json_pack("{s:O, s:s}", "slices", names, "claim", c.name);
	json_decref(names);
	return r;
}

void adopt_request(struct engine *e, const struct request *rq)
{
	_cleanup_err_ struct err err = { 0 };
	if (!reclaim_need_manage(e, rq, "adopt what others made"))
		return;
	int r = e->have ? 0
			: err_set(&err, "engine.not-observed", EAGAIN,
				  "the machine is not looked at yet");
	if (r >= 0)
		r = rq->alloc.name[0] ? adopt_claim(e, rq, &err) : adopt(e, rq, &err);
	if (r >= 0)
		return;
	err_set(&err, "engine.memory", -r, "cannot adopt it");
	answer_failed(e, rq->token, &err);
}

/* --- disown ---------------------------------------------------------------------------------------------------- */

/* VFs of one device are made and removed together, so they are one's own together. */
static bool is_one_of_vfs(const struct slice *s, const char *name)
{
	return s->index >= 0 && !str_eq(s->device, name);
}

static int disown_check(struct engine *e, const struct slice *s, const char *name,
			struct err *reterr)
{
	bool free = (s->state == SLICE_READY || s->state == SLICE_LOST) && !s->claim[0] &&
		    !s->dirty;
	if (!free) {
		err_set(reterr, "disown.held", EBUSY, "cannot disown a slice that is not free");
		slice_because(reterr, s);
		return adopt_refuse_slice(reterr, s, "release it, then try again");
	}
	if (is_one_of_vfs(s, name)) {
		err_set(reterr, "disown.vfs", EINVAL, "cannot disown one VF of several");
		err_because(reterr, "the kernel makes and removes the VFs of a device together");
		return adopt_refuse_slice(reterr, s, "disown the device");
	}
	if (s->has_original || s->power_pinned) {
		err_set(reterr, "disown.bound", EBUSY,
			"cannot disown a function that carve has bound");
		err_because(reterr, "nobody would give it back to %s",
			    s->original_driver[0] ? s->original_driver : "its driver");
		return adopt_refuse_slice(
			reterr, s,
			"take it out of the policy, with on-remove: destroy, then: carve apply");
	}
	if (s->adopted && e->policy && e->policy->drift == DRIFT_ADOPT) {
		err_set(reterr, "disown.adopts", EINVAL, "it would be adopted again");
		err_because(reterr, "the policy says drift: adopt");
		return adopt_refuse_slice(reterr, s, "say drift: report, then: carve apply");
	}
	if (goal_wanted(e, s) && !s->adopted) {
		err_set(reterr, "disown.wanted", EINVAL, "the policy wants that slice");
		err_because(reterr, "%s divides its device, and would make it anew",
			    store_want(e, s->device)->where);
		return adopt_refuse_slice(
			reterr, s,
			"take it out of the policy, with on-remove: keep, then: carve apply");
	}
	return 0;
}

static int disown(struct engine *e, const char *name, json_t *names, struct err *reterr)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		int r = adopt_is_named(s, name) ? disown_check(e, s, name, reterr) : 0;
		if (r < 0)
			return r;
	}
	for (size_t i = e->rec.n_slices; i > 0; i--) {
		const struct slice *s = &e->rec.slices[i - 1];
		if (!adopt_is_named(s, name))
			continue;
		names_add(names, s);
		adopt_slice_forget(e, s->id, "it was disowned");
	}
	if (json_array_size(names))
		return 0;
	err_set(reterr, "disown.none", ENOENT, "no slice has that name");
	return adopt_refuse(reterr, name, "carve list slices shows the names");
}

void disown_request(struct engine *e, const struct request *rq)
{
	_cleanup_err_ struct err err = { 0 };
	json_auto_t *names = json_array();
	if (!reclaim_need_manage(e, rq, "disown a slice"))
		return;
	if (disown(e, rq->name, names, &err) < 0) {
		answer_failed(e, rq->token, &err);
		return;
	}
	struct answer *a = answer_add(e, rq->token, ANSWER_DONE);
	if (a)
		a->report = json_pack("{s:O}", "slices", names);
}
