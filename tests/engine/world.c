/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See world.h. */
#include "engine/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/fair.h"
#include "mdev/mdev.h"
#include "model/fields.h"
#include "sriov/sriov.h"
#include "vfio/vfio.h"

#define WALL 1700000000

const struct mech *const world_mechs[] = { &passthrough_mech, &sriov_mech, &mdev_mech, NULL };

/* --- chance and log ------------------------------------------------------------------------------- */

/* xorshift64* (Vigna 2016). */
uint64_t world_random(struct world *w, uint64_t below)
{
	w->rng ^= w->rng >> 12;
	w->rng ^= w->rng << 25;
	w->rng ^= w->rng >> 27;
	return (w->rng * 0x2545f4914f6cdd1du >> 11) % below;
}

static void random_bytes(void *userdata, uint8_t bytes[16])
{
	for (unsigned i = 0; i < 16; i++)
		bytes[i] = (uint8_t)world_random(userdata, 256);
}

void world_log(struct world *w, const char *fmt, ...)
{
	char *line = w->log[w->n_log++ % WORLD_LOG];
	int n = snprintf(line, sizeof(w->log[0]), "%8lld ", (long long)w->now);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(w->log[0]) - (size_t)n, fmt, ap);
	va_end(ap);
}

void world_print_log(const struct world *w)
{
	size_t from = w->n_log > WORLD_LOG ? w->n_log - WORLD_LOG : 0;
	for (size_t i = from; i < w->n_log; i++)
		fprintf(stderr, "%s\n", w->log[i % WORLD_LOG]);
}

static void failed(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void failed(struct world *w, const char *fmt, ...)
{
	if (w->failure[0])
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(w->failure, sizeof(w->failure), fmt, ap);
	va_end(ap);
	world_log(w, "FAILURE %s", w->failure);
}

/* --- the ledger in memory ------------------------------------------------------------------------------ */

static void *dup_array(const void *from, size_t n, size_t size)
{
	void *p = calloc(n + 1, size);
	if (!p)
		abort();
	if (n)
		memcpy(p, from, n * size);
	return p;
}

static char *dup_text(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void policy_copy(const struct applied_policy *from, struct applied_policy *to)
{
	*to = *from;
	to->file = dup_text(from->file);
	to->path = dup_text(from->path);
	to->text = dup_text(from->text);
}

static void record_copy(const struct record *from, struct record *to)
{
	*to = *from;
	to->wants = dup_array(from->wants, from->n_wants, sizeof(*from->wants));
	to->notes = dup_array(from->notes, from->n_notes, sizeof(*from->notes));
	to->slices = dup_array(from->slices, from->n_slices, sizeof(*from->slices));
	to->claims = dup_array(from->claims, from->n_claims, sizeof(*from->claims));
	to->steps = dup_array(from->steps, from->n_steps, sizeof(*from->steps));
	policy_copy(&from->policy, &to->policy);
}

#define PUT(r, items, count, found, item)                                                          \
	do {                                                                                       \
		size_t i_ = 0;                                                                     \
		while (i_ < (r)->count && !(found))                                                \
			i_++;                                                                      \
		if (i_ == (r)->count) {                                                            \
			(r)->items =                                                               \
				reallocarray((r)->items, (r)->count + 2, sizeof(*(r)->items));     \
			(r)->count++;                                                              \
		}                                                                                  \
		(r)->items[i_] = (item);                                                           \
	} while (0)
#define DELETE(r, items, count, found)                                                             \
	for (size_t i_ = 0; i_ < (r)->count; i_++)                                                 \
		if (found) {                                                                       \
			memmove(&(r)->items[i_], &(r)->items[i_ + 1],                              \
				((r)->count - i_ - 1) * sizeof(*(r)->items));                      \
			(r)->count--;                                                              \
			break;                                                                     \
		}

static void change_apply(struct record *r, const struct change *c, const struct record *rec)
{
	switch (c->kind) {
	case CHANGE_SLICE_PUT:
		PUT(r, slices, n_slices, r->slices[i_].id == c->slice.id, c->slice);
		break;
	case CHANGE_SLICE_DELETE:
		DELETE(r, slices, n_slices, r->slices[i_].id == c->id);
		break;
	case CHANGE_CLAIM_PUT:
		PUT(r, claims, n_claims, str_eq(r->claims[i_].name, c->claim.name), c->claim);
		break;
	case CHANGE_CLAIM_DELETE:
		DELETE(r, claims, n_claims, str_eq(r->claims[i_].name, c->name));
		break;
	case CHANGE_STEP_PUT:
		PUT(r, steps, n_steps, r->steps[i_].id == c->step.id, c->step);
		break;
	case CHANGE_STEP_DELETE:
		DELETE(r, steps, n_steps, r->steps[i_].id == c->id);
		break;
	case CHANGE_WANTS_SET:
		free(r->wants);
		r->wants = dup_array(rec->wants, rec->n_wants, sizeof(*rec->wants));
		r->n_wants = rec->n_wants;
		break;
	case CHANGE_NOTES_SET:
		free(r->notes);
		r->notes = dup_array(rec->notes, rec->n_notes, sizeof(*rec->notes));
		r->n_notes = rec->n_notes;
		break;
	case CHANGE_POLICY_PUT:
		applied_policy_done(&r->policy);
		policy_copy(&rec->policy, &r->policy);
		break;
	case CHANGE_META_PUT:
		r->next_id = rec->next_id;
		memcpy(r->boot_id, rec->boot_id, sizeof(r->boot_id));
		break;
	case CHANGE_AUDIT:
		break;
	}
}

static struct record *latest(struct world *w)
{
	return w->n_tail ? &w->tail[w->n_tail - 1] : &w->synced;
}

static void tail_drop(struct world *w)
{
	for (size_t i = 0; i < w->n_tail; i++)
		record_done(&w->tail[i]);
	w->n_tail = 0;
}

static void ledger_keep(struct world *w, const struct changes *c)
{
	struct record next;
	record_copy(latest(w), &next);
	for (size_t i = 0; i < c->n; i++)
		change_apply(&next, &c->items[i], engine_record(w->e));
	if (c->sync) {
		tail_drop(w);
		record_done(&w->synced);
		w->synced = next;
		return;
	}
	if (w->n_tail == WORLD_UNSYNCED) {
		/* The oldest of them reached the disk by itself. */
		record_done(&w->synced);
		w->synced = w->tail[0];
		memmove(&w->tail[0], &w->tail[1], (WORLD_UNSYNCED - 1) * sizeof(w->tail[0]));
		w->n_tail--;
	}
	w->tail[w->n_tail++] = next;
}

/* --- what must always hold ------------------------------------------------------------------------------- */

const struct claim *world_claim(const struct world *w, const char *name)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_claims; i++)
		if (str_eq(r->claims[i].name, name))
			return &r->claims[i];
	return NULL;
}

