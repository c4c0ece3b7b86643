/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See check.h. */
#include "policy/check.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/service.h"
#include "policy/suggest.h"

static const struct policy_selection *selection_find(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_selections; i++)
		if (str_eq(p->selections[i].name, name))
			return &p->selections[i];
	return NULL;
}

/* Where a value of an entry stands, or its key. */
static struct policy_position in_divide(const struct policy *p, const struct policy_divide *d,
					const struct policy_source *s, const char *path, int item)
{
	return policy_source_find(s, "divide", (size_t)(d - p->divides), path, item, d->at);
}

static struct policy_position in_class(const struct policy *p, const struct policy_class *c,
				       const struct policy_source *s, const char *path, int item)
{
	return policy_source_find(s, "classes", (size_t)(c - p->classes), path, item, c->at);
}

static struct policy_position in_reservation(const struct policy *p,
					     const struct policy_reservation *rv,
					     const struct policy_source *s, const char *path,
					     int item)
{
	return policy_source_find(s, "reservations", (size_t)(rv - p->reservations), path, item,
				  rv->at);
}

static int refuse_name(struct policy_source *s, struct suggestion *known, const char *none)
{
	_cleanup_free_ char *todo = suggestion_take(known, none);
	err_todo(s->err, "%s", todo ? todo : none);
	return -EINVAL;
}

static int no_selection(const struct policy *p, const char *name, struct policy_position at,
			struct policy_source *s)
{
	struct suggestion known;
	policy_source_error(s, at, "policy.reference", "there is no \"%s\" under devices", name);
	suggestion_init(&known, name);
	for (size_t i = 0; i < p->n_selections; i++)
		suggestion_add(&known, p->selections[i].name);
	return refuse_name(s, &known, "name it under devices first");
}

static int no_class(const struct policy *p, const char *name, struct policy_position at,
		    struct policy_source *s)
{
	struct suggestion known;
	policy_source_error(s, at, "policy.reference", "there is no class \"%s\"", name);
	suggestion_init(&known, name);
	for (size_t i = 0; i < p->n_classes; i++)
		suggestion_add(&known, p->classes[i].name);
	return refuse_name(s, &known, "name it under classes first");
}

static int no_tenant(const struct policy *p, const struct policy_reservation *rv,
		     struct policy_source *s)
{
	struct suggestion known;
	policy_source_error(s, in_reservation(p, rv, s, "tenant", 0), "policy.reference",
			    "there is no tenant \"%s\"", rv->tenant);
	suggestion_init(&known, rv->tenant);
	for (size_t i = 0; i < p->n_tenants; i++)
		suggestion_add(&known, p->tenants[i].name);
	return refuse_name(s, &known, "name it under tenants first");
}

/* Profiles that the author chooses; those of other mechanisms are fixed. */
static bool has_profiles(const char *mech)
{
	return !str_eq(mech, "passthrough") && !str_eq(mech, "sriov");
}

static void add_profiles(const struct policy_divide *d, struct suggestion *known)
{
	for (uint32_t i = 0; i < d->n_types; i++)
		suggestion_add(known, d->types[i]);
	if (!has_profiles(d->mech))
		suggestion_add(known, str_eq(d->mech, "sriov") ? "vf" : d->mech);
	else if (d->fill[0])
		suggestion_add(known, d->fill);
}

static int no_profile(const struct policy *p, const struct policy_class *c, uint32_t profile,
		      struct policy_source *s)
{
	struct suggestion known;
	policy_source_error(s, in_class(p, c, s, "profiles", (int)profile), "policy.reference",
			    "nothing that class %s draws on yields \"%s\"", c->name,
			    c->profiles[profile]);
	suggestion_init(&known, c->profiles[profile]);
	for (size_t i = 0; i < p->n_divides; i++)
		if (policy_class_from(c, p->divides[i].use))
			add_profiles(&p->divides[i], &known);
	return refuse_name(s, &known, "leave it out");
}

