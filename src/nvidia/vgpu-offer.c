/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vGPUs a GPU can be divided into: as its driver names them, by the tables of kinds.c what the driver does not
 * say, and by these alone as long as no driver was asked. Sizes do not mix, unless the GPU is told so: the size is
 * the mode. Each takes a VF, with MIG also what its GPU instance takes; of GPUs that make mediated devices themselves, the
 * type of which there could be most says how many fit.
 */
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "nvidia/internal.h"
#include "nvidia/kinds.h"

/* vGPUs in GPU instances do not go with time-sliced ones, and have a size of their own each. */
#define MODE_INSTANCES UINT32_MAX

enum counter {
	VFS,	/* or places, where there are none */
	MEMORY, /* MiB, of a GPU that mixes sizes */
	COUNTERS
};

static const struct nvidia_card *card_of(const struct have *h, const char *device)
{
	const struct function *f = have_device(h, device);
	return f && !f->is_vf ? nvidia_card_find(f->vendor, f->device) : NULL;
}

/* Published of a type of that name; NULL: nothing. */
static const struct capacity_profile *published(const struct nvidia_card *card, const char *name)
{
	int i = card && card->vgpu ? capacity_find(card->vgpu, name) : -1;
	return i < 0 ? NULL : &card->vgpu->profiles[i];
}

/* "L40S-24Q", "H100XM-1-10CME": GB of frame buffer are the digits behind the last dash. The grammar is taken from the
 * vendor's tables of types. 0: there are none. */
static uint32_t name_memory(const char *name)
{
	const char *dash = strrchr(name, '-');
	char digits[8] = "";
	uint32_t gb = 0;
	size_t n = dash ? strspn(dash + 1, "0123456789") : 0;
	if (n == 0 || n >= sizeof(digits))
		return 0;
	memcpy(digits, dash + 1, n);
	return num_parse_u32(digits, 10, &gb) < 0 ? 0 : gb * 1024;
}

static void profile_fill(const struct vgpu_type *t, const struct capacity_profile *known,
			 bool mixed, struct capacity_profile *ret)
{
	bool sliced = !vgpu_is_in_instance(t);
	uint32_t memory = t->memory ? t->memory : known ? known->memory : name_memory(t->name);
	*ret = (struct capacity_profile){
		.name = t->name,
		.worth = memory / 1024 ? memory / 1024 : 1,
		.takes = { 1, mixed && sliced ? memory : 0 },
		.most = t->most ? t->most
			: known ? known->most
				: 0,
		.mode = !sliced ? MODE_INSTANCES
			: mixed ? 0
				: memory,
		.memory = memory,
	};
}

static void kind_fill(const struct have *h, const char *device, const struct gpu *g,
		      struct capacity *ret)
{
	const struct function *f = have_device(h, device);
	const struct nvidia_card *card = card_of(h, device);
	bool itself = have_vgpu_vf(h, device, -1);
	*ret = (struct capacity){
		.name = "vgpu",
		.n_counters = g->mixed ? COUNTERS : MEMORY,
		.counters = { { itself ? "places" : "VFs", f && !itself ? f->caps.sriov_total : 0 },
			      { "memory", 0 } },
	};
	/* A GPU that mixes sizes has no GPU instances. */
	if (!g->mixed)
		mig_kind_begin(h, device, ret);
	for (size_t i = 0; i < h->n_vgpu_types && ret->n_profiles < CAPACITY_PROFILES; i++) {
		const struct vgpu_type *t = &h->vgpu_types[i];
		if (!str_eq(t->key, device))
			continue;
		struct capacity_profile *p = &ret->profiles[ret->n_profiles++];
		profile_fill(t, published(card, t->name), g->mixed, p);
		const struct gpu_profile *in =
			vgpu_is_in_instance(t) ? have_gpu_profile_id(h, device, t->profile) : NULL;
		if (in)
			mig_kind_takes(in, ret, p);
		if (g->mixed && p->memory > ret->counters[MEMORY].total)
			ret->counters[MEMORY].total = p->memory;
		if (itself && p->most > ret->counters[VFS].total)
			ret->counters[VFS].total = p->most;
	}
}

static void use_add(const struct vgpu_type *t, struct offer *ret)
{
	int n = t ? capacity_find(&ret->kind, t->name) : -1;
	if (n >= 0 && capacity_starts(&ret->kind, &ret->use, (uint32_t)n))
		capacity_add(&ret->kind, &ret->use, (uint32_t)n, 0);
}

static void use_fill(const struct have *h, const char *device, struct offer *ret)
{
	for (size_t i = 0; i < h->n_vgpu_vfs; i++) {
		const struct vgpu_vf *v = &h->vgpu_vfs[i];
		const struct vgpu_type *t = str_eq(v->key, device) && v->type ? vgpu_type_of(h, v)
									      : NULL;
		if (t && !vgpu_is_in_instance(t))
			use_add(t, ret);
	}
	for (size_t i = 0; i < h->n_mdevs; i++) {
		const struct mdev *m = &h->mdevs[i];
		if (str_eq(m->parent, device))
			use_add(have_vgpu_type_id(h, device, mdev_vgpu_id(m)), ret);
	}
}

/* What runs in it, or could: all types of one profile take the same. */
static const struct vgpu_type *type_within(const struct have *h, const struct gpu_part *p)
{
	const struct vgpu_vf *user = vgpu_instance_user(h, p);
	const struct vgpu_type *t = user ? vgpu_type_of(h, user) : NULL;
	for (size_t i = 0; !t && i < h->n_vgpu_types; i++)
		if (h->vgpu_types[i].profile == p->profile && str_eq(h->vgpu_types[i].key, p->key))
			t = &h->vgpu_types[i];
	return t;
}

static void instances_fill(const struct have *h, const char *device, struct offer *ret)
{
	for (size_t i = 0; i < h->n_gpu_parts; i++) {
		const struct gpu_part *p = &h->gpu_parts[i];
		const struct vgpu_type *t = str_eq(p->key, device) ? type_within(h, p) : NULL;
		int n = t ? capacity_find(&ret->kind, t->name) : -1;
		if (n >= 0 && capacity_starts(&ret->kind, &ret->use, (uint32_t)n) >> p->start & 1)
			capacity_add(&ret->kind, &ret->use, (uint32_t)n, p->start);
		else if (str_eq(p->key, device))
			ret->use.reserved |= capacity_slots(p->start, p->size);
	}
}

void vgpu_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct gpu *g = have_gpu(h, device);
	const struct nvidia_card *card = card_of(h, device);
	*ret = (struct offer){ 0 };
	if (g && g->seen != GPU_UNREAD)
		kind_fill(h, device, g, &ret->kind);
	if (ret->kind.n_profiles) {
		use_fill(h, device, ret);
		instances_fill(h, device, ret);
	} else {
		ret->kind = card && card->vgpu ? *card->vgpu : (struct capacity){ 0 };
		ret->guessed = true;
	}
}