const struct slice *world_slice(const struct world *w, uint64_t id)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_slices; i++)
		if (r->slices[i].id == id)
			return &r->slices[i];
	return NULL;
}

static void check_same(struct world *w, enum fields_of what, const void *believed,
		       const void *written, const char *name)
{
	const char *differs = believed ? fields_differ(what, believed, written) : "all of it";
	if (differs)
		failed(w, "%s differs in the ledger: %s", name, differs);
}

/* The ledger says what the engine believes: nothing was changed past store.c. */
static void check_ledger(struct world *w)
{
	const struct record *a = engine_record(w->e), *b = latest(w);
	if (a->n_slices != b->n_slices || a->n_claims != b->n_claims || a->n_steps != b->n_steps ||
	    a->n_wants != b->n_wants || a->next_id != b->next_id ||
	    a->policy.version != b->policy.version || a->policy.repeats != b->policy.repeats ||
	    !str_eq(a->policy.only, b->policy.only)) {
		failed(w,
		       "the ledger has %zu slices, %zu claims, %zu steps; the engine %zu, %zu, %zu",
		       b->n_slices, b->n_claims, b->n_steps, a->n_slices, a->n_claims, a->n_steps);
		return;
	}
	for (size_t i = 0; i < a->n_slices; i++)
		check_same(w, FIELDS_SLICE, &a->slices[i], &b->slices[i], "a slice");
	for (size_t i = 0; i < a->n_wants; i++)
		check_same(w, FIELDS_WANT, &a->wants[i], &b->wants[i], a->wants[i].device);
	if (a->n_notes != b->n_notes)
		failed(w, "the ledger has %zu notes; the engine %zu", b->n_notes, a->n_notes);
	for (size_t i = 0; i < a->n_notes && i < b->n_notes; i++)
		check_same(w, FIELDS_NOTE, &a->notes[i], &b->notes[i], a->notes[i].device);
	for (size_t i = 0; i < b->n_claims; i++)
		check_same(w, FIELDS_CLAIM, world_claim(w, b->claims[i].name), &b->claims[i],
			   b->claims[i].name);
}