const struct policy_divide *policy_divide_next(const struct policy *p, const char *selection,
					       const struct policy_divide *last)
{
	for (size_t i = last ? (size_t)(last - p->divides) + 1 : 0; i < p->n_divides; i++)
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
static int check_mech_keys(const struct policy *p, const struct policy_divide *d,
			   struct policy_source *s)
{
	bool passthrough = str_eq(d->mech, "passthrough"), sriov = str_eq(d->mech, "sriov");
	bool profiles = has_profiles(d->mech), mdev = str_eq(d->mech, "mdev");
	bool shares = str_eq(d->mech, "time-slice") || str_eq(d->mech, "mps");
	bool made = profiles && !shares, vgpu = str_eq(d->mech, "vgpu");
	const struct {
		bool given, right;
		const char *path, *key, *mech;
	} keys[] = {
		{ d->bind_early, passthrough, "bind", "bind: early", "passthrough" },
		{ d->companions, passthrough, "companions", "companions: bind", "passthrough" },
		{ d->count > 0, sriov, "count", "count", "sriov" },
		{ d->in_use_pf, sriov, "in-use-pf", "in-use-pf", "sriov" },
		{ d->vf.set || d->vf.qos, sriov, "vf", "vf", "sriov" },
		{ d->after_use != AFTER_USE_UNSAID, passthrough || sriov, "after-use", "after-use",
		  "passthrough, sriov" },
		{ d->one_tenant, profiles || sriov, "one-tenant-per-device",
		  "one-tenant-per-device", "sriov, " PROFILES },
		{ d->n_types > 0 && d->on_demand, made, "on-demand", "on-demand", PROFILES },
		{ d->n_types > 0 && !d->on_demand, profiles, "layout", "layout",
		  "mdev, mig, vgpu, partition, time-slice or mps" },
		{ d->fill[0], made || sriov, "fill", "fill", "sriov, " PROFILES },
		{ d->n_warm > 0, made, "warm", "warm", PROFILES },
		{ d->n_share > 0, str_eq(d->mech, "mig"), "share", "share", "mig" },
		{ d->mixed, vgpu, "sizes", "sizes: mixed", "vgpu" },
		{ d->scheduler != VGPU_SCHEDULER_UNSAID, vgpu, "scheduler", "scheduler", "vgpu" },
		{ d->n_services > 0, !mdev, "services", "services",
		  "passthrough, sriov, mig, vgpu, time-slice or mps" },
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].given && !keys[i].right) {
			policy_source_error(s, in_divide(p, d, s, keys[i].path, POLICY_KEY),
					    "policy.conflict",
					    "\"%s\" is for \"as: %s\", not for \"as: %s\"",
					    keys[i].key, keys[i].mech, d->mech);
			err_todo(s->err, "leave it out, or choose another mechanism");
			return -EINVAL;
		}
	return 0;
}

/* Shares are fixed by how many fit of one size. */
static int check_scheduler(const struct policy *p, const struct policy_divide *d,
			   struct policy_source *s)
{
	if (!d->mixed || d->scheduler != VGPU_SCHEDULER_FIXED_SHARE)
		return 0;
	return policy_source_refuse(s, in_divide(p, d, s, "scheduler", POLICY_KEY),
				    "policy.conflict",
				    "use equal-share, or leave \"sizes: mixed\" out",
				    "fixed shares are for vGPUs of one size, and sizes are mixed");
}

/* Of a divide's "vf" and a reservation's "set". */
static int check_settings(const struct vf_settings *v, struct policy_position qos,
			  struct policy_position min_rate, struct policy_source *s)
{
	if (v->qos && !v->vlan)
		return policy_source_refuse(s, qos, "policy.conflict", "add vlan, or leave qos out",
					    "qos is the priority of a VLAN tag; "
					    "there is no vlan");
	if (v->max_rate && v->min_rate > v->max_rate)
		return policy_source_refuse(s, min_rate, "policy.conflict",
					    "lower min-rate, or raise max-rate",
					    "min-rate %u is above max-rate %u", v->min_rate,
					    v->max_rate);
	return 0;
}

