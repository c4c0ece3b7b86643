/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record during a turn. What is going to be written to is remembered first, once, so that a turn
 * that cannot be committed is undone, and so that the commit holds only what differs in the end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "model/fields.h"

static void *grow(struct engine *e, void *items, size_t n, size_t size)
{
	/* Room doubles at powers of two. */
	if (n & (n - 1) && n)
		return items;
	void *more = reallocarray(items, n ? n * 2 : 1, size);
	if (!more)
		e->failed = true;
	return more;
}

static void *copy_array(const void *from, size_t n, size_t size)
{
	size_t room = 1;
	while (room < n)
		room *= 2;
	void *p = reallocarray(NULL, room, size);
	if (p && n)
		memcpy(p, from, n * size);
	return p;
}

int store_begin(struct engine *e, struct turn *turn)
{
	e->turn = turn;
	e->sync = e->failed = false;
	e->wants_changed = e->notes_changed = e->meta_changed = e->policy_changed = false;
	e->next_id_before = e->rec.next_id;
	memcpy(e->boot_before, e->rec.boot_id, sizeof(e->boot_before));
	e->steps_before = copy_array(e->rec.steps, e->rec.n_steps, sizeof(struct step));
	e->n_steps_before = e->rec.n_steps;
	return e->steps_before ? 0 : -ENOMEM;
}

uint64_t store_id(struct engine *e)
{
	if (e->id_now >= e->rec.next_id) {
		e->rec.next_id = e->id_now + ENGINE_ID_BLOCK;
		e->meta_changed = e->sync = true;
	}
	return e->id_now++;
}

void reason_set(char *field, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(field, size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n < size)
		return;
	/* Do not leave half a character of UTF-8 behind. */
	size_t end = size - 1;
	while (end > 0 && (field[end - 1] & 0xc0) == 0x80)
		end--;
	if (end > 0 && (field[end - 1] & 0x80))
		end--;
	field[end] = '\0';
}

/* --- slices ------------------------------------------------------------------------------------ */