/* Of a GPU instance that is on its way out the place is given to the next one. */
static bool is_same_thing(const struct slice *a, const struct slice *b)
{
	const struct target s = slice_target(a), t = slice_target(b);
	bool leaves = slice_is_part(a) &&
		      (a->state == SLICE_REMOVING || b->state == SLICE_REMOVING);
	bool mates = slice_is_mate(a, b) && a->share != b->share;
	return a != b && !leaves && !mates && target_eq(&s, &t) && str_eq(a->mech, b->mech);
}

static void check_slice(struct world *w, const struct record *r, const struct slice *s)
{
	for (size_t i = 0; i < r->n_slices; i++) {
		const struct slice *o = &r->slices[i];
		if (is_same_thing(o, s))
			failed(w, "slices %llu and %llu are the same thing",
			       (unsigned long long)s->id, (unsigned long long)o->id);
	}
	if (s->warm && (s->claim[0] || !s->on_demand))
		failed(w, "slice %llu was made ahead and is not what it is taken for",
		       (unsigned long long)s->id);
	if (!s->claim[0]) {
		if (s->state == SLICE_HELD || s->state == SLICE_PREPARING)
			failed(w, "slice %llu is %s by nobody", (unsigned long long)s->id,
			       slice_state_name((enum slice_state)s->state));
		return;
	}
	if (s->state == SLICE_READY || s->state == SLICE_WANTED || s->state == SLICE_REMOVING ||
	    s->state == SLICE_QUARANTINED)
		failed(w, "slice %llu is %s and claimed by %s", (unsigned long long)s->id,
		       slice_state_name((enum slice_state)s->state), s->claim);
	const struct claim *c = world_claim(w, s->claim);
	if (!c || c->slice != s->id)
		failed(w, "slice %llu names claim %s, which does not name it",
		       (unsigned long long)s->id, s->claim);
}

/* All parts are granted, or none is: what was granted and broke later is held as well as ever. */
static bool is_granted(const struct claim *c)
{
	return c->state == CLAIM_HELD || c->state == CLAIM_BROKEN;
}

static void check_whole(struct world *w, const struct claim *whole)
{
	const struct record *r = engine_record(w->e);
	uint32_t n = 0;
	for (size_t i = 0; i < r->n_claims; i++) {
		const struct claim *c = &r->claims[i];
		if (!str_eq(c->whole, whole->name))
			continue;
		n++;
		if (!c->slice || is_granted(c) != is_granted(whole) ||
		    (c->state == CLAIM_RELEASING) != (whole->state == CLAIM_RELEASING))
			failed(w, "claim %s is %s, its part %s %s", whole->name,
			       claim_state_name((enum claim_state)whole->state), c->name,
			       claim_state_name((enum claim_state)c->state));
	}
	/* When it ends its parts end one by one. */
	bool ending = whole->state == CLAIM_RELEASING;
	if (whole->slice || (ending ? n == 0 || n > whole->parts : n != whole->parts))
		failed(w, "claim %s is %s and has %u of %u parts", whole->name,
		       claim_state_name((enum claim_state)whole->state), n, whole->parts);
}

static void check_claim(struct world *w, const struct claim *c)
{
	const struct slice *s = c->slice ? world_slice(w, c->slice) : NULL;
	if (c->parts) {
		check_whole(w, c);
		return;
	}
	if (c->whole[0] && !world_claim(w, c->whole))
		failed(w, "claim %s is a part of %s, which is not there", c->name, c->whole);
	if (c->slice && (!s || !str_eq(s->claim, c->name)))
		failed(w, "claim %s names a slice that does not name it", c->name);
	if (c->state != CLAIM_HELD)
		return;
	if (!s || s->state != SLICE_HELD) {
		failed(w, "claim %s is held without a held slice", c->name);
		return;
	}
	struct target t = slice_target(s);
	uint32_t left = machine_residue_uid(&w->m, &t);
	if (left && left - 1 != c->uid)
		failed(w, "claim %s of uid %u got what uid %u left", c->name, c->uid, left - 1);
}

static const struct world_used *used_find(const struct world *w, uint64_t slice)
{
	for (size_t i = 0; i < w->n_used; i++)
		if (w->used[i].slice == slice)
			return &w->used[i];
	return NULL;
}

