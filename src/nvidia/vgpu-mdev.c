/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Planning of vGPUs that are mediated devices: of a VF, one each, or of the GPU itself where its generation has no
 * SR-IOV, as many as fit (vGPU User Guide 17). Which it is can be seen when the VFs are there; so the slice's
 * UUID is made up then.
 */
#include <errno.h>

#include "base/str.h"
#include "nvidia/internal.h"

/* Of a slice's own: what is there besides has another UUID. */
const struct mdev *vgpu_mdev_find(const struct have *h, const struct slice *s)
{
	const struct mdev *m = have_mdev(h, s->uuid);
	const struct vgpu_vf *v = m ? have_mdev_vgpu_vf(h, m) : NULL;
	const struct function *parent = have_device(h, s->device);
	if (parent && s->index >= 0)
		parent = have_vf(h, parent->addr, s->index);
	if (!m || !parent || !str_eq(m->parent, parent->key))
		return NULL;
	const struct vgpu_type *t = v ? have_vgpu_type_id(h, v->key, mdev_vgpu_id(m)) : NULL;
	/* Numbers of types mean nothing by themselves. */
	return !t || str_eq(t->name, s->profile) ? m : NULL;
}

enum mech_naming vgpu_naming(const struct have *h, const struct slice *s)
{
	const struct vgpu_vf *v = have_vgpu_vf(h, s->device, s->index);
	switch (v ? (enum vgpu_framework)v->framework : VGPU_UNKNOWN) {
	case VGPU_UNKNOWN:
		return NAMING_KEEP;
	case VGPU_MDEV:
		return NAMING_UUID;
	case VGPU_VENDOR:
		return NAMING_PLACE;
	}
	return NAMING_KEEP;
}

/* -EAGAIN: it is not named yet. */
int vgpu_mdev_create(const struct slice *s, const struct vgpu_type *t, struct plan *ret)
{
	if (!s->uuid[0])
		return -EAGAIN;
	struct step *step = mech_step_add(ret, VERB_MDEV_CREATE, s);
	return step ? STR_FORMAT(step->text, VGPU_MDEV_TYPE "%u", t->id) : -ENOMEM;
}

int vgpu_mdev_remove(const struct slice *s, struct plan *ret)
{
	return mech_step_add(ret, VERB_MDEV_REMOVE, s) ? 0 : -ENOMEM;
}
