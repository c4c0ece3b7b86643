/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What MIG can cut from a GPU, as its driver says; by the tables of kinds.c as long as no driver was asked. Memory
 * slices are the slots; compute slices and engines are counted.
 */
#include "base/str.h"
#include "nvidia/internal.h"
#include "nvidia/kinds.h"

enum counter {
	SLICES,
	DECODERS,
	ENCODERS,
	JPEG,
	OPTICAL_FLOW,
	COUNTERS
};

static const char *const names[COUNTERS] = { "slices", "decoders", "encoders", "jpeg",
					     "optical-flow" };

static void profile_fill(const struct gpu_profile *p, struct capacity_profile *ret)
{
	*ret = (struct capacity_profile){
		.name = p->name,
		.worth = p->slices,
		.size = p->size,
		.starts = p->starts,
		.takes = { p->slices, p->decoders, p->encoders, p->jpeg, p->optical_flow },
		.most = p->most,
		.memory = p->memory,
		.compute = p->slices,
	};
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);
	return n >= m && str_eq(name + n - m, end);
}

/* nvml.h, NVML_GPU_INSTANCE_PROFILE_1_SLICE_ALL_ME: it has all media engines, so only those that ask for none go
 * beside it. */
static void bar_media(struct capacity *k)
{
	for (uint32_t i = 0; i < k->n_profiles; i++) {
		if (!ends_in(k->profiles[i].name, "+me.all"))
			continue;
		for (uint32_t o = 0; o < k->n_profiles; o++)
			if (o != i && !ends_in(k->profiles[o].name, "-me"))
				k->profiles[i].bars |= UINT64_C(1) << o;
	}
}

/* There is as much of each as the profile has that has most of it: that of the whole GPU. */
static void counters_fill(struct capacity *k)
{
	k->n_counters = COUNTERS;
	for (uint32_t c = 0; c < COUNTERS; c++) {
		k->counters[c].name = names[c];
		for (uint32_t i = 0; i < k->n_profiles; i++)
			if (k->profiles[i].takes[c] > k->counters[c].total)
				k->counters[c].total = k->profiles[i].takes[c];
	}
}

static void kind_fill(const struct have *h, const char *device, struct capacity *ret)
{
	*ret = (struct capacity){ .name = "mig" };
	for (size_t i = 0; i < h->n_gpu_profiles && ret->n_profiles < CAPACITY_PROFILES; i++) {
		const struct gpu_profile *p = &h->gpu_profiles[i];
		if (!str_eq(p->key, device))
			continue;
		profile_fill(p, &ret->profiles[ret->n_profiles++]);
		for (uint32_t slot = 0; slot < CAPACITY_SLOTS; slot++)
			if (p->starts >> slot & 1 && slot + p->size > ret->n_slots)
				ret->n_slots = slot + p->size;
	}
	counters_fill(ret);
	bar_media(ret);
}

/* A part of a profile that nobody knows takes its place at least. */
static void use_fill(const struct have *h, const char *device, struct offer *ret)
{
	for (size_t i = 0; i < h->n_gpu_parts; i++) {
		const struct gpu_part *p = &h->gpu_parts[i];
		if (!str_eq(p->key, device))
			continue;
		const struct gpu_profile *profile = have_gpu_profile_id(h, device, p->profile);
		int n = profile ? capacity_find(&ret->kind, profile->name) : -1;
		if (n >= 0 && capacity_starts(&ret->kind, &ret->use, (uint32_t)n) >> p->start & 1)
			capacity_add(&ret->kind, &ret->use, (uint32_t)n, p->start);
		else
			for (uint32_t slot = p->start;
			     slot < p->start + p->size && slot < CAPACITY_SLOTS; slot++)
				ret->use.reserved |= UINT64_C(1) << slot;
	}
}

void mig_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct gpu *g = have_gpu(h, device);
	const struct function *f = have_device(h, device);
	const struct nvidia_card *card = f && !f->is_vf ? nvidia_card_find(f->vendor, f->device)
							: NULL;
	*ret = (struct offer){ 0 };
	if (g && (g->seen == GPU_SEEN || (g->seen == GPU_UNREAD && g->mig_capable))) {
		kind_fill(h, device, &ret->kind);
		use_fill(h, device, ret);
	} else if (card && card->mig) {
		ret->kind = *card->mig;
		ret->guessed = true;
	}
}
