/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods that show the picture and the record; answered at once. */
#include <errno.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/answers.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"
#include "host/scan.h"
#include "host/topology.h"
#include "ledger/record.h"
#include "sys/clock.h"

#define CAPABILITIES_MAX 32

/* Risks that are taken now, because the policy names them. */
static void add_unsafe(json_t *o, const struct daemon *d)
{
	json_t *risks = json_array();
	if (engine_unsafe_acs_override(d->engine))
		json_array_append_new(risks, json_string("acs-override"));
	if (engine_unsafe_nvswitch(d->engine))
		json_array_append_new(risks, json_string("nvswitch"));
	wire_add(o, "unsafe", risks);
}

/* Parts are counted with their whole. */
static size_t claims_count(const struct record *rec)
{
	size_t n = 0;
	for (size_t i = 0; i < rec->n_claims; i++)
		n += !rec->claims[i].whole[0];
	return n;
}

static json_int_t count_orphans(const struct record *rec)
{
	json_int_t n = 0;
	for (size_t i = 0; i < rec->n_claims; i++)
		n += claim_is_orphaned(&rec->claims[i]) && !rec->claims[i].whole[0];
	return n;
}

void method_get_info(struct session *s, const json_t *params)
{
	(void)params;
	const struct daemon *d = s->daemon;
	const struct record *rec = engine_record(d->engine);
	const char *why = NULL;
	const char *ledger = daemon_ledger_state(d, &why);
	json_t *o = json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "version", CARVE_VERSION, "ledger",
		ledger, "executor", executor_client_connected(d->executor) ? "connected" : "away",
		"boot_id", d->boot_id, "policy_version", (json_int_t)rec->policy.version, "devices",
		(json_int_t)d->picture.have.n_functions + (json_int_t)d->picture.have.n_parents,
		"claims", (json_int_t)claims_count(rec), "orphans", count_orphans(rec));
	wire_add_string(o, "ledger_reason", why);
	wire_add_string(o, "policy", rec->policy.version ? rec->policy.file : NULL);
	wire_add_string(o, "policy_only", rec->policy.only);
	add_unsafe(o, d);
	wire_add_string(o, "policy_file", policy_file_state_name(d->policy_file.state));
	if (err_is_set(&d->policy_file.err))
		wire_add(o, "policy_file_error", err_to_json(&d->policy_file.err));
	session_reply(s, o, false);
}

/* --- devices --------------------------------------------------------------------------------- */

struct device_look {
	const struct daemon *daemon;
	struct facts_match match;
};

static char *mechanisms_of(const struct have *h, const char *key)
{
	struct str_buf b = { 0 };
	for (size_t i = 0; daemon_mechs[i]; i++) {
		struct offer offer;
		daemon_mechs[i]->offer(h, key, &offer);
		if (offer.kind.n_profiles && !daemon_mechs[i]->planned)
			str_buf_addf(&b, "%s%s", b.len ? " " : "", daemon_mechs[i]->name);
	}
	return str_buf_take(&b);
}

static char *capabilities_of(const struct function *f)
{
	const char *names[CAPABILITIES_MAX];
	size_t n = topology_capability_names(f, names, CAPABILITIES_MAX);
	struct str_buf b = { 0 };
	for (size_t i = 0; i < n; i++)
		str_buf_addf(&b, "%s%s", i ? " " : "", names[i]);
	return str_buf_take(&b);
}

/* Of what it is a companion: the address of that, or its key while it is not there. */
static const char *companion_of(const struct have *h, const struct want *w)
{
	const struct function *f = w && w->leader[0] ? have_device(h, w->leader) : NULL;
	return f ? f->addr : w && w->leader[0] ? w->leader : NULL;
}

static void fill_common(const struct device_look *l, const char *key, const struct function *f,
			struct wire_device *x)
{
	const struct enrolled *e = enrollment_find(&l->match.enrolled, key);
	bool matches = e && enrolled_matches(e, f);
	x->enrolled = matches;
	x->labels = matches ? e->labels : NULL;
	if (e && !matches)
		x->mismatch = "another device is at this place than was enrolled";
	const struct want *w = record_want(engine_record(l->daemon->engine), key);
	x->selection = w ? w->selection : NULL;
	x->divided_by = w ? w->where : NULL;
	x->bind_early = w && w->bind_early;
	x->companion_of = companion_of(&l->daemon->picture.have, w);
	const struct device_note *note = record_note(engine_record(l->daemon->engine), key);
	x->drained = note && note->drained;
	x->drained_reason = note ? note->reason : NULL;
	x->stuck = picture_stuck(&l->daemon->picture, key);
}

