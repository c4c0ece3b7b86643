/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See check.h. */
#include "policy/check.h"

#include <errno.h>

#include "base/str.h"

static const struct policy_selection *selection_find(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_selections; i++)
		if (str_eq(p->selections[i].name, name))
			return &p->selections[i];
	return NULL;
}

const struct policy_divide *policy_divide_find(const struct policy *p, const char *selection)
{
	for (size_t i = 0; i < p->n_divides; i++)
		if (str_eq(p->divides[i].use, selection))
			return &p->divides[i];
	return NULL;
}

bool policy_divide_yields(const struct policy_divide *d, const char *profile)
{
	if (str_eq(d->mech, "passthrough"))
		return str_eq(profile, "passthrough");
	if (str_eq(d->mech, "sriov"))
		return str_eq(profile, "vf");
	for (uint32_t i = 0; i < d->n_types; i++)
		if (str_eq(d->types[i], profile))
			return true;
	return false;
}

/* Keys that only one mechanism understands. */
static int check_mech_keys(const struct policy_divide *d, struct policy_source *s)
{
	const struct {
		bool given;
		const char *key, *mech;
	} keys[] = {
		{ d->bind_early, "bind: early", "passthrough" },
		{ d->count > 0, "count", "sriov" },
		{ d->in_use_pf, "in-use-pf", "sriov" },
		{ d->vf.set || d->vf.qos, "vf", "sriov" },
		{ d->n_types > 0, d->on_demand ? "on-demand" : "types", "mdev" },
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].given && !str_eq(keys[i].mech, d->mech))
			return policy_source_error(s, d->at, "policy.conflict",
						   "\"%s\" is for \"as: %s\", not for \"as: %s\"",
						   keys[i].key, keys[i].mech, d->mech);
	return 0;
}

static int check_settings(const struct vf_settings *v, struct policy_position at,
			  struct policy_source *s)
{
	if (v->qos && !v->vlan)
		return policy_source_error(s, at, "policy.conflict",
					   "qos is the priority of a VLAN tag; "
					   "there is no vlan");
	if (v->max_rate && v->min_rate > v->max_rate)
		return policy_source_error(s, at, "policy.conflict",
					   "min-rate %u is above max-rate %u", v->min_rate,
					   v->max_rate);
	return 0;
}

static int check_types(const struct policy_divide *d, struct policy_source *s)
{
	if (d->n_types == 0) {
		policy_source_error(s, d->at, "policy.missing",
				    "\"as: mdev\" needs \"types\" or \"on-demand\"");
		return -EINVAL;
	}
	bool ahead = false;
	for (uint32_t i = 0; i < d->n_types; i++) {
		ahead = ahead || d->type_count[i] > 0;
		for (uint32_t k = 0; k < i; k++)
			if (str_eq(d->types[i], d->types[k]))
				return policy_source_error(s, d->at, "policy.conflict",
							   "type %s is named twice", d->types[i]);
	}
	if (ahead && d->on_demand)
		return policy_source_error(s, d->at, "policy.conflict",
					   "\"types\" and \"on-demand\" exclude each other");
	if (d->on_demand && d->expect >= 0)
		return policy_source_error(s, d->at, "policy.conflict",
					   "nothing can be expected of slices made on demand");
	return 0;
}

static int check_divide(const struct policy *p, const struct policy_divide *d,
			struct policy_source *s)
{
	if (!selection_find(p, d->use))
		return policy_source_error(s, d->at, "policy.reference",
					   "there is no \"%s\" under devices", d->use);
	const struct policy_divide *first = policy_divide_find(p, d->use);
	if (first != d)
		return policy_source_error(s, d->at, "policy.conflict",
					   "\"%s\" is divided already on line %d", d->use,
					   first->at.line);
	int r = check_mech_keys(d, s);
	if (r >= 0)
		r = check_settings(&d->vf, d->at, s);
	if (r < 0)
		return r;
	if (str_eq(d->mech, "sriov") && d->count == 0)
		return policy_source_error(s, d->at, "policy.missing",
					   "\"as: sriov\" needs \"count\"");
	return str_eq(d->mech, "mdev") ? check_types(d, s) : 0;
}

static int check_class(const struct policy *p, const struct policy_class *c,
		       struct policy_source *s)
{
	const struct policy_divide *d = policy_divide_find(p, c->from);
	if (!selection_find(p, c->from))
		return policy_source_error(s, c->at, "policy.reference",
					   "there is no \"%s\" under devices", c->from);
	if (!d)
		return policy_source_error(
			s, c->at, "policy.reference",
			"nothing under divide uses \"%s\": class %s would be empty", c->from,
			c->name);
	for (uint32_t i = 0; i < c->n_profiles; i++)
		if (!policy_divide_yields(d, c->profiles[i]))
			return policy_source_error(s, c->at, "policy.reference",
						   "\"%s\" yields no \"%s\" (see line %d)", c->from,
						   c->profiles[i], d->at.line);
	bool sets = c->may_mac || c->may_vlan || c->may_spoofchk || c->may_trust || c->may_link ||
		    c->may_rate;
	if (sets && !str_eq(d->mech, "sriov"))
		return policy_source_error(s, c->at, "policy.conflict",
					   "may-set is for VFs; class %s has slices of \"as: %s\"",
					   c->name, d->mech);
	return 0;
}

static int check_reservation(const struct policy *p, size_t i, struct policy_source *s)
{
	const struct policy_reservation *rv = &p->reservations[i];
	for (size_t k = 0; k < i; k++)
		if (str_eq(p->reservations[k].name, rv->name))
			return policy_source_error(s, rv->at, "policy.duplicate",
						   "reservation %s is here twice, first on line %d",
						   rv->name, p->reservations[k].at.line);
	const struct policy_class *c = policy_class_find(p, rv->class);
	if (!c)
		return policy_source_error(s, rv->at, "policy.reference",
					   "there is no class \"%s\"", rv->class);
	_cleanup_err_ struct err e = { 0 };
	if (policy_settings_allowed(c, &rv->set, &e) < 0)
		return policy_source_error(s, rv->at, "policy.value", "reservation %s: %s",
					   rv->name, e.what ? e.what : "not allowed");
	return check_settings(&rv->set, rv->at, s);
}

int policy_check(const struct policy *p, struct policy_source *s)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < p->n_divides; i++)
		r = check_divide(p, &p->divides[i], s);
	for (size_t i = 0; r >= 0 && i < p->n_classes; i++)
		r = check_class(p, &p->classes[i], s);
	for (size_t i = 0; r >= 0 && i < p->n_reservations; i++)
		r = check_reservation(p, i, s);
	return r;
}
