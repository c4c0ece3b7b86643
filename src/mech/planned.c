/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mechanisms whose layouts are planned and not made yet: no device is divided so. See mech.h. */
#include <errno.h>

#include "base/str.h"
#include "mech/mech.h"

static int refuse(const struct have *h, const struct want *w, const struct target *t,
		  const char *mech, struct err *reterr)
{
	err_set(reterr, "mech.not-built", ENOSYS,
		"this version of carve does not make slices of \"%s\"", mech);
	mech_err_on(reterr, h, w, t);
	err_because(reterr, "it plans such layouts only: carve map --policy FILE shows them");
	err_state(reterr, "nothing was changed on that device");
	err_todo(reterr, "divide it another way for now");
	return -ENOSYS;
}

const struct function *mech_planned_find(const struct have *h, const struct slice *s,
					 bool *ret_found)
{
	(void)h, (void)s;
	*ret_found = false;
	return NULL;
}

int mech_planned_layout(const struct have *h, const struct want *w, const struct slice *slices,
			size_t n_slices, bool held, struct plan *ret, struct err *reterr)
{
	struct target t = { .vf = -1 };
	(void)slices, (void)n_slices, (void)held, (void)ret;
	(void)STR_COPY(t.device, w->device);
	return refuse(h, w, &t, w->mech, reterr);
}

int mech_planned_make(const struct have *h, const struct want *w, const struct slice *s,
		      struct plan *ret, struct err *reterr)
{
	struct target t = slice_target(s);
	(void)ret;
	return refuse(h, w, &t, s->mech, reterr);
}

int mech_planned_unmake(const struct have *h, const struct slice *s, struct plan *ret,
			struct err *reterr)
{
	return mech_planned_make(h, NULL, s, ret, reterr);
}

int mech_planned_claim(const struct have *h, const struct want *w, const struct slice *s,
		       const struct claim *c, struct plan *ret, struct err *reterr)
{
	(void)c;
	return mech_planned_make(h, w, s, ret, reterr);
}

int mech_planned_proof(const struct have *h, const struct slice *s)
{
	(void)h, (void)s;
	return PROOF_NONE;
}

void mech_planned_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
			   const struct holder *holders, size_t n_holders, struct err *reterr)
{
	(void)mech_diagnose(h, s, r, holders, n_holders, reterr);
}
