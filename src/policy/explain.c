/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See explain.h. */
#include "policy/explain.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "policy/check.h"

void policy_verdicts_done(struct policy_verdicts *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->items[i].why);
	free(v->items);
	*v = (struct policy_verdicts){ 0 };
}

static void verdict_add(struct policy_verdicts *v, const char *name, struct policy_position at,
			bool holds, char *why_take)
{
	struct policy_verdict *new = why_take ? ARRAY_ADD(v->items, v->n) : NULL;
	if (new) {
		*new = (struct policy_verdict){
			.name = name, .at = at, .holds = holds, .why = why_take
		};
		return;
	}
	v->failed = true;
	free(why_take);
}

static bool condition_test(const struct policy_match *m, const struct match_subject *s,
			   const char *name, struct policy_position at,
			   struct policy_verdicts *tried)
{
	struct match_trace trace = { 0 };
	bool holds = policy_match_test(m, s, tried ? &trace : NULL);
	if (tried)
		verdict_add(tried, name, at, holds, match_trace_text(&trace, s));
	match_trace_done(&trace);
	return holds;
}

const char *policy_never_selected(const struct match_subject *s)
{
	if (s->f && s->f->is_vf)
		return "a VF belongs to its PF";
	if (s->f && pci_is_bridge(s->f->class))
		return "a bridge carries what is behind it";
	return NULL;
}

const struct policy_selection *policy_selection_of(const struct policy *p,
						   const struct match_subject *s,
						   struct policy_verdicts *tried)
{
	if (policy_never_selected(s))
		return NULL;
	for (size_t i = 0; i < p->n_selections; i++) {
		const struct policy_selection *x = &p->selections[i];
		if (condition_test(x->match, s, x->name, x->at, tried))
			return x;
	}
	return NULL;
}

const struct policy_divide *policy_divide_of(const struct policy *p, const char *selection,
					     const struct match_subject *s,
					     struct policy_verdicts *tried)
{
	static const struct policy_match always = { .op = MATCH_ALL };
	const struct policy_divide *d = NULL;
	while ((d = policy_divide_next(p, selection, d)))
		if (condition_test(d->when ? d->when : &always, s, d->use, d->at, tried))
			return d;
	return NULL;
}

const struct policy_selection *policy_select(const struct policy *p,
					     const struct policy_facts *facts,
					     const struct function *f,
					     const struct mdev_parent *parent)
{
	const struct match_subject s = { .facts = facts, .f = f, .parent = parent };
	return f || parent ? policy_selection_of(p, &s, NULL) : NULL;
}

/* --- in words -------------------------------------------------------------------------------- */

void policy_divide_text(const struct policy_divide *d, struct str_buf *out)
{
	if (str_eq(d->mech, "passthrough"))
		str_buf_addf(out, "passed through%s%s", d->companions ? " with its companions" : "",
			     d->bind_early ? ", bound early" : "");
	if (str_eq(d->mech, "sriov") && d->fill[0])
		str_buf_add(out, "as many VFs as there can be");
	else if (str_eq(d->mech, "sriov"))
		str_buf_addf(out, "%" PRIu32 " VF%s", d->count, d->count == 1 ? "" : "s");
	for (uint32_t i = 0; i < d->n_types; i++) {
		str_buf_add(out, i ? ", " : "");
		if (d->type_count[i])
			str_buf_addf(out, "%" PRIu32 " ", d->type_count[i]);
		str_buf_add(out, d->types[i]);
	}
	if (d->on_demand)
		str_buf_add(out, " on demand");
	for (uint32_t i = 0; i < d->n_warm; i++)
		str_buf_addf(out, "%s%" PRIu32 " %s", i ? ", " : ", kept warm: ", d->warm_count[i],
			     d->warm[i]);
	if (d->fill[0] && !str_eq(d->mech, "sriov"))
		str_buf_addf(out, "%sfilled with %s", d->n_types ? ", " : "", d->fill);
	for (uint32_t i = 0; i < d->n_share; i++)
		str_buf_addf(out, ", %" PRIu32 " claims on each %s", d->share_count[i],
			     d->share[i]);
	str_buf_add(out, d->mixed ? ", sizes mixed" : "");
}

static bool whole_draws(const struct policy *p, const struct policy_class *c,
			const struct policy_divide *d)
{
	for (uint32_t i = 0; i < c->n_parts; i++)
		if (policy_class_draws(p, policy_class_find(p, c->parts[i]), d))
			return true;
	return false;
}

bool policy_class_draws(const struct policy *p, const struct policy_class *c,
			const struct policy_divide *d)
{
	if (c->n_parts)
		return whole_draws(p, c, d);
	bool draws = c->n_profiles == 0;
	for (uint32_t i = 0; i < c->n_profiles; i++)
		draws = draws || policy_divide_yields(d, c->profiles[i]);
	return draws && policy_class_from(c, d->use);
}

static void keep_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->n_keep ? "" : "none");
	for (uint32_t i = 0; i < w->n_keep; i++)
		str_buf_addf(out, "%s%s: %u", i ? ", " : "", w->keep[i], w->keep_count[i]);
}

static void warm_text(const struct want *w, struct str_buf *out)
{
	for (uint32_t i = 0; i < w->n_types; i++)
		if (w->warm[i])
			str_buf_addf(out, "%s%s: %" PRIu32, out->len ? ", " : "", w->types[i],
				     w->warm[i]);
	str_buf_add(out, out->len ? "" : "none");
}

