/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a step ended. Success only takes the step out of the record and lets the picture speak; failure
 * is turned into words by the mechanism and falls on what the step was for.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"

static void diagnose(struct engine *e, const struct in_flight *f, const struct input_result *in,
		     struct err *ret)
{
	const struct slice *s = f->slice ? store_slice(e, f->slice) : NULL;
	const struct want *w = store_want(e, f->step.target.device);
	const struct mech *m = goal_mech(e, s ? s->mech : w ? w->mech : "sriov");
	if (services_verb((enum verb)f->step.verb))
		services_diagnose(e->have, &f->step, &in->result, ret);
	/* A VF that does not bind fails as any function does, whatever cut it. */
	else if (vfio_verb((enum verb)f->step.verb))
		vfio_diagnose(e->have, &f->step, &in->result, in->holders, in->n_holders, ret);
	else if (m)
		m->diagnose(e->have, &f->step, &in->result, in->holders, in->n_holders, ret);
	if (err_is_set(ret))
		return;
	char text[512];
	if (step_describe(&f->step, e->have, text, sizeof(text)) < 0)
		(void)STR_COPY(text, verb_name((enum verb)f->step.verb));
	err_set(ret, "step.failed", in->result.error ? in->result.error : EIO, "cannot %s", text);
	mech_err_on(ret, e->have, NULL, &f->step.target);
	if (in->result.detail[0])
		err_because(ret, "%s", in->result.detail);
	err_todo(ret, "look into the kernel log");
}

static void done_add(struct engine *e, const struct in_flight *f)
{
	struct done_step *d = state_done_add(e);
	if (d)
		*d = (struct done_step){ .step = f->step, .slice = f->slice, .at = e->now };
	else
		e->failed = true;
}

/* Proof is what was done and read back, not what was found so already. */
static void reset_proven(struct engine *e, const struct in_flight *f, const struct input_result *in)
{
	struct slice *s = f->slice ? store_slice_edit(e, f->slice) : NULL;
	if (s && in->result.status == STEP_DONE && s->state == SLICE_RECLAIMING &&
	    reclaim_proof(e, s) == PROOF_RESET)
		s->dirty = 0;
}

/* How far the settings of VFs that were just made have come. */
static void fresh_advance(struct device_state *d, const struct in_flight *f,
			  const struct input_result *in)
{
	if (f->step.verb == VERB_SET_VFS && f->step.number > 0 && in->result.status == STEP_DONE) {
		d->fresh = true;
		d->fresh_vf = 0;
	} else if (f->slice == 0 && f->step.target.vf >= d->fresh_vf) {
		d->fresh_vf = f->step.target.vf + 1;
	}
}

/* D3cold is allowed again at the end only if it was before. What failed has said as well how it left
 * it. */
static void power_note(struct engine *e, const struct in_flight *f, const struct input_result *in)
{
	const struct slice *now = f->slice ? store_slice(e, f->slice) : NULL;
	bool done = in->result.status == STEP_DONE || in->result.status == STEP_NOTHING;
	uint8_t next = now ? now->power_pinned : 0;
	if (f->step.verb == VERB_BIND && in->result.number)
		next = SLICE_POWER_PINNED;
	else if (f->step.verb == VERB_BIND && next == SLICE_POWER_ASKED)
		next = SLICE_POWER_OWN;
	else if (done && ((f->step.verb == VERB_UNBIND && in->result.number) ||
			  f->step.verb == VERB_PIN_POWER))
		next = SLICE_POWER_OWN;
	struct slice *s = now && next != now->power_pinned ? store_slice_edit(e, f->slice) : NULL;
	if (s)
		s->power_pinned = next;
}

/* What is there from now on is not what was asked for: it was removed, or others were there first. */
static void asked_forget(struct engine *e, const struct in_flight *f, enum slice_asked what)
{
	struct slice *s = f->slice ? store_slice_edit(e, f->slice) : NULL;
	if (!s)
		return;
	s->asked &= (uint8_t)~what;
	store_mates_follow(e, s);
}

/* Made again it would have another one, and be another slice. */
static void name_note(struct engine *e, const struct in_flight *f, const struct input_result *in)
{
	bool made = f->step.verb == VERB_MIG_CREATE && f->slice && in->result.text[0];
	struct slice *s = made ? store_slice_edit(e, f->slice) : NULL;
	if (!s)
		return;
	(void)STR_COPY(s->known_as, in->result.text);
	store_mates_follow(e, s);
}

