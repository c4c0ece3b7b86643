/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See warnings.h. */
#include "daemon/warnings.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/blast.h"
#include "daemon/daemon.h"
#include "mech/mech.h"

struct question {
	struct step step;
	bool asked, answered;
	json_t *refusal;
	json_t *planned; /* the step of a plan whose victims are looked for; NULL: a guard is asked */
};

/* Of a plan with more steps, those behind are told without their holders. */
#define LOOKS_MAX 64

/* A plan is worth having while the executor is away or slow, with what has been answered by then. */
#define ASKED_AT_MOST_US (3 * UINT64_C(1000000))

struct warnings {
	struct question *items;
	size_t n;
	json_t *report;
	sd_event_source *due;
};

struct warnings *warnings_free(struct warnings *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < w->n; i++) {
		json_decref(w->items[i].refusal);
		json_decref(w->items[i].planned);
	}
	free(w->items);
	json_decref(w->report);
	sd_event_source_disable_unref(w->due);
	free(w);
	return NULL;
}

/* What would have to be done for it: the function taken for a claim, or its VFs made. */
static bool step_for(const struct want *w, struct step *ret)
{
	*ret = (struct step){ .target.vf = -1, .check_only = 1 };
	memcpy(ret->target.device, w->device, sizeof(ret->target.device));
	if (str_eq(w->mech, "passthrough")) {
		ret->verb = VERB_BIND;
		(void)STR_COPY(ret->text, "vfio");
		return true;
	}
	ret->verb = VERB_SET_VFS;
	ret->number = w->count;
	ret->allow = w->in_use_pf ? STEP_ALLOW_IN_USE_PF : 0;
	return str_eq(w->mech, "sriov");
}

struct warnings *warnings_new(const struct want *wants, size_t n, const char *only)
{
	struct warnings *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->items = calloc(n + LOOKS_MAX, sizeof(*w->items));
	for (size_t i = 0; i < n && w->items; i++)
		if (!only || str_eq(only, wants[i].device))
			w->n += step_for(&wants[i], &w->items[w->n].step);
	return w->items ? w : warnings_free(w);
}

static bool is_asked(const struct warnings *w, const struct step *s)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->items[i].step.verb == s->verb &&
		    target_eq(&w->items[i].step.target, &s->target))
			return true;
	return false;
}

static void add_looks(struct warnings *w, const struct have *h, const json_t *report)
{
	size_t i, room = LOOKS_MAX;
	json_t *planned;
	struct step s;
	json_array_foreach(json_object_get(report, "steps"), i, planned)
		if (room > 0 && blast_look(h, planned, &s) && !is_asked(w, &s)) {
			w->items[w->n++] =
				(struct question){ .step = s, .planned = json_incref(planned) };
			room--;
		}
}

static bool all_answered(const struct warnings *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->items[i].asked && !w->items[i].answered)
			return false;
	return true;
}

/* What holds a device now lets go of it one day, and a plan says for what it waits. */
static bool is_lasting(const struct step_result *r)
{
	return r->status == STEP_REFUSED && !str_eq(r->reason, "held");
}

static json_t *refusal(const struct daemon *d, const struct step *s, const struct step_result *r)
{
	_cleanup_err_ struct err e = { 0 };
	if (!is_lasting(r) || !mech_diagnose(&d->picture.have, s, r, NULL, 0, &e))
		return NULL;
	return json_pack("{s:s, s:o}", "device", s->target.device, "error", err_to_json(&e));
}

static bool is_named(const json_t *entries, const char *device)
{
	size_t i;
	json_t *entry;
	json_array_foreach(entries, i, entry)
		if (str_eq(json_string_value(json_object_get(entry, "device")), device))
			return true;
	return false;
}

/* In the order of the policy's devices, whoever was answered first; behind them what the engine has found
 * of others. */
static void finish(struct session *s)
{
	struct warnings *w = s->warnings;
	json_auto_t *found = json_array();
	size_t i;
	json_t *own;
	for (i = 0; i < w->n; i++)
		if (w->items[i].refusal)
			json_array_append(found, w->items[i].refusal);
	json_array_foreach(json_object_get(w->report, "warnings"), i, own)
		if (!is_named(found, json_string_value(json_object_get(own, "device"))))
			json_array_append(found, own);
	if (json_array_size(found) > 0)
		json_object_set(w->report, "warnings", found);
	picture_looks_forget(s->daemon, s->token);
	session_reply(s, json_incref(w->report), false);
	s->warnings = warnings_free(w);
}

static void take_holders(struct question *q, const struct step_result *r, const void *data)
{
	size_t n = r->status == STEP_DONE ? r->data_len / sizeof(struct holder) : 0;
	_cleanup_free_ struct holder *holders = calloc(n + 1, sizeof(*holders));
	if (!holders || n == 0)
		return;
	memcpy(holders, data, n * sizeof(*holders));
	blast_add_holders(q->planned, holders, n);
}

static void checked(struct daemon *d, uint64_t token, const struct step *s,
		    const struct step_result *r, const void *data)
{
	struct session *session = server_find(d, token);
	struct warnings *w = session ? session->warnings : NULL;
	for (size_t i = 0; w && i < w->n; i++) {
		struct question *q = &w->items[i];
		if (!q->asked || q->answered || q->step.verb != s->verb ||
		    !target_eq(&q->step.target, &s->target))
			continue;
		q->answered = true;
		if (q->planned)
			take_holders(q, r, data);
		else
			q->refusal = refusal(d, s, r);
	}
	if (!w || !all_answered(w))
		return;
	finish(session);
	session_settle(session);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct session *s = userdata;
	(void)source;
	(void)usec;
	finish(s);
	session_settle(s);
	return 0;
}

/* An apply has told it already. */
static bool has_failed(const json_t *report, const char *device)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(report, "results"), i, entry)
		if (str_eq(json_string_value(json_object_get(entry, "device")), device))
			return json_object_get(entry, "error") != NULL;
	return false;
}

bool warnings_ask(struct session *s, json_t *report)
{
	bool any = false;
	struct daemon *d = s->daemon;
	struct warnings *w = s->warnings;
	if (w && report)
		add_looks(w, &d->picture.have, report);
	for (size_t i = 0; w && report && i < w->n; i++) {
		struct question *q = &w->items[i];
		const char *device = q->step.target.device;
		if (picture_stuck(&d->picture, device) || has_failed(report, device))
			continue;
		q->asked = picture_look(d, &q->step, checked, s->token) == 0;
		any = any || q->asked;
	}
	if (!any || sd_event_add_time_relative(d->loop, &w->due, CLOCK_MONOTONIC, ASKED_AT_MOST_US,
					       100000, on_due, s) < 0) {
		s->warnings = warnings_free(w);
		return false;
	}
	w->report = json_incref(report);
	s->wait = SESSION_LOOK;
	return true;
}