static int check_keep(const struct policy *p, const struct policy_divide *d,
		      struct policy_source *s)
{
	const struct policy_position at = in_divide(p, d, s, "keep-room-for", POLICY_KEY);
	for (uint32_t i = 0; i < d->n_keep; i++) {
		const struct policy_class *c = policy_class_find(p, d->keep[i]);
		if (!c)
			return no_class(p, d->keep[i], at, s);
		if (!policy_class_from(c, d->use))
			return policy_source_refuse(
				s, at, "policy.conflict",
				"name a class whose from has this selection",
				"\"%s\" cannot keep room for class %s, which does not draw on it",
				d->use, c->name);
	}
	if (d->n_keep && !d->on_demand)
		return policy_source_refuse(
			s, at, "policy.conflict", "leave keep-room-for out, or divide on demand",
			"\"keep-room-for\" goes with \"on-demand\" only: what is made ahead keeps "
			"its room");
	return 0;
}

static bool is_on_demand(const struct policy_divide *d, const char *profile)
{
	for (uint32_t i = 0; i < d->n_types; i++)
		if (str_eq(d->types[i], profile))
			return true;
	return false;
}

static int check_warm(const struct policy *p, const struct policy_divide *d,
		      struct policy_source *s)
{
	const struct policy_position at = in_divide(p, d, s, "warm", POLICY_KEY);
	if (d->n_warm && !d->on_demand)
		return policy_source_refuse(
			s, at, "policy.conflict", "leave warm out, or divide on demand",
			"\"warm\" goes with \"on-demand\" only: a layout is made ahead, all of it");
	for (uint32_t i = 0; i < d->n_warm; i++) {
		if (is_on_demand(d, d->warm[i]))
			continue;
		struct suggestion known;
		policy_source_error(s, at, "policy.reference",
				    "\"%s\" cannot be kept warm: on-demand does not name it",
				    d->warm[i]);
		suggestion_init(&known, d->warm[i]);
		add_profiles(d, &known);
		return refuse_name(s, &known, "leave it out");
	}
	return 0;
}

static int check_share(const struct policy *p, const struct policy_divide *d,
		       struct policy_source *s)
{
	const struct policy_position at = in_divide(p, d, s, "share", POLICY_KEY);
	if (d->n_share && d->on_demand)
		return policy_source_refuse(
			s, at, "policy.conflict", "leave share out, or write a layout",
			"\"share\" goes with \"layout\" and \"fill\" only: what is made for a claim "
			"is that claim's alone");
	if (d->share_by != SHARE_BY_TIME_SLICE && !d->n_share)
		return policy_source_refuse(s, in_divide(p, d, s, "share-by", POLICY_KEY),
					    "policy.conflict", "add share, or leave it out",
					    "\"share-by\" goes with \"share\" only");
	for (uint32_t i = 0; i < d->n_share; i++) {
		if (policy_divide_yields(d, d->share[i]))
			continue;
		struct suggestion known;
		policy_source_error(s, at, "policy.reference",
				    "\"%s\" cannot be shared: the layout does not name it",
				    d->share[i]);
		suggestion_init(&known, d->share[i]);
		add_profiles(d, &known);
		return refuse_name(s, &known, "leave it out");
	}
	return 0;
}

static int check_twice(const struct policy *p, const struct policy_divide *d,
		       struct policy_source *s)
{
	const char *key = d->on_demand ? "on-demand" : "layout";
	for (uint32_t i = 0; i < d->n_types; i++)
		for (uint32_t k = 0; k < i; k++)
			if (str_eq(d->types[i], d->types[k]))
				return policy_source_refuse(s, in_divide(p, d, s, key, (int)i),
							    "policy.conflict", "name it once",
							    "profile %s is named twice",
							    d->types[i]);
	return 0;
}

