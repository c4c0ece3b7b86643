/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that are drained: what is held stays, and nothing new goes there, until somebody undoes it. So a driver can be
 * exchanged or a card pulled once nobody has anything of it. That is a note in the record, which outlives policies,
 * restarts and reboots; all that looks for room goes by room_usable(), which asks it.
 */
#include <errno.h>

#include "engine/internal.h"

#define NAMED_MAX 4 /* of a class */

bool drain_is(const struct engine *e, const char *device)
{
	const struct device_note *n = store_note(e, device);
	return n && n->drained;
}

int drain_check(const struct engine *e, const char *device, struct err *reterr)
{
	const struct device_note *n = store_note(e, device);
	const struct function *f = e->have ? have_device(e->have, device) : NULL;
	if (!n || !n->drained)
		return 0;
	err_set(reterr, "drain.drained", EBUSY, "the device is drained");
	err_on(reterr, "%s", f ? f->addr : device);
	err_because(reterr, "no claim gets anything of it%s%s", n->reason[0] ? ": " : "",
		    n->reason);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "wait until that is over, then: carve drain DEVICE --undo");
	return -EBUSY;
}

bool drain_because(const struct engine *e, const struct policy_class *class, struct err *err)
{
	unsigned named = 0;
	for (size_t i = 0; i < e->rec.n_wants && named < NAMED_MAX; i++) {
		const struct want *w = &e->rec.wants[i];
		if (!policy_class_from(class, w->selection) || !drain_is(e, w->device))
			continue;
		const struct function *f = have_device(e->have, w->device);
		const char *reason = store_note(e, w->device)->reason;
		err_because(err, "%s is drained%s%s", f ? f->addr : w->device,
			    reason[0] ? ": " : "", reason);
		named++;
	}
	return named > 0;
}

/* --- who has something of it ------------------------------------------------------------------------- */

static bool is_in(const json_t *names, const char *name)
{
	size_t i;
	json_t *known;
	json_array_foreach((json_t *)names, i, known)
		if (str_eq(json_string_value(known), name))
			return true;
	return false;
}

static void add(json_t *names, const char *name)
{
	if (!is_in(names, name))
		json_array_append_new(names, json_string(name));
}

static bool is_leaving(const struct slice *s)
{
	return s->state == SLICE_RECLAIMING || s->state == SLICE_REMOVING;
}

/* Claims that have something of it, and slices that nobody has any more and that are still to go. */
static void report_fill(struct engine *e, const char *device, json_t *claims, json_t *slices)
{
	char name[SYS_PATH_SIZE];
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (!str_eq(s->device, device))
			continue;
		const struct claim *c = s->claim[0] ? store_claim(e, s->claim) : NULL;
		if (c)
			add(claims, claim_whole(c));
		else if (is_leaving(s))
			add(slices, slice_name(s, name, sizeof(name)) < 0 ? device : name);
	}
}

static json_t *report(struct engine *e, const char *device)
{
	json_t *claims = json_array(), *slices = json_array();
	report_fill(e, device, claims, slices);
	return json_pack("{s:o, s:o}", "claims", claims, "slices", slices);
}

static bool is_empty(const json_t *report)
{
	return json_array_size(json_object_get(report, "claims")) == 0 &&
	       json_array_size(json_object_get(report, "slices")) == 0;
}

/* --- requests ------------------------------------------------------------------------------------------ */

/* Made for claims, and none has it. What others made and was adopted is not ours to remove. */
static bool is_spare(const struct slice *s)
{
	return s->on_demand && !s->adopted && !s->claim[0] &&
	       (s->state == SLICE_READY || s->state == SLICE_WANTED || s->state == SLICE_LOST);
}

static void spares_remove(struct engine *e, const char *device)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		struct slice *edit = str_eq(s->device, device) && is_spare(s)
					     ? store_slice_edit(e, s->id)
					     : NULL;
		if (!edit)
			continue;
		edit->state = SLICE_REMOVING;
		state_slice_forget(e, edit->id);
	}
}

static void drain(struct engine *e, const struct request *rq)
{
	bool before = drain_is(e, rq->name);
	struct device_note *n = store_note_edit(e, rq->name);
	if (!n)
		return;
	if (!before) {
		n->drained = 1;
		n->uid = rq->who.uid;
		n->since = e->wall;
		event_add(e, "device.drained", "device", n->device, "reason", rq->reason, NULL);
	}
	if (!before || rq->reason[0])
		reason_set(n->reason, sizeof(n->reason), "%s", rq->reason);
	spares_remove(e, rq->name);
}

static void undo(struct engine *e, const struct request *rq)
{
	if (!drain_is(e, rq->name))
		return;
	store_note_delete(e, rq->name);
	event_add(e, "device.undrained", "device", rq->name, NULL);
}

/* Also one that is gone, or that no policy divides yet. */
static bool is_known(struct engine *e, const char *device)
{
	const struct function *f = have_device(e->have, device);
	return (f && !f->is_vf) || have_parent(e->have, device) || store_want(e, device) ||
	       store_note(e, device);
}

static int check(struct engine *e, const struct request *rq, struct err *reterr)
{
	if (!e->have)
		return err_set(reterr, "engine.not-observed", EAGAIN,
			       "the machine is not looked at yet");
	if (is_known(e, rq->name))
		return 0;
	err_set(reterr, "drain.no-device", ENOENT, "there is no device %s", rq->name);
	err_on(reterr, "%s", rq->name);
	err_because(reterr, "only whole devices are drained, not VFs or slices");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "carve list shows the devices");
	return -ENOENT;
}

static void answer(struct engine *e, const struct request *rq)
{
	struct answer *a = answer_add(e, rq->token, ANSWER_DONE);
	if (a)
		a->report = report(e, rq->name);
}

void drain_request(struct engine *e, const struct request *rq)
{
	_cleanup_err_ struct err err = { 0 };
	if (!reclaim_need_manage(e, rq, "drain a device"))
		return;
	if (check(e, rq, &err) < 0) {
		answer_failed(e, rq->token, &err);
		return;
	}
	if (rq->undo)
		undo(e, rq);
	else
		drain(e, rq);
	e->sync = true;
	if (rq->undo || rq->no_wait) {
		answer(e, rq);
		return;
	}
	struct waiter *w = state_wait(e, rq->token, WAIT_DRAIN, "");
	if (w)
		(void)STR_COPY(w->only, rq->name);
}

void drain_settled(struct engine *e)
{
	for (size_t i = e->state.n_waiters; i > 0; i--) {
		const struct waiter *w = &e->state.waiters[i - 1];
		if (w->kind != WAIT_DRAIN)
			continue;
		json_auto_t *r = report(e, w->only);
		if (!is_empty(r) && drain_is(e, w->only))
			continue;
		struct answer *a = answer_add(e, w->token, ANSWER_DONE);
		if (!a)
			return;
		a->report = json_incref(r);
		state_waiter_remove(e, i - 1);
	}
}
