/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units of systemd that the policy has stopped before a device is changed or taken from its driver. Those
 * that run are recorded as steps that start them, before they are stopped; these steps stay in the record
 * until they are performed, which is when every device that names the unit is at rest. So whatever ends
 * in between, what was stopped is started again. Only in the same boot: the next one starts units itself.
 */
#include <errno.h>

#include "engine/internal.h"

bool services_verb(enum verb v)
{
	return v == VERB_SERVICE_LOOK || v == VERB_SERVICE_STOP || v == VERB_SERVICE_START;
}

/* The recorded start of a unit; NULL: it was not stopped. The first is the one of when it was. */
static const struct step *owed(const struct engine *e, const char *unit)
{
	for (size_t i = 0; i < e->rec.n_steps; i++)
		if (e->rec.steps[i].verb == VERB_SERVICE_START &&
		    str_eq(e->rec.steps[i].text, unit))
			return &e->rec.steps[i];
	return NULL;
}

static void owed_delete(struct engine *e, const char *unit)
{
	for (const struct step *s; (s = owed(e, unit));)
		store_step_delete(e, s->id);
}

/* Also of a device that no longer names it, and when nobody knows whether a stop has come to its end. */
static bool on_its_way(const struct engine *e, const char *unit)
{
	for (size_t i = 0; i < e->rec.n_steps; i++)
		if (e->rec.steps[i].verb == VERB_SERVICE_STOP && str_eq(e->rec.steps[i].text, unit))
			return true;
	for (size_t i = 0; i < e->state.n_flights; i++) {
		const struct step *s = &e->state.flights[i].step;
		if (services_verb((enum verb)s->verb) && !s->check_only && str_eq(s->text, unit))
			return true;
	}
	return false;
}

/* --- before a step ---------------------------------------------------------------------------- */

/* Does it change how the device is laid out, or take it from its driver? */
static bool disturbs(const struct engine *e, const struct step *s)
{
	if (s->target.vf >= 0 || s->target.uuid[0] || s->target.part)
		return false;
	const struct function *f = have_device(e->have, s->target.device);
	return s->verb == VERB_SET_VFS || s->verb == VERB_NVME_FLEX || s->verb == VERB_MIG_MODE ||
	       s->verb == VERB_VGPU_VFS || s->verb == VERB_VGPU_MIXED ||
	       s->verb == VERB_VGPU_SCHEDULER ||
	       (s->verb == VERB_BIND && f && !driver_is_vfio(f->driver));
}

static bool instead(struct work *w, enum verb verb, const char *unit)
{
	const struct target target = w->step.target;
	w->step = (struct step){ .verb = verb, .target = target };
	w->looking = verb == VERB_SERVICE_LOOK;
	(void)STR_COPY(w->step.text, unit);
	return true;
}

static bool wait_for_unit(struct device_state *d, const char *unit)
{
	reason_set(d->waits, sizeof(d->waits), "%s to stop", unit);
	return false;
}

bool services_before(struct engine *e, struct work *w)
{
	struct device_state *d = state_device(e, w->step.target.device);
	const struct want *want = store_want(e, w->step.target.device);
	if (!d || !want || !disturbs(e, &w->step))
		return d != NULL;
	d->at_gate = true;
	/* All are looked at before one is stopped: that may take others with it. */
	for (uint32_t i = 0; i < want->n_services; i++) {
		const char *unit = want->services[i];
		struct unit_state *u = state_unit(e, unit);
		if (!u || on_its_way(e, unit))
			return wait_for_unit(d, unit);
		if (u->is == UNIT_UNKNOWN && !owed(e, unit))
			return instead(w, VERB_SERVICE_LOOK, unit);
	}
	for (uint32_t i = 0; i < want->n_services; i++)
		if (state_unit(e, want->services[i])->is == UNIT_UNKNOWN)
			return instead(w, VERB_SERVICE_STOP, want->services[i]);
	d->at_gate = false;
	/* It goes out long after the commit that it is for, and its device may look as if it never had. */
	if (want->n_services)
		e->sync = true;
	return true;
}

/* --- afterwards ------------------------------------------------------------------------------- */

/* Nothing is done there, and nothing can be at the moment: it settled, failed, or waits for others. */
static bool at_rest(const struct engine *e, const char *device)
{
	for (size_t i = 0; i < e->state.n_devices; i++) {
		const struct device_state *d = &e->state.devices[i];
		if (str_eq(d->key, device) && d->stuck[0])
			return true;
		if (str_eq(d->key, device) &&
		    (d->at_gate || d->barrier || (!d->blocked && d->retry_at > e->now)))
			return false;
	}
	for (size_t i = 0; i < e->state.n_dones; i++)
		if (str_eq(e->state.dones[i].step.target.device, device) &&
		    e->now - e->state.dones[i].at < ENGINE_SEEN_MS)
			return false;
	return !state_in_flight(e, device);
}