static int check_types(const struct policy *p, const struct policy_divide *d,
		       struct policy_source *s)
{
	if (d->n_types == 0 && !d->fill[0])
		return policy_source_refuse(
			s, d->at, "policy.missing",
			"add \"on-demand: [PROFILE]\"; carve plan tells which there are when it is none",
			"\"as: %s\" needs \"layout\", \"fill\" or \"on-demand\"", d->mech);
	bool ahead = d->fill[0], fill_named = !d->fill[0];
	for (uint32_t i = 0; i < d->n_types; i++) {
		ahead = ahead || d->type_count[i] > 0;
		fill_named = fill_named || str_eq(d->types[i], d->fill);
	}
	if (ahead && d->on_demand)
		return policy_source_refuse(s, in_divide(p, d, s, "on-demand", POLICY_KEY),
					    "policy.conflict", "keep one of the two",
					    "\"layout\" or \"fill\" and \"on-demand\" exclude each "
					    "other");
	if (d->n_types == POLICY_TYPES && !fill_named)
		return policy_source_refuse(s, in_divide(p, d, s, "fill", POLICY_KEY),
					    "policy.limit", "name fewer",
					    "layout and fill name more than %d profiles",
					    POLICY_TYPES);
	if (d->on_demand && d->expect >= 0)
		return policy_source_refuse(s, in_divide(p, d, s, "expect", POLICY_KEY),
					    "policy.conflict", "leave expect out",
					    "nothing can be expected of slices made on demand");
	return check_twice(p, d, s);
}

static int check_vfs(const struct policy *p, const struct policy_divide *d, struct policy_source *s)
{
	if (d->count == 0 && !d->fill[0])
		return policy_source_refuse(
			s, d->at, "policy.missing",
			"add \"count: N\", the number of VFs of each device, or "
			"\"fill: vf\" for all it can have",
			"\"as: sriov\" needs \"count\" or \"fill\"");
	if (d->count && d->fill[0])
		return policy_source_refuse(s, in_divide(p, d, s, "fill", POLICY_KEY),
					    "policy.conflict", "keep one of the two",
					    "\"count\" and \"fill\" exclude each other");
	if (d->fill[0] && !str_eq(d->fill, "vf"))
		return policy_source_refuse(s, in_divide(p, d, s, "fill", 0), "policy.value",
					    "write \"fill: vf\"",
					    "\"as: sriov\" makes VFs, no \"%s\"", d->fill);
	return 0;
}

/* The first entry that is for a device counts: behind one that is for each of them, none is reached. */
static int check_reached(const struct policy *p, const struct policy_divide *d,
			 struct policy_source *s)
{
	const struct policy_divide *first = NULL;
	while ((first = policy_divide_next(p, d->use, first)) && first != d)
		if (!first->when)
			return policy_source_refuse(
				s, in_divide(p, d, s, "use", 0), "policy.conflict",
				"keep one of the two, or say by \"when\" which devices the first one "
				"is for",
				"\"%s\" is divided already, all of it, on line %d", d->use,
				first->at.line);
	return 0;
}

static int check_services(const struct policy *p, const struct policy_divide *d,
			  struct policy_source *s)
{
	for (uint32_t i = 0; i < d->n_services; i++) {
		const struct policy_position at = in_divide(p, d, s, "services", (int)i);
		if (service_is_vital(d->services[i]))
			return policy_source_refuse(
				s, at, "policy.value", "leave it out",
				"services: the host cannot do without %s, which is never stopped",
				d->services[i]);
		for (uint32_t k = 0; k < i; k++)
			if (str_eq(d->services[i], d->services[k]))
				return policy_source_refuse(s, at, "policy.conflict",
							    "name it once", "%s is named twice",
							    d->services[i]);
	}
	return 0;
}

static int check_divide(const struct policy *p, const struct policy_divide *d,
			struct policy_source *s)
{
	if (!selection_find(p, d->use))
		return no_selection(p, d->use, in_divide(p, d, s, "use", 0), s);
	int r = check_reached(p, d, s);
	if (r >= 0)
		r = check_mech_keys(p, d, s);
	if (r >= 0)
		r = check_settings(&d->vf, in_divide(p, d, s, "vf/qos", POLICY_KEY),
				   in_divide(p, d, s, "vf/min-rate", POLICY_KEY), s);
	if (r >= 0)
		r = check_services(p, d, s);
	if (r >= 0)
		r = check_scheduler(p, d, s);
	if (r < 0)
		return r;
	if (str_eq(d->mech, "sriov"))
		r = check_vfs(p, d, s);
	else if (has_profiles(d->mech))
		r = check_types(p, d, s);
	if (r >= 0)
		r = check_keep(p, d, s);
	if (r >= 0)
		r = check_share(p, d, s);
	return r < 0 ? r : check_warm(p, d, s);
}

