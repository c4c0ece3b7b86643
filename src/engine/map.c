/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices as rows of slots: which parts there are, who holds them, what is left. As it is, or as a policy
 * would have it.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "place/set.h"

struct row {
	json_t *parts;
	json_t *last; /* the last of the parts, which may stand for several */
};

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	const char *x = json_string_value(json_object_get(a, key)),
		   *y = json_string_value(json_object_get(b, key));
	return (!x && !y) || (x && y && str_eq(x, y));
}

/* Parts without slots that nobody holds are told together. */
static void row_add(struct row *r, json_t *part)
{
	if (!part)
		return;
	bool alone = json_object_get(part, "claim") || json_object_get(part, "start");
	if (r->last && !alone && !json_object_get(r->last, "claim") &&
	    same_text(r->last, part, "profile") && same_text(r->last, part, "state") &&
	    same_text(r->last, part, "reason")) {
		json_int_t n = json_integer_value(json_object_get(r->last, "count"));
		json_object_set_new(r->last, "count", json_integer(n + 1));
		json_decref(part);
		return;
	}
	json_object_set_new(part, "count", json_integer(1));
	json_array_append_new(r->parts, part);
	r->last = part;
}

/* Thousandths of the device: of its slots, or of the counter of which the profile takes most. What takes nothing
 * that is counted, and is there once, is the device. */
static uint32_t share_of(const struct capacity *k, const struct capacity_profile *p)
{
	uint64_t most = p->size ? 1000ull * p->size / k->n_slots : 0;
	for (uint32_t i = 0; i < k->n_counters && !p->size; i++) {
		uint64_t total = k->counters[i].total;
		uint64_t share = total ? 1000ull * p->takes[i] / total : 0;
		most = share > most ? share : most;
	}
	return most == 0 && p->most == 1 ? 1000 : (uint32_t)most;
}

static json_t *part_json(const struct capacity *k, const char *profile, uint32_t start,
			 const char *state)
{
	int number = capacity_find(k, profile);
	json_t *o = json_pack("{s:s, s:s}", "profile", profile, "state", state);
	if (number < 0)
		return o;
	json_object_set_new(o, "share", json_integer(share_of(k, &k->profiles[number])));
	if (!k->n_slots)
		return o;
	json_object_set_new(o, "start", json_integer(start));
	json_object_set_new(o, "size", json_integer(k->profiles[number].size));
	return o;
}

/* Those who have a part that is shared. */
static json_t *claims_of(struct engine *e, const struct slice *of)
{
	json_t *array = json_array();
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (s->claim[0] && (s->id == of->id || slice_is_mate(s, of)))
			json_array_append_new(array, json_string(s->claim));
	}
	return array;
}

/* Once for all its shares: who has some of them, of how many. */
static void shared_add(struct engine *e, const struct capacity *k, const struct slice *s,
		       struct row *r)
{
	const struct want *w = store_want(e, s->device);
	json_t *claims = claims_of(e, s), *o;
	bool held = json_array_size(claims) > 0;
	if (store_is_counted(e, s)) {
		json_decref(claims);
		return;
	}
	o = part_json(k, s->profile, s->start,
		      slice_state_name(held ? SLICE_HELD : (enum slice_state)s->state));
	if (o && held)
		json_object_set_new(o, "claims", json_incref(claims));
	if (o && w)
		json_object_set_new(o, "shares", json_integer(want_shares(w, s->profile)));
	json_decref(claims);
	row_add(r, o);
}

static void slice_add(struct engine *e, const struct capacity *k, const struct slice *s,
		      struct row *r)
{
	char name[SYS_PATH_SIZE];
	json_t *o =
		part_json(k, s->profile, s->start, slice_state_name((enum slice_state)s->state));
	const struct claim *c = s->claim[0] ? store_claim(e, s->claim) : NULL;
	if (o && c) {
		if (slice_name(s, name, sizeof(name)) == 0)
			json_object_set_new(o, "slice", json_string(name));
		json_object_set_new(o, "claim", json_string(c->name));
		json_object_set_new(o, "owner", json_string(c->owner));
		json_object_set_new(o, "uid", json_integer(c->uid));
	}
	if (o && s->reason[0])
		json_object_set_new(o, "reason", json_string(s->reason));
	row_add(r, o);
}

static void foreign_parts(struct engine *e, const struct want *w, const struct capacity *k,
			  struct row *r)
{
	for (size_t i = 0; i < e->have->n_gpu_parts; i++) {
		const struct gpu_part *p = &e->have->gpu_parts[i];
		const struct gpu_profile *profile =
			have_gpu_profile_id(e->have, p->key, p->profile);
		bool ours = !str_eq(p->key, w->device);
		for (size_t n = 0; !ours && n < e->rec.n_slices; n++)
			ours = slice_has_part(e->have, &e->rec.slices[n], p);
		if (!ours && profile)
			row_add(r, part_json(k, profile->name, p->start, "foreign"));
	}
}

static bool is_vf_of(const struct engine *e, const struct vgpu_vf *v)
{
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (e->rec.slices[i].index == v->index && str_eq(e->rec.slices[i].device, v->key))
			return true;
	return false;
}

static void foreign_vgpus(struct engine *e, const struct want *w, const struct capacity *k,
			  struct row *r)
{
	for (size_t i = 0; i < e->have->n_vgpu_vfs; i++) {
		const struct vgpu_vf *v = &e->have->vgpu_vfs[i];
		if (!v->type || !str_eq(v->key, w->device) || is_vf_of(e, v))
			continue;
		for (size_t t = 0; t < e->have->n_vgpu_types; t++)
			if (e->have->vgpu_types[t].id == v->type &&
			    str_eq(e->have->vgpu_types[t].key, v->key))
				row_add(r, part_json(k, e->have->vgpu_types[t].name, 0, "foreign"));
	}
}