static size_t slice_position(const struct engine *e, uint64_t id)
{
	size_t low = 0, high = e->rec.n_slices;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (e->rec.slices[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct slice *store_slice(struct engine *e, uint64_t id)
{
	size_t i = slice_position(e, id);
	return i < e->rec.n_slices && e->rec.slices[i].id == id ? &e->rec.slices[i] : NULL;
}

const struct slice *store_slice_mdev(const struct engine *e, const char *uuid)
{
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (str_eq(e->rec.slices[i].uuid, uuid))
			return &e->rec.slices[i];
	return NULL;
}

static int slice_remember(struct engine *e, uint64_t id, const struct slice *old)
{
	for (size_t i = 0; i < e->n_undo_slices; i++)
		if (e->undo_slices[i].id == id)
			return 0;
	struct undo_slice *undo = grow(e, e->undo_slices, e->n_undo_slices, sizeof(*undo));
	if (!undo)
		return -ENOMEM;
	e->undo_slices = undo;
	undo[e->n_undo_slices] = (struct undo_slice){ .id = id, .existed = old != NULL };
	if (old)
		undo[e->n_undo_slices].old = *old;
	e->n_undo_slices++;
	return 0;
}

/* As it was when the turn began; NULL: it was not there. */
const struct slice *store_slice_before(struct engine *e, uint64_t id)
{
	for (size_t i = 0; i < e->n_undo_slices; i++)
		if (e->undo_slices[i].id == id)
			return e->undo_slices[i].existed ? &e->undo_slices[i].old : NULL;
	return store_slice(e, id);
}

struct slice *store_slice_edit(struct engine *e, uint64_t id)
{
	struct slice *s = store_slice(e, id);
	return s && slice_remember(e, id, s) >= 0 ? s : NULL;
}

static struct slice *slice_insert(struct engine *e, size_t at)
{
	struct slice *slices = grow(e, e->rec.slices, e->rec.n_slices, sizeof(*slices));
	if (!slices)
		return NULL;
	e->rec.slices = slices;
	memmove(&slices[at + 1], &slices[at], (e->rec.n_slices - at) * sizeof(*slices));
	slices[at] = (struct slice){ 0 };
	e->rec.n_slices++;
	return &slices[at];
}

struct slice *store_slice_add(struct engine *e, const struct want *w, const char *profile)
{
	uint64_t id = store_id(e);
	if (slice_remember(e, id, NULL) < 0)
		return NULL;
	struct slice *s = slice_insert(e, e->rec.n_slices);
	if (s) {
		s->id = id;
		s->index = -1;
		s->state = SLICE_WANTED;
		memcpy(s->device, w->device, sizeof(s->device));
		memcpy(s->mech, w->mech, sizeof(s->mech));
		(void)STR_COPY(s->profile, profile);
	}
	e->sync = true; /* what it will be called is on disk before it is made */
	return s;
}

/* The lowest VF that no slice has, nor anybody else. -1: none. */
static int32_t vf_free(const struct engine *e, const char *device)
{
	const struct function *pf = have_device(e->have, device);
	for (int32_t i = 0; pf && i < pf->caps.sriov_total; i++) {
		const struct vgpu_vf *v = have_vgpu_vf(e->have, device, i);
		bool taken = v && v->type;
		for (size_t k = 0; !taken && k < e->rec.n_slices; k++)
			taken = e->rec.slices[k].index == i &&
				str_eq(e->rec.slices[k].device, device);
		if (!taken)
			return i;
	}
	return -1;
}

/* Mediated devices of the device itself, which need no VF. */
static bool makes_itself(const struct engine *e, const char *device)
{
	const struct function *f = have_device(e->have, device);
	return f && f->mdev_parent > 0;
}

/* The lowest number that no slice of that kind has there. */
static uint32_t number_free(const struct engine *e, const struct want *w)
{
	for (uint32_t n = 0;; n++) {
		bool taken = false;
		for (size_t i = 0; !taken && i < e->rec.n_slices; i++) {
			const struct slice *s = &e->rec.slices[i];
			taken = s->start == n && str_eq(s->mech, w->mech) &&
				str_eq(s->device, w->device);
		}
		if (!taken)
			return n;
	}
}

/* What was done for one of them was done for all. */
static uint8_t opened(const struct engine *e, const struct want *w)
{
	uint8_t all = w->opened;
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (str_eq(e->rec.slices[i].mech, w->mech) &&
		    str_eq(e->rec.slices[i].device, w->device))
			all |= e->rec.slices[i].opened;
	return all;
}

struct slice *store_slice_add_alone(struct engine *e, const struct want *w, const char *profile,
				    uint32_t start)
{
	const struct mech *m = goal_mech(e, w->mech);
	bool itself = makes_itself(e, w->device);
	bool on_vf = m && m->names == NAMES_VF && !itself;
	int32_t vf = on_vf ? vf_free(e, w->device) : -1;
	if (!m || (on_vf && vf < 0))
		return NULL;
	uint32_t number = m->names == NAMES_NUMBER ? number_free(e, w) : start;
	uint8_t before = opened(e, w);
	struct slice *s = store_slice_add(e, w, profile);
	if (!s)
		return NULL;
	s->alone = 1;
	s->opened = before;
	s->index = vf;
	s->start = number;
	if (m->names == NAMES_UUID || (m->names == NAMES_VF && itself))
		store_uuid(e, s->uuid);
	return s;
}

/* Only now it can be seen whether it will be an mdev. */
static void name_settle(struct engine *e, const struct slice *s)
{
	const struct mech *m = goal_mech(e, s->mech);
	bool coming = s->state == SLICE_WANTED || s->state == SLICE_PREPARING;
	enum mech_naming n = coming && m && m->naming ? m->naming(e->have, s) : NAMING_KEEP;
	struct slice *edit = n == NAMING_KEEP || (n == NAMING_UUID) == (s->uuid[0] != '\0')
				     ? NULL
				     : store_slice_edit(e, s->id);
	if (!edit)
		return;
	edit->uuid[0] = '\0';
	if (n == NAMING_UUID)
		store_uuid(e, edit->uuid);
	e->sync = true;
}

void store_names_settle(struct engine *e)
{
	for (size_t i = 0; i < e->rec.n_slices; i++)
		name_settle(e, &e->rec.slices[i]);
}

bool store_is_counted(const struct engine *e, const struct slice *s)
{
	for (size_t i = 0; i < e->rec.n_slices && e->rec.slices[i].id != s->id; i++)
		if (slice_is_mate(&e->rec.slices[i], s))
			return true;
	return false;
}

void store_mates_follow(struct engine *e, const struct slice *of)
{
	const struct slice s = *of;
	for (size_t i = 0; s.share && i < e->rec.n_slices; i++) {
		const struct slice *o = &e->rec.slices[i];
		bool differs = o->asked != s.asked || !str_eq(o->known_as, s.known_as);
		struct slice *mate = o->id != s.id && differs && slice_is_mate(o, &s)
					     ? store_slice_edit(e, o->id)
					     : NULL;
		if (!mate)
			continue;
		mate->asked = s.asked;
		memcpy(mate->known_as, s.known_as, sizeof(mate->known_as));
	}
}

struct slice *store_slice_add_share(struct engine *e, const struct want *w, const struct slice *of,
				    uint32_t share)
{
	const struct slice first = *of;
	struct slice *s = store_slice_add_alone(e, w, first.profile, first.start);
	if (!s)
		return NULL;
	s->share = share;
	s->asked = first.asked;
	memcpy(s->known_as, first.known_as, sizeof(s->known_as));
	return s;
}

void store_slice_used(struct slice *s, const struct claim *by)
{
	s->dirty = 1;
	s->last_uid = by->uid;
	memcpy(s->last_tenant, by->tenant, sizeof(s->last_tenant));
}

static void slice_take_out(struct engine *e, size_t i)
{
	struct slice *s = e->rec.slices;
	memmove(&s[i], &s[i + 1], (e->rec.n_slices - i - 1) * sizeof(*s));
	e->rec.n_slices--;
}

void store_slice_delete(struct engine *e, uint64_t id)
{
	if (!store_slice_edit(e, id))
		return;
	slice_take_out(e, slice_position(e, id));
}

/* --- claims ------------------------------------------------------------------------------------ */

struct claim *store_claim(struct engine *e, const char *name)
{
	for (size_t i = 0; i < e->rec.n_claims; i++)
		if (str_eq(e->rec.claims[i].name, name))
			return &e->rec.claims[i];
	return NULL;
}

static int claim_remember(struct engine *e, const char *name, const struct claim *old)
{
	for (size_t i = 0; i < e->n_undo_claims; i++)
		if (str_eq(e->undo_claims[i].name, name))
			return 0;
	struct undo_claim *undo = grow(e, e->undo_claims, e->n_undo_claims, sizeof(*undo));
	if (!undo)
		return -ENOMEM;
	e->undo_claims = undo;
	undo[e->n_undo_claims] = (struct undo_claim){ .existed = old != NULL };
	(void)STR_COPY(undo[e->n_undo_claims].name, name);
	if (old)
		undo[e->n_undo_claims].old = *old;
	e->n_undo_claims++;
	return 0;
}

struct claim *store_claim_edit(struct engine *e, const char *name)
{
	struct claim *c = store_claim(e, name);
	return c && claim_remember(e, name, c) >= 0 ? c : NULL;
}

static struct claim *claim_append(struct engine *e)
{
	struct claim *claims = grow(e, e->rec.claims, e->rec.n_claims, sizeof(*claims));
	if (!claims)
		return NULL;
	e->rec.claims = claims;
	claims[e->rec.n_claims] = (struct claim){ 0 };
	return &claims[e->rec.n_claims++];
}

struct claim *store_claim_add(struct engine *e, const char *name)
{
	if (claim_remember(e, name, NULL) < 0)
		return NULL;
	struct claim *c = claim_append(e);
	if (c)
		(void)STR_COPY(c->name, name);
	return c;
}

static void claim_take_out(struct engine *e, const struct claim *c)
{
	size_t i = (size_t)(c - e->rec.claims);
	memmove(&e->rec.claims[i], &e->rec.claims[i + 1], (e->rec.n_claims - i - 1) * sizeof(*c));
	e->rec.n_claims--;
}

void store_claim_delete(struct engine *e, const char *name)
{
	struct claim *c = store_claim_edit(e, name);
	if (c)
		claim_take_out(e, c);
}

/* --- steps, wants, policy ------------------------------------------------------------------------ */

int store_step_add(struct engine *e, const struct step *s)
{
	struct step *steps = grow(e, e->rec.steps, e->rec.n_steps, sizeof(*steps));
	if (!steps)
		return -ENOMEM;
	e->rec.steps = steps;
	steps[e->rec.n_steps++] = *s;
	return 0;
}

void store_step_delete(struct engine *e, uint64_t id)
{
	struct step *s = e->rec.steps;
	for (size_t i = 0; i < e->rec.n_steps; i++)
		if (s[i].id == id) {
			memmove(&s[i], &s[i + 1], (e->rec.n_steps - i - 1) * sizeof(*s));
			e->rec.n_steps--;
			return;
		}
}

void store_steps_delete_of(struct engine *e, const char *device)
{
	for (size_t i = e->rec.n_steps; i > 0; i--)
		if (e->rec.steps[i - 1].verb != VERB_SERVICE_START &&
		    str_eq(e->rec.steps[i - 1].target.device, device))
			store_step_delete(e, e->rec.steps[i - 1].id);
}

static int want_compare(const void *a, const void *b, void *wants)
{
	const uint32_t *x = a, *y = b;
	const struct want *w = wants;
	return strcmp(w[*x].device, w[*y].device);
}

/* Places of the wants by device: each slice asks for that of its own. Made anew for other wants. */
static bool wants_index(struct engine *e)
{
	if (e->wants_indexed && e->wants_indexed == e->rec.wants)
		return true;
	uint32_t *places =
		e->rec.wants ? reallocarray(e->want_places, e->rec.n_wants + 1, sizeof(*places))
			     : NULL;
	if (!places)
		return false;
	e->want_places = places;
	for (uint32_t i = 0; i < e->rec.n_wants; i++)
		places[i] = i;
	qsort_r(places, e->rec.n_wants, sizeof(*places), want_compare, e->rec.wants);
	e->wants_indexed = e->rec.wants;
	return true;
}

static struct want *want_search(struct engine *e, const char *device)
{
	for (size_t i = 0; i < e->rec.n_wants; i++)
		if (str_eq(e->rec.wants[i].device, device))
			return &e->rec.wants[i];
	return NULL;
}

struct want *store_want(struct engine *e, const char *device)
{
	if (!wants_index(e))
		return want_search(e, device);
	size_t low = 0, high = e->rec.n_wants;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct want *w = &e->rec.wants[e->want_places[middle]];
		int order = strcmp(device, w->device);
		if (order == 0)
			return w;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void store_wants_set(struct engine *e, struct want *wants_take, size_t n)
{
	if (e->wants_changed) {
		free(e->rec.wants);
	} else {
		e->wants_before = e->rec.wants;
		e->n_wants_before = e->rec.n_wants;
		e->wants_changed = true;
	}
	e->rec.wants = wants_take;
	e->rec.n_wants = n;
	e->wants_indexed = NULL;
}

struct want *store_want_edit(struct engine *e, const char *device)
{
	if (!e->wants_changed) {
		struct want *copy = copy_array(e->rec.wants, e->rec.n_wants, sizeof(*copy));
		if (!copy) {
			e->failed = true;
			return NULL;
		}
		store_wants_set(e, copy, e->rec.n_wants);
	}
	return store_want(e, device);
}

/* --- notes ----------------------------------------------------------------------------------------- */

const struct device_note *store_note(const struct engine *e, const char *device)
{
	for (size_t i = 0; i < e->rec.n_notes; i++)
		if (str_eq(e->rec.notes[i].device, device))
			return &e->rec.notes[i];
	return NULL;
}

static int notes_remember(struct engine *e)
{
	if (e->notes_changed)
		return 0;
	e->notes_before = copy_array(e->rec.notes, e->rec.n_notes, sizeof(*e->rec.notes));
	e->n_notes_before = e->rec.n_notes;
	e->notes_changed = e->notes_before != NULL;
	e->failed = e->failed || !e->notes_changed;
	return e->notes_changed ? 0 : -ENOMEM;
}

struct device_note *store_note_edit(struct engine *e, const char *device)
{
	if (notes_remember(e) < 0)
		return NULL;
	const struct device_note *found = store_note(e, device);
	if (found)
		return &e->rec.notes[found - e->rec.notes];
	struct device_note *notes = grow(e, e->rec.notes, e->rec.n_notes, sizeof(*notes));
	if (!notes)
		return NULL;
	e->rec.notes = notes;
	struct device_note *n = &notes[e->rec.n_notes++];
	*n = (struct device_note){ 0 };
	(void)STR_COPY(n->device, device);
	return n;
}

void store_note_delete(struct engine *e, const char *device)
{
	const struct device_note *found = store_note(e, device);
	if (!found || notes_remember(e) < 0)
		return;
	size_t i = (size_t)(found - e->rec.notes), behind = --e->rec.n_notes - i;
	memmove(&e->rec.notes[i], &e->rec.notes[i + 1], behind * sizeof(*found));
}

/* --- the policy ------------------------------------------------------------------------------------ */

static void policy_drop(struct applied_policy *a, struct policy **p)
{
	applied_policy_done(a);
	*p = policy_free(*p);
}

void store_policy_set(struct engine *e, struct request *rq)
{
	struct applied_policy fresh = {
		.version = e->rec.policy.version + 1,
		.file = strdup(rq->policy->file),
		.text = strdup(rq->text),
		.path = rq->path ? strdup(rq->path) : NULL,
		.at = e->wall,
		.uid = rq->who.uid,
		.by_itself = rq->by_itself,
		.repeats = rq->repeats,
	};
	(void)STR_COPY(fresh.only, rq->name);
	if (!fresh.file || !fresh.text || (rq->path && !fresh.path))
		e->failed = true;
	if (e->policy_changed) {
		policy_drop(&e->rec.policy, &e->policy);
	} else {
		e->policy_before = e->rec.policy;
		e->parsed_before = e->policy;
		e->policy_changed = true;
	}
	e->rec.policy = fresh;
	e->policy = TAKE_PTR(rq->policy);
}

/* --- UUIDs --------------------------------------------------------------------------------------- */

/* Finalizer of splitmix64 (Steele, Lea, Flood 2014): a bijection, so no number repeats. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* From a seed and a counter, so that a plan names the UUIDs which apply will use. */
void store_uuid(struct engine *e, char ret[UUID_SIZE])
{
	uint64_t n = ++e->uuid_count;
	uint64_t a = mix(e->uuid_seed[0] + n), b = mix(e->uuid_seed[1] ^ a);
	a = (a & ~0xf000ull) | 0x4000; /* version 4, variant 1: RFC 9562 */
	b = (b & ~(3ull << 62)) | 2ull << 62;
	(void)str_format(ret, UUID_SIZE, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
			 (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xffff, (unsigned)(b >> 48),
			 (unsigned long long)(b & 0xffffffffffffull));
}

/* --- the end of a turn ---------------------------------------------------------------------------- */

static struct change *change_add(struct engine *e, enum change_kind kind)
{
	struct changes *c = &e->turn->changes;
	struct change *items = grow(e, c->items, c->n, sizeof(*items));
	if (!items)
		return NULL;
	c->items = items;
	items[c->n] = (struct change){ .kind = kind };
	return &items[c->n++];
}

static void finish_slices(struct engine *e)
{
	for (size_t i = 0; i < e->n_undo_slices; i++) {
		const struct undo_slice *u = &e->undo_slices[i];
		const struct slice *s = store_slice(e, u->id);
		if (!s && !u->existed)
			continue;
		if (s && u->existed && fields_same(FIELDS_SLICE, s, &u->old))
			continue;
		struct change *c = change_add(e, s ? CHANGE_SLICE_PUT : CHANGE_SLICE_DELETE);
		if (c && s)
			c->slice = *s;
		else if (c)
			c->id = u->id;
	}
}

static void finish_claims(struct engine *e)
{
	for (size_t i = 0; i < e->n_undo_claims; i++) {
		const struct undo_claim *u = &e->undo_claims[i];
		const struct claim *found = store_claim(e, u->name);
		if (!found && !u->existed)
			continue;
		if (found && u->existed && fields_same(FIELDS_CLAIM, found, &u->old))
			continue;
		struct change *c = change_add(e, found ? CHANGE_CLAIM_PUT : CHANGE_CLAIM_DELETE);
		if (c && found)
			c->claim = *found;
		else if (c)
			(void)STR_COPY(c->name, u->name);
	}
}

static bool has_step(const struct step *steps, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (steps[i].id == id)
			return true;
	return false;
}

static void finish_steps(struct engine *e)
{
	for (size_t i = 0; i < e->n_steps_before; i++)
		if (!has_step(e->rec.steps, e->rec.n_steps, e->steps_before[i].id)) {
			struct change *c = change_add(e, CHANGE_STEP_DELETE);
			if (c)
				c->id = e->steps_before[i].id;
		}
	for (size_t i = 0; i < e->rec.n_steps; i++)
		if (!has_step(e->steps_before, e->n_steps_before, e->rec.steps[i].id)) {
			struct change *c = change_add(e, CHANGE_STEP_PUT);
			if (c)
				c->step = e->rec.steps[i];
		}
}

static void finish_audit(struct engine *e)
{
	for (size_t i = 0; i < e->turn->n_events; i++) {
		struct change *c = change_add(e, CHANGE_AUDIT);
		if (c)
			c->text = json_dumps(e->turn->events[i], JSON_COMPACT);
		if (c && !c->text)
			e->failed = true;
	}
}

int store_finish(struct engine *e)
{
	/* Ids run out in a turn that syncs anyway, rather than in one that would have to because of it. */
	if (e->sync && e->id_now + ENGINE_ID_BLOCK / 2 > e->rec.next_id) {
		e->rec.next_id = e->id_now + ENGINE_ID_BLOCK;
		e->meta_changed = true;
	}
	finish_slices(e);
	finish_claims(e);
	finish_steps(e);
	if (e->wants_changed)
		change_add(e, CHANGE_WANTS_SET);
	if (e->notes_changed)
		change_add(e, CHANGE_NOTES_SET);
	if (e->policy_changed)
		change_add(e, CHANGE_POLICY_PUT);
	if (e->meta_changed)
		change_add(e, CHANGE_META_PUT);
	finish_audit(e);
	e->turn->changes.sync = e->sync;
	return e->failed ? -ENOMEM : 0;
}

void store_forget(struct engine *e)
{
	free(e->undo_slices);
	free(e->undo_claims);
	free(e->steps_before);
	e->undo_slices = NULL;
	e->undo_claims = NULL;
	e->steps_before = NULL;
	e->n_undo_slices = e->n_undo_claims = 0;
	if (e->wants_changed)
		free(e->wants_before);
	e->wants_before = NULL;
	if (e->notes_changed)
		free(e->notes_before);
	e->notes_before = NULL;
	if (e->policy_changed)
		policy_drop(&e->policy_before, &e->parsed_before);
	e->policy_before = (struct applied_policy){ 0 };
	e->parsed_before = NULL;
	e->wants_changed = e->notes_changed = e->policy_changed = e->meta_changed = false;
	e->turn = NULL;
}

static void undo_slice(struct engine *e, const struct undo_slice *u)
{
	size_t i = slice_position(e, u->id);
	bool there = i < e->rec.n_slices && e->rec.slices[i].id == u->id;
	if (there && !u->existed) {
		slice_take_out(e, i);
		return;
	}
	if (!u->existed)
		return;
	/* Room never shrinks, so putting back what was there needs no memory. */
	struct slice *s = there ? &e->rec.slices[i] : slice_insert(e, i);
	if (s)
		*s = u->old;
}

static void undo_claim(struct engine *e, const struct undo_claim *u)
{
	struct claim *c = store_claim(e, u->name);
	if (c && !u->existed)
		claim_take_out(e, c);
	if (!u->existed)
		return;
	if (!c)
		c = claim_append(e);
	if (c)
		*c = u->old;
}

void store_undo(struct engine *e)
{
	for (size_t i = e->n_undo_slices; i > 0; i--)
		undo_slice(e, &e->undo_slices[i - 1]);
	for (size_t i = e->n_undo_claims; i > 0; i--)
		undo_claim(e, &e->undo_claims[i - 1]);
	free(e->rec.steps);
	e->rec.steps = TAKE_PTR(e->steps_before);
	e->rec.n_steps = e->n_steps_before;
	if (e->wants_changed) {
		free(e->rec.wants);
		e->rec.wants = TAKE_PTR(e->wants_before);
		e->rec.n_wants = e->n_wants_before;
		e->wants_changed = false;
		e->wants_indexed = NULL;
	}
	if (e->notes_changed) {
		free(e->rec.notes);
		e->rec.notes = TAKE_PTR(e->notes_before);
		e->rec.n_notes = e->n_notes_before;
		e->notes_changed = false;
	}
	if (e->policy_changed) {
		policy_drop(&e->rec.policy, &e->policy);
		e->rec.policy = e->policy_before;
		e->policy = TAKE_PTR(e->parsed_before);
		e->policy_before = (struct applied_policy){ 0 };
		e->policy_changed = false;
	}
	e->rec.next_id = e->next_id_before;
	memcpy(e->rec.boot_id, e->boot_before, sizeof(e->boot_before));
	store_forget(e);
}
