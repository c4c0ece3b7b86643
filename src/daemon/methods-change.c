/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods that become requests to the engine; it answers by token, see answers.c. */
#include <errno.h>
#include <stdlib.h>

#include "api/interface.h"
#include "api/wire.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/account.h"
#include "daemon/apply.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"
#include "daemon/warnings.h"
#include "sys/process.h"

static void bad_parameter(struct session *s, const char *name)
{
	session_error(s, INTERFACE_SERVICE ".InvalidParameter", interface_parameter_error(name));
}

/* --- Claim ----------------------------------------------------------------------------------- */

static int no_process(struct err *reterr, int32_t pid)
{
	err_set(reterr, "claim.process", ESRCH, "pid %d, with which the claim should end, is gone",
		pid);
	err_on(reterr, "pid %d", pid);
	err_because(reterr, "no process has that number now");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "name a process that runs, or leave it out");
	return -ESRCH;
}

static int foreign_process(struct err *reterr, int32_t pid)
{
	err_set(reterr, "claim.process", EPERM,
		"pid %d, with which the claim should end, is not yours", pid);
	err_on(reterr, "pid %d", pid);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "name a process of your own, or ask as a member of group carve-admin");
	return -EPERM;
}

static int take_process(const struct session *s, const json_t *pid, struct alloc_request *rq,
			struct err *reterr)
{
	if (!json_is_integer(pid))
		return 0;
	json_int_t number = json_integer_value(pid);
	if (number <= 0 || number > INT32_MAX)
		return no_process(reterr, 0);
	int proc = s->daemon->roots.proc;
	uint32_t uid;
	rq->pid = (int32_t)number;
	if (process_start_time(proc, rq->pid, &rq->pid_start) < 0 ||
	    process_uid(proc, rq->pid, &uid) < 0)
		return no_process(reterr, rq->pid);
	if (uid != s->who.uid && !s->who.manage)
		return foreign_process(reterr, rq->pid);
	return 0;
}

/* Who may open the slice: the caller, or whom a manager names. */
static int take_account(const struct session *s, const json_t *uid, struct alloc_request *rq,
			struct err *reterr)
{
	rq->grant_uid = s->who.uid;
	rq->grant_gid = s->who.gid;
	if (!json_is_integer(uid))
		return 0;
	json_int_t number = json_integer_value(uid);
	bool other = number != (json_int_t)s->who.uid;
	if (number < 0 || number >= (json_int_t)UINT32_MAX || (other && !s->who.manage)) {
		err_set(reterr, "claim.account", EPERM, "cannot hand a slice to uid %lld",
			(long long)number);
		err_on(reterr, "uid %lld", (long long)number);
		err_because(reterr, "that takes root or a member of group carve-admin");
		err_state(reterr, "nothing was changed");
		return -EPERM;
	}
	rq->grant_uid = (uint32_t)number;
	if (other)
		rq->grant_gid = 0;
	return 0;
}

/* The name of a parameter that is too long; NULL: all fit. */
static const char *take_names(const json_t *params, struct alloc_request *rq)
{
	const char *name = method_text(params, "name"), *tenant = method_text(params, "tenant");
	const char *near = method_text(params, "near");
	if (STR_COPY(rq->class, method_text(params, "class")) < 0)
		return "class";
	if (STR_COPY(rq->owner, method_text(params, "owner")) < 0)
		return "owner";
	if (name && STR_COPY(rq->name, name) < 0)
		return "name";
	if (tenant && STR_COPY(rq->tenant, tenant) < 0)
		return "tenant";
	if (near && STR_COPY(rq->near, near) < 0)
		return "near";
	return NULL;
}

/* To which tenant of the applied policy the caller belongs. */
static int take_tenant(struct session *s, struct requester *who, struct err *reterr)
{
	const struct policy *p = engine_policy(s->daemon->engine);
	if (!p || p->n_tenants == 0 || who->manage)
		return 0;
	int r = s->account ? 0 : account_new(s->fd, &s->account);
	if (r < 0) {
		err_set(reterr, "base.memory", -r, "cannot see who asks");
		err_on(reterr, "uid %u", who->uid);
		err_because(reterr, "%s", strerror(-r));
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "try again");
		return r;
	}
	const struct policy_tenant *t = policy_tenant_of(p, &s->account->as);
	return t ? STR_COPY(who->tenant, t->name) : 0;
}

void method_claim(struct session *s, const json_t *params)
{
	struct daemon *d = s->daemon;
	struct alloc_request rq = { .kind = CLAIM_RUNNING };
	const char *bad = take_names(params, &rq);
	if (bad) {
		bad_parameter(s, bad);
		return;
	}
	if (json_is_true(json_object_get(params, "reserved")))
		rq.kind = CLAIM_RESERVED;
	rq.wait = json_is_true(json_object_get(params, "wait"));
	rq.preemptible = json_is_true(json_object_get(params, "preemptible"));
	struct requester who = s->who;
	_cleanup_err_ struct err e = { 0 };
	int r = take_tenant(s, &who, &e);
	if (r >= 0)
		r = take_process(s, json_object_get(params, "pid"), &rq, &e);
	if (r >= 0)
		r = take_account(s, json_object_get(params, "uid"), &rq, &e);
	if (r >= 0)
		r = wire_settings_parse(json_object_get(params, "settings"), &rq.set, &e);
	if (r < 0) {
		session_fail(s, &e);
		return;
	}
	engine_request_alloc(d->engine, session_waits(s, SESSION_CLAIM), &who, &rq);
	turn_need(d);
}