static void step_succeeded(struct engine *e, const struct in_flight *f,
			   const struct input_result *in)
{
	struct device_state *d = state_device(e, f->step.target.device);
	if (d) {
		d->unknowns = 0;
		d->backoff_ms = 0;
		d->waits[0] = '\0';
		d->steps++;
		fresh_advance(d, f, in);
	}
	if (services_verb((enum verb)f->step.verb)) {
		services_done(e, &f->step, &in->result);
		return;
	}
	/* VFs that were made again need again what the old ones had. */
	if ((f->step.verb == VERB_SET_VFS || f->step.verb == VERB_VGPU_VFS) &&
	    in->result.status == STEP_DONE)
		state_dones_clear_all(e, f->step.target.device);
	done_add(e, f);
	if (f->step.verb == VERB_RESET)
		reset_proven(e, f, in);
	if (f->step.verb == VERB_VGPU_SET && !f->step.number)
		asked_forget(e, f, ASKED_TYPE);
	if (f->step.verb == VERB_MIG_DESTROY)
		asked_forget(e, f, ASKED_PART);
	name_note(e, f, in);
	power_note(e, f, in);
}

static void slice_later(struct engine *e, uint64_t id, const struct err *why)
{
	struct slice_state_volatile *v = state_slice(e, id);
	if (!v)
		return;
	v->check = CHECK_NONE;
	state_backoff(e, &v->retry_at, &v->backoff_ms);
	reason_set(v->waits, sizeof(v->waits), "%s", why->because ? why->because : why->what);
}

static void quarantine_or_fail(struct engine *e, const struct slice *s, struct err *err)
{
	char claim[NAME_SIZE];
	uint64_t id = s->id;
	memcpy(claim, s->claim, sizeof(claim));
	if (s->state == SLICE_PREPARING && !state_has_waiter(e, WAIT_ALLOC, claim)) {
		/* Restored or reserved: it keeps its slice, and goes on when the device moves. */
		work_device_block(e, s->device, err);
		return;
	}
	if (s->state == SLICE_PREPARING)
		claim_fail(e, claim, err);
	reclaim_quarantine(e, id, err);
}

/* A fresh claim is not granted; a restored or reserved one keeps its slice and waits for help. */
static void preparing_failed(struct engine *e, const struct slice *s, struct err *err)
{
	struct claim *c = store_claim_edit(e, s->claim);
	if (!c || state_has_waiter(e, WAIT_ALLOC, c->name)) {
		claim_fail(e, s->claim, err);
		return;
	}
	reason_set(c->reason, sizeof(c->reason), "%s%s%s", err->what ? err->what : "it failed",
		   err->because ? ": " : "", err->because ? err->because : "");
	(void)parts_tell(e, c);
	work_device_block(e, s->device, err);
}

static void slice_failed(struct engine *e, const struct slice *s, struct err *err)
{
	if (s->state == SLICE_PREPARING)
		preparing_failed(e, s, err);
	else if (s->state == SLICE_RECLAIMING || s->state == SLICE_REMOVING)
		reclaim_quarantine(e, s->id, err);
	else
		work_device_failed(e, s->device, err);
}

/* Not begun, or refused: nothing was touched, so what leaves only waits. */
static void slice_refused(struct engine *e, const struct slice *s, struct err *err, bool held)
{
	if (held && (s->state == SLICE_RECLAIMING || s->state == SLICE_REMOVING)) {
		slice_later(e, s->id, err);
		if (s->state == SLICE_RECLAIMING)
			reclaim_waits(e, s, err->because ? err->because : err->what);
	} else
		slice_failed(e, s, err);
}

/* The slice this step is still about: none when it went on to another goal meanwhile. */
static const struct slice *subject(struct engine *e, const struct in_flight *f)
{
	const struct slice *s = f->slice ? store_slice(e, f->slice) : NULL;
	return s && s->state == f->phase ? s : NULL;
}

