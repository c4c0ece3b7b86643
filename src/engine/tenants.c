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
	/* What comes along nobody asked for. */
	if (other->companion)
		return 0;
	/* What has parts counts as one of its class; its parts count themselves, but when it is a slice with its
	 * companions: that is the same one. */
	const struct claim *whole = other->whole[0] ? parts_whole(e, other) : NULL;
	if (class)
		return (other->slice || other->parts) && str_eq(other->class, class) &&
		       !(whole && str_eq(whole->class, class));
	return other->slice != 0;
}

bool tenants_takes_room(const struct engine *e, const struct claim *other, const struct claim *c)
{
	return takes_room(e, other, c, NULL) > 0;
}

static size_t used(const struct engine *e, const struct claim *c, const char *class)
{
	size_t n = 0;
	for (size_t i = 0; i < e->rec.n_claims; i++)
		n += takes_room(e, &e->rec.claims[i], c, class);
	return n;
}

/* with: what it has. */
static void name_holder(const struct claim *o, const char *with, struct err *reterr)
{
	err_because(reterr, "claim %s is %s%s for %s, by uid %u", o->name,
		    claim_is_waiting(o) ? "reserved" : claim_state_name((enum claim_state)o->state),
		    with, o->owner, o->uid);
}

/* n: claims in all, of which the first were named. */
static void name_others(size_t n, struct err *reterr)
{
	if (n > NAMED_MAX)
		err_because(reterr, "and %zu more", n - NAMED_MAX);
}

void tenants_name_holders(struct engine *e, const struct claim *c, const char *resource,
			  struct err *reterr)
{
	size_t n = 0;
	for (size_t i = 0; i < e->rec.n_claims; i++) {
		const struct claim *o = &e->rec.claims[i];
		uint64_t taken = takes_room(e, o, c, NULL) ? resources_taken(e, o, resource) : 0;
		char amount[80], with[96];
		if (taken == 0 || n++ >= NAMED_MAX)
			continue;
		resources_format(resource, taken, amount, sizeof(amount));
		(void)STR_FORMAT(with, " with %s", amount);
		name_holder(o, with, reterr);
	}
	name_others(n, reterr);
}

static void name_holders(const struct engine *e, const struct claim *c, const char *class,
			 struct err *reterr)
{
	size_t n = 0;
	for (size_t i = 0; i < e->rec.n_claims; i++) {
		const struct claim *o = &e->rec.claims[i];
		if (takes_room(e, o, c, class) && n++ < NAMED_MAX)
			name_holder(o, "", reterr);
	}
	name_others(n, reterr);
}

static int check_limit(const struct engine *e, const struct claim *c, const char *class,
		       int64_t most, struct err *reterr)
{
	size_t n = used(e, c, class), need = policy_takes(e->policy, c->class, class);
	if (most < 0 || n + need <= (size_t)most)
		return 0;
	size_t left = (size_t)most > n ? (size_t)most - n : 0;
	char no[24] = "have no";
	if (left)
		(void)STR_FORMAT(no, "not have %zu", need);
	err_set(reterr, "claim.quota", EDQUOT, "tenant %s may %s more slices%s%s", c->tenant, no,
		class ? " of class " : "", class ? class : "");
	err_on(reterr, "tenant %s", c->tenant);
	err_because(reterr, "its quota %s%s is %lld; %zu used, %zu left",
		    class ? "of class " : "in all", class ? class : "", (long long)most, n, left);
	if (need > 1)
		err_because(reterr, "a claim of class %s takes %zu", c->class, need);
	name_holders(e, c, class, reterr);
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

/* --- what is left of it ---------------------------------------------------------------------------------- */

static uint64_t left_of(int64_t most, size_t n)
{
	if (most < 0)
		return UINT64_MAX;
	return (uint64_t)most > n ? (uint64_t)most - n : 0;
}

uint64_t tenants_more(struct engine *e, const struct claim *c, const struct policy_class *class)
{
	const struct policy_tenant *t = tenants_find(e, c);
	struct resources r;
	if (!t)
		return UINT64_MAX;
	resources_left(e, c, &r);
	uint64_t least = resources_more(e, &r, class);
	for (size_t i = 0; i <= t->n_quotas; i++) {
		/* The last one is that of all classes. */
		const char *of = i < t->n_quotas ? t->quotas[i].class : NULL;
		uint32_t need = policy_takes(e->policy, class->name, of);
		uint64_t left =
			left_of(of ? (int64_t)t->quotas[i].most : t->slices, used(e, c, of));
		if (need && left != UINT64_MAX && left / need < least)
			least = left / need;
	}
	return least;
}

/* most < 0: there is no limit. */
static void quota_add(json_t *quotas, const char *kind, const char *name, uint64_t n, int64_t most)
{
	json_t *o = json_pack("{s:s, s:s, s:I}", "kind", kind, "name", name, "used", (json_int_t)n);
	if (most >= 0)
		json_object_set_new(o, "most", json_integer(most));
	json_array_append_new(quotas, o);
}

static json_t *quotas_json(struct engine *e, const struct policy_tenant *t, const struct claim *c)
{
	json_t *quotas = json_array();
	struct resources r;
	resources_left(e, c, &r);
	quota_add(quotas, "slices", "slices", used(e, c, NULL), t->slices);
	for (size_t i = 0; i < t->n_quotas; i++)
		quota_add(quotas, "class", t->quotas[i].class, used(e, c, t->quotas[i].class),
			  t->quotas[i].most);
	for (uint32_t i = 0; i < t->n_resources; i++)
		quota_add(quotas, "resource", t->resources[i].name, r.used[i],
			  t->resources[i].most);
	return quotas;
}

static json_t *tenant_json(struct engine *e, const struct policy_tenant *t)
{
	struct claim c = { .slice = 0 };
	json_t *members = json_array();
	json_int_t claims = 0, waiting = 0;
	memcpy(c.tenant, t->name, sizeof(c.tenant));
	for (size_t i = 0; i < t->n_members; i++) {
		char member[NAME_SIZE + 8];
		policy_member_format(&t->members[i], member);
		json_array_append_new(members, json_string(member));
	}
	for (size_t i = 0; i < e->rec.n_claims; i++)
		if (str_eq(e->rec.claims[i].tenant, t->name)) {
			claims++;
			waiting += claim_is_waiting(&e->rec.claims[i]);
		}
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:o}", "name", t->name, "members", members,
			 "priority", (json_int_t)t->priority, "claims", claims, "waiting", waiting,
			 "quotas", quotas_json(e, t, &c));
}

json_t *engine_tenants(struct engine *e)
{
	json_t *tenants = json_array();
	for (size_t i = 0; e->policy && i < e->policy->n_tenants; i++)
		json_array_append_new(tenants, tenant_json(e, &e->policy->tenants[i]));
	return tenants;
}
