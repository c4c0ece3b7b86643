/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan is an apply that happens on paper: the same engine, on a copy of the record and of the
 * picture, each step taking its effect at once. So what is printed is what will be performed.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"

#define PLAN_TURNS_MAX 100000

struct play {
	struct engine *e; /* the copy */
	struct have have;
	json_t *steps, *waits, *ends;
};

static void play_done(struct play *p)
{
	engine_free(p->e);
	have_done(&p->have);
	json_decref(p->steps);
	json_decref(p->waits);
	json_decref(p->ends);
}

static int array_dup(const void *from, size_t n, size_t size, void *ret_array, size_t *ret_n)
{
	void **ret = ret_array;
	size_t room = 1;
	while (room < n)
		room *= 2;
	*ret = reallocarray(NULL, room, size);
	if (!*ret)
		return -ENOMEM;
	if (n)
		memcpy(*ret, from, n * size);
	*ret_n = n;
	return 0;
}

static int record_copy(const struct record *from, struct record *to)
{
	to->next_id = from->next_id;
	to->policy.version = from->policy.version;
	memcpy(to->boot_id, from->boot_id, sizeof(to->boot_id));
	/* Steps in flight have no results here: the copy starts from what is there now. */
	int r = array_dup(from->wants, from->n_wants, sizeof(*from->wants), &to->wants,
			  &to->n_wants);
	if (r >= 0)
		r = array_dup(from->slices, from->n_slices, sizeof(*from->slices), &to->slices,
			      &to->n_slices);
	if (r >= 0)
		r = array_dup(from->claims, from->n_claims, sizeof(*from->claims), &to->claims,
			      &to->n_claims);
	if (r >= 0)
		r = array_dup(from->notes, from->n_notes, sizeof(*from->notes), &to->notes,
			      &to->n_notes);
	return r;
}

static int play_begin(struct engine *e, struct play *p)
{
	p->e = engine_new(&e->config);
	p->steps = json_array();
	p->waits = json_array();
	p->ends = json_array();
	if (!p->e || !p->steps || !p->waits || !p->ends || record_copy(&e->rec, &p->e->rec) < 0 ||
	    have_copy(e->have, &p->have) < 0)
		return -ENOMEM;
	/* Nobody reads anything again on paper: what was told last counts. */
	for (size_t i = 0; i < p->have.n_types; i++)
		p->have.types[i].available_stale = false;
	p->e->scratch = true;
	p->e->id_now = e->id_now;
	p->e->rec.next_id = e->id_now + ((uint64_t)1 << 32);
	memcpy(p->e->uuid_seed, e->uuid_seed, sizeof(e->uuid_seed));
	p->e->uuid_count = e->uuid_count;
	for (size_t i = 0; i < e->state.n_devices; i++) {
		struct device_state *d = state_device(p->e, e->state.devices[i].key);
		if (!d)
			return -ENOMEM;
		memcpy(d->stuck, e->state.devices[i].stuck, sizeof(d->stuck));
	}
	return 0;
}

static int note_step(struct play *p, const struct step *s)
{
	char text[1400];
	if (step_describe(s, &p->have, text, sizeof(text)) < 0)
		(void)STR_COPY(text, verb_name((enum verb)s->verb));
	json_t *json = json_pack("{s:s, s:s, s:s, s:o}", "device", s->target.device, "verb",
				 verb_name((enum verb)s->verb), "text", text, "blast",
				 change_blast(&p->have, &p->e->rec, s));
	if (json && s->target.vf >= 0)
		json_object_set_new(json, "vf", json_integer(s->target.vf));
	if (json && s->target.uuid[0])
		json_object_set_new(json, "uuid", json_string(s->target.uuid));
	return json_array_append_new(p->steps, json) < 0 ? -ENOMEM : 0;
}

