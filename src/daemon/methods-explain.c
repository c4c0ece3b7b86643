/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explain: why a policy takes a device as it does, and what of the applied one differs from that. */
#include <errno.h>
#include <inttypes.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"
#include "ledger/record.h"
#include "policy/explain.h"

struct explaining {
	const struct daemon *daemon;
	const struct policy *policy;
	struct match_subject subject;
	const struct policy_selection *selection;
	const struct policy_divide *divide;
	json_t *reply;
	bool failed; /* memory ran out */
};

static json_t *verdicts_json(struct explaining *x, struct policy_verdicts *v)
{
	json_t *array = json_array();
	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:i, s:b, s:s}", "name", v->items[i].name,
						"line", v->items[i].at.line, "holds",
						v->items[i].holds, "why", v->items[i].why));
	x->failed = x->failed || v->failed;
	policy_verdicts_done(v);
	return array;
}

static void place_add(json_t *array, const char *name, struct policy_position at)
{
	json_array_append_new(array, json_pack("{s:s, s:i}", "name", name, "line", at.line));
}

/* Classes that what the device becomes counts for, and reservations of these. */
static void add_users(struct explaining *x)
{
	const struct policy *p = x->policy;
	json_t *classes = json_array(), *reservations = json_array();
	for (size_t i = 0; i < p->n_classes; i++) {
		const struct policy_class *c = &p->classes[i];
		if (!policy_class_draws(p, c, x->divide))
			continue;
		place_add(classes, c->name, c->at);
		for (size_t k = 0; k < p->n_reservations; k++)
			if (str_eq(p->reservations[k].class, c->name))
				place_add(reservations, p->reservations[k].name,
					  p->reservations[k].at);
	}
	wire_add(x->reply, "classes", classes);
	wire_add(x->reply, "reservations", reservations);
}

static void add_divide(struct explaining *x)
{
	struct policy_verdicts tried = { 0 };
	struct str_buf makes = { 0 };
	char where[320];
	x->divide = policy_divide_of(x->policy, x->selection->name, &x->subject, &tried);
	wire_add(x->reply, "divides", verdicts_json(x, &tried));
	if (!x->divide)
		return;
	if (STR_FORMAT(where, "%s:%d", x->policy->file, x->divide->at.line) == 0)
		wire_add_string(x->reply, "divided_by", where);
	policy_divide_text(x->divide, &makes);
	wire_add_string(x->reply, "makes", makes.text);
	x->failed = x->failed || makes.failed;
	str_buf_done(&makes);
	add_users(x);
}

static void add_pinned(json_t *reply, const struct want *w)
{
	char text[64];
	if (w && w->has_serial &&
	    STR_FORMAT(text, "%04x:%04x serial=%016" PRIx64, w->vendor, w->device_id,
		       (uint64_t)w->serial) == 0)
		wire_add_string(reply, "pinned", text);
	else if (w && w->vendor && STR_FORMAT(text, "%04x:%04x", w->vendor, w->device_id) == 0)
		wire_add_string(reply, "pinned", text);
}

static void add_differences(struct explaining *x, const char *key)
{
	const struct want *applied = record_want(engine_record(x->daemon->engine), key);
	struct want now;
	_cleanup_err_ struct err e = { 0 };
	int r = x->divide ? policy_want(x->policy, x->subject.facts, x->divide, x->subject.f,
					x->subject.parent, &now, &e)
			  : -ENOENT;
	struct str_buf lines = { 0 };
	/* What it is follows from the device that it goes with. */
	if (!x->divide && applied && applied->leader[0])
		applied = NULL;
	if (x->divide && r < 0)
		str_buf_addf(&lines, "it cannot be so: %s\n", e.what ? e.what : "no memory");
	else
		policy_want_compare(applied, x->divide ? &now : NULL, &lines);
	json_t *array = json_array();
	char *save = NULL, *line = lines.text ? strtok_r(lines.text, "\n", &save) : NULL;
	for (; line; line = strtok_r(NULL, "\n", &save))
		json_array_append_new(array, json_string(line));
	x->failed = x->failed || lines.failed;
	str_buf_done(&lines);
	add_pinned(x->reply, record_want(engine_record(x->daemon->engine), key));
	wire_add(x->reply, "differs", array);
}

static void explain(struct explaining *x, const char *key)
{
	struct policy_verdicts tried = { 0 };
	wire_add_string(x->reply, "file", x->policy->file);
	wire_add_string(x->reply, "never", policy_never_selected(&x->subject));
	x->selection = policy_selection_of(x->policy, &x->subject, &tried);
	wire_add(x->reply, "selections", verdicts_json(x, &tried));
	if (x->selection) {
		wire_add_string(x->reply, "selection", x->selection->name);
		add_divide(x);
	}
	add_differences(x, key);
}

static void explain_to(struct session *s, const struct policy *p, const struct facts_match *m,
		       const char *key)
{
	const struct policy_facts facts = facts_for_policy(m);
	const struct have *h = m->have;
	struct explaining x = { .daemon = s->daemon,
				.policy = p,
				.subject = { .facts = &facts,
					     .f = have_device(h, key),
					     .parent = have_parent(h, key) },
				.reply = json_object() };
	wire_add(x.reply, "device", method_device_json(s->daemon, &m->enrolled, key));
	explain(&x, key);
	if (!x.failed) {
		session_reply(s, x.reply, false);
		return;
	}
	json_decref(x.reply);
	_cleanup_err_ struct err e = { 0 };
	err_set(&e, "base.memory", ENOMEM, "out of memory");
	session_fail(s, &e);
}

void method_explain(struct session *s, const json_t *params)
{
	const struct daemon *d = s->daemon;
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(policy_freep) struct policy *p = NULL;
	const char *text, *file, *device = method_text(params, "device");
	const char *key = method_device(d, device);
	struct facts_match m;
	if (!key) {
		method_no_device(s, device);
		return;
	}
	int r = method_policy(s, params, &text, &file, &e);
	if (r >= 0 && !(p = policy_parse(text, strlen(text), file, &e)))
		r = -EINVAL;
	if (r >= 0)
		r = method_facts(d, &m, &e);
	if (r < 0) {
		session_fail(s, &e);
		return;
	}
	explain_to(s, p, &m, key);
	facts_match_done(&m);
}
