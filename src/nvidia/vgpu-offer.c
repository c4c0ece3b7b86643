/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vGPUs a GPU can be divided into: as its driver names them, by the tables of kinds.c what the driver does not
 * say, and by these alone as long as no driver was asked. Each takes a VF, with MIG also what its GPU instance takes; of
 * GPUs that make mediated devices themselves, the type of which there could be most says how many fit. Sizes do not mix,
 * unless the GPU is told so: then the size is the mode, else each has its place, or, where the driver does not tell places
 * (nor takes them, of mediated devices), its memory.
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

/* Each at a place of its own, which says enough. */
static void profile_place(const struct vgpu_type *t, uint32_t unit, uint32_t slots,
			  struct capacity_profile *ret)
{
	if (vgpu_is_in_instance(t))
		return;
	ret->takes[MEMORY] = 0;
	ret->size = vgpu_place_size(t, unit);
	ret->starts = vgpu_place_starts(t, unit, slots);
	ret->most = 0;
}

static bool makes_mdevs(const struct have *h, const char *device)
{
	for (size_t i = 0; i < h->n_vgpu_vfs; i++)
		if (h->vgpu_vfs[i].framework == VGPU_MDEV && str_eq(h->vgpu_vfs[i].key, device))
			return true;
	return false;
}

static void kind_fill(const struct have *h, const char *device, bool mixed, struct capacity *ret)
{
	const struct function *f = have_device(h, device);
	const struct nvidia_card *card = card_of(h, device);
	bool itself = have_vgpu_vf(h, device, -1);
	uint32_t unit = mixed && !makes_mdevs(h, device) ? vgpu_place_unit(h, device) : 0;
	*ret = (struct capacity){
		.name = "vgpu",
		.n_slots = unit ? vgpu_place_slots(h, device, unit) : 0,
		.n_counters = mixed && !unit ? COUNTERS : MEMORY,
		.counters = { { itself ? "places" : "VFs", f && !itself ? f->caps.sriov_total : 0 },
			      { "memory", 0 } },
	};
	/* A GPU that mixes sizes has no GPU instances. */
	if (!mixed)
		mig_kind_begin(h, device, ret);
	for (size_t i = 0; i < h->n_vgpu_types && ret->n_profiles < CAPACITY_PROFILES; i++) {
		const struct vgpu_type *t = &h->vgpu_types[i];
		if (!str_eq(t->key, device))
			continue;
		struct capacity_profile *p = &ret->profiles[ret->n_profiles++];
		profile_fill(t, published(card, t->name), mixed, p);
		const struct gpu_profile *in =
			vgpu_is_in_instance(t) ? have_gpu_profile_id(h, device, t->profile) : NULL;
		if (in && !mixed)
			mig_kind_takes(in, ret, p);
		if (unit)
			profile_place(t, unit, ret->n_slots, p);
		else if (mixed && p->memory > ret->counters[MEMORY].total)
			ret->counters[MEMORY].total = p->memory;
		if (itself && p->most > ret->counters[VFS].total)
			ret->counters[VFS].total = p->most;
	}
}

/* Where it begins, of a GPU that tells; what the driver has picked counts when its guest is told nothing. */
static uint32_t start_of(const struct have *h, const struct vgpu_vf *v, uint64_t free)
{
	uint32_t unit = vgpu_place_unit(h, v->key);
	int32_t id = v->asked >= 0 ? v->asked : v->placement;
	uint32_t lowest = free ? (uint32_t)__builtin_ctzll(free) : 0;
	return id >= 0 && unit ? (uint32_t)id / unit : lowest;
}

/* Somebody placed it where no type of ours could be. */
static void reserve(const struct capacity_profile *p, uint32_t start, struct capacity_use *use)
{
	for (uint32_t slot = start; slot <= start + p->size && slot < CAPACITY_SLOTS; slot++)
		use->reserved |= UINT64_C(1) << slot;
}

/* v: the VF that is one; NULL: it is an mdev, which has no place. */
static void use_add(const struct have *h, const struct vgpu_vf *v, const struct vgpu_type *t,
		    struct offer *ret)
{
	int n = t ? capacity_find(&ret->kind, t->name) : -1;
	if (n < 0)
		return;
	uint32_t profile = (uint32_t)n;
	uint64_t free = capacity_starts(&ret->kind, &ret->use, profile);
	uint32_t start = v && ret->kind.profiles[profile].size ? start_of(h, v, free) : 0;
	if (start < CAPACITY_SLOTS && free >> start & 1)
		capacity_add(&ret->kind, &ret->use, profile, start);
	else if (ret->kind.profiles[profile].size)
		reserve(&ret->kind.profiles[profile], start, &ret->use);
}

static void use_fill(const struct have *h, const char *device, struct offer *ret)
{
	for (size_t i = 0; i < h->n_vgpu_vfs; i++) {
		const struct vgpu_vf *v = &h->vgpu_vfs[i];
		const struct vgpu_type *t = str_eq(v->key, device) && v->type ? vgpu_type_of(h, v)
									      : NULL;
		if (t && !vgpu_is_in_instance(t))
			use_add(h, v, t, ret);
	}
	for (size_t i = 0; i < h->n_mdevs; i++) {
		const struct mdev *m = &h->mdevs[i];
		if (str_eq(m->parent, device))
			use_add(h, NULL, have_vgpu_type_id(h, device, mdev_vgpu_id(m)), ret);
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
		if (n >= 0 && capacity_fits(&ret->kind, &ret->use, (uint32_t)n, p->start))
			capacity_add(&ret->kind, &ret->use, (uint32_t)n, p->start);
		else if (str_eq(p->key, device))
			ret->use.reserved |= capacity_slots(p->start, p->size);
	}
}

/* Of several sizes by the table of these; where none is published, all that there is memory for. */
static void guess(const struct nvidia_card *card, bool mixed, struct capacity *ret)
{
	const struct capacity *known = mixed && card->mixed ? card->mixed : card->vgpu;
	*ret = known ? *known : (struct capacity){ 0 };
	if (!mixed || card->mixed || !known)
		return;
	ret->n_counters = 1;
	ret->counters[0] = (struct capacity_counter){ .name = "memory" };
	for (uint32_t i = 0; i < ret->n_profiles; i++) {
		struct capacity_profile *p = &ret->profiles[i];
		p->mode = 0;
		p->takes[0] = p->memory;
		if (p->memory > ret->counters[0].total)
			ret->counters[0].total = p->memory;
	}
}

static void offer(const struct have *h, const char *device, bool mixed, struct offer *ret)
{
	const struct gpu *g = have_gpu(h, device);
	const struct nvidia_card *card = card_of(h, device);
	*ret = (struct offer){ 0 };
	if (g && g->seen != GPU_UNREAD)
		kind_fill(h, device, mixed, &ret->kind);
	if (ret->kind.n_profiles) {
		/* What is there in the other mode goes before. */
		if (g->mixed == mixed)
			use_fill(h, device, ret);
		instances_fill(h, device, ret);
	} else {
		if (card)
			guess(card, mixed, &ret->kind);
		ret->guessed = true;
	}
}

void vgpu_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct gpu *g = have_gpu(h, device);
	offer(h, device, g && g->mixed, ret);
}

void vgpu_offer_as(const struct have *h, const struct want *w, struct offer *ret)
{
	offer(h, w->device, w->mixed, ret);
}