static void step_failed(struct engine *e, const struct in_flight *f, const struct input_result *in)
{
	_cleanup_err_ struct err err = { 0 };
	if (in->result.status != STEP_UNKNOWN)
		power_note(e, f, in);
	if (str_eq(in->result.reason, "foreign"))
		asked_forget(e, f, ASKED_TYPE);
	const struct slice *s = subject(e, f);
	diagnose(e, f, in, &err);
	if (f->step.verb == VERB_SERVICE_START) {
		services_start_failed(e, &f->step, &err);
		return;
	}
	if (f->slice && !s)
		return;
	if (!s)
		work_device_failed(e, f->step.target.device, &err);
	else if (in->result.status == STEP_REFUSED)
		slice_refused(e, s, &err, str_eq(in->result.reason, "held"));
	else
		slice_failed(e, s, &err);
}

/* An earlier step on that device or on the host's lane has not returned: later. */
static void step_stuck(struct engine *e, const struct in_flight *f, const struct input_result *in)
{
	_cleanup_err_ struct err err = { 0 };
	const struct slice *s = subject(e, f);
	struct device_state *d = state_device(e, f->step.target.device);
	diagnose(e, f, in, &err);
	if (s && s->state == SLICE_PREPARING && state_has_waiter(e, WAIT_ALLOC, s->claim))
		claim_fail(e, s->claim, &err);
	if (!d)
		return;
	state_backoff(e, &d->retry_at, &d->backoff_ms);
	reason_set(d->waits, sizeof(d->waits), "%s", err.because ? err.because : err.what);
	if (s && s->state == SLICE_RECLAIMING)
		reclaim_waits(e, s, d->waits);
}

/* Everybody who waits for something fresh on a device that does not move is told now. */
static void device_fail_fresh(struct engine *e, const char *device, const struct err *why)
{
	for (size_t i = 0; i < e->rec.n_claims; i++) {
		const struct claim *c = &e->rec.claims[i];
		const struct slice *s = c->slice ? store_slice(e, c->slice) : NULL;
		if (!s || c->state != CLAIM_PREPARING || !str_eq(s->device, device) ||
		    !state_has_waiter(e, WAIT_ALLOC, c->name))
			continue;
		_cleanup_err_ struct err err = { 0 };
		char name[NAME_SIZE];
		memcpy(name, c->name, sizeof(name));
		err_copy(&err, why);
		claim_fail(e, name, &err);
		if (e->failed)
			return;
		/* It took the other parts of its whole with it, wherever these are. */
		i = SIZE_MAX;
	}
}

static void step_timed_out(struct engine *e, const struct in_flight *flight,
			   const struct input_result *in)
{
	_cleanup_err_ struct err err = { 0 };
	struct in_flight f = *flight;
	const struct slice *s = f.slice ? store_slice(e, f.slice) : NULL;
	struct device_state *d = state_device(e, f.step.target.device);
	diagnose(e, &f, in, &err);
	if (d)
		reason_set(d->stuck, sizeof(d->stuck), "timeout: %s",
			   err.what ? err.what : "a step");
	event_add(e, "device.stuck", "device", f.step.target.device, "reason", err.what, NULL);
	device_fail_fresh(e, f.step.target.device, &err);
	s = s ? store_slice(e, f.slice) : NULL;
	if (s && !goal_stable(s))
		quarantine_or_fail(e, s, &err);
	else if (!f.slice)
		work_device_failed(e, f.step.target.device, &err);
	struct in_flight *still = state_flight(e, f.step.id);
	if (still)
		still->abandoned = true;
}

/* Slices that were put aside only because a step on their device did not return. */
static void resume(struct engine *e, const char *device)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (s->state != SLICE_QUARANTINED || !str_eq(s->device, device) ||
		    !str_after(s->reason, "timeout: "))
			continue;
		struct slice *edit = store_slice_edit(e, s->id);
		if (edit)
			reclaim_begin(e, edit);
	}
}

void results_device_free(struct engine *e, const char *device)
{
	struct device_state *d = state_device(e, device);
	if (!d || !d->stuck[0])
		return;
	d->stuck[0] = '\0';
	if (d->attempts < ENGINE_ATTEMPTS_MAX)
		state_device_unblock(d);
	event_add(e, "device.unstuck", "device", d->key, NULL);
	resume(e, d->key);
}

