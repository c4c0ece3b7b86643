/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From goals to steps: slices whose goal holds move on, every idle device gets its next step. On one
 * device one step at a time, what goes away before what comes; different devices in parallel.
 */
#include <errno.h>

#include "base/array.h"
#include "engine/internal.h"

/* --- moving on ------------------------------------------------------------------------------------- */

static void wanted_reached(struct engine *e, uint64_t id)
{
	struct slice *s = store_slice_edit(e, id);
	const struct mech *m = s ? goal_mech(e, s->mech) : NULL;
	if (!m)
		return;
	bool found;
	const struct function *f = m->find(e->have, s, &found);
	/* It is with its own driver: what that is, is seen anew when it is bound again. */
	if (f && !driver_is_vfio(f->driver))
		slice_forget_original(s);
	enum mech_proof proof = reclaim_proof(e, s);
	s->state = s->dirty && proof != PROOF_KEPT ? SLICE_RECLAIMING : SLICE_READY;
	if (!s->failed)
		s->reason[0] = '\0';
	if (s->state == SLICE_READY && s->dirty)
		reclaim_keep(e, s);
	state_slice_forget(e, id);
	const struct slice *before = store_slice_before(e, id);
	if (s->state == SLICE_READY && !(before && before->state == SLICE_READY))
		event_slice(e, "slice.ready", s, NULL);
}

static void preparing_reached(struct engine *e, uint64_t id)
{
	struct slice_state_volatile *v = state_slice(e, id);
	if (!v || v->finished)
		return;
	v->finished = true;
	v->finished_at = e->now;
	if (e->state.grant_since < 0)
		e->state.grant_since = e->now;
}

/* What lies on a disk outlives the VF: as long as the record says whose it is, nobody else gets it. */
static bool remembers_data(struct engine *e, uint64_t id)
{
	bool found;
	struct slice *s = store_slice_edit(e, id);
	if (!s || !s->dirty)
		return false;
	(void)goal_find(e, s, &found);
	/* A rule kept it, and it is gone with all that was in it. */
	if (!found && reclaim_destroyed_is_clean(e, s))
		return false;
	s->state = found ? SLICE_READY : SLICE_LOST;
	reason_set(s->reason, sizeof(s->reason), "not wanted; it holds data of uid %u",
		   s->last_uid);
	state_slice_forget(e, id);
	return true;
}

static void removing_reached(struct engine *e, uint64_t id)
{
	const struct slice *s = store_slice(e, id);
	if (!s || remembers_data(e, id))
		return;
	const struct slice gone = *s;
	event_slice(e, "slice.removed", s, NULL);
	state_slice_forget(e, id);
	store_slice_delete(e, id);
	apply_fill(e, gone.device, gone.mech);
}

/* True when the slice moved to another state. */
static bool reached(struct engine *e, uint64_t id, enum slice_state state)
{
	switch (state) {
	case SLICE_WANTED:
		wanted_reached(e, id);
		return true;
	case SLICE_PREPARING:
		preparing_reached(e, id);
		return false;
	case SLICE_RECLAIMING:
		reclaim_settle(e, id);
		return true;
	case SLICE_REMOVING:
		removing_reached(e, id);
		return true;
	case SLICE_READY:
	case SLICE_HELD:
	case SLICE_QUARANTINED:
	case SLICE_LOST:
		break;
	}
	return false;
}

static void waits_set(struct engine *e, const struct slice *s, const char *waits)
{
	struct slice_state_volatile *v = state_slice(e, s->id);
	if (v)
		reason_set(v->waits, sizeof(v->waits), "%s", waits);
}

/* What stands in the way of a slice, in one line. */
static void err_line(const struct err *err, char *ret, size_t size)
{
	reason_set(ret, size, "%s%s%s", err->what ? err->what : "it failed",
		   err->because ? ": " : "", err->because ? err->because : "");
	for (char *p = ret; *p; p++)
		if (*p == '\n')
			*p = ';';
}

