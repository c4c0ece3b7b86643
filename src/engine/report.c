/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an apply or a restore has come to, per device: done, failed with the reason, or waiting and for
 * what. Answered as soon as every device either holds its goal or cannot move by itself.
 */
#include <errno.h>

#include "engine/internal.h"

json_t *report_refused(const char *device, const struct err *err)
{
	json_t *json = err_to_json(err);
	return json_pack("{s:s, s:s, s:i, s:o*}", "device", device, "state", "failed", "steps", 0,
			 "error", json);
}

/* What stands still, with the reason; NULL: nothing. moving: a step is on its way or due. */
struct standing {
	char waits[256];
	const char *until; /* what has to come, in a word of the interface */
	bool moving;
};

#define UNTIL_IDLE "idle"	/* who uses it lets go */
#define UNTIL_PRESENT "present" /* it is there again */
#define UNTIL_CLEARED "cleared" /* people take it out of quarantine */
#define UNTIL_REBOOT "reboot"	/* a write returns that may never do so */
#define UNTIL_STEPS "steps"	/* other steps are done */
#define UNTIL_ROOM "room"	/* a slice is free */

static const struct slice_state_volatile *slice_state(const struct engine *e, uint64_t id)
{
	static const struct slice_state_volatile none = { 0 };
	const struct slice_state_volatile *v = state_slice_peek(e, id);
	return v ? v : &none;
}

/* Looked at again and again: somebody has it. */
static const char *slice_until(const struct slice_state_volatile *v)
{
	return v->backoff_ms > 0 ? UNTIL_IDLE : UNTIL_STEPS;
}

static bool seen_soon(const struct engine *e, const char *device)
{
	for (size_t i = 0; i < e->state.n_dones; i++) {
		const struct done_step *d = &e->state.dones[i];
		if (str_eq(d->step.target.device, device) && e->now - d->at < ENGINE_SEEN_MS &&
		    d->step.verb != VERB_RESET)
			return true;
	}
	return false;
}

static void add_waits(struct standing *st, const char *until, const char *text)
{
	if (st->waits[0])
		return;
	st->until = until;
	reason_set(st->waits, sizeof(st->waits), "%s", text);
}

static void stand_slice(const struct engine *e, const struct slice *s, struct standing *st)
{
	const struct slice_state_volatile *v = slice_state(e, s->id);
	char name[SYS_PATH_SIZE], text[SYS_PATH_SIZE + 300];
	if (slice_name(s, name, sizeof(name)) < 0)
		(void)STR_COPY(name, s->device);
	if (s->state == SLICE_LOST || s->state == SLICE_QUARANTINED) {
		reason_set(text, sizeof(text), "%s is %s: %s", name,
			   slice_state_name((enum slice_state)s->state), s->reason);
		add_waits(st, s->state == SLICE_LOST ? UNTIL_PRESENT : UNTIL_CLEARED, text);
	} else if (!goal_stable(s)) {
		reason_set(text, sizeof(text), "%s is %s%s%s", name,
			   slice_state_name((enum slice_state)s->state),
			   v->waits[0] ? ": waits for " : "", v->waits);
		add_waits(st, slice_until(v), text);
		/* Only now seen to need it, or being looked at: its first step is not even sent. */
		st->moving =
			st->moving || v->seen_soon ||
			(s->state == SLICE_RECLAIMING && (!v->waits[0] || v->check == CHECK_ASKED));
	}
}

/* The way is free for its layout when its slices are. */
static const char *device_until(const struct engine *e, const char *device)
{
	if (!have_device(e->have, device) && !have_parent(e->have, device))
		return UNTIL_PRESENT;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (str_eq(s->device, device) && !goal_stable(s) &&
		    slice_state(e, s->id)->backoff_ms > 0)
			return UNTIL_IDLE;
	}
	return UNTIL_STEPS;
}

static void stand_device(const struct engine *e, const struct device_state *d, struct standing *st)
{
	if (d->stuck[0])
		add_waits(st, UNTIL_REBOOT, d->stuck);
	if (d->waits[0] && !d->blocked)
		add_waits(st, device_until(e, d->key), d->waits);
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (str_eq(e->rec.slices[i].device, d->key))
			stand_slice(e, &e->rec.slices[i], st);
	bool unsettled = st->waits[0] && !d->stuck[0] && !d->blocked;
	st->moving = (!d->stuck[0] && (d->at_gate || state_busy(e, d->key))) ||
		     (unsettled && (st->moving || seen_soon(e, d->key)));
}

