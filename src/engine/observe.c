/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture against the record: what was there and is not any more, what came back. An out-of-band
 * change is an ordinary observation (F31); what is not in the record is nobody of ours and not
 * even looked at here (F14).
 */
#include "engine/internal.h"

#define HOW_SIZE 256 /* as reasons have */

static bool repairs(const struct engine *e)
{
	return e->policy && e->policy->drift == DRIFT_REPAIR;
}

static bool device_there(const struct engine *e, const struct slice *s)
{
	return have_device(e->have, s->device) || have_parent(e->have, s->device);
}

/* How a slice that is not there was lost; a pulled card is another thing than a VF that somebody took. */
static void how_vanished(const struct engine *e, const struct slice *s, char ret[HOW_SIZE])
{
	const struct mech *m = goal_mech(e, s->mech);
	const char *how = NULL;
	if (!device_there(e, s))
		how = "its device is gone";
	else if (m && m->vanished)
		how = m->vanished(e->have, s);
	if (how)
		reason_set(ret, HOW_SIZE, "%s%s", how, s->claim[0] ? ", while it was held" : "");
	else
		reason_set(ret, HOW_SIZE, "it vanished%s", s->claim[0] ? " while it was held" : "");
}

static void lost(struct engine *e, uint64_t id, const char *how)
{
	struct slice *s = store_slice_edit(e, id);
	if (!s)
		return;
	s->state = SLICE_LOST;
	reason_set(s->reason, sizeof(s->reason), "%s", how);
	struct claim *c = s->claim[0] ? store_claim_edit(e, s->claim) : NULL;
	if (c && !orphan_lost(e, c)) {
		c->state = CLAIM_BROKEN;
		reason_set(c->reason, sizeof(c->reason), "%s", how);
		event_claim(e, "claim.broken", c, how);
		parts_break(e, c, how);
	}
	event_slice(e, "slice.lost", s, how);
}

static void vanished(struct engine *e, const struct slice *s)
{
	char how[HOW_SIZE];
	how_vanished(e, s, how);
	lost(e, s->id, how);
}

static void observe_held(struct engine *e, const struct slice *s)
{
	const struct mech *m = goal_mech(e, s->mech);
	bool found;
	const struct function *f = goal_find(e, s, &found);
	if (!found)
		vanished(e, s);
	else if (m && m->binds && f && !driver_is_vfio(f->driver))
		lost(e, s->id, "its VFIO driver was taken away while it was held");
}

static bool bound_as_wanted(struct engine *e, const struct slice *s, const struct function *f)
{
	const struct want *w = store_want(e, s->device);
	return !w || !w->bind_early || !f || !goal_wanted(e, s) || driver_is_vfio(f->driver);
}

static void repair(struct engine *e, uint64_t id)
{
	struct slice *s = store_slice_edit(e, id);
	if (!s)
		return;
	s->state = SLICE_WANTED;
	s->failed = 0;
	s->reason[0] = '\0';
	event_slice(e, "slice.repair", s, NULL);
}

static void observe_ready(struct engine *e, const struct slice *s)
{
	bool found;
	uint64_t id = s->id;
	const struct function *f = goal_find(e, s, &found);
	if (!found)
		vanished(e, s);
	if (repairs(e) && goal_wanted(e, s) && (!found || !bound_as_wanted(e, s, f)))
		repair(e, id);
}

/* First its driver was taken away, now the whole device: the newer reason says more. A broken claim stays
 * broken, also when the device comes back: that is not what its consumer had. */
static void observe_broken(struct engine *e, const struct slice *s)
{
	char how[HOW_SIZE];
	how_vanished(e, s, how);
	if (device_there(e, s) || str_eq(s->reason, how))
		return;
	struct slice *edit = store_slice_edit(e, s->id);
	struct claim *c = store_claim_edit(e, s->claim);
	if (!edit || !c)
		return;
	reason_set(edit->reason, sizeof(edit->reason), "%s", how);
	reason_set(c->reason, sizeof(c->reason), "%s", how);
	event_claim(e, "claim.broken", c, how);
	parts_break(e, c, how);
}

static void observe_lost(struct engine *e, const struct slice *s)
{
	bool found;
	uint64_t id = s->id;
	(void)goal_find(e, s, &found);
	if (s->claim[0]) {
		observe_broken(e, s);
		return;
	}
	if (!found && repairs(e) && goal_wanted(e, s)) {
		repair(e, id);
		return;
	}
	if (!found)
		return;
	struct slice *back = store_slice_edit(e, id);
	if (!back)
		return;
	back->state = back->dirty ? SLICE_RECLAIMING : SLICE_READY;
	back->failed = 0;
	back->reason[0] = '\0';
	event_slice(e, "slice.back", back, NULL);
}

/* A device that failed is tried again by itself only when it changed: a driver came, it was replugged. */
static void observe_device(struct engine *e, struct device_state *d)
{
	if (!d->blocked || d->attempts >= ENGINE_ATTEMPTS_MAX)
		return;
	const struct function *f = have_device(e->have, d->key);
	bool absent = !f && !have_parent(e->have, d->key);
	if (absent != d->absent || (f && !str_eq(f->driver, d->driver)))
		state_device_unblock(d);
}

/* The driver decides where some begin: then two of the record have changed places. What others made is not ours. */
static void places_follow(struct engine *e)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i], *other = NULL;
		const struct mech *m = goal_mech(e, s->mech);
		uint32_t start = s->start;
		if (!m || !m->begins || !m->begins(e->have, s, &start) || start == s->start)
			continue;
		const struct gpu_part *p = have_gpu_part(e->have, s->device, start);
		for (size_t k = 0; p && k < e->rec.n_slices; k++)
			if (slice_has_part(e->have, &e->rec.slices[k], p))
				other = &e->rec.slices[k];
		struct slice *a = other ? store_slice_edit(e, s->id) : NULL;
		struct slice *b = other ? store_slice_edit(e, other->id) : NULL;
		if (!a || !b)
			continue;
		char known_as[GPU_UUID_SIZE];
		memcpy(known_as, a->known_as, sizeof(known_as));
		memcpy(a->known_as, b->known_as, sizeof(a->known_as));
		memcpy(b->known_as, known_as, sizeof(b->known_as));
		b->start = a->start;
		a->start = start;
	}
}

void observe_slices(struct engine *e)
{
	places_follow(e);
	for (size_t i = 0; i < e->state.n_devices; i++)
		observe_device(e, &e->state.devices[i]);
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		/* While a step of the device goes on the picture is in between. */
		if (!goal_stable(s) || state_busy(e, s->device) || goal_is_unknown(e, s))
			continue;
		if (s->state == SLICE_HELD)
			observe_held(e, s);
		else if (s->state == SLICE_READY)
			observe_ready(e, s);
		else if (s->state == SLICE_LOST)
			observe_lost(e, s);
	}
}
