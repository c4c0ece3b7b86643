/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of what devices have a tenant may take: memory, compute units, VFs, engines, by the numbers of
 * the capacity model. What a device does not tell of a profile counts as nothing.
 */
#include <errno.h>
#include <strings.h>

#include "engine/internal.h"

static uint32_t takes(const struct capacity *k, const struct capacity_profile *p, const char *name)
{
	if (str_eq(name, "memory"))
		return p->memory;
	if (str_eq(name, "compute"))
		return p->compute;
	for (uint32_t i = 0; i < k->n_counters; i++)
		if (strcasecmp(k->counters[i].name, name) == 0)
			return p->takes[i];
	return 0;
}

static void offer_of(const struct engine *e, const char *mech, const char *device,
		     struct offer *ret)
{
	const struct mech *m = goal_mech(e, mech);
	*ret = (struct offer){ 0 };
	if (m && e->have)
		m->offer(e->have, device, ret);
}

static uint32_t part_takes(const struct engine *e, const char *mech, const char *device,
			   const char *profile, const char *name)
{
	struct offer o;
	offer_of(e, mech, device, &o);
	int p = capacity_find(&o.kind, profile);
	return p < 0 ? 0 : takes(&o.kind, &o.kind.profiles[p], name);
}

/* No slice of that class takes less. */
static uint32_t least_of(struct engine *e, const struct policy_class *class, const char *name)
{
	uint32_t least = UINT32_MAX;
	for (size_t i = 0; i < e->rec.n_wants; i++) {
		const struct want *w = &e->rec.wants[i];
		struct offer o;
		struct room_profiles profiles;
		if (!policy_class_from(class, w->selection))
			continue;
		offer_of(e, w->mech, w->device, &o);
		room_class_profiles(&o.kind, w, class, &profiles);
		for (uint32_t p = 0; p < profiles.n; p++) {
			uint32_t n = takes(&o.kind, &o.kind.profiles[profiles.of[p]], name);
			least = n < least ? n : least;
		}
	}
	return least == UINT32_MAX ? 0 : least;
}

/* The least that a claim of that class takes. */
static uint64_t class_takes(struct engine *e, const struct policy_class *class, const char *name)
{
	uint64_t sum = 0;
	if (class->n_parts == 0)
		return least_of(e, class, name);
	for (uint32_t i = 0; i < class->n_parts; i++) {
		const struct policy_class *c = policy_class_find(e->policy, class->parts[i]);
		sum += c ? (uint64_t) class->part_count[i] * least_of(e, c, name) : 0;
	}
	return sum;
}

uint64_t resources_taken(struct engine *e, const struct claim *c, const char *name)
{
	const struct policy_class *class = c->slice ? NULL : policy_class_find(e->policy, c->class);
	const struct slice *s = c->slice ? store_slice(e, c->slice) : NULL;
	if (s)
		return part_takes(e, s->mech, s->device, s->profile, name);
	return class ? class_takes(e, class, name) : 0;
}

void resources_left(struct engine *e, const struct claim *c, struct resources *ret)
{
	const struct policy_tenant *t = tenants_find(e, c);
	*ret = (struct resources){ .tenant = t };
	for (uint32_t i = 0; t && i < t->n_resources; i++) {
		ret->used[i] = 0;
		for (size_t k = 0; k < e->rec.n_claims; k++)
			if (tenants_takes_room(e, &e->rec.claims[k], c))
				ret->used[i] +=
					resources_taken(e, &e->rec.claims[k], t->resources[i].name);
	}
}

/* The least that was refused is what would have to be free. */
static bool allows(struct resources *r, const struct policy_resource *limit, uint64_t n)
{
	if (n == 0 || r->used[limit - r->tenant->resources] + n <= limit->most)
		return true;
	if (!r->refused || n < r->needed) {
		r->refused = limit;
		r->needed = n;
	}
	return false;
}