static void share_text(const struct want *w, struct str_buf *out)
{
	for (uint32_t i = 0; i < w->n_types; i++)
		if (w->share[i])
			str_buf_addf(out, "%s%s: %" PRIu32, out->len ? ", " : "", w->types[i],
				     w->share[i]);
	str_buf_add(out, !out->len ? "none" : w->share_mps ? " by mps" : "");
}

static void types_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->n_types ? "" : "none");
	for (uint32_t i = 0; i < w->n_types; i++)
		str_buf_addf(out, "%s%s: %" PRIu32, i ? ", " : "", w->types[i], w->type_count[i]);
}

static void identity_text(const struct want *w, struct str_buf *out)
{
	str_buf_addf(out, "%04x:%04x", w->vendor, w->device_id);
	if (w->has_serial)
		str_buf_addf(out, " serial=%016" PRIx64, w->serial);
}

static void selection_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->selection);
}

static void mech_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->mech);
}

static void count_text(const struct want *w, struct str_buf *out)
{
	str_buf_addf(out, "%" PRIu32, w->count);
}

static void bind_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->bind_early ? "early" : "on-claim");
}

static void companions_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->companions ? "bind" : "leave");
}

static void leader_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->leader[0] ? w->leader : "none");
}

static void in_use_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->in_use_pf ? "allow" : "refuse");
}

static void on_remove_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->on_remove_destroy ? "destroy" : "keep");
}

static void one_tenant_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->one_tenant ? "true" : "false");
}

static void sizes_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->mixed ? "mixed" : "equal");
}

static void scheduler_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->scheduler ? vgpu_scheduler_name(w->scheduler) : "not said");
}

static void after_use_text(const struct want *w, struct str_buf *out)
{
	static const char *const words[] = {
		[AFTER_USE_UNSAID] = "not said",
		[AFTER_USE_PROVE] = "prove",
		[AFTER_USE_SAME_TENANT] = "same-tenant",
		[AFTER_USE_QUARANTINE] = "quarantine",
	};
	str_buf_add(out, w->after_use <= AFTER_USE_QUARANTINE ? words[w->after_use] : "unknown");
}

static void services_text(const struct want *w, struct str_buf *out)
{
	str_buf_add(out, w->n_services ? "" : "none");
	for (uint32_t i = 0; i < w->n_services; i++)
		str_buf_addf(out, "%s%s", i ? ", " : "", w->services[i]);
}

/* What is behind the first word is set apart from it. */
static const char *gap(const struct str_buf *out)
{
	return out->len ? " " : "";
}

static void vf_text(const struct want *w, struct str_buf *out)
{
	const struct vf_settings *v = &w->vf;
	str_buf_add(out, v->set ? "" : "as the driver sets it");
	if (v->set & VF_SET_VLAN)
		str_buf_addf(out, "vlan=%u qos=%u", v->vlan, v->qos);
	if (v->set & VF_SET_SPOOFCHK)
		str_buf_addf(out, "%sspoof-check=%s", gap(out), v->spoofchk ? "true" : "false");
	if (v->set & VF_SET_TRUST)
		str_buf_addf(out, "%strust=%s", gap(out), v->trust ? "true" : "false");
	if (v->set & VF_SET_LINK)
		str_buf_addf(out, "%slink=%s", gap(out), vf_link_name(v->link));
	if (v->set & VF_SET_RATE)
		str_buf_addf(out, "%smin-rate=%" PRIu32 " max-rate=%" PRIu32, gap(out), v->min_rate,
			     v->max_rate);
}

static const struct want_part {
	const char *name;
	void (*text)(const struct want *w, struct str_buf *out);
} want_parts[] = {
	{ "selection", selection_text },
	{ "as", mech_text },
	{ "count", count_text },
	{ "profiles", types_text },
	{ "keep-room-for", keep_text },
	{ "warm", warm_text },
	{ "share", share_text },
	{ "bind", bind_text },
	{ "companions", companions_text },
	{ "companion of", leader_text },
	{ "in-use-pf", in_use_text },
	{ "vf", vf_text },
	{ "sizes", sizes_text },
	{ "scheduler", scheduler_text },
	{ "one-tenant-per-device", one_tenant_text },
	{ "after-use", after_use_text },
	{ "services", services_text },
	{ "on-remove", on_remove_text },
	{ "the card", identity_text },
};

static void part_compare(const struct want_part *part, const struct want *applied,
			 const struct want *now, struct str_buf *out)
{
	struct str_buf was = { 0 }, is = { 0 };
	part->text(applied, &was);
	part->text(now, &is);
	if (was.failed || is.failed)
		out->failed = true;
	else if (!str_eq(was.text ? was.text : "", is.text ? is.text : ""))
		str_buf_addf(out, "%s: applied %s, now %s\n", part->name, was.text, is.text);
	str_buf_done(&was);
	str_buf_done(&is);
}

void policy_want_compare(const struct want *applied, const struct want *now, struct str_buf *out)
{
	if (applied && !now)
		str_buf_addf(out, "applied as %s (%s), now not divided\n", applied->mech,
			     applied->where);
	if (!applied && now)
		str_buf_addf(out, "not divided by the applied policy, now %s\n", now->mech);
	for (size_t i = 0; applied && now && i < sizeof(want_parts) / sizeof(want_parts[0]); i++)
		part_compare(&want_parts[i], applied, now, out);
}
