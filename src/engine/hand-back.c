/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What another tool keeps from now on is forgotten as it is, also while somebody has it: no step is made. The
 * caller has told that tool already (cli/hand-back.c), so this commit is what ends carve's part.
 */
#include <errno.h>

#include "engine/adopt.h"

/* There, and nothing of ours is under way. */
static bool is_calm(struct engine *e, const struct slice *s)
{
	bool found;
	(void)goal_find(e, s, &found);
	return found && (s->state == SLICE_READY || s->state == SLICE_HELD) &&
	       !state_busy(e, s->device);
}

static int refuse_vfs(struct err *reterr, const char *on)
{
	err_set(reterr, "hand-back.vfs", EOPNOTSUPP, "cannot hand VFs back");
	err_because(reterr, "neither mdevctl nor driverctl makes VFs");
	return adopt_refuse(reterr, on,
			    "keep them with carve, or let a udev rule write sriov_numvfs");
}

static int check_kind(const struct slice *s, struct err *reterr)
{
	char name[SYS_PATH_SIZE];
	if (s->index < 0)
		return 0;
	return refuse_vfs(reterr, slice_name(s, name, sizeof(name)) < 0 ? s->device : name);
}

static int check_calm(struct engine *e, const struct slice *s, struct err *reterr)
{
	if (is_calm(e, s))
		return 0;
	err_set(reterr, "hand-back.busy", EBUSY, "cannot hand back a slice that is not at rest");
	err_because(reterr, "it is %s%s%s", slice_state_name((enum slice_state)s->state),
		    s->reason[0] ? ": " : "", s->reason);
	return adopt_refuse_slice(reterr, s, "wait until it is ready or held, then try again");
}

static int check_claim(struct engine *e, const struct slice *s, struct err *reterr)
{
	const struct claim *c = s->claim[0] ? store_claim(e, s->claim) : NULL;
	if (c && c->whole[0]) {
		err_set(reterr, "hand-back.part", EBUSY, "cannot hand back one slice of several");
		err_because(reterr, "claim %s has all of them or none", c->whole);
		return adopt_refuse_slice(reterr, s, "release that claim, then try again");
	}
	if (!c || !c->from_policy)
		return 0;
	err_set(reterr, "hand-back.reserved", EBUSY, "the policy reserves that slice");
	err_because(reterr, "claim %s is one of its reservations, and would get another slice",
		    c->name);
	return adopt_refuse_slice(reterr, s,
				  "take the reservation out of the policy, then: carve apply");
}

/* Its device stays with carve: nothing there may make or adopt it anew. */
static int check_alone(struct engine *e, const struct slice *s, struct err *reterr)
{
	const struct want *w = store_want(e, s->device);
	if (w && e->policy && e->policy->drift == DRIFT_ADOPT && goal_names(w, s->profile)) {
		err_set(reterr, "hand-back.adopts", EINVAL, "it would be adopted again");
		err_because(reterr, "the policy says drift: adopt");
		return adopt_refuse_slice(reterr, s, "say drift: report, then: carve apply");
	}
	if (goal_wanted(e, s) && !s->adopted) {
		err_set(reterr, "hand-back.wanted", EINVAL, "the policy wants that slice");
		err_because(reterr, "%s divides its device, and would make it anew", w->where);
		return adopt_refuse_slice(reterr, s, "hand the whole device back");
	}
	return 0;
}

static int slice_check(struct engine *e, const struct slice *s, const char *name,
		       struct err *reterr)
{
	int r = check_kind(s, reterr);
	if (r >= 0)
		r = check_calm(e, s, reterr);
	if (r >= 0)
		r = check_claim(e, s, reterr);
	if (r >= 0 && !str_eq(s->device, name))
		r = check_alone(e, s, reterr);
	return r;
}

static int check(struct engine *e, const char *name, struct err *reterr)
{
	const struct want *w = store_want(e, name);
	bool any = w != NULL;
	if (w && str_eq(w->mech, "sriov"))
		return refuse_vfs(reterr, name);
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (!adopt_is_named(s, name))
			continue;
		int r = slice_check(e, s, name, reterr);
		if (r < 0)
			return r;
		any = true;
	}
	if (any)
		return 0;
	err_set(reterr, "hand-back.none", ENOENT, "there is nothing to hand back");
	err_because(reterr, "the applied policy does not divide it, and no slice has that name");
	return adopt_refuse(reterr, name, "carve list slices shows the names");
}

static void claim_forget(struct engine *e, const char *name)
{
	const struct claim *c = store_claim(e, name);
	if (!c)
		return;
	event_claim(e, "claim.disowned", c, "its slice was handed back");
	store_claim_delete(e, name);
}

static void forget(struct engine *e, const char *name)
{
	for (size_t i = e->rec.n_slices; i > 0; i--) {
		const struct slice s = e->rec.slices[i - 1];
		if (!adopt_is_named(&s, name))
			continue;
		if (s.claim[0])
			claim_forget(e, s.claim);
		adopt_slice_forget(e, s.id, "it was handed back");
	}
	if (store_want(e, name))
		apply_want_set(e, name, NULL);
	e->sync = true;
}

static json_t *report(struct engine *e, const char *name)
{
	json_t *slices = json_array(), *claims = json_array();
	char text[SYS_PATH_SIZE];
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (!adopt_is_named(s, name))
			continue;
		if (slice_name(s, text, sizeof(text)) == 0)
			json_array_append_new(slices, json_string(text));
		if (s->claim[0])
			json_array_append_new(claims, json_string(s->claim));
	}
	return json_pack("{s:o, s:o}", "slices", slices, "claims", claims);
}

void hand_back_request(struct engine *e, const struct request *rq)
{
	_cleanup_err_ struct err err = { 0 };
	if (!reclaim_need_manage(e, rq, "hand a slice back"))
		return;
	int r = e->have ? check(e, rq->name, &err)
			: err_set(&err, "engine.not-observed", EAGAIN,
				  "the machine is not looked at yet");
	if (r < 0) {
		answer_failed(e, rq->token, &err);
		return;
	}
	struct answer *a = answer_add(e, rq->token, ANSWER_DONE);
	if (a)
		a->report = report(e, rq->name);
	if (a && !rq->plan_only)
		forget(e, rq->name);
}