static json_t *device_json(const struct device_look *l, const struct function *f)
{
	const struct have *h = &l->daemon->picture.have;
	const struct facts_entry *entry = facts_find(&l->daemon->facts, f);
	_cleanup_free_ char *mechs = mechanisms_of(h, f->key);
	_cleanup_free_ char *caps = f->caps.known ? capabilities_of(f) : NULL;
	const struct scan_roots roots = { .sysfs = l->daemon->roots.sysfs,
					  .dev = l->daemon->roots.dev };
	char link[32] = "", link_max[32] = "", resets[128] = "";
	(void)scan_reset_methods(&roots, f->path, resets, sizeof(resets));
	struct wire_device x = {
		.name = entry ? entry->name : NULL,
		.candidates = entry ? entry->drivers : NULL,
		.mechanisms = mechs,
		.capabilities = caps,
		.boot_display = f->boot_vga,
		.reset = resets,
		.link = link,
		.link_max = link_max,
	};
	const struct pci_caps *c = &f->caps;
	if (c->known) {
		(void)topology_link_text(c->link_speed, c->link_width, link, sizeof(link));
		(void)topology_link_text(c->link_speed_max, c->link_width_max, link_max,
					 sizeof(link_max));
	}
	fill_common(l, f->key, f, &x);
	return wire_function(h, f, &x);
}

static json_t *parent_json(const struct device_look *l, const struct mdev_parent *p)
{
	_cleanup_free_ char *mechs = mechanisms_of(&l->daemon->picture.have, p->key);
	struct wire_device x = { .mechanisms = mechs };
	fill_common(l, p->key, NULL, &x);
	return wire_parent(&l->daemon->picture.have, p, &x);
}

static json_t *devices_json(const struct device_look *l, const char *key)
{
	const struct have *h = &l->daemon->picture.have;
	json_t *array = json_array();
	for (size_t i = 0; i < h->n_functions; i++)
		if (!key || str_eq(h->functions[i].key, key))
			json_array_append_new(array, device_json(l, &h->functions[i]));
	for (size_t i = 0; i < h->n_parents; i++)
		if (!key || str_eq(h->parents[i].key, key))
			json_array_append_new(array, parent_json(l, &h->parents[i]));
	return array;
}

json_t *method_device_json(const struct daemon *d, const struct enrollment *enrolled,
			   const char *key)
{
	const struct device_look l = { .daemon = d, .match.enrolled = *enrolled };
	const struct function *f = have_device(&d->picture.have, key);
	const struct mdev_parent *p = have_parent(&d->picture.have, key);
	return f ? device_json(&l, f) : p ? parent_json(&l, p) : NULL;
}

/* 1: key is set (NULL: all); 0: refused, and answered. */
static int device_wanted(struct session *s, const json_t *params, const char **ret)
{
	const char *text = method_text(params, "device");
	const char *key = text ? method_device(s->daemon, text) : NULL;
	if (text && !key) {
		method_no_device(s, text);
		return 0;
	}
	*ret = key;
	return 1;
}

void method_list_devices(struct session *s, const json_t *params)
{
	const char *key;
	if (!device_wanted(s, params, &key))
		return;
	_cleanup_err_ struct err e = { 0 };
	struct device_look l = { .daemon = s->daemon };
	if (daemon_enrollment(s->daemon, &l.match.enrolled, &e) < 0) {
		session_fail(s, &e);
		return;
	}
	json_t *o = json_pack("{s:o}", "devices", devices_json(&l, key));
	wire_add_string(o, "policy_only", engine_record(s->daemon->engine)->policy.only);
	add_unsafe(o, s->daemon);
	session_reply(s, o, false);
	facts_match_done(&l.match);
}

/* --- slices ---------------------------------------------------------------------------------- */

static bool vf_recorded(const struct record *rec, const char *device, int index)
{
	for (size_t i = 0; i < rec->n_slices; i++)
		if (rec->slices[i].index == index && str_eq(rec->slices[i].device, device))
			return true;
	return false;
}