/* The executor or its worker died: what is there is seen, never concluded. */
static void step_unknown(struct engine *e, const struct in_flight *f, const struct input_result *in)
{
	struct device_state *d = state_device(e, f->step.target.device);
	if (!d)
		return;
	state_barrier(e, &f->step);
	if (++d->unknowns < ENGINE_ATTEMPTS_MAX)
		return;
	d->unknowns = 0;
	step_failed(e, f, in);
}

/* All that went before on that device has ended, and the picture is newer than that. */
static void barrier_done(struct engine *e, const struct in_flight *f, const struct input_result *in)
{
	struct device_state *d = state_device(e, f->step.target.device);
	enum step_status status = (enum step_status)in->result.status;
	if (!d)
		return;
	if (status == STEP_STUCK || status == STEP_TIMEOUT || status == STEP_UNKNOWN) {
		state_backoff(e, &d->retry_at, &d->backoff_ms);
		reason_set(d->waits, sizeof(d->waits), "an earlier step on that device to end");
		return;
	}
	d->barrier = false;
	d->backoff_ms = 0;
	d->retry_at = 0;
	d->waits[0] = '\0';
	store_steps_delete_of(e, d->key);
	results_device_free(e, d->key);
}

/* Whether a unit runs. Not seen is not said: later. */
static void unit_looked(struct engine *e, const struct in_flight *f, const struct input_result *in)
{
	enum step_status status = (enum step_status)in->result.status;
	struct device_state *d = state_device(e, f->step.target.device);
	if (status == STEP_DONE)
		services_done(e, &f->step, &in->result);
	else if (status == STEP_REFUSED || status == STEP_FAILED)
		step_failed(e, f, in);
	else if (d)
		state_backoff(e, &d->retry_at, &d->backoff_ms);
}

static void look_done(struct engine *e, const struct in_flight *f, const struct input_result *in)
{
	const struct slice *s = store_slice(e, f->slice);
	if (f->step.verb == VERB_SERVICE_LOOK)
		unit_looked(e, f, in);
	else if (f->slice == 0)
		adopt_looked(e, &f->step.target, in);
	else if (s)
		reclaim_checked(e, s, in);
}

/* A step of before a restart ended: the barrier that waits for it may be sent at once. */
static void late_of_another_life(struct engine *e, const struct input_result *in)
{
	for (size_t i = 0; i < e->rec.n_steps; i++) {
		if (e->rec.steps[i].id != in->result.id)
			continue;
		struct device_state *d = state_device(e, e->rec.steps[i].target.device);
		if (d)
			d->retry_at = 0;
	}
}

static void result_take(struct engine *e, const struct input_result *in)
{
	const struct in_flight *found = state_flight(e, in->result.id);
	if (!found) {
		late_of_another_life(e, in);
		return;
	}
	struct in_flight f = *found;
	enum step_status status = (enum step_status)in->result.status;
	if (f.looking) {
		state_flight_end(e, f.step.id);
		look_done(e, &f, in);
		return;
	}
	if (f.barrier) {
		state_flight_end(e, f.step.id);
		barrier_done(e, &f, in);
		return;
	}
	if (status == STEP_TIMEOUT) {
		step_timed_out(e, &f, in);
		return;
	}
	/* A late end also stands for a timeout that was never told. */
	if (f.abandoned && status != STEP_LATE && status != STEP_UNKNOWN)
		status = STEP_LATE;
	state_flight_end(e, f.step.id);
	if (status != STEP_UNKNOWN)
		store_step_delete(e, f.step.id);
	switch (status) {
	case STEP_DONE:
	case STEP_NOTHING:
		step_succeeded(e, &f, in);
		break;
	case STEP_REFUSED:
	case STEP_FAILED:
		step_failed(e, &f, in);
		break;
	case STEP_STUCK:
		step_stuck(e, &f, in);
		break;
	case STEP_LATE:
		results_device_free(e, f.step.target.device);
		break;
	case STEP_UNKNOWN:
		step_unknown(e, &f, in);
		break;
	case STEP_TIMEOUT:
		break;
	}
}

void results_take(struct engine *e)
{
	for (size_t i = 0; i < e->n_results; i++)
		result_take(e, &e->results[i]);
}

void results_forget(struct engine *e)
{
	for (size_t i = 0; i < e->n_results; i++)
		free(e->results[i].holders);
	free(e->results);
	e->results = NULL;
	e->n_results = 0;
}