static bool class_sets(const struct policy_class *c)
{
	return c->may_mac || c->may_vlan || c->may_spoofchk || c->may_trust || c->may_link ||
	       c->may_rate;
}

static bool class_yields(const struct policy *p, const struct policy_class *c, const char *profile)
{
	for (size_t i = 0; i < p->n_divides; i++)
		if (policy_class_from(c, p->divides[i].use) &&
		    policy_divide_yields(&p->divides[i], profile))
			return true;
	return false;
}

/* One selection of a class. */
static int check_from(const struct policy *p, const struct policy_class *c, uint32_t which,
		      struct policy_source *s)
{
	const char *from = c->from[which];
	const struct policy_position at = in_class(p, c, s, "from", (int)which);
	if (!selection_find(p, from))
		return no_selection(p, from, at, s);
	for (uint32_t i = 0; i < which; i++)
		if (str_eq(c->from[i], from))
			return policy_source_refuse(s, at, "policy.conflict", "name it once",
						    "class %s draws on \"%s\" twice", c->name,
						    from);
	const struct policy_divide *d = policy_divide_next(p, from, NULL);
	if (!d)
		return policy_source_refuse(
			s, at, "policy.reference",
			"add an entry with \"use\" of that name under divide, or remove the class",
			"nothing under divide uses \"%s\": class %s would be empty", from, c->name);
	for (; d && policy_class_asks(c); d = policy_divide_next(p, from, d))
		if (!has_profiles(d->mech))
			return policy_source_refuse(
				s, at, "policy.conflict", "leave memory, compute and engines out",
				"of slices of \"as: %s\" it is not known what they have; class %s "
				"asks for it",
				d->mech, c->name);
	return 0;
}

/* Keys that say which slice: its parts have classes of their own for that. */
static int check_whole_keys(const struct policy *p, const struct policy_class *c,
			    struct policy_source *s)
{
	const struct {
		bool given;
		const char *key;
	} keys[] = {
		{ c->n_from > 0, "from" },	    { c->n_profiles > 0, "profiles" },
		{ c->memory > 0, "memory" },	    { c->compute > 0, "compute" },
		{ c->n_engines > 0, "engines" },    { class_sets(c), "may-set" },
		{ c->place != PLACE_FIT, "place" }, { c->movable, "movable" },
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].given)
			return policy_source_refuse(
				s, in_class(p, c, s, keys[i].key, POLICY_KEY), "policy.conflict",
				"say it of the classes that are its parts, or leave parts out",
				"class %s has \"parts\" and \"%s\"", c->name, keys[i].key);
	return 0;
}

static int check_part(const struct policy *p, const struct policy_class *c, uint32_t which,
		      struct policy_source *s)
{
	char path[NAME_SIZE + 8];
	(void)STR_FORMAT(path, "parts/%s", c->parts[which]);
	const struct policy_position at = in_class(p, c, s, path, POLICY_KEY);
	const struct policy_class *part = policy_class_find(p, c->parts[which]);
	if (!part)
		return no_class(p, c->parts[which], at, s);
	if (part->n_parts)
		return policy_source_refuse(s, at, "policy.conflict",
					    "name the parts of that class instead",
					    "class %s cannot be a part of class %s: it has parts "
					    "itself",
					    part->name, c->name);
	return 0;
}