void method_release(struct session *s, const json_t *params)
{
	struct daemon *d = s->daemon;
	engine_request_release(d->engine, session_waits(s, SESSION_RELEASE), &s->who,
			       method_text(params, "claim"),
			       !json_is_false(json_object_get(params, "wait")));
	turn_need(d);
}

void method_retry_reclaim(struct session *s, const json_t *params)
{
	struct daemon *d = s->daemon;
	engine_request_reclaim_retry(d->engine, session_waits(s, SESSION_REPORT), &s->who,
				     method_text(params, "claim"));
	turn_need(d);
}

void method_clear_quarantine(struct session *s, const json_t *params)
{
	struct daemon *d = s->daemon;
	engine_request_quarantine_clear(d->engine, session_waits(s, SESSION_REPORT), &s->who,
					method_text(params, "name"), method_text(params, "reason"));
	turn_need(d);
}

/* --- Adopt, Disown ----------------------------------------------------------------------------- */

/* A device, or one VF or mdev of it. */
static int take_target(const struct daemon *d, const char *name, struct target *ret)
{
	const struct have *h = &d->picture.have;
	const struct mdev *m = have_mdev(h, name);
	const char *key = m ? m->parent : method_device(d, name);
	const struct function *f = key ? have_device(h, key) : NULL;
	const struct function *pf = f && f->is_vf ? have_function(h, f->pf) : NULL;
	ret->vf = pf ? f->vf_index : -1;
	if (m)
		(void)STR_COPY(ret->uuid, m->uuid);
	return key ? STR_COPY(ret->device, pf ? pf->key : key) : -ENODEV;
}

void method_adopt(struct session *s, const json_t *params)
{
	struct daemon *d = s->daemon;
	struct adopt_request rq = { .target.vf = -1 };
	const char *name = method_text(params, "name"), *claim = method_text(params, "claim"),
		   *owner = method_text(params, "owner");
	if (take_target(d, name, &rq.target) < 0) {
		method_no_device(s, name);
		return;
	}
	if (claim && (!*claim || STR_COPY(rq.claim, claim) < 0)) {
		bad_parameter(s, "claim");
		return;
	}
	if (owner && STR_COPY(rq.owner, owner) < 0) {
		bad_parameter(s, "owner");
		return;
	}
	rq.plan_only = json_is_true(json_object_get(params, "plan"));
	engine_request_adopt(d->engine, session_waits(s, SESSION_REPORT), &s->who, &rq);
	turn_need(d);
}

void method_disown(struct session *s, const json_t *params)
{
	struct daemon *d = s->daemon;
	const char *name = method_text(params, "name"), *key = method_device(d, name);
	engine_request_disown(d->engine, session_waits(s, SESSION_REPORT), &s->who,
			      key ? key : name);
	turn_need(d);
}

void method_hand_back(struct session *s, const json_t *params)
{
	struct daemon *d = s->daemon;
	const char *name = method_text(params, "name"), *key = method_device(d, name);
	engine_request_hand_back(d->engine, session_waits(s, SESSION_REPORT), &s->who,
				 key ? key : name, json_is_true(json_object_get(params, "plan")));
	turn_need(d);
}

/* --- Drain --------------------------------------------------------------------------------------- */

void method_drain(struct session *s, const json_t *params)
{
	struct daemon *d = s->daemon;
	const char *name = method_text(params, "device"), *key = method_device(d, name);
	const struct drain_request rq = {
		.device = key ? key : name,
		.reason = method_text(params, "reason"),
		.undo = json_is_true(json_object_get(params, "undo")),
		.wait = json_is_true(json_object_get(params, "wait")),
	};
	engine_request_drain(d->engine, session_waits(s, SESSION_REPORT), &s->who, &rq);
	turn_need(d);
}

/* --- Plan, Apply ----------------------------------------------------------------------------- */

/* The policy to work with; borrows from the parameters, the record, or what is kept here. */
struct source {
	struct apply_source policy;
	struct applied_policy kept;
};

static void source_done(struct source *from)
{
	applied_policy_done(&from->kept);
}

static void source_take(struct source *from, const struct applied_policy *p)
{
	from->policy.text = p->text;
	from->policy.file = p->file;
	from->policy.path = p->path;
}

static int no_policy(struct err *reterr)
{
	err_set(reterr, "policy.none", ENOENT, "no policy to look at");
	err_because(reterr, "none was given, and none was ever applied");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "carve init proposes one; then: carve apply FILE");
	return -ENOENT;
}

