/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which vGPUs of the record are there. */
#include "base/str.h"
#include "nvidia/internal.h"

const struct vgpu_type *vgpu_type_of(const struct have *h, const struct vgpu_vf *v)
{
	return have_vgpu_type_id(h, v->key, v->type);
}

/*
 * Ours is what a step of ours was to make: others may have set the same type on that VF, and nothing tells them apart but that.
 * Numbers of types mean nothing by themselves: where nobody says what the VF's is called, nothing speaks against it.
 */
const struct function *vgpu_find(const struct have *h, const struct slice *s, bool *ret_found)
{
	const struct function *pf = have_device(h, s->device);
	const struct vgpu_vf *v = have_vgpu_vf(h, s->device, s->index);
	const struct vgpu_type *t = v && v->type ? vgpu_type_of(h, v) : NULL;
	const struct function *vf = pf ? have_vf(h, pf->addr, s->index) : NULL;
	if (s->uuid[0]) {
		*ret_found = vgpu_mdev_find(h, s) != NULL;
		return NULL;
	}
	*ret_found = vf && v && v->type && s->asked & ASKED_TYPE &&
		     (!t || str_eq(t->name, s->profile));
	return *ret_found ? vf : NULL;
}

/* The VFs say what they are, also where the library does not answer. */
bool vgpu_unknown(const struct have *h, const struct slice *s)
{
	const struct gpu *g = have_gpu(h, s->device);
	const struct function *f = have_device(h, s->device);
	if (!f || !str_eq(f->driver, "nvidia"))
		return false;
	return !g || g->seen == GPU_UNREAD ||
	       (have_vf(h, f->addr, s->index) && !have_vgpu_vf(h, s->device, s->index));
}

/* As of an mdev: what it had goes with it. That the driver clears a frame buffer before it is another vGPU's is taken on
 * trust; the driver is closed. */
int vgpu_proof(const struct have *h, const struct slice *s)
{
	(void)h, (void)s;
	return PROOF_DESTROY;
}

size_t vgpu_count(const struct have *h, const char *device)
{
	size_t n = 0;
	for (size_t i = 0; i < h->n_vgpu_vfs; i++)
		n += h->vgpu_vfs[i].type && str_eq(h->vgpu_vfs[i].key, device);
	for (size_t i = 0; i < h->n_mdevs; i++)
		n += str_eq(h->mdevs[i].parent, device);
	return n;
}