static int check_whole(const struct policy *p, const struct policy_class *c,
		       struct policy_source *s)
{
	int r = check_whole_keys(p, c, s);
	for (uint32_t i = 0; r >= 0 && i < c->n_parts; i++)
		r = check_part(p, c, i, s);
	if (r >= 0 && policy_takes(p, c->name, NULL) > POLICY_WHOLE)
		return policy_source_refuse(s, in_class(p, c, s, "parts", POLICY_KEY),
					    "policy.limit", "name fewer",
					    "class %s has %u parts, %d are allowed", c->name,
					    policy_takes(p, c->name, NULL), POLICY_WHOLE);
	return r;
}

static int check_source(const struct policy *p, const struct policy_class *c,
			struct policy_source *s)
{
	if (c->n_from == 0)
		return policy_source_refuse(
			s, c->at, "policy.missing",
			"add \"from\": selections that are divided, where its slices come from; or "
			"\"parts\": classes it has slices of",
			"%s lacks \"from\"", c->name);
	if (c->near != NEAR_ANYWHERE)
		return policy_source_refuse(
			s, in_class(p, c, s, "near", POLICY_KEY), "policy.conflict",
			"leave near out; a claim says what it should be near: "
			"carve alloc --near CLAIM",
			"\"near\" goes with \"parts\" only: a claim of class %s "
			"is one slice",
			c->name);
	return 0;
}

static int check_class(const struct policy *p, const struct policy_class *c,
		       struct policy_source *s)
{
	if (c->n_parts)
		return check_whole(p, c, s);
	if (check_source(p, c, s) < 0)
		return -EINVAL;
	for (uint32_t i = 0; i < c->n_from; i++) {
		int r = check_from(p, c, i, s);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < c->n_profiles; i++)
		if (!class_yields(p, c, c->profiles[i]))
			return no_profile(p, c, i, s);
	if (c->n_profiles && policy_class_asks(c))
		return policy_source_refuse(
			s, in_class(p, c, s, "profiles", POLICY_KEY), "policy.conflict",
			"keep one of the two",
			"class %s names profiles, and asks for memory, compute or "
			"engines",
			c->name);
	if (class_sets(c) && !class_yields(p, c, "vf"))
		return policy_source_refuse(s, in_class(p, c, s, "may-set", POLICY_KEY),
					    "policy.conflict", "leave may-set out",
					    "may-set is for VFs; class %s has none", c->name);
	return 0;
}

static int check_reservation(const struct policy *p, size_t i, struct policy_source *s)
{
	const struct policy_reservation *rv = &p->reservations[i];
	for (size_t k = 0; k < i; k++)
		if (str_eq(p->reservations[k].name, rv->name))
			return policy_source_refuse(
				s, in_reservation(p, rv, s, "name", 0), "policy.duplicate",
				"give one of the two another name",
				"reservation %s is here twice, first on line %d", rv->name,
				p->reservations[k].at.line);
	const struct policy_class *c = policy_class_find(p, rv->class);
	if (!c)
		return no_class(p, rv->class, in_reservation(p, rv, s, "class", 0), s);
	if (rv->tenant[0] && !policy_tenant_find(p, rv->tenant))
		return no_tenant(p, rv, s);
	if (c->n_parts && (rv->set.set || rv->set.qos))
		return policy_source_refuse(s, in_reservation(p, rv, s, "set", POLICY_KEY),
					    "policy.conflict",
					    "leave set out, or reserve that slice by itself",
					    "settings are of one slice; class %s has parts",
					    c->name);
	_cleanup_err_ struct err e = { 0 };
	if (policy_settings_allowed(c, &rv->set, &e) < 0)
		return policy_source_refuse(s, in_reservation(p, rv, s, "set", 0), "policy.value",
					    e.todo ? e.todo : "leave it out", "reservation %s: %s",
					    rv->name, e.what ? e.what : "not allowed");
	return check_settings(&rv->set, in_reservation(p, rv, s, "set/qos", POLICY_KEY),
			      in_reservation(p, rv, s, "set/min-rate", POLICY_KEY), s);
}