static bool names(const struct want *w, const char *unit)
{
	for (uint32_t i = 0; i < w->n_services; i++)
		if (str_eq(w->services[i], unit))
			return true;
	return false;
}

static bool users_rest(const struct engine *e, const char *unit)
{
	for (size_t i = 0; i < e->rec.n_wants; i++)
		if (names(&e->rec.wants[i], unit) && !at_rest(e, e->rec.wants[i].device))
			return false;
	return true;
}

/* What did not run need not be stopped now; it may run the next time. */
static void units_forget(struct engine *e)
{
	for (size_t i = e->state.n_units; i > 0; i--) {
		const char *unit = e->state.units[i - 1].unit;
		if (!owed(e, unit) && !on_its_way(e, unit) && users_rest(e, unit))
			state_unit_remove(e, i - 1);
	}
}

/* The last that was stopped is the first that starts again. */
static const struct step *next_start(const struct engine *e)
{
	for (size_t i = e->rec.n_steps; i > 0; i--) {
		const struct step *s = &e->rec.steps[i - 1];
		if (s->verb == VERB_SERVICE_START && !on_its_way(e, s->text) &&
		    at_rest(e, s->target.device) && users_rest(e, s->text))
			return s;
	}
	return NULL;
}

void services_after(struct engine *e)
{
	for (const struct step *s; !e->failed && (s = next_start(e));) {
		struct work work = { .step.verb = VERB_SERVICE_START, .step.target = s->target };
		memcpy(work.step.text, s->text, sizeof(work.step.text));
		work_send(e, &work);
	}
	units_forget(e);
}

/* --- results ---------------------------------------------------------------------------------- */

static void start_owe(struct engine *e, const struct step *look)
{
	struct step start = { .id = store_id(e),
			      .verb = VERB_SERVICE_START,
			      .target = look->target };
	memcpy(start.text, look->text, sizeof(start.text));
	e->sync = true;
	if (store_step_add(e, &start) < 0)
		e->failed = true;
}

static void unit_event(struct engine *e, const char *event, const struct step *s)
{
	event_add(e, event, "unit", s->text, "device", s->target.device, NULL);
}

void services_done(struct engine *e, const struct step *s, const struct step_result *r)
{
	struct unit_state *u = state_unit(e, s->text);
	if (!u)
		return;
	if (s->verb == VERB_SERVICE_LOOK && r->number) {
		start_owe(e, s);
	} else if (s->verb == VERB_SERVICE_LOOK) {
		u->is = UNIT_RESTS;
	} else if (s->verb == VERB_SERVICE_STOP) {
		u->is = UNIT_STOPPED;
		unit_event(e, "service.stopped", s);
	} else {
		u->is = UNIT_UNKNOWN;
		owed_delete(e, s->text);
		unit_event(e, "service.started", s);
	}
}

void services_start_failed(struct engine *e, const struct step *s, struct err *err)
{
	struct unit_state *u = state_unit(e, s->text);
	struct device_state *d = state_device(e, s->target.device);
	if (!u || !d)
		return;
	event_add(e, "service.failed", "unit", s->text, "device", s->target.device, "reason",
		  err->what, "because", err->because, NULL);
	u->is = UNIT_UNKNOWN;
	/* When the device goes back for that, it is tried once more behind it. */
	bool failed = d->err != NULL;
	if (failed || !d->has_former)
		owed_delete(e, s->text);
	if (!failed)
		work_device_failed(e, s->target.device, err);
}

void services_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		       struct err *reterr)
{
	bool start = s->verb == VERB_SERVICE_START;
	if (r->status == STEP_REFUSED) {
		err_set(reterr, "service.not-listed", EPERM, "refused to %s %s",
			start ? "start" : "stop", s->text);
		err_todo(reterr, "as root: carve enroll --service %s", s->text);
	} else if (r->status == STEP_FAILED && r->error == ENOENT) {
		err_set(reterr, "service.absent", ENOENT, "there is no unit %s on this host",
			s->text);
		err_todo(reterr, "correct its name in services, or install it");
	} else {
		err_set(reterr, start ? "service.start" : "service.stop", r->error ? r->error : EIO,
			"cannot %s %s", start ? "start" : "stop", s->text);
		err_todo(reterr, "systemctl status %s", s->text);
	}
	mech_err_on(reterr, h, NULL, &s->target);
	err_because(reterr, "%s", r->detail[0] ? r->detail : "its end was never told");
	err_state(reterr, start ? "it does not run; the device is as carve list shows it"
				: "the device was not changed");
}
