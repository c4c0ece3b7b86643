/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Planning of mediated devices. See mdev.h. */
#include <errno.h>

#include "base/str.h"
#include "mdev/internal.h"

static bool parent_there(const struct have *h, const char *key)
{
	return have_parent(h, key) || have_device(h, key);
}

static int no_layout(const struct have *h, const struct want *w, const struct slice *slices,
		     size_t n_slices, bool held, struct plan *ret, struct err *reterr)
{
	(void)slices, (void)n_slices, (void)held, (void)ret;
	return parent_there(h, w->device) ? 0 : mech_device_gone(w->device, w, reterr);
}

/* The UUID exists, but is not what the record says: somebody else's, never touched. */
static int refuse_foreign(const struct have *h, const struct slice *s, const struct mdev *m,
			  const char *what, struct err *reterr)
{
	struct target t = slice_target(s);
	err_set(reterr, "mdev.foreign", EEXIST, "cannot %s", what);
	mech_err_on(reterr, h, NULL, &t);
	err_because(reterr, "an mdev of that UUID exists with type %s on %s, made by somebody else",
		    m->type, m->parent);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "remove it where it was made");
	return -EEXIST;
}

void mdev_err_capacity(const struct have *h, const char *parent, struct err *reterr)
{
	size_t made = 0;
	for (size_t i = 0; i < h->n_mdevs; i++)
		made += str_eq(h->mdevs[i].parent, parent);
	err_because(reterr, "%zu mdevs exist on that parent", made);
	for (size_t i = 0; i < h->n_types; i++)
		if (str_eq(h->types[i].parent, parent) && h->types[i].available_known)
			err_because(reterr, "%s: %u more", h->types[i].id, h->types[i].available);
}

static int make_check(const struct have *h, const struct want *w, const struct slice *s,
		      struct err *reterr)
{
	struct target t = slice_target(s);
	const struct mdev_type *type = have_type(h, s->device, s->profile);

	if (!parent_there(h, s->device))
		return mech_device_gone(s->device, w, reterr);
	if (!type) {
		err_set(reterr, "mdev.type.unknown", ENOENT, "cannot make an mdev of type %s",
			s->profile);
		mech_err_on(reterr, h, w, &t);
		err_because(reterr, "the parent does not offer that type");
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "carve show %s lists its types", s->device);
		return -ENOENT;
	}
	if (type->available_known && type->available == 0 && type->available_stale)
		return -EAGAIN;
	if (type->available_known && type->available == 0) {
		err_set(reterr, "mdev.full", ENOSPC, "cannot make an mdev of type %s", s->profile);
		mech_err_on(reterr, h, w, &t);
		mdev_err_capacity(h, s->device, reterr);
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "release a claim on that parent");
		return -ENOSPC;
	}
	return 0;
}

static int mdev_make(const struct have *h, const struct want *w, const struct slice *s,
		     struct plan *ret, struct err *reterr)
{
	bool found;
	const struct mdev *m = have_mdev(h, s->uuid);
	(void)mdev_find(h, s, &found);
	if (found)
		return 0;
	if (m)
		return refuse_foreign(h, s, m, "make the mdev", reterr);
	int r = make_check(h, w, s, reterr);
	if (r < 0)
		return r;
	struct step *step = mech_step_add(ret, VERB_MDEV_CREATE, s);
	return step ? STR_COPY(step->text, s->profile) : -ENOMEM;
}

static int mdev_unmake(const struct have *h, const struct slice *s, struct plan *ret,
		       struct err *reterr)
{
	bool found;
	const struct mdev *m = have_mdev(h, s->uuid);
	(void)mdev_find(h, s, &found);
	if (!m)
		return 0;
	if (!found)
		return refuse_foreign(h, s, m, "remove the mdev", reterr);
	return mech_step_add(ret, VERB_MDEV_REMOVE, s) ? 0 : -ENOMEM;
}

static int mdev_claim(const struct have *h, const struct want *w, const struct slice *s,
		      const struct claim *c, struct plan *ret, struct err *reterr)
{
	(void)w, (void)ret;
	return mech_no_settings(h, s, c, reterr);
}

static int mdev_reclaim(const struct have *h, const struct want *w, const struct slice *s,
			struct plan *ret, struct err *reterr)
{
	(void)h, (void)w, (void)s, (void)ret, (void)reterr;
	return 0;
}

const struct mech mdev_mech = {
	.name = "mdev",
	.names = NAMES_UUID,
	.offer = mdev_offer,
	.find = mdev_find,
	.layout_steps = no_layout,
	.make_steps = mdev_make,
	.unmake_steps = mdev_unmake,
	.claim_steps = mdev_claim,
	.reclaim_steps = mdev_reclaim,
	.proof = mdev_proof,
	.diagnose = mdev_diagnose,
};
