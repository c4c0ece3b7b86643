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

static void add_name(struct str_buf *b, const char *name)
{
	str_buf_addf(b, "%s%s", b->len ? ", " : "", name);
}

/* names: those there are. */
static int refuse_name(struct policy_source *s, struct str_buf *names, const char *where)
{
	if (names->len)
		err_todo(s->err, "use one of: %.300s", names->text);
	else
		err_todo(s->err, "name it under %s first", where);
	str_buf_done(names);
	return -EINVAL;
}

static int no_selection(const struct policy *p, const char *name, struct policy_position at,
			struct policy_source *s)
{
	struct str_buf names = { 0 };
	policy_source_error(s, at, "policy.reference", "there is no \"%s\" under devices", name);
	for (size_t i = 0; i < p->n_selections; i++)
		add_name(&names, p->selections[i].name);
	return refuse_name(s, &names, "devices");
}

static int no_class(const struct policy *p, const char *name, struct policy_position at,
		    struct policy_source *s)
{
	struct str_buf names = { 0 };
	policy_source_error(s, at, "policy.reference", "there is no class \"%s\"", name);
	for (size_t i = 0; i < p->n_classes; i++)
		add_name(&names, p->classes[i].name);
	return refuse_name(s, &names, "classes");
}

/* Profiles that the author chooses; those of other mechanisms are fixed. */
static bool has_profiles(const char *mech)
{
	return !str_eq(mech, "passthrough") && !str_eq(mech, "sriov");
}

static void add_profiles(struct str_buf *names, const struct policy_divide *d)
{
	for (uint32_t i = 0; i < d->n_types; i++)
		add_name(names, d->types[i]);
	if (!has_profiles(d->mech))
		add_name(names, str_eq(d->mech, "sriov") ? "vf" : d->mech);
	else if (d->fill[0])
		add_name(names, d->fill);
}

static int no_profile(const struct policy *p, const struct policy_class *c, const char *profile,
		      struct policy_source *s)
{
	struct str_buf names = { 0 };
	policy_source_error(s, c->at, "policy.reference",
			    "nothing that class %s draws on yields \"%s\"", c->name, profile);
	for (size_t i = 0; i < p->n_divides; i++)
		if (policy_class_from(c, p->divides[i].use))
			add_profiles(&names, &p->divides[i]);
	return refuse_name(s, &names, "divide");
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
	return str_eq(d->fill, profile);
}

#define PROFILES "mdev, mig, vgpu or partition"

/* Keys that not every mechanism understands. */
static int check_mech_keys(const struct policy_divide *d, struct policy_source *s)
{
	bool passthrough = str_eq(d->mech, "passthrough"), sriov = str_eq(d->mech, "sriov");
	bool profiles = has_profiles(d->mech);
	const struct {
		bool given, right;
		const char *key, *mech;
	} keys[] = {
		{ d->bind_early, passthrough, "bind: early", "passthrough" },
		{ d->count > 0, sriov, "count", "sriov" },
		{ d->in_use_pf, sriov, "in-use-pf", "sriov" },
		{ d->vf.set || d->vf.qos, sriov, "vf", "sriov" },
		{ d->n_types > 0, profiles, d->on_demand ? "on-demand" : "layout", PROFILES },
		{ d->fill[0], profiles || sriov, "fill", "sriov, " PROFILES },
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].given && !keys[i].right) {
			policy_source_error(s, d->at, "policy.conflict",
					    "\"%s\" is for \"as: %s\", not for \"as: %s\"",
					    keys[i].key, keys[i].mech, d->mech);
			err_todo(s->err, "leave it out, or choose another mechanism");
			return -EINVAL;
		}
	return 0;
}

static int check_settings(const struct vf_settings *v, struct policy_position at,
			  struct policy_source *s)
{
	if (v->qos && !v->vlan)
		return policy_source_refuse(s, at, "policy.conflict", "add vlan, or leave qos out",
					    "qos is the priority of a VLAN tag; "
					    "there is no vlan");
	if (v->max_rate && v->min_rate > v->max_rate)
		return policy_source_refuse(s, at, "policy.conflict",
					    "lower min-rate, or raise max-rate",
					    "min-rate %u is above max-rate %u", v->min_rate,
					    v->max_rate);
	return 0;
}

static int check_keep(const struct policy *p, const struct policy_divide *d,
		      struct policy_source *s)
{
	for (uint32_t i = 0; i < d->n_keep; i++) {
		const struct policy_class *c = policy_class_find(p, d->keep[i]);
		if (!c)
			return no_class(p, d->keep[i], d->at, s);
		if (!policy_class_from(c, d->use))
			return policy_source_refuse(
				s, d->at, "policy.conflict",
				"name a class whose from has this selection",
				"\"%s\" cannot keep room for class %s, which does not draw on it",
				d->use, c->name);
	}
	if (d->n_keep && !d->on_demand)
		return policy_source_refuse(
			s, d->at, "policy.conflict", "leave keep-room-for out, or divide on demand",
			"\"keep-room-for\" goes with \"on-demand\" only: what is "
			"made ahead keeps its room");
	return 0;
}

