/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry, and what the mechanisms share when they plan. See mech.h. */
#include "mech/mech.h"

#include <errno.h>

#include "base/str.h"

const struct mech *mech_find(const struct mech *const *all, const char *name)
{
	for (; *all; all++)
		if (str_eq((*all)->name, name))
			return *all;
	return NULL;
}

const struct function *mech_function(const struct mech *const *all, const struct have *h,
				     const struct slice *s)
{
	const struct mech *m = mech_find(all, s->mech);
	bool found;
	return m ? m->find(h, s, &found) : NULL;
}

struct step *mech_step_add(struct plan *p, enum verb v, const struct slice *s)
{
	struct step *step = plan_add(p, v, s->device, s->index);
	if (step)
		step->target = slice_target(s);
	return step;
}

void mech_err_on(struct err *reterr, const struct have *h, const struct want *w,
		 const struct target *t)
{
	const struct function *f = have_device(h, t->device);
	const char *device = f ? f->addr : t->device;
	char text[DEVICE_KEY_SIZE + UUID_SIZE + 32];

	if (t->uuid[0] && t->vf >= 0)
		(void)STR_FORMAT(text, "mdev %s on VF %d of %s", t->uuid, t->vf, device);
	else if (t->uuid[0])
		(void)STR_FORMAT(text, "mdev %s on %s", t->uuid, device);
	else if (t->vf >= 0)
		(void)STR_FORMAT(text, "VF %d of %s", t->vf, device);
	else if (t->part)
		(void)STR_FORMAT(text, "%s, memory slice %u", device, t->part - 1);
	else
		(void)STR_COPY(text, device);
	if (w && w->where[0])
		err_on(reterr, "%s (policy %s)", text, w->where);
	else
		err_on(reterr, "%s", text);
}

int mech_no_settings(const struct have *h, const struct slice *s, const struct claim *c,
		     struct err *reterr)
{
	if (c->set.set == 0)
		return 0;
	err_set(reterr, "claim.settings.unsupported", EOPNOTSUPP,
		"cannot give claim %s the settings it asks for", c->name);
	struct target t = slice_target(s);
	mech_err_on(reterr, h, NULL, &t);
	err_because(reterr, "MAC, VLAN and such exist only on VFs of network devices");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "leave the settings out, or choose a class of network VFs");
	return -EOPNOTSUPP;
}

int mech_device_gone(const char *device, const struct want *w, struct err *reterr)
{
	err_set(reterr, "device.gone", ENODEV, "device %s is not there", device);
	err_on(reterr, "%s", device);
	if (w && w->where[0])
		err_because(reterr, "policy %s asks for it", w->where);
	err_state(reterr, "nothing was changed");
	err_todo(reterr,
		 "put it back where it was, or take it out of the policy and /etc/carve/devices");
	return -ENODEV;
}