static void used_drop(struct world *w, uint64_t slice)
{
	for (size_t i = 0; i < w->n_used; i++)
		if (w->used[i].slice == slice)
			w->used[i--] = w->used[--w->n_used];
}

static enum after_use rule_of(const struct record *r, const struct slice *s)
{
	for (size_t i = 0; i < r->n_wants; i++)
		if (str_eq(r->wants[i].device, s->device) && str_eq(r->wants[i].mech, s->mech))
			return (enum after_use)r->wants[i].after_use;
	return AFTER_USE_UNSAID;
}

/* A slice that was used under a rule goes to nobody but by that rule. */
static void check_rule(struct world *w, const struct record *r, const struct slice *s)
{
	enum after_use rule = rule_of(r, s);
	const struct world_used *u = used_find(w, s->id);
	if (u && u->rule != rule)
		used_drop(w, s->id), u = NULL;
	const struct claim *c = s->state == SLICE_HELD ? world_claim(w, s->claim) : NULL;
	if (rule <= AFTER_USE_PROVE || !c)
		return;
	if (u && (rule == AFTER_USE_QUARANTINE ? u->arrival != c->arrival
					       : !claim_is_of(c, u->uid, u->tenant)))
		failed(w, "claim %s of uid %u got slice %llu, which uid %u used, against the rule",
		       c->name, c->uid, (unsigned long long)s->id, u->uid);
	used_drop(w, s->id);
	if (w->n_used == WORLD_USED)
		failed(w, "more slices than the test can remember");
	else
		w->used[w->n_used++] = (struct world_used){
			.slice = s->id, .rule = rule, .uid = c->uid, .arrival = c->arrival
		};
	struct world_used *last = &w->used[w->n_used - 1];
	memcpy(last->tenant, c->tenant, sizeof(last->tenant));
}

/* Nothing carve made is without a slice in the record, at any moment (F13). */
static void check_made(struct world *w)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < w->m.n_made; i++) {
		bool known = false;
		for (size_t k = 0; k < r->n_slices; k++)
			known = known || str_eq(r->slices[k].uuid, w->m.made[i]);
		if (!known)
			failed(w, "mdev %s was made and is in no record", w->m.made[i]);
	}
	for (size_t i = 0; i < w->m.n_cut; i++) {
		bool known = false;
		for (size_t k = 0; k < r->n_slices; k++)
			known = known || (str_eq(r->slices[k].device, w->m.cut[i]) &&
					  str_eq(r->slices[k].mech, "sriov"));
		if (!known)
			failed(w, "VFs of %s were made and are in no record", w->m.cut[i]);
	}
}

static void check_all(struct world *w)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_slices; i++)
		check_slice(w, r, &r->slices[i]);
	for (size_t i = 0; i < r->n_slices; i++)
		check_rule(w, r, &r->slices[i]);
	for (size_t i = 0; i < r->n_claims; i++)
		check_claim(w, &r->claims[i]);
	check_made(w);
	if (w->m.violation)
		failed(w, "%s", w->m.violation);
}

static bool same_thing(const struct step *s, const struct slice *slice)
{
	struct target t = slice_target(slice);
	/* Only for that device, not on it. */
	if (s->verb == VERB_SERVICE_STOP || s->verb == VERB_SERVICE_START)
		return false;
	if (s->verb == VERB_SET_VFS)
		return str_eq(slice->device, s->target.device);
	return target_eq(&t, &s->target);
}

/* No step before its intention is kept, none on what somebody holds. */
static void check_step(struct world *w, const struct step *s)
{
	const struct record *r = latest(w);
	bool kept = false;
	if (!verb_changes((enum verb)s->verb) || s->check_only)
		return;
	for (size_t i = 0; i < r->n_steps; i++)
		kept = kept || r->steps[i].id == s->id;
	if (!kept)
		failed(w, "step %llu went out before it was recorded", (unsigned long long)s->id);
	for (size_t i = 0; i < r->n_slices; i++)
		if (r->slices[i].state == SLICE_HELD && same_thing(s, &r->slices[i]))
			failed(w, "step %s on slice %llu, which claim %s holds",
			       verb_name((enum verb)s->verb), (unsigned long long)r->slices[i].id,
			       r->slices[i].claim);
}