static bool mdev_recorded(const struct record *rec, const char *uuid)
{
	for (size_t i = 0; i < rec->n_slices; i++)
		if (str_eq(rec->slices[i].uuid, uuid))
			return true;
	return false;
}

static bool part_recorded(const struct have *h, const struct record *rec, const struct gpu_part *p)
{
	for (size_t i = 0; i < rec->n_slices; i++)
		if (slice_has_part(h, &rec->slices[i], p))
			return true;
	return false;
}

static void add_recorded(json_t *array, const struct daemon *d, const char *key)
{
	const struct record *rec = engine_record(d->engine);
	for (size_t i = 0; i < rec->n_slices; i++)
		if (!key || str_eq(rec->slices[i].device, key))
			json_array_append_new(array, wire_slice(&rec->slices[i], &d->picture.have));
}

/* A VF of a driver that makes all of them at once: not somebody's, as long as it is no vGPU. What is an mdev is listed as
 * that. */
static bool is_no_vgpu(const struct have *h, const struct function *pf, const struct function *vf)
{
	const struct vgpu_vf *v = have_vgpu_vf(h, pf->key, vf->vf_index);
	return v && (v->framework == VGPU_MDEV || (v->framework == VGPU_VENDOR && v->type == 0));
}

static bool mdev_is_of(const struct have *h, const struct mdev *m, const char *key)
{
	const struct vgpu_vf *v = have_mdev_vgpu_vf(h, m);
	return str_eq(v ? v->key : m->parent, key);
}

static void add_foreign(json_t *array, const struct daemon *d, const char *key)
{
	const struct record *rec = engine_record(d->engine);
	const struct have *h = &d->picture.have;
	for (size_t i = 0; i < h->n_functions; i++) {
		const struct function *f = &h->functions[i];
		const struct function *pf = f->is_vf ? have_function(h, f->pf) : NULL;
		if (!pf || (key && !str_eq(pf->key, key)) ||
		    vf_recorded(rec, pf->key, f->vf_index) || is_no_vgpu(h, pf, f))
			continue;
		json_array_append_new(array, wire_foreign_vf(f, h));
	}
	for (size_t i = 0; i < h->n_mdevs; i++) {
		const struct mdev *m = &h->mdevs[i];
		if ((!key || mdev_is_of(h, m, key)) && !mdev_recorded(rec, m->uuid))
			json_array_append_new(array, wire_foreign_mdev(m, h));
	}
	for (size_t i = 0; i < h->n_gpu_parts; i++) {
		const struct gpu_part *p = &h->gpu_parts[i];
		if ((!key || str_eq(p->key, key)) && !part_recorded(h, rec, p))
			json_array_append_new(array, wire_foreign_part(p, h));
	}
}

/* The function itself can be handed out once. */
static bool function_recorded(const struct record *rec, const char *mech, const char *key)
{
	for (size_t i = 0; i < rec->n_slices; i++) {
		const struct slice *s = &rec->slices[i];
		if (slice_is_whole(s) && str_eq(s->mech, mech) && str_eq(s->device, key))
			return true;
	}
	return false;
}

static void add_possible_of(json_t *array, const struct daemon *d, const char *key)
{
	const struct record *rec = engine_record(d->engine);
	for (size_t i = 0; daemon_mechs[i]; i++) {
		struct offer offer;
		if (daemon_mechs[i]->planned || function_recorded(rec, daemon_mechs[i]->name, key))
			continue;
		daemon_mechs[i]->offer(&d->picture.have, key, &offer);
		bool told = !offer.guessed && !offer.barred;
		for (uint32_t k = 0; told && k < offer.kind.n_profiles; k++) {
			uint32_t more = capacity_more(&offer.kind, &offer.use, k);
			if (more)
				json_array_append_new(
					array, wire_possible(key, daemon_mechs[i]->name,
							     offer.kind.profiles[k].name, more));
		}
	}
}

