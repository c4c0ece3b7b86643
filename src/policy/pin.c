/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pins a policy to this machine: which device falls under which selection, what is wanted of it, and
 * by what identity it is known from then on.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "policy/explain.h"
#include "policy/match.h"
#include "policy/source.h"

struct pinning {
	const struct policy *policy;
	const struct policy_facts *facts;
	struct err *err;
	struct want *wants;
	size_t n_wants;
	size_t *found; /* devices per selection */
	size_t *yield; /* slices per divide */
};

static void pinning_done(struct pinning *pin)
{
	free(pin->wants);
	free(pin->found);
	free(pin->yield);
}

/* Names a device in a message: its address where it has one. */
static const char *device_name(const struct function *f, const struct mdev_parent *parent)
{
	return f ? f->addr : parent->name;
}

__attribute__((format(printf, 6, 7))) static int pin_error(struct pinning *pin,
							   struct policy_position at,
							   const char *id, int error,
							   const char *on, const char *fmt, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	err_set(pin->err, id, error, "%s:%d:%d: %s", pin->policy->file, at.line, at.column,
		what ? what : "refused");
	if (on)
		err_on(pin->err, "%s", on);
	err_state(pin->err, "nothing was changed");
	return -error;
}

static int refuse_unenrolled(struct pinning *pin, const struct policy_selection *s,
			     const struct function *f, const struct mdev_parent *parent)
{
	pin_error(pin, s->at, "policy.not-enrolled", EPERM, device_name(f, parent),
		  "\"%s\" selects a device that is not under carve", s->name);
	err_because(pin->err,
		    "only devices that root names in /etc/carve/devices are ever written to");
	char serial[32] = "-", ids[16] = "-";
	if (f && f->caps.has_serial)
		(void)STR_FORMAT(serial, "serial=%016llx", (unsigned long long)f->caps.serial);
	if (f)
		(void)STR_FORMAT(ids, "%04x:%04x", f->vendor, f->device);
	const char *key = f ? f->key : parent->key;
	err_todo(pin->err, "as root: carve enroll %s (or add to /etc/carve/devices: %s %s %s)",
		 f ? f->addr : key, key, ids, serial);
	return -EPERM;
}

static int check_services(struct pinning *pin, const struct policy_divide *d)
{
	const struct policy_facts *facts = pin->facts;
	for (uint32_t i = 0; facts->service && i < d->n_services; i++) {
		if (facts->service(facts->userdata, d->services[i]))
			continue;
		pin_error(pin, d->at, "policy.service", EPERM, d->services[i],
			  "root does not let carve stop %s", d->services[i]);
		err_because(pin->err, "only units that root names in /etc/carve/services are ever "
				      "stopped or started");
		err_todo(pin->err, "as root: carve enroll --service %s", d->services[i]);
		return -EPERM;
	}
	return 0;
}

static int check_sriov(struct pinning *pin, const struct policy_divide *d, const struct function *f,
		       const struct mdev_parent *parent)
{
	const char *name = device_name(f, parent), *why = NULL, *todo = NULL;
	int r = 0;
	if (f && !f->caps.known) {
		r = pin_error(pin, d->at, "policy.cannot", EAGAIN, name,
			      "the capabilities of the device could not be read");
		why = "carve-executor has not read its config space (yet)";
		todo = "try again; if that does not help: systemctl status carve-executor";
	} else if (!f || !f->caps.sriov) {
		r = pin_error(pin, d->at, "policy.cannot", EOPNOTSUPP, name,
			      "the device has no SR-IOV capability");
		why = "it is not in its config space; some firmware setups can switch it on";
		todo = "switch it on in the firmware setup, or divide the device another way";
	} else if (d->count > f->caps.sriov_total) {
		r = pin_error(pin, d->at, "policy.cannot", ERANGE, name,
			      "%u VFs are wanted, the device has at most %u", d->count,
			      f->caps.sriov_total);
		why = "TotalVFs of its SR-IOV capability says so";
		todo = "lower count";
	}
	if (r < 0) {
		err_because(pin->err, "%s", why);
		err_todo(pin->err, "%s", todo);
	}
	return r;
}