/* Who uses a slice is not known on paper: nobody, it says, and that this is a condition. */
static void look_at_nobody(struct play *p, const struct step *s)
{
	struct step_result r = { .id = s->id, .status = STEP_DONE };
	const struct target *t = &s->target;
	if (s->verb == VERB_SERVICE_LOOK) {
		r.number = 1;
		json_array_append_new(p->waits, json_sprintf("%s is only stopped and started if it "
							     "runs",
							     s->text));
		engine_step_result(p->e, &r, NULL, 0);
		return;
	}
	const struct function *pf = have_device(&p->have, t->device);
	const struct function *vf = pf && t->vf >= 0 ? have_vf(&p->have, pf->addr, t->vf) : NULL;
	json_array_append_new(p->waits,
			      json_sprintf("%s: until nobody has it open", t->uuid[0] ? t->uuid
									   : vf	      ? vf->addr
										      : t->device));
	engine_step_result(p->e, &r, NULL, 0);
}

static void note_ends(struct play *p, const struct turn *t)
{
	for (size_t i = 0; i < t->n_events; i++) {
		const char *event = json_string_value(json_object_get(t->events[i], "event"));
		const char *claim = json_string_value(json_object_get(t->events[i], "claim"));
		const char *why = json_string_value(json_object_get(t->events[i], "reason"));
		if (event && claim && str_eq(event, "claim.releasing"))
			json_array_append_new(p->ends,
					      json_sprintf("claim %s ends%s%s", claim,
							   why ? ": " : "", why ? why : ""));
	}
}

static int perform(struct play *p, const struct step *s)
{
	if (!verb_changes((enum verb)s->verb)) {
		look_at_nobody(p, s);
		return 0;
	}
	struct step_result r = { .id = s->id,
				 .status = STEP_DONE,
				 .number = s->verb == VERB_UNBIND ? s->flag : s->number };
	int rc = note_step(p, s);
	if (rc >= 0)
		rc = effect_apply(&p->have, s);
	if (rc == -ENOMEM)
		return rc;
	engine_have_changed(p->e, &p->have);
	engine_step_result(p->e, &r, NULL, 0);
	return 0;
}

/* The reasons of a failure stand below each other, here in one line. */
static json_t *failure_line(const char *device, const char *what, const char *why)
{
	struct str_buf text = { 0 };
	size_t n;
	str_buf_addf(&text, "%s: %s", device, what);
	for (const char *lead = ": "; why && *why; lead = "; ", why += n + (why[n] == '\n')) {
		n = strcspn(why, "\n");
		str_buf_addf(&text, "%s%.*s", lead, (int)n, why);
	}
	_cleanup_free_ char *line = str_buf_take(&text);
	return line ? json_string(line) : NULL;
}

/* Results, waits and errors of the devices, as lines. */
static void note_waits(struct play *p, const json_t *report)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(report, "results"), i, entry) {
		const char *device = json_string_value(json_object_get(entry, "device"));
		const char *waits = json_string_value(json_object_get(entry, "waits"));
		const char *until = json_string_value(json_object_get(entry, "until"));
		const json_t *error = json_object_get(entry, "error");
		const char *what = json_string_value(json_object_get(error, "what"));
		const char *why = json_string_value(json_object_get(error, "because"));
		if (what)
			json_array_append_new(p->waits, failure_line(device, what, why));
		else if (waits)
			json_array_append_new(p->waits, json_sprintf("%s: until %s: %s", device,
								     until, waits));
	}
}

static void take_answers(const struct turn *t, json_t **report, struct err *reterr)
{
	for (size_t i = 0; i < t->n_answers; i++) {
		const struct answer *a = &t->answers[i];
		if (a->request != 1 || a->state == ANSWER_PENDING)
			continue;
		if (a->report)
			*report = json_incref(a->report);
		err_copy(reterr, &a->err);
	}
}

/* 1: it goes on. The devices have settled with the report; what is done for reservations on them comes
 * behind it. */
