/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fair.h. */
#include "engine/fair.h"

#include <stdlib.h>

#include "base/str.h"
#include "policy/policy.h"

#define LATE 120 /* seconds by which a ledger that takes nothing may delay an end */

struct turn_facts {
	const struct fair *before;
	const struct record *rec;
	const struct policy *policy;
	int64_t wall;
};

void fair_before(struct fair *f, const struct engine *e)
{
	const struct record *r = engine_record(e);
	f->claims = calloc(r->n_claims + 1, sizeof(*f->claims));
	if (!f->claims)
		abort();
	if (r->n_claims)
		memcpy(f->claims, r->claims, r->n_claims * sizeof(*f->claims));
	f->n = r->n_claims;
	f->policy = r->policy.version;
}

/* Who is a part waited as its whole. */
static const struct claim *was(const struct turn_facts *t, const struct claim *c)
{
	for (size_t i = 0; i < t->before->n; i++)
		if (str_eq(t->before->claims[i].name, claim_whole(c)) &&
		    t->before->claims[i].arrival == c->arrival)
			return &t->before->claims[i];
	return NULL;
}

static const struct policy_tenant *tenant_of(const struct turn_facts *t, const struct claim *c)
{
	return t->policy && c->tenant[0] ? policy_tenant_find(t->policy, c->tenant) : NULL;
}

static uint32_t priority_of(const struct turn_facts *t, const struct claim *c)
{
	const struct policy_tenant *tenant = tenant_of(t, c);
	return tenant ? tenant->priority : 0;
}

/* --- quota ------------------------------------------------------------------------------------------ */