/* What the failure left is past when the former layout was put back: told is what is there now. */
static json_t *error_now(const struct engine *e, const struct device_state *d,
			 const struct standing *st)
{
	if (!d->err || !d->went_back)
		return json_incref(d->err);
	const struct function *f = have_device(e->have, d->key);
	json_t *now = json_copy(d->err), *state;
	if (st->waits[0])
		state = json_sprintf("its former layout is being put back: %s", st->waits);
	else if (f && f->caps.sriov_total > 0)
		state = json_sprintf("its former layout is back: %u VFs are there now",
				     have_vf_count(e->have, f->addr));
	else
		state = json_string("its former layout is back");
	json_object_set_new(now, "state", state);
	return now;
}

static json_t *device_report(const struct engine *e, const struct device_state *d,
			     const struct standing *st)
{
	bool failed = d->err != NULL;
	const char *state = failed ? "failed" : st->waits[0] ? "waits" : "done";
	return json_pack("{s:s, s:s, s:i, s:o*, s:s*, s:s*}", "device", d->key, "state", state,
			 "steps", (int)d->steps, "error", error_now(e, d, st), "waits",
			 st->waits[0] ? st->waits : NULL, "until", st->until);
}

static bool refused_here(const json_t *refused, const char *device)
{
	size_t i;
	json_t *entry;
	json_array_foreach(refused, i, entry)
		if (str_eq(json_string_value(json_object_get(entry, "device")), device))
			return true;
	return false;
}

static bool concerned(struct engine *e, const struct waiter *w, const struct device_state *d)
{
	if (w->only[0] && !str_eq(w->only, d->key))
		return false;
	if (store_want(e, d->key) || d->err)
		return true;
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (str_eq(e->rec.slices[i].device, d->key) && !goal_stable(&e->rec.slices[i]))
			return true;
	return false;
}

/* Does a step go on, or may one? It costs less to see than how each device stands. */
static bool under_way(struct engine *e, const struct waiter *w)
{
	for (size_t i = 0; i < e->state.n_devices; i++) {
		const struct device_state *d = &e->state.devices[i];
		bool busy = d->at_gate || state_busy(e, d->key);
		if (!d->stuck[0] && busy && concerned(e, w, d) && !refused_here(w->refused, d->key))
			return true;
	}
	return false;
}

static void mark_complete(json_t *results, bool *complete)
{
	size_t i;
	json_t *entry;
	json_array_foreach(results, i, entry)
		if (!str_eq(json_string_value(json_object_get(entry, "state")), "done"))
			*complete = false;
}

/* Of its slice, or of the first of its parts that waits. */
static const struct slice_state_volatile *claim_state(const struct engine *e, const struct claim *c)
{
	const struct slice_state_volatile *v = slice_state(e, c->slice);
	const struct claim *part;
	size_t i = 0;
	while (c->parts && !v->waits[0] && (part = parts_next(e, c->name, &i)))
		v = slice_state(e, part->slice);
	return v;
}

static const char *claim_until(const struct engine *e, const struct claim *c)
{
	const struct claim *part = c;
	size_t i = 0;
	while (part && !claim_is_waiting(part))
		part = c->parts ? parts_next(e, c->name, &i) : NULL;
	return part ? UNTIL_ROOM : slice_until(claim_state(e, c));
}

static json_t *claim_report(const struct engine *e, const struct claim *c, const char *name)
{
	const struct slice_state_volatile *v = claim_state(e, c);
	if (c->state == CLAIM_HELD)
		return json_pack("{s:s, s:s, s:i}", "device", name, "state", "done", "steps", 0);
	const char *waits = c->reason[0]  ? c->reason
			    : v->waits[0] ? v->waits
			    : c->parts	  ? "its slices"
					  : "its slice";
	return json_pack("{s:s, s:s, s:i, s:s, s:s}", "device", name, "state", "waits", "steps", 0,
			 "waits", waits, "until", claim_until(e, c));
}

static void report_claims(struct engine *e, json_t *results)
{
	for (size_t i = 0; i < e->rec.n_claims; i++) {
		const struct claim *c = &e->rec.claims[i];
		char name[NAME_SIZE + 16];
		(void)STR_FORMAT(name, "reservation:%s", c->name);
		if (!c->from_policy || refused_here(results, name))
			continue;
		json_array_append_new(results, claim_report(e, c, name));
	}
}