static void check_fair(struct world *w, struct fair *f)
{
	char text[300];
	if (fair_broke(f, w->e, WALL + w->now / 1000, text, sizeof(text)))
		failed(w, "%s", text);
}

/* --- the loop of carved -------------------------------------------------------------------------------------- */

void world_observe(struct world *w)
{
	struct have next = { 0 };
	if (have_copy(&w->m.have, &next) < 0)
		abort();
	engine_have_changed(w->e, &next);
	have_done(&w->seen);
	w->seen = next;
	engine_have_changed(w->e, &w->seen);
}

struct world_answer *world_answer(struct world *w, uint64_t token)
{
	struct world_answer *a = &w->answers[token % WORLD_ANSWERS];
	return a->token == token ? a : NULL;
}

static void answer_keep(struct world *w, const struct answer *a)
{
	struct world_answer *to = &w->answers[a->request % WORLD_ANSWERS];
	if (to->token != a->request) {
		json_decref(to->report);
		*to = (struct world_answer){ .token = a->request };
	}
	if (to->state != ANSWER_PENDING)
		failed(w, "request %llu was answered twice", (unsigned long long)a->request);
	to->state = a->state;
	if (a->state == ANSWER_PENDING)
		to->progress++;
	if (err_is_set(&a->err))
		snprintf(to->id, sizeof(to->id), "%s", a->err.id);
	if (a->err.what)
		snprintf(to->what, sizeof(to->what), "%s", a->err.what);
	if (a->err.because)
		snprintf(to->because, sizeof(to->because), "%s", a->err.because);
	if (a->err.todo)
		snprintf(to->todo, sizeof(to->todo), "%s", a->err.todo);
	to->claim = a->claim;
	to->waits = a->waits;
	if (a->report)
		to->report = json_incref(a->report);
	world_log(w, "answer %llu %s %s", (unsigned long long)a->request,
		  a->state == ANSWER_DONE     ? "done"
		  : a->state == ANSWER_FAILED ? "failed"
					      : "pending",
		  a->err.id ? a->err.id : "");
}

static enum machine_fault fault_draw(struct world *w)
{
	if (w->quiet || world_random(w, 100) >= w->fault_percent)
		return FAULT_NONE;
	return (enum machine_fault)(1 + world_random(w, FAULT_LOST));
}

static void step_send(struct world *w, const struct step *s)
{
	char text[256];
	enum machine_fault fault = fault_draw(w);
	check_step(w, s);
	if (step_describe(s, &w->seen, text, sizeof(text)) < 0)
		text[0] = '\0';
	world_log(w, "step %llu %s%s%s", (unsigned long long)s->id, s->check_only ? "(check) " : "",
		  text, fault == FAULT_NONE ? "" : " (fault)");
	bool changes = verb_changes((enum verb)s->verb) && !s->check_only;
	if (changes && w->performed)
		json_array_append_new(w->performed, json_pack("{s:s, s:s}", "device",
							      s->target.device, "text", text));
	if (changes)
		w->sent++;
	else
		w->looks++;
	int64_t duration = w->quiet ? 1 : 1 + (int64_t)world_random(w, w->step_ms);
	machine_begin(&w->m, s, duration, fault);
}

/* Whoever clears a slice has wiped it. */
static void event_cleared(struct world *w, const json_t *event)
{
	const char *slice = json_string_value(json_object_get(event, "slice"));
	const struct record *r = engine_record(w->e);
	char name[SYS_PATH_SIZE];
	for (size_t i = 0; i < r->n_slices; i++)
		if (slice_name(&r->slices[i], name, sizeof(name)) == 0 && str_eq(name, slice))
			used_drop(w, r->slices[i].id);
}

/* Whose it is from now on: only that may be changed by steps. */
static void event_owner(struct world *w, const char *kind, const json_t *event)
{
	const char *device = json_string_value(json_object_get(event, "device"));
	const char *slice = json_string_value(json_object_get(event, "slice"));
	const char *last = slice ? strrchr(slice, '/') : NULL;
	struct target t = { .vf = -1 };
	bool mdev = last && uuid_valid(last + 1), vfs = str_eq(kind, "device.adopted");
	if (!device || !(mdev || vfs || str_eq(kind, "slice.disowned")))
		return;
	(void)STR_COPY(t.device, device);
	if (mdev)
		(void)STR_COPY(t.uuid, last + 1);
	else if (slice && str_after(slice, "passthrough/"))
		machine_handed(&w->m, device);
	if (str_eq(kind, "slice.adopted") || vfs)
		machine_adopted(&w->m, &t);
	else if (str_eq(kind, "slice.disowned"))
		machine_disowned(&w->m, &t);
}