static int check_types(const struct policy_divide *d, struct policy_source *s)
{
	if (d->n_types == 0 && !d->fill[0])
		return policy_source_refuse(
			s, d->at, "policy.missing",
			"add \"on-demand: [PROFILE]\"; carve list slices shows the profiles",
			"\"as: %s\" needs \"layout\", \"fill\" or \"on-demand\"", d->mech);
	bool ahead = d->fill[0], fill_named = !d->fill[0];
	for (uint32_t i = 0; i < d->n_types; i++) {
		ahead = ahead || d->type_count[i] > 0;
		fill_named = fill_named || str_eq(d->types[i], d->fill);
		for (uint32_t k = 0; k < i; k++)
			if (str_eq(d->types[i], d->types[k]))
				return policy_source_refuse(s, d->at, "policy.conflict",
							    "name it once",
							    "profile %s is named twice",
							    d->types[i]);
	}
	if (ahead && d->on_demand)
		return policy_source_refuse(s, d->at, "policy.conflict", "keep one of the two",
					    "\"layout\" or \"fill\" and \"on-demand\" exclude "
					    "each other");
	if (d->n_types == POLICY_TYPES && !fill_named)
		return policy_source_refuse(s, d->at, "policy.limit", "name fewer",
					    "layout and fill name more than %d profiles",
					    POLICY_TYPES);
	if (d->on_demand && d->expect >= 0)
		return policy_source_refuse(s, d->at, "policy.conflict", "leave expect out",
					    "nothing can be expected of slices made on demand");
	return 0;
}

static int check_vfs(const struct policy_divide *d, struct policy_source *s)
{
	if (d->count == 0 && !d->fill[0])
		return policy_source_refuse(
			s, d->at, "policy.missing",
			"add \"count: N\", the number of VFs of each device, or "
			"\"fill: vf\" for all it can have",
			"\"as: sriov\" needs \"count\" or \"fill\"");
	if (d->count && d->fill[0])
		return policy_source_refuse(s, d->at, "policy.conflict", "keep one of the two",
					    "\"count\" and \"fill\" exclude each other");
	if (d->fill[0] && !str_eq(d->fill, "vf"))
		return policy_source_refuse(s, d->at, "policy.value", "write \"fill: vf\"",
					    "\"as: sriov\" makes VFs, no \"%s\"", d->fill);
	return 0;
}

static int check_divide(const struct policy *p, const struct policy_divide *d,
			struct policy_source *s)
{
	if (!selection_find(p, d->use))
		return no_selection(p, d->use, d->at, s);
	const struct policy_divide *first = policy_divide_find(p, d->use);
	if (first != d)
		return policy_source_refuse(s, d->at, "policy.conflict",
					    "keep one of the two: a device is divided in one way",
					    "\"%s\" is divided already on line %d", d->use,
					    first->at.line);
	int r = check_mech_keys(d, s);
	if (r >= 0)
		r = check_settings(&d->vf, d->at, s);
	if (r < 0)
		return r;
	if (str_eq(d->mech, "sriov"))
		r = check_vfs(d, s);
	else if (has_profiles(d->mech))
		r = check_types(d, s);
	return r < 0 ? r : check_keep(p, d, s);
}

/* One selection of a class. */
static int check_from(const struct policy *p, const struct policy_class *c, uint32_t which,
		      struct policy_source *s)
{
	const char *from = c->from[which];
	if (!selection_find(p, from))
		return no_selection(p, from, c->at, s);
	for (uint32_t i = 0; i < which; i++)
		if (str_eq(c->from[i], from))
			return policy_source_refuse(s, c->at, "policy.conflict", "name it once",
						    "class %s draws on \"%s\" twice", c->name,
						    from);
	const struct policy_divide *d = policy_divide_find(p, from);
	if (!d)
		return policy_source_refuse(
			s, c->at, "policy.reference",
			"add an entry with \"use\" of that name under divide, or remove the class",
			"nothing under divide uses \"%s\": class %s would be empty", from, c->name);
	bool sets = c->may_mac || c->may_vlan || c->may_spoofchk || c->may_trust || c->may_link ||
		    c->may_rate;
	if (sets && !str_eq(d->mech, "sriov"))
		return policy_source_refuse(s, c->at, "policy.conflict", "leave may-set out",
					    "may-set is for VFs; class %s has slices of \"as: %s\"",
					    c->name, d->mech);
	if (policy_class_asks(c) && !has_profiles(d->mech))
		return policy_source_refuse(
			s, c->at, "policy.conflict", "leave memory, compute and engines out",
			"of slices of \"as: %s\" it is not known what they have; class %s asks for it",
			d->mech, c->name);
	return 0;
}

static bool is_yielded(const struct policy *p, const struct policy_class *c, const char *profile)
{
	for (size_t i = 0; i < p->n_divides; i++)
		if (policy_class_from(c, p->divides[i].use) &&
		    policy_divide_yields(&p->divides[i], profile))
			return true;
	return false;
}

static int check_class(const struct policy *p, const struct policy_class *c,
		       struct policy_source *s)
{
	for (uint32_t i = 0; i < c->n_from; i++) {
		int r = check_from(p, c, i, s);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < c->n_profiles; i++)
		if (!is_yielded(p, c, c->profiles[i]))
			return no_profile(p, c, c->profiles[i], s);
	if (c->n_profiles && policy_class_asks(c))
		return policy_source_refuse(
			s, c->at, "policy.conflict", "keep one of the two",
			"class %s names profiles, and asks for memory, compute or "
			"engines",
			c->name);
	return 0;
}

static int check_reservation(const struct policy *p, size_t i, struct policy_source *s)
{
	const struct policy_reservation *rv = &p->reservations[i];
	for (size_t k = 0; k < i; k++)
		if (str_eq(p->reservations[k].name, rv->name))
			return policy_source_refuse(
				s, rv->at, "policy.duplicate", "give one of the two another name",
				"reservation %s is here twice, first on line %d", rv->name,
				p->reservations[k].at.line);
	const struct policy_class *c = policy_class_find(p, rv->class);
	if (!c)
		return no_class(p, rv->class, rv->at, s);
	_cleanup_err_ struct err e = { 0 };
	if (policy_settings_allowed(c, &rv->set, &e) < 0)
		return policy_source_refuse(s, rv->at, "policy.value",
					    e.todo ? e.todo : "leave it out", "reservation %s: %s",
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
