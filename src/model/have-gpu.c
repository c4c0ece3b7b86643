/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the picture knows of GPUs from their vendor's library. See model/pci.h. */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/num.h"
#include "base/str.h"
#include "model/pci.h"

const char *const vgpu_scheduler_names[] = { "best-effort", "equal-share", "fixed-share", NULL };

const char *vgpu_scheduler_name(uint32_t scheduler)
{
	bool known = scheduler > VGPU_SCHEDULER_UNSAID && scheduler <= VGPU_SCHEDULER_FIXED_SHARE;
	return known ? vgpu_scheduler_names[scheduler - 1] : "?";
}

struct gpu *have_gpu(const struct have *h, const char *key)
{
	for (size_t i = 0; i < h->n_gpus; i++)
		if (str_eq(h->gpus[i].key, key))
			return &h->gpus[i];
	return NULL;
}

struct gpu_profile *have_gpu_profile(const struct have *h, const char *key, const char *name)
{
	for (size_t i = 0; i < h->n_gpu_profiles; i++)
		if (str_eq(h->gpu_profiles[i].name, name) && str_eq(h->gpu_profiles[i].key, key))
			return &h->gpu_profiles[i];
	return NULL;
}

struct gpu_profile *have_gpu_profile_id(const struct have *h, const char *key, uint32_t id)
{
	for (size_t i = 0; i < h->n_gpu_profiles; i++)
		if (h->gpu_profiles[i].id == id && str_eq(h->gpu_profiles[i].key, key))
			return &h->gpu_profiles[i];
	return NULL;
}

struct gpu_part *have_gpu_part(const struct have *h, const char *key, uint32_t start)
{
	for (size_t i = 0; i < h->n_gpu_parts; i++)
		if (h->gpu_parts[i].start == start && str_eq(h->gpu_parts[i].key, key))
			return &h->gpu_parts[i];
	return NULL;
}

struct vgpu_type *have_vgpu_type(const struct have *h, const char *key, const char *name)
{
	for (size_t i = 0; i < h->n_vgpu_types; i++)
		if (str_eq(h->vgpu_types[i].name, name) && str_eq(h->vgpu_types[i].key, key))
			return &h->vgpu_types[i];
	return NULL;
}

struct vgpu_type *have_vgpu_type_id(const struct have *h, const char *key, uint32_t id)
{
	for (size_t i = 0; i < h->n_vgpu_types; i++)
		if (h->vgpu_types[i].id == id && str_eq(h->vgpu_types[i].key, key))
			return &h->vgpu_types[i];
	return NULL;
}

struct vgpu_vf *have_vgpu_vf(const struct have *h, const char *key, int index)
{
	for (size_t i = 0; i < h->n_vgpu_vfs; i++)
		if (h->vgpu_vfs[i].index == index && str_eq(h->vgpu_vfs[i].key, key))
			return &h->vgpu_vfs[i];
	return NULL;
}

struct vgpu_vf *have_mdev_vgpu_vf(const struct have *h, const struct mdev *m)
{
	const struct function *f = have_device(h, m->parent);
	const struct function *pf = f && f->is_vf ? have_function(h, f->pf) : f;
	struct vgpu_vf *v = pf ? have_vgpu_vf(h, pf->key, f->vf_index) : NULL;
	return v && v->framework == VGPU_MDEV ? v : NULL;
}

uint32_t mdev_vgpu_id(const struct mdev *m)
{
	const char *number = str_after(m->type, VGPU_MDEV_TYPE);
	uint32_t id = 0;
	return number && num_parse_u32(number, 10, &id) >= 0 ? id : 0;
}

void have_count_vgpus(struct have *h)
{
	for (size_t i = 0; i < h->n_vgpu_vfs; i++)
		if (h->vgpu_vfs[i].framework == VGPU_MDEV)
			h->vgpu_vfs[i].type = 0;
	for (size_t i = 0; i < h->n_mdevs; i++) {
		struct vgpu_vf *v = have_mdev_vgpu_vf(h, &h->mdevs[i]);
		if (v && v->index >= 0)
			v->type = mdev_vgpu_id(&h->mdevs[i]);
	}
}

struct gpu *have_add_gpu(struct have *h)
{
	struct gpu *g = ARRAY_ADD(h->gpus, h->n_gpus);
	if (g)
		g->minor = -1;
	return g;
}

struct gpu_profile *have_add_gpu_profile(struct have *h)
{
	return ARRAY_ADD(h->gpu_profiles, h->n_gpu_profiles);
}

struct gpu_part *have_add_gpu_part(struct have *h)
{
	struct gpu_part *p = ARRAY_ADD(h->gpu_parts, h->n_gpu_parts);
	if (p)
		p->instance_minor = p->compute_minor = -1;
	return p;
}

struct vgpu_type *have_add_vgpu_type(struct have *h)
{
	return ARRAY_ADD(h->vgpu_types, h->n_vgpu_types);
}

struct vgpu_vf *have_add_vgpu_vf(struct have *h)
{
	struct vgpu_vf *v = ARRAY_ADD(h->vgpu_vfs, h->n_vgpu_vfs);
	if (v)
		v->instance = v->placement = -1;
	return v;
}

#define KEEP(old, h, items, count)                                                                 \
	do {                                                                                       \
		for (size_t i = 0; i < (old)->count; i++) {                                        \
			void *added = ARRAY_ADD((h)->items, (h)->count);                           \
			if (!added)                                                                \
				return -ENOMEM;                                                    \
			memcpy(added, &(old)->items[i], sizeof(*(h)->items));                      \
		}                                                                                  \
	} while (0)

int have_keep_gpus(const struct have *old, struct have *h)
{
	KEEP(old, h, gpus, n_gpus);
	KEEP(old, h, gpu_profiles, n_gpu_profiles);
	KEEP(old, h, gpu_parts, n_gpu_parts);
	KEEP(old, h, vgpu_types, n_vgpu_types);
	KEEP(old, h, vgpu_vfs, n_vgpu_vfs);
	return 0;
}

#define DROP(h, items, count, key_)                                                                \
	do {                                                                                       \
		size_t kept = 0;                                                                   \
		for (size_t i = 0; i < (h)->count; i++)                                            \
			if (!str_eq((h)->items[i].key, key_))                                      \
				(h)->items[kept++] = (h)->items[i];                                \
		(h)->count = kept;                                                                 \
	} while (0)

void have_drop_gpu(struct have *h, const char *key)
{
	DROP(h, gpus, n_gpus, key);
	DROP(h, gpu_profiles, n_gpu_profiles, key);
	DROP(h, gpu_parts, n_gpu_parts, key);
	DROP(h, vgpu_types, n_vgpu_types, key);
	DROP(h, vgpu_vfs, n_vgpu_vfs, key);
}

void have_drop_gpu_parts(struct have *h, const char *key)
{
	DROP(h, gpu_parts, n_gpu_parts, key);
}

void have_remove_gpu_part(struct have *h, const char *key, uint32_t start)
{
	struct gpu_part *p = have_gpu_part(h, key, start);
	if (p)
		*p = h->gpu_parts[--h->n_gpu_parts];
}