/* Reservations of a tenant up to the last one; of any class when class is NULL. */
static uint32_t reserved(const struct policy *p, const char *tenant, const char *class, size_t last)
{
	uint32_t n = 0;
	for (size_t i = 0; i <= last; i++)
		if (str_eq(p->reservations[i].tenant, tenant))
			n += policy_takes(p, p->reservations[i].class, class);
	return n;
}

/* Is each slice of the class a VF? */
static bool yields_vfs(const struct policy *p, const struct policy_class *c)
{
	for (size_t i = 0; i < p->n_divides; i++)
		if (policy_class_from(c, p->divides[i].use) &&
		    !policy_divide_yields(&p->divides[i], "vf"))
			return false;
	return true;
}

/* VFs that a claim of that class has, whichever slices it gets. */
static uint32_t vfs_of(const struct policy *p, const char *class)
{
	const struct policy_class *c = policy_class_find(p, class);
	uint32_t n = 0;
	if (c && c->n_parts == 0)
		return yields_vfs(p, c);
	for (uint32_t i = 0; c && i < c->n_parts; i++)
		n += c->part_count[i] * vfs_of(p, c->parts[i]);
	return n;
}

static uint32_t reserved_vfs(const struct policy *p, const char *tenant, size_t last)
{
	uint32_t n = 0;
	for (size_t i = 0; i <= last; i++)
		if (str_eq(p->reservations[i].tenant, tenant))
			n += vfs_of(p, p->reservations[i].class);
	return n;
}

static int over_quota(const struct policy_reservation *rv, const char *what, int64_t most,
		      struct policy_source *s)
{
	policy_source_error(s, rv->at, "policy.conflict",
			    "reservation %s is more than tenant %s may have: %s is %lld", rv->name,
			    rv->tenant, what, (long long)most);
	err_todo(s->err, "raise that of tenant %s, or leave a reservation out", rv->tenant);
	return -EINVAL;
}

/* What a policy promises for good it also grants. */
static int check_reserved(const struct policy *p, size_t i, struct policy_source *s)
{
	const struct policy_reservation *rv = &p->reservations[i];
	const struct policy_tenant *t = rv->tenant[0] ? policy_tenant_find(p, rv->tenant) : NULL;
	if (!t)
		return 0;
	for (size_t k = 0; k < t->n_quotas; k++) {
		const struct policy_quota *q = &t->quotas[k];
		if (policy_takes(p, rv->class, q->class) &&
		    reserved(p, t->name, q->class, i) > q->most) {
			char what[NAME_SIZE + 32];
			(void)STR_FORMAT(what, "its quota of class %s", q->class);
			return over_quota(rv, what, q->most, s);
		}
	}
	if (t->slices >= 0 && reserved(p, t->name, NULL, i) > (uint32_t)t->slices)
		return over_quota(rv, "slices, its quota in all,", t->slices, s);
	for (uint32_t r = 0; r < t->n_resources; r++)
		if (str_eq(t->resources[r].name, "vfs") && vfs_of(p, rv->class) &&
		    reserved_vfs(p, t->name, i) > t->resources[r].most)
			return over_quota(rv, "vfs of its resources", t->resources[r].most, s);
	return 0;
}

static int check_tenant(const struct policy *p, const struct policy_tenant *t,
			struct policy_source *s)
{
	for (size_t i = 0; i < t->n_quotas; i++)
		if (!policy_class_find(p, t->quotas[i].class))
			return no_class(p, t->quotas[i].class, t->quotas[i].at, s);
	return 0;
}

int policy_check(const struct policy *p, struct policy_source *s)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < p->n_divides; i++)
		r = check_divide(p, &p->divides[i], s);
	for (size_t i = 0; r >= 0 && i < p->n_classes; i++)
		r = check_class(p, &p->classes[i], s);
	for (size_t i = 0; r >= 0 && i < p->n_tenants; i++)
		r = check_tenant(p, &p->tenants[i], s);
	for (size_t i = 0; r >= 0 && i < p->n_reservations; i++)
		r = check_reservation(p, i, s);
	for (size_t i = 0; r >= 0 && i < p->n_reservations; i++)
		r = check_reserved(p, i, s);
	return r;
}
