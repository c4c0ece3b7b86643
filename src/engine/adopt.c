/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What others made on a device under policy becomes slices: by the rule of the policy (drift: adopt), or
 * because somebody asked (adopt-request.c). A slice that is free may be handed out, so first it is seen
 * that nobody has it open. What cannot be said in the record stays foreign.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/adopt.h"

#define LOOK_GOOD_MS 10000  /* how long a look that found nobody counts */
#define LOOK_AGAIN_MS 60000 /* until it is looked again at what somebody uses */

/* --- what others made --------------------------------------------------------------------------------- */

static bool vf_is_slice(const struct engine *e, const char *device, unsigned index)
{
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (e->rec.slices[i].index == (int32_t)index &&
		    str_eq(e->rec.slices[i].device, device))
			return true;
	return false;
}

bool adopt_mdev_fits(const struct engine *e, const struct want *w, const struct mdev *m)
{
	return str_eq(w->mech, "mdev") && str_eq(m->parent, w->device) && goal_names(w, m->type) &&
	       !store_slice_mdev(e, m->uuid);
}

bool adopt_part_fits(const struct engine *e, const struct want *w, const struct gpu_part *p)
{
	const struct gpu_profile *profile = have_gpu_profile_id(e->have, p->key, p->profile);
	if (!str_eq(w->mech, "mig") || !str_eq(p->key, w->device) || !p->compute_whole ||
	    !profile || !goal_names(w, profile->name))
		return false;
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (slice_has_part(e->have, &e->rec.slices[i], p))
			return false;
	return true;
}

unsigned adopt_vfs_made(const struct engine *e, const struct want *w)
{
	const struct function *pf = have_device(e->have, w->device);
	unsigned made = pf && str_eq(w->mech, "sriov") ? have_vf_count(e->have, pf->addr) : 0;
	return made == w->count ? 0 : made;
}

const struct slice *adopt_vfs_blocked(const struct engine *e, const struct want *w)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (s->state != SLICE_READY && s->state != SLICE_LOST &&
		    str_eq(s->device, w->device))
			return s;
	}
	return NULL;
}

static bool target_add(struct targets *ts, const struct target *t)
{
	struct target *more = reallocarray(ts->items, ts->n + 1, sizeof(*more));
	if (!more)
		return false;
	ts->items = more;
	more[ts->n++] = *t;
	return true;
}

void targets_done(struct targets *ts)
{
	free(ts->items);
	*ts = (struct targets){ 0 };
}

void adopt_find(struct engine *e, const struct want *w, const char *uuid, struct targets *ret)
{
	unsigned made = uuid[0] ? 0 : adopt_vfs_made(e, w);
	struct target t = { .vf = -1 };
	*ret = (struct targets){ 0 };
	memcpy(t.device, w->device, sizeof(t.device));
	for (size_t i = 0; i < e->have->n_mdevs; i++) {
		const struct mdev *m = &e->have->mdevs[i];
		memcpy(t.uuid, m->uuid, sizeof(t.uuid));
		if ((!uuid[0] || str_eq(m->uuid, uuid)) && adopt_mdev_fits(e, w, m) &&
		    !target_add(ret, &t))
			e->failed = true;
	}
	t.uuid[0] = '\0';
	for (size_t i = 0; !uuid[0] && i < e->have->n_gpu_parts; i++) {
		t.part = e->have->gpu_parts[i].start + 1;
		if (adopt_part_fits(e, w, &e->have->gpu_parts[i]) && !target_add(ret, &t))
			e->failed = true;
	}
	t.part = 0;
	for (t.vf = 0; t.vf < (int32_t)made; t.vf++)
		if (!vf_is_slice(e, w->device, (unsigned)t.vf) && !target_add(ret, &t))
			e->failed = true;
}

/* --- who uses it ---------------------------------------------------------------------------------------- */

void adopt_looked(struct engine *e, const struct target *t, const struct input_result *in)
{
	struct look *l = state_look(e, t);
	bool looked = in->result.status == STEP_DONE || in->result.status == STEP_NOTHING;
	const struct holder *h = reclaim_holder(in);
	if (!l)
		return;
	l->at = e->now;
	l->check = looked && !h ? CHECK_GONE : CHECK_HELD;
	if (h)
		reclaim_holder_text(h, l->who, sizeof(l->who));
	else
		reason_set(l->who, sizeof(l->who), "cannot see who uses it: %s",
			   step_status_name((enum step_status)in->result.status));
}

