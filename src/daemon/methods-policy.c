/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods that show which policies were applied; answered at once. */
#include <errno.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"

static json_t *policy_json(const struct applied_policy *p)
{
	json_t *o = json_pack("{s:I, s:s, s:I, s:b}", "version", (json_int_t)p->version, "file",
			      p->file ? p->file : "", "at", (json_int_t)p->at, "by_itself",
			      p->by_itself);
	if (p->uid >= 0)
		wire_add_int(o, "uid", p->uid);
	if (p->repeats)
		wire_add_int(o, "repeats", (json_int_t)p->repeats);
	wire_add_string(o, "only", p->only);
	wire_add_string(o, "path", p->path);
	return o;
}

void method_list_policies(struct session *s, const json_t *params)
{
	(void)params;
	_cleanup_err_ struct err e = { 0 };
	struct applied_policy *all = NULL;
	size_t n = 0;
	if (ledger_policies(s->daemon->ledger, &all, &n, &e) < 0) {
		session_fail(s, &e);
		return;
	}
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, policy_json(&all[i]));
	ledger_policies_free(all, n);
	session_reply(s, json_pack("{s:o}", "policies", array), false);
}

static int policy_find(const struct daemon *d, const json_t *version, struct applied_policy *ret,
		       struct err *reterr)
{
	const struct applied_policy *applied = &engine_record(d->engine)->policy;
	json_int_t number = json_is_integer(version) ? json_integer_value(version)
						     : (json_int_t)applied->version;
	if (number > 0)
		return ledger_policy(d->ledger, (uint64_t)number, ret, reterr);
	err_set(reterr, "policy.none", ENOENT, "no policy to look at");
	err_because(reterr, "none was ever applied, and versions begin with 1");
	err_todo(reterr, "carve policy history lists what was applied");
	return -ENOENT;
}

void method_get_policy(struct session *s, const json_t *params)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(applied_policy_done) struct applied_policy p = { 0 };
	if (policy_find(s->daemon, json_object_get(params, "version"), &p, &e) < 0)
		session_fail(s, &e);
	else
		session_reply(s, json_pack("{s:o, s:s}", "policy", policy_json(&p), "text", p.text),
			      false);
}