/* A fresh claim that cannot be served fails; what is restored or wanted waits with the reason. */
static bool slice_cannot(struct engine *e, uint64_t id, struct err *err)
{
	const struct slice *s = store_slice(e, id);
	char line[256], claim[NAME_SIZE];
	err_line(err, line, sizeof(line));
	memcpy(claim, s->claim, sizeof(claim));
	if (s->state == SLICE_PREPARING && state_has_waiter(e, WAIT_ALLOC, claim)) {
		claim_fail(e, claim, err);
		return true;
	}
	bool no_effect = err_is_set(err) && str_eq(err->id, "engine.no-effect");
	if (s->state == SLICE_RECLAIMING && no_effect) {
		reclaim_quarantine(e, id, err);
		return true;
	}
	waits_set(e, s, line);
	if (s->state == SLICE_RECLAIMING)
		reclaim_waits(e, s, line);
	if (no_effect && s->state == SLICE_WANTED)
		work_device_failed(e, s->device, err);
	else if (no_effect)
		work_device_block(e, s->device, err);
	return false;
}

static void seen_soon_set(struct engine *e, uint64_t id, bool soon)
{
	struct slice_state_volatile *v = soon ? state_slice(e, id) : state_slice_peek(e, id);
	if (v)
		v->seen_soon = soon;
}

static bool slice_advance(struct engine *e, uint64_t id)
{
	_cleanup_err_ struct err err = { 0 };
	struct work work;
	char waits[256] = "";
	const struct slice *s = store_slice(e, id);
	enum slice_state state = (enum slice_state)s->state;
	int r = goal_slice(e, s, &work, waits, &err);
	seen_soon_set(e, id, r == -EINPROGRESS);
	if (r == 0)
		return reached(e, id, state);
	struct slice_state_volatile *v = state_slice(e, id);
	if (v)
		v->finished = false;
	if (r == -EAGAIN || r == -EINPROGRESS) {
		bool found;
		waits_set(e, s, waits);
		(void)goal_find(e, s, &found);
		if (!found && state == SLICE_RECLAIMING)
			reclaim_waits(e, s, waits);
	} else if (r < 0) {
		return slice_cannot(e, id, &err);
	}
	return false;
}

static bool comes(const struct slice *s)
{
	return !s->alone &&
	       (s->state == SLICE_WANTED || (s->state == SLICE_PREPARING && !s->dirty));
}

/* Wanted and fresh slices count only when the whole layout of their device does. */
static bool layout_open(struct engine *e, const struct slice *s)
{
	_cleanup_err_ struct err err = { 0 };
	struct work work;
	char waits[256] = "";
	if (!comes(s))
		return false;
	int r = goal_layout(e, s->device, &work, waits, &err);
	if (r >= 0)
		return r > 0;
	if (r != -EAGAIN)
		err_line(&err, waits, sizeof(waits));
	waits_set(e, s, waits);
	return true;
}

/* The last answer, for the next slice of the same device: it costs as much as the device has VFs. */
struct layout_answer {
	char device[DEVICE_KEY_SIZE];
	bool open;
};

static bool layout_open_cached(struct engine *e, const struct slice *s, struct layout_answer *last)
{
	if (str_eq(last->device, s->device) && last->open)
		return comes(s);
	bool open = layout_open(e, s);
	memcpy(last->device, s->device, sizeof(last->device));
	last->open = open;
	return open;
}

/* Something is missing again: it is not to be granted as it is. */
static void not_finished(struct engine *e, uint64_t id)
{
	struct slice_state_volatile *v = state_slice_peek(e, id);
	if (v)
		v->finished = false;
}

static bool advance_once(struct engine *e)
{
	bool moved = false;
	struct layout_answer last = { 0 };
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		uint64_t id = s->id;
		if (goal_stable(s) || state_busy(e, s->device))
			continue;
		if (layout_open_cached(e, s, &last)) {
			not_finished(e, id);
			continue;
		}
		if (!slice_advance(e, id))
			continue;
		moved = true;
		if (i >= e->rec.n_slices || e->rec.slices[i].id != id)
			i--; /* it was removed: the next one took its place */
	}
	return moved;
}

bool work_advance(struct engine *e)
{
	bool moved = false;
	store_names_settle(e);
	for (unsigned pass = 0; pass < 4 && advance_once(e); pass++)
		moved = true;
	return moved;
}

/* --- sending out ------------------------------------------------------------------------------------- */

static struct in_flight *flight_add(struct engine *e, const struct work *w)
{
	struct in_flight *f = state_flight_add(e);
	if (f)
		*f = (struct in_flight){ .step = w->step,
					 .slice = w->slice,
					 .looking = w->looking,
					 .barrier = w->barrier };
	return f;
}

static int turn_step_add(struct engine *e, const struct step *s)
{
	struct turn *t = e->turn;
	struct step *added = ARRAY_ADD(t->steps, t->n_steps);
	if (!added)
		return -ENOMEM;
	*added = *s;
	return 0;
}

