/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holders, Events, Doctor: what goes on, and what is wrong. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "api/interface.h"
#include "api/wire.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"
#include "daemon/preflight.h"
#include "host/doctor.h"
#include "host/release.h"
#include "mech/mech.h"

#define EVENTS_LAST_MAX 10000

/* --- Holders --------------------------------------------------------------------------------- */

static void holders_failed(struct session *s, const struct step *step, const struct step_result *r)
{
	_cleanup_err_ struct err e = { 0 };
	err_set(&e, "holders.unknown", r->error ? r->error : EAGAIN, "cannot see who uses %s",
		step->target.device);
	err_on(&e, "%s", step->target.device);
	err_because(&e, "%s",
		    r->detail[0] ? r->detail : step_status_name((enum step_status)r->status));
	err_state(&e, "nothing was changed");
	err_todo(&e, "try again; carve doctor shows whether carve-executor answers");
	session_fail(s, &e);
}

static void holders_seen(struct daemon *d, uint64_t token, const struct step *step,
			 const struct step_result *r, const void *data)
{
	struct session *s = server_find(d, token);
	if (!s)
		return;
	size_t n = r->data_len / sizeof(struct holder);
	_cleanup_free_ struct holder *holders = calloc(n + 1, sizeof(*holders));
	if (r->status != STEP_DONE || !holders) {
		holders_failed(s, step, r);
	} else {
		if (n > 0)
			memcpy(holders, data, n * sizeof(*holders));
		session_reply(s, json_pack("{s:o}", "holders", wire_holders(holders, n)), false);
	}
	session_settle(s);
}

void method_holders(struct session *s, const json_t *params)
{
	const char *text = method_text(params, "device");
	const char *key = method_device(s->daemon, text);
	if (!key) {
		method_no_device(s, text);
		return;
	}
	/* A VF has no place of its own: it is known by its PF. */
	const struct have *h = &s->daemon->picture.have;
	const struct function *f = have_device(h, key);
	const struct function *pf = f && f->is_vf ? have_function(h, f->pf) : NULL;
	struct step step = { .verb = VERB_HOLDERS, .target.vf = pf ? f->vf_index : -1 };
	(void)STR_COPY(step.target.device, pf ? pf->key : key);
	uint64_t token = session_waits(s, SESSION_LOOK);
	int r = picture_look(s->daemon, &step, holders_seen, token);
	if (r == 0)
		return;
	const struct step_result none = { .status = STEP_UNKNOWN,
					  .error = -r,
					  .detail = "carve-executor does not answer" };
	holders_failed(s, &step, &none);
}

/* --- Events ---------------------------------------------------------------------------------- */

void method_events(struct session *s, const json_t *params)
{
	if (!s->conn.more) {
		session_error(s, INTERFACE_SERVICE ".ExpectedMore", NULL);
		return;
	}
	json_int_t last = json_integer_value(json_object_get(params, "last"));
	if (last < 0 || last > EVENTS_LAST_MAX) {
		session_error(s, INTERFACE_SERVICE ".InvalidParameter",
			      interface_parameter_error("last"));
		return;
	}
	json_t *past = last ? ledger_audit(s->daemon->ledger, (size_t)last) : NULL;
	size_t i;
	json_t *event;
	json_array_foreach(past, i, event)
		session_reply(s, json_pack("{s:O}", "event", event), true);
	json_decref(past);
	session_reply(s, NULL, true);
	session_waits(s, SESSION_EVENTS);
}

/* --- Doctor ---------------------------------------------------------------------------------- */