/* 1: settled, *ret is the report. 0: something still moves. */
int report_make(struct engine *e, const struct waiter *w, json_t **ret)
{
	if (under_way(e, w))
		return 0;
	json_auto_t *results = w->refused ? json_deep_copy(w->refused) : json_array();
	if (!results)
		return -ENOMEM;
	for (size_t i = 0; i < e->state.n_devices; i++) {
		const struct device_state *d = &e->state.devices[i];
		struct standing st = { 0 };
		if (!concerned(e, w, d) || refused_here(w->refused, d->key))
			continue;
		stand_device(e, d, &st);
		if (st.moving)
			return 0;
		json_array_append_new(results, device_report(e, d, &st));
	}
	if (e->state.grant_since >= 0)
		return 0;
	report_claims(e, results);
	bool complete = true;
	mark_complete(results, &complete);
	*ret = json_pack("{s:O, s:b}", "results", results, "complete", complete);
	return *ret ? 1 : -ENOMEM;
}

/* Of a device one is enough: its slices are alike. What is held, somebody could have. */
static json_t *warning(struct engine *e, const char *device)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		bool asked = s->state != SLICE_HELD && str_eq(s->device, device);
		const struct mech *m = asked ? goal_mech(e, s->mech) : NULL;
		_cleanup_err_ struct err why = { 0 };
		bool found;
		const struct function *f = m && m->binds ? m->find(e->have, s, &found) : NULL;
		if (f && goal_isolated(e, f, NULL, &why) < 0)
			return json_pack("{s:s, s:o}", "device", device, "error",
					 err_to_json(&why));
	}
	return NULL;
}

static json_t *warnings_of(struct engine *e, const char *only)
{
	json_t *warnings = NULL, *found;
	for (size_t i = 0; i < e->rec.n_wants; i++) {
		const char *device = e->rec.wants[i].device;
		if ((only && !str_eq(only, device)) || !(found = warning(e, device)))
			continue;
		warnings = warnings ? warnings : json_array();
		json_array_append_new(warnings, found);
	}
	return warnings;
}

static bool is_divided(const struct policy *p, const char *selection)
{
	for (size_t i = 0; i < p->n_divides; i++)
		if (str_eq(p->divides[i].use, selection))
			return true;
	return false;
}

static bool is_here(const struct engine *e, const char *selection)
{
	for (size_t i = 0; i < e->rec.n_wants; i++)
		if (str_eq(e->rec.wants[i].selection, selection))
			return true;
	return false;
}

static json_t *unmatched(const struct engine *e)
{
	json_t *names = NULL;
	for (size_t i = 0; e->policy && i < e->policy->n_selections; i++) {
		const char *name = e->policy->selections[i].name;
		if (!is_divided(e->policy, name) || is_here(e, name))
			continue;
		names = names ? names : json_array();
		json_array_append_new(names, json_string(name));
	}
	return names;
}

void report_remarks(struct engine *e, const char *only, json_t *report)
{
	json_object_set_new(report, "warnings", warnings_of(e, only));
	/* Of one device alone the policy says nothing about others. */
	if (!only)
		json_object_set_new(report, "unmatched", unmatched(e));
}

static void settle(struct engine *e, size_t i)
{
	json_t *report = NULL;
	const struct waiter *w = &e->state.waiters[i];
	if (report_make(e, w, &report) <= 0)
		return;
	struct answer *a = answer_add(e, w->token, ANSWER_DONE);
	if (!a) {
		json_decref(report);
		return;
	}
	if (!e->scratch) /* a plan makes them once, at its end */
		report_remarks(e, w->only[0] ? w->only : NULL, report);
	a->report = report;
	/* The new layouts stand, or were put back: there is nothing to go back to any more. */
	for (size_t k = 0; k < e->state.n_devices; k++)
		e->state.devices[k].has_former = false;
	state_waiter_remove(e, i);
}

void report_settled(struct engine *e)
{
	for (size_t i = e->state.n_waiters; i > 0; i--) {
		enum waiter_kind kind = e->state.waiters[i - 1].kind;
		if (kind == WAIT_APPLY || kind == WAIT_RESTORE)
			settle(e, i - 1);
	}
}