/* From here on the device may be in a mode that it was not in before. */
static void opened_note(struct engine *e, const struct slice *of, uint8_t what)
{
	const struct slice s = *of;
	const struct want *w = store_want(e, s.device);
	bool wanted = w && str_eq(w->mech, s.mech) && !(w->opened & what);
	struct want *want = wanted ? store_want_edit(e, s.device) : NULL;
	if (want)
		want->opened |= what;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *o = &e->rec.slices[i];
		bool same = str_eq(o->device, s.device) && str_eq(o->mech, s.mech);
		struct slice *edit = same && !(o->opened & what) ? store_slice_edit(e, o->id)
								 : NULL;
		if (edit)
			edit->opened |= what;
	}
}

static uint8_t opens(const struct step *s)
{
	if (!s->number)
		return 0;
	if (s->verb == VERB_VGPU_VFS)
		return OPENED_VFS;
	/* That of a GPU instance goes with it. */
	bool server = s->verb == VERB_MPS_START && !s->target.part;
	return s->verb == VERB_MIG_MODE || server ? OPENED_MODE : 0;
}

/* What must be on disk before that step may happen: the driver it takes a function from (F01), and
 * that somebody could have used the slice from here on (F28). */
static void step_note(struct engine *e, const struct slice *s, const struct step *step)
{
	struct slice *edit = store_slice_edit(e, s->id);
	if (!edit)
		return;
	const struct claim *c = edit->claim[0] ? store_claim(e, edit->claim) : NULL;
	if (step->verb == VERB_GRANT && c)
		store_slice_used(edit, c);
	bool sets = step->verb == VERB_VGPU_SET && step->number;
	if (step->verb == VERB_MDEV_CREATE || step->verb == VERB_MIG_CREATE || sets)
		edit->unproven = 0;
	if (sets)
		edit->asked |= ASKED_TYPE;
	if (step->verb == VERB_MIG_CREATE) {
		edit->asked |= ASKED_PART;
		edit->known_as[0] = '\0';
	}
	store_mates_follow(e, edit);
	if (opens(step))
		opened_note(e, edit, opens(step));
	if (step->verb == VERB_BIND) {
		work_note_original(e, edit);
		/* Asked before and never answered: that step may have done it. */
		if (edit->index < 0)
			edit->power_pinned = edit->power_pinned ? SLICE_POWER_PINNED
								: SLICE_POWER_ASKED;
	}
}

void work_note_original(struct engine *e, struct slice *s)
{
	bool found;
	const struct function *f = s->has_original ? NULL : goal_find(e, s, &found);
	if (!f || driver_is_vfio(f->driver))
		return;
	s->has_original = 1;
	(void)STR_COPY(s->original_driver, f->driver);
	const struct want *w = f->is_vf ? NULL : store_want(e, s->device);
	str_copy_words(s->original_netdevs, sizeof(s->original_netdevs), w ? w->netdevs : "");
}

void work_send(struct engine *e, struct work *w)
{
	const struct slice *s = w->slice ? store_slice(e, w->slice) : NULL;
	w->step.id = store_id(e);
	bool changes = !w->looking && !w->barrier;
	if (s && changes)
		step_note(e, s, &w->step);
	struct in_flight *f = flight_add(e, w);
	if (!f || turn_step_add(e, &w->step) < 0 || (changes && store_step_add(e, &w->step) < 0)) {
		e->failed = true;
		return;
	}
	s = w->slice ? store_slice(e, w->slice) : NULL;
	if (s)
		f->phase = s->state;
	if (w->step.verb == VERB_HOLDERS && s)
		state_slice(e, s->id)->check = CHECK_ASKED;
}

/* The order on one device: what goes, then the layout, then what somebody waits for, then the rest. */
static const enum slice_state going[] = { SLICE_RECLAIMING, SLICE_REMOVING };
static const enum slice_state coming[] = { SLICE_PREPARING, SLICE_WANTED };

static bool retry_later(const struct engine *e, const struct slice_state_volatile *v)
{
	return v && v->retry_at > e->now;
}

/* On a device that failed: only what goes away, and what somebody asks for now. */
static bool is_asked_for(const struct engine *e, const struct slice *s)
{
	return s->state == SLICE_RECLAIMING || s->state == SLICE_REMOVING ||
	       (s->state == SLICE_PREPARING && state_has_waiter(e, WAIT_ALLOC, s->claim));
}

/* Looks at the slices of the device in that state; 1 when *ret is a changing step to be sent. Looks at
 * holders go out at once: they disturb nobody. */
