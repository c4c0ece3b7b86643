/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ListClasses: what people can ask for, and how much of it is left. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"

struct capacity {
	uint32_t total, free;
};

static bool profile_allowed(const struct policy_class *c, const struct want *w, const char *profile)
{
	bool in_class = c->n_profiles == 0, in_want = w->n_types == 0;
	for (uint32_t i = 0; i < c->n_profiles; i++)
		in_class = in_class || str_eq(c->profiles[i], profile);
	for (uint32_t i = 0; i < w->n_types; i++)
		in_want = in_want || str_eq(w->types[i], profile);
	return in_class && in_want;
}

/* Slices that are there already, or that the layout makes. */
static void count_slices(const struct record *rec, const struct policy_class *c,
			 const struct want *w, struct capacity *n)
{
	for (size_t i = 0; i < rec->n_slices; i++) {
		const struct slice *s = &rec->slices[i];
		if (!str_eq(s->device, w->device) || !str_eq(s->mech, w->mech) ||
		    !profile_allowed(c, w, s->profile))
			continue;
		n->total++;
		n->free += s->state == SLICE_READY && !s->claim[0];
	}
}

static bool made_on_demand(const struct want *w)
{
	if (!str_eq(w->mech, "mdev"))
		return false;
	for (uint32_t i = 0; i < w->n_types; i++)
		if (w->type_count[i] > 0)
			return false;
	return true;
}

/* What could still be made: entries that share a pool are counted once, by the largest number. */
static uint32_t count_available(const struct have *h, const struct policy_class *c,
				const struct want *w)
{
	const struct mech *m = mech_find(daemon_mechs, w->mech);
	struct offer offer = { 0 };
	if (!m || m->offer(h, w->device, &offer) < 0)
		return 0;
	uint32_t sum = 0;
	for (size_t i = 0; i < offer.n; i++) {
		const struct offer_entry *e = &offer.entries[i];
		if (!profile_allowed(c, w, e->profile))
			continue;
		bool counted = false;
		uint32_t most = e->available;
		for (size_t k = 0; k < offer.n && e->pool; k++) {
			const struct offer_entry *o = &offer.entries[k];
			if (o->pool != e->pool || !profile_allowed(c, w, o->profile))
				continue;
			counted = counted || k < i;
			most = o->available > most ? o->available : most;
		}
		if (!counted)
			sum += most;
	}
	offer_done(&offer);
	return sum;
}

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

static json_t *class_json(const struct daemon *d, const struct policy_class *c)
{
	const struct record *rec = engine_record(d->engine);
	struct capacity n = { 0 };
	for (size_t i = 0; i < rec->n_wants; i++) {
		const struct want *w = &rec->wants[i];
		if (!str_eq(w->selection, c->from))
			continue;
		count_slices(rec, c, w, &n);
		if (!made_on_demand(w))
			continue;
		uint32_t more = count_available(&d->picture.have, c, w);
		n.total += more;
		n.free += more;
	}
	json_t *profiles = json_array();
	for (uint32_t i = 0; i < c->n_profiles; i++)
		json_array_append_new(profiles, json_string(c->profiles[i]));
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:o}", "name", c->name, "selection", c->from,
			 "profiles", profiles, "total", (json_int_t)n.total, "free",
			 (json_int_t)n.free, "may_set", may_set(c));
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