static void effects(struct world *w, const struct turn *t)
{
	for (size_t i = 0; i < t->n_answers; i++)
		answer_keep(w, &t->answers[i]);
	for (size_t i = 0; i < t->n_events; i++) {
		_cleanup_free_ char *text = json_dumps(t->events[i], JSON_COMPACT);
		world_log(w, "event %s", text);
		const char *kind = json_string_value(json_object_get(t->events[i], "event"));
		json_int_t n = json_integer_value(json_object_get(w->events, kind));
		json_object_set_new(w->events, kind, json_integer(n + 1));
		event_owner(w, kind, t->events[i]);
		if (str_eq(kind, "quarantine.cleared"))
			event_cleared(w, t->events[i]);
	}
	for (size_t i = 0; i < t->n_steps; i++)
		step_send(w, &t->steps[i]);
}

static void disk_is_full(struct world *w)
{
	_cleanup_err_ struct err why = { 0 };
	_cleanup_(turn_done) struct turn t = { 0 };
	err_set(&why, "ledger.full", ENOSPC, "cannot record a change");
	engine_turn_failed(w->e, &why, &t);
	w->wake = t.wake_at;
	effects(w, &t);
	check_ledger(w);
}

size_t world_turn(struct world *w)
{
	_cleanup_(turn_done) struct turn t = { 0 };
	struct fair fair;
	w->m.now = w->now;
	engine_now(w->e, w->now, WALL + w->now / 1000);
	fair_before(&fair, w->e);
	if (w->disk_full)
		w->full_at = WALL + w->now / 1000;
	fair.full = w->full_at;
	int r = engine_turn(w->e, &t);
	if (r < 0)
		failed(w, "engine_turn: %d", r);
	w->wake = t.wake_at;
	if (r >= 0 && t.changes.n && w->disk_full)
		disk_is_full(w);
	check_fair(w, &fair);
	if (r < 0 || (t.changes.n && w->disk_full))
		return 0;
	if (t.changes.n) {
		ledger_keep(w, &t.changes);
		w->commits++;
		w->syncs += t.changes.sync;
	}
	engine_turn_committed(w->e);
	check_ledger(w);
	effects(w, &t);
	check_all(w);
	return t.n_steps;
}

void world_results(struct world *w)
{
	struct step_result r;
	struct holder holders[4];
	size_t n;
	w->m.now = w->now;
	while (machine_next(&w->m, &r, holders, 4, &n)) {
		world_log(w, "result %llu %s %s", (unsigned long long)r.id,
			  step_status_name((enum step_status)r.status), r.reason);
		world_observe(w);
		(void)engine_step_result(w->e, &r, holders, n);
		/* Several ends may share a turn. */
		if (world_random(w, 2))
			world_turn(w);
	}
	world_turn(w);
}

void world_run(struct world *w, int64_t ms)
{
	int64_t until = w->now + ms;
	for (unsigned i = 0; i < 1000000 && !w->failure[0]; i++) {
		while (world_turn(w) > 0 && !w->failure[0])
			;
		int64_t next = machine_wake(&w->m);
		if (w->wake > w->now && (next < 0 || w->wake < next))
			next = w->wake;
		if (next < 0 || next > until)
			break;
		if (next > w->now)
			w->now = next;
		world_results(w);
	}
	if (ms < INT32_MAX)
		w->now = until;
}

/* --- start, crash, reboot -------------------------------------------------------------------------------------- */

static void boot_id(const struct world *w, char ret[UUID_SIZE])
{
	(void)str_format(ret, UUID_SIZE, "%08x-1111-4222-8333-444455556666", w->boot);
}

void world_start(struct world *w, bool keep_unsynced)
{
	struct engine_config config = { .mechs = w->mechs,
					.random = random_bytes,
					.userdata = w,
					.acs_override = w->acs_override };
	_cleanup_err_ struct err err = { 0 };
	struct record rec;
	char boot[UUID_SIZE];
	/* Any number of the unsynced commits may have reached the disk. */
	size_t n = keep_unsynced ? w->n_tail : world_random(w, w->n_tail + 1);
	if (n > 0) {
		struct record kept;
		record_copy(&w->tail[n - 1], &kept);
		record_done(&w->synced);
		w->synced = kept;
	}
	tail_drop(w);
	record_copy(&w->synced, &rec);
	engine_free(w->e);
	w->e = engine_new(&config);
	boot_id(w, boot);
	engine_now(w->e, w->now, WALL + w->now / 1000);
	if (engine_load(w->e, &rec, boot, &err) < 0)
		failed(w, "engine_load: %s: %s", err.id, err.what);
	world_observe(w);
}