/* enrolled, err: the list of enrolled devices, or why there is none; outlive the facts. */
static void gather(struct daemon *d, struct doctor_facts *facts, struct enrollment *enrolled,
		   struct err *err)
{
	_cleanup_close_ int etc = openat(d->roots.root, "etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct doctor_roots roots = {
		.sysfs = d->roots.sysfs,
		.proc = d->roots.proc,
		.etc = etc,
		.root = d->roots.root,
	};
	doctor_facts_read(&roots, facts);
	facts->executor = executor_client_connected(d->executor);
	const char *why = NULL;
	bool good = str_eq(daemon_ledger_state(d, &why), "good");
	facts->ledger_problem = good ? NULL : why ? why : "not writable";
	if (daemon_enrollment(d, enrolled, err) >= 0) {
		facts->n_enrolled = enrolled->n;
		facts->enrolled = enrolled;
	} else {
		facts->enrollment = err;
	}
	facts->unsafe_acs_override = engine_unsafe_acs_override(d->engine);
	facts->policy_only = engine_record(d->engine)->policy.only;
	facts->slices = engine_record(d->engine)->slices;
	facts->n_slices = engine_record(d->engine)->n_slices;
	facts->claims = engine_record(d->engine)->claims;
	facts->n_claims = engine_record(d->engine)->n_claims;
}

static json_t *finding_json(const struct finding *f)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "level", finding_level_name(f->level), "id", f->id,
			      "text", f->text);
	wire_add_string(o, "subject", f->subject);
	wire_add_string(o, "remedy", f->remedy);
	return o;
}

static json_t *findings_json(const struct findings *found)
{
	json_t *array = json_array();
	for (size_t i = 0; i < found->n; i++)
		json_array_append_new(array, finding_json(&found->items[i]));
	return array;
}

static void add_stuck(json_t *array, const struct picture *p)
{
	for (size_t i = 0; i < p->n_stuck; i++)
		json_array_append_new(
			array,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "level", "problem", "id",
				  "doctor.device.stuck", "subject", p->stuck[i].device, "text",
				  p->stuck[i].reason, "remedy",
				  "end who holds it: carve holders DEVICE; other devices go on"));
}

static void add_drained(json_t *array, const struct record *r)
{
	for (size_t i = 0; i < r->n_notes; i++) {
		const struct device_note *n = &r->notes[i];
		if (!n->drained)
			continue;
		json_array_append_new(
			array,
			json_pack("{s:s, s:s, s:s, s:o, s:s}", "level", "note", "id",
				  "doctor.device.drained", "subject", n->device, "text",
				  json_sprintf("it is drained%s%s: no claim gets anything of it",
					       n->reason[0] ? ", " : "", n->reason),
				  "remedy", "when that is over: carve drain DEVICE --undo"));
	}
}

static void add_policy_file(json_t *array, const struct daemon *d)
{
	static const struct {
		const char *level, *text, *remedy;
	} all[] = {
		[POLICY_FILE_ELSEWHERE] = { "note",
					    "is not below /etc/carve: changes of it are not noticed",
					    "keep the policy in /etc/carve and apply it from there" },
		[POLICY_FILE_CHANGED] = { "warning",
					  "is another policy than the applied one, and valid",
					  "carve plan FILE shows what it would change, carve apply FILE does it" },
		[POLICY_FILE_INVALID] = { "warning",
					  "is no valid policy; the one applied before holds",
					  "carve policy check FILE" },
		[POLICY_FILE_GONE] = { "warning", "is gone; what was applied from it holds",
				       "carve policy show prints the text that was applied" },
	};
	enum policy_file_state state = d->policy_file.state;
	const char *why = d->policy_file.err.what;
	if (state >= sizeof(all) / sizeof(all[0]) || !all[state].text)
		return;
	json_array_append_new(array,
			      json_pack("{s:s, s:s, s:s, s:o, s:s}", "level", all[state].level,
					"id", "doctor.policy.file", "subject",
					engine_record(d->engine)->policy.path, "text",
					json_sprintf("it %s%s%s", all[state].text, why ? ": " : "",
						     why ? why : ""),
					"remedy", all[state].remedy));
}

/* That the name services do not answer is no finding: who is looked up then may be known. */
static bool is_unknown(const struct policy_member *m)
{
	errno = 0;
	switch ((enum policy_member_kind)m->kind) {
	case MEMBER_USER:
		return !getpwnam(m->name) && errno == 0;
	case MEMBER_GROUP:
		return !getgrnam(m->name) && errno == 0;
	case MEMBER_UID:
	case MEMBER_GID:
		break;
	}
	return false;
}

