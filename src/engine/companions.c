/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions that go with another one, since they share its slot or its IOMMU group. Each is a slice with a want and
 * an original driver of its own, so all that is done to it is recorded and undone as for any other; but no class
 * draws on it. A claim that gets the slice of their leader gets theirs as parts of the same whole.
 */
#include <errno.h>

#include "engine/internal.h"

const struct want *companions_next(const struct engine *e, const char *leader, size_t *at)
{
	while (*at < e->rec.n_wants) {
		const struct want *w = &e->rec.wants[(*at)++];
		if (w->leader[0] && str_eq(w->leader, leader))
			return w;
	}
	return NULL;
}

bool companions_has(const struct engine *e, const char *leader)
{
	size_t at = 0;
	return companions_next(e, leader, &at) != NULL;
}

const struct slice *companions_slice(const struct engine *e, const struct want *w)
{
	for (size_t i = 0; i < e->rec.n_slices; i++)
		if (str_eq(e->rec.slices[i].device, w->device) &&
		    str_eq(e->rec.slices[i].mech, w->mech))
			return &e->rec.slices[i];
	return NULL;
}

bool companions_failed(const struct engine *e, const char *leader)
{
	const struct want *w;
	size_t at = 0;
	while ((w = companions_next(e, leader, &at))) {
		const struct slice *s = companions_slice(e, w);
		if (s && s->failed)
			return true;
	}
	return false;
}

static int add(struct engine *e, const char *leader, struct picks *p)
{
	const struct want *w;
	size_t at = 0;
	while ((w = companions_next(e, leader, &at))) {
		const struct slice *s = companions_slice(e, w);
		if (!s || p->n >= POLICY_WHOLE)
			return -E2BIG;
		struct pick *to = &p->of[p->n++];
		memcpy(to->class, p->of[0].class, sizeof(to->class));
		to->slice = s->id;
		to->companion = true;
	}
	return 0;
}

static int check(const struct claim *c, const struct picks *p, int r, struct err *reterr)
{
	if (r < 0) {
		err_set(reterr, "claim.limit", E2BIG, "too many slices for one claim");
		err_because(reterr, "with the companions of its devices it has more than %d",
			    POLICY_WHOLE);
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "name fewer parts");
		return -E2BIG;
	}
	if (p->n == 1 || strlen(c->name) <= PARTS_NAME_MAX)
		return 0;
	err_set(reterr, "claim.name", ENAMETOOLONG, "the name %s is too long", c->name);
	err_because(reterr, "that of a claim with parts has up to %zu bytes", PARTS_NAME_MAX);
	err_state(reterr, "nothing was changed");
	return -ENAMETOOLONG;
}

int companions_pick(struct engine *e, const struct claim *c, struct picks *p, struct err *reterr)
{
	const uint32_t n = p->n;
	int r = 0;
	for (uint32_t i = 0; r >= 0 && i < n; i++) {
		const struct slice *s = store_slice(e, p->of[i].slice);
		r = s ? add(e, s->device, p) : -ENOENT;
	}
	return check(c, p, r, reterr);
}
