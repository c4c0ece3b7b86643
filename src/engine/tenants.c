/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * On whose account a claim is made, and whether that account has room for it. Quotas count what is held,
 * on its way, or not yet proven free again; and what the policy reserves, also before it is there.
 */
#include <errno.h>

#include "engine/internal.h"

#define NAMED_MAX 8 /* claims that a refusal names */

const struct policy_tenant *tenants_find(const struct engine *e, const struct claim *c)
{
	return e->policy && c->tenant[0] ? policy_tenant_find(e->policy, c->tenant) : NULL;
}

uint32_t tenants_priority(const struct engine *e, const struct claim *c)
{
	const struct policy_tenant *t = tenants_find(e, c);
	return t ? t->priority : 0;
}

/* --- whose is it ------------------------------------------------------------------------------------- */

static void names_add(const struct engine *e, struct str_buf *b)
{
	for (size_t i = 0; i < e->policy->n_tenants; i++)
		str_buf_addf(b, "%s%s", i ? ", " : "", e->policy->tenants[i].name);
}

/* "lab-a (user:alice, group:lab-a), lab-b (uid:1001)" */
static void members_add(const struct engine *e, struct str_buf *b)
{
	for (size_t i = 0; i < e->policy->n_tenants; i++) {
		const struct policy_tenant *t = &e->policy->tenants[i];
		str_buf_addf(b, "%s%s (", i ? ", " : "", t->name);
		for (size_t k = 0; k < t->n_members; k++) {
			char member[NAME_SIZE + 8];
			policy_member_format(&t->members[k], member);
			str_buf_addf(b, "%s%s", k ? ", " : "", member);
		}
		str_buf_add(b, t->n_members ? ")" : "named by root only)");
	}
}

static int refuse_named(const struct request *rq, struct err *reterr)
{
	err_set(reterr, "claim.tenant-denied", EPERM, "not allowed to claim for tenant %s",
		rq->alloc.tenant);
	err_because(reterr,
		    "that takes root or a member of group carve-admin; others claim for the "
		    "tenant they belong to");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "leave the tenant out");
	return -EPERM;
}

static int refuse_unknown(const struct engine *e, const char *name, struct err *reterr)
{
	_cleanup_(str_buf_done) struct str_buf names = { 0 };
	names_add(e, &names);
	err_set(reterr, "claim.tenant-unknown", ENOENT, "there is no tenant %s", name);
	err_because(reterr, "%s%.400s",
		    e->policy->n_tenants ? "the applied policy has: "
					 : "the applied policy has none",
		    names.text ? names.text : "");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "name one of these, or leave the tenant out");
	return -ENOENT;
}

static int refuse_nobody(const struct engine *e, const struct requester *who, struct err *reterr)
{
	_cleanup_(str_buf_done) struct str_buf names = { 0 };
	members_add(e, &names);
	err_set(reterr, "claim.no-tenant", EPERM, "uid %u belongs to no tenant", who->uid);
	err_because(reterr, "tenants of the policy, and who belongs to them: %.1000s",
		    names.text ? names.text : "");
	err_state(reterr, "nothing was changed");
	err_todo(reterr,
		 "have root add your account to one of these groups, or to from of a tenant");
	return -EPERM;
}

int tenants_assign(const struct engine *e, const struct request *rq, struct claim *c,
		   struct err *reterr)
{
	const char *named = rq->alloc.tenant;
	if (named[0] && !rq->who.manage)
		return refuse_named(rq, reterr);
	if (named[0] && !policy_tenant_find(e->policy, named))
		return refuse_unknown(e, named, reterr);
	if (named[0])
		return STR_COPY(c->tenant, named);
	if (rq->who.manage || e->policy->n_tenants == 0)
		return 0;
	if (!policy_tenant_find(e->policy, rq->who.tenant))
		return refuse_nobody(e, &rq->who, reterr);
	return STR_COPY(c->tenant, rq->who.tenant);
}

/* --- has it room ----------------------------------------------------------------------------------------- */

/* How much of what c would need another claim takes. class NULL: any. */
static uint32_t takes_room(const struct engine *e, const struct claim *other, const struct claim *c,
			   const char *class)
{
	bool promised = other->from_policy && !c->from_policy && claim_is_waiting(other);
	if (!str_eq(other->tenant, c->tenant) || str_eq(other->name, c->name))
		return 0;
	if (promised)
		return policy_takes(e->policy, other->class, class);
	/* What has parts counts as one of its class; its parts count themselves. */
	if (class)
		return (other->slice || other->parts) && str_eq(other->class, class);
	return other->slice != 0;
}

static size_t used(const struct engine *e, const struct claim *c, const char *class)
{
	size_t n = 0;
	for (size_t i = 0; i < e->rec.n_claims; i++)
		n += takes_room(e, &e->rec.claims[i], c, class);
	return n;
}

static void name_holders(const struct engine *e, const struct claim *c, const char *class, size_t n,
			 struct err *reterr)
{
	size_t named = 0;
	for (size_t i = 0; i < e->rec.n_claims && named < NAMED_MAX; i++) {
		const struct claim *o = &e->rec.claims[i];
		if (!takes_room(e, o, c, class))
			continue;
		named++;
		err_because(reterr, "claim %s is %s for %s, by uid %u", o->name,
			    claim_is_waiting(o) ? "reserved"
						: claim_state_name((enum claim_state)o->state),
			    o->owner, o->uid);
	}
	if (n > named)
		err_because(reterr, "and %zu more", n - named);
}

static int check_limit(const struct engine *e, const struct claim *c, const char *class,
		       int64_t most, struct err *reterr)
{
	size_t n = used(e, c, class), need = policy_takes(e->policy, c->class, class);
	if (most < 0 || n + need <= (size_t)most)
		return 0;
	size_t left = (size_t)most > n ? (size_t)most - n : 0;
	err_set(reterr, "claim.quota", EDQUOT, "tenant %s may have no more slices%s%s", c->tenant,
		class ? " of class " : "", class ? class : "");
	err_on(reterr, "tenant %s", c->tenant);
	err_because(reterr, "its quota %s%s is %lld; %zu used, %zu left",
		    class ? "of class " : "in all", class ? class : "", (long long)most, n, left);
	if (need > 1)
		err_because(reterr, "a claim of class %s takes %zu", c->class, need);
	name_holders(e, c, class, n, reterr);
	err_state(reterr, "nothing was changed");
	err_todo(reterr,
		 (size_t)most >= need
			 ? "release one of them, or wait for one: carve alloc %s --wait"
			 : "ask for another class than %s",
		 c->class);
	return -EDQUOT;
}

int tenants_check_quota(const struct engine *e, const struct claim *c, struct err *reterr)
{
	const struct policy_tenant *t = tenants_find(e, c);
	if (!t)
		return 0;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < t->n_quotas; i++)
		if (policy_takes(e->policy, c->class, t->quotas[i].class))
			r = check_limit(e, c, t->quotas[i].class, t->quotas[i].most, reterr);
	return r < 0 ? r : check_limit(e, c, NULL, t->slices, reterr);
}
