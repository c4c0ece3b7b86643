/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GPUs that NVSwitches join, and the switches, are given to one holder all together, so that nobody else is on the
 * fabric; or one by one where the policy takes that risk by name. See vfio/fabric.c.
 */
#include "engine/internal.h"

bool fabric_needs(const struct engine *e, const struct want *w)
{
	bool whole = str_eq(w->mech, "passthrough");
	const struct function *f = whole && e->have ? have_device(e->have, w->device) : NULL;
	return f && vfio_fabric_has(e->have, f);
}

bool engine_unsafe_nvswitch(const struct engine *e)
{
	for (size_t i = 0; policy_accepts(e->policy, RISK_NVSWITCH) && i < e->rec.n_wants; i++)
		if (fabric_needs(e, &e->rec.wants[i]))
			return true;
	return false;
}

static bool is_wanted(const struct want *wants, size_t n, const struct function *f)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(wants[i].device, f->key))
			return str_eq(wants[i].mech, "passthrough");
	return false;
}

bool fabric_is_wanted(const struct engine *e, const struct want *wants, size_t n)
{
	for (size_t i = 0; i < e->have->n_functions; i++) {
		const struct function *f = &e->have->functions[i];
		if (vfio_fabric_has(e->have, f) && !is_wanted(wants, n, f))
			return false;
	}
	return vfio_fabric_is_seen(e->have);
}

static const struct slice *slice_of(const struct engine *e, const struct function *f)
{
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (str_eq(e->rec.slices[i].device, f->key) &&
		    str_eq(e->rec.slices[i].mech, "passthrough"))
			return &e->rec.slices[i];
	return NULL;
}

static bool is_part_of(struct engine *e, const struct function *f, const char *whole)
{
	const struct slice *s = slice_of(e, f);
	const struct claim *c = s && s->claim[0] ? store_claim(e, s->claim) : NULL;
	return c && str_eq(c->whole, whole);
}

/* Has the claim that c is a part of all of it? */
static bool is_held_whole(struct engine *e, const struct claim *c)
{
	for (size_t i = 0; i < e->have->n_functions; i++) {
		const struct function *f = &e->have->functions[i];
		if (vfio_fabric_has(e->have, f) && !is_part_of(e, f, c->whole))
			return false;
	}
	return vfio_fabric_is_seen(e->have);
}

bool fabric_allows(struct engine *e, const struct function *f, const struct claim *c)
{
	if (!vfio_fabric_has(e->have, f) || policy_accepts(e->policy, RISK_NVSWITCH))
		return true;
	if (!c)
		return fabric_is_wanted(e, e->rec.wants, e->rec.n_wants);
	if (c->whole[0])
		return is_held_whole(e, c);
	/* It has nothing yet: what is picked for it is looked at as a whole. */
	const struct policy_class *class = policy_class_find(e->policy, c->class);
	return class && class->n_parts && c->parts == 0;
}

static bool is_among(const char *const *devices, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(devices[i], key))
			return true;
	return false;
}

int fabric_check(struct engine *e, const char *const *devices, size_t n, struct err *reterr)
{
	const struct function *first = NULL;
	bool all = vfio_fabric_is_seen(e->have);
	for (size_t i = 0; i < e->have->n_functions; i++) {
		const struct function *f = &e->have->functions[i];
		const struct want *w = vfio_fabric_has(e->have, f) ? store_want(e, f->key) : NULL;
		bool picked = w && fabric_needs(e, w) && is_among(devices, n, f->key);
		first = first || !picked ? first : f;
		all = all && (picked || !vfio_fabric_has(e->have, f));
	}
	if (!first || all || policy_accepts(e->policy, RISK_NVSWITCH))
		return 0;
	return vfio_fabric_refuse(e->have, first, NULL, reterr);
}