/* Mediated devices tell their parent and type, GPU instances and vGPUs their profile; what else others made does not. */
static void foreign_add(struct engine *e, const struct want *w, const struct capacity *k,
			struct row *r)
{
	for (size_t i = 0; str_eq(w->mech, "mdev") && i < e->have->n_mdevs; i++) {
		const struct mdev *m = &e->have->mdevs[i];
		if (str_eq(m->parent, w->device) && !store_slice_mdev(e, m->uuid))
			row_add(r, part_json(k, m->type, 0, "foreign"));
	}
	if (str_eq(w->mech, "mig"))
		foreign_parts(e, w, k, r);
	if (str_eq(w->mech, "vgpu"))
		foreign_vgpus(e, w, k, r);
}

static json_t *counters_json(const struct offer *o)
{
	json_t *array = json_array();
	for (uint32_t i = 0; i < o->kind.n_counters; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:I, s:I}", "name", o->kind.counters[i].name,
						"total", (json_int_t)o->kind.counters[i].total,
						"used", (json_int_t)o->use.used[i]));
	return array;
}

static uint32_t ready_of(const struct engine *e, const struct want *w, const char *profile)
{
	uint32_t n = 0;
	for (size_t i = 0; !drain_is(e, w->device) && i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		n += s->state == SLICE_READY && !s->claim[0] && !s->warm &&
		     str_eq(s->device, w->device) && str_eq(s->mech, w->mech) &&
		     str_eq(s->profile, profile);
	}
	return n;
}

/* Of each profile alone: how many are there, and how many more there could be if nothing else came. */
static json_t *free_json(const struct engine *e, const struct want *w, const struct offer *o,
			 bool planned)
{
	json_t *array = json_array();
	for (uint32_t i = 0; i < o->kind.n_profiles; i++) {
		const char *profile = o->kind.profiles[i].name;
		bool allowed = w->n_types == 0 || goal_names(w, profile);
		uint32_t ready = planned ? 0 : ready_of(e, w, profile);
		uint32_t more = room_on_demand(w) && !drain_is(e, w->device)
					? capacity_more(&o->kind, &o->use, i)
					: 0;
		if (allowed && ready + more > 0)
			json_array_append_new(array, json_pack("{s:s, s:I, s:I}", "profile",
							       profile, "ready", (json_int_t)ready,
							       "more", (json_int_t)more));
	}
	return array;
}

/* What takes no slots excludes what does: time-sliced vGPUs of a GPU that could have GPU instances. */
static bool has_unplaced(const json_t *parts)
{
	size_t i;
	json_t *part;
	json_array_foreach((json_t *)parts, i, part) {
		const json_t *size = json_object_get(part, "size");
		if (size && json_integer_value(size) == 0)
			return true;
	}
	return false;
}

static json_t *device_json(struct engine *e, const struct want *w, const struct offer *o,
			   json_t *parts, bool planned)
{
	json_t *d = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "device", w->device,
			      "mechanism", w->mech, "selection", w->selection, "where", w->where,
			      "parts", parts, "counters", counters_json(o), "free",
			      free_json(e, w, o, planned));
	if (d && o->kind.n_slots && !has_unplaced(parts))
		json_object_set_new(d, "slots", json_integer(o->kind.n_slots));
	const struct device_note *n = store_note(e, w->device);
	if (d && n && n->drained) {
		json_object_set_new(d, "drained", json_true());
		if (n->reason[0])
			json_object_set_new(d, "drained_reason", json_string(n->reason));
	}
	return d;
}

static json_t *map_now(struct engine *e, const struct want *w)
{
	struct offer o;
	struct row r = { .parts = json_array() };
	room_offer(e, w, &o);
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (!str_eq(s->device, w->device) || s->state == SLICE_REMOVING)
			continue;
		if (s->share)
			shared_add(e, &o.kind, s, &r);
		else
			slice_add(e, &o.kind, s, &r);
	}
	foreign_add(e, w, &o.kind, &r);
	return device_json(e, w, &o, r.parts, false);
}

static int map_planned(struct engine *e, const struct want *w, json_t **ret, struct err *reterr)
{
	struct offer o;
	_cleanup_free_ struct place_member *members = NULL;
	size_t n = 0;
	int r = layout_place(e, w, &o, &members, &n, reterr);
	if (r < 0)
		return r;
	struct row row = { .parts = json_array() };
	for (size_t i = 0; i < n; i++) {
		capacity_add(&o.kind, &o.use, members[i].profile, members[i].start);
		row_add(&row, part_json(&o.kind, o.kind.profiles[members[i].profile].name,
					members[i].start, "planned"));
	}
	*ret = device_json(e, w, &o, row.parts, true);
	return 0;
}

int engine_map(struct engine *e, const struct want *wants, size_t n, const char *device,
	       json_t **ret, struct err *reterr)
{
	json_auto_t *array = json_array();
	const struct want *all = wants ? wants : e->rec.wants;
	size_t n_all = wants ? n : e->rec.n_wants;
	if (!e->have)
		return err_set(reterr, "engine.not-observed", EAGAIN,
			       "the machine is not looked at yet");
	for (size_t i = 0; i < n_all; i++) {
		json_t *one = NULL;
		if (device && !str_eq(device, all[i].device))
			continue;
		int r = wants ? map_planned(e, &all[i], &one, reterr) : 0;
		if (r < 0)
			return r;
		json_array_append_new(array, wants ? one : map_now(e, &all[i]));
	}
	*ret = json_incref(array);
	return 0;
}