const struct look *adopt_look(const struct engine *e, const struct target *t)
{
	for (size_t i = 0; i < e->state.n_looks; i++)
		if (target_eq(&e->state.looks[i].target, t))
			return &e->state.looks[i];
	return NULL;
}

static bool is_free(const struct engine *e, const struct target *t)
{
	const struct look *l = adopt_look(e, t);
	return l && l->check == CHECK_GONE;
}

static bool look_is_over(const struct engine *e, const struct look *l)
{
	int64_t lasts = l->check == CHECK_GONE ? LOOK_GOOD_MS : LOOK_AGAIN_MS;
	return l->check != CHECK_ASKED && l->at + lasts <= e->now;
}

static void looks_expire(struct engine *e)
{
	for (size_t i = e->state.n_looks; i > 0; i--)
		if (look_is_over(e, &e->state.looks[i - 1]))
			state_look_remove(e, i - 1);
}

void adopt_forget_looks(struct engine *e, const char *device)
{
	for (size_t i = e->state.n_looks; i > 0; i--) {
		const struct look *l = &e->state.looks[i - 1];
		if (l->check != CHECK_ASKED && str_eq(l->target.device, device))
			state_look_remove(e, i - 1);
	}
}

static void look_at(struct engine *e, const struct targets *ts)
{
	for (size_t i = 0; i < ts->n; i++) {
		if (adopt_look(e, &ts->items[i]))
			continue;
		struct look *l = state_look(e, &ts->items[i]);
		if (!l)
			return;
		l->check = CHECK_ASKED;
		work_look(e, &ts->items[i]);
	}
}

/* --- slices of it --------------------------------------------------------------------------------------- */

static struct slice *slice_add(struct engine *e, const struct want *w, const char *profile)
{
	struct slice *s = store_slice_add(e, w, profile);
	if (!s)
		return NULL;
	s->state = SLICE_READY;
	e->sync = true;
	return s;
}

struct slice *adopt_mdev(struct engine *e, const struct want *w, const char *uuid)
{
	const struct mdev *m = have_mdev(e->have, uuid);
	struct slice *s = m ? slice_add(e, w, m->type) : NULL;
	if (!s)
		return NULL;
	memcpy(s->uuid, m->uuid, sizeof(s->uuid));
	s->alone = s->adopted = s->unproven = 1;
	event_slice(e, "slice.adopted", s, NULL);
	return s;
}

static struct slice *adopt_part(struct engine *e, const struct want *w, uint32_t start)
{
	const struct gpu_part *p = have_gpu_part(e->have, w->device, start);
	const struct gpu_profile *profile = p ? have_gpu_profile_id(e->have, p->key, p->profile)
					      : NULL;
	struct slice *s = profile ? slice_add(e, w, profile->name) : NULL;
	if (!s)
		return NULL;
	s->start = start;
	memcpy(s->known_as, p->uuid, sizeof(s->known_as));
	s->alone = s->adopted = s->unproven = 1;
	event_slice(e, "slice.adopted", s, NULL);
	return s;
}

void adopt_alone(struct engine *e, const struct want *w, const struct target *t)
{
	if (t->uuid[0])
		(void)adopt_mdev(e, w, t->uuid);
	else if (t->part)
		(void)adopt_part(e, w, t->part - 1);
}

bool adopt_is_named(const struct slice *s, const char *name)
{
	return str_eq(s->uuid, name) || reclaim_is_named(s, name);
}

int adopt_refuse(struct err *reterr, const char *on, const char *todo)
{
	err_on(reterr, "%s", on);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "%s", todo);
	return -reterr->error;
}

int adopt_refuse_slice(struct err *reterr, const struct slice *s, const char *todo)
{
	char name[SYS_PATH_SIZE];
	return adopt_refuse(reterr, slice_name(s, name, sizeof(name)) < 0 ? s->device : name, todo);
}

void adopt_slice_forget(struct engine *e, uint64_t id, const char *why)
{
	const struct slice *s = store_slice(e, id);
	if (!s)
		return;
	event_slice(e, "slice.disowned", s, why);
	state_slice_forget(e, id);
	store_slice_delete(e, id);
	e->sync = true;
}

/* A claim that others broke ends as any other; whose data was on a disk stays known. */
static bool vf_is_over(const struct slice *s, const struct want *w)
{
	return s->index >= (int32_t)w->count && !s->claim[0] && !s->dirty &&
	       str_eq(s->device, w->device);
}