void world_crash(struct world *w, bool keep_unsynced)
{
	world_log(w, "carved dies%s", keep_unsynced ? "" : ", unsynced commits may be lost");
	world_start(w, keep_unsynced);
}

void world_reboot(struct world *w)
{
	world_log(w, "reboot");
	/* What is held is given to the same claim again, or to nobody's: a reboot leaves nothing in it. */
	for (size_t i = 0; i < engine_record(w->e)->n_slices; i++)
		if (engine_record(w->e)->slices[i].claim[0])
			used_drop(w, engine_record(w->e)->slices[i].id);
	w->boot++;
	machine_reboot(&w->m);
	world_start(w, false);
}

void world_init(struct world *w, uint64_t seed)
{
	*w = (struct world){ .mechs = world_mechs,
			     .rng = seed * 0x9e3779b97f4a7c15u + 1,
			     .boot = 1,
			     .step_ms = 50,
			     .now = 1000,
			     .wake = -1 };
	w->synced.next_id = 1;
	w->events = json_object();
	machine_init(&w->m);
	w->m.now = w->now;
}

void world_done(struct world *w)
{
	engine_free(w->e);
	machine_done(&w->m);
	have_done(&w->seen);
	tail_drop(w);
	record_done(&w->synced);
	json_decref(w->events);
	json_decref(w->performed);
	for (size_t i = 0; i < WORLD_ANSWERS; i++)
		json_decref(w->answers[i].report);
}

/* --- requests ------------------------------------------------------------------------------------------------------ */

static bool is_enrolled(void *userdata, const char *key)
{
	const struct world *w = userdata;
	for (size_t i = 0; i < w->m.n_enrolled; i++)
		if (str_eq(w->m.enrolled[i], key))
			return true;
	return false;
}

/* An interface is called as its function is addressed. */
static const char *netdevs_of(void *userdata, const char *addr)
{
	(void)userdata;
	return addr;
}

uint64_t world_request_apply(struct world *w, const char *text, const struct apply_request *rq)
{
	_cleanup_err_ struct err err = { 0 };
	_cleanup_free_ struct want *wants = NULL;
	size_t n = 0;
	struct requester root = { .manage = true };
	struct policy_facts facts = {
		.have = &w->seen, .enrolled = is_enrolled, .netdevs = netdevs_of, .userdata = w
	};
	struct policy *p = policy_parse(text, strlen(text), "test.yaml", &err);
	uint64_t token = ++w->token;
	if (!p || policy_pin(p, &facts, &wants, &n, &err) < 0) {
		failed(w, "policy: %s %s", err.what, err.because ? err.because : "");
		policy_free(p);
		return token;
	}
	const char *divide = strstr(text, "divide:"), *end = strstr(text, "classes:");
	world_log(w, "%s %llu: %.*s%s", rq->plan_only ? "plan" : "apply", (unsigned long long)token,
		  divide && end ? (int)(end - divide) : 0, divide,
		  end ? strstr(end, "drift:") : "");
	const struct apply_request apply = { .policy = p,
					     .text = text,
					     .wants = wants,
					     .n_wants = n,
					     .plan_only = rq->plan_only,
					     .only = rq->only,
					     .repeats = rq->repeats,
					     .path = rq->path,
					     .planned = rq->planned };
	engine_request_apply(w->e, token, &root, &apply);
	return token;
}

