/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that one tenant has alone: slices of one device share its caches, its memory controller and its
 * firmware, whatever its IOMMU groups keep apart. Who is tenant of nothing is told apart by uid.
 */
#include "engine/internal.h"

#define NAMED_MAX 8 /* devices that a refusal names */

static bool is_same(const struct claim *c, uint32_t uid, const char *tenant)
{
	return c->tenant[0] || tenant[0] ? str_eq(c->tenant, tenant) : c->uid == uid;
}

/* Held, on its way, or not yet clean. */
static bool is_of_another(struct engine *e, const struct slice *s, const struct claim *c)
{
	const struct claim *holder = s->claim[0] ? store_claim(e, s->claim) : NULL;
	if (holder)
		return !is_same(c, holder->uid, holder->tenant);
	return s->dirty && !is_same(c, s->last_uid, s->last_tenant);
}

const struct slice *apart_from(struct engine *e, const struct want *w, const struct claim *c,
			       uint64_t but)
{
	for (size_t i = 0; w->one_tenant && i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (s->id != but && str_eq(s->device, w->device) && is_of_another(e, s, c))
			return s;
	}
	return NULL;
}

static void because(struct engine *e, const struct want *w, const struct slice *s, struct err *err)
{
	const struct function *f = have_device(e->have, w->device);
	const struct claim *holder = s->claim[0] ? store_claim(e, s->claim) : NULL;
	const char *tenant = holder ? holder->tenant : s->last_tenant;
	err_because(err, "%s goes to one tenant at a time (%s); %s%s of uid %u%s%s has some of it",
		    f ? f->addr : w->device, w->where, holder ? "claim " : "what is left",
		    holder ? holder->name : "", holder ? holder->uid : s->last_uid,
		    tenant[0] ? " of tenant " : "", tenant);
}

void apart_because(struct engine *e, const struct policy_class *class, const struct claim *c,
		   struct err *err)
{
	unsigned named = 0;
	for (size_t i = 0; i < e->rec.n_wants && named < NAMED_MAX; i++) {
		const struct want *w = &e->rec.wants[i];
		const struct slice *s =
			policy_class_from(class, w->selection) ? apart_from(e, w, c, 0) : NULL;
		if (!s)
			continue;
		because(e, w, s, err);
		named++;
	}
}