static int pick_from(struct engine *e, const char *device, enum slice_state state, bool blocked,
		     struct work *ret)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (s->state != state || !str_eq(s->device, device))
			continue;
		const struct slice_state_volatile *v = state_slice_peek(e, s->id);
		if (retry_later(e, v) || (v && v->finished) || (blocked && !is_asked_for(e, s)))
			continue;
		_cleanup_err_ struct err err = { 0 };
		char waits[256];
		int r = goal_slice(e, s, ret, waits, &err);
		if (r == 1 && ret->looking)
			work_send(e, ret);
		else if (r == 1)
			return 1;
	}
	return 0;
}

static int pick_layout(struct engine *e, const char *device, struct work *ret)
{
	_cleanup_err_ struct err err = { 0 };
	char waits[256] = "", line[256] = "";
	struct device_state *d = state_device(e, device);
	int r = goal_layout(e, device, ret, waits, &err);
	if (r < 0 && r != -EAGAIN)
		err_line(&err, line, sizeof(line));
	if (d)
		reason_set(d->waits, sizeof(d->waits), "%s", r == -EAGAIN ? waits : line);
	if (r == -EIO && err_is_set(&err) && str_eq(err.id, "engine.no-effect"))
		work_device_failed(e, device, &err);
	return r;
}

/* May that device be worked on now? going: what leaves is taken back even from a device that failed. */
static bool device_open(struct engine *e, const struct device_state *d)
{
	return !d->stuck[0] && d->retry_at <= e->now && !state_busy(e, d->key);
}

static int pick_all(struct engine *e, const struct device_state *d, struct work *ret)
{
	char key[DEVICE_KEY_SIZE];
	memcpy(key, d->key, sizeof(key));
	bool blocked = d->blocked;
	for (size_t i = 0; i < 2; i++)
		if (pick_from(e, key, going[i], blocked, ret) > 0)
			return 1;
	if (!blocked && goal_layout_needed(e, key)) {
		int r = pick_layout(e, key, ret);
		if (r != 0)
			return r > 0;
	}
	if (pick_from(e, key, coming[0], blocked, ret) > 0)
		return 1;
	return pick_from(e, key, coming[1], blocked, ret) > 0;
}

static void device_emit(struct engine *e, const char *device)
{
	struct work work;
	struct device_state *d = state_device(e, device);
	if (d && device_open(e, d) && pick_all(e, d, &work) && services_before(e, &work))
		work_send(e, &work);
}

static struct work look_of(const struct engine *e, const struct target *t)
{
	struct work work = { .looking = true };
	const struct gpu_part *part = t->part ? have_gpu_part(e->have, t->device, t->part - 1)
					      : NULL;
	work.step.verb = VERB_HOLDERS;
	work.step.target = *t;
	work.step.number = part ? part->instance : 0;
	return work;
}

struct work work_look_at(const struct engine *e, const struct slice *s)
{
	struct work work = { .slice = s->id, .looking = true };
	const struct gpu_part *part = slice_is_part(s) ? have_gpu_part(e->have, s->device, s->start)
						       : NULL;
	work.step.verb = VERB_HOLDERS;
	work.step.target = slice_target(s);
	work.step.number = part ? part->instance : 0;
	return work;
}

static void look_emit(struct engine *e, const struct slice *s)
{
	struct work work = work_look_at(e, s);
	work_send(e, &work);
}

void work_look(struct engine *e, const struct target *t)
{
	struct work work = look_of(e, t);
	work_send(e, &work);
}

/* A held slice of which somebody says that its consumer is gone: look. */
static void prompts_emit(struct engine *e)
{
	for (size_t i = 0; i < e->state.n_slices; i++) {
		const struct slice_state_volatile *v = &e->state.slices[i];
		const struct slice *s = v->prompted ? store_slice(e, v->id) : NULL;
		if (s && s->state == SLICE_HELD && v->check != CHECK_ASKED && v->retry_at <= e->now)
			look_emit(e, s);
	}
}

/* Those whose lease depends on whether they are used. */
static void leases_emit(struct engine *e)
{
	for (size_t i = 0; i < e->rec.n_claims; i++) {
		const struct claim *c = &e->rec.claims[i];
		const struct slice *s = lease_look_due(e, c) ? store_slice(e, c->slice) : NULL;
		/* Whose use nobody can see may be in use. */
		if (s && goal_is_shared(e, s))
			lease_seen(e, s, LEASE_USED);
		else if (s)
			look_emit(e, s);
	}
}