void adopt_vfs(struct engine *e, const struct want *old, unsigned made)
{
	struct want w = *old;
	char vfs[16];
	w.count = made;
	apply_want_set(e, w.device, &w);
	for (size_t i = e->rec.n_slices; i > 0; i--) {
		const struct slice *s = &e->rec.slices[i - 1];
		if (vf_is_over(s, &w))
			adopt_slice_forget(e, s->id, "others changed the number of VFs");
	}
	for (unsigned i = 0; i < made; i++) {
		struct slice *s = vf_is_slice(e, w.device, i) ? NULL : slice_add(e, &w, "vf");
		if (!s)
			continue;
		s->index = (int32_t)i;
		event_slice(e, "slice.adopted", s, NULL);
	}
	struct device_state *d = state_device(e, w.device);
	if (d)
		d->has_former =
			false; /* what a failed apply would go back to is not there any more */
	(void)STR_FORMAT(vfs, "%u", made);
	event_add(e, "device.adopted", "device", w.device, "vfs", vfs, NULL);
	e->sync = true;
}

/* --- by the rule of the policy ----------------------------------------------------------------------------- */

static bool by_rule(const struct engine *e)
{
	return e->policy && e->policy->drift == DRIFT_ADOPT && !e->scratch;
}

/* Nothing of ours goes on there: what is seen is what others made of it. */
static bool is_calm(struct engine *e, const char *device)
{
	const struct device_state *d = state_device(e, device);
	return d && !d->stuck[0] && !d->blocked && !state_busy(e, device);
}

static void rule_find(struct engine *e, const struct want *w, struct targets *ret)
{
	*ret = (struct targets){ 0 };
	if (is_calm(e, w->device) && !(adopt_vfs_made(e, w) && adopt_vfs_blocked(e, w)))
		adopt_find(e, w, "", ret);
}

static void rule_adopt(struct engine *e, const struct want *w)
{
	_cleanup_(targets_done) struct targets ts;
	unsigned made = adopt_vfs_made(e, w);
	size_t free = 0;
	rule_find(e, w, &ts);
	for (size_t i = 0; i < ts.n; i++) {
		if (!is_free(e, &ts.items[i]))
			continue;
		free++;
		adopt_alone(e, w, &ts.items[i]);
	}
	if (made && free == ts.n && is_calm(e, w->device) && !adopt_vfs_blocked(e, w))
		adopt_vfs(e, w, made);
}

/* An mdev that others removed is not missed, as one that they made is not foreign. */
static void rule_forget(struct engine *e)
{
	for (size_t i = e->rec.n_slices; i > 0; i--) {
		const struct slice *s = &e->rec.slices[i - 1];
		bool there = have_device(e->have, s->device) || have_parent(e->have, s->device);
		if (s->state == SLICE_LOST && s->alone && !s->claim[0] && !s->dirty && there &&
		    store_want(e, s->device) && is_calm(e, s->device))
			adopt_slice_forget(e, s->id, "others removed it");
	}
}

/* --- each turn --------------------------------------------------------------------------------------------- */

void adopt_run(struct engine *e)
{
	looks_expire(e);
	if (by_rule(e)) {
		rule_forget(e);
		for (size_t i = 0; i < e->rec.n_wants; i++) {
			const struct want w = e->rec.wants[i];
			rule_adopt(e, &w);
		}
	}
	adopt_requests_run(e);
}

void adopt_emit(struct engine *e)
{
	if (e->scratch || !e->have)
		return;
	for (size_t i = 0; by_rule(e) && i < e->rec.n_wants; i++) {
		_cleanup_(targets_done) struct targets ts;
		rule_find(e, &e->rec.wants[i], &ts);
		look_at(e, &ts);
	}
	for (size_t i = 0; i < e->state.n_waiters; i++) {
		const struct waiter *waiter = &e->state.waiters[i];
		const struct want *w = waiter->kind == WAIT_ADOPT ? store_want(e, waiter->only)
								  : NULL;
		_cleanup_(targets_done) struct targets ts = { 0 };
		if (w)
			adopt_find(e, w, waiter->uuid, &ts);
		look_at(e, &ts);
	}
}

int64_t adopt_wake(const struct engine *e)
{
	int64_t wake = -1;
	for (size_t i = 0; i < e->state.n_looks; i++) {
		const struct look *l = &e->state.looks[i];
		int64_t at = l->at + LOOK_AGAIN_MS;
		if (l->check == CHECK_HELD && (wake < 0 || at < wake))
			wake = at;
	}
	return wake;
}