/* The caller's text, one that was applied before, or the last applied one. */
static int source_find(struct session *s, const json_t *params, struct source *from,
		       struct err *reterr)
{
	const struct applied_policy *applied = &engine_record(s->daemon->engine)->policy;
	const json_t *repeat = json_object_get(params, "repeat");
	from->policy.text = method_text(params, "policy");
	if (from->policy.text) {
		const char *file = method_text(params, "file");
		from->policy.file = file ? file : "policy";
		from->policy.path = method_text(params, "path");
		return 0;
	}
	if (json_is_integer(repeat)) {
		json_int_t version = json_integer_value(repeat);
		int r = ledger_policy(s->daemon->ledger, version > 0 ? (uint64_t)version : 0,
				      &from->kept, reterr);
		source_take(from, &from->kept);
		from->policy.repeats = from->kept.version;
		return r;
	}
	if (applied->version == 0 || !applied->text)
		return no_policy(reterr);
	source_take(from, applied);
	return 0;
}

int method_policy(const struct session *s, const json_t *params, const char **ret_text,
		  const char **ret_file, struct err *reterr)
{
	const struct applied_policy *applied = &engine_record(s->daemon->engine)->policy;
	const char *text = method_text(params, "policy"), *file = method_text(params, "file");
	if (!text && (applied->version == 0 || !applied->text))
		return no_policy(reterr);
	*ret_text = text ? text : applied->text;
	*ret_file = !text ? applied->file : file ? file : "policy";
	return 0;
}

int methods_pin(const struct daemon *d, const struct policy *p, struct want **ret, size_t *ret_n,
		struct err *reterr)
{
	struct facts_match m;
	int r = method_facts(d, &m, reterr);
	if (r < 0)
		return r;
	const struct policy_facts facts = facts_for_policy(&m);
	r = policy_pin(p, &facts, ret, ret_n, reterr);
	facts_match_done(&m);
	return r;
}

/* A policy that this host can be asked to follow. */
struct pinned {
	struct policy *policy;
	struct want *wants;
	size_t n;
};

static void pinned_done(struct pinned *p)
{
	policy_free(p->policy);
	free(p->wants);
}

static int policy_take(const struct daemon *d, const struct apply_source *from, struct pinned *ret,
		       struct err *reterr)
{
	ret->policy = policy_parse(from->text, strlen(from->text), from->file, reterr);
	return ret->policy ? methods_pin(d, ret->policy, &ret->wants, &ret->n, reterr) : -EINVAL;
}

static struct apply_request request_for(const struct apply_source *from, struct pinned *p)
{
	return (struct apply_request){ .policy = TAKE_PTR(p->policy),
				       .text = from->text,
				       .path = from->path,
				       .repeats = from->repeats,
				       .wants = p->wants,
				       .n_wants = p->n };
}

int apply_by_itself(struct daemon *d, const struct requester *who, const struct apply_source *from,
		    struct err *reterr)
{
	_cleanup_(pinned_done) struct pinned p = { 0 };
	int r = policy_take(d, from, &p, reterr);
	if (r < 0)
		return r;
	struct apply_request rq = request_for(from, &p);
	rq.by_itself = true;
	engine_request_apply(d->engine, d->server.next_token++, who, &rq);
	turn_need(d);
	return 0;
}

static void apply_or_plan(struct session *s, const json_t *params, bool plan_only)
{
	struct daemon *d = s->daemon;
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(source_done) struct source from = { 0 };
	_cleanup_(pinned_done) struct pinned p = { 0 };
	const char *only = method_text(params, "only"), *key = NULL;
	/* Nothing that the record is needed for goes on; a plan would wait for ever. */
	if (daemon_check_ledger(d, &e) < 0) {
		session_fail(s, &e);
		return;
	}
	if (only && !(key = method_device(d, only))) {
		method_no_device(s, only);
		return;
	}
	int r = source_find(s, params, &from, &e);
	if (r >= 0)
		r = policy_take(d, &from.policy, &p, &e);
	if (r < 0) {
		session_fail(s, &e);
		return;
	}
	s->warnings = warnings_new(p.wants, p.n, key);
	struct apply_request rq = request_for(&from.policy, &p);
	rq.plan_only = plan_only;
	rq.only = key;
	rq.planned = json_object_get(params, "plan");
	engine_request_apply(d->engine, session_waits(s, SESSION_REPORT), &s->who, &rq);
	turn_need(d);
}

void method_plan(struct session *s, const json_t *params)
{
	apply_or_plan(s, params, true);
}

void method_apply(struct session *s, const json_t *params)
{
	struct daemon *d = s->daemon;
	if (!json_is_true(json_object_get(params, "restore"))) {
		apply_or_plan(s, params, false);
		return;
	}
	engine_request_restore(d->engine, session_waits(s, SESSION_REPORT), &s->who);
	turn_need(d);
}