/* After a restart of either service an earlier step may still be on its way in the executor. Steps on
 * one device run in order, so one that only checks and changes nothing comes back after all of them. */
static void barriers_emit(struct engine *e)
{
	for (size_t i = 0; i < e->state.n_devices; i++) {
		const struct device_state *d = &e->state.devices[i];
		if (!d->barrier || d->retry_at > e->now || state_in_flight(e, d->key))
			continue;
		struct work work = { .step = d->barrier_step, .barrier = true };
		work_send(e, &work);
	}
}

/* Why nothing is sent to that device, for as long as something there takes; NULL: it is open, or busy with
 * a step that has its deadline still before it. */
static const char *device_waits(const struct engine *e, const struct device_state *d)
{
	if (d->stuck[0])
		return d->stuck;
	if (d->retry_at <= e->now && !(d->barrier && d->backoff_ms))
		return NULL;
	return d->waits[0] ? d->waits : "an earlier step on that device to end";
}

/* Nobody looks at what is taken back from such a device: who released it is told why. */
static void waits_tell(struct engine *e)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (s->state != SLICE_RECLAIMING || !s->claim[0])
			continue;
		const struct device_state *d = state_device(e, s->device);
		const char *waits = d ? device_waits(e, d) : NULL;
		if (waits)
			reclaim_waits(e, s, waits);
	}
}

static bool has_work(const struct engine *e, const char *device)
{
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (str_eq(e->rec.slices[i].device, device) && !goal_stable(&e->rec.slices[i]))
			return true;
	return false;
}

static void devices_begin(struct engine *e)
{
	for (size_t i = 0; i < e->state.n_devices; i++) {
		struct device_state *d = &e->state.devices[i];
		d->at_gate = false;
		/* Nobody will try again what is missing no more: a device can come back as it is wanted. */
		if (d->waits[0] && !d->barrier && !has_work(e, d->key))
			d->waits[0] = '\0';
	}
}

void work_emit(struct engine *e)
{
	store_names_settle(e);
	barriers_emit(e);
	prompts_emit(e);
	leases_emit(e);
	devices_begin(e);
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		/* Each device once: at its first slice. */
		const char *device = e->rec.slices[i].device;
		bool first = !goal_stable(&e->rec.slices[i]);
		for (size_t k = 0; first && k < i; k++)
			first = goal_stable(&e->rec.slices[k]) ||
				!str_eq(e->rec.slices[k].device, device);
		if (first)
			device_emit(e, device);
	}
	waits_tell(e);
}

/* --- failure of a device -------------------------------------------------------------------------------- */

static void device_block(struct engine *e, struct device_state *d, struct err *err)
{
	const struct function *f = have_device(e->have, d->key);
	if (!d->blocked)
		d->attempts++;
	d->blocked = true;
	json_decref(d->err);
	d->err = err_to_json(err);
	d->went_back = false;
	d->absent = !f && !have_parent(e->have, d->key);
	d->driver[0] = '\0';
	if (f)
		(void)STR_COPY(d->driver, f->driver);
}

void work_device_block(struct engine *e, const char *device, struct err *err)
{
	struct device_state *d = state_device(e, device);
	if (!d)
		return;
	event_add(e, "device.failed", "device", device, "reason", err->what, "because",
		  err->because, NULL);
	state_dones_clear_all(e, device);
	err_state(err, "the device is as carve list shows it; it is not tried again by itself");
	err_todo(err, "when the cause is gone: carve apply");
	device_block(e, d, err);
	err_done(err);
}

/* The transaction is a device: its former layout comes back, or it stays as it is, with the reason. */
void work_device_failed(struct engine *e, const char *device, struct err *err)
{
	struct device_state *d = state_device(e, device);
	if (!d)
		return;
	if (!d->has_former) {
		work_device_block(e, device, err);
		return;
	}
	char key[DEVICE_KEY_SIZE]; /* device may point into what changes below */
	memcpy(key, d->key, sizeof(key));
	event_add(e, "device.failed", "device", key, "reason", err->what, "because", err->because,
		  NULL);
	d->has_former = false;
	json_decref(d->err);
	err_state(err, "its former layout is being put back");
	d->err = err_to_json(err);
	d->went_back = true;
	struct want former = d->former;
	const struct want *back = d->had_want ? &former : NULL;
	apply_want_set(e, key, back);
	apply_device(e, key, back, true);
	err_done(err);
}
