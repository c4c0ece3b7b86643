/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vGPUs that run in a GPU instance: it is made first, for each vGPU one, and goes after it. In which of those that
 * are free and of its profile a vGPU runs the driver decides, and says afterwards (observations by third parties, RTX
 * PRO 6000 Blackwell): so what was made for one may turn out to be another's, and the record follows.
 */
#include "base/str.h"
#include "nvidia/internal.h"

bool vgpu_is_in_instance(const struct vgpu_type *t)
{
	return t && t->profile != GPU_NO_PROFILE;
}

const struct gpu_part *vgpu_instance_own(const struct have *h, const struct slice *s)
{
	const struct gpu_part *p = have_gpu_part(h, s->device, s->start);
	return p && slice_has_part(h, s, p) ? p : NULL;
}

const struct vgpu_vf *vgpu_instance_user(const struct have *h, const struct gpu_part *p)
{
	for (size_t i = 0; i < h->n_vgpu_vfs; i++) {
		const struct vgpu_vf *v = &h->vgpu_vfs[i];
		if (v->type && v->instance == (int32_t)p->instance && str_eq(v->key, p->key))
			return v;
	}
	return NULL;
}

int vgpu_instance_make(const struct have *h, const struct want *w, const struct slice *s,
		       const struct vgpu_type *t, struct plan *ret, struct err *reterr)
{
	const struct gpu_profile *p = have_gpu_profile_id(h, s->device, t->profile);
	const struct gpu_part *own = vgpu_instance_own(h, s);
	if (!own || own->n_computes == 0)
		return mig_part_make(h, w, s, p, ret, reterr);
	/* The answer of the step that made it was lost: asked again, it tells what is there. */
	return own->uuid[0] && !s->known_as[0] && p ? mig_part_create(s, p, ret) : 0;
}

int vgpu_instance_unmake(const struct have *h, const struct slice *s, struct plan *ret)
{
	const struct gpu_part *own = vgpu_instance_own(h, s);
	return own && !vgpu_instance_user(h, own) ? mig_part_unmake(h, s, own, ret) : 0;
}

bool vgpu_begins(const struct have *h, const struct slice *s, uint32_t *ret)
{
	bool found;
	const struct vgpu_vf *v = have_vgpu_vf(h, s->device, s->index);
	(void)vgpu_find(h, s, &found);
	if (!found || !v || !vgpu_is_in_instance(vgpu_type_of(h, v)))
		return false;
	for (size_t i = 0; i < h->n_gpu_parts; i++) {
		const struct gpu_part *p = &h->gpu_parts[i];
		if (v->instance == (int32_t)p->instance && str_eq(p->key, s->device)) {
			*ret = p->start;
			return true;
		}
	}
	return false;
}