static int play_turn(struct play *p, json_t **report, struct err *reterr)
{
	_cleanup_(turn_done) struct turn t = { 0 };
	int r = engine_turn(p->e, &t);
	if (r < 0)
		return r;
	engine_turn_committed(p->e);
	take_answers(&t, report, reterr);
	if (err_is_set(reterr))
		return 0;
	note_ends(p, &t);
	for (size_t i = 0; i < t.n_steps; i++) {
		r = perform(p, &t.steps[i]);
		if (r < 0)
			return r;
	}
	if (t.n_steps == 0 && *report)
		return 0;
	if (t.n_steps == 0)
		engine_now(p->e, t.wake_at > p->e->now ? t.wake_at : p->e->now + 1000, p->e->wall);
	return 1;
}

/* The report as it is at the very end, with what was refused in the first one. */
static int still_waits(struct play *p, json_t **report)
{
	size_t i;
	json_t *entry, *later = NULL;
	json_auto_t *refused = json_array();
	json_array_foreach(json_object_get(*report, "results"), i, entry)
		if (json_object_get(entry, "error"))
			json_array_append(refused, entry);
	const struct waiter w = { .refused = refused };
	int r = report_make(p->e, &w, &later);
	if (r <= 0)
		return r;
	json_decref(*report);
	*report = later;
	return 0;
}

static const char *device_of(const json_t *step)
{
	return json_string_value(json_object_get(step, "device"));
}

static bool has_device(const json_t *devices, const char *device)
{
	size_t i;
	json_t *d;
	json_array_foreach(devices, i, d)
		if (str_eq(device_of(d), device))
			return true;
	return false;
}

/* Devices do not wait for each other, so their steps are told device by device. */
static json_t *by_device(const json_t *devices, const json_t *steps)
{
	json_t *sorted = json_array(), *d, *s;
	size_t i, k;
	json_array_foreach(devices, i, d)
		json_array_foreach(steps, k, s)
			if (str_eq(device_of(s), device_of(d)))
				json_array_append(sorted, s);
	return sorted;
}

static json_t *devices_of(const struct engine *e, const struct play *p)
{
	json_t *devices = json_array(), *s;
	size_t i;
	json_array_foreach(p->steps, i, s) {
		const char *device = device_of(s);
		if (!has_device(devices, device))
			json_array_append_new(devices, change_device(e->have, &p->have, device,
								     store_want(p->e, device)));
	}
	return devices;
}

int plan_make(struct engine *e, struct request *rq, json_t **ret_report, struct err *reterr)
{
	_cleanup_(play_done) struct play p = { 0 };
	json_auto_t *report = NULL;
	int r = play_begin(e, &p);
	if (r < 0)
		return r;
	struct requester root = { .manage = true };
	engine_now(p.e, e->now, e->wall);
	engine_have_changed(p.e, &p.have);
	const struct apply_request apply = { .policy = TAKE_PTR(rq->policy),
					     .text = rq->text,
					     .wants = rq->wants,
					     .n_wants = rq->n_wants,
					     .only = rq->name[0] ? rq->name : NULL };
	engine_request_apply(p.e, 1, &root, &apply);
	for (unsigned i = 0; i < PLAN_TURNS_MAX; i++) {
		r = play_turn(&p, &report, reterr);
		if (r <= 0)
			break;
	}
	if (r < 0 || err_is_set(reterr))
		return r < 0 ? r : -reterr->error;
	r = still_waits(&p, &report);
	if (r < 0)
		return r;
	note_waits(&p, report);
	json_t *devices = devices_of(e, &p);
	*ret_report = json_pack("{s:I, s:o, s:o, s:O, s:O}", "base",
				(json_int_t)e->rec.policy.version, "devices", devices, "steps",
				by_device(devices, p.steps), "waits", p.waits, "ends", p.ends);
	if (!*ret_report)
		return -ENOMEM;
	report_remarks(p.e, apply.only, *ret_report);
	return 0;
}