static int64_t has(const struct turn_facts *t, const char *tenant, const char *class)
{
	int64_t n = 0;
	for (size_t i = 0; i < t->rec->n_claims; i++) {
		const struct claim *c = &t->rec->claims[i];
		bool there = c->slice || (class && c->parts);
		n += there && str_eq(c->tenant, tenant) && (!class || str_eq(c->class, class));
	}
	return n;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool is_vf(const struct turn_facts *t, const struct claim *c)
{
	for (size_t i = 0; i < t->rec->n_slices; i++)
		if (t->rec->slices[i].id == c->slice)
			return t->rec->slices[i].index >= 0;
	return false;
}

/* Of VFs, which the policies of these histories limit; what has gone has none. */
static int64_t vfs_left(const struct turn_facts *t, const struct policy_tenant *tenant)
{
	int64_t n = 0;
	for (size_t i = 0; i < t->rec->n_claims; i++)
		n += str_eq(t->rec->claims[i].tenant, tenant->name) && is_vf(t, &t->rec->claims[i]);
	return tenant->n_resources ? (int64_t)tenant->resources[0].most - n : INT64_MAX;
}

/* How many a claim has, or would have; of VFs are what these classes have, if not the whole device. */
static uint32_t vfs_of(const struct turn_facts *t, const struct claim *c)
{
	static const char *const classes[] = { "lana", "lanb", "disk" };
	uint32_t n = 0;
	if (c->slice)
		return is_vf(t, c);
	for (size_t i = 0; c->parts && i < t->rec->n_claims; i++)
		n += str_eq(t->rec->claims[i].whole, c->name) && is_vf(t, &t->rec->claims[i]);
	for (size_t i = 0; !c->parts && i < sizeof(classes) / sizeof(*classes); i++)
		n += policy_takes(t->policy, c->class, classes[i]);
	return n;
}

/* What takes how much of a device is not known here: who waits may wait for that. */
static bool waits_for_resources(const struct turn_facts *t, const struct claim *c)
{
	const struct policy_tenant *tenant = tenant_of(t, c);
	return tenant && tenant->n_resources && !str_eq(tenant->resources[0].name, "vfs");
}

/* How many more of such claims its tenant may have. */
static int64_t room(const struct turn_facts *t, const struct claim *c)
{
	const struct policy_tenant *tenant = tenant_of(t, c);
	int64_t left = INT64_MAX;
	for (size_t i = 0; tenant && i < tenant->n_quotas; i++) {
		const struct policy_quota *q = &tenant->quotas[i];
		uint32_t takes = policy_takes(t->policy, c->class, q->class);
		if (takes)
			left = least(left, (q->most - has(t, c->tenant, q->class)) / takes);
	}
	if (tenant && tenant->slices >= 0)
		left = least(left, (tenant->slices - has(t, c->tenant, NULL)) /
					   policy_takes(t->policy, c->class, NULL));
	uint32_t vfs = vfs_of(t, c);
	if (tenant && vfs)
		left = least(left, vfs_left(t, tenant) / vfs);
	return left;
}

/* Reservations that are not there yet keep their room. */
static int64_t promised(const struct turn_facts *t, const struct claim *c)
{
	int64_t n = 0;
	for (size_t i = 0; i < t->rec->n_claims; i++) {
		const struct claim *o = &t->rec->claims[i];
		if (o->from_policy && claim_is_waiting(o) && !c->from_policy &&
		    str_eq(o->tenant, c->tenant))
			n += policy_takes(t->policy, o->class, NULL);
	}
	return n;
}

/* --- order -------------------------------------------------------------------------------------------- */

static bool gained(const struct turn_facts *t, const struct claim *c)
{
	const struct claim *b = was(t, c);
	return (c->slice || c->parts) && (!b || claim_is_waiting(b));
}

static bool comes_before(const struct turn_facts *t, const struct claim *a, const struct claim *b)
{
	if (a->from_policy != b->from_policy)
		return a->from_policy;
	/* Who did not wait is behind all that did. */
	if (!was(t, b))
		return true;
	if (priority_of(t, a) != priority_of(t, b))
		return priority_of(t, a) > priority_of(t, b);
	return a->arrival < b->arrival;
}

static const struct want *want_of(const struct turn_facts *t, const struct claim *got)
{
	const struct slice *s = NULL;
	for (size_t i = 0; i < t->rec->n_slices; i++)
		if (t->rec->slices[i].id == got->slice)
			s = &t->rec->slices[i];
	for (size_t i = 0; s && i < t->rec->n_wants; i++)
		if (str_eq(t->rec->wants[i].device, s->device))
			return &t->rec->wants[i];
	return NULL;
}

/* By a rule it stays with who used it, or by whom its device is used; others wait for it in vain. Also when
 * that is true of one part only. */
static bool is_kept(const struct turn_facts *t, const struct claim *got)
{
	for (size_t i = 0; i < t->rec->n_claims; i++) {
		const struct claim *c = &t->rec->claims[i];
		const struct want *w = c == got || str_eq(c->whole, got->name) ? want_of(t, c)
									       : NULL;
		if (w && (w->after_use == AFTER_USE_SAME_TENANT || w->one_tenant))
			return true;
	}
	return false;
}

static const struct claim *whole_of(const struct turn_facts *t, const struct claim *c)
{
	for (size_t i = 0; i < t->rec->n_claims; i++)
		if (str_eq(t->rec->claims[i].name, claim_whole(c)))
			return &t->rec->claims[i];
	return c;
}

/* What others gave it already carve only knows of. */
static bool is_adopted(const struct claim *c)
{
	return str_eq(c->owner, "libvirt:guest");
}

/* Storage is left out: it stays with who wrote on it. */
static bool overtaken(const struct turn_facts *t, const struct claim *waits,
		      const struct claim *got)
{
	const struct claim *b = was(t, waits);
	return claim_is_waiting(waits) && b && claim_is_waiting(b) &&
	       str_eq(waits->class, got->class) && !str_eq(got->class, "disk") &&
	       !is_kept(t, got) && !is_adopted(got) && !waits_for_resources(t, waits) &&
	       !waits->set.set && !got->set.set && room(t, waits) > promised(t, waits) &&
	       comes_before(t, waits, whole_of(t, got));
}

static const struct claim *shares_with(const struct turn_facts *t, const struct claim *c)
{
	const struct want *w = want_of(t, c);
	for (size_t i = 0; w && w->one_tenant && i < t->rec->n_claims; i++) {
		const struct claim *o = &t->rec->claims[i];
		bool same = c->tenant[0] || o->tenant[0] ? str_eq(c->tenant, o->tenant)
							 : c->uid == o->uid;
		if (!same && !is_adopted(o) && !is_adopted(c) && want_of(t, o) == w)
			return o;
	}
	return NULL;
}

static bool check_gained(const struct turn_facts *t, const struct claim *c, char *ret, size_t size)
{
	if (!gained(t, c))
		return false;
	if (room(t, c) < 0) {
		(void)str_format(ret, size, "claim %s is more than tenant %s may have", c->name,
				 c->tenant);
		return true;
	}
	const struct claim *other = shares_with(t, c);
	if (other) {
		(void)str_format(ret, size, "claim %s shares a device with %s of another tenant",
				 c->name, other->name);
		return true;
	}
	for (size_t i = 0; i < t->rec->n_claims; i++) {
		const struct claim *o = &t->rec->claims[i];
		if (!overtaken(t, o, c))
			continue;
		(void)str_format(ret, size, "claim %s of class %s overtook %s, which waits",
				 c->name, c->class, o->name);
		return true;
	}
	return false;
}

/* --- ends ------------------------------------------------------------------------------------------------ */

static bool lease_is_over(const struct turn_facts *t, const struct lease *l)
{
	return (l->max && t->wall >= l->since + l->max) ||
	       (l->idle && !l->in_use && t->wall >= l->used + l->idle);
}

/* One that waits does so to the end, unless its slice is gone as well. Of a part, the whole waits. */
static bool orphan_is_over(const struct turn_facts *t, const struct claim *part, const char *why)
{
	const struct claim *c = part;
	for (size_t i = 0; part->whole[0] && i < t->before->n; i++)
		if (str_eq(t->before->claims[i].name, part->whole))
			c = &t->before->claims[i];
	if (str_eq(why, "its consumer is gone"))
		return !c->orphan_end;
	/* It may have begun to wait in this turn. */
	if (str_eq(why, "its consumer is gone, and now its slice"))
		return whole_of(t, part)->orphan_end;
	return c->orphan_end && t->wall >= c->orphan_end;
}

static bool somebody_comes_before(const struct turn_facts *t, const struct claim *c)
{
	for (size_t i = 0; i < t->rec->n_claims; i++) {
		const struct claim *o = &t->rec->claims[i];
		if (claim_is_waiting(o) && priority_of(t, o) > priority_of(t, c))
			return true;
	}
	return false;
}

static bool end_is_true(const struct turn_facts *t, const struct claim *before, const char *why)
{
	static const char *const others[] = { "it was released", "the policy reserves it no more",
					      "the host was restarted" };
	if (str_after(why, "its consumer is gone"))
		return orphan_is_over(t, before, why);
	if (str_after(why, "its lease"))
		return lease_is_over(t, &before->lease);
	if (str_after(why, "it made way"))
		return before->preemptible && somebody_comes_before(t, before);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (str_eq(why, others[i]))
			return true;
	return false;
}

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool check_end(const struct turn_facts *t, const struct claim *c, char *ret, size_t size)
{
	const struct claim *b = was(t, c);
	if (b && b->state == CLAIM_HELD && c->state == CLAIM_RELEASING &&
	    !end_is_true(t, b, c->ended)) {
		(void)str_format(ret, size, "claim %s ended: %s", c->name, c->ended);
		return true;
	}
	/* What its parts ended with is told of the whole. */
	if (c->state == CLAIM_HELD && c->lease.max &&
	    t->wall > most(c->lease.since + c->lease.max, t->before->full) + LATE) {
		(void)str_format(ret, size, "claim %s is held beyond its lease", c->name);
		return true;
	}
	return false;
}

bool fair_broke(struct fair *f, const struct engine *e, int64_t wall, char *ret, size_t size)
{
	const struct turn_facts t = { f, engine_record(e), engine_policy(e), wall };
	bool broke = false;
	/* What an apply changes in the middle of its turn is not told apart. */
	bool same = f->policy == t.rec->policy.version;
	for (size_t i = 0; i < t.rec->n_claims && !broke; i++)
		broke = check_end(&t, &t.rec->claims[i], ret, size) ||
			(same && check_gained(&t, &t.rec->claims[i], ret, size));
	free(f->claims);
	*f = (struct fair){ 0 };
	return broke;
}
