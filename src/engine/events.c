/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes out of a turn besides steps: answers to requests, events for subscribers and the audit. */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "engine/internal.h"

struct answer *answer_add(struct engine *e, uint64_t token, enum answer_state state)
{
	struct turn *t = e->turn;
	struct answer *a = ARRAY_ADD(t->answers, t->n_answers);
	if (!a) {
		e->failed = true;
		return NULL;
	}
	a->request = token;
	a->state = state;
	return a;
}

void err_copy(struct err *to, const struct err *from)
{
	if (!err_is_set(from) || err_is_set(to))
		return;
	json_auto_t *json = err_to_json(from);
	if (json)
		(void)err_from_json(to, json);
}

void answer_failed(struct engine *e, uint64_t token, struct err *err)
{
	struct answer *a = answer_add(e, token, ANSWER_FAILED);
	if (a)
		err_move(&a->err, err);
	else
		err_done(err);
}

void answer_waiters(struct engine *e, enum waiter_kind kind, const char *claim,
		    const struct claim *c, const struct slice *s, struct err *err)
{
	for (size_t i = e->state.n_waiters; i > 0; i--) {
		const struct waiter *w = &e->state.waiters[i - 1];
		if (w->kind != kind || !str_eq(w->claim, claim))
			continue;
		struct answer *a = answer_add(e, w->token, err ? ANSWER_FAILED : ANSWER_DONE);
		if (!a)
			return;
		if (c)
			a->claim = *c;
		if (s)
			a->slice = *s;
		err_copy(&a->err, err);
		state_waiter_remove(e, i - 1);
	}
}

void answer_progress(struct engine *e, enum waiter_kind kind, const char *claim, const char *text)
{
	for (size_t i = 0; i < e->state.n_waiters; i++) {
		struct waiter *w = &e->state.waiters[i];
		if (w->kind != kind || w->no_wait || !str_eq(w->claim, claim) ||
		    str_eq(w->told, text))
			continue;
		reason_set(w->told, sizeof(w->told), "%s", text);
		struct answer *a = answer_add(e, w->token, ANSWER_PENDING);
		if (!a)
			return;
		err_set(&a->err, "claim.waits", EAGAIN, "claim %s waits", claim);
		err_on(&a->err, "claim %s", claim);
		err_because(&a->err, "%s", text);
	}
}

void answer_hasty(struct engine *e, const struct claim *c)
{
	const struct slice *s = c->slice ? store_slice(e, c->slice) : NULL;
	for (size_t i = e->state.n_waiters; i > 0; i--) {
		const struct waiter *w = &e->state.waiters[i - 1];
		if (w->kind != WAIT_RELEASE || !w->no_wait || !str_eq(w->claim, c->name))
			continue;
		struct answer *a = answer_add(e, w->token, ANSWER_DONE);
		if (!a)
			return;
		a->waits = true;
		a->claim = *c;
		if (s)
			a->slice = *s;
		state_waiter_remove(e, i - 1);
	}
}

static void event_take(struct engine *e, json_t *event)
{
	if (!event || !e->turn) {
		json_decref(event);
		return;
	}
	struct turn *t = e->turn;
	json_t **added = ARRAY_ADD(t->events, t->n_events);
	if (!added) {
		json_decref(event);
		e->failed = true;
		return;
	}
	*added = event;
}

static json_t *event_make(struct engine *e, const char *event, va_list ap)
{
	json_t *json = json_pack("{s:s, s:I}", "event", event, "at", (json_int_t)e->wall);
	const char *name;
	while ((name = va_arg(ap, const char *))) {
		const char *text = va_arg(ap, const char *);
		if (text && *text && json)
			json_object_set_new(json, name, json_string(text));
	}
	return json;
}

void event_add(struct engine *e, const char *event, ...)
{
	va_list ap;
	va_start(ap, event);
	event_take(e, event_make(e, event, ap));
	va_end(ap);
}

void engine_tell(struct engine *e, const char *event, ...)
{
	va_list ap;
	va_start(ap, event);
	if (!e->told)
		e->told = json_array();
	json_array_append_new(e->told, event_make(e, event, ap));
	va_end(ap);
}

void events_told(struct engine *e)
{
	size_t i;
	json_t *event;
	json_array_foreach(e->told, i, event)
		event_take(e, json_incref(event));
}

void event_slice(struct engine *e, const char *event, const struct slice *s, const char *reason)
{
	char name[SYS_PATH_SIZE];
	if (slice_name(s, name, sizeof(name)) < 0)
		name[0] = '\0';
	event_add(e, event, "slice", name, "device", s->device, "claim", s->claim, "reason", reason,
		  NULL);
}

void event_claim(struct engine *e, const char *event, const struct claim *c, const char *reason)
{
	char name[SYS_PATH_SIZE] = "", uid[16];
	const struct slice *s = c->slice ? store_slice(e, c->slice) : NULL;
	if (s)
		(void)slice_name(s, name, sizeof(name));
	(void)STR_FORMAT(uid, "%u", c->uid);
	event_add(e, event, "claim", c->name, "class", c->class, "owner", c->owner, "uid", uid,
		  "tenant", c->tenant, "slice", name, "reason", reason, NULL);
}