static void add_tenant(json_t *array, const struct policy_tenant *t)
{
	for (size_t i = 0; i < t->n_members; i++) {
		char member[NAME_SIZE + 8];
		if (!is_unknown(&t->members[i]))
			continue;
		policy_member_format(&t->members[i], member);
		json_array_append_new(
			array,
			json_pack("{s:s, s:s, s:s, s:o, s:s}", "level", "warning", "id",
				  "doctor.tenant.account", "subject", t->name, "text",
				  json_sprintf("this host knows no %s: nobody is tenant of it "
					       "by that name",
					       member),
				  "remedy",
				  "correct the name in the policy, or make that account"));
	}
}

static void add_tenants(json_t *array, const struct daemon *d)
{
	const struct policy *p = engine_policy(d->engine);
	for (size_t i = 0; p && i < p->n_tenants; i++)
		add_tenant(array, &p->tenants[i]);
}

void method_doctor(struct session *s, const json_t *params)
{
	(void)params;
	struct daemon *d = s->daemon;
	_cleanup_free_ struct doctor_facts *facts = calloc(1, sizeof(*facts));
	_cleanup_err_ struct err e = { 0 };
	_cleanup_err_ struct err list = { 0 };
	struct findings found = { 0 };
	struct enrollment enrolled = { 0 };
	if (facts)
		gather(d, facts, &enrolled, &list);
	if (!facts || doctor_examine(&d->picture.have, facts, &found) < 0) {
		err_set(&e, "base.memory", ENOMEM, "cannot examine the host");
		session_fail(s, &e);
		if (facts)
			doctor_facts_done(facts);
		enrollment_done(&enrolled);
		return;
	}
	json_t *array = findings_json(&found);
	add_stuck(array, &d->picture);
	add_drained(array, engine_record(d->engine));
	add_policy_file(array, d);
	add_tenants(array, d);
	findings_done(&found);
	doctor_facts_done(facts);
	enrollment_done(&enrolled);
	session_reply(s, json_pack("{s:o}", "findings", array), false);
}

/* --- Preflight ------------------------------------------------------------------------------- */

static int version_check(const char *text, const char *what, struct err *reterr)
{
	if (!*text || release_valid(text))
		return 0;
	err_set(reterr, "preflight.version", EINVAL, "that is no version of %s", what);
	err_because(reterr,
		    "it begins with a digit, is no path, and has less than %d characters: "
		    "\"%.40s\"",
		    NAME_SIZE, text);
	err_todo(reterr, "name it as uname -r, or modinfo -F version nvidia, would");
	return -EINVAL;
}

void method_preflight(struct session *s, const json_t *params)
{
	const struct daemon *d = s->daemon;
	const char *kernel = method_text(params, "kernel"), *driver = method_text(params, "driver");
	struct preflight p = {
		.have = &d->picture.have,
		.record = engine_record(d->engine),
		.policy = engine_policy(d->engine),
		.mechs = daemon_mechs,
		.kernel = kernel ? kernel : "",
		.driver = driver ? driver : "",
	};
	const struct release_roots roots = { d->roots.sysfs, d->roots.proc, d->roots.root };
	_cleanup_err_ struct err e = { 0 };
	struct release release;
	struct findings found = { 0 };
	int r = version_check(p.kernel, "a kernel", &e);
	if (r >= 0)
		r = version_check(p.driver, "NVIDIA's driver", &e);
	if (r >= 0) {
		release_read(&roots, p.kernel, &release);
		p.release = &release;
		r = preflight_examine(&p, &found);
	}
	if (r < 0) {
		err_set(&e, "base.memory", ENOMEM, "cannot examine the host");
		session_fail(s, &e);
		return;
	}
	session_reply(s, json_pack("{s:o}", "findings", findings_json(&found)), false);
	findings_done(&found);
}