bool resources_allow(struct resources *r, const struct capacity *k, uint32_t profile)
{
	const struct policy_tenant *t = r->tenant;
	for (uint32_t i = 0; t && i < t->n_resources; i++) {
		const struct policy_resource *limit = &t->resources[i];
		if (!allows(r, limit, takes(k, &k->profiles[profile], limit->name)))
			return false;
	}
	return true;
}

bool resources_allow_class(struct engine *e, struct resources *r, const struct policy_class *class)
{
	const struct policy_tenant *t = r->tenant;
	for (uint32_t i = 0; t && i < t->n_resources; i++)
		if (!allows(r, &t->resources[i], class_takes(e, class, t->resources[i].name)))
			return false;
	return true;
}

bool resources_take(struct engine *e, struct resources *r, const char *device, const char *profile)
{
	const struct policy_tenant *t = r->tenant;
	const struct want *w = store_want(e, device);
	for (uint32_t i = 0; t && w && i < t->n_resources; i++) {
		uint32_t n = part_takes(e, w->mech, device, profile, t->resources[i].name);
		if (!allows(r, &t->resources[i], n))
			return false;
		r->used[i] += n;
	}
	return true;
}

bool resources_allow_slice(struct engine *e, struct resources *r, const struct slice *s)
{
	struct offer o;
	if (!r->tenant || !r->tenant->n_resources)
		return true;
	offer_of(e, s->mech, s->device, &o);
	int profile = capacity_find(&o.kind, s->profile);
	return profile < 0 || resources_allow(r, &o.kind, (uint32_t)profile);
}

uint64_t resources_more(struct engine *e, const struct resources *r,
			const struct policy_class *class)
{
	uint64_t more = UINT64_MAX;
	for (uint32_t i = 0; r->tenant && i < r->tenant->n_resources; i++) {
		const struct policy_resource *limit = &r->tenant->resources[i];
		uint64_t least = class_takes(e, class, limit->name);
		uint64_t left = limit->most > r->used[i] ? limit->most - r->used[i] : 0;
		if (least && left / least < more)
			more = left / least;
	}
	return more;
}

void resources_format(const char *name, uint64_t n, char *ret, size_t size)
{
	bool whole = n % 1024 == 0;
	if (str_eq(name, "memory"))
		(void)str_format(ret, size, "%llu %s of memory",
				 (unsigned long long)(whole ? n / 1024 : n), whole ? "GiB" : "MiB");
	else
		(void)str_format(ret, size, "%llu %s%s", (unsigned long long)n, name,
				 str_eq(name, "compute") ? " units" : "");
}

int resources_refuse(struct engine *e, const struct resources *r, const struct claim *c,
		     struct err *reterr)
{
	const struct policy_resource *limit = r->refused;
	const uint64_t used = r->used[limit - r->tenant->resources];
	const uint64_t rest = limit->most > used ? limit->most - used : 0;
	char most[80], now[80], left[80], needed[80];
	resources_format(limit->name, limit->most, most, sizeof(most));
	resources_format(limit->name, used, now, sizeof(now));
	resources_format(limit->name, rest, left, sizeof(left));
	resources_format(limit->name, r->needed, needed, sizeof(needed));
	err_set(reterr, "claim.quota", EDQUOT, "tenant %s may have no more of class %s", c->tenant,
		c->class);
	err_on(reterr, "tenant %s", c->tenant);
	err_because(reterr, "its quota in all is %s; %s used, %s left; one more takes at least %s",
		    most, now, left, needed);
	tenants_name_holders(e, c, limit->name, reterr);
	err_state(reterr, "nothing was changed");
	if (r->needed > limit->most)
		err_todo(reterr, "ask for a smaller one: none of class %s is within the quota",
			 c->class);
	else
		err_todo(reterr, "release some of them, or wait for it: carve alloc %s --wait",
			 c->class);
	return -EDQUOT;
}
