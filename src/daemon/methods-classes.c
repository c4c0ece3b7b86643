/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ListClasses, ListTenants: what people can ask for, and how much of it is left. */
#include <stdlib.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"

static json_t *may_set(const struct policy_class *c)
{
	const struct {
		bool may;
		const char *name;
	} all[] = {
		{ c->may_mac, "mac" },
		{ c->may_vlan, "vlan" },
		{ c->may_spoofchk, "spoof-check" },
		{ c->may_trust, "trust" },
		{ c->may_link, "link" },
		{ c->may_rate, "rate" },
	};
	json_t *array = json_array();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].may)
			json_array_append_new(array, json_string(all[i].name));
	return array;
}

/* Its parts, and how many whole ones there are, and could be had. */
static json_t *whole_json(const struct daemon *d, const struct policy_class *c)
{
	static const char *const near[] = { [NEAR_NUMA] = "numa", [NEAR_ROOT_PORT] = "root-port" };
	const struct record *rec = engine_record(d->engine);
	uint32_t free = 0, held = 0;
	(void)engine_fit_parts(d->engine, c->name, "", &free);
	for (size_t i = 0; i < rec->n_claims; i++)
		held += rec->claims[i].parts && str_eq(rec->claims[i].class, c->name);
	json_t *parts = json_array();
	for (uint32_t i = 0; i < c->n_parts; i++)
		json_array_append_new(parts, json_pack("{s:s, s:I}", "class", c->parts[i], "count",
						       (json_int_t)c->part_count[i]));
	json_t *o = json_pack("{s:s, s:s, s:[], s:I, s:I, s:[], s:o}", "name", c->name, "selection",
			      "", "profiles", "total", (json_int_t)free + held, "free",
			      (json_int_t)free, "may_set", "parts", parts);
	wire_add_string(o, "near", near[c->near]);
	return o;
}

static json_t *class_json(const struct daemon *d, const struct policy_class *c)
{
	if (c->n_parts)
		return whole_json(d, c);
	_cleanup_free_ struct engine_fit *fits = NULL;
	size_t n = 0;
	uint64_t total = 0, free = 0;
	(void)engine_fit(d->engine, c->name, &fits, &n);
	for (size_t i = 0; i < n; i++) {
		total += fits[i].there + fits[i].more;
		free += fits[i].ready + fits[i].more;
	}
	_cleanup_(str_buf_done) struct str_buf from = { 0 };
	for (uint32_t i = 0; i < c->n_from; i++)
		str_buf_addf(&from, "%s%s", i ? " " : "", c->from[i]);
	json_t *profiles = json_array();
	for (uint32_t i = 0; i < c->n_profiles; i++)
		json_array_append_new(profiles, json_string(c->profiles[i]));
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:o}", "name", c->name, "selection",
			 from.text ? from.text : "", "profiles", profiles, "total",
			 (json_int_t)total, "free", (json_int_t)free, "may_set", may_set(c));
}

void method_list_classes(struct session *s, const json_t *params)
{
	(void)params;
	const struct applied_policy *applied = &engine_record(s->daemon->engine)->policy;
	_cleanup_err_ struct err e = { 0 };
	json_t *array = json_array();
	if (applied->version == 0 || !applied->text) {
		session_reply(s, json_pack("{s:o}", "classes", array), false);
		return;
	}
	_cleanup_(policy_freep) struct policy *p =
		policy_parse(applied->text, strlen(applied->text), applied->file, &e);
	for (size_t i = 0; p && i < p->n_classes; i++)
		json_array_append_new(array, class_json(s->daemon, &p->classes[i]));
	if (p) {
		session_reply(s, json_pack("{s:o}", "classes", array), false);
		return;
	}
	json_decref(array);
	session_fail(s, &e);
}

void method_list_tenants(struct session *s, const json_t *params)
{
	(void)params;
	session_reply(s, json_pack("{s:o}", "tenants", engine_tenants(s->daemon->engine)), false);
}