uint64_t world_apply(struct world *w, const char *text, bool plan_only)
{
	return world_request_apply(w, text, &(struct apply_request){ .plan_only = plan_only });
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of what is made when there is room for it are drawn then, whichever device is first. */
static void step_add(struct str_buf *b, const char *text)
{
	const char *name = str_after(text, "create ") ? strstr(text, " mdev ") : NULL;
	const char *rest = name ? strchr(name + strlen(" mdev "), ' ') : NULL;
	if (rest)
		str_buf_addf(b, "%.*s%s\n", (int)(name - text), text, rest);
	else
		str_buf_addf(b, "%s\n", text);
}

/* The steps on one device, a line each; units that start again behind the others and by name: which of them is
 * first depends on the other devices that need them at rest. */
static char *steps_on(const json_t *steps, const char *device)
{
	struct str_buf b = { 0 };
	const char *starts[16];
	size_t i, n = 0;
	json_t *s;
	str_buf_add(&b, "");
	json_array_foreach(steps, i, s) {
		const char *text = json_string_value(json_object_get(s, "text"));
		if (!str_eq(json_string_value(json_object_get(s, "device")), device))
			continue;
		if (str_after(text, "start ") && n < sizeof(starts) / sizeof(starts[0]))
			starts[n++] = text;
		else
			step_add(&b, text);
	}
	qsort(starts, n, sizeof(starts[0]), by_text);
	for (i = 0; i < n; i++)
		str_buf_addf(&b, "%s\n", starts[i]);
	return str_buf_take(&b);
}

static void check_same_steps(struct world *w, const json_t *devices_of, const json_t *planned)
{
	size_t i;
	json_t *s;
	json_array_foreach(devices_of, i, s) {
		const char *device = json_string_value(json_object_get(s, "device"));
		_cleanup_free_ char *plan = steps_on(planned, device);
		_cleanup_free_ char *done = steps_on(w->performed, device);
		if (!str_eq(plan, done))
			failed(w, "%s: planned:\n%sperformed:\n%s", device, plan, done);
	}
}

uint64_t world_apply_as_planned(struct world *w, const char *text, size_t *ret_steps)
{
	uint64_t plan = world_apply(w, text, true);
	world_turn(w);
	const struct world_answer *a = world_answer(w, plan);
	json_auto_t *planned = json_incref(a ? a->report : NULL);
	const json_t *steps = json_object_get(planned, "steps");
	if (!steps)
		failed(w, "no plan: %s", a ? a->id : "no answer");
	w->performed = json_array();
	uint64_t token =
		world_request_apply(w, text, &(struct apply_request){ .planned = planned });
	world_run(w, 120000);
	check_same_steps(w, steps, steps);
	check_same_steps(w, w->performed, steps);
	a = world_answer(w, token);
	if (a && a->state == ANSWER_FAILED)
		failed(w, "a plan that still holds is refused: %s: %s", a->id, a->because);
	*ret_steps = json_array_size(w->performed);
	json_decref(w->performed);
	w->performed = NULL;
	return token;
}

uint64_t world_ask(struct world *w, uint32_t uid, const struct alloc_request *rq)
{
	struct requester who = { .uid = uid, .gid = uid, .claim = true, .manage = uid == 0 };
	const struct policy *p = engine_policy(w->e);
	const struct policy_tenant *t =
		p ? policy_tenant_of(p, &(struct policy_account){ .uid = uid }) : NULL;
	if (t)
		(void)STR_COPY(who.tenant, t->name);
	uint64_t token = ++w->token;
	world_log(w, "alloc %llu %s uid %u%s%s%s", (unsigned long long)token, rq->class, uid,
		  t ? " of " : "", t ? t->name : "", rq->wait ? ", waits" : "");
	engine_request_alloc(w->e, token, &who, rq);
	return token;
}

uint64_t world_alloc(struct world *w, uint32_t uid, const char *class, const char *name,
		     enum claim_kind kind, int32_t pid, const struct vf_settings *set)
{
	struct alloc_request rq = { .kind = kind,
				    .pid = pid,
				    .pid_start = (uint64_t)pid,
				    .grant_uid = uid,
				    .grant_gid = uid };
	(void)STR_COPY(rq.class, class);
	(void)STR_COPY(rq.name, name);
	(void)STR_COPY(rq.owner, "manual:test");
	if (set)
		rq.set = *set;
	return world_ask(w, uid, &rq);
}

static uint64_t release(struct world *w, uint32_t uid, const char *name, bool wait)
{
	struct requester who = { .uid = uid, .gid = uid, .claim = true, .manage = uid == 0 };
	uint64_t token = ++w->token;
	world_log(w, "release %llu %s%s", (unsigned long long)token, name, wait ? "" : " now");
	engine_request_release(w->e, token, &who, name, wait);
	return token;
}

uint64_t world_release(struct world *w, uint32_t uid, const char *name)
{
	return release(w, uid, name, true);
}

uint64_t world_release_now(struct world *w, uint32_t uid, const char *name)
{
	return release(w, uid, name, false);
}
