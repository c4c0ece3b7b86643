/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tenants of a policy: who belongs to which, and what it may have. See policy.h. */
#include <errno.h>

#include "base/num.h"
#include "base/str.h"
#include "policy/policy.h"

const struct policy_tenant *policy_tenant_find(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_tenants; i++)
		if (str_eq(p->tenants[i].name, name))
			return &p->tenants[i];
	return NULL;
}

static bool has_gid(const struct policy_account *a, uint32_t gid)
{
	for (size_t i = 0; i < a->n_gids; i++)
		if (a->gids[i] == gid)
			return true;
	return false;
}

static bool has_group(const struct policy_account *a, const char *name)
{
	for (size_t i = 0; a->groups && i < a->n_gids; i++)
		if (a->groups[i] && str_eq(a->groups[i], name))
			return true;
	return false;
}

static bool is_member(const struct policy_member *m, const struct policy_account *a)
{
	switch ((enum policy_member_kind)m->kind) {
	case MEMBER_USER:
		return a->user && str_eq(a->user, m->name);
	case MEMBER_GROUP:
		return has_group(a, m->name);
	case MEMBER_UID:
		return a->uid == m->id;
	case MEMBER_GID:
		return has_gid(a, m->id);
	}
	return false;
}

const struct policy_tenant *policy_tenant_of(const struct policy *p, const struct policy_account *a)
{
	for (size_t i = 0; i < p->n_tenants; i++)
		for (size_t k = 0; k < p->tenants[i].n_members; k++)
			if (is_member(&p->tenants[i].members[k], a))
				return &p->tenants[i];
	return NULL;
}

static const char *const prefixes[] = {
	[MEMBER_USER] = "user:",
	[MEMBER_GROUP] = "group:",
	[MEMBER_UID] = "uid:",
	[MEMBER_GID] = "gid:",
};

static bool is_number(uint32_t kind)
{
	return kind == MEMBER_UID || kind == MEMBER_GID;
}

int policy_member_parse(const char *text, struct policy_member *ret)
{
	for (uint32_t kind = MEMBER_USER; kind <= MEMBER_GID; kind++) {
		const char *rest = str_after(text, prefixes[kind]);
		if (!rest)
			continue;
		*ret = (struct policy_member){ .kind = kind };
		return is_number(kind) ? num_parse_u32(rest, 10, &ret->id)
				       : STR_COPY(ret->name, rest);
	}
	return -EINVAL;
}

void policy_member_format(const struct policy_member *m, char ret[NAME_SIZE + 8])
{
	if (is_number(m->kind))
		(void)str_format(ret, NAME_SIZE + 8, "%s%u", prefixes[m->kind], m->id);
	else
		(void)str_format(ret, NAME_SIZE + 8, "%s%s", prefixes[m->kind], m->name);
}