/* Only of enrolled devices, or of the one asked for: what could be is a long list. */
static void add_possible(json_t *array, const struct daemon *d, const char *key)
{
	if (key) {
		add_possible_of(array, d, key);
		return;
	}
	struct enrollment enrolled;
	if (daemon_enrollment(d, &enrolled, NULL) < 0)
		return;
	const struct have *h = &d->picture.have;
	for (size_t i = 0; i < enrolled.n; i++) {
		const char *k = enrolled.entries[i].key;
		if (have_device(h, k) || have_parent(h, k))
			add_possible_of(array, d, k);
	}
	enrollment_done(&enrolled);
}

void method_list_slices(struct session *s, const json_t *params)
{
	const char *key;
	if (!device_wanted(s, params, &key))
		return;
	json_t *array = json_array();
	add_recorded(array, s->daemon, key);
	add_foreign(array, s->daemon, key);
	add_possible(array, s->daemon, key);
	session_reply(s, json_pack("{s:o}", "slices", array), false);
}

void method_list_quarantine(struct session *s, const json_t *params)
{
	(void)params;
	const struct daemon *d = s->daemon;
	const struct record *rec = engine_record(d->engine);
	json_t *slices = json_array(), *devices = json_array();
	for (size_t i = 0; i < rec->n_slices; i++)
		if (rec->slices[i].state == SLICE_QUARANTINED)
			json_array_append_new(slices,
					      wire_slice(&rec->slices[i], &d->picture.have));
	for (size_t i = 0; i < d->picture.n_stuck; i++)
		json_array_append_new(devices, json_string(d->picture.stuck[i].device));
	session_reply(s, json_pack("{s:o, s:o}", "slices", slices, "devices", devices), false);
}

/* --- claims ---------------------------------------------------------------------------------- */

static void no_claim(struct session *s, const char *name)
{
	_cleanup_err_ struct err e = { 0 };
	err_set(&e, "claim.unknown", ENOENT, "there is no claim %.100s", name);
	err_on(&e, "claim %.100s", name);
	err_because(&e, "none of that name is recorded; it may have been released");
	err_state(&e, "nothing was changed");
	err_todo(&e, "carve list claims shows those there are");
	session_fail(s, &e);
}

static json_t *claim_json(const struct daemon *d, const struct claim *c)
{
	json_t *o = answers_claim(d, c, answers_slice(d, c));
	int64_t left = c->orphan_end - clock_wall_seconds();
	if (claim_is_orphaned(c))
		wire_add_int(o, "orphan_left", left > 0 ? left : 0);
	return o;
}

void method_list_claims(struct session *s, const json_t *params)
{
	const struct daemon *d = s->daemon;
	const struct record *rec = engine_record(d->engine);
	const char *name = method_text(params, "claim");
	if (name && !record_claim(rec, name)) {
		no_claim(s, name);
		return;
	}
	json_t *array = json_array();
	for (size_t i = 0; i < rec->n_claims; i++) {
		const struct claim *c = &rec->claims[i];
		if (name ? str_eq(c->name, name) : !c->whole[0])
			json_array_append_new(array, claim_json(d, c));
	}
	session_reply(s, json_pack("{s:o}", "claims", array), false);
}

static void not_held(struct session *s, const struct claim *c)
{
	_cleanup_err_ struct err e = { 0 };
	err_set(&e, "claim.not-held", EAGAIN, "claim %s has nothing to use now", c->name);
	err_on(&e, "claim %s", c->name);
	err_because(&e, "it is %s%s%s", claim_state_name((enum claim_state)c->state),
		    c->reason[0] ? ": " : "", c->reason);
	err_state(&e, "nothing was changed");
	err_todo(&e, "carve list claims shows when it is held");
	session_fail(s, &e);
}

void method_get_handle(struct session *s, const json_t *params)
{
	const struct daemon *d = s->daemon;
	const char *name = method_text(params, "claim");
	const struct claim *c = record_claim(engine_record(d->engine), name);
	if (!c) {
		no_claim(s, name);
		return;
	}
	const struct slice *slice = answers_slice(d, c);
	bool there = false;
	json_t *handle = NULL;
	if (c->state == CLAIM_HELD && c->parts)
		handle = answers_handles(d, c, &there);
	else if (c->state == CLAIM_HELD && slice)
		handle = answers_handle(d, c, slice, &there);
	if (there) {
		session_reply(s, json_pack("{s:o}", c->parts ? "handles" : "handle", handle),
			      false);
		return;
	}
	json_decref(handle);
	not_held(s, c);
}
