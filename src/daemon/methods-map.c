/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GetMap, GetFit, GetDefrag: how devices are divided, or would be, and what still fits. */
#include <errno.h>
#include <stdlib.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"

/* What people call the devices: the engine knows them by their keys only. */
static void name_devices(const struct daemon *d, json_t *devices, bool in_full)
{
	size_t i;
	json_t *o;
	json_array_foreach(devices, i, o) {
		const char *key = json_string_value(json_object_get(o, "device"));
		const struct function *f = key ? have_device(&d->picture.have, key) : NULL;
		const struct facts_entry *entry = f ? facts_find(&d->facts, f) : NULL;
		if (f)
			json_object_set_new(o, "address", json_string(f->addr));
		if (in_full && entry && entry->name)
			json_object_set_new(o, "name", json_string(entry->name));
	}
}

static int map_policy(struct daemon *d, const char *text, const char *file, const char *key,
		      json_t **ret, struct err *reterr)
{
	_cleanup_(policy_freep) struct policy *p =
		policy_parse(text, strlen(text), file ? file : "policy", reterr);
	_cleanup_free_ struct want *wants = NULL;
	size_t n = 0;
	if (!p)
		return -EINVAL;
	int r = methods_pin(d, p, &wants, &n, reterr);
	if (r >= 0 && n == 0)
		*ret = json_array();
	return r < 0 || n == 0 ? r : engine_map(d->engine, wants, n, key, ret, reterr);
}

void method_get_map(struct session *s, const json_t *params)
{
	_cleanup_err_ struct err e = { 0 };
	struct daemon *d = s->daemon;
	const char *text = method_text(params, "device"), *policy = method_text(params, "policy");
	const char *key = text ? method_device(d, text) : NULL;
	json_t *devices = NULL;
	if (text && !key) {
		method_no_device(s, text);
		return;
	}
	int r = policy ? map_policy(d, policy, method_text(params, "file"), key, &devices, &e)
		       : engine_map(d->engine, NULL, 0, key, &devices, &e);
	if (r < 0) {
		session_fail(s, &e);
		return;
	}
	name_devices(d, devices, true);
	session_reply(s, json_pack("{s:o}", "devices", devices), false);
}

static void no_class(struct session *s, const char *class, int error)
{
	_cleanup_err_ struct err e = { 0 };
	err_set(&e, error == -ENOENT ? "claim.no-class" : "engine.memory", -error,
		"there is no class %.200s", class);
	err_because(&e, "the applied policy names none of that name");
	err_state(&e, "nothing was changed");
	err_todo(&e, "carve list classes shows them");
	session_fail(s, &e);
}

static void name_moves(const struct daemon *d, json_t *moves)
{
	size_t i;
	json_t *move;
	json_array_foreach(moves, i, move) {
		json_t *places = json_pack("[O, O]", json_object_get(move, "from"),
					   json_object_get(move, "to"));
		name_devices(d, places, false);
		json_decref(places);
	}
}

void method_get_defrag(struct session *s, const json_t *params)
{
	const char *class = method_text(params, "class");
	json_t *reply = NULL;
	int r = engine_defrag(s->daemon->engine, class, &reply);
	if (r < 0)
		no_class(s, class ? class : "", r);
	else {
		name_moves(s->daemon, json_object_get(reply, "moves"));
		session_reply(s, reply, false);
	}
}

static void no_tenant(struct session *s, const char *tenant)
{
	_cleanup_err_ struct err e = { 0 };
	err_set(&e, "claim.tenant-unknown", ENOENT, "there is no tenant %.200s", tenant);
	err_because(&e, "the applied policy names none of that name");
	err_state(&e, "nothing was changed");
	err_todo(&e, "carve list tenants shows them");
	session_fail(s, &e);
}

void method_get_fit(struct session *s, const json_t *params)
{
	_cleanup_free_ struct engine_fit *fits = NULL;
	const char *class = method_text(params, "class"), *tenant = method_text(params, "tenant");
	struct engine *engine = s->daemon->engine;
	size_t n = 0;
	uint64_t left = UINT64_MAX;
	uint32_t wholes = 0;
	int r = tenant ? engine_fit_for(engine, class, tenant, &fits, &n, &left)
		       : engine_fit(engine, class, &fits, &n);
	bool whole = r >= 0 && engine_fit_parts(engine, class, tenant ? tenant : "", &wholes) >= 0;
	if (r == -ESRCH) {
		no_tenant(s, tenant);
		return;
	}
	if (r < 0) {
		no_class(s, class, r);
		return;
	}
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:I, s:I, s:I}", "device", fits[i].device,
						"there", (json_int_t)fits[i].there, "ready",
						(json_int_t)fits[i].ready, "more",
						(json_int_t)fits[i].more));
	name_devices(s->daemon, array, true);
	json_t *reply = json_pack("{s:o}", "fits", array);
	if (whole)
		wire_add_int(reply, "wholes", wholes);
	if (left != UINT64_MAX)
		json_object_set_new(reply, "left", json_integer((json_int_t)left));
	session_reply(s, reply, false);
}