static int check_mdev(struct pinning *pin, const struct policy_divide *d, const struct function *f,
		      const struct mdev_parent *parent)
{
	const char *key = f ? f->key : parent->key;
	for (uint32_t i = 0; i < d->n_types; i++) {
		if (have_type(pin->facts->have, key, d->types[i]))
			continue;
		pin_error(pin, d->at, "policy.cannot", EOPNOTSUPP, device_name(f, parent),
			  "the device offers no mdev type \"%s\"", d->types[i]);
		_cleanup_(str_buf_done) struct str_buf types = { 0 };
		for (size_t k = 0; k < pin->facts->have->n_types; k++)
			if (str_eq(pin->facts->have->types[k].parent, key))
				str_buf_addf(&types, " %s", pin->facts->have->types[k].id);
		_cleanup_free_ char *list = str_buf_take(&types);
		err_because(pin->err, "it offers:%s",
			    list && *list ? list : " none; its driver is not loaded?");
		err_todo(pin->err, "%s", list && *list ? "name one of these" : "load its driver");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int check_device(struct pinning *pin, const struct policy_divide *d,
			const struct function *f, const struct mdev_parent *parent)
{
	if (str_eq(d->mech, "sriov"))
		return check_sriov(pin, d, f, parent);
	if (str_eq(d->mech, "mdev"))
		return check_mdev(pin, d, f, parent);
	if (!f) {
		int r = pin_error(pin, d->at, "policy.cannot", EOPNOTSUPP, parent->name,
				  "the device is no PCI function and cannot be passed through");
		err_because(pin->err, "it is a parent of mediated devices only");
		err_todo(pin->err, "write \"as: mdev\", or match other devices");
		return r;
	}
	return 0;
}

static size_t want_slices(const struct want *w)
{
	if (str_eq(w->mech, "sriov"))
		return w->count;
	if (str_eq(w->mech, "passthrough"))
		return 1;
	size_t n = 0;
	for (uint32_t i = 0; i < w->n_types; i++)
		n += w->type_count[i] * (w->share[i] ? w->share[i] : 1);
	return n;
}

/* The mechanism says whether the device can become that, and how much room is left to be filled. */
static int lay_out(const struct policy_facts *facts, const struct policy_divide *d, struct want *w,
		   struct err *reterr)
{
	uint32_t n = 0, i = 0;
	if (!facts->layout || str_eq(w->mech, "passthrough") || str_eq(w->mech, "sriov"))
		return 0;
	int r = facts->layout(facts->userdata, w, d->fill, &n, reterr);
	if (r < 0 || !d->fill[0] || n == 0)
		return r;
	while (i < w->n_types && !str_eq(w->types[i], d->fill))
		i++;
	if (i == w->n_types) {
		memcpy(w->types[i], d->fill, sizeof(w->types[i]));
		w->n_types++;
	}
	w->type_count[i] += n;
	return 0;
}

static void set_share(const struct policy_divide *d, struct want *w)
{
	for (uint32_t i = 0; i < w->n_types; i++)
		for (uint32_t k = 0; k < d->n_share; k++)
			if (str_eq(d->share[k], w->types[i]))
				w->share[i] = d->share_count[k];
	w->share_mps = d->share_by == SHARE_BY_MPS;
}

static int want_too_long(const struct policy *p, const struct policy_divide *d, const char *device,
			 struct err *reterr)
{
	struct pinning pin = { .policy = p, .err = reterr };
	return pin_error(&pin, d->at, "policy.limit", ENAMETOOLONG, device,
			 "the key of the device is too long");
}

static uint32_t left_of(const struct have *h, const char *device)
{
	uint32_t most = 0;
	for (size_t i = 0; i < h->n_types; i++)
		if (str_eq(h->types[i].parent, device) && h->types[i].available_known &&
		    h->types[i].available > most)
			most = h->types[i].available;
	return most;
}

static void set_warm(const struct have *h, const struct policy_divide *d, const char *device,
		     struct want *w)
{
	uint32_t left = left_of(h, device);
	for (uint32_t i = 0; i < w->n_types; i++) {
		const struct mdev_type *t = have_type(h, device, w->types[i]);
		uint32_t n = t && t->available_known ? t->available : 0;
		w->units[i] = n ? mdev_type_units(left, n) : 0;
		for (uint32_t k = 0; k < d->n_warm; k++)
			if (str_eq(d->warm[k], w->types[i]))
				w->warm[i] = d->warm_count[k];
	}
}

/* Which device is meant, and what it was before anything was done to it. */
static int identify(const struct policy_facts *facts, const struct function *f,
		    const struct mdev_parent *parent, struct want *w)
{
	const struct match_subject subject = { .facts = facts, .f = f, .parent = parent };
	const char *driver = match_fact_driver(&subject, NULL, 0);
	const char *netdevs = match_fact_netdevs(&subject, NULL, 0);
	w->vendor = f ? f->vendor : 0;
	w->device_id = f ? f->device : 0;
	w->has_serial = f && f->caps.has_serial;
	w->serial = f ? f->caps.serial : 0;
	(void)STR_COPY(w->driver, driver ? driver : "");
	(void)STR_COPY(w->netdevs, netdevs ? netdevs : "");
	return STR_COPY(w->device, f ? f->key : parent->key);
}

int policy_want(const struct policy *p, const struct policy_facts *facts,
		const struct policy_divide *d, const struct function *f,
		const struct mdev_parent *parent, struct want *w, struct err *reterr)
{
	bool all_vfs = f && d->fill[0] && str_eq(d->mech, "sriov");
	*w = (struct want){
		.count = all_vfs ? f->caps.sriov_total : d->count,
		.in_use_pf = d->in_use_pf,
		.bind_early = d->bind_early,
		.companions = d->companions,
		.vf = d->vf,
		.n_types = d->n_types,
		.on_remove_destroy = p->on_remove == ON_REMOVE_DESTROY,
		.after_use = (uint8_t)d->after_use,
		.one_tenant = d->one_tenant,
		.mixed = d->mixed,
		.scheduler = (uint8_t)d->scheduler,
	};
	memcpy(w->types, d->types, sizeof(w->types));
	memcpy(w->type_count, d->type_count, sizeof(w->type_count));
	memcpy(w->keep, d->keep, sizeof(w->keep));
	memcpy(w->keep_count, d->keep_count, sizeof(w->keep_count));
	w->n_keep = d->n_keep;
	if (d->n_warm)
		set_warm(facts->have, d, f ? f->key : parent->key, w);
	memcpy(w->services, d->services, sizeof(w->services));
	w->n_services = d->n_services;
	/* The name of a policy file may be longer than what is kept of it. */
	if (STR_FORMAT(w->where, "%s:%d", p->file, d->at.line) < 0)
		(void)STR_FORMAT(w->where, "line %d", d->at.line);
	if (identify(facts, f, parent, w) < 0 || STR_COPY(w->selection, d->use) < 0 ||
	    STR_COPY(w->mech, d->mech) < 0)
		return want_too_long(p, d, device_name(f, parent), reterr);
	int r = lay_out(facts, d, w, reterr);
	set_share(d, w);
	return r;
}

static int add_want(struct pinning *pin, const struct policy_divide *d, const struct function *f,
		    const struct mdev_parent *parent)
{
	struct want *w = ARRAY_ADD(pin->wants, pin->n_wants);
	if (!w)
		return policy_memory_error(pin->err);
	int r = policy_want(pin->policy, pin->facts, d, f, parent, w, pin->err);
	pin->yield[d - pin->policy->divides] += want_slices(w);
	return r;
}

static int pin_device(struct pinning *pin, const struct function *f,
		      const struct mdev_parent *parent)
{
	const struct match_subject subject = { .facts = pin->facts, .f = f, .parent = parent };
	const struct policy_selection *s = policy_selection_of(pin->policy, &subject, NULL);
	if (!s)
		return 0;
	pin->found[s - pin->policy->selections]++;
	const struct policy_divide *d = policy_divide_of(pin->policy, s->name, &subject, NULL);
	if (!d)
		return 0;
	const char *key = f ? f->key : parent->key;
	if (!pin->facts->enrolled || !pin->facts->enrolled(pin->facts->userdata, key))
		return refuse_unenrolled(pin, s, f, parent);
	int r = check_device(pin, d, f, parent);
	if (r >= 0)
		r = check_services(pin, d);
	if (r < 0)
		return r;
	return add_want(pin, d, f, parent);
}

/* --- companions -------------------------------------------------------------------------------- */

/* "0000:3b:00.0" and "0000:3b:00.1" */
static bool same_slot(const struct function *a, const struct function *b)
{
	const char *dot = strrchr(a->addr, '.');
	return dot && strncmp(a->addr, b->addr, (size_t)(dot - a->addr) + 1) == 0;
}

static bool same_group(const struct function *a, const struct function *b)
{
	return a->iommu_group >= 0 && a->iommu_group == b->iommu_group;
}

static const struct want *want_of(const struct pinning *pin, const char *key)
{
	for (size_t i = 0; i < pin->n_wants; i++)
		if (str_eq(pin->wants[i].device, key))
			return &pin->wants[i];
	return NULL;
}

/* The function of its own slot before one that is only in its IOMMU group. */
static const struct want *leader_of(const struct pinning *pin, const struct function *f)
{
	const struct want *found = NULL;
	for (size_t i = 0; i < pin->n_wants; i++) {
		const struct want *w = &pin->wants[i];
		const struct function *l = w->companions ? have_device(pin->facts->have, w->device)
							 : NULL;
		if (l && same_slot(l, f))
			return w;
		if (l && !found && same_group(l, f))
			found = w;
	}
	return found;
}

static int refuse_companion(struct pinning *pin, const struct want *leader,
			    const struct function *f)
{
	const struct function *l = have_device(pin->facts->have, leader->device);
	err_set(pin->err, "policy.not-enrolled", EPERM,
		"%s: a companion of \"%s\" is not under carve", leader->where, leader->selection);
	err_on(pin->err, "%s, with %s", f->addr, l->addr);
	err_because(pin->err, "%s shares its %s, and companions: bind takes it from its driver",
		    f->addr, same_slot(l, f) ? "slot" : "IOMMU group");
	err_because(pin->err,
		    "only devices that root names in /etc/carve/devices are ever written to");
	err_state(pin->err, "nothing was changed");
	err_todo(pin->err, "as root: carve enroll %s", f->addr);
	return -EPERM;
}

static int add_companion(struct pinning *pin, const struct want *of, const struct function *f)
{
	const struct want leader = *of;
	if (!pin->facts->enrolled || !pin->facts->enrolled(pin->facts->userdata, f->key))
		return refuse_companion(pin, &leader, f);
	struct want *w = ARRAY_ADD(pin->wants, pin->n_wants);
	if (!w)
		return policy_memory_error(pin->err);
	*w = leader;
	w->companions = 0;
	memcpy(w->leader, leader.device, sizeof(w->leader));
	/* No class can draw on that name, since none of the policy's has such a sign in it. */
	(void)STR_FORMAT(w->selection, "%.*s/companion", NAME_SIZE - 16, leader.selection);
	return identify(pin->facts, f, NULL, w);
}

/* What no entry names itself. VFs are their PF's; a bridge carries the group and is not a part of it. */
static int pin_companion(struct pinning *pin, const struct function *f)
{
	const struct match_subject subject = { .facts = pin->facts, .f = f };
	const struct want *leader =
		policy_never_selected(&subject) || want_of(pin, f->key) ? NULL : leader_of(pin, f);
	return leader ? add_companion(pin, leader, f) : 0;
}

static void add_name(struct str_buf *b, const char *name)
{
	str_buf_addf(b, "%s%s", b->len ? ", " : "", name);
}

/* Says which devices a selection found. */
static void because_found(struct pinning *pin, const struct policy_selection *s)
{
	const struct have *have = pin->facts->have;
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	for (size_t i = 0; i < have->n_functions; i++)
		if (policy_select(pin->policy, pin->facts, &have->functions[i], NULL) == s)
			add_name(&b, have->functions[i].addr);
	for (size_t i = 0; i < have->n_parents; i++)
		if (policy_select(pin->policy, pin->facts, NULL, &have->parents[i]) == s)
			add_name(&b, have->parents[i].name);
	if (b.len > 0)
		err_because(pin->err, "it matches %.400s", b.text);
	else
		err_because(
			pin->err,
			"of %zu functions and %zu other parents, each fails the match or belongs "
			"to an earlier name",
			have->n_functions, have->n_parents);
	err_todo(pin->err, "carve list shows the devices; correct match or expect");
}

static int check_expect(struct pinning *pin)
{
	const struct policy *p = pin->policy;
	for (size_t i = 0; i < p->n_selections; i++) {
		const struct policy_selection *s = &p->selections[i];
		if (s->expect < 0 || (size_t)s->expect == pin->found[i])
			continue;
		int r = pin_error(pin, s->at, "policy.expect", EINVAL, NULL,
				  "\"%s\" matches %zu devices, %d are expected", s->name,
				  pin->found[i], s->expect);
		because_found(pin, s);
		return r;
	}
	for (size_t i = 0; i < p->n_divides; i++) {
		const struct policy_divide *d = &p->divides[i];
		if (d->expect < 0 || (size_t)d->expect == pin->yield[i])
			continue;
		int r = pin_error(pin, d->at, "policy.expect", EINVAL, NULL,
				  "\"%s\" yields %zu slices, %d are expected", d->use,
				  pin->yield[i], d->expect);
		err_because(pin->err, "so many make the devices that \"%s\" matches", d->use);
		err_todo(pin->err, "correct expect, or what the devices become");
		return r;
	}
	return 0;
}

static int pin_all(struct pinning *pin)
{
	const struct have *have = pin->facts->have;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < have->n_functions; i++)
		r = pin_device(pin, &have->functions[i], NULL);
	for (size_t i = 0; r >= 0 && i < have->n_parents; i++)
		r = pin_device(pin, NULL, &have->parents[i]);
	for (size_t i = 0; r >= 0 && i < have->n_functions; i++)
		r = pin_companion(pin, &have->functions[i]);
	return r < 0 ? r : check_expect(pin);
}

int policy_pin(const struct policy *p, const struct policy_facts *facts, struct want **ret,
	       size_t *ret_n, struct err *reterr)
{
	_cleanup_(pinning_done) struct pinning pin = {
		.policy = p,
		.facts = facts,
		.err = reterr,
		.found = calloc(p->n_selections + 1, sizeof(size_t)),
		.yield = calloc(p->n_divides + 1, sizeof(size_t)),
	};
	if (!pin.found || !pin.yield)
		return policy_memory_error(reterr);
	int r = pin_all(&pin);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(pin.wants);
	*ret_n = pin.n_wants;
	return 0;
}
